"""Trajectories in PC space, and the search for a network's slow points."""

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike
from sklearn.decomposition import PCA

from yang_rnn._checks import check_array, check_callable, check_is, is_whole, listed, shown
from yang_rnn.dynamics.fixed_points import find_fixed_points
from yang_rnn.dynamics.gradient import GradientDescent
from yang_rnn.dynamics.maps import Map, scale_of
from yang_rnn.dynamics.newton import Newton
from yang_rnn.dynamics.points import FixedPoints
from yang_rnn.dynamics.search import OnProgress
from yang_rnn.dynamics.starts import uniform_states
from yang_rnn.dynamics.system import AutonomousMap
from yang_rnn.recipe import NOTEBOOK, Recipe

WEAKEST = 0.1
"""Scale of the states, over what a recipe calls little, below which its numbers don't fit them.

A number above the notebook's is a wish, which may be any.
"""


class ScaleError(ValueError):
    """A recipe's numbers, which are in units of the state, are not for states so small."""


def fit_pca(activity: ArrayLike, components: int = NOTEBOOK.components) -> PCA:
    """Fit principal components to hidden states.

    Parameters
    ----------
    activity : array of shape (..., unit)
        Hidden states; those of all times and trials count alike.
    components : int
        Components to keep.

    Returns
    -------
    sklearn.decomposition.PCA
        Fitted in float64 by a full singular value decomposition: no chance in it. Where all states
        are the same, each component explains a share of 0.

    Raises
    ------
    ValueError
        If the activity is not finite, or has fewer states or units than components.
    TypeError
        If it is not of real numbers.
    """
    states = flat_states(activity)
    if not is_whole(components) or not 1 <= components <= min(states.shape):
        raise ValueError(
            f"`components` must be from 1 to {min(states.shape)}, the smaller of states and units; "
            f"got {shown(components)}"
        )
    with np.errstate(invalid="ignore"):
        pca = PCA(n_components=components, svd_solver="full").fit(states)
    # States that never change have no variance to share: 0, where 0 / 0 gives NaN.
    pca.explained_variance_ratio_ = np.nan_to_num(pca.explained_variance_ratio_)
    return pca


class Averages(NamedTuple):
    """Trial-averaged states by a value that trials have, such as the signed coherence.

    Attributes
    ----------
    level : array of shape (level,)
        The values, in rising order.
    activity : array of shape (time, level, unit)
        Mean hidden states.
    """

    level: np.ndarray
    activity: np.ndarray

    def __repr__(self) -> str:
        """Say of how many levels, steps and units."""
        steps, _, units = np.shape(self.activity)
        levels = listed(f"{level:g}" for level in self.level)
        return f"Averages({steps} steps, {units} units; levels {levels})"


def average_by(activity: ArrayLike, values: ArrayLike) -> Averages:
    """Average hidden states over the trials that have the same value.

    Parameters
    ----------
    activity : array of shape (time, trial, unit)
        Hidden states.
    values : array of shape (trial,)
        One value per trial, as `TwoAlternatives.signed_strength` gives.

    Returns
    -------
    Averages
        ``level`` (level,), the values in rising order, and ``activity`` (time, level, unit).

    Raises
    ------
    ValueError
        If they disagree on the number of trials, or a value is not finite.

    Examples
    --------
    >>> activity = np.arange(8.0).reshape(2, 4, 1)  # 2 steps, 4 trials, 1 unit
    >>> mean = yr.average_by(activity, [-1, 1, -1, 1])
    >>> mean.level, mean.activity[..., 0]
    (array([-1,  1]), array([[1., 2.],
           [5., 6.]]))
    """
    values = check_array("values", values, ("trial",))
    states = check_array("activity", activity, ("time", len(values), "unit"))
    levels = np.unique(values)
    means = [states[:, values == level].mean(axis=1, dtype=np.float64) for level in levels]
    return Averages(levels, np.stack(means, axis=1))


TOGETHER = 2e-3
"""Distance, over the norm of a state of the data's scale, within which points count as one.

About the notebook's 0.03 for its networks, whose states have norms around 15.
"""


