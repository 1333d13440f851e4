import dataclasses
import functools
from collections.abc import Callable
from typing import Any

import brainpy as bp
import brainpy.math as bm
import jax
import numpy as np
import pytest

from yang_rnn.dynamics.simulation import simulate
from yang_rnn.model import CTRNN, WEIGHT_NAMES, weight_shapes
from yang_rnn.network.equations import ACTIVATIONS
from yang_rnn.recipe import PRIMER, Recipe

NUMPY_ACTIVATIONS = {
    "relu": lambda z: np.maximum(z, 0),
    "tanh": np.tanh,
    "sigmoid": lambda z: 1 / (1 + np.exp(-z)),
    "softplus": lambda z: np.log1p(np.exp(z)),
}


INPUTS = np.random.default_rng(0).normal(size=(12, 5, 3)).astype(np.float32)


def loop_in_numpy(net: CTRNN, alpha: float, activation: str, inputs: np.ndarray) -> Any:
    """Return activity and outputs of the equations in the class's docstring, in float64."""
    w = {name: value.astype(float) for name, value in net.weights.items()}
    h, activity = np.zeros((inputs.shape[1], net.num_hidden)), []
    for x in inputs:
        drive = x @ w["w_ir"] + w.get("b_ir", 0) + h @ w["w_rr"] + w["b_rr"]
        h = NUMPY_ACTIVATIONS[activation]((1 - alpha) * h + alpha * drive)
        activity.append(h)
    return np.array(activity), np.array(activity) @ w["w_ro"] + w["b_ro"]


KINDS = {
    "relu": {"activation": "relu", "dt": None},
    "relu-slow": {"activation": "relu"},
    "tanh": {"activation": "tanh"},
    "sigmoid": {"activation": "sigmoid"},
    "softplus": {"activation": "softplus"},
    "relu-linear": {"activation": "relu", "initialisation": "linear"},
}  # every activation, initialisation, and a time step of tau and below
kinds = pytest.mark.parametrize("kind", KINDS)
assert {kind["activation"] for kind in KINDS.values()} == set(ACTIVATIONS)


@functools.cache
def predicted(kind: str) -> tuple[CTRNN, np.ndarray, np.ndarray]:
    """Return a network of a kind, its activity and its outputs."""
    numbers: dict[str, Any] = {"dt": 25.0, "tau": 100.0, "seed": 1} | KINDS[kind]
    net = CTRNN(3, 8, 3, **numbers)
    activity, outputs = net.predict(INPUTS)
    return net, np.asarray(activity), np.asarray(outputs)


@kinds
def test_prediction_follows_the_equations(kind: str):
    net, activity, outputs = predicted(kind)
    alpha = 1.0 if kind == "relu" else 0.25
    expected_activity, expected_outputs = loop_in_numpy(net, alpha, net.activation, INPUTS)
    np.testing.assert_allclose(activity, expected_activity, rtol=1e-4, atol=1e-5)
    np.testing.assert_allclose(outputs, expected_outputs, rtol=1e-4, atol=1e-5)


def test_time_step_is_the_time_constant_where_none_is_given():
    for tau in (100.0, 40.0):
        net = CTRNN(3, 8, 3, tau=tau, seed=1)
        assert (net.dt, net.alpha, net.system().dt) == (tau, 1.0, tau)
    assert CTRNN(3, 8, 3, dt=25.0, tau=100.0).alpha == 0.25


@pytest.fixture(scope="module")
def gradient() -> Callable[..., Any]:
    """Return one compiled call: weights, inputs and targets to loss, predictions and gradients."""
    net = CTRNN(3, 64, 3, dt=100.0, seed=0)
    variables = {name: getattr(net, name) for name in WEIGHT_NAMES}
    compiled: Any = bm.jit(bm.grad(net.loss, grad_vars=variables, has_aux=True, return_value=True))

    def call(weights: dict[str, Any], inputs: Any, targets: Any) -> Any:
        net.set_weights(weights)
        net.reset_state(inputs.shape[1])
        gradients, loss, predictions = compiled(inputs, targets)
        found = {name: np.asarray(bm.as_jax(value)) for name, value in gradients.items()}
        return float(loss), predictions, found

    return call


