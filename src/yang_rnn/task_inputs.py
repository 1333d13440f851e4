"""The constant inputs of a task, and the fixed points of a network at each of them."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike

from yang_rnn._checks import check_array, check_is, check_whole, shown
from yang_rnn.analysis import central_point, flat_states, search_points
from yang_rnn.dynamics.bounds import finite_bounds
from yang_rnn.dynamics.index_search import IndexSearch, search_by_index
from yang_rnn.dynamics.linearisation import Linearisation, linearise
from yang_rnn.dynamics.points import FixedPoints
from yang_rnn.dynamics.system import System
from yang_rnn.trials import Task, check_trials

if TYPE_CHECKING:
    from yang_rnn.dynamics.enumeration.fixed_points import AllFixedPoints

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

    def __repr__(self) -> str:
        """Say what it is called, and the input."""
        changes = ", the mean of an input that changes" if self.changes else ""
        return f"ConstantInput({self.name}: {np.round(self.x, 6).tolist()}{changes})"


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
        columns = mean.T if names is None else [conditions[name] for name in names]
        order = sorted(range(len(rows)), key=lambda k, c=columns: [column[rows[k]] for column in c])
        number = {k: f"input {place} of {len(rows)}" for place, k in enumerate(order, start=1)}
        if len(order) > MAX_INPUTS:
            spread = np.linspace(0, len(order) - 1, MAX_INPUTS).round().astype(int)
            order = [order[k] for k in spread]
        for k in order:
            here = {name: conditions[name][rows[k]].item() for name in names or ()}
            parts = [_said(name, value) for name, value in here.items()]
            words = ", ".join([period, *([number[k]] if names is None else parts)])
            changing = bool(changes[rows[k]])
            found.append(ConstantInput(words, period, here, mean[rows[k]], changing))
    return tuple(found)


def _said(name: str, value: float) -> str:
    """Return a condition and its value as text: a number at the end of the name stays apart."""
    return f"{name}{':' if name[-1:].isdigit() else ''} {value:.4g}"


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
    search : IndexSearch or None
        The index sum of the points, and how many of them were found by it; None where the states
        have no finite bounds.
    every : AllFixedPoints or None
        All fixed points of a rectified network with their proof; None where they were not
        enumerated.
    """

    given: ConstantInput
    points: FixedPoints
    modes: Linearisation
    centre: int | None
    search: IndexSearch | None = None
    every: AllFixedPoints | None = None

    def __repr__(self) -> str:
        """Say at which input, and how many points there are."""
        fixed, slow = ((self.points.kind == kind).sum() for kind in ("fixed", "slow"))
        return f"InputPoints({self.given.name}: {fixed} fixed, {slow} slow; {self.modes!r})"


NUM_STARTS = 400
"""States that the search at each of a task's inputs starts from, evenly spread over all."""


def points_by_input(
    system: System,
    activity: ArrayLike,
    inputs: Sequence[ConstantInput],
    *,
    proof_nodes: int = 0,
) -> tuple[InputPoints, ...]:
    """Find the fixed and slow points of a network at each constant input of a task.

    Parameters
    ----------
    system : System
    activity : array of shape (..., unit)
        Its states in trials of the task; `NUM_STARTS` of them, evenly spread, start each search.
    inputs : sequence of ConstantInput
        From `constant_inputs`. What is found at one input counts for all that are the same.
    proof_nodes : int
        Nodes that the enumeration of the fixed points of a rectified network takes at most at each
        input; 0 is none. What the search had missed then counts among the points.

    Returns
    -------
    tuple of InputPoints
        One per input, in their order.

    Raises
    ------
    ValueError
        If activity or inputs are not of this system.

    Examples
    --------
    A leaky unit rests where its input holds it:

    >>> task = yr.PerceptualDecisionMaking(seed=0)
    >>> step = lambda x, h: 0.9 * h + 0.1 * (x[2:] - x[1:2])
    >>> system = yr.System(step, dt=task.dt, initial_state=np.zeros(1))
    >>> activity, _ = yr.simulate(system, task.sample_trials(20).inputs)
    >>> rows = yr.points_by_input(system, activity, yr.constant_inputs(task)[:3])
    >>> yr.to_frame(rows)[["name", "fixed", "stable"]]
                                    name  fixed  stable
    0                           fixation      1       1
    1    stimulus, coherence 0, choice 2      1       1
    2  stimulus, coherence 6.4, choice 1      1       1
    """
    check_is("system", system, System)
    states = flat_states(activity)
    check_array("activity", states, ("state", system.num_units))
    proof_nodes = check_whole("proof_nodes", proof_nodes, 0)
    proof_nodes *= system.rectified is not None
    if not isinstance(inputs, Sequence) or isinstance(inputs, (str, ConstantInput)):
        raise TypeError(f"`inputs` must be a sequence of ConstantInput; got {shown(inputs)}")
    chosen = np.unique(np.linspace(0, len(states) - 1, NUM_STARTS).round().astype(int))
    found: dict[bytes, tuple[Any, ...]] = {}  # what follows `given` in a row
    rows = []
    for given in inputs:
        check_is("inputs", given, ConstantInput)
        key = _same(given.x)
        if key not in found:
            F = system.at(given.x)
            starts, search, every = states[chosen], None, None
            if proof_nodes:
                from yang_rnn.dynamics.enumeration.fixed_points import all_fixed_points

                every = all_fixed_points(system, given.x, most_nodes=proof_nodes, data=states)
                starts = np.concatenate([starts, every.points.state])
            points = search_points(F, starts)
            if finite_bounds(F) is not None:
                search = search_by_index(F, points, data=states[chosen])
                points = search.points
            modes = linearise(F, points.with_status("fixed"))
            found[key] = points, modes, central_point(points, states), search, every
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
