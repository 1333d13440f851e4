"""Training: epochs of compiled steps, with a record from which it goes on."""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple, get_args

import brainpy.math as bm
import jax
import jax.numpy as jnp
import numpy as np
import optax

from yang_rnn._checks import (
    check_callable,
    check_is,
    check_one_of,
    check_real,
    check_whole,
    shown,
)
from yang_rnn._frames import frame_of
from yang_rnn.model import CTRNN
from yang_rnn.network.losses import Loss, clipped, share_correct
from yang_rnn.recipe import NOTEBOOK, Recipe, Schedule, seeds_of
from yang_rnn.training.batches import Batch, bounded, checked, epoch_of, stacked
from yang_rnn.training.objective import Objective, total_loss
from yang_rnn.training.optimisers import (
    Optimiser,
    adam,
    learning_rate_of,
    make_optimiser,
    set_state,
    state_of,
)
from yang_rnn.trials import Task

if TYPE_CHECKING:
    from yang_rnn._frames import DataFrame

LARGEST_WEIGHT = 1e18
"""From this size on a network has diverged: products of such weights are no numbers in float32."""


@dataclass(frozen=True, eq=False, repr=False)
class TrainingState:
    """All that training goes on from, besides the data.

    Attributes
    ----------
    epochs, steps : int
        Epochs and batches that were trained.
    optimiser : dict of arrays
        The optimiser's own numbers, by name.
    weights : dict of arrays
        The network's, as `CTRNN.weights` gives them.
    """

    epochs: int
    steps: int
    optimiser: Mapping[str, np.ndarray]
    weights: Mapping[str, np.ndarray]

    def __repr__(self) -> str:
        """Say how far training has come."""
        return f"TrainingState({self.epochs} epochs, {self.steps} steps)"


class _Columns(NamedTuple):
    loss: np.ndarray
    accuracy: np.ndarray


class History(_Columns):
    """How training went, epoch by epoch.

    Attributes
    ----------
    loss : array of shape (epoch,)
        Mean loss over the epoch's batches, without penalties: the cross-entropy, the mean square,
        or the user's.
    accuracy : array of shape (epoch,)
        Mean over the epoch's batches of the share of correct outputs at the steps that ask for a
        choice, those whose target is above 0 if the data do not say; batches without such a step
        are left out, and an epoch of them is NaN.
    state : TrainingState or None
        What ``train(..., resume=history)`` goes on from; None where that is not known.
    """

    state: TrainingState | None

    def __new__(
        cls, loss: np.ndarray, accuracy: np.ndarray, state: TrainingState | None = None
    ) -> History:
        """Put loss and accuracy together; the state is no column."""
        history = super().__new__(cls, loss, accuracy)
        history.state = state
        return history

    def __repr__(self) -> str:
        """Say how many epochs, and the first and last loss and accuracy."""
        if not len(self.loss):
            return "History(0 epochs)"
        return (
            f"History({len(self.loss)} epochs: loss {self.loss[0]:.4f} to {self.loss[-1]:.4f}, "
            f"accuracy {self.accuracy[0]:.3f} to {self.accuracy[-1]:.3f})"
        )

    def to_frame(self) -> DataFrame:
        """Give the history as a pandas frame, one row per epoch: epoch (from 1), loss, accuracy."""
        return frame_of({"epoch": np.arange(1, len(self.loss) + 1)} | self._asdict())


class DivergenceError(ArithmeticError):
    """Training came to a loss, or to weights, that are not finite."""


