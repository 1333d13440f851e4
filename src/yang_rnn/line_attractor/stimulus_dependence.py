"""Fixed points as the constant input changes: how evidence pushes the state along the line."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any, NamedTuple

import jax
import numpy as np
from numpy.typing import ArrayLike

from yang_rnn._checks import check_array, check_is, shown
from yang_rnn.analysis import central_point, find_slow_points, flat_states, search_points
from yang_rnn.dynamics.bounds import finite_bounds
from yang_rnn.dynamics.index_search import IndexSearch, search_by_index
from yang_rnn.dynamics.linearisation import Linearisation, linearise
from yang_rnn.dynamics.maps import as_map
from yang_rnn.dynamics.points import FixedPoints
from yang_rnn.dynamics.system import AutonomousMap, System
from yang_rnn.line_attractor.verdict import Verdict
from yang_rnn.recipe import Recipe

NUM_TRIALS = 10
"""Trials whose states a search starts from, for each input."""


class StimulusPoints(NamedTuple):
    """The fixed and slow points of a network at one constant input.

    Attributes
    ----------
    name : str
        What the input is called, as ``fixation`` or ``-6.4 %``.
    x : array of shape (channel,)
        The input.
    points : FixedPoints
        The fixed and slow points that were found.
    modes : Linearisation
        The map around the fixed ones, in their order.
    centre : int or None
        Which of the points is the central one; None where there is none.
    position : float
        Where that is along the slow manifold of the verdict (arc length); NaN without a manifold.
    push : float
        Velocity (state units per second) along the manifold, towards choice 2, that this input
        gives to the state at the verdict's centre: the selection vector's product with F(h) - h.
        NaN without a manifold.
    search : IndexSearch or None
        The index sum of the points, and how many of them were found by it; None where the states
        have no finite bounds, or the recipe descends q alone.
    """

    name: str
    x: np.ndarray
    points: FixedPoints
    modes: Linearisation
    centre: int | None
    position: float
    push: float
    search: IndexSearch | None = None

    def __repr__(self) -> str:
        """Say at which input, and how many points there are."""
        fixed, slow = ((self.points.kind == kind).sum() for kind in ("fixed", "slow"))
        return (
            f"StimulusPoints({self.name}: {fixed} fixed, {slow} slow; position "
            f"{self.position:.3g}, push {self.push:.3g} per s; {self.modes!r})"
        )


def stimulus_dependence(
    system: System,
    activity: ArrayLike,
    inputs: Mapping[str, ArrayLike],
    verdict: Verdict,
    *,
    recipe: Recipe | None = None,
) -> tuple[StimulusPoints, ...]:
    """Find the fixed points of a network at each of several constant inputs.

    Parameters
    ----------
    system : System
    activity : array of shape (time, trial, unit)
        Its hidden states; those of the first `NUM_TRIALS` trials start the searches.
    inputs : mapping from names to arrays of shape (channel,)
        The constant inputs, as `PerceptualDecisionMaking.constant_inputs` gives them.
    verdict : Verdict
        The manifold, and the centre that inputs push.
    recipe : Recipe, optional
        How points are searched, and what counts as slow and different; without it by Newton's
        method, in units of the states' own scale.

    Returns
    -------
    tuple of StimulusPoints
        One per input, in their order.

    Raises
    ------
    ValueError
        If activity or inputs are not of this system.
    TypeError
        If something is not what it must be.

    References
    ----------
    Mante, Sussillo, Shenoy & Newsome (2013), Nature 503:78-84.
    """
    check_is("system", system, System)
    shape = ("time", "trial", system.num_units)
    activity = check_array("activity", activity, shape)
    check_is("inputs", inputs, Mapping)
    check_is("verdict", verdict, Verdict)
    check_is("recipe", recipe, Recipe, optional=True)
    starts = activity[:, :NUM_TRIALS]
    rows = []
    for name, x in inputs.items():
        try:
            F = system.at(x)
        except (TypeError, ValueError) as error:
            raise type(error)(f"`inputs[{name!r}]`: {error}") from error
        if recipe is None:
            points = search_points(F, starts)
        else:
            points = find_slow_points(F, starts, recipe=recipe)
        search = None
        if finite_bounds(F) is not None and (recipe is None or recipe.search == "newton"):
            search = search_by_index(F, points, data=flat_states(starts))
            points = search.points
        centre = central_point(points, activity)
        position = push = math.nan
        if verdict.manifold is not None:
            push = _push(F, verdict)
            if centre is not None:
                position = float(verdict.manifold.position(points.state[centre]))
        modes = linearise(F, points.with_status("fixed"))
        rows.append(StimulusPoints(name, F.x, points, modes, centre, position, push, search))
    return tuple(rows)


def table_of(rows: tuple[StimulusPoints, ...]) -> list[dict[str, Any]]:
    """Return the numbers of a stimulus dependence as rows of a table.

    Parameters
    ----------
    rows : tuple of StimulusPoints

    Returns
    -------
    list of dict
        One per input; None where a number is not defined. Time constants in s, push in state units
        per second. The index sum only where the states have finite bounds.

    Raises
    ------
    TypeError
        If they are not such points.
    """
    if not isinstance(rows, (tuple, list)) or isinstance(rows, StimulusPoints):
        raise TypeError(f"`rows` must be a tuple of StimulusPoints; got {shown(rows)}")
    table = []
    for row in rows:
        check_is("rows", row, StimulusPoints)
        fixed = row.points.status == "fixed"
        entry: dict[str, Any] = {
            "stimulus": row.name,
            "fixed": int(fixed.sum()),
            "stable": int((row.modes.stability == "stable").sum()),
            "slow": int((row.points.status == "slow").sum()),
            "centre_position": _number(row.position),
            "centre_speed": None,
            "eigenvalue": None,
            "time_constant_s": None,
            "push_per_s": _number(row.push),
        }
        if row.centre is not None:
            entry["centre_speed"] = float(row.points.speed[row.centre])
        if row.centre is not None and fixed[row.centre]:
            at = int(fixed[: row.centre].sum())
            value = complex(row.modes.eigenvalues[at, 0])
            entry["eigenvalue"] = str(np.round(value, 4)).strip("()").replace("+0j", "")
            entry["time_constant_s"] = _number(row.modes.time_constant[at, 0] / 1000)
        if row.search is not None:
            entry["index_sum"] = row.search.index.sum
        table.append(entry)
    return table


def _push(F: AutonomousMap, verdict: Verdict) -> float:
    """Return the velocity (1/s) along the manifold that this input gives to the centre."""
    assert verdict.centre is not None
    assert verdict.selection is not None
    state = verdict.points.state[verdict.centre]
    with jax.enable_x64(True):
        moved = np.asarray(as_map(F)(state)) - state
    return float(verdict.selection @ moved) / F.dt * 1000


def _number(value: float) -> float | None:
    return float(value) if np.isfinite(value) else None
