"""Many networks of one shape trained in one compiled program."""

from __future__ import annotations

import dataclasses
import functools
from collections.abc import Callable, Iterator, Sequence
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax.scipy.special import logsumexp

from yang_rnn.model import CTRNN, cell_of
from yang_rnn.recipe import Recipe
from yang_rnn.task import PerceptualDecisionMaking
from yang_rnn.train import DivergenceError, History

MOST_LANES = {"cpu": 8}
"""Members that a program trains together on a platform: few where more are no faster each."""

MOST_LANES_ELSEWHERE = 512
"""Members that a program trains together on accelerators, which they are to fill."""

LANE_BYTES = {"cpu": 2 * 2**30}
"""Memory (bytes) that the lanes of a program may take together."""

LANE_BYTES_ELSEWHERE = 8 * 2**30
"""The same on accelerators."""

_BETA_1, _BETA_2, _EPSILON = 0.9, 0.999, 1e-8


class TrainedMember(NamedTuple):
    """One network of an ensemble.

    Attributes
    ----------
    recipe : Recipe
    weights : dict of arrays
        As `CTRNN.set_weights` takes them.
    history : History
        Loss and accuracy of each epoch.
    error : str
        Why training failed; empty if it did not. The weights are then those it came to.
    """

    recipe: Recipe
    weights: dict[str, np.ndarray]
    history: History
    error: str


def num_lanes(recipe: Recipe, platform: str | None = None) -> int:
    """Return how many members of a recipe a program trains together.

    It goes by the recipe and the kind of platform alone, not by the machine or by how many members
    there are, so that a member is always trained by the same program.

    Parameters
    ----------
    recipe : Recipe
    platform : str, optional
        As JAX calls it; without it the one that JAX computes on.
    """
    platform = platform or jax.default_backend()
    most = MOST_LANES.get(platform, MOST_LANES_ELSEWHERE)
    room = LANE_BYTES.get(platform, LANE_BYTES_ELSEWHERE)
    weights = recipe.hidden * (recipe.hidden + 2 * recipe.choices + 4)
    steps = recipe.sequence_steps or recipe.num_steps
    states = steps * recipe.batch_size * recipe.hidden
    batches = recipe.trials_per_epoch * steps * (recipe.choices + 2)
    # Weights, gradients and two moments; states kept for the gradient and theirs; an epoch's data.
    each = 4 * (4 * weights + 4 * states + 2 * batches)
    return max(1, min(most, room // each))


def train_ensemble(
    recipes: Sequence[Recipe], on_epoch: Callable[[int], None] | None = None
) -> list[TrainedMember]:
    """Train members that differ in their seed alone, all in one program.

    The mathematics is `train`'s, batch by batch: same trials, same loss, same Adam. The program is
    another one, so that results agree with `train`'s only as far as rounding leaves them: training
    amplifies it. Each lane of the program computes by itself, and there are always `num_lanes` of
    them (those without a member repeat the first one): what a member comes to does not depend on
    the others, to the bit.

    Parameters
    ----------
    recipes : sequence of Recipe
        At most `num_lanes`; equal but for the seed.
    on_epoch : callable, optional
        Called after each epoch with its number.

    Returns
    -------
    list of TrainedMember
        In the order of the recipes. A member whose loss is not finite has an `error`.

    Raises
    ------
    ValueError
        If there are no recipes or too many, or they differ in more than the seed.
    """
    if not recipes:
        raise ValueError("`recipes` must have one or more; got none")
    shape = dataclasses.replace(recipes[0], seed=0)
    lanes = num_lanes(shape)
    if len(recipes) > lanes:
        raise ValueError(f"`recipes` must be at most {lanes}; got {len(recipes)}")
    if any(dataclasses.replace(recipe, seed=0) != shape for recipe in recipes):
        raise ValueError("`recipes` must be equal but for their seeds")
    weights: Any = _stacked([CTRNN.from_recipe(recipe).weights for recipe in recipes], lanes)
    state = (weights, *jax.tree.map(jnp.zeros_like, (weights, weights)), jnp.zeros(lanes))
    tasks = [PerceptualDecisionMaking.from_recipe(recipe) for recipe in recipes]
    losses, accuracies = [], []
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
        accuracies.append(accuracy.mean(axis=1, dtype=np.float64))
        if on_epoch is not None:
            on_epoch(epoch)
    trained = {name: np.asarray(value) for name, value in state[0].items()}
    by_epoch = np.array(losses), np.array(accuracies)
    return [
        _member(recipe, {name: value[lane] for name, value in trained.items()}, lane, by_epoch)
        for lane, recipe in enumerate(recipes)
    ]


def _member(
    recipe: Recipe, weights: dict[str, np.ndarray], lane: int, by_epoch: Any
) -> TrainedMember:
    loss, accuracy = (values[:, lane] for values in by_epoch)
    lost = np.flatnonzero(~np.isfinite(loss))
    error = ""
    if len(lost):
        failure = DivergenceError(
            f"the loss of epoch {lost[0] + 1} is {loss[lost[0]]}: try a learning rate below "
            f"{recipe.learning_rate:g}, or another seed"
        )
        error = f"{type(failure).__name__}: {failure}"
    return TrainedMember(recipe, weights, History(loss, accuracy), error)


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
    """Take one Adam step a batch in every lane; return the state, and losses and accuracies."""
    cell = cell_of(activation)

    def loss_of(weights, x, y):
        bias = weights["b_rr"] + weights.get("b_ir", 0.0)

        def step(h, x):
            h = cell(weights["w_ir"], weights["w_rr"], bias, alpha, x, h)
            return h, h

        start = jnp.zeros((x.shape[1], bias.size), x.dtype)
        _, activity = jax.lax.scan(step, start, x, unroll=2)
        outputs = activity @ weights["w_ro"] + weights["b_ro"]
        picked = jnp.take_along_axis(outputs, y[..., None], axis=-1)[..., 0]
        return (logsumexp(outputs, axis=-1) - picked).mean(), outputs

    def update(state, batch):
        weights, first, second, time = state
        x, y = batch
        (loss, outputs), slope = jax.value_and_grad(loss_of, has_aux=True)(weights, x, y)
        time = time + 1
        # Kingma & Ba (2015), with the bias corrections in the rate, as BrainPy has it.
        size = rate / (1 - _BETA_1**time) * jnp.sqrt(1 - _BETA_2**time)
        first = jax.tree.map(lambda m, g: _BETA_1 * m + (1 - _BETA_1) * g, first, slope)
        second = jax.tree.map(lambda v, g: _BETA_2 * v + (1 - _BETA_2) * g**2, second, slope)
        weights = jax.tree.map(
            lambda w, m, v: w - size * m / (jnp.sqrt(v) + _EPSILON), weights, first, second
        )
        asked = y > 0
        correct = asked & (outputs.argmax(axis=-1) == y)
        return (weights, first, second, time), (loss, correct.sum() / asked.sum())

    def lane(state, x, y):
        return jax.lax.scan(update, state, (x, y))

    return jax.vmap(lane)(state, inputs, targets)