def train(
    net: CTRNN,
    data: Task | Iterable[Any],
    *,
    epochs: int = NOTEBOOK.epochs,
    batch_size: int = NOTEBOOK.batch_size,
    sequence_steps: int = NOTEBOOK.sequence_steps,
    stream_steps: int = NOTEBOOK.stream_steps,
    learning_rate: float = NOTEBOOK.learning_rate,
    steps_per_epoch: int | None = None,
    on_epoch: Callable[[int, float, float], None] | None = None,
    trials_per_epoch: int | None = None,
    optimiser: optax.GradientTransformation | Callable[..., Any] | None = None,
    learning_rate_schedule: Schedule = NOTEBOOK.learning_rate_schedule,
    learning_rate_end: float = NOTEBOOK.learning_rate_end,
    schedule_epochs: int | None = None,
    loss: Loss | None = None,
    l2_weights: float = NOTEBOOK.l2_weights,
    l2_rates: float = NOTEBOOK.l2_rates,
    clip_norm: float = NOTEBOOK.clip_norm,
    target_accuracy: float = NOTEBOOK.target_accuracy,
    held_out_trials: int = NOTEBOOK.held_out_trials,
    seed: int = NOTEBOOK.seed,
    resume: History | None = None,
) -> History:
    """Train a network in place, by Adam unless another optimiser is given.

    What is made small is the mean cross-entropy over all steps of a batch, or of targets that are
    values the mean square of the difference, each step by its weight where the data have weights;
    and the penalties. The network's private noise is on. The optimiser, the penalties and the
    noise that are not asked for leave a training as it is without them, bit for bit. Adam is that
    of [1]_.

    Parameters
    ----------
    net : CTRNN
        The network; its weights change.
    data : Task or iterable of batches
        A task, whose next trials are drawn each epoch; or an object that gives, each time it is
        iterated, an epoch of batches. A batch is `Trials`, or inputs (time, trial, inputs) and
        targets first, anything else behind them is not looked at: whole numbers (time, trial), or
        values (time, trial, output). A `brainpy_datasets.cognitive.TaskLoader` is such an object.
        One that gives batches for ever, as a `neurogym.Dataset` does, needs `steps_per_epoch`.
    epochs : int
        Times to go through the data; with `resume` so many more.
    batch_size : int
        Trials, or sequences of trials, in a batch, where `data` is a task.
    sequence_steps : int
        Time steps of a sequence of back-to-back trials, where `data` is a task; 0: single trials.
    stream_steps : int
        Time steps of the streams of trials that sequences are cut from one after the other, one for
        each place in a batch. They go on from batch to batch and from epoch to epoch, so that most
        sequences begin in the middle of a trial, and begin anew where too few steps are left.
        0: each sequence begins with a trial. Not used for single trials.
    learning_rate : float
        Learning rate of Adam. An `optimiser` has its own.
    steps_per_epoch : int, optional
        Batches of an epoch, where `data` is not a task: it is iterated once, and each epoch goes
        on where the one before ended. Without it an epoch is all that `data` gives, at most
        `MAX_BATCHES` batches and `MAX_NUMBERS` numbers.
    on_epoch : callable, optional
        Called after each epoch with its number from 1, its loss and its accuracy.
    trials_per_epoch : int, optional
        Trials, or sequences of trials, in an epoch, where `data` is a task; without it as
        `PerceptualDecisionMaking` says itself, or the notebook's.
    optimiser : optax.GradientTransformation or callable, optional
        Of optax, schedules within it: ``optax.adamw(optax.cosine_decay_schedule(1e-3, 1000))``. Or
        a function that makes one of BrainPy when it is called with ``train_vars=``, as
        ``functools.partial(bp.optim.Momentum, lr=0.01)``; its schedule goes on after each epoch.
    learning_rate_schedule : {"constant", "cosine", "exponential"}
        How Adam's learning rate falls from epoch to epoch.
    learning_rate_end : float
        Share of `learning_rate`, 0 to 1, that a schedule falls to behind its last epoch.
    schedule_epochs : int, optional
        Epochs that the schedule is over, of all that are trained; without it these and those that
        were trained before. Training in parts is as training at once if each part has it.
    loss : callable, optional
        A function of outputs (time, trial, output), targets and the weights of steps (time, trial)
        to one number, written with JAX, in place of the loss above.
    l2_weights : float
        Times the sum of squares of the effective ``w_ir``, ``w_rr`` and ``w_ro``, a penalty.
    l2_rates : float
        Times the mean square of the hidden states over the steps that count, a penalty.
    clip_norm : float
        Longest gradient of loss and penalties, over all weights together [2]_; longer ones are
        shortened to it. 0: any length.
    target_accuracy : float
        Training ends early after an epoch if this share of held-out trials is right, as the task's
        `correct` says. These are fresh trials of the task from a random stream of their own, the
        same after each epoch, without private noise. 0: never.
    held_out_trials : int
        How many these are.
    seed : int
        Fixes the private noise and the held-out trials.
    resume : History, optional
        Of an earlier training of this network, with the same optimiser, which goes on: epochs, the
        optimiser's state and the noise. Training in parts is then, bit for bit, as at once, if the
        data go on too, as the same task does.

    Returns
    -------
    History
        Of all epochs, those before `resume` too.

    Raises
    ------
    DivergenceError
        If an epoch's loss, or a weight after it, is not finite, or a weight is beyond all measure
        (`LARGEST_WEIGHT`); the message names the epoch.
    ValueError
        If a number is out of range, a task has another time step than the network, a batch is
        empty, misshapen or not of this network's channels, `data` give none, too few for
        `steps_per_epoch`, or go on and on without it; or `resume` is of another network or
        optimiser.
    TypeError
        If the data can't be iterated, a batch is not of real inputs and whole targets or values,
        or `optimiser` or `loss` is none.
    NotImplementedError
        If there is a target accuracy and the task does not say what is right.

    References
    ----------
    .. [1] Kingma & Ba (2015), "Adam: a method for stochastic optimization", ICLR.
    .. [2] Pascanu, Mikolov & Bengio (2013), "On the difficulty of training recurrent neural
       networks", ICML.
    """
    check_is("net", net, CTRNN)
    task = data if isinstance(data, Task) else None
    if task is None and (isinstance(data, str) or not hasattr(type(data), "__iter__")):
        raise TypeError(f"`data` must be a task or an iterable of batches; got {shown(data)}")
    if task is not None and not math.isclose(net.dt, task.dt, rel_tol=1e-9):
        raise ValueError(f"`net` must have the task's dt, {task.dt:g} ms; got {net.dt:g}")
    epochs = check_whole("epochs", epochs, 1)
    batch_size = check_whole("batch_size", batch_size, 1)
    sequence_steps = check_whole("sequence_steps", sequence_steps, 0)
    stream_steps = check_whole("stream_steps", stream_steps, 0)
    if 0 < stream_steps < sequence_steps:
        expected = f"0, or at least `sequence_steps` ({sequence_steps})"
        raise ValueError(f"`stream_steps` must be {expected}; got {stream_steps}")
    check_callable("on_epoch", on_epoch, optional=True)
    check_callable("loss", loss, optional=True)
    objective = Objective(
        l2_weights=check_real("l2_weights", l2_weights, minimum=0),
        l2_rates=check_real("l2_rates", l2_rates, minimum=0),
        clip_norm=check_real("clip_norm", clip_norm, minimum=0),
        loss=loss,
    )
    seeds = seeds_of(check_whole("seed", seed, 0, 2**32 - 1))
    if trials_per_epoch is not None:
        trials_per_epoch = check_whole("trials_per_epoch", trials_per_epoch, 1)
        if task is None:
            raise ValueError("`trials_per_epoch` must be left out: `data` is not a task")
    if task is not None and steps_per_epoch is not None:
        raise ValueError("`steps_per_epoch` must be left out for a task, which has its trials")
    if steps_per_epoch is not None:
        steps_per_epoch = check_whole("steps_per_epoch", steps_per_epoch, 1)
    past = _past(resume, net)
    rate = _Rate(
        learning_rate, learning_rate_schedule, learning_rate_end, schedule_epochs,
        past.epochs + epochs, optimiser,
    )  # fmt: skip
    stops = _EarlyStopping(net, task, target_accuracy, held_out_trials, seeds.held_out)

    own: Optimiser = rate.make(net)
    if resume is not None:
        set_state(own, past.optimiser)
    run_batches = _compile_epoch(net, own, objective, seeds.noise)
    going_on: Iterator[Any] | None = None
    if steps_per_epoch is not None:
        going_on = iter(data)  # type: ignore[arg-type] - no task: checked above

    def draw() -> list[Batch]:
        batches: Iterable[Any]
        if task is not None:
            batches = epoch_of(task, batch_size, sequence_steps, trials_per_epoch, stream_steps)
        elif going_on is not None:
            batches = itertools.islice(going_on, steps_per_epoch)
        else:
            batches = bounded(data)  # type: ignore[arg-type] - no task
        return list(stacked(checked(batches, net.design)))

    history = [] if resume is None else list(zip(*resume, strict=True))
    steps, ahead = past.steps, None
    for epoch in range(past.epochs + 1, past.epochs + epochs + 1):
        rate.begin(epoch - 1)
        results = []
        for group in draw() if ahead is None else ahead:
            results.append(run_batches(group, steps))
            steps += len(group.inputs)
        # JAX computes in the background: meanwhile the task draws the next trials, unless there
        # may be no next epoch, which must not have been drawn then.
        draws_ahead = task is not None and not stops.target and epoch < past.epochs + epochs
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
        mean = float(losses.mean(dtype=np.float64))
        if not np.isfinite(mean):
            raise DivergenceError(loss_in_words(epoch, mean, rate.told))
        size = largest_weight(net.weights)
        if not size < LARGEST_WEIGHT:
            raise DivergenceError(divergence_in_words(epoch, size, rate.told))
        own.end_epoch()
        asked = accuracies[~np.isnan(accuracies)]
        accuracy = float(asked.mean(dtype=np.float64)) if len(asked) else float("nan")
        history.append((mean, accuracy))
        if on_epoch is not None:
            on_epoch(epoch, mean, accuracy)
        if stops.reached():
            break
    state = TrainingState(len(history), steps, state_of(own), net.weights)
    columns = np.array(history, dtype=np.float64).T.copy()
    return History(columns[0], columns[1], state)


