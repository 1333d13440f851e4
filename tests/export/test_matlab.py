import re
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.io import loadmat

import yang_rnn as yr
from yang_rnn.experiment.run import Run
from yang_rnn.export.matlab import matlab_names


def names_in(value: object) -> list[str]:
    """Return the names of all fields of what `loadmat` gave."""
    if isinstance(value, np.ndarray) and value.dtype.names:
        inner = [name for field in value.dtype.names for name in names_in(value[field])]
        return [*value.dtype.names, *inner]
    if isinstance(value, np.ndarray) and value.dtype == object:
        return [name for item in value.flat for name in names_in(item)]
    return []


@pytest.fixture(scope="module")
def run_file(small_run: Run, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return yr.save_mat(tmp_path_factory.mktemp("matlab") / "run.mat", small_run)


def test_trials_come_back(tmp_path: Path):
    trials = yr.PerceptualDecisionMaking(seed=0).sample_trials(6)
    activity = np.random.default_rng(0).normal(size=(len(trials.inputs), 6, 4))
    mask = np.zeros(trials.inputs.shape[:2], bool)
    mask[2:5, 1] = True
    periods = dict(trials.periods) | {"delay": mask, "never": slice(0, 0)}
    conditions = {"stimulus duration": np.arange(6), "side": np.array(["left", "right"] * 3)}
    given = trials._replace(periods=periods, conditions=conditions)
    found = loadmat(yr.save_mat(tmp_path / "trials.mat", given, activity, dt=20.0))
    np.testing.assert_array_equal(found["inputs"], trials.inputs)
    np.testing.assert_array_equal(found["activity"], activity)
    np.testing.assert_array_equal(found["choice"][:, 0], trials.choice)
    assert found["dt"].item() == 20.0
    assert found["time"][:3, 0].tolist() == [0, 20, 40]
    first, last = found["periods"]["stimulus"][0, 0][0]  # counted from 1, the last one included
    part = found["activity"][int(first) - 1 : int(last)]
    np.testing.assert_array_equal(part, activity[trials.during("stimulus")])
    np.testing.assert_array_equal(found["periods"]["delay"][0, 0], mask)
    assert found["periods"]["never"][0, 0].size == 0
    assert found["conditions"]["stimulus_duration"][0, 0][:, 0].tolist() == [0, 1, 2, 3, 4, 5]
    assert found["conditions"]["side"][0, 0][1, 0].item() == "right"
    assert "outputs" not in found


def test_a_run_comes_back(small_run: Run, run_file: Path):
    found = loadmat(run_file)
    np.testing.assert_array_equal(found["activity"], small_run.activity)
    weights = small_run.net.effective_weights()
    np.testing.assert_array_equal(found["weights"]["w_rr"][0, 0], weights["w_rr"])
    np.testing.assert_array_equal(found["history"]["loss"][0, 0][:, 0], small_run.history.loss)
    assert yr.Recipe.from_json(found["recipe"].item()) == small_run.recipe
    assert found["points"].shape == (1, 1)
    points = found["points"][0, 0]
    np.testing.assert_array_equal(points["state"], small_run.newton_points.state)
    status = [each.item() for each in points["status"][:, 0]]
    assert status == small_run.newton_points.status.tolist()
    np.testing.assert_array_equal(points["eigenvalues"], small_run.linearise().eigenvalues)


def test_a_run_of_a_task_has_a_struct_an_input(small_task_run: yr.TaskRun, tmp_path: Path):
    points = loadmat(yr.save_mat(tmp_path / "run.mat", small_task_run))["points"]
    assert points.shape[0] > 1
    names = [row.given.name for row in small_task_run.by_input]
    assert points["name"][0, 0].item().split(" = ")[0] in names[0]
    np.testing.assert_array_equal(points["x"][0, 0].ravel(), small_task_run.by_input[0].given.x)


def test_all_names_are_such_as_matlab_has(run_file: Path):
    found = {k: v for k, v in loadmat(run_file).items() if not k.startswith("__")}
    names = [*found, *(name for value in found.values() for name in names_in(value))]
    assert {"weights", "w_rr", "stimulus", "coherence"} <= set(names)
    for name in names:
        assert re.fullmatch(r"[A-Za-z]\w{0,62}", name, re.ASCII)


@given(st.lists(st.text(max_size=80), unique=True, max_size=8))
def test_any_names_become_valid_ones_that_differ(names: list[str]):
    found = matlab_names(names)
    assert len(set(found.values())) == len(names)
    assert all(re.fullmatch(r"[A-Za-z]\w{0,62}", name, re.ASCII) for name in found.values())


@pytest.mark.parametrize(
    ("name", "expected"),
    [("end", "end_"), ("2 back", "x2_back"), ("w_rr", "w_rr"), ("dur\u00e9e", "dur_e")],
)
def test_names_stay_what_they_were_as_far_as_they_can(name: str, expected: str):
    assert matlab_names([name]) == {name: expected}


def test_names_that_would_be_one_are_numbered():
    assert list(matlab_names(["a b", "a-b"]).values()) == ["a_b", "a_b_2"]


def test_what_is_neither_trials_nor_a_run_is_refused(tmp_path: Path):
    with pytest.raises(TypeError, match="`data` must be Trials, a Run or a TaskRun"):
        yr.save_mat(tmp_path / "x.mat", np.zeros(3))  # pyright: ignore[reportArgumentType]
    assert not list(tmp_path.iterdir())
