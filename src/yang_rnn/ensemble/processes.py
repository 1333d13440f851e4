"""Batches made in processes on this machine, which nobody else can talk to."""

from __future__ import annotations

import contextlib
import dataclasses
import multiprocessing
import multiprocessing.connection
import os
import pickle
import queue
import signal
import tempfile
import threading
import traceback
from collections import deque
from collections.abc import Iterator, Mapping, Sequence
from multiprocessing.connection import Connection
from typing import Any, Self

from yang_rnn.dynamics.processors import num_processors
from yang_rnn.ensemble.members import FinishedMember, make_batch
from yang_rnn.experiment.drawing import deaf_to_ctrl_c
from yang_rnn.experiment.platform import use_platform
from yang_rnn.recipe import Recipe

MAX_DEATHS = 3
"""A batch is given up when this many workers died over it."""

CORES = "NPROC"
"""The environment variable that tells XLA, before it starts, how many cores to use."""

LOST = (
    "worker after worker died over one batch, for lack of memory perhaps: "
    "try fewer workers, or more memory for each"
)


class WorkersError(Exception):
    """The workers can't make a sweep's members; the message says why."""


@dataclasses.dataclass(eq=False)
class _Batch:
    """Members that are still to be made, and how many processes died over them."""

    members: list[Recipe]
    deaths: int = 0


def make_on_processes(
    batches: Sequence[Sequence[Recipe]], *, workers: int, platform: str
) -> Iterator[FinishedMember]:
    """Make batches of members in processes that share this machine's cores.

    They talk to this one through pipes, which have no name and no port. They end with this one, in
    whatever way it ends. One that dies is replaced, and what was left of its batch is made again.

    Parameters
    ----------
    batches : sequence of sequences of Recipe
        As `batches_of` gives them.
    workers : int
    platform : str
        What they compute on.

    Yields
    ------
    FinishedMember
        Each as soon as it is finished, in any order.

    Raises
    ------
    WorkersError
        If a process can't be started, or too many of them died over a batch.
    Exception
        What a process raised.
    """
    waiting = deque(_Batch(list(batch)) for batch in batches)
    number = min(workers, len(waiting))
    with contextlib.ExitStack() as stack:
        surroundings = _surroundings(number) | {
            "TMPDIR": stack.enter_context(tempfile.TemporaryDirectory(ignore_cleanup_errors=True))
        }
        team: list[_Worker] = []
        while True:
            for worker in team:
                if worker.batch is None and waiting:
                    worker.give(waiting.popleft())
            while waiting and len(team) < number:
                team.append(stack.enter_context(_Worker(platform, surroundings)))
                team[-1].give(waiting.popleft())
            busy = {worker.pipe: worker for worker in team if worker.batch is not None}
            if not busy:
                return
            for pipe in multiprocessing.connection.wait(list(busy)):
                worker = busy[pipe]  # pyright: ignore[reportArgumentType]
                assert worker.batch is not None
                try:
                    answer = worker.pipe.recv()
                except (EOFError, OSError):
                    team.remove(worker)
                    worker.batch.deaths += 1
                    if worker.batch.deaths >= MAX_DEATHS:
                        raise WorkersError(LOST) from None
                    waiting.appendleft(worker.batch)
                    continue
                if isinstance(answer, BaseException):
                    raise answer
                if answer is None:
                    worker.batch = None
                else:
                    worker.batch.members.remove(answer.recipe)
                    yield answer


class _Worker:
    """A process, the pipe to it, and the batch that it is at; in a `with` statement."""

    def __init__(self, platform: str, surroundings: Mapping[str, str]):
        self._platform, self._surroundings = platform, surroundings
        self.batch: _Batch | None = None

    def __enter__(self) -> Self:
        context = multiprocessing.get_context("spawn")
        self.pipe, theirs = context.Pipe()
        self._process = context.Process(target=_serve, args=(theirs, self._platform), daemon=True)
        try:
            with theirs, deaf_to_ctrl_c(), _environment(self._surroundings):
                self._process.start()
        except OSError as error:
            self.pipe.close()
            raise WorkersError(f"can't start a process: {error}") from error
        return self

    def __exit__(self, *_: object) -> None:
        self.pipe.close()
        self._process.kill()
        self._process.join()

    def give(self, batch: _Batch) -> None:
        """Hand over a batch; if the process has died, that is seen when it should answer."""
        self.batch = batch
        with contextlib.suppress(OSError):
            self.pipe.send(batch.members)


def _serve(pipe: Connection, platform: str) -> None:
    """Make what comes through the pipe; answer with each member, and with None or an error."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    jobs: queue.SimpleQueue[list[Recipe]] = queue.SimpleQueue()
    threading.Thread(target=_receive, args=(pipe, jobs), daemon=True).start()
    while True:
        members, answer = jobs.get(), None
        try:
            use_platform(platform)
            for member in make_batch(members):
                pipe.send(member)
        except Exception as error:
            answer = _portable(error)
        try:
            pipe.send(answer)
        except OSError:  # nobody is left to listen
            os._exit(0)


def _receive(pipe: Connection, jobs: queue.SimpleQueue[list[Recipe]]) -> None:
    """Take what comes; leave at once when nothing can come any more."""
    try:
        while True:
            jobs.put(pipe.recv())
    except (EOFError, OSError):
        os._exit(0)


def _portable(error: Exception) -> Exception:
    """Return an error as another process can read it, with where it came from."""
    where = f"In a worker:\n{traceback.format_exc()}"
    try:
        pickle.loads(pickle.dumps(error))
    except Exception:
        error = RuntimeError(f"{type(error).__name__}: {error}")
    error.add_note(where)
    return error


def _surroundings(workers: int) -> dict[str, str]:
    """Return the environment variables by which workers share this machine's cores."""
    each = str(max(1, num_processors() // workers))
    return {name: each for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", CORES)}


@contextlib.contextmanager
def _environment(variables: Mapping[str, str]) -> Iterator[None]:
    """Set environment variables for a while, for processes that begin meanwhile."""
    before: dict[str, Any] = {name: os.environ.get(name) for name in variables}
    os.environ.update(variables)
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                del os.environ[name]
            else:
                os.environ[name] = value
