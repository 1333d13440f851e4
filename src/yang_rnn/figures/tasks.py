"""Figures of any task: states by condition, fixed points by input, performance."""

from __future__ import annotations

import textwrap
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import matplotlib as mpl
import numpy as np
from matplotlib.figure import Figure

from yang_rnn._checks import check_has, shown
from yang_rnn.figures.portraits import kinds_of, plane_of
from yang_rnn.figures.style import (
    POINT_STYLES,
    Width,
    grid_of,
    label_pcs,
    legend_above,
    legend_below,
    project,
    styled,
)
from yang_rnn.trials import check_trials

if TYPE_CHECKING:
    from sklearn.decomposition import PCA

    from yang_rnn.behaviour import Performance
    from yang_rnn.task_inputs import InputPoints
    from yang_rnn.trials import Trials

MAX_LEVELS = 12
"""A condition with more values is not drawn level by level."""

MAX_PANELS = 24
"""Inputs whose points are drawn; a title says how many more there are."""


@styled
def conditions(
    activity: Any, *, trials: Trials, pca: PCA | None = None, width: Width = "double"
) -> Figure:
    """Draw trial-averaged trajectories in the plane of two PCs, a panel for each condition.

    Parameters
    ----------
    activity : array of shape (time, trial, unit)
        Hidden states.
    trials : Trials
        Those of the activity. Conditions of 2 to `MAX_LEVELS` values are drawn, and the correct
        choice; larger values are darker.
    pca : PCA, optional
        Fitted to states; without it one is fitted to these.
    width : {"single", "double"}
        Columns of a page that the figure is as wide as.

    Raises
    ------
    ValueError
        If activity and trials do not fit.
    """
    check_trials(trials)
    pca, activity = plane_of(pca, activity, shape=np.shape(trials.inputs)[:2])
    found = {name: trials.condition(name) for name in trials.conditions}
    if trials.choice is not None:
        found["choice"] = np.asarray(trials.choice) + 1
    found = {k: v for k, v in found.items() if 2 <= len(np.unique(v)) <= MAX_LEVELS}
    figure, panels = grid_of(max(1, len(found)), width, 66.0, columns=3)
    paths = project(pca, activity)
    whole = trials.inside.all(axis=1)  # steps that all trials have
    for ax, (name, values) in zip(panels, found.items(), strict=False):
        levels = np.unique(values)
        colours = mpl.colormaps["viridis"](np.linspace(0.9, 0, len(levels)))
        for level, colour in zip(levels, colours, strict=True):
            path = paths[whole][:, values == level].mean(axis=1)
            ax.plot(*path.T, color=colour, linewidth=1.4, label=f"{level:.4g}")
            ax.plot(*path[0], "o", color=colour, markersize=3, mfc="none")
            ax.plot(*path[-1], ".", color=colour, markersize=7)
        legend_above(ax, name)
    if not found:
        panels[0].plot(*paths[whole].mean(axis=1).T, color="0.3")
        panels[0].set_title("all trials: no condition has few values")
    for ax in panels:
        label_pcs(ax, pca)
    return figure


