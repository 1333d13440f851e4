"""Portraits: trajectories and slow points in the space of the first PCs."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.collections import LineCollection
from matplotlib.figure import Figure

from yang_rnn._checks import check_array, check_has, check_index, check_whole, is_whole, shown
from yang_rnn.figures.style import (
    CENTRE_STYLE,
    EIGENVECTOR_STYLE,
    POINT_STYLES,
    axes_or_new,
    check_mean,
    check_pca,
    check_verdict,
    check_words,
    choice_legend,
    colour_of,
    figure_of,
    label_pcs,
    manifold_style,
    num_units,
    project,
    shaded,
    styled,
)
from yang_rnn.trials import check_trials

if TYPE_CHECKING:
    from sklearn.decomposition import PCA

    from yang_rnn.analysis import Averages
    from yang_rnn.dynamics.points import FixedPoints
    from yang_rnn.line_attractor.verdict import Verdict
    from yang_rnn.trials import Trials

PATH_MARKS: list[tuple[str, dict[str, Any]]] = [
    ("first step", {"marker": "o", "color": "0.3", "markersize": 3, "mfc": "none"}),
    ("decision", {"marker": ".", "color": "0.3"}),
]
"""What marks the ends of a trajectory."""


@styled
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
        If activity and trials disagree on the number of trials, `axes` are not two, or `num_few`
        is below 1.
    """
    check_pca(pca)
    activity = check_array("activity", activity, ("time", "trial", num_units(pca)))
    check_trials(trials)
    num_few = check_whole("num_few", num_few, 1)
    paths = project(pca, activity)
    num_trials = paths.shape[1]
    if trials.weights is not None and np.shape(trials.inputs)[:2] == paths.shape[:2]:
        paths = np.where(trials.inside[..., None], paths, np.nan)
    if np.shape(trials.inputs)[1] != num_trials:
        raise ValueError(
            f"`activity` and `trials` must have the same trials; got {num_trials} "
            f"and {np.shape(trials.inputs)[1]}"
        )
    if axes is None:
        figure = Figure(figsize=(8.0, 3.8), layout="constrained")
        axes = list(figure.subplots(1, 2, sharex=True, sharey=True))
    if not hasattr(axes, "__len__") or len(axes) != 2:
        got = len(axes) if hasattr(axes, "__len__") else shown(axes)
        raise ValueError(f"`axes` must be two Axes; got {got}")
    for ax in axes:
        check_has("axes", ax, "two Axes", "plot", "get_figure")
    num_few = min(num_few, num_trials)
    for ax, number, alpha in ((axes[0], num_trials, 0.45), (axes[1], num_few, 1.0)):
        _add_paths(ax, paths[:, :number], _colours(trials, number), alpha)
        label_pcs(ax, pca)
        ax.set_title("first trial" if number == 1 else f"{number} trials")
    axes[1].set_ylabel("")
    choice_legend(axes[0], () if trials.choice is None else trials.choice, PATH_MARKS)
    return figure_of(axes[0])


def _colours(trials: Trials | None, number: int) -> list[str]:
    """Return the colours of the first trials: those of their choices, or grey without any."""
    if trials is None or trials.choice is None:
        return ["0.6"] * number
    return [colour_of(choice) for choice in trials.choice[:number]]


def _add_paths(ax: Axes, paths: np.ndarray, colours: list[str], alpha: float) -> None:
    """Add trajectories (time, trial, 2) with marks at their ends, as few artists."""
    lines = LineCollection(
        list(paths.swapaxes(0, 1)), colors=colours, alpha=alpha, linewidths=0.9,
        capstyle="projecting", joinstyle="round", zorder=2,
    )  # fmt: skip
    ax.add_collection(lines)
    last = np.isfinite(paths[::-1, :, 0]).argmax(axis=0)
    stops = paths[len(paths) - 1 - last, np.arange(len(last))]  # a trial may end before the others
    ends: dict[str, Any] = {"linewidths": 1, "alpha": alpha, "zorder": 2}
    for (x, y), marker, size, fill in (
        (paths[0].T, "o", 3, "none"),
        (stops.T, ".", 5, colours),
    ):
        ax.scatter(x, y, size**2, marker=marker, facecolors=fill, edgecolors=colours, **ends)
    # Legends keep clear of lines, seen or not, but not of collections.
    apart = np.pad(paths, ((0, 1), (0, 0), (0, 0)), constant_values=np.nan)
    ax.plot(*apart.swapaxes(0, 1).reshape(-1, 2).T, visible=False)


