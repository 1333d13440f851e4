import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from yang_rnn.line_attractor.estimates import Estimate, cosine_of, median_of, ratio_of, share_of
from yang_rnn.line_attractor.kernel import early_of, efficiency_of


def pairs(seed: int, number: int = 400) -> tuple[np.ndarray, np.ndarray]:
    """Return noisy vectors of two directions whose cosine is 0.8; the noise of a pair is alike."""
    rng = np.random.default_rng(seed)
    shared = rng.standard_normal((number, 6))
    one = np.eye(6)[0] + shared
    other = 3 * (0.8 * np.eye(6)[0] + 0.6 * np.eye(6)[1]) + shared + rng.standard_normal(one.shape)
    return one, other


def test_the_error_of_a_cosine_is_that_of_a_bootstrap():
    one, other = pairs(0)
    found = cosine_of(one, other)
    rng = np.random.default_rng(1)
    chosen = rng.integers(400, size=(2000, 400))
    again = [cosine_of(one[each], other[each]).value for each in chosen]
    # Of 2000 samples the spread is known to 1.6 %; the error is of first order.
    assert found.error == pytest.approx(np.std(again), rel=0.1)
    assert found.value == pytest.approx(np.mean(again), abs=0.5 * found.error)


def test_a_cosine_lies_within_its_interval_as_often_as_it_should():
    inside = 0
    for seed in range(300):
        low, high = cosine_of(*pairs(seed)).interval
        inside += low <= 0.8 <= high
    assert 273 <= inside <= 297  # 95 % of 300 are 285, give or take 3.8


def test_the_length_of_vectors_does_not_count():
    one, other = pairs(0)
    plain, scaled = cosine_of(one, other), cosine_of(1e-3 * one, 50 * other)
    np.testing.assert_allclose(plain, scaled)
    assert cosine_of(one, -other).value == pytest.approx(-plain.value)
    assert cosine_of(one, one) == pytest.approx((1.0, 0.0), abs=1e-9)


def test_what_is_nothing_beside_the_other_has_no_direction():
    one, other = pairs(0)
    for nothing in (0.0, 1e-12):
        assert np.isnan(cosine_of(one, nothing * other)).all()
    assert np.isnan(cosine_of(one[:1], other[:1])).all()


def test_a_ratio_of_means_has_the_error_of_a_bootstrap():
    rng = np.random.default_rng(0)
    below = 2 + rng.standard_normal(500)
    above = 0.7 * below + 0.3 * rng.standard_normal(500)
    found = ratio_of(above, below)
    chosen = rng.integers(500, size=(2000, 500))
    again = [above[each].mean() / below[each].mean() for each in chosen]
    assert found.error == pytest.approx(np.std(again), rel=0.1)
    assert found.value == pytest.approx(0.7, abs=4 * found.error)
    assert np.isnan(ratio_of(above, 0 * below)).all()


def test_a_median_lies_within_its_interval_as_often_as_it_should():
    rng = np.random.default_rng(0)
    inside = 0
    for _ in range(300):
        low, high = median_of(rng.standard_normal(256)).interval
        inside += low <= 0 <= high
    assert 270 <= inside <= 300
    lost = median_of(np.array([1.0, math.inf, 2.0]))
    assert lost.value == math.inf
    assert math.isnan(lost.error)


def test_an_estimate_is_shown_to_the_digits_that_its_error_leaves():
    assert str(Estimate(0.74123, 0.0213)) == "0.741 ± 0.021"
    assert str(Estimate(12.3, 4.0)) == "12.30 ± 4.00"
    assert str(Estimate(np.nan, np.nan)) == "undefined"
    assert str(Estimate(np.inf, np.nan)) == "inf"
    assert Estimate(1.0, 0.5).interval == pytest.approx((0.02, 1.98))


@given(st.lists(st.floats(-1e3, 1e3), min_size=1, max_size=30))
def test_efficiency_and_lean_are_shares(values: list[float]):
    weights = np.array(values)
    efficiency, early = efficiency_of(weights), early_of(weights)
    if weights.any():
        assert 0 <= efficiency <= 1 + 1e-12
        assert efficiency_of(-3 * weights) == pytest.approx(efficiency)
    else:
        assert math.isnan(efficiency)
    assert math.isnan(early) or -1 - 1e-12 <= early <= 1 + 1e-12


def test_efficiency_and_lean_of_weights_that_are_known():
    assert efficiency_of(np.ones(7)) == pytest.approx(1.0)
    assert efficiency_of(np.eye(7)[3]) == pytest.approx(1 / 7)
    assert early_of(np.array([1.0, 1.0, 0.0, 0.0])) == 1.0
    # The step in the middle is of neither half.
    assert early_of(np.array([0.0, 1.0, 3.0])) == -0.75
    assert early_of(np.array([0.0, 5.0, 0.0])) == 0.0
    assert math.isnan(early_of(np.zeros(3)))


@pytest.mark.parametrize(("number", "share"), [(10, 0.7), (100, 0.7), (100, 0.95)])
def test_the_interval_of_a_share_holds_the_true_one_about_as_often_as_it_says(
    number: int, share: float
):
    draws = np.random.default_rng(0).random((4000, number)) < share
    intervals = np.array([share_of(each).interval for each in draws])
    held = (intervals[:, 0] <= share) & (share <= intervals[:, 1])
    assert 0.92 < held.mean() < 0.995


def test_few_values_that_are_all_the_same_have_an_error_and_none_are_undefined():
    assert share_of(np.ones(4, bool)).error > 0.1
    assert math.isnan(share_of(np.ones(0, bool)).value)
