"""A finished run trained for more epochs."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable

from yang_rnn._checks import check_is
from yang_rnn.experiment.names import TRAINING
from yang_rnn.experiment.run import Run
from yang_rnn.experiment.task_run import TaskRun
from yang_rnn.model import CTRNN
from yang_rnn.recipe import Recipe
from yang_rnn.task import recipe_for, task_of
from yang_rnn.train import train_recipe
from yang_rnn.training.batches import epoch_by


class ContinuationError(ValueError):
    """A run can't be trained on; the message says why."""


def continue_run(
    run: Run | TaskRun,
    recipe: Recipe,
    *,
    on_epoch: Callable[[int, float, float], None] | None = None,
) -> Run | TaskRun:
    """Train a run's network on; the run itself stays as it is.

    The trials that it was trained with are drawn and thrown away, so that training sees those that
    come next: on the same machine the result is, bit for bit, that of so many epochs at once.

    Parameters
    ----------
    run : Run or TaskRun
        A fresh one or a loaded one.
    recipe : Recipe
        The run's, with more `epochs`; numbers of the analysis may be others too.
    on_epoch : callable, optional
        Called after each new epoch with its number, loss and accuracy.

    Returns
    -------
    Run or TaskRun
        With the history of all epochs.

    Raises
    ------
    ContinuationError
        If the run can't be continued: what its optimiser had come to is not known, its learning
        rate has come to the end of a schedule, or it ended early by its target accuracy; or there
        are no more epochs.
    DivergenceError
        If training came to a loss that is not finite, or the trained network's states are not.
    """
    check_is("recipe", recipe, Recipe)
    state, done = run.history.state, len(run.history.loss)
    if state is None:
        raise ContinuationError(
            f"the run can't be continued: it has no {TRAINING}, as members of sweeps and runs of "
            "earlier versions have none"
        )
    if run.recipe.learning_rate_schedule != "constant":
        raise ContinuationError(
            "the run can't be continued: its learning rate has come to the end of its "
            f"{run.recipe.learning_rate_schedule} schedule"
        )
    if done < run.recipe.epochs:
        raise ContinuationError(
            f"the run can't be continued: it reached its target accuracy, "
            f"{run.recipe.target_accuracy:g}, after {done} epochs"
        )
    if recipe.epochs <= done:
        raise ContinuationError(f"`epochs` must be more than the run's {done}; got {recipe.epochs}")
    if isinstance(run, TaskRun):
        recipe = recipe_for(recipe, run.task)
    net = CTRNN.from_recipe(recipe)
    net.set_weights(run.net.weights)
    task = run.task.seeded(recipe.seeds.training) if isinstance(run, TaskRun) else task_of(recipe)
    for _ in range(done):
        for _ in epoch_by(recipe, task):
            pass
    history = train_recipe(
        net, recipe, task, epochs=recipe.epochs - done, resume=run.history, on_epoch=on_epoch
    )
    new = {"recipe": recipe, "net": net, "history": history, "facts": {}}
    if isinstance(run, Run):
        new |= {"found": None}
    again = dataclasses.replace(run, **new)
    _ = again.trajectories  # a network that diverged is told here
    return again
