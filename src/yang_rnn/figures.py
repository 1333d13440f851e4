"""The figures: each takes data and, if wanted, the axes to draw on, and returns a `Figure`.

Colours mean the same choice everywhere and can be told apart by a colour-blind reader (the palette
of Okabe & Ito, "Color universal design", 2008).
"""

import io
import os
from collections.abc import Callable, Sequence
from functools import wraps
from pathlib import Path
from typing import Any, ParamSpec

import matplotlib as mpl
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from sklearn.decomposition import PCA

from yang_rnn.behaviour import Psychometric
from yang_rnn.points import FixedPoints
from yang_rnn.task import Trials

CHOICE_COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9")
"""Colour of each choice, in order; from the seventh on they start over."""

POINT_STYLES: dict[str, dict[str, Any]] = {
    "slow": {"marker": "x", "color": "0.25", "markersize": 4, "markeredgewidth": 0.8},
    "fixed": {"marker": "o", "color": "black", "markersize": 5},
    "fixed, stable": {"marker": "o", "color": "black", "markersize": 5},
    "fixed, marginal": {"marker": "s", "color": "0.5", "markersize": 5, "mec": "black"},
    "fixed, saddle": {"marker": "D", "color": "white", "markersize": 5, "mec": "black"},
    "fixed, unstable": {"marker": "^", "color": "white", "markersize": 6, "mec": "black"},
}
"""How a point is drawn by its status and, if it is fixed, its stability."""

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


def _styled(draw: Callable[_P, Figure]) -> Callable[_P, Figure]:
    @wraps(draw)
    def styled(*args: _P.args, **kwargs: _P.kwargs) -> Figure:
        with mpl.rc_context(STYLE):
            return draw(*args, **kwargs)

    return styled


@_styled
def trajectories(
    pca: PCA,
    activity: Any,
    trials: Trials,
    num_few: int = 5,
    axes: Sequence[Axes] | None = None,
) -> Figure:
    """Draw trajectories in the plane of the first two PCs, coloured by the correct choice.

    Parameters
    ----------
    pca : PCA
        Fitted to states, see `yang_rnn.fit_pca`.
    activity : array of shape (time, trial, unit)
        Hidden states; h = 0 before the first step is not among them.
    trials : Trials
        The trials of this activity.
    num_few : int
        Trials in the second panel; the first shows all.
    axes : two Axes, optional
        Where to draw; without them on a new figure.

    Raises
    ------
    ValueError
        If activity and trials disagree on the number of trials, or `axes` are not two.
    """
    paths = _project(pca, activity)
    num_trials = paths.shape[1]
    if len(trials.choice) != num_trials:
        raise ValueError(
            f"`activity` and `trials` must have the same trials; got {num_trials} "
            f"and {len(trials.choice)}"
        )
    if axes is None:
        figure = Figure(figsize=(8.0, 3.8), layout="constrained")
        axes = list(figure.subplots(1, 2, sharex=True, sharey=True))
    if len(axes) != 2:
        raise ValueError(f"`axes` must be two Axes; got {len(axes)}")
    num_few = min(num_few, num_trials)
    for ax, shown, alpha in ((axes[0], num_trials, 0.45), (axes[1], num_few, 1.0)):
        for trial in range(shown):
            colour = _colour(trials.choice[trial])
            ax.plot(*paths[:, trial].T, color=colour, alpha=alpha, linewidth=0.9)
            ax.plot(*paths[-1, trial], ".", color=colour, alpha=alpha, markersize=5)
        _label_pcs(ax, pca)
        ax.set_title("first trial" if shown == 1 else f"{shown} trials")
    axes[1].set_ylabel("")
    _choice_legend(axes[0], trials.choice, extra=[("decision", {"marker": ".", "color": "0.3"})])
    return _figure_of(axes[0])


