"""Training by Adam, an epoch in one compiled call."""

import itertools
from collections.abc import Callable, Iterable
from typing import Any, NamedTuple

import brainpy as bp
import brainpy.math as bm
import jax
import jax.numpy as jnp
import numpy as np

from yang_rnn.model import CTRNN
from yang_rnn.recipe import NOTEBOOK
from yang_rnn.task import PerceptualDecisionMaking


class History(NamedTuple):
    """How training went, epoch by epoch.

    Attributes
    ----------
    loss : array of shape (epoch,)
        Mean cross-entropy over the epoch's batches.
    accuracy : array of shape (epoch,)
        Mean over the epoch's batches of the share of correct outputs at the steps whose target is
        above 0; batches without such a step are left out, and an epoch of them is NaN.
    """

    loss: np.ndarray
    accuracy: np.ndarray


class DivergenceError(ArithmeticError):
    """Training came to a loss that is not finite."""


def train(
    net: CTRNN,
    data: PerceptualDecisionMaking | Iterable[Any],
    *,
    epochs: int = NOTEBOOK.epochs,
    batch_size: int = NOTEBOOK.batch_size,
    sequence_steps: int = NOTEBOOK.sequence_steps,
    learning_rate: float = NOTEBOOK.learning_rate,
    on_epoch: Callable[[int, float, float], None] | None = None,
) -> History:
    """Train a network in place by Adam [1]_ on the mean cross-entropy over all steps.

    Parameters
    ----------
    net : CTRNN
        The network; its weights change.
    data : PerceptualDecisionMaking or iterable of batches
        The task, whose next trials are drawn each epoch; or an object that gives, each time it is
        iterated, an epoch of batches: inputs (time, trial, inputs) and whole-number targets
        (time, trial) first, anything else behind them is not looked at. A
        `brainpy_datasets.cognitive.TaskLoader` is one.
    epochs : int
        Times to go through the data.
    batch_size : int
        Trials, or sequences of trials, in a batch, where `data` is the task.
    sequence_steps : int
        Time steps of a sequence of back-to-back trials, where `data` is the task; 0: single trials.
    learning_rate : float
        Learning rate of Adam.
    on_epoch : callable, optional
        Called after each epoch with its number from 1, its loss and its accuracy.

    Returns
    -------
    History

    Raises
    ------
    DivergenceError
        If an epoch's loss is not finite; the message names the epoch.
    ValueError
        If a number is out of range, or a batch is empty, misshapen or not of this network's
        channels.

    References
    ----------
    .. [1] Kingma & Ba (2015), "Adam: a method for stochastic optimization", ICLR.
    """
    for name, value in {"epochs": epochs, "batch_size": batch_size}.items():
        if value < 1:
            raise ValueError(f"`{name}` must be 1 or more; got {value}")
    if not learning_rate > 0:
        raise ValueError(f"`learning_rate` must be above 0; got {learning_rate}")
    run_batches = _compile_epoch(net, learning_rate)

    def draw() -> list[tuple[jax.Array, jax.Array]]:
        batches: Iterable[Any]
        if not isinstance(data, PerceptualDecisionMaking):
            batches = data
        elif sequence_steps:
            batches = data.sequence_batches(batch_size, sequence_steps)
        else:
            batches = data.batches(batch_size)
        return list(_stack_equal(batches, net))

    history, ahead = [], None
    for epoch in range(1, epochs + 1):
        results = [run_batches(*group) for group in (draw() if ahead is None else ahead)]
        # JAX computes in the background: meanwhile the task draws the next trials.
        draws_ahead = isinstance(data, PerceptualDecisionMaking) and epoch < epochs
        ahead = draw() if draws_ahead else None
        if not results:
            raise ValueError(
                f"`data` gave no batch in epoch {epoch}; "
                "it must be something that can be iterated once an epoch"
            )
        losses, accuracies = (np.concatenate(parts) for parts in zip(*results, strict=True))
        loss = float(losses.mean(dtype=np.float64))
        if not np.isfinite(loss):
            raise DivergenceError(
                f"the loss of epoch {epoch} is {loss}: try a learning rate below "
                f"{learning_rate:g}, another seed, or inputs without huge or missing values"
            )
        asked = accuracies[~np.isnan(accuracies)]
        accuracy = float(asked.mean(dtype=np.float64)) if len(asked) else float("nan")
        history.append((loss, accuracy))
        if on_epoch is not None:
            on_epoch(epoch, loss, accuracy)
    return History(*(np.array(column) for column in zip(*history, strict=True)))


def _compile_epoch(net: CTRNN, learning_rate: float) -> Callable[..., tuple[Any, Any]]:
    """Return a compiled function that takes one Adam step a batch, over stacked batches."""
    weights = net.train_vars().unique()
    optimizer = bp.optim.Adam(lr=learning_rate, train_vars=weights)
    gradient: Callable[..., Any] = bm.grad(
        net.loss, grad_vars=weights, has_aux=True, return_value=True
    )

    def step(inputs: jax.Array, targets: jax.Array) -> tuple[jax.Array, jax.Array]:
        gradients, loss, (_, outputs) = gradient(inputs, targets)
        optimizer.update(gradients)
        asked = targets > 0
        correct = asked & (outputs.argmax(axis=-1) == targets)
        return loss, correct.sum() / asked.sum()

    epoch: Callable[..., Any] = bm.jit(lambda inputs, targets: bm.for_loop(step, (inputs, targets)))

    def run_batches(inputs: jax.Array, targets: jax.Array) -> tuple[Any, Any]:
        net.reset_state(inputs.shape[2])  # a loop's state must not change its shape
        return epoch(inputs, targets)

    return run_batches


def _stack_equal(batches: Iterable[Any], net: CTRNN) -> Iterable[tuple[jax.Array, jax.Array]]:
    """Stack neighbouring batches of equal shapes, in order: one compiled call for each stack."""
    checked = (_check_batch(batch, net) for batch in batches)
    for _, group in itertools.groupby(checked, key=lambda batch: batch[0].shape):
        inputs, targets = zip(*group, strict=True)
        yield (
            jnp.asarray(np.stack(inputs), dtype=jnp.float32),
            jnp.asarray(np.stack(targets), dtype=jnp.int32),
        )


def _check_batch(batch: Any, net: CTRNN) -> tuple[np.ndarray, np.ndarray]:
    inputs, targets = np.asarray(batch[0]), np.asarray(batch[1])
    if inputs.ndim != 3 or 0 in inputs.shape or inputs.shape[-1] != net.num_inputs:
        expected = f"(time, trial, {net.num_inputs})"
        raise ValueError(f"a batch's inputs must have shape {expected}; got {inputs.shape}")
    if targets.shape != inputs.shape[:2] or not np.issubdtype(targets.dtype, np.integer):
        raise ValueError(
            f"a batch's targets must be whole numbers of shape {inputs.shape[:2]}; "
            f"got {targets.dtype} of shape {targets.shape}"
        )
    if targets.min() < 0 or targets.max() >= net.num_outputs:
        raise ValueError(
            f"a batch's targets must be from 0 to {net.num_outputs - 1}, the network's outputs; "
            f"got {targets.min()} to {targets.max()}"
        )
    return inputs, targets
