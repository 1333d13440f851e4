"""Outputs and units over the time of a trial."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from yang_rnn._checks import check_array, check_real, shown
from yang_rnn.figures.style import (
    Width,
    colour_of,
    grid_of,
    legend_below,
    level_style,
    new_figure,
    signed_strength,
    styled,
)
from yang_rnn.trials import check_trials

if TYPE_CHECKING:
    from yang_rnn.trials import Trials

MAX_GROUPS = 12
"""Levels of evidence that have a line each; where there are more, choices have."""


@styled
def outputs(
    values: Any,
    *,
    trials: Trials,
    dt: float | None = None,
    condition: str = "coherence",
    names: Sequence[str] | None = None,
    width: Width = "double",
) -> Figure:
    """Draw the mean outputs over time, a panel each, by the correct choice and its evidence.

    Stronger evidence is darker; without any it is dashed. Periods end at the vertical lines.

    Parameters
    ----------
    values : array of shape (time, trial, output)
        Outputs, as ``simulate(...).outputs``.
    trials : Trials
        Those of the outputs.
    dt : float, optional
        Time step (ms); without it time is in steps.
    condition : str
        What the strength of the evidence is called in the trials.
    names : sequence of str, optional
        What the outputs stand for.
    width : {"single", "double"}
        Columns of a page that the figure is as wide as.

    Raises
    ------
    ValueError
        If outputs, names and trials do not fit.
    """
    check_trials(trials)
    values = _in_trials("values", values, trials, "output")
    step, unit = _time_unit(dt)
    number = values.shape[2]
    if names is not None and (not isinstance(names, (list, tuple)) or len(names) != number):
        raise ValueError(
            f"`names` must be a list of one for each of the {number} outputs; got {shown(names)}"
        )
    figure, panels = grid_of(number, width, 52.0, columns=min(3, max(2, number)))
    time = step * np.arange(1, len(values) + 1)
    groups = _groups(trials, condition)
    for output, ax in enumerate(panels):
        for label, chosen, style in groups:
            mean = _mean(values[:, chosen, output])
            ax.plot(time, mean, linewidth=1.3, label=label, **style)
        ax.set_xlim(0, time[-1])
        _mark_periods(ax, trials, step)
        ax.set_xlabel(f"time ({unit})")
        what = "" if names is None else f": {names[output]}"
        ax.set_ylabel(f"output {output}{what}")
    if len(groups) > 1:
        unit = " (%)" if condition == "coherence" else ""
        legend_below(figure, panels[0], heading=f"signed {condition}{unit}" * (len(groups) > 3))
    return figure


@styled
def unit_activity(
    activity: Any,
    *,
    trials: Trials,
    dt: float | None = None,
    width: Width = "double",
) -> Figure:
    """Draw the mean activity of each unit over time, a panel for each correct choice.

    Units are sorted, in all panels alike, by the time at which the first choice's mean is largest,
    and divided by their largest mean; those that are silent stand last.

    Parameters
    ----------
    activity : array of shape (time, trial, unit)
        Hidden states.
    trials : Trials
        Those of the activity.
    dt : float, optional
        Time step (ms); without it time is in steps.
    width : {"single", "double"}
        Columns of a page that the figure is as wide as.

    Raises
    ------
    ValueError
        If activity and trials do not fit.
    """
    check_trials(trials)
    activity = _in_trials("activity", activity, trials, "unit")
    step, unit = _time_unit(dt)
    groups: list[tuple[str, Any]] = [("all trials", slice(None))]
    if trials.choice is not None:
        choice = np.asarray(trials.choice, int)
        groups = [(f"choice {k + 1} correct", choice == k) for k in np.unique(choice)]
    means = np.stack([_mean(activity[:, chosen]) for _, chosen in groups])  # (group, time, unit)
    largest = np.nanmax(np.abs(means), axis=(0, 1))
    silent = largest <= 1e-9 * max(float(largest.max()), 1e-300)
    peaks = np.abs(np.nan_to_num(means[0])).argmax(axis=0)
    order = np.lexsort((peaks, silent))
    shown = means[..., order] / np.where(silent, 1.0, largest)[order]
    signed = bool(np.nanmin(shown) < -1e-9)
    colours: Any = {"cmap": "RdBu_r", "vmin": -1} if signed else {"cmap": "viridis", "vmin": 0}
    rows = 1 if width == "double" or len(groups) == 1 else len(groups)
    figure = new_figure(width, 78.0 if rows == 1 else 62.0 * rows)
    columns = -(-len(groups) // rows)
    panels = list(np.ravel(figure.subplots(rows, columns, sharex=True, sharey=True)))
    extent = (0.0, step * len(activity), activity.shape[2] + 0.5, 0.5)
    for ax, (name, _), mean in zip(panels, groups, shown, strict=True):
        ax.imshow(mean.T, aspect="auto", interpolation="nearest", extent=extent, vmax=1, **colours)
        _mark_periods(ax, trials, step, color="white" if not signed else "0.5")
        ax.set_title(name, pad=14)
    panels[0].set_ylabel("unit, by the time of its peak")
    for ax in panels[-columns:]:
        ax.set_xlabel(f"time ({unit})")
    bar = figure.colorbar(panels[0].images[0], ax=panels, shrink=0.85)
    quiet = f"\n({int(silent.sum())} silent)" if silent.any() else ""
    bar.set_label(f"activity over the unit\u2019s largest{quiet}")
    return figure


def _in_trials(name: str, values: Any, trials: Trials, what: str) -> np.ndarray:
    """Return values (time, trial, ...) as floats, NaN where a trial has ended."""
    values = check_array(name, values, (*np.shape(trials.inputs)[:2], what))
    return np.where(trials.inside[..., None], values, np.nan)


def _time_unit(dt: float | None) -> tuple[float, str]:
    """Return how long a step is, and in what."""
    return (1.0, "steps") if dt is None else (check_real("dt", dt, above=0) / 1000, "s")


def _mean(values: np.ndarray) -> np.ndarray:
    """Return the mean over trials (axis 1), NaN where all have ended."""
    there = np.isfinite(values)
    number = there.sum(axis=1)
    total = np.where(there, values, 0.0).sum(axis=1)
    return np.where(number > 0, total / np.maximum(number, 1), np.nan)


def _groups(trials: Trials, condition: str) -> list[tuple[str, Any, dict[str, Any]]]:
    """Return the label, the trials and the style of each group that has a line."""
    strength = signed_strength(trials, condition)
    if strength is not None and len(np.unique(strength)) <= MAX_GROUPS:
        return [
            (f"{level:+g}" if level else "0", strength == level, level_style(level, strength))
            for level in np.unique(strength)
        ]
    if trials.choice is None:
        return [("all trials", slice(None), {"color": "0.3"})]
    choice = np.asarray(trials.choice, int)
    return [
        (f"choice {k + 1} correct", choice == k, {"color": colour_of(k)}) for k in np.unique(choice)
    ]


def _mark_periods(ax: Axes, trials: Trials, step: float, color: Any = "0.6") -> None:
    """Draw a line where a period begins, and name it above, where all trials have the same."""
    spans = {name: part for name, part in trials.periods.items() if isinstance(part, slice)}
    length = np.shape(trials.inputs)[0]
    ends = 0.0
    for name in sorted(spans, key=lambda each: spans[each].start or 0):
        start, stop, _ = spans[name].indices(length)
        if start > 0:
            ax.axvline(start * step, color=color, linewidth=0.7, linestyle=":")
        middle = (start + stop) / 2 / length
        needed = 0.035 * len(name)
        if middle - needed / 2 < ends or stop <= start:  # no room beside the one before
            continue
        ends = middle + needed / 2
        beside: Any = {"transform": ax.transAxes, "ha": "center", "va": "bottom"}
        ax.text(middle, 1.01, name, fontsize="small", color="0.35", **beside)