def train_recipe(
    net: CTRNN,
    recipe: Recipe,
    task: Task,
    *,
    epochs: int | None = None,
    resume: History | None = None,
    on_epoch: Callable[[int, float, float], None] | None = None,
) -> History:
    """Train a network on a task as a recipe says; raises as `train` does.

    Parameters
    ----------
    net : CTRNN
        The recipe's network; its weights change.
    recipe : Recipe
    task : Task
        The recipe's, at the place in its stream of trials that training begins at.
    epochs : int, optional
        Without it the recipe's.
    resume : History, optional
        As `train` takes it.
    on_epoch : callable, optional
        As `train` takes it.

    Returns
    -------
    History
    """
    return train(
        net,
        task,
        epochs=recipe.epochs if epochs is None else epochs,
        batch_size=recipe.batch_size,
        sequence_steps=recipe.sequence_steps,
        stream_steps=recipe.stream_steps,
        trials_per_epoch=recipe.trials_per_epoch,
        learning_rate=recipe.learning_rate,
        learning_rate_schedule=recipe.learning_rate_schedule,
        learning_rate_end=recipe.learning_rate_end,
        l2_weights=recipe.l2_weights,
        l2_rates=recipe.l2_rates,
        clip_norm=recipe.clip_norm,
        target_accuracy=recipe.target_accuracy,
        held_out_trials=recipe.held_out_trials,
        seed=recipe.seed,
        resume=resume,
        on_epoch=on_epoch,
    )