def test_golden_prediction_loss_and_gradients(golden: dict[str, np.ndarray], gradient: Any):
    weights = {name: golden[f"initial_{name}"] for name in WEIGHT_NAMES}
    loss, (activity, outputs), gradients = gradient(
        weights, golden["first_inputs"], golden["first_targets"]
    )
    assert_relatively_close(activity, golden["first_activity"], 1e-5)
    assert_relatively_close(outputs, golden["first_outputs"], 1e-5)
    assert loss == pytest.approx(float(golden["first_loss"]), rel=1e-5)
    for name in WEIGHT_NAMES:
        assert_relatively_close(gradients[name], golden[f"first_grad_{name}"], 1e-5)


def assert_relatively_close(actual: Any, expected: np.ndarray, tolerance: float) -> None:
    """Check that the error is small beside the largest entry."""
    error = np.abs(np.asarray(bm.as_jax(actual)) - expected).max()
    assert error <= tolerance * np.abs(expected).max()


def loss_in_numpy(w: dict[str, np.ndarray], inputs: np.ndarray, targets: np.ndarray) -> float:
    """Return the mean cross-entropy of the notebook's network, in float64."""
    h, losses = np.zeros((inputs.shape[1], w["w_rr"].shape[0])), []
    for x, target in zip(inputs, targets, strict=True):
        h = np.maximum(x @ w["w_ir"] + h @ w["w_rr"] + w["b_rr"], 0)
        o = h @ w["w_ro"] + w["b_ro"]
        losses.append(np.log(np.exp(o).sum(axis=1)) - o[np.arange(len(target)), target])
    return float(np.mean(losses))


def test_loss_is_the_mean_cross_entropy_and_gradients_are_its_slope(gradient: Any):
    rng = np.random.default_rng(1)
    inputs, targets = rng.normal(size=(22, 16, 3)), rng.integers(0, 3, size=(22, 16))
    weights = CTRNN(3, 64, 3, seed=7).weights
    loss, _, gradients = gradient(weights, inputs, targets)
    exact = {name: value.astype(float) for name, value in weights.items()}
    assert loss == pytest.approx(loss_in_numpy(exact, inputs, targets), rel=1e-5)
    for name in WEIGHT_NAMES:
        step = 1e-5 * rng.normal(size=exact[name].shape)
        ends = (
            loss_in_numpy(exact | {name: exact[name] + sign * step}, inputs, targets)
            for sign in (1, -1)
        )
        slope = next(ends) - next(ends)
        assert 2 * (gradients[name] * step).sum() == pytest.approx(slope, rel=1e-3)


def test_any_number_of_trials_without_a_reset():
    net, together, _ = predicted("relu")
    for part in (slice(0, 1), slice(1, 5), slice(0, 1)):
        np.testing.assert_allclose(net.predict(INPUTS[:, part])[0], together[:, part], atol=1e-6)


def test_prediction_starts_from_rest_each_time():
    net, activity, _ = predicted("tanh")
    assert np.array_equal(net.predict(INPUTS)[0], activity)


def test_update_steps_the_state_on():
    net, activity, outputs = predicted("relu")
    net.reset_state(5)
    steps = [net.update(x) for x in INPUTS]
    np.testing.assert_allclose([h for h, _ in steps], activity, atol=1e-6)
    np.testing.assert_allclose([o for _, o in steps], outputs, atol=1e-6)


@pytest.mark.parametrize("seed", [0, 1, 2**31, 2**32 - 1])
@pytest.mark.parametrize("initialisation", ["kaiming", "linear"])
def test_one_seed_fixes_weights_and_biases(seed: int, initialisation: Any):
    def weights(seed: int) -> dict[str, np.ndarray]:
        return CTRNN(3, 8, 3, initialisation=initialisation, seed=seed).weights

    bm.random.seed(1)
    first, other = weights(seed), weights((seed + 1) % 2**32)
    bm.random.seed(2)
    second = weights(seed)
    for name, value in first.items():
        assert np.array_equal(value, second[name])
        assert not np.array_equal(value, other[name])


