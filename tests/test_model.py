import dataclasses
from typing import Any

import brainpy.math as bm
import jax
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from yang_rnn.model import ACTIVATIONS, CTRNN, WEIGHT_NAMES
from yang_rnn.recipe import PRIMER, Recipe

NUMPY_ACTIVATIONS = {
    "relu": lambda z: np.maximum(z, 0),
    "tanh": np.tanh,
    "sigmoid": lambda z: 1 / (1 + np.exp(-z)),
    "softplus": lambda z: np.log1p(np.exp(z)),
}


def loop_in_numpy(net: CTRNN, alpha: float, activation: str, inputs: np.ndarray) -> Any:
    """Return activity and outputs of the equations in the class's docstring, in float64."""
    w = {name: value.astype(float) for name, value in net.weights.items()}
    h, activity = np.zeros((inputs.shape[1], net.num_hidden)), []
    for x in inputs:
        drive = x @ w["w_ir"] + h @ w["w_rr"] + w["b_rr"]
        h = NUMPY_ACTIVATIONS[activation]((1 - alpha) * h + alpha * drive)
        activity.append(h)
    return np.array(activity), np.array(activity) @ w["w_ro"] + w["b_ro"]


@pytest.mark.parametrize("activation", list(ACTIVATIONS))
@pytest.mark.parametrize(("dt", "alpha"), [(None, 1.0), (100.0, 1.0), (25.0, 0.25)])
def test_prediction_follows_the_equations(activation: Any, dt: float | None, alpha: float):
    net = CTRNN(3, 16, 2, dt=dt, tau=100.0, activation=activation, seed=1)
    inputs = np.random.default_rng(0).normal(size=(12, 5, 3)).astype(np.float32)
    activity, outputs = net.predict(inputs)
    expected_activity, expected_outputs = loop_in_numpy(net, alpha, activation, inputs)
    np.testing.assert_allclose(activity, expected_activity, rtol=1e-4, atol=1e-5)
    np.testing.assert_allclose(outputs, expected_outputs, rtol=1e-4, atol=1e-5)


def test_golden_prediction_loss_and_gradients(golden: dict[str, np.ndarray]):
    net = CTRNN(3, 64, 3, dt=100.0, seed=0)
    net.set_weights({name: golden[f"initial_{name}"] for name in WEIGHT_NAMES})
    inputs, targets = golden["first_inputs"], golden["first_targets"]
    weights = {name: getattr(net, name) for name in WEIGHT_NAMES}
    gradient: Any = bm.grad(net.loss, grad_vars=weights, has_aux=True, return_value=True)
    gradients, loss, (activity, outputs) = gradient(inputs, targets)
    assert_relatively_close(activity, golden["first_activity"], 1e-5)
    assert_relatively_close(outputs, golden["first_outputs"], 1e-5)
    assert float(loss) == pytest.approx(float(golden["first_loss"]), rel=1e-5)
    for name in WEIGHT_NAMES:
        assert_relatively_close(gradients[name], golden[f"first_grad_{name}"], 1e-5)


def assert_relatively_close(actual: Any, expected: np.ndarray, tolerance: float) -> None:
    """Check that the error is small beside the largest entry."""
    error = np.abs(np.asarray(bm.as_jax(actual)) - expected).max()
    assert error <= tolerance * np.abs(expected).max()


def test_gradient_is_the_slope_of_the_loss():
    net = CTRNN(2, 5, 3, dt=50.0, activation="tanh", seed=3)
    rng = np.random.default_rng(1)
    inputs, targets = rng.normal(size=(6, 4, 2)), rng.integers(0, 3, size=(6, 4))
    weights: Any = {"w": net.w_rr}
    gradient: Any = bm.grad(net.loss, grad_vars=weights, has_aux=True, return_value=True)
    gradients, _, _ = gradient(inputs, targets)
    direction = rng.normal(size=(5, 5))
    weights, step, losses = net.weights, 1e-2, []
    for sign in (1, -1):
        net.set_weights(weights | {"w_rr": weights["w_rr"] + sign * step * direction})
        losses.append(float(net.loss(inputs, targets)[0]))
    slope = (losses[0] - losses[1]) / (2 * step)
    assert float((bm.as_jax(gradients["w"]) * direction).sum()) == pytest.approx(slope, rel=1e-2)


