"""What the command line of a sweep says."""

import contextlib
import dataclasses
import difflib
import itertools
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Annotated, Any, Literal

import tyro

from yang_rnn.cli.ending import UsageError
from yang_rnn.cli.options import TYPES, errors_in_one_line, find_recipe
from yang_rnn.recipe import MAX_COUNT, NOTEBOOK, PERCEPTUAL, Recipe, RecipeError

PROGRAM = "yang-rnn-sweep"

_TASK_FIELDS = ("task", "task_settings", "num_inputs", "num_outputs")


@dataclasses.dataclass(frozen=True, kw_only=True)
class SweepOptions:
    """Train, analyse and judge many networks; count the verdicts.

    The same command resumes a sweep that ended early, in whatever way.
    """

    out: Path
    """Folder of the sweep: a new one, or one to resume or add to."""
    recipe: str = NOTEBOOK.base
    """A recipe's name, or the recipe.json of a run."""
    task: str = PERCEPTUAL
    """A task of brainpy-datasets, as RateContextDecisionMaking, or neurogym:NAME."""
    task_settings: tuple[str, ...] = ()
    """What another task than the perceptual one is made with, as in noise_sigma=0.5."""
    seeds: str = "0:10"
    """Seeds, as in 7 or 0:64 (64 is not among them) or 0:8,100:108."""
    set: Annotated[tuple[str, ...], tyro.conf.UseAppendAction] = ()
    """A number of the recipe and its values, as in hidden=64,128; may be given again."""
    workers: int = 0
    """Processes to start on this machine, which share its cores; 0: this one does the work."""
    scheduler: str | None = None
    """Address of a Dask scheduler that runs already, as in tcp://host:8786."""
    platform: Literal["cpu", "gpu", "tpu"] = "cpu"
    """What to compute on."""
    quiet: tyro.conf.FlagCreatePairsOff[bool] = False
    """Print nothing but the result."""
    verbose: tyro.conf.FlagCreatePairsOff[bool] = False
    """Tell more in the result: every member, and what its verdict stands on."""

    @property
    def numbers(self) -> Recipe:
        """The recipe that all members have, but for the numbers that are set."""
        recipe = find_recipe(self.recipe)
        if self.task == PERCEPTUAL and not self.task_settings:
            return recipe
        return dataclasses.replace(recipe, task=self.task, task_settings=self.task_settings)

    @property
    def seed_list(self) -> list[int]:
        """The seeds, each once, in the order given."""
        try:
            parts = [[int(word) for word in part.split(":")] for part in self.seeds.split(",")]
            ranges = [range(p[0], p[1]) if len(p) == 2 else range(p[0], p[0] + 1) for p in parts]
            if any(len(part) > 2 for part in parts):
                raise ValueError
            if sum(map(len, ranges)) > MAX_COUNT:
                raise UsageError(f"--seeds must be at most {MAX_COUNT}; got {self.seeds!r}")
        except (ValueError, OverflowError) as error:
            raise UsageError(
                f"--seeds must be like 7, 0:64 or 0:8,100:108; got {self.seeds!r}"
            ) from error
        seeds = list(dict.fromkeys(seed for part in ranges for seed in part))
        if not seeds:
            raise UsageError(f"--seeds must have one or more; got {self.seeds!r}")
        return seeds

    @property
    def vary(self) -> dict[str, list[Any]]:
        """The numbers that are set, with their values: columns of the table, one value or many."""
        values: dict[str, list[Any]] = {}
        fields = _settable()
        for entry in self.set:
            name, _, words = entry.partition("=")
            name = name.strip().replace("-", "_")
            if not words:
                raise UsageError(f"--set must be like hidden=64,128; got {entry!r}")
            if name == "seed":
                raise UsageError("--set seed: --seeds is for that")
            if name in _TASK_FIELDS:
                raise UsageError(f"--set {name}: a sweep has one task; --task names it")
            if name in ("base", "search", "coherences"):
                raise UsageError(f"--set {name}: a sweep can't set it; a recipe's file can")
            if name not in fields:
                near = difflib.get_close_matches(name, fields, n=1)
                raise UsageError(
                    f"--set {name}: there is no such number in a recipe"
                    + (f"; did you mean {near[0]}?" if near else f": {', '.join(fields)}")
                )
            kind = type(fields[name])
            try:
                more = [kind(word) for word in words.split(",")]
            except ValueError as error:
                raise UsageError(
                    f"--set {name} must be of {kind.__name__} values; got {words!r}"
                ) from error
            values[name] = list(dict.fromkeys([*values.get(name, []), *more]))
        return values


@contextlib.contextmanager
def _numbers_by_set(arguments: Sequence[str]) -> Iterator[None]:
    """Say how a number of the recipe is set, where it was given as an option or without `=`."""
    try:
        yield
    except UsageError as error:
        if not str(error).startswith("unrecognized options: "):
            raise
        for before, argument, behind in zip(
            ["", *arguments], arguments, [*arguments[1:], ""], strict=False
        ):
            option, _, value = argument.partition("=")
            name, unset = option.removeprefix("--").replace("-", "_"), before == "--set"
            if name not in _settable() or (value if unset else not option.startswith("--")):
                continue
            value = value or ("" if behind.startswith("--") else behind) or "VALUE"
            said = "--set must be like hidden=64,128" if unset else str(error)
            raise UsageError(f"{said}; use --set {name}={value}") from error
        raise


def _settable() -> dict[str, Any]:
    """Return the numbers of a recipe that a sweep can set, with their default values."""
    fields = {field.name: field.default for field in dataclasses.fields(Recipe)}
    for field in ("base", "seed", "search", "coherences", *_TASK_FIELDS):
        fields.pop(field)
    return fields


def parse(arguments: Sequence[str]) -> SweepOptions:
    """Read command-line arguments; check all that can be checked before the work.

    Parameters
    ----------
    arguments : sequence of str

    Returns
    -------
    SweepOptions

    Raises
    ------
    UsageError
        If an option is unknown or its value can't be used.
    SystemExit
        After `--help`.
    """
    with _numbers_by_set(arguments), errors_in_one_line():
        options = tyro.cli(SweepOptions, args=arguments, prog=PROGRAM, registry=TYPES)
    if options.workers < 0:
        raise UsageError(f"--workers must be 0 or more; got {options.workers}")
    if options.workers and options.scheduler is not None:
        raise UsageError("--workers and --scheduler can't be given together")
    seeds, vary = options.seed_list, options.vary
    try:
        for seed in (min(seeds), max(seeds)):
            dataclasses.replace(options.numbers, seed=seed)
        for values in itertools.product(*vary.values()):
            dataclasses.replace(options.numbers, **dict(zip(vary, values, strict=True)))
    except RecipeError as error:
        options_of = {"seed": "--seeds", "task": "--task", "task_settings": "--task-settings"}
        option = options_of.get(error.field, f"--set {error.field}")
        raise UsageError(str(error).replace(f"`{error.field}`", option)) from error
    return options
