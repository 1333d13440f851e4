import dataclasses

import numpy as np
import pytest
from built import (
    AXES,
    GAIN,
    OFFSET,
    REST,
    TASK,
    UNITS,
    examine,
    leaky,
    linear,
    rotating,
    switch,
    trials,
)
from small import points_at

from yang_rnn.analysis import fit_pca
from yang_rnn.dynamics.maps import speeds
from yang_rnn.dynamics.simulation import Trajectories, simulate
from yang_rnn.line_attractor.criteria import Thresholds
from yang_rnn.line_attractor.leaks import evidence_kept
from yang_rnn.line_attractor.verdict import line_attractor_verdict
from yang_rnn.model import CTRNN
from yang_rnn.recipe import Activation

PLANE = ["time constant over the second mode's", "evidence kept by the second mode"]


STIMULUS = 2000.0  # ms


@pytest.mark.parametrize("seconds", [0.2, 0.5, 0.7, 1.0, 2.0, 5.0, 20.0, 50.0, np.inf])
def test_integrators_are_judged_by_their_leak(seconds: float):
    found = examine(leaky(seconds))
    # Half of the stimulus, 1 s, keeps 76 % of the evidence; 0.5 s keeps less than half of it.
    expected = "line attractor" if seconds >= 1 else "point attractor(s)"
    assert found.label == ("inconclusive" if seconds == 0.7 else expected)
    m = found.measures
    assert m.eigenvalue.real == pytest.approx(np.exp(-0.1 / seconds), abs=1e-6)
    assert m.second_eigenvalue.real == pytest.approx(0.2, abs=1e-6)
    if np.isfinite(seconds):
        assert m.time_constant == pytest.approx(1000 * seconds, rel=1e-3)
        assert m.memory == pytest.approx(1000 * seconds, rel=1e-3)
    assert m.gain == pytest.approx(2 * GAIN)
    for cosine in (m.eigenvector_manifold, m.eigenvector_choice, m.selection_evidence):
        assert cosine == pytest.approx(1.0, abs=1e-3)
    if seconds >= 1:
        assert m.eigenvector_pc1 > 0.99
    assert m.participation_ratio == pytest.approx(1.0)
    assert m.curvature == pytest.approx(0.0, abs=1e-5)
    # What noise alone moves, an integrator keeps as far as its leak lets it.
    kept = evidence_kept(1000 * seconds, STIMULUS)
    assert m.evidence_r2_within == pytest.approx(kept, abs=0.06)
    assert m.time_r2 < 0.01


def test_drift_is_that_of_the_leak():
    found = examine(leaky(2.0))
    assert found.manifold is not None
    low, high = np.percentile(found.position, (5, 95))
    arc = found.manifold.arc
    arc = arc[(arc >= low) & (arc <= high)]
    # The second mode, of 62 ms, settles for one step.
    begun = np.abs(arc).mean() * np.exp(-0.1 / 2.0)
    expected = begun * (1 - np.exp(-1)) / 2.0 / (high - low)
    assert found.measures.drift == pytest.approx(expected, rel=1e-3)
    assert found.measures.persistence == pytest.approx(1 - (1 - np.exp(-1)) ** 2, rel=1e-3)


def test_an_integrator_that_grows_is_not_said_to_decay():
    found = examine(linear(1.02))
    # What grows by e^(T / tau) is as far from where it was as under a leak that takes as much.
    moved = 1.02**20 - 1
    assert found.measures.memory == pytest.approx(-2000 / np.log(1 - moved), rel=1e-3)
    assert "which grows with a time constant of 5.05 s" in found.reason
    assert "kept as by a leak with a time constant of 3.01 s" in found.reason
    assert "decays" not in found.reason


@pytest.mark.parametrize(("turns", "modulus"), [(0.5, 1.0), (1.0, 1.0), (3.0, 0.99), (2.0, 1.02)])
def test_rotations(turns: float, modulus: float):
    found = examine(rotating(turns, modulus))
    assert found.label == "rotation"
    assert found.manifold is None
    if modulus == 1:
        assert found.measures.turn == pytest.approx(2 * np.pi * turns, rel=1e-5)
    assert found.measures.state_time_r2 > 0.5


@pytest.mark.parametrize("strength", [1.5, 3.0])
def test_switches_are_point_attractors(strength: float):
    found = examine(switch(strength))
    assert found.label == "point attractor(s)"
    m = found.measures
    assert m.eigenvalue.real == pytest.approx(strength)
    assert (m.num_fixed, m.has_stable_point) == (3, True)
    assert m.persistence < 0.3