@_styled
def slow_points(
    pca: PCA,
    activity: Any,
    points: FixedPoints,
    trials: Trials | None = None,
    *,
    stability: Sequence[str] | None = None,
    centre: int | None = None,
    num_trajectories: int = 10,
    dimensions: int = 2,
    ax: Axes | None = None,
) -> Figure:
    """Draw fixed and slow points over faint trajectories in the space of the first PCs.

    Parameters
    ----------
    pca : PCA
        Fitted to states, with at least `dimensions` components.
    activity : array of shape (time, trial, unit)
        Hidden states, of which the first `num_trajectories` trials are drawn.
    points : FixedPoints
        The points; those neither fixed nor slow are not drawn. None is a figure that says so.
    trials : Trials, optional
        The trials of this activity: colours the trajectories by the correct choice.
    stability : sequence of str, optional
        A label for each point that begins with stable, saddle, unstable or marginal, as
        `Linearisation.label` has it: the shape and fill of fixed points.
    centre : int, optional
        The point that an analysis stands on: a ring around it.
    num_trajectories : int
        Trials to draw.
    dimensions : {2, 3}
        How many PCs.
    ax : Axes, optional
        Where to draw, in as many dimensions; without it on a new figure.

    Raises
    ------
    ValueError
        If `dimensions` is neither 2 nor 3 or more than the PCs, or there is not a label a point.
    """
    if dimensions not in (2, 3) or dimensions > pca.n_components_:
        raise ValueError(
            f"`dimensions` must be 2 or 3 and no more than the {pca.n_components_} components; "
            f"got {dimensions}"
        )
    labels = ["" for _ in range(len(points))] if stability is None else [str(s) for s in stability]
    if len(labels) != len(points):
        raise ValueError(f"`stability` must have {len(points)} labels; got {len(labels)}")
    paths = _project(pca, activity, dimensions)[:, :num_trajectories]
    if ax is None:
        figure = Figure(figsize=(4.6, 4.0), layout="constrained")
        ax = figure.add_subplot(projection="3d" if dimensions == 3 else None)
    for trial in range(paths.shape[1]):
        colour = "0.6" if trials is None else _colour(trials.choice[trial])
        ax.plot(*paths[:, trial].T, color=colour, alpha=0.35)

    extra: list[tuple[str, dict[str, Any]]] = []
    kinds = [_kind(s, label) for s, label in zip(points.status.tolist(), labels, strict=True)]
    for kind, style in POINT_STYLES.items():
        here = np.array([k == kind for k in kinds], dtype=bool)
        if here.any():
            coordinates = _project(pca, points.state[here], dimensions)
            ax.plot(*coordinates.T, linestyle="none", zorder=3, **style)
            extra.append((f"{here.sum()} {kind}", style))
    if not extra:
        ax.set_title("no slow point")
    if centre is not None:
        coordinates = _project(pca, points.state[[centre]], dimensions)
        ax.plot(*coordinates.T, linestyle="none", zorder=4, **CENTRE_STYLE)
        extra.append(("analysed point", CENTRE_STYLE))
    _label_pcs(ax, pca, dimensions)
    shown = () if trials is None else trials.choice[: paths.shape[1]]
    _choice_legend(ax, shown, extra, loc="upper left" if dimensions == 3 else "best")
    return _figure_of(ax)


def _kind(status: str, label: str) -> str:
    """Name how a point is drawn."""
    if status != "fixed":
        return status
    first = label.split(" ")[0]
    return f"fixed, {first}" if f"fixed, {first}" in POINT_STYLES else "fixed"


@_styled
def eigenvalues(values: Any, title: str | None = None, ax: Axes | None = None) -> Figure:
    """Draw the eigenvalues of a map's Jacobian in the complex plane, with the unit circle.

    A mode within the circle decays, one outside grows; the dashed line is Re = 1.

    Parameters
    ----------
    values : complex array of shape (mode,)
        The eigenvalues; none is a figure that says so.
    title : str, optional
        What point they belong to.
    ax : Axes, optional
        Where to draw; without it on a new figure.
    """
    values = np.asarray(values)
    ax = _axes_or_new(ax)
    angle = np.linspace(0, 2 * np.pi, 361)
    ax.plot(np.cos(angle), np.sin(angle), color="0.7", linewidth=0.8)
    ax.axvline(1.0, color="0.7", linewidth=0.8, linestyle="--")
    if len(values):
        inside = np.abs(values) < 1
        for group, marker, label in (
            (values[inside], "o", "modulus below 1"),
            (values[~inside], "^", "modulus 1 or more"),
        ):
            colour = CHOICE_COLOURS[2] if marker == "o" else CHOICE_COLOURS[3]
            if len(group):
                style = {"color": colour, "markersize": 4.5, "label": f"{label}: {len(group)}"}
                ax.plot(group.real, group.imag, marker, **style)
        ax.legend(loc="upper left", fontsize=8)
    else:
        ax.text(0, 0, "no slow point:\nnothing to linearise", ha="center", va="center")
    ax.set_aspect("equal")
    ax.margins(0.08)
    ax.set_xlabel("Re")
    ax.set_ylabel("Im")
    if title is not None:
        ax.set_title(title)
    return _figure_of(ax)


