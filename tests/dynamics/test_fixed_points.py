from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest
from hypothesis import given
from hypothesis import strategies as st
from jax.tree_util import Partial

from yang_rnn.dynamics.fixed_points import find_fixed_points, slow_tolerance
from yang_rnn.dynamics.gradient import GradientDescent
from yang_rnn.dynamics.index import fixed_point_index
from yang_rnn.dynamics.linearisation import linearise
from yang_rnn.dynamics.maps import as_map
from yang_rnn.dynamics.newton import Newton
from yang_rnn.dynamics.points import STATUSES, FixedPoints
from yang_rnn.dynamics.system import System

SOLVERS = [Newton(), GradientDescent(learning_rate=0.05, max_steps=1000, stop_mean_square=1e-9)]


def halve(factor, h):
    return factor * h


HALF = Partial(halve, 0.5)


STAY = GradientDescent(max_steps=1, learning_rate=1e-30)  # moves no float32 state


@pytest.fixture(params=SOLVERS, ids=["newton", "gradient"])
def solver(request: pytest.FixtureRequest) -> Any:
    return request.param


def test_statuses_go_by_the_speed_in_float64():
    def crawl(h):
        return h + jnp.where(h[0] > 2, 1.0, jnp.where(h[0] > 1, 1e-3, 0.0))

    once = Newton(max_newton=0, max_damped=0)
    points = find_fixed_points(crawl, [[0.5], [1.5], [2.5], [np.nan]], solver=once)
    assert points.status.tolist() == list(STATUSES)
    np.testing.assert_allclose(points.speed[:3], [0.0, 0.5e-6, 0.5], rtol=1e-9)
    np.testing.assert_allclose(points.mean_square[:3], [0.0, 1e-6, 1.0], rtol=1e-9)
    assert points.counts == {"fixed": 1, "slow": 1, "unconverged": 1, "diverged": 1}


def test_the_slow_tolerance_is_taken_in_either_unit():
    assert slow_tolerance(64, 1.0) == pytest.approx(3.2e-3)
    assert slow_tolerance(64, 0.1) == pytest.approx(3.2e-5)
    assert slow_tolerance(64, 0.1, slow_mean_square=1e-4) == pytest.approx(3.2e-3)
    assert slow_tolerance(64, 0.1, slow_speed=3.2e-3) == 3.2e-3
    with pytest.raises(ValueError, match="not both"):
        find_fixed_points(HALF, np.ones((1, 2)), slow_speed=1e-3, slow_mean_square=1e-4)


def test_the_tolerances_are_kept_in_the_record():
    points = find_fixed_points(HALF, np.ones((3, 2)), fixed_speed=1e-12, slow_mean_square=1e-3)
    assert (points.fixed_speed, points.slow_speed) == (1e-12, 1e-3)


@pytest.mark.parametrize("number", [0, 1])
def test_no_start_and_one_start_end_in_a_record(solver: Any, number: int):
    points = find_fixed_points(HALF, np.ones((number, 3)), solver=solver)
    assert len(points) == number == points.total_starts == sum(points.counts.values())
    assert points.state.shape == (number, 3)
    assert points.method == solver.name
    assert "FixedPoints" in repr(points)
    assert len(points.unique(0.1).without_outliers(0.1)) == number


def test_starts_that_are_not_finite_are_not_searched_and_stay_in_their_place(solver: Any):
    starts = [[1.0, 1.0], [np.nan, 0.0], [np.inf, 1.0], [1.0, 1.0]]
    points = find_fixed_points(HALF, starts, solver=solver)
    assert points.status[1:3].tolist() == ["diverged", "diverged"]
    assert points.reason[1:3].tolist() == ["non-finite", "non-finite"]
    assert points.iterations[1:3].tolist() == [0, 0]
    np.testing.assert_array_equal(points.start, starts)
    np.testing.assert_allclose(points.state[[0, 3]], 0.0, atol=1e-3)


