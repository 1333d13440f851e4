"""Simulated observers whose threshold, bias and lapses are known."""

import dataclasses
from typing import Any

import numpy as np
import pytest
from scipy.special import ndtr

from yang_rnn.behaviour import Psychometric
from yang_rnn.psychometrics import PsychometricFit, fit_psychometric

COHERENCES = np.array([-51.2, -25.6, -12.8, -6.4, 0.0, 6.4, 12.8, 25.6, 51.2])


@dataclasses.dataclass(frozen=True)
class Observer:
    threshold: float
    bias: float
    lapse_1: float
    lapse_2: float

    def probability(self, strength: Any) -> np.ndarray:
        normal = ndtr((strength - self.bias) / self.threshold)
        return self.lapse_1 + (1 - self.lapse_1 - self.lapse_2) * normal

    def decide(self, trials: int, seed: int = 0, strength: Any = COHERENCES) -> Psychometric:
        second = np.random.default_rng(seed).binomial(trials, self.probability(strength))
        return of_counts(second, trials, strength)

    def is_within(self, fit: PsychometricFit) -> list[bool]:
        """Tell of each number whether it lies in the interval of a fit."""
        found = (fit.threshold, fit.bias, fit.lapse_1, fit.lapse_2)
        own = dataclasses.astuple(self)
        return [part.low <= value <= part.high for part, value in zip(found, own, strict=True)]


def of_counts(second: Any, trials: int, strength: Any = COHERENCES) -> Psychometric:
    share = np.asarray(second) / trials
    total = np.full(len(strength), trials)
    return Psychometric(np.asarray(strength), total, share, share, share, None)


SHARP = Observer(threshold=3.3, bias=-1.0, lapse_1=0.0, lapse_2=0.0)
LAPSING = Observer(threshold=10.0, bias=4.0, lapse_1=0.04, lapse_2=0.1)


@pytest.mark.parametrize("observer", [SHARP, LAPSING], ids=["sharp", "lapsing"])
def test_an_observer_of_many_trials_is_found(observer: Observer):
    fit = fit_psychometric(observer.decide(1_000_000), samples=0)
    assert fit.problem == ""
    found = [part.value for part in fit[:4]]
    np.testing.assert_allclose(found, dataclasses.astuple(observer), rtol=0.01, atol=1e-4)
    levels = np.linspace(-60, 60, 41)
    np.testing.assert_allclose(fit.probability(levels), observer.probability(levels), atol=2e-3)


@pytest.mark.slow
@pytest.mark.parametrize("observer", [SHARP, LAPSING], ids=["sharp", "lapsing"])
@pytest.mark.parametrize("confidence", [0.68, 0.95])
def test_intervals_cover_what_is_true_as_often_as_they_say(observer: Observer, confidence: float):
    number = 100
    fits = [fit_psychometric(observer.decide(500, k), confidence, samples=0) for k in range(number)]
    covered = np.mean([observer.is_within(fit) for fit in fits], axis=0)
    error = np.sqrt(confidence * (1 - confidence) / number)
    # An interval that ends at 0 holds a lapse of 0 more often than it says.
    assert (covered > confidence - 4 * error).all()
    at_edge = np.array(dataclasses.astuple(observer)) == 0
    assert (covered[~at_edge] < confidence + 4 * error).all()


@pytest.mark.parametrize("seed", range(3))
def test_more_trials_narrow_the_intervals_by_the_root_of_their_number(seed: int):
    few, many = (fit_psychometric(LAPSING.decide(n, seed), samples=0) for n in (400, 6400))
    for one, other in zip(few[:4], many[:4], strict=True):
        assert 3 < (one.high - one.low) / (other.high - other.low) < 6


