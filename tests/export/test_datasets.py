import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import xarray as xr

import yang_rnn as yr
from yang_rnn.experiment.run import Run


@pytest.fixture(scope="module")
def trials() -> yr.Trials:
    return yr.PerceptualDecisionMaking(seed=0).sample_trials(6)


@pytest.fixture(scope="module")
def activity(trials: yr.Trials) -> np.ndarray:
    return np.random.default_rng(0).normal(size=(len(trials.inputs), 6, 4)).astype(np.float32)


def test_dimensions_have_names_and_trials_their_conditions(trials: yr.Trials, activity: np.ndarray):
    found = yr.to_dataset(trials, activity, dt=100.0)
    assert found["inputs"].dims == ("time", "trial", "channel")
    assert found["targets"].dims == ("time", "trial")
    assert found["activity"].dims == ("time", "trial", "unit")
    assert "outputs" not in found
    assert found["time"].values.tolist() == [100.0 * step for step in range(len(trials.inputs))]
    level = trials.conditions["coherence"][0]
    chosen = found["activity"].where(found["coherence"] == level, drop=True)
    np.testing.assert_array_equal(chosen, activity[:, trials.conditions["coherence"] == level])
    np.testing.assert_array_equal(found["choice"], trials.choice)


def test_the_times_of_a_period_select_its_steps(trials: yr.Trials):
    found = yr.to_dataset(trials, dt=100.0)
    part = found.sel(time=slice(*found.attrs["period stimulus"]))
    np.testing.assert_array_equal(part["inputs"], trials.inputs[trials.during("stimulus")])


def test_a_period_that_differs_by_trial_is_a_mask(trials: yr.Trials):
    mask = np.zeros(trials.inputs.shape[:2], bool)
    mask[2:5, 1] = True
    found = yr.to_dataset(trials._replace(periods={"delay": mask}), dt=100.0)
    np.testing.assert_array_equal(found["period delay"], mask)


def test_a_condition_does_not_hide_what_has_its_name(trials: yr.Trials):
    found = yr.to_dataset(trials._replace(conditions={"unit": np.arange(6)}), dt=100.0)
    assert found["condition unit"].values.tolist() == [0, 1, 2, 3, 4, 5]


def test_netcdf_gives_back_what_was_written(
    trials: yr.Trials, activity: np.ndarray, tmp_path: Path
):
    mask = np.zeros(trials.inputs.shape[:2], bool)
    mask[2:5, 1] = True
    words = np.array(["left", "right"] * 3)
    given = trials._replace(
        periods=dict(trials.periods) | {"delay": mask},
        conditions=trials.conditions | {"side": words},
        asked=trials.asks,
    )
    path = yr.save_netcdf(tmp_path / "trials.nc", given, activity, activity[..., :3], dt=20.0)
    expected = yr.to_dataset(given, activity, activity[..., :3], dt=20.0)
    with xr.open_dataset(path, engine="h5netcdf") as found:
        xr.testing.assert_equal(found.load(), expected)
        assert found["time"].attrs["units"] == "ms"
        assert found.attrs["period stimulus"].tolist() == expected.attrs["period stimulus"].tolist()


def test_a_run_brings_weights_history_and_points(small_run: Run, tmp_path: Path):
    with xr.open_dataset(yr.save_netcdf(tmp_path / "run.nc", small_run)) as file:
        found = file.load()
    np.testing.assert_array_equal(found["activity"], small_run.activity)
    np.testing.assert_array_equal(found["w_rr"], small_run.net.effective_weights()["w_rr"])
    np.testing.assert_array_equal(found["loss"], small_run.history.loss)
    points = small_run.newton_points
    np.testing.assert_array_equal(found["point_state"], points.state)
    fixed = found.isel(point=np.flatnonzero(points.status == "fixed"))
    modes = small_run.linearise()
    np.testing.assert_array_equal(fixed["eigenvalue_real"], np.real(modes.eigenvalues))
    np.testing.assert_array_equal(fixed["time_constant"], modes.time_constant)
    assert yr.Recipe.from_json(found.attrs["recipe"]) == small_run.recipe


def test_a_run_of_a_task_has_the_points_at_each_input(small_task_run: yr.TaskRun):
    found = yr.to_dataset(small_task_run)
    rows = {row.given.name: row for row in small_task_run.by_input}
    assert len(np.unique(found["point_input"])) > 1
    here = found["point_input"].values[0]
    number = int((found["point_input"] == here).sum())
    first = rows[here] if here in rows else small_task_run.by_input[0]
    assert number == len(first.points)


@pytest.mark.parametrize(
    ("error", "words", "given"),
    [
        (TypeError, "`data` must be Trials, a Run", {"data": [1, 2]}),
        (ValueError, "`dt` must be a finite number above 0", {"dt": None}),
        (ValueError, r"`activity` must have shape \(\d+, 6, unit\)", {"activity": np.ones((2, 2))}),
        (ValueError, r"`outputs` must have shape", {"outputs": np.ones((3, 6, 2))}),
    ],
)
def test_what_does_not_fit_is_named(
    trials: yr.Trials, error: type[Exception], words: str, given: dict[str, Any]
):
    with pytest.raises(error, match=words):
        yr.to_dataset(**{"data": trials, "dt": 100.0} | given)


def test_a_run_has_its_own_activity(small_run: Run):
    with pytest.raises(ValueError, match="`dt` must be left out: a run has its own"):
        yr.to_dataset(small_run, dt=100.0)


@pytest.mark.parametrize("missing", ["xarray", "h5netcdf", "h5py"])
def test_without_the_extra_it_says_what_to_install(
    trials: yr.Trials, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, missing: str
):
    monkeypatch.setitem(sys.modules, missing, None)
    with pytest.raises(ImportError, match=rf"needs {missing}.*pip install .*xarray"):
        yr.save_netcdf(tmp_path / "trials.nc", trials, dt=100.0)
    assert not list(tmp_path.iterdir())


def test_a_file_that_can_not_be_written_is_named(trials: yr.Trials, tmp_path: Path):
    with pytest.raises(OSError, match="nowhere"):
        yr.save_netcdf(tmp_path / "nowhere" / "trials.nc", trials, dt=100.0)
