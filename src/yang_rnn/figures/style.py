"""What all figures share: colours, settings, sizes, projection, axes, legends.

Colours mean the same choice everywhere and can be told apart by a colour-blind reader (the palette
of Okabe & Ito, "Color universal design", 2008).
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterator, Sequence
from functools import wraps
from typing import TYPE_CHECKING, Any, Literal, ParamSpec

import matplotlib as mpl
import numpy as np
from cycler import cycler
from matplotlib.axes import Axes
from matplotlib.colors import to_rgb
from matplotlib.figure import Figure
from matplotlib.font_manager import FontProperties

from yang_rnn._checks import check_array, check_has, check_one_of, check_text
from yang_rnn.trials import signed_by_choice

if TYPE_CHECKING:
    from sklearn.decomposition import PCA

    from yang_rnn.analysis import Averages
    from yang_rnn.trials import Trials

CHOICE_COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9")
"""Colour of each choice by default, in order; from the seventh on they start over.

Figures take those of ``STYLE["axes.prop_cycle"]``, which are these unless it was changed.
"""

Width = Literal["single", "double"]
"""One column of a page or two."""

WIDTHS: dict[str, float] = {"single": 85.0, "double": 174.0}
"""How wide a figure of one column of a page, ``"single"``, and of two, ``"double"``, is (mm)."""

POINT_STYLES: dict[str, dict[str, Any]] = {
    "slow": {"marker": "x", "color": "0.25", "markersize": 4, "markeredgewidth": 0.8},
    "fixed": {"marker": "o", "color": "black", "markersize": 5},
    "fixed, stable": {"marker": "o", "color": "black", "markersize": 5},
    "fixed, marginal": {"marker": "s", "color": "0.5", "markersize": 5, "mec": "black"},
    "fixed, saddle": {"marker": "D", "color": "white", "markersize": 5, "mec": "black"},
    "fixed, unstable": {"marker": "^", "color": "white", "markersize": 6, "mec": "black"},
    "far": {"marker": "+", "color": "0.6", "markersize": 6, "markeredgewidth": 0.8},
}
"""How a point is drawn by its status and, if it is fixed, its stability; far from the data alike.
"""

MANIFOLD_STYLE: dict[str, Any] = {"color": "black", "linewidth": 1.2}
"""The slow manifold."""

EIGENVECTOR_STYLE: dict[str, Any] = {"color": "#CC79A7", "linewidth": 4.0, "alpha": 0.8}
"""The right eigenvector that evidence drives, through the centre."""

CENTRE_STYLE: dict[str, Any] = {
    "marker": "o",
    "color": "none",
    "markersize": 11,
    "mec": "#CC79A7",
    "markeredgewidth": 1.8,
}
"""The ring around the point that an analysis stands on."""

NO_EVIDENCE_STYLE: dict[str, Any] = {"color": "0.25", "linestyle": "--"}
"""Trials without evidence."""

STYLE: dict[Any, Any] = {
    "font.size": 8.4,  # all letters follow it: "small", that of ticks and legends, is 7
    "axes.titlesize": "medium",
    "axes.labelsize": "medium",
    "xtick.labelsize": "small",
    "ytick.labelsize": "small",
    "legend.fontsize": "small",
    "legend.title_fontsize": "small",
    "figure.titlesize": "large",
    "axes.prop_cycle": cycler(color=CHOICE_COLOURS),
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.linewidth": 0.7,
    "legend.frameon": False,
    "legend.labelspacing": 0.3,
    "legend.handlelength": 1.6,
    "legend.columnspacing": 1.2,
    "lines.linewidth": 1.0,
    "figure.dpi": 150.0,
    "savefig.dpi": 300.0,
    "pdf.fonttype": 42,
}
"""Settings of Matplotlib in force while a figure is drawn or saved, and not after.

