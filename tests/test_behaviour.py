from typing import Any

import numpy as np
import pytest
from sklearn.metrics import r2_score
from tasks import Follow, Side, answers

from yang_rnn.adapters.brainpy_datasets import make_brainpy_task
from yang_rnn.behaviour import (
    accuracy,
    accuracy_by_condition,
    explained_variance,
    performance,
    psychometric_function,
)
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


def test_the_psychometric_function_is_of_the_trials_that_the_task_is_said_of():
    some = draw(200)
    context = np.arange(200) % 2
    mixed = some._replace(conditions=some.conditions | {"context": context})
    outputs = np.random.default_rng(0).normal(size=(*some.inputs.shape[:2], 3))
    within = TwoAlternatives(rest=(1.0, 0.5, 0.5), evidence=(0.0, -1.0, 1.0), within={"context": 0})
    found = psychometric_function(outputs, mixed, within)
    alone = psychometric_function(outputs[:, context == 0], mixed.where(within.within), within)
    assert found.num_trials.sum() == 100
    np.testing.assert_array_equal(found.probability, alone.probability)


@pytest.mark.parametrize("measure", [accuracy, accuracy_by_condition, psychometric_function])
def test_a_system_without_readout_is_named_as_such(measure: Any):
    task = PerceptualDecisionMaking().two_alternatives()
    with pytest.raises(ValueError, match=r"`outputs`.*got None: its system has no readout"):
        measure(None, draw(10), *([task] if measure is psychometric_function else []))


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


def test_to_do_nothing_where_nothing_is_right_counts_as_an_answer():
    task = make_brainpy_task("RateGoNoGo").seeded(0)
    trials = task.sample_trials(60)
    goes = np.broadcast_to([0.0, 1.0], (*trials.targets.shape, 2))
    share = trials.conditions["go"].mean()
    assert accuracy(goes, trials) == pytest.approx(share)
    by_go = accuracy_by_condition(goes, trials, "go")
    assert by_go.accuracy.tolist() == [0.0, 1.0]
    assert performance(task, goes, trials).accuracy == pytest.approx(share)


def test_the_answer_that_counts_is_at_each_trials_own_end():
    task = make_brainpy_task("RateContextDecisionMaking").seeded(0)
    trials = task.sample_trials(60)
    assert trials.weights is not None
    outputs = answers(trials, 3)
    assert accuracy_by_condition(outputs, trials, "context").accuracy.tolist() == [1.0, 1.0]
    outputs[~(trials.weights > 0)] = [0, 9, 0]  # behind their ends
    assert accuracy_by_condition(outputs, trials, "context").accuracy.tolist() == [1.0, 1.0]
    assert accuracy(outputs, trials) == 1.0


@pytest.mark.parametrize("name", ["RateGoNoGo", "RateAntiReach", "RateHierarchicalReasoning"])
def test_one_who_is_always_right_has_learned_the_task(name: str):
    task = make_brainpy_task(name).seeded(0)
    trials = task.sample_trials(100)
    measured = performance(task, answers(trials, task.num_outputs), trials)
    assert (measured.accuracy, measured.high, measured.num_trials) == (1.0, 1.0, 100)
    assert measured.learned
    assert measured.explained is None
    assert measured.chance == task.chance(trials)
    for by in measured.by_condition.values():
        assert (by.accuracy == 1.0).all()
        assert by.num_trials.sum() == 100


@pytest.mark.parametrize("seed", range(5))
def test_one_who_guesses_has_not_learned_the_task(seed: int):
    task = Side().seeded(seed)
    trials = task.sample_trials(200)
    guess = np.eye(3)[np.random.default_rng(seed + 100).integers(1, 3, 200)]
    measured = performance(task, np.broadcast_to(guess, (8, 200, 3)), trials)
    assert not measured.learned
    assert not performance(task, np.zeros((8, 200, 3)), trials).learned
    # Wilson's interval by its definition: the p at which (share - p)^2 = z^2 p (1 - p) / n.
    n, p, z = 200, measured.accuracy, 1.959964
    for bound in (measured.low, measured.high):
        assert (p - bound) ** 2 == pytest.approx(z**2 * bound * (1 - bound) / n, abs=1e-9)
    assert measured.low < p < measured.high


def test_performance_is_split_by_conditions_of_few_values():
    task = Side().seeded(0)
    trials = task.sample_trials(90)
    many = np.arange(90.0)
    kinds = {"side": trials.conditions["side"], "many": many, "one": 0 * many, "third": many % 3}
    trials = trials._replace(conditions=kinds | {"truth": many > 30})
    left = np.broadcast_to(np.eye(3)[1], (8, 90, 3))
    found = performance(task, left, trials).by_condition
    assert list(found) == ["side", "third", "truth"]
    assert found["side"].accuracy.tolist() == [1.0, 0.0]
    for value in range(3):
        expected = (trials.conditions["side"] == 0)[many % 3 == value].mean()
        assert found["third"].accuracy[value] == pytest.approx(expected)