@pytest.mark.parametrize("scale", [1e-9, 3.7, 1e9])
def test_what_is_fixed_and_slow_does_not_depend_on_the_units_of_the_state(scale: float):
    # Fixed at (1, 1) and slow beside it, where the first unit creeps; nothing is still at (-2, 1).
    def F(s, h):
        x, y = h[0] / s, h[1] / s
        return s * jnp.array([jnp.where(x > 0, x - 0.001 * (x - 1.0), x - 0.5), 0.5 * y + 0.5])

    starts = np.array([[1.0, 1.0], [1.1, 1.0], [-2.0, 1.0]])
    once = Newton(max_newton=0, max_damped=0)
    points = find_fixed_points(Partial(F, scale), scale * starts, solver=once)
    assert points.status.tolist() == ["fixed", "slow", "unconverged"]
    assert points.scale == pytest.approx(scale * np.sqrt((starts**2).mean()))
    found = find_fixed_points(Partial(F, scale), scale * starts[:2]).unique()
    assert found.counts["fixed"] == len(found) == 1
    np.testing.assert_allclose(found.state[0], scale * np.ones(2), rtol=1e-9)
    assert found.starts_reached.tolist() == [2]


def test_a_point_is_as_far_as_its_nearest_of_the_data_in_their_spreads():
    data = np.array([[1.0, 1.0], [-1.0, 1.0], [1.0, -1.0], [-1.0, -1.0]])  # spread sqrt(2)
    starts = [[1.0, 1.0], [4.0, 5.0], [0.0, -31.0], [np.nan, 0.0]]
    points = find_fixed_points(HALF, starts, solver=STAY, data=data)
    expected = np.array([0.0, 5.0, np.sqrt(901.0), np.inf]) / np.sqrt(2)
    np.testing.assert_allclose(points.distance, expected)
    assert points.far.tolist() == [False, False, True, True]
    assert points.scale == 1.0
    assert "2 FAR from the data" in repr(points)


def test_without_data_the_starts_are_what_a_network_goes_through():
    points = find_fixed_points(HALF, [[3.0, 4.0], [np.nan, 0.0]], solver=STAY)
    assert points.distance.tolist() == [0.0, np.inf]
    assert points.scale == pytest.approx(np.sqrt(12.5))


def test_a_point_outside_the_bounds_of_its_system_is_far():
    bounded, free = (
        System(lambda x, h: 0.5 * h, dt=1.0, initial_state=np.zeros(2), bounds=bounds).at([0.0])
        for bounds in ((0.0, (1.0, 2.0)), None)
    )
    starts = [[0.5, 1.5], [1.5, 1.5], [0.5, -1e-9], [0.5, -0.1]]
    points = find_fixed_points(bounded, starts, solver=STAY)
    assert points.outside.tolist() == points.far.tolist() == [False, True, False, True]
    assert not find_fixed_points(free, starts, solver=STAY).outside.any()


def test_one_state_alone_is_a_start():
    assert find_fixed_points(HALF, np.ones(3)).state.shape == (1, 3)


@pytest.mark.parametrize("kind", [np.float64, np.float32])
def test_what_a_plain_function_closes_over_is_taken_as_it_is_now(solver: Any, kind: type):
    drive = np.array([1.0, 2.0], kind)

    def F(h):
        return 0.5 * h + drive

    for values in ([1.0, 2.0], [-3.0, 0.25]):
        drive[:] = values
        found = find_fixed_points(F, np.zeros((1, 2)), solver=solver).state[0]
        expected = 2 * drive
        np.testing.assert_allclose(found, expected, atol=1e-9 if solver.name == "newton" else 0.02)


@pytest.mark.parametrize(
    ("arguments", "error", "match"),
    [
        ({"F": 3}, TypeError, "`F` must be a callable"),
        ({"F": lambda h: h * 1j}, TypeError, "`F` must return real numbers; got dtype c"),
        ({"F": lambda h: h[:1]}, ValueError, r"`F` must map.*\(2,\).*\(1,\)"),
        ({"starts": np.ones((2, 2, 2))}, ValueError, r"starts.*\(2, 2, 2\)"),
        ({"starts": np.ones((2, 0))}, ValueError, "starts"),
        ({"starts": [["a", "b"]]}, TypeError, "starts.*real"),
        ({"starts": np.ones((1, 2)) * 1j}, TypeError, "starts.*complex"),
        ({"fixed_speed": np.nan}, ValueError, "fixed_speed"),
        ({"slow_speed": -1.0}, ValueError, "slow_speed"),
        ({"slow_mean_square": -1.0}, ValueError, "slow_mean_square"),
        ({"data": np.ones((4, 3))}, ValueError, "`data` must have the 2 units of `starts`; got 3"),
        ({"data": np.ones((4, 2)) * 1j}, TypeError, "`data` must be real"),
    ],
)
def test_bad_arguments_are_named(arguments: Any, error: type[Exception], match: str):
    with pytest.raises(error, match=match):
        find_fixed_points(**{"F": HALF, "starts": np.ones((2, 2))} | arguments)


