"""The command: `python -m yang_rnn.sweep` trains, analyses and counts many networks."""

import dataclasses
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, NoReturn

from yang_rnn.cli.ending import Done, Failure, UsageError, exit_code, leave_with, usage_errors
from yang_rnn.cli.interrupts import Interrupts

if TYPE_CHECKING:
    from yang_rnn.ensemble.sweep import sweep as sweep


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command.

    Parameters
    ----------
    arguments : sequence of str, optional
        What stands behind the command's name; without it that of this process.

    Returns
    -------
    int
        Exit code. 0: done, even if the result can't be printed (a line says so); 1: the sweep or
        all its members failed; 2: an option, the folder among them, can't be used, nothing was
        done; 130 or 143: interrupted by Ctrl-C or terminated by SIGTERM. But for 0 and 2, finished
        members are kept and the same command resumes.
    """
    kept = "finished members are kept: the same command resumes"
    return exit_code(_sweep, arguments, program="yang-rnn-sweep", kept=kept)


def _sweep(arguments: Sequence[str], interrupts: Interrupts) -> Done:
    """Do what the arguments say; return what there is to print."""
    from yang_rnn.cli.memory import check_address_space

    check_address_space()
    from yang_rnn.cli.progress import SweepDisplay
    from yang_rnn.cli.sweep_options import parse

    options = parse(arguments)
    with interrupts.held():
        import jax  # noqa: F401 - loads jaxlib
    from yang_rnn.experiment.platform import PlatformError, use_platform

    with usage_errors(PlatformError), SweepDisplay(options.quiet, interrupts.check) as shown:
        # Other processes may have a GPU where this one has none, or need all its memory.
        elsewhere = options.workers or options.scheduler is not None
        use_platform("cpu" if elsewhere else options.platform)
        from yang_rnn.ensemble.plan import FolderError, SweepError
        from yang_rnn.ensemble.processes import WorkersError
        from yang_rnn.ensemble.sweep import sweep
        from yang_rnn.ensemble.table import FILES, describe
        from yang_rnn.ensemble.task_table import describe_tasks
        from yang_rnn.recipe import RecipeError
        from yang_rnn.task import task_of

        if not options.numbers.is_perceptual:
            with usage_errors(RecipeError, ImportError):
                task_of(options.numbers)

        from yang_rnn.ensemble.workers import import_dask

        if options.scheduler is not None:
            try:
                import_dask()
            except WorkersError as error:
                raise UsageError(f"--scheduler can't be used: {error}") from error
        try:
            done = sweep(
                options.numbers,
                options.seed_list,
                out=options.out,
                vary=options.vary,
                workers=options.workers,
                scheduler=options.scheduler,
                platform=options.platform,
                on_progress=lambda progress: shown.tell(**dataclasses.asdict(progress)),
                on_damage=shown.note,
            )
        except FolderError as error:
            raise UsageError(f"--out can't be used: {error}") from error
        except SweepError as error:
            raise Failure(str(error)) from error
    if options.numbers.is_perceptual:
        text = describe(done.table, done.summary, done.folder, verbose=options.verbose)
    else:
        text = describe_tasks(done.table, done.summary, done.folder, FILES, verbose=options.verbose)
    result = Done(text, done.folder)
    if not sum(done.summary["members"]):
        raise Failure("all members failed; error.txt in a member's folder says why", result)
    return result


def command() -> NoReturn:
    """Run the command and leave the process, with `main`'s exit code."""
    leave_with(main)


def __getattr__(name: str) -> Any:
    """Give the function of this name, which `yang_rnn.sweep` is once this module was imported."""
    if name != "sweep":
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from yang_rnn.ensemble.sweep import sweep

    return sweep


if __name__ == "__main__":
    command()
