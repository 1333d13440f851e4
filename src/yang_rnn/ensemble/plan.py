"""A sweep's members and its manifest, and the folder that one sweep at a time works in."""

from __future__ import annotations

import contextlib
import dataclasses
import itertools
import json
import os
import shutil
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from yang_rnn._files import MOST_JSON, content_of, damage_named, parse_json
from yang_rnn.experiment.claims import claim, withdraw
from yang_rnn.experiment.folder import MEMBERS, remove_stale, sync
from yang_rnn.recipe import Recipe

MANIFEST, LOCK = "sweep.json", ".lock"

FIXED_FIELDS = frozenset({"base", "seed", "search", "task", "num_inputs", "num_outputs"})
"""Fields of a recipe that a sweep can't vary; its seeds are given by themselves."""


class SweepError(Exception):
    """A sweep can't begin or resume; the message says why, and what to do."""


class FolderError(SweepError):
    """The folder is none that the sweep can be in, and is as it was."""


@dataclasses.dataclass(frozen=True)
class Problem:
    """What is wrong with something that was found in a sweep's folder.

    Attributes
    ----------
    description : str
        What is wrong, for a reader; it is also the record's text.
    """

    description: str

    def __str__(self) -> str:
        return self.description


def members_of(
    recipe: Recipe, seeds: Iterable[int], vary: Mapping[str, Sequence[Any]]
) -> list[Recipe]:
    """Return the recipes of a sweep's members, seeds running fastest.

    Parameters
    ----------
    recipe : Recipe
        The numbers of all members.
    seeds : iterable of int
    vary : mapping from field names to sequences
        Values of the recipe's fields; every combination gets every seed.

    Raises
    ------
    ValueError
        If there are no seeds or no values, a field is unknown or can't vary, or a value is out of
        range.
    """
    if not isinstance(recipe, Recipe):
        raise ValueError(f"`recipe` must be a Recipe; got {recipe!r}")
    if not isinstance(seeds, Iterable) or isinstance(seeds, str):
        raise ValueError(f"`seeds` must be a range or a list; got {seeds!r}")
    if not isinstance(vary, Mapping):
        raise ValueError(f"`vary` must be a dict of lists by field; got {vary!r}")
    seeds = list(dict.fromkeys(seeds))
    if not seeds:
        raise ValueError("`seeds` must have one or more; got none")
    known = {field.name for field in dataclasses.fields(Recipe)} - FIXED_FIELDS
    for field, values in vary.items():
        if field not in known:
            raise ValueError(f"`vary` must name fields of a recipe that may vary; got {field!r}")
        if isinstance(values, str) or not isinstance(values, Collection):
            raise ValueError(f"`vary` must have a list of values for {field!r}; got {values!r}")
        if not len(values):
            raise ValueError(f"`vary` must have values for {field!r}; got none")
    combinations = [
        dict(zip(vary, values, strict=True)) for values in itertools.product(*vary.values())
    ]
    recipes = [
        dataclasses.replace(recipe, **numbers, seed=seed, search="newton")
        for numbers in combinations
        for seed in seeds
    ]
    return list(dict.fromkeys(recipes))  # 500 and 500.0 are one value


@contextlib.contextmanager
def locked(folder: Path) -> Iterator[None]:
    """Make the folder if need be, and hold it: two sweeps at once would make members twice.

    A sweep that ends by an error before there is a member leaves nothing of what it made.

    Raises
    ------
    FolderError
        If it can't be made or written, has something else in it, or another sweep holds it.
    """
    with contextlib.ExitStack() as stack:
        try:
            for parent in (*reversed(folder.parents), folder):
                if not os.path.lexists(parent):
                    parent.mkdir(exist_ok=True)
                    stack.callback(_remove_empty, parent)
            foreign = sorted(p.name for p in folder.iterdir() if p.name[0] != ".")
            if foreign and not (folder / MANIFEST).is_file():
                raise FolderError(
                    f"{folder} must be a new folder or a sweep's; it has {foreign[0]}"
                )
            lock = claim(folder / LOCK)
        except OSError as error:
            raise FolderError(f"{folder} must be a folder that can be written; {error}") from error
        if lock is None:
            raise FolderError(f"another sweep is running in {folder}")
        begun = (folder / MANIFEST).is_file()
        try:
            yield
            stack.pop_all()  # what was made stays
        finally:
            if begun or any((folder / MEMBERS).glob("[!.]*")):
                lock.release()
            else:
                _withdraw(folder)
                withdraw(lock)


