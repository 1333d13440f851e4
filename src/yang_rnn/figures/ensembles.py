"""Figures of many networks that integrate evidence."""

from __future__ import annotations

from collections.abc import Sequence
from textwrap import wrap
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from yang_rnn._checks import check_has, check_is, check_text, shown
from yang_rnn.figures.outcomes import (
    MECHANISM_COLOURS,
    VERDICT_COLOURS,
    draw_shares,
    group_name,
)
from yang_rnn.figures.style import StyledFigure, Width, new_figure, project, shaded, styled
from yang_rnn.line_attractor.thresholds import Thresholds

if TYPE_CHECKING:
    import pandas
    from sklearn.decomposition import PCA

    from yang_rnn.analysis import Averages

MOST_ROWS = 8
"""Combinations of recipe and varied numbers that have a row each; more are put together."""


PANELS = ("shares", "counts", "integration", "eigenvalues", "portraits")
"""Parts of the figure of a sweep, from above."""


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
    *,
    summary: pandas.DataFrame,
    portraits: Sequence[Portrait] = (),
    varied: Sequence[str] | None = None,
    panels: Sequence[str] = PANELS,
    thresholds: Thresholds | None = None,
    condition: str = "signed coherence",
    width: Width = "double",
) -> Figure:
    """Draw a sweep: what its networks do and why, how often, by which numbers, and portraits.

    Each combination of recipe and varied numbers has a row: how many networks do what by what, the
    efficiency against the constancy of direction of each with the thresholds between the verdicts,
    and their leading eigenvalues.

    Parameters
    ----------
    table : pandas.DataFrame
        One row per network: its recipe, varied numbers, verdict, mechanism and measures.
    summary : pandas.DataFrame
        One row per group of networks and verdict or mechanism, with Wilson's intervals.
    portraits : sequence of Portrait
        Averaged trajectories of some members, each in the plane of its own PCs.
    varied : sequence of str, optional
        Fields of the recipe that the sweep varies; without it the summary's columns between
        ``recipe`` and ``of``.
    panels : sequence of {"shares", "counts", "integration", "eigenvalues", "portraits"}
        What to draw: the share of each outcome, how many do what by what, efficiency against
        constancy, leading eigenvalues, trajectories. In one column, of up to four combinations,
        each of them alone is at most 240 mm high.
    thresholds : Thresholds, optional
        Those that the table was judged by, as `judge_again` was told.
    condition : str
        What the trajectories are averaged by.
    width : {"single", "double"}
        Columns of a page that the figure is as wide as; in one, panels stand below each other.
    """
    varied = _check(table, summary, portraits, varied)
    check_text("condition", condition)
    check_is("thresholds", thresholds, Thresholds, optional=True)
    at = thresholds or Thresholds()
    wide = width == "double"
    middle = _chosen(panels, portraits)
    judged = _judged(table)
    groups = _groups(judged, varied)
    several = len(table.groupby(["recipe", *varied], dropna=False)) > 1
    if not 1 <= len(groups) <= MOST_ROWS:
        groups = [("all", judged)]
    of_each = _Grid.of(len(groups), middle, wide)
    above = 0.5 if "shares" not in panels and middle != ["counts"] else 0.0  # names of colours
    columns = 4 if wide else 2
    rows = -(-len(portraits) // columns)
    heights = {"shares": 5.6, "middle": of_each.height + above}
    heights["portraits"] = (1.7 if wide else 1.4) * rows + 0.4
    drawn = [name for name in heights if name in panels or (name == "middle" and middle)]
    drawn = [name for name in drawn if name != "portraits" or portraits]
    figure = new_figure(width, 25.4 * sum(heights[name] for name in drawn))
    places: Any = figure.subfigures(
        len(drawn), 1, height_ratios=[heights[name] for name in drawn], squeeze=False
    )
    part = dict(zip(drawn, places[:, 0], strict=True))
    if "shares" in part:
        for ax, of in zip(part["shares"].subplots(2, 1), ("verdict", "mechanism"), strict=True):
            draw_shares(ax, summary, of, varied)
    if "middle" in part:
        draw = {
            "counts": lambda ax, members, name: _what_and_why(ax, members, judged, name),
            "integration": lambda ax, members, name: _integration(
                ax, members, name, _limits(judged), at
            ),
            "eigenvalues": _eigenvalues,
        }
        axes = of_each.axes(part["middle"])
        for row, (name, members) in zip(axes, groups, strict=True):
            name = "\n".join(wrap(name, of_each.letters)) if several else ""
            for ax, what in zip(row, middle, strict=True):
                draw[what](ax, members, name)
        if "shares" not in part:
            _name_what_occurs(part["middle"], judged, middle, wide)
    if "portraits" in part:
        _portraits(part["portraits"], portraits, (rows, columns), condition)
    return figure


def _name_what_occurs(part: Any, judged: Any, middle: Sequence[str], wide: bool) -> None:
    """Name the colours of marks, above all panels, where no bars do."""
    of_marks = {
        "integration": ("verdict", VERDICT_COLOURS),
        "eigenvalues": ("mechanism", MECHANISM_COLOURS),
    }
    marks = [
        Line2D([], [], linestyle="", marker="o", markersize=5, color=colour, label=name)
        for panel, (column, colours) in of_marks.items()
        if panel in middle and column in judged
        for name, colour in colours.items()
        if (judged[column] == name).any()
    ]
    if marks:
        part.legend(handles=marks, loc="outside upper center", ncols=4 if wide else 2)


class _Grid(NamedTuple):
    """Where the panels of each group are.

    Attributes
    ----------
    groups, kinds : int
        Groups, and panels of each.
    shape : tuple of int
        Rows and columns.
    height : float
        Of all together (inches).
    letters : int
        That a line above a panel has room for.
    """

    groups: int
    kinds: int
    shape: tuple[int, int]
    height: float
    letters: int

    @classmethod
    def of(cls, groups: int, panels: Sequence[str], wide: bool) -> _Grid:
        """Put several panels of a group side by side, and single ones of several groups.

        In one column they stand below each other, where names of outcomes take the room.
        """
        kinds, labels = len(panels), list(panels) == ["counts"]
        if kinds > 1:
            shape = (groups, kinds) if wide else (kinds * groups, 1)
        else:
            columns = min(groups, 3 if wide else 1 if labels else 2)
            shape = (-(-groups // columns), columns)
        each = 3.1 if wide else 2.67 if kinds > 1 else 2.0 if labels else 2.4
        narrow = not wide and shape[1] > 1
        return cls(groups, kinds, shape, each * shape[0], 22 if narrow else 36)

    def axes(self, figure: Any) -> np.ndarray:
        """Return the axes of each panel of each group, (group, kind); those left over are empty."""
        axes = figure.subplots(*self.shape, squeeze=False).ravel()
        used = self.groups * self.kinds
        for ax in axes[used:]:
            ax.set_axis_off()
        return axes[:used].reshape(self.groups, self.kinds)


def _chosen(panels: Any, portraits: Sequence[Portrait]) -> list[str]:
    """Check which panels are chosen; return those that each group has."""
    if isinstance(panels, str) or not isinstance(panels, (list, tuple)):
        raise TypeError(f"`panels` must be a sequence of names; got {shown(panels)}")
    unknown = [name for name in panels if name not in PANELS]
    if unknown or not panels:
        raise ValueError(f"`panels` must be among {', '.join(PANELS)}; got {shown(panels)}")
    if set(panels) == {"portraits"} and not portraits:
        raise ValueError("`portraits` must have one or more where they alone are drawn; got none")
    return [name for name in PANELS[1:-1] if name in panels]


def _check(table: Any, summary: Any, portraits: Any, varied: Any) -> list[str]:
    """Check what is drawn; return the varied fields, found from the summary where not given."""
    for name, frame in (("table", table), ("summary", summary)):
        check_has(name, frame, "a DataFrame", "groupby", "columns")
        if "recipe" not in frame:
            raise ValueError(f"`{name}` must have a column 'recipe'; got {list(frame.columns)}")
    if varied is None:
        varied = _varied_in(summary)
    if isinstance(varied, str) or not isinstance(varied, (list, tuple)):
        raise TypeError(f"`varied` must be a sequence of names; got {shown(varied)}")
    unknown = [field for field in varied if field not in table or field not in summary]
    if unknown:
        raise ValueError(f"`varied` must be columns of table and summary; got {shown(unknown)}")
    if not isinstance(portraits, (list, tuple)):
        raise TypeError(f"`portraits` must be a sequence of Portrait; got {shown(portraits)}")
    for portrait in portraits:
        check_is("portraits", portrait, Portrait)
    if {"of", "outcome"} <= set(summary) and summary.duplicated(
        ["recipe", *varied, "of", "outcome"]
    ).any():
        raise ValueError(
            "`varied` must name all numbers that `summary` has a row for each value of; got "
            f"{shown(list(varied))}"
        )
    _check_counts(table, summary, list(varied))
    return list(varied)


def _check_counts(table: Any, summary: Any, varied: Sequence[str]) -> None:
    """Check that the verdicts of a summary are those of the table."""
    if not {"of", "outcome", "count"} <= set(summary) or "verdict" not in table:
        return
    keys = ["recipe", *varied, "verdict"]
    there = table.groupby(keys, dropna=True).size()
    for _, row in summary[summary["of"] == "verdict"].iterrows():
        number = there.get((*(row[name] for name in keys[:-1]), row["outcome"]), 0)
        if number != row["count"]:
            raise ValueError(
                f"`summary` must be of `table`, as `yang_rnn.summary_of(table)` gives it: it has "
                f"{row['count']} of {row['outcome']}, the table {number}"
            )


def _varied_in(summary: Any) -> list[str]:
    """Return the columns of a summary that its networks are grouped by, besides the recipe."""
    columns = list(summary.columns)
    if "of" not in columns:
        raise ValueError(
            f"`varied` must be given where `summary` has no column 'of'; it has {columns}"
        )
    return columns[columns.index("recipe") + 1 : columns.index("of")]


def _judged(table: Any) -> Any:
    """Return the rows that have a verdict."""
    return table.dropna(subset=["verdict"]) if "verdict" in table else table.iloc[:0]


def _groups(judged: Any, varied: Sequence[str]) -> list[tuple[str, Any]]:
    """Return the name and the members of each recipe and combination of varied numbers."""
    grouped = judged.groupby(["recipe", *varied], sort=True, dropna=False)
    return [(group_name(varied, key), members) for key, members in grouped]


def _numbers(members: Any, *names: str) -> list[np.ndarray]:
    """Return columns as numbers, NaN where there are none."""
    nothing = np.full(len(members), np.nan)
    return [members[n].to_numpy(float) if n in members else nothing for n in names]


def _rarer_last(members: Any, column: str, colours: dict[str, str]) -> list[tuple[str, str]]:
    """Return the outcomes of a column with their colours, the most frequent first."""
    if column not in members:
        return []
    counts = members[column].value_counts()
    return [(name, colours[name]) for name in counts.index]


def _set_title(ax: Axes, what: str, name: str, missing: int = 0) -> None:
    """Say what axes show, and below of which group, and of how many it is not defined."""
    parts = [name, f"{missing} undefined" if missing else ""]
    ax.set_title("\n".join([what, ", ".join(filter(None, parts))]).strip(), fontsize="small")


def _what_and_why(ax: Axes, members: Any, judged: Any, name: str) -> None:
    """Draw how many networks do what by what, for all that some of the judged do."""
    _set_title(ax, "networks,\nby what they do and why", name)
    does, why = (
        [each for each in colours if column in judged and (judged[column] == each).any()]
        for column, colours in (("verdict", VERDICT_COLOURS), ("mechanism", MECHANISM_COLOURS))
    )
    if not (does and why):
        _say_none(ax)
        return
    counts = np.array([
        [int(((members["verdict"] == one) & (members["mechanism"] == other)).sum())
         for other in why] for one in does
    ])  # fmt: skip
    most = max(1, counts.max())
    ax.imshow(counts, cmap="Greys", vmin=0, vmax=1.2 * most, aspect="auto")
    for (row, column), count in np.ndenumerate(counts):
        if count:
            colour = "white" if count > 0.6 * most else "black"
            ax.text(
                column, row, str(count), ha="center", va="center", color=colour, fontsize="small"
            )
    ax.set_xticks(
        range(len(why)), why, rotation=35, ha="right", rotation_mode="anchor", fontsize="small"
    )
    ax.set_yticks(range(len(does)), does, fontsize="small")
    ax.set_xticks(np.arange(len(why) + 1) - 0.5, minor=True)
    ax.set_yticks(np.arange(len(does) + 1) - 0.5, minor=True)
    ax.grid(which="minor", color="0.85", linewidth=0.6)
    ax.tick_params(which="both", length=0)


def _say_none(ax: Axes) -> None:
    ax.text(0.5, 0.5, "none was judged", ha="center", va="center", transform=ax.transAxes)
    ax.set_xticks([])
    ax.set_yticks([])


def _limits(judged: Any) -> tuple[tuple[float, float], tuple[float, float]]:
    """Return what constancies and efficiencies reach from and to, all groups alike."""
    lowest, highest = [], []
    for values in _numbers(judged, "constancy", "efficiency"):
        known = values[np.isfinite(values)]
        lowest.append(min([0.4, *known]))
        highest.append(max([1.0, *known]))
        room = 0.06 * (highest[-1] - lowest[-1])  # whole dots at the ends
        lowest[-1] -= room
        highest[-1] += room
    return (lowest[0], highest[0]), (lowest[1], highest[1])


def _integration(
    ax: Axes,
    members: Any,
    name: str,
    limits: tuple[tuple[float, float], tuple[float, float]],
    at: Thresholds,
) -> None:
    """Draw the efficiency of each network against its constancy, and where verdicts end."""
    ax.axvline(at.straight, color="0.6", linewidth=0.8, linestyle="--", zorder=1)
    for level in (at.loses, at.keeps):
        ax.axhline(level, color="0.6", linewidth=0.8, linestyle="--", zorder=1)
        beside: Any = {"transform": ax.get_yaxis_transform(), "va": "center"}
        ax.text(1.01, level, f"{level:g}", color="0.5", fontsize="small", **beside)
    for verdict, colour in _rarer_last(members, "verdict", VERDICT_COLOURS):
        x, y = _numbers(members[members["verdict"] == verdict], "constancy", "efficiency")
        ax.plot(x, y, ".", color=colour, alpha=0.8, markersize=_size(members))
    without = int(np.isnan(np.sum(_numbers(members, "constancy", "efficiency"), axis=0)).sum())
    _set_title(ax, "efficiency and constancy,\nby verdict", name, without)
    ax.set_xlim(limits[0])
    ax.set_ylim(limits[1])
    ax.set_xlabel(f"constancy of direction\n(dashed: {at.straight:g})")
    ax.set_ylabel("efficiency of the kernel")


def _eigenvalues(ax: Axes, members: Any, name: str) -> None:
    """Draw each member's leading eigenvalue, with the conjugate that it may have."""
    angle = np.linspace(0, 2 * np.pi, 361)
    ax.plot(np.cos(angle), np.sin(angle), color="0.7", linewidth=0.8)
    parts = ("eigenvalue_real", "eigenvalue_imag")
    for mechanism, colour in _rarer_last(members, "mechanism", MECHANISM_COLOURS):
        real, imag = _numbers(members[members["mechanism"] == mechanism], *parts)
        style = {"color": colour, "alpha": 0.8, "markersize": _size(members)}
        ax.plot(real, imag, ".", **style)
        ax.plot(real, -imag, ".", **style)
    without = int(np.isnan(_numbers(members, *parts)[0]).sum())
    ax.set_aspect("equal", adjustable="datalim")
    _set_title(ax, "leading eigenvalues,\nby mechanism", name, without)
    ax.set_xlabel("Re \u03bb")
    ax.set_ylabel("Im \u03bb")


def _size(members: Any) -> float:
    """Return the size of a network's mark, smaller among many."""
    return 7.0 if len(members) <= 100 else 4.0


def _portraits(
    figure: Any, portraits: Sequence[Portrait], shape: tuple[int, int], condition: str
) -> None:
    figure.suptitle(
        f"averaged trajectories by {condition}:\nblue for choice 1, orange for choice 2, "
        "darker with strength", fontsize="medium" if shape[1] > 2 else "small",
    )  # fmt: skip
    places = list(np.ravel(figure.subplots(*shape, squeeze=False)))
    for ax, portrait in zip(places, portraits, strict=False):
        _portrait(ax, portrait)
    for ax in places[len(portraits) :]:
        ax.set_axis_off()


@styled
def portrait(portrait: Portrait) -> Figure:
    """Draw the portrait of a network by itself, as small as those of a sweep.

    Parameters
    ----------
    portrait : Portrait
    """
    check_is("portrait", portrait, Portrait)
    figure = StyledFigure(figsize=(2.4, 2.2), layout="constrained")
    _portrait(figure.subplots(), portrait)
    return figure


def _portrait(ax: Axes, portrait: Portrait) -> None:
    paths = project(portrait.pca, portrait.mean.activity)
    for _, path, style in shaded(portrait.mean, paths):
        ax.plot(*path.T, linewidth=1.0, **style)
    ax.set_title(portrait.title.replace(": ", ":\n"), fontsize="small")
    ax.set_xticks([])
    ax.set_yticks([])
    ax.set_xlabel("PC 1", fontsize="small")
    ax.set_ylabel("PC 2", fontsize="small")
