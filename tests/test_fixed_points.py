import jax.numpy as jnp
import numpy as np
import pytest

from yang_rnn.fixed_points import find_fixed_points, slow_tolerance
from yang_rnn.gradient import GradientSettings
from yang_rnn.newton import NewtonSettings
from yang_rnn.points import STATUSES


def half(h):
    return 0.5 * h


def test_statuses_go_by_the_speed_in_float64():
    def crawl(h):
        return h + jnp.where(h[0] > 2, 1.0, jnp.where(h[0] > 1, 1e-3, 0.0))

    once = NewtonSettings(max_newton=0, max_damped=0)
    points = find_fixed_points(crawl, [[0.5], [1.5], [2.5], [np.nan]], settings=once)
    assert points.status.tolist() == list(STATUSES)
    np.testing.assert_allclose(points.speed[:3], [0.0, 0.5e-6, 0.5], rtol=1e-9)
    np.testing.assert_allclose(points.mean_square[:3], [0.0, 1e-6, 1.0], rtol=1e-9)
    assert points.counts == {"fixed": 1, "slow": 1, "unconverged": 1, "diverged": 1}


def test_the_slow_tolerance_is_taken_in_either_unit():
    assert slow_tolerance(64) == pytest.approx(3.2e-3)
    assert slow_tolerance(64, slow_mean_square=1e-4) == pytest.approx(3.2e-3)
    assert slow_tolerance(64, slow_speed=3.2e-3) == 3.2e-3
    with pytest.raises(ValueError, match="not both"):
        find_fixed_points(half, np.ones((1, 2)), slow_speed=1e-3, slow_mean_square=1e-4)


@pytest.mark.parametrize("method", ["newton", "gradient"])
@pytest.mark.parametrize("number", [0, 1])
def test_no_start_and_one_start_end_in_a_record(method, number):
    points = find_fixed_points(half, np.ones((number, 3)), method=method)
    assert len(points) == number == points.total_starts == sum(points.counts.values())
    assert points.state.shape == (number, 3)
    assert "FixedPoints" in repr(points)
    assert len(points.unique(0.1).without_outliers(0.1)) == number


def test_one_state_alone_is_a_start():
    assert find_fixed_points(half, np.ones(3)).state.shape == (1, 3)


@pytest.mark.parametrize(
    ("arguments", "error", "match"),
    [
        ({"F": 3}, TypeError, "`F` must be a callable"),
        ({"F": lambda h: h * 1j}, TypeError, "`F` must return real numbers; got dtype complex"),
        ({"F": lambda h: h[:1]}, ValueError, r"`F` must map.*\(2,\).*\(1,\)"),
        ({"starts": np.ones((2, 2, 2))}, ValueError, r"starts.*\(2, 2, 2\)"),
        ({"starts": np.ones((2, 0))}, ValueError, "starts"),
        ({"starts": [["a", "b"]]}, TypeError, "starts.*real"),
        ({"starts": np.ones((1, 2)) * 1j}, TypeError, "starts.*complex"),
        ({"method": "bfgs"}, ValueError, "method.*'bfgs'"),
        ({"settings": GradientSettings()}, TypeError, "settings.*NewtonSettings"),
        ({"fixed_speed": 1.0}, ValueError, "fixed_speed.*slow"),
        ({"fixed_speed": np.nan}, ValueError, "fixed_speed"),
        ({"slow_speed": -1.0}, ValueError, "slow_speed"),
    ],
)
def test_bad_arguments_are_named(arguments, error, match):
    with pytest.raises(error, match=match):
        find_fixed_points(**{"F": half, "starts": np.ones((2, 2))} | arguments)


def test_an_unhashable_callable_will_do():
    class Cell:
        __hash__ = None  # pyright: ignore

        def __call__(self, h):
            return 0.5 * h

    assert find_fixed_points(Cell(), np.ones((2, 2))).counts["fixed"] == 2
