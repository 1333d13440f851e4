from typing import Any

import brainpy as bp
import brainpy.math as bm
import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

from yang_rnn.dynamics.adam import scale_by_adam

LEARNING_RATE = 1e-3
STEPS = 30


def gradients(size: float) -> np.ndarray:
    """Return gradients (step, parameter) of a size, some of them 0."""
    values = np.random.default_rng(0).normal(scale=size, size=(STEPS, 40)).astype(np.float32)
    return values * (np.arange(40) % 5 > 0)


def by_optax(transformation: optax.GradientTransformation, steps: np.ndarray) -> np.ndarray:
    weights = jnp.zeros(steps.shape[1], jnp.float32)
    state, path = transformation.init(weights), []
    for gradient in steps:
        change, state = transformation.update(jnp.asarray(gradient), state)
        weights = weights - LEARNING_RATE * jnp.asarray(change)
        path.append(np.asarray(weights))
    return np.stack(path)


def by_brainpy(steps: np.ndarray) -> np.ndarray:
    weights = bm.TrainVar(jnp.zeros(steps.shape[1]))
    optimizer: Any = bp.optim.Adam(lr=LEARNING_RATE, train_vars={"w": weights})
    path = []
    for gradient in steps:
        optimizer.update({"w": jnp.asarray(gradient)})
        path.append(np.asarray(bm.as_jax(weights)))
    return np.stack(path)


@pytest.mark.parametrize("size", [1.0, 1e-4, 1e-7, 1e-9])
def test_steps_are_brainpys_however_small_the_gradients(size: float):
    steps = gradients(size)
    ours, theirs = by_optax(scale_by_adam(), steps), by_brainpy(steps)
    np.testing.assert_allclose(ours, theirs, rtol=1e-4, atol=1e-5 * np.abs(theirs).max())


def test_steps_follow_the_faster_form_of_kingma_and_ba():
    steps = gradients(1e-8)
    first, second, weights, path = np.zeros(40), np.zeros(40), np.zeros(40), []
    for t, gradient in enumerate(steps.astype(float), start=1):
        first = 0.9 * first + 0.1 * gradient
        second = 0.999 * second + 0.001 * gradient**2
        rate = LEARNING_RATE * np.sqrt(1 - 0.999**t) / (1 - 0.9**t)
        weights = weights - rate * first / (np.sqrt(second) + 1e-8)
        path.append(weights)
    np.testing.assert_allclose(by_optax(scale_by_adam(), steps), path, rtol=1e-4, atol=1e-9)


def test_optaxs_own_default_takes_longer_first_steps_where_gradients_are_tiny():
    steps = gradients(1e-8)[:1]
    ours, default = by_optax(scale_by_adam(), steps), by_optax(optax.scale_by_adam(), steps)
    moved = ours[0] != 0
    assert (np.abs(default[0, moved]) > 5 * np.abs(ours[0, moved])).all()


def test_in_64_bit_mode_weights_in_float32_take_the_same_steps():
    steps = gradients(1e-8)
    expected = by_optax(scale_by_adam(), steps)
    with jax.enable_x64(True):
        found = by_optax(scale_by_adam(), steps)
    assert found.dtype == np.float32
    np.testing.assert_allclose(found, expected, rtol=1e-5)
