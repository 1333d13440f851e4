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

from yang_rnn.cli.ending import UsageError, option_of, usage_errors
from yang_rnn.recipe import NOTEBOOK, RECIPES, Base, Recipe, RecipeError

PROGRAM = "yang-rnn"

RECIPE_FILE = "recipe.json"
"""The file of a run's folder that has its numbers."""

_NAMES = [field.name for field in dataclasses.fields(Recipe)]
ANALYSIS = tuple(_NAMES[_NAMES.index("test_trials") :])
"""The numbers of a recipe that neither the task nor the network nor the training depends on."""


@dataclasses.dataclass(frozen=True, kw_only=True)
class _Numbers(Recipe):
    """A recipe as the command line shows it; `--recipe` says what the numbers start from."""

    base: tyro.conf.Suppress[Base] = NOTEBOOK.base
    num_inputs: tyro.conf.Suppress[int] = NOTEBOOK.num_inputs  # a run finds them out
    num_outputs: tyro.conf.Suppress[int] = NOTEBOOK.num_outputs


@dataclasses.dataclass(frozen=True, kw_only=True)
class Options:
    """Train a recurrent network on perceptual decisions, find its slow points, draw them.

    Results go to a folder of their own: recipe, weights, history, slow points, summary, figures.
    """

    recipe: str = NOTEBOOK.base
    """Where the numbers below come from: a recipe's name, or the recipe.json of an earlier run."""
    from_: Annotated[Path | None, tyro.conf.arg(name="from")] = None
    """Run or member of a sweep to analyse anew; only numbers from --test-trials on may differ.

    A run is trained on with more --epochs.
    """
    platform: Literal["cpu", "gpu", "tpu"] = "cpu"
    """What to compute on."""
    out: Path | None = None
    """Folder of results; without it runs/RECIPE-seedSEED, or the next free number behind it."""
    overwrite: tyro.conf.FlagCreatePairsOff[bool] = False
    """Replace the run in --out."""
    figures: Literal["png", "pdf", "both", "none"] = "png"
    """Files of each figure; --from RUN --figures pdf draws those of an earlier run as PDF."""
    prove: tyro.conf.FlagCreatePairsOff[bool] = False
    """Find all fixed points of a relu network, however long it takes (ten minutes at most), and
    keep the proof in proof.npz.

    Without it this is done for up to 64 units while it takes a tenth of a run.
    """
    quiet: tyro.conf.FlagCreatePairsOff[bool] = False
    """Print nothing but the result."""
    verbose: tyro.conf.FlagCreatePairsOff[bool] = False
    """Tell more in the result: how the searches ended, all modes, what the verdict stands on."""
    numbers: Annotated[Recipe, tyro.conf.arg(name="", constructor=_Numbers)] = NOTEBOOK

    @property
    def formats(self) -> tuple[str, ...]:
        """The endings of each figure's files."""
        return {"both": ("png", "pdf"), "none": ()}.get(self.figures, (self.figures,))


def parse(arguments: Sequence[str]) -> Options:
    """Read command-line arguments; check all that can be checked before the work.

    Parameters
    ----------
    arguments : sequence of str

    Returns
    -------
    Options

    Raises
    ------
    UsageError
        If an option is unknown, its value can't be used or can't be changed, or there is no such
        recipe or run.
    SystemExit
        After `--help`.
    """
    with errors_in_one_line():
        chosen, _ = tyro.cli(
            _Chosen,
            args=arguments,
            prog=PROGRAM,
            add_help=False,
            return_unknown_args=True,
            registry=TYPES,
        )
    if chosen.from_ is not None:
        if chosen.recipe is not None:
            raise UsageError("--recipe and --from can't be given together: a run has its recipe")
        start = _recipe_of_run(chosen.from_)
    else:
        start = find_recipe(chosen.recipe or NOTEBOOK.base)
        start = dataclasses.replace(start, num_inputs=0, num_outputs=0)  # --task may be another
    default = Options(numbers=start)
    with errors_in_one_line():
        options = tyro.cli(Options, args=arguments, prog=PROGRAM, default=default, registry=TYPES)
    options = dataclasses.replace(options, numbers=Recipe(**vars(options.numbers)))
    if options.from_ is not None:
        _check_only_analysis_differs(options.numbers, start, options.from_)
    numbers = options.numbers
    if options.prove and not (numbers.is_perceptual and numbers.activation == "relu"):
        raise UsageError("--prove is for relu networks of the perceptual task")
    if options.overwrite and options.out is None:
        raise UsageError("--overwrite needs --out, the folder to replace")
    return options


