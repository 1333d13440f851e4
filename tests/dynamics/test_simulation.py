from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax.tree_util import Partial

from yang_rnn.dynamics.simulation import simulate
from yang_rnn.dynamics.system import System

UNITS, CHANNELS, BEGIN = 4, 2, np.array([0.5, 0.0, -0.25, 1.0])
RNG = np.random.default_rng(0)
RECURRENT, FEED, READ = (
    RNG.normal(size=shape) / 2 for shape in ((UNITS, UNITS), (UNITS, CHANNELS), (3, UNITS))
)
INPUTS = RNG.normal(size=(9, 5, CHANNELS))


def step(recurrent, feed, x, h):
    return jnp.tanh(recurrent @ h + feed @ x)


def read(weights, h):
    return weights @ h


SYSTEM = System(
    Partial(step, RECURRENT, FEED), dt=1.0, initial_state=BEGIN, readout=Partial(read, READ)
)
PLAIN = System(
    lambda x, h: step(RECURRENT, FEED, x, h), dt=1.0, initial_state=BEGIN,
    readout=lambda h: READ @ h,
)  # fmt: skip


def loop_in_numpy(inputs: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    activity = np.zeros((*inputs.shape[:2], UNITS))
    for trial in range(inputs.shape[1]):
        h = BEGIN
        for time in range(len(inputs)):
            h = np.tanh(RECURRENT @ h + FEED @ inputs[time, trial])
            activity[time, trial] = h
    return activity, activity @ READ.T


@pytest.mark.parametrize("system", [SYSTEM, PLAIN], ids=["partial", "plain"])
@pytest.mark.parametrize("shape", [(9, 5), (9, 1), (1, 5)])
def test_every_trial_is_a_loop_over_the_step_from_the_initial_state(
    system: System, shape: tuple[int, int]
):
    inputs = INPUTS[: shape[0], : shape[1]]
    found = simulate(system, inputs)
    activity, outputs = loop_in_numpy(inputs)
    np.testing.assert_allclose(found.activity, activity, atol=1e-6)
    assert found.outputs is not None
    np.testing.assert_allclose(found.outputs, outputs, atol=1e-6)
    assert found.activity.dtype == np.float32
    assert found.outputs.dtype == np.float32


def test_trials_do_not_depend_on_each_other():
    together = simulate(SYSTEM, INPUTS).activity
    alone = np.concatenate([simulate(SYSTEM, INPUTS[:, [k]]).activity for k in range(5)], axis=1)
    np.testing.assert_allclose(together, alone, atol=1e-6)


def test_a_system_without_a_readout_has_no_outputs():
    system = System(SYSTEM.step, dt=1.0, initial_state=BEGIN)
    assert simulate(system, INPUTS).outputs is None


def test_the_users_precision_changes_nothing_and_is_left_alone():
    before = simulate(SYSTEM, INPUTS)
    assert jnp.ones(1).dtype == jnp.float32
    with jax.enable_x64(True):
        within = simulate(SYSTEM, INPUTS)
        assert jnp.ones(1).dtype == jnp.float64
    np.testing.assert_array_equal(before.activity, within.activity)


@pytest.mark.parametrize("kind", [np.float64, np.float32])
def test_what_a_plain_readout_closes_over_is_taken_as_it_is_now(kind: type):
    weights = np.array([[1.0, 2.0, 0.0, 0.0]], kind)
    system = System(
        lambda x, h: x[:1] * jnp.ones(UNITS), dt=1.0, initial_state=BEGIN,
        readout=lambda h: weights @ h,
    )  # fmt: skip
    for scale in (1.0, 10.0):
        weights[:] = scale
        outputs: Any = simulate(system, np.ones((1, 1, 2))).outputs
        np.testing.assert_allclose(outputs, [[[4 * scale]]])


def scaled(gain, x, h):
    return gain * h + x


def test_networks_of_one_shape_share_their_compilations(compiled: list[str]):
    for gain, expected in ((0.5, 1.5), (2.0, 3.0)):
        begun = len(compiled)
        system = System(Partial(scaled, gain), dt=1.0, initial_state=np.zeros(2))
        assert simulate(system, np.ones((2, 1, 2))).activity[-1].tolist() == [[expected] * 2]
    assert len(compiled) == begun > 0


@pytest.mark.parametrize("inputs", [1.0, INPUTS[0], INPUTS[:0], INPUTS[:, :0], INPUTS[..., :0]])
def test_inputs_of_another_shape_are_refused(inputs: Any):
    with pytest.raises(ValueError, match=r"must have shape \(time, trial, channel\); got "):
        simulate(SYSTEM, inputs)


def test_inputs_of_another_system_are_refused():
    with pytest.raises(ValueError, match=r"`inputs` must be .* the system takes: .* 1 channels"):
        simulate(SYSTEM, INPUTS[..., :1])


@pytest.mark.parametrize("inputs", [INPUTS * 1j, INPUTS > 0, INPUTS.astype(str)])
def test_inputs_that_are_no_real_numbers_are_refused(inputs: Any):
    with pytest.raises(TypeError, match="`inputs` must be real numbers; got dtype"):
        simulate(SYSTEM, inputs)
