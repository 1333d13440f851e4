import warnings
from typing import Any

import numpy as np
import pytest

from yang_rnn import constant_inputs
from yang_rnn.adapters.neurogym import NeuroGymTask, from_neurogym
from yang_rnn.task import PerceptualDecisionMaking
from yang_rnn.trials import Trials, check_trials, last_asked

neurogym = pytest.importorskip("neurogym")
registration = pytest.importorskip("neurogym.envs.registration")

NUM = 20
WITHOUT = {  # envs without answers for whole trials, or whose actions can't give them
    "AnnubesEnv-v0", "Bandit-v0", "DawTwoStep-v0", "EconomicDecisionMaking-v0", "MotorTiming-v0",
    "Null-v0", "Reaching1D-v0", "Reaching1DWithSelfDistraction-v0",
}  # fmt: skip
TIMED = {"DelayMatchSampleDistractor1D-v0", "OneTwoThreeGo-v0", "ReadySetGo-v0"}
ENVS = sorted(registration.all_envs())
GOOD = sorted(set(ENVS) - WITHOUT)


@pytest.mark.parametrize("name", ENVS)
def test_an_environment_is_a_task_or_refused_by_its_name(name: str):
    if name in WITHOUT:
        with pytest.raises(ValueError, match=name.removesuffix("-v0").removesuffix("Env")):
            from_neurogym(name)
        return
    task = from_neurogym(name)
    trials = check_trials(task.seeded(0).sample_trials(NUM))
    assert trials.inputs.shape[1:] == (NUM, task.num_inputs)
    if trials.has_choices:
        assert np.max(trials.targets) < task.num_outputs
    else:
        assert trials.targets.shape[2] == task.num_outputs
    for condition in trials.conditions:
        trials.condition(condition)
    assert constant_inputs(task, 10)


def made(name: str) -> Any:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return neurogym.make(name)


@pytest.mark.parametrize("name", GOOD)
def test_trials_are_the_environments(name: str):
    env = made(name).unwrapped
    env.seed(3)
    if name == "HierarchicalReasoning-v0":
        env.rule = 0
        env.new_block()
    trials = from_neurogym(name).seeded(3).sample_trials(NUM)
    for trial in range(NUM):
        env.new_trial()
        length = len(env.ob)
        inputs, targets = trials.inputs[:, trial], np.asarray(trials.targets)[:, trial]
        assert np.array_equal(inputs[:length], np.reshape(env.ob, (length, -1)))
        assert np.array_equal(targets[:length].reshape(env.gt.shape), env.gt)
        assert not inputs[length:].any()
        assert not targets[length:].any()
        assert not trials.asks[length:, trial].any()
        counted = np.ones(len(inputs)) if trials.weights is None else trials.weights[:, trial]
        assert np.array_equal(counted, np.arange(len(inputs)) < length)
        for period, begin in env.start_ind.items():
            steps = np.flatnonzero(trials.steps(period)[:, trial])
            assert steps.tolist() == list(range(length))[begin : env.end_ind[period]]
        if name != "ContextDecisionMaking-v0":
            for condition, values in trials.conditions.items():
                assert values[trial] == env.trial[condition]


@pytest.mark.parametrize("name", sorted(set(GOOD) - TIMED))
def test_the_choice_is_the_target_at_the_last_step_that_is_asked_for(name: str):
    trials = from_neurogym(name).seeded(1).sample_trials(NUM)
    if trials.choice is None:
        assert not trials.has_choices
        return
    answer = np.asarray(trials.targets)[last_asked(trials), np.arange(NUM)]
    first = {"HierarchicalReasoning-v0": 3, "DelayPairedAssociation-v0": 0, "GoNogo-v0": 0}
    first |= {"ToneDetection-v0": 0}
    assert np.array_equal(trials.choice, answer - first.get(name, 1))


def same(one: Trials, other: Trials) -> bool:
    return all(
        np.array_equal(getattr(one, name), getattr(other, name)) for name in ("inputs", "targets")
    )


