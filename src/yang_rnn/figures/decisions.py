"""How a network decides."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import matplotlib as mpl
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from yang_rnn._checks import check_has, check_text
from yang_rnn.figures.style import (
    Width,
    axes_or_new,
    check_words,
    colour_of,
    figure_of,
    legend_above,
    styled,
)

if TYPE_CHECKING:
    from yang_rnn.behaviour import Psychometric
    from yang_rnn.psychometrics import Fitted, PsychometricFit

WIDE = 4.0
"""Strongest evidence over the weakest, from which the axis is logarithmic on both sides."""


@styled
def psychometric(
    measured: Psychometric,
    *,
    fit: PsychometricFit | None = None,
    label: str = "network",
    color: Any = None,
    condition: str = "signed coherence",
    unit: str = "%",
    title: str = "",
    ax: Axes | None = None,
    width: Width = "single",
) -> Figure:
    """Draw a psychometric function with its intervals, beside the ideal observer's if there is one.

    Where the strengths reach far, the axis is linear about 0 and logarithmic beyond the weakest, to
    either side. Several networks are drawn on the same axes by calling this for each.

    Parameters
    ----------
    measured : Psychometric
        From `yang_rnn.psychometric_function`.
    fit : PsychometricFit, optional
        From `yang_rnn.fit_psychometric`: its curve, with threshold, bias and lapses in the legend.
    label : str
        Whose choices they are.
    color : color, optional
        Of Matplotlib; without it the first is black and the others have the colours of `STYLE`.
    condition : str
        What the strength of the evidence is.
    unit : str
        What it is measured in; empty for a number without a unit.
    title : str
        What stands above; a title that is set later would lie on the legend.
    ax : Axes, optional
        Where to draw; without it on a new figure.
    width : {"single", "double"}
        Columns of a page that a new figure is as wide as.
    """
    check_has("measured", measured, "a Psychometric", "strength", "probability", "low", "high")
    if fit is not None:
        check_has("fit", fit, "a PsychometricFit", "threshold", "bias", "problem", "probability")
    check_text("label", label)
    check_text("title", title)
    check_words(condition, unit)
    own = ax is None
    ax = axes_or_new(ax, width)
    first = not ax.containers
    if first:
        ax.axhline(0.5, color="0.85", linewidth=0.8)
        ax.axvline(0.0, color="0.85", linewidth=0.8)
        _set_scale(ax, measured.strength)
    if first and measured.ideal is not None:
        style = {"color": "0.5", "marker": "D", "markersize": 6, "mfc": "none"}
        style["linestyle"] = "none"
        ax.plot(measured.strength, measured.ideal, label="ideal observer", **style)
    if color is None:
        color = "black" if first else colour_of(len(ax.containers) - 1)
    number = f"{label}, {measured.num_trials.sum()} trials"
    reach = (measured.probability - measured.low, measured.high - measured.probability)
    ax.errorbar(
        measured.strength,
        measured.probability,
        yerr=np.maximum(reach, 0),
        fmt="o",
        color=color,
        markersize=3.5,
        label=number if fit is None else "\n".join([number, *_in_words(fit, unit)]),
    )
    if fit is not None and not fit.problem:
        strength = _between(ax, measured.strength)
        ax.plot(strength, fit.probability(strength), color=color, linewidth=1.2)
    ax.set_ylim(-0.03, 1.03)
    scale = "\n(symmetric log scale)" if ax.get_xscale() == "asinh" else ""
    ax.set_xlabel(f"{condition}{f' ({unit})' if unit else ''}, positive for choice 2{scale}")
    ax.set_ylabel("probability of choice 2")
    legend_above(ax, title, grow=own, share=1.0)
    return figure_of(ax)


def _in_words(fit: PsychometricFit, unit: str) -> list[str]:
    """Return the numbers of a fit, a line each, with their intervals."""
    if fit.problem:
        end = fit.problem.removeprefix("the threshold is ")
        known = f"threshold {_with_unit(fit.threshold, unit)}" if end != fit.problem else end
        return [known]
    lapses = (fit.lapse_1, fit.lapse_2)
    shares = [f"{100 * x.value:.2g} ({100 * x.low:.2g} to {100 * x.high:.2g})" for x in lapses]
    return [
        f"threshold {_with_unit(fit.threshold, unit)}",
        f"bias {_with_unit(fit.bias, unit)}",
        f"lapses {' and '.join(shares)} %",
        *([f"fits badly (p = {fit.goodness:.2g})"] if fit.is_poor else []),
    ]


def _with_unit(number: Fitted, unit: str) -> str:
    return f"{number} {unit}".rstrip()


def _set_scale(ax: Axes, strength: np.ndarray) -> None:
    """Make the axis linear about 0 and logarithmic beyond the weakest evidence, if that is far."""
    levels = np.unique(np.abs(strength[strength != 0]))
    if len(levels) < 3 or levels[-1] < WIDE * levels[0]:
        return
    ax.set_xscale("asinh", linear_width=levels[0] / 2)
    place = ax.xaxis.get_transform().transform
    far = float(place(np.array([levels[-1]]))[0])
    room = 72 * ax.figure.bbox.width / ax.figure.dpi / 2 - 30  # points from 0 to the end
    needed = 3.2 * mpl.rcParams["font.size"]
    kept = [levels[0], levels[-1]]
    for level in levels[1:-1]:
        at = place(np.array([level, *kept])) / far * room
        if (np.abs(at[1:] - at[0]) >= needed).all():
            kept.append(level)
    ticks = np.sort([*-np.array(kept), 0.0, *kept])
    ax.set_xticks(ticks, [f"{tick:g}".replace("-", "\u2212") for tick in ticks])
    ax.set_xticks(np.concatenate([-levels, levels]), minor=True)
    ax.tick_params(axis="x", which="minor", labelbottom=False)


def _between(ax: Axes, strength: np.ndarray) -> np.ndarray:
    """Return strengths from the first to the last, evenly spaced on the axis."""
    scale = ax.xaxis.get_transform()
    ends = scale.transform(np.array([strength.min(), strength.max()]))
    return scale.inverted().transform(np.linspace(ends[0], ends[1], 301))