def optimiser_of(net: CTRNN, recipe: Recipe) -> Optimiser:
    """Return the optimiser that a recipe's training begins with."""
    schedule, end = recipe.learning_rate_schedule, recipe.learning_rate_end
    return _Rate(recipe.learning_rate, schedule, end, None, recipe.epochs, None).make(net)


def largest_weight(weights: Mapping[str, np.ndarray]) -> float:
    """Return the size of the largest weight; NaN or infinity where one is."""
    return float(np.max([np.abs(value).max() for value in weights.values()]))


def divergence_in_words(epoch: int, size: float, learning_rate: float | None) -> str:
    """Return what to say of an epoch that ended with weights of such a size."""
    return f"the weights after epoch {epoch} reach {size:.3g}: {_advice(learning_rate)}"


def loss_in_words(epoch: int, loss: float, learning_rate: float | None) -> str:
    """Return what to say of an epoch whose loss is not finite."""
    return f"the loss of epoch {epoch} is {loss}: {_advice(learning_rate)}"


def _advice(learning_rate: float | None) -> str:
    rate = "smaller steps" if learning_rate is None else f"a learning rate below {learning_rate:g}"
    return f"try {rate}, another seed, or inputs without huge or missing values"


def _past(resume: History | None, net: CTRNN) -> TrainingState:
    """Return what training goes on from; check that it is of this network."""
    if resume is None:
        return TrainingState(0, 0, {}, {})
    check_is("resume", resume, History)
    state = resume.state
    if state is None:
        raise ValueError("`resume` must have a `state`, as the history of a training has; got None")
    if state.epochs != len(resume.loss):
        raise ValueError(
            f"`resume` must have the {state.epochs} epochs of its state; got {len(resume.loss)}"
        )
    own = net.weights
    same = set(own) == set(state.weights) and all(
        np.array_equal(own[name], value) for name, value in state.weights.items()
    )
    if not same:
        raise ValueError(
            "`resume` must be of this network as it is: its weights are others than those that "
            "the training ended with, resume.state.weights"
        )
    return state


