"""Figures that sum up: the verdict with its grounds, and the fixed points of many inputs."""

from __future__ import annotations

import textwrap
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Literal

import matplotlib as mpl
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from yang_rnn._checks import check_has, check_one_of, shown
from yang_rnn.figures.dynamics import eigenvalues
from yang_rnn.figures.portraits import add_averages, kinds_of
from yang_rnn.figures.style import (
    CHOICE_COLOURS,
    POINT_STYLES,
    WIDTHS,
    Width,
    check_mean,
    check_pca,
    check_verdict,
    check_words,
    grid_of,
    label_pcs,
    legend_above,
    legend_below,
    manifold_style,
    new_figure,
    project,
    styled,
    unit_of,
)
from yang_rnn.line_attractor.estimates import Estimate

if TYPE_CHECKING:
    from sklearn.decomposition import PCA

    from yang_rnn.analysis import Averages
    from yang_rnn.line_attractor.criteria import Criterion
    from yang_rnn.line_attractor.integration import Integration
    from yang_rnn.line_attractor.stimulus_dependence import StimulusPoints
    from yang_rnn.line_attractor.verdict import Verdict

OUTCOME_STYLES: dict[str, dict[str, Any]] = {
    "for": {"marker": "o", "color": CHOICE_COLOURS[2]},
    "near": {"marker": "D", "color": CHOICE_COLOURS[4]},
    "against": {"marker": "X", "color": CHOICE_COLOURS[1]},
    "undefined": {"marker": "o", "color": "none", "mec": "0.5"},
}
"""How a criterion's outcome is marked."""

MEASURED_STYLE: dict[str, Any] = {"color": CHOICE_COLOURS[0], "linestyle": "none"}
RESPONSE_STYLE: dict[str, Any] = {"color": CHOICE_COLOURS[1], "linewidth": 1.6}
REFERENCE_STYLE: dict[str, Any] = {"color": "0.5", "linestyle": "--", "linewidth": 1.0}
"""Numbers that were measured, those of linear response, and what they are compared with."""

BY = {
    "slow direction": "by a slow direction",
    "several fixed points": "by several fixed points",
    "continuum": "by a continuum of fixed points",
    "fast fixed point": "by a fast fixed point",
    "rotation": "by rotation",
    "chain": "by a chain of modes",
    "mixed modes": "by mixed modes",
    "no fixed point": "without a fixed point",
}
"""A mechanism in a title."""

HEIGHTS: dict[str, dict[str, float]] = {
    "single": {"does": 230.0, "why": 235.0},
    "double": {"does": 95.0, "why": 120.0},
}
"""How high (mm) each part of a verdict's figure is, by its width."""

MOST_GROWTH = 3.0
"""A decision over what it was at the end of the stimulus, up to which its growth is drawn."""


@styled
def line_attractor(
    verdict: Verdict,
    *,
    mean: Averages,
    pca: PCA,
    condition: str = "signed coherence",
    unit: str | None = None,
    width: Width = "double",
    part: Literal["both", "does", "why"] = "both",
) -> Figure:
    """Draw a verdict: above what the network does, as it was measured, below why.

    Above are the kernel, what becomes of decisions after the stimulus, and the numbers held against
    the thresholds; below are the portrait with the slow manifold, the eigenvalues at the centre,
    and the position at the end of the stimulus against the evidence.

    Parameters
    ----------
    verdict : Verdict
    mean : Averages
        Averaged trajectories.
    pca : PCA
        Fitted to states.
    condition : str
        What they are averaged by.
    unit : str, optional
        What its levels are measured in; empty for numbers without a unit. Without it ``%``
        for a coherence with levels beyond 1, none for others.
    width : {"single", "double"}
        Columns of a page that the figure is as wide as; in one, panels stand below each other, and
        both parts are longer than a page.
    part : {"both", "does", "why"}
        What it has: all six panels, the three above, or the three below.
    """
    check_verdict(verdict)
    check_mean(mean)
    check_pca(pca)
    check_words(condition, unit)
    check_one_of("part", part, ("both", "does", "why"))
    halves = ("does", "why") if part == "both" else (part,)
    heights = [HEIGHTS[width][half] for half in halves]
    figure = new_figure(width, sum(heights))
    if part == "both":
        figure.suptitle(title_of(verdict), fontweight="bold")
    rooms = np.ravel(np.asarray(figure.subfigures(len(halves), 1, height_ratios=heights)))
    for half, room in zip(halves, rooms, strict=True):
        if half == "does":
            _say(room, f"What it does: {verdict.reason}.", width)
            _does(verdict, _panels(room, width, (1.0, 1.0, 1.3)))
        else:
            _say(room, f"Why: {verdict.mechanism_reason}.", width)
            named = condition, unit_of(unit, condition, mean.level)
            _why(verdict, mean, pca, named, _panels(room, width))
    return figure


