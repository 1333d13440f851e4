"""Losses of a batch, the share of its answers that are right, and gradients cut to length."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import brainpy as bp
import jax
import jax.numpy as jnp
import numpy as np
from jax.core import Tracer

from yang_rnn._checks import reason_of, shown

Loss = Callable[[Any, Any, Any], Any]
"""A function of outputs, targets and the weights of steps to one number."""


def loss_of(
    outputs: Any, targets: Any, weights: Any = None, *, in_brainpys_order: bool = True
) -> Any:
    """Return the mean cross-entropy, or of targets that are values the mean square.

    Parameters
    ----------
    outputs : array of shape (time, trial, output)
    targets : int array of shape (time, trial), or array of shape (time, trial, output)
    weights : array of shape (time, trial), optional
        How much each step counts in the mean; without it all count alike.
    in_brainpys_order : bool
        Whether the cross-entropy rounds as BrainPy's does.
    """
    if jnp.ndim(targets) == 3:
        each = jnp.square(outputs - targets).mean(axis=-1)
        return each.mean() if weights is None else weighted_mean(each, weights)
    if weights is None:
        if in_brainpys_order:
            return bp.losses.cross_entropy_loss(outputs, targets)
        return cross_entropies(outputs, targets).mean()
    return weighted_mean(cross_entropies(outputs, targets), weights)


def cross_entropies(outputs: Any, targets: Any) -> jax.Array:
    """Return the cross-entropy at each step, (time, trial)."""
    picked = jnp.take_along_axis(outputs, targets[..., None], axis=-1)[..., 0]
    return jax.scipy.special.logsumexp(outputs, axis=-1) - picked


def weighted_mean(values: jax.Array, weights: jax.Array) -> jax.Array:
    """Return the mean of values by weights of their shape."""
    return (weights * values).sum() / weights.sum()


def own_loss(function: Loss, outputs: Any, targets: Any, weights: Any) -> jax.Array:
    """Return the loss by a function of the user's, which always gets the weights of steps.

    Raises
    ------
    ValueError
        If it does not return one real number that depends on the outputs.
    TypeError
        If it is not written with JAX.
    """
    if weights is None:
        weights = jnp.ones(outputs.shape[:2], outputs.dtype)
    try:
        found = function(outputs, targets, weights)
    except jax.errors.JAXTypeError as error:
        raise TypeError(
            f"`loss` must be written with JAX, as in jax.numpy: {reason_of(error)}"
        ) from error
    value = getattr(found, "value", found)  # an array of BrainPy's
    dtype = getattr(value, "dtype", None)
    if np.shape(value) != () or dtype is None or not jnp.issubdtype(dtype, jnp.floating):
        got = shown(found) if dtype is None else f"shape {np.shape(value)}, {dtype}"
        raise ValueError(f"`loss` must return one real number; got {got}")
    if not isinstance(value, Tracer):
        raise ValueError("`loss` must depend on the outputs; it returned a constant")
    return value


def clipped(gradients: dict[str, Any], clip_norm: float) -> dict[str, Any]:
    """Return gradients, shortened together to a length where they are longer; 0: as they are.

    The length is over all arrays together, as in Pascanu, Mikolov & Bengio (2013).
    """
    if not clip_norm:
        return gradients
    length = jnp.sqrt(sum(jnp.square(g).sum() for g in gradients.values()))
    factor = jnp.where(length > clip_norm, clip_norm / length, 1.0)
    return {name: g * factor for name, g in gradients.items()}


def share_correct(outputs: Any, targets: Any, asked: Any = None) -> Any:
    """Return the share of steps that ask at which the largest output is the target's.

    Without `asked` those are the steps whose target is above 0. NaN where there is none, and where
    targets are values.
    """
    if jnp.ndim(targets) == 3:
        return jnp.full((), jnp.nan)
    asked = targets > 0 if asked is None else asked
    correct = asked & (outputs.argmax(axis=-1) == targets)
    return correct.sum() / asked.sum()
