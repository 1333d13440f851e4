import json
import math
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from safetensors import safe_open
from safetensors.numpy import load_file, save_file
from small import SMALL

from yang_rnn.experiment.checksums import with_sums
from yang_rnn.experiment.drawing import draw, save_figures
from yang_rnn.experiment.run import Run
from yang_rnn.experiment.storage import load_run, save_numbers, save_run
from yang_rnn.experiment.summary import summarise

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
        "training.safetensors",
        "slow_points.npz",
        "fixed_points.npz",
        "stimulus_dependence.csv",
        "summary.json",
        "SHA256SUMS",
    }


ANY_CHOICES = {
    "trajectories", "slow_points", "slow_points_3d", "eigenvalues", "outputs", "unit_activity",
    "weights", "learning_curve",
}  # fmt: skip
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
        "training.safetensors",
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


RUN_FILES = (
    "recipe.json",
    "weights.safetensors",
    "history.csv",
    "training.safetensors",
    "slow_points.npz",
    "fixed_points.npz",
    "stimulus_dependence.csv",
    "summary.json",
)


def test_sums_are_those_that_other_tools_check(folder: Path):
    if shutil.which("sha256sum") is None:
        pytest.skip("no sha256sum here")
    words = ["sha256sum", "--strict", "-c", "SHA256SUMS"]
    done = subprocess.run(words, cwd=folder, check=True, capture_output=True, text=True)
    assert done.stdout.splitlines() == [f"{name}: OK" for name in sorted(RUN_FILES)]


@pytest.mark.parametrize("name", RUN_FILES)
def test_a_flipped_bit_is_found_wherever_it_is(folder: Path, name: str):
    path = folder / name
    whole = path.read_bytes()
    for place in np.random.default_rng(0).integers(len(whole), size=5):
        content = bytearray(whole)
        content[place] ^= 4
        path.write_bytes(content)
        with pytest.raises(ValueError, match=rf"^{path} is damaged: it was changed after the run"):
            load_run(folder)


def test_a_recipe_edited_by_hand_is_an_error_that_says_so(folder: Path):
    path = folder / "recipe.json"
    path.write_text(path.read_text().replace('"learning_rate": 0.001', '"learning_rate": 0.01'))
    with pytest.raises(ValueError, match=r"recipe\.json is damaged: it was changed after the run"):
        load_run(folder)


@pytest.mark.parametrize(
    ("content", "why"),
    [
        ("", "is damaged: it is not one checksum and one name a line"),
        ("0" * 64 + "  ../recipe.json\n", "is damaged: it is not one checksum"),
        ("0" * 64 + "  notes.txt\n", "is damaged: it lacks recipe.json"),
        (2 * ("0" * 64 + "  recipe.json\n"), "is damaged: it has a name twice"),
        (None, "is missing; load_run"),
    ],
    ids=["empty", "elsewhere", "too few", "twice", "none"],
)
def test_sums_that_are_missing_or_damaged_are_an_error(
    small_run: Run, folder: Path, content: str | None, why: str
):
    (folder / "SHA256SUMS").unlink()
    if content is not None:
        (folder / "SHA256SUMS").write_text(content)
    with pytest.raises((ValueError, FileNotFoundError), match=f"SHA256SUMS {why}"):
        load_run(folder)
    assert load_run(folder, verify=False).recipe == small_run.recipe


def test_unverified_a_changed_run_is_looked_at_with_what_it_has(folder: Path):
    path = folder / "history.csv"
    rows = path.read_text().splitlines()
    path.write_text("\n".join([rows[0], "1,0.25,nan", rows[2]]) + "\n")
    run = load_run(folder, verify=False)
    assert run.history.loss[0] == 0.25
    assert math.isnan(run.history.accuracy[0])


def sealed(folder: Path) -> None:
    """Make the checksums of a folder's files again, so that only their content tells."""
    files = {path.name: path.read_bytes() for path in folder.iterdir()}
    (folder / "SHA256SUMS").write_bytes(with_sums(files)["SHA256SUMS"])


