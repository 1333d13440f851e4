"""The command: `python -m yang_rnn.run` does a whole experiment and leaves a folder of results."""

import contextlib
import dataclasses
import os
import time
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

from yang_rnn.cli.ending import (
    Done,
    Failure,
    UsageError,
    exit_code,
    leave_with,
    one_line,
    usage_errors,
)
from yang_rnn.cli.interrupts import Interrupts

if TYPE_CHECKING:
    from yang_rnn.cli.options import Options
    from yang_rnn.cli.progress import RunDisplay
    from yang_rnn.experiment.folder import NewFolder

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
        Exit code. 0: done, even if the result can't be printed (a line says so); 1: the
        experiment failed (training diverged, disk full), nothing was written; 2: an option can't be
        used, nothing was done; 130 or 143: interrupted by Ctrl-C or terminated by SIGTERM, nothing
        was written.
    """
    return exit_code(_run, arguments, program="yang-rnn", kept="nothing was written")


def _run(arguments: Sequence[str], interrupts: Interrupts) -> Done:
    """Do what the arguments say; return what there is to print."""
    started = time.perf_counter()
    from yang_rnn.cli.memory import check_address_space

    check_address_space()
    from yang_rnn.cli.options import parse
    from yang_rnn.cli.progress import RunDisplay

    options = parse(arguments)
    with contextlib.ExitStack() as stack:
        folder = _claim(options, stack)
        from yang_rnn.experiment.drawing import DrawingProcess, save_figures

        process = None
        if options.formats:
            process = stack.enter_context(DrawingProcess())  # loads matplotlib meanwhile
        with interrupts.held():
            import jax  # noqa: F401 - loads jaxlib
        from yang_rnn.experiment.platform import PlatformError, memory_errors, use_platform

        with usage_errors(PlatformError):
            use_platform(options.platform)
        from yang_rnn.analysis import ScaleError
        from yang_rnn.experiment.names import FIGURES, REPORT
        from yang_rnn.experiment.storage import save_numbers
        from yang_rnn.experiment.summary import describe, stimulus_of, versions
        from yang_rnn.experiment.task_storage import save_task_numbers
        from yang_rnn.report.writing import report_of
        from yang_rnn.train import DivergenceError

        facts: dict[str, Any] = {"platform": options.platform, "versions": versions()}
        shown = stack.enter_context(RunDisplay(options.numbers, options.quiet, interrupts.check))
        try:
            with memory_errors():
                run = _trained(options, shown, facts)
                if options.prove:
                    run = dataclasses.replace(run, proof_nodes=None, on_proof=shown.proof)
                if process is not None:
                    save_figures(run, folder.staging / FIGURES, options.formats, process)
                facts["seconds"] = round(time.perf_counter() - started, 2)
                save = save_numbers if options.numbers.is_perceptual else save_task_numbers
                summary = save(run, folder.staging, facts)
                text = describe(summary, stimulus=stimulus_of(run), verbose=options.verbose)
                page = report_of(run, summary, folder.staging / FIGURES)
                (folder.staging / REPORT).write_text(page, encoding="utf-8", newline="\n")
        except (DivergenceError, ScaleError) as error:
            raise Failure(str(error)) from error
        interrupts.ignore()  # from here on the results are there
        interrupts.check()
        path = folder.publish()
    files = "Open report.html in a browser; summary.json has all numbers"
    files += ", figures/ the pictures." if options.formats else "."
    return Done(f"{text}\n\nFiles\n  {files}\n  {one_line(f'{path}{os.sep}')}", path)


def _claim(options: "Options", stack: contextlib.ExitStack) -> "NewFolder":
    """Make sure that the results will have a place, before any work."""
    from yang_rnn.experiment.folder import NewFolder

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


def _trained(options: "Options", shown: "RunDisplay", facts: dict[str, Any]) -> Any:
    """Train the network, or load one and take down what it was trained with."""
    from yang_rnn.experiment.run import run_experiment
    from yang_rnn.experiment.task_run import run_task
    from yang_rnn.recipe import RecipeError
    from yang_rnn.task import task_of

    if options.from_ is None:
        if not options.numbers.is_perceptual:
            with usage_errors(RecipeError, ImportError):
                task = task_of(options.numbers)
            return run_task(options.numbers, task, on_epoch=shown.epoch)
        return run_experiment(options.numbers, on_epoch=shown.epoch, on_search=shown.search)
    from yang_rnn.experiment.storage import load_run

    try:
        run = load_run(options.from_)
    except (OSError, ValueError, ImportError) as error:
        raise UsageError(f"--from must be the folder of a run or of a member; {error}") from error
    facts["trained"] = run.facts.get("trained", {"folder": str(options.from_), **run.facts})
    if options.numbers.epochs > run.recipe.epochs:
        from yang_rnn.experiment.continuing import ContinuationError, continue_run

        with usage_errors(ContinuationError):
            run = continue_run(run, options.numbers, on_epoch=shown.epoch)
    if not options.numbers.is_perceptual:
        return dataclasses.replace(run, recipe=options.numbers)
    return dataclasses.replace(run, recipe=options.numbers, found=None, on_search=shown.search)


def command() -> NoReturn:
    """Run the command and leave the process, with `main`'s exit code."""
    leave_with(main)


if __name__ == "__main__":
    command()