def _panels(room: Any, width: Width, ratios: Sequence[float] | None = None) -> Sequence[Axes]:
    """Return three panels beside each other, or below each other where there is one column."""
    if width == "double":
        return np.ravel(room.subplots(1, 3, width_ratios=ratios)).tolist()
    return np.ravel(room.subplots(3, 1)).tolist()


def _does(verdict: Verdict, panels: Sequence[Axes]) -> None:
    kernel, decay, numbers = panels
    _kernel(verdict, kernel)
    _decay(verdict.integration, decay)
    _criteria(verdict.criteria, numbers)


def _why(
    verdict: Verdict, mean: Averages, pca: PCA, named: tuple[str, str], panels: Sequence[Axes]
) -> None:
    portrait, plane, integration = panels
    condition, unit = named
    missing = add_averages(portrait, mean, pca, verdict, unit)
    portrait.set_title(missing, fontsize="small")
    modes = () if verdict.modes is None else verdict.modes
    eigenvalues(modes, title="modes at the centre", ax=plane, driven=verdict.driven)
    _integration(verdict, condition, integration)
    legend_below(portrait.figure, portrait, heading=condition)


def title_of(verdict: Verdict) -> str:
    """Say what a network does and by what, in a line."""
    does = verdict.label[0].upper() + verdict.label[1:]
    if verdict.near:
        does += f", near {verdict.near}"
    if verdict.label in ("not learned", "inconclusive"):  # that is by nothing
        return f"{does}; mechanism: {verdict.mechanism}"
    return f"{does}, {BY[verdict.mechanism]}"


def _say(figure: Any, text: str, width: Width) -> None:
    letters = int(WIDTHS[width] / 25.4 * 72 / (0.53 * mpl.rcParams["font.size"]))
    lines = textwrap.fill(text, letters)
    figure.suptitle(lines, x=0.01, ha="left", fontsize="medium", linespacing=1.2)


def _kernel(verdict: Verdict, ax: Axes) -> None:
    """Draw what the evidence of each step counts, by measurement and by linear response."""
    kernel = verdict.integration.kernel
    steps = len(kernel.weights)
    duration = steps * verdict.integration.dt / 1000
    time = (np.arange(steps) + 0.5) * duration / steps
    ax.errorbar(
        time, kernel.weights, yerr=1.96 * kernel.errors, fmt="o", markersize=3.5, elinewidth=0.8,
        label="measured, with 95 % intervals", **MEASURED_STYLE,
    )  # fmt: skip
    ax.plot(time, verdict.response.weights, label="by linear response", **RESPONSE_STYLE)
    level = np.full(2, kernel.weights.mean())
    ax.plot([0, duration], level, label="perfect integrator", **REFERENCE_STYLE)
    ax.axhline(0, color="0.8", linewidth=0.8, zorder=0)
    ax.set_xlim(0, duration)
    ax.set_xlabel("time of the evidence,\nfrom the stimulus\u2019 begin (s)")
    ax.set_ylabel("change of decision\nper unit of evidence")
    legend_above(ax, f"kernel: efficiency\n{kernel.efficiency}")


def _decay(integration: Integration, ax: Axes) -> None:
    """Draw the share of decisions that is left after the stimulus."""
    decay = integration.decay
    kept = np.r_[1.0, decay.kept]
    time = np.arange(len(kept)) * integration.dt / 1000
    ax.plot(time, kept, "o-", color=CHOICE_COLOURS[0], markersize=3.5, label="measured")
    ax.axhline(1, label="all is kept", **REFERENCE_STYLE)
    ax.axhline(1 / np.e, label="1/e", **{**REFERENCE_STYLE, "linestyle": ":"})
    seconds = decay.time_constant / 1000
    if np.isfinite(seconds) and seconds != 0:
        label = "exponential through\nthe last value"
        ax.plot(time, np.exp(-time / seconds), label=label, **RESPONSE_STYLE)
    seen = kept[np.isfinite(kept)]
    low, high = min(0.0, seen.min()), min(max(1.0, seen.max()), MOST_GROWTH)
    ax.set_ylim(max(low, -MOST_GROWTH) - 0.05, high + 0.1)
    ax.set_xlim(0, time[-1])
    ax.set_xlabel("time after the stimulus (s)")
    ax.set_ylabel("share of the decision\nthat is left")
    legend_above(ax, _left(float(kept[-1]), time[-1], seconds))


def _left(kept: float, after: float, seconds: float) -> str:
    """Say how much of a decision is left after a time (s), and which time constant that gives."""
    if np.isnan(kept):
        return "decisions after the stimulus:\nundefined"
    if not np.isfinite(kept):
        return "decisions run away"
    if np.isnan(seconds):
        by = "turned over: no time constant"
    elif abs(seconds) > 1000:
        by = "decisions stay"
    else:
        as_with = "growth with" if seconds < 0 else "as with"
        by = f"{as_with} a time constant of {abs(seconds):.2g} s"
    return f"left of decisions after {after:.3g} s: {kept:.2g}\n{by}"


