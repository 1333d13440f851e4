from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax.tree_util import Partial

from yang_rnn.fixed_points import find_fixed_points
from yang_rnn.linearisation import linearise
from yang_rnn.model import CTRNN


def affine(matrix, h):
    return matrix @ h


def tanh_step(matrix, inputs, offset, h, x):
    return jnp.tanh(matrix @ h + inputs @ x + offset)


def relu_step(matrix, inputs, offset, h, x):
    return jnp.maximum(matrix @ h + inputs @ x + offset, 0.0)


def network(units, seed=0):
    rng = np.random.default_rng(seed)
    matrix = rng.standard_normal((units, units)) / np.sqrt(units)
    return matrix, rng.standard_normal((units, 2)), rng.standard_normal(units)


def fixed_input(step, x):
    def F(h):
        return step(h, jnp.asarray(x))

    return F


@pytest.mark.parametrize("step", [tanh_step, relu_step])
@pytest.mark.parametrize("units", [1, 8, 64])
def test_jacobians_agree_with_finite_differences(step, units):
    G = Partial(step, *network(units))
    x = np.array([0.3, -0.2])
    states = np.random.default_rng(1).uniform(0, 1, (4, units))
    lin = linearise(fixed_input(G, x), states, dt=100.0, input_map=G, inputs=x)
    with jax.enable_x64(True):
        for state, jacobian, input_jacobian in zip(
            states, lin.jacobian, lin.input_jacobian, strict=True
        ):
            for variable, exact in ((0, jacobian), (1, input_jacobian)):
                base = [state, x]
                numeric = []
                for k in range(len(base[variable])):
                    d = np.zeros_like(base[variable])
                    d[k] = 1e-6
                    ahead = [b + d if i == variable else b for i, b in enumerate(base)]
                    behind = [b - d if i == variable else b for i, b in enumerate(base)]
                    numeric.append((np.asarray(G(*ahead)) - np.asarray(G(*behind))) / 2e-6)
                np.testing.assert_allclose(np.transpose(numeric), exact, atol=1e-8)


@pytest.mark.parametrize("units", [1, 2, 33, 64])
def test_modes_are_biorthonormal_and_rebuild_the_jacobian(units):
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
    block = 0.97 * np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    matrix = np.zeros((6, 6))
    matrix[:2, :2] = block
    matrix[range(2, 6), range(2, 6)] = [1.2, 1.0, decay, -0.5]
    lin = linearise(Partial(affine, matrix), np.zeros(6), dt=100.0)
    np.testing.assert_allclose(np.abs(lin.eigenvalues[0]), [1.2, 1.0, 0.97, 0.97, 0.9, 0.5])
    expected = [-100 / np.log(1.2), np.inf, *2 * [-100 / np.log(0.97)], -100 / np.log(0.9),
                -100 / np.log(0.5)]  # fmt: skip
    np.testing.assert_allclose(lin.time_constant[0], expected)
    turn = 1e3 * angle / (2 * np.pi * 100)  # Hz
    np.testing.assert_allclose(lin.frequency[0], [0, 0, turn, turn, 0, 5.0], atol=1e-12)
    assert lin.unstable.tolist() == [1]


def test_a_mode_that_vanishes_at_once_has_no_time_constant():
    lin = linearise(Partial(affine, np.zeros((2, 2))), np.zeros(2), dt=100.0)
    assert lin.time_constant.tolist() == [[0.0, 0.0]]


def rotation(modulus, angle):
    c, s = np.cos(angle), np.sin(angle)
    return modulus * np.array([[c, -s], [s, c]])


@pytest.mark.parametrize(
    ("matrix", "label", "unstable"),
    [
        (np.diag([0.9, 0.5]), "stable node", 0),
        (np.diag([-0.9, 0.5]), "stable node", 0),
        (np.diag([0.9, 0.9]), "stable node", 0),
        (rotation(0.99, 0.1), "stable spiral", 0),
        (np.diag([1.1, 0.5]), "saddle node", 1),
        (np.diag([1.1, 1.2]), "unstable node", 2),
        (np.diag([1.1, 1.0]), "unstable node", 1),
        (rotation(1.1, 0.3), "unstable spiral", 2),
        (np.diag([1.0, 0.5]), "marginal node", 0),
        (rotation(1.0005, 0.3), "marginal spiral", 0),
        (np.array([[1.2]]), "unstable node", 1),
    ],
)
def test_labels_of_known_systems(matrix, label, unstable):
    F = Partial(affine, matrix)
    lin = linearise(F, np.zeros(len(matrix)), dt=100.0)
    assert lin.label.tolist() == [label]
    assert lin.unstable.tolist() == [unstable]


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
    points = find_fixed_points(ring, 0.8 * circle)
    lin = linearise(ring, points, dt=100.0)
    assert set(lin.label) == {"marginal node"}
    np.testing.assert_allclose(lin.eigenvalues[:, 0], 1.0, atol=1e-9)
    tangent = np.stack([-circle[:, 1], circle[:, 0]], axis=1)
    np.testing.assert_allclose(np.abs((lin.right[:, 0] * tangent).sum(axis=1)), 1.0, atol=1e-9)


