"""Whether a network that decides has a line attractor: what it does, why, and the verdict."""

from __future__ import annotations

import dataclasses
from collections import Counter
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from sklearn.decomposition import PCA

from yang_rnn._checks import check_array, check_callable, check_has, check_is
from yang_rnn._frames import frame_of
from yang_rnn.analysis import central_point, fit_pca, search_points
from yang_rnn.dynamics.invariant import InvariantManifold
from yang_rnn.dynamics.linearisation import Linearisation, linearise
from yang_rnn.dynamics.maps import speeds
from yang_rnn.dynamics.points import FixedPoints
from yang_rnn.dynamics.search import OnProgress
from yang_rnn.dynamics.simulation import Trajectories
from yang_rnn.dynamics.system import AutonomousMap, System
from yang_rnn.line_attractor.criteria import Criterion, judge
from yang_rnn.line_attractor.evidence_modes import evidence_modes
from yang_rnn.line_attractor.integration import Integration, measure_with
from yang_rnn.line_attractor.measures import Measures
from yang_rnn.line_attractor.measuring import (
    grow,
    measure_centre,
    measure_manifold,
    measure_modes,
    measure_selection,
    numbers_of,
    numbers_of_response,
)
from yang_rnn.line_attractor.probes import make_probes
from yang_rnn.line_attractor.response import LinearResponse, linear_response
from yang_rnn.line_attractor.thresholds import Thresholds
from yang_rnn.line_attractor.trial_states import (
    TrialStates,
    correlation,
    explained_by_time,
    run_trials,
)
from yang_rnn.trials import Trials, TwoAlternatives, check_alternatives, check_trials

if TYPE_CHECKING:
    from yang_rnn._frames import DataFrame
    from yang_rnn.dynamics.enumeration.fixed_points import AllFixedPoints


MOST_TOLD = 20
"""Fixed points whose stability a reason tells."""


@dataclasses.dataclass(frozen=True, eq=False)
class Verdict:
    """What a network was found to do with evidence, and why.

    Attributes
    ----------
    label : str
        What it does, one of `VERDICTS`.
    near : str
        What it would be beyond a threshold that lies within the 95 % interval of a number; empty
        where there is none.
    reason : str
        The numbers that decided the label, with their errors, in a sentence.
    mechanism : str
        Why, one of `MECHANISMS`.
    mechanism_reason : str
        The numbers that decided that.
    criteria : tuple of Criterion
        What was held against the thresholds of a line attractor.
    measures : Measures
        All numbers.
    integration : Integration
        What was measured by simulation.
    response : LinearResponse
        What the map's derivatives along trials say of it.
    points : FixedPoints
        The fixed and slow points that were found.
    centre : int or None
        Which of them the analysis stands on; None where there is none.
    modes : Linearisation or None
        The map around the centre, one entry.
    driven : int or None
        Which of the modes carries most of the evidence to the decision.
    towards, selection : numpy.ndarray, shape (unit,), or None
        Where that mode does not turn: the direction in which it moves the state towards choice 2, a
        unit vector, and what selects this motion from a change of the state (`EvidenceModes`).
    manifold : InvariantManifold or None
        Grown from the centre in that direction.
    position, evidence : numpy.ndarray, shape (trial,)
        Position at the end of the stimulus and summed evidence of each trial. The position is the
        arc length along the manifold or, without one, the score on PC 1, growing towards choice 2.
    """

    label: str
    near: str
    reason: str
    mechanism: str
    mechanism_reason: str
    criteria: tuple[Criterion, ...]
    measures: Measures
    integration: Integration
    response: LinearResponse
    points: FixedPoints
    centre: int | None
    modes: Linearisation | None
    driven: int | None
    towards: np.ndarray | None
    selection: np.ndarray | None
    manifold: InvariantManifold | None
    position: np.ndarray
    evidence: np.ndarray

    def to_frame(self) -> DataFrame:
        """Give the criteria as a pandas frame, one row each: name, value, error, rule, outcome.

        The numbers behind them all are in ``measures.to_frame()``.
        """
        names = [field.name for field in dataclasses.fields(Criterion)]
        return frame_of({name: [getattr(c, name) for c in self.criteria] for name in names})

    def __repr__(self) -> str:
        """Say what the network does, why, and with how long a stimulus."""
        near = f", near {self.near}" if self.near else ""
        steps, dt = len(self.integration.kernel.weights), self.integration.dt
        return (
            f"Verdict({self.label}{near}, by {self.mechanism}; stimulus {steps * dt:g} ms, "
            f"{steps} steps)"
        )


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
    """Tell what a network does with evidence, by simulation, and why, by the map's derivatives.

    What it does is judged by the psychophysical kernel and by what becomes of a pulse of evidence
    (`measure_integration`, `judge_integrator`). Why is judged at the input without evidence: the
    fixed points, the modes at the central one ranked by what evidence drives and the decision sees,
    the invariant manifold along the first of them, and linear response along trials without noise.
    `Measures` defines each number, `Thresholds` where one kind ends.

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
        Newton's method from the states of the trials, 8192 of them at most.
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
    .. [4] Nair, Karigo, Yang, Ganguli, Schnitzer, Linderman, Anderson & Kennedy (2023), Cell
       186:178-193 (line attractor score).
    .. [5] Trefethen & Embree (2005), "Spectra and pseudospectra", Princeton (non-normality).
    .. [6] Sagodi, Martin-Sanchez, Sokol & Park (2024), "Back to the continuous attractor",
       arXiv:2408.00109 (error bound, capacity, gaps, rates along and across).

    Examples
    --------
    A unit that adds up the difference of the stimulus channels and hardly forgets, beside a silent
    one:

    >>> task = yr.PerceptualDecisionMaking(seed=0)
    >>> trials = task.sample_trials(100)
    >>> system = yr.System(
    ...     lambda x, h: 0.99 * h + jnp.array([x[2] - x[1], 0.0]),
    ...     dt=task.dt,
    ...     initial_state=np.zeros(2),
    ...     readout=lambda h: jnp.array([0.0, -h[0], h[0]]),
    ... )
    >>> yr.line_attractor_verdict(system, trials, task.two_alternatives())
    Verdict(line attractor, by slow direction; stimulus 2000 ms, 20 steps)
    """
    check_is("system", system, System)
    check_trials(trials)
    check_alternatives("task", task, trials)
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
    probes = make_probes(system, trials, task, trajectories=trajectories, seen=seen)
    integration, response = measure_with(probes), linear_response(probes)
    listed = points.with_status("fixed")
    if every is not None and every.proved:
        listed = every.points
    known = listed.state
    found = numbers_of(integration) | numbers_of_response(response)
    found |= {
        "num_fixed": len(known),
        "num_far": int(listed.far.sum()),
        "fixed_proved": every is not None and every.proved,
        "num_slow": points.counts["slow"],
        "state_time_r2": explained_by_time(seen.during),
        "pc1_choice": abs(correlation(seen.end @ pc1, seen.chose_second)),
    }
    around = _around_centre(F, seen, task, points, response, pc1)
    found |= around.found
    position = seen.towards_choice_2((seen.during - pca.mean_) @ pc1)
    manifold = None
    if around.towards is not None:
        assert around.centre is not None
        manifold = grow(F, points[[around.centre]], around.towards, seen)
        position = manifold.position(seen.during)
        found |= measure_manifold(manifold, seen, position[-1], known, thresholds)
        found["eigenvector_manifold"] = abs(around.towards @ manifold.axis)
    within = seen.within(position[-1]), seen.within(seen.evidence)
    found |= {
        # Positions that evidence pushes the wrong way are not predicted by adding it up.
        "evidence_r2": _not_below_0(correlation(position[-1], seen.evidence)) ** 2,
        "evidence_r2_within": _not_below_0(correlation(*within)) ** 2,
        "time_r2": explained_by_time(position[..., None]),
        "position_choice": abs(correlation(position[-1], seen.chose_second)),
    }
    measures = Measures(**{name: np.asarray(value).item() for name, value in found.items()})
    judged = judge(measures, thresholds)
    near = listed[~listed.far]
    if 1 < len(near) <= MOST_TOLD:
        why = f"{judged.mechanism_reason}; {_stability(linearise(F, near))}"
        judged = judged._replace(mechanism_reason=why)
    if every is not None and not every.proved:
        why = f"{judged.mechanism_reason}; {every.in_words()}"
        judged = judged._replace(mechanism_reason=why)
    return Verdict(
        **judged._asdict(),
        measures=measures,
        integration=integration,
        response=response,
        points=points,
        centre=around.centre,
        modes=around.modes,
        driven=around.driven,
        towards=around.towards,
        selection=around.selection,
        manifold=manifold,
        position=position[-1],
        evidence=seen.evidence,
    )


