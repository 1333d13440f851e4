import copy
from typing import Any

import numpy as np
import pytest
from brainpy_datasets import cognitive

from yang_rnn import constant_inputs
from yang_rnn.adapters.brainpy_datasets import (
    NAMES,
    BrainPyTask,
    best_angle,
    from_brainpy_dataset,
    make_brainpy_task,
    within_angle,
)
from yang_rnn.task import PerceptualDecisionMaking
from yang_rnn.trials import Trials, check_trials, last_asked

NUM = 40

FIXED: dict[str, dict[str, Any]] = {
    "RateContextDecisionMaking": {"t_delay": 300.0},
    "RateHierarchicalReasoning": {"t_fixation": 400, "t_fixation2": 500, "t_delay": 700},
    "RateIntervalDiscrimination": {"t_stim1": 500.0, "t_delay1": 800.0, "t_stim2": 300.0},
    "RatePerceptualDecisionMakingDelayResponse": {"t_delay": 300.0},
    "RatePostDecisionWager": {"t_stimulus": 400.0, "t_delay": 1300.0, "t_pre_sure": 500.0},
    "RateProbabilisticReasoning": {"t_delay": 500.0},
    "RateReadySetGo": {"t_measure": 960.0},
    "RateSingleContextDecisionMaking": {"t_delay": 300.0},
}
"""What a dataset needs so that none of its durations is random."""


def dataset_of(name: str, **settings: Any) -> Any:
    if name == "RatePerceptualDecisionMakingDelayResponse":
        settings["f_fixation"] = cognitive.Feature(1, 20, 100.0)
        settings["f_stimulus"] = cognitive.Feature(2, 20, 100.0)
    return getattr(cognitive, name)(**settings)


def drawn(name: str, seed: int = 3, num: int = NUM, **settings: Any) -> Any:
    """Return noise-free trials, with a delay that is not random."""
    task = make_brainpy_task(name, **FIXED.get(name, {}) | settings)
    return task.seeded(seed).without_noise().sample_trials(num)


@pytest.mark.parametrize("name", NAMES)
def test_trials_without_random_durations_are_the_datasets_bit_for_bit(name: str):
    dataset = dataset_of(name, seed=3, **FIXED.get(name, {}))
    task = from_brainpy_dataset(dataset_of(name, seed=0, **FIXED.get(name, {}))).seeded(3)
    trials = check_trials(task.sample_trials(NUM))
    for trial in range(NUM):
        inputs, targets, periods = dataset.sample_a_trial(trial)[:3]
        length = len(inputs)
        assert np.array_equal(trials.inputs[:length, trial], inputs)
        assert not trials.inputs[length:, trial].any()
        if name != "RateReaching1D":
            assert np.array_equal(trials.targets[:length, trial], targets)
            assert not trials.targets[length:, trial].any()
        if trials.weights is not None:
            assert trials.weights[:, trial].tolist() == [1] * length + [0] * (
                len(trials.inputs) - length
            )
        if isinstance(periods, dict):
            periods = periods["times"]
        if isinstance(periods, tuple):
            periods = np.repeat(np.arange(len(periods)), [number for _, number in periods])
        names = [n for n in trials.periods if n != "pre_sure" or trials.conditions["wager"][trial]]
        for place, period in enumerate(names):
            expected = np.zeros(len(trials.inputs), bool)
            expected[:length] = periods == place
            assert np.array_equal(trials.steps(period)[:, trial], expected), period
    assert task.num_inputs == trials.inputs.shape[2]
    if trials.has_choices:
        assert trials.targets.max() < task.num_outputs


