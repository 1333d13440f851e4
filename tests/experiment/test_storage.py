import shutil
from pathlib import Path

import numpy as np
import pytest
from safetensors import safe_open
from small import SMALL

from yang_rnn.experiment.drawing import draw, save_figures
from yang_rnn.experiment.report import summarise
from yang_rnn.experiment.run import Run
from yang_rnn.experiment.storage import load_run, save_numbers

FACTS = {"platform": "cpu", "versions": {}, "seconds": 1.0}


@pytest.fixture(scope="session")
def saved(small_run: Run, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("saved")
    save_numbers(small_run, path, FACTS)
    return path


@pytest.fixture
def folder(saved: Path, tmp_path: Path) -> Path:
    """Each test has a copy of its own to damage."""
    return Path(shutil.copytree(saved, tmp_path / "run"))


def test_loaded_run_is_the_saved_one(small_run: Run, folder: Path):
    run = load_run(folder)
    assert run.recipe == small_run.recipe
    assert run.facts == FACTS
    for name, value in small_run.net.weights.items():
        assert np.array_equal(run.net.weights[name], value)
    assert np.array_equal(run.history.loss, small_run.history.loss)
    assert np.array_equal(run.history.accuracy, small_run.history.accuracy)
    assert np.array_equal(run.points.state, small_run.points.state)
    assert run.points.search_counts == small_run.points.search_counts
    assert np.array_equal(run.newton_points.state, small_run.newton_points.state)


def test_loaded_run_has_all_that_a_fresh_one_has(small_run: Run, folder: Path):
    run = load_run(folder)
    assert np.array_equal(run.activity, small_run.activity)
    assert summarise(run) == summarise(small_run)
    assert np.array_equal(run.linearise().eigenvalues, small_run.linearise().eigenvalues)
    assert set(draw(run)) == FIGURES


def test_folder_has_what_the_readme_lists(small_run: Run, tmp_path: Path):
    save_figures(small_run, tmp_path / "figures")
    summary = save_numbers(small_run, tmp_path, FACTS)
    assert summary == summarise(small_run) | FACTS
    names = {str(path.relative_to(tmp_path)) for path in tmp_path.rglob("*") if path.is_file()}
    assert names == {f"figures/{name}.png" for name in FIGURES} | {
        "recipe.json",
        "weights.safetensors",
        "history.csv",
        "slow_points.npz",
        "fixed_points.npz",
        "stimulus_dependence.csv",
        "summary.json",
    }


ANY_CHOICES = {"trajectories", "slow_points", "slow_points_3d", "eigenvalues"}
FIGURES = ANY_CHOICES | {
    "psychometric",
    "averages",
    "slow_manifold",
    "flow_field",
    "line_attractor",
    "stimulus_dependence",
}


def test_other_tools_open_the_files(small_run: Run, folder: Path):
    pandas = pytest.importorskip("pandas")
    history = pandas.read_csv(folder / "history.csv")
    assert list(history.columns) == ["epoch", "loss", "accuracy"]
    assert list(history["epoch"]) == [1, 2]
    assert np.array_equal(history["loss"], small_run.history.loss)
    with safe_open(folder / "weights.safetensors", "np") as file:
        assert file.get_tensor("w_rr").shape == (SMALL.hidden, SMALL.hidden)
    with np.load(folder / "slow_points.npz", allow_pickle=False) as file:
        assert file["state"].shape == (len(small_run.points), SMALL.hidden)


@pytest.mark.parametrize(
    "name",
    [
        "recipe.json",
        "weights.safetensors",
        "history.csv",
        "slow_points.npz",
        "fixed_points.npz",
        "summary.json",
    ],
)
def test_damaged_or_missing_file_is_named(folder: Path, name: str):
    path = folder / name
    content = path.read_bytes()
    path.write_bytes(content[: len(content) // 3])
    if name == "history.csv":
        path.write_text("epoch,loss\n1,much\n")
    with pytest.raises(ValueError, match=f"{name} is damaged"):
        load_run(folder)
    path.unlink()
    with pytest.raises(FileNotFoundError, match=f"{name} is missing"):
        load_run(folder)


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("history.csv", ""),
        ("history.csv", "epoch,loss,accuracy\n"),
        ("summary.json", "[]"),
        ("summary.json", "3"),
        ("summary.json", "[" * 100_000),
        ("recipe.json", "[" * 100_000),
    ],
)
def test_file_that_holds_no_run_is_named(folder: Path, name: str, content: str):
    (folder / name).write_text(content)
    with pytest.raises(ValueError, match=f"{name} is damaged: "):
        load_run(folder)


def test_folder_that_is_none_is_an_error(tmp_path: Path):
    with pytest.raises(FileNotFoundError, match="no such folder"):
        load_run(tmp_path / "nowhere")


def test_same_run_gives_the_same_files(small_run: Run, folder: Path, tmp_path: Path):
    (tmp_path / "again").mkdir()
    save_numbers(load_run(folder), tmp_path / "again", FACTS)
    for path in folder.iterdir():
        assert path.read_bytes() == (tmp_path / "again" / path.name).read_bytes(), path.name


def test_run_without_a_slow_point_is_saved_and_loaded(runaway: Run, tmp_path: Path):
    save_numbers(runaway, tmp_path, FACTS)
    assert len(load_run(tmp_path).newton_points) == 0


def test_run_without_a_slow_point_has_all_figures(runaway: Run):
    assert set(draw(runaway)) == FIGURES


def test_three_choices_have_no_figure_of_two(three_choices: Run, tmp_path: Path):
    summary = save_numbers(three_choices, tmp_path, FACTS)
    assert summary["line_attractor"] is None
    assert set(draw(three_choices)) == ANY_CHOICES
    assert not (tmp_path / "stimulus_dependence.csv").exists()
