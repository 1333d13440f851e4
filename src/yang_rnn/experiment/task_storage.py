"""The files of a run of any task: written, and read back."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from safetensors.numpy import save_file

from yang_rnn._checks import is_real, shown
from yang_rnn._files import (
    MOST_JSON,
    DamagedError,
    content_of,
    damage_named,
    parse_json,
)
from yang_rnn.experiment.checksums import with_sums
from yang_rnn.experiment.names import HISTORY, INPUTS, RECIPE, SUMMARY_FILE, SUMS, TRAINING, WEIGHTS
from yang_rnn.experiment.reading import (
    check_fit,
    check_rows,
    history_of,
    most_weights,
    table_text,
    weights_of,
)
from yang_rnn.experiment.task_run import TaskRun
from yang_rnn.experiment.task_summary import summarise_task
from yang_rnn.experiment.training_file import with_training, write_training
from yang_rnn.model import CTRNN
from yang_rnn.recipe import Recipe, RecipeError
from yang_rnn.task import recipe_for, task_of
from yang_rnn.trials import Task

TASK_ALWAYS = (RECIPE, WEIGHTS, HISTORY, INPUTS, SUMMARY_FILE)
"""The files that every run of another task than the perceptual one has."""

_KEYS: dict[str, tuple[type, ...]] = {
    "recipe": (str,), "task": (str,), "seed": (int,), "hidden": (int,), "epochs": (int,),
    "final_loss": (float, int), "test_trials": (int,), "test_accuracy": (float, int),
    "test_accuracy_interval": (list,), "explained_variance": (float, int, type(None)),
    "chance": (float, int, type(None)), "learned": (bool,), "accuracy_by_condition": (dict,),
    "inputs": (list,), "line_attractor": (dict,), "selection": (list,),
}  # fmt: skip


def save_task_numbers(
    run: TaskRun, folder: Path, facts: Mapping[str, Any], *, whole: bool = True
) -> dict[str, Any]:
    """Write a task run's files, all but its figures, and their checksums.

    Parameters
    ----------
    run : TaskRun
    folder : Path
        An existing one.
    facts : mapping
        What the summary says besides the run's numbers: versions, platform, times.
    whole : bool
        As `summarise_task` takes it.

    Returns
    -------
    dict
        The summary, as `summary.json` has it.
    """
    summary = summarise_task(run, whole=whole) | dict(facts)
    run.recipe.save(folder / RECIPE)
    save_file(run.net.weights, folder / WEIGHTS)
    texts = {
        HISTORY: table_text(
            [
                {"epoch": k, "loss": repr(float(loss)), "accuracy": repr(float(accuracy))}
                for k, (loss, accuracy) in enumerate(zip(*run.history, strict=True), start=1)
            ]
        ),
        INPUTS: table_text(summary["inputs"]),
        SUMMARY_FILE: json.dumps(summary, indent=2, allow_nan=False) + "\n",
    }
    for name, text in texts.items():
        (folder / name).write_text(text, encoding="utf-8", newline="\n")
    written = (*TASK_ALWAYS, *write_training(run.history, folder))
    contents = {name: (folder / name).read_bytes() for name in written}
    (folder / SUMS).write_bytes(with_sums(contents)[SUMS])
    return summary


def load_task_run(
    folder: Path, recipe: Recipe, read: Callable[[str, int], bytes], task: Task | None
) -> TaskRun:
    """Read the run of a task; what its analysis gives is computed when it is asked for.

    Parameters
    ----------
    folder : Path
    recipe : Recipe
        What `recipe.json` holds.
    read : callable
        Returns the content of a file that has so many bytes at most.
    task : Task, optional
        One's own; without it the one that the recipe names.

    Raises
    ------
    ValueError
        If a file is damaged, the recipe names no task that is known here, or `task` has other
        channels.
    """
    weights = weights_of(read(WEIGHTS, most_weights(recipe)), folder / WEIGHTS, recipe)
    history = history_of(read(HISTORY, MOST_JSON), folder / HISTORY, recipe)
    epochs = len(history.loss)
    path = folder / SUMMARY_FILE
    summary = _summary_of(read(SUMMARY_FILE, MOST_JSON), path)
    found = {name: getattr(recipe, name) for name in ("task", "seed", "hidden", "test_trials")}
    found |= {"recipe": recipe.name, "epochs": epochs, "final_loss": float(history.loss[-1])}
    for name, value in found.items():
        if summary[name] != value:
            expected = f"`{name}` must be that of the run, {value}"
            raise DamagedError(path, f"{expected}; got {shown(summary[name])}")
    check_rows(read(INPUTS, MOST_JSON), folder / INPUTS, summary["inputs"])
    if task is None:
        try:
            task = task_of(recipe)
        except RecipeError as error:
            raise ValueError(
                f"{folder / RECIPE}: {error}; one's own task goes in as load_run(..., task=task)"
            ) from error
    channels = (task.num_inputs, task.num_outputs)
    if channels != recipe.channels:
        raise ValueError(
            f"`task` must have the run's channels and outputs, {recipe.channels}; got {channels}"
        )
    recipe_for(recipe, task)
    net = CTRNN.from_recipe(recipe)
    net.set_weights(weights)
    if (folder / TRAINING).exists():
        content = read(TRAINING, 3 * most_weights(recipe))
        history = with_training(history, content, folder / TRAINING, recipe, net)
    facts = {
        name: summary[name]
        for name in ("platform", "versions", "seconds", "trained")
        if name in summary
    }
    return TaskRun(recipe, net, history, task, facts)


def read_task_summary(folder: Path) -> dict[str, Any]:
    """Read the summary of a task run or of a member that did not fail; `ValueError` if none."""
    path = folder / SUMMARY_FILE
    return _summary_of(content_of(path, MOST_JSON), path)


def _summary_of(content: bytes, path: Path) -> dict[str, Any]:
    """Return the summary that a file holds: all that it must have, each of its kind."""
    with damage_named(path):
        summary = parse_json(content.decode("utf-8"))
        if not isinstance(summary, dict):
            raise ValueError(f"it must be a JSON object; got {type(summary).__name__}")
        for name, kinds in _KEYS.items():
            if name not in summary:
                raise ValueError(f"it lacks {name!r}")
            value = summary[name]
            if not isinstance(value, kinds) or (isinstance(value, bool) and bool not in kinds):
                raise ValueError(f"`{name}` must not be {shown(value)}")
        facts = {"platform": str, "versions": dict, "seconds": (int, float), "trained": dict}
        for name, kind in facts.items():
            value = summary.get(name)
            if name in summary and (not isinstance(value, kind) or isinstance(value, bool)):
                raise ValueError(f"`{name}` must not be {shown(value)}")
        fits = summary.get("psychometric_fit", {})
        if not isinstance(fits, dict):
            raise ValueError(f"`psychometric_fit` must be by context; got {shown(fits)}")
        for context, fit in fits.items():
            check_fit(f"psychometric_fit[{context!r}]", fit)
        share = summary["test_accuracy"]
        if not is_real(share, minimum=0) or share > 1:
            raise ValueError(f"`test_accuracy` must be 0 to 1; got {shown(share)}")
        return summary
