from typing import Any

import every_active_set
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from built import AXES, CENTRE, REST, UNITS, leaky
from jax.tree_util import Partial

from yang_rnn.dynamics.fixed_points import find_fixed_points
from yang_rnn.dynamics.invariant import invariant_manifold
from yang_rnn.dynamics.linearisation import linearise
from yang_rnn.dynamics.manifold import trace_slow_manifold

DT = 100.0


def linear(matrix, h):
    return matrix @ h


def parabola(numbers, oblique, h):
    """Map x to a x and y to b y + c x^2, in an oblique basis; the others are fast."""
    a, b, c = numbers
    z = jnp.linalg.solve(oblique, h)
    return oblique @ (0.3 * z).at[0].set(a * z[0]).at[1].set(b * z[1] + c * z[0] ** 2)


def double_well(axes, h):
    """Two stable points at +-1 on the first axis, an unstable one between; fast across."""
    z = h @ axes
    return axes @ (0.5 * z).at[0].set(z[0] + 0.1 * (z[0] - z[0] ** 3))


def after(F, states: np.ndarray) -> np.ndarray:
    with jax.enable_x64(True):
        return np.stack([np.asarray(F(jnp.asarray(h))) for h in states])


def basis(units: int) -> np.ndarray:
    return np.linalg.qr(np.random.default_rng(1).normal(size=(units, units)))[0]


@pytest.mark.parametrize("oblique", [0.0, 1.0, 3.0, 10.0])
def test_its_drift_is_the_slow_rate_however_oblique_the_other_mode_is(oblique: float):
    F = Partial(linear, np.eye(2) + np.array([[-0.05, oblique], [0.0, -1.0]]))
    found = invariant_manifold(F, np.zeros(2), [1.0, 0.0], -2.0, 3.0, dt=DT)
    np.testing.assert_allclose(found.velocity, -0.05 * found.arc / 0.1, atol=1e-12)
    np.testing.assert_allclose(found.rate_along, 0.95)
    np.testing.assert_allclose(found.rate_across, 0.0, atol=1e-12)
    assert found.converged
    assert found.normally_hyperbolic
    assert found.memory_error_bound == pytest.approx(0.5 * 3.0)
    # Integrated over [-2, 3]: 0.5 (4 / 2 + 9 / 2) / 5.
    assert found.drift == pytest.approx(0.65, rel=1e-3)
    # Where speed has its minimum across the curve, it is too slow.
    traced = trace_slow_manifold(F, np.zeros(2), [1.0, 0.0], -2.0, 3.0)
    too_slow = np.sqrt(2 * traced.speed[-1]) / traced.arc[-1] / 0.05
    assert too_slow == pytest.approx(1 / np.hypot(1.0, oblique), rel=0.01)


@pytest.mark.parametrize("slow", [1.0, 1.05])
@pytest.mark.parametrize("units", [2, 16])
def test_a_known_curve_is_found(slow: float, units: int):
    oblique = np.eye(units) if units == 2 else np.random.default_rng(3).normal(size=(units, units))
    oblique /= np.linalg.norm(oblique[:, 0])
    F = Partial(parabola, (slow, 0.5, 0.3), oblique)
    found = invariant_manifold(F, np.zeros(units), oblique[:, 0], -0.7, 0.7, dt=DT)
    x, y = np.linalg.solve(oblique, found.state.T)[:2]
    known = np.outer(oblique[:, 0], x) + np.outer(oblique[:, 1], 0.3 * x**2 / (slow**2 - 0.5))
    np.testing.assert_allclose(y, 0.3 * x**2 / (slow**2 - 0.5), atol=1e-7)
    np.testing.assert_allclose(found.state, known.T, atol=1e-7)
    assert found.converged
    assert found.ends == ("range", "range")
    # The place along it is x, which goes to slow * x.
    there = np.interp(slow * x, x, found.arc)
    inside = (slow * x > x[0]) & (slow * x < x[-1])
    np.testing.assert_allclose(found.image[inside], there[inside], atol=1e-3)


def test_of_curves_that_contract_to_a_point_it_is_the_smooth_one_up_to_its_ends():
    F = Partial(parabola, (0.95, 0.5, 0.3), np.eye(2))
    found = invariant_manifold(F, np.zeros(2), [1.0, 0.0], -1.0, 1.0, dt=DT)
    x, y = found.state.T
    wrong = np.abs(y - 0.3 * x**2 / (0.95**2 - 0.5))
    assert wrong.max() < 1e-3
    assert wrong[np.abs(x) < 0.5].max() < 1e-6
    # All along it is invariant, wherever it ends: its images are on it.
    assert found.error.max() < 1e-6


