from typing import Any

import jax.numpy as jnp
import numpy as np
import pytest
from built import AXES, CENTRE, REST, UNITS, leaky, rotating, trials
from jax.tree_util import Partial

from yang_rnn.dynamics.flow import FlowField, flow_field
from yang_rnn.dynamics.simulation import simulate
from yang_rnn.dynamics.system import System

LINE = AXES[:, 1]
LEAK = leaky(2.0).system()
F = LEAK.at(REST)


def affine(matrix, offset, h):
    return matrix @ h + offset


@pytest.fixture(scope="module")
def activity() -> np.ndarray:
    return simulate(LEAK, trials(30).inputs).activity


def pcs_of(states: np.ndarray) -> np.ndarray:
    flat = states.reshape(-1, states.shape[-1]).astype(float)
    return np.linalg.svd(flat - flat.mean(axis=0), full_matrices=False)[2]


def along_the_line(states: Any, **options: Any) -> FlowField:
    return flow_field(F, states, axis=LINE, origin=CENTRE, **options)


def test_velocity_is_the_leaks_along_the_line_and_the_other_modes_across(activity: np.ndarray):
    field = along_the_line(activity)
    x, y = np.meshgrid(field.x, field.y)
    # Ten steps of 100 ms a second, each of which takes the share 1 - lambda.
    slow, fast = -10 * (1 - np.exp(-0.05)), -10 * (1 - 0.2)
    np.testing.assert_allclose(field.velocity[..., 0], slow * x, atol=1e-4)
    np.testing.assert_allclose(field.velocity[..., 1], fast * y, atol=1e-4)
    assert field.velocity.shape == (30, 30, 2)
    assert abs(field.axes[0] @ LINE) == pytest.approx(1.0)
    np.testing.assert_allclose(field.axes @ field.axes.T, np.eye(2), atol=1e-12)


def test_the_second_direction_is_the_pc_of_what_the_first_leaves(activity: np.ndarray):
    flat = activity.reshape(-1, UNITS).astype(float)
    rest = pcs_of(flat - np.outer(flat @ LINE, LINE))[0]
    assert abs(along_the_line(activity, grid=3).axes[1] @ rest) == pytest.approx(1.0)


@pytest.mark.parametrize("sign", [1, -1])
def test_plane_is_turned_like_that_of_the_pcs(activity: np.ndarray, sign: int):
    field = flow_field(F, activity, axis=sign * LINE, grid=3)
    first, second = pcs_of(activity)[:2]
    # Of the PCs the first entry is positive: a sign of their own.
    assert field.axes[0] @ (first * np.sign(first[0])) > 0.9
    assert field.axes[1] @ (second * np.sign(second[0])) > 0


def test_the_centre_stands_still():
    corners = np.array([[3.0, 2.0], [3.0, -2.0], [-3.0, 2.0], [-3.0, -2.0]])
    field = along_the_line(CENTRE + corners @ AXES[:, [1, 5]].T, grid=5)
    np.testing.assert_allclose(field.origin, CENTRE)
    assert np.abs(field.x).min() < 1e-4
    still = field.velocity[2, 2]
    np.testing.assert_allclose(still, 0.0, atol=1e-3)
    others = np.linalg.norm(field.velocity.reshape(-1, 2), axis=1)
    assert np.sort(others)[1] > 100 * np.linalg.norm(still)


def test_grid_covers_the_states(activity: np.ndarray):
    field = along_the_line(activity, grid=7)
    places = field.project(activity)
    assert places.shape == (*activity.shape[:2], 2)
    for values, grid in ((places[..., 0], field.x), (places[..., 1], field.y)):
        assert len(grid) == 7
        assert grid[0] < values.min() < values.max() < grid[-1]
        assert np.ptp(grid) == pytest.approx(1.1 * np.ptp(values), rel=1e-3)
    np.testing.assert_allclose(
        places[..., 0] * np.sign(field.axes[0] @ LINE), (activity - CENTRE) @ LINE, atol=1e-3
    )