@pytest.mark.parametrize("name", NAMES)
def test_the_choice_is_the_target_at_the_last_step_that_is_asked_for(name: str):
    trials = make_brainpy_task(name).seeded(1).sample_trials(NUM)
    if trials.choice is None:
        assert name in ("RateReaching1D", "RateReadySetGo")
        return
    answer = np.asarray(trials.targets)[last_asked(trials), np.arange(NUM)]
    first = {"RateHierarchicalReasoning": 3, "RateDelayPairedAssociation": 0, "RateGoNoGo": 0}
    assert np.array_equal(trials.choice, answer - first.get(name, 1))
    assert trials.choice.min() == 0


@pytest.mark.parametrize("name", NAMES)
def test_shorter_trials_end_in_steps_that_neither_count_nor_ask(name: str):
    trials = make_brainpy_task(name).seeded(2).sample_trials(NUM)
    lengths = np.sum([trials.steps(period) for period in trials.periods], axis=(0, 1))
    inside = np.arange(len(trials.inputs))[:, None] < lengths
    if trials.weights is None:
        assert inside.all()
    else:
        assert np.array_equal(trials.weights, inside)
    assert not trials.inputs[~inside].any()
    assert not np.asarray(trials.targets)[~inside].any()
    assert not trials.asks[~inside].any()


@pytest.mark.parametrize("name", NAMES)
def test_a_seed_fixes_the_trials_and_copies_share_no_stream(name: str):
    task = make_brainpy_task(name)
    expected = task.seeded(5).sample_trials(6)
    seeded = task.seeded(5)
    first = seeded.sample_trials(3)
    for other in (seeded.seeded(1), seeded.without_noise(), seeded.with_equal_trials()):
        other.sample_trials(7)
        constant_inputs(other, 3)
    second = seeded.sample_trials(3)
    for part, begin in ((first, 0), (second, 3)):
        for trial in range(3):
            length = min(len(part.inputs), len(expected.inputs))
            here = part.inputs[:length, trial]
            assert np.array_equal(here, expected.inputs[:length, begin + trial])
        for condition, values in part.conditions.items():
            assert np.array_equal(values, expected.conditions[condition][begin : begin + 3])
    other = task.seeded(6).sample_trials(6)
    assert other.inputs.shape != expected.inputs.shape or (other.inputs != expected.inputs).any()


@pytest.mark.parametrize("name", NAMES)
def test_equal_trials_have_one_length_the_same_from_every_stream(name: str):
    task = make_brainpy_task(name)
    trials = [task.seeded(seed).with_equal_trials().sample_trials(8) for seed in (1, 2)]
    if name in ("RateIntervalDiscrimination", "RateReadySetGo", "RateHierarchicalReasoning"):
        return
    assert len(trials[0].inputs) == len(trials[1].inputs)
    if name != "RatePostDecisionWager":
        assert trials[0].weights is None
        assert all(isinstance(steps, slice) for steps in trials[0].periods.values())
    for period in set(trials[0].periods) - {"pre_sure"}:
        assert (trials[0].steps(period).sum(axis=0) == trials[1].steps(period).sum(axis=0)).all()


def test_random_durations_are_conditions_in_whole_steps():
    task = make_brainpy_task("RateIntervalDiscrimination", dt=20.0).seeded(4)
    trials = task.sample_trials(NUM)
    for period in ("stim1", "delay1", "stim2"):
        steps = trials.steps(period).sum(axis=0)
        assert np.array_equal(steps, (trials.conditions[f"{period} duration"] / 20).astype(int))
        assert len(set(steps)) > 5
    first, second = (trials.steps(period).sum(axis=0) for period in ("stim1", "stim2"))
    assert np.array_equal(trials.choice, np.where(first > second, 0, 1))


def mean_input(trials: Trials, period: str) -> np.ndarray:
    inside = trials.steps(period)
    assert inside.any(axis=0).all()
    total = np.einsum("tn,tnc->nc", inside, trials.inputs)
    return total / inside.sum(axis=0)[:, None]