@pytest.mark.parametrize("units", [2, 16])
def test_two_wells_hold_one_bit(units: int):
    axes = basis(units)
    F = Partial(double_well, axes)
    found = invariant_manifold(F, np.zeros(units), axes[:, 0], -1.3, 1.3, dt=DT)
    np.testing.assert_allclose(found.rests.begin, [-1.0, 0.0, 1.0], atol=1e-3)
    assert found.rests.stability.tolist() == ["stable", "unstable", "stable"]
    assert found.rests.largest_gap == pytest.approx(1.0, abs=1e-3)
    assert found.memory_capacity == pytest.approx(np.log(2))
    np.testing.assert_allclose(found.rate_across, 0.5)
    np.testing.assert_allclose(found.rate_along, 1.1 - 0.3 * found.arc**2, atol=0.02)
    least = np.log((1.1 - 0.3 * 1.3**2) / 0.5) / 0.1
    assert found.hyperbolicity_gap == pytest.approx(least, rel=0.05)
    # Further in, all that is left is the unstable point, and two ways out.
    inner = invariant_manifold(F, np.zeros(units), axes[:, 0], -0.6, 0.3, dt=DT)
    assert inner.rests.stability.tolist() == ["unstable"]
    assert inner.arc[[0, -1]] == pytest.approx([-0.6, 0.3], abs=0.01)
    shares = np.abs(inner.arc[[0, -1]]) / inner.length
    assert inner.memory_capacity == pytest.approx(-(shares * np.log(shares)).sum(), rel=1e-6)
    assert np.isnan(inner.rests.largest_gap)


def test_a_continuum_keeps_everything():
    axes = basis(5)
    F = Partial(linear, axes @ np.diag([1.0, 0.7, 0.5, -0.5, 0.0]) @ axes.T)
    found = invariant_manifold(F, np.zeros(5), axes[:, 0], -1.0, 2.0, dt=DT)
    assert found.memory_error_bound < 1e-12
    assert found.memory_capacity == np.inf
    assert found.rests.stretch.tolist() == [True]
    np.testing.assert_allclose(found.rate_across, 0.7)


def test_the_error_of_a_memory_stays_below_its_bound():
    system = leaky(2.0).system()
    found = invariant_manifold(system.at(REST), CENTRE, AXES[:, 1], -3.0, 2.0)
    assert found.dt == 100.0
    assert found.memory_error_bound == pytest.approx(3.0 * (1 - np.exp(-0.05)) / 0.1, rel=1e-6)
    states = begin = found.state[[0, 30, -1]]
    for step in range(1, 21):
        states = after(system.at(REST), states)
        moved = np.abs(found.position(states) - found.position(begin))
        assert (moved <= found.memory_error_bound * 0.1 * step * (1 + 1e-6)).all()
        assert found.distance(states).max() < 1e-9


@pytest.mark.parametrize("angle", [0.005, 0.05, 0.3, 1.6])
def test_around_a_pair_that_turns_there_is_none(angle: float):
    turn = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    F = Partial(linear, 0.95 * turn)
    found = invariant_manifold(F, np.zeros(2), [1.0, 0.0], -1.0, 1.0, dt=DT)
    assert not found.converged
    assert found.ends == ("lost", "lost")
    assert "not converged; ends: lost, lost" in repr(found)


@pytest.mark.parametrize("off", [0.0, 0.01])
def test_an_unstable_direction_across_is_said(off: float):
    F = Partial(linear, np.array([[0.95, 0.0], [0.0, 1.1]]))
    found = invariant_manifold(F, np.zeros(2), [1.0, off], -1.0, 1.0, dt=DT)
    assert not found.converged
    assert not found.normally_hyperbolic
    assert np.isinf(found.error).all()
    np.testing.assert_allclose(found.rate_across, 1.1, rtol=1e-3)


def test_it_ends_where_it_is_not_contracted_onto_any_more():
    def opening(h):
        return jnp.stack([1.02 * h[0], (0.5 + 0.3 * h[0]) * h[1]])

    found = invariant_manifold(opening, np.zeros(2), [1.0, 0.0], -1.0, 3.0, dt=DT)
    assert found.ends == ("range", "lost")
    assert 1.5 < found.arc[-1] < 0.5 / 0.3
    assert found.converged


