import itertools

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax.tree_util import Partial

from yang_rnn.dynamics.fixed_points import find_fixed_points
from yang_rnn.dynamics.newton import Newton


def affine(matrix, offset, h):
    return matrix @ h + offset


def relu_map(matrix, offset, h):
    return jnp.maximum(matrix @ h + offset, 0.0)


def hopfield(matrix, h):
    return jnp.tanh(h @ matrix)


def hopfield_in_units(scale, matrix, h):
    return scale * hopfield(matrix, h / scale)


def shifted_rows(n):
    return np.stack([-np.roll(np.linspace(-1, 1, n), -i) for i in range(n)])


def ring(h):
    """Radius drawn to 1, angle left alone: every point of the unit circle is fixed."""
    radius = jnp.sqrt(jnp.sum(h**2))
    return h * (1.0 + 0.5 * (1.0 - radius))


@pytest.mark.parametrize("units", [1, 2, 7, 64])
def test_the_fixed_point_of_a_linear_map_is_found_from_anywhere(units):
    rng = np.random.default_rng(units)
    matrix = rng.standard_normal((units, units)) / np.sqrt(units)
    offset = rng.standard_normal(units)
    answer = np.linalg.solve(np.eye(units) - matrix, offset)
    points = find_fixed_points(Partial(affine, matrix, offset), rng.uniform(-5, 5, (40, units)))
    assert points.counts["fixed"] == 40
    np.testing.assert_allclose(points.state, np.tile(answer, (40, 1)), rtol=1e-9, atol=1e-9)


@pytest.mark.parametrize(("n", "number"), [(2, 3), (3, 3), (4, 9)])
@pytest.mark.parametrize("kind", ["grid", "random"])
def test_all_fixed_points_of_a_tanh_network_are_found_and_none_besides(n, number, kind):
    matrix = shifted_rows(n)
    if kind == "grid":
        starts = np.array(list(itertools.product([-1.0, 0.0, 1.0], repeat=n)))
    else:
        starts = np.random.default_rng(0).uniform(-1, 1, (100, n))
    points = find_fixed_points(Partial(hopfield, matrix), starts)
    found = points.with_status("fixed").unique(1e-6)
    assert len(found) == number
    np.testing.assert_allclose(np.tanh(found.state @ matrix), found.state, atol=1e-8)
    # The map is odd: its fixed points come in pairs about 0, which is one of them.
    mirrored = found.state[np.lexsort(-found.state.T)]
    np.testing.assert_allclose(-mirrored, found.state[np.lexsort(found.state.T)], atol=1e-8)


def test_a_rectified_network_with_known_points_in_its_regions_and_on_a_kink():
    # Two units that inhibit each other: (b, 0), (0, b) and (c, c); a third sits on its kink.
    matrix = np.array([[0.0, -2.0, 0.0], [-2.0, 0.0, 0.0], [0.0, 0.0, 0.0]])
    offset = np.array([1.0, 1.0, 0.0])
    starts = np.random.default_rng(0).uniform(0, 1.5, (100, 3))
    points = find_fixed_points(Partial(relu_map, matrix, offset), starts)
    found = points.with_status("fixed").unique(1e-6)
    order = np.lexsort(found.state.T[::-1])
    np.testing.assert_allclose(
        found.state[order], [[0, 1, 0], [1 / 3, 1 / 3, 0], [1, 0, 0]], atol=1e-9
    )
    assert points.counts["fixed"] == 100


def test_without_a_fixed_point_no_point_is_fixed_and_the_speed_is_least():
    # h1' = h1 + 0.1 + (h2 part that vanishes at rest): q is at least 0.005 everywhere.
    F = Partial(affine, np.diag([1.0, 0.5]), np.array([0.1, 0.0]))
    points = find_fixed_points(F, np.random.default_rng(0).uniform(-1, 1, (20, 2)))
    assert points.counts == {"fixed": 0, "slow": 0, "unconverged": 20, "diverged": 0}
    np.testing.assert_allclose(points.speed, 0.005, rtol=1e-9)
    assert set(points.reason) == {"stalled"}
    assert find_fixed_points(F, np.ones((1, 2)), slow_speed=0.01).counts["slow"] == 1