def _withdraw(folder: Path) -> None:
    """Remove what a sweep without a member has made, but for the folder itself."""
    members = folder / MEMBERS
    remove_stale(members)
    _remove_empty(members)
    if not members.exists():  # without its manifest the folder would be none of a sweep
        for name in (MANIFEST, f".{MANIFEST}"):
            (folder / name).unlink(missing_ok=True)


def _remove_empty(folder: Path) -> None:
    with contextlib.suppress(OSError):  # not empty, or gone
        folder.rmdir()


def check_manifest(
    folder: Path, recipe: Recipe, vary: Mapping[str, Sequence[Any]], made_with: Mapping[str, str]
) -> Problem | None:
    """Write a new sweep's manifest, or check that the one in the folder is of the same sweep.

    Parameters
    ----------
    folder : Path
    recipe : Recipe
    vary : mapping from field names to sequences
    made_with : mapping of str
        What else members depend on: the platform and the packages' versions.

    Returns
    -------
    Problem or None
        What of `made_with` has changed since the sweep was begun, if anything has.

    Raises
    ------
    FolderError
        If the folder has members of another recipe, or its manifest can't be read.
    """
    own = dataclasses.replace(recipe, seed=0, search="newton")
    numbers = {k: v for k, v in json.loads(own.to_json()).items() if k not in vary}
    manifest = {"recipe": numbers, "varied": sorted(vary), "made_with": dict(made_with)}
    path = folder / MANIFEST
    if not path.is_file():
        _write(manifest, path)
        return None
    content = content_of(path, MOST_JSON)
    try:
        with damage_named(path):
            before = parse_json(content.decode("utf-8"))
            # A field that has come since was what its default is.
            then: dict[str, Any] = json.loads(Recipe().to_json()) | dict(before["recipe"])
            varied_then = list(before["varied"])
            made_with_then = dict(before.get("made_with", {}))
            then |= dict.fromkeys(varied_then, "varied")
    except ValueError as error:
        raise FolderError(f"{path} is damaged; take a new folder") from error
    changes = _changes(then, numbers | dict.fromkeys(vary, "varied"))
    empty = not any((folder / MEMBERS).glob("[!.]*"))  # it was begun, but nothing came of it
    if changes and not empty:
        raise FolderError(f"{folder} has a sweep of another recipe ({changes}); take a new folder")
    changes = changes or _changes(made_with_then, made_with)
    if changes and empty:
        _write(manifest, path)
        return None
    return Problem(changes) if changes else None


def _write(manifest: Mapping[str, Any], path: Path) -> None:
    """Write a manifest, whole or not at all."""
    aside = path.with_name(f".{path.name}")
    aside.write_text(json.dumps(manifest, indent=2) + "\n", encoding="utf-8")
    sync(aside)
    os.replace(aside, path)


def _changes(then: Mapping[str, Any], now: Mapping[str, Any]) -> str:
    """Return what is different, as text; empty if nothing is."""
    other = [name for name in {**then, **now} if then.get(name) != now.get(name)]
    return ", ".join(f"{name} was {then.get(name)}, is {now.get(name)}" for name in other)


def discard(path: Path) -> None:
    """Remove a folder with all that is in it, or what stands in its place; of a link the link."""
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    else:
        path.unlink()
