import contextlib
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from ensembles import SEEDS, table_of
from small import TINY

import yang_rnn.ensemble.processes as processes
from yang_rnn.ensemble.members import FinishedMember
from yang_rnn.ensemble.plan import members_of
from yang_rnn.ensemble.processes import WorkersError, make_on_processes
from yang_rnn.ensemble.sweep import SweepProgress, sweep
from yang_rnn.experiment.drawing import deaf_to_ctrl_c
from yang_rnn.experiment.platform import PlatformError

BATCHES = [[a, b] for a, b in [members_of(TINY, range(n, n + 2), {}) for n in (0, 2, 4)]]


class Process:
    """Stands for a process: a thread that does what a test says, and may die."""

    def __init__(self, *, target: Any, args: Any, daemon: bool):
        self._theirs = args[0]
        self.variables: dict[str, str] = {}

    def start(self) -> None:
        started.append(self)
        self.variables = dict(os.environ)
        self._handle = os.dup(self._theirs.fileno())
        threading.Thread(target=self._run, daemon=True).start()

    def _run(self) -> None:
        from multiprocessing.connection import Connection

        pipe = Connection(self._handle)
        with contextlib.suppress(EOFError, OSError), pipe:
            while True:
                for answer in answers(pipe.recv()):
                    if answer is DIE:
                        return
                    pipe.send(answer)

    def kill(self) -> None:
        ended.append(self)

    def join(self) -> None:
        pass


DIE = object()
started: list[Process] = []
ended: list[Process] = []


def answers(members: Any) -> Iterator[Any]:
    raise NotImplementedError


