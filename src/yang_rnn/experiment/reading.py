"""The files of a run as records: each checked by itself, then against the others."""

import csv
import io
import math
import re
from collections.abc import Mapping
from itertools import zip_longest
from pathlib import Path
from typing import Any

import numpy as np
from safetensors.numpy import load

from yang_rnn._checks import check_array, is_real, is_whole, shown
from yang_rnn._files import DamagedError, damage_named, parse_json
from yang_rnn.dynamics.maps import speeds
from yang_rnn.dynamics.points import STATUSES, FixedPoints
from yang_rnn.dynamics.system import AutonomousMap
from yang_rnn.experiment.names import WEIGHTS
from yang_rnn.experiment.run import PROOF_NODES
from yang_rnn.model import weight_shapes
from yang_rnn.recipe import Recipe
from yang_rnn.train import History

_NUMBER = re.compile(r"-?[0-9][0-9.]*(e[+-]?[0-9]+)?|nan")

_KEYS: dict[str, tuple[type, ...]] = {
    "recipe": (str,),
    "seed": (int,),
    "hidden": (int,),
    "epochs": (int,),
    "final_loss": (float, int),
    "test_trials": (int,),
    "test_accuracy": (float, int),
    "ideal_observer_accuracy": (float, int),
    "accuracy_by_coherence": (dict,),
    "explained_variance_ratio": (list,),
    "search": (dict,),
    "newton": (dict,),
    "analysed_point": (dict, type(None)),
    "psychometric": (dict, type(None)),
    "line_attractor": (dict, type(None)),
    "stimulus_dependence": (list, type(None)),
}
_FACTS: dict[str, tuple[type, ...]] = {
    "platform": (str,), "versions": (dict,), "seconds": (float, int), "trained": (dict,),
    "every_fixed_point": (dict, type(None)), "psychometric_fit": (dict, type(None)),
}  # fmt: skip
_IF_BOUNDED: dict[str, tuple[type, ...]] = {"index": (dict,)}
_SHARES = ("test_accuracy", "ideal_observer_accuracy")


def most_weights(recipe: Recipe) -> int:
    """Return how many bytes a file of weights may have; any that can hold them is shorter."""
    return 8 * sum(math.prod(shape) for shape in weight_shapes(recipe).values()) + ROOM


ROOM = 2**20
"""Bytes of the headers of a file of arrays."""


def weights_of(content: bytes, path: Path, recipe: Recipe) -> dict[str, np.ndarray]:
    """Return the weights that a file holds: float32, finite, in the recipe's shapes."""
    with damage_named(path):
        weights, shapes = load(content), weight_shapes(recipe)
        if set(weights) != set(shapes):
            raise ValueError(f"it must have {list(shapes)}; got {shown(sorted(weights))}")
        for name, shape in shapes.items():
            if weights[name].dtype != np.float32:
                raise ValueError(f"`{name}` must be float32; got {weights[name].dtype}")
            check_array(name, weights[name], shape)
        return weights


def history_of(content: bytes, path: Path, recipe: Recipe | None = None) -> History:
    """Return the history that a file holds.

    Parameters
    ----------
    content : bytes
    path : Path
        Where it is from, for errors.
    recipe : Recipe, optional
        It must have all of its epochs, or with a target accuracy some of them; without it one or
        more.

    Raises
    ------
    DamagedError
        If an epoch is missing, or a loss or an accuracy can't be one.
    """
    with damage_named(path):
        text = io.StringIO(content.decode("utf-8"), newline="")
        head, *rows = csv.reader(text, strict=True) if content else [[]]
        if head != ["epoch", *History._fields]:
            raise ValueError(f"its columns must be epoch, loss, accuracy; got {shown(head)}")
        most = len(rows) if recipe is None else recipe.epochs
        least = 1 if recipe is None or recipe.target_accuracy else most
        if not max(least, 1) <= len(rows) <= most:
            raise ValueError(f"it must have {most or 'some'} epochs; got {len(rows)}")
        numbers = []
        for epoch, row in enumerate(rows, start=1):
            good = len(row) == 3 and row[0] == str(epoch) and all(map(_NUMBER.fullmatch, row[1:]))
            loss, accuracy = map(float, row[1:]) if good else (math.nan, math.nan)
            if not (math.isfinite(loss) and loss >= 0):
                raise ValueError(f"row {epoch} must be {epoch}, loss, accuracy; got {shown(row)}")
            if not (0 <= accuracy <= 1 or math.isnan(accuracy)):
                raise ValueError(f"the accuracy of epoch {epoch} must be 0 to 1; got {accuracy}")
            numbers.append((loss, accuracy))
        return History(*np.array(numbers).T.copy())