@pytest.mark.parametrize(
    ("strength", "evidence"), [(1.05, 0.1), (1.1, 0.1), (1.1, 0.3), (1.1, 1.0), (1.2, 1.0)]
)
def test_a_switch_is_no_line_attractor_however_slowly_it_falls(strength: float, evidence: float):
    net = switch(strength)
    net.set_weights(net.weights | {"w_ir": evidence * net.weights["w_ir"]})
    found = examine(net)
    assert found.label in ("point attractor(s)", "inconclusive")
    # Small positions are e^(T / tau) times as large after the stimulus' duration.
    assert found.measures.persistence < 0.25


def test_two_modes_that_outlast_the_stimulus_are_no_line():
    found = examine(linear(np.diag([0.99, 0.975])))
    assert found.label == "inconclusive"


@pytest.mark.parametrize("feed", [0.3, 3.0])
def test_memory_is_the_leaks_where_a_fast_mode_feeds_the_slow_one(feed: float):
    found = examine(linear([[np.exp(-0.1 / 3), feed], [0.0, 0.5]]))
    assert found.measures.memory == pytest.approx(3000, rel=0.03)
    assert found.label == "line attractor"


def test_points_of_another_input_or_network_are_refused():
    net = leaky(5.0)
    elsewhere = dataclasses.replace(TASK, rest=(1.0, 0.3, 0.7))
    points = examine(net, elsewhere).points
    with pytest.raises(ValueError, match="those of this system at the task's `rest`"):
        examine(net, points=points)
    fewer = dataclasses.replace(points, state=points.state[:, :3], start=points.start[:, :3])
    with pytest.raises(ValueError, match="`points` must have the system's 16 units; got 3"):
        examine(net, points=fewer)


def test_too_few_trials_decide_nothing():
    found = line_attractor_verdict(leaky(5.0).system(), trials(9), TASK)
    assert found.label == "inconclusive"
    assert np.isnan(found.measures.evidence_r2)


def test_evidence_that_pushes_the_wrong_way_is_not_integrated():
    net = leaky(5.0)
    net.set_weights(net.weights | {"w_ro": -net.weights["w_ro"]})
    found = examine(net)
    assert found.measures.gain == pytest.approx(-2 * GAIN)
    assert found.measures.evidence_r2 == 0.0
    assert found.label == "inconclusive"


def test_a_sink_is_a_point_attractor():
    found = examine(linear(0.3))
    assert found.label == "point attractor(s)"
    assert found.measures.num_fixed == 1
    assert found.measures.persistence < 0.01


def noisy(units: int, activation: Activation, gain: float, seed: int) -> CTRNN:
    """Return a network with independent recurrent weights."""
    net = CTRNN(3, units, 3, dt=100.0, activation=activation, seed=0)
    noise = np.random.default_rng(seed).normal(size=(units, units)) * gain / np.sqrt(units)
    net.set_weights(net.weights | {"w_rr": noise})
    return net


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize(("activation", "gain"), [("tanh", 4.0), ("relu", 2.0)])
def test_noise_weights_have_no_slow_structure(activation: Activation, gain: float, seed: int):
    system = noisy(UNITS, activation, gain, seed).system()
    assert line_attractor_verdict(system, trials(10), TASK).label == "no slow structure"


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize(("activation", "gain"), [("tanh", 2.5), ("relu", 2.0)])
def test_noise_weights_of_many_units_have_no_slow_structure(
    activation: Activation, gain: float, seed: int
):
    system = noisy(64, activation, gain, seed).system()
    assert line_attractor_verdict(system, trials(50), TASK).label == "no slow structure"


def test_a_plane_of_fixed_points_is_no_line():
    found = examine(linear(np.eye(2)))
    assert found.label == "inconclusive"
    assert [c.name for c in found.criteria if c.outcome != "for"] == PLANE


@pytest.mark.parametrize("modulus", [1.0, 0.99])
def test_a_plane_that_hardly_turns_is_no_line(modulus: float):
    # 0.06 rad in two seconds: too little for a rotation, but both directions hold their state.
    turn = [[np.cos(0.003), -np.sin(0.003)], [np.sin(0.003), np.cos(0.003)]]
    found = examine(linear(modulus * np.array(turn)))
    assert found.measures.turn == pytest.approx(0.06, rel=1e-3)
    assert found.label == "inconclusive"
    assert [c.name for c in found.criteria if c.outcome != "for"] == PLANE


