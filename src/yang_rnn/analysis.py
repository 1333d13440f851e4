"""Trajectories in PC space, the inputs of a task, and the search for a network's slow points."""

import itertools
from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
from sklearn.decomposition import PCA

from yang_rnn._checks import check_array, check_callable, check_is, check_whole, is_whole, shown
from yang_rnn.dynamics.fixed_points import find_fixed_points
from yang_rnn.dynamics.gradient import GradientDescent
from yang_rnn.dynamics.linearisation import Linearisation, linearise
from yang_rnn.dynamics.maps import Map, scale_of
from yang_rnn.dynamics.newton import Newton
from yang_rnn.dynamics.points import FixedPoints
from yang_rnn.dynamics.search import OnProgress
from yang_rnn.dynamics.starts import uniform_states
from yang_rnn.dynamics.system import AutonomousMap, System
from yang_rnn.recipe import NOTEBOOK, Recipe
from yang_rnn.trials import Task, check_trials

WEAKEST = 0.1
"""Scale of the states, over what a recipe calls little, below which its numbers don't fit them.

A number above the notebook's is a wish, which may be any.
"""


class ScaleError(ValueError):
    """A recipe's numbers, which are in units of the state, are not for states so small."""


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


def average_by(activity: Any, values: Any) -> Averages:
    """Average hidden states over the trials that have the same value.

    Parameters
    ----------
    activity : array of shape (time, trial, unit)
        Hidden states.
    values : array of shape (trial,)
        One value per trial, as `TwoAlternatives.signed_strength` gives.

    Raises
    ------
    ValueError
        If they disagree on the number of trials, or a value is not finite.
    """
    values = check_array("values", values, ("trial",))
    states = check_array("activity", activity, ("time", len(values), "unit"))
    levels = np.unique(values)
    means = [states[:, values == level].mean(axis=1, dtype=np.float64) for level in levels]
    return Averages(levels, np.stack(means, axis=1))


NUM_INPUT_TRIALS = 500
"""Trials without noise that a task's constant inputs are read from."""

MAX_INPUTS = 12
"""Inputs of a period that are listed; of more, so many spread over all."""


class ConstantInput(NamedTuple):
    """What a network receives in a period of a task, noise aside.

    Attributes
    ----------
    name : str
        The period, and the conditions that decide the input, as in ``stimulus, coherence -5``; as
        in ``stimulus, input 2 of 9`` where the task has no conditions that do.
    period : str
    conditions : dict
        Values of these conditions; empty if the input is the same in all trials, or none decide.
    x : array of shape (channel,)
        The input; its mean over the period where it changes.
    changes : bool
        Whether it changes within the period, so that no constant input is what the network gets.
    """

    name: str
    period: str
    conditions: dict[str, Any]
    x: np.ndarray
    changes: bool


def constant_inputs(task: Task, num_trials: int = NUM_INPUT_TRIALS) -> tuple[ConstantInput, ...]:
    """List the constant inputs of a task: one for each period and condition that it depends on.

    Parameters
    ----------
    task : Task
        Its trials without noise are looked at.
    num_trials : int
        How many.

    Returns
    -------
    tuple of ConstantInput
        In the order of the periods; those of a period by the values of its conditions. Of more than
        `MAX_INPUTS` in a period (a direction that is drawn anew in each trial), so many evenly
        spread ones. Periods without steps are left out.

    Raises
    ------
    TypeError
        If it is no task.
    """
    check_is("task", task, Task)
    num_trials = check_whole("num_trials", num_trials, 1)
    trials = task.seeded(0).without_noise().with_equal_trials().sample_trials(num_trials)
    check_trials(trials)
    of_all = {name: trials.condition(name) for name in trials.conditions}
    if trials.choice is not None:
        of_all["choice"] = np.asarray(trials.choice) + 1
    found = []
    for period in trials.periods:
        inside = trials.steps(period)
        there = np.flatnonzero(inside.any(axis=0))
        if not len(there):
            continue
        inputs = np.asarray(trials.inputs, np.float64)
        count = inside.sum(axis=0)[there]
        mean = np.einsum("tn,tnc->nc", inside[:, there], inputs[:, there]) / count[:, None]
        off = np.abs(inputs[:, there] - mean) * inside[:, there, None]
        changes = off.max(axis=(0, 2)) > SAME_INPUT
        rows, place = _distinct(mean)
        conditions = {name: np.asarray(of_all[name])[there] for name in of_all}
        names = _deciding(conditions, place, period)
        if names is None:
            order = sorted(range(len(rows)), key=lambda k: mean[rows[k]].tolist())
        else:
            order = sorted(range(len(rows)), key=lambda k: [conditions[n][rows[k]] for n in names])
        number = {k: f"input {place} of {len(rows)}" for place, k in enumerate(order, start=1)}
        if len(order) > MAX_INPUTS:
            spread = np.linspace(0, len(order) - 1, MAX_INPUTS).round().astype(int)
            order = [order[k] for k in spread]
        for k in order:
            here = {name: conditions[name][rows[k]].item() for name in names or ()}
            parts = [f"{name} {value:.4g}" for name, value in here.items()]
            words = ", ".join([period, *([number[k]] if names is None else parts)])
            changing = bool(changes[rows[k]])
            found.append(ConstantInput(words, period, here, mean[rows[k]], changing))
    return tuple(found)


TOGETHER = 2e-3
"""Distance, over the norm of a state of the data's scale, within which points count as one.

About the notebook's 0.03 for its networks, whose states have norms around 15.
"""

