"""How often each outcome is among the members of a sweep, with intervals, and that as text."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas
from scipy.stats import binomtest

from yang_rnn.experiment.sections import Section
from yang_rnn.line_attractor.neighbours import (
    is_told,
    members_of_group,
    near_column,
    near_in_words,
    neighbours,
)
from yang_rnn.line_attractor.sentences import WHAT, WHY
from yang_rnn.line_attractor.words import middle_of

CONFIDENCE = 0.95
"""Coverage of the intervals of a summary."""

MAX_LISTED = 32
"""Members that a sweep's text lists one by one; of more there is the summary only."""

MEDIANS = ("accuracy", "efficiency", "constancy")
"""Numbers of members whose medians a summary has, where the table has them."""

_KEPT = {"efficiency": "evidence kept", "constancy": "direction kept"}

Outcome = tuple[str, str, int, int]
"""What it is of, its name, how many members have it, and of how many."""


def finished_of(table: Any) -> Any:
    """Return the rows of a table without an error; read from CSV, no error is a missing value."""
    if "error" not in table:
        return table
    return table[table["error"].isna() | (table["error"] == "")]


def count_outcomes(
    table: pandas.DataFrame, varied: Sequence[str], outcomes: Callable[[Any], Iterable[Outcome]]
) -> pandas.DataFrame:
    """Count outcomes for each recipe and each combination of varied numbers.

    Parameters
    ----------
    table : pandas.DataFrame
        Rows of members.
    varied : sequence of str
        Fields of the recipe that the sweep varies.
    outcomes : callable
        Counts them among the finished rows of one group.

    Returns
    -------
    pandas.DataFrame
        One row per outcome: recipe, the varied columns, of, outcome, count, near (how many of them
        are near another verdict; missing where the outcome is no verdict), members (those that did
        not fail), judged (those that the share is of), share, low and high (Wilson's interval of
        the share, 95 %), failed (members with an error), median_accuracy (of those that did not)
        and, where the table has them, median_efficiency and median_constancy.
    """
    rows = []
    grouped: Any = table.groupby(["recipe", *varied], sort=True)
    for key, group in grouped:
        finished = finished_of(group)
        for of, outcome, count, judged in outcomes(finished):
            bounds: Any = (np.nan, np.nan)
            if judged:
                bounds = binomtest(count, judged).proportion_ci(CONFIDENCE, "wilson")
            rows.append(
                dict(zip(["recipe", *varied], key, strict=True))
                | {
                    "of": of,
                    "outcome": outcome,
                    "count": count,
                    "near": _number_near(finished, of, outcome),
                    "members": len(finished),
                    "judged": judged,
                    "share": count / judged if judged else np.nan,
                    "low": float(bounds[0]),
                    "high": float(bounds[1]),
                    "failed": len(group) - len(finished),
                }
                | {
                    f"median_{name}": finished[name].median() if len(finished) else np.nan
                    for name in MEDIANS
                    if name in table.columns or name == MEDIANS[0]
                }
            )
    summary = pandas.DataFrame(rows)
    return summary.astype({"near": "Int64"}) if rows else summary


def _number_near(finished: Any, of: str, outcome: str) -> int | None:
    """Return how many members with an outcome are near another; None if it is no verdict."""
    column = near_column(of)
    if column is None or column not in finished:
        return None
    return sum(neighbours(finished, of, outcome).values())


def listed(varied: Sequence[str], values: Sequence[Any], seed: Any) -> str:
    """Return how the line of a member begins: with its varied numbers and its seed."""
    columns = zip(varied, values, strict=True)
    return "".join(f"  {value:>{max(len(name), 6)}}" for name, value in columns) + f"  {seed:>4}"


def meaning_of(summary: Any) -> list[Section]:
    """Say what the verdicts and mechanisms that were found mean, a plain sentence each."""
    found = set(summary[summary["count"] > 0]["outcome"])
    lines = [f"{name}: {WHAT[name]}" for name in WHAT if name in found]
    lines += [f"by {name}: {WHY[name]}" for name in WHY if name in found]
    if not lines:
        return []
    lines.append("The numbers behind them, and their thresholds: docs/verdict.md.")
    return [Section("What they mean", lines)]


def describe_counts(
    table: Any, summary: Any, headings: dict[str, str], always: Sequence[str] = ()
) -> list[str]:
    """Return the counts of a summary as lines of text.

    Parameters
    ----------
    table, summary : pandas.DataFrame
        Rows of members, and what `count_outcomes` makes of them.
    headings : mapping from str to str
        What stands before the outcomes of each kind (`of`); without one, its own name.
    always : sequence of str
        Kinds whose outcomes are told even where none has them.
    """
    lines = []
    columns = list(summary.columns)
    keys = columns[: columns.index("of")]
    grouped: Any = summary.groupby(keys, sort=False)
    for key, group in grouped:
        named = ", ".join(
            f"{value} recipe" if name == "recipe" else f"{name} {value}"
            for name, value in zip(keys, key, strict=True)
        )
        first = group.iloc[0]
        number, failed = first["members"], first["failed"]
        text = f"{named}: {number} member{'' if number == 1 else 's'}, {failed} failed"
        median = f"  {text}, median accuracy {first['median_accuracy']:.4f}"
        lines += (
            [median, *_medians(finished_of(members_of_group(table, keys, key)))]
            if number
            else [f"  {text}"]
        )
        members = members_of_group(table, keys, key)
        for _, row in group.iterrows():
            if is_told(row) or row["of"] in always:
                of = headings.get(row["of"], f"{row['of']}: ")
                near = near_in_words(neighbours(members, row["of"], row["outcome"]))
                lines.append(
                    f"    {of + row['outcome']:<34}{row['count']:>5}  {100 * row['share']:5.1f} %  "
                    f"(95 % interval {100 * row['low']:.1f} to {100 * row['high']:.1f} %)"
                    + (f", {near}" if near else "")
                )
    return lines


def _medians(members: Any) -> list[str]:
    """Say what the members of a group keep in the median, where the table has that."""
    values = {what: middle_of(members[name]) for name, what in _KEPT.items() if name in members}
    said = [f"{what} {value}" for what, value in values.items() if value]
    return [f"    medians: {', '.join(said)}"] if said else []


def describe_end(table: Any, folder: Path, files: Sequence[str]) -> list[Section]:
    """Return the last sections of a sweep's text: what failed, and where its files are."""
    failed = table[~table.index.isin(finished_of(table).index)]
    lines = [f"{len(rows)} failed: {error}" for error, rows in failed.groupby("error", sort=False)]
    if len(failed):
        lines.append("What failed is made again only if its folder in members/ is removed.")
    page, others = files[-1], ", ".join(files[:-1])
    files_in = f"Open {page} in a browser. Beside it are {others}, and each network in members/."
    together = (
        "Networks of a sweep are trained together, which rounds otherwise: a run of its own with "
        "the same seed is another network."
    )
    return [
        *([Section("Failed", lines)] if lines else []),
        Section("Files", [together, files_in, f"  {folder}/"]),
    ]
