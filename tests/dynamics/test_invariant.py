import jax
import jax.numpy as jnp
import numpy as np
import pytest
from built import AXES, CENTRE, REST, leaky
from every_active_set import trained
from jax.tree_util import Partial

from yang_rnn.dynamics.fixed_points import find_fixed_points
from yang_rnn.dynamics.invariant import invariant_manifold
from yang_rnn.dynamics.linearisation import linearise
from yang_rnn.dynamics.manifold import trace_slow_manifold

ALONG, ACROSS, BEND = 0.97, 0.5, 0.2


def turned(matrix, h):
    return matrix @ h


def parabola(basis, h):
    """x' = a x, y' = b y + c x^2 in the first two coordinates of a basis, else fast."""
    z = basis.T @ h
    fast = (0.3 * z).at[0].set(ALONG * z[0])
    return basis @ fast.at[1].set(ACROSS * z[1] + BEND * z[0] ** 2)


def pitchfork(h):
    """Fixed points at x = -1, 0, 1; y follows x."""
    return jnp.stack([h[0] + 0.1 * (h[0] - h[0] ** 3), 0.4 * h[1] + 0.3 * h[0]])


def basis(units: int) -> np.ndarray:
    return np.linalg.qr(np.random.default_rng(1).normal(size=(units, units)))[0]


@pytest.mark.parametrize("k", [0, 1, 3, 10])
def test_drift_is_exact_where_the_jacobian_is_not_normal(k: float):
    F = Partial(turned, np.array([[0.95, k], [0.0, 0.0]]))
    found = invariant_manifold(F, np.zeros(2), np.array([1.0, 0.0]), -2.0, 3.0, dt=100.0)
    assert found.converged
    assert found.ends == ("range", "range")
    np.testing.assert_allclose(found.flow * 0.1, -0.05 * found.arc, atol=1e-13)
    assert found.length == pytest.approx(5.0)
    assert found.memory_error_bound == pytest.approx(0.05 * 3 / 0.1)
    # The mean of |s| from -2 to 3 is 1.3.
    assert found.drift == pytest.approx(0.05 * 1.3 / 0.1, rel=1e-3)
    np.testing.assert_allclose(found.rate_along, -np.log(0.95) / 0.1)
    traced = trace_slow_manifold(F, np.zeros(2), np.array([1.0, 0.0]), -2.0, 3.0)
    moved = np.sqrt(2 * traced.speed)[[0, -1]] / np.abs(traced.arc[[0, -1]])
    np.testing.assert_allclose(moved, 0.05 / np.sqrt(1 + k**2), rtol=1e-3)


@pytest.mark.parametrize("units", [2, 16])
def test_it_finds_a_parabola(units: int):
    axes = basis(units)
    F = Partial(parabola, axes)
    found = invariant_manifold(F, np.zeros(units), axes[:, 0], -2.0, 2.0, dt=100.0)
    assert found.converged
    x, y, *others = (found.state @ axes).T
    np.testing.assert_allclose(x, found.coordinate, atol=1e-12)
    away = np.abs(y - BEND / (ALONG**2 - ACROSS) * x**2)
    assert away.max() < 1e-4
    assert (away <= found.uncertainty + 1e-6).all()
    np.testing.assert_allclose(others, 0.0, atol=1e-12)
    # A step of x to a x, in arc length of the parabola y = q x^2.
    q = BEND / (ALONG**2 - ACROSS)
    slopes = 2 * q * np.stack([x, ALONG * x])
    long = (slopes * np.sqrt(1 + slopes**2) + np.arcsinh(slopes)) / (4 * q)
    np.testing.assert_allclose(found.flow * 0.1, long[1] - long[0], atol=2e-3)
    np.testing.assert_allclose(found.rate_across, -np.log(ACROSS) / 0.1, rtol=1e-6)
    assert found.rate_gap > 0


