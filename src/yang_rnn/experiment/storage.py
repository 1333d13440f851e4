"""The files of a finished run: written, and read back."""

import json
import os
from functools import partial
from pathlib import Path
from typing import Any

import jax
from safetensors.numpy import save_file

from yang_rnn._checks import check_is, check_path, shown
from yang_rnn._files import MOST_JSON, content_of, damage_named
from yang_rnn.dynamics.points import FixedPoints
from yang_rnn.experiment.checksums import check_sum, read_sums, with_sums
from yang_rnn.experiment.folder import MEMBERS, NewFolder
from yang_rnn.experiment.names import (
    HISTORY,
    NEWTON_POINTS,
    POINTS,
    PROOF,
    RECIPE,
    STIMULI,
    SUMMARY_FILE,
    SUMS,
    TRAINING,
    WEIGHTS,
)
from yang_rnn.experiment.reading import (
    ROOM,
    check_points,
    check_summary,
    check_table,
    history_of,
    most_weights,
    proof_nodes_of,
    summary_of,
    table_text,
    weights_of,
)
from yang_rnn.experiment.run import Found, Run
from yang_rnn.experiment.summary import summarise, versions
from yang_rnn.experiment.task_run import TaskRun
from yang_rnn.experiment.task_storage import load_task_run, save_task_numbers
from yang_rnn.experiment.training_file import with_training, write_training
from yang_rnn.model import CTRNN
from yang_rnn.recipe import Recipe
from yang_rnn.train import History
from yang_rnn.trials import Task

FACTS = ("platform", "versions", "seconds", "trained")
"""What a summary says besides the run's numbers."""
ERROR = "error.txt"
"""What a member of a sweep that failed has in place of results."""

ALWAYS = (RECIPE, WEIGHTS, HISTORY, POINTS, NEWTON_POINTS, SUMMARY_FILE)
"""The files that every run has, whatever came of it."""


def save_numbers(
    run: Run, folder: Path, facts: dict[str, Any], *, whole: bool = True
) -> dict[str, Any]:
    """Write a run's files, all but its figures, and their checksums into an existing folder.

    Parameters
    ----------
    run : Run
    folder : Path
    facts : dict
        What the summary says besides the run's numbers: versions, platform, times.
    whole : bool
        As `summarise` takes it.

    Returns
    -------
    dict
        The summary, as `summary.json` has it.
    """
    run.recipe.save(folder / RECIPE)
    save_file(run.net.weights, folder / WEIGHTS)
    _write_history(run.history, folder / HISTORY)
    run.points.save(folder / POINTS)
    run.newton_points.save(folder / NEWTON_POINTS)
    summary = summarise(run, whole=whole) | facts
    every = run.every_fixed_point if run.proof_nodes is None else None
    if every is not None and every.certificate is not None:
        every.certificate.save(folder / PROOF)
    if summary["stimulus_dependence"]:
        _write(table_text(summary["stimulus_dependence"]), folder / STIMULI)
    _write(json.dumps(summary, indent=2, allow_nan=False) + "\n", folder / SUMMARY_FILE)
    written = [*ALWAYS, *write_training(run.history, folder)]
    written += [STIMULI] if summary["stimulus_dependence"] else []
    written += [PROOF] if (folder / PROOF).exists() else []
    sums = with_sums({name: (folder / name).read_bytes() for name in written})[SUMS]
    (folder / SUMS).write_bytes(sums)
    return summary


def save_run(run: Run | TaskRun, folder: str | os.PathLike[str]) -> Path:
    """Write a run's files, all but its figures, into a new folder: whole, or not at all.

    Parameters
    ----------
    run : Run or TaskRun
    folder : path
        `load_run` reads it; the run of one's own task needs the task again there.

    Returns
    -------
    Path
        The folder.

    Raises
    ------
    FileExistsError
        If there is something in its place.
    OSError
        If it can't be written.
    """
    check_path("folder", folder)
    if not isinstance(run, (Run, TaskRun)):
        raise TypeError(f"`run` must be a Run or a TaskRun; got {shown(run)}")
    facts = {"platform": jax.default_backend(), "versions": versions()} | dict(run.facts)
    with NewFolder(folder) as new:
        if isinstance(run, TaskRun):
            save_task_numbers(run, new.staging, facts)
        else:
            save_numbers(run, new.staging, facts)
        return new.publish()


