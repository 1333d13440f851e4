"""A run's report, written from the run or from its folder."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import jax

from yang_rnn._checks import check_path, shown
from yang_rnn._files import MOST_JSON, content_of, damage_named, write_whole
from yang_rnn.experiment.checksums import check_sum, read_sums
from yang_rnn.experiment.drawing import save_figures
from yang_rnn.experiment.folder import MEMBERS
from yang_rnn.experiment.names import (
    FIGURES,
    HISTORY,
    ORDER,
    PROOF,
    RECIPE,
    REPORT,
    SUMMARY_FILE,
    TASK_ORDER,
)
from yang_rnn.experiment.reading import history_of
from yang_rnn.experiment.run import Run
from yang_rnn.experiment.storage import ERROR, load_run, read_error, read_summary
from yang_rnn.experiment.summary import summarise, versions
from yang_rnn.experiment.task_run import TaskRun
from yang_rnn.experiment.task_storage import read_task_summary
from yang_rnn.recipe import Recipe
from yang_rnn.report.again import analysis_command, member_command, run_command
from yang_rnn.report.pictures import Picture, pictures_in
from yang_rnn.report.run_page import run_page
from yang_rnn.report.task_page import task_page
from yang_rnn.report.turning import Turning, can_turn, turning_of
from yang_rnn.train import History

_OF_A_SWEEP = (
    "This network is a member of a sweep, which trains many networks in one program; a run of its "
    "own with the same seed is another network."
)


def write_report(
    run: Run | TaskRun | str | os.PathLike[str], path: str | os.PathLike[str] | None = None
) -> Path:
    """Write a page that tells what a run came to: one file, for any browser.

    Parameters
    ----------
    run : Run, TaskRun or path
        A run, or the folder of one or of a sweep's member. Figures that the folder has as PNG are
        taken from there; others are drawn.
    path : path, optional
        Where to write; what is there is replaced. Without it ``report.html`` in the folder.

    Returns
    -------
    Path
        Where the page is.

    Raises
    ------
    FileNotFoundError
        If the folder has no run, or is that of a sweep, which writes its own report, or of a member
        that failed.
    ValueError
        If a file is damaged, or a run without a folder is given without a path.
    OSError
        If a file can't be read or written.
    """
    if isinstance(run, (Run, TaskRun)):
        if path is None:
            raise ValueError("`path` must say where to write: a run in memory has no folder")
        check_path("path", path)
        page = _page_of(run)
    else:
        if not isinstance(run, (str, os.PathLike)):
            raise TypeError(f"`run` must be a Run, a TaskRun or a folder; got {shown(run)}")
        check_path("run", run)
        path = Path(run) / REPORT if path is None else path
        check_path("path", path)
        page = _page_of_folder(Path(run))
    write_whole(Path(path), page.encode("utf-8"))
    return Path(path)


def report_of(
    run: Run | TaskRun,
    summary: Mapping[str, Any],
    figures: Path,
    *,
    command: str | None = None,
    note: str = "",
) -> str:
    """Return the page of a run whose summary and figures are there already.

    Parameters
    ----------
    run : Run or TaskRun
    summary : mapping
        As `summarise` gives it, with versions and platform.
    figures : Path
        The folder of its figures, which need not be there.
    command : str, optional
        What makes it again, if that is not what its recipe says.
    note : str
        What is to be known about that.
    """
    pictures = pictures_in(figures, ORDER if run.recipe.is_perceptual else TASK_ORDER)
    prove = isinstance(run, Run) and run.proof_nodes is None
    turning = turning_of(run) if pictures else None
    return _page(summary, run.recipe, run.history, pictures, command, note, turning, prove=prove)


def _page(
    summary: Mapping[str, Any],
    recipe: Recipe,
    history: History,
    pictures: list[Picture],
    command: str | None,
    note: str,
    turning: Turning | None,
    *,
    prove: bool,
) -> str:
    platform = summary.get("platform", "cpu")
    if command is None and "trained" in summary:
        folder = str(summary["trained"]["folder"])
        command = analysis_command(folder, recipe, platform=platform, prove=prove)
        note = f"This run took its network, trained, from {folder}, and analysed it anew."
        if Path(folder).parent.name == MEMBERS:
            note += f" {_OF_A_SWEEP} This trains it again: {member_command(recipe)}."
    if command is None:
        command = run_command(recipe, platform=platform, prove=prove)
    page = run_page if recipe.is_perceptual else task_page
    return page(summary, recipe, history, pictures, command=command, note=note, turning=turning)


def _page_of(run: Run | TaskRun) -> str:
    """Return the page of a run in memory, with its figures drawn."""
    facts = {"platform": jax.default_backend(), "versions": versions()} | dict(run.facts)
    with tempfile.TemporaryDirectory() as aside:
        save_figures(run, aside)
        return report_of(run, summarise(run) | facts, Path(aside))


def _page_of_folder(folder: Path) -> str:
    """Return the page of a folder's run, whose numbers must be as they were written."""
    if (folder / MEMBERS).is_dir():
        raise FileNotFoundError(
            f"no run in {folder}, a sweep: it has a report of its own, and its runs are in "
            f"{folder / MEMBERS}"
        )
    if (folder / ERROR).is_file():
        raise FileNotFoundError(f"no run in {folder}, a member that failed: {read_error(folder)}")
    sums = read_sums(folder)
    contents = {name: content_of(folder / name, MOST_JSON) for name in _READ}
    for name, content in contents.items():
        check_sum(folder / name, content, sums)
    with damage_named(folder / RECIPE):
        recipe = Recipe.from_json(contents[RECIPE].decode("utf-8"))
    summary = (read_summary if recipe.is_perceptual else read_task_summary)(folder)
    history = history_of(contents[HISTORY], folder / HISTORY, recipe)
    command, note = None, ""
    if folder.absolute().parent.name == MEMBERS:
        command = member_command(recipe, platform=summary.get("platform", "cpu"))
        note = _OF_A_SWEEP
    pictures = _pictures_of(folder, recipe)
    prove = (folder / PROOF).is_file()
    turning = turning_of(load_run(folder)) if pictures and can_turn() else None
    return _page(summary, recipe, history, pictures, command, note, turning, prove=prove)


_READ = (RECIPE, HISTORY, SUMMARY_FILE)
"""The files of a run that a page is made of, besides its figures."""


def _pictures_of(folder: Path, recipe: Recipe) -> list[Picture]:
    """Return the figures of a folder's run; draw them where they are not there."""
    order = ORDER if recipe.is_perceptual else TASK_ORDER
    there = pictures_in(folder / FIGURES, order)
    if there:
        return there
    with tempfile.TemporaryDirectory() as aside:
        save_figures(load_run(folder), aside)
        return pictures_in(Path(aside), order)
