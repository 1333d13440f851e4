import dataclasses
import functools
from collections.abc import Callable
from typing import Any

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
from hidden import chain, read_half_way
from small import points_at

from yang_rnn.analysis import fit_pca
from yang_rnn.dynamics.maps import speeds
from yang_rnn.dynamics.simulation import Trajectories, simulate
from yang_rnn.line_attractor.kernel import efficiency_of
from yang_rnn.line_attractor.leaks import evidence_kept
from yang_rnn.line_attractor.thresholds import Thresholds
from yang_rnn.line_attractor.verdict import Verdict, line_attractor_verdict
from yang_rnn.model import CTRNN
from yang_rnn.recipe import Activation
from yang_rnn.task import PerceptualDecisionMaking

STIMULUS = 2000.0  # ms
STEPS = 20


def kept_by(leak: float) -> float:
    """Return the efficiency of weights that fall by a factor each step."""
    return efficiency_of(leak ** np.arange(STEPS))


@functools.cache
def found_of(build: Callable[..., Any], *numbers: float) -> Verdict:
    """Return the verdict on a built network, the same for all tests."""
    built = build(*numbers)
    if isinstance(built, CTRNN):
        return examine(built)
    return line_attractor_verdict(built, trials(), TASK)


@pytest.mark.parametrize("seconds", [0.2, 0.3, 0.7, 0.8, 1.0, 2.0, 5.0, 20.0])
def test_leaks_are_judged_by_what_they_keep(seconds: float):
    found = found_of(leaky, seconds)
    kept = evidence_kept(1000 * seconds, STIMULUS)
    does = "line attractor" if kept >= 0.75 else "leaky integrator" if kept >= 0.5 else "fast leak"
    assert (found.label, found.near) == (does, "")
    assert found.mechanism == ("slow direction" if kept >= 0.5 else "fast fixed point")


@pytest.mark.parametrize("seconds", [0.2, 1.0, 5.0, np.inf])
def test_the_numbers_of_a_leak_are_its_formulas(seconds: float):
    found, leak = found_of(leaky, seconds), np.exp(-0.1 / seconds)
    m = found.measures
    assert m.eigenvalue.real == pytest.approx(leak, abs=1e-6)
    assert m.driven_eigenvalue == m.eigenvalue
    assert m.second_eigenvalue.real == pytest.approx(0.2, abs=1e-6)
    if np.isfinite(seconds):
        for constant in (m.time_constant, m.driven_time_constant, m.decision_time_constant):
            assert constant == pytest.approx(1000 * seconds, rel=1e-3)
    for name in ("", "response_", "centre_", "manifold_"):
        assert getattr(m, f"{name}efficiency") == pytest.approx(kept_by(leak), abs=1e-4)
    for name in ("", "response_", "centre_"):
        assert getattr(m, f"{name}constancy") == pytest.approx(1.0, abs=1e-6)
    assert m.decision_kept == pytest.approx(leak**STEPS, abs=1e-5)
    assert m.gain == pytest.approx(2 * GAIN)
    assert m.driven_share == pytest.approx(1.0, abs=1e-6)
    assert m.turning_share == pytest.approx(0.0, abs=1e-6)
    assert m.non_normality == pytest.approx(0.0, abs=1e-3)
    for cosine in (m.eigenvector_manifold, m.eigenvector_choice, m.selection_evidence):
        assert cosine == pytest.approx(1.0, abs=1e-3)
    assert m.participation_ratio == pytest.approx(1.0)
    assert m.curvature == pytest.approx(0.0, abs=1e-5)
    # What noise alone moves, an integrator keeps as far as its leak lets it.
    kept = evidence_kept(1000 * seconds, STIMULUS)
    assert m.evidence_r2_within == pytest.approx(kept, abs=0.06)
    assert m.time_r2 < 0.01


