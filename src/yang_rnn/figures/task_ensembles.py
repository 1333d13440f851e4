"""Figures of many networks that do any task."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import matplotlib as mpl
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from yang_rnn._checks import check_has
from yang_rnn.figures.outcomes import draw_stacks
from yang_rnn.figures.style import CHOICE_COLOURS, Width, legend_above, new_figure, styled

if TYPE_CHECKING:
    import pandas

MAX_BARS = 16
"""Inputs whose fixed points are counted in a figure; the table has all."""

_SMALLEST, _MORE = 12.0, 90.0


@styled
def task_sweep(
    table: pandas.DataFrame, *, varied: Sequence[str] = (), width: Width = "double"
) -> Figure:
    """Draw a sweep of any task: accuracies, verdicts by context, fixed points at each input.

    Points are counted over the networks that learned the task: that do better than chance.

    Parameters
    ----------
    table : pandas.DataFrame
        One row per network, as a sweep of a task has it.
    varied : sequence of str
        Varied numbers, one colour for each combination.
    width : {"single", "double"}
        Columns of a page that the figure is as wide as.
    """
    check_has("table", table, "a table", "columns", "groupby")
    if "accuracy" not in table.columns:
        figure = new_figure(width, 50.0)
        figure.suptitle("no network was trained")
        return figure
    finished: Any = table[table["accuracy"].notna()]
    learned = finished[finished["learned"].astype(bool)]
    judged = {
        of: [name for name in table.columns if name.split(" ")[0] == of]
        for of in ("verdict", "mechanism")
    }
    judged = {of: columns for of, columns in judged.items() if columns}
    inputs = [name for name in table.columns if name.startswith("fixed at ")][:MAX_BARS]
    inputs = inputs if len(learned) else []
    wide = width == "double"
    bars = sum(2.2 + 0.4 * len(columns) for columns in judged.values())
    above = max(3.4, bars) if wide else 3.2 + bars
    heights = [above, *([1.1 + 0.22 * len(inputs)] if inputs else [])]
    figure = new_figure(width, 25.4 * sum(heights))
    parts = np.ravel(np.asarray(figure.subfigures(len(heights), 1, height_ratios=heights)))
    if wide:
        grid = parts[0].add_gridspec(max(1, len(judged)), 1 + bool(judged))
        first, places = grid[:, 0], [grid[row, -1] for row in range(len(judged))]
    else:
        grid = parts[0].add_gridspec(1 + len(judged), 1)
        first, places = grid[0, 0], [grid[row + 1, 0] for row in range(len(judged))]
    _accuracies(parts[0].add_subplot(first), finished, varied)
    for place, (of, columns) in zip(places, judged.items(), strict=True):
        draw_stacks(parts[0].add_subplot(place), finished, columns, of)
    if inputs:
        _points(parts[1].subplots(), learned, inputs)
    return figure


def _accuracies(ax: Axes, finished: Any, varied: Sequence[str]) -> None:
    """Draw the accuracies in rising order, a line for each combination of varied numbers."""
    groups = finished.groupby(list(varied), dropna=False) if varied else [((), finished)]
    few, shades = len(groups) <= len(CHOICE_COLOURS), mpl.colormaps["viridis"]
    for place, (key, group) in enumerate(groups):
        colour = CHOICE_COLOURS[place] if few else shades(place / (len(groups) - 1))
        label = ", ".join(f"{n} {v}" for n, v in zip(varied, key, strict=True))
        ranked = np.sort(group["accuracy"].to_numpy(float))
        rank, label = np.arange(1, len(ranked) + 1), label or f"{len(ranked)} networks"
        ax.plot(rank, ranked, "o-", color=colour, markersize=3, label=label)
    chance = finished["chance"].dropna()
    if len(chance):
        style: Any = {"color": "0.6", "linestyle": "--", "label": "always the same answer"}
        ax.axhline(chance.median(), **style)
    ax.set_ylim(-0.03, 1.03)
    ax.set_xlabel("networks, by accuracy")
    ax.set_ylabel("share of correct trials")
    ax.xaxis.set_major_locator(MaxNLocator(integer=True))
    legend_above(ax)


def _points(ax: Axes, learned: Any, inputs: Sequence[str]) -> None:
    """Draw how many fixed points the networks have at each input; a dot's size is their share."""
    style: Any = {"color": CHOICE_COLOURS[0], "alpha": 0.8, "linewidths": 0}
    for row, name in enumerate(inputs):
        levels, number = np.unique(learned[name].dropna().to_numpy(float), return_counts=True)
        size = _SMALLEST + _MORE * number / max(1, number.sum())
        ax.scatter(levels, np.full(len(levels), row), s=size, **style)
    for share in (0.1, 0.5, 1.0):
        size = _SMALLEST + _MORE * share
        ax.scatter([], [], s=size, label=f"{100 * share:.0f} % of them", **style)
    legend_above(ax)
    ax.set_yticks(
        range(len(inputs)), [n.removeprefix("fixed at ") for n in inputs], fontsize="small"
    )
    ax.invert_yaxis()
    ax.set_xlabel(f"fixed points found, in the {len(learned)} networks that do better than chance")
    counts = learned[list(inputs)].to_numpy(float)
    if np.isfinite(counts).any():
        ax.set_xlim(np.nanmin(counts) - 0.5, np.nanmax(counts) + 0.5)
    ax.xaxis.set_major_locator(MaxNLocator(integer=True, min_n_ticks=1))
