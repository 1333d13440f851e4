"""What all figures share: colours, settings, projection, axes.

Colours mean the same choice everywhere and can be told apart by a colour-blind reader (the palette
of Okabe & Ito, "Color universal design", 2008).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from functools import wraps
from typing import TYPE_CHECKING, Any, ParamSpec

import matplotlib as mpl
import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import to_rgb
from matplotlib.figure import Figure

from yang_rnn._checks import check_array, check_has, check_text

if TYPE_CHECKING:
    from sklearn.decomposition import PCA

    from yang_rnn.analysis import Averages

CHOICE_COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9")
"""Colour of each choice, in order; from the seventh on they start over."""

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

STYLE: dict[Any, Any] = {
    "font.size": 9.0,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.titlesize": 10.0,
    "legend.frameon": False,
    "lines.linewidth": 1.0,
    "figure.dpi": 110.0,
    "savefig.dpi": 200.0,
    "pdf.fonttype": 42,
}
"""Settings in force while a figure is drawn or saved, and not after."""

_P = ParamSpec("_P")


def styled(draw: Callable[_P, Figure]) -> Callable[_P, Figure]:
    """Draw with `STYLE`."""

    @wraps(draw)
    def drawn(*args: _P.args, **kwargs: _P.kwargs) -> Figure:
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


def check_words(label: Any, unit: Any = "") -> None:
    """Raise an error where what a condition is called is no text."""
    check_text("label", label)
    check_text("unit", unit)


def project(pca: PCA, states: Any, dimensions: int = 2, name: str = "activity") -> np.ndarray:
    """Return states (..., unit) in the first PCs, (..., dimensions)."""
    check_pca(pca, dimensions)
    states = check_array(name, states, (..., num_units(pca)))
    flat = pca.transform(states.reshape(-1, states.shape[-1]))
    return flat[:, :dimensions].reshape(*states.shape[:-1], dimensions)


def colour_of(choice: Any) -> str:
    """Return the colour of a choice, counted from 0."""
    return CHOICE_COLOURS[int(choice) % len(CHOICE_COLOURS)]


def shade_of(level: float, strongest: float) -> tuple[float, ...]:
    """Return the colour of a level of a condition: its sign's hue, lighter with strength.

    Below 0 the hue is that of choice 1, above that of choice 2.
    """
    base = np.array(to_rgb(colour_of(0 if level < 0 else 1)))
    white = 0.7 * abs(level) / strongest
    return tuple((base * (1 - white) + white).tolist())


def shaded(mean: Averages, paths: np.ndarray) -> Iterator[tuple[float, np.ndarray, Any]]:
    """Give the level, the path (time, dimension) and the colour of each average but that of 0.

    Parameters
    ----------
    mean : Averages
    paths : array of shape (time, level, dimension)
        Its states, projected.
    """
    strongest = np.abs(mean.level).max()
    for level, path in zip(mean.level, paths.swapaxes(0, 1), strict=True):
        if level != 0:
            yield level, path, shade_of(level, strongest)


def label_pcs(ax: Any, pca: PCA, dimensions: int = 2) -> None:
    """Name the axes, with the share of the variance that each PC explains."""
    share = 100 * pca.explained_variance_ratio_
    ax.set_xlabel(f"PC 1 ({share[0]:.0f} % of variance)")
    ax.set_ylabel(f"PC 2 ({share[1]:.0f} %)")
    if dimensions == 3:
        ax.set_zlabel(f"PC 3 ({share[2]:.0f} %)")


def choice_legend(
    ax: Axes, choices: Any, extra: Sequence[tuple[str, dict[str, Any]]], loc: Any = "best"
) -> None:
    """Add a legend of the correct choices and of other marks."""
    for choice in np.unique(np.asarray(choices, dtype=int)):
        ax.plot([], [], color=colour_of(choice), label=f"choice {choice + 1} correct")
    for label, style in extra:
        ax.plot([], [], linestyle="none", label=label, **style)
    if ax.get_legend_handles_labels()[0]:
        ax.legend(fontsize=8, loc=loc)


def manifold_style(manifold: Any) -> dict[str, Any]:
    """Return how a slow manifold is drawn: dashed where it has not converged."""
    return MANIFOLD_STYLE if manifold.converged else {**MANIFOLD_STYLE, "linestyle": "--"}


def legend_above(ax: Axes, title: str = "", columns: int = 1) -> None:
    """Put a legend above axes, and a title above that."""
    entries = len(ax.get_legend_handles_labels()[0])
    if entries:
        place: Any = {"loc": "lower center", "bbox_to_anchor": (0.5, 1.0)}
        ax.legend(**place, ncols=columns, fontsize=7)
    ax.set_title(title, pad=11 * -(-entries // columns) + 12 if entries else None)


def axes_or_new(ax: Axes | None) -> Axes:
    """Return the axes, or those of a new figure."""
    if ax is not None:
        check_has("ax", ax, "Axes", "plot", "get_figure", "set_xlabel")
        return ax
    return Figure(figsize=(4.6, 4.0), layout="constrained").subplots()


def figure_of(ax: Axes) -> Figure:
    """Return the figure that axes belong to."""
    figure = ax.get_figure(root=True)
    if figure is None:
        raise ValueError("`ax` must belong to a figure")
    return figure
