"""The files of a finished run: written, and read back."""

import csv
import dataclasses
import json
import os
from pathlib import Path
from typing import Any
from zipfile import BadZipFile

import numpy as np
from safetensors import SafetensorError
from safetensors.numpy import load_file, save_file

from yang_rnn import figures
from yang_rnn.experiment import Experiment, draw
from yang_rnn.folder import MEMBERS, SUMMARY_FILE
from yang_rnn.model import CTRNN
from yang_rnn.points import FixedPoints
from yang_rnn.recipe import Recipe
from yang_rnn.report import summarise
from yang_rnn.train import History

RECIPE, WEIGHTS, HISTORY = "recipe.json", "weights.safetensors", "history.csv"
POINTS, EXACT, FIGURES = "slow_points.npz", "fixed_points.npz", "figures"
STIMULI = "stimulus_dependence.csv"
ERROR = "error.txt"
"""What a member of a sweep that failed has in place of results."""


@dataclasses.dataclass(frozen=True)
class Run:
    """A finished run, read back from its folder.

    Attributes
    ----------
    recipe : Recipe
    net : CTRNN
        The trained network.
    history : History
        Loss and accuracy of each epoch.
    points : FixedPoints
        The points that the recipe's search kept.
    exact : FixedPoints
        The fixed and slow points that Newton's method found.
    summary : dict
        What `summary.json` holds.
    """

    recipe: Recipe
    net: CTRNN
    history: History
    points: FixedPoints
    exact: FixedPoints
    summary: dict[str, Any]

    def __repr__(self) -> str:
        """Say what was trained and how well it decides."""
        recipe, accuracy = self.recipe, self.summary.get("test_accuracy")
        return f"Run({recipe.name} recipe, seed {recipe.seed}, accuracy {accuracy})"


def save_run(experiment: Experiment, folder: Path, facts: dict[str, Any]) -> dict[str, Any]:
    """Write an experiment's files into an existing folder, figures and all.

    Parameters
    ----------
    experiment : Experiment
    folder : Path
    facts : dict
        What the summary says besides the experiment's numbers: versions, platform, times.

    Returns
    -------
    dict
        The summary, as `summary.json` has it.
    """
    summary = save_numbers(experiment, folder, facts)
    (folder / FIGURES).mkdir()
    for name, figure in draw(experiment).items():
        figures.save(figure, folder / FIGURES / name)
    return summary


def save_numbers(experiment: Experiment, folder: Path, facts: dict[str, Any]) -> dict[str, Any]:
    """Write what `load_run` reads, without figures; as `save_run` else."""
    experiment.recipe.save(folder / RECIPE)
    save_file(experiment.net.weights, folder / WEIGHTS)
    _write_history(experiment.history, folder / HISTORY)
    experiment.points.save(folder / POINTS)
    experiment.exact.save(folder / EXACT)
    summary = summarise(experiment) | facts
    if summary["stimulus_dependence"]:
        _write_table(summary["stimulus_dependence"], folder / STIMULI)
    (folder / SUMMARY_FILE).write_text(
        json.dumps(summary, indent=2, allow_nan=False) + "\n", encoding="utf-8"
    )
    return summary


def load_run(folder: str | os.PathLike[str]) -> Run:
    """Read a finished run.

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
    return Run(
        recipe=recipe,
        net=net,
        history=_read(folder / HISTORY, read_history),
        points=_read(folder / POINTS, FixedPoints.load),
        exact=_read(folder / EXACT, FixedPoints.load),
        summary=_read(folder / SUMMARY_FILE, _read_summary),
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