def test_explained_variance_is_scikit_learns():
    rng = np.random.default_rng(0)
    targets, outputs = rng.normal(size=(2, 7, 20, 3))
    outputs = targets + outputs * [0.1, 0.5, 1.0]
    every = Trials(np.zeros((7, 20, 1)), targets, {}, {})
    flat = [values.reshape(-1, 3) for values in (targets, outputs)]
    expected = r2_score(*flat, multioutput="variance_weighted")
    assert explained_variance(outputs, every) == pytest.approx(expected)
    weights = rng.uniform(size=(7, 20)) * (rng.uniform(size=(7, 20)) > 0.3)
    weighted = r2_score(*flat, sample_weight=weights.ravel(), multioutput="variance_weighted")
    found = explained_variance(outputs, every._replace(weights=weights))
    assert found == pytest.approx(weighted)
    assert explained_variance(targets, every) == 1.0
    mean = np.broadcast_to(targets.mean(axis=(0, 1)), targets.shape)
    assert explained_variance(mean, every) == pytest.approx(0.0, abs=1e-12)
    assert explained_variance(-targets, every) < 0


def test_constant_targets_have_no_variance_to_explain():
    every = Trials(np.zeros((7, 20, 1)), np.ones((7, 20, 2)), {}, {})
    assert explained_variance(np.ones((7, 20, 2)), every) == 0.0


def test_values_are_learned_where_some_of_their_variance_is_explained():
    task = Follow().seeded(0)
    trials = task.sample_trials(50)
    measured = performance(task, answers(trials, 1), trials)
    assert (measured.accuracy, measured.explained, measured.learned) == (1.0, 1.0, True)
    assert measured.chance is None
    assert list(measured.by_condition) == ["level"]
    silent = performance(task, np.zeros((6, 50, 1)), trials)
    assert not silent.learned
    assert silent.accuracy == pytest.approx((trials.conditions["level"] == 0).mean())
    with pytest.raises(ValueError, match="targets that are choices; got values"):
        accuracy(np.zeros((6, 50, 1)), trials)


@pytest.mark.parametrize(
    ("changes", "error", "message"),
    [
        ({"task": 3}, TypeError, "`task` must be a Task; got 3"),
        ({"trials": None}, TypeError, "`trials` must be a Trials; got None"),
        ({"outputs": np.zeros((8, 30))}, ValueError, r"`outputs` must have shape \(8, 30, output"),
        ({"outputs": np.zeros((8, 0, 3))}, ValueError, "`outputs` must have shape"),
        ({"outputs": np.full((8, 30, 3), np.nan)}, ValueError, "`outputs` must be finite"),
        ({"outputs": "none"}, TypeError, "`outputs` must be real numbers; got 'none'"),
    ],
)
def test_performance_of_what_does_not_fit_is_refused(
    changes: dict[str, Any], error: type[Exception], message: str
):
    trials = Side().seeded(0).sample_trials(30)
    values = {"task": Side(), "outputs": np.zeros((8, 30, 3)), "trials": trials} | changes
    with pytest.raises(error, match=message):
        performance(**values)


def test_performance_by_conditions_that_are_no_numbers_is_refused():
    trials = Side().seeded(0).sample_trials(4)
    for values in (["l", "r", "l", "r"], [np.nan, 0, 1, 0], [1, 2]):
        broken = trials._replace(conditions={"side": np.array(values)})
        with pytest.raises((TypeError, ValueError), match=r"`trials.conditions\['side'\]` must"):
            performance(Side(), np.zeros((8, 4, 3)), broken)


def test_explained_variance_of_what_does_not_fit_is_refused():
    every = Trials(np.zeros((7, 20, 1)), np.ones((7, 20, 2)), {}, {})
    with pytest.raises(ValueError, match=r"`outputs` must have shape \(7, 20, 2\)"):
        explained_variance(np.zeros((7, 20, 1)), every)
    with pytest.raises(ValueError, match="a step with a weight above 0; got none"):
        explained_variance(np.zeros((7, 20, 2)), every._replace(weights=np.zeros((7, 20))))
    with pytest.raises(ValueError, match="targets that are values; got choices"):
        explained_variance(np.zeros((8, 4, 3)), Side().seeded(0).sample_trials(4))
