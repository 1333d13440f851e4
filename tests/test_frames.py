import numpy as np
import pandas
import pytest
from small import points_at

import yang_rnn as yr
from yang_rnn._frames import frame_of
from yang_rnn.experiment.run import Run
from yang_rnn.line_attractor.evidence_modes import evidence_modes


def test_complex_column_becomes_two_and_a_number_stands_in_every_row():
    frame = frame_of({"value": np.array([1 + 2j, 3 - 4j]), "of": "mode"})
    assert frame.to_dict("list") == {
        "value_real": [1, 3], "value_imag": [2, -4], "of": ["mode", "mode"],
    }  # fmt: skip


def test_history_has_a_row_an_epoch():
    frame = yr.History(np.array([2.0, 1.0]), np.array([0.5, 0.75])).to_frame()
    assert frame.columns.tolist() == ["epoch", "loss", "accuracy"]
    assert frame.to_numpy().tolist() == [[1, 2.0, 0.5], [2, 1.0, 0.75]]


def test_behaviour_has_a_row_a_level(small_run: Run):
    by_coherence, psychometric = small_run.tested.by_coherence, small_run.tested.psychometric
    assert psychometric is not None
    frame = by_coherence.to_frame()
    assert frame.columns.tolist() == list(by_coherence._fields)
    assert frame["accuracy"].tolist() == by_coherence.accuracy.tolist()
    assert psychometric.to_frame()["strength"].tolist() == psychometric.strength.tolist()
    assert len(by_coherence._replace(ideal=None).to_frame()["ideal"].dropna()) == 0


def test_performance_begins_with_all_trials(small_task_run: yr.TaskRun):
    found = small_task_run.tested
    frame = found.to_frame()
    assert frame["accuracy"].tolist()[0] == found.accuracy
    assert frame["num_trials"].tolist()[0] == found.num_trials
    assert frame["condition"].tolist()[0] == ""
    assert np.isnan(frame["level"].tolist()[0])
    for name, each in found.by_condition.items():
        part = frame[frame["condition"] == name]
        assert part["level"].tolist() == each.level.tolist()
        assert sum(part["num_trials"].tolist()) == found.num_trials


def test_trials_have_a_row_a_trial_and_keep_a_condition_apart_from_the_choice():
    trials = yr.PerceptualDecisionMaking(seed=0).sample_trials(5)
    frame = trials.to_frame()
    assert frame.columns.tolist() == ["trial", "coherence", "choice"]
    assert frame["coherence"].tolist() == trials.conditions["coherence"].tolist()
    named = trials._replace(conditions={"choice": np.arange(5)}).to_frame()
    assert named["condition choice"].tolist() == [0, 1, 2, 3, 4]
    assert named["choice"].tolist() == list(trials.choice)


def test_modes_have_a_row_each():
    angle = 0.5
    turn = 0.9 * np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    system = yr.System(lambda x, h: turn @ h + x, dt=10.0, initial_state=np.zeros(2))
    points = yr.find_fixed_points(system.at([0.0, 0.0]), np.ones((2, 2)))
    frame = yr.linearise(system.at([0.0, 0.0]), points).to_frame()
    assert frame[["point", "mode"]].to_numpy().tolist() == [[0, 0], [0, 1], [1, 0], [1, 1]]
    values = frame["eigenvalue_real"] + 1j * frame["eigenvalue_imag"]
    np.testing.assert_allclose(np.abs(values), 0.9)
    np.testing.assert_allclose(frame["frequency"], angle / (2 * np.pi * 0.010))
    assert frame["rotation"].tolist() == ["spiral"] * 4


@pytest.fixture(scope="module")
def line() -> yr.System:
    """A line of slow points along the first unit, which all else falls to."""
    pull = np.diag([0.999, 0.5])
    return yr.System(lambda x, h: pull @ h + x, dt=10.0, initial_state=np.zeros(2))


def test_curves_have_a_row_a_point(line: yr.System):
    F, begin, along = line.at([0.0, 0.0]), np.zeros(2), np.array([1.0, 0.0])
    curve = yr.invariant_manifold(F, begin, along, -1.0, 1.0)
    frame = curve.to_frame()
    assert len(frame) == len(curve)
    assert frame["state_0"].tolist() == curve.state[:, 0].tolist()
    np.testing.assert_allclose(frame["arc"], frame["state_0"], atol=1e-12)
    np.testing.assert_allclose(
        frame["velocity"], -0.1 * frame["arc"], atol=1e-9
    )  # (1 - 0.999) / dt
    slow = yr.trace_slow_manifold(F, begin, along, -1.0, 1.0)
    assert slow.to_frame()["state_0"].tolist() == slow.state[:, 0].tolist()


def test_flow_has_a_row_a_place(line: yr.System):
    states = np.random.default_rng(0).normal(size=(50, 2))
    flow = yr.flow_field(line.at([0.0, 0.0]), states, axis=[1.0, 0.0], origin=[0.0, 0.0], grid=4)
    frame = flow.to_frame()
    assert len(frame) == 16
    np.testing.assert_allclose(frame["velocity_x"], -0.1 * frame["x"], atol=1e-5)
    np.testing.assert_allclose(frame["velocity_y"], -50 * frame["y"], atol=1e-4)


def test_lists_of_fixed_points_have_a_row_a_point():
    net = yr.CTRNN(1, 3, 1, dt=10.0, tau=20.0, activation="tanh", seed=0)
    F = net.system().at([0.0])
    points = yr.find_fixed_points(F, np.zeros((1, 3)))
    assert yr.fixed_point_index(F, points).to_frame()["counted"].tolist() == [True]
    found = yr.search_by_index(F, points, rounds=1, starts=4)
    assert found.to_frame()["index"].tolist() == found.index.index.tolist()
    enclosed = net.enclose_fixed_points([0.0]).to_frame()
    assert enclosed[["points_0", "points_1", "points_2"]].to_numpy().shape == (len(enclosed), 3)


def test_numbers_of_a_verdict(small_run: Run):
    verdict = small_run.verdict
    assert verdict is not None
    assert verdict.to_frame()["outcome"].tolist() == [each.outcome for each in verdict.criteria]
    numbers = verdict.measures.to_frame()
    assert len(numbers) == 1
    assert numbers.loc[0, "eigenvalue_real"] == verdict.measures.eigenvalue.real
    assert numbers.loc[0, "accuracy"] == verdict.measures.accuracy
    steps = len(verdict.response.weights)
    assert len(verdict.response.to_frame()) == len(verdict.integration.kernel.to_frame()) == steps


def test_shares_of_modes():
    rate = np.diag([0.9, 0.5])
    system = yr.System(lambda x, h: rate @ h + x, dt=10.0, initial_state=np.zeros(2))
    modes = yr.linearise(system.at([0.0, 0.0]), np.zeros((1, 2)))
    found = evidence_modes(modes, np.array([1.0, 0.0]), np.ones(2), 10)
    assert found.to_frame()["share"].tolist() == [1.0, 0.0]


def test_points_keep_their_columns():
    frame = points_at(["fixed", "slow"], [0.0, 1e-3], np.eye(2)).to_frame()
    assert isinstance(frame, pandas.DataFrame)
    assert frame["status"].tolist() == ["fixed", "slow"]
