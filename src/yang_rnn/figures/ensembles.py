"""Figures of many networks."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, LogLocator, MaxNLocator, NullFormatter

from yang_rnn._checks import check_has, check_is, check_text, shown
from yang_rnn.figures.style import CHOICE_COLOURS, project, shaded, styled
from yang_rnn.line_attractor.criteria import VERDICTS

if TYPE_CHECKING:
    import pandas
    from sklearn.decomposition import PCA

    from yang_rnn.analysis import Averages

VERDICT_COLOURS = dict(
    zip(
        VERDICTS,
        (CHOICE_COLOURS[2], CHOICE_COLOURS[0], CHOICE_COLOURS[3], CHOICE_COLOURS[1],
         CHOICE_COLOURS[4], "0.75", "0.35"),
        strict=True,
    )
)  # fmt: skip
"""Colour of each verdict."""

MOST_ROWS = 4
"""Combinations of recipe and varied numbers that have a row each; more are put together."""


class Portrait(NamedTuple):
    """A network in the plane of its own first two PCs.

    Attributes
    ----------
    title : str
        What it is.
    pca : PCA
        Fitted to its states.
    mean : Averages
        Its averaged trajectories.
    """

    title: str
    pca: PCA
    mean: Averages


@styled
def sweep(
    table: pandas.DataFrame,
    summary: pandas.DataFrame,
    portraits: Sequence[Portrait],
    varied: Sequence[str] = (),
    *,
    label: str = "signed coherence",
) -> Figure:
    """Draw a sweep: how often each verdict, leading eigenvalues, time constants, portraits.

    Parameters
    ----------
    table : pandas.DataFrame
        One row per network: its recipe, varied numbers, verdict and leading mode.
    summary : pandas.DataFrame
        One row per group of networks and verdict, with Wilson's intervals.
    portraits : sequence of Portrait
        Averaged trajectories of some members, each in the plane of its own PCs.
    varied : sequence of str
        Fields of the recipe that the sweep varies.
    label : str
        What the trajectories are averaged by.
    """
    for name, frame in (("table", table), ("summary", summary)):
        check_has(name, frame, "a DataFrame", "groupby", "columns")
        if "recipe" not in frame:
            raise ValueError(f"`{name}` must have a column 'recipe'; got {list(frame.columns)}")
    if isinstance(varied, str) or not isinstance(varied, (list, tuple)):
        raise TypeError(f"`varied` must be a sequence of names; got {shown(varied)}")
    unknown = [field for field in varied if field not in table or field not in summary]
    if unknown:
        raise ValueError(f"`varied` must be columns of table and summary; got {shown(unknown)}")
    if not isinstance(portraits, (list, tuple)):
        raise TypeError(f"`portraits` must be a sequence of Portrait; got {shown(portraits)}")
    for portrait in portraits:
        check_is("portraits", portrait, Portrait)
    check_text("label", label)
    groups = _groups(table, varied)
    several = len(table.groupby(["recipe", *varied])) > 1
    if not 1 <= len(groups) <= MOST_ROWS:
        groups = [("all", _judged(table))]
    rows = -(-len(portraits) // 4)
    heights = (3.2 * len(groups) + 0.6, 2.2 * rows)
    figure = Figure(figsize=(11.0, sum(heights)), layout="constrained")
    above, below = figure, None
    if rows:
        halves: Any = figure.subfigures(2, 1, height_ratios=heights)
        above, below = halves
    grid = above.add_gridspec(len(groups), 3, width_ratios=(1.2, 1.0, 1.2))
    _shares(above.add_subplot(grid[:, 0]), summary, varied)
    bins = _bins(_judged(table))
    for row, (name, members) in enumerate(groups):
        title = f"\n{name}" if several else ""
        _eigenvalues(above.add_subplot(grid[row, 1]), members, title)
        _time_constants(above.add_subplot(grid[row, 2]), members, title, bins)
    if below is not None:
        below.suptitle(
            f"averaged trajectories by {label}: blue for choice 1, orange for choice 2, "
            "paler with strength", fontsize=9,
        )  # fmt: skip
        places = list(np.ravel(below.subplots(rows, 4, squeeze=False)))
        for ax, portrait in zip(places, portraits, strict=False):
            _portrait(ax, portrait)
        for ax in places[len(portraits) :]:
            ax.set_axis_off()
    return figure


def _groups(table: Any, varied: Sequence[str]) -> list[tuple[str, Any]]:
    """Return the name and the judged members of each recipe and combination of varied numbers."""
    keys = ["recipe", *varied]
    return [
        (", ".join([str(key[0]), *(f"{f} {v}" for f, v in zip(varied, key[1:], strict=True))]),
         members)
        for key, members in _judged(table).groupby(keys, sort=True)
    ]  # fmt: skip


def _judged(table: Any) -> Any:
    """Return the rows that have a verdict."""
    return table.dropna(subset=["verdict"]) if "verdict" in table else table.iloc[:0]


def _shares(ax: Axes, summary: Any, varied: Sequence[str]) -> None:
    """Draw the share of each verdict with its interval, a group of bars each combination."""
    verdicts: Any = summary[summary["of"] == "verdict"]
    groups = list(verdicts.groupby(["recipe", *varied], sort=True))
    width = 0.8 / len(VERDICTS)
    for place, (_, group) in enumerate(groups):
        for k, row in enumerate(group.itertuples()):
            x = place + (k - (len(VERDICTS) - 1) / 2) * width
            reach = [[max(0.0, row.share - row.low)], [max(0.0, row.high - row.share)]]
            label = row.outcome if place == 0 else None
            colour = VERDICT_COLOURS[row.outcome]
            ax.bar(x, row.share, width * 0.9, color=colour, label=label)
            ax.errorbar(x, row.share, yerr=reach, color="black", linewidth=0.8, capsize=2)
    names = [
        "\n".join([str(key[0]), *(f"{f} {v}" for f, v in zip(varied, key[1:], strict=True))])
        for key, _ in groups
    ]
    members = [f"\n({_counted(group.iloc[0])})" for _, group in groups]
    ax.set_xticks(
        range(len(groups)), [a + b for a, b in zip(names, members, strict=True)],
        fontsize=8, rotation=90 if len(groups) > 3 else 0,
    )  # fmt: skip
    ax.set_ylabel("share of networks (95 % interval)")
    ax.set_ylim(0, 1.02)
    ax.legend(fontsize=7, ncols=2, loc="lower center", bbox_to_anchor=(0.5, 1.0))


def _counted(group: Any) -> str:
    """Say how many networks there are of a group, a row of its summary."""
    number, failed = group["members"], group["failed"]
    return f"{number} network{'' if number == 1 else 's'}" + (
        f", {failed} failed" if failed else ""
    )


def _eigenvalues(ax: Axes, judged: Any, title: str) -> None:
    """Draw each member's leading eigenvalue, with the conjugate that it may have."""
    angle = np.linspace(0, 2 * np.pi, 361)
    ax.plot(np.cos(angle), np.sin(angle), color="0.7", linewidth=0.8)
    if len(judged):
        for verdict, colour in reversed(VERDICT_COLOURS.items()):  # the rarer ones on top
            rows = judged[judged["verdict"] == verdict].dropna(subset=["eigenvalue_real"])
            real, imag = (rows[f"eigenvalue_{part}"].astype(float) for part in ("real", "imag"))
            ax.plot(real, imag, ".", color=colour, alpha=0.7)
            ax.plot(real, -imag, ".", color=colour, alpha=0.7)
    ax.set_aspect("equal")
    ax.set_title(f"leading eigenvalues{title}", fontsize=8)
    ax.set_xlabel("Re \u03bb")
    ax.set_ylabel("Im \u03bb")


