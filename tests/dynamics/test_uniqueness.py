from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from yang_rnn.dynamics.uniqueness import nearest_within, representatives

NAN = np.nan


def gaps(points: np.ndarray) -> np.ndarray:
    return np.linalg.norm(points[:, None] - points, axis=2)


def on_a_grid(seed: int, number: int) -> np.ndarray:
    """Return points of which many lie together, some exactly one apart."""
    rng = np.random.default_rng(seed)
    return rng.integers(0, 5, (number, 2)) + rng.choice([0.0, 1e-3], (number, 2))


@given(st.integers(0, 10_000), st.integers(0, 30), st.floats(0.0, 1.5))
def test_in_an_order_each_represents_all_near_it_that_have_nobody_yet(
    seed: int, number: int, distance: float
):
    points = on_a_grid(seed, number)
    order = np.random.default_rng(seed).permutation(number)
    expected = np.full(number, -1)
    for index in order:
        if expected[index] < 0:
            near = gaps(points)[index] <= distance
            expected[near & (expected < 0)] = index
    np.testing.assert_array_equal(representatives(points, distance, order), expected)


@given(st.integers(0, 10_000), st.integers(0, 30), st.floats(0.0, 1.5))
def test_without_an_order_a_point_goes_by_the_first_of_the_chain_before_it(
    seed: int, number: int, distance: float
):
    points = on_a_grid(seed, number)
    leader = representatives(points, distance, None)
    for index in range(number):
        before = np.flatnonzero(gaps(points)[index, :index] <= distance)
        assert (leader[index] == index) == (len(before) == 0)
        if len(before):
            assert leader[index] in leader[before]


def test_points_so_far_apart_exactly_count_as_together():
    points = np.array([[0.0], [0.5], [1.0]])
    assert representatives(points, 0.5, np.array([1, 0, 2])).tolist() == [1, 1, 1]
    assert representatives(points, 0.5, None).tolist() == [0, 0, 0]
    assert representatives(points, 0.4, None).tolist() == [0, 1, 2]


@pytest.mark.parametrize("order", [None, np.array([3, 2, 1, 0])])
def test_points_that_are_not_finite_represent_only_themselves(order: Any):
    points = np.array([[NAN, 0.0], [0.0, 0.0], [NAN, 0.0], [np.inf, 0.0]])
    assert representatives(points, 9.0, order).tolist() == [0, 1, 2, 3]


@given(st.integers(0, 10_000), st.integers(0, 30), st.floats(0.01, 1.5))
def test_a_point_has_company_where_another_is_closer_than_the_distance(
    seed: int, number: int, distance: float
):
    points = on_a_grid(seed, number)
    others = gaps(points) + np.diag(np.full(number, np.inf))
    expected = (others < distance).any(axis=1)
    np.testing.assert_array_equal(nearest_within(points, distance), expected)


def test_a_neighbour_so_far_away_exactly_is_no_company():
    points = np.array([[0.0], [0.5], [NAN], [2.0], [2.25]])
    assert nearest_within(points, 0.5).tolist() == [False, False, False, True, True]


@pytest.mark.parametrize("points", [np.zeros((0, 2)), np.zeros((1, 2)), np.full((3, 2), NAN)])
def test_a_point_alone_has_no_company_and_represents_itself(points: np.ndarray):
    assert not nearest_within(points, 1.0).any()
    assert representatives(points, 1.0, None).tolist() == list(range(len(points)))
