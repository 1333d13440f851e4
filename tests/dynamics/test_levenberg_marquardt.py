from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from yang_rnn.dynamics import levenberg_marquardt
from yang_rnn.dynamics.levenberg_marquardt import Descent
from yang_rnn.dynamics.maps import as_map

MATRIX = np.random.default_rng(0).normal(size=(4, 4))
OFFSET = np.array([0.5, -0.25, 0.1, 0.0])
START = np.array([0.3, -0.7, 0.2, 1.1])
TANGENT = np.array([1.0, 2.0, -1.0, 0.5]) / 2.5


STEP = jax.jit(levenberg_marquardt.step)


def curved(h):
    return jnp.tanh(MATRIX @ h) + OFFSET


def residual(h: np.ndarray) -> np.ndarray:
    return np.tanh(MATRIX @ h) + OFFSET - h


def speed(h: np.ndarray) -> float:
    return 0.5 * float(residual(h) @ residual(h))


def differences(h: np.ndarray) -> np.ndarray:
    """Return the Jacobian of the residual by central differences."""
    steps = 1e-6 * np.eye(4)
    return np.transpose([(residual(h + d) - residual(h - d)) / 2e-6 for d in steps])


def step_by_hand(h: np.ndarray, damping: float, tangent: np.ndarray | None = None) -> np.ndarray:
    """Solve (M^T M + mu ||r||^2) change = -M^T r by least squares, within the plane if need be."""
    r, m = residual(h), differences(h)
    # Columns that span the plane: all directions, or those across the tangent.
    plane = np.eye(4) if tangent is None else np.linalg.svd(tangent[None])[2][1:].T
    damped = np.vstack([m @ plane, np.sqrt(damping * (r @ r)) * np.eye(plane.shape[1])])
    right = np.concatenate([-r, np.zeros(plane.shape[1])])
    return plane @ np.linalg.lstsq(damped, right, rcond=None)[0]


CURVED = as_map(curved)


def descend(steps: int = 1, tangent: Any = None, **changes: Any) -> list[Descent]:
    F = CURVED
    with jax.enable_x64(True):
        path = [levenberg_marquardt.begin(F, jnp.asarray(START))._replace(**changes)]
        for _ in range(steps):
            path.append(STEP(F, path[-1], tangent))
    return path


def test_a_descent_begins_at_the_state_with_its_speed():
    (at,) = descend(0)
    np.testing.assert_array_equal(at.state, START)
    assert float(at.q) == pytest.approx(speed(START), rel=1e-14)
    assert not at.moved


@pytest.mark.parametrize("tangent", [None, TANGENT], ids=["anywhere", "across"])
@pytest.mark.parametrize("damping", [1e-2, 1.0, 30.0])
def test_a_step_is_the_damped_least_squares_solution(tangent: Any, damping: float):
    _, after = descend(1, tangent, damping=damping)
    change = step_by_hand(START, damping, tangent)
    assert speed(START + change) < speed(START)
    assert after.moved
    np.testing.assert_allclose(np.asarray(after.state) - START, change, rtol=1e-6, atol=1e-9)
    assert float(after.q) == pytest.approx(speed(START + change), rel=1e-6)
    assert float(after.length) == pytest.approx(np.abs(change).max(), rel=1e-6)
    # Nielsen's rule, from the decrease over the one that the linear model predicts.
    predicted = speed(START) - 0.5 * ((residual(START) + differences(START) @ change) ** 2).sum()
    gain = min(1.0, (speed(START) - float(after.q)) / predicted)
    factor = max(0.1, 1 - (2 * gain - 1) ** 3)
    assert float(after.damping) == pytest.approx(damping * factor, rel=1e-5)
    assert float(after.growth) == 2.0


def test_a_step_that_would_not_go_down_raises_the_damping_and_stays():
    def jump(h):  # steeper behind the kink: the linear model promises too much
        return jnp.where(h < 1.0, 0.9 * h, 100.0 * h)

    F = as_map(jump)
    with jax.enable_x64(True):
        at = levenberg_marquardt.begin(F, jnp.array([1.0 + 1e-12]))
        at = at._replace(state=jnp.array([0.999]), q=1e-30)  # nothing is lower
        first = STEP(F, at)
        second = STEP(F, first)
    assert not first.moved
    np.testing.assert_array_equal(first.state, at.state)
    assert float(first.q) == 1e-30
    assert float(first.damping) == pytest.approx(float(at.damping) * 2)
    assert float(second.damping) == pytest.approx(float(at.damping) * 2 * 4)
    assert float(second.growth) == 8.0
    assert float(first.length) > 0


@pytest.mark.parametrize("tangent", [None, TANGENT], ids=["anywhere", "across"])
def test_speed_never_rises_and_ends_at_a_minimum(tangent: Any):
    path = descend(40, tangent)
    assert (np.diff([float(at.q) for at in path]) <= 0).all()
    end = np.asarray(path[-1].state)
    slope = differences(end).T @ residual(end)
    if tangent is None:
        assert speed(end) < 1e-25  # a fixed point
    else:
        np.testing.assert_allclose(slope, (slope @ tangent) * tangent, atol=1e-7)
        assert abs(slope @ tangent) > 1e-3  # the plane keeps it from going on


def test_every_step_across_a_tangent_stays_in_the_plane():
    for at in descend(10, TANGENT):
        assert (np.asarray(at.state) - START) @ TANGENT == pytest.approx(0.0, abs=1e-14)


def test_on_a_line_of_fixed_points_the_step_is_the_shortest():
    along = np.array([3.0, 4.0]) / 5

    def line(h):
        return along * jnp.vdot(along, h)

    F = as_map(line)
    with jax.enable_x64(True):
        at = levenberg_marquardt.begin(F, jnp.array([2.0, -1.0]))
        for _ in range(8):
            at = STEP(F, at)
    # Rounding of M^T r, 1e-16 ||r||, over a damping of 1e-3 ||r||^2 + 1e-15 moves it along:
    # by 1e-7 where ||r|| is 1e-6, by less before and after. How much depends on the processor.
    np.testing.assert_allclose(at.state, along * (along @ [2.0, -1.0]), atol=1e-6)
    assert float(at.q) < 1e-20