@styled
def points_by_input(
    rows: Sequence[InputPoints],
    *,
    activity: Any,
    pca: PCA | None = None,
    trials: Trials | None = None,
    width: Width = "double",
) -> Figure:
    """Draw the fixed and slow points at each constant input over all states, a panel for each.

    Parameters
    ----------
    rows : sequence of InputPoints
        From `yang_rnn.points_by_input`; one panel for all of the same input, at most `MAX_PANELS`.
    activity : array of shape (time, trial, unit)
        Hidden states, drawn faint.
    pca : PCA, optional
        Fitted to states; without it one is fitted to these.
    trials : Trials, optional
        Those of the activity, which is drawn as far as each goes.
    width : {"single", "double"}
        Columns of a page that the figure is as wide as.

    Raises
    ------
    TypeError
        If they are not such rows.
    ValueError
        If there are none.
    """
    if not isinstance(rows, Sequence) or isinstance(rows, str):
        raise TypeError(f"`rows` must be a sequence of InputPoints; got {shown(rows)}")
    if not rows:
        raise ValueError("`rows` must have one or more; got none")
    for row in rows:
        check_has("rows", row, "InputPoints", "given", "points", "modes")
    pca, activity = plane_of(pca, activity)
    from yang_rnn.task_inputs import by_same_input  # the other figures need none of the analysis

    paths = project(pca, activity)
    if trials is not None:
        check_trials(trials)
        if np.shape(trials.inputs)[:2] != paths.shape[:2]:
            raise ValueError(
                f"`trials` must be those of `activity`, {paths.shape[:2]}; "
                f"got {np.shape(trials.inputs)[:2]}"
            )
        paths = np.where(trials.inside[..., None], paths, np.nan)
    grouped = by_same_input(rows)
    drawn = grouped[:MAX_PANELS]
    figure, panels = grid_of(len(drawn), width, 50.0, columns=4)
    columns = min(len(drawn), 4 if width == "double" else 2)
    used: dict[str, dict[str, Any]] = {}
    for ax, (name, row) in zip(panels, drawn, strict=True):
        ax.plot(paths[..., 0], paths[..., 1], color="0.87", linewidth=0.5, zorder=1)
        kinds = kinds_of(row.points, row.modes)
        counts = []
        for kind, style in POINT_STYLES.items():
            here = row.points.state[kinds == kind]
            if len(here):
                ax.plot(*project(pca, here).T, linestyle="none", zorder=3, **style)
                used[kind] = style
                counts.append(f"{len(here)} {kind.removeprefix('fixed, ')}")
        counted = textwrap.wrap(", ".join(counts) or "no fixed or slow point", 26)
        ax.set_title("\n".join([*_lines(name)[:4], *counted]), fontsize="small")
    for name, style in used.items():
        panels[0].plot([], [], linestyle="none", label=name, **style)
    legend_below(figure, panels[0])
    left_out = len(grouped) - len(drawn)
    if left_out:
        figure.suptitle(f"{left_out} more inputs are in the table", fontsize="small")
    for number, ax in enumerate(panels):
        if number % columns == 0:
            ax.set_ylabel("PC 2")
        if number + columns >= len(panels):
            ax.set_xlabel("PC 1")
    return figure


_LETTERS = 24
"""That fit above a panel of four."""


def _lines(text: str) -> list[str]:
    """Break a text at its commas, and elsewhere only what is longer than a line."""
    parts = text.split(", ")
    whole = [part.replace(" ", "\xa0") if len(part) < _LETTERS else part for part in parts]
    lines = textwrap.wrap(", ".join(whole), _LETTERS)
    return [line.replace("\xa0", " ") for line in lines]


@styled
def accuracy(measured: Performance, *, width: Width = "double") -> Figure:
    """Draw the share of correct trials by each condition, with its intervals and chance.

    Parameters
    ----------
    measured : Performance
        From `yang_rnn.performance`.
    width : {"single", "double"}
        Columns of a page that the figure is as wide as.
    """
    check_has("measured", measured, "a Performance", "accuracy", "by_condition", "chance")
    found = measured.by_condition
    figure, panels = grid_of(max(1, len(found)), width, 58.0, columns=4)
    for ax, (name, by) in zip(panels, found.items(), strict=False):
        reach = np.maximum([by.accuracy - by.low, by.high - by.accuracy], 0)
        ax.errorbar(by.level, by.accuracy, yerr=reach, fmt="o", color="black", markersize=4)
        ax.set_xlabel(name)
        if len(by.level) <= 4:
            ax.set_xticks(by.level, [f"{level:.4g}" for level in by.level])
            ax.margins(x=0.3)
    if not found:
        reach = np.maximum(
            [[measured.accuracy - measured.low], [measured.high - measured.accuracy]], 0
        )
        ax = panels[0]
        ax.errorbar([0], [measured.accuracy], yerr=reach, fmt="o", color="black", markersize=4)
        ax.set_xticks([0], ["all trials"])
    line = None
    for ax in panels[: max(1, len(found))]:
        if measured.chance is not None:
            line = ax.axhline(measured.chance, color="0.6", linestyle="--")
        ax.set_ylim(-0.03, 1.03)
        ax.set_ylabel("share of correct trials")
    if line is not None:
        figure.legend([line], ["always the same answer"], loc="outside lower center")
    return figure