@pytest.mark.parametrize("name", GOOD)
def test_a_seed_fixes_the_trials_and_copies_share_no_stream(name: str):
    task = from_neurogym(name)
    one, other = task.seeded(5), task.seeded(5)
    for number in (3, 4):
        assert same(one.sample_trials(number), other.sample_trials(number))
        for copied in (one.seeded(1), one.without_noise(), one.with_equal_trials()):
            copied.sample_trials(7)
    assert not same(task.seeded(6).sample_trials(NUM), task.seeded(7).sample_trials(NUM))


@pytest.mark.parametrize("name", GOOD)
def test_equal_trials_have_one_length_the_same_from_every_stream(name: str):
    if name in {*TIMED, "IntervalDiscrimination-v0", "HierarchicalReasoning-v0"}:
        return  # what they are about
    task = from_neurogym(name)
    one, other = (task.seeded(seed).with_equal_trials().sample_trials(8) for seed in (1, 2))
    assert one.weights is None
    assert len(one.inputs) == len(other.inputs)


def test_intervals_that_are_to_be_compared_stay_random_in_equal_trials():
    trials = from_neurogym("IntervalDiscrimination-v0").seeded(0).with_equal_trials()
    conditions = trials.sample_trials(NUM).conditions
    assert len(set(conditions["duration1"])) > 2
    assert len(set(conditions["duration2"])) > 2


def test_alternatives_of_perceptual_decisions_are_those_of_the_task():
    known = PerceptualDecisionMaking().two_alternatives()
    for name in ("PerceptualDecisionMaking-v0", "PerceptualDecisionMakingDelayResponse-v0"):
        found = from_neurogym(name).alternatives()[""]
        np.testing.assert_allclose(found.evidence, known.evidence, atol=1e-6)
        np.testing.assert_allclose(found.rest[1:], known.rest[1:], atol=1e-6)
        assert found.rest[0] == name.endswith("DelayResponse-v0")  # whether fixation stays on
        assert found.condition == "coh"


def test_alternatives_of_two_contexts_differ_in_context_and_in_what_is_evidence():
    task = from_neurogym("ContextDecisionMaking-v0", use_expl_context=True)
    found = task.alternatives()
    assert list(found) == ["context 0", "context 1"]
    for context, two in enumerate(found.values()):
        evidence = np.zeros(7)
        evidence[1 + 2 * context : 3 + 2 * context] = -1, 1
        np.testing.assert_allclose(two.evidence, evidence, atol=1e-6)
        assert two.condition == f"coh_{context + 1}"
        assert two.rest[5:].tolist() == [context == 0, context == 1]
    trials = task.seeded(0).without_noise().sample_trials(100)
    for context in (0, 1):
        here = trials.where({"context": context})
        assert here.choice is not None
        assert np.array_equal(here.choice, here.conditions[f"coh_{context + 1}"] > 0)


def test_noise_is_what_the_inputs_have():
    for name in ("PerceptualDecisionMaking-v0", "PerceptualDecisionMakingDelayResponse-v0"):
        task = from_neurogym(name, sigma=2.0).seeded(0).with_equal_trials()
        trials = task.sample_trials(200)
        assert task.noise == pytest.approx(0.2)
        stimulus = trials.inputs[trials.during("stimulus")][..., 1:]
        noise = stimulus - stimulus.mean(axis=0)
        assert noise.std() == pytest.approx(0.2, rel=0.1)
        quiet = task.without_noise()
        still = quiet.sample_trials(5).inputs[trials.during("stimulus")]
        assert np.ptp(still, axis=0).max() == 0
        assert quiet.noise == 0.0


def goes_at(step: Any, trials: Trials) -> np.ndarray:
    outputs = np.zeros((*trials.targets.shape, 2))
    outputs[..., 0] = 0.5
    outputs[step, np.arange(len(outputs[0])), 1] = 1.0
    return outputs


