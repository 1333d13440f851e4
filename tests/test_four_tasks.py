"""Four tasks of the literature are learned, and what is found in them is what must be there."""

import dataclasses
import importlib.util
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import yang_rnn as yr

ROOT = Path(__file__).parents[1]


def benchmark() -> Any:
    spec = importlib.util.spec_from_file_location("tasks_of", ROOT / "benchmarks" / "tasks.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


BENCHMARK = benchmark()
TASKS, KINDS = BENCHMARK.tasks(), BENCHMARK.KINDS


def trained(name: str, kind: str) -> yr.TaskRun:
    recipe, own = TASKS[name][:2]
    return yr.run_task(dataclasses.replace(recipe, **KINDS[kind]), own)


@pytest.mark.slow
def test_context_dependent_decisions_select_the_evidence_that_counts():
    run = trained("context-dependent decisions", "relu, leak inside")
    assert run.tested.accuracy > TASKS["context-dependent decisions"][3] - 0.02  # the ideal's
    assert set(run.verdicts) == {"motion counts", "colour counts"}
    assert {verdict.label for verdict in run.verdicts.values()} == {"line attractor"}
    assert len(run.selection) == 2
    for row in run.selection:
        other = next(name for name in row.gain if name != row.context)
        assert row.gain[row.context] > 3 * abs(row.gain[other])


@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "kind", "shown"),
    [
        ("delayed match to sample", "relu, leak inside", "sample"),
        ("delayed comparison", "relu, leak inside", "first"),
        ("memory of a direction", "tanh, leak outside", "direction"),
    ],
)
def test_what_must_be_remembered_is_in_the_states_of_the_delay(name: str, kind: str, shown: str):
    run = trained(name, kind)
    assert run.tested.low > TASKS[name][3]
    assert run.tested.learned
    values = run.trials.condition(shown)
    end = run.activity[run.trials.during("delay")][-1].astype(float)
    # The nearest mean over half of the trials tells what the other half was shown.
    half = np.arange(len(values)) % 2 == 0
    means = {v: end[half & (values == v)].mean(axis=0) for v in np.unique(values[half])}
    told = [min(means, key=lambda v, s=s: np.linalg.norm(s - means[v])) for s in end[~half]]
    rest = [np.ptp([v, t]) <= np.ptp(values) / 6 for v, t in zip(values[~half], told, strict=True)]
    assert np.mean(rest) > 0.8
    assert any(row.given.period == "delay" and len(row.points) for row in run.by_input)
