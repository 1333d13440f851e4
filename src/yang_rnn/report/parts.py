"""What the pages of all runs have in common: the numbers of a verdict, figures, training."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np

from yang_rnn.psychometrics import LEAST_GOODNESS
from yang_rnn.recipe import Recipe
from yang_rnn.report.again import settings_of
from yang_rnn.report.captions import Caption, caption_of
from yang_rnn.report.chart import loss_chart
from yang_rnn.report.glossary import CHIEF, MEASURES, does, rule, why
from yang_rnn.report.numbers import NONE, measure
from yang_rnn.report.page import MOST_BYTES
from yang_rnn.report.pictures import Picture
from yang_rnn.train import History

ROOM = 1_000_000
"""Bytes of a page that are no pictures."""


class Told(NamedTuple):
    """A number of a verdict with its explanation."""

    name: str
    value: str
    meaning: str
    compare: str


class Judged(NamedTuple):
    """A verdict of a summary with the explanations of its labels and numbers."""

    verdict: str
    near: str
    does: str
    rule: str
    reason: str
    mechanism: str
    why: str
    mechanism_rule: str
    mechanism_reason: str
    criteria: Sequence[Mapping[str, Any]]
    chief: Sequence[Told]
    others: Sequence[Told]


class Curve(NamedTuple):
    """The numbers of a fitted psychometric function: name, value, interval."""

    rows: list[tuple[str, str, str]]
    problem: str
    goodness: float | None

    @property
    def poor(self) -> bool:
        """Whether hardly any observer of this curve fits as badly."""
        return self.goodness is not None and self.goodness < LEAST_GOODNESS


def curve_of(fit: Mapping[str, Any] | None, unit: str = "") -> Curve | None:
    """Return the numbers of a fit in a summary as text; None where there is none."""
    if fit is None:
        return None
    rows = []
    for name, title in _CURVE.items():
        value, low, high = (fit[name][part] for part in ("value", "low", "high"))
        if name.startswith("lapse"):
            of = "" if value is None else f"{100 * value:.2g} %"
            interval = f"{100 * low:.2g} to {100 * high:.2g} %"
        else:
            behind = f" {unit}" if unit else ""
            of = "" if value is None else f"{value:.3g}{behind}"
            ends = "no limit" if low is None else f"{low:.3g}", (
                "no limit" if high is None else f"{high:.3g}{behind}"
            )  # fmt: skip
            interval = " to ".join(ends)
        rows.append((title, of or NONE, interval))
    return Curve(rows, fit["problem"], fit["goodness"])


_CURVE = {
    "threshold": "threshold",
    "bias": "bias (below 0, choice 2 is preferred)",
    "lapse_1": "lapses, choice 1 being right",
    "lapse_2": "lapses, choice 2 being right",
}


def explained(judged: Mapping[str, Any]) -> Judged:
    """Return a verdict of a summary with explanations."""
    measures = dict(judged["measures"])
    if not measures.get("manifold_converged") and "points_on_line" in measures:
        measures["points_on_line"] = math.nan  # there is no curve that they could lie on
    chief = [name for name in CHIEF if measures.get(name) is not None]
    errors = {f"{name}_error" for name in measures}
    others = [name for name in measures if name not in chief and name not in errors]
    said = ("near", "reason", "mechanism_reason", "criteria")
    return Judged(
        verdict=judged["verdict"],
        mechanism=judged["mechanism"],
        does=does(judged["verdict"]),
        rule=rule(judged["verdict"]),
        why=why(judged["mechanism"]),
        mechanism_rule=rule(judged["mechanism"]),
        chief=[_told(name, measures) for name in chief],
        # A number that a later version has, and none explains, is told by its name.
        others=[_told(name, measures) for name in others],
        **{name: judged[name] for name in said},
    )


def _told(name: str, measures: Mapping[str, Any]) -> Told:
    term = MEASURES.get(name)
    value = measure(name, dict(measures))
    if term is None:
        return Told(name.replace("_", " "), value, "", "")
    return Told(term.name, value, term.meaning, term.compare)


def captioned(
    pictures: Sequence[Picture], summary: Mapping[str, Any], taken: int = 0
) -> list[tuple[Picture, Caption]]:
    """Return pictures with their captions, as many as a page has room for beside what is taken."""
    found, size = [], ROOM + taken
    for picture in pictures:
        size += len(picture.data)
        if size > MOST_BYTES:
            break
        found.append((picture, caption_of(picture.name, summary)))
    return found


def contents(*more: tuple[str, str]) -> list[tuple[str, str]]:
    """Return the parts of a run's page, by their names in it."""
    return [
        ("trajectories", "Activity"),
        ("behaviour", "Behaviour"),
        ("points", "Fixed points"),
        ("verdict", "Verdict"),
        ("training", "Training"),
        *more,
        ("again", "Settings and command"),
    ]


def of_training(history: History, figures: Sequence[tuple[Picture, Caption]]) -> dict[str, Any]:
    """Return what a page says of training, and of figures that belong nowhere else."""
    sections = {caption.section for _, caption in figures}
    return {
        "chart": loss_chart(history.loss),
        "last_accuracy": float(history.accuracy[-1]),
        "jump": _jump(history.accuracy),
        "drawn_training": "training" in sections,
        "others": "more" in sections,
    }


def _jump(accuracy: np.ndarray) -> float | None:
    """Return by how much a share changes from an epoch to the next, the median of the last half."""
    steps = np.abs(np.diff(accuracy[len(accuracy) // 2 :]))
    known = steps[np.isfinite(steps)]
    return float(np.median(known)) if len(known) >= LEAST_STEPS else None


LEAST_STEPS = 3
"""Epochs with one before them of which a median is told."""


OF_A_TASK = ("num_inputs", "num_outputs")
"""Settings that a task says by itself where they are 0."""


def of_making(recipe: Recipe, facts: Mapping[str, Any], *varied: str) -> dict[str, Any]:
    """Return what a page says of settings and versions."""
    settings = dataclasses.asdict(recipe)
    return {
        "recipe_base": recipe.base,
        "settings": settings_of(recipe, *varied),
        "all_settings": [
            (name, value)
            for name, value in settings.items()
            if name not in varied and (value or name not in OF_A_TASK)
        ],
        "versions": dict(facts.get("versions", {})),
        "platform": facts.get("platform", ""),
    }
