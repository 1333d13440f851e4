"""What networks were found to do and why: their colours, and how often each is."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.ticker import MaxNLocator

from yang_rnn.figures.style import CHOICE_COLOURS, legend_above

_BLUE, _VERMILION, _GREEN, _PURPLE, _ORANGE, _SKY = CHOICE_COLOURS

VERDICT_COLOURS = {
    "line attractor": _GREEN,
    "leaky integrator": _BLUE,
    "unstable integrator": _VERMILION,
    "fast leak": _SKY,
    "turning integrator": _PURPLE,
    "not learned": "0.8",
    "inconclusive": "0.35",
}
"""Colour of each verdict."""

MECHANISM_COLOURS = {
    "slow direction": _BLUE,
    "several fixed points": _GREEN,
    "continuum": "black",
    "fast fixed point": _SKY,
    "rotation": _PURPLE,
    "chain": _ORANGE,
    "mixed modes": _VERMILION,
    "no fixed point": "0.8",
}
"""Colour of each mechanism."""

TITLES = {"verdict": "what they do", "mechanism": "why: by what they do it"}

COLOURS = {"verdict": VERDICT_COLOURS, "mechanism": MECHANISM_COLOURS}
"""Colours of what is judged."""


def group_name(varied: Sequence[str], key: Sequence[Any], between: str = ", ") -> str:
    """Name a group of networks by its recipe and its varied numbers."""
    return between.join([str(key[0]), *(f"{f} {v}" for f, v in zip(varied, key[1:], strict=True))])


def draw_shares(ax: Axes, summary: Any, of: str, varied: Sequence[str]) -> None:
    """Draw the share of each outcome with its interval, a group of bars each combination.

    Parameters
    ----------
    ax : Axes
        Its legend stands above it.
    summary : pandas.DataFrame
        One row per group of networks and outcome, with Wilson's intervals.
    of : {"verdict", "mechanism"}
    varied : sequence of str
        Fields of the recipe that make groups, besides its name.
    """
    colours = COLOURS[of]
    width = 0.84 / len(colours)
    names = []
    groups = summary[summary["of"] == of].groupby(["recipe", *varied], sort=True, dropna=False)
    for place, (key, group) in enumerate(groups):
        by_name = group.set_index("outcome")
        for k, (name, colour) in enumerate(colours.items()):
            if name not in by_name.index or not by_name.at[name, "judged"]:
                continue
            share, low, high = (float(by_name.at[name, part]) for part in ("share", "low", "high"))
            x = place + (k - (len(colours) - 1) / 2) * width
            ax.bar(x, share, 0.9 * width, color=colour)
            reach = [[max(0.0, share - low)], [max(0.0, high - share)]]
            ax.errorbar(x, share, yerr=reach, color="black", linewidth=0.7, capsize=1.5)
        names.append(f"{group_name(varied, key, chr(10))}\n({_counted(group.iloc[0])})")
    ax.set_xticks(range(len(names)), names, fontsize="small", rotation=90 if len(names) > 8 else 0)
    ax.tick_params(axis="x", length=0)
    ax.set_xlim(-0.5, max(len(names), 1) - 0.5)
    ax.set_ylim(0, 1.02)
    ax.set_ylabel("share of networks\n(95 % interval)")
    _name_colours(ax, colours, TITLES[of])


def _counted(group: Any) -> str:
    """Say how many networks there are of a group, a row of its summary."""
    number, failed = group["members"], group["failed"]
    return f"{number} network{'' if number == 1 else 's'}" + (
        f", {failed} failed" if failed else ""
    )


def _name_colours(ax: Axes, colours: dict[str, str], title: str) -> None:
    """Name outcomes by their colours, above axes."""
    for name, colour in colours.items():
        ax.plot([], [], "s", color=colour, markersize=6, label=name)
    legend_above(ax, title)


def draw_stacks(ax: Axes, table: Any, columns: Sequence[str], of: str) -> None:
    """Draw how many networks have each outcome, one bar for each column of a table.

    Parameters
    ----------
    ax : Axes
        Its legend stands above it.
    table : pandas.DataFrame
        One row per network.
    columns : sequence of str
        Of the table: ``of``, or ``of`` and a context.
    of : {"verdict", "mechanism"}
    """
    found = {
        name: [int((table[column] == name).sum()) for column in columns] for name in COLOURS[of]
    }
    left = np.zeros(len(columns))
    enough = 0.04 * max(1, len(table))  # room for the number within the bar
    for name, counts in found.items():
        ax.barh(range(len(columns)), counts, left=left.tolist(), color=COLOURS[of][name])
        for row, count in enumerate(counts):
            if count >= enough:
                box = {"boxstyle": "round,pad=0.15", "color": "white", "alpha": 0.8}
                where: Any = {"ha": "center", "va": "center", "fontsize": "small", "bbox": box}
                ax.text(left[row] + count / 2, row, str(count), **where)
        left += counts
    ax.set_yticks(range(len(columns)), [name.removeprefix(of).strip() or of for name in columns])
    ax.set_ylim(len(columns) - 0.4, -0.6)
    ax.set_xlabel(f"networks, by {of}")
    ax.xaxis.set_major_locator(MaxNLocator(integer=True))
    there = {name: COLOURS[of][name] for name, counts in found.items() if any(counts)}
    _name_colours(ax, there, "")