def summary_of(content: bytes, path: Path) -> dict[str, Any]:
    """Return the summary that a file holds: all that it must have, each of its kind."""
    with damage_named(path):
        summary = parse_json(content.decode("utf-8"))
        if not isinstance(summary, dict):
            raise ValueError(f"it must be a JSON object; got {type(summary).__name__}")
        missing = [name for name in _KEYS if name not in summary]
        if missing:
            raise ValueError(f"it lacks {missing}")
        for name, kinds in (_KEYS | _FACTS | _IF_BOUNDED).items():
            value = summary.get(name)
            if name in summary and (not isinstance(value, kinds) or isinstance(value, bool)):
                raise ValueError(f"`{name}` must not be {shown(value)}")
        for name in _SHARES:
            if not 0 <= summary[name] <= 1:
                raise ValueError(f"`{name}` must be 0 to 1; got {shown(summary[name])}")
        _check_counts("newton", summary["newton"])
        for name in ("ends", "kept"):
            _check_counts(f"search.{name}", summary["search"].get(name))
        for name, columns in {
            "analysed_point": ("status", "label", "speed", "starts_reached", "modes"),
            "line_attractor": (
                "verdict",
                "near",
                "reason",
                "mechanism",
                "mechanism_reason",
                "criteria",
                "measures",
            ),
        }.items():
            if summary[name] is not None and not set(columns) <= set(summary[name]):
                raise ValueError(f"`{name}` must have {columns}; got {shown(list(summary[name]))}")
        if summary.get("every_fixed_point") is not None:
            _check_enumeration(summary["every_fixed_point"])
        check_fit("psychometric_fit", summary.get("psychometric_fit"))
        judged = summary["line_attractor"]
        if judged is not None and not isinstance(judged["measures"], dict):
            raise ValueError(f"`measures` must be by name; got {shown(judged['measures'])}")
        return summary


def proof_nodes_of(summary: Mapping[str, Any]) -> int | None:
    """Return how many nodes the enumeration of a run could take; None: as many as it needed."""
    every = summary.get("every_fixed_point")
    return PROOF_NODES if every is None else every["most_nodes"]


def _check_enumeration(every: dict[str, Any]) -> None:
    counts = ("number", "on_kink", "continua", "missed_by_newton", "nodes")
    for name in counts:
        if not (is_whole(every.get(name)) and every[name] >= 0):
            raise ValueError(f"`{name}` must be a number of points; got {shown(every.get(name))}")
    most = every.get("most_nodes", 0)
    if not (most is None or (is_whole(most) and most > 0)):
        raise ValueError(f"`most_nodes` must be a number of nodes; got {shown(most)}")
    if not (is_real(every.get("closed"), minimum=0) and every["closed"] <= 1):
        raise ValueError(f"`closed` must be 0 to 1; got {shown(every.get('closed'))}")
    if not isinstance(every.get("proved"), bool) or not isinstance(every.get("in_words"), str):
        raise ValueError("`every_fixed_point` must say `proved` and `in_words`")


def check_fit(name: str, fit: Any) -> None:
    """Raise a `ValueError` where a fitted curve of a summary lacks a number; None is no curve."""
    if fit is None:
        return
    if not isinstance(fit, dict) or not isinstance(fit.get("problem"), str):
        raise ValueError(f"`{name}` must say `problem`; got {shown(fit)}")
    if fit.get("goodness") is not None and not is_real(fit["goodness"], minimum=0):
        raise ValueError(f"`{name}.goodness` must be a share; got {shown(fit['goodness'])}")
    for part in ("threshold", "bias", "lapse_1", "lapse_2"):
        numbers = fit.get(part)
        if (
            not isinstance(numbers, dict)
            or not {"value", "low", "high"} <= set(numbers)
            or not all(number is None or is_real(number) for number in numbers.values())
        ):
            raise ValueError(f"`{name}.{part}` must have value, low, high; got {shown(numbers)}")
        if part.startswith("lapse") and None in (numbers["low"], numbers["high"]):
            raise ValueError(f"`{name}.{part}` must have an interval; got {shown(numbers)}")


def _check_counts(name: str, counts: Any) -> None:
    good = isinstance(counts, dict) and set(counts) == set(STATUSES)
    if not good or not all(is_whole(number) and number >= 0 for number in counts.values()):
        raise ValueError(f"`{name}` must have a number for each of {STATUSES}; got {shown(counts)}")


