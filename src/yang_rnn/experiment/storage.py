"""The files of a finished run: written, and read back."""

import csv
import json
import os
from pathlib import Path
from typing import Any
from zipfile import BadZipFile

import numpy as np
from safetensors import SafetensorError
from safetensors.numpy import load_file, save_file

from yang_rnn.dynamics.points import FixedPoints
from yang_rnn.experiment.folder import MEMBERS, SUMMARY_FILE
from yang_rnn.experiment.report import summarise
from yang_rnn.experiment.run import Found, Run
from yang_rnn.model import CTRNN
from yang_rnn.recipe import Recipe
from yang_rnn.train import History

RECIPE, WEIGHTS, HISTORY = "recipe.json", "weights.safetensors", "history.csv"
POINTS, NEWTON_POINTS, FIGURES = "slow_points.npz", "fixed_points.npz", "figures"
STIMULI = "stimulus_dependence.csv"
FACTS = ("platform", "versions", "seconds", "trained")
"""What a summary says besides the run's numbers."""
ERROR = "error.txt"
"""What a member of a sweep that failed has in place of results."""


def save_numbers(
    run: Run, folder: Path, facts: dict[str, Any], *, stimuli: bool = True
) -> dict[str, Any]:
    """Write a run's files, all but its figures, into an existing folder.

    Parameters
    ----------
    run : Run
    folder : Path
    facts : dict
        What the summary says besides the run's numbers: versions, platform, times.
    stimuli : bool
        Whether to look for fixed points at other inputs too.

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
    summary = summarise(run, stimuli=stimuli) | facts
    if summary["stimulus_dependence"]:
        _write_table(summary["stimulus_dependence"], folder / STIMULI)
    (folder / SUMMARY_FILE).write_text(
        json.dumps(summary, indent=2, allow_nan=False) + "\n", encoding="utf-8"
    )
    return summary


def load_run(folder: str | os.PathLike[str]) -> Run:
    """Read a finished run, with all that a fresh one has.

    Points are read; what else the analysis gives is computed from the weights when it is asked for.

    Parameters
    ----------
    folder : path
        A folder that `python -m yang_rnn.run` made, or a member of a sweep.

    Returns
    -------
    Run

    Raises
    ------
    FileNotFoundError
        If the folder or one of its files is missing, or it is a sweep's, or a failed member's.
    ValueError
        If a file is damaged; the message names it.
    """
    folder = Path(folder)
    if not folder.is_dir():
        raise FileNotFoundError(f"no run in {folder}: no such folder")
    if (folder / MEMBERS).is_dir():
        raise FileNotFoundError(f"no run in {folder}, a sweep: its runs are in {folder / MEMBERS}")
    if (folder / ERROR).is_file():
        error = (folder / ERROR).read_text(encoding="utf-8").strip()
        raise FileNotFoundError(f"no run in {folder}, a member that failed: {error}")
    recipe = _read(folder / RECIPE, Recipe.load)
    net = CTRNN.from_recipe(recipe)
    _read(folder / WEIGHTS, lambda path: net.set_weights(load_file(path)))
    summary = _read(folder / SUMMARY_FILE, _read_summary)
    return Run(
        recipe=recipe,
        net=net,
        history=_read(folder / HISTORY, read_history),
        found=Found(
            points=_read(folder / POINTS, FixedPoints.load),
            newton_points=_read(folder / NEWTON_POINTS, FixedPoints.load),
        ),
        facts={name: summary[name] for name in FACTS if name in summary},
    )


def _read(path: Path, reader: Any) -> Any:
    if not path.is_file():
        raise FileNotFoundError(f"{path} is missing")
    try:
        return reader(path)
    except (
        ValueError, TypeError, KeyError, EOFError, RecursionError, BadZipFile, SafetensorError
    ) as error:  # fmt: skip
        raise ValueError(f"{path} is damaged: {error}") from error


def _write_history(history: History, path: Path) -> None:
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(("epoch", *History._fields))
        for epoch, row in enumerate(zip(*history, strict=True), start=1):
            writer.writerow((epoch, *(repr(float(value)) for value in row)))


def _write_table(rows: list[dict[str, Any]], path: Path) -> None:
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, rows[0].keys(), lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)


def read_history(path: Path) -> History:
    """Read what `history.csv` holds; `ValueError` if there is no epoch in it."""
    with path.open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    if not rows:
        raise ValueError("it has no epoch")
    return History(*(np.array([float(row[name]) for row in rows]) for name in History._fields))


def _read_summary(path: Path) -> dict[str, Any]:
    summary = json.loads(path.read_text("utf-8"))
    if not isinstance(summary, dict):
        raise ValueError(f"it must be a JSON object; got {type(summary).__name__}")
    return summary