def test_a_rotation_turns_around_the_centre_of_its_plane():
    turns = 1.5
    angle = np.linspace(0, 2 * np.pi, 40, endpoint=False)
    circle = np.c_[3 * np.cos(angle), 2 * np.sin(angle)]
    centre = CENTRE - 8 * AXES[:, 1]  # a trial begins (8, 0) from there
    states = centre + circle @ AXES[:, [1, 2]].T
    field = flow_field(rotating(turns).system().at(REST), states)
    z = np.stack(np.meshgrid(field.x, field.y), axis=-1)
    radius = np.linalg.norm(z, axis=-1)
    step = 2 * np.pi * turns / 20
    # A chord of the circle, ten times a second; its part along the radius points inwards.
    chord = 2 * np.sin(step / 2)
    np.testing.assert_allclose(
        np.linalg.norm(field.velocity, axis=-1), 10 * chord * radius, rtol=1e-4
    )
    inwards = (field.velocity * z).sum(axis=-1)
    np.testing.assert_allclose(inwards, -10 * (1 - np.cos(step)) * radius**2, rtol=1e-4)
    round_about = z[..., 0] * field.velocity[..., 1] - z[..., 1] * field.velocity[..., 0]
    assert len(np.unique(np.sign(round_about))) == 1


def test_without_a_direction_the_plane_is_that_of_the_pcs_through_the_mean_state(
    activity: np.ndarray,
):
    field = flow_field(F, activity, grid=4)
    np.testing.assert_allclose(field.origin, activity.mean(axis=(0, 1), dtype=float))
    np.testing.assert_allclose(np.abs(field.axes @ pcs_of(activity)[:2].T), np.eye(2), atol=1e-6)
    assert field.names == ("PC 1 (units of state)", "orthogonal PC (units of state)")


def test_the_first_direction_can_be_named(activity: np.ndarray):
    names = along_the_line(activity, grid=2, name="slow manifold").names
    assert names[0] == "slow manifold (units of state)"


def test_directions_are_orthonormal_even_where_all_states_lie_on_a_line():
    states = np.random.default_rng(0).normal(size=(50, 1)) + 0.1 * np.ones(UNITS)
    for axis in (None, np.ones(UNITS)):
        field = flow_field(F, states, axis=axis)
        np.testing.assert_allclose(field.axes @ field.axes.T, np.eye(2), atol=1e-12)


def test_one_state_alone_has_a_plane_too():
    field = flow_field(F, CENTRE, grid=2)
    np.testing.assert_allclose(field.axes @ field.axes.T, np.eye(2), atol=1e-12)
    np.testing.assert_allclose(field.velocity, 0.0, atol=1e-3)


def test_a_plain_map_brings_no_time_step_of_its_own():
    plain = Partial(affine, np.diag([0.5, 0.9]), np.zeros(2))
    states = np.array([[1.0, 0.0], [-1.0, 0.1], [0.3, 0.5]])
    with pytest.raises(ValueError, match="`dt` must be given"):
        flow_field(plain, states)
    slow, fast = (flow_field(plain, states, dt=dt, grid=2).velocity for dt in (100.0, 20.0))
    np.testing.assert_allclose(fast, 5 * slow)
    system = System(lambda x, h: plain(h), dt=20.0, initial_state=np.zeros(2))
    np.testing.assert_allclose(flow_field(system.at([0.0]), states, grid=2).velocity, fast)
    with pytest.raises(ValueError, match="`dt` must be the system's 20 ms"):
        flow_field(system.at([0.0]), states, dt=100.0)


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        ({"F": 3}, TypeError, "`F` must be a callable"),
        ({"F": lambda h: h[:1]}, ValueError, "`F` must map a state"),
        ({"F": lambda h: jnp.eye(2) @ h}, ValueError, r"`F` must take a state of shape \(3,\)"),
        ({"activity": np.ones((4, 1))}, ValueError, "`activity` must be of two units or more"),
        ({"activity": 1.0}, ValueError, "`activity` must have shape"),
        ({"activity": np.ones((0, 3))}, ValueError, "`activity` must be finite states, at least 1"),
        ({"activity": [[1.0, np.nan, 0.0]]}, ValueError, "`activity` must be finite"),
        ({"activity": np.ones((4, 3)) * 1j}, TypeError, "`activity` must be real"),
        ({"axis": np.zeros(3)}, ValueError, "`axis` must not be 0"),
        ({"axis": np.ones(2)}, ValueError, "`axis` must be 3 numbers; got shape"),
        ({"axis": [1.0, 0.0, np.nan]}, ValueError, "`axis` must be finite"),
        ({"origin": np.ones((2, 3))}, ValueError, "`origin` must be 3 numbers"),
        ({"grid": 1}, ValueError, "`grid` must be a whole number, 2 or more; got 1"),
        ({"dt": 0.0}, ValueError, "`dt` must be a finite number above 0"),
    ],
)
def test_bad_arguments_are_named(arguments: Any, error: type[Exception], message: str):
    states = np.random.default_rng(0).normal(size=(4, 3))
    with pytest.raises(error, match=message):
        flow_field(**{"F": lambda h: 0.5 * h, "activity": states, "dt": 1.0} | arguments)
