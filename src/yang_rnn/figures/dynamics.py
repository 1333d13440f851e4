"""The map itself: its eigenvalues, its flow."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import LinearSegmentedColormap, LogNorm
from matplotlib.figure import Figure

from yang_rnn._checks import (
    as_array,
    check_finite,
    check_has,
    check_index,
    check_text,
    is_real_dtype,
    shown,
)
from yang_rnn.figures.style import (
    CENTRE_STYLE,
    CHOICE_COLOURS,
    POINT_STYLES,
    Width,
    axes_or_new,
    check_mean,
    check_verdict,
    figure_of,
    legend_above,
    level_style,
    manifold_style,
    shaded,
    styled,
)

if TYPE_CHECKING:
    from yang_rnn.analysis import Averages
    from yang_rnn.dynamics.flow import FlowField
    from yang_rnn.dynamics.linearisation import Linearisation
    from yang_rnn.line_attractor.verdict import Verdict


FLOW_COLOURS = LinearSegmentedColormap.from_list("flow", ["#2E8B57", "#A8D5BA", "#FFFFFF"])
"""From the slowest states, the darkest, to the fastest."""


@styled
def eigenvalues(
    modes: Linearisation | Any,
    *,
    title: str | None = None,
    driven: int | None = None,
    ax: Axes | None = None,
    width: Width = "single",
) -> Figure:
    """Draw the eigenvalues of a map's Jacobian in the complex plane, with the unit circle.

    A mode within the circle decays, one outside grows. On the dashed line, Re = 1, lies a mode that
    neither decays nor grows nor turns.

    Parameters
    ----------
    modes : Linearisation or complex array of shape (mode,)
        The map around one point, as ``modes[0]`` of the record of several, or its eigenvalues;
        none is a figure that says so.
    title : str, optional
        What point they belong to; without it what a Linearisation says of it.
    driven : int, optional
        The mode that evidence drives: a ring around it and its conjugate.
    ax : Axes, optional
        Where to draw; without it on a new figure.
    width : {"single", "double"}
        Columns of a page that a new figure is as wide as.

    Raises
    ------
    ValueError
        If the record is of several points.
    TypeError
        If these are neither a record nor eigenvalues.
    """
    values: Any = as_eigenvalues(modes)
    check_text("title", title, optional=True)
    if title is None and hasattr(modes, "label") and len(values):
        title = str(modes.label[0])
    check_index("driven", driven, len(values), optional=True, of="modes")
    own = ax is None
    ax = axes_or_new(ax, width)
    angle = np.linspace(0, 2 * np.pi, 361)
    ax.plot(np.cos(angle), np.sin(angle), color="0.7", linewidth=0.8, label="unit circle")
    ax.axvline(1.0, color="0.7", linewidth=0.8, linestyle="--", label="Re \u03bb = 1")
    if len(values):
        inside = np.abs(values) < 1
        for group, marker, label in (
            (values[inside], "o", "modulus below 1"),
            (values[~inside], "^", "modulus 1 or more"),
        ):
            colour = CHOICE_COLOURS[2] if marker == "o" else CHOICE_COLOURS[1]
            if len(group):
                at_zero = int((np.abs(group) < 1e-9).sum())
                note = f", of which {at_zero} at 0" if at_zero > 1 else ""
                label = f"{label}: {len(group)}{note}"
                style = {"color": colour, "markersize": 4.5, "label": label}
                ax.plot(group.real, group.imag, marker, **style)
        if driven is not None:
            value = complex(values[driven])
            parts = sorted({-value.imag, value.imag})
            style = {**CENTRE_STYLE, "linestyle": "none", "label": "mode that evidence drives"}
            ax.plot([value.real] * len(parts), parts, **style)
        legend_above(ax, title or "", grow=own)
    else:
        ax.text(0, 0, "no slow point:\nnothing to linearise", ha="center", va="center")
        legend_above(ax, title or "", grow=own)
    ax.set_aspect("equal", adjustable="datalim")
    ax.margins(0.08)
    ax.set_xlabel("Re \u03bb")
    ax.set_ylabel("Im \u03bb")
    return figure_of(ax)


def as_eigenvalues(modes: Any) -> np.ndarray:
    """Return the eigenvalues of a record of one point, or those that are given."""
    if hasattr(modes, "eigenvalues") and not isinstance(modes, type):
        values = np.asarray(modes.eigenvalues)
        if len(values) > 1:
            raise ValueError(
                f"`modes` must be of one point, as modes[0]; got those of {len(values)} points"
            )
        values = values.reshape(-1)
    else:
        values = as_array("modes", modes)
    if values.ndim != 1 or (values.dtype.kind != "c" and not is_real_dtype(values.dtype)):
        raise TypeError(
            f"`modes` must be a Linearisation, or eigenvalues of shape (mode,); got {shown(modes)}"
        )
    check_finite("modes", values)
    return values


@styled
def flow_field(
    field: FlowField,
    *,
    mean: Averages | None = None,
    verdict: Verdict | None = None,
    title: str = "",
    ax: Axes | None = None,
    width: Width = "single",
) -> Figure:
    """Draw how states move in a plane of state space: streamlines, and the slow region in green.

    What is shown is the motion within the plane; a state may leave it.

    Parameters
    ----------
    field : FlowField
        From `yang_rnn.flow_field`.
    mean : Averages, optional
        Averaged trajectories to project onto the plane.
    verdict : Verdict, optional
        Adds its manifold and points, projected too.
    title : str
        What stands above; a title that is set later would lie on the legend.
    ax : Axes, optional
        Where to draw; without it on a new figure.
    width : {"single", "double"}
        Columns of a page that a new figure is as wide as.
    """
    check_has("field", field, "a FlowField", "x", "y", "velocity", "project")
    check_mean(mean, optional=True)
    check_verdict(verdict, optional=True)
    check_text("title", title)
    own = ax is None
    ax = axes_or_new(ax, width)
    # Still states have no logarithm; the smallest positive speed stands for theirs.
    speed = np.linalg.norm(field.velocity, axis=-1)
    moving = speed[speed > 0]
    slowest = moving.min() if len(moving) else 1.0
    scale = LogNorm(slowest, max(speed.max(), 1.001 * slowest))
    mesh = ax.pcolormesh(
        field.x, field.y, np.maximum(speed, slowest), norm=scale, cmap=FLOW_COLOURS,
        shading="gouraud", rasterized=True, zorder=0,
    )  # fmt: skip
    ax.streamplot(
        field.x, field.y, field.velocity[..., 0], field.velocity[..., 1], color="0.6",
        linewidth=0.5, arrowsize=0.5, density=0.9, zorder=1,
    )  # fmt: skip
    bar = figure_of(ax).colorbar(mesh, ax=ax, shrink=0.85)
    bar.set_label("speed (units of state / s)\ngreen: slow")
    if mean is not None:
        for _, path, style in shaded(mean, field.project(mean.activity)):
            ax.plot(*path.T, linewidth=1.2, **style)
        for level, name in ((-1, "choice 1"), (1, "choice 2"), (0, "no evidence")):
            alike = (np.sign(mean.level) == level).sum()
            if alike:
                name += ", darker with evidence" if alike > 1 else ""
                ax.plot([], [], label=name, **level_style(level, [level]))
    if verdict is not None:
        if verdict.manifold is not None:
            style = manifold_style(verdict.manifold)
            ax.plot(*field.project(verdict.manifold.state).T, zorder=3, **style)
        for kind in ("slow", "fixed", "far"):
            here = verdict.points.state[verdict.points.kind == kind]
            if len(here):
                x, y = field.project(here).T
                hidden = (x < field.x[0]) | (x > field.x[-1]) | (y < field.y[0]) | (y > field.y[-1])
                out = f", {hidden.sum()} out of view" if hidden.any() else ""
                style = {"linestyle": "none", "label": f"{len(here)} {kind}{out}"}
                ax.plot(x, y, zorder=4, **style, **POINT_STYLES[kind])
    ax.set_xlim(field.x[0], field.x[-1])
    ax.set_ylim(field.y[0], field.y[-1])
    ax.set_xlabel(field.names[0])
    ax.set_ylabel(field.names[1])
    legend_above(ax, title, grow=own, share=0.6)
    return figure_of(ax)
