"""The members of a sweep: how a batch of them is made, their files and their rows."""

from __future__ import annotations

import contextlib
import dataclasses
import hashlib
import re
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import jax

from yang_rnn._files import MOST_UNPACKED
from yang_rnn.ensemble.plan import Problem
from yang_rnn.ensemble.training import TrainedMember, num_lanes, train_ensemble
from yang_rnn.experiment.checksums import read_sums, with_sums
from yang_rnn.experiment.folder import NewFolder
from yang_rnn.experiment.names import HISTORY, RECIPE, SUMMARY_FILE, SUMS
from yang_rnn.experiment.platform import memory_errors
from yang_rnn.experiment.run import Run
from yang_rnn.experiment.storage import (
    ALWAYS,
    ERROR,
    read_error,
    read_history,
    read_summary,
    save_numbers,
)
from yang_rnn.experiment.summary import versions
from yang_rnn.experiment.task_run import TaskRun
from yang_rnn.experiment.task_storage import TASK_ALWAYS, read_task_summary, save_task_numbers
from yang_rnn.experiment.task_summary import task_row
from yang_rnn.recipe import Recipe
from yang_rnn.task import task_of

MEMBER_PROOF_NODES = 1_000_000
"""Nodes that the enumeration of a member's fixed points takes at most: ten seconds or so."""

SEARCH_TRIALS = 25
"""Trials whose states a member's search starts from.

A single run starts from all that it analyses, 100 by default: four times the work, most of it for
starts that lead nowhere.
"""


class FinishedMember(NamedTuple):
    """A member with the files of its folder, by name."""

    recipe: Recipe
    files: dict[str, bytes]


def member_name(recipe: Recipe, varied: Sequence[str]) -> str:
    """Return a member's name: its varied numbers and its seed, as in ``hidden64-seed7``."""
    parts = [f"{field}{getattr(recipe, field)}" for field in varied]
    return re.sub(r"[^\w.+-]", "_", "-".join([*parts, f"seed{recipe.seed}"]))


def batches_of(recipes: Sequence[Recipe], platform: str | None = None) -> list[list[Recipe]]:
    """Put members that differ in their seed alone together, as many as a program trains.

    Parameters
    ----------
    recipes : sequence of Recipe
    platform : str, optional
        What they will be trained on; without it what JAX computes on here.
    """
    groups: dict[Recipe, list[Recipe]] = {}
    for recipe in recipes:
        groups.setdefault(dataclasses.replace(recipe, seed=0), []).append(recipe)
    return [
        group[first : first + num_lanes(shape, platform)]
        for shape, group in groups.items()
        for first in range(0, len(group), num_lanes(shape, platform))
    ]


def make_batch(recipes: Sequence[Recipe]) -> Iterator[FinishedMember]:
    """Train a batch together, then analyse its members one after the other.

    Parameters
    ----------
    recipes : sequence of Recipe
        As `train_ensemble` takes them.

    Yields
    ------
    FinishedMember
        Each as soon as it is finished. One that failed has its error among its files.

    Raises
    ------
    OSError, MemoryError
        If the machine, not the member, is at fault.
    """
    with _same_everywhere():
        together = train_ensemble(recipes)
    for trained in together:
        try:
            with _same_everywhere():
                files = _files_of(trained)
        except (OSError, MemoryError):
            raise
        except Exception as error:  # a member that fails is a row of the table, not its end
            files = _files_of_failed(trained.recipe, error)
        yield FinishedMember(trained.recipe, files)


def make_whole_batch(recipes: Sequence[Recipe]) -> list[FinishedMember]:
    """Do `make_batch` to its end: a task for another process."""
    return list(make_batch(recipes))


@contextlib.contextmanager
def _same_everywhere() -> Iterator[None]:
    """Compute with full float32 products in any process; lack of memory is Python's error."""
    with jax.default_matmul_precision("highest"), memory_errors():
        yield


def _files_of(trained: TrainedMember) -> dict[str, bytes]:
    """Analyse a member; return its files."""
    if trained.error is not None:
        return _files_of_failed(trained.recipe, trained.error)
    recipe, net, history = trained.recipe, trained.network(), trained.history
    facts = {"platform": jax.default_backend(), "versions": versions()}
    with tempfile.TemporaryDirectory() as aside:
        if recipe.is_perceptual:
            run = Run(
                recipe, net, history, search_trials=SEARCH_TRIALS, proof_nodes=MEMBER_PROOF_NODES
            )
            save_numbers(run, Path(aside), facts, whole=False)
        else:
            run = TaskRun(recipe, net, history, task_of(recipe))
            save_task_numbers(run, Path(aside), facts, whole=False)
        return with_sums({path.name: path.read_bytes() for path in Path(aside).iterdir()})


def _files_of_failed(recipe: Recipe, error: Exception) -> dict[str, bytes]:
    line = f"{type(error).__name__}: {error}\n"
    return with_sums({RECIPE: recipe.to_json().encode(), ERROR: line.encode()})


def store_member(member: FinishedMember, folder: Path) -> None:
    """Write a member's folder, whole or not at all.

    Raises
    ------
    FileExistsError
        If the folder is there already.
    OSError
        If it can't be written; what was written is removed.
    """
    with NewFolder(folder) as new:
        for name, content in member.files.items():
            (new.staging / name).write_bytes(content)
        new.publish()