def refused(folder: Path, name: str, why: str) -> None:
    """Check that a run is refused, verified or not, by an error that begins with a file."""
    sealed(folder)
    for verify in (True, False):
        with pytest.raises(ValueError, match=rf"^{folder / name} is damaged: .*{why}"):
            load_run(folder, verify=verify)


@pytest.mark.parametrize(
    ("change", "why"),
    [
        (lambda w: w.astype(np.int32), "must be float32; got int32"),
        (lambda w: w.astype(np.float64), "must be float32; got float64"),
        (lambda w: w.astype(np.float16), "must be float32; got float16"),
        (lambda w: w > 0, "must be float32; got bool"),
        (lambda w: w[1:], r"must have shape \(8, 8\); got \(7, 8\)"),
        (lambda w: w * np.float32(np.nan), "must be finite"),
    ],
    ids=["integers", "double", "half", "truth", "shape", "NaN"],
)
def test_weights_that_are_none_of_the_recipes_network_are_refused(
    folder: Path, change: Callable[[Any], Any], why: str
):
    path = folder / "weights.safetensors"
    weights = load_file(path)
    save_file(weights | {"w_rr": np.ascontiguousarray(change(weights["w_rr"]))}, path)
    refused(folder, "weights.safetensors", f"`w_rr` {why}")


def test_points_that_do_not_move_so_with_the_weights_are_refused(folder: Path):
    path = folder / "weights.safetensors"
    weights = load_file(path)
    save_file(weights | {"w_rr": np.float32(1.001) * weights["w_rr"]}, path)
    refused(folder, "slow_points.npz", "don't have their speeds .* weights.safetensors")


HEAD = "epoch,loss,accuracy"


@pytest.mark.parametrize(
    ("rows", "why"),
    [
        ([HEAD, "1,1.0,0.5"], "must have 2 epochs; got 1"),
        ([HEAD, "1,1.0,0.5", "2,1.0,0.5", "3,1.0,0.5"], "must have 2 epochs; got 3"),
        ([HEAD, "1,1.0,0.5", "1,1.0,0.5"], "row 2 must be"),
        ([HEAD, "1,inf,0.5", "2,1.0,0.5"], "row 1 must be"),
        ([HEAD, "1,-1.0,0.5", "2,1.0,0.5"], "row 1 must be"),
        ([HEAD, "1,1_0,0.5", "2,1.0,0.5"], "row 1 must be"),
        ([HEAD, "1,1.0", "2,1.0,0.5"], "row 1 must be"),
        ([HEAD, "1,1.0,1.5", "2,1.0,0.5"], "accuracy of epoch 1 must be 0 to 1"),
        (["loss,epoch,accuracy", "1,1.0,0.5", "2,1.0,0.5"], "columns must be"),
        ([HEAD, '1,1.0,"0.5', "2,1.0,0.5"], "unexpected end of data"),
        ([HEAD, "1,1.0," + "0" * 140_000], "bytes"),
    ],
)
def test_a_history_that_is_none_is_refused(folder: Path, rows: list[str], why: str):
    (folder / "history.csv").write_text("\n".join(rows) + "\n")
    refused(folder, "history.csv", why)


