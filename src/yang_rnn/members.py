"""The members of a sweep: what each is, how a batch of them is made, and their files."""

from __future__ import annotations

import contextlib
import dataclasses
import functools
import hashlib
import json
import re
import tempfile
import threading
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import jax

from yang_rnn.device import memory_errors
from yang_rnn.ensemble import TrainedMember, num_lanes, train_ensemble
from yang_rnn.experiment import analyse
from yang_rnn.folder import SUMMARY_FILE, NewFolder
from yang_rnn.model import CTRNN
from yang_rnn.recipe import Recipe
from yang_rnn.report import versions
from yang_rnn.storage import ERROR, read_history, save_numbers

SUMS = "SHA256SUMS"

SEARCH_TRIALS = 25
"""Trials whose states a member's search starts from.

A single run starts from all that it analyses, 100 by default: four times the work, most of it for
starts that lead nowhere.
"""


class FinishedMember(NamedTuple):
    """What came of a member: the files of its folder, by name."""

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
    """Train a batch together; analyse its members one after the other.

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
    with _as_anywhere():
        together = train_ensemble(recipes)
    for trained in together:
        try:
            with _as_anywhere():
                files = _analysed(trained)
        except (OSError, MemoryError):
            raise
        except Exception as error:  # a member that fails is a row of the table, not its end
            files = _failed(trained.recipe, f"{type(error).__name__}: {error}")
        yield FinishedMember(trained.recipe, files)


@contextlib.contextmanager
def _as_anywhere() -> Iterator[None]:
    """Compute with full float32 products, whoever asks; lack of memory is Python's error."""
    with jax.default_matmul_precision("highest"), memory_errors():
        yield


def make_whole_batch(recipes: Sequence[Recipe]) -> list[FinishedMember]:
    """Do `make_batch` to its end: a task for another process."""
    return list(make_batch(recipes))


def _analysed(trained: TrainedMember) -> dict[str, bytes]:
    if trained.error:
        return _failed(trained.recipe, trained.error)
    with _NETWORK_IN_USE, tempfile.TemporaryDirectory() as aside:
        net = _network(dataclasses.replace(trained.recipe, seed=0))
        net.set_weights(trained.weights)
        done = analyse(
            net, trained.history, trained.recipe, stimuli=False, search_trials=SEARCH_TRIALS
        )
        facts = {"platform": jax.default_backend(), "versions": versions()}
        save_numbers(done, Path(aside), facts)
        return _with_sums({path.name: path.read_bytes() for path in Path(aside).iterdir()})


def _failed(recipe: Recipe, error: str) -> dict[str, bytes]:
    return _with_sums({"recipe.json": recipe.to_json().encode(), ERROR: f"{error}\n".encode()})


_NETWORK_IN_USE = threading.Lock()
"""Held by the thread that has its member's weights in the network of that shape."""


@functools.lru_cache(maxsize=4)
def _network(shape: Recipe) -> CTRNN:
    """Keep one network a shape: what is compiled for it serves all members."""
    return CTRNN.from_recipe(shape)


def _with_sums(files: dict[str, bytes]) -> dict[str, bytes]:
    """Add what `sha256sum -c` checks them by."""
    lines = [f"{hashlib.sha256(files[name]).hexdigest()}  {name}\n" for name in sorted(files)]
    return files | {SUMS: "".join(lines).encode()}


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


def damage(folder: Path) -> str:
    """Return what is wrong with a member's files; empty if they are as they were written."""
    try:
        lines = (folder / SUMS).read_text(encoding="utf-8").splitlines()
    except (OSError, ValueError):
        return f"{SUMS} is missing or damaged"
    sums = {name: digest for digest, _, name in (line.partition("  ") for line in lines)}
    for name in sorted(sums):
        path = folder / name
        if not path.is_file():
            return f"{name} is missing"
        if hashlib.sha256(path.read_bytes()).hexdigest() != sums[name]:
            return f"{name} is damaged"
    whole = SUMMARY_FILE in sums or ERROR in sums
    return "" if whole else f"{SUMS} is missing or damaged"


def flaw(folder: Path, recipe: Recipe) -> str:
    """Return why a folder is not that of a recipe's member; empty if it is."""
    wrong = damage(folder)
    if wrong:
        return wrong
    return "" if Recipe.load(folder / "recipe.json") == recipe else "it is of another recipe"


def misfit(folder: Path, varied: Sequence[str]) -> str:
    """Return why a folder beside a sweep's members is none of them; empty if it is one."""
    wrong = damage(folder)
    if wrong:
        return wrong
    own = member_name(Recipe.load(folder / "recipe.json"), varied)
    return "" if folder.name == own else f"it has the files of {own}"


def visible(members: Path) -> list[Path]:
    """Return the folders beside a sweep's members that are not hidden."""
    return [path for path in members.iterdir() if path.is_dir() and path.name[0] != "."]


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
        Recipe, varied numbers, seed, error (empty if none), accuracy, losses, points by status,
        the analysed point, leading eigenvalues, and all that the verdict's `Measures` have. Time
        constants in ms. None where a number is not defined.
    """
    recipe = Recipe.load(folder / "recipe.json")
    row: dict[str, Any] = {"recipe": recipe.name}
    row |= {field: getattr(recipe, field) for field in varied}
    row |= {"seed": recipe.seed, "error": ""}
    if (folder / ERROR).is_file():
        return row | {"error": (folder / ERROR).read_text(encoding="utf-8").strip()}
    summary = json.loads((folder / SUMMARY_FILE).read_text(encoding="utf-8"))
    point, judged = summary["analysed_point"], summary["line_attractor"]
    losses = read_history(folder / "history.csv").loss
    row |= {"accuracy": summary["test_accuracy"]}
    row |= {"first_loss": float(losses[0]), "final_loss": float(losses[-1])}
    row |= {f"starts_{status}": n for status, n in summary["search"]["ends"].items()}
    row |= {"point": point and point["status"], "label": point and point["label"]}
    row |= {"verdict": judged and judged["verdict"], "reason": judged and judged["reason"]}
    for name, value in (judged["measures"] if judged else {}).items():
        if name in ("eigenvalue", "second_eigenvalue"):
            row |= {f"{name}_real": value and value[0], f"{name}_imag": value and value[1]}
        else:
            row[name] = value
    return row