def member_folders(members: Path) -> list[Path]:
    """Return the folders among a sweep's members that are not hidden."""
    return [path for path in members.iterdir() if path.is_dir() and path.name[0] != "."]


def find_problem(
    folder: Path, varied: Sequence[str], recipe: Recipe | None = None
) -> Problem | None:
    """Check that a folder is that of a member, with all files as they were written.

    Parameters
    ----------
    folder : Path
    varied : sequence of str
        Fields of the recipe that the sweep varies.
    recipe : Recipe, optional
        The recipe that the member must have; without it the one that belongs to the folder's name.

    Returns
    -------
    Problem or None
        What is wrong with it, if anything is.
    """
    no_sums = Problem(f"{SUMS} is missing or damaged")
    try:
        sums = read_sums(folder)
    except (FileNotFoundError, ValueError):
        return no_sums
    for name in sorted(sums):
        path = folder / name
        if not path.is_file():
            return Problem(f"{name} is missing")
        if path.stat().st_size > MOST_UNPACKED:  # to read it would take for ever
            return Problem(f"{name} is damaged")
        with path.open("rb") as file:
            if hashlib.file_digest(file, "sha256").hexdigest() != sums[name]:
                return Problem(f"{name} is damaged")
    if not any(set(all_of) <= set(sums) for all_of in ((RECIPE, ERROR), ALWAYS, TASK_ALWAYS)):
        return no_sums
    try:
        found = Recipe.load(folder / RECIPE)
    except (ValueError, TypeError):
        return Problem("its recipe is of another version of this package")
    if recipe is not None and found != recipe:
        return Problem("it is of another recipe")
    name = member_name(found, varied)
    if folder.name != name:
        return Problem(f"it has the files of {name}")
    try:
        member_row(folder, varied)
    except (ValueError, TypeError, LookupError) as error:  # whole, but not what a run writes
        name = next((name for name in (HISTORY, ERROR) if name in str(error)), SUMMARY_FILE)
        return Problem(f"{name} is damaged")
    return None


def member_row(folder: Path, varied: Sequence[str]) -> dict[str, Any]:
    """Return a finished member's row of the table.

    Parameters
    ----------
    folder : Path
        The member's, undamaged.
    varied : sequence of str
        Fields of the recipe that the sweep varies.

    Returns
    -------
    dict
        Recipe, varied numbers, seed, error (empty if none), accuracy, choice_2_at_rest (the share
        of trials without evidence in which choice 2 is made; without a bias half of them), losses,
        starts by how they ended, the number of all fixed points, whether it is proved, the nodes of
        its proof and how many points the search had missed (of a rectified network of up to 64
        units), of networks whose states have finite bounds the index sum, the analysed point,
        leading eigenvalues, what the network does and why, and all that the verdict's `Measures`
        have (their accuracy, of trials with evidence, as right_choices). Time constants in ms. None
        where a number is not defined. Of another task than the perceptual one, from the error on,
        what `task_row` gives.
    """
    recipe = Recipe.load(folder / RECIPE)
    row: dict[str, Any] = {"recipe": recipe.name_without("search", *varied)}
    row |= {field: getattr(recipe, field) for field in varied}
    row |= {"seed": recipe.seed, "error": ""}
    if (folder / ERROR).is_file():
        return row | {"error": read_error(folder)}
    losses = read_history(folder / HISTORY).loss
    if not recipe.is_perceptual:
        return row | task_row(read_task_summary(folder), losses)
    summary = read_summary(folder)
    point, judged = summary["analysed_point"], summary["line_attractor"]
    row |= {"accuracy": summary["test_accuracy"], "choice_2_at_rest": _choice_2_at_rest(summary)}
    row |= {"first_loss": float(losses[0]), "final_loss": float(losses[-1])}
    row |= {f"starts_{status}": n for status, n in summary["search"]["ends"].items()}
    if "index" in summary:
        names = ("sum", "incomplete", "points_added")
        row |= {f"index_{name}": summary["index"][name] for name in names}
    row |= {"point": point and point["status"], "label": point and point["label"]}
    said = ("verdict", "near", "mechanism", "reason", "mechanism_reason")
    row |= {name: judged and judged[name] for name in said}
    every = summary.get("every_fixed_point") or {}
    columns = {"number": "fixed_points", "proved": "fixed_points_proved", "nodes": "proof_nodes"}
    columns |= {"missed_by_newton": "fixed_points_missed"}
    row |= {column: every.get(name) for name, column in columns.items()}
    for name, value in (judged["measures"] if judged else {}).items():
        if name.startswith("accuracy"):
            row[name.replace("accuracy", "right_choices")] = value
        elif name.endswith("eigenvalue"):
            row |= {f"{name}_real": value and value[0], f"{name}_imag": value and value[1]}
        else:
            row[name] = value
    return row


def _choice_2_at_rest(summary: Mapping[str, Any]) -> float | None:
    """Return how often choice 2 is made without evidence; None where no trial is without."""
    curve = summary["psychometric"]
    if curve is None or 0 not in curve["strength"]:
        return None
    return float(curve["probability"][curve["strength"].index(0)])
