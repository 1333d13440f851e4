"""How often? Many networks trained, analysed and counted: `python -m yang_rnn.sweep`."""

from __future__ import annotations

import dataclasses
import os
import signal
import sys
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

from yang_rnn.folder import MEMBERS
from yang_rnn.interrupts import Interrupts, Terminated, leave_with
from yang_rnn.progress import Progress, sweep_progress_for
from yang_rnn.recipe import NOTEBOOK, Recipe, check_whole
from yang_rnn.sweep_plan import SweepError, alone, discard, members_of, settle, sweep_up

if TYPE_CHECKING:
    import pandas

TABLE, SUMMARY, FIGURE = "table", "summary.csv", "sweep"


@dataclasses.dataclass(frozen=True, eq=False)
class Sweep:
    """A finished sweep.

    Attributes
    ----------
    folder : Path
        Where it is; `yang_rnn.load_run(folder / "members" / name)` opens a member.
    table : pandas.DataFrame
        A row a member, see `yang_rnn.members.member_row`.
    summary : pandas.DataFrame
        A row a verdict, for each recipe and each varied number: see `summary_of`.
    """

    folder: Path
    table: pandas.DataFrame
    summary: pandas.DataFrame

    def __repr__(self) -> str:
        """Say how many members are where."""
        return f"Sweep({len(self.table)} members in {self.folder})"


def sweep(
    recipe: Recipe = NOTEBOOK,
    seeds: Iterable[int] = range(10),
    *,
    out: str | os.PathLike[str],
    vary: Mapping[str, Sequence[Any]] | None = None,
    workers: int = 0,
    scheduler: str | None = None,
    platform: str | None = None,
    on_progress: Callable[[Progress], None] | None = None,
    on_damage: Callable[[str], None] | None = None,
) -> Sweep:
    """Train, analyse and judge a network for each seed and each combination of varied numbers.

    Finished members are kept in the folder as they come, each whole: the same call goes on where
    an earlier one ended, in whatever way, and more seeds or values may be added. Slow points are
    searched by Newton's method. A member depends on its recipe, not on the others: on the same kind
    of processor, with the same versions and as many cores for each process, it comes out the same
    to the bit. It is not the one that `run` trains to the bit: rounding differs, and training
    amplifies that.

    Parameters
    ----------
    recipe : Recipe
        The numbers of all members.
    seeds : iterable of int
    out : path
        The sweep's folder; a new one, or one with a sweep of the same recipe.
    vary : mapping from field names to sequences, optional
        Values of the recipe's fields; every combination gets every seed.
    workers : int
        Processes to start on this machine; 0: this one does the work. Scripts that start processes
        need the usual ``if __name__ == "__main__":``.
    scheduler : str, optional
        Address of a Dask scheduler that runs already, as in ``tcp://host:8786``.
    platform : {"cpu", "gpu", "tpu"}, optional
        What other processes compute on; without it what this one does.
    on_progress : callable, optional
        Called with `Progress` at the start and after each member.
    on_damage : callable, optional
        Called with a line about each member whose files were damaged: it is made again or, if it
        is not among those asked for, left out.

    Returns
    -------
    Sweep

    Raises
    ------
    SweepError
        If the folder has another sweep or one that is running, or can't be made; if members are
        missing that other versions or another platform began; or if the workers fail, or Dask is
        not installed for them.
    ValueError
        If a number is out of its range, there are no seeds, or both `workers` and `scheduler` are
        given.
    OSError
        If a file can't be written; members finished before are whole.
    """
    workers = check_whole("workers", workers, 0)
    if workers and scheduler is not None:
        raise ValueError("`workers` and `scheduler` can't be given together")
    if platform not in (None, "cpu", "gpu", "tpu"):
        raise ValueError(f"`platform` must be 'cpu', 'gpu' or 'tpu'; got {platform!r}")
    recipes = members_of(recipe, seeds, vary or {})
    vary = dict(sorted((vary or {}).items()))  # members have the same names in whatever order
    folder, varied = Path(out), tuple(vary)
    import jax

    from yang_rnn.members import batches_of, store_member
    from yang_rnn.report import package_versions
    from yang_rnn.workers import WorkersError, import_dask, make_batches

    elsewhere = workers > 0 or scheduler is not None
    computes_on = (platform if elsewhere else None) or jax.default_backend()
    tally = _Tally(len(recipes), varied, on_progress)
    try:
        if elsewhere:
            import_dask()
        with alone(folder):
            changes = settle(folder, recipe, vary, {"platform": computes_on} | package_versions())
            missing = _missing(folder / MEMBERS, recipes, tally, changes, on_damage)
            batches = batches_of(list(missing), computes_on)
            for member in make_batches(
                batches, workers=workers, scheduler=scheduler, platform=computes_on
            ):
                store_member(member, missing[member.recipe])
                tally.add(missing[member.recipe])
            return _conclude(folder, varied)
    except WorkersError as error:
        raise SweepError(str(error)) from error


