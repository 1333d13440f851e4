"""Where the batches of a sweep are made: in this process, in others here, or on Dask's workers."""

from __future__ import annotations

import contextlib
import gc
import logging
import os
from collections.abc import Iterator, Sequence
from concurrent.futures import CancelledError
from typing import Any

from yang_rnn.adapters.optional import install_command
from yang_rnn.ensemble.members import FinishedMember, make_batch, make_whole_batch
from yang_rnn.ensemble.processes import CORES, LOST, WorkersError, make_on_processes
from yang_rnn.experiment.platform import use_platform
from yang_rnn.experiment.summary import package_versions
from yang_rnn.recipe import Recipe

SLOT = "yang_rnn batch"
"""A Dask resource of which each worker has one and each task takes one.

Tasks beyond that wait at the scheduler, where any worker that is free can take them.
"""

GONE = "the Dask scheduler is gone"

MAX_WAIT = 60
"""Seconds to wait for a scheduler's first worker."""


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
        If too many workers died over a batch, Dask is not installed for its scheduler, that is not
        there or has no workers, or these have other versions of the packages.
    PlatformError
        If they find no such platform.
    """
    if not batches:
        return
    if not workers and scheduler is None:
        for batch in batches:
            yield from make_batch(batch)
        return
    if scheduler is None:
        yield from make_on_processes(batches, workers=workers, platform=platform)
        return
    distributed = import_dask()
    from distributed.comm.core import CommClosedError
    from distributed.scheduler import KilledWorker

    with contextlib.ExitStack() as stack:
        stack.enter_context(_silent())
        try:
            client = stack.enter_context(distributed.Client(scheduler, timeout="20s"))
        except (OSError, ValueError) as error:
            raise WorkersError(f"no Dask scheduler answers at {scheduler}") from error
        try:
            _await_workers(client, scheduler)
            _prepare_workers(client)
            wanted = package_versions()
            settings = {"pure": False, "retries": 0, "resources": {SLOT: 1}}
            futures = [
                client.submit(_task, list(batch), platform, wanted, **settings) for batch in batches
            ]
            stack.callback(client.cancel, futures)
            done = distributed.as_completed(futures)
        except (CancelledError, OSError) as error:
            raise WorkersError(GONE) from error
        for future in done:
            try:
                made = future.result()
            except KilledWorker as error:
                raise WorkersError(LOST) from error
            except (CancelledError, CommClosedError) as error:
                raise WorkersError(GONE) from error
            except (ImportError, RuntimeError) as error:
                # Dask's own words where its scheduler, not a worker, can't read the task.
                if isinstance(error, RuntimeError) and "deserialization" not in str(error):
                    raise
                line = str(error).splitlines()[0]
                raise WorkersError(
                    f"the scheduler and its workers need this package, as it is here: {line}"
                ) from error
            yield from made
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


@contextlib.contextmanager
def _silent() -> Iterator[None]:
    """Have Dask say nothing: what it has to say comes as an error, and is told in one line."""
    # Dask gives each of its loggers a level of its own.
    known = {"distributed", "asyncio", "tornado", *logging.root.manager.loggerDict}
    silent = [name for name in known if name.split(".")[0] in ("distributed", "asyncio", "tornado")]
    loggers = [logging.getLogger(name) for name in silent]
    before = [logger.level for logger in loggers]
    for logger in loggers:
        logger.setLevel(logging.CRITICAL + 1)
    try:
        yield
    finally:
        gc.collect()  # what has failed and nobody asked for is told when it is collected
        for logger, level in zip(loggers, before, strict=True):
            logger.setLevel(level)


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
        raise WorkersError(f"a scheduler needs Dask: {install_command('sweep')}") from error
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
