import dataclasses
from typing import Any

import numpy as np
import pytest
from built import AXES, LINEAR, OFFSET, UNITS, leaky, rotating

from yang_rnn.analysis import fit_pca
from yang_rnn.flow import FlowField, flow_field
from yang_rnn.line_attractor import Verdict, line_attractor_verdict
from yang_rnn.model import CTRNN
from yang_rnn.task import PerceptualDecisionMaking

SEARCH = (1.0, 0.5, 0.5)
CENTRE = np.full(UNITS, OFFSET)


def examine(net: CTRNN) -> tuple[Verdict, np.ndarray]:
    trials = PerceptualDecisionMaking.from_recipe(LINEAR, seed=5).sample_trials(30)
    activity = np.asarray(net.predict(trials.inputs)[0], np.float64)
    return line_attractor_verdict(net, trials, recipe=LINEAR), activity


@pytest.fixture(scope="module")
def leak() -> tuple[CTRNN, Verdict, np.ndarray]:
    net = leaky(2.0)
    return net, *examine(net)


def flow_of(leak: Any, states: Any, **options: Any) -> FlowField:
    net, verdict, _ = leak
    return flow_field(net.state_map(SEARCH), verdict, fit_pca(states), states, dt=100.0, **options)


def test_velocity_is_the_leaks_along_the_line_and_the_other_modes_across(leak: Any):
    field = flow_of(leak, leak[2])
    x, y = np.meshgrid(field.x, field.y)
    # Ten steps of 100 ms a second, each of which takes the share 1 - lambda.
    slow, fast = -10 * (1 - np.exp(-0.05)), -10 * (1 - 0.2)
    np.testing.assert_allclose(field.velocity[..., 0], slow * x, atol=1e-4)
    np.testing.assert_allclose(field.velocity[..., 1], fast * y, atol=1e-4)
    assert field.velocity.shape == (30, 30, 2)
    assert abs(field.axes[0] @ AXES[:, 1]) == pytest.approx(1.0)
    assert "manifold" in field.names[0]


def test_plane_is_turned_like_that_of_the_pcs(leak: Any):
    net, verdict, activity = leak
    for sign in (1, -1):
        pca = fit_pca(activity)
        pca.components_ = sign * np.asarray(pca.components_)
        field = flow_field(net.state_map(SEARCH), verdict, pca, activity, dt=100.0, grid=3)
        assert field.axes[0] @ pca.components_[0] > 0.9
        assert field.axes[1] @ pca.components_[1] > 0


def test_the_centre_stands_still(leak: Any):
    corners = np.array([[3.0, 2.0], [3.0, -2.0], [-3.0, 2.0], [-3.0, -2.0]])
    field = flow_of(leak, CENTRE + corners @ AXES[:, [1, 5]].T, grid=5)
    np.testing.assert_allclose(field.origin, CENTRE, atol=1e-4)
    assert np.abs(field.x).min() < 1e-4
    still = field.velocity[2, 2]
    np.testing.assert_allclose(still, 0.0, atol=1e-3)
    others = np.linalg.norm(field.velocity.reshape(-1, 2), axis=1)
    assert np.sort(others)[1] > 100 * np.linalg.norm(still)


def test_grid_covers_the_trajectories(leak: Any):
    activity = leak[2]
    field = flow_of(leak, activity, grid=7)
    places = field.project(activity)
    assert places.shape == (*activity.shape[:2], 2)
    for values, grid in ((places[..., 0], field.x), (places[..., 1], field.y)):
        assert len(grid) == 7
        assert grid[0] < values.min() < values.max() < grid[-1]
        assert np.ptp(grid) == pytest.approx(1.1 * np.ptp(values), rel=1e-3)
    np.testing.assert_allclose(
        places[..., 0] * np.sign(field.axes[0] @ AXES[:, 1]),
        (activity - CENTRE) @ AXES[:, 1],
        atol=1e-3,
    )


def test_a_rotation_turns_around_the_centre_of_its_plane():
    turns = 1.5
    net = rotating(turns)
    verdict, _ = examine(net)
    assert verdict.manifold is None
    centre = verdict.points.state[0]
    angle = np.linspace(0, 2 * np.pi, 40, endpoint=False)
    circle = np.c_[3 * np.cos(angle), 2 * np.sin(angle)]
    states = centre + circle @ AXES[:, [1, 2]].T
    field = flow_field(net.state_map(SEARCH), verdict, fit_pca(states), states, dt=100.0)
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
    assert field.names[0].startswith("PC 1")


def test_without_a_centre_the_plane_goes_through_the_mean_state(leak: Any):
    net, verdict, activity = leak
    lost = dataclasses.replace(verdict, centre=None, modes=None, manifold=None)
    pca = fit_pca(activity)
    field = flow_field(net.state_map(SEARCH), lost, pca, activity, dt=100.0, grid=4)
    np.testing.assert_allclose(field.origin, activity.mean(axis=(0, 1)))
    components = np.asarray(pca.components_)
    np.testing.assert_allclose(field.axes @ components.T, np.eye(2), atol=1e-6)
    assert field.names[0].startswith("PC 1")


def test_directions_are_orthonormal_even_where_all_states_lie_on_a_line(leak: Any):
    _, verdict, _ = leak
    lost = dataclasses.replace(verdict, centre=None, modes=None, manifold=None)
    states = np.random.default_rng(0).normal(size=(50, 1)) + 0.1 * np.ones(UNITS)
    field = flow_of((leak[0], lost, None), states)
    np.testing.assert_allclose(field.axes @ field.axes.T, np.eye(2), atol=1e-12)
