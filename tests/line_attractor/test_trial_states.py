import dataclasses
import math
from typing import Any

import numpy as np
import pytest
from built import REST, TASK, UNITS, leaky, trials
from hypothesis import given
from hypothesis import strategies as st

from yang_rnn.adapters.brainpy_datasets import make_brainpy_task
from yang_rnn.dynamics.simulation import Trajectories, simulate
from yang_rnn.line_attractor.probes import make_probes
from yang_rnn.line_attractor.trial_states import (
    MIN_TRIALS,
    TrialStates,
    check_evidence,
    correlation,
    explained_by_time,
    run_trials,
)
from yang_rnn.trials import Trials

SYSTEM = leaky(2.0).system()


def states(activity: Any, chose_second: Any, **changes: Any) -> TrialStates:
    activity = np.asarray(activity, float)
    values = {
        "activity": activity,
        "during": activity,
        "evidence": np.zeros(activity.shape[1]),
        "chose_second": np.array(chose_second, bool),
        "signed_strength": np.zeros(activity.shape[1]),
        "dt": 20.0,
    }
    return TrialStates(**values | changes)


def test_trials_are_run_and_what_the_network_does_is_kept():
    some = trials(12)
    seen = run_trials(SYSTEM, some, TASK)
    activity, outputs = simulate(SYSTEM, some.inputs)
    assert outputs is not None
    np.testing.assert_array_equal(seen.activity, activity)
    assert seen.activity.dtype == np.float64
    np.testing.assert_array_equal(seen.during, activity[1:21])
    np.testing.assert_array_equal(seen.end, activity[20])
    np.testing.assert_allclose(
        seen.evidence, (some.inputs[1:21, :, 2] - some.inputs[1:21, :, 1]).sum(axis=0)
    )
    np.testing.assert_array_equal(seen.chose_second, outputs[-1, :, 2] > outputs[-1, :, 1])
    np.testing.assert_array_equal(np.abs(seen.signed_strength), some.conditions["coherence"])
    assert (seen.dt, seen.duration) == (100.0, 2000.0)


def test_trajectories_that_are_there_are_taken():
    some = trials(12)
    activity, outputs = simulate(SYSTEM, some.inputs)
    seen = run_trials(SYSTEM, some, TASK, Trajectories(2 * activity, outputs))
    np.testing.assert_array_equal(seen.activity, 2 * activity)


def in_two_contexts() -> Trials:
    """Return trials of which half have another right choice, and both have their context."""
    some = trials(60)
    context = np.arange(60) % 2
    conditions = some.conditions | {"context": context}
    choice = np.where(context == 0, some.choice, 1 - np.asarray(some.choice))
    return some._replace(conditions=conditions, choice=choice)


def test_the_trials_that_a_task_is_said_of_are_taken():
    mixed, within = in_two_contexts(), dataclasses.replace(TASK, within={"context": 0})
    own = mixed.where({"context": 0})
    for trajectories in (None, simulate(SYSTEM, mixed.inputs)):
        seen = run_trials(SYSTEM, mixed, within, trajectories)
        alone = run_trials(SYSTEM, own, within)
        for field in dataclasses.fields(TrialStates):
            found, expected = getattr(seen, field.name), getattr(alone, field.name)
            np.testing.assert_allclose(found, expected, rtol=1e-6)
        probes = make_probes(SYSTEM, mixed, within, trajectories=trajectories, number=200)
        assert probes.accuracy == make_probes(SYSTEM, own, TASK, number=200).accuracy
    with pytest.raises(ValueError, match=r"`trials` must have a condition 'context'; got"):
        run_trials(SYSTEM, trials(60), within)
    with pytest.raises(ValueError, match=r"must be those of \{'context': 0\}.*got 30 others"):
        within.signed_strength(mixed)


def test_evidence_that_the_right_choices_go_against_is_refused():
    other_way = dataclasses.replace(TASK, evidence=-TASK.evidence)
    with pytest.raises(
        ValueError, match=r"`task.evidence` must point to choice 2.*change its sign"
    ):
        run_trials(SYSTEM, trials(60), other_way)
    by_chance = dataclasses.replace(TASK, evidence=(1.0, 0.0, 0.0))  # what no trial has
    run_trials(SYSTEM, trials(60), by_chance)


def test_evidence_may_be_unbalanced():
    some = trials(200)
    weak_or_second = (some.choice == 1) | (some.conditions["coherence"] < 20)
    run_trials(SYSTEM, some.select(weak_or_second), TASK)  # a warning is an error
    run_trials(SYSTEM, some.select(some.choice == 1), TASK)


def test_a_rest_that_no_trial_is_near_is_warned_of_with_both_vectors():
    dark = dataclasses.replace(TASK, rest=(1.0, 0.0, 0.0))
    with pytest.warns(
        UserWarning, match=r"`task.rest`.*is \(1, 0, 0\).*\([01][.\d]*, 0.[45]\d*, 0.[45]\d*\)"
    ):
        run_trials(SYSTEM, trials(60), dark)


def test_evidence_may_be_added_to_one_channel_or_the_other():
    rng = np.random.default_rng(0)
    choice, strength = rng.integers(0, 2, 400), rng.choice([1.0, 3.0], 400)
    inputs = rng.normal(size=(22, 400, 3))
    inputs[1:21, np.arange(400), 1 + choice] += strength
    some = trials(400)._replace(inputs=inputs, choice=choice, conditions={"coherence": strength})
    check_evidence(some, dataclasses.replace(TASK, rest=np.zeros(3)))


