"""A network trained on any task, with its analysis at the inputs of each period and condition."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping
from functools import cached_property
from typing import Any, NamedTuple

import numpy as np
from sklearn.decomposition import PCA

from yang_rnn._checks import check_is
from yang_rnn.analysis import Averages, average_by, fit_pca
from yang_rnn.behaviour import Performance, Psychometric, performance, psychometric_function
from yang_rnn.dynamics.simulation import Trajectories, simulate
from yang_rnn.dynamics.system import System
from yang_rnn.experiment.run import PROOF_UNITS
from yang_rnn.line_attractor.verdict import Verdict, line_attractor_verdict
from yang_rnn.model import CTRNN
from yang_rnn.psychometrics import PsychometricFit, fit_psychometric
from yang_rnn.recipe import Recipe
from yang_rnn.task import recipe_for, task_of
from yang_rnn.task_inputs import ConstantInput, InputPoints, constant_inputs, points_by_input
from yang_rnn.train import DivergenceError, History, train_recipe
from yang_rnn.trials import Task, Trials, TwoAlternatives, alternatives_of, check_task

INPUT_PROOF_NODES = 50_000
"""Nodes that the enumeration of the fixed points at an input takes at most: a second or so."""


class Selection(NamedTuple):
    """What the leading mode of one context makes of the evidence of each.

    Attributes
    ----------
    context : str
        The context whose leading mode it is.
    gain : dict of float
        Step along the leading mode by one unit of evidence, by the context that it belongs to.
    """

    context: str
    gain: dict[str, float]


@dataclasses.dataclass(frozen=True, eq=False)
class TaskRun:
    """A network trained on any task, with its analysis, computed when asked for.

    The same recipe and weights on the same machine give the same numbers, bit for bit.

    Parameters
    ----------
    recipe : Recipe
        Of another task than the perceptual one, whose runs are `Run`.
    net : CTRNN
        The trained network.
    history : History
        Loss and accuracy of each epoch.
    task : Task
        The task, wherever it is in its stream of trials.
    facts : mapping
        What else is known: platform, versions and seconds of a run that was loaded.
    """

    recipe: Recipe
    net: CTRNN
    history: History
    task: Task
    facts: Mapping[str, Any] = dataclasses.field(default_factory=dict)

    def __repr__(self) -> str:
        """Say what was trained."""
        return f"TaskRun({self.recipe.name}, seed {self.recipe.seed})"

    @cached_property
    def system(self) -> System:
        """The network as the analysis sees it."""
        return self.net.system()

    @cached_property
    def trials(self) -> Trials:
        """Fresh trials of equal lengths whose states are analysed."""
        stream = self.task.seeded(self.recipe.seeds.test).with_equal_trials()
        return stream.sample_trials(self.recipe.analysis_trials)

    @cached_property
    def test_trials(self) -> Trials:
        """Fresh trials, of whatever lengths the task draws, that the performance is measured on."""
        stream = self.task.seeded(self.recipe.seeds.test)
        stream.sample_trials(self.recipe.analysis_trials)  # those above are not tested on
        return stream.sample_trials(self.recipe.test_trials)

    @cached_property
    def trajectories(self) -> Trajectories:
        """States and outputs in `trials`; a `DivergenceError` if they are not finite."""
        return self._trajectories_in(self.trials)

    @property
    def activity(self) -> np.ndarray:
        """States in `trials`, (time, trial, unit)."""
        return self.trajectories.activity

    @cached_property
    def pca(self) -> PCA:
        """Fitted to the states within the trials."""
        return fit_pca(self._states, self.recipe.components)

    @property
    def _states(self) -> np.ndarray:
        """States (state, unit) within the trials."""
        return self.activity[self.trials.inside]

    @cached_property
    def tested(self) -> Performance:
        """How well the network does on fresh trials."""
        outputs = self._trajectories_in(self.test_trials).outputs
        assert outputs is not None
        return performance(self.task, outputs, self.test_trials)

    @cached_property
    def alternatives(self) -> Mapping[str, TwoAlternatives]:
        """Evidence and choice by context; empty where the task has no two alternatives."""
        return alternatives_of(self.task)

    @cached_property
    def inputs(self) -> tuple[ConstantInput, ...]:
        """The constant inputs: without evidence in each context, then of each period."""
        rest = tuple(
            ConstantInput(
                ", ".join(filter(None, [f"{task.stimulus}, no evidence", context])),
                task.stimulus,
                dict(task.within),
                np.asarray(task.rest),
                False,
            )
            for context, task in self.alternatives.items()
        )
        return rest + constant_inputs(self.task)

    @cached_property
    def by_input(self) -> tuple[InputPoints, ...]:
        """The fixed and slow points at each of `inputs`; those of the same input are found once."""
        small = self.system.num_units <= PROOF_UNITS
        nodes = INPUT_PROOF_NODES if small else 0
        return points_by_input(self.system, self._states, self.inputs, proof_nodes=nodes)

    @cached_property
    def verdicts(self) -> dict[str, Verdict]:
        """What it does with evidence and why, by context; empty without two alternatives."""
        verdicts = {}
        for context, task in self.alternatives.items():
            chosen = task.said_of(self.trials)
            activity, outputs = self.trajectories
            assert outputs is not None
            trajectories = Trajectories(activity[:, chosen], outputs[:, chosen])
            verdicts[context] = line_attractor_verdict(
                self.system, self.trials.select(chosen), task, trajectories=trajectories
            )
        return verdicts

    @cached_property
    def selection(self) -> tuple[Selection, ...]:
        """What the mode that evidence drives makes of the evidence of each context [1]_.

        Where there are several contexts, and that mode, at the point that a verdict stands on, does
        not turn.

        References
        ----------
        .. [1] Mante, Sussillo, Shenoy & Newsome (2013), Nature 503:78-84.
        """
        if len(self.alternatives) < 2:
            return ()
        rows = []
        for context, verdict in self.verdicts.items():
            if verdict.modes is None or verdict.selection is None:
                continue
            pushed = verdict.modes.input_jacobian[0]
            gain = {
                other: float(verdict.selection @ pushed @ task.evidence)
                for other, task in self.alternatives.items()
            }
            rows.append(Selection(context, gain))
        return tuple(rows)

    @cached_property
    def psychometric(self) -> dict[str, Psychometric]:
        """Psychometric function by context; empty without two alternatives."""
        found = {}
        for context, task in self.alternatives.items():
            stream = self.task.seeded(self.recipe.seeds.test).with_equal_trials()
            trials = stream.sample_trials(self.recipe.test_trials).where(task.within)
            outputs = self._trajectories_in(trials).outputs
            assert outputs is not None
            found[context] = psychometric_function(outputs, trials, task)
        return found

    @cached_property
    def psychometric_fit(self) -> dict[str, PsychometricFit | None]:
        """Threshold, bias and lapses by context; None where the evidence is for one choice."""
        return {
            context: fit_psychometric(measured) if np.ptp(np.sign(measured.strength)) == 2 else None
            for context, measured in self.psychometric.items()
        }

    def averages(self, context: str) -> Averages:
        """Average states over trials of one context by their signed strength of evidence."""
        if context not in self.alternatives:
            raise ValueError(f"`context` must be one of {list(self.alternatives)}; got {context!r}")
        task = self.alternatives[context]
        chosen = task.said_of(self.trials)
        return average_by(
            self.activity[:, chosen], task.signed_strength(self.trials.select(chosen))
        )

    def _trajectories_in(self, trials: Trials) -> Trajectories:
        found = simulate(self.system, trials.inputs)
        assert found.outputs is not None  # a CTRNN has a readout
        if not (np.isfinite(found.activity).all() and np.isfinite(found.outputs).all()):
            raise DivergenceError(
                "the trained network's states run to infinity on fresh trials: try a learning "
                f"rate below {self.recipe.learning_rate:g}, more epochs, or another seed"
            )
        return found


def run_task(
    recipe: Recipe,
    task: Task | None = None,
    *,
    on_epoch: Callable[[int, float, float], None] | None = None,
) -> TaskRun:
    """Train a recipe's network on any task; its analysis is there when it is asked for.

    Parameters
    ----------
    recipe : Recipe
        Its `task` names a task of brainpy-datasets or NeuroGym, or one's own in a word or two.
    task : Task, optional
        One's own task; without it the one that the recipe names.
    on_epoch : callable, optional
        Called after each epoch with its number, loss and accuracy.

    Returns
    -------
    TaskRun

    Raises
    ------
    RecipeError
        If there is no such task, or it can't be made.
    DivergenceError
        If training came to a loss that is not finite, or the trained network's states are not.
    ValueError
        If the recipe is of the perceptual task, which `run_experiment` is for, or has another time
        step than the task, or the task's trials are not as it says.
    """
    check_is("recipe", recipe, Recipe)
    check_is("task", task, Task, optional=True)
    if recipe.is_perceptual:
        raise ValueError("`recipe.task` must name a task: run_experiment is for the perceptual one")
    task = task_of(recipe) if task is None else task.seeded(recipe.seeds.training)
    recipe = recipe_for(recipe, check_task(task))
    net = CTRNN.from_recipe(recipe)
    stream = task.seeded(recipe.seeds.training)
    history = train_recipe(net, recipe, stream, on_epoch=on_epoch)
    run = TaskRun(recipe, net, history, task)
    _ = run.trajectories  # a network that diverged is told here
    return run
