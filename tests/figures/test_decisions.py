from typing import Any

import numpy as np
import pytest
from drawn import points_of

from yang_rnn import figures
from yang_rnn.behaviour import Psychometric

LEVELS = np.array([-10.0, 0.0, 10.0])


@pytest.fixture
def measured() -> Psychometric:
    return Psychometric(
        strength=LEVELS,
        num_trials=np.array([5, 6, 7]),
        probability=np.array([0.0, 0.5, 0.9]),
        low=np.array([0.0, 0.3, 0.7]),
        high=np.array([0.2, 0.7, 1.0]),
        ideal=np.array([0.02, 0.5, 0.98]),
    )


def test_psychometric_figure_has_the_measured_points_and_the_ideal_curve(measured: Psychometric):
    ax: Any = figures.psychometric(measured).axes[0]
    (bars,) = ax.containers
    np.testing.assert_allclose(points_of(bars.lines[0]), np.c_[LEVELS, measured.probability])
    segments = np.array(bars.lines[2][0].get_segments())
    np.testing.assert_allclose(segments[:, :, 1], np.c_[measured.low, measured.high])
    curves = [points_of(line) for line in ax.lines if line.get_label() == "ideal observer"]
    np.testing.assert_allclose(curves[0], np.c_[LEVELS, measured.ideal])
    assert "network, 18 trials" in ax.get_legend_handles_labels()[1]


def test_without_an_ideal_observer_there_is_no_curve(measured: Psychometric):
    ax = figures.psychometric(measured._replace(ideal=None)).axes[0]
    assert ax.get_legend_handles_labels()[1] == ["network, 18 trials"]


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        ({}, "signed coherence (%), positive for choice 2"),
        ({"condition": "contrast", "unit": "dB"}, "contrast (dB), positive for choice 2"),
        ({"condition": "rank", "unit": ""}, "rank, positive for choice 2"),
    ],
)
def test_axis_says_what_the_strength_is(measured: Psychometric, words: Any, expected: str):
    assert figures.psychometric(measured, **words).axes[0].get_xlabel() == expected
