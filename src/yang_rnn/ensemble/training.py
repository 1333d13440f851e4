"""Many networks of one shape trained in one compiled program."""

from __future__ import annotations

import dataclasses
import functools
import math
from collections.abc import Callable, Iterator, Sequence
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax.scipy.special import logsumexp

from yang_rnn._checks import check_callable, check_is, shown
from yang_rnn.dynamics.adam import scale_by_adam
from yang_rnn.model import CTRNN, cell_of, read_out, weight_shapes
from yang_rnn.recipe import Recipe
from yang_rnn.task import PerceptualDecisionMaking
from yang_rnn.train import LARGEST_WEIGHT, DivergenceError, History, divergence_in_words

MAX_LANES = {"cpu": 8}
"""Members that a program trains together on a platform; few where more are no faster each."""

MAX_LANES_ELSEWHERE = 512
"""Members that a program trains together on accelerators, which they are to fill."""

LANE_BYTES = {"cpu": 2 * 2**30}
"""Memory (bytes) that the lanes of a program may take together."""

LANE_BYTES_ELSEWHERE = 8 * 2**30
"""The same on accelerators."""


class TrainedMember(NamedTuple):
    """One network of an ensemble.

    Attributes
    ----------
    recipe : Recipe
    weights : dict of arrays
        As `CTRNN.set_weights` takes them; after a failure, those at the end of training.
    history : History
        Loss and accuracy of each epoch.
    error : DivergenceError or None
        Why training failed, where it did.
    """

    recipe: Recipe
    weights: dict[str, np.ndarray]
    history: History
    error: DivergenceError | None

    def network(self) -> CTRNN:
        """Build the trained network.

        Raises
        ------
        ValueError
            If the weights are not finite.
        """
        net = CTRNN.from_recipe(self.recipe)
        net.set_weights(self.weights)
        return net


