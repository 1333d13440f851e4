"""How often? Many networks trained, analysed, judged and counted."""

from __future__ import annotations

import dataclasses
import os
import tempfile
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import jax
import pandas

from yang_rnn import figures
from yang_rnn._checks import check_callable, check_is, check_path, check_text, check_whole
from yang_rnn._files import MOST_JSON, content_of, parse_json, write_whole
from yang_rnn.ensemble.members import (
    batches_of,
    find_problem,
    member_folders,
    member_name,
    member_row,
    store_member,
)
from yang_rnn.ensemble.plan import (
    MANIFEST,
    FolderError,
    Problem,
    SweepError,
    check_manifest,
    discard,
    locked,
    members_of,
)
from yang_rnn.ensemble.processes import WorkersError
from yang_rnn.ensemble.table import (
    FIGURE,
    SUMMARY,
    TABLE,
    TABLE_PARQUET,
    portraits_of,
    read_table,
    summary_of,
)
from yang_rnn.ensemble.task_table import summary_of_tasks
from yang_rnn.ensemble.workers import import_dask, make_batches
from yang_rnn.experiment.folder import MEMBERS, remove_stale
from yang_rnn.experiment.names import REPORT
from yang_rnn.experiment.summary import package_versions
from yang_rnn.figures.ensembles import Portrait
from yang_rnn.recipe import NOTEBOOK, Recipe
from yang_rnn.report.pictures import picture_of, pictures_in
from yang_rnn.report.sweep_page import sweep_page
from yang_rnn.task import recipe_for, task_of


@dataclasses.dataclass(frozen=True, eq=False)
class Sweep:
    """A finished sweep.

    Attributes
    ----------
    folder : Path
        Where it is; `yang_rnn.load_run(folder / "members" / name)` opens a member.
    table : pandas.DataFrame
        One row per member; the page of the documentation on sweeps has the columns.
    summary : pandas.DataFrame
        One row per verdict and per mechanism, for each recipe and each combination of varied
        numbers, with Wilson's intervals; for other tasks also how many learned it.
    """

    folder: Path
    table: pandas.DataFrame
    summary: pandas.DataFrame

    def __repr__(self) -> str:
        """Say how many members are where."""
        return f"Sweep({len(self.table)} members in {self.folder})"


@dataclasses.dataclass(frozen=True)
class SweepProgress:
    """How far a sweep is.

    Attributes
    ----------
    done, failed, total : int
        Members finished, failed ones among them, and in all.
    verdicts : dict
        How many finished members have each verdict; of another task than the perceptual one, how
        many learned it and how many did not.
    made : int
        Members finished since this call began; the others were there before.
    """

    done: int
    failed: int
    total: int
    verdicts: dict[str, int]
    made: int


