"""Records to draw, made by hand: states of no network, and those of a known integrator."""

from typing import NamedTuple

import numpy as np
import pytest
from scipy.linalg import hadamard
from sklearn.decomposition import PCA
from small import points_at

from yang_rnn.analysis import Averages, average_by, fit_pca
from yang_rnn.dynamics.flow import FlowField
from yang_rnn.dynamics.invariant import InvariantManifold
from yang_rnn.dynamics.linearisation import Linearisation
from yang_rnn.line_attractor.criteria import judge
from yang_rnn.line_attractor.estimates import Estimate
from yang_rnn.line_attractor.integration import Decay, Integration, Pulse, Pushes
from yang_rnn.line_attractor.kernel import Kernel, early_of, efficiency_of
from yang_rnn.line_attractor.long_run import LongRun
from yang_rnn.line_attractor.measures import Measures
from yang_rnn.line_attractor.measuring import numbers_of, numbers_of_response
from yang_rnn.line_attractor.response import LinearResponse
from yang_rnn.line_attractor.stimulus_dependence import StimulusPoints
from yang_rnn.line_attractor.verdict import Verdict
from yang_rnn.trials import Trials

STEPS = 22


class Data(NamedTuple):
    pca: PCA
    activity: np.ndarray
    trials: Trials


@pytest.fixture(scope="session")
def data() -> Data:
    """Return thirty random walks of six units, and trials to go with them."""
    rng = np.random.default_rng(0)
    activity = rng.normal(size=(STEPS, 30, 6)).cumsum(axis=0)
    coherence, choice = rng.choice([0.0, 6.4, 25.6], 30), rng.integers(0, 2, 30)
    trials = Trials(
        inputs=np.zeros((STEPS, 30, 3)),
        targets=np.zeros((STEPS, 30), int),
        periods={"stimulus": slice(1, 21)},
        conditions={"coherence": coherence},
        choice=choice,
    )
    return Data(fit_pca(activity), activity, trials)


class Judged(NamedTuple):
    pca: PCA
    mean: Averages
    verdict: Verdict
    field: FlowField
    rows: tuple[StimulusPoints, ...]
    centre: np.ndarray
    line: np.ndarray


@pytest.fixture(scope="session")
def judged() -> Judged:
    """Return what there is to draw of an integrator whose centre and slow line are known.

    Its eight units follow h' - c = A (h - c) + evidence; `line` is the direction of the evidence
    and of A's slow mode.
    """
    basis = hadamard(8) / np.sqrt(8)
    values = np.array([0.95, *np.linspace(0.3, 0.1, 7)])
    order = [1, 0, 2, 3, 4, 5, 6, 7]
    modes_of = basis[order]
    matrix, line, centre = modes_of.T * values @ modes_of, basis[1], np.full(8, 6.0)

    signed = np.tile([-51.2, -25.6, 0.0, 25.6, 51.2], 8)
    noise = np.random.default_rng(0).normal(scale=0.1, size=(STEPS - 1, 40))
    evidence = signed / 100 + noise
    h, activity = np.zeros((40, 8)), []
    for step in range(STEPS):
        h = centre + (h - centre) @ matrix + (evidence[step - 1, :, None] * line if step else 0.0)
        activity.append(h)
    activity = np.stack(activity)
    position = (activity[-1] - centre) @ line

    def around(states: np.ndarray) -> Linearisation:
        return _linearisation(states, matrix, values, modes_of)

    along = np.linspace(-6.0, 6.0, 31)
    manifold = InvariantManifold(
        state=centre + along[:, None] * line,
        speed=(0.05 * along) ** 2 / 2,
        image=0.95 * along,
        residual=np.zeros(31),
        rate_across=np.full(31, 0.3),
        centre=15,
        ends=("range", "range"),
        iterations=1,
        dt=100.0,
    )
    integration, response = _measured(line)
    measures = Measures(
        **numbers_of(integration), **numbers_of_response(response), num_fixed=1,
        has_stable_point=True, eigenvalue=0.95, second_eigenvalue=0.3, time_constant=1950.0,
        second_time_constant=83.0, mode_keeps=0.92, driven_eigenvalue=0.95,
        driven_time_constant=1950.0, driven_share=1.0, driven_keeps=0.92, turning_share=0.0,
        centre_efficiency=0.92, centre_constancy=1.0, points_on_line=1, manifold_efficiency=0.92,
        evidence_r2=0.97, evidence_r2_within=0.81, time_r2=0.0,
    )  # fmt: skip
    verdict = Verdict(
        **judge(measures)._asdict(),
        measures=measures,
        integration=integration,
        response=response,
        points=points_at(["fixed"], [0.0], centre[None]),
        centre=0,
        modes=around(centre[None]),
        driven=0,
        towards=line,
        selection=line,
        manifold=manifold,
        position=position,
        evidence=evidence.sum(axis=0),
    )
    x, y = np.linspace(-7, 7, 12), np.linspace(-17, 3, 10)
    across, up = np.meshgrid(x, y)
    field = FlowField(
        origin=centre,
        axes=np.stack([line, basis[0]]),
        names=("slow manifold\u2019s axis (units of state)", "orthogonal PC (units of state)"),
        x=x,
        y=y,
        velocity=np.stack([-0.5 * across, -7.0 * up], axis=-1),
    )
    rows = tuple(
        StimulusPoints(
            name=name,
            x=np.array([1.0, 0.5 - push / 2, 0.5 + push / 2]),
            points=points_at(["fixed"], [0.0], centre[None] + 20 * push * line),
            modes=around(centre[None] + 20 * push * line),
            centre=0,
            position=20 * push,
            push=10 * push,
        )
        for name, push in (
            ("fixation", 0.0), ("-51.2 %", -0.3), ("0 %", 0.0), ("+51.2 %", 0.3), ("decision", 0.0)
        )
    )  # fmt: skip
    mean = average_by(activity, signed)
    return Judged(fit_pca(activity), mean, verdict, field, rows, centre, line)


