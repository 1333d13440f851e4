"""Fixed points as the constant input changes: how evidence pushes the state along the line."""

from __future__ import annotations

import dataclasses
import math
from typing import Any, NamedTuple

import jax
import numpy as np

from yang_rnn.analysis import central_point, find_slow_points, linearise_network
from yang_rnn.line_attractor import Verdict
from yang_rnn.linearisation import Linearisation
from yang_rnn.maps import as_map
from yang_rnn.model import CTRNN
from yang_rnn.points import FixedPoints
from yang_rnn.recipe import NOTEBOOK, Recipe

NUM_TRIALS = 10
"""Trials whose states a search starts from, for each input."""


class StimulusPoints(NamedTuple):
    """The fixed and slow points of a network at one constant input.

    Attributes
    ----------
    name : str
        ``fixation``, ``decision``, or the signed coherence as in ``-6.4 %``.
    signed_coherence : float
        Coherence (%), negative for choice 1; NaN for fixation and decision.
    stimulus : tuple of float
        The input: fixation and the two stimulus channels.
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
    """

    name: str
    signed_coherence: float
    stimulus: tuple[float, ...]
    points: FixedPoints
    modes: Linearisation
    centre: int | None
    position: float
    push: float


def stimulus_dependence(
    net: CTRNN,
    activity: Any,
    verdict: Verdict,
    recipe: Recipe = NOTEBOOK,
) -> tuple[StimulusPoints, ...]:
    """Find the fixed points at fixation, at each signed coherence and at the decision.

    Parameters
    ----------
    net : CTRNN
        A network with two choices.
    activity : array of shape (time, trial, unit)
        Its hidden states; those of the first `NUM_TRIALS` trials start the searches.
    verdict : Verdict
        The manifold, and the centre that inputs push.
    recipe : Recipe
        Coherences, tolerances, time step.

    Returns
    -------
    tuple of StimulusPoints
        Fixation, then the coherences in rising order from choice 1 to choice 2, then the decision.

    Raises
    ------
    ValueError
        If there are not two choices.

    References
    ----------
    Mante, Sussillo, Shenoy & Newsome (2013), Nature 503:78-84.
    """
    if net.num_input != 3 or recipe.choices != 2:
        raise ValueError("`net` and `recipe` must have two choices")
    newton = dataclasses.replace(recipe, fixed_points="newton")
    starts = np.asarray(activity)[:, :NUM_TRIALS]
    rows = []
    for name, coherence, stimulus in _inputs(recipe):
        points = find_slow_points(net, starts, stimulus, recipe=newton)
        centre = central_point(points, activity)
        position = push = math.nan
        if verdict.manifold is not None:
            push = _push(net, verdict, stimulus, recipe.dt)
            if centre is not None:
                position = float(verdict.manifold.position(points.state[centre]))
        modes = linearise_network(net, points.with_status("fixed"), stimulus, recipe=recipe)
        rows.append(
            StimulusPoints(name, coherence, stimulus, points, modes, centre, position, push)
        )
    return tuple(rows)


def table_of(rows: tuple[StimulusPoints, ...]) -> list[dict[str, Any]]:
    """Return the numbers of a stimulus dependence as rows of a table.

    Parameters
    ----------
    rows : tuple of StimulusPoints

    Returns
    -------
    list of dict
        One a stimulus; None where a number isn't defined. Time constants in s, push in state units
        per second.
    """
    table = []
    for row in rows:
        fixed = row.points.status == "fixed"
        entry: dict[str, Any] = {
            "stimulus": row.name,
            "fixed": int(fixed.sum()),
            "stable": int(np.char.startswith(row.modes.label, "stable").sum()),
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
        table.append(entry)
    return table


def _inputs(recipe: Recipe) -> list[tuple[str, float, tuple[float, ...]]]:
    levels = sorted({sign * c + 0.0 for c in recipe.coherences for sign in (-1, 1)})
    named = [
        (f"{level:+g} %" if level else "0 %", level, (1.0, 0.5 - level / 200, 0.5 + level / 200))
        for level in levels
    ]
    return [
        ("fixation", math.nan, (1.0, 0.0, 0.0)),
        *named,
        ("decision", math.nan, (0.0, 0.0, 0.0)),
    ]


def _push(net: CTRNN, verdict: Verdict, stimulus: tuple[float, ...], dt: float) -> float:
    assert verdict.centre is not None
    assert verdict.modes is not None
    assert verdict.manifold is not None
    state = verdict.points.state[verdict.centre]
    right, left = verdict.modes.right[0, 0].real, verdict.modes.left[0, 0].real
    # Biorthonormal with a right eigenvector of unit length: l . (F - h) counts in its units.
    towards = right / np.linalg.norm(right)
    selection = left / (left @ towards)
    if towards @ verdict.manifold.axis < 0:
        selection = -selection
    with jax.enable_x64(True):
        moved = np.asarray(as_map(net.state_map(stimulus), np.float64)(state)) - state
    return float(selection @ moved) / dt * 1000


def _number(value: float) -> float | None:
    return float(value) if np.isfinite(value) else None