def num_lanes(recipe: Recipe, platform: str | None = None) -> int:
    """Return how many members of a recipe a program trains together.

    The number depends on the recipe and the kind of platform, not on the machine or on how many
    members there are, so that the same program trains a member everywhere.

    Parameters
    ----------
    recipe : Recipe
    platform : str, optional
        As JAX calls it; without it the one that JAX computes on.
    """
    platform = platform or jax.default_backend()
    limit = MAX_LANES.get(platform, MAX_LANES_ELSEWHERE)
    room = LANE_BYTES.get(platform, LANE_BYTES_ELSEWHERE)
    weights = sum(math.prod(shape) for shape in weight_shapes(recipe).values())
    steps = recipe.sequence_steps or recipe.num_steps
    states = steps * recipe.batch_size * recipe.hidden
    data = recipe.trials_per_epoch * steps * (recipe.choices + 2)
    # Weights, gradients and two moments; states kept for the gradient and theirs; an epoch's data.
    each = 4 * (4 * weights + 4 * states + 2 * data)
    return max(1, min(limit, room // each))


def train_ensemble(
    recipes: Sequence[Recipe], on_epoch: Callable[[int], None] | None = None
) -> list[TrainedMember]:
    """Train members that differ in their seed alone, all in one program.

    The mathematics is `train`'s, batch by batch: same trials, same loss, same Adam. The program is
    another one, so results agree with `train`'s up to rounding, which training amplifies. Each lane
    of the program computes by itself, and there are always `num_lanes` of them (those without a
    member repeat the first one). A member's result is therefore the same, bit for bit, whatever
    other members are trained with it.

    Parameters
    ----------
    recipes : sequence of Recipe
        At most `num_lanes`, equal except for the seed.
    on_epoch : callable, optional
        Called after each epoch with its number.

    Returns
    -------
    list of TrainedMember
        In the order of the recipes. A member whose loss or weights are not finite has an `error`.

    Raises
    ------
    ValueError
        If there are no recipes or too many, or they differ in more than the seed.
    TypeError
        If they are not recipes.
    """
    if isinstance(recipes, str) or not isinstance(recipes, Sequence):
        raise TypeError(f"`recipes` must be a sequence of recipes; got {shown(recipes)}")
    check_callable("on_epoch", on_epoch, optional=True)
    if not recipes:
        raise ValueError("`recipes` must have one or more; got none")
    for recipe in recipes:
        check_is("recipes", recipe, Recipe)
    shape = dataclasses.replace(recipes[0], seed=0)
    lanes = num_lanes(shape)
    if len(recipes) > lanes:
        raise ValueError(f"`recipes` must be at most {lanes}; got {len(recipes)}")
    if any(dataclasses.replace(recipe, seed=0) != shape for recipe in recipes):
        raise ValueError("`recipes` must be equal except for their seeds")
    weights = _stacked([CTRNN.from_recipe(recipe).weights for recipe in recipes], lanes)
    state: Any = (weights, jax.vmap(scale_by_adam().init)(weights))
    tasks = [PerceptualDecisionMaking.from_recipe(recipe) for recipe in recipes]
    losses, accuracies, sizes = [], [], []
    ahead = _draw(tasks, shape, lanes)
    for epoch in range(1, shape.epochs + 1):
        parts = []
        for inputs, targets in ahead:
            state, measured = _epoch(
                state, inputs, targets, shape.activation, shape.dt / shape.tau, shape.learning_rate
            )
            parts.append(measured)
        # JAX computes in the background: meanwhile the next trials are drawn.
        ahead = _draw(tasks, shape, lanes) if epoch < shape.epochs else []
        loss, accuracy = (
            np.concatenate([np.asarray(part[k]) for part in parts], axis=1) for k in (0, 1)
        )
        losses.append(loss.mean(axis=1, dtype=np.float64))
        accuracies.append(_mean_of_known(accuracy))
        sizes.append(_largest_weights(state[0]))
        if on_epoch is not None:
            on_epoch(epoch)
    trained = {name: np.asarray(value) for name, value in state[0].items()}
    members = []
    for lane, recipe in enumerate(recipes):
        history = History(*(np.array(values)[:, lane] for values in (losses, accuracies)))
        own = {name: value[lane] for name, value in trained.items()}
        error = _divergence(recipe, history.loss, np.array(sizes)[:, lane])
        members.append(TrainedMember(recipe, own, history, error))
    return members


def _divergence(recipe: Recipe, loss: np.ndarray, size: np.ndarray) -> DivergenceError | None:
    """Return the error of a member from its loss and largest weight in each epoch."""
    lost = np.flatnonzero(~(np.isfinite(loss) & (size < LARGEST_WEIGHT)))
    if not len(lost):
        return None
    epoch = lost[0]
    if np.isfinite(loss[epoch]):
        text = divergence_in_words(epoch + 1, float(size[epoch]), recipe.learning_rate)
        return DivergenceError(text)
    return DivergenceError(
        f"the loss of epoch {epoch + 1} is {loss[epoch]}: try a learning rate below "
        f"{recipe.learning_rate:g}, or another seed"
    )


def _largest_weights(weights: dict[str, Any]) -> np.ndarray:
    """Return the size of the largest weight of each lane; NaN or infinity where one is."""
    arrays = (np.abs(np.asarray(value)) for value in weights.values())
    return np.max([array.reshape(len(array), -1).max(axis=1) for array in arrays], axis=0)


def _mean_of_known(accuracy: np.ndarray) -> np.ndarray:
    """Return the mean over the batches that ask for a choice; NaN where none does."""
    known = ~np.isnan(accuracy)
    with np.errstate(invalid="ignore"):
        return np.where(known, accuracy, 0).sum(axis=1, dtype=np.float64) / known.sum(axis=1)


def _draw(
    tasks: Sequence[PerceptualDecisionMaking], recipe: Recipe, lanes: int
) -> list[tuple[Any, Any]]:
    """Draw an epoch: stacks (lane, batch, time, trial, ...) of batches of equal size."""
    drawn = [list(_batches(task, recipe)) for task in tasks]
    sizes = [batch[0].shape[1] for batch in drawn[0]]
    stacks = []
    for size in dict.fromkeys(sizes):  # the last batch may be smaller
        stack = [
            {
                "inputs": np.stack([b[0] for b in member if b[0].shape[1] == size]),
                "targets": np.stack([b[1] for b in member if b[0].shape[1] == size]),
            }
            for member in drawn
        ]
        whole = _stacked(stack, lanes)
        stacks.append((whole["inputs"], whole["targets"].astype(jnp.int32)))
    return stacks


def _batches(task: PerceptualDecisionMaking, recipe: Recipe) -> Iterator[tuple[Any, Any]]:
    if recipe.sequence_steps:
        yield from task.sequence_batches(recipe.batch_size, recipe.sequence_steps)
    else:
        for batch in task.batches(recipe.batch_size):
            yield batch.inputs, batch.targets


def _stacked(members: Sequence[dict[str, np.ndarray]], lanes: int) -> dict[str, Any]:
    """Stack the arrays of members by name; the first stands in the lanes that are left."""
    filled = [*members, *[members[0]] * (lanes - len(members))]
    return {
        name: jnp.asarray(np.stack([np.asarray(m[name], np.float32) for m in filled]))
        for name in members[0]
    }


@functools.partial(jax.jit, static_argnames="activation")
def _epoch(state: Any, inputs: Any, targets: Any, activation: str, alpha: Any, rate: Any) -> Any:
    """Take one Adam step per batch in every lane; return the state, losses and accuracies."""
    cell, adam = cell_of(activation), scale_by_adam()

    def loss_of(weights, x, y):
        bias = weights["b_rr"] + weights.get("b_ir", 0.0)

        def step(h, x):
            h = cell(weights["w_ir"], weights["w_rr"], bias, alpha, x, h)
            return h, h

        start = jnp.zeros((x.shape[1], bias.size), x.dtype)
        _, activity = jax.lax.scan(step, start, x, unroll=2)
        outputs = read_out(weights["w_ro"], weights["b_ro"], activity)
        picked = jnp.take_along_axis(outputs, y[..., None], axis=-1)[..., 0]
        return (logsumexp(outputs, axis=-1) - picked).mean(), outputs

    def update(state, batch):
        weights, moments = state
        x, y = batch
        (loss, outputs), slope = jax.value_and_grad(loss_of, has_aux=True)(weights, x, y)
        change, moments = adam.update(slope, moments)
        weights = jax.tree.map(lambda w, c: w - rate * c, weights, change)
        asked = y > 0
        correct = asked & (outputs.argmax(axis=-1) == y)
        return (weights, moments), (loss, correct.sum() / asked.sum())

    def lane(state, x, y):
        return jax.lax.scan(update, state, (x, y))

    return jax.vmap(lane)(state, inputs, targets)