def sweep(
    recipe: Recipe = NOTEBOOK,
    seeds: Iterable[int] = range(10),
    *,
    out: str | os.PathLike[str],
    vary: Mapping[str, Sequence[Any]] | None = None,
    workers: int = 0,
    scheduler: str | None = None,
    platform: str | None = None,
    on_progress: Callable[[SweepProgress], None] | None = None,
    on_damage: Callable[[str], None] | None = None,
) -> Sweep:
    """Train, analyse and judge a network for each seed and each combination of varied numbers.

    Each member is kept in the folder as soon as it is finished. However a sweep ended, the same
    call resumes it, and more seeds or values may be added. Slow points are searched by Newton's
    method. A member depends on its recipe, not on the others: on the same kind of processor, with
    the same versions and as many cores for each process, it is the same bit for bit. It is not bit
    for bit the network that `run` trains: rounding differs, and training amplifies that.

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
        Address of a Dask scheduler that runs already, as in ``tcp://host:8786``. It is trusted:
        whoever reaches it can run code as you, here and on its workers.
    platform : {"cpu", "gpu", "tpu"}, optional
        What other processes compute on; without it what this one does.
    on_progress : callable, optional
        Called with a `SweepProgress` at the start and after each member.
    on_damage : callable, optional
        Called with a line about each member whose files were damaged: it is made again or, if it
        is not among those asked for, left out.

    Returns
    -------
    Sweep

    Raises
    ------
    FolderError
        A `SweepError`: if the folder has another sweep or one that is running, or can't be made; or
        if members are missing from a sweep that was begun with other versions or on another
        platform.
    SweepError
        If the workers fail, or Dask is not installed for the scheduler.
    ValueError
        If a number is out of its range, there are no seeds, both `workers` and `scheduler` are
        given, or other processes do not have the platform.
    OSError
        If a file can't be written; members finished before are whole.
    """
    check_is("recipe", recipe, Recipe)
    check_path("out", out)
    check_is("vary", vary, Mapping, optional=True)
    check_text("scheduler", scheduler, optional=True)
    check_text("platform", platform, optional=True)
    check_callable("on_progress", on_progress, optional=True)
    check_callable("on_damage", on_damage, optional=True)
    workers = check_whole("workers", workers, 0)
    if workers and scheduler is not None:
        raise ValueError("`workers` and `scheduler` can't be given together")
    if platform not in (None, "cpu", "gpu", "tpu"):
        raise ValueError(f"`platform` must be 'cpu', 'gpu' or 'tpu'; got {platform!r}")
    if not os.fspath(out):
        raise ValueError("`out` must be a folder; got an empty name")
    recipe = _with_channels([recipe])[0]
    recipes = _with_channels(members_of(recipe, seeds, vary or {}))
    vary = dict(sorted((vary or {}).items()))  # members have the same names in whatever order
    folder, varied = Path(out), tuple(vary)
    elsewhere = workers > 0 or scheduler is not None
    computes_on = (platform if elsewhere else None) or jax.default_backend()
    tally = _Tally(len(recipes), varied, on_progress)
    try:
        if scheduler is not None:
            import_dask()
        with locked(folder):
            made_with = {"platform": computes_on} | package_versions()
            changes = check_manifest(folder, recipe, vary, made_with)
            missing = _missing(folder / MEMBERS, recipes, tally, changes, on_damage)
            batches = batches_of(list(missing), computes_on)
            for member in make_batches(
                batches, workers=workers, scheduler=scheduler, platform=computes_on
            ):
                store_member(member, missing[member.recipe])
                tally.add(missing[member.recipe])
            return _conclude(folder, recipe, varied)
    except WorkersError as error:
        raise SweepError(str(error)) from error


def _with_channels(recipes: Sequence[Recipe]) -> list[Recipe]:
    """Return recipes with the channels that their tasks have; a task is made once."""
    found: dict[Recipe, Recipe] = {}
    filled = []
    for recipe in recipes:
        if recipe.is_perceptual:
            filled.append(recipe)
            continue
        settings = (recipe.task_settings, recipe.dt, recipe.tau)
        key = Recipe(task=recipe.task, task_settings=settings[0], dt=settings[1], tau=settings[2])
        if key not in found:
            found[key] = recipe_for(key, task_of(key))
        shape = found[key]
        filled.append(
            dataclasses.replace(recipe, num_inputs=shape.num_inputs, num_outputs=shape.num_outputs)
        )
    return filled


class _Tally:
    """Counts members as they are finished, and reports the counts."""

    def __init__(
        self,
        total: int,
        varied: Sequence[str],
        on_progress: Callable[[SweepProgress], None] | None,
    ):
        self.varied = varied
        self._total, self._on_progress = total, on_progress
        self._done = self._failed = self._made = 0
        self._verdicts = Counter[str]()

    def add(self, member: Path, *, made: bool = True) -> None:
        """Count a finished member, made now or before."""
        row = member_row(member, self.varied)
        self._done += 1
        self._failed += bool(row["error"])
        if "learned" in row:
            self._verdicts["learned" if row["learned"] else "not learned"] += 1
        elif row.get("verdict"):
            self._verdicts[row["verdict"]] += 1
        if made:
            self._made += 1
            self.report()

    def report(self) -> None:
        """Report how far the sweep is."""
        if self._on_progress is not None:
            verdicts = dict(self._verdicts)
            self._on_progress(
                SweepProgress(self._done, self._failed, self._total, verdicts, self._made)
            )


