"""What training makes small: a loss and penalties, of trials run with private noise."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp

from yang_rnn.network.equations import cell_of, private_noise, read_out, run_trials
from yang_rnn.network.losses import Loss, loss_of, own_loss, weighted_mean
from yang_rnn.network.parameters import Design, effective
from yang_rnn.recipe import Recipe


class Objective(NamedTuple):
    """What training makes small, besides the loss itself.

    Attributes
    ----------
    l2_weights : float
        Times the sum of squares of the effective ``w_ir``, ``w_rr`` and ``w_ro``.
    l2_rates : float
        Times the mean square of the hidden states over steps that count.
    clip_norm : float
        Longest gradient; 0: any.
    loss : callable or None
        The user's; without it `loss_of`.
    """

    l2_weights: float = 0.0
    l2_rates: float = 0.0
    clip_norm: float = 0.0
    loss: Loss | None = None

    @classmethod
    def of(cls, recipe: Recipe) -> Objective:
        """Return that of a recipe."""
        return cls(recipe.l2_weights, recipe.l2_rates, recipe.clip_norm)


def total_loss(
    parameters: Mapping[str, Any],
    design: Design,
    alpha: Any,
    batch: Any,
    noise_key: jax.Array,
    objective: Objective,
    *,
    in_notebooks_order: bool = True,
) -> tuple[Any, tuple[Any, Any]]:
    """Run a batch of trials; return what is to be made small, then the loss alone and the outputs.

    Parameters
    ----------
    parameters : mapping of arrays
        What is trained.
    design : Design
    alpha : float
    batch : Batch
    noise_key : JAX key
        Of this batch's private noise.
    objective : Objective
    in_notebooks_order : bool
        Whether outputs are read step by step, with BrainPy's cross-entropy, so that a training
        repeats the notebook's to the last bit. Of all steps together it is the same but for
        rounding, and faster for many networks at once.
    """
    weights, cell = effective(parameters, design), cell_of(design.activation, design.leak)
    noise = private_noise(noise_key, batch.inputs, design.num_hidden, design.unit_noise, alpha)

    def read(h: jax.Array) -> jax.Array:
        return read_out(weights["w_ro"], weights["b_ro"], h)

    if in_notebooks_order:
        activity, outputs = run_trials(
            cell, weights, alpha, batch.inputs, noise, lambda h: (h, read(h))
        )
    else:
        activity = run_trials(cell, weights, alpha, batch.inputs, noise)
        outputs = read(activity)
    if objective.loss is None:
        loss = loss_of(outputs, batch.targets, batch.weights, in_brainpys_order=in_notebooks_order)
    else:
        loss = own_loss(objective.loss, outputs, batch.targets, batch.weights)
    return loss + penalty(objective, weights, activity, batch.weights), (loss, outputs)


def penalty(
    objective: Objective, weights: Mapping[str, Any], activity: Any, step_weights: Any
) -> Any:
    """Return what is added to the loss, 0 where nothing is asked for.

    Parameters
    ----------
    objective : Objective
    weights : mapping of arrays
        The effective ones.
    activity : array of shape (time, trial, hidden)
    step_weights : array of shape (time, trial) or None
        Steps of weight 0 do not count.
    """
    added: Any = 0.0
    if objective.l2_weights:
        squares = (jnp.square(weights[name]).sum() for name in ("w_ir", "w_rr", "w_ro"))
        added = added + objective.l2_weights * sum(squares)
    if objective.l2_rates:
        squares = jnp.square(activity).mean(axis=-1)
        counts = None if step_weights is None else (step_weights > 0).astype(squares.dtype)
        mean = squares.mean() if counts is None else weighted_mean(squares, counts)
        added = added + objective.l2_rates * mean
    return added
