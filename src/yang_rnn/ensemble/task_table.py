"""The results of a sweep of a task other than the perceptual one: rows, counts, text."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas

from yang_rnn.ensemble.counting import (
    MAX_LISTED,
    Outcome,
    count_outcomes,
    describe_counts,
    describe_end,
    finished_of,
    listed,
    meaning_of,
)
from yang_rnn.experiment.sections import Section, written
from yang_rnn.line_attractor.criteria import VERDICTS
from yang_rnn.line_attractor.mechanism import MECHANISMS
from yang_rnn.line_attractor.neighbours import near_column


def summary_of_tasks(table: pandas.DataFrame, varied: Sequence[str]) -> pandas.DataFrame:
    """Count for each combination of varied numbers how many learned, each verdict and mechanism.

    Parameters
    ----------
    table : pandas.DataFrame
        Rows of members.
    varied : sequence of str
        Fields of the recipe that the sweep varies.

    Returns
    -------
    pandas.DataFrame
        As `count_outcomes` gives it: ``of`` is ``task``, or ``verdict`` and ``mechanism`` with the
        context that they are of.
    """
    return count_outcomes(table, varied, _outcomes)


def _outcomes(finished: Any) -> Iterator[Outcome]:
    number = len(finished)
    learned = finished["learned"].astype(bool).sum() if number else 0
    yield "task", "learned", int(learned), number
    for column in finished.columns:
        names = {"verdict": VERDICTS, "mechanism": MECHANISMS}.get(column.split(" ")[0], ())
        for name in names:
            yield column, name, int(np.sum(finished[column] == name)) if number else 0, number


def describe_tasks(
    table: Any, summary: Any, folder: Path, files: Sequence[str], *, verbose: bool = False
) -> str:
    """Return a sweep's results as text for a reader.

    Parameters
    ----------
    table, summary : pandas.DataFrame
        The members, and their summary by `summary_of_tasks`.
    folder : Path
        The sweep's.
    files : sequence of str
        What it has besides its members.
    verbose : bool
        Whether to list the members, and the inputs, however many they are.
    """
    parts = []
    if verbose or len(table) <= MAX_LISTED:
        parts.append(Section("Members", _list_members(table)))
    headings = {"task": ""}
    for of in summary["of"].unique():
        kind, _, context = of.partition(" ")
        if kind != "task":
            said = f"{context}: " if context else ""
            headings[of] = said + ("by " if kind == "mechanism" else "")
    counts = describe_counts(table, summary, headings, always=("task",))
    parts += [
        Section("What the networks do, and why", counts),
        *meaning_of(summary),
        *_list_points(table, verbose),
    ]
    return written([*parts, *describe_end(table, folder, files)])


def _list_members(table: Any) -> list[str]:
    """Return one line per member: varied numbers, accuracy, whether it learned, verdicts."""
    varied = list(table.columns[1 : list(table.columns).index("seed")])
    verdicts = [name for name in table.columns if name.split(" ")[0] == "verdict"]
    head = f"{listed(varied, varied, 'seed')} accuracy  learned"
    lines = [
        "Accuracy: share of fresh trials done right. Learned: significantly more than always the "
        "same answer would reach.",
        "  ".join([head, *verdicts]),
    ]
    for _, row in table.iterrows():
        line = listed(varied, [row[name] for name in varied], row["seed"])
        if not pandas.isna(row["error"]) and row["error"]:
            lines.append(f"{line} {row['error']}")
            continue
        found = "  ".join(f"{_with_neighbour(row, name):<{len(name)}}" for name in verdicts)
        learned = "yes" if row["learned"] else "NO"
        lines.append(f"{line} {row['accuracy']:8.4f}  {learned:<7}  {found}".rstrip())
    return lines


def _with_neighbour(row: Any, column: str) -> str:
    """Return a member's verdict, with the other one that it is near."""
    near = row.get(near_column(column) or "")
    return f"{row[column]} (near {near})" if near and not pandas.isna(near) else str(row[column])


MAX_INPUTS = 12
"""Inputs whose points a text tells; the table has all."""


def _list_points(table: Any, verbose: bool) -> list[Section]:
    """Say how many fixed points there are at each input, over all members that learned."""
    finished = finished_of(table)
    if not len(finished):
        return []
    chosen = finished[finished["learned"].astype(bool)]
    names = [name for name in table.columns if name.startswith("fixed at ")]
    if not len(chosen) or not names:
        return []
    shown = len(names) if verbose else MAX_INPUTS
    lines = [f"At each input, median (range) of the {len(chosen)} that learned:"]
    for name in names[:shown]:
        counts = chosen[name].dropna()
        where = name.removeprefix("fixed at ")
        lines.append(f"  {where}: {counts.median():g} ({counts.min():g} to {counts.max():g})")
    if len(names) > shown:
        lines.append(f"  and {len(names) - shown} other inputs: see the table")
    return [Section("Fixed points", lines)]