def test_conditions_of_perceptual_decisions_give_the_inputs():
    for name in ("RatePerceptualDecisionMaking", "RatePerceptualDecisionMakingDelayResponse"):
        trials = drawn(name)
        signed = np.where(trials.choice == 1, 1, -1) * trials.conditions["coherence"] / 200
        found = mean_input(trials, "stimulus")[:, 1:]
        np.testing.assert_allclose(found, np.stack([0.5 - signed, 0.5 + signed], axis=1))


@pytest.mark.parametrize("context", [0, 1])
def test_conditions_of_one_context_give_the_inputs(context: int):
    trials = drawn("RateSingleContextDecisionMaking", context=context)
    first, second = (trials.conditions[f"coherence {k}"] / 200 for k in (0, 1))
    found = mean_input(trials, "stimulus")[:, 1:]
    expected = np.stack([0.5 - first, 0.5 + first, 0.5 - second, 0.5 + second], axis=1)
    np.testing.assert_allclose(found, expected)
    assert np.array_equal(trials.choice, (second if context else first) > 0)


def test_directions_of_one_context_with_more_choices_give_the_inputs():
    trials = drawn("RateSingleContextDecisionMaking", num_choice=4)
    angles = np.arange(4) * np.pi / 2
    found = mean_input(trials, "stimulus")[:, 1:].reshape(NUM, 2, 4)
    for k in (0, 1):
        direction = angles[trials.conditions[f"direction {k}"]]
        coherence = trials.conditions[f"coherence {k}"][:, None]
        expected = 0.5 + coherence / 200 * np.cos(angles - direction[:, None])
        np.testing.assert_allclose(found[:, k], expected, atol=1e-12)
    assert np.array_equal(trials.choice, trials.conditions["direction 0"])


def test_conditions_of_two_contexts_give_the_inputs():
    trials = drawn("RateContextDecisionMaking")
    first, second = (trials.conditions[f"coherence {k}"] / 200 for k in (0, 1))
    context = trials.conditions["context"]
    columns = [np.ones(NUM), 0.5 - first, 0.5 + first, 0.5 - second, 0.5 + second]
    columns += [context == 0, context == 1]
    np.testing.assert_allclose(mean_input(trials, "stimulus"), np.stack(columns, axis=1))
    relevant = np.where(context == 0, first, second)
    assert np.array_equal(trials.choice, relevant > 0)
    assert set(context) == {0, 1}


def test_pulses_are_those_in_the_inputs():
    trials = drawn("RatePulseDecisionMaking")
    cues = [mean_input(trials, f"cue{k}")[:, 1:] for k in range(6)]
    first, second = np.sum(cues, axis=0).T
    assert np.array_equal(trials.conditions["pulses 1"], first)
    assert np.array_equal(trials.conditions["pulses 2"], second)
    assert np.array_equal(trials.conditions["pulse difference"], second - first)
    clear = first != second
    assert np.array_equal(trials.choice[clear], (second > first)[clear])
    assert not mean_input(trials, "bin0")[:, 1:].any()


@pytest.mark.parametrize("anti", [True, False])
def test_direction_of_a_reach_is_the_answers(anti: bool):
    trials = drawn("RateAntiReach", num_choice=8, anti=anti)
    seen = mean_input(trials, "stimulus")[:, 1:].argmax(axis=1)
    direction = (seen * 45 + 180 * anti) % 360
    np.testing.assert_allclose(trials.conditions["direction"], direction)
    assert np.array_equal(trials.choice, direction / 45)


def test_direction_of_a_reach_in_the_plane_is_its_target():
    trials = drawn("RateReaching1D")
    angle = np.deg2rad(trials.conditions["direction"])
    np.testing.assert_allclose(mean_input(trials, "reach")[:, 0], np.cos(angle), atol=1e-12)
    reach = trials.during("reach")
    np.testing.assert_allclose(trials.targets[reach, :, 0], np.cos(angle)[None].repeat(5, 0))
    np.testing.assert_allclose(trials.targets[reach, :, 1], np.sin(angle)[None].repeat(5, 0))
    assert not trials.targets[: reach.start].any()
    assert trials.choice is None
    assert not trials.asks.any()


