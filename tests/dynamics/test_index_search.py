"""A search by the index sum ends at lists that are complete, or says that they are not."""

import dataclasses

import jax
import numpy as np
import pytest
from every_active_set import rectified

import yang_rnn as yr
from yang_rnn.network.equations import cell_of


def network(weights, drive):
    units = len(weights)
    step = jax.tree_util.Partial(
        cell_of("tanh", "outside"), np.zeros((1, units)), weights, drive, 0.5
    )
    return yr.System(step, 1.0, np.zeros(units), bounds=(-1.0, 1.0)).at([0.0])


def found_from(F, starts):
    return yr.find_fixed_points(F, starts).with_status("fixed").unique()


MEMORIES = 2 * np.eye(2)


@pytest.mark.parametrize("missing", ["saddle", "stable"])
def test_a_missing_point_is_found(missing):
    F = network(np.array([[2.0]]), np.array([0.05]))
    starts = [[-0.9], [0.9]] if missing == "saddle" else [[-0.9], [-0.09]]
    points = found_from(F, starts)
    assert len(points) == 2
    found = yr.search_by_index(F, points)
    assert found.first_sum == (2 if missing == "saddle" else 0)
    assert found.index.sum == 1
    assert len(found.points) == 3
    assert found.points_added == 1
    np.testing.assert_array_equal(found.points.state[:2], points.state)


def test_points_found_are_among_the_proved_ones():
    rng = np.random.default_rng(0)
    added = 0
    for _ in range(6):
        weights, drive = 3 * rng.standard_normal((6, 6)) / np.sqrt(6), 0.1 * np.ones(6)
        F = network(weights, drive)
        points = found_from(F, rng.uniform(-1, 1, (4, 6)))
        found = yr.search_by_index(F, points, rounds=5)
        proved = yr.enclose_fixed_points(weights, drive)
        assert proved.complete
        gaps = np.abs(found.points.state[:, None] - proved.points).max(axis=2)
        assert (gaps.min(axis=1) < 1e-8).all()
        assert (np.sort(gaps.argmin(axis=1)) == np.unique(gaps.argmin(axis=1))).all()
        assert found.index.sum == 1
        added += found.points_added
    assert added > 0


def test_nothing_is_searched_where_the_sum_is_one():
    F = network(MEMORIES, np.zeros(2))
    points = found_from(F, yr.uniform_states(100, 2, -1, 1, 0))
    assert len(points) == 9
    found = yr.search_by_index(F, points)
    assert found.points is points
    assert (found.rounds, found.starts_added, found.points_added) == (0, 0, 0)


def test_a_list_without_points_is_searched_too():
    F = network(MEMORIES, np.zeros(2))
    found = yr.search_by_index(F, found_from(F, [[0.9, 0.9]])[:0])
    assert found.first_sum == 0
    assert found.index.sum == 1


def test_a_budget_that_ends_is_told():
    F = network(MEMORIES, np.zeros(2))
    points = found_from(F, [[0.9, 0.9], [-0.9, 0.9]])
    found = yr.search_by_index(F, points, rounds=0)
    assert found.index.incomplete
    assert "instead of 1: incomplete" in repr(found)


def test_a_map_without_bounds_is_not_searched_further():
    relu = rectified(np.eye(4) / 2, np.zeros(4)).at([0.0])
    found = yr.search_by_index(relu, found_from(relu, np.zeros((1, 4))))
    assert found.rounds == 0
    assert "no finite bounds" in repr(found)


def test_the_record_can_be_stored_and_counts_all_starts(tmp_path):
    F = network(MEMORIES, np.zeros(2))
    points = found_from(F, [[0.9, 0.9], [-0.9, 0.9]])
    found = yr.search_by_index(F, points)
    assert found.index.sum == 1
    assert found.rounds >= 1
    total = found.points.total_starts
    assert total == 2 + found.starts_added
    assert sum(found.points.search_counts.values()) == total
    again = yr.FixedPoints.load(found.points.save(tmp_path / "points"))
    np.testing.assert_array_equal(again.state, found.points.state)


def test_the_same_seed_finds_the_same_points():
    F = network(MEMORIES, np.zeros(2))
    points = found_from(F, [[0.9, 0.9], [-0.9, 0.9]])
    one, two = (yr.search_by_index(F, points, seed=3) for _ in range(2))
    np.testing.assert_array_equal(one.points.state, two.points.state)


def test_slow_points_stay_in_the_list():
    F = network(MEMORIES, np.zeros(2))
    points = found_from(F, [[0.9, 0.9], [-0.9, 0.9]])
    slow = dataclasses.replace(points, status=np.array(["fixed", "slow"]))
    found = yr.search_by_index(F, slow, rounds=1)
    assert found.points.counts["slow"] == 1


def test_numbers_out_of_range_are_refused():
    F = network(MEMORIES, np.zeros(2))
    points = found_from(F, [[0.9, 0.9]])
    with pytest.raises(TypeError, match="`points` must be"):
        yr.search_by_index(F, points.state)  # pyright: ignore[reportArgumentType]
    with pytest.raises(ValueError, match="`rounds` must be"):
        yr.search_by_index(F, points, rounds=-1)
    with pytest.raises(ValueError, match="`starts` must be"):
        yr.search_by_index(F, points, starts=0)