@pytest.fixture
def threads(monkeypatch: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
    """Have threads in place of processes; a test sets what they answer."""
    import multiprocessing.context

    started.clear()
    ended.clear()
    monkeypatch.setattr(multiprocessing.context.SpawnContext, "Process", Process)
    return monkeypatch


def finished(members: Any) -> list[Any]:
    return [*(FinishedMember(recipe, {}) for recipe in members), None]


def seeds_made(**more: Any) -> list[int]:
    made = make_on_processes(BATCHES, **{"workers": 2, "platform": "cpu"} | more)
    return sorted(member.recipe.seed for member in made)


def test_batches_are_made_once_each_by_as_many_processes_as_asked(threads: pytest.MonkeyPatch):
    threads.setattr(sys.modules[__name__], "answers", finished)
    assert seeds_made() == [0, 1, 2, 3, 4, 5]
    assert len(started) == len(ended) == 2
    assert seeds_made(workers=9) == [0, 1, 2, 3, 4, 5]
    assert len(started) == len(ended) == 2 + 3  # never more than batches


def test_processes_share_the_cores(threads: pytest.MonkeyPatch):
    threads.setattr(sys.modules[__name__], "answers", finished)
    threads.setattr(os, "sched_getaffinity", lambda _: set(range(8)), raising=False)
    before = dict(os.environ)
    seeds_made()
    assert {process.variables["NPROC"] for process in started} == {"4"}
    assert {process.variables["OPENBLAS_NUM_THREADS"] for process in started} == {"4"}
    assert dict(os.environ) == before


def test_a_process_that_dies_costs_what_it_was_at(threads: pytest.MonkeyPatch):
    asked: list[list[int]] = []

    def dying_once(members: Any) -> list[Any]:
        asked.append([recipe.seed for recipe in members])
        if asked[-1] == [2, 3]:
            return [finished(members)[0], DIE]
        return finished(members)

    threads.setattr(sys.modules[__name__], "answers", dying_once)
    assert seeds_made() == [0, 1, 2, 3, 4, 5]
    assert [3] in asked  # seed 2 was there


def test_a_batch_over_which_processes_die_is_given_up(threads: pytest.MonkeyPatch):
    threads.setattr(sys.modules[__name__], "answers", lambda _: [DIE])
    with pytest.raises(WorkersError, match="worker after worker died over one batch"):
        list(make_on_processes(BATCHES[:1], workers=1, platform="cpu"))
    assert len(started) == len(ended) == processes.MAX_DEATHS


def test_what_a_process_raises_is_raised_here_and_all_end(threads: pytest.MonkeyPatch):
    threads.setattr(sys.modules[__name__], "answers", lambda _: [PlatformError("no tpu")])
    with pytest.raises(PlatformError, match="no tpu"):
        seeds_made()
    assert len(started) == len(ended)


def test_errors_that_can_not_travel_are_told_as_others():
    class Local(Exception):
        pass

    for error, kind in ((Local("lost"), RuntimeError), (MemoryError("64 GB"), MemoryError)):
        there = processes._portable(error)
        assert type(there) is kind
        assert str(error) in str(there)


def test_a_process_that_can_not_be_started_is_an_error(threads: pytest.MonkeyPatch):
    def fail(_: Any) -> None:
        raise OSError(11, "Resource temporarily unavailable")

    threads.setattr(Process, "start", fail)
    with pytest.raises(WorkersError, match=r"can't start a process: .*unavailable"):
        seeds_made()


@pytest.mark.skipif(not hasattr(signal, "pthread_sigmask"), reason="no such signals here")
def test_threads_that_start_without_ctrl_c_never_receive_it():
    masks: list[Any] = []

    def look() -> None:
        masks.append(signal.pthread_sigmask(signal.SIG_BLOCK, []))

    with deaf_to_ctrl_c():
        thread = threading.Thread(target=look)
        thread.start()
        thread.join()
    look()
    assert [signal.SIGINT in mask for mask in masks] == [True, False]


def descendants(pid: int) -> list[int]:
    """Return a process and all that it started, and what these did."""
    children = Path(f"/proc/{pid}/task/{pid}/children")
    below = [int(word) for word in children.read_text().split()] if children.exists() else []
    return [pid, *(one for child in below for one in descendants(child))]


def is_alive(pid: int) -> bool:
    """Tell whether a process is there and not just waiting for somebody to take note of its end."""
    try:
        stat = Path(f"/proc/{pid}/stat").read_text()
    except OSError:
        return False
    return stat.rpartition(")")[2].split()[0] != "Z"


def doors(pids: list[int]) -> list[str]:
    """Return the sockets of processes that somebody else could connect to or write to."""
    mine = set[str]()
    for pid in pids:
        for handle in Path(f"/proc/{pid}/fd").iterdir():
            with contextlib.suppress(OSError):
                mine.add(os.readlink(handle))
    found = []
    for kind in ("tcp", "tcp6", "udp", "udp6"):
        for line in Path(f"/proc/net/{kind}").read_text().splitlines()[1:]:
            if f"socket:[{line.split()[9]}]" in mine:
                found.append(f"{kind} {line.split()[1]}")
    for line in Path("/proc/net/unix").read_text().splitlines()[1:]:
        words = line.split()
        if len(words) > 7 and f"socket:[{words[6]}]" in mine:  # it has a name
            found.append(f"unix {words[7]}")
    return found


@pytest.mark.skipif(not Path("/proc/net/tcp").is_file(), reason="sockets are listed on Linux only")
def test_doors_are_seen():
    import socket

    assert doors([os.getpid()]) == []
    with socket.create_server(("127.0.0.1", 0)) as one:
        port = one.getsockname()[1]
        assert doors([os.getpid()]) == [f"tcp 0100007F:{port:04X}"]


@pytest.mark.slow
@pytest.mark.timeout(300)
@pytest.mark.skipif(not Path("/proc/net/tcp").is_file(), reason="sockets are listed on Linux only")
def test_nobody_can_connect_to_a_sweep_or_its_workers(tmp_path: Path):
    seen: list[tuple[int, list[str]]] = []

    def look(_: SweepProgress) -> None:
        pids = descendants(os.getpid())
        seen.append((len(pids), doors(pids)))

    sweep(TINY, range(16), out=tmp_path / "closed", workers=2, on_progress=look)
    assert max(number for number, _ in seen) >= 3
    assert [found for _, found in seen if found] == []


@pytest.mark.slow
@pytest.mark.timeout(300)
def test_workers_on_this_machine_come_to_the_same_table(tmp_path: Path, done: Path):
    sweep(TINY, range(SEEDS), out=tmp_path / "local", workers=2)
    assert table_of(tmp_path / "local") == table_of(done)


@pytest.mark.slow
@pytest.mark.timeout(300)
@pytest.mark.skipif(not Path("/proc/self/task").is_dir(), reason="children are listed on Linux")
def test_killed_workers_are_replaced_and_the_table_is_the_same(tmp_path: Path):
    killed: list[int] = []

    def kill_one(progress: SweepProgress) -> None:
        if progress.made in (1, 9):
            workers = [pid for pid in descendants(os.getpid())[1:] if "spawn_main" in
                       Path(f"/proc/{pid}/cmdline").read_text()]  # fmt: skip
            os.kill(workers[0], signal.SIGKILL)
            killed.append(workers[0])

    sweep(TINY, range(24), out=tmp_path / "hit", workers=2, on_progress=kill_one)
    assert len(killed) == 2
    sweep(TINY, range(24), out=tmp_path / "here")
    assert table_of(tmp_path / "hit") == table_of(tmp_path / "here")


@pytest.mark.slow
@pytest.mark.timeout(300)
@pytest.mark.skipif(not Path("/proc/self/task").is_dir(), reason="children are listed on Linux")
def test_workers_end_with_the_process_that_started_them(tmp_path: Path):
    TINY.save(tmp_path / "tiny.json")
    words = "--recipe tiny.json --seeds 0:64 --out cut --workers 2".split()
    process = subprocess.Popen(
        [sys.executable, "-m", "yang_rnn.sweep", *words], stderr=subprocess.PIPE, text=True
    )
    assert process.stderr is not None
    assert next(line for line in process.stderr if line.startswith("1/64"))
    below = descendants(process.pid)[1:]
    assert len(below) >= 2
    process.kill()
    process.communicate(timeout=60)  # until nobody has the pipe any more
    time.sleep(1)
    assert [pid for pid in below if is_alive(pid)] == []
