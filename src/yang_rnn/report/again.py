"""The command, or the lines of Python, that make a run or a sweep again."""

from __future__ import annotations

import dataclasses
import shlex
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from yang_rnn.adapters.brainpy_datasets import NAMES
from yang_rnn.cli.options import ANALYSIS
from yang_rnn.experiment.folder import MEMBERS
from yang_rnn.recipe import RECIPES, Recipe
from yang_rnn.task import NEUROGYM

_NOT_SAID = ("base", "seed", "num_inputs", "num_outputs")
"""Fields that a command says otherwise, or that a run finds out."""

_NEVER_SET = ("search", "task", "task_settings")
"""Fields that a sweep has by itself, or by options of their own."""

_IMPORTS = "import dataclasses\n\nimport yang_rnn as yr\n\n"


def changed_fields(recipe: Recipe, *left_out: str) -> dict[str, tuple[Any, Any]]:
    """Return what differs from the recipe that the numbers started from.

    Returns
    -------
    dict
        By field the value here and the value there.
    """
    base = RECIPES[recipe.base]
    fields = [field.name for field in dataclasses.fields(Recipe)]
    return {
        name: (getattr(recipe, name), getattr(base, name))
        for name in fields
        if name not in (*_NOT_SAID, *left_out) and getattr(recipe, name) != getattr(base, name)
    }


def run_command(recipe: Recipe, *, platform: str = "cpu", prove: bool = False) -> str:
    """Return what makes a run again: the command or, for one's own task, lines of Python.

    Parameters
    ----------
    recipe : Recipe
    platform : str
        What it computed on.
    prove : bool
        Whether all fixed points were to be found, however long it takes.
    """
    if not has_command(recipe):
        return f"{_IMPORTS}run = yr.run_task({recipe_in_python(recipe)}, task)  # your own task"
    words = ["python", "-m", "yang_rnn.run", "--recipe", recipe.base, "--seed", str(recipe.seed)]
    for name, (value, _) in changed_fields(recipe).items():
        words += _option(name, value)
    words += [] if platform == "cpu" else ["--platform", platform]
    words += ["--prove"] if prove else []
    return shlex.join(words)


def analysis_command(
    trained: str, recipe: Recipe, *, platform: str = "cpu", prove: bool = False
) -> str:
    """Return what analyses a network again that was trained before.

    Parameters
    ----------
    trained : str
        The folder that it was taken from.
    recipe : Recipe
    platform : str
        What it computed on.
    prove : bool
        Whether all fixed points were to be found, however long it takes.
    """
    words = ["python", "-m", "yang_rnn.run", "--from", trained]
    if Path(trained).parent.name != MEMBERS:  # which can't be trained on
        words += ["--epochs", str(recipe.epochs)]
    said = [name for name in ANALYSIS if name in changed_fields(recipe)]
    if recipe.is_perceptual and "search" not in said:
        said.append("search")  # the folder's run may have had another
    words += [word for name in said for word in _option(name, getattr(recipe, name))]
    words += [] if platform == "cpu" else ["--platform", platform]
    words += ["--prove"] if prove else []
    return shlex.join(words)


def _option(name: str, value: Any) -> list[str]:
    """Return an option of the command with its values."""
    values = value if isinstance(value, tuple) else (value,)
    return [f"--{name.replace('_', '-')}", *map(str, values)]


def sweep_command(
    recipe: Recipe,
    seeds: Sequence[int],
    vary: Mapping[str, Sequence[Any]],
    *,
    platform: str = "cpu",
    out: str = "sweeps/again",
) -> str:
    """Return what makes a sweep again: the command or, where that can't say it, lines of Python.

    Parameters
    ----------
    recipe : Recipe
        The numbers that are not varied.
    seeds : sequence of int
    vary : mapping from field names to sequences
    platform : str
        What it computed on.
    out : str
        The folder that it is to be made in.
    """
    varied = {name: list(values) for name, values in vary.items()}
    others = changed_fields(recipe, *_NEVER_SET, *varied)
    if others:
        how = f", vary={varied!r}" if varied else ""
        return (
            f"{_IMPORTS}"
            f"yr.sweep({recipe_in_python(recipe, 'search', *varied)}, {_in_python(seeds)}, "
            f"out={out!r}{how})"
        )
    words = ["python", "-m", "yang_rnn.sweep", "--recipe", recipe.base]
    if not recipe.is_perceptual:
        words += ["--task", recipe.task]
        words += ["--task-settings", *recipe.task_settings] if recipe.task_settings else []
    words += ["--seeds", ",".join(_ranges(seeds))]
    for name, values in varied.items():
        words += ["--set", f"{name}={','.join(map(str, values))}"]
    words += [] if platform == "cpu" else ["--platform", platform]
    return shlex.join([*words, "--out", out])


def member_command(recipe: Recipe, *, platform: str = "cpu") -> str:
    """Return what makes one member of a sweep again, as `sweep_command`."""
    return sweep_command(recipe, [recipe.seed], _as_varied(recipe), platform=platform)


def _as_varied(recipe: Recipe) -> dict[str, list[Any]]:
    """Return what differs from the recipe as numbers of a sweep that has one value of each."""
    return {
        name: [value]
        for name, (value, _) in changed_fields(recipe, *_NEVER_SET).items()
        if not isinstance(value, tuple)
    }


SEEDS = 20
"""Networks of the sweep that tells how often a run's verdict is reached."""


def seeds_command(recipe: Recipe, *, platform: str = "cpu") -> str:
    """Return the sweep that trains a run's network from other seeds; empty for one's own task."""
    if not has_command(recipe):
        return ""
    return sweep_command(
        recipe, range(SEEDS), _as_varied(recipe), platform=platform, out="sweeps/seeds"
    )


def has_command(recipe: Recipe) -> bool:
    """Tell whether a command can make a run of a recipe: one's own task has none."""
    return recipe.is_perceptual or recipe.task in NAMES or recipe.task.startswith(NEUROGYM)


def recipe_in_python(recipe: Recipe, *left_out: str) -> str:
    """Return an expression that makes a recipe, without some fields."""
    numbers = {name: value for name, (value, _) in changed_fields(recipe, *left_out).items()}
    numbers |= {"seed": recipe.seed} if recipe.seed else {}
    changes = "".join(f", {name}={value!r}" for name, value in numbers.items())
    base = f"yr.{recipe.base.upper()}"
    return f"dataclasses.replace({base}{changes})" if changes else base


def settings_of(recipe: Recipe, *left_out: str) -> list[tuple[str, Any, Any, str]]:
    """Return what differs from the recipe as rows: name, value, the recipe's, what it is of."""
    return [
        (name, value, base, "the analysis" if name in ANALYSIS else "task, network, training")
        for name, (value, base) in changed_fields(recipe, *left_out).items()
    ]


def _in_python(seeds: Sequence[int]) -> str:
    """Return an expression that makes a list of seeds."""
    whole = range(min(seeds), max(seeds) + 1)
    return repr(whole if sorted(seeds) == list(whole) else list(seeds))


def _ranges(seeds: Sequence[int]) -> Iterator[str]:
    """Give seeds as a command takes them, neighbours together."""
    ordered = sorted(set(seeds))
    start = 0
    for place, seed in enumerate(ordered):
        if place + 1 == len(ordered) or ordered[place + 1] != seed + 1:
            first = ordered[start]
            yield str(first) if first == seed else f"{first}:{seed + 1}"
            start = place + 1
