import csv
import dataclasses
import io
import json
from typing import Any

import numpy as np
import pytest
from small import SMALL_TASK
from tasks import Follow, Side

from yang_rnn.experiment.reading import table_text
from yang_rnn.experiment.summary import describe, stimulus_of
from yang_rnn.experiment.task_run import TaskRun, run_task
from yang_rnn.experiment.task_summary import (
    describe_task,
    summarise_task,
    table_of_inputs,
    task_row,
)
from yang_rnn.model import CTRNN
from yang_rnn.task import recipe_for, task_of
from yang_rnn.train import History


def untrained(task: Any, **numbers: Any) -> TaskRun:
    recipe = dataclasses.replace(SMALL_TASK, task="own", task_settings=(), dt=20.0, **numbers)
    recipe = recipe_for(recipe, task)
    return TaskRun(recipe, CTRNN.from_recipe(recipe), History(np.ones(2), np.ones(2)), task)


def text_of(run: TaskRun) -> str:
    return describe_task(summarise_task(run) | {"platform": "cpu"})


def test_summary_is_json_and_its_text_has_its_numbers(small_task_run: TaskRun):
    summary = summarise_task(small_task_run)
    assert json.loads(json.dumps(summary, allow_nan=False)) == summary
    text = text_of(small_task_run)
    assert f"Recipe {SMALL_TASK.name}, seed 0: 8 units" in text.replace("\n    ", " ")
    assert f"200 fresh trials a share of {summary['test_accuracy']:.4f} is" in text
    assert describe_task(summary) == text.replace(" on cpu.", ".")
    assert f"would reach {summary['chance']:.4f}" in text
    assert ("NOT LEARNED" in text) == (not small_task_run.tested.learned)
    assert f"PC 1 {100 * summary['explained_variance_ratio'][0]:.1f} %" in text
    for context, verdict in summary["line_attractor"].items():
        assert f"What the network does ({context})\n  {verdict['verdict']}: " in text
        assert f"Why ({context})\n  {verdict['mechanism']}: " in text
    assert max(map(len, text.splitlines())) <= 100


def test_time_constants_stand_beside_the_stimulus(small_task_run: TaskRun):
    lasts = stimulus_of(small_task_run)
    assert lasts is not None
    task = next(iter(small_task_run.alternatives.values()))
    steps = small_task_run.trials.periods[task.stimulus]
    assert isinstance(steps, slice)
    assert lasts == (steps.stop - steps.start) * SMALL_TASK.dt
    assert f"the stimulus lasts {lasts / 1000:.3g} s" in describe(small_task_run)
    assert stimulus_of(untrained(Follow())) is None


def test_an_untrained_network_reads_as_not_learned():
    for task in (Side(), Follow()):
        text = text_of(untrained(task))
        assert "NOT LEARNED: what follows is of a network that does not do the task" in text
        assert "No verdict: its task states no `alternatives()`" in text
    assert "of the targets' variance" in text_of(untrained(Follow()))
    recipe = dataclasses.replace(SMALL_TASK, num_inputs=7, num_outputs=3)
    history = History(np.ones(2), np.ones(2))
    run = TaskRun(recipe, CTRNN.from_recipe(recipe), history, task_of(recipe))
    assert "NOT LEARNED" in text_of(run)


def test_table_has_what_was_found_at_each_input(small_task_run: TaskRun):
    rows = small_task_run.by_input
    table = table_of_inputs(rows)
    read = list(csv.DictReader(io.StringIO(table_text(table))))
    assert len(read) == len(rows)
    for entry, row in zip(read, rows, strict=True):
        assert entry["input"] == row.given.name
        np.testing.assert_allclose([float(v) for v in entry["x"].split()], row.given.x, atol=1e-6)
        status = row.points.status.tolist()
        assert int(entry["fixed"]) == status.count("fixed")
        assert int(entry["slow"]) == status.count("slow")
        kinds = row.modes.stability.tolist()
        assert int(entry["stable"]) == kinds.count("stable")
        assert int(entry["saddles"]) == kinds.count("saddle")
        if row.centre is not None and status[row.centre] == "fixed":
            place = [k for k, s in enumerate(status) if s == "fixed"].index(row.centre)
            jacobian = row.modes.jacobian[place]
            largest = np.abs(np.linalg.eigvals(jacobian)).max()
            assert abs(complex(entry["eigenvalue"])) == pytest.approx(largest, abs=2e-3)
            if entry["time_constant"]:
                lasting = -SMALL_TASK.dt / np.log(largest)
                assert float(entry["time_constant"]) == pytest.approx(lasting, rel=1e-3)


def test_row_of_a_member_has_verdicts_by_context_and_points_by_input(small_task_run: TaskRun):
    summary = summarise_task(small_task_run)
    row = task_row(summary, np.array([3.0, 2.0]))
    assert (row["first_loss"], row["final_loss"]) == (3.0, 2.0)
    for context, verdict in small_task_run.verdicts.items():
        assert row[f"verdict {context}"] == verdict.label
    for entry in summary["inputs"]:
        assert row[f"fixed at {entry['input']}"] == entry["fixed"]
    assert row["learned"] == small_task_run.tested.learned


@pytest.mark.parametrize("value", [None, 3, {}])
def test_what_is_no_run_is_refused(value: Any):
    with pytest.raises(TypeError, match="`run` must be a TaskRun; got"):
        summarise_task(value)


@pytest.mark.parametrize("value", [None, 3, {}, {"recipe": "notebook"}])
def test_what_is_no_summary_is_refused(value: Any):
    with pytest.raises((TypeError, ValueError), match="`summary` must be"):
        describe_task(value)


@pytest.mark.slow
def test_networks_with_bounds_have_an_index_sum_at_each_input():
    run = run_task(dataclasses.replace(SMALL_TASK, activation="tanh"))
    summary = summarise_task(run)
    row = task_row(summary, np.array([3.0, 2.0]))
    for entry in summary["inputs"]:
        assert entry["index_sum"] == 1
        assert row[f"index_sum at {entry['input']}"] == 1
    assert any("index sum 1" in line for line in summary["points"])


def test_networks_without_bounds_have_no_index_sum(small_task_run: TaskRun):
    assert all("index_sum" not in entry for entry in summarise_task(small_task_run)["inputs"])
