from typing import Any

import numpy as np
import pytest

from yang_rnn.behaviour import accuracy, accuracy_by_condition, psychometric_function
from yang_rnn.task import PerceptualDecisionMaking
from yang_rnn.trials import Trials, TwoAlternatives

TASK = PerceptualDecisionMaking(seed=0)
TWO = TASK.two_alternatives()
LEVELS = [0.0, 6.4, 12.8, 25.6, 51.2]


def draw(num_trials: int, seed: int = 0, **numbers: Any) -> Trials:
    return PerceptualDecisionMaking(seed=seed, **numbers).sample_trials(num_trials)


def same_answer(choice: int, trials: Trials) -> np.ndarray:
    """Return outputs that give one answer at all times; choice -1 is none."""
    return np.broadcast_to(np.eye(3)[choice + 1], (*trials.targets.shape, 3))


def summed_evidence(trials: Trials) -> np.ndarray:
    """Return the outputs of one who adds up the evidence without a leak: the ideal observer."""
    outputs = np.zeros((*trials.targets.shape, 3))
    stimulus = trials.inputs[1:21]
    total = (stimulus[..., 2] - stimulus[..., 1]).sum(axis=0)
    outputs[..., 0], outputs[..., 1], outputs[..., 2] = -100, -total, total
    return outputs


def test_accuracy_is_the_share_of_correct_decisions():
    trials = draw(200, t_decision=300.0)
    for choice in (0, 1):
        expected = (trials.choice == choice).mean()
        assert accuracy(same_answer(choice, trials), trials) == pytest.approx(expected)


def test_accuracy_counts_every_step_that_asks():
    trials = draw(3, t_decision=200.0)
    outputs = np.eye(3)[trials.targets]
    assert accuracy(outputs, trials) == 1.0
    outputs[-1, 0] = np.eye(3)[0]
    assert accuracy(outputs, trials) == pytest.approx(5 / 6)
    outputs[:5] = 0  # where nothing is asked
    assert accuracy(outputs, trials) == pytest.approx(5 / 6)


def test_trials_that_ask_nothing_are_refused():
    trials = draw(5)
    silent = trials._replace(targets=0 * trials.targets)
    for measure in (accuracy, accuracy_by_condition):
        with pytest.raises(ValueError, match="`trials` must ask for a choice"):
            measure(same_answer(0, trials), silent)


@pytest.mark.parametrize(
    "outputs", [np.zeros((20, 5, 3)), np.zeros((22, 6, 3)), np.zeros((22, 5)), np.zeros((22, 5, 0))]
)
def test_outputs_of_other_trials_are_refused(outputs: np.ndarray):
    trials = draw(5)
    for measure in (accuracy, accuracy_by_condition):
        with pytest.raises(ValueError, match=r"`outputs` must have shape \(22, 5, output\); got"):
            measure(outputs, trials)
    with pytest.raises(ValueError, match=r"`outputs` must have shape \(22, 5, output\); got"):
        psychometric_function(outputs, trials, TWO)
    with pytest.raises(ValueError, match="more than 2 outputs; got"):
        psychometric_function(np.zeros((22, 5, 2)), trials, TWO)


def test_outputs_that_are_not_finite_are_refused():
    trials = draw(5)
    outputs = np.full((22, 5, 3), np.nan)
    for measure in (accuracy, accuracy_by_condition):
        with pytest.raises(ValueError, match="`outputs` must be finite; got NaN or infinity"):
            measure(outputs, trials)
    with pytest.raises(ValueError, match="`outputs` must be finite"):
        psychometric_function(outputs, trials, TWO)


def test_psychometric_function_of_one_that_always_answers_the_same():
    trials = draw(500)
    for choice in (0, 1):
        measured = psychometric_function(same_answer(choice, trials), trials, TWO)
        assert (measured.probability == choice).all()
        assert measured.num_trials.sum() == 500
        assert list(measured.strength) == [-51.2, -25.6, -12.8, -6.4, *LEVELS]
        assert measured.ideal is None
    n = measured.num_trials
    z = 1.959964
    np.testing.assert_allclose(measured.high, 1.0)
    np.testing.assert_allclose(measured.low, n / (n + z**2), rtol=1e-5)


def test_psychometric_function_of_an_integrator_is_the_ideal_observers():
    trials = draw(20_000, seed=1)
    measured = psychometric_function(
        summed_evidence(trials), trials, TWO, confidence=0.9999, ideal=TASK.ideal_accuracy
    )
    assert measured.ideal is not None
    assert measured.ideal[4] == 0.5
    np.testing.assert_allclose(measured.ideal + measured.ideal[::-1], 1.0)
    error = np.sqrt(measured.ideal * (1 - measured.ideal) / measured.num_trials)
    assert (np.abs(measured.probability - measured.ideal) < 4 * error + 1e-6).all()
    assert (measured.low <= measured.ideal).all()
    assert (measured.ideal <= measured.high).all()
    assert (measured.low <= measured.probability).all()
    assert (measured.probability <= measured.high).all()