def test_one_who_acts_in_time_is_right_and_one_who_always_acts_is_not():
    task = from_neurogym("ReadySetGo-v0", dt=20).seeded(0)
    trials = task.sample_trials(NUM)
    begins = trials.steps("production").argmax(axis=0)
    wait = (trials.conditions["production"] / 20).astype(int)
    assert task.correct(goes_at(begins + wait, trials), trials).all()
    assert task.correct(goes_at(begins + (0.85 * wait).astype(int), trials), trials).all()
    assert not task.correct(goes_at(begins + (0.75 * wait).astype(int), trials), trials).any()
    assert not task.correct(goes_at(0 * begins, trials), trials).any()
    always = goes_at(begins, trials)
    always[..., 1] = 1.0
    assert not task.correct(always, trials).any()
    chance = task.chance(trials)
    assert chance is not None
    steps = [task.correct(goes_at(np.full(NUM, k), trials), trials).mean() for k in range(150)]
    assert chance == pytest.approx(max(steps))
    assert chance < 1
    assert trials.choice is None


def test_go_at_the_test_that_matches_is_right():
    task = from_neurogym("DelayMatchSampleDistractor1D-v0").seeded(0)
    trials = task.sample_trials(NUM)
    match = trials.conditions["ground_truth"]
    steps = {k: trials.during(f"test{k}").start + 1 for k in (1, 2, 3)}
    right = np.array([steps[k] for k in match])
    assert task.correct(goes_at(right, trials), trials).all()
    first = task.correct(goes_at(np.full(NUM, steps[1]), trials), trials)
    assert np.array_equal(first, match == 1)
    assert task.chance(trials) == np.unique(match, return_counts=True)[1].max() / NUM


def test_a_wrapped_environment_and_a_dataset_are_taken():
    expected = from_neurogym("GoNogo-v0").seeded(0).sample_trials(5)
    env = made("GoNogo-v0")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        dataset = neurogym.Dataset(env, batch_size=4, seq_len=30)
    for given in (env, env.unwrapped, dataset):
        task = from_neurogym(given)
        assert isinstance(task, NeuroGymTask)
        assert same(task.seeded(0).sample_trials(5), expected)
    assert repr(task) == "NeuroGymTask(GoNogo)"


def test_an_environment_that_is_given_stays_as_it_is():
    env = made("ContextDecisionMaking-v0")
    env.unwrapped.seed(0)
    before = env.unwrapped.rng.get_state()[1].copy()
    task = from_neurogym(env)
    task.sample_trials(5)
    task.with_equal_trials().without_noise().alternatives()
    assert np.array_equal(env.unwrapped.rng.get_state()[1], before)


@pytest.mark.parametrize(
    ("env", "settings", "error", "message"),
    [
        ("Dinner-v0", {}, ValueError, "must be an environment of NeuroGym; 'Dinner-v0'"),
        ("", {}, ValueError, "must be an environment of NeuroGym; ''"),
        ("Perceptual", {}, ValueError, r"\(is it PerceptualDecisionMaking-v0, "),
        ("CartPole-v1", {}, ValueError, "must have trials; got|must be an environment of Neuro"),
        ("GoNogo-v0", {"colour": 1}, ValueError, "'GoNogo-v0': .*colour"),
        ("GoNogo-v0", {"dt": 1000}, ValueError, "of GoNogo must be 0, or a step of 1000 ms"),
        ("GoNogo-v0", {"dt": 0}, ValueError, "GoNogo"),
        ("GoNogo-v0", {"dt": -5}, ValueError, "GoNogo"),
        (3, {}, TypeError, "`env` must be an environment of NeuroGym, or its name; got 3"),
        (None, {}, TypeError, "or its name; got None"),
    ],
)
def test_what_is_no_environment_is_refused(env: Any, settings: Any, error: Any, message: str):
    with pytest.raises(error, match=message):
        from_neurogym(env, **settings)


def test_settings_of_an_environment_that_is_made_are_refused():
    with pytest.raises(ValueError, match="settings are for environments by name"):
        from_neurogym(made("GoNogo-v0"), dt=20)


@pytest.mark.parametrize("number", [0, -1, 2.0, "3", None])
def test_numbers_of_trials_that_are_none_are_refused(number: Any):
    with pytest.raises(ValueError, match="`num_trials` must be a whole number, 1 or more; got"):
        from_neurogym("GoNogo-v0").sample_trials(number)