def test_an_unhashable_callable_will_do():
    class Cell:
        __hash__ = None  # pyright: ignore

        def __call__(self, h):
            return 0.5 * h

    assert find_fixed_points(Cell(), np.ones((2, 2))).counts["fixed"] == 2


def saturated(w, h):
    """A map like a gated unit's: where its gate is shut, a state stays whatever it is."""
    gate = jax.nn.sigmoid(20.0 - jnp.sum(h**2))
    return h + gate * (jnp.tanh(w @ h) - h)


def shut_by_size(bounds: Any = (-1.0, 1.0)):
    step = Partial(lambda w, x, h: saturated(w, h) + 0 * x[0], 0.5 * np.eye(3))
    return System(step, dt=10.0, initial_state=np.zeros(3), bounds=bounds).at([0.0])


def test_fixed_points_where_the_network_does_not_go_are_flagged_and_not_labelled():
    data = np.random.default_rng(0).uniform(-1, 1, (50, 3))
    starts = np.concatenate([data, np.full((1, 3), 40.0)])
    F = shut_by_size(bounds=None)
    points = find_fixed_points(F, starts, data=data).unique()
    assert (
        points.with_status("fixed").far.tolist()
        == (np.abs(points.with_status("fixed").state).max(axis=1) > 1).tolist()
    )
    assert points.far.any()
    assert "FAR from the data" in repr(points)
    assert points.to_frame()["far"].tolist() == points.far.tolist()
    labels = linearise(F, points).label
    assert (labels[points.far] == "").all()
    assert "stable node" in labels[~points.far]


def test_no_point_beyond_two_finite_bounds_is_fixed_however_slow(tmp_path):
    starts = np.array([[0.0, 0.0, 0.0], [40.0, 40.0, 40.0], [6.0, 0.0, 0.0], [1.0001, 0.0, 0.0]])
    data = np.random.default_rng(0).uniform(-1, 1, (50, 3))
    points = find_fixed_points(shut_by_size(), starts, solver=STAY, data=data)
    assert points.speed[1] == 0  # the gate is shut to the last digit
    assert points.status.tolist() == ["fixed", "diverged", "diverged", "unconverged"]
    assert points.far.tolist() == [False, True, True, False]
    assert "1 fixed, 0 slow, 1 unconverged, 2 diverged" in repr(points)
    assert fixed_point_index(shut_by_size(), points).in_words.startswith("1 fixed point,")
    kept = FixedPoints.load(points.save(tmp_path / "points"))
    assert kept.status.tolist() == points.status.tolist()
    one_bound = find_fixed_points(shut_by_size((-1.0, np.inf)), starts, solver=STAY, data=data)
    assert one_bound.status.tolist() == ["fixed", "fixed", "slow", "unconverged"]


def test_newton_finds_the_point_within_the_bounds_from_where_gates_are_shut():
    data = np.random.default_rng(0).uniform(-1, 1, (50, 3))
    points = find_fixed_points(shut_by_size(), 6.0 * data, data=data)
    assert points.counts["fixed"] == 50
    np.testing.assert_allclose(points.state, 0, atol=1e-9)


@pytest.mark.parametrize("seed", range(3))
def test_starts_of_a_gated_network_all_end_where_its_states_can_be(seed: int):
    rng, units = np.random.default_rng(seed), 12
    weights = {name: 3.0 * rng.standard_normal((units, units)) / units**0.5 for name in "zrh"}

    def step(w, x, h):  # Chung et al. (2014)
        keep, reset = (jax.nn.sigmoid(2.0 + w[name] @ h) for name in "zr")
        return keep * h + (1 - keep) * jnp.tanh(w["h"] @ (reset * h) + x)

    F = System(Partial(step, weights), 10.0, np.zeros(units), bounds=(-1.0, 1.0)).at([0.1] * units)
    points = find_fixed_points(F, rng.uniform(-1, 1, (60, units)))
    assert np.abs(points.state).max() <= 1
    assert not points.far.any()
    assert points.counts["fixed"] > 10
    fixed = points.with_status("fixed")
    alone = Partial(step, weights, np.full(units, 0.1))
    with jax.enable_x64(True):
        moved = np.array([alone(h) for h in fixed.state]) - fixed.state
    assert np.abs(moved).max() < 1e-9


