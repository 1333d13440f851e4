"""To which other verdict the networks of a table are near."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

ASKED = "line attractor"
"""The verdict that is told even where no network has it."""


def near_column(of: str) -> str | None:
    """Return the column that says which other verdict is near; None of what is no verdict.

    Parameters
    ----------
    of : str
        A column of labels: ``verdict``, ``mechanism``, or one of these and a context.
    """
    kind, _, context = of.partition(" ")
    return f"near {context}".strip() if kind == "verdict" else None


def members_of_group(table: Any, keys: Sequence[str], key: Sequence[Any]) -> Any:
    """Return the rows of a table that have some values.

    Parameters
    ----------
    table : pandas.DataFrame
    keys, key : sequences
        Columns, and the value in each.
    """
    for name, value in zip(keys, key, strict=True):
        table = table[table[name] == value]
    return table


def neighbours(table: Any, of: str, outcome: str) -> dict[str, int]:
    """Count to which other verdict the networks with one are near, the most frequent first.

    Parameters
    ----------
    table : pandas.DataFrame
        One row per network.
    of : str
        The column that the verdict is in.
    outcome : str
    """
    column = near_column(of)
    if column is None or column not in table or of not in table:
        return {}
    near = table[column][table[of] == outcome]
    counts = near[near.notna() & (near != "")].value_counts()
    return {str(name): int(count) for name, count in counts.items()}


def near_in_words(counts: Mapping[str, int]) -> str:
    """Say to what other verdicts some networks are near; empty where none is."""
    said = ", ".join(f"{count} near {name}" for name, count in counts.items())
    return f"of which {said}" if said else ""


def is_told(row: Any) -> bool:
    """Tell whether an outcome of a summary is told: where some have it, and where it is asked."""
    asked = row["outcome"] == ASKED and near_column(row["of"]) is not None
    return bool(row["count"]) or (asked and bool(row["judged"]))