class _Rate:
    """The optimiser that is asked for, and its learning rate from epoch to epoch."""

    def __init__(
        self, rate: Any, schedule: Any, end: Any, schedule_epochs: Any, epochs: int, optimiser: Any
    ):
        self._optimiser = optimiser
        check_one_of("learning_rate_schedule", schedule, get_args(Schedule))
        rate = check_real("learning_rate", rate, above=0)
        end = check_real("learning_rate_end", end, minimum=0)
        if end > 1 or (end == 0 and schedule == "exponential"):
            low = "above 0" if schedule == "exponential" else "0"
            raise ValueError(f"`learning_rate_end` must be a number from {low} to 1; got {end:g}")
        if schedule_epochs is not None:
            epochs = check_whole("schedule_epochs", schedule_epochs, 1)
        self.told = rate
        self._varies = schedule != "constant"
        if optimiser is not None:
            if rate != NOTEBOOK.learning_rate or self._varies:
                raise ValueError(
                    "`learning_rate` and its schedule must be left out: `optimiser` has its own"
                )
            self.told = None
        self._at = learning_rate_of(schedule, rate, end, epochs)
        self._now: Any = bm.Variable(jnp.float32(rate)) if self._varies else rate

    def make(self, net: CTRNN) -> Optimiser:
        """Make the optimiser of a network."""
        variables: dict[str, bm.Variable] = {name: getattr(net, name) for name in net.weight_names}
        if self._optimiser is None:
            return adam(self._now, variables)
        return make_optimiser(self._optimiser, variables)

    def begin(self, epoch: int) -> None:
        """Set the learning rate of an epoch, counted from 0."""
        if self._varies:
            self._now.value = jnp.float32(self._at(epoch))


class _EarlyStopping:
    """Whether a network does as well as it should on held-out trials."""

    def __init__(self, net: CTRNN, task: Task | None, target: Any, num_trials: Any, seed: int):
        self.target = check_real("target_accuracy", target, minimum=0)
        num_trials = check_whole("held_out_trials", num_trials, 1)
        if self.target > 1:
            raise ValueError(f"`target_accuracy` must be a number from 0 to 1; got {self.target:g}")
        if not self.target:
            return
        if task is None:
            raise ValueError("`target_accuracy` must be left out: `data` is not a task")
        self._net, self._task = net, task
        self._trials = task.seeded(seed).sample_trials(num_trials)
        self.reached()  # what the task can't say is told before the work

    def reached(self) -> bool:
        """Tell whether it does, without private noise."""
        if not self.target:
            return False
        outputs = np.asarray(self._net.predict(self._trials.inputs)[1])
        correct = np.asarray(self._task.correct(outputs, self._trials))
        return bool(correct.mean() >= self.target)


def _compile_epoch(
    net: CTRNN, optimiser: Optimiser, objective: Objective, noise_seed: int
) -> Callable[[Batch, int], tuple[Any, Any]]:
    """Return a compiled function that takes one step a batch, over stacked batches."""
    key = jax.random.key(noise_seed)

    def total(batch: Batch, number: Any) -> tuple[Any, tuple[Any, Any]]:
        # A key for each batch, not for each call: training in parts has the same noise.
        noise_key = jax.random.fold_in(key, number)
        return total_loss(net.parameters, net.design, net.alpha, batch, noise_key, objective)

    variables = {name: getattr(net, name) for name in net.weight_names}
    gradient: Callable[..., Any] = bm.grad(total, grad_vars=variables, has_aux=True)

    def step(batch: Batch, number: Any) -> tuple[Any, Any]:
        gradients, (loss, outputs) = gradient(batch, number)
        optimiser.update(clipped(gradients, objective.clip_norm))
        return loss, share_correct(outputs, batch.targets, batch.asked)

    epoch: Callable[..., Any] = bm.jit(
        lambda batches, numbers: bm.for_loop(step, (batches, numbers))
    )

    def run_batches(batches: Batch, before: int) -> tuple[Any, Any]:
        return epoch(batches, jnp.arange(before, before + len(batches.inputs)))

    return run_batches
