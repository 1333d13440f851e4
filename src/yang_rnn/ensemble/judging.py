"""The verdicts of a sweep's members by other thresholds, from the numbers in its table."""

from __future__ import annotations

import dataclasses
import math
from typing import TYPE_CHECKING, Any

import pandas

from yang_rnn._checks import check_has, check_is
from yang_rnn.line_attractor.criteria import judge
from yang_rnn.line_attractor.measures import Measures
from yang_rnn.line_attractor.thresholds import Thresholds

if TYPE_CHECKING:
    from collections.abc import Mapping

MEASURED_WITH = ("still", "beside")
"""Thresholds that are in the numbers of a table already: shares and counts were made with them."""

_KINDS = {"int": int, "bool": bool, "float": float}
_FIELDS = {field.name: field for field in dataclasses.fields(Measures)}
_LABELS = ("verdict", "near", "reason", "mechanism", "mechanism_reason")


def judge_again(table: pandas.DataFrame, thresholds: Thresholds | None = None) -> pandas.DataFrame:
    """Judge the members of a sweep by other thresholds, from the numbers in its table.

    Nothing is simulated: the numbers are those that were measured, only where one kind of
    integrator ends and the next begins is moved.

    Parameters
    ----------
    table : pandas.DataFrame
        Of a sweep of the perceptual task, as `Sweep.table` or read from its ``table.csv`` or
        ``table.parquet``.
    thresholds : Thresholds, optional
        Without it the default ones, which give back what the table has.

    Returns
    -------
    pandas.DataFrame
        A copy with verdict, near, reason, mechanism and mechanism_reason by these thresholds. Rows
        without a verdict, as those of members that failed, are as they were.

    Raises
    ------
    ValueError
        If the table has no verdicts or not the numbers that they stand on, or `still` or `beside`
        is another than what the numbers were measured with.
    """
    check_has("table", table, "a DataFrame", "columns", "iterrows")
    check_is("thresholds", thresholds, Thresholds, optional=True)
    at, default = thresholds or Thresholds(), Thresholds()
    for name in MEASURED_WITH:
        if getattr(at, name) != getattr(default, name):
            raise ValueError(
                f"`thresholds` must have {name} {getattr(default, name):g}, with which the numbers "
                f"of a table were measured; got {getattr(at, name):g}"
            )
    needed = ["verdict", "right_choices", "efficiency", "constancy", "response_efficiency"]
    missing = [name for name in needed if name not in table.columns]
    if missing:
        raise ValueError(
            "`table` must be that of a sweep of the perceptual task; it has no column "
            f"{', '.join(missing)}"
        )
    again: Any = table.copy()
    rows = table.to_dict("records")
    judged = [_is_said(row["verdict"]) and not _is_said(row.get("error")) for row in rows]
    neighbours = [row.get("near", "") for row, is_so in zip(rows, judged, strict=True) if is_so]
    # Read from CSV, no neighbour is a missing value.
    none = math.nan if pandas.isna(neighbours).any() else ""
    said = [_said(row, at, none) if is_so else {} for row, is_so in zip(rows, judged, strict=True)]
    for name in _LABELS:
        again[name] = [new.get(name, row.get(name)) for new, row in zip(said, rows, strict=True)]
    return again


def _is_said(value: Any) -> bool:
    return not pandas.isna(value) and value != ""


def _said(row: Mapping[Any, Any], at: Thresholds, none: Any) -> dict[str, Any]:
    """Return what is said of a member by other thresholds, by column."""
    judged, before = judge(measures_in(row), at), row.get("mechanism_reason")
    # What a reason ends with does not depend on thresholds; behind it stands how far a search
    # through all fixed points came, where it was cut short.
    end = judged.mechanism_reason.rpartition("; ")[2]
    known = isinstance(before, str) and end in before
    why = judged.mechanism_reason + (str(before).rpartition(end)[2] if known else "")
    said = (judged.label, judged.near or none, judged.reason, judged.mechanism, why)
    return dict(zip(_LABELS, said, strict=True))


def measures_in(row: Mapping[Any, Any]) -> Measures:
    """Return the numbers that a member's verdict stands on, from its row of the table."""
    values: dict[str, Any] = {}
    known: dict[Any, Any] = {name: value for name, value in row.items() if not pandas.isna(value)}
    for name, field in _FIELDS.items():
        column = name.replace("accuracy", "right_choices")
        if field.type == "complex":
            parts = (known.get(f"{name}_{part}", math.nan) for part in ("real", "imag"))
            values[name] = complex(*map(float, parts))
        elif column in known:
            values[name] = _KINDS[str(field.type)](known[column])
    # A table has no number for a time without end, or an error without limit.
    for name in ("time_constant", "second_time_constant", "driven_time_constant"):
        mode = values[name.replace("time_constant", "eigenvalue")]
        if name not in values and not math.isnan(abs(mode)):
            values[name] = math.inf
    if "manifold_error" not in values and "eigenvector_manifold" in values:  # there is a curve
        values["manifold_error"] = math.inf
    return Measures(**values)