def test_rule_and_stimulus_of_hierarchical_reasoning_are_in_inputs_and_targets():
    trials = drawn("RateHierarchicalReasoning")
    flash = mean_input(trials, "flash1")[:, 3:]
    assert np.array_equal(flash.argmax(axis=1), trials.conditions["stimulus"])
    asked = np.asarray(trials.targets)[trials.during("rule_target").start]
    assert np.array_equal(trials.conditions["rule"], asked - 1)
    assert np.array_equal(trials.conditions["rule"], np.arange(NUM) % 2)


def test_log_odds_are_those_of_the_shapes_that_are_shown():
    trials = drawn("RateProbabilisticReasoning")
    weight = cognitive.RateProbabilisticReasoning.shape_weight
    shown = mean_input(trials, "stimulus3")[:, 1:].reshape(NUM, 4, 10).sum(axis=1)
    np.testing.assert_allclose(trials.conditions["log odds"], shown @ weight)


def test_values_to_compare_are_in_the_inputs():
    trials = drawn("RateDelayComparison")
    for period, condition in (("stimulus1", "first"), ("stimulus2", "second")):
        value = trials.conditions[condition]
        found = mean_input(trials, period)[:, 1]
        np.testing.assert_allclose(found, (1 + (value - 10) / 24) / 2)
    second = trials.conditions["second"] > trials.conditions["first"]
    assert np.array_equal(trials.choice, second)


