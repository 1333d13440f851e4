"""Portraits: trajectories and slow points in the space of the first PCs."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from sklearn.decomposition import PCA

from yang_rnn.analysis import CoherenceAverages
from yang_rnn.figures.style import (
    CENTRE_STYLE,
    EIGENVECTOR_STYLE,
    MANIFOLD_STYLE,
    POINT_STYLES,
    axes_or_new,
    choice_legend,
    colour_of,
    figure_of,
    label_pcs,
    project,
    shade_of,
    styled,
)
from yang_rnn.line_attractor import Verdict
from yang_rnn.points import FixedPoints
from yang_rnn.task import Trials

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
    paths = project(pca, activity)
    num_trials = paths.shape[1]
    if len(trials.choice) != num_trials:
        raise ValueError(
            f"`activity` and `trials` must have the same trials; got {num_trials} "
            f"and {len(trials.choice)}"
        )
    if num_few < 1:
        raise ValueError(f"`num_few` must be 1 or more; got {num_few}")
    if axes is None:
        figure = Figure(figsize=(8.0, 3.8), layout="constrained")
        axes = list(figure.subplots(1, 2, sharex=True, sharey=True))
    if len(axes) != 2:
        raise ValueError(f"`axes` must be two Axes; got {len(axes)}")
    num_few = min(num_few, num_trials)
    for ax, shown, alpha in ((axes[0], num_trials, 0.45), (axes[1], num_few, 1.0)):
        for trial in range(shown):
            colour = colour_of(trials.choice[trial])
            ax.plot(*paths[:, trial].T, color=colour, alpha=alpha, linewidth=0.9)
            ax.plot(*paths[0, trial], "o", color=colour, alpha=alpha, markersize=3, mfc="none")
            ax.plot(*paths[-1, trial], ".", color=colour, alpha=alpha, markersize=5)
        label_pcs(ax, pca)
        ax.set_title("first trial" if shown == 1 else f"{shown} trials")
    axes[1].set_ylabel("")
    choice_legend(axes[0], trials.choice, PATH_MARKS)
    return figure_of(axes[0])


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
        If `dimensions` is neither 2 nor 3 or more than the PCs, there is not a label a point or a
        trial a trajectory, `centre` is none of the points, or `ax` has other dimensions.
    """
    if dimensions not in (2, 3) or dimensions > pca.n_components_:
        raise ValueError(
            f"`dimensions` must be 2 or 3 and no more than the {pca.n_components_} components; "
            f"got {dimensions}"
        )
    labels = ["" for _ in range(len(points))] if stability is None else [str(s) for s in stability]
    if len(labels) != len(points):
        raise ValueError(f"`stability` must have {len(points)} labels; got {len(labels)}")
    if centre is not None and not 0 <= centre < len(points):
        raise ValueError(f"`centre` must be one of the {len(points)} points; got {centre}")
    paths = project(pca, activity, dimensions)[:, :num_trajectories]
    if trials is not None and len(trials.choice) < paths.shape[1]:
        raise ValueError(
            f"`trials` must be those of the activity; got {len(trials.choice)} for {paths.shape[1]}"
        )
    if ax is not None and hasattr(ax, "set_zlabel") != (dimensions == 3):
        raise ValueError(f"`ax` must have {dimensions} dimensions")
    if ax is None:
        if dimensions == 3:
            figure = Figure(figsize=(5.6, 4.6))
            ax = figure.add_axes((0.0, 0.08, 0.78, 0.88), projection="3d")
        else:
            ax = axes_or_new(None)
    for trial in range(paths.shape[1]):
        colour = "0.6" if trials is None else colour_of(trials.choice[trial])
        ax.plot(*paths[:, trial].T, color=colour, alpha=0.35)

    extra: list[tuple[str, dict[str, Any]]] = []
    kinds = [_kind(s, label) for s, label in zip(points.status.tolist(), labels, strict=True)]
    for kind, style in POINT_STYLES.items():
        here = np.array([k == kind for k in kinds], dtype=bool)
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
    shown = () if trials is None else trials.choice[: paths.shape[1]]
    choice_legend(ax, shown, extra)
    legend = ax.get_legend()
    if dimensions == 3 and legend is not None:  # beside the box, whose labels need their room
        legend.set_loc("upper left")
        legend.set_bbox_to_anchor((0.98, 1.0))
    return figure_of(ax)


EIGENVECTOR_REACH = 2.0
"""How far the leading eigenvector is drawn from the centre, both ways, in units of state."""


@styled
def averages(
    pca: PCA,
    mean: CoherenceAverages,
    verdict: Verdict | None = None,
    *,
    ax: Axes | None = None,
) -> Figure:
    """Draw trial-averaged trajectories by signed coherence in the plane of the first two PCs.

    Parameters
    ----------
    pca : PCA
        Fitted to states.
    mean : CoherenceAverages
        From `yang_rnn.average_by_coherence`; coherence 0 is left out.
    verdict : Verdict, optional
        Adds its slow points, the slow manifold and the leading eigenvector through the centre, two
        units of state both ways, where they are defined.
    ax : Axes, optional
        Where to draw; without it on a new figure.
    """
    ax = axes_or_new(ax)
    paths = project(pca, mean.activity)
    strongest = np.abs(mean.signed_coherence).max()
    for level, path in zip(mean.signed_coherence, paths.swapaxes(0, 1), strict=True):
        if level != 0:
            colour = shade_of(level, strongest)
            ax.plot(*path.T, color=colour, linewidth=1.4, label=f"{level:+g} %")
            ax.plot(*path[0], "o", color=colour, markersize=3, mfc="none")
            ax.plot(*path[-1], ".", color=colour, markersize=7)
    for label, style in PATH_MARKS:
        ax.plot([], [], linestyle="none", label=label, **style)
    if verdict is not None:
        _add_structure(ax, pca, verdict)
    label_pcs(ax, pca)
    if ax.get_legend_handles_labels()[0]:
        ax.legend(
            fontsize=7, title="signed coherence", title_fontsize=7, loc="center left",
            bbox_to_anchor=(1.0, 0.5),
        )  # fmt: skip
    return figure_of(ax)


def _add_structure(ax: Axes, pca: PCA, verdict: Verdict) -> None:
    """Add slow points, manifold and leading eigenvector, each where it is in view."""
    points = verdict.points
    for status, style in (("slow", POINT_STYLES["slow"]), ("fixed", POINT_STYLES["fixed"])):
        here = points.state[points.status == status]
        if len(here):
            label = f"{len(here)} {status}"
            ax.plot(*project(pca, here).T, linestyle="none", zorder=4, label=label, **style)
    if verdict.manifold is not None:
        line = project(pca, verdict.manifold.state)
        ax.plot(*line.T, zorder=3, label="slow manifold", **MANIFOLD_STYLE)
    else:
        why = "no slow point" if verdict.centre is None else "the leading mode turns"
        ax.set_title(f"no slow manifold: {why}")
    if verdict.centre is not None and verdict.modes is not None and verdict.manifold is not None:
        right = verdict.modes.right[0, 0].real
        reach = EIGENVECTOR_REACH * right / np.linalg.norm(right)
        centre = points.state[verdict.centre]
        line = project(pca, np.stack([centre - reach, centre + reach]))
        ax.plot(*line.T, zorder=2.5, label="leading eigenvector", **EIGENVECTOR_STYLE)


def _kind(status: str, label: str) -> str:
    """Name how a point is drawn."""
    if status != "fixed":
        return status
    first = label.split(" ")[0]
    return f"fixed, {first}" if f"fixed, {first}" in POINT_STYLES else "fixed"
