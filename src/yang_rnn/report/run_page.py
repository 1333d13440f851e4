"""The page of a run of the perceptual task."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from yang_rnn.line_attractor.words import in_words
from yang_rnn.recipe import Recipe
from yang_rnn.report.again import seeds_command
from yang_rnn.report.answer import answer_of, bias_of, question_of
from yang_rnn.report.numbers import changes
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


def run_page(
    summary: Mapping[str, Any],
    recipe: Recipe,
    history: History,
    pictures: Sequence[Picture],
    *,
    command: str,
    note: str = "",
    turning: Turning | None = None,
) -> str:
    """Return the page of a run of the perceptual task.

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
    judged = summary["line_attractor"]
    return render(
        "run.html",
        title=f"{recipe.name}, seed {recipe.seed}",
        kind=f"Report of a run: {recipe.name}, seed {recipe.seed}",
        question=question_of(summary, recipe),
        answer=answer_of(summary, recipe),
        contents=contents(*[("more", "Other figures")] if training["others"] else []),
        summary=summary,
        index=summary.get("index"),
        point=summary["analysed_point"],
        modes=_modes(summary["analysed_point"]),
        bias=bias_of(summary),
        guess=1 / recipe.choices,
        curve=curve_of(summary.get("psychometric_fit"), "%"),
        random_starts=recipe.random_starts if recipe.search != "newton" else 0,
        judged=None if judged is None else explained(judged),
        figures=figures,
        command=command,
        seeds_command=seeds_command(recipe, platform=summary.get("platform", "cpu")),
        note=note,
        turning=turning,
        **training,
        **of_making(recipe, summary),
    )


def _modes(point: Mapping[str, Any] | None) -> list[tuple[str, str]]:
    """Return the leading modes in words, one of each pair."""
    if point is None:
        return []
    return [
        (in_words(value), _becomes(value, mode))
        for mode in point["modes"]
        if (value := complex(*mode["eigenvalue"])).imag >= 0
    ]


def _becomes(value: complex, mode: Mapping[str, Any]) -> str:
    """Say what becomes of a mode; a real one below 0 changes its sign, which is no turn."""
    if value.imag:
        return changes(mode["time_constant_ms"], mode["frequency_hz"])
    flips = "; changes its sign every step" if value.real < 0 else ""
    return changes(mode["time_constant_ms"]) + flips