def test_states_that_never_move_do_not_rotate():
    # The map would turn a state, but all stay at its fixed point 0.
    net = switch(0.0)
    zeros = {name: np.zeros_like(value) for name, value in net.weights.items()}
    turn = [[np.cos(0.3), -np.sin(0.3)], [np.sin(0.3), np.cos(0.3)]]
    net.set_weights(zeros | {"w_rr": AXES[:, 1:3] @ turn @ AXES[:, 1:3].T})
    found = examine(net)
    assert found.measures.turn == pytest.approx(6.0)
    assert found.label == "inconclusive"
    assert "the state never changes" in found.reason


def test_a_slow_turn_is_neither_line_nor_rotation():
    assert examine(rotating(0.1)).label == "inconclusive"


def test_selection_vector_of_a_network_that_is_not_normal():
    # Column 2 feeds column 1: the left eigenvector is (1, 3 / (0.99 - 0.2)) on the two.
    net = linear([[0.99, 3.0], [0.0, 0.2]])
    mixed = (AXES[:, 1] + AXES[:, 2]) / 2
    weights = net.weights
    net.set_weights(weights | {"w_ir": np.stack([0 * mixed, -mixed, mixed])})
    m = examine(net).measures
    left = np.array([1.0, 3 / 0.79])
    assert m.gain == pytest.approx(left.sum(), rel=1e-4)
    assert m.selection_evidence == pytest.approx(
        left.sum() / np.linalg.norm(left) / np.sqrt(2), rel=1e-4
    )


def test_inactive_units_take_no_evidence():
    net = leaky(5.0)
    silent = net.weights | {"b_rr": net.weights["b_rr"] - 1e3 * (np.arange(UNITS) == 3)}
    net.set_weights(silent)
    found = examine(net)
    assert found.modes is not None
    assert not found.modes.input_jacobian[0, 3].any()


def test_centre_far_from_the_trajectories_is_inconclusive():
    net = leaky(5.0)
    state = examine(net).points.state[:1] + 500 * AXES[:, 6]
    far = points_at(["slow"], speeds(net.system().at(REST), state), state)
    assert examine(net, points=far).label == "inconclusive"


def test_another_input_without_evidence_moves_the_centre():
    found = examine(leaky(5.0), dataclasses.replace(TASK, rest=(1.0, 0.4, 0.6)))
    shift = (found.points.state[0] - OFFSET) @ AXES[:, 1]
    assert shift == pytest.approx(0.2 * GAIN / (1 - np.exp(-0.02)), rel=1e-4)


def test_positions_grow_towards_choice_2():
    found = examine(leaky(5.0))
    assert np.corrcoef(found.position, found.evidence)[0, 1] > 0.99


def test_without_a_manifold_the_position_is_the_score_on_pc_1():
    system = rotating(2.0).system()
    activity = simulate(system, trials().inputs).activity.astype(float)
    pca = fit_pca(activity)
    found = line_attractor_verdict(system, trials(), TASK, pca=pca)
    assert found.manifold is None
    end = trials().periods["stimulus"].stop - 1
    score = pca.transform(activity[end])[:, 0]
    sign = np.sign(found.position @ score)
    np.testing.assert_allclose(found.position, sign * score, atol=1e-4)


def test_a_network_that_always_answers_the_same_is_examined_too():
    net = leaky(5.0)
    net.set_weights(net.weights | {"b_ro": np.array([-100.0, 0.0, 1000.0])})
    m = examine(net).measures
    assert np.isnan(m.position_choice)
    assert np.isnan(m.eigenvector_choice)
    assert m.evidence_r2 > 0.99


def test_without_noise_nothing_is_to_be_explained_within_a_strength():
    found = line_attractor_verdict(leaky(5.0).system(), trials(noise_sigma=0.0), TASK)
    assert found.measures.evidence_r2 > 0.99
    assert np.isnan(found.measures.evidence_r2_within)


def test_one_unit_can_be_a_line():
    net = CTRNN(3, 1, 3, seed=0)
    evidence = np.array([[0.0], [-1.0], [1.0]])
    readout = {"w_ro": evidence.T, "b_ro": np.array([-100.0, 20.0, -20.0])}
    # Fixed at 20, where the relu is not felt.
    leak = {"w_rr": np.array([[0.98]]), "b_rr": np.array([0.4]), "w_ir": evidence}
    net.set_weights(leak | readout)
    found = examine(net, points=points_at(["fixed"], [0.0], [[20.0]]))
    assert found.measures.eigenvalue == pytest.approx(0.98)
    assert np.isnan(found.measures.second_eigenvalue)
    assert found.measures.memory == pytest.approx(-100 / np.log(0.98), rel=1e-3)