def test_residual_is_that_of_the_images():
    axes = basis(16)
    F = Partial(parabola, axes)
    found = invariant_manifold(F, np.zeros(16), axes[:, 0], -2.0, 2.0, dt=100.0, steps=20)
    images = np.array([parabola(axes, jnp.asarray(h)) for h in found.state])
    x, y, *_ = (images @ axes).T
    along, across, *_ = (found.state @ axes).T
    within = np.polynomial.Polynomial.fit(along, across, 12)
    assert (np.abs(y - within(x)) < found.residual + 1e-5).all()


def test_two_stable_points_share_the_curve():
    found = invariant_manifold(Partial(pitchfork), np.zeros(2), None, -1.3, 1.3, dt=100.0)
    assert found.converged
    points = found.fixed_points
    assert points.stability.tolist() == ["stable", "unstable", "stable"]
    np.testing.assert_allclose(points.state[:, 0], [-1, 0, 1], atol=1e-3)
    np.testing.assert_allclose(points.state[:, 1], [-0.5, 0, 0.5], atol=1e-3)
    assert found.memory_capacity == pytest.approx(np.log(2), abs=1e-3)
    assert found.largest_gap == pytest.approx(np.hypot(1, 0.5), abs=0.01)
    # Of 0.1 (x - x^3) the slope is 0.1 at 0.
    assert found.rate_along[found.centre] == pytest.approx(-np.log(1.1) / 0.1, rel=1e-3)


def test_shares_that_differ_hold_less():
    found = invariant_manifold(
        Partial(pitchfork), np.zeros(2), None, -1.3, 0.5, dt=100.0, tolerance=0.01
    )
    below = found.arc[0] / -found.length
    assert 0.5 < below < 0.8
    expected = -below * np.log(below) - (1 - below) * np.log(1 - below)
    assert found.memory_capacity == pytest.approx(expected, rel=1e-6)


def test_continuum_stands_still():
    F = Partial(turned, np.array([[1.0, 0.3], [0.0, 0.5]]))
    found = invariant_manifold(F, np.zeros(2), None, -2.0, 3.0, dt=100.0)
    assert found.converged
    np.testing.assert_allclose(found.flow, 0.0, atol=1e-12)
    assert found.memory_capacity == np.inf
    assert found.largest_gap == 0.0
    np.testing.assert_allclose(np.sort(np.abs(found.fixed_points.position)), [2.0, 3.0])
    np.testing.assert_allclose(found.rate_across, -np.log(0.5) / 0.1)


@pytest.mark.parametrize("across", [1.2, 1.0, -1.1, 0.995])
def test_direction_across_that_does_not_decay_faster_is_told(across: float):
    F = Partial(turned, np.array([[0.99, 0.0, 0.0], [0.0, across, 0.0], [0.0, 0.0, 0.1]]))
    found = invariant_manifold(F, np.zeros(3), np.eye(3)[0], -1.0, 1.0, dt=100.0)
    assert not found.converged
    assert found.end == "across"
    np.testing.assert_allclose(found.state, np.outer(found.coordinate, np.eye(3)[0]), atol=1e-12)


def test_curve_that_repels_away_from_the_centre_is_told():
    def repels(h):
        return jnp.stack([1.05 * h[0], h[1] * (0.5 + h[0] ** 2) + 1e-3 * h[0]])

    found = invariant_manifold(repels, np.zeros(2), None, -3.0, 3.0, dt=100.0)
    assert found.end == "diverged" or found.ends[1] != "range"
    assert not found.converged or found.coordinate[-1] < 1.5


def test_curve_ends_where_its_image_turns_back():
    def turns(h):
        return jnp.stack([h[0] + 0.3 * h[0] * (1 - h[0] ** 2), 0.1 * h[1]])

    # The image of x turns back from x = 1.2 on.
    found = invariant_manifold(turns, np.zeros(2), None, -1.0, 3.0, dt=100.0)
    assert found.ends == ("range", "fold")
    assert 1.0 < found.coordinate[-1] < np.sqrt(1.3 / 0.9)