@dataclasses.dataclass(frozen=True)
class _Chosen:
    recipe: str | None = None
    from_: Annotated[Path | None, tyro.conf.arg(name="from")] = None


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


def _recipe_of_run(folder: Path) -> Recipe:
    path = folder / RECIPE_FILE
    expected = "--from must be the folder of a run, or of one of a sweep's members"
    try:
        return Recipe.load(path)
    except FileNotFoundError as error:
        problem = f"{folder} has no {RECIPE_FILE}" if folder.is_dir() else f"there is no {folder}"
        raise UsageError(f"{expected}; {problem}") from error
    except (OSError, ValueError) as error:
        raise UsageError(f"{expected}; {path}: {error}") from error


def _check_only_analysis_differs(recipe: Recipe, trained: Recipe, folder: Path) -> None:
    for field in _NAMES:
        was = getattr(trained, field)
        if field == "epochs" and recipe.epochs != was:
            if recipe.epochs > was:
                continue
            raise UsageError(
                f"--epochs can only be raised with --from: the network in {folder} was trained "
                f"for {was}; got {recipe.epochs}"
            )
        if field not in ANALYSIS and getattr(recipe, field) != was:
            raise UsageError(
                f"{option_of(field)} can't be changed with --from: the network in {folder} was "
                f"trained with {was}; only numbers of the analysis can, from --test-trials on, "
                "and --epochs be raised"
            )


@contextlib.contextmanager
def errors_in_one_line() -> Iterator[None]:
    """Turn the box that tyro prints on an error, and errors of a recipe, into `UsageError`."""
    box = io.StringIO()
    try:
        with contextlib.redirect_stderr(box), usage_errors(RecipeError):
            yield
    except SystemExit as error:
        if not error.code:
            raise
        lines = [line.strip("╭╮╰╯│ ") for line in box.getvalue().splitlines()[1:]]
        # A rule stands behind the message and, where boxes are drawn in ASCII, before it too.
        parts = itertools.groupby(filter(None, lines), lambda line: set(line) <= {"─", "-"})
        message, *more = [" ".join(part) for is_rule, part in parts if not is_rule]
        message = re.sub(r"^Missing from \S+:", "Missing:", message).removesuffix(".")
        near = re.match(r"Perhaps you meant: (--\S+)", " ".join(more))
        if near:
            message += f"; did you mean {near[1]}?"
        raise UsageError(message[:1].lower() + message[1:]) from error


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


def _path() -> Any:
    """Return how tyro is to read a path; an empty one would be the current folder."""

    def read(words: list[str]) -> Path:
        if not words[0]:
            raise ValueError("expected a path; got an empty one")
        return Path(words[0])

    return tyro.constructors.PrimitiveConstructorSpec(
        nargs=1,
        metavar="PATH",
        instance_from_str=read,
        is_instance=lambda value: value is None or isinstance(value, Path),
        str_from_instance=lambda value: [str(value)],
    )


TYPES = tyro.constructors.ConstructorRegistry()
"""How numbers and paths are read from the command line."""


@TYPES.primitive_rule
def _read_numbers(info: tyro.constructors.PrimitiveTypeInfo) -> Any:
    return {
        int: _numbers(int, "a whole number"),
        float: _numbers(float, "a number"),
        tuple[float, ...]: _numbers(float, "numbers", many=True),
        Path: _path(),
        Path | None: _path(),
    }.get(info.type)
