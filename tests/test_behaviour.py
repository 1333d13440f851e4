import dataclasses
from typing import Any

import numpy as np
import pytest

from yang_rnn.behaviour import (
    accuracy,
    accuracy_by_coherence,
    ideal_observer_accuracy,
    psychometric_function,
)
from yang_rnn.model import CTRNN
from yang_rnn.recipe import NOTEBOOK, Recipe
from yang_rnn.task import PerceptualDecisionMaking, Trials


def test_ideal_observer_of_the_notebook():
    assert ideal_observer_accuracy() == pytest.approx(0.8957, abs=5e-5)


@pytest.mark.parametrize(
    "numbers", [{}, {"choices": 3}, {"choices": 4, "dt": 50.0}, {"noise": 3.0, "stimulus": 500.0}]
)
def test_ideal_observer_is_right_as_often_as_the_best_template(numbers: dict[str, Any]):
    recipe = Recipe(**numbers)
    num_trials = 40_000
    trials = PerceptualDecisionMaking.from_recipe(recipe, seed=11).sample_trials(num_trials)
    onset = int(recipe.fixation / recipe.dt)
    evidence = trials.inputs[onset : onset + int(recipe.stimulus / recipe.dt), :, 1:].sum(axis=0)
    theta = 2 * np.pi * np.arange(recipe.choices) / recipe.choices
    answers = (evidence @ np.cos(theta[:, None] - theta)).argmax(axis=1)
    p = ideal_observer_accuracy(recipe)
    standard_error = np.sqrt(p * (1 - p) / num_trials)
    assert abs((answers == trials.choice).mean() - p) < 4 * standard_error


def test_ideal_observer_without_noise_errs_only_where_there_is_nothing_to_see():
    recipe = dataclasses.replace(NOTEBOOK, noise=0.0, coherences=(0.0, 1e-3, 50.0, 100.0))
    assert ideal_observer_accuracy(recipe) == pytest.approx((0.5 + 3) / 4)


def fixed_answer(choice: int) -> CTRNN:
    net = CTRNN(3, 4, 3, seed=0)
    zeros = {name: np.zeros_like(value) for name, value in net.weights.items()}
    net.set_weights(zeros | {"b_ro": np.eye(3)[choice + 1]})
    return net


def test_accuracy_is_the_share_of_correct_decisions():
    trials = PerceptualDecisionMaking(seed=0, t_decision=300.0).sample_trials(200)
    for choice in (0, 1):
        expected = (trials.choice == choice).mean()
        assert accuracy(fixed_answer(choice), trials) == pytest.approx(expected)


def test_trials_that_ask_nothing_are_refused():
    trials = PerceptualDecisionMaking(seed=0).sample_trials(5)
    silent = Trials(trials.inputs, 0 * trials.targets, trials.coherence, trials.choice)
    with pytest.raises(ValueError, match="a target above 0"):
        accuracy(fixed_answer(0), silent)


def integrator() -> CTRNN:
    """Return a relu network that adds up the evidence without a leak: the ideal observer."""
    net = CTRNN(3, 2, 3, seed=0)
    net.set_weights(
        {
            "w_ir": np.array([[0.0, 0.0], [1.0, -1.0], [-1.0, 1.0]]),
            "w_rr": np.eye(2),
            "b_rr": np.zeros(2),
            "w_ro": np.array([[0.0, 1.0, -1.0], [0.0, -1.0, 1.0]]),
            "b_ro": np.zeros(3),
        }
    )
    return net


def test_psychometric_function_of_one_that_always_answers_the_same():
    trials = PerceptualDecisionMaking(seed=0).sample_trials(500)
    for choice in (0, 1):
        measured = psychometric_function(fixed_answer(choice), trials)
        assert (measured.probability == choice).all()
        assert measured.num_trials.sum() == 500
        levels = [-51.2, -25.6, -12.8, -6.4, 0.0, 6.4, 12.8, 25.6, 51.2]
        assert list(measured.signed_coherence) == levels
    n = measured.num_trials
    z = 1.959964
    np.testing.assert_allclose(measured.high, 1.0)
    np.testing.assert_allclose(measured.low, n / (n + z**2), rtol=1e-5)


def test_psychometric_function_of_an_integrator_is_near_the_ideal_observers():
    trials = PerceptualDecisionMaking(seed=1).sample_trials(20_000)
    measured = psychometric_function(integrator(), trials, confidence=0.9999)
    assert measured.ideal[4] == 0.5
    np.testing.assert_allclose(measured.ideal + measured.ideal[::-1], 1.0)
    # Two units that can't go below 0 lose a little of what an integrator without bounds keeps, and
    # noise enters once more at the decision.
    assert (np.abs(measured.probability - measured.ideal) < 0.05).all()
    assert (np.diff(measured.probability) >= 0).all()
    assert (np.diff(measured.probability[3:6]) > 0.4).all()
    assert (measured.low <= measured.probability).all()
    assert (measured.probability <= measured.high).all()