def load_run(
    folder: str | os.PathLike[str], *, verify: bool = True, task: Task | None = None
) -> Any:
    """Read a finished run, with all that a fresh one has.

    Points are read; what else the analysis gives is computed from the weights when it is asked for.

    Parameters
    ----------
    folder : path
        A folder that `python -m yang_rnn.run` made, or a member of a sweep.
    verify : bool
        Whether the files must be as they were written, by their checksums. Without it a run can be
        looked at whose files were changed, as long as each has numbers that can be used and they
        agree with each other.
    task : Task, optional
        One's own task, if the run is of it; without it the one that the recipe names.

    Returns
    -------
    Run or TaskRun
        The latter of another task than the perceptual one.

    Raises
    ------
    FileNotFoundError
        If the folder or one of its files is missing, or it is a sweep's, or a failed member's.
    OSError
        If a file can't be read.
    ValueError
        If a file is damaged or was changed by hand; the message begins with its name.
    """
    check_path("folder", folder)
    folder = Path(folder)
    if not folder.is_dir():
        raise FileNotFoundError(f"no run in {folder}: no such folder")
    if (folder / MEMBERS).is_dir():
        raise FileNotFoundError(f"no run in {folder}, a sweep: its runs are in {folder / MEMBERS}")
    if (folder / ERROR).is_file():
        error = read_error(folder)
        raise FileNotFoundError(f"no run in {folder}, a member that failed: {error}")
    if not (folder / RECIPE).is_file() and not (folder / SUMMARY_FILE).is_file():
        runs = sorted(path.name for path in folder.iterdir() if (path / RECIPE).is_file())
        there = f"; it holds runs: {shown(runs)}" if runs else ""
        raise FileNotFoundError(f"no run in {folder}: it has no {RECIPE}{there}")
    if verify and not (folder / SUMS).is_file() and (folder / SUMMARY_FILE).is_file():
        raise FileNotFoundError(
            f"{folder / SUMS} is missing; load_run(..., verify=False) loads the run unchecked"
        )
    sums = read_sums(folder) if verify else None
    read = partial(_read, folder, sums)

    recipe = _recipe_of(read(RECIPE, MOST_JSON), folder / RECIPE)
    check_is("task", task, Task, optional=True)
    if not recipe.is_perceptual:
        return load_task_run(folder, recipe, read, task)
    if task is not None:
        raise ValueError(f"`task` must be left out: the run in {folder} is of the perceptual task")
    weights = weights_of(read(WEIGHTS, most_weights(recipe)), folder / WEIGHTS, recipe)
    net = CTRNN.from_recipe(recipe)
    net.set_weights(weights)
    content = read(HISTORY, _LONGEST_ROW * (1 + recipe.epochs))
    history = history_of(content, folder / HISTORY, recipe)
    if (folder / TRAINING).exists() or TRAINING in (sums or {}):
        content = read(TRAINING, 3 * most_weights(recipe))
        history = with_training(history, content, folder / TRAINING, recipe, net)
    most = _most_points(recipe)
    points = FixedPoints.from_bytes(read(POINTS, most), folder / POINTS)
    newton_points = FixedPoints.from_bytes(read(NEWTON_POINTS, most), folder / NEWTON_POINTS)
    at_rest = net.system().at(recipe.search_input)
    check_points(points, folder / POINTS, recipe, at_rest, recipe.search)
    check_points(newton_points, folder / NEWTON_POINTS, recipe, at_rest, "newton")
    summary = summary_of(read(SUMMARY_FILE, MOST_JSON), folder / SUMMARY_FILE)
    check_summary(summary, folder / SUMMARY_FILE, recipe, history, points, newton_points)
    told = bool(summary["stimulus_dependence"])
    there = told or (folder / STIMULI).exists() or STIMULI in (sums or {})
    check_table(read(STIMULI, MOST_JSON) if there else None, folder / STIMULI, summary)
    return Run(
        recipe=recipe,
        net=net,
        history=history,
        found=Found(points=points, newton_points=newton_points),
        proof_nodes=proof_nodes_of(summary),
        facts={name: summary[name] for name in FACTS if name in summary},
    )


def _read(folder: Path, sums: dict[str, str] | None, name: str, most: int) -> bytes:
    """Return the content of a file that has so many bytes at most and, if any, its checksum."""
    content = content_of(folder / name, most)
    if sums is not None:
        check_sum(folder / name, content, sums)
    return content


_LONGEST_ROW = 80  # bytes of a row of the history


def _most_points(recipe: Recipe) -> int:
    """Return how many bytes a file of points may have, if each start led to one."""
    starts = recipe.analysis_trials * recipe.num_steps + recipe.random_starts
    return starts * (16 * recipe.hidden + 512) + 8 * recipe.search_steps + ROOM


def _recipe_of(content: bytes, path: Path) -> Recipe:
    with damage_named(path):
        return Recipe.from_json(content.decode("utf-8"))


def read_history(path: Path) -> History:
    """Read what `history.csv` holds; `ValueError` if there is no epoch in it."""
    return history_of(content_of(path), path)


def read_summary(folder: Path) -> dict[str, Any]:
    """Read the summary of a run or of a member that did not fail; `ValueError` if it is none."""
    path = folder / SUMMARY_FILE
    return summary_of(content_of(path, MOST_JSON), path)


def read_error(folder: Path) -> str:
    """Read why a member failed, one line; `ValueError` if that is no text."""
    content = content_of(folder / ERROR, MOST_JSON)
    with damage_named(folder / ERROR):
        return " ".join(content.decode("utf-8").split())


def _write_history(history: History, path: Path) -> None:
    rows = [
        {"epoch": epoch}
        | {name: repr(float(value)) for name, value in zip(History._fields, row, strict=True)}
        for epoch, row in enumerate(zip(*history, strict=True), start=1)
    ]
    _write(table_text(rows), path)


def _write(text: str, path: Path) -> None:
    path.write_text(text, encoding="utf-8", newline="\n")