def test_where_choices_are_separated_the_threshold_has_an_upper_limit_alone():
    second = np.where(COHERENCES < 0, 0, np.where(COHERENCES > 0, 1000, 500))
    fit = fit_psychometric(of_counts(second, 1000))
    assert fit.problem == "the threshold is below what a smallest strength of 6.4 can tell"
    assert np.isnan(fit.threshold.value)
    assert fit.threshold.low == 0
    # One of a thousand at 6.4 would tell: P(none of 2000) = exp(-1.92) at the upper limit.
    assert fit.threshold.high == pytest.approx(6.4 / -_quantile(1.92 / 2000), rel=0.02)
    assert str(fit.threshold) == f"below {fit.threshold.high:.2g}"
    assert -6.4 < fit.bias.low < 0 < fit.bias.high < 6.4
    assert np.isnan(fit.probability([1.0])).all()
    assert np.isnan(fit.goodness)


def _quantile(share: float) -> float:
    from scipy.special import ndtri

    return float(ndtri(share))


@pytest.mark.parametrize("share", [0.5, 0.8])
def test_guesses_have_no_threshold(share: float):
    problems = []
    for seed in range(20):
        second = np.random.default_rng(seed).binomial(300, share, len(COHERENCES))
        fit = fit_psychometric(of_counts(second, 300), samples=0)
        problems.append(fit.problem)
        if fit.problem:
            assert np.isnan([part.value for part in fit[:4]]).all()
            assert (fit.threshold.low, fit.threshold.high) == (0.0, np.inf)
            assert str(fit.threshold) == "not determined"
    assert problems.count("the choices do not follow the evidence") >= 18


def test_choices_against_the_evidence_have_no_threshold():
    reversed_ = LAPSING.probability(-COHERENCES)
    fit = fit_psychometric(of_counts(np.rint(1000 * reversed_), 1000))
    assert fit.problem == "the choices do not follow the evidence"


def test_goodness_tells_a_curve_of_another_form():
    share = np.array([0.02, 0.02, 0.3, 0.3, 0.3, 0.7, 0.7, 0.98, 0.98])  # in steps
    stepped = fit_psychometric(of_counts(np.rint(1000 * share), 1000))
    assert stepped.goodness <= 0.02
    assert stepped.is_poor
    assert stepped.deviance > 30
    fits = [fit_psychometric(LAPSING.decide(500, seed), samples=40) for seed in range(8)]
    assert np.mean([fit.goodness for fit in fits]) > 0.25


def test_the_unit_of_the_strength_is_that_of_threshold_and_bias():
    percent = fit_psychometric(LAPSING.decide(500), samples=0)
    shares = LAPSING.decide(500)._replace(strength=COHERENCES / 100)
    found = fit_psychometric(shares, samples=0)
    assert found.threshold.value == pytest.approx(percent.threshold.value / 100, rel=1e-4)
    assert found.bias.high == pytest.approx(percent.bias.high / 100, rel=1e-3)


def test_what_can_not_be_fitted_is_refused():
    with pytest.raises(TypeError, match="`measured` must be a Psychometric; got 3"):
        fit_psychometric(3)  # pyright: ignore
    one_sided = of_counts([1, 2], 5, np.array([0.0, 6.4]))
    with pytest.raises(ValueError, match="evidence for either choice; got strengths from 0"):
        fit_psychometric(one_sided)
    with pytest.raises(ValueError, match="`confidence` must be between 0 and 1; got 95"):
        fit_psychometric(SHARP.decide(10), 95)


@pytest.mark.parametrize(
    ("field", "value", "said"),
    [
        ("probability", np.full(9, np.nan), r"`measured\.probability` must be finite"),
        ("probability", np.full(9, 40.0), r"`measured\.probability` must be from 0 to 1; got 40"),
        ("probability", np.zeros(8), r"`measured\.probability` must have shape \(9,\)"),
        ("num_trials", np.zeros(9, int), r"`measured\.num_trials` must be 1 or more each; got 0"),
        ("num_trials", np.ones(3, int), r"`measured\.num_trials` must have shape \(9,\)"),
        ("strength", np.full(9, np.nan), r"`measured\.strength` must be finite"),
    ],
)
def test_a_function_that_is_none_is_refused_by_the_name_of_what_is_wrong(
    field: str, value: Any, said: str
):
    with pytest.raises(ValueError, match=said):
        fit_psychometric(SHARP.decide(50)._replace(**{field: value}))
