import builtins
import dataclasses
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from jax.tree_util import Partial
from small import points_at

from yang_rnn.dynamics.fixed_points import find_fixed_points
from yang_rnn.dynamics.gradient import GradientDescent
from yang_rnn.dynamics.newton import Newton
from yang_rnn.dynamics.points import STATUSES, FixedPoints


def halve(factor, h):
    return factor * h


HALF = Partial(halve, 0.5)


def record(state, speed=None, **changes) -> FixedPoints:
    """A record with given states and speeds, statuses by the default tolerances."""
    state = np.asarray(state, float)
    n = len(state)
    speed = np.arange(1.0, n + 1) * 1e-30 if speed is None else np.asarray(speed, float)
    values: dict[str, Any] = {
        "state": state,
        "speed": speed,
        "start": state + 1.0,
        "iterations": np.arange(n),
        "status": np.select(
            [~np.isfinite(speed), speed <= 1e-20, speed < 1e-3],
            ["diverged", "fixed", "slow"],
            "unconverged",
        ),
        "reason": np.full(n, "converged"),
        "starts_reached": np.ones(n, int),
        "distance": np.zeros(n),
        "outside": np.zeros(n, bool),
        "method": "newton",
        "fixed_speed": 1e-20,
        "slow_speed": 1e-3,
        "scale": 1.0,
        "total_starts": n,
        "trace": np.empty(0, np.float32),
    }
    return FixedPoints(**values | changes)


def test_points_are_taken_by_number_slice_mask_and_status():
    points = record(np.arange(8.0).reshape(4, 2), [0.0, 1e-4, 1.0, np.nan])
    assert points[1].status.tolist() == ["slow"]
    assert points[-1].status.tolist() == ["diverged"]
    assert points[1:3].status.tolist() == ["slow", "unconverged"]
    assert points[points.speed < 1e-3].counts["fixed"] == 1
    assert points.with_status("unconverged", "fixed").iterations.tolist() == [0, 2]
    assert [p.iterations.item() for p in points] == [0, 1, 2, 3]
    assert points[:0].counts == dict.fromkeys(STATUSES, 0)
    with pytest.raises(ValueError, match="statuses"):
        points.with_status("stable")
    with pytest.raises(IndexError):
        points[4]


def test_a_record_cannot_be_changed():
    points = record(np.zeros((2, 2)))
    with pytest.raises(ValueError, match="read-only"):
        points.state[0] = 1.0
    with pytest.raises(AttributeError):
        points.method = "other"  # pyright: ignore


def test_a_record_checks_its_shapes_and_statuses():
    with pytest.raises(ValueError, match="speed"):
        record(np.zeros((2, 2)), np.zeros(3), status=np.array(["fixed"] * 2))
    with pytest.raises(ValueError, match="status"):
        record(np.zeros((1, 2)), status=np.array(["stable"]))


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("state", np.zeros((2, 2)) + 1j),
        ("state", np.zeros((2, 2)).astype(str)),
        ("state", np.zeros(2)),
        ("state", [[0.0, np.nan], [0.0, 0.0]]),
        ("state", np.ma.masked_array(np.zeros((2, 2)), mask=np.eye(2, dtype=bool))),
        ("speed", [-1e-30, 0.0]),
        ("speed", [np.nan, 0.0]),
        ("speed", np.zeros(2, complex)),
        ("speed", ["0", "0"]),
        ("start", np.full((2, 2), np.inf)),
        ("start", np.zeros((2, 3))),
        ("iterations", [0.5, 1.0]),
        ("iterations", [-1, 1]),
        ("starts_reached", [-1, 1]),
        ("starts_reached", [1.0, 1.0]),
        ("status", [3.0, 4.0]),
        ("reason", [0, 1]),
        ("distance", [np.nan, 0.0]),
        ("distance", [-1.0, 0.0]),
        ("outside", [0, 1]),
        ("method", 3),
        ("fixed_speed", -1.0),
        ("slow_speed", np.nan),
        ("scale", 1j),
        ("total_starts", -1),
        ("total_starts", 2.0),
        ("trace", ["a"]),
        ("trace", [-1.0]),
        ("search_counts", {"fixed": 2}),
        ("search_counts", dict.fromkeys(STATUSES, -1)),
    ],
)
def test_a_record_refuses_by_name_what_its_values_can_not_be(field: str, value: Any):
    points = record(np.zeros((2, 2)))
    with pytest.raises((ValueError, TypeError), match=f"`{field}` must "):
        dataclasses.replace(points, **{field: value})


def test_the_repr_tells_counts_origin_and_speeds():
    text = repr(record(np.zeros((2, 3)), [1e-25, 1e-4]))
    for part in ("2 of 3 units", "1 fixed", "1 slow", "0 diverged", "newton", "1.0e-25"):
        assert part in text


