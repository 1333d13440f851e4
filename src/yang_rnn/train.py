"""Training by Adam, an epoch in one compiled call."""

import itertools
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any, NamedTuple

import brainpy as bp
import brainpy.math as bm
import jax
import jax.numpy as jnp
import numpy as np

from yang_rnn._checks import check_array, check_callable, check_is, check_real, check_whole, shown
from yang_rnn.model import CTRNN, check_targets
from yang_rnn.recipe import NOTEBOOK
from yang_rnn.task import PerceptualDecisionMaking

MAX_BATCHES = 100_000
"""Batches of an epoch that data may give of themselves; data that go on may never end."""

MAX_NUMBERS = 500_000_000
"""Numbers in the inputs of such an epoch, 2 GB of them."""

LARGEST_WEIGHT = 1e18
"""From this size on a network has diverged: products of such weights are no numbers in float32."""


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
    """Training came to a loss, or to weights, that are not finite."""


def train(
    net: CTRNN,
    data: PerceptualDecisionMaking | Iterable[Any],
    *,
    epochs: int = NOTEBOOK.epochs,
    batch_size: int = NOTEBOOK.batch_size,
    sequence_steps: int = NOTEBOOK.sequence_steps,
    learning_rate: float = NOTEBOOK.learning_rate,
    steps_per_epoch: int | None = None,
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
        `brainpy_datasets.cognitive.TaskLoader` is one. An object that gives batches for ever, as a
        `neurogym.Dataset` does, needs `steps_per_epoch`.
    epochs : int
        Times to go through the data.
    batch_size : int
        Trials, or sequences of trials, in a batch, where `data` is the task.
    sequence_steps : int
        Time steps of a sequence of back-to-back trials, where `data` is the task; 0: single trials.
    learning_rate : float
        Learning rate of Adam.
    steps_per_epoch : int, optional
        Batches of an epoch, where `data` is not the task: it is iterated once, and each epoch goes
        on where the one before ended. Without it an epoch is all that `data` gives, at most
        `MAX_BATCHES` batches and `MAX_NUMBERS` numbers.
    on_epoch : callable, optional
        Called after each epoch with its number from 1, its loss and its accuracy.

    Returns
    -------
    History

    Raises
    ------
    DivergenceError
        If an epoch's loss, or a weight after it, is not finite, or a weight is beyond all measure
        (`LARGEST_WEIGHT`); the message names the epoch.
    ValueError
        If a number is out of range, a batch is empty, misshapen or not of this network's channels,
        or `data` give none, too few for `steps_per_epoch`, or go on and on without it.
    TypeError
        If the data can't be iterated, or a batch is not of real inputs and whole targets.

    References
    ----------
    .. [1] Kingma & Ba (2015), "Adam: a method for stochastic optimization", ICLR.
    """
    check_is("net", net, CTRNN)
    is_task = isinstance(data, PerceptualDecisionMaking)
    if not is_task and (isinstance(data, str) or not hasattr(type(data), "__iter__")):
        raise TypeError(f"`data` must be a task or an iterable of batches; got {shown(data)}")
    epochs = check_whole("epochs", epochs, 1)
    batch_size = check_whole("batch_size", batch_size, 1)
    sequence_steps = check_whole("sequence_steps", sequence_steps, 0)
    learning_rate = check_real("learning_rate", learning_rate, above=0)
    check_callable("on_epoch", on_epoch, optional=True)
    going_on: Iterator[Any] | None = None
    if steps_per_epoch is not None:
        steps_per_epoch = check_whole("steps_per_epoch", steps_per_epoch, 1)
        if is_task:
            raise ValueError("`steps_per_epoch` must be left out for a task, which has its trials")
        going_on = iter(data)
    run_batches = _compile_epoch(net, learning_rate)

    def draw() -> list[tuple[jax.Array, jax.Array]]:
        batches: Iterable[Any]
        if going_on is not None:
            batches = itertools.islice(going_on, steps_per_epoch)
        elif not isinstance(data, PerceptualDecisionMaking):
            batches = _bounded(data)
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
        if steps_per_epoch is not None and len(losses) < steps_per_epoch:
            raise ValueError(
                f"`data` gave {len(losses)} batches in epoch {epoch}, where `steps_per_epoch` is "
                f"{steps_per_epoch}"
            )
        loss = float(losses.mean(dtype=np.float64))
        if not np.isfinite(loss):
            raise DivergenceError(
                f"the loss of epoch {epoch} is {loss}: try a learning rate below "
                f"{learning_rate:g}, another seed, or inputs without huge or missing values"
            )
        size = largest_weight(net.weights)
        if not size < LARGEST_WEIGHT:
            raise DivergenceError(divergence_in_words(epoch, size, learning_rate))
        asked = accuracies[~np.isnan(accuracies)]
        accuracy = float(asked.mean(dtype=np.float64)) if len(asked) else float("nan")
        history.append((loss, accuracy))
        if on_epoch is not None:
            on_epoch(epoch, loss, accuracy)
    return History(*(np.array(column) for column in zip(*history, strict=True)))


def largest_weight(weights: Mapping[str, np.ndarray]) -> float:
    """Return the size of the largest weight; NaN or infinity where one is."""
    return float(np.max([np.abs(value).max() for value in weights.values()]))


def divergence_in_words(epoch: int, size: float, learning_rate: float) -> str:
    """Return what to say of an epoch that ended with weights of such a size."""
    return (
        f"the weights after epoch {epoch} reach {size:.3g}: try a learning rate below "
        f"{learning_rate:g}, another seed, or inputs without huge or missing values"
    )


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


def _bounded(data: Iterable[Any]) -> Iterator[Any]:
    """Give an epoch of batches; raise an error where there are too many to be one."""
    numbers = 0
    for count, batch in enumerate(data):
        if count >= MAX_BATCHES or numbers > MAX_NUMBERS:
            raise ValueError(
                f"`data` gave {count} batches of {numbers} numbers and goes on: give "
                "`steps_per_epoch`, how many of them are an epoch"
            )
        yield batch
        numbers += np.size(batch[0])


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
    """Return the inputs and targets of a batch in 32 bits."""
    try:
        inputs, targets = batch[0], batch[1]
    except (TypeError, LookupError) as error:
        expected = "`data` must give batches of inputs and targets"
        raise TypeError(f"{expected}; got {shown(batch)}") from error
    try:
        # Numbers that are not finite are told by the loss that they lead to.
        inputs = check_array("inputs", inputs, ("time", "trial", net.num_inputs), finite=False)
        targets = check_targets("targets", targets, inputs.shape[:2], net.num_outputs)
    except (TypeError, ValueError) as error:
        raise type(error)(f"a batch of `data`: {error}") from error
    with np.errstate(over="ignore"):
        return inputs.astype(np.float32), targets.astype(np.int32)
