from typing import Any

import jax.numpy as jnp
import numpy as np
import pytest
from jax.tree_util import Partial

from yang_rnn.dynamics.fixed_points import find_fixed_points
from yang_rnn.dynamics.linearisation import linearise
from yang_rnn.dynamics.system import System


def affine(matrix, h):
    return matrix @ h


def tanh_step(matrix, feed, offset, x, h):
    return jnp.tanh(matrix @ h + feed @ x + offset)


def relu_before(matrix, feed, offset, x, h):
    return matrix @ h + feed @ x + offset


def relu_step(*args):
    return jnp.maximum(relu_before(*args), 0.0)


def network(units, seed=0):
    rng = np.random.default_rng(seed)
    matrix = rng.standard_normal((units, units)) / np.sqrt(units)
    return matrix, rng.standard_normal((units, 2)), rng.standard_normal(units)


def system_of(step: Any, units: int, dt: float = 100.0, **options: Any) -> System:
    return System(Partial(step, *network(units)), dt=dt, initial_state=np.zeros(units), **options)


@pytest.mark.parametrize("step", [tanh_step, relu_step])
@pytest.mark.parametrize("units", [1, 8, 64])
def test_jacobians_of_state_and_input_agree_with_finite_differences(step: Any, units: int):
    matrix, feed, offset = network(units)
    x = np.array([0.3, -0.2])
    states = np.random.default_rng(1).uniform(0, 1, (4, units))
    lin = linearise(system_of(step, units).at(x), states)

    def by_numpy(x, h):
        before = matrix @ h + feed @ x + offset
        return np.tanh(before) if step is tanh_step else np.maximum(before, 0.0)

    for state, jacobian, input_jacobian in zip(
        states, lin.jacobian, lin.input_jacobian, strict=True
    ):
        steps = 1e-6 * np.eye(units)
        numeric = [(by_numpy(x, state + d) - by_numpy(x, state - d)) / 2e-6 for d in steps]
        np.testing.assert_allclose(np.transpose(numeric), jacobian, atol=1e-8)
        steps = 1e-6 * np.eye(2)
        numeric = [(by_numpy(x + d, state) - by_numpy(x - d, state)) / 2e-6 for d in steps]
        np.testing.assert_allclose(np.transpose(numeric), input_jacobian, atol=1e-8)


def test_a_map_that_is_not_known_to_have_an_input_has_no_input_jacobian():
    lin = linearise(Partial(affine, np.diag([0.9, 0.5])), np.zeros((3, 2)), dt=100.0)
    assert lin.input_jacobian.shape == (3, 2, 0)


@pytest.mark.parametrize("units", [1, 2, 33, 64])
def test_modes_are_biorthonormal_and_rebuild_the_jacobian(units: int):
    matrices = [network(units, seed)[0] for seed in range(5)]
    for matrix in matrices:
        lin = linearise(Partial(affine, matrix), np.zeros(units), dt=100.0)[0]
        left, right, values = lin.left[0], lin.right[0], lin.eigenvalues[0]
        np.testing.assert_allclose(left @ right.T, np.eye(units), atol=1e-10)
        np.testing.assert_allclose(right.T @ np.diag(values) @ left, matrix, atol=1e-10)
        np.testing.assert_allclose(left @ matrix, values[:, None] * left, atol=1e-9)
        np.testing.assert_allclose(np.linalg.norm(right, axis=1), 1.0)
        assert (np.diff(np.abs(values)) <= 1e-12).all()
        pair = np.flatnonzero(values.imag > 0)
        np.testing.assert_array_equal(values[pair + 1], values[pair].conj())
        np.testing.assert_allclose(right[pair + 1], right[pair].conj(), atol=1e-12)


def test_time_constants_and_frequencies_of_known_modes():
    decay, angle = 0.9, 0.2
    matrix = np.zeros((6, 6))
    matrix[:2, :2] = rotation(0.97, angle)
    matrix[range(2, 6), range(2, 6)] = [1.2, 1.0, decay, -0.5]
    lin = linearise(Partial(affine, matrix), np.zeros(6), dt=100.0)
    np.testing.assert_allclose(np.abs(lin.eigenvalues[0]), [1.2, 1.0, 0.97, 0.97, 0.9, 0.5])
    expected = [-100 / np.log(1.2), np.inf, *2 * [-100 / np.log(0.97)], -100 / np.log(0.9),
                -100 / np.log(0.5)]  # fmt: skip
    np.testing.assert_allclose(lin.time_constant[0], expected)
    turn = 1e3 * angle / (2 * np.pi * 100)  # Hz
    np.testing.assert_allclose(lin.frequency[0], [0, 0, turn, turn, 0, 5.0], atol=1e-12)
    assert lin.unstable.tolist() == [1]


