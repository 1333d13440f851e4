import dataclasses
from typing import Any

import numpy as np
import pytest
from built import AXES, GAIN, LINEAR, OFFSET, TANH, UNITS, leaky, linear, rotating, switch
from small import points_at

from yang_rnn.analysis import fit_pca
from yang_rnn.line_attractor import Verdict, line_attractor_verdict
from yang_rnn.maps import speeds
from yang_rnn.model import CTRNN
from yang_rnn.recipe import NOTEBOOK, Activation, Recipe
from yang_rnn.task import PerceptualDecisionMaking
from yang_rnn.verdict import evidence_kept

PLANE = ["time constant over the second mode's", "evidence kept by the second mode"]


def examine(net: CTRNN, recipe: Recipe, **options: Any) -> Verdict:
    trials = PerceptualDecisionMaking.from_recipe(recipe, seed=5).sample_trials(200)
    return line_attractor_verdict(net, trials, recipe=recipe, **options)


@pytest.mark.parametrize("seconds", [0.2, 0.5, 0.7, 1.0, 2.0, 5.0, 20.0, 50.0, np.inf])
def test_integrators_are_judged_by_their_leak(seconds: float):
    found = examine(leaky(seconds), LINEAR)
    # Half of the stimulus, 1 s, keeps 76 % of the evidence; 0.5 s keeps less than half of it.
    expected = "line attractor" if seconds >= 1 else "point attractor(s)"
    assert found.verdict == ("inconclusive" if seconds == 0.7 else expected)
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
    kept = evidence_kept(1000 * seconds, LINEAR.stimulus)
    assert m.evidence_r2_within == pytest.approx(kept, abs=0.06)
    assert m.time_r2 < 0.01


def test_drift_is_that_of_the_leak():
    found = examine(leaky(2.0), LINEAR)
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
    found = examine(linear(1.02), LINEAR)
    # What grows by e^(T / tau) is as far from where it was as under a leak that takes as much.
    moved = 1.02**20 - 1
    assert found.measures.memory == pytest.approx(-2000 / np.log(1 - moved), rel=1e-3)
    assert "which grows with a time constant of 5.05 s" in found.reason
    assert "kept as by a leak with a time constant of 3.01 s" in found.reason
    assert "decays" not in found.reason


@pytest.mark.parametrize(("turns", "modulus"), [(0.5, 1.0), (1.0, 1.0), (3.0, 0.99), (2.0, 1.02)])
def test_rotations(turns: float, modulus: float):
    found = examine(rotating(turns, modulus), LINEAR)
    assert found.verdict == "rotation"
    assert found.manifold is None
    if modulus == 1:
        assert found.measures.turn == pytest.approx(2 * np.pi * turns, rel=1e-5)
    assert found.measures.state_time_r2 > 0.5


@pytest.mark.parametrize("strength", [1.5, 3.0])
def test_switches_are_point_attractors(strength: float):
    found = examine(switch(strength), TANH)
    assert found.verdict == "point attractor(s)"
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
    found = examine(net, TANH)
    assert found.verdict in ("point attractor(s)", "inconclusive")
    # Small positions are e^(T / tau) times as large after the stimulus' duration.
    assert found.measures.persistence < 0.25


def test_two_modes_that_outlast_the_stimulus_are_no_line():
    found = examine(linear(np.diag([0.99, 0.975])), LINEAR)
    assert found.verdict == "inconclusive"


@pytest.mark.parametrize("feed", [0.3, 3.0])
def test_memory_is_the_leaks_where_a_fast_mode_feeds_the_slow_one(feed: float):
    found = examine(linear([[np.exp(-0.1 / 3), feed], [0.0, 0.5]]), LINEAR)
    assert found.measures.memory == pytest.approx(3000, rel=0.03)
    assert found.verdict == "line attractor"


def test_points_of_another_stimulus_are_refused():
    net = leaky(5.0)
    points = examine(net, LINEAR, stimulus=(1.0, 0.3, 0.7)).points
    with pytest.raises(ValueError, match="those of this network at this stimulus"):
        examine(net, LINEAR, points=points)
    with pytest.raises(ValueError, match="16 units; got 3"):
        examine(net, LINEAR, points=dataclasses.replace(points, state=points.state[:, :3],
                                                        start=points.start[:, :3]))  # fmt: skip


