"""What the command line says, made from the recipe's own fields."""

import contextlib
import dataclasses
import io
import itertools
import re
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Annotated, Any, Literal

import tyro

from yang_rnn.recipe import NOTEBOOK, RECIPES, Recipe, RecipeError

PROGRAM = "yang-rnn"


class UsageError(Exception):
    """What was asked for can't be done; the message is one line for the user."""


@dataclasses.dataclass(frozen=True, kw_only=True)
class Options:
    """Train a recurrent network on perceptual decisions, find its slow points, draw them.

    Results go to a folder of their own: recipe, weights, history, slow points, summary, figures.
    """

    recipe: str = NOTEBOOK.name
    """Where the numbers below come from: a recipe's name, or the recipe.json of an earlier run."""
    platform: Literal["cpu", "gpu", "tpu"] = "cpu"
    """What to compute on."""
    out: Path | None = None
    """Folder of results; without it runs/RECIPE-seedSEED, or the next free number behind it."""
    overwrite: tyro.conf.FlagCreatePairsOff[bool] = False
    """Replace the run in --out."""
    quiet: tyro.conf.FlagCreatePairsOff[bool] = False
    """Print nothing but the result."""
    numbers: Annotated[Recipe, tyro.conf.arg(name="")] = NOTEBOOK


def parse(arguments: Sequence[str]) -> Options:
    """Read command-line arguments.

    Parameters
    ----------
    arguments : sequence of str

    Returns
    -------
    Options

    Raises
    ------
    UsageError
        If an option is unknown, its value can't be used, or there is no such recipe.
    SystemExit
        After `--help`.
    """
    with errors_in_one_line():
        chosen, _ = tyro.cli(
            _Chosen, args=arguments, prog=PROGRAM, add_help=False, return_unknown_args=True
        )
    default = Options(recipe=chosen.recipe, numbers=find_recipe(chosen.recipe))
    with errors_in_one_line():
        return tyro.cli(Options, args=arguments, prog=PROGRAM, default=default, registry=_TYPES)


@dataclasses.dataclass(frozen=True)
class _Chosen:
    recipe: str = NOTEBOOK.name


def find_recipe(name: str) -> Recipe:
    """Return a recipe by its name or its file; raise `UsageError` where there is none."""
    if name in RECIPES:
        return RECIPES[name]
    known = f"--recipe must be {' or '.join(RECIPES)}, or a recipe's JSON file"
    if not name.endswith(".json"):
        raise UsageError(f"{known}; got {name!r}")
    try:
        return Recipe.load(name)
    except (OSError, ValueError) as error:
        raise UsageError(f"{known}; {name}: {error}") from error


@contextlib.contextmanager
def errors_in_one_line() -> Iterator[None]:
    """Turn the box that tyro prints on an error into a `UsageError`."""
    box = io.StringIO()
    try:
        with contextlib.redirect_stderr(box):
            yield
    except SystemExit as error:
        if not error.code:
            raise
        lines = [line.strip("╭╮╰╯│ ") for line in box.getvalue().splitlines()[1:]]
        # A rule stands behind the message and, where boxes are drawn in ASCII, before it too.
        parts = itertools.groupby(filter(None, lines), lambda line: set(line) <= {"─", "-"})
        message = " ".join(next(part for is_rule, part in parts if not is_rule))
        message = re.sub(r"^Missing from \S+:", "Missing:", message)
        raise UsageError(message[:1].lower() + message[1:]) from error
    except RecipeError as error:
        option = "--" + error.field.replace("_", "-")
        raise UsageError(str(error).replace(f"`{error.field}`", option, 1)) from error


def _numbers(kind: type, expected: str, many: bool = False) -> Any:
    """Return how tyro is to read numbers, with a message that a non-programmer understands."""

    def read(words: list[str]) -> Any:
        try:
            values = tuple(kind(word) for word in words)
        except ValueError:
            raise ValueError(f"expected {expected}; got {' '.join(words)!r}") from None
        return values if many else values[0]

    def write(value: Any) -> list[str]:
        return [f"{v:g}" if kind is float else str(v) for v in (value if many else [value])]

    return tyro.constructors.PrimitiveConstructorSpec(
        nargs="*" if many else 1,
        metavar=kind.__name__.upper() + (" ..." if many else ""),
        instance_from_str=read,
        is_instance=lambda value: isinstance(value, tuple if many else kind),
        str_from_instance=write,
    )


_TYPES = tyro.constructors.ConstructorRegistry()


@_TYPES.primitive_rule
def _read_numbers(info: tyro.constructors.PrimitiveTypeInfo) -> Any:
    return {
        int: _numbers(int, "a whole number"),
        float: _numbers(float, "a number"),
        tuple[float, ...]: _numbers(float, "numbers", many=True),
    }.get(info.type)
