import numpy as np
import pytest

from yang_rnn.dynamics.line_flow import drained, rests_of

PLACE = np.linspace(-2.0, 2.0, 41)


def test_a_double_well_rests_at_three_places_and_drains_to_two():
    shift = 0.1 * (PLACE - PLACE**3)
    rests = rests_of(PLACE, shift, 1e-12)
    np.testing.assert_allclose(rests.begin, [-1.0, 0.0, 1.0], atol=1e-12)
    assert rests.stability.tolist() == ["stable", "unstable", "stable"]
    assert not rests.stretch.any()
    assert rests.largest_gap == pytest.approx(1.0)
    np.testing.assert_allclose(drained(PLACE, shift, rests), [0, 0.5, 0, 0.5, 0], atol=1e-12)


def test_places_between_points_are_interpolated():
    shift = 0.03 - PLACE
    rests = rests_of(PLACE, shift, 1e-12)
    np.testing.assert_allclose(rests.begin, [0.03])
    assert rests.stability.tolist() == ["stable"]
    assert np.isnan(rests.largest_gap)


def test_what_leaves_through_the_ends_is_counted_there():
    shift = PLACE - 1.0
    rests = rests_of(PLACE, shift, 1e-12)
    assert rests.stability.tolist() == ["unstable"]
    np.testing.assert_allclose(drained(PLACE, shift, rests), [0.75, 0, 0.25])
    alone = rests_of(PLACE, np.ones(41), 1e-12)
    assert len(alone) == 0
    assert alone.stability.tolist() == []
    np.testing.assert_allclose(drained(PLACE, np.ones(41), alone), [0, 1])


def test_a_still_stretch_is_one_place_and_keeps_what_is_on_it():
    shift = -np.sign(PLACE) * np.maximum(np.abs(PLACE) - 1.0, 0.0)
    rests = rests_of(PLACE, shift, 1e-12)
    np.testing.assert_allclose([*rests.begin, *rests.end], [-1.0, 1.0], atol=1e-12)
    assert rests.stretch.tolist() == [True]
    assert rests.stability.tolist() == ["stable"]
    np.testing.assert_allclose(drained(PLACE, shift, rests), [0, 1, 0], atol=1e-12)


def test_a_flow_that_passes_a_point_leaves_it_half_stable():
    rests = rests_of(PLACE, PLACE**2, 1e-12)
    np.testing.assert_allclose(rests.begin, [0.0], atol=1e-12)
    assert rests.stability.tolist() == ["half-stable"]
    np.testing.assert_allclose(drained(PLACE, PLACE**2, rests), [0, 0.5, 0.5], atol=1e-12)