def table_text(rows: list[dict[str, Any]]) -> str:
    """Return rows of a table as the text of a CSV file."""
    text = io.StringIO()
    writer = csv.DictWriter(text, rows[0].keys(), lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    return text.getvalue()


def check_points(
    points: FixedPoints, path: Path, recipe: Recipe, at_rest: AutonomousMap, search: str
) -> None:
    """Raise a `DamagedError` where points are not those of a recipe and its network.

    Parameters
    ----------
    points : FixedPoints
    path : Path
        Where they are from.
    recipe : Recipe
    at_rest : AutonomousMap
        The network at the recipe's constant input.
    search : str
        How they must have been found.
    """
    units, starts = recipe.hidden, points.total_starts - recipe.random_starts
    with damage_named(path):
        if points.state.shape[1] != units:
            raise ValueError(f"`state` must have {units} units; got {points.state.shape[1]}")
        if points.method != search:
            raise ValueError(f"`method` must be {search}; got {shown(points.method)}")
        if (
            starts % recipe.num_steps
            or not 0 < starts // recipe.num_steps <= recipe.analysis_trials
        ):
            raise ValueError(f"`total_starts` must be the recipe's; got {points.total_starts}")
        if sum(points.search_counts.values()) != points.total_starts:
            raise ValueError(f"`search_counts` must add up to {points.total_starts}")
        if points.starts_reached.sum() > points.total_starts:
            raise ValueError(f"`starts_reached` must add up to {points.total_starts} or less")
        if any(points.counts[status] > points.search_counts[status] for status in STATUSES):
            raise ValueError("`search_counts` must be those of the points or more")
        for name, value in {
            "fixed_speed": recipe.fixed_speed,
            "slow_speed": recipe.slow_mean_square * units / 2,
        }.items():
            if not math.isclose(getattr(points, name), value, rel_tol=1e-9):
                raise ValueError(f"`{name}` must be {value:g}; got {getattr(points, name):g}")
        if not np.isin(points.status, ("fixed", "slow")).all():
            raise ValueError("`status` must be fixed or slow")
        moved, now = np.sqrt(2 * points.speed), np.sqrt(2 * speeds(at_rest, points.state))
        scale = np.linalg.norm(points.state, axis=1) + moved
        if not (np.abs(now - moved) <= _SAME * scale + _LEAST).all():
            raise ValueError(f"its points don't have their speeds with this recipe and {WEIGHTS}")


_SAME, _LEAST = 1e-9, 1e-12
"""Between processors, of a state's size: how much how far it moves may differ; and at 0."""


def check_summary(
    summary: Mapping[str, Any],
    path: Path,
    recipe: Recipe,
    history: History,
    points: FixedPoints,
    newton_points: FixedPoints,
) -> None:
    """Raise a `DamagedError` where a summary tells of another run than the other files."""
    search = {name: summary["search"].get(name) for name in ("method", "starts")}
    told = {name: summary[name] for name in ("recipe", "seed", "hidden", "epochs", "test_trials")}
    told |= {"final_loss": summary["final_loss"], "newton": summary["newton"]}
    told |= {f"search.{name}": value for name, value in search.items()}
    told |= {f"search.{name}": summary["search"][name] for name in ("ends", "kept")}
    found = {name: getattr(recipe, name) for name in ("seed", "hidden", "test_trials")}
    found |= {
        "epochs": len(history.loss),
        "recipe": recipe.name,
        "final_loss": float(history.loss[-1]),
    }
    found |= {"newton": newton_points.counts, "search.method": points.method}
    found |= {"search.starts": points.total_starts}
    found |= {"search.ends": points.search_counts, "search.kept": points.counts}
    for name, value in told.items():
        if value != found[name]:
            raise DamagedError(
                path, f"`{name}` must be that of the run, {found[name]}; got {shown(value)}"
            )
    point = summary["analysed_point"]
    if (point is None) != (len(newton_points) == 0):
        raise DamagedError(path, f"`analysed_point` must be one of {len(newton_points)}")
    if point is not None and not any(
        is_real(point["speed"]) and point["speed"] == speed and point["status"] == status
        for speed, status in zip(newton_points.speed, newton_points.status, strict=True)
    ):
        raise DamagedError(path, "`analysed_point` must be one of the fixed or slow points")


def check_table(content: bytes | None, path: Path, summary: Mapping[str, Any]) -> None:
    """Raise a `DamagedError` where a table by stimulus is not the summary's; None: no table."""
    check_rows(content, path, summary["stimulus_dependence"])


def check_rows(content: bytes | None, path: Path, rows: Any) -> None:
    """Raise a `DamagedError` where a table is not of these rows; None: no table."""
    with damage_named(path):
        expected = table_text(rows).splitlines() if rows else []
        lines = [] if content is None else content.decode("utf-8").splitlines()
        for number, (line, known) in enumerate(zip_longest(lines, expected), start=1):
            if line != known:
                raise ValueError(f"line {number} is not as the summary has it")
