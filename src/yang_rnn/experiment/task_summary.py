"""What a run of any task came to, as numbers, as a table and as text."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from yang_rnn._checks import check_is
from yang_rnn.experiment.sections import (
    Section,
    pointers,
    sections_of_verdict,
    table_of_levels,
    training_of,
    variance_in_words,
    written,
)
from yang_rnn.experiment.summary import fitted, judged, named_columns
from yang_rnn.experiment.task_run import TaskRun
from yang_rnn.task_inputs import InputPoints, by_same_input

if TYPE_CHECKING:
    from yang_rnn.dynamics.enumeration.fixed_points import AllFixedPoints

MAX_LINES = 6
"""Inputs of a period that are told one by one."""


def summarise_task(run: TaskRun, *, whole: bool = True) -> dict[str, Any]:
    """Return every number of a task run's summary, ready for JSON.

    Parameters
    ----------
    run : TaskRun
    whole : bool
        Whether to fit a psychometric function to the choices of each context.

    Returns
    -------
    dict
        Numbers, strings, lists and dicts; None where a number is not defined.
    """
    check_is("run", run, TaskRun)
    recipe, tested = run.recipe, run.tested
    fits = run.psychometric_fit if whole else {}
    return {
        "recipe": recipe.name,
        "task": recipe.task,
        "seed": recipe.seed,
        "hidden": recipe.hidden,
        "epochs": len(run.history.loss),
        "final_loss": float(run.history.loss[-1]),
        "test_trials": tested.num_trials,
        "test_accuracy": tested.accuracy,
        "test_accuracy_interval": [tested.low, tested.high],
        "chance": tested.chance,
        "silent": tested.silent,
        "accuracy_among_answers": tested.among_answers,
        "explained_variance": tested.explained,
        "learned": tested.learned,
        "accuracy_by_condition": {
            name: named_columns(values) for name, values in tested.by_condition.items()
        },
        "explained_variance_ratio": run.pca.explained_variance_ratio_.tolist(),
        "inputs": table_of_inputs(run.by_input),
        "points": _points_in_words(run.by_input),
        "line_attractor": {name: judged(verdict) for name, verdict in run.verdicts.items()},
        "psychometric": {name: named_columns(value) for name, value in run.psychometric.items()},
        "psychometric_fit": {name: fitted(fit) for name, fit in fits.items()},
        "selection": [row._asdict() for row in run.selection],
    }


def table_of_inputs(rows: tuple[InputPoints, ...]) -> list[dict[str, Any]]:
    """Return what was found at each constant input as rows of a table.

    Parameters
    ----------
    rows : tuple of InputPoints

    Returns
    -------
    list of dict
        One per input: its name and numbers, how many points are fixed, stable, saddles and slow,
        and the leading mode of the fixed point that is most central. Time constants in ms; None
        where there is none.
    """
    table = []
    for row in rows:
        stability = row.modes.stability
        entry: dict[str, Any] = {
            "input": row.given.name,
            "x": " ".join(f"{value:.6g}" for value in row.given.x),
            "changes": row.given.changes,
            "fixed": int((row.points.kind == "fixed").sum()),
            "stable": int((stability == "stable").sum()),
            "saddles": int((stability == "saddle").sum()),
            "unstable": int((stability == "unstable").sum()),
            "slow": int((row.points.kind == "slow").sum()),
            "far": int(row.points.far.sum()),
            "eigenvalue": None,
            "time_constant": None,
            "frequency": None,
        }
        if row.search is not None:
            entry["index_sum"] = row.search.index.sum
        if row.every is not None:
            entry["fixed_points"] = len(row.every) if row.every.proved else None
            entry["fixed_points_proved"] = row.every.proved
        fixed = row.points.status == "fixed"
        if row.centre is not None and fixed[row.centre]:
            at = int(fixed[: row.centre].sum())
            value, lasting = row.modes.eigenvalues[at, 0], row.modes.time_constant[at, 0]
            entry["eigenvalue"] = str(np.round(value, 4)).strip("()").replace("+0j", "")
            entry["time_constant"] = float(lasting) if np.isfinite(lasting) else None
            entry["frequency"] = float(row.modes.frequency[at, 0])
        table.append(entry)
    return table


def describe_task(
    summary: dict[str, Any], *, stimulus: float | None = None, verbose: bool = False
) -> str:
    """Return the summary of a task run as text for a reader.

    Parameters
    ----------
    summary : dict
        From `summarise_task`; the platform is told if it was added.
    stimulus : float, optional
        How long the stimulus lasts (ms): time constants are told beside it.
    verbose : bool
        Whether to tell what each verdict stands on.
    """
    check_is("summary", summary, dict)
    missing = {"recipe", "task", "points", "learned"} - set(summary)
    if missing:
        raise ValueError(f"`summary` must be of `summarise_task`; lacks {sorted(missing)}")
    parts = [
        training_of(summary),
        _behaviour(summary),
        Section("Fixed points", _points(summary, stimulus)),
    ]
    for context, verdict in summary["line_attractor"].items():
        parts += sections_of_verdict(verdict, context, stimulus=stimulus, verbose=verbose)
    if not summary["line_attractor"]:
        none = "No verdict: it is for tasks with two alternatives."
        parts.append(Section("What the network does", [none]))
    if summary["selection"]:
        parts.append(Section("Selection", _selection(summary["selection"])))
    if summary["line_attractor"]:
        parts.append(pointers(verbose))
    return written(parts)


def _behaviour(summary: dict[str, Any]) -> Section:
    low, high = summary["test_accuracy_interval"]
    lines = [
        f"In {summary['test_trials']} fresh trials a share of {summary['test_accuracy']:.4f} is "
        f"done right (95 % interval {low:.4f} to {high:.4f})."
    ]
    if summary["chance"] is not None:
        lines.append(f"Always the same answer would reach {summary['chance']:.4f}.")
    if summary["explained_variance"] is not None:
        share = summary["explained_variance"]
        lines.append(
            f"The outputs explain {100 * share:.1f} % of the targets' variance (all of it: 100 %)."
        )
    if summary["silent"]:
        lines.append(
            f"In {100 * summary['silent']:.1f} % of trials the largest output is none of the "
            "answers, which counts as wrong; of the answers alone "
            f"{summary['accuracy_among_answers']:.4f} would be right."
        )
    if not summary["learned"]:
        lines.append("NOT LEARNED: what follows is of a network that does not do the task.")
    for name, by in summary["accuracy_by_condition"].items():
        levels = [f"{level:.4g}" for level in by["level"]]
        lines += table_of_levels(name, levels, {"right": by["accuracy"]})
    return Section("Behaviour", [*lines, variance_in_words(summary["explained_variance_ratio"])])


def _points(summary: dict[str, Any], stimulus: float | None) -> list[str]:
    lines = [
        "A fixed point is a state that the network stays in while its input does not change; near "
        "a slow point it hardly moves. A stable one draws the states around it in; a saddle draws "
        "them in from some sides and lets them go along others."
    ]
    if any("leading mode" in line for line in summary["points"]):
        lasts = "" if stimulus is None else f"; the stimulus lasts {stimulus / 1000:.3g} s"
        lines.append(
            "The leading mode is the direction along which the state takes longest to return (or "
            f"leaves soonest){lasts}."
        )
    if any("tree" in line for line in summary["points"]):
        lines.append(
            "The tree is the search for all fixed points: what is closed of it is proved to have "
            "no others."
        )
    if any("index sum" in line for line in summary["points"]):
        lines.append(
            "Of all fixed points of such a network the index (1 or -1, by the Jacobian) sums to 1: "
            "another sum says that some were not found."
        )
    return [*lines, *(f"{line}." for line in summary["points"])]


def _selection(rows: list[dict[str, Any]]) -> list[str]:
    lines = [
        "How far a unit of each context's evidence moves the state along the direction that "
        "carries evidence: a network that selects is moved by that of its own context alone."
    ]
    for row in rows:
        gains = ", ".join(f"{gain:+.3g} by that of {other}" for other, gain in row["gain"].items())
        lines.append(f"In {row['context']}: {gains}.")
    return lines


_BY_INPUT = (
    "fixed", "stable", "slow", "time_constant", "index_sum", "fixed_points", "fixed_points_proved"
)  # fmt: skip


def task_row(summary: Mapping[str, Any], losses: np.ndarray) -> dict[str, Any]:
    """Return what a finished member adds to its row of the table.

    Parameters
    ----------
    summary : mapping
        The member's, as `summarise_task` gives it.
    losses : array of shape (epoch,)

    Returns
    -------
    dict
        Accuracy with its interval, chance, whether the task was learned, losses; by context the
        verdict, which other it is near, and the mechanism with their reasons; by input the numbers
        of fixed, stable and slow points, the time constant (ms) of the central fixed point's
        leading mode; where the states have finite bounds the index sum, and of a small rectified
        network how many fixed points there are, and whether that is proved. None where a number is
        not defined.
    """
    low, high = summary["test_accuracy_interval"]
    row: dict[str, Any] = {
        "accuracy": summary["test_accuracy"],
        "accuracy_low": low,
        "accuracy_high": high,
        "chance": summary["chance"],
        "explained_variance": summary["explained_variance"],
        "learned": summary["learned"],
        "first_loss": float(losses[0]),
        "final_loss": float(losses[-1]),
    }
    for context, verdict in summary["line_attractor"].items():
        row[f"verdict {context}".strip()] = verdict["verdict"]
        row[f"near {context}".strip()] = verdict["near"]
        row[f"mechanism {context}".strip()] = verdict["mechanism"]
        row[f"reason {context}".strip()] = verdict["reason"]
        row[f"mechanism_reason {context}".strip()] = verdict["mechanism_reason"]
    for entry in summary["inputs"]:
        for name in _BY_INPUT:
            if name in entry:
                row[f"{name} at {entry['input']}"] = entry[name]
    return row


def _points_in_words(rows: tuple[InputPoints, ...]) -> list[str]:
    """Say what was found at each input, in a line; of a period with many inputs in one line."""
    grouped = by_same_input(rows)
    many = Counter(row.given.period for _, row in grouped)
    lines, summed = [], set()
    for name, row in grouped:
        period = row.given.period
        if many[period] <= MAX_LINES or "no evidence" in name:
            lines.append(_describe_input(name, row))
        elif period not in summed:
            summed.add(period)
            group = [r for n, r in grouped if r.given.period == period and "no evidence" not in n]
            fixed = [int((r.points.kind == "fixed").sum()) for r in group]
            slow = [int((r.points.kind == "slow").sum()) for r in group]
            lines.append(
                f"{name.split(', ')[0]}: at {len(group)} inputs {_range(fixed)} fixed, "
                f"{_range(slow)} slow each (inputs.csv lists them)"
            )
    return lines


def _range(counts: list[int]) -> str:
    return str(min(counts)) if min(counts) == max(counts) else f"{min(counts)} to {max(counts)}"


def _describe_input(name: str, row: InputPoints) -> str:
    stability = Counter(row.modes.stability.tolist())
    kinds = [
        f"{stability[kind]} {kind}"
        for kind in ("stable", "marginal", "saddle", "unstable")
        if stability[kind]
    ]
    fixed, slow = ((row.points.kind == kind).sum() for kind in ("fixed", "slow"))
    inner = f" ({', '.join(kinds)})" if fixed and kinds else ""
    text = f"{name}: {fixed} fixed{inner}, {slow} slow"
    if row.points.far.any():
        text += f", {row.points.far.sum()} far from the data"
    if row.search is not None:
        text += f"; {row.search.index.sum_in_words}"
    if row.every is not None:
        text += f"; {_completeness(row.every)}"
    entry = table_of_inputs((row,))[0]
    lasting = entry["time_constant"]
    if lasting is not None:
        verb = "decays" if lasting > 0 else "grows"
        turns = f" and turns at {entry['frequency']:.2g} Hz" if entry["frequency"] else ""
        text += f"; the central one's leading mode {verb} in {_seconds(abs(lasting))}{turns}"
    return text + (
        "; the input changes within the period, and this is at its mean"
        if row.given.changes
        else ""
    )


def _completeness(every: AllFixedPoints) -> str:
    """Say whether fixed points are all; of those that are counted already, a few may be its own."""
    if every.proved or every.continua:
        return every.in_words()
    share = f"{100 * every.closed:.3g} %"
    return f"not proved to be all: {share} of the sets of active units were gone through"


def _seconds(milliseconds: float) -> str:
    if not math.isfinite(milliseconds):
        return "no finite time"
    return f"{milliseconds / 1000:.3g} s"
