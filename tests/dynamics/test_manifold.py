from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from built import AXES, CENTRE, REST, UNITS, leaky, switch
from jax.tree_util import Partial

from yang_rnn.dynamics.manifold import trace_slow_manifold


def turned(matrix, h):
    return matrix @ h


def bent(basis, h):
    """Slow along the parabola y = x^2 / 4 in the first two coordinates of a basis, else fast."""
    z = h @ basis
    image = jnp.zeros_like(z).at[0].set(0.99 * z[0])
    return basis @ image.at[1].set(z[0] ** 2 / 4 + 0.1 * (z[1] - z[0] ** 2 / 4))


def bent_in_units(scale, basis, h):
    return scale * bent(basis, h / scale)


def basis(units: int) -> np.ndarray:
    return np.linalg.qr(np.random.default_rng(1).normal(size=(units, units)))[0]


@pytest.mark.parametrize("leading", [1.0, 0.95, 1.02])
def test_of_a_normal_linear_map_it_is_the_slow_eigenvectors_line(leading: float):
    axes = basis(12)
    fast = np.random.default_rng(2).uniform(-0.6, 0.6, 11)
    F = Partial(turned, axes @ np.diag([leading, *fast]) @ axes.T)
    traced = trace_slow_manifold(F, np.zeros(12), axes[:, 0], -2.0, 3.0)
    np.testing.assert_allclose(traced.state, np.outer(traced.arc, axes[:, 0]), atol=1e-7)
    np.testing.assert_allclose(traced.speed, 0.5 * ((leading - 1) * traced.arc) ** 2, atol=1e-14)
    assert traced.ends == ("range", "range")
    assert -2.2 < traced.arc[0] < -2.0 + 1e-9
    assert 3.0 - 1e-9 < traced.arc[-1] < 3.2
    assert traced.participation_ratio == pytest.approx(1.0)
    assert traced.curvature == pytest.approx(0.0, abs=1e-6)


def test_it_follows_a_bend():
    axes = basis(6)
    traced = trace_slow_manifold(Partial(bent, axes), np.zeros(6), axes[:, 0], -3.0, 3.0)
    x, y, *others = (traced.state @ axes).T
    np.testing.assert_allclose(y, x**2 / 4, atol=0.05)
    np.testing.assert_allclose(others, 0.0, atol=1e-8)
    assert np.ptp(x) > 5.9
    # The parabola's direction at +-3 is +-atan(1.5).
    assert traced.curvature == pytest.approx(2 * np.arctan(1.5), rel=0.15)
    assert 1.02 < traced.participation_ratio < 1.5


def test_speed_has_its_minimum_across_the_curve_everywhere():
    F = switch(1.4).system().at(REST)
    with jax.enable_x64(True):
        axis = AXES[:, 1]
        traced = trace_slow_manifold(F, np.zeros(UNITS), axis, -2.0, 2.0)
        rng = np.random.default_rng(0)
        tangents = np.gradient(traced.state, axis=0)
        for h, q, tangent in zip(traced.state, traced.speed, tangents, strict=True):
            away = rng.normal(size=(20, UNITS))
            away -= np.outer(away @ tangent, tangent) / (tangent @ tangent)
            moved = h + 1e-2 * away / np.linalg.norm(away, axis=1, keepdims=True)
            image = np.tanh(1.4 * (moved @ axis)[:, None] * axis)
            assert (0.5 * ((image - moved) ** 2).sum(axis=1) >= q).all()


def test_position_and_distance_go_by_the_nearest_place_and_straight_on_at_the_ends():
    traced = trace_slow_manifold(leaky(5.0).system().at(REST), CENTRE, AXES[:, 1], -3.0, 3.0)
    centre = traced.state[traced.centre]
    states = centre + np.array([[[1.5], [-20.0]], [[0.0], [30.0]]]) * AXES[:, 1] + 2 * AXES[:, 5]
    np.testing.assert_allclose(traced.position(states), [[1.5, -20], [0, 30]], atol=1e-5)
    np.testing.assert_allclose(traced.distance(states), 2.0, rtol=1e-6)


def test_valley_that_ends_is_said_to():
    def cliff(h):
        # Beyond x = 1 the slow line turns into a fast current across it without a still place.
        drift = jnp.where(h[0] < 1.0, -0.5 * h[1], 3.0 + jnp.exp(-h[1]))
        return h + jnp.stack([-0.01 * h[0], drift])

    traced = trace_slow_manifold(cliff, np.zeros(2), np.array([1.0, 0.0]), -2.0, 2.0)
    assert traced.ends == ("range", "valley")
    assert traced.arc[-1] == pytest.approx(1.0, abs=0.11)


def test_arguments_are_checked():
    F = leaky(5.0).system().at(REST)
    with pytest.raises(ValueError, match="`direction`"):
        trace_slow_manifold(F, np.zeros(UNITS), np.zeros(UNITS), -1.0, 1.0)
    with pytest.raises(ValueError, match=r"`low` must be below 0 and `high` above; got 1\.0"):
        trace_slow_manifold(F, np.zeros(UNITS), AXES[:, 1], 1.0, 2.0)
    with pytest.raises(ValueError, match="`steps` must be a whole number, 2 or more; got 1"):
        trace_slow_manifold(F, np.zeros(UNITS), AXES[:, 1], -1.0, 1.0, steps=1)
    with pytest.raises(ValueError, match="must map a state"):
        trace_slow_manifold(lambda h: h[:3], np.zeros(UNITS), AXES[:, 1], -1.0, 1.0)
    with pytest.raises(ValueError, match=r"`F` must take a state of shape \(3,\)"):
        trace_slow_manifold(F, np.zeros(3), np.ones(3), -1.0, 1.0)


@pytest.mark.parametrize("scale", [1e-9, 1e6])
def test_the_units_of_the_state_make_no_difference(scale: float):
    axes = basis(6)
    size = 2.0 ** np.round(np.log2(scale))
    F = Partial(bent_in_units, size, axes)
    traced = trace_slow_manifold(F, np.zeros(6), axes[:, 0], -3.0 * size, 3.0 * size)
    plain = trace_slow_manifold(
        Partial(bent_in_units, 1.0, axes), np.zeros(6), axes[:, 0], -3.0, 3.0
    )
    assert traced.ends == plain.ends
    np.testing.assert_allclose(traced.state / size, plain.state, atol=1e-9)
    assert traced.curvature == pytest.approx(plain.curvature)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"centre": np.ones((2, 2))}, r"`centre` must be one state \(N,\); got shape \(2, 2\)"),
        ({"centre": [np.nan, 0.0]}, "`centre` must be finite"),
        ({"centre": [1j, 0.0]}, "`centre` must be real numbers"),
        ({"direction": np.ones((2, 2))}, "`direction` must be 2 numbers"),
        ({"low": np.nan}, "`low` must be a finite number"),
        ({"high": "1"}, "`high` must be a finite number"),
        ({"F": lambda h: h * np.nan}, "`centre` must be a state that `F` takes to a finite one"),
    ],
)
def test_what_is_not_one_finite_centre_and_range_is_refused(changes: dict[str, Any], message: str):
    good: dict[str, Any] = {"F": lambda h: 0.9 * h, "centre": [0.0, 0.0], "direction": [1.0, 0.0]}
    good |= {"low": -1.0, "high": 1.0} | changes
    with pytest.raises((TypeError, ValueError), match=message):
        trace_slow_manifold(**good)