@pytest.mark.parametrize("seed", [0, 5, 2**32 - 1])
def test_weights_are_brainpys_bit_for_bit(seed: int):
    seeds = np.random.SeedSequence(seed).generate_state(6).tolist()
    normal, linear = (
        CTRNN(3, 8, 3, initialisation=kind, seed=seed).weights for kind in ("kaiming", "linear")
    )
    fan_in = {"w_ir": 3, "w_rr": 8, "b_rr": 8, "w_ro": 8, "b_ro": 8, "b_ir": 3}
    for (name, number), own in zip(fan_in.items(), seeds, strict=True):
        bound, shape = 1 / np.sqrt(number), linear[name].shape
        uniform = bm.as_jax(bp.init.Uniform(-bound, bound, seed=own)(shape))
        assert np.array_equal(linear[name], uniform)
        if name.startswith("w"):
            uniform = bm.as_jax(bp.init.KaimingNormal(scale=1.0, seed=own)(shape))
        if name != "b_ir":
            assert np.array_equal(normal[name], uniform)


def test_weights_are_distributed_as_stated():
    net = CTRNN(200, 400, 400, seed=0)
    for name, fan_in in (("w_ir", 200), ("w_rr", 400), ("w_ro", 400)):
        weights = net.weights[name] * np.sqrt(fan_in)
        assert abs(weights.var() - 1) < 4 * np.sqrt(2 / weights.size)
        assert np.abs(weights).max() <= 2 / 0.87962566103423978 + 1e-5
    for name in ("b_rr", "b_ro"):
        bias = net.weights[name] * np.sqrt(400)
        assert np.abs(bias).max() <= 1
        assert bias.max() > 0.9
        assert bias.min() < -0.9


X, STATES = np.array([1.0, 0.25, 0.75]), np.random.default_rng(2).normal(size=(5, 8))


@kinds
def test_system_is_the_networks_step_and_readout(kind: str):
    net, *_ = predicted(kind)
    system = net.system()
    inputs, states = np.tile(X.astype(np.float32), (5, 1)), STATES.astype(np.float32)
    expected, outputs = np.asarray(net.cell(inputs, states)), np.asarray(net.readout(states))
    assert system.readout is not None
    for h, after, o in zip(states, expected, outputs, strict=True):
        np.testing.assert_allclose(system.step(inputs[0], h), after, rtol=1e-5, atol=1e-6)
        np.testing.assert_allclose(system.at(X)(h), after, rtol=1e-5, atol=1e-6)
        np.testing.assert_allclose(system.readout(h), o, rtol=1e-5, atol=1e-6)
    assert (system.dt, system.num_units) == (net.dt, 8)
    assert not system.initial_state.any()


@kinds
def test_simulation_of_the_system_is_the_networks_prediction(kind: str):
    net, activity, outputs = predicted(kind)
    simulated = simulate(net.system(), INPUTS)
    assert simulated.outputs is not None
    np.testing.assert_allclose(simulated.activity, activity, rtol=1e-5, atol=1e-6)
    np.testing.assert_allclose(simulated.outputs, outputs, rtol=1e-5, atol=1e-6)


@kinds
def test_states_stay_within_the_systems_bounds_and_reach_them(kind: str):
    system = predicted(kind)[0].system()
    low, high = system.bounds
    assert low.shape == high.shape == (8,)
    strong = simulate(system, 100 * INPUTS).activity
    for activity in (simulate(system, INPUTS).activity, strong):
        assert (low <= activity).all()
        assert (activity <= high).all()
    np.testing.assert_allclose(strong.min(), low[0], atol=1e-2)
    assert strong.max() > 0.99 * min(high[0], 10.0)


@kinds
def test_preactivation_is_what_the_relu_is_applied_to(kind: str):
    net, *_ = predicted(kind)
    system = net.system()
    if net.activation != "relu":
        assert system.preactivation is None
        return
    assert system.preactivation is not None
    before = np.array([system.preactivation(X, h) for h in STATES])
    after = np.array([system.step(X, h) for h in STATES])
    np.testing.assert_allclose(np.maximum(before, 0), after, rtol=1e-6)
    assert (before < 0).any()


