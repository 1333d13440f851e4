"""A figure in three dimensions to turn with the mouse; needs plotly."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from matplotlib.colors import to_hex

from yang_rnn._checks import check_array, check_has, check_index, check_whole
from yang_rnn.adapters.optional import imported
from yang_rnn.figures.portraits import colours_of, kinds_of
from yang_rnn.figures.style import CENTRE_STYLE, POINT_STYLES, check_pca, project
from yang_rnn.trials import check_trials

if TYPE_CHECKING:
    from sklearn.decomposition import PCA

    from yang_rnn.dynamics.linearisation import Linearisation
    from yang_rnn.dynamics.points import FixedPoints
    from yang_rnn.trials import Trials

SYMBOLS = {
    "x": "x",
    "o": "circle",
    "s": "square",
    "D": "diamond",
    "^": "cross",
    "+": "diamond-open",
}
"""Plotly's symbols for Matplotlib's; it has no triangles in three dimensions."""


def interactive(
    activity: Any,
    *,
    points: FixedPoints | None = None,
    trials: Trials | None = None,
    pca: PCA | None = None,
    modes: Linearisation | None = None,
    condition: str = "coherence",
    centre: int | None = None,
    num_trajectories: int = 40,
) -> Any:
    """Draw trajectories, and points if there are any, in the space of three PCs, to be turned.

    ``figure.write_html("here.html")`` stores it for a browser.

    Parameters
    ----------
    activity : array of shape (time, trial, unit)
        Hidden states, of which the first `num_trajectories` trials are drawn.
    points : FixedPoints, optional
        Fixed and slow points.
    trials : Trials, optional
        The trials of this activity: colours the trajectories as `trajectories` does.
    pca : PCA, optional
        Fitted to states. One of fewer than three components, or none, is fitted anew to these.
    modes : Linearisation, optional
        The map around the points, or the fixed ones of them: the symbols tell their stability.
    condition : str
        What the strength of the evidence is called in the trials.
    centre : int, optional
        The point that an analysis stands on: a ring around it.
    num_trajectories : int
        Trials to draw.

    Returns
    -------
    plotly.graph_objects.Figure

    Raises
    ------
    ImportError
        If plotly is not installed.
    ValueError
        If there are fewer than three units, trials and activity disagree, or `centre` is none of
        the points.
    """
    graph = imported("plotly.graph_objects", "plotly", "figures.interactive")
    activity = check_array("activity", activity, ("time", "trial", "unit"))
    number = min(check_whole("num_trajectories", num_trajectories, 0), activity.shape[1])
    if pca is not None:
        check_pca(pca)
    if pca is None or len(np.asarray(pca.components_)) < 3:
        from yang_rnn.analysis import fit_pca  # most figures need none of the analysis

        if activity.shape[2] < 3:
            raise ValueError(f"`activity` must have three units or more; got {activity.shape[2]}")
        pca = fit_pca(activity, 3)
    paths = project(pca, activity, 3)
    if trials is not None:
        check_trials(trials)
        if np.shape(trials.inputs)[:2] != paths.shape[:2]:
            got = np.shape(trials.inputs)[:2]
            raise ValueError(f"`trials` must be those of `activity`, {paths.shape[:2]}; got {got}")
        paths = np.where(trials.inside[..., None], paths, np.nan)
    check_index("centre", centre, 0 if points is None else len(points), optional=True)
    figure = graph.Figure()
    _add_paths(graph, figure, paths[:, :number], colours_of(trials, condition) or ["0.6"] * number)
    if points is not None:
        check_has("points", points, "FixedPoints", "state", "status", "kind")
        where = project(pca, points.state, 3)
        _add_points(graph, figure, where, kinds_of(points, modes), points)
        if centre is not None:
            _add_centre(graph, figure, where[[centre]])
    share = 100 * pca.explained_variance_ratio_
    names = [f"PC {k + 1} ({share[k]:.0f} % of variance)" for k in range(3)]
    axes = {
        f"{axis}axis": {"title": {"text": name}} for axis, name in zip("xyz", names, strict=True)
    }
    margin = {"l": 0, "r": 0, "t": 10, "b": 0}
    figure.update_layout(scene=axes, margin=margin, template="plotly_white")
    return figure


def _add_paths(graph: Any, figure: Any, paths: np.ndarray, colours: list[Any]) -> None:
    """Add trajectories (time, trial, 3), one line with gaps for each colour: few are quick."""
    by_colour: dict[str, list[int]] = {}
    for trial in range(paths.shape[1]):
        by_colour.setdefault(to_hex(colours[trial]), []).append(trial)
    for place, (colour, chosen) in enumerate(by_colour.items()):
        apart = np.pad(paths[:, chosen], ((0, 1), (0, 0), (0, 0)), constant_values=np.nan)
        x, y, z = apart.swapaxes(0, 1).reshape(-1, 3).T
        figure.add_trace(
            graph.Scatter3d(
                x=x, y=y, z=z, mode="lines", line={"color": colour, "width": 2}, opacity=0.7,
                name="trajectories", legendgroup="trajectories", showlegend=place == 0,
                hoverinfo="skip",
            )
        )  # fmt: skip


def _add_points(
    graph: Any, figure: Any, where: np.ndarray, kinds: np.ndarray, points: FixedPoints
) -> None:
    for kind, style in POINT_STYLES.items():
        here = kinds == kind
        if not here.any():
            continue
        marker = {
            "symbol": SYMBOLS[style["marker"]],
            "color": to_hex(style["color"]),
            "size": 4 if kind == "slow" else 6,
            "line": {"color": to_hex(style.get("mec", style["color"])), "width": 1},
        }
        x, y, z = where[here].T
        figure.add_trace(
            graph.Scatter3d(
                x=x, y=y, z=z, mode="markers", marker=marker, name=f"{here.sum()} {kind}",
                customdata=points.speed[here], hovertemplate=f"{kind}, q = %{{customdata:.1e}}",
                visible="legendonly" if kind == "far" else True,  # they would set the limits
            )
        )  # fmt: skip


def _add_centre(graph: Any, figure: Any, where: np.ndarray) -> None:
    """Add a ring around a point (1, 3)."""
    x, y, z = where.T
    colour = to_hex(CENTRE_STYLE["mec"])
    marker = {"symbol": "circle-open", "color": colour, "size": 13, "line": {"width": 3}}
    figure.add_trace(
        graph.Scatter3d(
            x=x, y=y, z=z, mode="markers", marker=marker, name="analysed point", hoverinfo="skip"
        )
    )
