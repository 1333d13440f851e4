"""Indices of fixed points: against known ones, and their sum where it must be 1 and where not."""

import dataclasses
import itertools

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from every_active_set import rectified
from small import points_at

import yang_rnn as yr
from yang_rnn.network.equations import cell_of


def network(weights, drive, activation="tanh", leak="inside", alpha=0.3):
    """Return a network at a constant input, its bounds those of the nonlinearity."""
    units = len(weights)
    step = jax.tree_util.Partial(
        cell_of(activation, leak), np.zeros((1, units)), weights, drive, alpha
    )
    bounds = (0.0, 1.0) if activation == "sigmoid" else (-1.0, 1.0)
    return yr.System(step, 1.0, np.zeros(units), bounds=bounds).at([0.0])


def scalar(function, low, high):
    """Return a map of one unit within bounds."""
    return yr.System(lambda x, h: function(h) + 0 * x, 1.0, np.array([low]), bounds=(low, high)).at(
        [0.0]
    )


def known(*states):
    """Return a record of states that are known to be fixed points."""
    return points_at(["fixed"] * len(states), np.zeros(len(states)), states)


def fixed_points(F, low=-1.0, number=200):
    units = F.system.num_units
    starts = yr.uniform_states(number, units, low, 1, 0)
    return yr.find_fixed_points(F, starts).with_status("fixed").unique()


def test_a_network_of_two_memories_has_two_stable_points_and_a_saddle_between():
    F = network(2 * np.eye(1), np.zeros(1))
    points = fixed_points(F)
    found = yr.fixed_point_index(F, points)
    saddle = np.abs(points.state[:, 0]) < 0.1
    assert len(points) == 3
    np.testing.assert_array_equal(found.index, np.where(saddle, -1, 1))
    assert found.sum == 1
    assert not found.incomplete
    assert found.sum_in_words == "index sum 1, as a complete list has (which proves nothing)"


def test_a_list_without_one_of_its_points_is_incomplete():
    F = network(2 * np.eye(3), np.zeros(3))  # each unit by itself is at 0 or on a branch
    branch = 0.5
    for _ in range(100):
        branch = float(np.tanh(1.3 * branch))
    points = known(*itertools.product([-branch, 0.0, branch], repeat=3))
    assert yr.fixed_point_index(F, points).sum == 1
    for left_out in range(0, 27, 5):
        found = yr.fixed_point_index(F, points[np.arange(27) != left_out])
        assert found.incomplete
        assert "instead of 1: incomplete" in repr(found)


@pytest.mark.parametrize("leak", ["inside", "outside"])
@pytest.mark.parametrize("activation", ["tanh", "sigmoid"])
def test_indices_of_proved_lists_are_those_of_the_proof(activation, leak):
    rng = np.random.default_rng(0)
    for _ in range(3):
        gain = 10.0 if activation == "sigmoid" else 2.5
        weights = gain * rng.standard_normal((4, 4)) / 2
        drive = -weights.sum(axis=0) / 2 if activation == "sigmoid" else np.full(4, 0.1)
        proved = yr.enclose_fixed_points(weights, drive, activation)
        alone = network(weights, drive, activation, "outside")
        if leak == "inside":
            proved = yr.enclose_fixed_points(
                0.7 * np.eye(4) + 0.3 * weights, 0.3 * drive, activation
            )
            alone = network(weights, drive, activation)
        assert proved.complete
        found = yr.fixed_point_index(alone, yr.find_fixed_points(alone, proved.points))
        np.testing.assert_array_equal(found.index, proved.index)
        assert found.sum == 1


def test_repeated_and_slow_points_do_not_count():
    F = network(2 * np.eye(1), np.zeros(1))
    ends = yr.find_fixed_points(F, np.linspace(-1, 1, 40)[:, None])
    found = yr.fixed_point_index(F, ends)
    assert found.counted.sum() == 3
    assert found.sum == 1
    status = np.where(ends.state[:, 0] > 0.5, "slow", ends.status)
    found = yr.fixed_point_index(F, dataclasses.replace(ends, status=status))
    assert found.sum == 0
    assert (found.index[status == "slow"] == 0).all()


@pytest.mark.parametrize("power", [2, 3, 5])
def test_degenerate_points_have_no_index(power):
    # h = 0, `power` times; at both ends of the bounds the map leads inwards.
    F = scalar(lambda h: h - 0.1 * h**power * ((1 + h) if power == 2 else 1), -1.5, 1.0)
    starts = np.linspace(-0.3, 0.3, 21)[:, None]
    points = yr.find_fixed_points(F, starts).with_status("fixed").unique()
    found = yr.fixed_point_index(F, points)
    assert len(points)
    assert (found.index == 0).all()
    assert found.sum is None
    assert "not known" in found.reason