def test_distance_is_in_spreads_of_the_data():
    data = np.random.default_rng(1).normal(5.0, 2.0, (400, 2))
    spread = np.sqrt(((data - data.mean(axis=0)) ** 2).sum(axis=1).mean())
    points = find_fixed_points(Partial(halve, 0.5), data, data=data).unique()
    nearest = np.linalg.norm(data - points.state[0], axis=1).min()
    assert points.distance[0] == pytest.approx(nearest / spread)


@given(st.floats(-9, 9), st.integers(0, 2**16))
def test_a_map_has_the_same_fixed_points_in_whatever_units(exponent: float, seed: int):
    rng, unit = np.random.default_rng(seed), 10.0**exponent
    weights, offset = rng.standard_normal((4, 4)) / 2, 0.1 * rng.standard_normal(4)
    starts = rng.standard_normal((40, 4))
    one, other = (
        find_fixed_points(Partial(in_units, weights, offset, np.float64(u)), u * starts)
        .with_status("fixed")
        .unique()
        for u in (1.0, unit)
    )
    # Of Newton's paths single ones may part by rounding; what there is to find stays the same.
    assert len(one) == len(other)
    rank = np.argsort(one.state[:, 0]), np.argsort(other.state[:, 0])
    np.testing.assert_allclose(other.state[rank[1]] / unit, one.state[rank[0]], atol=1e-9)
    assert (np.sqrt(2 * other.speed) / unit).max(initial=0) < 1e-14


def in_units(weights, offset, unit, h):
    return unit * jnp.tanh(weights @ (h / unit) + offset)


UNITS, CHANNELS = 16, 2


def gru(w, x, h):
    """Step a gated recurrent unit (Cho et al. 2014) with input x (channel,) and state h (unit,)."""
    update = jax.nn.sigmoid(w["x"][0] @ x + w["h"][0] @ h + w["b"][0])
    reset = jax.nn.sigmoid(w["x"][1] @ x + w["h"][1] @ h + w["b"][1])
    wanted = jnp.tanh(w["x"][2] @ x + w["h"][2] @ (reset * h) + w["b"][2])
    return update * h + (1.0 - update) * wanted


def gru_by_numpy(w, h):
    """Step the same unit without input, for states (n, unit), in NumPy's float64."""
    h = h.astype(np.float64)

    def gate(k, state):
        return state @ w["h"][k].astype(np.float64).T + w["b"][k].astype(np.float64)

    update, reset = 1 / (1 + np.exp(-gate(0, h))), 1 / (1 + np.exp(-gate(1, h)))
    return update * h + (1 - update) * np.tanh(gate(2, reset * h))


def flip_flops(rng, trials, steps=40):
    """Draw pulses (time, trial, bit), and the sign of the last pulse of each bit."""
    pulses = rng.choice([-1.0, 0.0, 1.0], (steps, trials, CHANNELS), p=[0.1, 0.8, 0.1])
    pulses[0] = rng.choice([-1.0, 1.0], (trials, CHANNELS))
    held = np.zeros_like(pulses)
    for t, now in enumerate(pulses):
        held[t] = np.where(now == 0, held[t - 1], now)
    return pulses, held


def sums(rng, trials, steps=40):
    """Draw evidence (time, trial, channel), and its sum so far."""
    evidence = rng.normal(0, 0.2, (steps, trials, CHANNELS))
    return evidence, np.cumsum(evidence, axis=0)


