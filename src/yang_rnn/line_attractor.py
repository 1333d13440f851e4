"""Whether a network that decides has a line attractor: measured, traced and judged."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Callable
from typing import Any

import jax
import numpy as np
from jax.tree_util import Partial
from sklearn.decomposition import PCA

from yang_rnn.analysis import central_point, find_slow_points, fit_pca, linearise_network
from yang_rnn.linearisation import Linearisation
from yang_rnn.manifold import SlowManifold, trace_slow_manifold
from yang_rnn.maps import as_map, bucket, padded, speeds
from yang_rnn.model import CTRNN
from yang_rnn.points import FixedPoints
from yang_rnn.recipe import NOTEBOOK, Recipe
from yang_rnn.task import Trials
from yang_rnn.trial_states import TrialStates, correlation, explained_by_time, observe
from yang_rnn.verdict import Criterion, Measures, Thresholds, evidence_kept, judge, leak_with

SETTLING = 3.0
"""Time constants of the second mode that states settle for, before their memory is measured."""


@dataclasses.dataclass(frozen=True, eq=False)
class Verdict:
    """What a network was found to be, and why.

    Attributes
    ----------
    verdict : str
        One of `VERDICTS`.
    reason : str
        The verdict's grounds in one sentence, with numbers.
    criteria : tuple of Criterion
        All that was held against thresholds.
    measures : Measures
    points : FixedPoints
        The fixed and slow points that were found.
    centre : int or None
        Which of them the analysis stands on; None where there is none.
    modes : Linearisation or None
        The map around the centre, one entry.
    manifold : SlowManifold or None
        Traced from the centre where its leading mode does not turn.
    position, evidence : numpy.ndarray, shape (trial,)
        Position at the end of the stimulus and summed evidence of each trial. The position is the
        arc length along the manifold or, without one, the score on PC 1, growing towards choice 2.
    """

    verdict: str
    reason: str
    criteria: tuple[Criterion, ...]
    measures: Measures
    points: FixedPoints
    centre: int | None
    modes: Linearisation | None
    manifold: SlowManifold | None
    position: np.ndarray
    evidence: np.ndarray

    def __repr__(self) -> str:
        """Say the verdict and its reason."""
        return f"Verdict({self.verdict}: {self.reason})"


def line_attractor_verdict(
    net: CTRNN,
    trials: Trials,
    *,
    recipe: Recipe = NOTEBOOK,
    stimulus: Any = None,
    points: FixedPoints | None = None,
    pca: PCA | None = None,
    thresholds: Thresholds | None = None,
    on_progress: Callable[[int, int, float], None] | None = None,
) -> Verdict:
    """Tell whether a network has a line attractor at a constant input.

    At the central fixed point (without one, the slowest slow point) the leading mode is taken; if
    it does not turn, the slow manifold is traced from there, and what the trials do is compared
    with both. `Measures` defines each number, `judge` the rules.

    Parameters
    ----------
    net : CTRNN
        A network with two choices.
    trials : Trials
        Trials of the recipe's task, a hundred or more (below ten correlations are not defined);
        each begins at h = 0.
    recipe : Recipe
        Durations, tolerances and the number of random starts.
    stimulus : array of shape (inputs,), optional
        The constant input; without one the recipe's, fixation on and no coherence.
    points : FixedPoints, optional
        Fixed and slow points of this network at that input; without them they are searched by
        Newton's method.
    pca : PCA, optional
        The PC 1 that is compared; without it that of the trials.
    thresholds : Thresholds, optional
    on_progress : callable, optional
        As `find_slow_points` takes it.

    Returns
    -------
    Verdict

    Raises
    ------
    ValueError
        If there are not two choices, network, trials and recipe disagree, or the points are not
        those of this network at this input.

    References
    ----------
    .. [1] Sussillo & Barak (2013), Neural Computation 25:626-649 (speed, slow points).
    .. [2] Mante, Sussillo, Shenoy & Newsome (2013), Nature 503:78-84 (choice axis, selection
       vector).
    .. [3] Seung (1996), PNAS 93:13339-13344 (line attractors as integrators); Yang & Wang (2020),
       Neuron 107:1048-1070 (this network).
    """
    thresholds = thresholds or Thresholds()
    stimulus = recipe.search_input if stimulus is None else stimulus
    seen = observe(net, trials, recipe)
    pca = pca or fit_pca(seen.activity, 1)
    pc1 = np.asarray(pca.components_)[0]
    if points is None:
        newton = dataclasses.replace(recipe, fixed_points="newton")
        points = find_slow_points(
            net, seen.activity, stimulus, recipe=newton, on_progress=on_progress
        )
    else:
        _check_points(net, points, stimulus)
    centre = central_point(points, seen.activity)
    found: dict[str, Any] = {
        "num_fixed": points.counts["fixed"],
        "num_slow": points.counts["slow"],
        "state_time_r2": explained_by_time(seen.during),
        "pc1_choice": abs(correlation(seen.end @ pc1, seen.chose_second)),
    }
    modes: Linearisation | None = None
    manifold: SlowManifold | None = None
    position = seen.towards_choice_2((seen.during - pca.mean_) @ pc1)
    if centre is not None:
        modes = linearise_network(net, points[centre], stimulus, recipe=recipe)
        found |= _of_leading_mode(modes, recipe)
        found |= _of_place(points[centre], seen)
        right = modes.right[0, 0].real / np.linalg.norm(modes.right[0, 0].real)
        found["eigenvector_pc1"] = abs(right @ pc1)
        if seen.choice_axis.any():
            found["eigenvector_choice"] = abs(right @ seen.choice_axis)
        if found["turn"] <= thresholds.straight:
            towards = right if right @ seen.choice_axis >= 0 else -right
            if not seen.choice_axis.any():  # all chose alike: the evidence tells the direction
                towards = towards if _of_selection(modes, towards)["gain"] >= 0 else -towards
            found |= _of_selection(modes, towards)
            manifold = _trace(net, points[centre], stimulus, towards, seen)
            position = manifold.position(seen.during)
            found |= _of_manifold(net, manifold, stimulus, position[-1], recipe, _settle(found))
            found["manifold_distance"] = np.median(manifold.distance(seen.end)) / found["span"]
            found["eigenvector_manifold"] = abs(right @ manifold.axis)
        found["has_stable_point"] = _has_stable_point(net, points, modes, stimulus, recipe)
    within = seen.within(position[-1]), seen.within(seen.evidence)
    found |= {
        # Positions that evidence pushes the wrong way are not predicted by adding it up.
        "evidence_r2": _not_below_0(correlation(position[-1], seen.evidence)) ** 2,
        "evidence_r2_within": _not_below_0(correlation(*within)) ** 2,
        "time_r2": explained_by_time(position[..., None]),
        "position_choice": abs(correlation(position[-1], seen.chose_second)),
    }
    measures = Measures(**{name: np.asarray(value).item() for name, value in found.items()})
    verdict, reason, criteria = judge(measures, thresholds)
    return Verdict(
        verdict=verdict,
        reason=reason,
        criteria=criteria,
        measures=measures,
        points=points,
        centre=centre,
        modes=modes,
        manifold=manifold,
        position=position[-1],
        evidence=seen.evidence,
    )


def _check_points(net: CTRNN, points: FixedPoints, stimulus: Any) -> None:
    """Make sure that the points have the speeds that they would have at this input."""
    if points.state.shape[1] != net.num_hidden:
        raise ValueError(
            f"`points` must have the network's {net.num_hidden} units; got {points.state.shape[1]}"
        )
    now = speeds(net.state_map(stimulus), points.state)
    if not np.allclose(now, points.speed, rtol=1e-3, atol=1e-9, equal_nan=True):
        raise ValueError("`points` must be those of this network at this stimulus")


def _of_leading_mode(modes: Linearisation, recipe: Recipe) -> dict[str, Any]:
    values, time_constants = modes.eigenvalues[0], modes.time_constant[0]
    second = 2 if values[0].imag != 0 else 1
    has_second = second < len(values)
    lasting = min(recipe.stimulus, abs(time_constants[0]))
    return {
        "eigenvalue": complex(values[0]),
        "second_eigenvalue": complex(values[second]) if has_second else complex("nan"),
        "time_constant": float(time_constants[0]),
        # A network of one unit has no second mode: as if it were gone at once.
        "second_time_constant": float(time_constants[second]) if has_second else 0.0,
        "second_keeps": (
            evidence_kept(float(time_constants[1]), recipe.stimulus) if has_second else 0.0
        ),
        "turn": abs(float(np.angle(values[0]))) * lasting / recipe.dt,
        "mode_keeps": evidence_kept(float(time_constants[0]), recipe.stimulus),
    }


def _of_place(point: FixedPoints, seen: TrialStates) -> dict[str, Any]:
    states = seen.during.reshape(-1, seen.during.shape[-1])
    radius = np.sqrt(((states - states.mean(axis=0)) ** 2).sum(axis=1).mean())
    distance = np.median(np.linalg.norm(states - point.state[0], axis=1))
    return {
        "centre_speed": float(point.speed[0]),
        "centre_distance": float(distance / radius) if radius > 0 else math.nan,
    }


def _of_selection(modes: Linearisation, towards: np.ndarray) -> dict[str, Any]:
    left = modes.left[0, 0].real
    left = left / (left @ towards)
    evidence = modes.input_jacobian[0, :, 2] - modes.input_jacobian[0, :, 1]
    size = np.linalg.norm(left) * np.linalg.norm(evidence)
    gain = float(left @ evidence)
    return {"gain": gain, "selection_evidence": gain / size if size > 0 else math.nan}


def _trace(
    net: CTRNN, point: FixedPoints, stimulus: Any, towards: np.ndarray, seen: TrialStates
) -> SlowManifold:
    """Trace from the centre as far as the trajectories reach, and a little both ways anyway."""
    along = (seen.end - point.state[0]) @ towards
    little = max(0.05 * np.ptp(along), 1e-6)
    low, high = min(along.min(), -little), max(along.max(), little)
    return trace_slow_manifold(
        net.state_map(stimulus), point.state[0], towards, float(low), float(high)
    )


def _of_manifold(
    net: CTRNN,
    manifold: SlowManifold,
    stimulus: Any,
    ends: np.ndarray,
    recipe: Recipe,
    settle: float,
) -> dict[str, Any]:
    """Measure the manifold; its states settle for a time (ms) before their memory is measured."""
    low, high = np.percentile(ends, (5, 95))
    span, steps = high - low, round(recipe.stimulus / recipe.dt)
    if not span > 0:
        return {"span": math.nan}
    F = as_map(net.state_map(stimulus), np.float64)
    arc = manifold.arc
    first, last = _run_around(np.sqrt(2 * manifold.speed) * steps <= span, manifold.centre, arc)
    inside = (arc >= low) & (arc <= high)
    found = {
        "span": span,
        "length": last - first,
        "relative_length": max(0.0, min(last, high) - max(first, low)) / span,
        "participation_ratio": manifold.participation_ratio,
        "curvature": manifold.curvature,
    }
    if inside.sum() < 4:  # the traced part is elsewhere: nothing to say about the span
        return found
    # Between minima of speed and the curve that states move along, fast modes make a difference.
    begun = _alone(F, manifold.state[inside], min(steps // 2, int(settle / recipe.dt)))
    before = manifold.position(begun)
    moved = manifold.position(_alone(F, begun, steps)) - before
    inner = np.abs(before) <= np.median(np.abs(before))
    persistence = min(_kept(before, moved), _kept(before[inner], moved[inner]))
    memory = leak_with(persistence, recipe.stimulus)
    seconds = recipe.stimulus / 1000
    return found | {
        "drift": float(np.abs(moved).mean()) / span / seconds,
        "persistence": persistence,
        "memory": memory,
        "manifold_keeps": evidence_kept(memory, recipe.stimulus),
    }


def _settle(found: dict[str, Any]) -> float:
    """Return how long fast modes need (ms), but too short for the leading one to do much."""
    return min(SETTLING * abs(found["second_time_constant"]), abs(found["time_constant"]) / 2)


def _kept(position: np.ndarray, moved: np.ndarray) -> float:
    """Return 1 - mean squared displacement / mean squared position; -inf if all were at 0."""
    square = float((position**2).mean())
    return 1 - float((moved**2).mean()) / square if square > 0 else -math.inf


def _run_around(mask: np.ndarray, centre: int, arc: np.ndarray) -> tuple[float, float]:
    """Where the run of True around the centre begins and ends."""
    if not mask[centre]:
        return 0.0, 0.0
    outside = np.flatnonzero(~mask)
    first = outside[outside < centre].max(initial=-1) + 1
    last = outside[outside > centre].min(initial=len(mask)) - 1
    return float(arc[first]), float(arc[last])


def _alone(F: Partial, states: np.ndarray, steps: int) -> np.ndarray:
    """Run states on for a number of steps, in float64."""
    with jax.enable_x64(True):
        together = padded(states, bucket(len(states), len(states) * 2))
        return np.asarray(_run_on(F, together, steps))[: len(states)]


@jax.jit
def _run_on(F: Partial, states: jax.Array, steps: jax.Array) -> jax.Array:
    return jax.lax.fori_loop(0, steps, lambda _, h: jax.vmap(F)(h), states)


def _has_stable_point(
    net: CTRNN, points: FixedPoints, centre: Linearisation, stimulus: Any, recipe: Recipe
) -> bool:
    if str(centre.label[0]).startswith("stable"):
        return True
    fixed = points.with_status("fixed")
    if not len(fixed):
        return False
    labels = linearise_network(net, fixed, stimulus, recipe=recipe).label
    return bool(np.char.startswith(labels, "stable").any())


def _not_below_0(r: float) -> float:
    return 0.0 if r < 0 else r  # NaN stays
