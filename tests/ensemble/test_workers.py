import asyncio
import contextlib
import importlib.metadata
import json
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from concurrent.futures import CancelledError
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from ensembles import SEEDS, table_of
from small import TINY

import yang_rnn.ensemble.workers as workers
from yang_rnn.ensemble.plan import SweepError, members_of
from yang_rnn.ensemble.processes import WorkersError
from yang_rnn.ensemble.sweep import SweepProgress, sweep
from yang_rnn.ensemble.workers import make_batches
from yang_rnn.experiment.platform import PlatformError
from yang_rnn.experiment.summary import package_versions

distributed = pytest.importorskip("distributed", reason="an optional extra")

BATCHES = [[recipe] for recipe in members_of(TINY, range(3), {})]


class Client:
    """A Dask client whose tasks end at once, by a given error or with their batch."""

    def __init__(self, error: Exception | None = None):
        self.error = error
        self.submitted: list[tuple[Any, ...]] = []
        self.settings: dict[str, Any] = {}
        self.plugins: list[Any] = []
        self.cancelled: list[Any] = []
        self.awaited = 0

    def __call__(self, *_: Any, **__: Any) -> "Client":
        return self

    def __enter__(self) -> "Client":
        return self

    def __exit__(self, *_: object) -> None:
        pass

    def wait_for_workers(self, number: int, timeout: float) -> None:
        self.awaited = number

    def register_plugin(self, plugin: Any, name: str) -> None:
        self.plugins.append(plugin)

    def submit(self, function: Any, *arguments: Any, **settings: Any) -> "Client":
        self.submitted.append((function, *arguments))
        self.settings = settings
        return self

    def result(self) -> list[Any]:
        if self.error is not None:
            raise self.error
        return self.submitted.pop()[1]

    def release(self) -> None:
        pass

    def cancel(self, futures: list[Any]) -> None:
        self.cancelled += futures


def with_client(client: Client, monkeypatch: pytest.MonkeyPatch) -> Client:
    monkeypatch.setattr(distributed, "Client", client)
    monkeypatch.setattr(distributed, "as_completed", iter)
    return client


def test_nothing_to_make_needs_no_workers():
    assert list(make_batches([], workers=2)) == []
    assert list(make_batches([], scheduler="tcp://localhost:1")) == []


def test_no_scheduler_is_an_error(tmp_path: Path):
    with pytest.raises(SweepError, match="no Dask scheduler answers at nonsense://x"):
        sweep(TINY, [1], out=tmp_path / "new", scheduler="nonsense://x")


def test_batches_go_to_workers_one_at_a_time_each(monkeypatch: pytest.MonkeyPatch):
    client = with_client(Client(), monkeypatch)
    made: list[Any] = list(make_batches(BATCHES, scheduler="tcp://there", platform="cpu"))
    assert sorted(recipe.seed for recipe in made) == [0, 1, 2]
    assert client.awaited == 1
    assert client.settings["resources"] == {workers.SLOT: 1}
    assert len(client.cancelled) == 3


def test_a_worker_has_one_slot_and_as_many_cores_as_threads(monkeypatch: pytest.MonkeyPatch):
    client = with_client(Client(), monkeypatch)
    list(make_batches(BATCHES, scheduler="tcp://there"))
    resources: dict[str, int] = {}

    async def set_resources(**more: int) -> None:
        resources.update(more)

    worker = SimpleNamespace(state=SimpleNamespace(nthreads=3), set_resources=set_resources)
    surroundings: dict[str, str] = {}
    monkeypatch.setattr(os, "environ", surroundings)
    asyncio.run(client.plugins[0].setup(worker))
    assert surroundings == {"NPROC": "3"}
    assert resources == {workers.SLOT: 1}
    surroundings["NPROC"] = "2"  # somebody has said so
    asyncio.run(client.plugins[0].setup(worker))
    assert surroundings == {"NPROC": "2"}


