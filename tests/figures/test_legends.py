"""No legend of a run's figures lies on what it explains."""

from typing import Any

import numpy as np
import pytest
from drawn import assert_legends_clear
from matplotlib.figure import Figure

from yang_rnn.experiment.drawing import drawings, signature, task_drawings
from yang_rnn.experiment.names import ORDER, TASK_ORDER

WIDTHS = pytest.mark.parametrize("width", ["single", "double"])


@WIDTHS
@pytest.mark.parametrize("name", ORDER)
def test_no_legend_of_a_run_lies_on_data(small_run: Any, name: str, width: Any):
    (drawing,) = [d for d in drawings(small_run) if d.name == name]
    assert_legends_clear(drawing.with_width(width).draw(signature(small_run)))


@WIDTHS
@pytest.mark.parametrize("name", TASK_ORDER)
def test_no_legend_of_a_run_of_a_task_lies_on_data(small_task_run: Any, name: str, width: Any):
    drawing = next(d for d in task_drawings(small_task_run) if d.name.split("-")[0] == name)
    assert_legends_clear(drawing.with_width(width).draw(signature(small_task_run)))


@pytest.mark.parametrize("kind", ["line", "dots", "image"])
def test_a_legend_on_data_is_found(kind: str):
    figure = Figure(figsize=(3, 3))
    ax = figure.subplots()
    ax.plot([], [], label="a line")
    if kind == "line":
        ax.plot([0, 1], [1, 0])
    elif kind == "dots":
        ax.scatter([0, 0.5, 1], [1, 0.5, 0])
    else:
        ax.imshow(np.zeros((4, 4)))
    ax.legend(loc="center")
    with pytest.raises(AssertionError, match="a legend lies on data"):
        assert_legends_clear(figure)