def test_a_systems_time_step_scales_time_constants_and_frequencies():
    x, h = np.array([0.3, -0.2]), np.zeros(8)
    slow, fast = (linearise(system_of(tanh_step, 8, dt).at(x), h) for dt in (100.0, 20.0))
    assert (slow.dt, fast.dt) == (100.0, 20.0)
    np.testing.assert_allclose(slow.time_constant, 5 * fast.time_constant)
    np.testing.assert_allclose(slow.frequency, fast.frequency / 5)
    given = linearise(system_of(tanh_step, 8, 20.0).at(x), h, dt=20)
    np.testing.assert_array_equal(given.time_constant, fast.time_constant)


def test_a_time_step_that_is_not_the_systems_is_an_error():
    F = system_of(tanh_step, 8).at([0.3, -0.2])
    with pytest.raises(ValueError, match="`dt` must be the system's 100 ms, or be left out; got 5"):
        linearise(F, np.zeros(8), dt=50.0)


def test_a_plain_map_needs_a_time_step():
    with pytest.raises(ValueError, match="`dt` must be given"):
        linearise(Partial(affine, np.eye(2)), np.zeros(2))


def test_a_mode_that_vanishes_at_once_has_no_time_constant():
    lin = linearise(Partial(affine, np.zeros((2, 2))), np.zeros(2), dt=100.0)
    assert lin.time_constant.tolist() == [[0.0, 0.0]]


def rotation(modulus, angle):
    c, s = np.cos(angle), np.sin(angle)
    return modulus * np.array([[c, -s], [s, c]])


@pytest.mark.parametrize(
    ("matrix", "stability", "rotates", "unstable"),
    [
        (np.diag([0.9, 0.5]), "stable", "node", 0),
        (np.diag([-0.9, 0.5]), "stable", "node", 0),
        (np.diag([0.9, 0.9]), "stable", "node", 0),
        (rotation(0.99, 0.1), "stable", "spiral", 0),
        (np.diag([1.1, 0.5]), "saddle", "node", 1),
        (np.diag([1.1, 1.2]), "unstable", "node", 2),
        (np.diag([1.1, 1.0]), "unstable", "node", 1),
        (rotation(1.1, 0.3), "unstable", "spiral", 2),
        (np.diag([1.0, 0.5]), "marginal", "node", 0),
        (rotation(1.0005, 0.3), "marginal", "spiral", 0),
        (np.array([[1.2]]), "unstable", "node", 1),
    ],
)
def test_labels_of_known_systems(matrix: Any, stability: str, rotates: str, unstable: int):
    F = Partial(affine, matrix)
    lin = linearise(F, np.zeros(len(matrix)), dt=100.0)
    assert lin.stability.tolist() == [stability]
    assert lin.rotation.tolist() == [rotates]
    assert lin.label.tolist() == [f"{stability} {rotates}"]
    assert lin.unstable.tolist() == [unstable]
    assert f"1 {stability} {rotates}" in repr(lin)


def test_the_marginal_band_can_be_chosen():
    F = Partial(affine, np.diag([0.95, 0.5]))
    assert linearise(F, np.zeros(2), dt=1.0).stability == ["stable"]
    assert linearise(F, np.zeros(2), dt=1.0, marginal_band=0.06).stability == ["marginal"]


def test_a_slow_spiral_is_found_and_turns_at_its_known_frequency():
    hertz, dt = 0.25, 100.0
    F = Partial(affine, rotation(np.exp(-dt / 5000.0), 2 * np.pi * hertz * dt / 1e3))
    points = find_fixed_points(F, np.random.default_rng(0).uniform(-1, 1, (10, 2))).unique(1e-6)
    lin = linearise(F, points, dt=dt)
    assert lin.label.tolist() == ["stable spiral"]
    np.testing.assert_allclose(lin.frequency, hertz)
    np.testing.assert_allclose(lin.time_constant, 5000.0)


