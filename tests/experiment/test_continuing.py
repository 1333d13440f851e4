import dataclasses
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from safetensors.numpy import load_file, save_file
from small import SMALL

from yang_rnn.experiment.continuing import ContinuationError, continue_run
from yang_rnn.experiment.run import Run, run_experiment
from yang_rnn.experiment.storage import load_run, save_numbers
from yang_rnn.experiment.task_run import TaskRun, run_task
from yang_rnn.recipe import Recipe
from yang_rnn.train import History

MORE = dataclasses.replace(SMALL, epochs=3)


def assert_same(first: Any, second: Any) -> None:
    for name, value in first.net.weights.items():
        assert np.array_equal(value, second.net.weights[name]), name
    for column, other in zip(first.history, second.history, strict=True):
        np.testing.assert_array_equal(column, other)


@pytest.fixture(scope="module")
def saved(small_run: Run, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("saved")
    save_numbers(small_run, path, {"platform": "cpu", "versions": {}, "seconds": 1.0})
    return path


def test_a_stored_run_goes_on_as_if_it_had_never_ended(saved: Path, small_run: Run):
    run = load_run(saved)
    told: list[int] = []
    again = continue_run(run, MORE, on_epoch=lambda *e: told.append(e[0]))
    assert told == [3]
    assert again.recipe == MORE
    assert_same(run_experiment(MORE), again)
    assert_same(small_run, run)  # itself it stays as it is
    assert again.facts == {}
    assert isinstance(again, Run)
    assert not np.array_equal(again.points.state, run.points.state)


@pytest.mark.slow
def test_a_stream_of_trials_goes_on_too(tmp_path: Path):
    recipe = dataclasses.replace(SMALL, sequence_steps=30, stream_steps=100, noise_in="stimulus")
    save_numbers(run_experiment(recipe), tmp_path, {})
    run, more = load_run(tmp_path), dataclasses.replace(recipe, epochs=3)
    assert run.recipe == recipe
    assert_same(run_experiment(more), continue_run(run, more))


@pytest.mark.slow
def test_another_task_goes_on_too():
    recipe = dataclasses.replace(
        SMALL, task="RateContextDecisionMaking", num_inputs=7, num_outputs=3, epochs=1,
        trials_per_epoch=16,
    )  # fmt: skip
    run, more = run_task(recipe), dataclasses.replace(recipe, epochs=2)
    again = continue_run(run, more)
    assert isinstance(again, TaskRun)
    assert_same(run_task(more), again)
    unfilled = dataclasses.replace(more, num_inputs=0, num_outputs=0)  # as it was given to run_task
    assert continue_run(run, unfilled).recipe == again.recipe


@pytest.mark.parametrize(
    ("numbers", "history", "message"),
    [
        ({}, History(np.ones(2), np.ones(2)), "it has no training.safetensors, as members of"),
        ({"learning_rate_schedule": "cosine"}, None, "come to the end of its cosine schedule"),
        ({"epochs": 9, "target_accuracy": 0.1}, None, "reached its target accuracy, 0.1, after 2"),
        ({}, None, "`epochs` must be more than the run's 2; got 2"),
    ],
)
def test_what_can_not_go_on_says_why(
    numbers: dict[str, Any], history: History | None, message: str, small_run: Run
):
    recipe = dataclasses.replace(SMALL, **numbers)
    run = dataclasses.replace(small_run, recipe=recipe, history=history or small_run.history)
    more = dataclasses.replace(recipe, epochs=10 if recipe != SMALL or history else 2)
    with pytest.raises(ContinuationError, match=message):
        continue_run(run, more)


def test_a_run_without_the_file_loads(saved: Path, tmp_path: Path):
    folder = Path(shutil.copytree(saved, tmp_path / "old"))
    (folder / "training.safetensors").unlink()
    sums = (folder / "SHA256SUMS").read_text().splitlines(keepends=True)
    rest = "".join(line for line in sums if "training" not in line)
    (folder / "SHA256SUMS").write_text(rest)
    assert load_run(folder).history.state is None


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"epochs": np.array(3)}, "it must be of 2 epochs; got 3"),
        ({"steps": np.array(1)}, "it must be of 2 epochs; got 2, in 1 steps"),
        ({"steps": np.array(1.5)}, "`steps` must be a whole number"),
        ({"optimiser.Adam.w_rr_m": np.zeros((8, 9), np.float32)}, "`Adam.w_rr_m` must be of"),
        ({"optimiser.Adam.w_rr_m": np.full((8, 8), np.nan, np.float32)}, "must be finite"),
        ({"optimiser.Adam.w_rr_m": np.zeros((8, 8))}, "must be of .*float32.*; got .*float64"),
        ({"more": np.zeros(1)}, "differs in ..more"),
    ],
)
def test_a_file_of_another_training_is_damaged(
    saved: Path, tmp_path: Path, change: dict[str, np.ndarray], message: str
):
    folder = Path(shutil.copytree(saved, tmp_path / "changed"))
    path = folder / "training.safetensors"
    save_file(load_file(path) | change, path)
    with pytest.raises(ValueError, match=rf"training.safetensors is damaged: .*{message}"):
        load_run(folder, verify=False)
    with pytest.raises(ValueError, match=r"training.safetensors is damaged: it was changed"):
        load_run(folder)


def test_a_run_that_ended_early_is_stored_with_the_epochs_that_it_has(tmp_path: Path):
    recipe = dataclasses.replace(SMALL, epochs=4, target_accuracy=1e-3, held_out_trials=50)
    run = run_experiment(recipe)
    assert len(run.history.loss) == 1
    summary = save_numbers(run, tmp_path, {})
    assert summary["epochs"] == 1
    loaded = load_run(tmp_path)
    assert_same(run, loaded)
    assert loaded.recipe == recipe


@pytest.mark.slow
def test_options_of_the_network_are_stored(tmp_path: Path):
    recipe: Recipe = dataclasses.replace(
        SMALL, epochs=1, excitatory=0.75, initial_state="trained", leak="outside", unit_noise=0.1
    )
    run = run_experiment(recipe)
    save_numbers(run, tmp_path, {})
    loaded = load_run(tmp_path)
    assert loaded.net.design == run.net.design
    assert_same(run, loaded)