NAMES = [
    "RatePerceptualDecisionMaking", "RateContextDecisionMaking", "RateSingleContextDecisionMaking",
    "RatePerceptualDecisionMakingDelayResponse",
]  # fmt: skip


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("seed", range(3))
def test_no_task_of_this_package_meets_either(name: str, seed: int):
    task = make_brainpy_task(name, seed=seed)
    some = task.with_equal_trials().sample_trials(200)
    assert task.alternatives()
    for two in task.alternatives().values():
        check_evidence(some.select(two.said_of(some)), two)


def test_without_outputs_there_is_no_choice():
    with pytest.raises(ValueError, match="`system` must have a readout"):
        run_trials(dataclasses.replace(SYSTEM, readout=None), trials(5), TASK)


def test_states_must_be_those_of_the_trials_and_finite():
    some = trials(5)
    activity, outputs = simulate(SYSTEM, some.inputs)
    with pytest.raises(
        ValueError, match=r"`trajectories.activity` must have shape \(22, 5, 16\); got"
    ):
        run_trials(SYSTEM, some, TASK, Trajectories(activity[..., :3], outputs))
    lost = np.where(np.arange(UNITS) == 3, np.nan, activity)
    with pytest.raises(ValueError, match=r"`trajectories\.activity` must be finite"):
        run_trials(SYSTEM, some, TASK, Trajectories(lost, outputs))


def test_the_choice_axis_points_from_the_mean_of_one_choice_to_that_of_the_other():
    end = [[0.0, 0.0], [2.0, 0.0], [4.0, 4.0], [4.0, 4.0]]
    seen = states([np.zeros((4, 2)), end], [False, False, True, True])
    np.testing.assert_allclose(seen.choice_axis, [0.6, 0.8])
    assert not seen.chose_alike


@pytest.mark.parametrize("choice", [True, False])
def test_where_all_choose_alike_there_is_no_choice_axis(choice: bool):
    seen = states(np.random.default_rng(0).normal(size=(3, 4, 2)), [choice] * 4)
    assert seen.chose_alike
    assert seen.choice_axis.tolist() == [0.0, 0.0]
    position = np.arange(12.0).reshape(3, 4)
    np.testing.assert_array_equal(seen.towards_choice_2(position), position)


def test_choices_that_end_alike_have_no_axis():
    seen = states(np.ones((3, 4, 2)), [True, False, True, False])
    assert seen.choice_axis.tolist() == [0.0, 0.0]


@pytest.mark.parametrize("sign", [1.0, -1.0])
def test_positions_are_turned_to_grow_towards_choice_2(sign: float):
    seen = states(np.zeros((2, 4, 1)), [False, False, True, True])
    position = sign * np.array([[9.0, 9.0, -9.0, -9.0], [0.0, 1.0, 2.0, 3.0]])
    turned = seen.towards_choice_2(position)
    np.testing.assert_array_equal(turned, sign * position)


def test_within_a_strength_is_the_value_less_its_mean_and_equal_values_are_0():
    strength = np.array([-1.0, -1.0, 2.0, 2.0, 2.0])
    seen = states(np.zeros((2, 5, 1)), [False] * 5, signed_strength=strength)
    values = np.array([1.0, 3.0, 0.1, 0.1, 0.1])
    assert seen.within(values).tolist() == [-1.0, 1.0, 0.0, 0.0, 0.0]
    assert values.tolist() == [1.0, 3.0, 0.1, 0.1, 0.1]


def test_time_explains_what_all_trials_do_alike():
    course = np.random.default_rng(0).normal(size=(6, 1, 2))
    alike = np.tile(course, (1, 4, 1))
    assert explained_by_time(alike) == pytest.approx(1.0)
    apart = np.tile(np.random.default_rng(1).normal(size=(1, 4, 2)), (6, 1, 1))
    assert explained_by_time(apart) == pytest.approx(0.0, abs=1e-12)
    assert math.isnan(explained_by_time(np.ones((6, 4, 2))))


@given(st.integers(0, 1000))
def test_the_share_that_time_explains_is_that_of_an_analysis_of_variance(seed: int):
    values = np.random.default_rng(seed).normal(size=(5, 4, 3)).cumsum(axis=0)
    between = within = 0.0
    for unit in range(3):
        for time in range(5):
            mean = values[time, :, unit].mean()
            between += 4 * (mean - values[..., unit].mean()) ** 2
            within += ((values[time, :, unit] - mean) ** 2).sum()
    assert explained_by_time(values) == pytest.approx(between / (between + within))


def test_a_correlation_needs_enough_trials_that_differ():
    x = np.arange(float(MIN_TRIALS))
    assert correlation(x, 3 - 2 * x) == pytest.approx(-1.0)
    assert correlation(x, x > 4) == pytest.approx(np.corrcoef(x, x > 4)[0, 1])
    assert math.isnan(correlation(x[1:], x[1:]))
    assert math.isnan(correlation(x, np.ones(MIN_TRIALS)))
    assert math.isnan(correlation(np.ones(MIN_TRIALS), x))


def test_the_input_without_evidence_is_that_of_the_task():
    assert tuple(TASK.rest) == REST


def test_a_decision_before_the_stimulus_ends_is_refused():
    task = dataclasses.replace(TASK, stimulus=TASK.decision, decision=TASK.stimulus)
    with pytest.raises(ValueError, match=r"`task\.decision` must not end before the stimulus does"):
        run_trials(SYSTEM, trials(20), task)
