"""Portraits: trajectories and slow points in the space of the first PCs."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.collections import LineCollection
from matplotlib.figure import Figure

from yang_rnn._checks import (
    check_array,
    check_has,
    check_index,
    check_text,
    check_whole,
    is_whole,
    shown,
)
from yang_rnn.figures.style import (
    CENTRE_STYLE,
    EIGENVECTOR_STYLE,
    NO_EVIDENCE_STYLE,
    POINT_STYLES,
    WIDTHS,
    StyledFigure,
    Width,
    axes_or_new,
    check_mean,
    check_pca,
    check_verdict,
    check_words,
    colour_of,
    columns_for,
    figure_of,
    grid_of,
    label_pcs,
    legend_above,
    legend_below,
    manifold_style,
    num_units,
    project,
    shade_of,
    shaded,
    signed_strength,
    styled,
    unit_of,
)
from yang_rnn.trials import check_trials

if TYPE_CHECKING:
    from sklearn.decomposition import PCA

    from yang_rnn.analysis import Averages
    from yang_rnn.dynamics.linearisation import Linearisation
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
    activity: Any,
    *,
    trials: Trials,
    pca: PCA | None = None,
    condition: str = "coherence",
    num_few: int = 5,
    axes: Sequence[Axes] | None = None,
    width: Width = "double",
) -> Figure:
    """Draw trajectories in the plane of the first two PCs, coloured by the correct choice.

    Stronger evidence is darker, where trials have its condition; without any it is grey.

    Parameters
    ----------
    activity : array of shape (time, trial, unit)
        Hidden states; h = 0 before the first step is not among them.
    trials : Trials
        The trials of this activity.
    pca : PCA, optional
        Fitted to states, see `yang_rnn.fit_pca`; without it one is fitted to these.
    condition : str
        What the strength of the evidence is called in the trials.
    num_few : int
        Trials in the second panel; the first shows all.
    axes : two Axes, optional
        Where to draw; without them on a new figure.
    width : {"single", "double"}
        Columns of a page that a new figure is as wide as.

    Raises
    ------
    ValueError
        If activity and trials disagree on the number of trials, `axes` are not two, or `num_few`
        is below 1.
    """
    pca, activity = plane_of(pca, activity)
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
    own = axes is None
    if axes is None:
        _, axes = grid_of(2, width, 82.0, columns=2)
        axes[1].sharex(axes[0])
        axes[1].sharey(axes[0])
    if not hasattr(axes, "__len__") or len(axes) != 2:
        got = len(axes) if hasattr(axes, "__len__") else shown(axes)
        raise ValueError(f"`axes` must be two Axes; got {got}")
    for ax in axes:
        check_has("axes", ax, "two Axes", "plot", "get_figure")
    num_few = min(num_few, num_trials)
    colours = colours_of(trials, condition)
    for ax, number, alpha in ((axes[0], num_trials, 0.6), (axes[1], num_few, 1.0)):
        _add_paths(ax, paths[:, :number], colours[:number], alpha)
        label_pcs(ax, pca)
    _name_choices(axes[0], trials, condition)
    for name, style in PATH_MARKS:
        axes[0].plot([], [], linestyle="none", label=name, **style)
    axes[1].set_title(_number(num_few))
    figure = figure_of(axes[0])
    if own:
        axes[0].set_title(_number(num_trials))
        legend_below(figure, axes[0])
    else:
        legend_above(axes[0], _number(num_trials))
    return figure


def _number(trials: int) -> str:
    return "first trial" if trials == 1 else f"{trials} trials"


def plane_of(
    pca: PCA | None, activity: Any, components: int = 2, shape: tuple[Any, Any] = ("time", "trial")
) -> tuple[PCA, np.ndarray]:
    """Return a PCA, fitted here if there is none, and the states (time, trial, unit), checked."""
    if pca is not None:
        check_pca(pca, components)
        return pca, check_array("activity", activity, (*shape, num_units(pca)))
    from yang_rnn.analysis import fit_pca  # most figures need none of the analysis

    activity = check_array("activity", activity, (*shape, "unit"))
    return fit_pca(activity, components), activity


def colours_of(trials: Trials | None, condition: str) -> list[Any]:
    """Return the colour of each trial: by choice and strength, or grey without any choice."""
    if trials is None:
        return []
    strength = signed_strength(trials, condition)
    if strength is not None:
        return [shade_of(level, strength) for level in strength]
    if trials.choice is None:
        return ["0.6"] * np.shape(trials.inputs)[1]
    return [colour_of(choice) for choice in trials.choice]


def _name_choices(ax: Axes, trials: Trials | None, condition: str) -> None:
    """Add to the legend what the colours of trials are."""
    if trials is None or trials.choice is None:
        return
    strength = signed_strength(trials, condition)
    of = np.asarray(trials.choice, dtype=int)
    of = of if strength is None else of[strength != 0]
    graded = strength is not None and len(np.unique(np.abs(strength[strength != 0]))) > 1
    for choice in np.unique(of):
        darker = f", darker with {condition}" if graded else ""
        label = f"choice {choice + 1} correct{darker}"
        ax.plot([], [], color=colour_of(choice), label=label)
    if strength is not None and (strength == 0).any():
        colour = NO_EVIDENCE_STYLE["color"]
        ax.plot([], [], color=colour, label=f"{condition} 0")


def _add_paths(ax: Axes, paths: np.ndarray, colours: list[Any], alpha: float) -> None:
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
    ax.autoscale_view()


@styled
def slow_points(
    points: FixedPoints,
    *,
    activity: Any,
    pca: PCA | None = None,
    trials: Trials | None = None,
    modes: Linearisation | None = None,
    condition: str = "coherence",
    centre: int | None = None,
    num_trajectories: int = 10,
    dimensions: int = 2,
    title: str = "",
    ax: Axes | None = None,
    width: Width = "single",
) -> Figure:
    """Draw fixed and slow points over faint trajectories in the space of the first PCs.

    Parameters
    ----------
    points : FixedPoints
        The points; those neither fixed nor slow are not drawn. None is a figure that says so.
    activity : array of shape (time, trial, unit)
        Hidden states, of which the first `num_trajectories` trials are drawn.
    pca : PCA, optional
        Fitted to states, with at least `dimensions` components; without it one is fitted to these.
    trials : Trials, optional
        The trials of this activity: colours the trajectories as `trajectories` does.
    modes : Linearisation, optional
        The map around these points, or around the fixed ones of them: their stability gives fixed
        points their shape and fill.
    condition : str
        What the strength of the evidence is called in the trials.
    centre : int, optional
        The point that an analysis stands on: a ring around it.
    num_trajectories : int
        Trials to draw.
    dimensions : {2, 3}
        How many PCs.
    title : str
        What stands above; a title that is set later would lie on the legend.
    ax : Axes, optional
        Where to draw, in as many dimensions; without it on a new figure.
    width : {"single", "double"}
        Columns of a page that a new figure is as wide as.

    Raises
    ------
    ValueError
        If `dimensions` is neither 2 nor 3 or more than the PCs, `modes` are not of these points,
        there are fewer trials than trajectories, `centre` is none of the points, or `ax` has other
        dimensions.
    """
    check_has("points", points, "FixedPoints", "state", "status", "kind")
    if not is_whole(dimensions) or dimensions not in (2, 3):
        raise ValueError(f"`dimensions` must be 2 or 3; got {shown(dimensions)}")
    pca, activity = plane_of(pca, activity, dimensions)
    if trials is not None:
        check_trials(trials)
    check_text("title", title)
    num_trajectories = check_whole("num_trajectories", num_trajectories, 0)
    kinds = kinds_of(points, modes)
    check_index("centre", centre, len(points), optional=True)
    paths = project(pca, activity, dimensions)[:, :num_trajectories]
    number = paths.shape[1]
    if trials is not None and np.shape(trials.inputs)[1] < number:
        got = f"{np.shape(trials.inputs)[1]} for {number}"
        raise ValueError(f"`trials` must be those of the activity; got {got}")
    if ax is not None:
        check_has("ax", ax, "Axes", "plot", "get_figure")
    if ax is not None and hasattr(ax, "set_zlabel") != (dimensions == 3):
        raise ValueError(f"`ax` must have {dimensions} dimensions")
    own = ax is None
    if ax is None:
        ax = _box(width) if dimensions == 3 else axes_or_new(None, width)
    colours = colours_of(trials, condition) or ["0.6"] * number
    for trial in range(number):
        ax.plot(*paths[:, trial].T, color=colours[trial], alpha=0.4)
    if trials is not None:
        _name_choices(ax, trials.select(slice(number)), condition)
    found = False
    for kind in POINT_STYLES:
        here = kinds == kind
        if here.any():
            add_points(ax, project(pca, points.state[here], dimensions), kind, zorder=3)
            found = True
    if centre is not None:
        coordinates = project(pca, points.state[[centre]], dimensions)
        if kinds[centre] == "far" and not _in_view(ax, coordinates).all():
            coordinates = coordinates[:0]
        label = "analysed point"
        ax.plot(*coordinates.T, linestyle="none", zorder=4, label=label, **CENTRE_STYLE)
    label_pcs(ax, pca, dimensions)
    title = title if found else "\n".join(filter(None, [title, "no slow point"]))
    if dimensions == 3:
        _legend_over_box(ax, title)
    else:
        legend_above(ax, title, grow=own)
    return figure_of(ax)


def add_points(ax: Axes, where: np.ndarray, kind: str, zorder: float) -> None:
    """Add points (n, dimension) of a kind, counted in the legend.

    Those that are far from the data are drawn where they lie among what is drawn already: they
    never widen the view, and the legend counts those that it leaves out.
    """
    label = f"{len(where)} {kind}"
    if kind == "far":
        seen = _in_view(ax, where)
        hidden = len(where) - int(seen.sum())
        label += f", {hidden} out of view" if hidden else ""
        where = where[seen]
    ax.plot(*where.T, linestyle="none", zorder=zorder, label=label, **POINT_STYLES[kind])


def _in_view(ax: Any, where: np.ndarray) -> np.ndarray:
    """Tell which points (n, dimension) lie within the extent of what is drawn, if anything is."""
    boxes = [ax.xy_dataLim, ax.zz_dataLim] if hasattr(ax, "zz_dataLim") else [ax.dataLim]
    low, high = (
        np.concatenate([getattr(box, corner) for box in boxes])[: where.shape[1]]
        for corner in ("min", "max")
    )
    if not (np.isfinite(low).all() and np.isfinite(high).all()):
        return np.ones(len(where), bool)
    return np.all((where >= low) & (where <= high), axis=1)


def _box(width: Width) -> Axes:
    """Return axes of three dimensions, with room for a legend above and labels beside."""
    across = WIDTHS[width] / 25.4
    figure = StyledFigure(figsize=(across, 0.55 * across + 1.7))
    return figure.add_axes((0.02, 0.05, 0.8, 0.84), projection="3d")


def _legend_over_box(ax: Axes, title: str) -> None:
    ax.set_title(title)
    figure = figure_of(ax)
    handles, labels = ax.get_legend_handles_labels()
    if len(figure.axes) == 1 and labels:  # a figure of its own
        columns = columns_for(labels, 72 * figure.get_figwidth())
        figure.legend(handles, labels, loc="upper center", ncols=columns)
    elif labels:
        ax.legend(loc="upper left", bbox_to_anchor=(0.98, 1.0))


def kinds_of(points: FixedPoints, modes: Linearisation | None) -> np.ndarray:
    """Name how each point is drawn, one of `POINT_STYLES` or its kind."""
    kinds = points.kind.astype(object)
    if modes is None:
        return kinds
    check_has("modes", modes, "a Linearisation", "stability", "eigenvalues")
    stability = np.asarray(modes.stability).astype(object)
    fixed = points.status == "fixed"
    if len(stability) == len(points):
        stability = stability[fixed]
    elif len(stability) != fixed.sum():
        raise ValueError(
            f"`modes` must be of the {len(points)} points, or of the {fixed.sum()} fixed ones; "
            f"got {len(stability)}"
        )
    named = np.array([f"fixed, {word}" if word else "fixed" for word in stability], dtype=object)
    kinds[fixed] = np.where(kinds[fixed] == "fixed", named, kinds[fixed])
    return kinds


EIGENVECTOR_REACH = 0.15
"""How far the eigenvector is drawn from the centre, both ways, over the width of what is seen."""


@styled
def averages(
    mean: Averages,
    *,
    pca: PCA,
    verdict: Verdict | None = None,
    condition: str = "signed coherence",
    unit: str | None = None,
    title: str = "",
    ax: Axes | None = None,
    width: Width = "single",
) -> Figure:
    """Draw trial-averaged trajectories by the levels of a condition in the plane of two PCs.

    Below 0 they have the colour of choice 1, above that of choice 2, darker with strength; that of
    0 is dashed.

    Parameters
    ----------
    mean : Averages
        From `yang_rnn.average_by`.
    pca : PCA
        Fitted to states.
    verdict : Verdict, optional
        Adds its slow points, the slow manifold, and the right eigenvector that evidence drives
        through the centre, two units of state both ways, where they are defined.
    condition : str
        What the condition is.
    unit : str, optional
        What its levels are measured in; empty for numbers without a unit. Without it ``%``
        for a coherence with levels beyond 1, none for others.
    title : str
        What stands above; a title that is set later would lie on the legend.
    ax : Axes, optional
        Where to draw; without it on a new figure.
    width : {"single", "double"}
        Columns of a page that a new figure is as wide as.
    """
    check_mean(mean)
    check_pca(pca)
    check_verdict(verdict, optional=True)
    check_words(condition, unit)
    check_text("title", title)
    drawn = axes_or_new(ax, width)
    missing = add_averages(drawn, mean, pca, verdict, unit_of(unit, condition, mean.level))
    title = "\n".join(filter(None, [title, missing]))
    legend_above(drawn, title, heading=condition, grow=ax is None)
    return figure_of(drawn)


def add_averages(ax: Axes, mean: Averages, pca: PCA, verdict: Verdict | None, unit: str) -> str:
    """Add averages, and the structure of a verdict, without a legend; return what to say of it."""
    for level, path, style in shaded(mean, project(pca, mean.activity, name="mean.activity")):
        label = f"{level:+g} {unit}".rstrip() if level else f"0 {unit}".rstrip()
        ax.plot(*path.T, linewidth=1.4, label=label, **style)
        ax.plot(*path[0], "o", color=style["color"], markersize=3, mfc="none")
        ax.plot(*path[-1], ".", color=style["color"], markersize=7)
    for name, style in PATH_MARKS:
        ax.plot([], [], linestyle="none", label=name, **style)
    label_pcs(ax, pca)
    return "" if verdict is None else _add_structure(ax, pca, verdict)


def _add_structure(ax: Axes, pca: PCA, verdict: Verdict) -> str:
    """Add slow points, manifold and the eigenvector that evidence drives; say what is missing."""
    points = verdict.points
    for kind in ("slow", "fixed", "far"):
        here = points.state[points.kind == kind]
        if len(here):
            add_points(ax, project(pca, here), kind, zorder=4)
    if verdict.manifold is None:
        why = "no slow point" if verdict.centre is None else "the mode that evidence drives turns"
        return f"no slow manifold:\n{why}"
    assert verdict.centre is not None
    assert verdict.towards is not None
    line = project(pca, verdict.manifold.state)
    ax.plot(*line.T, zorder=3, **manifold_style(verdict.manifold))
    seen = max(np.ptp(ax.get_xlim()), np.ptp(ax.get_ylim()))
    reach = EIGENVECTOR_REACH * seen * verdict.towards
    centre = points.state[verdict.centre]
    line = project(pca, np.stack([centre - reach, centre + reach]))
    ax.plot(*line.T, zorder=2.5, label="mode that evidence drives", **EIGENVECTOR_STYLE)
    return ""
