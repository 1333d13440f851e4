import subprocess
import sys

import matplotlib as mpl
import numpy as np
import pytest
from matplotlib.colors import rgb_to_hsv, to_rgb
from matplotlib.figure import Figure

from yang_rnn import figures
from yang_rnn.analysis import Averages
from yang_rnn.figures.style import colour_of, figure_of, project, shade_of, shaded


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
def test_a_level_has_the_hue_of_its_sign_and_is_lighter_with_strength(sign: int, choice: int):
    weak, strong = (np.array(shade_of(sign * level, 51.2)) for level in (25.6, 51.2))
    hue = rgb_to_hsv(to_rgb(figures.CHOICE_COLOURS[choice]))[0]
    for colour in (weak, strong):
        assert rgb_to_hsv(colour)[0] == pytest.approx(hue, abs=1e-6)
    assert strong.sum() > weak.sum()


def test_level_zero_has_no_colour_and_is_not_drawn():
    paths = np.arange(12.0).reshape(2, 3, 2)
    given = list(shaded(Averages(np.array([-1.0, 0.0, 4.0]), np.zeros((2, 3, 5))), paths))
    assert [level for level, *_ in given] == [-1.0, 4.0]
    np.testing.assert_array_equal([path for _, path, _ in given], paths[:, [0, 2]].swapaxes(0, 1))
    assert given[0][2] == shade_of(-1.0, 4.0)
    assert not list(shaded(Averages(np.zeros(1), np.zeros((2, 1, 5))), paths[:, :1]))


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
