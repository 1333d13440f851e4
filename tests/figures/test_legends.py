"""No legend of a run's figures lies on what it explains."""

from typing import Any

import numpy as np
import pytest
from drawn import assert_legends_clear
from matplotlib.figure import Figure

from yang_rnn.experiment.drawing import draw
from yang_rnn.experiment.names import ORDER, TASK_ORDER


@pytest.mark.parametrize("width", ["single", "double"])
def test_no_legend_of_a_run_lies_on_data(small_run: Any, width: Any):
    drawn = draw(small_run, width=width)
    assert set(drawn) == set(ORDER)
    for name, figure in drawn.items():
        _check(name, figure)


@pytest.mark.parametrize("width", ["single", "double"])
def test_no_legend_of_a_run_of_a_task_lies_on_data(small_task_run: Any, width: Any):
    drawn = draw(small_task_run, width=width)
    assert {name.split("-")[0] for name in drawn} == set(TASK_ORDER)
    for name, figure in drawn.items():
        _check(name, figure)


def _check(name: str, figure: Figure) -> None:
    try:
        assert_legends_clear(figure)
    except AssertionError as error:
        error.add_note(f"in {name}")
        raise


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
