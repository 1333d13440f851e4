from typing import Any

import numpy as np
import pytest
from drawn import points_of
from matplotlib.colors import to_hex
from scipy.special import ndtr

from yang_rnn import figures
from yang_rnn.behaviour import Psychometric
from yang_rnn.psychometrics import fit_psychometric

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


def test_axis_says_that_it_is_not_linear():
    ax = figures.psychometric(choices(5.0)).axes[0]
    assert ax.get_xlabel() == "signed coherence (%), positive for choice 2\n(symmetric log scale)"


COHERENCES = np.array([-51.2, -12.8, -6.4, 0.0, 6.4, 12.8, 51.2])


def choices(threshold: float, bias: float = 0.0) -> Psychometric:
    share = ndtr((COHERENCES - bias) / threshold)
    total = np.full(len(share), 1000)
    return Psychometric(COHERENCES, total, share, share, share, None)


def test_a_fit_is_drawn_and_its_numbers_are_written():
    measured = choices(8.0, 2.0)
    fit = fit_psychometric(measured, samples=0)
    ax: Any = figures.psychometric(measured, fit=fit).axes[0]
    curve = next(points_of(line) for line in ax.lines if len(line.get_xdata()) > 100)
    np.testing.assert_allclose(curve[:, 1], ndtr((curve[:, 0] - 2.0) / 8.0), atol=0.01)
    (text,) = ax.get_legend_handles_labels()[1]
    lines = text.splitlines()
    assert lines[0] == "network, 7000 trials"
    assert lines[1] == f"threshold {fit.threshold} %"
    assert lines[2] == f"bias {fit.bias} %"
    assert lines[3].startswith("lapses 0")
    assert len(lines) == 4
    poor = figures.psychometric(measured, fit=fit._replace(goodness=0.01)).axes[0]
    assert poor.get_legend_handles_labels()[1][0].splitlines()[4] == "fits badly (p = 0.01)"


def test_a_threshold_that_is_not_determined_is_not_made_up():
    measured = choices(0.1)
    fit = fit_psychometric(measured)
    ax = figures.psychometric(measured, fit=fit).axes[0]
    assert not [line for line in ax.lines if len(np.atleast_1d(line.get_xdata())) > 100]
    (text,) = ax.get_legend_handles_labels()[1]
    assert text.splitlines()[1:] == [f"threshold below {fit.threshold.high:.2g} %"]
    guess = choices(1e9)
    ax = figures.psychometric(guess, fit=fit_psychometric(guess)).axes[0]
    (text,) = ax.get_legend_handles_labels()[1]
    assert text.splitlines()[1:] == ["the choices do not follow the evidence"]


def test_networks_are_drawn_over_each_other_with_names_and_colours():
    figure = figures.psychometric(choices(5.0), label="one")
    ax: Any = figure.axes[0]
    figures.psychometric(choices(10.0), label="other", ax=ax)
    figures.psychometric(choices(20.0), label="third", color="#123456", ax=ax)
    labels = [text.get_text() for text in ax.get_legend().get_texts()]
    assert labels == [f"{name}, 7000 trials" for name in ("one", "other", "third")]
    colours = [to_hex(bars.lines[0].get_color()) for bars in ax.containers]
    assert colours == ["#000000", figures.CHOICE_COLOURS[0].lower(), "#123456"]


def test_the_axis_gives_room_to_weak_evidence():
    ax = figures.psychometric(choices(8.0)).axes[0]
    place = ax.transData.transform(np.c_[[-51.2, -6.4, 0.0, 6.4, 51.2], np.zeros(5)])[:, 0]
    share = (place - place[0]) / (place[-1] - place[0])
    assert share[3] - share[1] > 0.35  # of an even axis it would be an eighth
    np.testing.assert_allclose(share + share[::-1], 1.0, atol=1e-6)
    names = [label.get_text() for label in ax.get_xticklabels()]
    assert {"\u221251.2", "\u22126.4", "0", "6.4", "51.2"} <= set(names)
    near = choices(8.0)._replace(strength=np.arange(-3.0, 4.0))
    assert figures.psychometric(near).axes[0].get_xscale() == "linear"
