"""A curve drawn by the page itself, which is there where no figures were drawn."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

WIDTH, HEIGHT = 600, 220
LEFT, RIGHT, TOP, BOTTOM = 70, 15, 15, 40
"""The room of a chart, in its own units, and that around its axes."""


class Chart(NamedTuple):
    """A curve over whole numbers, on a logarithmic axis.

    Attributes
    ----------
    points : list of tuple
        Places of the curve, in the units of the chart.
    across, up : list of tuple
        Places and labels along each axis.
    label : str
        What it says, with its numbers.
    """

    points: list[tuple[float, float]]
    across: list[tuple[float, str]]
    up: list[tuple[float, str]]
    label: str


def loss_chart(losses: np.ndarray) -> Chart | None:
    """Return the curve of a loss by epoch; None where a loss is not above 0.

    Parameters
    ----------
    losses : array of shape (epoch,)
    """
    values = np.asarray(losses, dtype=float)
    if not len(values) or not (np.isfinite(values).all() and (values > 0).all()):
        return None
    heights, last = np.log10(values), len(values)
    low, high = heights.min(), heights.max()
    margin = 0.05 * (high - low) or 0.1
    y = _placed(heights, low - margin, high + margin, HEIGHT - BOTTOM, TOP)
    x = _placed(np.arange(1, last + 1), 1, max(last, 2), LEFT, WIDTH - RIGHT)
    shown = sorted({0, int(values.argmin()), int(values.argmax())})
    epochs = sorted({1, (1 + last) // 2, last})
    return Chart(
        points=list(zip(x, y, strict=True)),
        across=[(x[epoch - 1], str(epoch)) for epoch in epochs],
        up=[(y[place], f"{values[place]:.3g}") for place in shown],
        label=(
            f"{values[0]:.3g} after the first, {values[-1]:.3g} after the last of "
            f"{last}; the lowest is {values.min():.3g}."
        ),
    )


def _placed(values: np.ndarray, low: float, high: float, begin: int, end: int) -> list[float]:
    return [round(float(v), 1) for v in begin + (values - low) / (high - low) * (end - begin)]
