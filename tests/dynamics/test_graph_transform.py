import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax.tree_util import Partial

from yang_rnn.dynamics.graph_transform import Along, cut, settle


def test_cubics_pass_through_their_states_and_are_exact_for_parabolas():
    rng = np.random.default_rng(0)
    place = np.sort(rng.uniform(-1, 1, 20))
    states = np.stack([place, 3 * place**2 - place, np.ones(20)], axis=1)
    at = np.linspace(place[0], place[-1], 57)
    with jax.enable_x64(True):
        curve = jnp.asarray(place), jnp.asarray(states)
        between = cut(*curve, jnp.asarray(at), jnp.array([0, 19]))
        there = cut(*curve, curve[0], jnp.array([0, 19]))
    expected = np.stack([at, 3 * at**2 - at, np.ones(57)], axis=1)
    np.testing.assert_allclose(between, expected, atol=1e-12)
    np.testing.assert_allclose(there, states, atol=1e-12)


def test_only_a_part_counts_and_its_ends_go_on_straight():
    place = np.arange(20.0)
    states = np.stack([place, np.abs(place - 15.0)], axis=1)
    at = np.array([-3.0, 2.0, 12.0, 30.0])
    with jax.enable_x64(True):
        curve = jnp.asarray(place), jnp.asarray(states)
        found = cut(*curve, jnp.asarray(at), jnp.array([1, 10]))
    np.testing.assert_allclose(found, np.stack([at, 15 - at], axis=1), atol=1e-12)


def test_images_of_a_line_come_closer_to_the_invariant_one_at_the_rates_ratio():
    # Slopes across shrink by 0.5 / 0.9 in each step, from where the line (1, 1) begins.
    direction = np.array([1.0, 0.0])
    grid = np.linspace(-1.0, 1.0, 21)
    line = np.stack([grid, grid], axis=1)
    with jax.enable_x64(True):
        along = Along(*(jnp.asarray(part) for part in (np.zeros(2), direction, grid)))
        F = Partial(lambda matrix, h: matrix @ h, jnp.diag(jnp.array([0.9, 0.5])))
        found = settle(F, along, jnp.asarray(line), jnp.array([0, 20]), 7, 0.0)
    np.testing.assert_allclose(found.state, np.stack([grid, (5 / 9) ** 7 * grid], 1), atol=1e-12)
    assert int(found.iterations) == 7


def test_an_image_that_turns_back_is_no_graph():
    grid = np.linspace(-1.0, 1.0, 21)
    with jax.enable_x64(True):
        along = Along(jnp.zeros(2), jnp.array([1.0, 0.0]), jnp.asarray(grid))
        line = along.grid[:, None] * along.direction
        found = settle(Partial(lambda h: -0.9 * h), along, line, jnp.array([0, 20]), 50, 1e-9)
    assert np.isinf(found.change)


@pytest.mark.parametrize("across", [-0.6, -0.9])
def test_what_changes_sign_across_faster_than_it_shrinks_along_does_not_swing(across: float):
    # Slopes across grow by |across| / 0.5 in each step; the eigenvector's is 0.1.
    slope, grid = 0.1, np.linspace(-1.0, 1.0, 41)
    matrix = np.array([[0.5, 0.0], [slope * (0.5 - across), across]])
    line = np.stack([grid, (slope + 0.01) * grid], axis=1)
    with jax.enable_x64(True):
        along = Along(jnp.zeros(2), jnp.array([1.0, 0.0]), jnp.asarray(grid))
        F = Partial(lambda matrix, h: matrix @ h, jnp.asarray(matrix))
        found = settle(F, along, jnp.asarray(line), jnp.array([0, 40]), 1000, 1e-12)
    assert float(found.change) < 1e-12
    np.testing.assert_allclose(found.state, np.stack([grid, slope * grid], axis=1), atol=1e-10)


def test_places_that_are_held_stay():
    grid = np.linspace(-1.0, 1.0, 21)
    line = np.stack([grid, grid], axis=1)
    with jax.enable_x64(True):
        along = Along(jnp.zeros(2), jnp.array([1.0, 0.0]), jnp.asarray(grid))
        F = Partial(lambda matrix, h: matrix @ h, jnp.diag(jnp.array([0.9, 0.5])))
        ends, free = jnp.array([0, 20]), jnp.array([11, 20])
        found = settle(F, along, jnp.asarray(line), ends, 500, 1e-12, free)
    np.testing.assert_array_equal(found.state[:11], line[:11])
    np.testing.assert_allclose(found.state[11:, 1], 0.0, atol=1e-9)