@pytest.mark.parametrize(
    ("change", "why"),
    [
        (dict.clear, "it lacks"),
        (lambda s: s.pop("test_accuracy"), r"it lacks \['test_accuracy'\]"),
        (lambda s: s.update(recipe="notebook"), "`recipe` must be that of the run"),
        (lambda s: s.update(seed=1), "`seed` must be that of the run, 0; got 1"),
        (lambda s: s.update(epochs=3), "`epochs` must be that of the run"),
        (lambda s: s.update(final_loss=0.5), "`final_loss` must be that of the run"),
        (lambda s: s.update(test_accuracy=1.5), "`test_accuracy` must be 0 to 1"),
        (lambda s: s.update(test_accuracy="high"), "`test_accuracy` must not be 'high'"),
        (lambda s: s.update(test_accuracy=math.nan), "must be finite; got NaN"),
        (lambda s: s["newton"].update(fixed=99), "`newton` must be that of the run"),
        (lambda s: s["search"]["ends"].update(fixed=-1), "`search.ends` must have"),
        (lambda s: s["search"].update(starts=3), "`search.starts` must be that of the run"),
        (lambda s: s.update(analysed_point=None), "`analysed_point` must be one of"),
        (lambda s: s["analysed_point"].update(speed=0.5), "`analysed_point` must be one of"),
        (lambda s: s.update(line_attractor={}), "`line_attractor` must have"),
        (lambda s: s.update(versions=3), "`versions` must not be 3"),
        (lambda s: s.update(psychometric_fit=[]), "`psychometric_fit` must not be"),
        (lambda s: s["psychometric_fit"].pop("problem"), "`psychometric_fit` must say `problem`"),
        (lambda s: s["psychometric_fit"].update(goodness="good"), "`psychometric_fit.goodness`"),
        (
            lambda s: s["psychometric_fit"]["bias"].update(low="left"),
            "`psychometric_fit.bias` must have value, low, high",
        ),
        (
            lambda s: s["psychometric_fit"]["lapse_1"].update(high=None),
            "`psychometric_fit.lapse_1` must have an interval",
        ),
    ],
)
def test_a_summary_of_another_run_or_of_none_is_refused(
    folder: Path, change: Callable[[dict[str, Any]], object], why: str
):
    path = folder / "summary.json"
    summary = json.loads(path.read_text())
    change(summary)
    path.write_text(json.dumps(summary))
    refused(folder, "summary.json", why)


def test_a_table_that_is_not_the_summarys_is_refused(folder: Path):
    path = folder / "stimulus_dependence.csv"
    path.write_text(path.read_text().replace("stimulus", "input", 1))
    refused(folder, "stimulus_dependence.csv", "line 1 is not as the summary has it")


@pytest.mark.parametrize(
    ("change", "why"),
    [
        (lambda p: p.update(state=p["state"][:, 1:], start=p["start"][:, 1:]), "8 units; got 7"),
        (lambda p: p.update(state=p["state"] + 1e-3), "don't have their speeds"),
        (lambda p: p.update(state=p["state"] + 1j), "`state` must be float; got complex128"),
        (lambda p: p.update(speed=-1 - p["speed"]), "`speed` must be 0 or more"),
        (lambda p: p.update(total_starts=7), "`total_starts` must be the recipe's; got 7"),
        (lambda p: p.update(method="gradient"), "`method` must be newton; got 'gradient'"),
        (lambda p: p.update(slow_speed=2.0), "`slow_speed` must be 4; got 2"),
        (lambda p: p.update(search_counts=p["search_counts"] + 1), "must add up to 220"),
        (lambda p: p.update(starts_reached=p["starts_reached"] + 999), "must add up to 220"),
    ],
)
def test_points_that_are_not_the_runs_are_refused(
    folder: Path, change: Callable[[dict[str, Any]], object], why: str
):
    with np.load(folder / "fixed_points.npz") as file:
        content: Any = dict(file)
    change(content)
    np.savez(folder / "fixed_points.npz", **content)
    refused(folder, "fixed_points.npz", why)


@pytest.mark.parametrize("field", ["seed", "hidden", "epochs", "tau", "learning_rate", "dt"])
def test_a_recipe_of_another_run_is_refused(folder: Path, field: str):
    path = folder / "recipe.json"
    numbers = json.loads(path.read_text())
    path.write_text(json.dumps(numbers | {field: 2 * numbers[field] + 2}))
    sealed(folder)
    for verify in (True, False):
        with pytest.raises(ValueError, match=rf"^{folder}/\w+\.\w+ is damaged: "):
            load_run(folder, verify=verify)


def test_a_key_that_a_recipe_has_twice_is_named(folder: Path):
    path = folder / "recipe.json"
    path.write_text(path.read_text().replace("{", '{"hidden": 8,', 1))
    refused(folder, "recipe.json", "`hidden` must be there once")


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


def test_a_folder_of_runs_says_which_it_holds(small_run: Run, tmp_path: Path):
    with pytest.raises(FileNotFoundError, match=r"it has no recipe\.json$"):
        load_run(tmp_path)
    save_run(small_run, tmp_path / "first")
    with pytest.raises(
        FileNotFoundError, match=r"it has no recipe\.json; it holds runs: \['first'"
    ):
        load_run(tmp_path)
