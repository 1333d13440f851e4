"""Shared by all tests: a CPU, exact matrix products, no windows, no downloads, golden runs."""

import os
import tempfile

# One cache of compiled programs for all processes of a test run, and for those that they start:
# xdist's processes find the variable set.
os.environ["TEST_CACHE"] = os.environ.get("TEST_CACHE") or tempfile.mkdtemp(prefix="yang_rnn-")
os.environ["XDG_CACHE_HOME"] = os.environ["TEST_CACHE"]
os.environ["JAX_PLATFORMS"] = "cpu"
os.environ["JAX_DEFAULT_MATMUL_PRECISION"] = "highest"
os.environ["MPLBACKEND"] = "agg"
os.environ["OPENBLAS_NUM_THREADS"] = "1"  # its threads wait for each other at full speed

import shutil
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import jax
import jax.monitoring
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import settings
from jax.tree_util import Partial

if TYPE_CHECKING:
    from yang_rnn.experiment.run import Run
    from yang_rnn.experiment.task_run import TaskRun

settings.register_profile("steady", deadline=None, derandomize=True, max_examples=25)
settings.load_profile("steady")

GOLDEN = Path(__file__).parent / "golden"


def pytest_sessionfinish(session: pytest.Session) -> None:
    """Remove the cache when the last process is done with it."""
    if not hasattr(session.config, "workerinput"):
        shutil.rmtree(os.environ["XDG_CACHE_HOME"], ignore_errors=True)


@pytest.fixture(scope="session", params=[3, 4], ids=["golden3", "golden4"])
def golden(request: pytest.FixtureRequest) -> Mapping[str, np.ndarray]:
    with np.load(GOLDEN / f"notebook_{request.param}.npz") as file:
        return {key: file[key] for key in file}


@pytest.fixture(autouse=True)
def _own_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each test writes to a folder of its own."""
    monkeypatch.chdir(tmp_path)


@pytest.fixture(scope="session")
def small_run() -> "Run":
    """Return the one small trained network that tests share: don't change it."""
    from small import SMALL

    from yang_rnn.experiment.run import run_experiment

    return run_experiment(SMALL)


def rectified(recurrent, drive, h):
    return jnp.maximum(h @ recurrent + drive, 0.0)


class Trained(NamedTuple):
    F: Partial
    states: np.ndarray  # (2200, 64)
    recurrent: np.ndarray
    drive: np.ndarray
    golden: dict[str, np.ndarray]

    def residual(self, states):
        """F(h) - h by plain NumPy in float64."""
        w, b = self.recurrent.astype(np.float64), self.drive.astype(np.float64)
        return np.maximum(states @ w + b, 0.0) - states


def trained_network(name: str) -> Trained:
    import brainpy_datasets as bd

    golden = dict(np.load(GOLDEN / f"{name}.npz"))
    task = bd.cognitive.RatePerceptualDecisionMaking(seed=int(golden["trials_seed"]))
    inputs, _ = next(iter(bd.cognitive.TaskLoader(task, batch_size=100)))
    w_ir, w_rr, b_rr = (golden[f"final_{key}"] for key in ("w_ir", "w_rr", "b_rr"))
    h, activity = np.zeros((100, 64), np.float32), []
    for x in np.asarray(inputs, np.float32):
        h = np.maximum(x @ w_ir + h @ w_rr + b_rr, 0)
        activity.append(h)
    activity = np.stack(activity)
    np.testing.assert_allclose(activity[:, :5], golden["activity_first5"], atol=2e-5)
    drive = np.array([1.0, 0.5, 0.5], np.float32) @ w_ir + b_rr
    return Trained(Partial(rectified, w_rr, drive), activity.reshape(-1, 64), w_rr, drive, golden)


@pytest.fixture(scope="session", params=["notebook_3", "notebook_4"])
def trained(request) -> Trained:
    return trained_network(request.param)


@pytest.fixture
def compiled() -> Iterator[list[str]]:
    """Give a list that grows by one with each program that JAX compiles."""
    programs: list[str] = []

    def listen(event: str, duration_secs: float, **_: Any) -> None:
        if event.endswith("backend_compile_duration"):
            programs.append(event)

    jax.monitoring.register_event_duration_secs_listener(listen)
    yield programs
    jax.monitoring.unregister_event_duration_listener(listen)


@pytest.fixture
def x64():
    with jax.enable_x64(True):
        yield


@pytest.fixture(scope="session")
def small_task_run() -> "TaskRun":
    """Return the one small trained network on a task of two contexts: don't change it."""
    from small import SMALL_TASK

    from yang_rnn.experiment.task_run import run_task

    return run_task(SMALL_TASK)