@pytest.mark.parametrize(
    ("error", "message"),
    [
        (
            distributed.scheduler.KilledWorker("task", SimpleNamespace(address="there"), 3),
            "worker after worker died over one batch",
        ),
        (CancelledError(), "the Dask scheduler is gone"),
        (distributed.comm.CommClosedError("lost"), "the Dask scheduler is gone"),
        (ModuleNotFoundError("No module named 'yang_rnn'"), "need this package, .*: No module"),
        (RuntimeError("Error during deserialization of the task\nmore"), "need this package"),
    ],
    ids=["killed", "cancelled", "closed", "not-installed", "not-read"],
)
def test_what_ails_workers_is_an_error(
    error: Exception, message: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
):
    client = with_client(Client(error), monkeypatch)
    with pytest.raises(SweepError, match=message):
        sweep(TINY, [1], out=tmp_path / "new", scheduler="tcp://there")
    assert len(client.cancelled) == 1


@pytest.mark.parametrize(
    "error", [RuntimeError("of another kind"), PlatformError("no tpu"), OSError(28, "No space")]
)
def test_other_errors_of_workers_stay_what_they_are(
    error: Exception, monkeypatch: pytest.MonkeyPatch
):
    with_client(Client(error), monkeypatch)
    with pytest.raises(type(error), match=re.escape(str(error))):
        list(make_batches(BATCHES, scheduler="tcp://there"))