def test_on_a_line_of_fixed_points_each_start_finds_the_nearest():
    along = np.array([3.0, 4.0]) / 5.0
    across = np.array([-4.0, 3.0]) / 5.0
    matrix = np.outer(along, along) + 0.3 * np.outer(across, across)
    starts = np.random.default_rng(0).uniform(-2, 2, (50, 2))
    points = find_fixed_points(Partial(affine, matrix, np.zeros(2)), starts)
    assert points.counts["fixed"] == 50
    np.testing.assert_allclose(points.state @ across, 0.0, atol=1e-9)
    np.testing.assert_allclose(points.state @ along, starts @ along, atol=1e-6)


def test_a_ring_of_fixed_points_is_found_all_around():
    angle = np.linspace(0, 2 * np.pi, 60, endpoint=False)
    starts = 1.3 * np.stack([np.cos(angle), np.sin(angle)], axis=1)
    points = find_fixed_points(ring, starts)
    assert points.counts["fixed"] == 60
    np.testing.assert_allclose(np.linalg.norm(points.state, axis=1), 1.0, atol=1e-9)
    np.testing.assert_allclose(points.state, starts / 1.3, atol=1e-6)


def test_a_degenerate_root_is_found_to_the_precision_that_its_speed_allows():
    # q = h^6 / 2: at the tolerance q = 1e-20, |h| is 5e-4, and no search can know better.
    points = find_fixed_points(lambda h: h - h**3, np.array([[1.0], [-0.3], [0.0]]))
    assert points.counts["fixed"] == 3
    assert np.abs(points.state).max() < 6e-4
    assert points.state[2, 0] == 0.0


def test_every_fixed_point_of_a_trained_network_is_one_by_plain_numpy(trained):
    points = find_fixed_points(trained.F, trained.states)
    fixed = points.with_status("fixed")
    assert len(fixed) == 2200
    assert np.abs(trained.residual(fixed.state)).max() < 1e-9
    np.testing.assert_allclose(
        points.speed, 0.5 * (trained.residual(points.state) ** 2).sum(axis=1), atol=1e-25
    )


def test_shuffled_starts_reach_the_same_points_to_the_bit(trained):
    starts = trained.states[::10]
    shuffle = np.random.default_rng(0).permutation(len(starts))
    straight, shuffled = (find_fixed_points(trained.F, s) for s in (starts, starts[shuffle]))
    np.testing.assert_array_equal(straight.state[shuffle], shuffled.state)
    np.testing.assert_array_equal(straight.speed[shuffle], shuffled.speed)
    np.testing.assert_array_equal(straight.iterations[shuffle], shuffled.iterations)


@pytest.mark.parametrize("seed", range(3))
def test_random_networks_keep_the_promise_of_their_statuses(seed):
    rng = np.random.default_rng(seed)
    units = 32
    matrix = 1.6 * rng.standard_normal((units, units)) / np.sqrt(units)
    offset = rng.standard_normal(units)
    points = find_fixed_points(
        Partial(relu_map, matrix, offset), rng.uniform(0, 3, (100, units)), slow_speed=1e-3
    )
    residual = np.maximum(points.state @ matrix.T + offset, 0) - points.state
    assert np.abs(residual[points.status == "fixed"]).max(initial=0.0) < 1e-9
    speed = 0.5 * (residual**2).sum(axis=1)
    np.testing.assert_array_equal(points.status == "unconverged", speed >= 1e-3)
    assert (points.speed <= 0.5 * ((np.maximum(points.start @ matrix.T + offset, 0)
                                    - points.start) ** 2).sum(axis=1)).all()  # fmt: skip


def test_a_large_network_goes_through_in_chunks_of_a_few_states():
    rng = np.random.default_rng(0)
    matrix = 0.5 * rng.standard_normal((300, 300)) / np.sqrt(300)
    points = find_fixed_points(Partial(hopfield, matrix), 0.01 * rng.standard_normal((3, 300)))
    assert points.counts["fixed"] == 3
    np.testing.assert_allclose(points.state, 0.0, atol=1e-9)