def test_along_a_ring_of_fixed_points_the_eigenvalue_is_one():
    def ring(h):
        return h * (1.5 - 0.5 * jnp.sqrt(jnp.sum(h**2)))

    angle = np.linspace(0, 2 * np.pi, 12, endpoint=False)
    circle = np.stack([np.cos(angle), np.sin(angle)], axis=1)
    lin = linearise(ring, circle, dt=100.0)
    assert set(lin.label) == {"marginal node"}
    np.testing.assert_allclose(lin.eigenvalues[:, 0], 1.0, atol=1e-9)
    tangent = np.stack([-circle[:, 1], circle[:, 0]], axis=1)
    np.testing.assert_allclose(np.abs((lin.right[:, 0] * tangent).sum(axis=1)), 1.0, atol=1e-9)


def test_only_fixed_points_get_a_label():
    F = Partial(affine, np.diag([0.9, 0.5]))
    states = np.array([[0.0, 0.0], [1e-3, 0.0], [1.0, 1.0]])
    lin = linearise(F, states, dt=100.0)
    assert lin.label.tolist() == ["stable node", "", ""]
    assert lin.stability.tolist() == ["stable", "", ""]
    assert lin.rotation.tolist() == ["node", "", ""]
    assert "2 without label" in repr(lin)
    # The speed counts over the square of the point's own scale, here 1e-3 / sqrt(2).
    share = 0.5 * 0.1**2 * 2
    for factor, label in ((0.99, ""), (1.01, "stable node")):
        lin = linearise(F, states, dt=100.0, fixed_speed=factor * share)
        assert lin.label[1] == label


def test_of_a_record_of_points_the_status_tells_which_are_fixed():
    F = Partial(affine, np.diag([0.9, 0.5]))
    points = find_fixed_points(F, np.array([[0.0, 0.0], [1.0, 1.0]]))
    assert linearise(F, points, dt=100.0).label.tolist() == ["stable node"] * 2
    assert linearise(F, points[[1]], dt=100.0).label.tolist() == ["stable node"]


KINKS = np.array([[1.25, 0.0, 0.0], [1.25, 1e-3, 0.0], [1.25, -1e-9, 0.0], [0.1, -1.0, 5.0]])


@pytest.mark.parametrize("how", ["plain map", "system", "system with a preactivation"])
def test_a_kink_is_told(how: str):
    offset = np.array([1.0, 0.0, -1.0])

    def before(x, h):
        return 0.2 * h + offset

    def step(x, h):
        return jnp.maximum(before(x, h), 0.0)

    F = System(
        step, dt=100.0, initial_state=np.zeros(3),
        preactivation=before if "preactivation" in how else None,
    ).at([0.0])  # fmt: skip
    lin = linearise(F, KINKS) if "system" in how else linearise(lambda h: F(h), KINKS, dt=100.0)
    assert lin.kink.tolist() == [True, False, True, True]
    assert lin.label[0] == "stable node"
    assert "on a kink" in repr(lin)


def test_the_preactivation_tells_a_kink_along_which_no_direction_jumps():
    # Silent units that nothing listens to: the map's slope is 0 on both sides, the kink is there.
    matrix = np.diag([0.5, 0.0])

    def before(x, h):
        return matrix @ h + x

    def step(x, h):
        return jnp.maximum(before(x, h), 0.0)

    with_it, without = (
        System(step, dt=1.0, initial_state=np.zeros(2), preactivation=rule)
        for rule in (before, None)
    )
    state = np.array([2.0, 0.0])
    assert linearise(with_it.at([1.0, 0.0]), state).kink.tolist() == [True]
    assert linearise(without.at([1.0, 0.0]), state).kink.tolist() == [False]


def test_how_near_a_kink_counts_as_on_it_can_be_chosen():
    F = system_of(relu_step, 8, preactivation=Partial(relu_before, *network(8))).at([0.3, -0.2])
    before = F.preactivation
    assert before is not None
    h = np.random.default_rng(1).uniform(0, 1, 8)
    nearest = float(np.abs(np.asarray(before(h))).min()) / np.sqrt((h**2).mean())
    for share, expected in ((0.99, False), (1.01, True)):
        assert linearise(F, h, kink_tolerance=share * nearest).kink.tolist() == [expected]


def test_a_smooth_map_has_no_kinks():
    matrix, _, _ = network(64)
    F = Partial(lambda w, h: jnp.tanh(w @ h), 3 * matrix)
    states = np.random.default_rng(0).uniform(-1, 1, (50, 64))
    assert not linearise(F, states, dt=100.0).kink.any()


def test_a_matrix_without_a_full_set_of_eigenvectors_is_told():
    lin = linearise(Partial(affine, np.array([[0.5, 1.0], [0.0, 0.5]])), np.zeros(2), dt=100.0)
    assert lin.condition[0] > 1e8
    good = linearise(Partial(affine, np.diag([0.5, 0.4])), np.zeros(2), dt=100.0)
    assert good.condition[0] < 10


