"""The results of a sweep of a task other than the perceptual one: rows, counts, text."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas
from scipy.stats import binomtest

from yang_rnn.ensemble.table import CONFIDENCE, MAX_LISTED, finished_of
from yang_rnn.line_attractor.criteria import VERDICTS


def summary_of_tasks(table: pandas.DataFrame, varied: Sequence[str]) -> pandas.DataFrame:
    """Count for each combination of varied numbers how many learned, and each verdict.

    Parameters
    ----------
    table : pandas.DataFrame
        Rows of members.
    varied : sequence of str
        Fields of the recipe that the sweep varies.

    Returns
    -------
    pandas.DataFrame
        One row per outcome: recipe, the varied columns, ``of`` (``task``, or the context that a
        verdict is of), outcome (``learned``, or a verdict), count, members (those that did not
        fail), share, low and high (Wilson's interval, 95 %), failed, median_accuracy.
    """
    rows = []
    grouped: Any = table.groupby(["recipe", *varied], sort=True)
    for key, group in grouped:
        finished = finished_of(group)
        number = len(finished)
        learned = finished["learned"].astype(bool).sum() if number else 0
        outcomes = [("task", "learned", int(learned))]
        for column in (name for name in table.columns if name.split(" ")[0] == "verdict"):
            found = finished[column] if number else []
            context = column.removeprefix("verdict").strip() or "verdict"
            outcomes += [(context, label, int(np.sum(found == label))) for label in VERDICTS]
        for of, outcome, count in outcomes:
            bounds: Any = (np.nan, np.nan)
            if number:
                bounds = binomtest(count, number).proportion_ci(CONFIDENCE, "wilson")
            rows.append(
                dict(zip(["recipe", *varied], key, strict=True))
                | {
                    "of": of,
                    "outcome": outcome,
                    "count": count,
                    "members": number,
                    "share": count / number if number else np.nan,
                    "low": float(bounds[0]),
                    "high": float(bounds[1]),
                    "failed": len(group) - number,
                    "median_accuracy": finished["accuracy"].median() if number else np.nan,
                }
            )
    return pandas.DataFrame(rows)


def describe_tasks(table: Any, summary: Any, folder: Path, files: Sequence[str]) -> str:
    """Return a sweep's results as a few lines for a reader.

    Parameters
    ----------
    table, summary : pandas.DataFrame
        The members, and their summary by `summary_of_tasks`.
    folder : Path
        The sweep's.
    files : sequence of str
        What it has besides its members.
    """
    lines = _list_members(table) if len(table) <= MAX_LISTED else []
    columns = list(summary.columns)
    keys = columns[: columns.index("of")]
    grouped: Any = summary.groupby(keys, sort=False)
    for key, group in grouped:
        first = group.iloc[0]
        named = ", ".join(
            f"{value} recipe" if name == "recipe" else f"{name} {value}"
            for name, value in zip(keys, key, strict=True)
        )
        number = first["members"]
        text = f"{named}: {number} member{'' if number == 1 else 's'}, {first['failed']} failed"
        lines.append(f"{text}, median accuracy {first['median_accuracy']:.4f}" if number else text)
        for _, row in group.iterrows():
            if row["count"] or row["of"] == "task":
                of = "" if row["of"] in ("task", "verdict") else f"{row['of']}: "
                lines.append(
                    f"  {of + row['outcome']:<34}{row['count']:>5}  {100 * row['share']:5.1f} %  "
                    f"(95 % interval {100 * row['low']:.1f} to {100 * row['high']:.1f} %)"
                )
    lines += _list_points(table)
    failed = table[~table.index.isin(finished_of(table).index)]
    lines += [f"{len(rows)} failed: {error}" for error, rows in failed.groupby("error", sort=False)]
    if len(failed):
        lines.append("what failed is made again only if its folder in members/ is removed")
    lines.append(f"files: {folder}/ ({', '.join(files)})")
    return "\n".join(lines)


def _list_members(table: Any) -> list[str]:
    """Return one line per member: varied numbers, accuracy, whether it learned, verdicts."""
    varied = list(table.columns[1 : list(table.columns).index("seed")])
    verdicts = [name for name in table.columns if name.split(" ")[0] == "verdict"]
    head = " ".join([*(f"{name:>10}" for name in varied), "seed accuracy  learned"])
    lines = ["  ".join([head, *verdicts])]
    for _, row in table.iterrows():
        line = " ".join([*(f"{row[name]:>10}" for name in varied), f"{row['seed']:>4}"])
        if not pandas.isna(row["error"]) and row["error"]:
            lines.append(f"{line} {row['error']}")
            continue
        found = "  ".join(f"{row[name]:<{len(name)}}" for name in verdicts)
        learned = "yes" if row["learned"] else "NO"
        lines.append(f"{line} {row['accuracy']:8.4f}  {learned:<7}  {found}".rstrip())
    return lines


MAX_INPUTS = 12
"""Inputs whose points a text tells; the table has all."""


def _list_points(table: Any) -> list[str]:
    """Say how many fixed points there are at each input, over all members that learned."""
    finished = finished_of(table)
    if not len(finished):
        return []
    chosen = finished[finished["learned"].astype(bool)]
    names = [name for name in table.columns if name.startswith("fixed at ")]
    if not len(chosen) or not names:
        return []
    lines = [f"fixed points at each input, median (range) of the {len(chosen)} that learned:"]
    for name in names[:MAX_INPUTS]:
        counts = chosen[name].dropna()
        where = name.removeprefix("fixed at ")
        lines.append(f"  {where}: {counts.median():g} ({counts.min():g} to {counts.max():g})")
    if len(names) > MAX_INPUTS:
        lines.append(f"  and {len(names) - MAX_INPUTS} other inputs: see the table")
    return lines
