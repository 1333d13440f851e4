"""Recurrent weights and their spectrum."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from yang_rnn._checks import check_array
from yang_rnn.figures.dynamics import as_eigenvalues
from yang_rnn.figures.style import (
    CHOICE_COLOURS,
    Width,
    grid_of,
    legend_above,
    styled,
)

if TYPE_CHECKING:
    from yang_rnn.dynamics.linearisation import Linearisation
    from yang_rnn.model import CTRNN


@styled
def weights(
    net: CTRNN | Any,
    *,
    modes: Linearisation | Any = None,
    order: Any = None,
    width: Width = "double",
) -> Figure:
    """Draw the recurrent weights, and beside them their eigenvalues and those of the Jacobian.

    Parameters
    ----------
    net : CTRNN or array of shape (unit, unit)
        The network, or its weights from each unit (row) to each (column).
    modes : Linearisation or complex array of shape (mode,), optional
        The map around one point, whose eigenvalues are drawn too.
    order : int array of shape (unit,), optional
        In which order to show the units; without it units with similar weights stand together, as
        average linkage of their incoming and outgoing weights has them.
    width : {"single", "double"}
        Columns of a page that the figure is as wide as.

    Raises
    ------
    ValueError
        If the weights are not square, or the order is not one of all units.
    """
    matrix = net.effective_weights()["w_rr"] if hasattr(net, "effective_weights") else net
    matrix = check_array("net", matrix, ("unit", "unit")).astype(float)
    if matrix.shape[0] != matrix.shape[1]:
        raise ValueError(f"`net` must have as many units in as out; got {matrix.shape}")
    order = _order(matrix) if order is None else check_array("order", order, whole=True)
    if not np.array_equal(np.sort(order), np.arange(len(matrix))):
        raise ValueError(f"`order` must have each of the {len(matrix)} units once")
    values = np.empty(0) if modes is None else as_eigenvalues(modes)
    figure, (left, right) = grid_of(2, width, 78.0, columns=2)
    engine: Any = figure.get_layout_engine()
    engine.set(wspace=0.08)
    _matrix(left, matrix[np.ix_(order, order)])
    _spectra(right, np.linalg.eigvals(matrix), values)
    return figure


def _order(matrix: np.ndarray) -> np.ndarray:
    """Return units so that those of similar weights stand together."""
    if len(matrix) < 3:
        return np.arange(len(matrix))
    from scipy.cluster.hierarchy import leaves_list, linkage

    return leaves_list(linkage(np.hstack([matrix, matrix.T]), "average", optimal_ordering=True))


def _matrix(ax: Axes, matrix: np.ndarray) -> None:
    most = float(np.abs(matrix).max()) or 1.0
    ends = (0.5, len(matrix) + 0.5, len(matrix) + 0.5, 0.5)
    style: Any = {"cmap": "RdBu_r", "vmin": -most, "vmax": most, "interpolation": "nearest"}
    image = ax.imshow(matrix, extent=ends, **style)
    ax.figure.colorbar(image, ax=ax, shrink=0.7, label="recurrent weight")
    ax.set_xlabel("to unit (sorted)")
    ax.set_ylabel("from unit (sorted)")


def _spectra(ax: Axes, of_weights: Any, of_jacobian: Any) -> None:
    angle = np.linspace(0, 2 * np.pi, 361)
    ax.plot(np.cos(angle), np.sin(angle), color="0.7", linewidth=0.8, label="unit circle")
    style: Any = {"linestyle": "none", "markersize": 4}
    grey, green = "0.45", CHOICE_COLOURS[2]
    name = "eigenvalues of the weights"
    ax.plot(
        of_weights.real, of_weights.imag, marker="o", mfc="none", color=grey, label=name, **style
    )
    if len(of_jacobian):
        name = "of the Jacobian at the centre"
        ax.plot(of_jacobian.real, of_jacobian.imag, marker="x", color=green, label=name, **style)
    ax.set_aspect("equal", adjustable="datalim")
    ax.margins(0.08)
    ax.set_xlabel("Re \u03bb")
    ax.set_ylabel("Im \u03bb")
    legend_above(ax)