def test_choice_that_counts_is_that_of_the_outputs_which_compete():
    trials = draw(100)
    outputs = same_answer(-1, trials).copy()  # fixation is the largest of all
    outputs[..., 2] = 0.5
    assert (psychometric_function(outputs, trials, TWO).probability == 1).all()
    swapped = TwoAlternatives(TWO.rest, TWO.evidence, outputs=(2, 1))
    assert (psychometric_function(outputs, trials, swapped).probability == 0).all()
    late = outputs.copy()
    late[:-1, :, 1] = 0.7  # until the last step
    assert (psychometric_function(late, trials, TWO).probability == 1).all()


def test_strength_is_the_condition_that_the_task_names():
    trials = draw(100)
    renamed = trials._replace(conditions={"contrast": trials.conditions["coherence"] / 10})
    task = TwoAlternatives(TWO.rest, TWO.evidence, condition="contrast")
    measured = psychometric_function(same_answer(1, trials), renamed, task)
    np.testing.assert_allclose(measured.strength[-5:], np.array(LEVELS) / 10)


@pytest.mark.parametrize("confidence", [0.0, 1.0, 1.5, float("nan"), "0.95"])
def test_confidence_that_is_none_is_refused(confidence: Any):
    trials = draw(20)
    outputs = same_answer(0, trials)
    for measure in (accuracy_by_condition, psychometric_function):
        arguments: Any = (outputs, trials) + (TWO,) * (measure is psychometric_function)
        with pytest.raises(ValueError, match="`confidence` must be between 0 and 1; got"):
            measure(*arguments, confidence=confidence)


def test_conditions_and_periods_that_the_trials_lack_are_refused():
    trials = draw(20)
    with pytest.raises(ValueError, match=r"condition 'colour'; got \['coherence'\]"):
        accuracy_by_condition(same_answer(0, trials), trials, "colour")
    with pytest.raises(ValueError, match="period 'decision'; got"):
        psychometric_function(same_answer(0, trials), trials._replace(periods={}), TWO)


def test_accuracy_by_coherence_of_one_that_always_answers_the_same():
    trials = draw(300)
    coherence = trials.conditions["coherence"]
    for choice in (0, 1):
        measured = accuracy_by_condition(same_answer(choice, trials), trials)
        assert list(measured.level) == LEVELS
        assert measured.ideal is None
        for level, n, share in zip(
            measured.level, measured.num_trials, measured.accuracy, strict=True
        ):
            here = trials.choice[coherence == level]
            assert n == len(here)
            assert share == pytest.approx((here == choice).mean())
    # No choice is no correct choice.
    silent = accuracy_by_condition(same_answer(-1, trials), trials)
    assert not silent.accuracy.any()
    assert not silent.low.any()


def test_accuracy_is_by_any_condition():
    trials = draw(300)
    sides = trials._replace(conditions={"side": trials.choice})
    measured = accuracy_by_condition(same_answer(1, trials), sides, "side")
    assert measured.level.tolist() == measured.accuracy.tolist() == [0.0, 1.0]
    assert measured.num_trials.tolist() == np.bincount(trials.choice).tolist()


@pytest.mark.parametrize(("confidence", "z"), [(0.95, 1.959964), (0.6826895, 1.0)])
def test_intervals_of_the_accuracy_are_wilsons(confidence: float, z: float):
    trials = draw(200, seed=3)
    measured = accuracy_by_condition(summed_evidence(trials), trials, confidence=confidence)
    n, p = measured.num_trials, measured.accuracy
    # The p0 at which (p - p0)^2 = z^2 p0 (1 - p0) / n: the test of p0 is just not significant.
    for bound in (measured.low, measured.high):
        np.testing.assert_allclose((p - bound) ** 2, z**2 * bound * (1 - bound) / n, atol=1e-6)
    assert (measured.low <= p).all()
    assert (p <= measured.high).all()
    assert (measured.low < measured.high).all()


def test_accuracy_by_coherence_adds_up_and_is_the_ideal_observers_for_an_integrator():
    trials = draw(10_000, seed=1)
    outputs = summed_evidence(trials)
    measured = accuracy_by_condition(outputs, trials, ideal=TASK.ideal_accuracy)
    whole = (measured.accuracy * measured.num_trials).sum() / 10_000
    assert accuracy(outputs, trials) == pytest.approx(whole)
    assert measured.ideal is not None
    assert measured.ideal.mean() == pytest.approx(TASK.ideal_accuracy())
    assert measured.ideal[0] == 0.5
    error = np.sqrt(measured.ideal * (1 - measured.ideal) / measured.num_trials)
    assert (np.abs(measured.accuracy - measured.ideal) < 4 * error + 1e-6).all()


def test_accuracy_by_coherence_is_that_of_the_last_step_of_the_decision():
    trials = draw(100, t_decision=300.0)
    # All but the last step of the decision ask for the other choice.
    other = trials.targets.copy()
    other[-3:-1] = 3 - other[-3:-1]
    changed = trials._replace(targets=other)
    for choice in (0, 1):
        outputs = same_answer(choice, trials)
        np.testing.assert_array_equal(
            accuracy_by_condition(outputs, changed).accuracy,
            accuracy_by_condition(outputs, trials).accuracy,
        )