def test_the_flow_of_a_leak_is_by_formula():
    found = found_of(leaky, 2.0)
    assert found.manifold is not None
    m, (first, last) = found.measures, found.manifold.arc[[0, -1]]
    low, high = np.percentile(found.position, (5, 95))
    assert m.span == pytest.approx(high - low)
    rate = (1 - np.exp(-0.1 / 2.0)) / 0.1
    mean = (first**2 + last**2) / 2 / (last - first)
    assert m.drift == pytest.approx(rate * mean / m.span, rel=1e-3)
    assert m.memory_error_bound == pytest.approx(rate * max(-first, last) / m.span, rel=1e-3)
    assert m.hyperbolicity_gap == pytest.approx((-0.05 - np.log(0.2)) / 0.1, rel=1e-3)
    assert m.memory_capacity == 0.0
    assert m.points_on_line == m.num_fixed == 1


def test_a_perfect_integrator_is_a_continuum():
    found = found_of(leaky, np.inf)
    assert (found.label, found.mechanism) == ("line attractor", "continuum")
    m = found.measures
    assert m.still_share == 1.0
    assert m.memory_capacity == np.inf
    assert m.num_end_points > 50  # of 64: two may end within a thousandth
    assert "states on the slow manifold stand still" in found.mechanism_reason


def test_an_integrator_that_grows_is_not_said_to_decay():
    found = found_of(linear, 1.02)
    assert (found.label, found.mechanism) == ("line attractor", "slow direction")
    assert "which grows with a time constant of 5.05 s" in found.mechanism_reason
    assert "decay" not in found.reason + found.mechanism_reason
    assert found.measures.decision_time_constant == pytest.approx(-5050, rel=1e-2)
    assert found.measures.early > 0


@pytest.mark.parametrize(("turns", "modulus"), [(0.5, 1.0), (1.0, 1.0), (3.0, 0.99), (2.0, 1.02)])
def test_rotations_that_go_round_have_not_learned_by_a_rotation(turns: float, modulus: float):
    found = found_of(rotating, turns, modulus)
    # What is read has gone round, and evidence for the one choice is then for the other.
    assert (found.label, found.mechanism) == ("not learned", "rotation")
    assert found.manifold is None
    m = found.measures
    assert m.turning_share == pytest.approx(1.0)
    assert m.efficiency < 0.05
    if modulus == 1:
        assert m.driven_turn == pytest.approx(2 * np.pi * turns, rel=1e-5)
        assert m.constancy == pytest.approx(
            -1.0 if turns >= 1 else np.cos(2 * np.pi * turns * 13 / STEPS), abs=1e-4
        )
    assert m.state_time_r2 > 0.5


@pytest.mark.parametrize(("build", "mechanism"), [(chain, "chain"), (read_half_way, "rotation")])
def test_evidence_can_be_kept_while_it_turns(build: Callable[..., Any], mechanism: str):
    found = found_of(build)
    assert (found.label, found.mechanism) == ("turning integrator", mechanism)
    m = found.measures
    assert m.efficiency > 0.9
    assert m.response_efficiency == pytest.approx(m.efficiency, abs=1e-6)
    assert m.response_constancy == pytest.approx(m.constancy, abs=1e-6)


def test_a_chain_keeps_more_than_any_mode():
    m = found_of(chain).measures
    assert m.efficiency == pytest.approx(1.0)
    assert not m.mode_keeps >= 0.3  # undefined: none carries a tenth of it
    assert m.non_normality > 0.9
    assert m.constancy == pytest.approx(0.0, abs=1e-6)


def test_a_slow_turn_is_hardly_one():
    found = found_of(rotating, 0.1)
    assert (found.label, found.mechanism) == ("line attractor", "slow direction")
    assert found.measures.constancy == pytest.approx(np.cos(2 * np.pi * 0.1 * 13 / STEPS), abs=1e-4)


def told_of_points(found: Any) -> set[str]:
    return set(found.mechanism_reason.partition("; of the fixed points ")[2].split(", "))


