import subprocess
import sys
from operator import attrgetter
from typing import Any

import matplotlib as mpl
import numpy as np
import pytest
from cycler import cycler
from drawn import labelled
from matplotlib.colors import rgb_to_hsv, to_rgb
from matplotlib.figure import Figure

from yang_rnn import figures
from yang_rnn.analysis import Averages
from yang_rnn.figures.style import (
    NO_EVIDENCE_STYLE,
    colour_of,
    figure_of,
    project,
    shade_of,
    shaded,
)


def test_settings_of_the_user_are_left_alone():
    before = dict(mpl.rcParams)
    figure = figures.eigenvalues([0.5])
    assert figure.axes[0].spines["top"].get_visible() is False
    assert dict(mpl.rcParams) == before


def test_choices_have_colours_of_their_own_that_start_over():
    assert [colour_of(choice) for choice in range(6)] == list(figures.CHOICE_COLOURS)
    assert len(set(figures.CHOICE_COLOURS)) == 6
    assert colour_of(6) == colour_of(0)


@pytest.mark.parametrize(("sign", "choice"), [(-1, 0), (1, 1)])
def test_a_level_has_the_hue_of_its_sign_and_is_darker_with_strength(sign: int, choice: int):
    levels = [-51.2, -25.6, 0.0, 6.4, 25.6, 51.2]
    weak, strong = (np.array(shade_of(sign * level, levels)) for level in (25.6, 51.2))
    hue = rgb_to_hsv(to_rgb(figures.CHOICE_COLOURS[choice]))[0]
    for colour in (weak, strong):
        assert rgb_to_hsv(colour)[0] == pytest.approx(hue, abs=1e-6)
    assert strong.sum() < weak.sum() - 0.3


def test_level_zero_is_grey_and_dashed():
    paths = np.arange(12.0).reshape(2, 3, 2)
    given = list(shaded(Averages(np.array([-1.0, 0.0, 4.0]), np.zeros((2, 3, 5))), paths))
    assert [level for level, *_ in given] == [-1.0, 0.0, 4.0]
    np.testing.assert_array_equal([path for _, path, _ in given], paths.swapaxes(0, 1))
    (_, _, left), (_, _, none), (_, _, right) = given
    assert (left["color"], right["color"]) == (shade_of(-1.0, [-1, 4]), shade_of(4.0, [-1, 4]))
    assert none == NO_EVIDENCE_STYLE
    assert len(set(to_rgb(none["color"]))) == 1


def test_one_strength_has_the_colour_of_its_choice():
    assert shade_of(2.0, [-2.0, 2.0]) == to_rgb(colour_of(1))


def test_one_change_of_the_style_holds_for_every_figure(data, monkeypatch: pytest.MonkeyPatch):
    def drawn() -> Figure:
        return figures.trajectories(data.activity, trials=data.trials, pca=data.pca)

    plain = drawn()
    monkeypatch.setitem(figures.STYLE, "font.size", 12.0)
    monkeypatch.setitem(figures.STYLE, "axes.prop_cycle", cycler(color=["black", "red"]))
    other = drawn()
    for text in ("xaxis.label", "title"):
        sizes = [attrgetter(text)(f.axes[0]).get_fontsize() for f in (plain, other)]
        assert sizes[1] / sizes[0] == pytest.approx(12 / 8.4)
    assert labelled(other.axes[0], "choice 2 correct, darker with coherence").get_color() == "red"
    (path,) = figures.save(other, "other")
    assert path.exists()


@pytest.mark.parametrize(("width", "across"), [("single", 85), ("double", 174)])
def test_a_figure_is_as_wide_as_its_columns(data, width: Any, across: float):
    figure = figures.trajectories(data.activity, trials=data.trials, width=width)
    assert 25.4 * figure.get_figwidth() == pytest.approx(across)
    sizes: list[Any] = [ax.xaxis.label.get_fontsize() for ax in figure.axes]
    sizes += [label.get_fontsize() for ax in figure.axes for label in ax.get_xticklabels()]
    assert 7 <= round(min(sizes), 2) <= max(sizes) < 8.5


def test_a_wrong_width_or_order_is_told(data):
    with pytest.raises(ValueError, match=r"`width` must be one of \['single', 'double'\]; got 3"):
        figures.trajectories(data.activity, trials=data.trials, width=3)  # pyright: ignore
    expected = (
        "`trajectories` takes `activity` first, and by name trials=, pca=, .*; "
        "got PCA, ndarray, Trials"
    )
    with pytest.raises(TypeError, match=expected):
        figures.trajectories(data.pca, data.activity, data.trials)  # pyright: ignore
    with pytest.raises(TypeError, match="`points` must be FixedPoints; got PCA"):
        figures.slow_points(data.pca, activity=data.activity)  # pyright: ignore


def test_projection_keeps_time_and_trials(data):
    pca, activity, _ = data
    expected = (activity - pca.mean_) @ pca.components_[:2].T
    np.testing.assert_allclose(project(pca, activity), expected)


def test_axes_without_a_figure_are_an_error():
    ax = Figure().subplots()
    ax.remove()
    with pytest.raises(ValueError, match="`ax` must belong to a figure"):
        figure_of(ax)


def test_to_draw_needs_neither_the_networks_nor_the_analysis():
    heavy = "'brainpy', 'jax', 'sklearn', 'scipy.stats', 'pandas', 'matplotlib.pyplot'"
    code = f"import sys, yang_rnn.figures; print([m for m in ({heavy}) if m in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
