from typing import Any

import jax
import numpy as np
import pytest

from yang_rnn.dynamics.simulation import simulate
from yang_rnn.model import CTRNN
from yang_rnn.network.equations import private_noise

INPUTS = np.random.default_rng(0).normal(size=(12, 5, 3)).astype(np.float32)

KINDS: dict[str, dict[str, Any]] = {
    "outside": {"leak": "outside"},
    "outside-tanh": {"leak": "outside", "activation": "tanh"},
    "dale": {"excitatory": 0.75, "readout_units": "excitatory", "initialisation": "linear"},
    "low-rank": {"rank": 2, "activation": "tanh"},
    "start": {"initial_state": "trained"},
    "outside-start": {"initial_state": "trained", "leak": "outside", "activation": "tanh"},
}
ACTIVATIONS = {"relu": lambda z: np.maximum(z, 0), "tanh": np.tanh}


def net_of(kind: str) -> CTRNN:
    net = CTRNN(3, 8, 3, dt=25.0, tau=100.0, seed=1, **KINDS[kind])
    if "h_0" in net.weights:
        net.set_weights(net.weights | {"h_0": np.linspace(-2, 2, 8)})
    return net


def loop_in_numpy(net: CTRNN, kind: dict[str, Any]) -> tuple[np.ndarray, np.ndarray]:
    w = {name: value.astype(float) for name, value in net.weights.items()}
    recurrent = w["n_rr"] @ w["m_rr"].T / 8 if "n_rr" in w else w["w_rr"]
    readout = w["w_ro"]
    if "excitatory" in kind:
        sign = np.array([1.0] * 6 + [-1.0] * 2)
        recurrent = np.diag(sign) @ abs(recurrent)
        readout = np.diag(sign > 0) @ abs(readout)
    f = ACTIVATIONS[kind.get("activation", "relu")]
    h = np.tile(w.get("h_0", np.zeros(8)), (5, 1))
    activity = []
    for x in INPUTS:
        drive = x @ w["w_ir"] + w.get("b_ir", 0) + h @ recurrent + w["b_rr"]
        if kind.get("leak") == "outside":
            h = 0.75 * h + 0.25 * f(drive)
        else:
            h = f(0.75 * h + 0.25 * drive)
        activity.append(h)
    return np.array(activity), np.array(activity) @ readout + w["b_ro"]


@pytest.mark.parametrize("kind", KINDS)
def test_trials_follow_the_equations_and_the_system_is_the_network(kind: str):
    net = net_of(kind)
    activity, outputs = net.predict(INPUTS)
    expected_activity, expected_outputs = loop_in_numpy(net, KINDS[kind])
    np.testing.assert_allclose(activity, expected_activity, rtol=1e-4, atol=1e-5)
    np.testing.assert_allclose(outputs, expected_outputs, rtol=1e-4, atol=1e-5)
    net.reset_state(5)
    steps = [net.update(x) for x in INPUTS]
    np.testing.assert_allclose([h for h, _ in steps], activity, atol=1e-5)
    system = net.system()
    simulated = simulate(system, INPUTS)
    np.testing.assert_allclose(simulated.activity, activity, rtol=1e-4, atol=1e-5)
    np.testing.assert_allclose(np.asarray(simulated.outputs), outputs, rtol=1e-4, atol=1e-5)
    low, high = system.bounds
    assert (low <= simulated.activity).all()
    assert (simulated.activity <= high).all()


def test_bounds_with_the_leak_outside_hold_what_trials_begin_in():
    low, high = net_of("outside-start").system().bounds
    start = np.linspace(-2, 2, 8)
    np.testing.assert_allclose(low, np.minimum(start, -1), rtol=1e-6)
    np.testing.assert_allclose(high, np.maximum(start, 1), rtol=1e-6)
    low, high = net_of("outside-tanh").system().bounds
    assert (low == -1).all()
    assert (high == 1).all()


def test_kinks_with_the_leak_outside_go_by_the_input_alone():
    net = net_of("outside")
    system, x = net.system(), INPUTS[0, 0]
    assert system.preactivation is not None
    w = net.weights
    for h in np.random.default_rng(1).normal(size=(5, 8)):
        drive = x @ w["w_ir"] + h @ w["w_rr"] + w["b_rr"]
        np.testing.assert_allclose(system.preactivation(x, h), drive, rtol=1e-4, atol=1e-5)
        step = 0.75 * h + 0.25 * np.maximum(drive, 0)
        np.testing.assert_allclose(system.step(x, h), step, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("leak", ["inside", "outside"])
@pytest.mark.parametrize("alpha", [1.0, 0.2])
def test_noise_of_a_unit_has_the_variance_of_the_leaky_integrator(alpha: float, leak: Any):
    # A bias far above 0 and no weights: the relu is never felt, h' = (1 - a) h + a (b + noise),
    # and the variance is a^2 2 sigma^2 / a over 1 - (1 - a)^2, which is 2 sigma^2 / (2 - a).
    sigma = 0.3
    net = CTRNN(1, 50, 1, dt=100 * alpha, tau=100.0, unit_noise=sigma, leak=leak, seed=0)
    zeros = {name: 0 * value for name, value in net.weights.items()}
    net.set_weights(zeros | {"b_rr": np.full(50, 100.0)})
    inputs = np.zeros((150, 40, 1))
    activity = np.asarray(net.predict(inputs, noise_seed=1)[0])[100:]
    late = activity[-1].ravel()  # 2000 independent units
    expected = 2 * sigma**2 / (2 - alpha)
    assert abs(late.var(ddof=1) / expected - 1) < 4 * np.sqrt(2 / len(late))
    assert abs(late.mean() - 100) < 4 * np.sqrt(expected / len(late)) + 1e-3
    assert np.ptp(np.asarray(net.predict(inputs)[0])[-1]) == 0  # off unless asked for
    again = net.predict(inputs, noise_seed=1)[0]
    assert np.array_equal(np.asarray(again)[100:], activity)
    assert not np.array_equal(np.asarray(net.predict(inputs, noise_seed=2)[0])[100:], activity)


def test_no_noise_is_none():
    key = jax.random.key(0)
    assert private_noise(key, jax.numpy.zeros((2, 3, 1)), 4, 0.0, 0.5) is None