@pytest.mark.parametrize("strength", [1.5, 3.0])
def test_switches_are_unstable_integrators_of_several_fixed_points(strength: float):
    found = found_of(switch, strength)
    assert (found.label, found.mechanism) == ("unstable integrator", "several fixed points")
    m = found.measures
    assert m.driven_eigenvalue.real == pytest.approx(strength)
    assert (m.num_fixed, m.points_on_line, m.has_stable_point) == (3, 3, True)
    assert (m.ends_at_points, m.num_end_points) == (1.0, 2)
    assert {"2 stable", "1 saddle"} == told_of_points(found)
    assert m.early > 0.5
    # The half of the line on either side of the middle drains to the point at its end.
    assert m.memory_capacity == pytest.approx(np.log(2), abs=0.01)


def test_a_switch_that_falls_slowly_integrates_until_it_has_fallen():
    found = found_of(switch, 1.05)
    assert (found.label, found.mechanism) == ("line attractor", "several fixed points")
    assert found.measures.num_end_points == 2
    assert {"2 stable", "1 saddle"} == told_of_points(found)
    assert "of the fixed points" not in found_of(two_slow).mechanism_reason  # which has one


def test_two_modes_that_outlast_the_stimulus_do_not_hide_the_one_that_is_driven():
    found = found_of(two_slow)
    assert (found.label, found.mechanism) == ("line attractor", "slow direction")
    assert found.measures.driven_share == pytest.approx(1.0, abs=1e-4)
    assert found.measures.line_attractor_score < 1.5


def two_slow() -> CTRNN:
    return linear(np.diag([0.99, 0.975]))


def test_a_slower_mode_that_evidence_does_not_drive_is_not_the_mechanism():
    found = examine(linear(np.diag([0.6, 0.999])))
    assert (found.label, found.mechanism) == ("fast leak", "fast fixed point")
    m = found.measures
    assert m.eigenvalue.real == pytest.approx(0.999, abs=1e-5)
    assert m.driven_eigenvalue.real == pytest.approx(0.6, abs=1e-5)
    assert found.driven == 1
    assert m.mode_keeps == m.driven_keeps
    assert m.driven_keeps == pytest.approx(evidence_kept(-100 / np.log(0.6), STIMULUS), rel=1e-3)


@pytest.mark.parametrize("feed", [0.3, 3.0])
def test_a_fast_mode_that_feeds_the_slow_one_changes_nothing(feed: float):
    found = examine(linear([[np.exp(-0.1 / 3), feed], [0.0, 0.5]]))
    assert (found.label, found.mechanism) == ("line attractor", "slow direction")
    assert found.measures.manifold_efficiency == pytest.approx(kept_by(np.exp(-0.1 / 3)), rel=1e-4)


@pytest.mark.parametrize("block", [[[0.9, 1.0], [0.0, 0.9]], [[1.0, 0.1], [0.0, 1.0]]])
def test_a_block_without_a_basis_of_eigenvectors_is_judged(block: list[list[float]]):
    found = examine(linear(block))
    # Evidence drives the first of its directions alone, where it is the leak on the diagonal.
    assert found.measures.efficiency == pytest.approx(kept_by(block[0][0]), abs=1e-4)
    assert found.label == ("line attractor" if block[0][0] == 1 else "leaky integrator")
    assert found.measures.centre_efficiency == pytest.approx(found.measures.efficiency, abs=1e-4)


def test_points_of_another_input_or_network_are_refused():
    net = leaky(5.0)
    elsewhere = dataclasses.replace(TASK, rest=(1.0, 0.3, 0.7))
    points = examine(net, elsewhere).points
    with pytest.raises(ValueError, match="those of this system at the task's `rest`"):
        examine(net, points=points)
    fewer = dataclasses.replace(points, state=points.state[:, :3], start=points.start[:, :3])
    with pytest.raises(ValueError, match="`points` must have the system's 16 units; got 3"):
        examine(net, points=fewer)


def test_few_trials_leave_open_whether_it_has_learned_and_correlations():
    few = trials(10)
    few = few.select(np.flatnonzero(few.condition("coherence"))[:4])
    found = line_attractor_verdict(leaky(5.0).system(), few, TASK)
    assert np.isnan(found.measures.evidence_r2)
    assert found.measures.accuracy == 1.0
    assert (found.label, found.near) == ("line attractor", "not learned")
    # Probes are drawn from their strengths as from any.
    assert found.measures.efficiency == pytest.approx(kept_by(np.exp(-0.02)), abs=1e-5)


