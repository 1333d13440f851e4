"""How a network decides."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from yang_rnn._checks import check_has
from yang_rnn.figures.style import axes_or_new, check_words, figure_of, styled

if TYPE_CHECKING:
    from yang_rnn.behaviour import Psychometric


@styled
def psychometric(
    measured: Psychometric,
    ax: Axes | None = None,
    *,
    label: str = "signed coherence",
    unit: str = "%",
) -> Figure:
    """Draw a psychometric function with its intervals, beside the ideal observer's if there is one.

    Parameters
    ----------
    measured : Psychometric
        From `yang_rnn.psychometric_function`.
    ax : Axes, optional
        Where to draw; without it on a new figure.
    label : str
        What the strength of the evidence is.
    unit : str
        What it is measured in; empty for a number without a unit.
    """
    check_has("measured", measured, "a Psychometric", "strength", "probability", "low", "high")
    check_words(label, unit)
    ax = axes_or_new(ax)
    ax.axhline(0.5, color="0.85", linewidth=0.8)
    ax.axvline(0.0, color="0.85", linewidth=0.8)
    if measured.ideal is not None:
        style = {"color": "0.5", "marker": "D", "markersize": 7, "mfc": "none", "linestyle": ":"}
        ax.plot(measured.strength, measured.ideal, label="ideal observer", **style)
    reach = (measured.probability - measured.low, measured.high - measured.probability)
    ax.errorbar(
        measured.strength,
        measured.probability,
        yerr=np.maximum(reach, 0),
        fmt="o",
        color="black",
        markersize=4,
        label=f"network, {measured.num_trials.sum()} trials",
    )
    ax.set_ylim(-0.03, 1.03)
    ax.set_xlabel(f"{label}{f' ({unit})' if unit else ''}, positive for choice 2")
    ax.set_ylabel("probability of choice 2")
    ax.legend(fontsize=8)
    return figure_of(ax)