def test_direction_that_is_no_real_eigenvector_is_refused():
    turning = np.array([[0.8, 0.3, 0.0], [-0.3, 0.8, 0.0], [0.0, 0.0, 0.5]])
    F = Partial(turned, turning)
    with pytest.raises(ValueError, match=r"leading eigenvalue at the centre.* 0\.8\+0\.3j"):
        invariant_manifold(F, np.zeros(3), None, -1.0, 1.0, dt=100.0)
    with pytest.raises(ValueError, match=r"must be an eigenvector"):
        invariant_manifold(F, np.zeros(3), np.eye(3)[0], -1.0, 1.0, dt=100.0)
    alternating = Partial(turned, np.diag([-0.9, 0.5]))
    with pytest.raises(ValueError, match=r"leading eigenvalue"):
        invariant_manifold(alternating, np.zeros(2), None, -1.0, 1.0, dt=100.0)


def test_bounds_and_numbers_are_checked():
    F = Partial(turned, np.diag([0.9, 0.5]))
    with pytest.raises(ValueError, match="`low` must be below 0"):
        invariant_manifold(F, np.zeros(2), None, 1.0, 2.0, dt=100.0)
    with pytest.raises(ValueError, match="`dt` must be given"):
        invariant_manifold(F, np.zeros(2), None, -1.0, 1.0)
    with pytest.raises(ValueError, match="`direction` must be a vector of 2 units, not 0"):
        invariant_manifold(F, np.zeros(2), np.zeros(2), -1.0, 1.0, dt=100.0)
    with pytest.raises(ValueError, match="`centre` must be a state"):
        invariant_manifold(lambda h: h / 0.0, np.zeros(2), None, -1.0, 1.0, dt=100.0)


def test_trained_network_stays_on_its_curve_but_not_on_that_of_slow_points():
    F = trained("notebook_4").at(np.array([0.0, 0.5, 0.5]))
    centre = find_fixed_points(F, np.ones((1, 64))).state[0]
    towards = linearise(F, centre).right[0, 0].real
    found = invariant_manifold(F, centre, towards, -0.3, 0.3)
    assert found.converged
    assert "range" not in found.ends
    assert found.residual.max() < 1e-3 * found.length
    traced = trace_slow_manifold(F, centre, towards, found.coordinate[0], found.coordinate[-1])
    with jax.enable_x64(True):
        after = [np.array(jax.vmap(F)(curve.state)) for curve in (found, traced)]
    assert (found.distance(after[0]) <= 1.2 * found.residual + 1e-3 * found.length).all()
    assert traced.distance(after[1]).max() > 20 * found.distance(after[0]).max()


def test_within_one_set_of_active_units_the_curve_is_the_eigenvectors_line():
    F = trained("notebook_4").at(np.array([0.0, 0.5, 0.5]))
    centre = find_fixed_points(F, np.ones((1, 64))).state[0]
    modes = linearise(F, centre)
    towards = modes.right[0, 0].real / np.linalg.norm(modes.right[0, 0].real)
    found = invariant_manifold(F, centre, None, -0.1, 0.1)
    np.testing.assert_allclose(found.state - centre, np.outer(found.arc, towards), atol=1e-10)
    decay = modes.eigenvalues[0, 0].real - 1
    np.testing.assert_allclose(found.flow * F.dt / 1e3, decay * found.arc, atol=1e-10)
    second = np.abs(modes.eigenvalues[0, 1])
    np.testing.assert_allclose(found.rate_across * F.dt / 1e3, -np.log(second), rtol=0.02)


def test_positions_are_those_of_the_curve():
    found = invariant_manifold(leaky(5.0).system().at(REST), CENTRE, AXES[:, 1], -3.0, 3.0)
    states = CENTRE + np.array([[[1.5], [-20.0]], [[0.0], [30.0]]]) * AXES[:, 1] + 2 * AXES[:, 5]
    np.testing.assert_allclose(found.position(states), [[1.5, -20], [0, 30]], atol=1e-5)
    np.testing.assert_allclose(found.distance(states), 2.0, rtol=1e-6)