def test_system_is_pure_and_keeps_the_weights_that_it_was_made_with():
    net = CTRNN(3, 8, 3, seed=0)
    system = net.system()
    F, h = system.at(X), np.ones(8, dtype=np.float32)
    before, simulated = np.asarray(F(h)), simulate(system, INPUTS)
    assert jax.jit(jax.jacfwd(F))(h).shape == (8, 8)
    net.set_weights({name: 0 * value for name, value in net.weights.items()})
    assert np.array_equal(F(h), before)
    again = simulate(system, INPUTS)
    assert np.array_equal(again.activity, simulated.activity)
    assert np.array_equal(np.asarray(again.outputs), np.asarray(simulated.outputs))
    assert not net.system().at(X)(h).any()
    with jax.enable_x64(True):
        assert jax.jit(lambda f, h: f(h))(F.partial, h.astype(float)).dtype == np.float64


def test_systems_of_one_shape_are_one_program():
    first, second = (CTRNN(3, 8, 3, dt=50.0, seed=seed).system() for seed in (0, 1))
    for name in ("step", "readout", "preactivation"):
        kinds = [jax.tree.structure(getattr(system, name)) for system in (first, second)]
        assert kinds[0] == kinds[1]
        assert all(isinstance(leaf, (np.ndarray, float)) for leaf in jax.tree.leaves(first.step))


def test_weights_are_copies():
    net = CTRNN(3, 8, 3, seed=0)
    weights = net.weights
    weights["b_rr"][:] = 7
    assert not (net.weights["b_rr"] == 7).any()


def test_linear_layers_begin_as_pytorchs():
    net = CTRNN(200, 400, 400, initialisation="linear", seed=0)
    fan_in = {"w_ir": 200, "b_ir": 200, "w_rr": 400, "b_rr": 400, "w_ro": 400, "b_ro": 400}
    assert set(net.weights) == set(fan_in)
    for name, value in net.weights.items():
        scaled = value * np.sqrt(fan_in[name])
        assert np.abs(scaled).max() <= 1
        assert scaled.max() > 0.98
        # The variance of a uniform distribution is 1/3, that of a sample's 4/45 over its size.
        assert abs(scaled.var() - 1 / 3) < 4 * np.sqrt(4 / 45 / scaled.size)


def test_activity_is_that_of_the_primers_network_in_pytorch():
    torch = pytest.importorskip("torch")  # an optional extra: gigabytes
    net = CTRNN.from_recipe(dataclasses.replace(PRIMER, hidden=16, dt=50.0))
    w = {name: torch.tensor(value) for name, value in net.weights.items()}
    to_hidden, recur, to_output = (torch.nn.Linear(*size) for size in ((3, 16), (16, 16), (16, 3)))
    for layer, weight, bias in (
        (to_hidden, "w_ir", "b_ir"),
        (recur, "w_rr", "b_rr"),
        (to_output, "w_ro", "b_ro"),
    ):
        layer.weight.data, layer.bias.data = w[weight].T, w[bias]
    inputs = np.random.default_rng(0).normal(size=(30, 4, 3)).astype(np.float32)
    activity, outputs = net.predict(inputs)
    with torch.no_grad():
        h = torch.zeros(4, 16)
        for step, x in enumerate(torch.tensor(inputs)):
            h = torch.relu(0.5 * h + 0.5 * (to_hidden(x) + recur(h)))
            np.testing.assert_allclose(activity[step], h.numpy(), atol=1e-5)
            np.testing.assert_allclose(outputs[step], to_output(h).numpy(), atol=1e-5)


def test_recipe_sets_every_number_of_the_network():
    recipe = Recipe(seed=5, hidden=8, choices=3, dt=20, tau=80, activation="tanh")
    net = CTRNN.from_recipe(recipe)
    same = CTRNN(4, 8, 4, dt=20, tau=80, activation="tanh", seed=5)
    assert (net.alpha, net.dt, net.activation) == (0.25, 20.0, "tanh")
    assert all(np.array_equal(net.weights[name], same.weights[name]) for name in WEIGHT_NAMES)


