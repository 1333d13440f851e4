"""All fixed points of small networks: known ones, bounds on rounding, and a search for others."""

import itertools
import warnings
from typing import Any

import numpy as np
import pytest
from scipy.optimize import brentq

import yang_rnn as yr
from yang_rnn.dynamics.interval import Equation, contract, image, krawczyk
from yang_rnn.dynamics.maps import speeds

SIGMOID = {"tanh": False, "sigmoid": True}


def apply(nonlinearity, y):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # exp of a longdouble that is far off
        return 1 / (1 + np.exp(-y)) if SIGMOID[nonlinearity] else np.tanh(y)


def root(function, low, high) -> float:
    found: Any = brentq(function, low, high, xtol=1e-15)
    return found


def random_network(rng, units, nonlinearity):
    """Draw weights of any gain, and a drive around that at which the units are half active."""
    gain = rng.uniform(0.5, 5) * (4 if SIGMOID[nonlinearity] else 1)
    weights = gain * rng.standard_normal((units, units)) / np.sqrt(units)
    drive = rng.uniform(0, 1) * rng.standard_normal(units)
    return weights, drive - (weights.sum(axis=0) / 2 if SIGMOID[nonlinearity] else 0)


def newton_ends(weights, drive, nonlinearity, starts):
    """Return fixed points by damped Newton steps from each start, in plain NumPy."""
    h = starts.copy()
    for _ in range(100):
        f = apply(nonlinearity, h @ weights + drive)
        slope = f * (1 - f) if SIGMOID[nonlinearity] else 1 - f**2
        matrix = np.eye(len(drive)) - weights * slope[:, None, :]
        step = np.linalg.solve(matrix.swapaxes(1, 2), (f - h)[..., None])[..., 0]
        h += step * np.minimum(1, 0.5 / np.maximum(np.abs(step).max(axis=1), 1e-9))[:, None]
    still = np.abs(apply(nonlinearity, h @ weights + drive) - h).max(axis=1) < 1e-13
    return h[still]