def test_angles_and_categories_are_in_the_inputs():
    trials = drawn("RateDelayMatchCategory")
    conditions = trials.conditions
    for period in ("sample", "test"):
        angle = conditions[f"{period} angle"]
        assert np.array_equal(conditions[period], angle // 180)
        found = mean_input(trials, period)[:, 1]
        np.testing.assert_allclose(found, 0.5 + 0.5 * np.cos(np.deg2rad(angle)), atol=1e-12)
    assert np.array_equal(conditions["match"], conditions["sample"] == conditions["test"])
    assert np.array_equal(trials.choice, 1 - conditions["match"])


def test_sample_and_test_are_in_the_inputs():
    trials = drawn("RateDelayMatchSample", num_choice=4)
    conditions, features = trials.conditions, np.arange(4) * 90
    for period in ("sample", "test"):
        off = features - conditions[period][:, None]
        expected = 0.5 + 0.5 * np.cos(np.deg2rad(off))
        np.testing.assert_allclose(mean_input(trials, period)[:, 1:], expected, atol=1e-7)
    assert np.array_equal(conditions["match"], conditions["sample"] == conditions["test"])
    assert np.array_equal(trials.choice, 1 - conditions["match"])


def test_pairs_are_in_the_inputs():
    trials = drawn("RateDelayPairedAssociation")
    conditions = trials.conditions
    for period, condition in (("stim1", "first"), ("stim2", "second")):
        shown = mean_input(trials, period)[:, 1:].argmax(axis=1) + 1
        assert np.array_equal(conditions[condition], shown)
    goes = (conditions["second"] - conditions["first"]) % 2 == 0
    assert np.array_equal(trials.choice, goes)


def test_samples_and_order_are_in_the_inputs():
    trials = drawn("RateDualDelayMatchSample")
    conditions, found = trials.conditions, mean_input(trials, "sample")
    for item in (1, 2):
        angle = conditions[f"sample {item}"] * np.pi
        expected = np.stack([np.cos(angle), np.sin(angle)], axis=1)
        np.testing.assert_allclose(found[:, 2 * item - 1 : 2 * item + 1], expected, atol=1e-12)
    assert np.array_equal(mean_input(trials, "cue1")[:, 6], conditions["order"])


def test_go_is_in_the_inputs():
    trials = drawn("RateGoNoGo")
    assert np.array_equal(mean_input(trials, "stimulus")[:, 2], trials.conditions["go"])
    assert np.array_equal(trials.choice, trials.conditions["go"])
    assert trials.asks.sum() == 9 * NUM  # to do nothing is an answer too


def test_wager_and_coherence_are_in_the_inputs():
    trials = drawn("RatePostDecisionWager")
    wager = trials.conditions["wager"]
    assert np.array_equal(mean_input(trials, "delay")[:, 3], wager)
    assert np.array_equal(trials.steps("pre_sure").any(axis=0), wager == 1)
    signed = np.where(trials.choice == 1, 1, -1) * trials.conditions["coherence"] / 200
    np.testing.assert_allclose(mean_input(trials, "stimulus")[:, 2], 0.5 + signed)
    assert set(wager) == {0, 1}


def test_alternatives_by_regression_are_those_of_the_task():
    for name in ("RatePerceptualDecisionMaking", "RatePerceptualDecisionMakingDelayResponse"):
        found = make_brainpy_task(name).alternatives()
        known = PerceptualDecisionMaking().two_alternatives()
        assert list(found) == [""]
        assert found[""].evidence.tolist() == known.evidence.tolist()
        assert found[""].rest[1:].tolist() == known.rest[1:].tolist()
        assert (found[""].condition, found[""].outputs) == ("coherence", (1, 2))
        assert not found[""].within
    fixation = make_brainpy_task("RatePerceptualDecisionMakingDelayResponse").alternatives()[""]
    assert fixation.rest[0] == 100.0 * 10 / 1000  # its rate, in steps of 10 ms


def test_alternatives_of_two_contexts_differ_in_context_and_in_what_is_evidence():
    found = make_brainpy_task("RateContextDecisionMaking").alternatives()
    assert list(found) == ["context 0", "context 1"]
    for context, task in enumerate(found.values()):
        evidence = np.zeros(7)
        evidence[1 + 2 * context : 3 + 2 * context] = -1, 1
        assert task.evidence.tolist() == evidence.tolist()
        assert task.rest.tolist() == [1, 0.5, 0.5, 0.5, 0.5, context == 0, context == 1]
        assert task.condition == f"coherence {context}"
        assert task.within == {"context": context}


@pytest.mark.parametrize("context", [0, 1])
def test_alternatives_of_one_context_take_its_own_evidence(context: int):
    (task,) = (
        make_brainpy_task("RateSingleContextDecisionMaking", context=context)
        .alternatives()
        .values()
    )
    evidence = np.zeros(5)
    evidence[1 + 2 * context : 3 + 2 * context] = -1, 1
    assert task.evidence.tolist() == evidence.tolist()
    assert task.rest.tolist() == [1, 0.5, 0.5, 0.5, 0.5]


def test_other_tasks_have_no_two_alternatives():
    assert not make_brainpy_task("RateGoNoGo").alternatives()
    assert not make_brainpy_task("RatePerceptualDecisionMaking", num_choice=3).alternatives()


def test_noise_is_what_the_inputs_have():
    task = make_brainpy_task("RatePerceptualDecisionMaking", noise_sigma=3.0, dt=50.0)
    trials = task.seeded(0).sample_trials(200)
    noise = trials.inputs[trials.during("decision")]  # nothing but noise
    assert task.noise == pytest.approx(3 / np.sqrt(50))
    assert noise.std() == pytest.approx(task.noise, rel=5 / np.sqrt(2 * noise.size))
    assert task.without_noise().noise == 0.0
    assert make_brainpy_task("RateGoNoGo").noise == 0.0


def goes_at(wait: Any, trials: Trials) -> np.ndarray:
    """Return the outputs of one who goes so many steps after the set cue, and not again."""
    outputs = np.zeros((*trials.targets.shape, 2))
    outputs[..., 0] = 0.5
    begins = trials.steps("production").argmax(axis=0)
    outputs[begins + wait, np.arange(len(begins)), 1] = 1.0
    return outputs


def test_an_interval_is_produced_right_within_the_margin():
    task = make_brainpy_task("RateReadySetGo", dt=20.0).seeded(0)
    trials = task.sample_trials(NUM)
    interval = (trials.conditions["measure duration"] / 20).astype(int)
    assert task.correct(goes_at(interval, trials), trials).all()
    assert task.correct(goes_at((interval * 0.85).astype(int), trials), trials).all()
    assert task.correct(goes_at((interval * 1.15).astype(int), trials), trials).all()
    assert not task.correct(goes_at((interval * 0.75).astype(int), trials), trials).any()
    assert not task.correct(goes_at((interval * 1.25).astype(int), trials), trials).any()
    assert not task.correct(np.zeros((*trials.targets.shape, 2)), trials).any()
    # The same interval each time is right where it is within a fifth of what was measured.
    shares = [(np.abs(wait - interval) <= 0.2 * interval).mean() for wait in range(150)]
    assert task.chance(trials) == max(shares) < 1
    best = int(np.argmax(shares))
    assert task.correct(goes_at(best, trials), trials).mean() == max(shares)


def test_a_reach_is_right_within_36_degrees():
    task = make_brainpy_task("RateReaching1D").seeded(0)
    trials = task.sample_trials(NUM)
    angle = np.deg2rad(trials.conditions["direction"])
    for off, right in ((0, True), (35, True), (-35, True), (37, False), (-37, False), (180, False)):
        turned = angle + np.deg2rad(off)
        outputs = np.zeros((10, NUM, 2))
        outputs[-1] = 0.1 * np.stack([np.cos(turned), np.sin(turned)], axis=1)
        assert (task.correct(outputs, trials) == right).all()
        assert (within_angle(outputs, trials) == right).all()
    # One direction for all is right where it is near: about a fifth of the circle.
    grid = np.deg2rad(np.arange(0, 360, 0.5))
    near = np.cos(grid[:, None] - angle) >= np.cos(np.deg2rad(36))
    assert task.chance(trials) == best_angle(trials)
    assert task.chance(trials) == pytest.approx(near.mean(axis=1).max(), abs=1 / NUM)


def test_always_the_same_answer_reaches_the_share_of_the_commonest():
    task = make_brainpy_task("RateGoNoGo").seeded(0)
    trials = task.sample_trials(NUM)
    share = trials.conditions["go"].mean()
    assert task.chance(trials) == max(share, 1 - share)
    goes = np.zeros((*trials.targets.shape, 2))
    goes[..., 1] = 1.0
    assert task.correct(goes, trials).mean() == share


def test_a_dataset_stays_as_it_is():
    dataset = dataset_of("RateProbabilisticReasoning", seed=0)
    twin = copy.deepcopy(dataset)
    task = from_brainpy_dataset(dataset)
    task.sample_trials(5)
    task.without_noise().with_equal_trials().sample_trials(2)
    assert np.array_equal(dataset.rng.get_state()[1], twin.rng.get_state()[1])
    assert callable(dataset.t_delay)


def test_a_dataset_of_ones_own_from_one_of_these_is_taken():
    class Easy(cognitive.RatePerceptualDecisionMaking):
        coherence = np.array([80.0])

    task = from_brainpy_dataset(Easy(seed=0))
    assert task.name == "RatePerceptualDecisionMaking"
    assert set(task.sample_trials(5).conditions["coherence"]) == {80.0}
    assert repr(task) == "BrainPyTask(RatePerceptualDecisionMaking)"


@pytest.mark.parametrize("value", [None, 3, "RateGoNoGo", cognitive.RateGoNoGo])
def test_what_is_no_dataset_is_refused(value: Any):
    with pytest.raises(TypeError, match="`dataset` must be a CognitiveTask; got"):
        from_brainpy_dataset(value)


def test_datasets_that_are_no_rate_tasks_are_refused_by_name():
    with pytest.raises(ValueError, match=r"`dataset` must be one of .*; got EvidenceAccumulation"):
        from_brainpy_dataset(cognitive.EvidenceAccumulation())
    with pytest.raises(ValueError, match=r"`name` must be one of .*; got 'Go'"):
        make_brainpy_task("Go")


@pytest.mark.parametrize(
    ("name", "settings", "message"),
    [
        ("RateGoNoGo", {"colour": 3}, "RateGoNoGo can't be made with {'colour': 3}: .*colour"),
        ("RateGoNoGo", {"dt": "fast"}, "RateGoNoGo can't be made with {'dt': 'fast'}"),
        ("RateSingleContextDecisionMaking", {"context": 2}, "can't be made with {'context': 2}"),
        ("RatePostDecisionWager", {"num_choice": 3}, "RatePostDecisionWager can't draw a trial"),
        ("RateGoNoGo", {"t_decision": 0.0}, "can't draw a trial: decision must have a step"),
        ("RateGoNoGo", {"t_stimulus": -100.0}, "`t_stimulus` must be 0, or .* got -100"),
        ("RatePulseDecisionMaking", {"dt": 100.0}, "`t_cue` must be 0, or a step of `dt` .100 ms"),
        ("RateReadySetGo", {"dt": 100.0}, "`t_ready` must be 0, or a step of `dt`"),
        ("RateReadySetGo", {"t_measure": 0.0}, "RateReadySetGo can't draw a trial"),
        ("RateGoNoGo", {"t_delay": float("nan")}, "RateGoNoGo can't draw a trial: .*NaN"),
        ("RateGoNoGo", {"dt": 0.0}, "`dt`"),
        ("RateGoNoGo", {"dt": -10.0}, "`dt`"),
        ("RateGoNoGo", {"target_transform": lambda y: y + 7}, "targets must be 0 to 1; got 7 to"),
        ("RateGoNoGo", {"target_transform": lambda y: y / 2}, "`targets` must be whole numbers"),
        ("RateGoNoGo", {"input_transform": lambda x: x[:, 0]}, "`inputs` must have shape"),
        ("RateGoNoGo", {"input_transform": lambda x: x[3:]}, "`targets` must have shape"),
        ("RateGoNoGo", {"input_transform": lambda x: x * np.nan}, "`inputs` must be finite"),
    ],
)
def test_a_task_that_can_not_be_made_is_an_error_that_says_why(
    name: str, settings: dict[str, Any], message: str
):
    with pytest.raises(ValueError, match=message):
        make_brainpy_task(name, **settings)


def test_a_transform_may_change_the_channels():
    doubled = make_brainpy_task("RateGoNoGo", input_transform=lambda x: np.hstack([x, x]))
    assert doubled.num_inputs == 6 == doubled.sample_trials(2).inputs.shape[2]


@pytest.mark.parametrize("number", [0, -1, 2.0, "3", None, True])
def test_numbers_of_trials_and_seeds_that_are_none_are_refused(number: Any):
    task = make_brainpy_task("RateGoNoGo")
    with pytest.raises(ValueError, match="`num_trials` must be a whole number, 1 or more; got"):
        task.sample_trials(number)
    if number != 0 or number is True:
        with pytest.raises(ValueError, match="`seed` must be a whole number, 0 or more; got"):
            task.seeded(number)


def test_seeds_beyond_the_streams_are_refused():
    with pytest.raises(ValueError, match="`seed` must be a whole number, 0 to 4294967295"):
        make_brainpy_task("RateGoNoGo").seeded(2**32)


def test_tasks_that_are_made_again_have_the_same_features():
    name = "RatePerceptualDecisionMakingDelayResponse"
    tasks = [make_brainpy_task(name, dt=50.0).seeded(0) for _ in range(3)]
    assert all(isinstance(task, BrainPyTask) for task in tasks)
    first, *others = [task.sample_trials(2).inputs for task in tasks]
    assert all(np.array_equal(first, other) for other in others)
