"""The map itself: its eigenvalues, its flow."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from matplotlib.axes import Axes
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
    axes_or_new,
    check_mean,
    check_verdict,
    figure_of,
    legend_above,
    manifold_style,
    shaded,
    styled,
)

if TYPE_CHECKING:
    from yang_rnn.analysis import Averages
    from yang_rnn.dynamics.flow import FlowField
    from yang_rnn.line_attractor.verdict import Verdict


@styled
def eigenvalues(
    values: Any, title: str | None = None, ax: Axes | None = None, *, driven: int | None = None
) -> Figure:
    """Draw the eigenvalues of a map's Jacobian in the complex plane, with the unit circle.

    A mode within the circle decays, one outside grows. On the dashed line, Re = 1, lies a mode that
    neither decays nor grows nor turns.

    Parameters
    ----------
    values : complex array of shape (mode,)
        The eigenvalues of one point, as ``modes.eigenvalues[0]`` of a `Linearisation`; none is a
        figure that says so.
    title : str, optional
        What point they belong to.
    ax : Axes, optional
        Where to draw; without it on a new figure.
    driven : int, optional
        The mode that evidence drives: a ring around it and its conjugate.
    """
    if hasattr(values, "eigenvalues"):  # a `Linearisation`, of many points
        raise TypeError(
            "`values` must be the eigenvalues of one point, as modes.eigenvalues[0]; "
            f"got {shown(values)}"
        )
    values = as_array("values", values)
    if values.ndim != 1 or (values.dtype.kind != "c" and not is_real_dtype(values.dtype)):
        raise TypeError(f"`values` must be numbers of shape (mode,); got {shown(values)}")
    check_finite("values", values)
    check_text("title", title, optional=True)
    check_index("driven", driven, len(values), optional=True, of="modes")
    ax = axes_or_new(ax)
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
        legend_above(ax, title or "")
    else:
        ax.text(0, 0, "no slow point:\nnothing to linearise", ha="center", va="center")
        ax.set_title(title or "")
    ax.set_aspect("equal", adjustable="datalim")
    ax.margins(0.08)
    ax.set_xlabel("Re \u03bb")
    ax.set_ylabel("Im \u03bb")
    return figure_of(ax)


@styled
def flow_field(
    field: FlowField,
    mean: Averages | None = None,
    verdict: Verdict | None = None,
    *,
    ax: Axes | None = None,
) -> Figure:
    """Draw how states move in a plane of state space, as streamlines coloured by speed.

    What is shown is the motion within the plane; a state may leave it.

    Parameters
    ----------
    field : FlowField
        From `yang_rnn.flow_field`.
    mean : Averages, optional
        Averaged trajectories to project onto the plane; level 0 is left out.
    verdict : Verdict, optional
        Adds its manifold and points, projected too.
    ax : Axes, optional
        Where to draw; without it on a new figure.
    """
    check_has("field", field, "a FlowField", "x", "y", "velocity", "project")
    check_mean(mean, optional=True)
    check_verdict(verdict, optional=True)
    ax = axes_or_new(ax)
    # Still states have no direction and no logarithm; the smallest positive speed stands for them.
    speed = np.linalg.norm(field.velocity, axis=-1)
    moving = speed[speed > 0]
    magnitude = np.log10(np.maximum(speed, moving.min() if len(moving) else 1.0))
    stream = ax.streamplot(
        field.x, field.y, field.velocity[..., 0], field.velocity[..., 1], color=magnitude,
        cmap="Greys", linewidth=0.8, arrowsize=0.7, density=1.2,
    )  # fmt: skip
    stream.lines.set_clim(magnitude.min() - 1.0, magnitude.max())  # the slowest are grey, not white
    figure_of(ax).colorbar(
        stream.lines, ax=ax, label="log10 speed (units of state / s)", shrink=0.8
    )
    if mean is not None:
        for _, path, colour in shaded(mean, field.project(mean.activity)):
            ax.plot(*path.T, color=colour, linewidth=1.4)
    if verdict is not None:
        if verdict.manifold is not None:
            style = manifold_style(verdict.manifold)
            ax.plot(*field.project(verdict.manifold.state).T, zorder=3, **style)
        for kind in ("slow", "fixed", "far"):
            here = verdict.points.state[verdict.points.kind == kind]
            shown = field.project(here)
            ax.plot(*shown.T, linestyle="none", zorder=4, **POINT_STYLES[kind])
    ax.set_xlim(field.x[0], field.x[-1])
    ax.set_ylim(field.y[0], field.y[-1])
    ax.set_xlabel(field.names[0])
    ax.set_ylabel(field.names[1])
    return figure_of(ax)
