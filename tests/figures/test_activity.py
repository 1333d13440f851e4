from typing import Any

import numpy as np
import pytest
from drawn import labelled, points_of

from yang_rnn import figures
from yang_rnn.trials import Trials

STEPS, TRIALS = 10, 8


@pytest.fixture
def trials() -> Trials:
    return Trials(
        inputs=np.zeros((STEPS, TRIALS, 1)),
        targets=np.zeros((STEPS, TRIALS), int),
        periods={"fixation": slice(0, 2), "stimulus": slice(2, 8), "decision": slice(8, 10)},
        conditions={"coherence": np.array([0.0, 0.0, 5.0, 5.0, 5.0, 5.0, 9.0, 9.0])},
        choice=np.array([0, 1, 0, 0, 1, 1, 0, 1]),
    )


def test_outputs_are_the_means_of_trials_of_the_same_evidence(trials: Trials):
    values = np.random.default_rng(0).normal(size=(STEPS, TRIALS, 2))
    figure = figures.outputs(values, trials=trials, dt=100.0)
    assert [ax.get_ylabel() for ax in figure.axes] == ["output 0", "output 1"]
    assert [text.get_text() for text in figure.legends[0].get_texts()] == [
        "-9", "-5", "0", "+5", "+9",
    ]  # fmt: skip
    for output, ax in enumerate(figure.axes):
        assert ax.get_xlabel() == "time (s)"
        for label, chosen in (("-5", [2, 3]), ("0", [0, 1]), ("+9", [7])):
            line = labelled(ax, label)
            assert line.get_linestyle() == ("--" if label == "0" else "-")
            mean = values[:, chosen, output].mean(axis=1)
            np.testing.assert_allclose(points_of(line), np.c_[np.arange(1, 11) / 10, mean])
        begins = [points_of(line)[0, 0] for line in ax.lines if line.get_linestyle() == ":"]
        np.testing.assert_allclose(begins, [0.2, 0.8])
        assert "stimulus" in [text.get_text() for text in ax.texts]


def test_outputs_have_the_names_that_they_are_given(trials: Trials):
    values = np.zeros((STEPS, TRIALS, 2))
    figure = figures.outputs(values, trials=trials, names=["fixation", "left"])
    assert [ax.get_ylabel() for ax in figure.axes] == ["output 0: fixation", "output 1: left"]
    assert figure.legends[0].get_title().get_text() == "signed coherence (%)"
    for names in (["left"], "ab", 2):
        with pytest.raises(ValueError, match="`names` must be a list of one for each of the 2"):
            figures.outputs(values, trials=trials, names=names)  # type: ignore[arg-type] - tested


def test_outputs_of_trials_without_evidence_are_by_their_choice_or_all_together(trials: Trials):
    values = np.ones((STEPS, TRIALS, 1))
    by_choice = figures.outputs(values, trials=trials._replace(conditions={}))
    words = [text.get_text() for text in by_choice.legends[0].get_texts()]
    assert words == ["choice 1 correct", "choice 2 correct"]
    assert by_choice.axes[0].get_xlabel() == "time (steps)"
    assert not figures.outputs(values, trials=trials._replace(choice=None)).legends


def test_a_mean_is_of_trials_that_have_not_ended(trials: Trials):
    weights = np.ones((STEPS, TRIALS))
    weights[5:, 2] = 0
    values = np.zeros((STEPS, TRIALS, 1))
    values[:, 3] = 1.0
    figure = figures.outputs(values, trials=trials._replace(weights=weights))
    line = points_of(labelled(figure.axes[0], "-5"))[:, 1]
    np.testing.assert_allclose(line, [0.5] * 5 + [1.0] * 5)


def test_units_are_sorted_by_their_peak_and_over_their_largest(trials: Trials):
    time = np.arange(STEPS)[:, None, None]
    peaks = np.array([7, 1, 4, 0])
    activity = 3.0 * np.exp(-((time - peaks) ** 2) / 2) * np.ones((1, TRIALS, 1))
    activity[..., 3] = 0.0  # silent
    activity[:, np.asarray(trials.choice) == 1] *= 0.5
    figure = figures.unit_activity(activity, trials=trials, dt=100.0)
    first, second, bar = figure.axes
    shown = [np.asarray(ax.images[0].get_array()) for ax in (first, second)]
    assert shown[0].shape == (4, STEPS)
    assert shown[0][:3].argmax(axis=1).tolist() == [1, 4, 7]
    np.testing.assert_allclose(shown[0][:3].max(axis=1), 1.0)
    np.testing.assert_allclose(shown[1], 0.5 * shown[0])
    assert not shown[0][3].any()
    assert "1 silent" in bar.get_ylabel()
    assert [ax.get_title() for ax in (first, second)] == ["choice 1 correct", "choice 2 correct"]


def test_units_below_0_have_another_colour(trials: Trials):
    activity = np.random.default_rng(0).normal(size=(STEPS, TRIALS, 3))
    image = figures.unit_activity(activity, trials=trials._replace(choice=None)).axes[0].images[0]
    assert image.get_clim() == (-1, 1)


def test_values_of_other_trials_are_refused(trials: Trials):
    with pytest.raises(ValueError, match=r"`values` must have shape \(10, 8, output\); got"):
        figures.outputs(np.zeros((STEPS, 7, 1)), trials=trials)
    with pytest.raises(ValueError, match=r"`activity` must have shape \(10, 8, unit\); got"):
        figures.unit_activity(np.zeros((9, TRIALS, 1)), trials=trials)
    with pytest.raises(ValueError, match="`dt` must be a finite number above 0; got 0"):
        figures.outputs(np.zeros((STEPS, TRIALS, 1)), trials=trials, dt=0)
    wrong: Any = np.zeros((STEPS, TRIALS, 1))
    with pytest.raises(TypeError, match="`trials` must be a Trials"):
        figures.unit_activity(wrong, trials=wrong)