def test_only_fixed_points_get_a_label():
    F = Partial(affine, np.diag([0.9, 0.5]))
    states = np.array([[0.0, 0.0], [1e-3, 0.0], [1.0, 1.0]])
    assert linearise(F, states, dt=100.0).label.tolist() == ["stable node", "", ""]
    points = find_fixed_points(F, states, slow_speed=1.0)
    kept = points[np.array([0])]
    assert linearise(F, kept, dt=100.0).label.tolist() == ["stable node"]


@pytest.mark.parametrize("how", ["probes", "preactivation"])
def test_a_kink_is_told(how):
    offset = np.array([1.0, 0.0, -1.0])

    def F(h):
        return jnp.maximum(0.2 * h + offset, 0.0)

    states = np.array([[1.25, 0.0, 0.0], [1.25, 1e-3, 0.0], [1.25, -1e-9, 0.0], [0.1, -1.0, 5.0]])
    given: dict[str, Any] = (
        {"preactivation": lambda h: 0.2 * h + offset} if how == "preactivation" else {}
    )
    lin = linearise(F, states, dt=100.0, **given)
    assert lin.kink.tolist() == [True, False, True, True]
    assert lin.label[0] == "stable node"
    assert "on a kink" in repr(lin)


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


def test_512_units():
    matrix = network(512)[0]
    lin = linearise(Partial(affine, matrix), np.zeros(512), dt=100.0)
    np.testing.assert_allclose(lin.left[0] @ lin.right[0].T, np.eye(512), atol=1e-9)


def test_no_points_and_points_that_are_not_finite_end_in_a_record():
    F = Partial(affine, np.diag([0.9, 0.5]))
    assert len(linearise(F, np.zeros((0, 2)), dt=100.0)) == 0
    lin = linearise(Partial(lambda h: jnp.tanh(h)), [[np.nan, 0.0], [0.0, 0.0]], dt=100.0)
    assert np.isnan(lin.eigenvalues[0]).all()
    assert np.isfinite(lin.eigenvalues[1]).all()
    assert lin.label[0] == ""


def test_points_are_taken_by_number_slice_and_mask():
    F = Partial(affine, np.diag([0.9, 0.5]))
    lin = linearise(F, np.arange(6.0).reshape(3, 2), dt=100.0)
    assert len(lin[1]) == 1
    assert lin[1:].state.tolist() == [[2, 3], [4, 5]]
    assert len(lin[lin.label != ""]) == 0
    assert lin[0].input_jacobian.shape == (1, 2, 0)


@pytest.mark.parametrize(
    ("arguments", "match"),
    [
        ({"dt": 0.0}, "dt"),
        ({"dt": np.nan}, "dt"),
        ({"marginal_band": -1.0}, "marginal_band"),
        ({"kink_tolerance": -1.0}, "kink_tolerance"),
        ({"inputs": [1.0]}, "input_map"),
        ({"inputs": [[1.0]], "input_map": lambda h, x: h}, "inputs"),
        ({"inputs": [1.0], "input_map": lambda h, x: h + x[0]}, "must equal"),
        ({"points": np.zeros((1, 2, 3))}, "points"),
        ({"fixed_speed": np.nan}, "fixed_speed"),
        ({"inputs": [1.0], "input_map": lambda h, x: x}, r"`input_map` .* \(2,\); got \(1,\)"),
    ],
)
def test_bad_arguments_are_named(arguments, match):
    with pytest.raises(ValueError, match=match):
        linearise(lambda h: h, **{"points": np.ones((1, 2)), "dt": 100.0} | arguments)


@pytest.mark.parametrize(
    ("arguments", "match"),
    [
        ({"F": 3}, "`F` must be a callable"),
        ({"F": lambda h: h + 1j}, "`F` must return real numbers; got dtype complex128"),
        ({"inputs": [1.0], "input_map": 3}, "`input_map` must be a callable"),
        ({"inputs": [1.0], "input_map": lambda h, x: h * 1j}, "`input_map` must return real"),
        ({"inputs": [1j], "input_map": lambda h, x: h}, "`inputs` must be .* real"),
        ({"preactivation": "relu"}, "`preactivation` must be a callable"),
        ({"preactivation": lambda h: h * 1j}, "`preactivation` must return real"),
        ({"points": np.ones((1, 2)) * 1j}, "`points` must be .* real .* complex128"),
    ],
)
def test_what_is_no_map_and_what_is_not_real_are_named(arguments, match):
    with pytest.raises(TypeError, match=match):
        linearise(**{"F": lambda h: h, "points": np.ones((1, 2)), "dt": 100.0} | arguments)


@pytest.mark.parametrize("number", [0, 1])
def test_inputs_of_another_network_are_refused(number):
    net = CTRNN(3, 4, 2, dt=100.0, seed=0)
    with pytest.raises(ValueError, match=r"`inputs` of shape \(2,\)"):
        linearise(
            net.state_map((1.0, 0.5, 0.5)),
            np.zeros((number, 4)),
            dt=100.0,
            inputs=(1.0, 0.5),
            input_map=net.input_map(),
        )


def test_no_points_are_no_modes():
    for preactivation in (None, jnp.sin):
        modes = linearise(jnp.tanh, np.empty((0, 3)), dt=1.0, preactivation=preactivation)
        assert len(modes) == 0
        assert modes.eigenvalues.shape == (0, 3)
