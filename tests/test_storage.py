import dataclasses
import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from safetensors import safe_open
from small import SMALL

import yang_rnn as yr
import yang_rnn.experiment
from yang_rnn.experiment import Experiment, analyse, run_experiment
from yang_rnn.report import describe, summarise
from yang_rnn.storage import load_run, save_run
from yang_rnn.train import History

FACTS = {"platform": "cpu", "versions": {}, "seconds": 1.0}


@pytest.fixture(scope="module")
def experiment() -> Experiment:
    return run_experiment(SMALL)


@pytest.fixture(scope="module")
def saved(experiment: Experiment, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("saved")
    save_run(experiment, path, FACTS)
    return path


@pytest.fixture
def folder(saved: Path, tmp_path: Path) -> Path:
    """Each test has a copy of its own to damage."""
    return Path(shutil.copytree(saved, tmp_path / "run"))


def test_loaded_run_is_the_saved_one(experiment: Experiment, folder: Path):
    run = load_run(folder)
    assert run.recipe == experiment.recipe
    for name, value in experiment.net.weights.items():
        assert np.array_equal(run.net.weights[name], value)
    activity, _ = run.net.predict(experiment.trials.inputs)
    assert np.array_equal(activity, experiment.activity)
    assert np.array_equal(run.history.loss, experiment.history.loss)
    assert np.array_equal(run.history.accuracy, experiment.history.accuracy)
    assert np.array_equal(run.points.state, experiment.points.state)
    assert run.points.search_counts == experiment.points.search_counts
    assert np.array_equal(run.exact.state, experiment.exact.state)
    assert run.summary == summarise(experiment) | FACTS


def test_folder_has_what_the_readme_lists(folder: Path):
    names = {str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file()}
    drawn = {f"figures/{f}.{e}" for f in FIGURES for e in ("png", "pdf")}
    assert names == drawn | {
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


def test_other_tools_open_the_files(experiment: Experiment, folder: Path):
    pandas = pytest.importorskip("pandas")  # an optional extra of the package
    history = pandas.read_csv(folder / "history.csv")
    assert list(history.columns) == ["epoch", "loss", "accuracy"]
    assert list(history["epoch"]) == [1, 2]
    assert np.array_equal(history["loss"], experiment.history.loss)
    with safe_open(folder / "weights.safetensors", "np") as file:
        assert file.get_tensor("w_rr").shape == (12, 12)
    with np.load(folder / "slow_points.npz", allow_pickle=False) as file:
        assert file["state"].shape == (len(experiment.points), 12)


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


def test_same_recipe_gives_the_same_files(experiment: Experiment, folder: Path, tmp_path: Path):
    again = tmp_path / "again"
    again.mkdir()
    save_run(run_experiment(SMALL), again, FACTS)
    for path in folder.rglob("*"):
        if path.is_file():
            same = again / path.relative_to(folder)
            assert path.read_bytes() == same.read_bytes(), path.name


def test_other_seed_gives_other_weights(experiment: Experiment):
    other = run_experiment(dataclasses.replace(SMALL, seed=1))
    assert not np.array_equal(other.net.weights["w_rr"], experiment.net.weights["w_rr"])
    assert not np.array_equal(other.trials.inputs, experiment.trials.inputs)


def test_summary_is_json_and_its_text_has_its_numbers(experiment: Experiment):
    summary = summarise(experiment)
    assert json.loads(json.dumps(summary)) == summary
    text = describe(summary | FACTS)
    assert f"{summary['test_accuracy']:.4f} on 50 fresh trials" in text
    assert "(ideal observer 0.8957)" in text
    share = summary["explained_variance_ratio"][0]
    assert f"PC 1 {100 * share:.1f} %" in text
    slow = summary["search"]["ends"]["slow"]
    assert slow > 0
    assert f"gradient from 220 states: 0 became fixed, {slow} slow" in text
    point = summary["analysed_point"]
    assert "Newton's method finds 1 fixed, 0 slow points" in text
    assert f"a fixed point, {point['label']} with no unstable directions" in text
    assert f"q = {point['speed']:.1e}" in text
    first = point["modes"][0]
    assert f"{first['eigenvalue'][0]:.3f}" in text
    assert f"time constant of {abs(first['time_constant_ms']) / 1000:.3g} s" in text
    judged = summary["line_attractor"]
    assert judged["verdict"] in text
    assert judged["reason"].split(";")[0][:60] in text.replace("\n           ", " ")
    for level, value in zip(
        summary["accuracy_by_coherence"]["coherence"],
        summary["accuracy_by_coherence"]["accuracy"],
        strict=True,
    ):
        assert f"{value:.2f} at {level:g} %" in text


def test_summary_of_a_fixed_point_has_its_stability_and_time_scales():
    recipe = dataclasses.replace(SMALL, fixed_points="newton")
    experiment = run_experiment(recipe)
    centre, modes = experiment.centre, experiment.modes
    assert centre is not None
    assert modes is not None
    assert experiment.exact is experiment.points
    point = summarise(experiment)["analysed_point"]
    assert point["status"] == "fixed"
    assert point["label"] == modes.label[0]
    moduli = np.hypot(*np.transpose([mode["eigenvalue"] for mode in point["modes"]]))
    assert (np.diff(moduli) <= 1e-12).all()
    for mode, modulus in zip(point["modes"], moduli, strict=True):
        expected = -100.0 / np.log(modulus) if modulus > 0 else 0.0
        assert mode["time_constant_ms"] == pytest.approx(expected)
        turn = abs(np.angle(complex(*mode["eigenvalue"])))
        assert mode["frequency_hz"] == pytest.approx(turn / (2 * np.pi) / 0.1)
    assert f"a fixed point, {point['label']}" in describe(summarise(experiment) | FACTS)


def test_mode_that_neither_decays_nor_grows_is_said_and_is_json(experiment: Experiment):
    summary = summarise(experiment)
    summary["analysed_point"]["modes"][0]["time_constant_ms"] = None
    assert "neither decays nor grows" in describe(summary | FACTS)
    json.dumps(summary, allow_nan=False)


def test_summary_of_a_slow_point_says_what_its_modes_are_worth(experiment: Experiment):
    assert experiment.centre is not None
    moved = dataclasses.replace(
        experiment.exact, status=np.array(["slow"] * len(experiment.exact), dtype=str)
    )
    assert experiment.modes is not None
    unlabelled = dataclasses.replace(experiment.modes, label=np.array([""]))
    text = describe(
        summarise(dataclasses.replace(experiment, exact=moved, modes=unlabelled)) | FACTS
    )
    assert "a slow point, so its modes hold only while the state stays near it" in text


@pytest.fixture(scope="module")
def runaway() -> Experiment:
    """Return the experiment of a network whose every unit doubles itself: nothing is slow."""

    def fail_to_train(net: Any, *_: Any, **__: Any) -> History:
        zeros = {name: np.zeros_like(value) for name, value in net.weights.items()}
        net.set_weights(zeros | {"w_rr": 2 * np.eye(12), "b_rr": np.full(12, 2.0)})
        return History(np.ones(2), np.ones(2))

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(yang_rnn.experiment, "train", fail_to_train)
        return run_experiment(SMALL)


def test_summary_without_a_slow_point_says_so(runaway: Experiment):
    summary = summarise(runaway)
    assert summary["analysed_point"] is None
    assert summary["line_attractor"]["verdict"] == "no slow structure"
    assert "no fixed or slow point was found" in describe(summary | FACTS)
    assert json.loads(json.dumps(summary, allow_nan=False)) == summary


def test_experiment_without_a_slow_point_is_saved_with_all_figures(
    runaway: Experiment, tmp_path: Path
):
    save_run(runaway, tmp_path, FACTS)
    assert {path.stem for path in (tmp_path / "figures").iterdir()} == FIGURES
    assert len(load_run(tmp_path).exact) == 0


def test_three_choices_have_no_verdict_and_end_well(tmp_path: Path):
    experiment = run_experiment(dataclasses.replace(SMALL, choices=3))
    assert experiment.decisions is None
    summary = save_run(experiment, tmp_path, FACTS)
    assert summary["line_attractor"] is summary["psychometric"] is None
    assert "none: it is for networks with two choices" in describe(summary)
    assert set(yr.draw(experiment)) == ANY_CHOICES
    assert not (tmp_path / "stimulus_dependence.csv").exists()


def test_states_that_run_to_infinity_are_a_divergence():
    net = yr.CTRNN.from_recipe(SMALL)
    net.set_weights(net.weights | {"w_rr": 1e6 * np.eye(12), "b_rr": np.full(12, 2.0)})
    with pytest.raises(yr.DivergenceError, match="run to infinity"):
        analyse(net, History(np.ones(2), np.ones(2)), SMALL)
