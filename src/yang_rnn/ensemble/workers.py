"""Where the batches of a sweep are made: in this process, or on Dask's workers."""

from __future__ import annotations

import contextlib
import logging
import os
import signal
from collections.abc import Iterator, Sequence
from concurrent.futures import CancelledError
from multiprocessing import resource_tracker
from typing import Any

from yang_rnn.ensemble.members import FinishedMember, make_batch, make_whole_batch
from yang_rnn.experiment.platform import use_platform
from yang_rnn.experiment.report import package_versions
from yang_rnn.recipe import Recipe

MAX_DEATHS = 3
"""A batch is given up when this many workers died over it."""

CORES = "NPROC"
"""The environment variable that tells XLA, before it starts, how many cores to use."""

SLOT = "yang_rnn batch"
"""A Dask resource of which each worker has one and each task takes one.

Tasks beyond that wait at the scheduler, where any worker that is free can take them.
"""

MAX_WAIT = 60
"""Seconds to wait for a scheduler's first worker."""


class WorkersError(Exception):
    """The workers can't make a sweep's members; the message says why."""


def make_batches(
    batches: Sequence[Sequence[Recipe]],
    *,
    workers: int = 0,
    scheduler: str | None = None,
    platform: str = "cpu",
) -> Iterator[FinishedMember]:
    """Make batches of members; give each member as soon as it is finished, in any order.

    Parameters
    ----------
    batches : sequence of sequences of Recipe
        As `batches_of` gives them.
    workers : int
        Processes to start on this machine, which share its cores; 0: this process does the work.
    scheduler : str, optional
        Address of a Dask scheduler that runs already, whose workers have this package.
    platform : str
        What other processes compute on.

    Yields
    ------
    FinishedMember

    Raises
    ------
    WorkersError
        If Dask is not installed, its scheduler is not there or has no workers, these have other
        versions of the packages, or too many of them died over a batch.
    PlatformError
        If they find no such platform.
    """
    if not batches:
        return
    if not workers and scheduler is None:
        for batch in batches:
            yield from make_batch(batch)
        return
    distributed = import_dask()
    from distributed.scheduler import KilledWorker

    with contextlib.ExitStack() as stack:
        if scheduler is None:
            client = stack.enter_context(_local(min(workers, len(batches))))
        else:
            try:
                client = stack.enter_context(distributed.Client(scheduler, timeout="20s"))
            except (OSError, ValueError) as error:
                raise WorkersError(f"no Dask scheduler answers at {scheduler}") from error
            _await_workers(client, scheduler)
        _prepare_workers(client)
        wanted = package_versions()
        settings = {"pure": False, "retries": 0, "resources": {SLOT: 1}}
        futures = [
            client.submit(_task, list(batch), platform, wanted, **settings) for batch in batches
        ]
        stack.callback(client.cancel, futures)
        for future in distributed.as_completed(futures):
            try:
                done = future.result()
            except KilledWorker as error:
                raise WorkersError(
                    "worker after worker died over one batch, for lack of memory perhaps: "
                    "try fewer workers, or more memory for each"
                ) from error
            except CancelledError as error:
                raise WorkersError("the Dask scheduler is gone") from error
            except (ImportError, RuntimeError) as error:
                # Dask's own words where its scheduler, not a worker, can't read the task.
                if isinstance(error, RuntimeError) and "deserialization" not in str(error):
                    raise
                line = str(error).splitlines()[0]
                raise WorkersError(
                    f"the scheduler and its workers need this package, as it is here: {line}"
                ) from error
            yield from done
            future.release()


def _prepare_workers(client: Any) -> None:
    """Have each worker make one batch at a time, on as many cores as it has threads."""
    from distributed import WorkerPlugin

    cores, slot = CORES, SLOT

    # A class in a function goes to the workers by value. By reference it would make them import
    # this module and start JAX, which takes all cores unless it is told before it starts.
    class OneBatch(WorkerPlugin):
        async def setup(self, worker: Any) -> None:
            os.environ.setdefault(cores, str(worker.state.nthreads))
            await worker.set_resources(**{slot: 1})

    client.register_plugin(OneBatch(), name="yang_rnn")


def _await_workers(client: Any, scheduler: str) -> None:
    """Wait for the first worker: without one, nothing would ever happen."""
    try:
        client.wait_for_workers(1, timeout=MAX_WAIT)
    except TimeoutError as error:
        raise WorkersError(
            f"no worker joined the scheduler at {scheduler} within {MAX_WAIT} s"
        ) from error


def import_dask() -> Any:
    """Import Dask; raise `WorkersError` if it is not installed."""
    try:
        import distributed
    except ImportError as error:
        raise WorkersError(
            "other processes need Dask: install this package with it, pip install '.[sweep]'"
        ) from error
    return distributed


def _task(batch: list[Recipe], platform: str, wanted: dict[str, str]) -> list[FinishedMember]:
    """Make a batch in a worker, if it has the wanted versions of the packages."""
    from brainpy.math.defaults import setting

    here = package_versions()
    other = [f"{name} {here[name]}, not {version}" for name, version in wanted.items()
             if here[name] != version]  # fmt: skip
    if other:
        from distributed import get_worker

        where = get_worker().address
        raise WorkersError(f"the worker at {where} has other versions: {'; '.join(other)}")
    setting()  # BrainPy keeps its settings by thread, and a task has a thread of its own
    use_platform(platform)
    return make_whole_batch(batch)


@contextlib.contextmanager
def _local(workers: int) -> Iterator[Any]:
    """Start a cluster of processes on this machine that share its cores."""
    import dask.config
    import distributed

    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    each = max(1, (cores or 1) // workers)
    surroundings = {name: str(each) for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", CORES)}
    # Workers need not report that their scheduler has ended.
    surroundings["DASK_LOGGING__DISTRIBUTED"] = "critical"
    settings = {
        "distributed.scheduler.allowed-failures": MAX_DEATHS - 1,
        "distributed.worker.memory.terminate": False,  # the limits are guesses on shared machines
        "distributed.worker.memory.pause": False,
        "distributed.worker.memory.spill": False,
        "distributed.worker.memory.target": False,
    }
    with contextlib.ExitStack() as stack:
        stack.enter_context(dask.config.set(settings))
        with _without_ctrl_c():
            cluster = stack.enter_context(
                distributed.LocalCluster(
                    n_workers=workers,
                    threads_per_worker=1,
                    processes=True,
                    # No dashboard; its server, which starts all the same, takes any free port.
                    scheduler_kwargs={"dashboard": False, "dashboard_address": ":0"},
                    silence_logs=logging.CRITICAL,
                    env=surroundings,
                )
            )
        yield stack.enter_context(distributed.Client(cluster))


@contextlib.contextmanager
def _without_ctrl_c() -> Iterator[None]:
    """Hold Ctrl-C back; threads and processes that begin meanwhile never receive it.

    A terminal sends it to all processes, but only this one knows how to end.
    """
    if not hasattr(signal, "pthread_sigmask"):
        yield
        return
    resource_tracker.ensure_running()  # to start it later would let Ctrl-C through
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)
