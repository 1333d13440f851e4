"""What is on axes, in the words of tests."""

import itertools
from typing import Any

import numpy as np


def points_of(line: Any) -> np.ndarray:
    """Return where a line goes, (point, 2)."""
    return np.transpose(line.get_data())


def paths_of(ax: Any, length: int) -> list[Any]:
    """Return the lines of so many points that can be seen."""
    return [line for line in ax.lines if len(line.get_xdata()) == length and line.get_visible()]


def labelled(ax: Any, label: str) -> Any:
    """Return the one line with a label."""
    (line,) = [line for line in ax.lines if line.get_label() == label]
    return line


def projected(pca: Any, states: Any) -> np.ndarray:
    """Return states in the first two PCs, (..., 2)."""
    return (states - pca.mean_) @ pca.components_[:2].T


def assert_readable(figure: Any) -> None:
    """Check that all texts lie within a figure, none over another, and legends beside their axes.

    A text that is turned by less than 90 degrees has no box to compare.
    """
    figure.draw_without_rendering()
    boxes = [(text.get_text(), text.get_window_extent()) for text in _texts_of(figure)]
    for text, box in boxes:
        inside = box.x0 >= -1 and box.y0 >= -1
        inside = inside and box.x1 <= figure.bbox.x1 + 1 and box.y1 <= figure.bbox.y1 + 1
        assert inside, f"{text!r} is cut"
    for (one, a), (other, b) in itertools.combinations(boxes, 2):
        across, up = min(a.x1, b.x1) - max(a.x0, b.x0), min(a.y1, b.y1) - max(a.y0, b.y0)
        assert min(across, up) <= 1, f"{one!r} lies on {other!r}"
    for ax in figure.axes:
        legend = ax.get_legend()
        if legend is not None:
            box, panel = legend.get_window_extent(), ax.get_window_extent()
            assert box.x0 >= panel.x1 - 1 or box.y0 >= panel.y1 - 1


def _texts_of(figure: Any) -> list[Any]:
    """Return the texts of a figure that can be seen, with the labels of ticks in view."""
    texts = []
    for part in (figure, *figure.subfigs):
        texts += [part._suptitle] if part._suptitle else []
        texts += part.texts
    for ax in figure.axes:
        legend = ax.get_legend()
        texts += legend.get_texts() if legend is not None else []
        texts += ax.texts
        if ax.axison:
            texts += [ax.xaxis.label, ax.yaxis.label]
            for axis in (ax.xaxis, ax.yaxis):
                low, high = sorted(axis.get_view_interval())
                ticks = axis.get_major_ticks()
                texts += [tick.label1 for tick in ticks if low <= tick.get_loc() <= high]
        texts += [ax.title]
    unique = {id(text): text for text in texts}.values()
    return [t for t in unique if t.get_visible() and t.get_text() and t.get_rotation() % 90 == 0]