def test_too_few_trials_decide_nothing():
    trials = PerceptualDecisionMaking.from_recipe(LINEAR, seed=5).sample_trials(9)
    found = line_attractor_verdict(leaky(5.0), trials, recipe=LINEAR)
    assert found.verdict == "inconclusive"
    assert np.isnan(found.measures.evidence_r2)


def test_evidence_that_pushes_the_wrong_way_is_not_integrated():
    net = leaky(5.0)
    net.set_weights(net.weights | {"w_ro": -net.weights["w_ro"]})
    found = examine(net, LINEAR)
    assert found.measures.gain == pytest.approx(-2 * GAIN)
    assert found.measures.evidence_r2 == 0.0
    assert found.verdict == "inconclusive"


def test_network_and_recipe_must_agree():
    with pytest.raises(ValueError, match=r"dt / tau, 0\.5; its alpha is 1"):
        examine(leaky(5.0), dataclasses.replace(LINEAR, tau=200.0))


def test_a_sink_is_a_point_attractor():
    found = examine(linear(0.3), LINEAR)
    assert found.verdict == "point attractor(s)"
    assert found.measures.num_fixed == 1
    assert found.measures.persistence < 0.01


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize(("activation", "gain"), [("tanh", 2.5), ("relu", 2.0)])
def test_noise_weights_have_no_slow_structure(activation: Activation, gain: float, seed: int):
    recipe = dataclasses.replace(NOTEBOOK, activation=activation, analysis_trials=50)
    net = CTRNN.from_recipe(recipe)
    noise = np.random.default_rng(seed).normal(size=(64, 64)) * gain / 8
    net.set_weights(net.weights | {"w_rr": noise})
    assert examine(net, recipe).verdict == "no slow structure"


def test_a_plane_of_fixed_points_is_no_line():
    found = examine(linear(np.eye(2)), LINEAR)
    assert found.verdict == "inconclusive"
    assert [c.name for c in found.criteria if c.outcome != "for"] == PLANE


@pytest.mark.parametrize("modulus", [1.0, 0.99])
def test_a_plane_that_hardly_turns_is_no_line(modulus: float):
    # 0.06 rad in two seconds: too little for a rotation, but both directions hold their state.
    turn = [[np.cos(0.003), -np.sin(0.003)], [np.sin(0.003), np.cos(0.003)]]
    found = examine(linear(modulus * np.array(turn)), LINEAR)
    assert found.measures.turn == pytest.approx(0.06, rel=1e-3)
    assert found.verdict == "inconclusive"
    assert [c.name for c in found.criteria if c.outcome != "for"] == PLANE


def test_states_that_never_move_do_not_rotate():
    # The map would turn a state, but all stay at its fixed point 0.
    net = CTRNN(3, 2, 3, activation="tanh", seed=0)
    zeros = {name: np.zeros_like(value) for name, value in net.weights.items()}
    turn = [[np.cos(0.3), -np.sin(0.3)], [np.sin(0.3), np.cos(0.3)]]
    net.set_weights(zeros | {"w_rr": np.array(turn)})
    found = examine(net, dataclasses.replace(TANH, hidden=2))
    assert found.measures.turn == pytest.approx(6.0)
    assert found.verdict == "inconclusive"
    assert "the state never changes" in found.reason


def test_a_slow_turn_is_neither_line_nor_rotation():
    assert examine(rotating(0.1), LINEAR).verdict == "inconclusive"


def test_selection_vector_of_a_network_that_is_not_normal():
    # Column 2 feeds column 1: the left eigenvector is (1, 3 / (0.99 - 0.2)) on the two.
    net = linear([[0.99, 3.0], [0.0, 0.2]])
    mixed = (AXES[:, 1] + AXES[:, 2]) / 2
    weights = net.weights
    net.set_weights(weights | {"w_ir": np.stack([0 * mixed, -mixed, mixed])})
    m = examine(net, LINEAR).measures
    left = np.array([1.0, 3 / 0.79])
    assert m.gain == pytest.approx(left.sum(), rel=1e-4)
    assert m.selection_evidence == pytest.approx(
        left.sum() / np.linalg.norm(left) / np.sqrt(2), rel=1e-4
    )