def test_a_worker_with_other_versions_refuses(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(distributed, "get_worker", lambda: SimpleNamespace(address="there"))
    wanted = package_versions() | {"brainpy": "0.0.1"}
    real = importlib.metadata.version("brainpy")
    with pytest.raises(WorkersError, match=rf"at there has other versions: brainpy {real}, not 0"):
        workers._task(BATCHES[0], "cpu", wanted)


class Cluster:
    """A Dask scheduler and workers, each a process of its own, on this machine."""

    def __init__(self, folder: Path, num_workers: int = 2, threads: int = 1):
        self.file = folder / "scheduler.json"
        self.processes: list[subprocess.Popen[bytes]] = []
        try:
            self._start("scheduler", "--port", "0")
            self.address = self._address()
            for _ in range(num_workers):
                self._start("worker", "--nthreads", str(threads), "--no-nanny")
        except BaseException:
            self.stop()
            raise

    @property
    def workers(self) -> list[subprocess.Popen[bytes]]:
        return self.processes[1:]

    def _start(self, kind: str, *words: str) -> None:
        command = [sys.executable, "-m", "distributed.cli.dask_" + kind, *words]
        command += ["--no-dashboard", "--scheduler-file", str(self.file)]
        nowhere = subprocess.DEVNULL
        self.processes.append(subprocess.Popen(command, stdout=nowhere, stderr=nowhere))

    def _address(self) -> str:
        for _ in range(600):
            with contextlib.suppress(OSError, ValueError):  # not there, or half written
                return json.loads(self.file.read_text())["address"]
            if self.processes[0].poll() is not None:
                break
            time.sleep(0.1)
        raise RuntimeError("the scheduler did not start")

    def stop(self) -> None:
        for process in self.processes:
            process.kill()
            process.wait()


@contextlib.contextmanager
def running(*arguments: Any, **more: Any) -> Iterator[Cluster]:
    cluster = Cluster(*arguments, **more)
    try:
        yield cluster
    finally:
        cluster.stop()


@pytest.fixture
def cluster(tmp_path: Path) -> Iterator[Cluster]:
    with running(tmp_path) as cluster:
        yield cluster


def on_processes(test: Any) -> Any:
    """Mark a test that starts clusters of processes."""
    return pytest.mark.slow(pytest.mark.timeout(300)(test))


@on_processes
def test_workers_come_to_the_same_table(tmp_path: Path, done: Path, cluster: Cluster):
    sweep(TINY, range(SEEDS), out=tmp_path / "spread", scheduler=cluster.address)
    assert table_of(tmp_path / "spread") == table_of(done)


@on_processes
def test_a_worker_of_several_threads_makes_a_batch_at_a_time(tmp_path: Path):
    seeds = range(32)  # four batches
    with running(tmp_path, num_workers=1, threads=4) as one:
        sweep(TINY, seeds, out=tmp_path / "threads", scheduler=one.address)
    sweep(TINY, seeds, out=tmp_path / "here")
    assert table_of(tmp_path / "threads") == table_of(tmp_path / "here")


@on_processes
@pytest.mark.skipif(not Path("/proc/self/task").is_dir(), reason="threads are listed on Linux only")
def test_a_worker_computes_on_as_many_cores_as_it_has_threads(tmp_path: Path, cluster: Cluster):
    def threads_of_xla() -> int:
        tasks = Path("/proc/self/task").iterdir()
        return sum("XLAEigen" in (task / "comm").read_text() for task in tasks)

    sweep(TINY, [0, 8], out=tmp_path / "narrow", scheduler=cluster.address)
    with distributed.Client(cluster.address) as client:
        counts: Any = client.run(threads_of_xla)
    # One batch, so that one of the two has never computed.
    assert sorted(counts.values()) == [0, 1]


@on_processes
def test_a_platform_that_workers_lack_is_an_error(tmp_path: Path, cluster: Cluster):
    with pytest.raises(PlatformError, match=r"must be one that JAX finds here \(cpu\)"):
        sweep(TINY, [1], out=tmp_path / "n", scheduler=cluster.address, platform="tpu")


@on_processes
def test_a_killed_worker_costs_its_task_only(tmp_path: Path, cluster: Cluster):
    seeds = range(32)  # four batches
    killed: list[int] = []

    def kill_one(progress: SweepProgress) -> None:
        if progress.made and not killed:
            cluster.workers[0].send_signal(signal.SIGKILL)
            killed.append(progress.made)

    sweep(TINY, seeds, out=tmp_path / "hit", scheduler=cluster.address, on_progress=kill_one)
    assert killed
    assert cluster.workers[0].wait(timeout=5) == -signal.SIGKILL
    sweep(TINY, seeds, out=tmp_path / "here")
    assert table_of(tmp_path / "hit") == table_of(tmp_path / "here")


@on_processes
def test_a_scheduler_that_is_gone_is_an_error(tmp_path: Path, cluster: Cluster):
    killed: list[int] = []

    def kill_it(progress: SweepProgress) -> None:
        if progress.made and not killed:
            killed.append(progress.made)
            cluster.processes[0].kill()

    with pytest.raises(SweepError, match="the Dask scheduler is gone"):
        sweep(
            TINY, range(32), out=tmp_path / "cut",
            scheduler=cluster.address, on_progress=kill_it,
        )  # fmt: skip
    assert len(list((tmp_path / "cut" / "members").iterdir())) >= 8


@on_processes
def test_of_a_scheduler_that_is_gone_the_command_tells_in_one_line(
    tmp_path: Path, cluster: Cluster
):
    TINY.save(tmp_path / "tiny.json")
    words = ["--recipe", "tiny.json", "--seeds", "0:32", "--out", "cut"]
    process = subprocess.Popen(
        [sys.executable, "-m", "yang_rnn.sweep", *words, "--scheduler", cluster.address],
        stderr=subprocess.PIPE,
        text=True,
    )
    assert process.stderr is not None
    assert next(line for line in process.stderr if line.startswith("1/32"))
    cluster.processes[0].kill()
    _, err = process.communicate(timeout=100)
    assert process.returncode == 1
    lines = [line for line in err.splitlines() if "/32 members" not in line]
    assert lines == ["yang-rnn-sweep: the Dask scheduler is gone"]


@on_processes
def test_workers_with_other_versions_are_refused(
    tmp_path: Path, cluster: Cluster, monkeypatch: pytest.MonkeyPatch
):
    real = importlib.metadata.version

    def older(name: str) -> str:
        return "0.0.1" if name == "brainpy" else real(name)

    monkeypatch.setattr(importlib.metadata, "version", older)
    with pytest.raises(SweepError, match=rf"versions: brainpy {real('brainpy')}, not 0.0.1$"):
        sweep(TINY, range(2), out=tmp_path / "mixed", scheduler=cluster.address)


@on_processes
def test_a_scheduler_without_workers_is_an_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(workers, "MAX_WAIT", 1)
    with running(tmp_path, num_workers=0) as empty:
        with pytest.raises(SweepError, match=r"no worker joined the scheduler at .* within 1 s"):
            sweep(TINY, range(2), out=tmp_path / "none", scheduler=empty.address)