def trained(draw, updates):
    """Train a gated network on a task; return its weights and states on fresh trials."""
    rng = np.random.default_rng(0)
    shapes = {"x": (3, UNITS, CHANNELS), "h": (3, UNITS, UNITS), "b": (3, UNITS)}
    shapes |= {"out": (CHANNELS, UNITS)}
    weights = {
        n: jnp.asarray(rng.normal(0, UNITS**-0.5, s), jnp.float32) for n, s in shapes.items()
    }
    adam = optax.adam(1e-2)

    def states_in(w, inputs):
        def step(h, x):
            h = jax.vmap(lambda one, state: gru(w, one, state))(x, h)
            return h, h

        return jax.lax.scan(step, jnp.zeros((inputs.shape[1], UNITS)), inputs)[1]

    @jax.jit
    def train(w, moments, inputs, wanted):
        def loss(w):
            return jnp.mean((states_in(w, inputs) @ w["out"].T - wanted) ** 2)

        value, slope = jax.value_and_grad(loss)(w)
        change, moments = adam.update(slope, moments)
        return optax.apply_updates(w, change), moments, value

    moments, loss = adam.init(weights), jnp.inf
    for _ in range(updates):
        weights, moments, loss = train(weights, moments, *draw(rng, 64))
    assert loss < 0.02  # it does the task
    states = np.asarray(states_in(weights, draw(rng, 64)[0])).reshape(-1, UNITS)
    return {name: np.asarray(value) for name, value in weights.items()}, states


@pytest.mark.slow
@pytest.mark.parametrize(
    ("draw", "updates", "number"), [(flip_flops, 800, 50), (sums, 400, 50), (sums, 400, 500)]
)
def test_points_of_a_trained_gated_network_are_where_its_states_can_be_or_flagged(
    draw: Any, updates: int, number: int
):
    weights, states = trained(draw, updates)
    assert np.abs(states).max() <= 1  # it starts at 0, and each step is a mean of h and a tanh
    step = Partial(gru, weights)
    system = System(step, dt=10.0, initial_state=np.zeros(UNITS), bounds=(-1.0, 1.0))
    starts = states[np.random.default_rng(1).choice(len(states), number, replace=False)]
    F = system.at(np.zeros(CHANNELS))
    points = find_fixed_points(F, starts)
    spread = np.sqrt(((starts - starts.mean(axis=0)) ** 2).sum(axis=1).mean())
    beyond = np.linalg.norm(points.state - np.clip(points.state, -1, 1), axis=1)
    np.testing.assert_array_equal(points.outside, beyond > 0.1 * spread)
    assert points.far[points.outside].all()
    assert np.abs(points.state[~points.far]).max() < 1 + 0.1 * spread
    labels = linearise(F, points).label
    assert (labels[points.far] == "").all()
    # What is told of the others holds by a step of another program.
    moved = gru_by_numpy(weights, points.state) - points.state
    own = np.sqrt((points.state**2).mean(axis=1))
    largest = np.abs(moved).max(axis=1) / np.maximum(own, 1e-4 * points.scale)
    near = ~points.far
    fixed, slow = near & (points.status == "fixed"), near & (points.status == "slow")
    assert (largest[fixed] < 2e-10).all()
    limit = 1e-4 * np.minimum(own, points.scale) ** 2
    assert ((moved**2).mean(axis=1)[slow] < limit[slow]).all()
    lost = near & (points.status == "unconverged")
    assert ((moved**2).mean(axis=1)[lost] > 0.99 * limit[lost]).all()
    if draw is flip_flops:  # each memory is a stable point that a network which holds it must have
        stable = points[near & np.char.startswith(labels, "stable")].unique()
        signs = np.sign(stable.state @ weights["out"].T)
        assert len(np.unique(signs, axis=0)) == 4


def test_a_start_that_full_steps_lead_to_where_a_gate_is_shut_is_searched_again():
    recurrent = 1.5 * np.random.default_rng(0).standard_normal((2, 2))

    def gated(h):  # where one unit is large, the gate keeps the other as it is, to the last digit
        keep = jax.nn.sigmoid(4.0 * h[::-1] - 2.0)
        return keep * h + (1 - keep) * jnp.tanh(0.5 + recurrent @ h)

    system = System(lambda x, h: gated(h), dt=1.0, initial_state=np.zeros(2), bounds=(-1.0, 1.0))
    F, starts = system.at([]), np.random.default_rng(1).uniform(-1, 1, (60, 2))
    by_full_steps = Newton().search(as_map(F), starts, 1e-20).state
    assert (np.abs(by_full_steps) > 2).any()
    points = find_fixed_points(F, starts)
    assert points.counts["fixed"] == 60
    assert not points.far.any()
    assert len(points.unique()) == 1
