"""One step of PyTorch's recurrent layers, stacked or alone, as pure functions in JAX.

Each takes the layers' weights, an input (channel,) and a state (unit,), and returns the next state.
A layer is (w_ih, w_hh, b_ih, b_hh): (inputs, gates * hidden), (hidden, gates * hidden) and twice
(gates * hidden,), gates in PyTorch's order. The functions read nothing but their arguments, so that
JAX compiles what is built on them once for all networks of one shape.
"""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp


def tanh_layers(layers: Any, x: Any, h: Any) -> Any:
    """Step the layers of a tanh network; the state is their h, the first layer's first."""
    after = []
    for (w_ih, w_hh, b_ih, b_hh), old in zip(layers, jnp.split(h, len(layers)), strict=True):
        x = jnp.tanh(x @ w_ih + b_ih + old @ w_hh + b_hh)
        after.append(x)
    return jnp.concatenate(after)


def relu_layers(layers: Any, x: Any, h: Any) -> Any:
    """Step the layers of a relu network; the state is their h, the first layer's first."""
    return jax.nn.relu(relu_preactivation(layers, x, h))


def relu_preactivation(layers: Any, x: Any, h: Any) -> Any:
    """Return what the relus of such a network are applied to, in the order of its state."""
    before = []
    for (w_ih, w_hh, b_ih, b_hh), old in zip(layers, jnp.split(h, len(layers)), strict=True):
        before.append(x @ w_ih + b_ih + old @ w_hh + b_hh)
        x = jax.nn.relu(before[-1])
    return jnp.concatenate(before)


def gru_layers(layers: Any, x: Any, h: Any) -> Any:
    """Step the layers of a GRU; the state is their h, the first layer's first.

    The reset gate stands outside the recurrent weights of the candidate, as in PyTorch.
    """
    after = []
    for (w_ih, w_hh, b_ih, b_hh), old in zip(layers, jnp.split(h, len(layers)), strict=True):
        reset_x, update_x, new_x = jnp.split(x @ w_ih + b_ih, 3)
        reset_h, update_h, new_h = jnp.split(old @ w_hh + b_hh, 3)
        new = jnp.tanh(new_x + jax.nn.sigmoid(reset_x + reset_h) * new_h)
        update = jax.nn.sigmoid(update_x + update_h)
        x = (1 - update) * new + update * old
        after.append(x)
    return jnp.concatenate(after)


def lstm_layers(layers: Any, x: Any, state: Any) -> Any:
    """Step the layers of an LSTM; the state is h of all layers, then c of all layers."""
    h, c = jnp.split(state, 2)
    new_h, new_c = [], []
    for (w_ih, w_hh, b_ih, b_hh), old_h, old_c in zip(
        layers, jnp.split(h, len(layers)), jnp.split(c, len(layers)), strict=True
    ):
        into, forget, cell, out = jnp.split(x @ w_ih + b_ih + old_h @ w_hh + b_hh, 4)
        new_c.append(jax.nn.sigmoid(forget) * old_c + jax.nn.sigmoid(into) * jnp.tanh(cell))
        x = jax.nn.sigmoid(out) * jnp.tanh(new_c[-1])
        new_h.append(x)
    return jnp.concatenate([*new_h, *new_c])


def linear(weight: Any, bias: Any, state: Any) -> Any:
    """Read outputs from a whole state; weights of units that are not read are 0."""
    return state @ weight + bias