def test_evidence_that_pushes_the_wrong_way_is_not_learned():
    net = leaky(5.0)
    net.set_weights(net.weights | {"w_ro": -net.weights["w_ro"]})
    found = examine(net)
    assert found.measures.gain == pytest.approx(-2 * GAIN)
    assert found.measures.evidence_r2 == 0.0
    assert found.label == "not learned"
    assert "0 % of choices between the two are right, fewer than 70 %" in found.reason


def test_a_network_that_forgets_at_once_weighs_the_last_step_alone():
    found = examine(linear(0.0))
    assert found.measures.efficiency == pytest.approx(1 / STEPS, abs=1e-5)
    assert np.isnan(found.measures.constancy)
    assert found.mechanism == "fast fixed point"


def noisy(units: int, activation: Activation, gain: float, seed: int) -> CTRNN:
    """Return a network with independent recurrent weights."""
    net = CTRNN(3, units, 3, dt=100.0, activation=activation, seed=0)
    noise = np.random.default_rng(seed).normal(size=(units, units)) * gain / np.sqrt(units)
    net.set_weights(net.weights | {"w_rr": noise})
    return net


@pytest.mark.parametrize(("activation", "gain"), [("tanh", 4.0), ("relu", 2.0)])
def test_noise_weights_have_not_learned(activation: Activation, gain: float):
    found = line_attractor_verdict(noisy(UNITS, activation, gain, 0).system(), trials(), TASK)
    assert found.label == "not learned"
    if activation == "relu":
        assert found.mechanism == "no fixed point"
        assert found.measures.runs_away == 1.0
        assert (found.centre, found.modes, found.driven, found.manifold) == (None,) * 4


def test_a_plane_of_fixed_points_integrates_as_a_line_does():
    found = examine(linear(np.eye(2)))
    assert found.label == "line attractor"
    assert found.measures.propagator_ratio == pytest.approx(1.0)


def test_states_that_never_move_have_not_learned():
    # The map would turn a state, but all stay at its fixed point 0.
    net = switch(0.0)
    zeros = {name: np.zeros_like(value) for name, value in net.weights.items()}
    turn = [[np.cos(0.3), -np.sin(0.3)], [np.sin(0.3), np.cos(0.3)]]
    net.set_weights(zeros | {"w_rr": AXES[:, 1:3] @ turn @ AXES[:, 1:3].T})
    found = examine(net)
    assert (found.label, found.mechanism) == ("not learned", "mixed modes")
    assert np.isnan(found.measures.efficiency)
    assert found.measures.driven_share == 0.0


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


def test_a_slow_point_far_from_the_trajectories_is_no_fixed_point():
    net = leaky(5.0)
    state = found_of(leaky, 5.0).points.state[:1] + 500 * AXES[:, 6]
    far = points_at(["slow"], speeds(net.system().at(REST), state), state)
    found = examine(net, points=far)
    assert (found.label, found.mechanism) == ("line attractor", "no fixed point")
    assert found.mechanism_reason.startswith("no fixed point was found")


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
    end = trials().during("stimulus").stop - 1
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
    # Fixed at 20, where the relu is not felt; trials begin there.
    leak = {"w_rr": np.array([[0.98]]), "b_rr": np.array([0.4]), "w_ir": evidence}
    net.set_weights(leak | readout)
    system = dataclasses.replace(net.system(), initial_state=np.full(1, 20.0))
    fixed = points_at(["fixed"], [0.0], [[20.0]])
    found = line_attractor_verdict(system, trials(), TASK, points=fixed)
    m = found.measures
    assert m.driven_eigenvalue == pytest.approx(0.98)
    assert np.isnan(m.second_eigenvalue)
    assert m.driven_share == 1.0
    assert np.isnan(m.push_across)
    assert m.push_along == pytest.approx(0.98**STEPS, rel=1e-3)
    assert found.label == "line attractor"


