"""All of the analysis and every figure, of a GRU and an LSTM of PyTorch; FixedPointFinder's tests.

The networks are not trained: what is looked at is that each function takes states of gated units,
of (h, c) too.
"""

import itertools
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from matplotlib.backends.backend_agg import FigureCanvasAgg

import yang_rnn as yr
from yang_rnn import figures
from yang_rnn.line_attractor.criteria import VERDICTS

torch: Any = pytest.importorskip("torch", reason="the networks are PyTorch's")

TASK = yr.PerceptualDecisionMaking(seed=0)
TRIALS = TASK.sample_trials(40)
ALTERNATIVES = TASK.two_alternatives()


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["GRU", "LSTM"])
def test_a_gated_network_goes_through_all_of_it(kind: str, tmp_path: Path):
    torch.manual_seed(0)
    rnn = getattr(torch.nn, kind)(TASK.num_inputs, 8)
    system = yr.from_torch(rnn, dt=TASK.dt, readout=torch.nn.Linear(8, TASK.num_outputs))
    trajectories = yr.simulate(system, TRIALS.inputs)
    activity, outputs = trajectories
    pca = yr.fit_pca(activity)
    F = system.at(ALTERNATIVES.rest)
    points = yr.find_fixed_points(F, yr.trajectory_states(activity)).with_status("fixed").unique()
    assert len(points) >= 1
    assert not points.far.any()
    low, high = system.bounds
    assert ((points.state >= low) & (points.state <= high)).all()
    again = yr.FixedPoints.load(points.save(tmp_path / "points"))
    np.testing.assert_array_equal(again.state, points.state)

    modes = yr.linearise(F, points)
    units = system.num_units
    assert modes.jacobian.shape == (len(points), units, units)
    towards = modes.right[0, 0].real
    manifold = yr.trace_slow_manifold(F, points.state[0], towards, -0.1, 0.1)
    assert manifold.state.shape[1] == units
    field = yr.flow_field(F, activity, grid=5)
    verdict = yr.line_attractor_verdict(system, TRIALS, ALTERNATIVES, trajectories=trajectories)
    assert verdict.label in VERDICTS
    mean = yr.average_by(activity, ALTERNATIVES.signed_strength(TRIALS))
    rows = yr.stimulus_dependence(system, activity, {"right": (1.0, 0.4, 0.6)}, verdict)
    assert outputs is not None
    measured = yr.psychometric_function(outputs, TRIALS, ALTERNATIVES)
    assert 0 <= yr.accuracy(outputs, TRIALS) <= 1
    assert len(yr.accuracy_by_condition(outputs, TRIALS, "coherence").level)
    assert len(yr.find_slow_points(F, activity[:, :4]).state)

    for figure in (
        figures.trajectories(activity, trials=TRIALS, pca=pca),
        figures.slow_points(points, activity=activity, pca=pca, trials=TRIALS, modes=modes),
        figures.eigenvalues(modes[0]),
        figures.averages(mean, pca=pca, verdict=verdict),
        figures.line_attractor(verdict, mean=mean, pca=pca),
        figures.stimulus_dependence(rows, verdict=verdict, mean=mean, pca=pca),
        figures.flow_field(field, mean=mean, verdict=verdict),
        figures.psychometric(measured),
    ):
        FigureCanvasAgg(figure).draw()


# FixedPointFinder, test/ground-truth of https://github.com/mattgolub/fixed-point-finder at 1a30417;
# its test_utils.py has the weights. Points come in pairs h, -h, and there is one at 0.
GROUND_TRUTH = {
    2: [[0.95750403, -0.95750403]],
    3: [[0.94979572, -0.42550233, -0.87989402]],
    4: [
        [0.96289188, 0.52523530, -0.96289188, -0.52523518],
        [0.87726313, -0.56969619, 0.33974499, -0.78964770],
        [0.77551639, -0.77551639, 0.77551633, -0.77551639],
        [0.33974501, -0.78964770, 0.87726313, -0.56969619],
    ],
}


@pytest.mark.parametrize("hidden", [2, 3, 4])
def test_fixed_points_are_those_that_fixed_point_finder_has_as_ground_truth(hidden: int):
    values = np.linspace(-1, 1, hidden)
    rows = np.array([-np.roll(values, -k) for k in range(hidden)])  # h @ rows
    cell = torch.nn.RNNCell(1, hidden, bias=False)
    with torch.no_grad():
        cell.weight_ih.zero_()
        cell.weight_hh.copy_(torch.from_numpy(rows.T))
    grid = np.array(list(itertools.product([-1.0, 0.0, 1.0], repeat=hidden)))
    F = yr.from_torch(cell, dt=1.0).at([0.0])
    points = yr.find_fixed_points(F, grid).with_status("fixed").unique()
    half = np.array(GROUND_TRUTH[hidden])
    expected = np.concatenate([half, -half, np.zeros((1, hidden))])
    assert len(points) == len(expected)
    gaps = np.abs(points.state[:, None] - expected[None]).max(axis=2)
    assert (gaps.min(axis=0) < 1e-6).all()  # stored in float32
    assert (gaps.min(axis=1) < 1e-6).all()