def test_overflow_and_missing_numbers_end_as_diverged_and_harm_no_other():
    def F(h):
        return jnp.where(jnp.abs(h) > 5.0, jnp.exp(h * 1e3), 0.5 * h)

    points = find_fixed_points(F, [[1.0, 1.0], [9.0, 0.0], [np.nan, 0.0], [np.inf, 1.0]])
    assert points.status.tolist() == ["fixed", "diverged", "diverged", "diverged"]
    assert set(points.reason[1:]) == {"non-finite"}
    np.testing.assert_allclose(points.state[0], 0.0, atol=1e-9)


def test_a_map_whose_steps_overflow_falls_back_on_the_descent():
    points = find_fixed_points(lambda h: jnp.exp(h), [[3.0]])  # no fixed point; q least at h = 0
    assert points.counts["unconverged"] == 1
    assert points.state[0, 0] == pytest.approx(0.0, abs=1e-2)
    assert points.speed[0] == pytest.approx(0.5, rel=1e-3)


def test_the_users_session_keeps_its_precision_and_a_stopped_search_too():
    def stop(*args):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        find_fixed_points(lambda h: 0.5 * h, np.ones((3, 2)), on_progress=stop)
    assert jnp.ones(1, dtype=float).dtype == jnp.float32


def damped(matrix, h):
    return 0.5 * matrix @ h


def test_networks_of_one_shape_share_their_compilations(compiled: list[str]):
    lengths = []
    starts = np.random.default_rng(0).uniform(size=(5, 11))
    for seed in range(3):
        matrix = np.random.default_rng(seed).standard_normal((11, 11)).astype(np.float32) / 7
        find_fixed_points(Partial(damped, matrix), starts)
        lengths.append(len(compiled))
    assert lengths[0] > 0
    assert np.diff(lengths).tolist() == [0, 0]


def test_progress_counts_the_starts_that_have_stopped(trained):
    told = []
    find_fixed_points(trained.F, trained.states[::20], on_progress=lambda *args: told.append(args))
    done = [args[0] for args in told]
    assert done == sorted(done)
    assert told[-1][:2] == (110, 110)
    assert told[-1][2] < 1e-20


@pytest.mark.parametrize(
    ("field", "value"),
    [("undamped", -1), ("max_newton", -1), ("max_damped", -1), ("window", 0),
     ("undamped", np.nan), ("max_newton", np.inf), ("max_damped", 2.5), ("window", np.inf),
     ("merge_distance", -1.0), ("merge_distance", np.nan), ("merge_distance", np.inf),
     ("progress", 1.0), ("progress", -0.1), ("progress", np.nan)],
)  # fmt: skip
def test_settings_out_of_range_are_refused(field, value):
    with pytest.raises(ValueError, match=f"^`{field}` must be .*; got"):
        Newton(**{field: value})


@pytest.mark.parametrize("max_newton", [0, 60])
def test_damped_and_full_steps_agree(max_newton):
    matrix = shifted_rows(4)
    starts = np.random.default_rng(1).uniform(-1, 1, (400, 4))
    points = find_fixed_points(
        Partial(hopfield, matrix), starts, solver=Newton(max_newton=max_newton)
    )
    assert len(points.with_status("fixed").unique(1e-6)) == 9


def test_float32_weights_are_used_at_their_exact_values():
    matrix = (np.eye(3) * np.float32(0.1)).astype(np.float32)
    offset = np.ones(3, np.float32)
    points = find_fixed_points(Partial(affine, jnp.asarray(matrix), offset), np.zeros(3))
    np.testing.assert_allclose(points.state[0], 1 / (1 - np.float64(np.float32(0.1))), rtol=1e-14)
    assert not jax.config.read("jax_enable_x64")


@pytest.mark.parametrize("exponent", [-60, -7, 20])
def test_the_units_of_the_state_make_no_difference(exponent: int):
    matrix, scale = shifted_rows(4), 2.0**exponent
    starts = np.random.default_rng(1).uniform(-1, 1, (100, 4))
    plain, scaled = (
        find_fixed_points(Partial(hopfield_in_units, size, matrix), size * starts)
        for size in (1.0, scale)
    )
    np.testing.assert_allclose(scaled.state / scale, plain.state, rtol=1e-12, atol=1e-12)
    np.testing.assert_array_equal(scaled.status, plain.status)
    assert len(scaled.with_status("fixed").unique()) == 9