@pytest.mark.parametrize("steps", [1, 2, 3])
def test_a_stimulus_of_few_steps_is_judged(steps: int):
    task = PerceptualDecisionMaking(seed=5, t_stimulus=100.0 * steps)
    some, alternatives = task.sample_trials(200), task.two_alternatives()
    at = Thresholds(learned=0.5)  # of so little evidence many choices are wrong
    found = line_attractor_verdict(leaky(5.0).system(), some, alternatives, thresholds=at)
    # After a single step there is nothing that could have kept its direction.
    assert found.label == ("inconclusive" if steps == 1 else "line attractor")
    if steps == 1:
        assert found.reason.endswith("but no direction of a pulse can be compared")


def test_what_is_there_already_is_taken():
    system = leaky(5.0).system()
    fresh = line_attractor_verdict(system, trials(), TASK)
    trajectories = simulate(system, trials().inputs)
    again = line_attractor_verdict(
        system, trials(), TASK, trajectories=trajectories, points=fresh.points,
        pca=fit_pca(trajectories.activity, 1),
    )  # fmt: skip
    assert again.points is fresh.points
    np.testing.assert_equal(dataclasses.asdict(again.measures), dataclasses.asdict(fresh.measures))
    moved = trajectories._replace(activity=trajectories.activity[:, ::-1])
    other = line_attractor_verdict(system, trials(), TASK, trajectories=moved, points=fresh.points)
    assert other.measures.evidence_r2 < 0.1


def test_thresholds_can_be_given():
    assert examine(leaky(5.0), thresholds=Thresholds(keeps=0.999)).label == "leaky integrator"
    # A hundredth of the span within the stimulus counts as none.
    still = Thresholds(still=1.0)
    assert examine(leaky(5.0), thresholds=still).mechanism == "continuum"


def test_progress_of_the_search_is_told():
    told = []
    line_attractor_verdict(
        leaky(5.0).system(), trials(20), TASK, on_progress=lambda *args: told.append(args)
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
    assert (found.label, found.mechanism) == (plain.label, plain.mechanism)
    for name in (
        "time_constant", "evidence_r2", "relative_length", "centre_distance", "efficiency",
        "constancy", "response_efficiency", "manifold_efficiency", "drift", "memory_error_bound",
        "hyperbolicity_gap", "driven_share", "push_along", "decision_kept",
    ):  # fmt: skip
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
    two_channels = dataclasses.replace(TASK, rest=(1.0, 0.5), evidence=(0.0, 1.0))
    with pytest.raises(ValueError, match="`x` must be an input that the system takes; 2 channels"):
        line_attractor_verdict(system, some._replace(inputs=some.inputs[..., :2]), two_channels)
    with pytest.raises(ValueError, match=r"`task\.rest` must have the 3 channels .*; got 2"):
        line_attractor_verdict(system, some, two_channels)
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


def test_a_verdict_says_itself_and_its_reasons():
    found = found_of(leaky, 5.0)
    assert repr(found) == "Verdict(line attractor, by slow direction; stimulus 2000 ms, 20 steps)"
    near = dataclasses.replace(found, near="leaky integrator")
    assert repr(near).startswith("Verdict(line attractor, near leaky integrator, by slow direction")
    assert "decisions keep a share of 0.9869 ± 0.0000" in found.reason
    assert "100 % is carried by the mode 0.980" in found.mechanism_reason


class Proof:
    """What a search of all fixed points may say."""

    def __init__(self, proved: bool, points: Any):
        self.proved, self.points = proved, points

    def in_words(self) -> str:
        return "the search was given up"


def test_a_proof_of_all_fixed_points_is_told():
    known = found_of(leaky, 5.0).points
    one = known.with_status("fixed")
    proved: Any = examine(leaky(5.0), points=known, every=Proof(True, one))
    assert "1 fixed point, and no other (proved)" in proved.mechanism_reason
    assert proved.measures.fixed_proved
    open_: Any = examine(leaky(5.0), points=known, every=Proof(False, one))
    assert open_.mechanism_reason.endswith("; the search was given up")
    assert not open_.measures.fixed_proved
