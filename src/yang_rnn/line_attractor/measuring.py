"""How the numbers of a verdict are measured: at the centre, along the manifold, in trials."""

from __future__ import annotations

import math
from typing import Any

import jax
import numpy as np
from jax.tree_util import Partial

from yang_rnn.dynamics.linearisation import Linearisation
from yang_rnn.dynamics.manifold import SlowManifold, trace_slow_manifold
from yang_rnn.dynamics.maps import as_map, map_rows
from yang_rnn.dynamics.points import FixedPoints
from yang_rnn.dynamics.system import AutonomousMap
from yang_rnn.line_attractor.leaks import evidence_kept, leak_with
from yang_rnn.line_attractor.trial_states import TrialStates

SETTLING = 3.0
"""Time constants of the second mode that states settle for, before their memory is measured."""


def measure_leading_modes(modes: Linearisation, duration: float) -> dict[str, Any]:
    """Measure the first two modes at the centre, for a stimulus of a duration (ms)."""
    values, time_constants = modes.eigenvalues[0], modes.time_constant[0]
    second = 2 if values[0].imag != 0 else 1
    has_second = second < len(values)
    lasting = min(duration, abs(time_constants[0]))
    return {
        "eigenvalue": complex(values[0]),
        "second_eigenvalue": complex(values[second]) if has_second else complex("nan"),
        "time_constant": float(time_constants[0]),
        # A network of one unit has no second mode: as if it were gone at once.
        "second_time_constant": float(time_constants[second]) if has_second else 0.0,
        "second_keeps": _keeps(time_constants[1], duration) if len(values) > 1 else 0.0,
        "turn": abs(float(np.angle(values[0]))) * lasting / modes.dt,
        "mode_keeps": _keeps(time_constants[0], duration),
    }


def _keeps(time_constant: float, duration: float) -> float:
    """Return what a mode keeps of the evidence; NaN where its time constant is."""
    return math.nan if np.isnan(time_constant) else evidence_kept(float(time_constant), duration)


def measure_centre(point: FixedPoints, seen: TrialStates) -> dict[str, Any]:
    """Measure where the centre lies, seen from the trajectories."""
    states = seen.during.reshape(-1, seen.during.shape[-1])
    radius = np.sqrt(((states - states.mean(axis=0)) ** 2).sum(axis=1).mean())
    distance = np.median(np.linalg.norm(states - point.state[0], axis=1))
    return {
        "centre_speed": float(point.speed[0]),
        "centre_distance": float(distance / radius) if radius > 0 else math.nan,
    }


def measure_selection(
    modes: Linearisation, towards: np.ndarray, evidence: np.ndarray
) -> dict[str, Any]:
    """Measure what evidence, a direction of the input, does along the leading mode."""
    left = modes.left[0, 0].real
    left = left / (left @ towards)
    pushed = modes.input_jacobian[0] @ evidence
    size = np.linalg.norm(left) * np.linalg.norm(pushed)
    gain = float(left @ pushed)
    return {"gain": gain, "selection_evidence": gain / size if size > 0 else math.nan}


def trace(
    F: AutonomousMap, point: FixedPoints, towards: np.ndarray, seen: TrialStates
) -> SlowManifold:
    """Trace from the centre as far as the trajectories reach, and a little both ways anyway."""
    along = (seen.end - point.state[0]) @ towards
    little = max(0.05 * np.ptp(along), 1e-6 * point.scale)
    low, high = min(along.min(), -little), max(along.max(), little)
    return trace_slow_manifold(F, point.state[0], towards, float(low), float(high))


def measure_manifold(
    F: AutonomousMap,
    manifold: SlowManifold,
    seen: TrialStates,
    ends: np.ndarray,
    found: dict[str, Any],
) -> dict[str, Any]:
    """Measure the manifold; its states settle for a time before their memory is measured.

    Parameters
    ----------
    F : AutonomousMap
    manifold : SlowManifold
    seen : TrialStates
    ends : array of shape (trial,)
        Positions along the manifold at the end of the stimulus.
    found : dict
        What `measure_leading_modes` found.
    """
    low, high = np.percentile(ends, (5, 95))
    span, steps = high - low, len(seen.during)
    if not span > 0:
        return {"span": math.nan, "manifold_distance": math.nan}
    arc = manifold.arc
    first, last = _run_around(np.sqrt(2 * manifold.speed) * steps <= span, manifold.centre, arc)
    inside = (arc >= low) & (arc <= high)
    measured = {
        "span": span,
        "length": last - first,
        "relative_length": max(0.0, min(last, high) - max(first, low)) / span,
        "manifold_distance": np.median(manifold.distance(seen.end)) / span,
        "participation_ratio": manifold.participation_ratio,
        "curvature": manifold.curvature,
    }
    if inside.sum() < 4:  # the traced part is elsewhere: nothing to say about the span
        return measured
    # Between minima of speed and the curve that states move along, fast modes make a difference.
    # They settle for as long as they need, but too short for the leading one to do much.
    settle = min(SETTLING * abs(found["second_time_constant"]), abs(found["time_constant"]) / 2)
    pure = as_map(F)
    begun = _left_alone(pure, manifold.state[inside], min(steps // 2, int(settle / seen.dt)))
    before = manifold.position(begun)
    after = _left_alone(pure, begun, steps)
    if not np.isfinite(after).all():  # they ran off: nothing is kept
        memory = leak_with(-math.inf, seen.duration)
        kept = {"persistence": -math.inf, "memory": memory}
        return measured | kept | {"manifold_keeps": evidence_kept(memory, seen.duration)}
    moved = manifold.position(after) - before
    inner = np.abs(before) <= np.median(np.abs(before))
    persistence = min(_kept(before, moved), _kept(before[inner], moved[inner]))
    memory = leak_with(persistence, seen.duration)
    return measured | {
        "drift": float(np.abs(moved).mean()) / span / (seen.duration / 1000),
        "persistence": persistence,
        "memory": memory,
        "manifold_keeps": evidence_kept(memory, seen.duration),
    }


def _kept(position: np.ndarray, moved: np.ndarray) -> float:
    """Return 1 - mean squared displacement / mean squared position; -inf if all were at 0."""
    square = float((position**2).mean())
    return 1 - float((moved**2).mean()) / square if square > 0 else -math.inf


def _run_around(mask: np.ndarray, centre: int, arc: np.ndarray) -> tuple[float, float]:
    """Return where the run of True around the centre begins and ends."""
    if not mask[centre]:
        return 0.0, 0.0
    outside = np.flatnonzero(~mask)
    first = outside[outside < centre].max(initial=-1) + 1
    last = outside[outside > centre].min(initial=len(mask)) - 1
    return float(arc[first]), float(arc[last])


def _left_alone(F: Partial, states: np.ndarray, steps: int) -> np.ndarray:
    """Run states on for a number of steps."""
    return map_rows(_run_on, F, states, shared=(steps,))[0]


@jax.jit
def _run_on(F: Partial, states: jax.Array, steps: jax.Array) -> jax.Array:
    return jax.lax.fori_loop(0, steps, lambda _, h: jax.vmap(F)(h), states)