def test_an_end_that_cannot_go_on_does_not_stop_the_other():
    # Beyond x = -1 the map folds; ahead it goes on, and y follows.
    def folding(h):
        x = 0.9 * h[0] + 1.5 * jnp.maximum(-1.0 - h[0], 0.0)
        return jnp.stack([x, 0.5 * h[1] + 0.1 * x**2])

    found = invariant_manifold(folding, np.zeros(2), [1.0, 0.0], -2.0, 2.0, dt=DT)
    assert found.ends == ("lost", "range")
    assert found.converged
    assert found.arc[0] > -1.5
    np.testing.assert_allclose(found.state[-1, 0], 2.0, atol=0.05)


def test_it_ends_where_its_images_leave_it():
    # A step in y that a grid cannot follow.
    def stepping(h):
        return jnp.stack([1.1 * h[0], 0.3 * h[1] + jnp.where(h[0] > 1.0, 0.3, 0.0)])

    found = invariant_manifold(stepping, np.zeros(2), [1.0, 0.0], -2.0, 2.0, dt=DT)
    assert found.ends == ("range", "lost")
    assert found.converged
    assert 0.8 < found.state[-1, 0] < 1.2
    assert np.nanmax(found.error) <= 0.01 * found.length


def test_on_a_rectified_network_with_kinks_states_stay_on_it():
    rng = np.random.default_rng(0)
    towards, against = rng.normal(size=(2, UNITS))
    against = 0.5 * against + 0.3 * towards
    W = 2.4 / (against @ towards) * np.outer(against, towards)
    W += 0.3 * rng.normal(size=(UNITS, UNITS)) / np.sqrt(UNITS)
    b = np.abs(rng.normal(size=UNITS))
    F = every_active_set.rectified(W, b).at([0.0])
    points = find_fixed_points(F, np.abs(rng.normal(size=(30, UNITS)))).with_status("fixed")
    modes = linearise(F, points)
    (stable,) = (modes.label == "stable node").nonzero()
    centre, direction = points.state[stable[0]], modes.right[stable[0], 0].real
    found = invariant_manifold(F, centre, direction, -3.0, 3.0)
    assert found.converged
    assert found.normally_hyperbolic
    assert (np.diff(found.state @ W + b > 0, axis=0) != 0).sum() > 3
    np.testing.assert_allclose(found.state[found.centre], centre, atol=1e-9)
    states = found.state
    for _ in range(10):
        states = np.maximum(states @ W + b, 0.0)
        inside = np.abs((states - centre) @ direction) < 3.0
        assert found.distance(states[inside]).max() < 0.01 * found.length


def test_on_a_recorded_network_it_does_not_pretend():
    # Its leading pair turns by 0.2 rad a step.
    F = every_active_set.trained("notebook_3").at(REST)
    golden = find_fixed_points(F, np.abs(np.random.default_rng(0).normal(size=(50, 64))))
    point = golden.with_status("fixed")
    modes = linearise(F, point[:1])
    assert modes.rotation[0] == "spiral"
    found = invariant_manifold(F, point.state[0], modes.right[0, 0].real, -0.5, 0.5)
    assert not found.converged


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"direction": np.zeros(2)}, "`direction` must be a vector of 2 units, not 0"),
        ({"direction": np.ones((2, 2))}, "`direction` must be 2 numbers"),
        ({"centre": [np.nan, 0.0]}, "`centre` must be finite"),
        ({"low": 1.0}, r"`low` must be below 0 and `high` above; got 1\.0 and 1\.0"),
        ({"high": "1"}, "`high` must be a finite number"),
        ({"steps": 1}, "`steps` must be a whole number, 2 or more; got 1"),
        ({"max_iterations": 0}, "`max_iterations` must be a whole number, 1 or more; got 0"),
        ({"dt": None}, "`dt` must be given"),
        ({"dt": 0.0}, "`dt`"),
        ({"F": lambda h: h[:1]}, "must map a state"),
        ({"F": lambda h: h * np.nan}, "`centre` must be a state that `F` takes to a finite one"),
        ({"F": 3}, "`F` must be a callable map; got int"),
    ],
)
def test_what_is_not_one_finite_centre_and_range_is_refused(changes: dict[str, Any], message: str):
    good: dict[str, Any] = {"F": lambda h: 0.9 * h, "centre": [0.0, 0.0], "direction": [1.0, 0.0]}
    good |= {"low": -1.0, "high": 1.0, "dt": DT} | changes
    with pytest.raises((TypeError, ValueError), match=message):
        invariant_manifold(**good)


def test_a_network_brings_its_time_step():
    with pytest.raises(ValueError, match="`dt` must be the system's 100 ms"):
        invariant_manifold(leaky(5.0).system().at(REST), CENTRE, AXES[:, 1], -1.0, 1.0, dt=20.0)