def _bins(judged: Any) -> np.ndarray:
    """Return the edges (s) that time constants are counted between, all groups alike."""
    if not len(judged) or not judged["time_constant"].notna().any():
        return np.geomspace(0.1, 10.0, 16)
    seconds = judged["time_constant"].dropna().astype(float).abs() / 1000
    low, high = seconds.clip(lower=1e-2).min(), seconds.clip(upper=1e3).max()
    return np.geomspace(low * 0.9, max(high, low) * 1.1, 16)


def _time_constants(ax: Axes, judged: Any, title: str, bins: np.ndarray) -> None:
    """Draw how the leading time constants are distributed."""
    ax.set_xscale("log")
    ax.set_xlim(bins[0], bins[-1])
    without, beyond = len(judged), 0
    if len(judged):
        known = judged.dropna(subset=["time_constant"])
        seconds = known["time_constant"].astype(float).abs() / 1000
        beyond = int(((seconds < bins[0]) | (seconds > bins[-1])).sum())
        seconds = seconds.clip(bins[0], bins[-1])
        without -= len(known)
        ax.hist(
            [seconds[known["verdict"] == verdict] for verdict in VERDICT_COLOURS],
            bins=bins.tolist(), stacked=True, color=list(VERDICT_COLOURS.values()),
        )  # fmt: skip
    ax.xaxis.set_major_locator(LogLocator(subs=(1.0, 2.0, 5.0)))
    ax.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
    ax.xaxis.set_minor_formatter(NullFormatter())
    ax.tick_params(axis="x", labelsize=7)
    ax.set_title(f"time constants{title}", fontsize=8)
    notes = []
    if without:
        notes.append(f"{without} without a slow point")
    if beyond:
        notes.append(f"{beyond} beyond the axis, at its ends")
    if notes:
        text = "\n".join(notes)
        ax.text(1.0, 1.0, text, ha="right", va="top", fontsize=7, transform=ax.transAxes)
    ax.set_xlabel("|leading time constant| (s)")
    ax.yaxis.set_major_locator(MaxNLocator(integer=True, steps=[1, 2, 5, 10]))
    ax.set_ylabel("networks")


