import contextlib
import dataclasses
import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from safetensors.numpy import load_file, save_file
from small import SMALL_TASK
from tasks import Side

from yang_rnn.experiment.checksums import with_sums
from yang_rnn.experiment.drawing import draw, save_figures
from yang_rnn.experiment.names import TASK_ORDER, is_figure_file
from yang_rnn.experiment.storage import load_run, save_run
from yang_rnn.experiment.task_run import TaskRun, run_task
from yang_rnn.experiment.task_storage import TASK_ALWAYS, read_task_summary, save_task_numbers
from yang_rnn.experiment.task_summary import describe_task, summarise_task
from yang_rnn.model import CTRNN
from yang_rnn.recipe import Recipe
from yang_rnn.task import recipe_for
from yang_rnn.train import History

FACTS = {"platform": "cpu", "versions": {}, "seconds": 1.0}


@pytest.fixture(scope="session")
def saved_task(small_task_run: TaskRun, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("saved")
    save_task_numbers(small_task_run, path, FACTS)
    return path


@pytest.fixture
def folder(saved_task: Path, tmp_path: Path) -> Path:
    """Each test has a copy of its own to damage."""
    return Path(shutil.copytree(saved_task, tmp_path / "run"))


def test_loaded_run_is_the_saved_one(small_task_run: TaskRun, folder: Path):
    run = load_run(folder)
    assert isinstance(run, TaskRun)
    assert run.recipe == small_task_run.recipe
    assert run.facts == FACTS
    for name, value in small_task_run.net.weights.items():
        assert np.array_equal(run.net.weights[name], value)
    assert np.array_equal(run.history.loss, small_task_run.history.loss)
    assert np.array_equal(run.activity, small_task_run.activity)
    assert summarise_task(run) == summarise_task(small_task_run)


def test_folder_has_all_files_and_the_same_again(folder: Path, tmp_path: Path):
    names = {path.name for path in folder.iterdir()}
    assert names == {*TASK_ALWAYS, "training.safetensors", "SHA256SUMS"}
    (tmp_path / "again").mkdir()
    save_task_numbers(load_run(folder), tmp_path / "again", FACTS)
    for path in folder.iterdir():
        assert path.read_bytes() == (tmp_path / "again" / path.name).read_bytes(), path.name


def test_figures_come_in_order_by_context_and_are_known(small_task_run: TaskRun, tmp_path: Path):
    drawn = draw(small_task_run)
    assert list(drawn) == [
        *TASK_ORDER[:4],
        *(f"{name}-context_{k}" for name in TASK_ORDER[4:7] for k in (0, 1)),
        *TASK_ORDER[7:],
    ]
    save_figures(small_task_run, tmp_path / "figures")
    files = {path.name for path in (tmp_path / "figures").iterdir()}
    assert files == {f"{name}.png" for name in drawn}
    assert all(map(is_figure_file, files))


@pytest.mark.parametrize("name", TASK_ALWAYS)
def test_a_flipped_bit_is_found_wherever_it_is(folder: Path, name: str):
    path = folder / name
    whole = path.read_bytes()
    for place in np.random.default_rng(0).integers(len(whole), size=8):
        content = bytearray(whole)
        content[place] ^= 4
        path.write_bytes(content)
        with pytest.raises(ValueError, match=rf"^{path} is damaged: it was changed after the run"):
            load_run(folder)
        # Unverified it is a run as it was, or refused: nothing else comes.
        with contextlib.suppress(ValueError):
            assert isinstance(load_run(folder, verify=False), TaskRun)
    path.unlink()
    with pytest.raises(FileNotFoundError, match=f"{name} is missing"):
        load_run(folder)


@pytest.mark.parametrize("name", TASK_ALWAYS)
@pytest.mark.parametrize("content", [b"", b"[]", b"3", b"[" * 100_000, b"\xff" * 99])
def test_a_file_that_holds_something_else_is_named(folder: Path, name: str, content: bytes):
    (folder / name).write_bytes(content)
    refused(folder, name, "")


def refused(folder: Path, name: str, why: str) -> None:
    """Check that a run is refused, verified or not, by an error that begins with a file."""
    files = {path.name: path.read_bytes() for path in folder.iterdir()}
    (folder / "SHA256SUMS").write_bytes(with_sums(files)["SHA256SUMS"])
    for verify in (True, False):
        with pytest.raises(ValueError, match=rf"^{folder / name} is damaged: .*{why}"):
            load_run(folder, verify=verify)


@pytest.mark.parametrize(
    ("change", "name", "why"),
    [
        ({"seed": 3}, "summary.json", "`seed` must be that of the run"),
        ({"hidden": 9}, "weights.safetensors", "must have shape"),
        ({"num_inputs": 6}, "weights.safetensors", "must have shape"),
        ({"num_outputs": 0}, "weights.safetensors", "must have shape"),
        ({"epochs": 3}, "history.csv", "must have 3 epochs; got 2"),
        ({"epochs": 1}, "history.csv", "must have 1 epochs; got 2"),
        ({"tau": 300.0}, "summary.json", "`recipe` must be that of the run"),
        ({"task": "RateGoNoGo"}, "summary.json", "`task` must be that of the run"),
        ({"task_settings": ["noise_sigma=3"]}, "summary.json", "`recipe` must be that of the run"),
        ({"task_settings": ["dt=3"]}, "recipe.json", "`task_settings` must be without dt"),
        ({"test_trials": 9}, "summary.json", "`test_trials` must be that of the run"),
        ({"coherences": [3.0]}, "recipe.json", "`coherences` must be left as it is"),
        ({"num_inputs": -1}, "recipe.json", "`num_inputs` must be"),
        ({"dinner": 3}, "recipe.json", "no field 'dinner'"),
    ],
)
def test_a_recipe_of_another_run_is_refused(
    folder: Path, change: dict[str, Any], name: str, why: str
):
    path = folder / "recipe.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | change))
    with pytest.raises(ValueError, match=r"recipe\.json is damaged: it was changed after the run"):
        load_run(folder)
    refused(folder, name, why)


@pytest.mark.parametrize(
    ("change", "why"),
    [
        (dict.clear, "it lacks"),
        (lambda s: s.pop("learned"), "it lacks 'learned'"),
        (lambda s: s.update(learned=1), "`learned` must not be 1"),
        (lambda s: s.update(hidden=9), "`hidden` must be that of the run, 8; got 9"),
        (lambda s: s.update(test_trials=1), "`test_trials` must be that of the run, 200; got 1"),
        (lambda s: s.update(epochs=3), "`epochs` must be that of the run"),
        (lambda s: s.update(final_loss=0.5), "`final_loss` must be that of the run"),
        (lambda s: s.update(test_accuracy=1.5), "`test_accuracy` must be 0 to 1"),
        (lambda s: s.update(test_accuracy=True), "`test_accuracy` must not be True"),
        (lambda s: s.update(chance="none"), "`chance` must not be 'none'"),
        (lambda s: s.update(platform=3), "`platform` must not be 3"),
        (lambda s: s.update(seconds="long"), "`seconds` must not be 'long'"),
        (lambda s: s["inputs"].clear(), "is not as the summary has it"),
        (lambda s: s["inputs"][0].update(fixed=99), "line 2 is not as the summary has it"),
        (lambda s: s.update(inputs=[3]), ""),
        (lambda s: s.update(psychometric_fit=3), "`psychometric_fit` must be by context; got 3"),
        (lambda s: s["psychometric_fit"].update(a={}), "must say `problem`"),
    ],
)
def test_a_summary_of_another_run_or_of_none_is_refused(
    folder: Path, change: Callable[[dict[str, Any]], object], why: str
):
    path = folder / "summary.json"
    summary = json.loads(path.read_text())
    change(summary)
    path.write_text(json.dumps(summary))
    refused(folder, "inputs.csv" if "as the summary" in why or not why else "summary.json", why)
    if "lacks" in why or "must not" in why:
        with pytest.raises(ValueError, match=why):
            read_task_summary(folder)


@pytest.mark.parametrize("change", [lambda w: w[1:], lambda w: w * np.nan, lambda w: w > 0])
def test_weights_that_are_none_of_the_recipes_network_are_refused(
    folder: Path, change: Callable[[Any], Any]
):
    path = folder / "weights.safetensors"
    weights = load_file(path)
    save_file(weights | {"w_rr": np.ascontiguousarray(change(weights["w_rr"]))}, path)
    refused(folder, "weights.safetensors", "`w_rr` must")


def own_run(folder: Path) -> Recipe:
    recipe = dataclasses.replace(SMALL_TASK, task="side", task_settings=(), dt=20.0)
    recipe = recipe_for(recipe, Side())
    folder.mkdir()
    history = History(np.ones(2), np.array([np.nan, 0.5]))
    save_task_numbers(TaskRun(recipe, CTRNN.from_recipe(recipe), history, Side()), folder, FACTS)
    return recipe


def test_the_run_of_a_task_of_ones_own_is_loaded_with_it(tmp_path: Path):
    recipe = own_run(tmp_path / "own")
    run = load_run(tmp_path / "own", task=Side())
    assert run.recipe == recipe
    assert np.isnan(run.history.accuracy[0])
    with pytest.raises(ValueError, match=r"recipe\.json: `task` must be .*load_run\(..., task=ta"):
        load_run(tmp_path / "own")
    with pytest.raises(TypeError, match="`task` must be a Task; got 3"):
        load_run(tmp_path / "own", task=3)  # pyright: ignore[reportArgumentType]


@pytest.mark.parametrize(("field", "value"), [("num_inputs", 3), ("num_outputs", 2), ("dt", 10.0)])
def test_a_task_of_others_channels_or_step_is_refused(tmp_path: Path, field: str, value: Any):
    own_run(tmp_path / "own")
    other = Side()
    setattr(other, field, value)
    with pytest.raises(ValueError, match=r"must (have the run's channels|be the task's, 10 ms)"):
        load_run(tmp_path / "own", task=other)


def test_a_run_without_a_fixed_point_is_saved_and_told(tmp_path: Path):
    recipe = recipe_for(
        dataclasses.replace(SMALL_TASK, task="side", task_settings=(), dt=20.0), Side()
    )
    net = CTRNN.from_recipe(recipe)
    zeros = {name: np.zeros_like(value) for name, value in net.weights.items()}
    net.set_weights(zeros | {"w_rr": 2 * np.eye(8), "b_rr": np.full(8, 2.0)})
    run = TaskRun(recipe, net, History(np.ones(2), np.ones(2)), Side())
    summary = save_task_numbers(run, tmp_path, FACTS)
    assert {row["fixed"] for row in summary["inputs"]} == {0}
    assert "0 fixed, 0 slow" in describe_task(summary)
    assert load_run(tmp_path, task=Side()).recipe == recipe
    assert list(draw(run)) == [*TASK_ORDER[:4], *TASK_ORDER[7:]]


def test_a_run_of_ones_own_task_is_saved_and_loaded_with_the_task(tmp_path: Path):
    task = Side()
    recipe = Recipe(task="a side", dt=20, hidden=6, epochs=1, trials_per_epoch=16, test_trials=50)
    run = run_task(dataclasses.replace(recipe, analysis_trials=20), task)
    folder = save_run(run, tmp_path / "mine")
    again = load_run(folder, task=task)
    assert again.tested.accuracy == run.tested.accuracy
    for name, value in run.net.weights.items():
        assert np.array_equal(again.net.weights[name], value)
    with pytest.raises(FileExistsError):
        save_run(run, folder)
    with pytest.raises(TypeError, match="`run` must be a Run or a TaskRun"):
        save_run(recipe, tmp_path / "other")  # pyright: ignore[reportArgumentType]
    assert not (tmp_path / "other").exists()
