from typing import Any

import numpy as np
import pytest
from drawn import labelled, points_of

from yang_rnn import figures
from yang_rnn.train import History

HISTORY = History(np.array([1.0, 0.5, 0.1]), np.array([0.2, np.nan, 0.9]))


def test_loss_and_accuracy_are_drawn_by_epoch():
    loss, accuracy = figures.learning_curve(HISTORY).axes
    np.testing.assert_allclose(points_of(loss.lines[0]), [[1, 1], [2, 0.5], [3, 0.1]])
    np.testing.assert_allclose(points_of(accuracy.lines[0])[:, 1], HISTORY.accuracy)
    assert loss.get_yscale() == "log"
    assert loss.get_legend() is None


def test_trainings_are_drawn_on_each_other_in_colours_of_their_own():
    figure = figures.learning_curve(HISTORY, label="one")
    axes = figure.axes
    assert figures.learning_curve(HISTORY, label="other", axes=axes) is figure
    one, other = (labelled(axes[0], name).get_color() for name in ("one", "other"))
    assert one != other
    legend: Any = axes[0].get_legend()
    assert [text.get_text() for text in legend.get_texts()] == ["one", "other"]


def test_values_have_no_accuracy_and_a_loss_of_0_no_logarithm():
    loss, accuracy = figures.learning_curve(History(np.zeros(2), np.full(2, np.nan))).axes
    assert loss.get_yscale() == "linear"
    assert accuracy.get_title() == "no epoch asks for a choice"


@pytest.mark.parametrize("value", [None, 3, "history"])
def test_what_is_no_history_is_refused(value: Any):
    with pytest.raises(TypeError, match="`history` must be a History"):
        figures.learning_curve(value)