def test_any_number_of_trials_without_a_reset():
    net = CTRNN(3, 8, 2, seed=0)
    inputs = np.random.default_rng(0).normal(size=(7, 50, 3))
    together, _ = net.predict(inputs)
    for part in (slice(0, 1), slice(1, 17), slice(17, 50), slice(0, 1)):
        np.testing.assert_allclose(net.predict(inputs[:, part])[0], together[:, part], atol=1e-6)


def test_prediction_starts_from_rest_each_time():
    net = CTRNN(3, 8, 2, seed=0)
    inputs = np.ones((5, 2, 3))
    assert np.array_equal(net.predict(inputs)[0], net.predict(inputs)[0])


def test_update_steps_the_state_on():
    net = CTRNN(3, 8, 2, seed=0)
    inputs = np.random.default_rng(0).normal(size=(4, 6, 3)).astype(np.float32)
    net.reset_state(6)
    steps = [net.update(x)[0] for x in inputs]
    np.testing.assert_allclose(steps, net.predict(inputs)[0], atol=1e-6)


@given(seed=st.integers(0, 2**32 - 1))
def test_one_seed_fixes_weights_and_biases(seed: int):
    bm.random.seed(seed % 7)
    first = CTRNN(3, 8, 2, seed=seed).weights
    bm.random.seed(seed % 5)
    second = CTRNN(3, 8, 2, seed=seed).weights
    for name in WEIGHT_NAMES:
        assert np.array_equal(first[name], second[name])
    third = CTRNN(3, 8, 2, seed=(seed + 1) % 2**32).weights
    assert all(not np.array_equal(first[name], third[name]) for name in WEIGHT_NAMES)


def test_weights_are_distributed_as_stated():
    net = CTRNN(200, 400, 300, seed=0)
    for name, fan_in in (("w_ir", 200), ("w_rr", 400), ("w_ro", 400)):
        weights = net.weights[name] * np.sqrt(fan_in)
        assert abs(weights.var() - 1) < 4 * np.sqrt(2 / weights.size)
        assert np.abs(weights).max() <= 2 / 0.87962566103423978 + 1e-5
    for name in ("b_rr", "b_ro"):
        bias = net.weights[name] * np.sqrt(400)
        assert np.abs(bias).max() <= 1
        assert bias.max() > 0.9
        assert bias.min() < -0.9


@given(batch=st.integers(1, 4), seed=st.integers(0, 10))
def test_state_map_is_the_cell_at_a_constant_input(batch: int, seed: int):
    net = CTRNN(3, 8, 2, dt=30.0, activation="tanh", seed=seed)
    stimulus = (1.0, 0.25, 0.75)
    h = np.random.default_rng(seed).normal(size=(batch, 8)).astype(np.float32)
    expected = net.cell(np.tile(np.array(stimulus, np.float32), (batch, 1)), h)
    np.testing.assert_allclose(net.state_map(stimulus)(h), expected, rtol=1e-5, atol=1e-6)


def test_maps_of_input_and_preactivation_agree_with_the_cell():
    net = CTRNN(3, 8, 2, dt=30.0, seed=4)
    x, h = np.array([1.0, 0.25, 0.75]), np.random.default_rng(0).normal(size=(5, 8))
    state_map, before = net.state_map(x), np.asarray(net.preactivation_map(x)(h))
    np.testing.assert_allclose(net.input_map()(h, x), state_map(h), rtol=1e-6)
    np.testing.assert_allclose(np.maximum(before, 0), state_map(h), rtol=1e-6)
    assert (before < 0).any()


def test_state_map_is_pure():
    net = CTRNN(3, 8, 2, seed=0)
    state_map = net.state_map((1.0, 0.5, 0.5))
    h = np.ones(8, dtype=np.float32)
    before = np.asarray(state_map(h))
    jacobian = jax.jacfwd(state_map)(h)
    assert jacobian.shape == (8, 8)
    net.set_weights({name: 0 * value for name, value in net.weights.items()})
    assert np.array_equal(state_map(h), before)
    with jax.enable_x64(True):
        assert jax.jit(lambda f, h: f(h))(state_map, h.astype(float)).dtype == np.float64


