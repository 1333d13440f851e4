"""Trajectories in PC space, and the slow points of a trained network."""

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
from sklearn.decomposition import PCA

from yang_rnn.behaviour import signed_coherence
from yang_rnn.fixed_points import find_fixed_points
from yang_rnn.gradient import GradientSettings
from yang_rnn.linearisation import Linearisation, linearise
from yang_rnn.model import CTRNN
from yang_rnn.points import FixedPoints
from yang_rnn.recipe import NOTEBOOK, Recipe
from yang_rnn.starts import uniform_states
from yang_rnn.task import Trials


def fit_pca(activity: Any, components: int = NOTEBOOK.components) -> PCA:
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
    """
    states = flat_states(activity)
    if not 1 <= components <= min(states.shape):
        raise ValueError(
            f"`components` must be from 1 to {min(states.shape)}, the smaller of states and units; "
            f"got {components}"
        )
    with np.errstate(invalid="ignore"):
        pca = PCA(n_components=components, svd_solver="full").fit(states)
    # States that never change have no variance to share: 0, where 0 / 0 gives NaN.
    pca.explained_variance_ratio_ = np.nan_to_num(pca.explained_variance_ratio_)
    return pca


class CoherenceAverages(NamedTuple):
    """Trial-averaged states by signed coherence.

    Attributes
    ----------
    signed_coherence : array of shape (level,)
        Coherence (%), negative where choice 1 is correct, in rising order.
    activity : array of shape (time, level, unit)
        Mean hidden states.
    """

    signed_coherence: np.ndarray
    activity: np.ndarray


def average_by_coherence(activity: Any, trials: Trials) -> CoherenceAverages:
    """Average hidden states over the trials of each signed coherence.

    Parameters
    ----------
    activity : array of shape (time, trial, unit)
        Hidden states.
    trials : Trials
        The trials of this activity.

    Raises
    ------
    ValueError
        If they disagree on the number of trials.
    """
    states, signed = np.asarray(activity), signed_coherence(trials)
    if states.ndim != 3 or states.shape[1] != len(signed):
        raise ValueError(
            f"`activity` must have shape (time, {len(signed)}, unit); got {states.shape}"
        )
    levels = np.unique(signed)
    means = [states[:, signed == level].mean(axis=1, dtype=np.float64) for level in levels]
    return CoherenceAverages(levels, np.stack(means, axis=1))


def find_slow_points(
    net: CTRNN,
    activity: Any,
    stimulus: Any = None,
    *,
    recipe: Recipe = NOTEBOOK,
    on_progress: Callable[[int, int, float], None] | None = None,
) -> FixedPoints:
    """Search for fixed and slow points of a network from all its states, and random ones.

    The points are those of the cell F at a constant input [1]_. The recipe says how. With
    ``gradient`` as the notebook does: gradient descent on mean((F(h) - h)**2), then the points
    above the tolerance, the repeated ones (all that have an earlier one within the distance) and
    the outliers are left out. With ``newton`` a second-order search to the last digit; the points
    above the tolerance are left out, and of those that lie together the slowest is kept. An
    isolated fixed point is no outlier: none is left out for that.

    Parameters
    ----------
    net : CTRNN
        A trained network.
    activity : array of shape (..., unit)
        Hidden states to start from.
    stimulus : array of shape (inputs,), optional
        The constant input; without it the recipe's, (1, 0.5, 0.5) in the notebook: fixation on, no
        coherence.
    recipe : Recipe
        Method, tolerances, learning rate and number of steps.
    on_progress : callable, optional
        Called now and then with how much is done, of how much (steps of the gradient search,
        starts of the Newton search), and the mean square over all points.

    Returns
    -------
    FixedPoints
        The fixed and slow points that are left. There may be none. `search_counts` has how many
        of all starts ended fixed, slow, unconverged and diverged.

    Raises
    ------
    ValueError
        If activity or stimulus are not of this network.

    References
    ----------
    .. [1] Sussillo & Barak (2013), "Opening the black box: low-dimensional dynamics in
       high-dimensional recurrent neural networks", Neural Computation 25(3):626-649.
    """
    states = flat_states(activity)
    if states.shape[-1] != net.num_hidden:
        raise ValueError(
            f"`activity` must have the network's {net.num_hidden} units; got {states.shape[-1]}"
        )
    if recipe.random_starts:
        high, units = recipe.random_start_high, net.num_hidden
        random = uniform_states(recipe.random_starts, units, 0.0, high, recipe.test_seed)
        states = np.concatenate([states, random])
    as_notebook = recipe.fixed_points == "gradient"
    descent = GradientSettings(
        learning_rate=recipe.search_learning_rate,
        max_steps=recipe.search_steps,
        batch_steps=recipe.search_check_every,
        stop_mean_square=recipe.search_stop_mean_square,
    )
    ends = find_fixed_points(
        net.state_map(recipe.search_input if stimulus is None else stimulus),
        states,
        method=recipe.fixed_points,
        fixed_speed=recipe.fixed_speed,
        slow_mean_square=recipe.slow_mean_square,
        settings=descent if as_notebook else None,
        on_progress=on_progress,
    )
    still = ends.with_status("fixed", "slow")
    if as_notebook:
        unique = still.unique(recipe.unique_distance, keep="first")
        return unique.without_outliers(recipe.outlier_distance)
    return still.unique(recipe.unique_distance)


def central_point(points: FixedPoints, activity: Any) -> int | None:
    """Return the index of the point that an analysis should stand on.

    The fixed point nearest the middle of the trajectories; without a fixed point, the slowest of
    the slow points.

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
    fixed = np.flatnonzero(points.status == "fixed")
    if len(fixed):
        middle = flat_states(activity).mean(axis=0)
        return int(fixed[np.linalg.norm(points.state[fixed] - middle, axis=1).argmin()])
    slow = np.flatnonzero(points.status == "slow")
    return int(slow[points.speed[slow].argmin()]) if len(slow) else None


def linearise_network(
    net: CTRNN, points: Any, stimulus: Any = None, *, recipe: Recipe = NOTEBOOK
) -> Linearisation:
    """Linearise a network at fixed or slow points of a constant input, with its input's effect.

    Parameters
    ----------
    net : CTRNN
    points : FixedPoints or array of shape (n, unit) or (unit,)
    stimulus : array of shape (inputs,), optional
        The constant input; without it the recipe's.
    recipe : Recipe
        Time step.

    Returns
    -------
    Linearisation
        One entry a point; see `linearise`. A point is on a kink by the sign of what the relu is
        applied to.

    Raises
    ------
    ValueError
        If points or stimulus are not of this network.
    """
    stimulus = recipe.search_input if stimulus is None else stimulus
    return linearise(
        net.state_map(stimulus),
        points,
        dt=recipe.dt,
        inputs=stimulus,
        input_map=net.input_map(),
        preactivation=net.preactivation_map(stimulus) if net.activation == "relu" else None,
    )


def flat_states(activity: Any) -> np.ndarray:
    """Return states (..., unit) as a float64 array (state, unit); raise where one is not finite."""
    states = np.asarray(activity, dtype=np.float64)
    if states.ndim < 2 or 0 in states.shape:
        raise ValueError(f"`activity` must have shape (..., unit); got {states.shape}")
    if not np.isfinite(states).all():
        raise ValueError("`activity` must be finite; got NaN or infinity")
    return states.reshape(-1, states.shape[-1])
