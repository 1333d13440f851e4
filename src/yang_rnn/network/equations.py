"""The network's equations as pure functions of its effective weights, states and inputs."""

from collections.abc import Callable, Mapping
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

ACTIVATIONS: dict[str, Callable[[jax.Array], jax.Array]] = {
    "relu": jax.nn.relu,
    "tanh": jnp.tanh,
    "sigmoid": jax.nn.sigmoid,
    "softplus": jax.nn.softplus,
}

BOUNDS = {
    "relu": (0.0, np.inf), "tanh": (-1.0, 1.0), "sigmoid": (0.0, 1.0), "softplus": (0.0, np.inf)
}  # fmt: skip
"""Lowest and highest values of each nonlinearity."""


def _drive(w_ir: Any, w_rr: Any, b_rr: Any, x: Any, h: Any) -> jax.Array:
    # The order of the sums is the notebook's: training repeats its runs to the last bit.
    return x @ w_ir + h @ w_rr + b_rr


def _leaky_sum(w_ir: Any, w_rr: Any, b_rr: Any, alpha: Any, x: Any, h: Any) -> jax.Array:
    return (1 - alpha) * h + alpha * _drive(w_ir, w_rr, b_rr, x, h)


def _input_alone(w_ir: Any, w_rr: Any, b_rr: Any, alpha: Any, x: Any, h: Any) -> jax.Array:
    return _drive(w_ir, w_rr, b_rr, x, h)


PREACTIVATIONS = {"inside": _leaky_sum, "outside": _input_alone}
"""What the nonlinearity is applied to, by where the leak is."""


def _cell(activation: Callable[[jax.Array], jax.Array], leak: str) -> Callable[..., jax.Array]:
    def inside(*weights_x_h: Any) -> jax.Array:
        return activation(_leaky_sum(*weights_x_h))

    def outside(w_ir: Any, w_rr: Any, b_rr: Any, alpha: Any, x: Any, h: Any) -> jax.Array:
        return (1 - alpha) * h + alpha * activation(_drive(w_ir, w_rr, b_rr, x, h))

    return inside if leak == "inside" else outside


# One function object a kind: JAX compiles what is built on it once for all networks.
_CELLS = {
    (name, leak): _cell(function, leak)
    for name, function in ACTIVATIONS.items()
    for leak in PREACTIVATIONS
}


def cell_of(activation: str, leak: str = "inside") -> Callable[..., jax.Array]:
    """Return one step of a network as a pure function of w_ir, w_rr, b_rr, alpha, x and h."""
    return _CELLS[activation, leak]


def read_out(w_ro: Any, b_ro: Any, h: Any) -> jax.Array:
    """Return the outputs (..., outputs) of hidden states (..., hidden), a pure function."""
    return h @ w_ro + b_ro


def start_of(weights: Mapping[str, Any], num_trials: int) -> jax.Array:
    """Return the states (trial, hidden) that trials begin in."""
    shape = (num_trials, weights["b_rr"].size)
    return jnp.broadcast_to(weights["h_0"], shape) if "h_0" in weights else jnp.zeros(shape)


def run_trials(
    cell: Callable[..., jax.Array],
    weights: Mapping[str, Any],
    alpha: Any,
    inputs: jax.Array,
    noise: jax.Array | None = None,
    each: Callable[[jax.Array], Any] = lambda h: h,
) -> Any:
    """Step trials from their initial state on.

    Parameters
    ----------
    cell : callable
        One that `cell_of` returns.
    weights : mapping of arrays
        Effective weights, as `parameters.effective` returns them.
    alpha : float
    inputs : array of shape (time, trial, inputs)
    noise : array of shape (time, trial, hidden), optional
        What is added to the input of each unit.
    each : callable
        What to make of each step's states (trial, hidden); without it the states themselves.

    Returns
    -------
    array or tree of arrays of shape (time, ...)
    """
    w_ir, w_rr, b_rr = weights["w_ir"], weights["w_rr"], weights["b_rr"]

    def step(h: jax.Array, at: Any) -> tuple[jax.Array, Any]:
        x, more = at
        h = cell(w_ir, w_rr, b_rr if more is None else b_rr + more, alpha, x, h)
        return h, each(h)

    # Two steps a turn of the loop: a quarter less time, no longer to compile.
    start = start_of(weights, inputs.shape[1])
    return jax.lax.scan(step, start, (inputs, noise), unroll=2)[1]


def private_noise(
    key: jax.Array, inputs: jax.Array, num_hidden: int, sigma: float, alpha: Any
) -> jax.Array | None:
    """Draw the noise in the input of each unit, (time, trial, hidden); None where sigma is 0.

    Its standard deviation is sqrt(2 / alpha) sigma, alpha of which enters a step: sqrt(2 alpha)
    sigma, as in Song et al. (2016) and Yang et al. (2019).
    """
    if sigma == 0:
        return None
    shape = (*inputs.shape[:2], num_hidden)
    return jnp.sqrt(2 / alpha) * sigma * jax.random.normal(key, shape, jnp.float32)
