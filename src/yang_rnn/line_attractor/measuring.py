"""How the numbers of a verdict are measured: by simulation, at the centre, along the manifold."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from yang_rnn.dynamics.invariant import InvariantManifold, invariant_manifold
from yang_rnn.dynamics.linearisation import Linearisation
from yang_rnn.dynamics.points import FixedPoints
from yang_rnn.dynamics.system import AutonomousMap
from yang_rnn.line_attractor.evidence_modes import EvidenceModes
from yang_rnn.line_attractor.integration import Integration
from yang_rnn.line_attractor.kernel import efficiency_of
from yang_rnn.line_attractor.leaks import evidence_kept
from yang_rnn.line_attractor.response import LinearResponse
from yang_rnn.line_attractor.thresholds import Thresholds
from yang_rnn.line_attractor.trial_states import TrialStates

MOST_OF_IT = 0.5
"""Share of the span that a manifold must cover for its flow to say what becomes of positions."""

A_TENTH = 0.1
"""Share of the evidence from which on a mode is one of those that carry it."""

BEYOND = 0.05
"""Share of the trials' positions that the flow may take beyond a manifold's ends."""


def numbers_of(integration: Integration) -> dict[str, Any]:
    """Return what was measured by simulation, by the names that `Measures` has."""
    kernel, pulse, long_run = integration.kernel, integration.pulse, integration.long_run
    values = integration.singular_values
    return {
        "accuracy": integration.accuracy.value,
        "accuracy_error": integration.accuracy.error,
        "efficiency": kernel.efficiency.value,
        "efficiency_error": kernel.efficiency.error,
        "early": kernel.early.value,
        "early_error": kernel.early.error,
        "constancy": pulse.constancy.value,
        "constancy_error": pulse.constancy.error,
        "additivity": pulse.additivity.value,
        "decision_kept": integration.decay.after_duration.value,
        "decision_time_constant": integration.decay.time_constant,
        "push_along": integration.pushes.along.value,
        "push_across": integration.pushes.across.value,
        "propagator_ratio": values[1] / values[0] if len(values) > 1 and values[0] > 0 else 0.0,
        "ends_at_points": long_run.points,
        "ends_in_cycles": long_run.cycles,
        "runs_away": long_run.runaway,
        "still_moving": long_run.moving,
        "num_end_points": long_run.num_points,
        "growth": long_run.growth,
    }


def numbers_of_response(response: LinearResponse) -> dict[str, Any]:
    """Return the linear response along trials, by the names that `Measures` has."""
    return {
        "response_efficiency": response.efficiency,
        "response_constancy": response.constancy,
        "response_early": response.early,
    }


def measure_modes(modes: Linearisation, carried: EvidenceModes, duration: float) -> dict[str, Any]:
    """Measure the modes at the centre, for a stimulus of a duration (ms)."""
    values, time_constants = modes.eigenvalues[0], modes.time_constant[0]
    second = 2 if values[0].imag != 0 else 1
    has_second = second < len(values)
    first = carried.first
    driven = values[first]
    lasting = min(duration, abs(time_constants[first]))
    carriers = [_keeps(each, duration) for each in time_constants[_carriers(carried)]]
    jacobian = modes.jacobian[0]
    square = float((jacobian**2).sum())
    left_over = max(0.0, square - float((np.abs(values) ** 2).sum()))
    return {
        "eigenvalue": complex(values[0]),
        "second_eigenvalue": complex(values[second]) if has_second else complex("nan"),
        "time_constant": float(time_constants[0]),
        # A network of one unit has no second mode: as if it were gone at once.
        "second_time_constant": float(time_constants[second]) if has_second else 0.0,
        "line_attractor_score": _score(time_constants),
        "mode_keeps": max(carriers, default=math.nan),
        "driven_eigenvalue": complex(driven),
        "driven_time_constant": float(time_constants[first]),
        "driven_share": float(carried.share[carried.together].sum()),
        "driven_keeps": _keeps(time_constants[first], duration),
        "driven_moves": abs(complex(driven) ** round(duration / modes.dt) - 1.0),
        "driven_turn": abs(float(np.angle(driven))) * lasting / modes.dt,
        "turning_share": carried.turning,
        "non_normality": math.sqrt(left_over / square) if square > 0 else math.nan,
        "centre_efficiency": carried.efficiency,
        "centre_constancy": carried.constancy,
    }


def _carriers(carried: EvidenceModes) -> np.ndarray:
    """Return the modes that carry a tenth or more; where there is none, the first that carry half.

    Of many slow modes each may carry little.
    """
    share, with_others = carried.share, carried.group_share
    if (with_others >= A_TENTH).any() or not share.any():
        return np.flatnonzero((with_others >= A_TENTH) & (share > 0))
    order = np.argsort(-share)
    return order[: 1 + np.searchsorted(share[order].cumsum(), 0.5 * share.sum())]


def _keeps(time_constant: float, duration: float) -> float:
    """Return what a mode keeps of the evidence; NaN where its time constant is."""
    return math.nan if np.isnan(time_constant) else evidence_kept(float(time_constant), duration)


def _score(time_constants: np.ndarray) -> float:
    """Return log2 of the ratio of the first two time constants; NaN unless both modes decay."""
    if len(time_constants) < 2 or not (time_constants[:2] > 0).all():
        return math.nan
    one, other = (float(value) for value in time_constants[:2])
    return 0.0 if one == other else math.log2(one / other)


def measure_centre(point: FixedPoints, seen: TrialStates) -> dict[str, Any]:
    """Measure where the centre lies, seen from the trajectories."""
    states = seen.during.reshape(-1, seen.during.shape[-1])
    radius = np.sqrt(((states - states.mean(axis=0)) ** 2).sum(axis=1).mean())
    distance = np.median(np.linalg.norm(states - point.state[0], axis=1))
    return {
        "centre_speed": float(point.speed[0]),
        "centre_distance": float(distance / radius) if radius > 0 else math.nan,
    }


def measure_selection(selection: np.ndarray, push: np.ndarray) -> dict[str, Any]:
    """Measure what evidence, by what it does to the state, does along what is selected."""
    size = np.linalg.norm(selection) * np.linalg.norm(push)
    gain = float(selection @ push)
    return {"gain": gain, "selection_evidence": gain / size if size > 0 else math.nan}


def grow(
    F: AutonomousMap, point: FixedPoints, towards: np.ndarray, seen: TrialStates
) -> InvariantManifold:
    """Grow the manifold from the centre to where the trajectories reach, a little both ways anyway.

    Parameters
    ----------
    F : AutonomousMap
    point : FixedPoints
        The centre.
    towards : array of shape (unit,)
        A unit vector.
    seen : TrialStates
    """
    along = (seen.end - point.state[0]) @ towards
    little = max(0.05 * np.ptp(along), 1e-6 * point.scale)
    low, high = min(along.min(), -little), max(along.max(), little)
    return invariant_manifold(F, point.state[0], towards, float(low), float(high))


def measure_manifold(
    manifold: InvariantManifold,
    seen: TrialStates,
    ends: np.ndarray,
    fixed: np.ndarray,
    at: Thresholds,
) -> dict[str, Any]:
    """Measure a manifold, and the flow on it where it is invariant and covers most of the span.

    Parameters
    ----------
    manifold : InvariantManifold
    seen : TrialStates
    ends : array of shape (trial,)
        Positions along the manifold at the end of the stimulus.
    fixed : array of shape (point, unit)
        The fixed points that are known.
    at : Thresholds
    """
    low, high = np.percentile(ends, (5, 95))
    span, arc = high - low, manifold.arc
    known = manifold.error[~np.isnan(manifold.error)]
    measured = {
        "manifold_converged": manifold.converged,
        "manifold_error": known.max() / manifold.length if len(known) else math.nan,
    }
    if not span > 0:
        return measured
    covered = max(0.0, min(arc[-1], high) - max(arc[0], low)) / span
    measured |= {
        "span": span,
        "length": manifold.length,
        "relative_length": covered,
        "manifold_distance": np.median(manifold.distance(seen.end)) / span,
        "participation_ratio": manifold.participation_ratio,
        "curvature": manifold.curvature,
    }
    if not manifold.converged:
        return measured
    beside = manifold.distance(fixed) <= at.beside * span if len(fixed) else np.zeros(0)
    moved = np.abs(manifold.image - arc) * len(seen.during) / span
    inside = (arc >= low) & (arc <= high)
    still = moved[inside] <= at.still
    measured |= {
        "points_on_line": int(beside.sum()),
        "drift": manifold.drift / span,
        "memory_error_bound": manifold.memory_error_bound / span,
        "memory_capacity": manifold.memory_capacity,
        "largest_gap": manifold.rests.largest_gap / span,
        "hyperbolicity_gap": manifold.hyperbolicity_gap,
        "still_share": covered * still.mean() if len(still) else 0.0,
    }
    if covered >= MOST_OF_IT:
        measured["manifold_efficiency"] = _efficiency_on(manifold, ends, len(seen.during))
    return measured


def _efficiency_on(manifold: InvariantManifold, ends: np.ndarray, steps: int) -> float:
    """Return the efficiency of weights that are kept as the flow keeps positions for so long.

    The weight after n steps is the slope of where the flow takes the trials' positions in n steps
    on where they were. NaN where it takes them beyond the manifold's ends: nothing is known there.
    """
    arc = manifold.arc
    begun = ends[(ends >= arc[0]) & (ends <= arc[-1])]
    before = begun - begun.mean() if len(begun) else begun
    if not (before**2).sum() > 0:
        return math.nan
    weights, now = [], begun
    for _ in range(steps):
        weights.append((now - now.mean()) @ before / (before**2).sum())
        now = np.interp(now, arc, manifold.image)
        if ((now < arc[0]) | (now > arc[-1])).mean() > BEYOND:
            return math.nan
    return efficiency_of(np.array(weights))