# FixedPointFinder's ground truth, which tests/adapters/test_through_everything.py has in full.
@pytest.mark.parametrize(("hidden", "number"), [(2, 3), (3, 3), (4, 9)])
def test_the_networks_of_fixed_point_finder_have_no_more_points_than_it_has(hidden, number):
    values = np.linspace(-1, 1, hidden)
    weights = np.array([-np.roll(values, -k) for k in range(hidden)])
    found = yr.enclose_fixed_points(weights, np.zeros(hidden))
    assert found.complete
    assert len(found) == number
    assert found.index.sum() == 1
    assert (np.abs(found.points[number // 2]) <= found.radius[number // 2]).all()  # h = 0
    np.testing.assert_allclose(found.points, -found.points[::-1], atol=1e-12)


@pytest.mark.parametrize("nonlinearity", ["tanh", "sigmoid"])
def test_a_unit_with_itself_has_three_points_where_its_curve_says_so(nonlinearity):
    weight, drive = (8.0, -4.5) if SIGMOID[nonlinearity] else (2.0, -0.1)

    def off(h):
        return apply(nonlinearity, weight * h + drive) - h

    grid = np.linspace(*((0, 1) if SIGMOID[nonlinearity] else (-1, 1)), 400)
    expected = [
        root(off, a, b)
        for a, b in itertools.pairwise(grid)
        if off(np.array(a)) * off(np.array(b)) < 0
    ]
    found = yr.enclose_fixed_points([[weight]], [drive], nonlinearity)
    assert len(expected) == 3
    assert found.complete
    assert found.index.tolist() == [1, -1, 1]
    np.testing.assert_allclose(found.points[:, 0], expected, atol=1e-13)


@pytest.mark.parametrize("units", [1, 2, 4])
def test_units_by_themselves_have_the_product_of_their_points(units):
    level = root(lambda h: np.tanh(2 * h) - h, 0.5, 1)
    found = yr.enclose_fixed_points(2 * np.eye(units), np.zeros(units))
    expected = np.array(list(itertools.product([-level, 0.0, level], repeat=units)))
    assert found.complete
    assert len(found) == 3**units
    gaps = np.abs(found.points[:, None] - expected).max(axis=2)
    assert (gaps.min(axis=0) < 1e-12).all()
    at_zero = (np.abs(expected[gaps.argmin(axis=1)]) < 0.1).sum(axis=1)
    np.testing.assert_array_equal(found.index, (-1) ** at_zero)


def test_products_of_networks_have_the_products_of_their_points():
    two = np.array([[1.0, -1.0], [-1.0, 1.0]])  # three points
    weights = np.kron(np.eye(3), two)
    found = yr.enclose_fixed_points(weights, np.zeros(6))
    assert found.complete
    assert len(found) == 27
    assert found.index.sum() == 1


@pytest.mark.parametrize("nonlinearity", ["tanh", "sigmoid"])
def test_exact_points_are_within_the_radius(nonlinearity):
    rng = np.random.default_rng(2)
    for _ in range(10):
        weights, drive = random_network(rng, 4, nonlinearity)
        found = yr.enclose_fixed_points(weights, drive, nonlinearity)
        wide, fine = weights.astype(np.longdouble), drive.astype(np.longdouble)
        h = found.points.astype(np.longdouble)
        for _ in range(5):  # the inverse in float64, the residual in long double
            f = apply(nonlinearity, h @ wide + fine)
            slope = f * (1 - f) if SIGMOID[nonlinearity] else 1 - f**2
            matrix = np.eye(4) - weights * slope[:, None, :].astype(float)
            inverse = np.linalg.inv(matrix).astype(np.longdouble)
            h = h + np.einsum("ni,nij->nj", f - h, inverse)
        assert (np.abs(h - found.points) <= found.radius).all()
        assert (found.radius < 1e-9).all()


@pytest.mark.parametrize("nonlinearity", ["tanh", "sigmoid"])
def test_indices_of_all_points_add_up_to_one(nonlinearity):
    rng = np.random.default_rng(3)
    for units in [1, 2, 3, 4, 5, 6, 7, 8] * 3:
        found = yr.enclose_fixed_points(*random_network(rng, units, nonlinearity), nonlinearity)
        assert found.complete
        assert found.index.sum() == 1


def check_no_others(numbers, starts):
    for number in numbers:
        rng = np.random.default_rng(number)
        nonlinearity = "sigmoid" if number % 2 else "tanh"
        units = 2 + number % 5
        weights, drive = random_network(rng, units, nonlinearity)
        found = yr.enclose_fixed_points(weights, drive, nonlinearity)
        assert found.complete
        low = 0 if SIGMOID[nonlinearity] else -1
        ends = newton_ends(weights, drive, nonlinearity, rng.uniform(low, 1, (starts, units)))
        assert len(ends)
        gaps = np.abs(ends[:, None] - found.points).max(axis=2)
        assert (gaps.min(axis=1) < 1e-9).all()


def test_newton_from_random_starts_ends_at_no_other_point():
    check_no_others(range(10), 100)


@pytest.mark.slow
def test_newton_from_thousands_of_starts_ends_at_no_other_point_of_100_networks():
    check_no_others(range(100), 2000)


@pytest.mark.parametrize("leak", ["inside", "outside"])
@pytest.mark.parametrize("activation", ["tanh", "sigmoid"])
def test_a_network_has_the_points_that_its_system_has(leak, activation):
    net = yr.CTRNN(3, 6, 2, dt=20.0, tau=100.0, activation=activation, leak=leak, seed=1)
    weights = net.weights
    net.set_weights(weights | {"w_rr": 6 * weights["w_rr"]})
    x = np.array([1.0, 0.5, 0.5])
    found = net.enclose_fixed_points(x)
    assert found.complete
    low = 0 if SIGMOID[activation] else -1
    searched = yr.find_fixed_points(net.system().at(x), yr.uniform_states(300, 6, low, 1, 0))
    points = searched.with_status("fixed").unique()
    gaps = np.abs(points.state[:, None] - found.points).max(axis=2)
    assert (gaps.min(axis=1) < 1e-8).all()
    assert (speeds(net.system().at(x), found.points) < 1e-24).all()


def test_a_degenerate_point_leaves_the_proof_open_around_it():
    found = yr.enclose_fixed_points([[1.0]], [0.0])  # tanh(h) = h has a triple root
    assert not found.complete
    assert (found.open_low < 0).any()
    assert (found.open_high > 0).any()
    assert (np.abs(found.open_low) < 1e-3).all()
    assert "NOT proved" in repr(found)


def test_points_that_are_near_each_other_are_told_apart():
    found = yr.enclose_fixed_points([[1 + 1e-6]], [0.0])  # h^2 is about 3e-6
    assert found.complete
    np.testing.assert_allclose(found.points[:, 0], np.sqrt(3e-6) * np.array([-1, 0, 1]), rtol=1e-5)


def test_what_a_limit_leaves_open_is_told():
    weights = 2 * np.eye(6)
    limits: dict[str, Any]
    for limits in ({"max_boxes": 20}, {"time_limit": 1e-6}):
        found = yr.enclose_fixed_points(weights, np.zeros(6), **limits)
        assert not found.complete
        assert len(found.open_low)
        assert (found.open_low <= found.open_high).all()


def test_a_proof_holds_for_all_drives_within_the_error():
    found = yr.enclose_fixed_points([[2.0]], [0.0], drive_error=0.1)
    assert found.complete
    for drive in (-0.1, 0.03, 0.1):
        exact = yr.enclose_fixed_points([[2.0]], [drive])
        assert (np.abs(exact.points - found.points) <= found.radius + exact.radius).all()


def test_contraction_loses_no_solution_and_the_test_finds_it():
    rng = np.random.default_rng(4)
    for _ in range(20):
        weights = 2 * rng.standard_normal((5, 5)) / np.sqrt(5)
        y = rng.standard_normal(5)
        drive = y - np.tanh(y) @ weights  # y is a solution
        equation = Equation(weights, np.zeros((5, 5)), drive, np.full(5, 1e-15))
        reach = rng.uniform(0, 1, (50, 5)) * 10.0 ** rng.uniform(-8, 1, (50, 1))
        low, high = y - reach, y + reach * rng.uniform(0, 1, (50, 5))
        for ends in (image(equation, low, high), contract(equation, low, high)[:2]):
            assert ((ends[0] <= y) & (y <= ends[1])).all()
        tested = krawczyk(equation, y[None], np.full((1, 5), 1e-9))
        assert tested.proved[0]
        assert (np.abs(tested.centre[0] - y) <= tested.radius[0]).all()


def test_what_can_not_be_searched_is_refused():
    square = np.eye(2)
    with pytest.raises(ValueError, match="`recurrent` must be square"):
        yr.enclose_fixed_points(np.ones((2, 3)), np.ones(2))
    with pytest.raises(ValueError, match="`drive` must have shape"):
        yr.enclose_fixed_points(square, np.ones(3))
    with pytest.raises(ValueError, match="`nonlinearity` must be one of"):
        yr.enclose_fixed_points(square, np.ones(2), "relu")
    with pytest.raises(ValueError, match=r"at most 16 units.*exponential"):
        yr.enclose_fixed_points(np.eye(17), np.ones(17))
    with pytest.raises(ValueError, match="at most 1e"):
        yr.enclose_fixed_points(1e200 * square, np.ones(2))
    with pytest.raises(ValueError, match="`drive_error` must be 0 or more"):
        yr.enclose_fixed_points(square, np.ones(2), drive_error=-1.0)
    with pytest.raises(ValueError, match="`recurrent_error` must fit"):
        yr.enclose_fixed_points(square, np.ones(2), recurrent_error=np.ones(3))
    with pytest.raises(ValueError, match="`nonlinearity` must be one of"):
        yr.CTRNN(1, 2, 1).enclose_fixed_points([0.0])