def _measured(line: np.ndarray) -> tuple[Integration, LinearResponse]:
    """Return what is measured of a leak of 0.95 a step along a line, over 20 steps of 100 ms."""
    weights = 0.95 ** np.arange(19.0, -1.0, -1.0)
    efficiency, early = efficiency_of(weights), early_of(weights)
    kept = 0.95 ** np.arange(1.0, 21.0)
    integration = Integration(
        accuracy=Estimate(0.95, 0.02),
        kernel=Kernel(
            weights, np.full(20, 0.02), Estimate(efficiency, 0.01), Estimate(early, 0.01)
        ),
        pulse=Pulse(Estimate(1.0, 0.001), Estimate(1.0, 0.001), line),
        decay=Decay(kept, Estimate(kept[-1], 0.001), -100 / np.log(0.95)),
        pushes=Pushes(Estimate(kept[-1], 0.001), Estimate(0.0, 0.001)),
        singular_values=np.array([kept[-1], *np.full(7, 0.3**20)]),
        long_run=LongRun(1.0, 0.0, 0.0, 0.0, 1, 0, np.nan, np.nan, 100.0),
        dt=100.0,
    )
    return integration, LinearResponse(weights, efficiency, early, 1.0, line)


def _linearisation(
    states: np.ndarray, matrix: np.ndarray, values: np.ndarray, vectors: np.ndarray
) -> Linearisation:
    """Return the linear map x -> A x, whose A is symmetric, as it is around any states."""
    n, units = states.shape
    return Linearisation(
        state=states,
        jacobian=np.broadcast_to(matrix, (n, units, units)).copy(),
        input_jacobian=np.zeros((n, units, 0)),
        eigenvalues=np.tile(values.astype(complex), (n, 1)),
        right=np.tile(vectors.astype(complex), (n, 1, 1)),
        left=np.tile(vectors.astype(complex), (n, 1, 1)),
        condition=np.ones(n),
        time_constant=np.tile(-100.0 / np.log(values), (n, 1)),
        frequency=np.zeros((n, units)),
        unstable=np.zeros(n, int),
        stability=np.full(n, "stable"),
        rotation=np.full(n, "node"),
        kink=np.zeros(n, bool),
        dt=100.0,
        marginal_band=1e-3,
    )