def find_slow_points(
    F: Map,
    activity: ArrayLike,
    *,
    recipe: Recipe = NOTEBOOK,
    on_progress: OnProgress | None = None,
) -> FixedPoints:
    """Search for fixed and slow points of a network from all its states, and random ones.

    The points are those of the network at a constant input [1]_. The recipe says how. With
    ``gradient`` as the notebook does: gradient descent on mean((F(h) - h)**2), then the points
    above the tolerance, the repeated ones (all that have an earlier one within the distance) and
    the outliers are left out. With ``newton`` a second-order search to float64 precision; the
    points above the tolerance are left out, and of those that lie together the slowest is kept. An
    isolated fixed point is no outlier: none is left out for that.

    The recipe's tolerances and distances are in units of the state, and the notebook's are for
    states of about 1 (`fixed_speed` alone is relative to the point's scale). With states of 1e9
    hardly anything but a fixed point is slow enough; `search_counts` tells how many are not. Where
    units differ, `find_fixed_points` and its defaults go by the scale of the data.

    Parameters
    ----------
    F : callable
        A network at a constant input, as ``net.system().at((1, 0.5, 0.5))`` (the notebook's:
        fixation on, no coherence), or another map h -> F(h) written with JAX.
    activity : array of shape (..., unit)
        Hidden states to start from.
    recipe : Recipe
        Method, tolerances, learning rate, number of steps and of random states.
    on_progress : callable, optional
        Called now and then with how much is done, of how much (steps of the gradient search,
        starts of Newton's), and the mean square over all points.

    Returns
    -------
    FixedPoints
        The fixed and slow points that are left. There may be none. `search_counts` has how many
        of all starts ended fixed, slow, unconverged and diverged.

    Raises
    ------
    ScaleError
        If the states are so small that any would be slow, or all points one, by these numbers.
    ValueError
        If the activity is not of this network.
    TypeError
        If something is not what it must be.

    References
    ----------
    .. [1] Sussillo & Barak (2013), "Opening the black box: low-dimensional dynamics in
       high-dimensional recurrent neural networks", Neural Computation 25(3):626-649.
    """
    check_is("recipe", recipe, Recipe)
    check_callable("on_progress", on_progress, optional=True)
    states = flat_states(activity)
    _check_scale(recipe, states)
    if recipe.random_starts:
        random = uniform_states(
            recipe.random_starts,
            states.shape[1],
            0.0,
            recipe.random_start_high,
            recipe.seeds.starts,
        )
        states = np.concatenate([states, random])
    as_notebook = recipe.search == "gradient"
    descent = GradientDescent(
        learning_rate=recipe.search_learning_rate,
        max_steps=recipe.search_steps,
        check_every=recipe.search_check_every,
        stop_mean_square=recipe.search_stop_mean_square,
    )
    ends = find_fixed_points(
        F,
        states,
        solver=descent if as_notebook else Newton(),
        data=flat_states(activity),
        fixed_speed=recipe.fixed_speed,
        slow_mean_square=recipe.slow_mean_square,
        on_progress=on_progress,
    )
    still = ends.with_status("fixed", "slow")
    if as_notebook:
        unique = still.unique(recipe.unique_distance, keep="first")
        return unique.without_outliers(recipe.outlier_distance)
    return still.unique(recipe.unique_distance)


def _check_scale(recipe: Recipe, states: np.ndarray) -> None:
    """Raise a `ScaleError` where a recipe's tolerance or distance dwarfs all states."""
    scale = scale_of(states)
    for name, size, power in (
        ("slow_mean_square", scale, 0.5),
        ("unique_distance", scale * np.sqrt(states.shape[1]), 1),
    ):
        little = min(getattr(recipe, name), getattr(NOTEBOOK, name)) ** power
        if size < WEAKEST * little:
            raise ScaleError(
                f"`{name}` must be less for states of scale {scale:.3g}; got the recipe's "
                f"{getattr(recipe, name):g}: change it or the units of the state, or use "
                "`find_fixed_points`, which goes by their scale"
            )


MOST_STARTS = 8192
"""States that a search for an analysis starts from at most, evenly spread over all.

Of three trained GRUs, 36,000 states led to the same fixed points.
"""


def search_points(
    F: AutonomousMap, activity: np.ndarray, on_progress: OnProgress | None = None
) -> FixedPoints:
    """Search for fixed and slow points by Newton's method, in units of the states' own scale.

    Parameters
    ----------
    F : AutonomousMap
    activity : array of shape (..., unit)
        Hidden states to start from; of many, `MOST_STARTS`, evenly spread.
    on_progress : callable, optional
        As `find_fixed_points` takes it.

    Returns
    -------
    FixedPoints
        Of those that lie together the slowest.
    """
    states = flat_states(activity)
    number = min(len(states), MOST_STARTS)
    starts = states[np.linspace(0, len(states) - 1, number).round().astype(int)]
    ends = find_fixed_points(F, starts, data=states, on_progress=on_progress)
    still = ends.with_status("fixed", "slow")
    return still.unique(TOGETHER * still.scale * np.sqrt(F.system.num_units))


def central_point(points: FixedPoints, activity: ArrayLike) -> int | None:
    """Return the index of the point that an analysis should stand on.

    The fixed point nearest the middle of the trajectories; without a fixed point, the slowest of
    the slow points. Points that are far from the data count only if all are.

    Parameters
    ----------
    points : FixedPoints
    activity : array of shape (..., unit)
        The trajectories; their middle is their mean.

    Returns
    -------
    int or None
        None where there is neither a fixed nor a slow point.
    """
    check_is("points", points, FixedPoints)
    states = flat_states(activity)
    if states.shape[1] != points.state.shape[1]:
        raise ValueError(
            f"`activity` must have the {points.state.shape[1]} units of `points`; "
            f"got {states.shape[1]}"
        )
    near = ~points.far if not points.far.all() else points.far
    fixed = np.flatnonzero((points.status == "fixed") & near)
    if len(fixed):
        middle = states.mean(axis=0)
        return int(fixed[np.linalg.norm(points.state[fixed] - middle, axis=1).argmin()])
    slow = np.flatnonzero((points.status == "slow") & near)
    return int(slow[points.speed[slow].argmin()]) if len(slow) else None


def flat_states(activity: Any) -> np.ndarray:
    """Return states (..., unit) as a float64 array (state, unit); raise where one is not finite."""
    states = check_array("activity", activity, finite=False, empty=True)
    if states.ndim < 2 or 0 in states.shape:
        raise ValueError(f"`activity` must have shape (..., unit); got {states.shape}")
    return check_array("activity", states).astype(np.float64).reshape(-1, states.shape[-1])