def test_trained_networks_give_biorthonormal_modes_and_numpys_eigenvalues(trained):
    points = find_fixed_points(trained.F, trained.states[::50]).with_status("fixed").unique(1e-6)
    lin = linearise(trained.F, points, dt=100.0)
    for i, state in enumerate(points.state):
        active = state @ trained.recurrent.astype(float) + trained.drive > 0
        jacobian = active[:, None] * trained.recurrent.T.astype(float)
        np.testing.assert_allclose(lin.jacobian[i], jacobian, atol=1e-12)
        np.testing.assert_allclose(lin.left[i] @ lin.right[i].T, np.eye(64), atol=1e-10)
        expected = np.abs(np.linalg.eigvals(jacobian)).max()
        assert np.abs(lin.eigenvalues[i, 0]) == pytest.approx(expected)


def test_a_large_network_is_linearised_too():
    matrix = network(128)[0]
    lin = linearise(Partial(affine, matrix), np.zeros(128), dt=100.0)
    np.testing.assert_allclose(lin.left[0] @ lin.right[0].T, np.eye(128), atol=1e-9)


def test_no_points_and_points_that_are_not_finite_end_in_a_record():
    F = Partial(affine, np.diag([0.9, 0.5]))
    lin = linearise(F, [[np.nan, 0.0], [0.0, 0.0]], dt=100.0)
    assert np.isnan(lin.eigenvalues[0]).all()
    assert np.isfinite(lin.eigenvalues[1]).all()
    assert lin.label.tolist() == ["", "stable node"]
    for modes in (
        linearise(F, np.zeros((0, 2)), dt=100.0),
        linearise(system_of(relu_step, 2, preactivation=Partial(relu_before, *network(2)))
                  .at([0.0, 0.0]), np.empty((0, 2))),
    ):  # fmt: skip
        assert len(modes) == 0
        assert modes.eigenvalues.shape == (0, 2)
        assert modes.label.shape == (0,)


def test_points_are_taken_by_number_slice_and_mask():
    F = Partial(affine, np.diag([0.9, 0.5]))
    lin = linearise(F, np.arange(6.0).reshape(3, 2), dt=100.0)
    assert len(lin[1]) == 1
    assert lin[1:].state.tolist() == [[2, 3], [4, 5]]
    assert len(lin[lin.label != ""]) == 0
    assert lin[0].input_jacobian.shape == (1, 2, 0)
    assert lin[0].dt == 100.0


def test_a_linearisation_cannot_be_changed():
    lin = linearise(Partial(affine, np.diag([0.9, 0.5])), np.zeros(2), dt=100.0)
    with pytest.raises(ValueError, match="read-only"):
        lin.jacobian[0] = 0.0


@pytest.mark.parametrize(
    ("arguments", "match"),
    [
        ({"dt": 0.0}, "dt"),
        ({"dt": np.nan}, "dt"),
        ({"marginal_band": -1.0}, "marginal_band"),
        ({"kink_tolerance": -1.0}, "kink_tolerance"),
        ({"points": np.zeros((1, 2, 3))}, "points"),
        ({"fixed_speed": np.nan}, "fixed_speed"),
        ({"F": lambda h: h[:1]}, r"`F` must map a state of shape \(2,\)"),
    ],
)
def test_bad_arguments_are_named(arguments: Any, match: str):
    with pytest.raises(ValueError, match=match):
        linearise(**{"F": lambda h: h, "points": np.ones((1, 2)), "dt": 100.0} | arguments)


@pytest.mark.parametrize(
    ("arguments", "match"),
    [
        ({"F": 3}, "`F` must be a callable"),
        ({"F": lambda h: h + 1j}, "`F` must return real numbers; got dtype complex128"),
        ({"points": np.ones((1, 2)) * 1j}, "`points` must be .*real .* complex128"),
    ],
)
def test_what_is_no_map_and_what_is_not_real_are_named(arguments: Any, match: str):
    with pytest.raises(TypeError, match=match):
        linearise(**{"F": lambda h: h, "points": np.ones((1, 2)), "dt": 100.0} | arguments)


@pytest.mark.parametrize("number", [0, 1])
def test_points_of_another_network_are_refused(number: int):
    with pytest.raises(ValueError, match=r"`F` must take a state of shape \(4,\), which gives: "):
        linearise(system_of(tanh_step, 8).at([0.3, -0.2]), np.zeros((number, 4)))
