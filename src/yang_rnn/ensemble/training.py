"""Many networks of one shape trained in one compiled program."""

from __future__ import annotations

import dataclasses
import functools
import math
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from yang_rnn._checks import check_callable, check_is, shown
from yang_rnn.dynamics.adam import scale_by_adam
from yang_rnn.model import CTRNN, weight_shapes
from yang_rnn.network.equations import cell_of, read_out, run_trials
from yang_rnn.network.losses import clipped, share_correct
from yang_rnn.network.parameters import Design, effective
from yang_rnn.recipe import Recipe
from yang_rnn.task import task_of
from yang_rnn.train import LARGEST_WEIGHT, DivergenceError, History, divergence_in_words
from yang_rnn.training.batches import Batch, checked, epoch_by, stacked
from yang_rnn.training.objective import Objective, total_loss
from yang_rnn.training.optimisers import learning_rate_of
from yang_rnn.trials import Task

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
    task = task_of(recipe, seed=0)
    lengths = _lengths(recipe, task)
    if len(lengths) > 1:
        return 1
    weights = sum(math.prod(shape) for shape in weight_shapes(recipe).values())
    steps = recipe.sequence_steps or lengths.pop()
    states = steps * recipe.batch_size * recipe.hidden
    inputs, outputs = recipe.channels
    # Targets and, where a task has them, what each step counts and where it asks.
    more = 1 if recipe.is_perceptual else outputs + 2
    data = recipe.trials_per_epoch * steps * (inputs + more)
    # Weights, gradients and two moments; states kept for the gradient and theirs, and their noise;
    # an epoch's data.
    kept = 5 if recipe.unit_noise else 4
    each = 4 * (4 * weights + kept * states + 2 * data)
    if recipe.rank or recipe.excitatory:  # the recurrent weights that they come to, and the slope
        each += 4 * 2 * recipe.hidden**2
    if recipe.target_accuracy:  # the weights that it was reached with, held-out trials, states
        held = recipe.held_out_trials * steps * (inputs + 2 * recipe.hidden + outputs)
        each += 4 * (weights + held)
    return max(1, min(limit, room // each))


_LOOKED_AT = 64
"""Trials whose lengths tell whether a task has trials of one length."""


def _lengths(recipe: Recipe, task: Task) -> set[int]:
    """Return the lengths of a task's trials, one of them if they make up sequences."""
    if recipe.is_perceptual:
        return {recipe.num_steps}
    number = 1 if recipe.sequence_steps else _LOOKED_AT
    return {len(task.sample_trials(1).inputs) for _ in range(number)}


def train_ensemble(
    recipes: Sequence[Recipe], on_epoch: Callable[[int], None] | None = None
) -> list[TrainedMember]:
    """Train members that differ in their seed alone, all in one program.

    The mathematics is `train_recipe`'s, batch by batch: same trials, loss, penalties, private noise
    and Adam, and the same held-out trials for early stopping. The program is another one, so
    results agree with `train`'s up to rounding, which training amplifies. Each lane of the program
    computes by itself, and there are always `num_lanes` of them (those without a member repeat the
    first one). A member's result is therefore the same, bit for bit, whatever other members are
    trained with it. Its history has no `state`: it can't be resumed.

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
    nets = [CTRNN.from_recipe(recipe) for recipe in recipes]
    kind = _Kind(nets[0].design, Objective.of(shape))
    alpha = shape.dt / shape.tau
    weights = _stacked([net.weights for net in nets], lanes)
    state: Any = (weights, jax.vmap(scale_by_adam().init)(weights))
    tasks = [task_of(recipe) for recipe in recipes]
    seeds = jnp.asarray(_filled([recipe.seeds.noise for recipe in recipes], lanes), jnp.uint32)
    rate = learning_rate_of(
        shape.learning_rate_schedule, shape.learning_rate, shape.learning_rate_end, shape.epochs
    )
    held_out = (
        _HeldOut(recipes, tasks, lanes, kind.design, alpha) if shape.target_accuracy else None
    )
    ended: dict[int, tuple[int, dict[str, np.ndarray]]] = {}
    losses, accuracies, sizes, steps = [], [], [], 0
    ahead = _draw(tasks, shape, kind.design, lanes)
    for epoch in range(1, shape.epochs + 1):
        parts = []
        for batches in ahead:
            now = rate(epoch - 1)
            state, measured = _epoch(state, batches, steps, seeds, kind, alpha, now)
            steps += batches.inputs.shape[1]
            parts.append(measured)
        # JAX computes in the background: meanwhile the next trials are drawn.
        ahead = _draw(tasks, shape, kind.design, lanes) if epoch < shape.epochs else []
        loss, accuracy = (
            np.concatenate([np.asarray(part[k]) for part in parts], axis=1) for k in (0, 1)
        )
        losses.append(loss.mean(axis=1, dtype=np.float64))
        accuracies.append(_mean_of_known(accuracy))
        sizes.append(_largest_weights(state[0]))
        if on_epoch is not None:
            on_epoch(epoch)
        if held_out is not None:
            for lane in held_out.reached(state[0]):
                ended.setdefault(lane, (epoch, _lane(state[0], lane)))
            if len(ended) == len(recipes):
                break
    members = []
    for lane, recipe in enumerate(recipes):
        epochs, own = ended.get(lane, (len(losses), _lane(state[0], lane)))
        history = History(np.array(losses)[:epochs, lane], np.array(accuracies)[:epochs, lane])
        error = _divergence(recipe, history.loss, np.array(sizes)[:epochs, lane])
        members.append(TrainedMember(recipe, own, history, error))
    return members


class _Kind(NamedTuple):
    """What a program is compiled for."""

    design: Design
    objective: Objective


class _HeldOut:
    """Trials of each member that it is not trained with."""

    def __init__(
        self,
        recipes: Sequence[Recipe],
        tasks: Sequence[Task],
        lanes: int,
        design: Design,
        alpha: float,
    ):
        number, self._target = recipes[0].held_out_trials, recipes[0].target_accuracy
        self._design, self._alpha, self._tasks = design, alpha, tasks
        self._trials = [
            task.seeded(recipe.seeds.held_out).sample_trials(number)
            for task, recipe in zip(tasks, recipes, strict=True)
        ]
        members = [{"inputs": trials.inputs} for trials in self._trials]
        self._inputs = _stacked(members, lanes)["inputs"]

    def reached(self, weights: dict[str, Any]) -> list[int]:
        """Return the members that do as well as they should."""
        outputs = np.asarray(_outputs(weights, self._inputs, self._design, self._alpha))
        pairs = enumerate(zip(self._tasks, self._trials, strict=True))
        return [
            lane
            for lane, (task, trials) in pairs
            if np.mean(task.correct(outputs[lane], trials)) >= self._target
        ]


@functools.partial(jax.jit, static_argnames="design")
def _outputs(weights: Any, inputs: Any, design: Design, alpha: Any) -> Any:
    """Return the outputs in every lane, without private noise."""
    cell = cell_of(design.activation, design.leak)

    def lane(parameters: Any, x: Any) -> Any:
        own = effective(parameters, design)
        return read_out(own["w_ro"], own["b_ro"], run_trials(cell, own, alpha, x))

    return jax.vmap(lane)(weights, inputs)


def _lane(weights: dict[str, Any], lane: int) -> dict[str, np.ndarray]:
    return {name: np.asarray(value)[lane] for name, value in weights.items()}


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


def _draw(tasks: Sequence[Task], recipe: Recipe, design: Design, lanes: int) -> list[Batch]:
    """Draw an epoch: stacks (lane, batch, time, trial, ...) of batches of equal shapes."""
    drawn = [list(stacked(checked(epoch_by(recipe, task), design))) for task in tasks]
    return [
        Batch(
            *(
                None if part[0] is None else jnp.asarray(np.stack(_filled(part, lanes)))
                for part in zip(*stacks, strict=True)
            )
        )
        for stacks in zip(*drawn, strict=True)
    ]


def _stacked(members: Sequence[dict[str, np.ndarray]], lanes: int) -> dict[str, Any]:
    """Stack the arrays of members by name, in float32."""
    filled = _filled(members, lanes)
    return {
        name: jnp.asarray(np.stack([np.asarray(m[name], np.float32) for m in filled]))
        for name in members[0]
    }


def _filled(members: Sequence[Any], lanes: int) -> list[Any]:
    """Return what members have, with the first one's in the lanes that are left."""
    return [*members, *[members[0]] * (lanes - len(members))]


@functools.partial(jax.jit, static_argnames="kind")
def _epoch(
    state: Any, batches: Batch, before: Any, seeds: Any, kind: _Kind, alpha: Any, rate: Any
) -> Any:
    """Take one Adam step per batch in every lane; return the state, losses and accuracies."""
    design, objective = kind
    adam = scale_by_adam()

    def update(state, at, key):
        weights, moments = state
        batch, number = at
        noise_key = jax.random.fold_in(key, number)
        slope, (loss, outputs) = jax.grad(total_loss, has_aux=True)(
            weights, design, alpha, batch, noise_key, objective, in_notebooks_order=False
        )
        change, moments = adam.update(clipped(slope, objective.clip_norm), moments)
        weights = jax.tree.map(lambda w, c: w - rate * c, weights, change)
        return (weights, moments), (loss, share_correct(outputs, batch.targets, batch.asked))

    def lane(state, batches, seed):
        key = jax.random.key(seed)
        numbers = before + jnp.arange(len(batches.inputs))
        return jax.lax.scan(lambda state, at: update(state, at, key), state, (batches, numbers))

    return jax.vmap(lane)(state, batches, seeds)
