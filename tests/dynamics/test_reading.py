"""A program that was compiled from a function must not outlive what the function read."""

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax.tree_util import Partial

from yang_rnn.dynamics.fixed_points import find_fixed_points
from yang_rnn.dynamics.flow import flow_field
from yang_rnn.dynamics.linearisation import linearise
from yang_rnn.dynamics.reading import as_it_is_now
from yang_rnn.dynamics.simulation import simulate
from yang_rnn.dynamics.system import System

GAIN: Any = 0.5
WEIGHTS = np.full(2, 0.5)
STARTS = np.array([[1.0, 2.0], [-1.0, 0.5]])


def by_gain(shift, h):
    return GAIN * h + shift


def by_weights(shift, h):
    return jnp.asarray(WEIGHTS) * h + shift


def through_another(shift, h):
    return by_gain(shift, h)


def pure(shift, h):
    return jnp.tanh(h) + shift


def calls_pure(shift, h):
    return pure(shift, h) + len(h)


class Network:
    def __init__(self, gain: Any):
        self.gain = gain

    def step(self, shift, h):
        return self.gain * h + shift

    def __call__(self, shift, h):
        return self.step(shift, h)


def closure_over_an_array():
    weights = np.full(2, 0.5)

    def change():
        weights[:] = 0.25

    return lambda shift, h: jnp.asarray(weights) * h + shift, change


def closure_over_a_number():
    gain = 0.5

    def change():
        nonlocal gain
        gain = 0.25

    return lambda shift, h: gain * h + shift, change


def of_a_network(pick: Any):
    network = Network(0.5)
    return pick(network), lambda: setattr(network, "gain", 0.25)


def of_a_default():
    weights = np.full(2, 0.5)

    def step(shift, h, weights=weights):
        return jnp.asarray(weights) * h + shift

    return step, lambda: weights.fill(0.25)


def of_a_global(function: Any, name: str, value: Any):
    before = globals()[name]

    def change():
        if isinstance(before, np.ndarray):
            before[:] = value
        else:
            globals()[name] = value

    return function, change


CASES = {
    "closure over an array": closure_over_an_array,
    "closure over a number": closure_over_a_number,
    "attribute": lambda: of_a_network(lambda n: lambda shift, h: n.gain * h + shift),
    "bound method": lambda: of_a_network(lambda n: n.step),
    "callable object": lambda: of_a_network(lambda n: n),
    "default": of_a_default,
    "global number": lambda: of_a_global(by_gain, "GAIN", 0.25),
    "global array": lambda: of_a_global(by_weights, "WEIGHTS", 0.25),
    "global of another function": lambda: of_a_global(through_another, "GAIN", 0.25),
}


@pytest.fixture(autouse=True)
def _as_before():
    yield
    globals()["GAIN"] = 0.5
    WEIGHTS[:] = 0.5


@pytest.mark.parametrize("as_partial", [True, False])
@pytest.mark.parametrize("case", CASES)
def test_points_are_those_of_the_map_as_it_is_now(case: str, as_partial: bool):
    function, change = CASES[case]()
    shift = np.ones(2)
    F: Any = Partial(function, shift) if as_partial else lambda h: function(shift, h)
    for gain in (0.5, 0.25):
        found = find_fixed_points(F, STARTS)
        assert (found.status == "fixed").all()
        np.testing.assert_allclose(found.state, 1 / (1 - gain), atol=1e-9)
        with jax.enable_x64(True):
            np.testing.assert_allclose(F(found.state[0]), found.state[0], atol=1e-9)
        change()


@pytest.mark.parametrize("as_partial", [True, False])
def test_what_else_takes_a_map_takes_it_as_it_is_now(as_partial: bool):
    function, change = of_a_network(lambda n: n.step)
    step: Any = Partial(function) if as_partial else function
    system = System(step, dt=1.0, initial_state=np.zeros(2))
    for gain in (0.5, 0.25):
        F = system.at(np.ones(2))
        np.testing.assert_allclose(linearise(F, STARTS).eigenvalues, gain)
        flow = flow_field(F, STARTS, origin=(0.0, 0.0), axis=(1.0, 0.0), grid=2)
        np.testing.assert_allclose(flow.velocity[0, :, 0], 1000 * ((gain - 1) * flow.x + 1))
        activity = simulate(system, np.ones((2, 1, 2))).activity
        np.testing.assert_allclose(activity[-1], [[gain + 1] * 2])
        change()


def test_a_function_that_reads_nothing_else_is_the_same_function():
    assert as_it_is_now(pure) is pure
    assert as_it_is_now(calls_pure) is calls_pure
    jitted: Any = jax.jit(pure)
    assert as_it_is_now(jitted) is jitted


def test_a_function_is_another_one_once_a_number_that_it_reads_has_changed():
    as_it_is_now(by_gain)
    globals()["GAIN"] = 0.125
    changed = as_it_is_now(by_gain)
    assert changed is not by_gain
    assert as_it_is_now(by_gain) is changed
    assert changed(1.0, 2.0) == 1.25


def imports_itself(shift, h):
    import math

    return math.pi * h + shift


def asks_for_globals(shift, h):
    return globals()["GAIN"] * h + shift


@pytest.mark.parametrize(
    "function", [imports_itself, asks_for_globals, by_weights, Network(0.5), Network(0.5).step]
)
def test_a_function_that_may_read_anything_is_another_one_every_time(function: Any):
    assert as_it_is_now(function) is not as_it_is_now(function)
