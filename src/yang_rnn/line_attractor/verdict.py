"""Whether a network that decides has a line attractor: measured, traced and judged."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, Any

import numpy as np
from sklearn.decomposition import PCA

from yang_rnn._checks import check_array, check_callable, check_has, check_is
from yang_rnn.analysis import central_point, fit_pca, search_points
from yang_rnn.dynamics.linearisation import Linearisation, linearise
from yang_rnn.dynamics.manifold import SlowManifold
from yang_rnn.dynamics.maps import speeds
from yang_rnn.dynamics.points import FixedPoints
from yang_rnn.dynamics.search import OnProgress
from yang_rnn.dynamics.simulation import Trajectories
from yang_rnn.dynamics.system import AutonomousMap, System
from yang_rnn.line_attractor.criteria import Criterion, Thresholds, judge
from yang_rnn.line_attractor.measures import Measures
from yang_rnn.line_attractor.measuring import (
    measure_centre,
    measure_leading_modes,
    measure_manifold,
    measure_selection,
    trace,
)
from yang_rnn.line_attractor.trial_states import correlation, explained_by_time, run_trials
from yang_rnn.trials import Trials, TwoAlternatives, check_trials

if TYPE_CHECKING:
    from yang_rnn.dynamics.enumeration.fixed_points import AllFixedPoints


@dataclasses.dataclass(frozen=True, eq=False)
class Verdict:
    """What a network was found to be, and why.

    Attributes
    ----------
    label : str
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

    label: str
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
        return f"Verdict({self.label}: {self.reason})"


def line_attractor_verdict(
    system: System,
    trials: Trials,
    task: TwoAlternatives,
    *,
    trajectories: Trajectories | None = None,
    points: FixedPoints | None = None,
    pca: PCA | None = None,
    every: AllFixedPoints | None = None,
    thresholds: Thresholds | None = None,
    on_progress: OnProgress | None = None,
) -> Verdict:
    """Tell whether a network has a line attractor at the input without evidence.

    At the central fixed point (without one, the slowest slow point) the leading mode is taken; if
    it does not turn, the slow manifold is traced from there, and what the trials do is compared
    with both. `Measures` defines each number, `judge` the rules.

    Parameters
    ----------
    system : System
        Any network with outputs, as `CTRNN.system` gives it.
    trials : Trials
        Trials of its task, a hundred or more (below ten correlations are not defined); each begins
        at the system's initial state.
    task : TwoAlternatives
        What evidence and choice are, and the input without evidence.
    trajectories : Trajectories, optional
        Those of the system on these trials, if they are there already.
    points : FixedPoints, optional
        Fixed and slow points of this system at that input; without them they are searched by
        Newton's method from the states of the trials.
    pca : PCA, optional
        The PC 1 that is compared; without it that of the trials.
    every : AllFixedPoints, optional
        What `all_fixed_points` says of the system at that input; the reason says it too.
    thresholds : Thresholds, optional
    on_progress : callable, optional
        As `find_fixed_points` takes it.

    Returns
    -------
    Verdict

    Raises
    ------
    ValueError
        If system, trials and task do not fit, or the points are not those of this system at this
        input.
    TypeError
        If something is not what it must be.

    References
    ----------
    .. [1] Sussillo & Barak (2013), Neural Computation 25:626-649 (speed, slow points).
    .. [2] Mante, Sussillo, Shenoy & Newsome (2013), Nature 503:78-84 (choice axis, selection
       vector).
    .. [3] Seung (1996), PNAS 93:13339-13344 (line attractors as integrators); Yang & Wang (2020),
       Neuron 107:1048-1070 (this network).
    """
    check_is("system", system, System)
    check_trials(trials)
    check_is("task", task, TwoAlternatives)
    check_is("trajectories", trajectories, Trajectories, optional=True)
    check_is("points", points, FixedPoints, optional=True)
    check_is("thresholds", thresholds, Thresholds, optional=True)
    check_callable("on_progress", on_progress, optional=True)
    if every is not None:
        check_has("every", every, "an AllFixedPoints", "in_words")
    if pca is not None:
        check_has("pca", pca, "a fitted PCA", "components_", "mean_")
        shape = ("component", system.num_units)
        check_array("pca", pca.components_, shape)
    thresholds = thresholds or Thresholds()
    F = system.at(task.rest)
    seen = run_trials(system, trials, task, trajectories)
    pca = pca or fit_pca(seen.activity, 1)
    pc1 = np.asarray(pca.components_)[0]
    if points is None:
        points = search_points(F, seen.activity, on_progress)
    else:
        _check_points(F, points)
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
        modes, choice_axis = linearise(F, points[[centre]]), seen.choice_axis
        found |= measure_leading_modes(modes, seen.duration)
        found |= measure_centre(points[[centre]], seen)
        right = modes.right[0, 0].real / np.linalg.norm(modes.right[0, 0].real)
        found["eigenvector_pc1"] = abs(right @ pc1)
        if choice_axis.any():
            found["eigenvector_choice"] = abs(right @ choice_axis)
        if found["turn"] <= thresholds.straight:
            towards = right if right @ choice_axis >= 0 else -right
            if not choice_axis.any():  # all chose alike: the evidence tells the direction
                pushed = measure_selection(modes, towards, task.evidence)
                towards = towards if pushed["gain"] >= 0 else -towards
            found |= measure_selection(modes, towards, task.evidence)
            manifold = trace(F, points[[centre]], towards, seen)
            position = manifold.position(seen.during)
            found |= measure_manifold(F, manifold, seen, position[-1], found)
            found["eigenvector_manifold"] = abs(right @ manifold.axis)
        found["has_stable_point"] = _has_stable_point(F, points, modes)
    within = seen.within(position[-1]), seen.within(seen.evidence)
    found |= {
        # Positions that evidence pushes the wrong way are not predicted by adding it up.
        "evidence_r2": _not_below_0(correlation(position[-1], seen.evidence)) ** 2,
        "evidence_r2_within": _not_below_0(correlation(*within)) ** 2,
        "time_r2": explained_by_time(position[..., None]),
        "position_choice": abs(correlation(position[-1], seen.chose_second)),
    }
    measures = Measures(**{name: np.asarray(value).item() for name, value in found.items()})
    label, reason, criteria = judge(measures, thresholds)
    if every is not None:
        reason += f"; {every.in_words()}"
    return Verdict(
        label=label,
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


def _check_points(F: AutonomousMap, points: FixedPoints) -> None:
    """Make sure that the points have the speeds that they would have at this input."""
    units = F.system.num_units
    if points.state.shape[1] != units:
        raise ValueError(
            f"`points` must have the system's {units} units; got {points.state.shape[1]}"
        )
    now = speeds(F, points.state)
    if not np.allclose(now, points.speed, rtol=1e-3, atol=1e-9 * points.scale**2, equal_nan=True):
        raise ValueError("`points` must be those of this system at the task's `rest`")


def _has_stable_point(F: AutonomousMap, points: FixedPoints, centre: Linearisation) -> bool:
    if (centre.stability == "stable").any():
        return True
    fixed = points.with_status("fixed")
    return bool(len(fixed) and (linearise(F, fixed).stability == "stable").any())


def _not_below_0(r: float) -> float:
    return 0.0 if r < 0 else r  # NaN stays