def test_weights_are_copies():
    net = CTRNN(3, 8, 2, seed=0)
    weights = net.weights
    weights["b_rr"][:] = 7
    assert not (net.weights["b_rr"] == 7).any()


def test_linear_layers_begin_as_pytorchs():
    net = CTRNN(9, 400, 300, initialisation="linear", seed=0)
    fan_in = {"w_ir": 9, "b_ir": 9, "w_rr": 400, "b_rr": 400, "w_ro": 400, "b_ro": 400}
    assert set(net.weights) == set(fan_in)
    for name, value in net.weights.items():
        scaled = value * np.sqrt(fan_in[name])
        assert np.abs(scaled).max() <= 1
        assert scaled.max() > 0.98
        # The variance of a uniform distribution is 1/3, that of a sample's 4/45 over its size.
        assert abs(scaled.var() - 1 / 3) < 4 * np.sqrt(4 / 45 / scaled.size)


def test_both_biases_of_linear_layers_enter_the_recurrence():
    net = CTRNN(3, 8, 2, dt=25.0, initialisation="linear", seed=1)
    inputs = np.random.default_rng(0).normal(size=(12, 5, 3)).astype(np.float32)
    activity, _ = net.predict(inputs)
    w = {name: value.astype(float) for name, value in net.weights.items()}
    h = np.zeros((5, 8))
    for x, reached in zip(inputs, activity, strict=True):
        drive = (x @ w["w_ir"] + w["b_ir"]) + (h @ w["w_rr"] + w["b_rr"])
        h = np.maximum(0.75 * h + 0.25 * drive, 0)
        np.testing.assert_allclose(reached, h, atol=1e-5)
    np.testing.assert_allclose(
        net.state_map(inputs[0, 0])(activity[3, :1]),
        net.cell(inputs[0, :1], activity[3, :1]),
        atol=1e-6,
    )


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
    net = CTRNN.from_recipe(Recipe(seed=5, hidden=10, choices=3, dt=20, tau=80, activation="tanh"))
    same = CTRNN(4, 10, 4, dt=20, tau=80, activation="tanh", seed=5)
    assert net.alpha == 0.25
    assert all(np.array_equal(net.weights[name], same.weights[name]) for name in WEIGHT_NAMES)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("num_hidden", 0),
        ("num_hidden", 8.0),
        ("num_input", -1),
        ("num_output", True),
        ("num_output", None),
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
    numbers: dict[str, Any] = {"num_input": 3, "num_hidden": 8, "num_output": 2} | {name: value}
    with pytest.raises(ValueError, match=f"^`{name}` must be .*; got"):
        CTRNN(**numbers)


@pytest.mark.parametrize("shape", [(5, 3), (5, 2, 4), (2, 5, 2, 3)])
def test_inputs_of_another_shape_are_refused(shape: tuple[int, ...]):
    with pytest.raises(ValueError, match=r"\(time, trial, 3\); got"):
        CTRNN(3, 8, 2).predict(np.zeros(shape))


@pytest.mark.parametrize("stimulus", [(1.0, 0.5), 1.0, (1.0, 0.5, float("nan"))])
def test_impossible_stimulus_is_refused(stimulus: Any):
    with pytest.raises(ValueError, match="`stimulus` must be 3 finite numbers"):
        CTRNN(3, 8, 2).state_map(stimulus)


def test_weights_of_another_network_are_refused_whole():
    net = CTRNN(3, 8, 2, seed=0)
    before = net.weights
    with pytest.raises(ValueError, match="`w_rr` must have shape"):
        net.set_weights(CTRNN(3, 9, 2).weights | {"w_ir": 0 * before["w_ir"]})
    with pytest.raises(ValueError, match="must have"):
        net.set_weights({"w_ir": before["w_ir"]})
    for value in (np.nan, np.inf, 1e300):  # the last is infinite in float32
        bad = before["b_ro"] * [1.0, 0.0] + [0.0, value]
        with pytest.raises(ValueError, match="`b_ro` must be finite in float32; got 1 "):
            net.set_weights({name: 0 * before[name] for name in WEIGHT_NAMES} | {"b_ro": bad})
    assert all(np.array_equal(net.weights[name], before[name]) for name in WEIGHT_NAMES)
