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


def assert_legends_clear(figure: Any) -> None:
    """Check that no legend lies on data, on a text, or beyond the edge of its figure."""
    figure.draw_without_rendering()
    parts = (figure, *figure.subfigs)
    legends = [legend for part in parts for legend in part.legends]
    legends += [ax.get_legend() for ax in figure.axes if ax.get_legend() is not None]
    texts = [(t.get_text(), t.get_window_extent()) for t in _texts_of(figure, legends=False)]
    for legend in legends:
        box = legend.get_window_extent()
        edge = figure.bbox.padded(1)
        assert edge.contains(box.x0, box.y0), "a legend is cut"
        assert edge.contains(box.x1, box.y1), "a legend is cut"
        for ax in figure.axes:
            assert box.count_contains(places_of(ax)) == 0, (
                f"a legend lies on data of {ax.get_title()!r}"
            )
        for text, other in texts:
            across = min(box.x1, other.x1) - max(box.x0, other.x0)
            up = min(box.y1, other.y1) - max(box.y0, other.y0)
            assert min(across, up) <= 1, f"a legend lies on {text!r}"


def places_of(ax: Any) -> np.ndarray:
    """Return where data are drawn in axes, in display coordinates, lines at many places."""
    found = [np.empty((0, 2))]
    for line in ax.lines:
        path = line.get_transform().transform(np.transpose(line.get_data()).astype(float))
        found.append(_along(path) if line.get_linestyle() != "None" else path)
    for collection in ax.collections:
        offsets = collection.get_offset_transform().transform(collection.get_offsets())
        shapes = [] if len(offsets) > 1 else collection.get_paths()
        found += [offsets] if len(offsets) > 1 else []
        found += [_along(collection.get_transform().transform(p.vertices)) for p in shapes]
    for image in ax.images:
        left, right, bottom, top = image.get_extent()
        x, y = np.meshgrid(np.linspace(left, right, 20), np.linspace(bottom, top, 20))
        found.append(ax.transData.transform(np.c_[x.ravel(), y.ravel()]))
    found += [_along(bar.get_transform().transform(bar.get_path().vertices)) for bar in ax.patches]
    places = np.concatenate([part for part in found if len(part)] or found)
    low, high = ax.bbox.padded(2).get_points()  # what lies beyond is not seen
    return places[((places >= low) & (places <= high)).all(axis=1)]


def _along(path: np.ndarray, between: int = 20) -> np.ndarray:
    """Return the ends of a path's pieces and places between them."""
    if len(path) < 2:
        return path
    share = np.linspace(0, 1, between)[:, None, None]
    return (path[:-1] + share * (path[1:] - path[:-1])).reshape(-1, 2)


def _texts_of(figure: Any, legends: bool = True) -> list[Any]:
    """Return the texts of a figure that can be seen, with the labels of ticks in view."""
    texts = []
    for part in (figure, *figure.subfigs):
        texts += [part._suptitle] if part._suptitle else []
        texts += part.texts
    for ax in figure.axes:
        legend = ax.get_legend()
        texts += legend.get_texts() if legends and legend is not None else []
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