def test_points_near_a_degenerate_one_have_their_index():
    F = network(np.array([[1 + 1e-5]]), np.zeros(1), alpha=1.0)
    found = yr.fixed_point_index(F, yr.find_fixed_points(F, np.linspace(-1, 1, 41)[:, None]))
    assert found.counted.sum() == 3
    assert found.sum == 1


@pytest.mark.parametrize(("leak", "weight"), [("inside", 150.0), ("outside", 60.0)])
def test_saturated_units_are_not_on_the_boundary(leak, weight):
    F = network(np.array([[weight, 0.5], [0.2, 2.0]]), np.array([0.0, 0.01]), leak=leak)
    points = fixed_points(F)
    found = yr.fixed_point_index(F, points)
    assert (np.abs(points.state[:, 0]) == 1).any()  # to rounding
    assert (found.index != 0).all()
    assert found.sum == 1


def test_the_sum_is_not_told_where_a_point_is_on_the_boundary():
    # h^2 takes [0, 1] to itself: 0 has the index 1, and 1, with slope 2, none that h^2 would tell.
    F = scalar(lambda h: h**2, 0.0, 1.0)
    found = yr.fixed_point_index(F, known([0.0], [1.0]))
    assert found.counted.sum() == 2
    assert found.sum is None


def test_the_sum_is_not_told_where_bounds_are_not_kept_or_there_are_none():
    F = scalar(lambda h: 2 * h, -1.0, 1.0)
    assert "beyond" in yr.fixed_point_index(F, known([0.0])).reason
    relu = rectified(np.eye(4) / 2, np.zeros(4)).at([0.0])
    found = yr.fixed_point_index(relu, known(np.zeros(4)))
    assert found.sum is None
    assert "no finite bounds" in found.reason

    def halve(h):
        return h / 2

    found = yr.fixed_point_index(halve, known([0.0, 0.0]))
    assert found.index.tolist() == [1]
    assert found.sum is None


def test_a_point_on_a_kink_has_no_index():
    def step(x, h):
        return jnp.clip(0.5 * h + jnp.abs(h) + 0 * x, -1, 1)

    F = yr.System(step, 1.0, np.zeros(1), bounds=(-1, 1)).at([0.0])
    assert yr.fixed_point_index(F, known([0.0])).index.tolist() == [0]


def test_no_points_at_all_are_incomplete():
    F = network(2 * np.eye(2), np.zeros(2))
    found = yr.fixed_point_index(F, known([0.0, 0.0])[:0])
    assert found.sum == 0
    assert found.incomplete


def test_a_gru_maps_its_box_to_itself():
    w_z, w_n = 4 * np.random.default_rng(0).standard_normal((2, 4, 4))

    def step(x, h):
        z = jax.nn.sigmoid(h @ w_z + 0 * x)
        return (1 - z) * jnp.tanh(h @ w_n) + z * h

    F = yr.System(step, 1.0, np.zeros(4), bounds=(-1, 1)).at([0.0])
    points = fixed_points(F)
    assert len(points) > 1
    assert yr.fixed_point_index(F, points).sum == 1


def test_an_lstm_whose_c_has_no_bounds_has_no_sum():
    w = np.random.default_rng(0).standard_normal((3, 2, 2))

    def step(x, hc):
        h, c = hc[:2], hc[2:]
        c = jax.nn.sigmoid(h @ w[0] + 0 * x) * c + jax.nn.sigmoid(h @ w[1]) * jnp.tanh(h @ w[2])
        return jnp.concatenate([jnp.tanh(c) / 2, c])

    bounds = np.array([-1, -1, -np.inf, -np.inf]), np.array([1, 1, np.inf, np.inf])
    F = yr.System(step, 1.0, np.zeros(4), bounds=bounds).at([0.0])
    assert yr.fixed_point_index(F, known(np.zeros(4))).sum is None


def test_what_is_no_record_is_refused():
    F = network(2 * np.eye(2), np.zeros(2))
    with pytest.raises(TypeError, match="`points` must be a FixedPoints"):
        yr.fixed_point_index(F, np.zeros((1, 2)))  # pyright: ignore[reportArgumentType]
    with pytest.raises(ValueError, match="`F` must take"):
        yr.fixed_point_index(network(np.eye(3), np.zeros(3)), known([0.0, 0.0]))