def _stability(modes: Linearisation) -> str:
    """Say how many fixed points are of which stability."""
    kinds = Counter(modes.stability.tolist())
    return f"of the fixed points {', '.join(f'{number} {kind}' for kind, number in kinds.items())}"


class _Around(NamedTuple):
    """What is found around the centre."""

    found: dict[str, Any]
    centre: int | None = None
    modes: Linearisation | None = None
    driven: int | None = None
    towards: np.ndarray | None = None  # None where the driven mode turns
    selection: np.ndarray | None = None


def _around_centre(
    F: AutonomousMap,
    seen: TrialStates,
    task: TwoAlternatives,
    points: FixedPoints,
    response: LinearResponse,
    pc1: np.ndarray,
) -> _Around:
    """Measure the modes at the centre; tell in which direction the driven one moves the state."""
    centre = central_point(points, seen.activity)
    if centre is None:
        return _Around({})
    modes = linearise(F, points[[centre]])
    carried = evidence_modes(modes, task.evidence, response.gradient, len(seen.during))
    driven = carried.first
    found = measure_modes(modes, carried, seen.duration)
    found |= measure_centre(points[[centre]], seen)
    found["has_stable_point"] = _has_stable_point(F, points, modes)
    direction, selection = carried.direction, carried.selection
    found["eigenvector_pc1"] = abs(direction @ pc1)
    if seen.choice_axis.any():
        found["eigenvector_choice"] = abs(direction @ seen.choice_axis)
    if carried.turns or not modes.eigenvalues[0, driven].real > 0:
        return _Around(found, centre, modes, driven)
    push = modes.input_jacobian[0] @ task.evidence
    # Where all chose alike, the evidence tells the direction.
    chosen = direction @ seen.choice_axis if seen.choice_axis.any() else selection @ push
    sign = 1.0 if chosen >= 0 else -1.0
    found |= measure_selection(sign * selection, push)
    return _Around(found, centre, modes, driven, sign * direction, sign * selection)


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