def test_inactive_units_take_no_evidence():
    net = leaky(5.0)
    silent = net.weights | {"b_rr": net.weights["b_rr"] - 1e3 * (np.arange(UNITS) == 3)}
    net.set_weights(silent)
    found = examine(net, LINEAR)
    assert found.modes is not None
    assert not found.modes.input_jacobian[0, 3].any()


def test_centre_far_from_the_trajectories_is_inconclusive():
    net = leaky(5.0)
    points_of = examine(net, LINEAR).points
    state = points_of.state[:1] + 500 * AXES[:, 6]
    far = points_at(["slow"], speeds(net.state_map(LINEAR.search_input), state), state)
    assert examine(net, LINEAR, points=far).verdict == "inconclusive"


def test_another_stimulus_moves_the_centre():
    found = examine(leaky(5.0), LINEAR, stimulus=(1.0, 0.4, 0.6))
    shift = (found.points.state[0] - OFFSET) @ AXES[:, 1]
    assert shift == pytest.approx(0.2 * GAIN / (1 - np.exp(-0.02)), rel=1e-4)


def test_positions_grow_towards_choice_2():
    found = examine(leaky(5.0), LINEAR)
    assert np.corrcoef(found.position, found.evidence)[0, 1] > 0.99


def test_without_a_manifold_the_position_is_the_score_on_pc_1():
    net = rotating(2.0)
    trials = PerceptualDecisionMaking.from_recipe(LINEAR, seed=5).sample_trials(200)
    activity = np.asarray(net.predict(trials.inputs)[0], np.float64)
    pca = fit_pca(activity)
    found = line_attractor_verdict(net, trials, recipe=LINEAR, pca=pca)
    assert found.manifold is None
    end = PerceptualDecisionMaking.from_recipe(LINEAR).time_mask("stimulus").nonzero()[0][-1]
    score = pca.transform(activity[end])[:, 0]
    sign = np.sign(found.position @ score)
    np.testing.assert_allclose(found.position, sign * score, atol=1e-4)


def test_a_network_that_always_answers_the_same_is_examined_too():
    net = leaky(5.0)
    net.set_weights(net.weights | {"b_ro": np.array([-100.0, 0.0, 1000.0])})
    m = examine(net, LINEAR).measures
    assert np.isnan(m.position_choice)
    assert np.isnan(m.eigenvector_choice)
    assert m.evidence_r2 > 0.99


def test_without_noise_nothing_is_to_be_explained_within_a_coherence():
    found = examine(leaky(5.0), dataclasses.replace(LINEAR, noise=0.0))
    assert found.measures.evidence_r2 > 0.99
    assert np.isnan(found.measures.evidence_r2_within)


def test_one_unit_can_be_a_line():
    net = CTRNN(3, 1, 3, seed=0)
    evidence = np.array([[0.0], [-1.0], [1.0]])
    readout = {"w_ro": evidence.T, "b_ro": np.array([-100.0, 20.0, -20.0])}
    # Fixed at 20, where the relu is not felt.
    leak = {"w_rr": np.array([[0.98]]), "b_rr": np.array([0.4]), "w_ir": evidence}
    net.set_weights(leak | readout)
    found = examine(net, LINEAR, points=points_at(["fixed"], [0.0], [[20.0]]))
    assert found.measures.eigenvalue == pytest.approx(0.98)
    assert np.isnan(found.measures.second_eigenvalue)
    assert found.measures.memory == pytest.approx(-100 / np.log(0.98), rel=1e-3)


def test_two_choices_and_the_recipes_trials_are_asked_for():
    trials = PerceptualDecisionMaking(seed=0).sample_trials(5)
    with pytest.raises(ValueError, match="two choices"):
        line_attractor_verdict(CTRNN(4, 8, 4), trials, recipe=Recipe(choices=3))
    with pytest.raises(ValueError, match="32 steps; got 22"):
        line_attractor_verdict(leaky(1.0), trials, recipe=Recipe(hidden=16, delay=1000.0))