@pytest.mark.parametrize("numbers", [{"choices": 3}, {"initialisation": "linear"}])
def test_shapes_of_weights_are_known_without_the_network(numbers: dict[str, Any]):
    recipe = Recipe(hidden=8, **numbers)
    found = {name: value.shape for name, value in CTRNN.from_recipe(recipe).weights.items()}
    assert weight_shapes(recipe) == found


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("num_hidden", 0),
        ("num_hidden", 8.0),
        ("num_inputs", -1),
        ("num_outputs", True),
        ("num_outputs", None),
        ("dt", 0.0),
        ("dt", float("nan")),
        ("dt", float("inf")),
        ("dt", 100.5),  # beyond tau, the new state would count against the old one
        ("tau", -1.0),
        ("tau", float("inf")),
        ("seed", -1),
        ("seed", None),
        ("seed", 0.5),
        ("activation", "step"),
        ("initialisation", "zero"),
    ],
)
def test_impossible_network_is_refused_by_name(name: str, value: Any):
    numbers: dict[str, Any] = {"num_inputs": 3, "num_hidden": 8, "num_outputs": 3} | {name: value}
    with pytest.raises(ValueError, match=f"^`{name}` must be .*; got"):
        CTRNN(**numbers)


@pytest.mark.parametrize("shape", [(5, 3), (5, 2, 4), (2, 5, 2, 3)])
def test_inputs_of_another_shape_are_refused(shape: tuple[int, ...]):
    with pytest.raises(ValueError, match=r"\(time, trial, 3\); got"):
        CTRNN(3, 8, 3).predict(np.zeros(shape))


@pytest.mark.parametrize("x", [(1.0, 0.5), 1.0, (1.0, 0.5, float("nan"))])
def test_constant_input_that_the_network_does_not_take_is_refused(x: Any):
    with pytest.raises(ValueError, match="`x` must "):
        CTRNN(3, 8, 3).system().at(x)


def test_weights_of_another_network_are_refused_whole():
    net = CTRNN(3, 8, 3, seed=0)
    before = net.weights
    zeros = {name: 0 * value for name, value in before.items()}
    with pytest.raises(ValueError, match="`w_rr` must have shape"):
        net.set_weights(zeros | {"w_rr": np.zeros((9, 9))})
    with pytest.raises(ValueError, match="must have"):
        net.set_weights({"w_ir": zeros["w_ir"]})
    with pytest.raises(ValueError, match="must have"):
        net.set_weights(zeros | {"b_ir": zeros["b_rr"]})
    for value in (np.nan, np.inf, 1e300):  # the last is infinite in float32
        with pytest.raises(ValueError, match="`b_ro` must be finite in float32; got 1 "):
            net.set_weights(zeros | {"b_ro": np.array([0.0, value, 0.0])})
    assert all(np.array_equal(net.weights[name], before[name]) for name in WEIGHT_NAMES)


@pytest.mark.parametrize(
    "wrong",
    [
        np.ones((8, 8)) * 1j,
        np.ones((8, 8)).astype(str),
        np.ones((8, 8), bool),
        np.ma.array(np.ones((8, 8)), mask=True),
        [[1.0], [1.0, 2.0]],
    ],
)
def test_weights_that_are_no_plain_real_numbers_are_refused(wrong: Any):
    net = CTRNN(3, 8, 3, seed=0)
    before = net.weights
    with pytest.raises((TypeError, ValueError), match=r"^`w_rr` must "):
        net.set_weights(before | {"w_rr": wrong})
    for name, value in net.weights.items():
        assert np.array_equal(value, before[name])


@pytest.mark.parametrize(
    "wrong",
    [
        np.ones((4, 2, 3)) * 1j,
        np.ones((4, 2, 3)).astype(str),
        np.ma.array(np.ones((4, 2, 3)), mask=True),
        np.full((4, 2, 3), np.nan),
        np.full((4, 2, 3), 1e300),
        None,
    ],
)
def test_inputs_that_are_no_finite_real_numbers_are_refused(wrong: Any):
    with pytest.raises((TypeError, ValueError), match=r"^`inputs` must "):
        CTRNN(3, 8, 3, seed=0).predict(wrong)


def test_a_time_step_in_seconds_gets_a_warning():
    with pytest.warns(
        UserWarning, match=r"`dt` is in ms; got 0.1. If that is 0.1 s, it must be 100"
    ):
        net = CTRNN(3, 8, 2, dt=0.1)
    assert repr(net) == "CTRNN(3 inputs, 8 relu units, 2 outputs; dt 0.1 ms, tau 100 ms)"