def _missing(
    members: Path,
    recipes: Sequence[Recipe],
    tally: _Tally,
    changes: Problem | None,
    on_damage: Callable[[str], None] | None,
) -> dict[Recipe, Path]:
    """Return the members to make, with their folders; count the others; remove what is broken."""
    if members.exists() and not members.is_dir():
        raise FolderError(f"{members} must be a folder; it is a file")
    members.mkdir(exist_ok=True)
    places = {recipe: members / member_name(recipe, tally.varied) for recipe in recipes}
    found = {
        path: find_problem(path, tally.varied, recipe)
        for recipe, path in places.items()
        if os.path.lexists(path)
    }
    missing = {recipe: path for recipe, path in places.items() if found.get(path, True)}
    if missing and changes:
        raise FolderError(
            f"{members.parent} was begun otherwise ({changes}): what is made now would not be of "
            "one kind with what is there; take a new folder"
        )
    remove_stale(members)
    for path, problem in found.items():
        if problem is None:
            tally.add(path, made=False)
            continue
        if on_damage is not None:
            on_damage(f"{path.name}: {problem}; it is made again")
        discard(path)
    for path in sorted(set(member_folders(members)).difference(places.values())):
        problem = find_problem(path, tally.varied)
        if problem is not None and on_damage is not None:
            on_damage(f"{path.name}: {problem}; it is left out, and not touched")
    tally.report()
    return missing


def _conclude(folder: Path, recipe: Recipe, varied: tuple[str, ...]) -> Sweep:
    """Put all members that are there into tables and a figure."""
    sound = [path for path in member_folders(folder / MEMBERS) if not find_problem(path, varied)]
    table = read_table(sound, varied)
    tasks = not recipe.is_perceptual
    summary = (summary_of_tasks if tasks else summary_of)(table, varied)
    for name, write in (
        (TABLE, lambda path: table.to_csv(path, index=False)),
        (TABLE_PARQUET, lambda path: table.to_parquet(path, index=False)),
        (SUMMARY, lambda path: summary.to_csv(path, index=False)),
    ):
        aside = folder / f".{name}"
        write(aside)
        os.replace(aside, folder / name)
    done = Sweep(folder, table, summary)
    _draw(done, sound, recipe, varied)
    return done


def _values(table: pandas.DataFrame, field: str) -> str:
    """Return a number that a sweep sets, with its value if there is but one."""
    values = table[field].unique()
    return f"{field} {values[0]}" if len(values) == 1 else f"{field} varied"


def _draw(done: Sweep, members: Sequence[Path], recipe: Recipe, varied: Sequence[str]) -> None:
    """Write the figure, with a line that says what it is of, and the report."""
    portraits = portraits_of(members) if recipe.is_perceptual else []
    if recipe.is_perceptual:
        figure = figures.sweep(done.table, summary=done.summary, portraits=portraits, varied=varied)
    else:
        figure = figures.task_sweep(done.table, varied=varied)
    words = [recipe.name_without("search", *varied), *(_values(done.table, f) for f in varied)]
    figures.sign(figure, ", ".join([*words, f"{len(done.table)} networks"]))
    figures.save(figure, (done.folder / FIGURE).with_suffix(""))
    _report(done, portraits, recipe, varied)


def _report(
    done: Sweep, portraits: Sequence[Portrait], recipe: Recipe, varied: Sequence[str]
) -> None:
    """Write the page that tells what the sweep came to."""
    made_with = parse_json(content_of(done.folder / MANIFEST, MOST_JSON).decode("utf-8"))
    with tempfile.TemporaryDirectory() as aside:
        for portrait in portraits:
            name = portrait.title.partition(":")[0]
            figures.save(figures.portrait(portrait), Path(aside) / name)
        pictures = {picture.name: picture for picture in pictures_in(Path(aside))}
    table: Any = done.table
    recipes = (
        dataclasses.replace(recipe, **{field: row[field] for field in varied}, seed=row["seed"])
        for row in table[[*varied, "seed"]].to_dict("records")
    )
    page = sweep_page(
        recipe,
        done.table,
        done.summary,
        varied,
        [member_name(each, varied) for each in recipes],
        made_with=made_with["made_with"],
        figure=picture_of(done.folder / FIGURE),
        portraits=pictures,
    )
    write_whole(done.folder / REPORT, page.encode("utf-8"))
