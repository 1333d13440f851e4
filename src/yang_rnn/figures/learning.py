"""How training went."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from yang_rnn._checks import check_array, check_has, check_text, shown
from yang_rnn.figures.style import (
    Width,
    colour_of,
    figure_of,
    grid_of,
    legend_above,
    styled,
)

if TYPE_CHECKING:
    from yang_rnn.train import History


@styled
def learning_curve(
    history: History,
    *,
    label: str | None = None,
    color: Any = None,
    axes: Sequence[Axes] | None = None,
    width: Width = "double",
) -> Figure:
    """Draw loss and accuracy by epoch.

    Several trainings are drawn on the same axes by calling this for each with a label.

    Parameters
    ----------
    history : History
        From `yang_rnn.train`, or a run's. Epochs without a choice have no accuracy.
    label : str, optional
        What was trained.
    color : color, optional
        Of Matplotlib; without it the next of `STYLE`.
    axes : two Axes, optional
        Where to draw loss and accuracy; without them on a new figure.
    width : {"single", "double"}
        Columns of a page that a new figure is as wide as.
    """
    check_has("history", history, "a History", "loss", "accuracy")
    check_text("label", label, optional=True)
    loss = check_array("history.loss", history.loss, ("epoch",), finite=False)
    accuracy = check_array("history.accuracy", history.accuracy, (len(loss),), finite=False)
    if axes is None:
        axes = grid_of(2, width, 62.0, columns=2)[1]
    if not hasattr(axes, "__len__") or len(axes) != 2:
        raise ValueError(f"`axes` must be two Axes; got {shown(axes)}")
    for ax in axes:
        check_has("axes", ax, "two Axes", "plot", "get_figure")
    color = colour_of(len(axes[0].lines)) if color is None else color
    epoch = np.arange(1, len(loss) + 1)
    for ax, values in zip(axes, (loss, accuracy), strict=True):
        ax.plot(epoch, values, "o-", color=color, markersize=2.5, label=label)
        ax.set_xlabel("epoch")
        ax.xaxis.set_major_locator(MaxNLocator(integer=True))
        if label is not None:
            legend_above(ax)
    axes[0].set_ylabel("loss")
    if (loss > 0).all():
        axes[0].set_yscale("log")
    axes[1].set_ylabel("share of right outputs")
    if np.isnan(accuracy).all():
        axes[1].set_title("no epoch asks for a choice")
    return figure_of(axes[0])