def test_what_is_there_already_is_taken():
    system = leaky(5.0).system()
    fresh = line_attractor_verdict(system, trials(), TASK)
    trajectories = simulate(system, trials().inputs)
    again = line_attractor_verdict(
        system, trials(), TASK, trajectories=trajectories, points=fresh.points,
        pca=fit_pca(trajectories.activity, 1),
    )  # fmt: skip
    assert again.points is fresh.points
    assert again.measures == fresh.measures
    moved = trajectories._replace(activity=trajectories.activity[:, ::-1])
    other = line_attractor_verdict(system, trials(), TASK, trajectories=moved, points=fresh.points)
    assert other.measures.evidence_r2 < 0.1


def test_thresholds_can_be_given():
    strict = examine(leaky(5.0), thresholds=Thresholds(keeps=0.999))
    assert strict.label == "inconclusive"


def test_progress_of_the_search_is_told():
    told = []
    line_attractor_verdict(
        leaky(5.0).system(), trials(10), TASK, on_progress=lambda *args: told.append(args)
    )
    assert told[-1][0] == told[-1][1] > 0


@pytest.mark.parametrize("seconds", [0.2, 5.0])
@pytest.mark.parametrize("scale", [1e-4, 1e3])
def test_the_units_of_the_state_make_no_difference(seconds: float, scale: float):
    net = leaky(seconds)
    plain, w = examine(net), net.weights
    scaled = {"w_ir": scale * w["w_ir"], "b_rr": scale * w["b_rr"], "w_ro": w["w_ro"] / scale}
    net.set_weights(w | scaled)
    found = examine(net)
    assert found.label == plain.label
    for name in ("time_constant", "evidence_r2", "memory", "relative_length", "centre_distance"):
        expected = getattr(plain.measures, name)
        assert getattr(found.measures, name) == pytest.approx(expected, rel=1e-3)
    for name in ("gain", "span", "length"):
        expected = scale * getattr(plain.measures, name)
        assert getattr(found.measures, name) == pytest.approx(expected, rel=1e-3)


def test_the_time_step_is_the_systems():
    # The same weights in steps of half the time: half the time constant.
    slow = examine(leaky(5.0)).measures.time_constant
    faster = dataclasses.replace(leaky(5.0).system(), dt=50.0)
    assert line_attractor_verdict(faster, trials(), TASK).measures.time_constant == pytest.approx(
        slow / 2
    )


def test_system_trials_and_task_must_fit():
    system, some = leaky(1.0).system(), trials(5)
    with pytest.raises(ValueError, match="`inputs` must be those that the system takes"):
        line_attractor_verdict(system, some._replace(inputs=some.inputs[..., :2]), TASK)
    with pytest.raises(ValueError, match="`x` must be an input that the system takes; 2 channels"):
        line_attractor_verdict(
            system, some, dataclasses.replace(TASK, rest=(1.0, 0.5), evidence=(0.0, 1.0))
        )
    with pytest.raises(ValueError, match="a period 'wait'"):
        line_attractor_verdict(system, some, dataclasses.replace(TASK, stimulus="wait"))
    with pytest.raises(ValueError, match="a condition 'contrast'"):
        line_attractor_verdict(system, some, dataclasses.replace(TASK, condition="contrast"))
    with pytest.raises(ValueError, match="more than 3 outputs"):
        line_attractor_verdict(system, some, dataclasses.replace(TASK, outputs=(1, 3)))
    silent = dataclasses.replace(system, readout=None)
    with pytest.raises(ValueError, match="`system` must have a readout"):
        line_attractor_verdict(silent, some, TASK)
    others = Trajectories(np.zeros((22, 4, UNITS)), np.zeros((22, 4, 3)))
    with pytest.raises(ValueError, match=r"`trajectories.activity` must have shape \(22, 5, 16\)"):
        line_attractor_verdict(system, some, TASK, trajectories=others)


def test_a_verdict_says_itself_and_its_reason():
    found = examine(leaky(5.0))
    assert repr(found) == f"Verdict(line attractor: {found.reason})"