def _portrait(ax: Axes, portrait: Portrait) -> None:
    paths = project(portrait.pca, portrait.mean.activity)
    for _, path, colour in shaded(portrait.mean, paths):
        ax.plot(*path.T, color=colour, linewidth=1.0)
    ax.set_title(portrait.title, fontsize=7)
    ax.set_xticks([])
    ax.set_yticks([])
    ax.set_xlabel("PC 1", fontsize=7)
    ax.set_ylabel("PC 2", fontsize=7)


MAX_BARS = 16
"""Inputs whose fixed points are counted in a figure; the table has all."""


@styled
def task_sweep(table: pandas.DataFrame, varied: Sequence[str] = ()) -> Figure:
    """Draw a sweep of any task: accuracies, verdicts by context, fixed points at each input.

    Points are counted over the networks that learned the task.

    Parameters
    ----------
    table : pandas.DataFrame
        One row per network, as a sweep of a task has it.
    varied : sequence of str
        Varied numbers, one colour for each combination.
    """
    check_has("table", table, "a table", "columns", "groupby")
    if "accuracy" not in table.columns:
        figure = Figure(figsize=(5.0, 2.0), layout="constrained")
        figure.suptitle("no network was trained")
        return figure
    finished: Any = table[table["accuracy"].notna()]
    verdicts = [name for name in table.columns if name.split(" ")[0] == "verdict"]
    learned = finished[finished["learned"].astype(bool)]
    inputs = [name for name in table.columns if name.startswith("fixed at ")][:MAX_BARS]
    inputs = inputs if len(learned) else []
    figure = Figure(figsize=(10.0, 3.6 + 0.22 * len(inputs)), layout="constrained")
    heights = (3.0, 0.6 + 0.22 * len(inputs))
    top, bottom = np.ravel(np.asarray(figure.subfigures(2, 1, height_ratios=heights)))
    panels = top.subplots(1, 1 + bool(verdicts), squeeze=False)[0]
    groups = finished.groupby(list(varied)) if varied else [("all", finished)]
    for place, (key, group) in enumerate(groups):
        colour = CHOICE_COLOURS[place % len(CHOICE_COLOURS)]
        key = key if isinstance(key, tuple) else (key,)
        label = ", ".join(f"{n} {v}" for n, v in zip(varied, key, strict=False))
        ranked = np.sort(group["accuracy"].to_numpy(float))
        panels[0].plot(
            np.arange(1, len(ranked) + 1),
            ranked,
            "o-",
            color=colour,
            markersize=3,
            label=label or f"{len(ranked)} networks",
        )
    chance = finished["chance"].dropna()
    if len(chance):
        panels[0].axhline(
            chance.median(), color="0.6", linestyle="--", label="always the same answer"
        )
    panels[0].set_ylim(-0.03, 1.03)
    panels[0].set_xlabel("networks, by accuracy")
    panels[0].set_ylabel("share of correct trials")
    panels[0].xaxis.set_major_locator(MaxNLocator(integer=True))
    panels[0].legend(fontsize=7, loc="lower right")
    for row, column in enumerate(verdicts):
        left = 0
        for verdict in VERDICTS:
            count = int((finished[column] == verdict).sum())
            if count:
                panels[1].barh(row, count, left=left, color=VERDICT_COLOURS[verdict])
                panels[1].text(
                    left + count / 2,
                    row,
                    f"{verdict}\n{count}",
                    ha="center",
                    va="center",
                    fontsize=6,
                )
            left += count
    if verdicts:
        panels[1].set_yticks(
            range(len(verdicts)), [n.removeprefix("verdict").strip() or "verdict" for n in verdicts]
        )
        panels[1].set_xlabel("networks")
        panels[1].xaxis.set_major_locator(MaxNLocator(integer=True))
    if inputs:
        ax = bottom.subplots()
        counts = [learned[name].dropna().to_numpy(float) for name in inputs]
        for row, values in enumerate(counts):
            levels, number = np.unique(values, return_counts=True)
            ax.scatter(
                levels,
                np.full(len(levels), row),
                s=12 + 90 * number / number.sum(),
                color=CHOICE_COLOURS[0],
                alpha=0.8,
                linewidths=0,
            )
        ax.set_yticks(range(len(inputs)), [n.removeprefix("fixed at ") for n in inputs], fontsize=7)
        ax.invert_yaxis()
        ax.set_xlabel(
            f"fixed points found in the {len(learned)} that learned; larger: more of them"
        )
        ax.xaxis.set_major_locator(MaxNLocator(integer=True))
    return figure
