"""Trajectories: a system run over the inputs of trials."""

from __future__ import annotations

from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax.tree_util import Partial
from numpy.typing import ArrayLike

from yang_rnn._checks import check_array, check_finite, check_is
from yang_rnn.dynamics.maps import as_map, check_real_numbers, check_takes
from yang_rnn.dynamics.system import System


class Trajectories(NamedTuple):
    """What a system does over trials.

    Attributes
    ----------
    activity : array of shape (time, trial, unit)
        States after each step.
    outputs : array of shape (time, trial, output) or None
        The readout of them; None where the system has none.
    """

    activity: np.ndarray
    outputs: np.ndarray | None

    def __repr__(self) -> str:
        """Say how many states and outputs there are."""
        steps, trials, units = np.shape(self.activity)
        number = "no" if self.outputs is None else np.shape(self.outputs)[-1]
        return f"Trajectories({steps} steps, {trials} trials, {units} units, {number} outputs)"


def simulate(system: System, inputs: ArrayLike) -> Trajectories:
    """Run a system over trials, each from the initial state, in float32.

    Parameters
    ----------
    system : System
    inputs : array of shape (time, trial, channel)

    Returns
    -------
    Trajectories

    Raises
    ------
    ValueError
        If the inputs have another shape, are not finite in float32, or are not those that the
        system takes.
    TypeError
        If they are not real numbers, or there is no system.

    Examples
    --------
    >>> system = yr.System(lambda x, h: 0.9 * h + x, dt=10.0, initial_state=np.zeros(1))
    >>> activity, outputs = yr.simulate(system, np.ones((3, 2, 1)))  # (time, trial, channel)
    >>> activity[:, 0, 0]
    array([1.  , 1.9 , 2.71], dtype=float32)
    """
    check_is("system", system, System)
    shape = ("time", "trial", "channel")
    array = check_array("inputs", inputs, shape, finite=False)
    with np.errstate(over="ignore"):  # told below, by name
        array = array.astype(np.float32)
    check_finite("inputs", array)
    try:
        system.at(np.zeros(array.shape[2]))
    except ValueError as error:
        raise ValueError(f"`inputs` must be those that the system takes: {error}") from error
    step = as_map(system.step, np.float32, "step")
    begin, outputs = system.initial_state.astype(np.float32), None
    readout: Any = None
    if system.readout is not None:
        readout = as_map(system.readout, np.float32, "readout")
        read = check_takes(readout, system.num_units, "readout")
        if len(getattr(read, "shape", ())) != 1:
            got = getattr(read, "shape", type(read).__name__)
            raise ValueError(f"`readout` must return outputs of shape (output,); got {got}")
        check_real_numbers(read, "readout")
    # In 32-bit mode JAX would keep its cast of an array that a step closes over: for the analysis
    # in float64 too, and when the array has changed.
    with jax.enable_x64(True):
        activity = _run(step, array, begin)
        if readout is not None:
            outputs = np.asarray(_read(readout, activity))
    return Trajectories(np.asarray(activity), outputs)


@jax.jit
def _run(step: Partial, inputs: jax.Array, initial_state: jax.Array) -> jax.Array:
    def advance(h, x):
        h = jax.vmap(step)(x, h).astype(h.dtype)
        return h, h

    begin = jnp.broadcast_to(initial_state, (inputs.shape[1], initial_state.size))
    return jax.lax.scan(advance, begin, inputs, unroll=2)[1]


@jax.jit
def _read(readout: Partial, activity: jax.Array) -> jax.Array:
    return jax.vmap(jax.vmap(readout))(activity).astype(activity.dtype)