def test_psychometric_function_takes_two_choices_and_a_confidence():
    trials = PerceptualDecisionMaking(seed=1).sample_trials(20)
    with pytest.raises(ValueError, match="two choices"):
        psychometric_function(CTRNN(4, 4, 4), trials, Recipe(choices=3))
    with pytest.raises(ValueError, match=r"between 0 and 1; got 1\.5"):
        psychometric_function(integrator(), trials, confidence=1.5)


def test_accuracy_by_coherence_of_one_that_always_answers_the_same():
    trials = PerceptualDecisionMaking(seed=0).sample_trials(300)
    for choice in (0, 1):
        measured = accuracy_by_coherence(fixed_answer(choice), trials)
        assert list(measured.coherence) == [0.0, 6.4, 12.8, 25.6, 51.2]
        for level, n, share in zip(
            measured.coherence, measured.num_trials, measured.accuracy, strict=True
        ):
            here = trials.choice[trials.coherence == level]
            assert n == len(here)
            assert share == pytest.approx((here == choice).mean())
    # No choice is no correct choice.
    silent = accuracy_by_coherence(fixed_answer(-1), trials)
    assert not silent.accuracy.any()
    assert not silent.low.any()


@pytest.mark.parametrize(("confidence", "z"), [(0.95, 1.959964), (0.6826895, 1.0)])
def test_intervals_of_the_accuracy_are_wilsons(confidence: float, z: float):
    trials = PerceptualDecisionMaking(seed=3).sample_trials(200)
    measured = accuracy_by_coherence(integrator(), trials, confidence=confidence)
    n, p = measured.num_trials, measured.accuracy
    # The p0 at which (p - p0)^2 = z^2 p0 (1 - p0) / n: the test of p0 is just not significant.
    for bound in (measured.low, measured.high):
        np.testing.assert_allclose((p - bound) ** 2, z**2 * bound * (1 - bound) / n, atol=1e-6)
    assert (measured.low <= p).all()
    assert (p <= measured.high).all()
    assert (measured.low < measured.high).all()


def test_accuracy_by_coherence_adds_up_and_comes_near_the_ideal():
    trials = PerceptualDecisionMaking(seed=1).sample_trials(10_000)
    measured = accuracy_by_coherence(integrator(), trials)
    whole = (measured.accuracy * measured.num_trials).sum() / 10_000
    assert accuracy(integrator(), trials) == pytest.approx(whole)
    assert measured.ideal.mean() == pytest.approx(ideal_observer_accuracy())
    assert measured.ideal[0] == 0.5
    assert (np.abs(measured.accuracy - measured.ideal) < 0.05).all()
    assert (np.diff(measured.accuracy) >= 0).all()


def test_accuracy_by_coherence_is_that_of_the_last_step_of_the_decision():
    trials = PerceptualDecisionMaking(seed=0, t_decision=300.0).sample_trials(100)
    # All but the last step of the decision ask for the other choice.
    other = trials.targets.copy()
    other[-3:-1] = 3 - other[-3:-1]
    changed = trials._replace(targets=other)
    for choice in (0, 1):
        net = fixed_answer(choice)
        np.testing.assert_array_equal(
            accuracy_by_coherence(net, changed).accuracy,
            accuracy_by_coherence(net, trials).accuracy,
        )


def test_accuracy_by_coherence_takes_a_confidence_and_trials_that_ask():
    trials = PerceptualDecisionMaking(seed=1).sample_trials(20)
    for confidence in (0.0, 1.0, float("nan")):
        with pytest.raises(ValueError, match="`confidence` must be between 0 and 1; got"):
            accuracy_by_coherence(integrator(), trials, confidence=confidence)
    with pytest.raises(ValueError, match="a target above 0"):
        accuracy_by_coherence(integrator(), trials._replace(targets=0 * trials.targets))


def test_outputs_that_are_there_already_are_taken():
    trials = PerceptualDecisionMaking(seed=1).sample_trials(50)
    outputs = np.asarray(fixed_answer(1).predict(trials.inputs)[1])
    net = fixed_answer(0)
    assert accuracy(net, trials, outputs=outputs) == pytest.approx((trials.choice == 1).mean())
    assert (psychometric_function(net, trials, outputs=outputs).probability == 1).all()
    taken = accuracy_by_coherence(net, trials, outputs=outputs)
    assert (taken.accuracy * taken.num_trials).sum() == pytest.approx((trials.choice == 1).sum())
    with pytest.raises(ValueError, match=r"`outputs` must have shape \(22, 50, 3\)"):
        accuracy(net, trials, outputs=outputs[:, :20])