def _integration(verdict: Verdict, condition: str, ax: Axes) -> None:
    where = "PC 1, towards choice 2"
    if verdict.manifold is not None:
        where = "the slow manifold" if verdict.manifold.converged else "a curve (not converged)"
    ax.plot(verdict.evidence, verdict.position, ".", color="0.3", markersize=4)
    ax.set_xlabel("summed evidence\nfor choice 2")
    ax.set_ylabel(f"position along {where}\nat the end of the stimulus")
    m = verdict.measures
    all_trials, within = (
        "not defined" if np.isnan(r2) else f"{r2:.2f}"
        for r2 in (m.evidence_r2, m.evidence_r2_within)
    )
    ax.set_title(f"R\u00b2 = {all_trials}, within one\n{condition} {within}")


def _criteria(criteria: Sequence[Criterion], ax: Axes) -> None:
    ax.set_axis_off()
    ax.set_title("held against\na line attractor\u2019s thresholds")
    for row, criterion in enumerate(criteria):
        y = 1 - (row + 0.5) / len(criteria)
        mark = {"markersize": 7, "clip_on": False, **OUTCOME_STYLES[criterion.outcome]}
        ax.plot(0.02, y, linestyle="none", transform=ax.transAxes, **mark)
        style: Any = {"fontsize": "small", "transform": ax.transAxes}
        ax.text(0.09, y, criterion.name, va="bottom", **style)
        found = f"{_value(criterion)}, {criterion.outcome}: {criterion.rule}"
        ax.text(0.09, y, found, va="top", color="0.35", **style)


def _value(criterion: Criterion) -> str:
    if np.isnan(criterion.value):
        return "\u2013"
    if criterion.error > 0:
        return str(Estimate(criterion.value, criterion.error))
    return f"{criterion.value:.3f}"


@styled
def stimulus_dependence(
    rows: Sequence[StimulusPoints],
    *,
    verdict: Verdict,
    mean: Averages,
    pca: PCA,
    width: Width = "double",
) -> Figure:
    """Draw the fixed and slow points of each constant input over the averaged trajectories.

    Parameters
    ----------
    rows : sequence of StimulusPoints
        From `yang_rnn.stimulus_dependence`; each has a panel.
    verdict : Verdict
        Its manifold is drawn in each panel.
    mean : Averages
        Averaged trajectories, drawn faint.
    pca : PCA
        Fitted to states.
    width : {"single", "double"}
        Columns of a page that the figure is as wide as.
    """
    if not isinstance(rows, (tuple, list)) or not rows:
        raise TypeError(f"`rows` must be one or more of StimulusPoints; got {shown(rows)}")
    for row in rows:
        check_has("rows", row, "of StimulusPoints", "points", "modes", "name")
    check_verdict(verdict)
    check_mean(mean)
    check_pca(pca)
    figure, panels = grid_of(len(rows), width, 44.0, columns=4)
    paths = project(pca, mean.activity, name="mean.activity")
    low, high = paths.reshape(-1, 2).min(axis=0), paths.reshape(-1, 2).max(axis=0)
    margin = 0.15 * (high - low) + 1e-6  # units that are silent leave no width
    columns = min(len(rows), 4 if width == "double" else 2)
    for place, (ax, row) in enumerate(zip(panels, rows, strict=True)):
        for path in paths.swapaxes(0, 1):
            ax.plot(*path.T, color="0.85", linewidth=0.8)
        if verdict.manifold is not None:
            style = {**manifold_style(verdict.manifold), "linewidth": 0.8}
            ax.plot(*project(pca, verdict.manifold.state).T, **style)
        hidden = _add_points(ax, pca, row, low - margin, high + margin)
        note = f"\n{hidden} out of view" if hidden else ""
        ax.set_title(f"{row.name}{note}", fontsize="small")
        ax.set_xlim(low[0] - margin[0], high[0] + margin[0])
        ax.set_ylim(low[1] - margin[1], high[1] + margin[1])
        label_pcs(ax, pca)
        if place % columns:
            ax.set_ylabel("")
            ax.tick_params(labelleft=False)
        if place + columns < len(rows):
            ax.set_xlabel("")
            ax.tick_params(labelbottom=False)
    legend_below(figure, *panels)
    return figure


def _add_points(ax: Axes, pca: PCA, row: StimulusPoints, low: np.ndarray, high: np.ndarray) -> int:
    """Add the points of a panel; return how many are out of view."""
    kinds = kinds_of(row.points, row.modes)
    where = project(pca, row.points.state) if len(row.points) else np.empty((0, 2))
    for kind, style in POINT_STYLES.items():
        if (kinds == kind).any():
            ax.plot(*where[kinds == kind].T, linestyle="none", zorder=4, label=kind, **style)
    return int(((where < low) | (where > high)).any(axis=1).sum())