The one place to change how all figures look: ``STYLE["font.size"] = 10``, or a whole style,
``STYLE.update(matplotlib.style.library["grayscale"])``. The colours of the choices are those of
``STYLE["axes.prop_cycle"]``.
"""

_P = ParamSpec("_P")


def styled(draw: Callable[_P, Figure]) -> Callable[_P, Figure]:
    """Draw with `STYLE`; arguments in a wrong order are an error that says what was expected."""
    parameters = inspect.signature(draw).parameters.values()
    named = [p.name for p in parameters if p.kind is p.KEYWORD_ONLY]
    placed = [p.name for p in parameters if p.kind is not p.KEYWORD_ONLY]

    @wraps(draw)
    def drawn(*args: _P.args, **kwargs: _P.kwargs) -> Figure:
        if len(args) > len(placed):
            got = ", ".join(type(value).__name__ for value in args)
            raise TypeError(
                f"`{draw.__name__}` takes `{'`, `'.join(placed)}` first, and by name "
                f"{', '.join(f'{name}=' for name in named)}; got {got}"
            )
        if "width" in kwargs:
            check_one_of("width", kwargs["width"], WIDTHS)
        with mpl.rc_context(STYLE):
            return draw(*args, **kwargs)

    return drawn


def check_pca(pca: Any, dimensions: int = 2) -> None:
    """Raise an error where an argument is no fitted PCA of so many components."""
    names = ("transform", "components_", "mean_", "explained_variance_ratio_")
    check_has("pca", pca, "a fitted PCA", *names)
    if len(pca.components_) < dimensions:
        raise ValueError(f"`pca` must have {dimensions} components; got {len(pca.components_)}")


def num_units(pca: PCA) -> int:
    """Return the units of the states that a PCA was fitted to."""
    return np.asarray(pca.components_).shape[1]


def check_mean(mean: Any, *, optional: bool = False) -> None:
    """Raise an error where an argument is no averages."""
    if optional and mean is None:
        return
    check_has("mean", mean, "Averages", "level", "activity")
    activity = check_array("mean.activity", mean.activity, ("time", "level", "unit"))
    check_array("mean.level", mean.level, (activity.shape[1],))


def check_verdict(verdict: Any, *, optional: bool = False) -> None:
    """Raise an error where an argument is no verdict."""
    if not optional or verdict is not None:
        parts = ("points", "manifold", "driven", "criteria", "measures", "integration", "response")
        check_has("verdict", verdict, "a Verdict", *parts)


def check_words(condition: Any, unit: Any = "") -> None:
    """Raise an error where what a condition is called, or its unit if there is one, is no text."""
    check_text("condition", condition)
    if unit is not None:
        check_text("unit", unit)


def unit_of(unit: str | None, condition: str, levels: Any) -> str:
    """Return a unit; without it ``%`` for a coherence with levels beyond 1, none for others."""
    if unit is not None:
        return unit
    in_percent = condition in ("coherence", "signed coherence") and np.abs(levels).max() > 1
    return "%" if in_percent else ""


def project(pca: PCA, states: Any, dimensions: int = 2, name: str = "activity") -> np.ndarray:
    """Return states (..., unit) in the first PCs, (..., dimensions)."""
    check_pca(pca, dimensions)
    states = check_array(name, states, (..., num_units(pca)))
    flat = pca.transform(states.reshape(-1, states.shape[-1]))
    return flat[:, :dimensions].reshape(*states.shape[:-1], dimensions)


def colour_of(choice: Any) -> Any:
    """Return the colour of a choice, counted from 0."""
    colours = STYLE["axes.prop_cycle"].by_key().get("color", CHOICE_COLOURS)
    return colours[int(choice) % len(colours)]


def shade_of(level: float, levels: Any) -> tuple[float, float, float]:
    """Return the colour of a level among all levels of a condition: darker with strength.

    Below 0 the hue is that of choice 1, above that of choice 2; 0 is almost black.
    """
    if level == 0:
        return to_rgb(NO_EVIDENCE_STYLE["color"])
    strengths = np.unique(np.abs(np.asarray(levels, float)))
    strengths = strengths[strengths > 0]
    base = np.array(to_rgb(colour_of(0 if level < 0 else 1)))
    if len(strengths) == 1:
        return to_rgb(base.tolist())
    share = np.searchsorted(strengths, abs(level)) / (len(strengths) - 1)
    pale, dark = 0.45 * base + 0.55, 0.6 * base
    return to_rgb((pale + share * (dark - pale)).tolist())


def level_style(level: float, levels: Any) -> dict[str, Any]:
    """Return how a level of a condition is drawn: its shade, and dashed at 0."""
    if level == 0:
        return dict(NO_EVIDENCE_STYLE)
    return {"color": shade_of(level, levels), "linestyle": "-"}


def shaded(mean: Averages, paths: np.ndarray) -> Iterator[tuple[float, np.ndarray, dict[str, Any]]]:
    """Give the level, the path (time, dimension) and the style of each average.

    Parameters
    ----------
    mean : Averages
    paths : array of shape (time, level, dimension)
        Its states, projected.
    """
    for level, path in zip(mean.level, paths.swapaxes(0, 1), strict=True):
        yield level, path, level_style(level, mean.level)


def signed_strength(trials: Trials, condition: str) -> np.ndarray | None:
    """Return the strength of each trial's evidence, negative for choice 1; None without any."""
    if condition not in trials.conditions or trials.choice is None or np.max(trials.choice) > 1:
        return None
    return signed_by_choice(trials.condition(condition), trials.choice)


def label_pcs(ax: Any, pca: PCA, dimensions: int = 2) -> None:
    """Name the axes, with the share of the variance that each PC explains."""
    share = 100 * pca.explained_variance_ratio_
    ax.set_xlabel(f"PC 1 ({share[0]:.0f} % of variance)")
    ax.set_ylabel(f"PC 2 ({share[1]:.0f} %)")
    if dimensions == 3:
        ax.set_zlabel(f"PC 3 ({share[2]:.0f} %)")


def manifold_style(manifold: Any) -> dict[str, Any]:
    """Return how a slow manifold is drawn, with its label: dotted where it has not converged."""
    if manifold.converged:
        return {**MANIFOLD_STYLE, "label": "slow manifold"}
    return {**MANIFOLD_STYLE, "linestyle": ":", "label": "slow manifold, not converged"}