@styled
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
    stability : sequence of {"stable", "marginal", "saddle", "unstable", ""}, optional
        That of each point, as `Linearisation.stability` has it: the shape and fill of fixed points.
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
        If `dimensions` is neither 2 nor 3 or more than the PCs, `stability` is not one of its words
        for each point, there are fewer trials than trajectories, `centre` is none of the points, or
        `ax` has other dimensions.
    """
    check_pca(pca)
    activity = check_array("activity", activity, ("time", "trial", num_units(pca)))
    check_has("points", points, "FixedPoints", "state", "status")
    if trials is not None:
        check_trials(trials)
    num_trajectories = check_whole("num_trajectories", num_trajectories, 0)
    if not is_whole(dimensions) or dimensions not in (2, 3) or dimensions > pca.n_components_:
        raise ValueError(
            f"`dimensions` must be 2 or 3 and no more than the {pca.n_components_} components; "
            f"got {shown(dimensions)}"
        )
    kinds = _kinds(points, stability)
    check_index("centre", centre, len(points), optional=True)
    paths = project(pca, activity, dimensions)[:, :num_trajectories]
    if trials is not None and np.shape(trials.inputs)[1] < paths.shape[1]:
        got = f"{np.shape(trials.inputs)[1]} for {paths.shape[1]}"
        raise ValueError(f"`trials` must be those of the activity; got {got}")
    if ax is not None:
        check_has("ax", ax, "Axes", "plot", "get_figure")
    if ax is not None and hasattr(ax, "set_zlabel") != (dimensions == 3):
        raise ValueError(f"`ax` must have {dimensions} dimensions")
    if ax is None:
        if dimensions == 3:
            figure = Figure(figsize=(5.6, 4.6))
            ax = figure.add_axes((0.0, 0.08, 0.78, 0.88), projection="3d")
        else:
            ax = axes_or_new(None)
    for trial, colour in enumerate(_colours(trials, paths.shape[1])):
        ax.plot(*paths[:, trial].T, color=colour, alpha=0.35)

    extra: list[tuple[str, dict[str, Any]]] = []
    for kind, style in POINT_STYLES.items():
        here = kinds == kind
        if here.any():
            coordinates = project(pca, points.state[here], dimensions)
            ax.plot(*coordinates.T, linestyle="none", zorder=3, **style)
            extra.append((f"{here.sum()} {kind}", style))
    if not extra:
        ax.set_title("no slow point")
    if centre is not None:
        coordinates = project(pca, points.state[[centre]], dimensions)
        ax.plot(*coordinates.T, linestyle="none", zorder=4, **CENTRE_STYLE)
        extra.append(("analysed point", CENTRE_STYLE))
    label_pcs(ax, pca, dimensions)
    choices = None if trials is None else trials.choice
    choice_legend(ax, () if choices is None else choices[: paths.shape[1]], extra)
    legend = ax.get_legend()
    if dimensions == 3 and legend is not None:  # beside the box, whose labels need their room
        legend.set_loc("upper left")
        legend.set_bbox_to_anchor((0.98, 1.0))
    return figure_of(ax)


def _kinds(points: FixedPoints, stability: Sequence[str] | None) -> np.ndarray:
    """Name how each point is drawn, one of `POINT_STYLES` or its kind."""
    if stability is not None and not hasattr(stability, "__len__"):
        raise TypeError(f"`stability` must be a sequence of words; got {shown(stability)}")
    words = [""] * len(points) if stability is None else [str(word) for word in stability]
    known = ["", *(kind.removeprefix("fixed, ") for kind in POINT_STYLES if ", " in kind)]
    if len(words) != len(points) or not set(words) <= set(known):
        raise ValueError(
            f"`stability` must be one of {known} for each of the {len(points)} points; "
            f"got {len(words)}, of {sorted(set(words))}"
        )
    return np.array(
        [f"{kind}, {word}" if kind == "fixed" and word else kind
         for kind, word in zip(points.kind.tolist(), words, strict=True)],
        dtype=object,
    )  # fmt: skip


EIGENVECTOR_REACH = 2.0
"""How far the eigenvector is drawn from the centre, both ways, in units of state."""


@styled
def averages(
    pca: PCA,
    mean: Averages,
    verdict: Verdict | None = None,
    *,
    label: str = "signed coherence",
    unit: str = "%",
    ax: Axes | None = None,
) -> Figure:
    """Draw trial-averaged trajectories by the levels of a condition in the plane of two PCs.

    Below 0 they have the colour of choice 1, above that of choice 2, paler with strength.

    Parameters
    ----------
    pca : PCA
        Fitted to states.
    mean : Averages
        From `yang_rnn.average_by`; level 0 is left out.
    verdict : Verdict, optional
        Adds its slow points, the slow manifold, and the right eigenvector that evidence drives
        through the centre, two units of state both ways, where they are defined.
    label : str
        What the condition is.
    unit : str
        What its levels are measured in; empty for numbers without a unit.
    ax : Axes, optional
        Where to draw; without it on a new figure.
    """
    check_mean(mean)
    check_verdict(verdict, optional=True)
    check_words(label, unit)
    ax = axes_or_new(ax)
    for level, path, colour in shaded(mean, project(pca, mean.activity, name="mean.activity")):
        ax.plot(*path.T, color=colour, linewidth=1.4, label=f"{level:+g} {unit}".rstrip())
        ax.plot(*path[0], "o", color=colour, markersize=3, mfc="none")
        ax.plot(*path[-1], ".", color=colour, markersize=7)
    for name, style in PATH_MARKS:
        ax.plot([], [], linestyle="none", label=name, **style)
    if verdict is not None:
        _add_structure(ax, pca, verdict)
    label_pcs(ax, pca)
    if ax.get_legend_handles_labels()[0]:
        ax.legend(
            fontsize=7, title=label, title_fontsize=7, loc="center left",
            bbox_to_anchor=(1.0, 0.5),
        )  # fmt: skip
    return figure_of(ax)


def _add_structure(ax: Axes, pca: PCA, verdict: Verdict) -> None:
    """Add slow points, manifold and the eigenvector that evidence drives."""
    points = verdict.points
    for kind in ("slow", "fixed", "far"):
        here = points.state[points.kind == kind]
        if len(here):
            label, style = f"{len(here)} {kind}", POINT_STYLES[kind]
            ax.plot(*project(pca, here).T, linestyle="none", zorder=4, label=label, **style)
    if verdict.manifold is None:
        why = "no slow point" if verdict.centre is None else "the mode that evidence drives turns"
        ax.set_title(f"no slow manifold:\n{why}")
        return
    assert verdict.centre is not None
    assert verdict.towards is not None
    line = project(pca, verdict.manifold.state)
    label = "slow manifold" + ("" if verdict.manifold.converged else ", not converged")
    ax.plot(*line.T, zorder=3, label=label, **manifold_style(verdict.manifold))
    reach = EIGENVECTOR_REACH * verdict.towards
    centre = points.state[verdict.centre]
    line = project(pca, np.stack([centre - reach, centre + reach]))
    ax.plot(*line.T, zorder=2.5, label="mode that evidence drives", **EIGENVECTOR_STYLE)
