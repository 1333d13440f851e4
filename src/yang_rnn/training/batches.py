"""Batches to train with: checked, of equal lengths where trials are not, stacked."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Iterator
from typing import Any, NamedTuple

import jax.numpy as jnp
import numpy as np

from yang_rnn._checks import as_array, check_array, shown
from yang_rnn.model import check_step_weights, check_targets
from yang_rnn.network.parameters import Design
from yang_rnn.recipe import NOTEBOOK, Recipe
from yang_rnn.task import PerceptualDecisionMaking
from yang_rnn.trials import Task, Trials

MAX_BATCHES = 100_000
"""Batches of an epoch that data may give of themselves; data that go on may never end."""

MAX_NUMBERS = 500_000_000
"""Numbers in the inputs of such an epoch, 2 GB of them."""

PADDED_TO = 16
"""Trials of several lengths are padded to a multiple of so many steps: few programs to compile."""


class Batch(NamedTuple):
    """One batch, or batches of one shape stacked along an axis in front.

    Attributes
    ----------
    inputs : float32 array of shape (time, trial, inputs)
    targets : int32 array of shape (time, trial), or float32 array of shape (time, trial, output)
    weights : float32 array of shape (time, trial), optional
        How much each step counts in the loss.
    asked : bool array of shape (time, trial), optional
        Where a choice is asked for; without it where the target is above 0.
    """

    inputs: Any
    targets: Any
    weights: Any = None
    asked: Any = None


def epoch_of(
    task: Task,
    batch_size: int,
    sequence_steps: int,
    trials_per_epoch: int | None = None,
    stream_steps: int = 0,
) -> Iterator[Any]:
    """Draw an epoch of a task's trials, or of sequences of them, a batch at a time.

    Parameters
    ----------
    task : Task
    batch_size : int
        Trials, or sequences, in a batch; the last may be smaller.
    sequence_steps : int
        Time steps of a sequence; 0: single trials.
    trials_per_epoch : int, optional
        Trials, or sequences, in the epoch. Without it as many as the task itself says, if it is a
        `PerceptualDecisionMaking`, else as the notebook has.
    stream_steps : int
        Time steps of the streams of trials that sequences are cut from, which go on from epoch to
        epoch; 0: each sequence begins with a trial.
    """
    own = task.num_trial if isinstance(task, PerceptualDecisionMaking) else None
    number = trials_per_epoch or own or NOTEBOOK.trials_per_epoch
    if sequence_steps and stream_steps:
        return task.draw_from_streams(number, batch_size, sequence_steps, stream_steps)
    if isinstance(task, PerceptualDecisionMaking) and number == own:
        if sequence_steps:
            return task.sequence_batches(batch_size, sequence_steps)
        return task.batches(batch_size)
    if sequence_steps:
        return task.draw_sequences(number, batch_size, sequence_steps)
    return task.draw(number, batch_size)


def epoch_by(recipe: Recipe, task: Task) -> Iterator[Any]:
    """Draw the next epoch of a task as a recipe says, a batch at a time."""
    return epoch_of(
        task,
        recipe.batch_size,
        recipe.sequence_steps,
        recipe.trials_per_epoch,
        recipe.stream_steps,
    )


def bounded(data: Iterable[Any]) -> Iterator[Any]:
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


def checked(batches: Iterable[Any], design: Design) -> list[Batch]:
    """Return the batches of an epoch as a network takes them, in 32 bits.

    If `Trials` among them have different lengths, all are padded to the longest, rounded up to a
    multiple of `PADDED_TO`, with steps that neither loss nor accuracy counts.

    Raises
    ------
    ValueError
        If a batch is empty, misshapen, not of the network's channels, or has negative weights or
        none that is not 0.
    TypeError
        If it is no batch, or not of real inputs and whole targets, or values.
    """
    found: list[Batch] = []
    own = []  # places of trials
    for place, batch in enumerate(batches):
        found.append(_checked(batch, design))
        if isinstance(batch, Trials):
            own.append(place)
    if len({len(found[place].inputs) for place in own}) > 1:
        longest = max(len(found[place].inputs) for place in own)
        steps = -(-longest // PADDED_TO) * PADDED_TO
        for place in own:
            found[place] = _padded(found[place], steps)
    if any(found[place].weights is not None for place in own):
        for place in own:
            batch = found[place]
            if batch.weights is None:
                found[place] = batch._replace(weights=_ones(batch))
    if any(found[place].asked is not None for place in own):
        for place in own:
            batch = found[place]
            if batch.asked is None and batch.targets.ndim == 2:
                found[place] = batch._replace(asked=batch.targets > 0)
    return found


def stacked(batches: Iterable[Batch]) -> Iterator[Batch]:
    """Stack neighbouring batches of equal shapes, in order: one compiled call for each stack."""

    def shape(batch: Batch) -> Any:
        return tuple(None if part is None else part.shape for part in batch)

    for _, group in itertools.groupby(batches, key=shape):
        parts = zip(*group, strict=True)
        yield Batch(*(None if part[0] is None else jnp.asarray(np.stack(part)) for part in parts))


def _checked(batch: Any, design: Design) -> Batch:
    try:
        inputs, targets = batch[0], batch[1]
    except (TypeError, LookupError) as error:
        expected = "`data` must give batches of inputs and targets"
        raise TypeError(f"{expected}; got {shown(batch)}") from error
    weights, asked = (batch.weights, batch.asked) if isinstance(batch, Trials) else (None, None)
    try:
        # Numbers that are not finite are told by the loss that they lead to.
        inputs = check_array("inputs", inputs, ("time", "trial", design.num_inputs), finite=False)
        steps = inputs.shape[:2]
        targets = check_targets("targets", targets, steps, design.num_outputs)
        if weights is not None:
            weights = check_step_weights("weights", weights, steps)
        if asked is not None:
            asked = as_array("asked", asked)
            if asked.dtype != bool or asked.shape != steps:
                got = f"{asked.dtype}, {asked.shape}"
                raise ValueError(f"`asked` must be bool, of shape {steps}; got {got}")
    except (TypeError, ValueError) as error:
        raise type(error)(f"a batch of `data`: {error}") from error
    with np.errstate(over="ignore"):
        inputs = inputs.astype(np.float32)
        if targets.ndim == 3:
            return Batch(inputs, targets.astype(np.float32), weights)
        return Batch(inputs, targets.astype(np.int32), weights, asked)


def _padded(batch: Batch, steps: int) -> Batch:
    whole = batch._replace(weights=_ones(batch) if batch.weights is None else batch.weights)
    return Batch(
        *(
            None
            if part is None
            else np.pad(part, [(0, steps - len(part))] + [(0, 0)] * (part.ndim - 1))
            for part in whole
        )
    )


def _ones(batch: Batch) -> np.ndarray:
    return np.ones(batch.inputs.shape[:2], np.float32)
