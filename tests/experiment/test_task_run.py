import dataclasses
from typing import Any

import numpy as np
import pytest
from small import SMALL_TASK
from tasks import Follow, Side

from yang_rnn.experiment.task_run import TaskRun, run_task
from yang_rnn.model import CTRNN
from yang_rnn.recipe import Recipe, RecipeError
from yang_rnn.task import recipe_for, task_of
from yang_rnn.train import DivergenceError, History

OWN = dataclasses.replace(SMALL_TASK, task="side", task_settings=(), dt=20.0, epochs=30)


def test_the_same_recipe_gives_the_same_run(small_task_run: TaskRun):
    again = run_task(SMALL_TASK)
    for name, value in small_task_run.net.weights.items():
        assert np.array_equal(again.net.weights[name], value)
    assert np.array_equal(again.history.loss, small_task_run.history.loss)
    assert np.array_equal(again.activity, small_task_run.activity)
    assert again.recipe == small_task_run.recipe
    assert again.recipe.channels == (7, 3)
    assert repr(again) == f"TaskRun({SMALL_TASK.name}, seed 0)"


def test_trials_that_are_tested_are_neither_trained_with_nor_analysed(small_task_run: TaskRun):
    run = small_task_run
    assert run.trials.inputs.shape[1] == SMALL_TASK.analysis_trials
    assert run.tested.num_trials == SMALL_TASK.test_trials
    assert run.trials.weights is None
    trained = run.task.seeded(SMALL_TASK.seeds.training).sample_trials(50)
    for first, second in (
        (run.test_trials, trained),
        (run.test_trials, run.task.seeded(SMALL_TASK.seeds.test).sample_trials(10)),
    ):
        steps = min(len(first.inputs), len(second.inputs), 11)
        ours = {first.inputs[:steps, k].tobytes() for k in range(first.inputs.shape[1])}
        theirs = {second.inputs[:steps, k].tobytes() for k in range(second.inputs.shape[1])}
        assert not ours & theirs


def test_states_are_those_of_the_network_by_its_equation(small_task_run: TaskRun):
    run, weights = small_task_run, small_task_run.net.weights
    h, alpha = np.zeros((SMALL_TASK.analysis_trials, 8)), SMALL_TASK.dt / SMALL_TASK.tau
    for step, x in enumerate(run.trials.inputs):
        drive = x @ weights["w_ir"] + h @ weights["w_rr"] + weights["b_rr"]
        h = np.maximum((1 - alpha) * h + alpha * drive, 0)
        np.testing.assert_allclose(run.activity[step], h, atol=1e-4)
    outputs = h @ weights["w_ro"] + weights["b_ro"]
    assert run.trajectories.outputs is not None
    np.testing.assert_allclose(run.trajectories.outputs[-1], outputs, atol=1e-4)


def test_contexts_have_verdicts_curves_and_averages_of_their_own(small_task_run: TaskRun):
    run = small_task_run
    contexts = ["context 0", "context 1"]
    for found in (run.alternatives, run.verdicts, run.psychometric):
        assert list(found) == contexts
    for k, context in enumerate(contexts):
        signed = run.trials.conditions[f"coherence {k}"][run.trials.conditions["context"] == k]
        averages = run.averages(context)
        assert averages.level.tolist() == np.unique(signed).tolist()
        here = (run.trials.conditions["context"] == k) & (
            run.trials.conditions[f"coherence {k}"] == averages.level[0]
        )
        mean = run.activity[:, here].mean(axis=1)
        np.testing.assert_allclose(averages.activity[:, 0], mean, atol=1e-6)
        total = run.psychometric[context].num_trials.sum()
        assert 0 < total < SMALL_TASK.test_trials
    assert sum(p.num_trials.sum() for p in run.psychometric.values()) == SMALL_TASK.test_trials
    for row in run.selection:
        assert list(row.gain) == contexts


def test_inputs_without_evidence_come_first_and_same_inputs_are_searched_once(
    small_task_run: TaskRun,
):
    names = [given.name for given in small_task_run.inputs]
    assert names[:2] == ["stimulus, no evidence, context 0", "stimulus, no evidence, context 1"]
    rows = {row.given.name: row for row in small_task_run.by_input}
    assert list(rows) == names
    assert rows["fixation, context 0"].points is rows["delay, context 0"].points
    F = small_task_run.system.at(rows["delay, context 0"].given.x)
    for state in rows["delay, context 0"].points.with_status("fixed").state:
        np.testing.assert_allclose(F(state), state, atol=1e-8)


def test_an_untrained_network_has_not_learned_the_task():
    recipe = dataclasses.replace(SMALL_TASK, num_inputs=7, num_outputs=3)
    history = History(np.ones(2), np.full(2, 0.5))
    run = TaskRun(recipe, CTRNN.from_recipe(recipe), history, task_of(recipe))
    assert not run.tested.learned


@pytest.mark.slow
@pytest.mark.parametrize(
    ("own", "tau"), [(Side(), 100.0), (Follow(noise=0.05), 20.0)], ids=["choices", "values"]
)
def test_a_task_of_ones_own_is_learned(own: Any, tau: float):
    run = run_task(dataclasses.replace(OWN, learning_rate=0.02, tau=tau), own)
    assert run.tested.learned
    assert run.tested.accuracy > 0.9
    assert run.recipe.channels == (own.num_inputs, own.num_outputs)
    assert run.verdicts == {}
    assert run.selection == ()
    assert run.by_input


@pytest.mark.parametrize(
    ("recipe", "task", "error", "message"),
    [
        (3, None, TypeError, "`recipe` must be a Recipe; got 3"),
        (OWN, 3, TypeError, "`task` must be a Task; got 3"),
        (Recipe(), None, ValueError, "`recipe.task` must name a task: run_experiment is for"),
        (OWN, None, RecipeError, "`task` must be perceptual, one of .*; got 'side'"),
        (dataclasses.replace(OWN, dt=50.0), Side(), ValueError, "must be the task's, 20 ms; got 5"),
        (OWN, Follow(num_outputs=2), ValueError, "each of 2 outputs, `num_outputs`; got 1"),
    ],
)
def test_what_can_not_be_run_is_refused_before_training(
    recipe: Any, task: Any, error: type[Exception], message: str
):
    def fail(*_: Any) -> None:
        raise AssertionError

    with pytest.raises(error, match=message):
        run_task(recipe, task, on_epoch=fail)


def test_states_that_run_to_infinity_are_told():
    recipe = recipe_for(OWN, Side())
    net = CTRNN.from_recipe(recipe)
    net.set_weights(net.weights | {"w_rr": 1e30 * np.ones((8, 8)), "b_rr": np.ones(8)})
    run = TaskRun(recipe, net, History(np.ones(2), np.ones(2)), Side())
    with pytest.raises(DivergenceError, match="run to infinity on fresh trials"):
        _ = run.trajectories


def test_a_context_that_there_is_none_of_is_named(small_task_run: TaskRun):
    with pytest.raises(ValueError, match=r"`context` must be one of \['context 0', 'context 1'\]"):
        small_task_run.averages("context 2")