SAME_INPUT = 1e-6
"""Inputs nearer than this are one."""


MAX_DECIDING = 4
"""Conditions that may decide an input together; to try more takes ever longer."""


def _same(x: Any) -> bytes:
    """Return what is the same for inputs that count as one."""
    return (np.round(np.asarray(x, np.float64) / SAME_INPUT) + 0.0).tobytes()  # -0 is 0


def _distinct(rows: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the places of the different rows, and for each row which of them it is."""
    _, first, place = np.unique(
        np.round(rows / SAME_INPUT).astype(np.int64), axis=0, return_index=True, return_inverse=True
    )
    return first, np.reshape(place, -1)


def _deciding(
    conditions: dict[str, np.ndarray], place: np.ndarray, period: str
) -> tuple[str, ...] | None:
    """Return the fewest conditions that decide which input a trial gets; None if none do.

    Among as many, those that take the fewest values, then those that are named after the period.
    """
    known = sorted(
        conditions, key=lambda name: (len(np.unique(conditions[name])), not name.startswith(period))
    )
    for number in range(min(len(known), MAX_DECIDING) + 1):
        for names in itertools.combinations(known, number):
            groups: dict[tuple[float, ...], int] = {}
            columns = [conditions[name].tolist() for name in names]
            keys = zip(*columns, strict=True) if names else [()] * len(place)
            if all(groups.setdefault(key, k) == k for key, k in zip(keys, place, strict=True)):
                return tuple(name for name in conditions if name in names)
    return None


def find_slow_points(
    F: Map,
    activity: Any,
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


def search_points(
    F: AutonomousMap, activity: np.ndarray, on_progress: OnProgress | None = None
) -> FixedPoints:
    """Search for fixed and slow points by Newton's method, in units of the states' own scale.

    Parameters
    ----------
    F : AutonomousMap
    activity : array of shape (..., unit)
        Hidden states to start from.
    on_progress : callable, optional
        As `find_fixed_points` takes it.

    Returns
    -------
    FixedPoints
        Of those that lie together the slowest.
    """
    ends = find_fixed_points(F, flat_states(activity), on_progress=on_progress)
    still = ends.with_status("fixed", "slow")
    return still.unique(TOGETHER * still.scale * np.sqrt(F.system.num_units))


class InputPoints(NamedTuple):
    """The fixed and slow points of a network at one constant input.

    Attributes
    ----------
    given : ConstantInput
        The input, and when the task gives it.
    points : FixedPoints
        Found by Newton's method from states of trials.
    modes : Linearisation
        The map around the fixed ones, in their order.
    centre : int or None
        Which of the points is in the middle of the trajectories; None where there is none.
    """

    given: ConstantInput
    points: FixedPoints
    modes: Linearisation
    centre: int | None


NUM_STARTS = 400
"""States that the search at each of a task's inputs starts from, evenly spread over all."""


def points_by_input(
    system: System, activity: Any, inputs: Sequence[ConstantInput]
) -> tuple[InputPoints, ...]:
    """Find the fixed and slow points of a network at each constant input of a task.

    Parameters
    ----------
    system : System
    activity : array of shape (..., unit)
        Its states in trials of the task; `NUM_STARTS` of them, evenly spread, start each search.
    inputs : sequence of ConstantInput
        From `constant_inputs`. What is found at one input counts for all that are the same.

    Returns
    -------
    tuple of InputPoints
        One per input, in their order.

    Raises
    ------
    ValueError
        If activity or inputs are not of this system.
    """
    check_is("system", system, System)
    states = flat_states(activity)
    check_array("activity", states, ("state", system.num_units))
    if not isinstance(inputs, Sequence) or isinstance(inputs, (str, ConstantInput)):
        raise TypeError(f"`inputs` must be a sequence of ConstantInput; got {shown(inputs)}")
    chosen = np.unique(np.linspace(0, len(states) - 1, NUM_STARTS).round().astype(int))
    found: dict[bytes, tuple[FixedPoints, Linearisation, int | None]] = {}
    rows = []
    for given in inputs:
        check_is("inputs", given, ConstantInput)
        key = _same(given.x)
        if key not in found:
            F = system.at(given.x)
            points = search_points(F, states[chosen])
            modes = linearise(F, points.with_status("fixed"))
            found[key] = points, modes, central_point(points, states)
        rows.append(InputPoints(given, *found[key]))
    return tuple(rows)


def by_same_input(rows: Sequence[InputPoints]) -> list[tuple[str, InputPoints]]:
    """Put rows of one and the same input together: the names of all, and the first.

    Parameters
    ----------
    rows : sequence of InputPoints

    Returns
    -------
    list of (str, InputPoints)
        Names as in ``fixation = delay, context 0``.
    """
    groups: dict[bytes, list[InputPoints]] = {}
    for row in rows:
        check_is("rows", row, InputPoints)
        groups.setdefault(_same(row.given.x), []).append(row)
    found = []
    for group in groups.values():
        names: dict[str, list[str]] = {}
        for row in group:
            period, _, rest = row.given.name.partition(", ")
            names.setdefault(rest, []).append(period)
        parts = (
            ", ".join(filter(None, [" = ".join(dict.fromkeys(periods)), rest]))
            for rest, periods in names.items()
        )
        found.append((" = ".join(parts), group[0]))
    return found


def central_point(points: FixedPoints, activity: Any) -> int | None:
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
