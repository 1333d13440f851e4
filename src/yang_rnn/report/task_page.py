"""The page of a run of any task."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from yang_rnn.recipe import Recipe
from yang_rnn.report.again import seeds_command
from yang_rnn.report.answer import answer_of, question_of
from yang_rnn.report.numbers import NONE, changes
from yang_rnn.report.page import render
from yang_rnn.report.parts import (
    captioned,
    contents,
    curve_of,
    explained,
    of_making,
    of_training,
)
from yang_rnn.report.pictures import Picture
from yang_rnn.report.turning import Turning
from yang_rnn.train import History


def task_page(
    summary: Mapping[str, Any],
    recipe: Recipe,
    history: History,
    pictures: Sequence[Picture],
    *,
    command: str,
    note: str = "",
    turning: Turning | None = None,
) -> str:
    """Return the page of a run of another task than the perceptual one.

    Parameters
    ----------
    summary : mapping
        As `summarise` gives it, with versions and platform.
    recipe : Recipe
    history : History
    pictures : sequence of Picture
        Its figures; without them there are tables alone.
    command : str
        What makes the run again.
    note : str
        What is to be known about that.
    turning : Turning, optional
        A figure to be turned.
    """
    figures = captioned(pictures, summary, turning.size if turning else 0)
    training = of_training(history, figures)
    return render(
        "task.html",
        title=f"{recipe.name}, seed {recipe.seed}",
        kind=f"Report of a run: {recipe.name}, seed {recipe.seed}",
        question=question_of(summary, recipe),
        answer=answer_of(summary, recipe),
        contents=contents(*[("more", "Other figures")] if training["others"] else []),
        summary=summary,
        inputs=[(row, _leading(row)) for row in summary["inputs"]],
        verdicts=[(name, explained(judged)) for name, judged in summary["line_attractor"].items()],
        curves=[
            (context, curve)
            for context, fit in summary.get("psychometric_fit", {}).items()
            if (curve := curve_of(fit)) is not None
        ],
        figures=figures,
        command=command,
        seeds_command=seeds_command(recipe, platform=summary.get("platform", "cpu")),
        note=note,
        turning=turning,
        **training,
        **of_making(recipe, summary),
    )


def _leading(row: Mapping[str, Any]) -> str:
    """Say what becomes of the leading mode at an input."""
    if row["eigenvalue"] is None:
        return NONE
    return changes(row["time_constant"], row["frequency"] or 0.0)