def test_the_slowest_represents_its_neighbours_and_counts_their_starts():
    points = record([[0.0], [0.1], [0.2], [5.0]], [3e-30, 1e-30, 2e-30, 9e-30])
    unique = points.unique(0.15)
    assert unique.state.ravel().tolist() == [0.1, 5.0]
    assert unique.starts_reached.tolist() == [3, 1]
    assert unique.basin_share.tolist() == [0.75, 0.25]


def test_keeping_the_first_drops_chains_of_neighbours():
    points = record([[0.0], [0.1], [0.2], [5.0]], [3e-30, 1e-30, 2e-30, 9e-30])
    unique = points.unique(0.15, keep="first")
    assert unique.state.ravel().tolist() == [0.0, 5.0]
    assert unique.starts_reached.tolist() == [3, 1]


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 10_000), st.integers(1, 40), st.floats(0.0, 1.5))
def test_unique_points_are_apart_cover_all_and_ignore_the_order(seed, number, distance):
    rng = np.random.default_rng(seed)
    state = rng.integers(0, 5, (number, 2)) + rng.choice([0.0, 1e-3], (number, 2))
    speed = rng.choice([1e-30, 1e-25, 1e-4], number)
    points = record(state, speed)
    unique = points.unique(distance)
    shuffle = rng.permutation(number)
    again = points[shuffle].unique(distance)
    assert sorted(map(tuple, unique.state)) == sorted(map(tuple, again.state))
    gaps = np.linalg.norm(unique.state[:, None] - unique.state, axis=2)
    assert (gaps[~np.eye(len(unique), dtype=bool)] > distance).all()
    covered = np.linalg.norm(state[:, None] - unique.state, axis=2).min(axis=1)
    assert (covered <= distance + 1e-12).all()
    assert unique.starts_reached.sum() == number
    assert unique.speed.min() == speed.min()


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 10_000), st.integers(1, 30), st.floats(0.01, 1.5))
def test_the_two_filters_of_the_notebook_agree_with_their_definitions(seed, number, distance):
    state = np.random.default_rng(seed).uniform(0, 3, (number, 2))
    gaps = np.linalg.norm(state[:, None] - state, axis=2)
    first = [i for i in range(number) if not (gaps[i, :i] <= distance).any()]
    np.testing.assert_array_equal(record(state).unique(distance, keep="first").state, state[first])
    near = np.sort(gaps, axis=1)[:, 1] < distance if number > 1 else np.array([True])
    np.testing.assert_array_equal(record(state).without_outliers(distance).state, state[near])


def test_points_that_are_not_finite_stand_for_themselves_and_have_no_neighbour():
    points = record([[np.nan], [0.0], [np.nan], [0.01]], [np.nan, 1e-30, np.nan, 1e-30])
    assert len(points.unique(1.0)) == 3
    assert points.without_outliers(1.0).state.ravel().tolist() == [0.0, 0.01]


@pytest.mark.parametrize("spread", [0.0, 1.0])
def test_twenty_thousand_points_are_no_problem(spread):
    state = spread * np.random.default_rng(0).uniform(0, 3, (20_000, 64))
    points = record(state, np.full(len(state), 1e-30))
    began = time.process_time()
    unique = points.unique(0.03)
    assert time.process_time() - began < 10.0
    assert len(unique) == (20_000 if spread else 1)


@pytest.mark.parametrize("distance", [-1.0, np.nan])
def test_distances_out_of_range_are_refused(distance):
    with pytest.raises(ValueError, match="distance"):
        record(np.zeros((2, 2))).unique(distance)
    with pytest.raises(ValueError, match="distance"):
        record(np.zeros((2, 2))).without_outliers(distance)
    with pytest.raises(ValueError, match="keep"):
        record(np.zeros((2, 2))).unique(0.1, keep="last")  # pyright: ignore


@pytest.mark.parametrize("solver", [Newton(), GradientDescent(max_steps=10)])
def test_a_saved_record_comes_back_whole(tmp_path, solver):
    points = find_fixed_points(HALF, [[1.0, 2.0], [np.nan, 0.0]], solver=solver)
    path = points.save(tmp_path / "points")
    assert path.name == "points.npz"
    assert [p.name for p in tmp_path.iterdir()] == ["points.npz"]
    back = FixedPoints.load(path)
    for name in points.__dataclass_fields__:
        np.testing.assert_array_equal(getattr(back, name), getattr(points, name), strict=False)
    assert type(back.method) is str
    assert type(back.total_starts) is int
    assert (len(back.trace) == 0) == (solver.name == "newton")


def test_a_save_that_fails_leaves_the_old_file(tmp_path, monkeypatch):
    path = record(np.zeros((1, 2))).save(tmp_path / "points.npz")
    before = path.read_bytes()
    monkeypatch.setattr("os.fsync", lambda fd: (_ for _ in ()).throw(OSError("disk full")))
    with pytest.raises(OSError, match="disk full"):
        record(np.ones((5, 2))).save(path)
    assert path.read_bytes() == before
    assert [p.name for p in tmp_path.iterdir()] == ["points.npz"]