def legend_above(
    ax: Axes, title: str = "", *, heading: str = "", grow: bool = False, share: float = 0.85
) -> None:
    """Put a legend above axes, where it lies on no data, and a title above that.

    Parameters
    ----------
    ax : Axes
    title : str
    heading : str
        What stands above the legend's entries.
    grow : bool
        Whether the figure is made higher by as much, so that the axes keep their height.
    share : float
        How much of the width of their place in the figure the axes have.
    """
    labels = ax.get_legend_handles_labels()[1]
    if not labels:
        ax.set_title(title)
        return
    columns = columns_for(labels, share * _width_of(ax))
    place: Any = {"loc": "lower center", "bbox_to_anchor": (0.5, 1.0)}
    legend: Any = ax.legend(**place, ncols=columns, title=heading or None)
    parts = [[label.count("\n") + 1 for label in part] for part in _split(labels, columns)]
    rows, lines = len(parts[0]) + bool(heading), max(map(sum, parts)) + bool(heading)
    settings = mpl.rcParams
    padding = settings["legend.borderaxespad"] + 2 * settings["legend.borderpad"]
    between = settings["legend.labelspacing"] * (rows - 1)
    height = legend.get_texts()[0].get_fontsize() * (1.17 * lines + between + padding)
    ax.set_title(title, pad=height + 2)
    if grow:
        figure = figure_of(ax)
        across, up = figure.get_size_inches()
        figure.set_size_inches(across, up + height / 72)


def _split(labels: Sequence[str], columns: int) -> list[list[str]]:
    """Return the labels of each column of a legend, as Matplotlib distributes them."""
    return [part.tolist() for part in np.array_split(np.array(labels, dtype=object), columns)]


def legend_below(figure: Any, *axes: Axes, heading: str = "") -> None:
    """Put one legend of all that axes show below a figure, each label once.

    Parameters
    ----------
    figure : Figure or SubFigure
    axes : Axes
    heading : str
        What stands above its entries.
    """
    found: dict[str, Any] = {}
    for ax in axes:
        handles, labels = ax.get_legend_handles_labels()
        found = dict(zip(labels, handles, strict=True)) | found
    if found:
        room = 72 * figure.bbox.width / figure.dpi
        place: Any = {"loc": "outside lower center", "ncols": columns_for(list(found), room)}
        figure.legend(found.values(), found.keys(), title=heading or None, **place)


def columns_for(labels: Sequence[str], room: float) -> int:
    """Return how many columns of a legend with these labels fit into a width in points."""
    settings = mpl.rcParams
    size = FontProperties(size=settings["legend.fontsize"]).get_size_in_points()
    beside = settings["legend.handlelength"] + settings["legend.handletextpad"]
    beside += settings["legend.columnspacing"]
    for columns in range(len(labels), 1, -1):
        lines = [[line for label in part for line in label.split("\n")]
                 for part in _split(labels, columns)]  # fmt: skip
        if sum(0.57 * max(map(len, column)) + beside for column in lines) * size <= room:
            return columns
    return 1


def _width_of(ax: Axes) -> float:
    """Return the width (points) that axes have in their figure, labels with them."""
    width = 72 * ax.figure.bbox.width / ax.figure.dpi
    place = ax.get_subplotspec()
    if place is None:
        return width
    grid: Any = place.get_gridspec()
    ratios = np.array(grid.get_width_ratios(), float)
    return width * ratios[place.colspan].sum() / ratios.sum()


class StyledFigure(Figure):
    """A figure that `savefig`, too, writes by `STYLE`: with 300 dpi, text in a PDF as text."""

    def savefig(self, fname: Any, *, transparent: bool | None = None, **kwargs: Any) -> None:
        """Write it to a file, as every Figure does."""
        with mpl.rc_context(STYLE):
            super().savefig(fname, transparent=transparent, **kwargs)


def new_figure(width: Width, height: float) -> Figure:
    """Return an empty figure of a width and a height (mm)."""
    size = (WIDTHS[width] / 25.4, height / 25.4)
    return StyledFigure(figsize=size, layout="constrained")


def axes_or_new(ax: Axes | None, width: Width) -> Axes:
    """Return the axes, or those of a new figure."""
    if ax is not None:
        check_has("ax", ax, "Axes", "plot", "get_figure", "set_xlabel")
        return ax
    return new_figure(width, 70.0 if width == "single" else 100.0).subplots()


def grid_of(number: int, width: Width, height: float, columns: int) -> tuple[Figure, list[Axes]]:
    """Return a figure of so many panels of a height (mm), half as many columns if it is narrow."""
    columns = min(number, columns if width == "double" else max(1, columns // 2))
    rows = -(-number // columns)
    figure = new_figure(width, height * rows + 6.0)
    panels: list[Axes] = list(np.ravel(figure.subplots(rows, columns, squeeze=False)))
    for ax in panels[number:]:
        ax.set_axis_off()
    return figure, panels[:number]


def figure_of(ax: Axes) -> Figure:
    """Return the figure that axes belong to."""
    figure = ax.get_figure(root=True)
    if figure is None:
        raise ValueError("`ax` must belong to a figure")
    return figure