class _Tally:
    """Counts members as they are finished, and says so."""

    def __init__(
        self, total: int, varied: Sequence[str], on_progress: Callable[[Progress], None] | None
    ):
        self.varied = varied
        self._total, self._on_progress = total, on_progress
        self._done = self._failed = self._made = 0
        self._verdicts = Counter[str]()

    def add(self, member: Path, *, made: bool = True) -> None:
        """Count a finished member, made now or before."""
        from yang_rnn.members import member_row

        row = member_row(member, self.varied)
        self._done += 1
        self._failed += bool(row["error"])
        if row.get("verdict"):
            self._verdicts[row["verdict"]] += 1
        if made:
            self._made += 1
            self.tell()

    def tell(self) -> None:
        """Say how far the sweep is."""
        if self._on_progress is not None:
            self._on_progress(
                Progress(self._done, self._failed, self._total, dict(self._verdicts), self._made)
            )


def _missing(
    members: Path,
    recipes: Sequence[Recipe],
    tally: _Tally,
    changes: str,
    on_damage: Callable[[str], None] | None,
) -> dict[Recipe, Path]:
    """Return the members to make and where; count the others; remove what is broken."""
    from yang_rnn.members import flaw, member_name, misfit, visible

    if members.exists() and not members.is_dir():
        raise SweepError(f"{members} must be a folder; it is a file")
    members.mkdir(exist_ok=True)
    places = {recipe: members / member_name(recipe, tally.varied) for recipe in recipes}
    wrong = {
        path: flaw(path, recipe) if path.exists() else "missing" for recipe, path in places.items()
    }
    missing = {recipe: path for recipe, path in places.items() if wrong[path]}
    if missing and changes:
        raise SweepError(
            f"{members.parent} was begun otherwise ({changes}): what is made now would not be of "
            "one kind with what is there; take a new folder"
        )
    sweep_up(members)
    for path, damaged in wrong.items():
        if not damaged:
            tally.add(path, made=False)
        elif path.exists():
            if on_damage is not None:
                on_damage(f"{path.name}: {damaged}; it is made again")
            discard(path)
    for path in sorted(visible(members)):
        other = "" if path in wrong else misfit(path, tally.varied)
        if other and on_damage is not None:
            on_damage(f"{path.name}: {other}; it is left out, and not touched")
    tally.tell()
    return missing


def _conclude(folder: Path, varied: tuple[str, ...]) -> Sweep:
    """Put all members that there are into tables and a figure."""
    from yang_rnn import figures
    from yang_rnn.members import misfit, visible
    from yang_rnn.sweep_results import portraits_of, read_table, summary_of

    sound = [path for path in visible(folder / MEMBERS) if not misfit(path, varied)]
    table = read_table(sound, varied)
    summary = summary_of(table, varied)
    for name, write in (
        (f"{TABLE}.csv", lambda path: table.to_csv(path, index=False)),
        (f"{TABLE}.parquet", lambda path: table.to_parquet(path, index=False)),
        (SUMMARY, lambda path: summary.to_csv(path, index=False)),
    ):
        aside = folder / f".{name}"
        write(aside)
        os.replace(aside, folder / name)
    portraits = portraits_of(sound)
    figures.save(figures.sweep(table, summary, portraits, varied), folder / FIGURE)
    return Sweep(folder, table, summary)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command.

    Parameters
    ----------
    arguments : sequence of str, optional
        What stands behind the command's name; without it that of this process.

    Returns
    -------
    int
        Exit code. 0: done; 1: the sweep or all its members failed; 2: an option can't be used; 130
        or 143: interrupted by Ctrl-C or terminated by SIGTERM. But for 0 and 2, finished members
        are kept and the same command goes on.
    """
    on_with = "finished members are kept: the same command goes on"
    try:
        return _run(sys.argv[1:] if arguments is None else arguments)
    except Terminated:
        return _end(f"terminated; {on_with}", 128 + signal.SIGTERM)
    except KeyboardInterrupt:
        return _end(f"interrupted; {on_with}", 128 + signal.SIGINT)
    except OSError as error:
        return _end(f"{error}; {on_with}", 1)
    except MemoryError as error:
        return _end(f"not enough memory ({error}); {on_with}", 1)


def _run(arguments: Sequence[str]) -> int:
    from yang_rnn.options import UsageError
    from yang_rnn.sweep_options import parse

    try:
        options = parse(arguments)
        with Interrupts() as interrupts:
            from yang_rnn.device import use_platform
            from yang_rnn.sweep_results import describe

            # Other processes may have a GPU where this one has none, or need all its memory.
            elsewhere = options.workers or options.scheduler is not None
            use_platform("cpu" if elsewhere else options.platform)
            with sweep_progress_for(options.quiet) as shown:

                def on_progress(progress: Progress) -> None:
                    interrupts.check()
                    shown.tell(progress)

                done = sweep(
                    options.base,
                    options.seed_list,
                    out=options.out,
                    vary=options.vary,
                    workers=options.workers,
                    scheduler=options.scheduler,
                    platform=options.platform,
                    on_progress=on_progress,
                    on_damage=shown.note,
                )
            interrupts.check()
            print(describe(done.table, done.summary, done.folder))
        if not sum(done.summary["members"]):
            return _end("all members failed; error.txt in a member's folder says why", 1)
    except UsageError as error:
        return _end(str(error), 2)
    except SweepError as error:
        return _end(str(error), 1)
    return 0


def _end(message: str, code: int) -> int:
    print(f"yang-rnn-sweep: {message}", file=sys.stderr)
    return code


def command() -> NoReturn:
    """Run the command and leave the process, with `main`'s exit code."""
    leave_with(main)


if __name__ == "__main__":
    command()
