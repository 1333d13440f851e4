"""Figures that sum up: the verdict with its grounds, and the fixed points of many inputs."""

from __future__ import annotations

import textwrap
from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from yang_rnn._checks import check_has, shown
from yang_rnn.figures.dynamics import eigenvalues
from yang_rnn.figures.portraits import averages
from yang_rnn.figures.style import (
    CHOICE_COLOURS,
    MANIFOLD_STYLE,
    POINT_STYLES,
    check_mean,
    check_pca,
    check_verdict,
    check_words,
    figure_of,
    label_pcs,
    project,
    styled,
)

if TYPE_CHECKING:
    from sklearn.decomposition import PCA

    from yang_rnn.analysis import Averages
    from yang_rnn.line_attractor.stimulus_dependence import StimulusPoints
    from yang_rnn.line_attractor.verdict import Verdict

OUTCOME_COLOURS = {
    "for": CHOICE_COLOURS[2], "near": CHOICE_COLOURS[1], "against": CHOICE_COLOURS[3],
    "undefined": "0.6",
}  # fmt: skip
"""Colour of a criterion's outcome."""


@styled
def line_attractor(
    pca: PCA,
    mean: Averages,
    verdict: Verdict,
    *,
    label: str = "signed coherence",
    unit: str = "%",
) -> Figure:
    """Draw a verdict: the portrait, the eigenvalues, position against evidence, the criteria.

    Parameters
    ----------
    pca : PCA
        Fitted to states.
    mean : Averages
        Averaged trajectories.
    verdict : Verdict
    label : str
        What they are averaged by.
    unit : str
        What its levels are measured in; empty for numbers without a unit.
    """
    check_pca(pca)
    check_mean(mean)
    check_verdict(verdict)
    check_words(label, unit)
    figure = Figure(figsize=(10.0, 7.2), layout="constrained")
    figure.suptitle(f"Verdict: {verdict.label}", fontsize=13, fontweight="bold")
    portrait, plane, integration, numbers = figure.subplots(2, 2).flat
    averages(pca, mean, verdict, label=label, unit=unit, ax=portrait)
    values = () if verdict.modes is None else verdict.modes.eigenvalues[0]
    eigenvalues(values, ax=plane)
    _integration(verdict, label, integration)
    _criteria(verdict, numbers)
    return figure


def _integration(verdict: Verdict, label: str, ax: Axes) -> None:
    where = "PC 1, towards choice 2," if verdict.manifold is None else "the slow manifold"
    ax.plot(verdict.evidence, verdict.position, ".", color="0.3", markersize=4)
    ax.set_xlabel("summed evidence for choice 2 during the stimulus")
    ax.set_ylabel(f"position along {where}\nat the end of the stimulus")
    m = verdict.measures
    all_trials, within = (
        "not defined" if np.isnan(r2) else f"{r2:.2f}"
        for r2 in (m.evidence_r2, m.evidence_r2_within)
    )
    ax.set_title(f"R\u00b2 = {all_trials}; within one {label} {within}")


def _criteria(verdict: Verdict, ax: Axes) -> None:
    ax.set_axis_off()
    if not verdict.criteria:
        reason = textwrap.fill(verdict.reason, 45)
        ax.text(0.5, 0.5, reason, ha="center", va="center", transform=ax.transAxes)
        return
    ax.set_title("held against a line attractor\u2019s criteria")
    for row, criterion in enumerate(verdict.criteria):
        y = 1 - (row + 0.7) / len(verdict.criteria)
        colour = OUTCOME_COLOURS[criterion.outcome]
        value = "\u2013" if np.isnan(criterion.value) else f"{criterion.value:.2g}"
        ax.plot(0.02, y, "o", color=colour, markersize=8, transform=ax.transAxes, clip_on=False)
        ax.text(0.06, y, criterion.name, va="bottom", transform=ax.transAxes)
        rule = f"{criterion.outcome}: {criterion.rule}"
        ax.text(0.06, y, rule, va="top", color="0.45", fontsize=7, transform=ax.transAxes)
        ax.text(1.0, y, value, va="center", ha="right", transform=ax.transAxes)


@styled
def stimulus_dependence(
    pca: PCA, mean: Averages, rows: Sequence[StimulusPoints], verdict: Verdict
) -> Figure:
    """Draw the fixed and slow points of each constant input over the averaged trajectories.

    Parameters
    ----------
    pca : PCA
        Fitted to states.
    mean : Averages
        Averaged trajectories, drawn faint.
    rows : sequence of StimulusPoints
        From `yang_rnn.stimulus_dependence`; each has a panel.
    verdict : Verdict
        Its manifold is drawn in each panel.
    """
    check_pca(pca)
    check_mean(mean)
    check_verdict(verdict)
    if not isinstance(rows, (tuple, list)) or not rows:
        raise TypeError(f"`rows` must be one or more of StimulusPoints; got {shown(rows)}")
    for row in rows:
        check_has("rows", row, "of StimulusPoints", "points", "modes", "name")
    columns = min(4, len(rows))
    lines = -(-len(rows) // columns)
    figure = Figure(figsize=(2.5 * columns, 2.3 * lines + 0.4), layout="constrained")
    panels = list(figure.subplots(lines, columns, sharex=True, sharey=True, squeeze=False).flat)
    paths = project(pca, mean.activity, name="mean.activity")
    low, high = paths.reshape(-1, 2).min(axis=0), paths.reshape(-1, 2).max(axis=0)
    margin = 0.15 * (high - low) + 1e-6  # units that are silent leave no width
    for place, (ax, row) in enumerate(zip(panels, rows, strict=False)):
        for path in paths.swapaxes(0, 1):
            ax.plot(*path.T, color="0.85", linewidth=0.8)
        if verdict.manifold is not None:
            ax.plot(*project(pca, verdict.manifold.state).T, **{**MANIFOLD_STYLE, "linewidth": 0.8})
        hidden = _add_points(ax, pca, row, low - margin, high + margin)
        note = f", {hidden} out of view" if hidden else ""
        ax.set_title(f"{row.name}{note}", fontsize=8)
        ax.set_xlim(low[0] - margin[0], high[0] + margin[0])
        ax.set_ylim(low[1] - margin[1], high[1] + margin[1])
        label_pcs(ax, pca)
        ax.label_outer()
        if place + columns >= len(rows):  # the lowest of its column, or over an empty place
            ax.tick_params(labelbottom=True)
            label_pcs(ax, pca)
            if place % columns:
                ax.set_ylabel("")
    for ax in panels[len(rows) :]:
        ax.set_axis_off()
    drawn = {}
    for ax in panels:
        handles, labels = ax.get_legend_handles_labels()
        drawn |= dict(zip(labels, handles, strict=True))
    if drawn:
        figure.legend(drawn.values(), drawn.keys(), loc="outside lower center", ncols=6, fontsize=8)
    return figure_of(panels[0])


def _add_points(ax: Axes, pca: PCA, row: StimulusPoints, low: np.ndarray, high: np.ndarray) -> int:
    """Add the points of a panel; return how many are out of view."""
    kinds = row.points.kind.astype("<U20")
    stability = row.modes.stability[row.modes.stability != ""]  # far ones have none
    kinds[kinds == "fixed"] = [f"fixed, {word}" for word in stability]
    where = project(pca, row.points.state) if len(row.points) else np.empty((0, 2))
    for kind, style in POINT_STYLES.items():
        if (kinds == kind).any():
            ax.plot(*where[kinds == kind].T, linestyle="none", zorder=4, label=kind, **style)
    return int(((where < low) | (where > high)).any(axis=1).sum())
