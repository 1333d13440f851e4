"""The command: `python -m yang_rnn.run` does a whole experiment and leaves a folder of results."""

import contextlib
import os
import signal
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn

from yang_rnn.interrupts import Interrupts, Terminated, leave_with

if TYPE_CHECKING:
    from yang_rnn.folder import NewFolder
    from yang_rnn.options import Options

# Functions import what they need. To read options takes a third of a second of imports, in which
# Ctrl-C must end well; the rest takes seconds, and waits until there is work to do.


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command.

    Parameters
    ----------
    arguments : sequence of str, optional
        What stands behind the command's name; without it that of this process.

    Returns
    -------
    int
        Exit code. 0: done; 1: the experiment failed (training diverged, disk full); 2: an option
        can't be used, nothing was done; 130 or 143: interrupted by Ctrl-C or terminated by
        SIGTERM, nothing was written.
    """
    try:
        return _run_or_say_why(sys.argv[1:] if arguments is None else arguments)
    except Terminated:
        return _end("terminated; nothing was written", 128 + signal.SIGTERM)
    except KeyboardInterrupt:
        return _end("interrupted; nothing was written", 128 + signal.SIGINT)


def _run_or_say_why(arguments: Sequence[str]) -> int:
    from yang_rnn.options import UsageError, parse

    try:
        _run(parse(arguments))
    except UsageError as error:
        return _end(str(error), 2)
    except (ArithmeticError, OSError) as error:
        return _end(str(error), 1)
    except MemoryError as error:
        return _end(f"not enough memory; try fewer units or trials ({error})", 1)
    return 0


def _end(message: str, code: int) -> int:
    print(f"yang-rnn: {message}", file=sys.stderr)
    return code


def _run(options: "Options") -> None:
    from yang_rnn.progress import progress_for

    started = time.perf_counter()
    recipe = options.numbers
    with contextlib.ExitStack() as stack:
        interrupts = stack.enter_context(Interrupts())
        folder = _claim(options, stack)
        from yang_rnn.device import memory_errors, use_platform

        use_platform(options.platform)
        from yang_rnn.experiment import run_experiment
        from yang_rnn.report import describe, versions
        from yang_rnn.storage import save_run

        def on_epoch(epoch: int, loss: float, accuracy: float) -> None:
            interrupts.check()
            progress.epoch(epoch, loss, accuracy)

        def on_search(step: int, most: int, mean_square: float) -> None:
            interrupts.check()
            progress.search(step, most, mean_square)

        with progress_for(recipe, options.quiet) as progress, memory_errors():
            experiment = run_experiment(recipe, on_epoch=on_epoch, on_search=on_search)
        interrupts.check()
        facts = {
            "platform": options.platform,
            "versions": versions(),
            "seconds": round(time.perf_counter() - started, 2),
        }
        summary = save_run(experiment, folder.staging, facts)
        interrupts.check()
        interrupts.ignore()  # from here on the results are there
        path = folder.publish()
        print(describe(summary))
        print(f"{'files':<11}{path}{os.sep}", flush=True)


def _claim(options: "Options", stack: contextlib.ExitStack) -> "NewFolder":
    """Make sure that the results will have a place, before any work."""
    from yang_rnn.folder import NewFolder
    from yang_rnn.options import UsageError

    if options.overwrite and options.out is None:
        raise UsageError("--overwrite needs --out, the folder to replace")
    recipe = options.numbers
    path = options.out or Path("runs") / f"{recipe.name}-seed{recipe.seed}"
    folder = NewFolder(path, overwrite=options.overwrite, number_on=options.out is None)
    try:
        return stack.enter_context(folder)
    except FileExistsError as error:
        replaceable = folder.is_run() and not options.overwrite
        hint = " (--overwrite replaces it)" if replaceable else ""
        raise UsageError(f"--out must be a new folder; {error}{hint}") from error
    except OSError as error:
        raise UsageError(f"--out must be a folder that can be written; {error}") from error


def command() -> NoReturn:
    """Run the command and leave the process, with `main`'s exit code."""
    leave_with(main)


if __name__ == "__main__":
    command()