def test_a_foreign_file_is_refused(tmp_path):
    np.savez(tmp_path / "other.npz", a=1)
    with pytest.raises(ValueError, match="lacks"):
        FixedPoints.load(tmp_path / "other.npz")


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        ({"state": np.zeros((2, 2), np.float32)}, "`state` must be float64; got float32"),
        ({"state": np.zeros((2, 2), int)}, "`state` must be float; got int64"),
        ({"speed": np.array([1e-30 + 1j, 0])}, "`speed` must be float; got complex128"),
        ({"speed": np.array([-1.0, 0])}, "`speed` must be 0 or more"),
        ({"speed": np.array([1e-30, 1e-4])}, "`status` must be that of the speed; got fixed for"),
        ({"status": np.array(["slow", "fixed"])}, "`status` must be that of the speed; got slow"),
        ({"status": np.array(["fixed", None])}, "`status`: it holds pickled objects"),
        ({"scale": np.ones(2)}, r"`scale` must be one value; got \(2,\)"),
        ({"total_starts": 2.0}, "`total_starts` must be a whole number"),
        ({"search_counts": [2, 0, 0]}, "`search_counts` must have shape"),
    ],
)
def test_a_damaged_record_is_refused_by_the_files_name(
    tmp_path: Path, changes: dict[str, Any], why: str
):
    path = record(np.zeros((2, 2))).save(tmp_path / "points.npz")
    with np.load(path) as file:
        content: Any = dict(file)
    np.savez(path, **(content | changes))
    with pytest.raises(ValueError, match=rf"^{path} is damaged: {why}"):
        FixedPoints.load(path)


def test_a_record_that_would_unpack_to_far_more_is_refused(tmp_path: Path):
    path = record(np.zeros((1, 2))).save(tmp_path / "points.npz")
    with np.load(path) as file:
        content: Any = dict(file)
    np.savez_compressed(path, **(content | {"trace": np.zeros(10**6)}))
    with pytest.raises(ValueError, match=rf"^{path} is damaged: \d+ bytes would unpack to 80"):
        FixedPoints.load(path)
    np.savez_compressed(path, **content)
    assert len(FixedPoints.load(path)) == 1
    path.write_bytes(b"PK")
    with pytest.raises(ValueError, match=rf"^{path} is damaged: File is not a zip file"):
        FixedPoints.load(path)


def test_a_status_that_is_not_that_of_the_speed_is_not_saved(tmp_path: Path):
    points = record(np.zeros((1, 2)), [0.5], status=np.array(["fixed"]))
    with pytest.raises(ValueError, match=r"`status` must be that of the speed; got fixed for"):
        points.save(tmp_path / "points.npz")
    assert not list(tmp_path.iterdir())


def test_a_frame_has_a_row_a_point():
    pandas = pytest.importorskip("pandas")
    frame = record([[1.0, 2.0], [3.0, 4.0]]).to_frame()
    assert isinstance(frame, pandas.DataFrame)
    assert frame["status"].tolist() == ["fixed", "fixed"]
    assert frame[["state_0", "state_1"]].to_numpy().tolist() == [[1.0, 2.0], [3.0, 4.0]]
    assert "start_1" in frame


def test_without_pandas_a_frame_is_a_clear_error(monkeypatch):
    real = builtins.__import__

    def missing(name, *args, **kwargs):
        if name == "pandas":
            raise ImportError(name)
        return real(name, *args, **kwargs)

    monkeypatch.setattr(builtins, "__import__", missing)
    with pytest.raises(ImportError, match="needs pandas"):
        record(np.zeros((1, 2))).to_frame()


def test_the_counts_of_the_search_stay_whatever_is_selected(tmp_path):
    points = points_at(["fixed", "slow", "slow", "diverged"], [0.0, 1e-3, 2e-3, np.nan], np.eye(4))
    expected = {"fixed": 1, "slow": 2, "unconverged": 0, "diverged": 1}
    assert points.search_counts == points.counts == expected
    for selected in (points[0], points[:0], points.with_status("slow"), points.unique(10.0)):
        assert selected.search_counts == expected
        assert FixedPoints.load(selected.save(tmp_path / "p")).search_counts == expected


def test_points_outside_the_bounds_or_many_spreads_away_are_far():
    near, away, out = [0.0, 1e-30], [10.5, 9.5], [0.0, 0.0]
    points = record([near, away, out], distance=[0.0, 10.1, 9.9], outside=[False, False, True])
    assert points.far.tolist() == [False, True, True]
    assert points[0].far.tolist() == [False]
    assert "2 FAR" in repr(points)
    assert "FAR" not in repr(points[0])


@pytest.mark.parametrize("scale", [1e-6, 1.0, 1e6])
def test_without_a_distance_what_is_one_goes_by_the_scale_of_the_data(scale: float):
    apart = np.array([[1.0, 1.0], [1.0, 1.0 + 1e-7], [1.0, 1.001]])
    assert len(record(scale * apart, scale=scale).unique()) == 2
