from typing import Any

import jax.numpy as jnp
import numpy as np
import pytest
from jax.tree_util import Partial

from yang_rnn.dynamics.fixed_points import find_fixed_points, slow_tolerance
from yang_rnn.dynamics.gradient import GradientDescent
from yang_rnn.dynamics.newton import Newton
from yang_rnn.dynamics.points import STATUSES

SOLVERS = [Newton(), GradientDescent(learning_rate=0.05, max_steps=1000, stop_mean_square=1e-9)]


def halve(factor, h):
    return factor * h


HALF = Partial(halve, 0.5)


@pytest.fixture(params=SOLVERS, ids=["newton", "gradient"])
def solver(request: pytest.FixtureRequest) -> Any:
    return request.param


def test_statuses_go_by_the_speed_in_float64():
    def crawl(h):
        return h + jnp.where(h[0] > 2, 1.0, jnp.where(h[0] > 1, 1e-3, 0.0))

    once = Newton(max_newton=0, max_damped=0)
    points = find_fixed_points(crawl, [[0.5], [1.5], [2.5], [np.nan]], solver=once)
    assert points.status.tolist() == list(STATUSES)
    np.testing.assert_allclose(points.speed[:3], [0.0, 0.5e-6, 0.5], rtol=1e-9)
    np.testing.assert_allclose(points.mean_square[:3], [0.0, 1e-6, 1.0], rtol=1e-9)
    assert points.counts == {"fixed": 1, "slow": 1, "unconverged": 1, "diverged": 1}


def test_the_slow_tolerance_is_taken_in_either_unit():
    assert slow_tolerance(64) == pytest.approx(3.2e-3)
    assert slow_tolerance(64, slow_mean_square=1e-4) == pytest.approx(3.2e-3)
    assert slow_tolerance(64, slow_speed=3.2e-3) == 3.2e-3
    with pytest.raises(ValueError, match="not both"):
        find_fixed_points(HALF, np.ones((1, 2)), slow_speed=1e-3, slow_mean_square=1e-4)


def test_the_tolerances_are_kept_in_the_record():
    points = find_fixed_points(HALF, np.ones((3, 2)), fixed_speed=1e-12, slow_mean_square=1e-3)
    assert (points.fixed_speed, points.slow_speed) == (1e-12, 1e-3)


@pytest.mark.parametrize("number", [0, 1])
def test_no_start_and_one_start_end_in_a_record(solver: Any, number: int):
    points = find_fixed_points(HALF, np.ones((number, 3)), solver=solver)
    assert len(points) == number == points.total_starts == sum(points.counts.values())
    assert points.state.shape == (number, 3)
    assert points.method == solver.name
    assert "FixedPoints" in repr(points)
    assert len(points.unique(0.1).without_outliers(0.1)) == number


def test_starts_that_are_not_finite_are_not_searched_and_stay_in_their_place(solver: Any):
    starts = [[1.0, 1.0], [np.nan, 0.0], [np.inf, 1.0], [1.0, 1.0]]
    points = find_fixed_points(HALF, starts, solver=solver)
    assert points.status[1:3].tolist() == ["diverged", "diverged"]
    assert points.reason[1:3].tolist() == ["non-finite", "non-finite"]
    assert points.iterations[1:3].tolist() == [0, 0]
    np.testing.assert_array_equal(points.start, starts)
    np.testing.assert_allclose(points.state[[0, 3]], 0.0, atol=1e-3)


def test_one_state_alone_is_a_start():
    assert find_fixed_points(HALF, np.ones(3)).state.shape == (1, 3)


@pytest.mark.parametrize("kind", [np.float64, np.float32])
def test_what_a_plain_function_closes_over_is_taken_as_it_is_now(solver: Any, kind: type):
    drive = np.array([1.0, 2.0], kind)

    def F(h):
        return 0.5 * h + drive

    for values in ([1.0, 2.0], [-3.0, 0.25]):
        drive[:] = values
        found = find_fixed_points(F, np.zeros((1, 2)), solver=solver).state[0]
        expected = 2 * drive
        np.testing.assert_allclose(found, expected, atol=1e-9 if solver.name == "newton" else 0.02)


@pytest.mark.parametrize(
    ("arguments", "error", "match"),
    [
        ({"F": 3}, TypeError, "`F` must be a callable"),
        ({"F": lambda h: h * 1j}, TypeError, "what `F` returns` must be real numbers; got dtype c"),
        ({"F": lambda h: h[:1]}, ValueError, r"`F` must map.*\(2,\).*\(1,\)"),
        ({"starts": np.ones((2, 2, 2))}, ValueError, r"starts.*\(2, 2, 2\)"),
        ({"starts": np.ones((2, 0))}, ValueError, "starts"),
        ({"starts": [["a", "b"]]}, TypeError, "starts.*real"),
        ({"starts": np.ones((1, 2)) * 1j}, TypeError, "starts.*complex"),
        ({"fixed_speed": 1.0}, ValueError, "fixed_speed.*slow"),
        ({"fixed_speed": np.nan}, ValueError, "fixed_speed"),
        ({"slow_speed": -1.0}, ValueError, "slow_speed"),
        ({"slow_mean_square": -1.0}, ValueError, "slow_mean_square"),
    ],
)
def test_bad_arguments_are_named(arguments: Any, error: type[Exception], match: str):
    with pytest.raises(error, match=match):
        find_fixed_points(**{"F": HALF, "starts": np.ones((2, 2))} | arguments)


def test_an_unhashable_callable_will_do():
    class Cell:
        __hash__ = None  # pyright: ignore

        def __call__(self, h):
            return 0.5 * h

    assert find_fixed_points(Cell(), np.ones((2, 2))).counts["fixed"] == 2