@_styled
def psychometric(measured: Psychometric, ax: Axes | None = None) -> Figure:
    """Draw a psychometric function with its intervals beside the ideal observer's.

    Parameters
    ----------
    measured : Psychometric
        From `yang_rnn.psychometric_function`.
    ax : Axes, optional
        Where to draw; without it on a new figure.
    """
    ax = _axes_or_new(ax)
    ax.axhline(0.5, color="0.85", linewidth=0.8)
    ax.axvline(0.0, color="0.85", linewidth=0.8)
    style = {"color": "0.5", "marker": "D", "markersize": 7, "mfc": "none", "linestyle": ":"}
    ax.plot(measured.signed_coherence, measured.ideal, label="ideal observer", **style)
    reach = (measured.probability - measured.low, measured.high - measured.probability)
    ax.errorbar(
        measured.signed_coherence,
        measured.probability,
        yerr=np.maximum(reach, 0),
        fmt="o",
        color="black",
        markersize=4,
        label=f"network, {measured.num_trials.sum()} trials",
    )
    ax.set_ylim(-0.03, 1.03)
    ax.set_xlabel("signed coherence (%), positive for choice 2")
    ax.set_ylabel("probability of choice 2")
    ax.legend(fontsize=8, loc="upper left")
    return _figure_of(ax)


def save(figure: Figure, stem: str | os.PathLike[str]) -> list[Path]:
    """Write a figure as PNG and PDF; text in the PDF stays text.

    Parameters
    ----------
    figure : Figure
    stem : path
        File name without its ending.

    Returns
    -------
    list of Path
        The files. The same figure gives the same bytes each time.
    """
    paths = [Path(f"{os.fspath(stem)}.{ending}") for ending in ("png", "pdf")]
    with mpl.rc_context(STYLE):
        for path, metadata in zip(paths, ({"Software": None}, {"CreationDate": None}), strict=True):
            # Drawn in memory first: on a full disk, the PDF writer would hide the reason.
            drawn = io.BytesIO()
            figure.savefig(drawn, format=path.suffix[1:], metadata=metadata)
            path.write_bytes(drawn.getvalue())
    return paths


def _project(pca: PCA, states: Any, dimensions: int = 2) -> np.ndarray:
    states = np.asarray(states)
    flat = pca.transform(states.reshape(-1, states.shape[-1]))
    return flat[:, :dimensions].reshape(*states.shape[:-1], dimensions)


def _colour(choice: Any) -> str:
    return CHOICE_COLOURS[int(choice) % len(CHOICE_COLOURS)]


def _label_pcs(ax: Any, pca: PCA, dimensions: int = 2) -> None:
    share = 100 * pca.explained_variance_ratio_
    ax.set_xlabel(f"PC 1 ({share[0]:.0f} % of variance)")
    ax.set_ylabel(f"PC 2 ({share[1]:.0f} %)")
    if dimensions == 3:
        ax.set_zlabel(f"PC 3 ({share[2]:.0f} %)")


def _choice_legend(
    ax: Axes, choices: Any, extra: Sequence[tuple[str, dict[str, Any]]], loc: Any = "best"
) -> None:
    for choice in np.unique(np.asarray(choices, dtype=int)):
        ax.plot([], [], color=_colour(choice), label=f"choice {choice + 1}")
    for label, style in extra:
        ax.plot([], [], linestyle="none", label=label, **style)
    if ax.get_legend_handles_labels()[0]:
        ax.legend(fontsize=8, loc=loc)


def _axes_or_new(ax: Axes | None) -> Axes:
    if ax is not None:
        return ax
    return Figure(figsize=(4.6, 4.0), layout="constrained").subplots()


def _figure_of(ax: Axes) -> Figure:
    figure = ax.get_figure(root=True)
    if figure is None:
        raise ValueError("`ax` must belong to a figure")
    return figure
