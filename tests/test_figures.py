from pathlib import Path
from typing import Any

import matplotlib as mpl
import numpy as np
import pytest
from matplotlib.colors import to_hex
from matplotlib.figure import Figure
from small import points_at

from yang_rnn import figures
from yang_rnn.analysis import fit_pca
from yang_rnn.behaviour import Psychometric
from yang_rnn.points import FixedPoints
from yang_rnn.task import PerceptualDecisionMaking, Trials


@pytest.fixture(scope="module")
def data() -> tuple[Any, np.ndarray, Trials]:
    trials = PerceptualDecisionMaking(seed=0).sample_trials(30)
    activity = np.random.default_rng(0).normal(size=(22, 30, 6)).cumsum(axis=0)
    return fit_pca(activity), activity, trials


def points_of(line: Any) -> np.ndarray:
    return np.transpose(line.get_data())


def slow(states: np.ndarray) -> FixedPoints:
    return points_at(["slow"] * len(states), np.full(len(states), 1e-4), states)


def paths_of(ax: Any, length: int) -> list[Any]:
    return [line for line in ax.lines if len(line.get_xdata()) == length]


def test_trajectories_are_the_projected_states_in_the_colour_of_their_choice(data: Any):
    pca, activity, trials = data
    figure = figures.trajectories(pca, activity, trials, num_few=3)
    everything, few = figure.axes
    assert len(paths_of(few, 22)) == 3
    lines = paths_of(everything, 22)
    assert len(lines) == 30
    for trial, line in enumerate(lines):
        expected = (activity[:, trial] - pca.mean_) @ pca.components_[:2].T
        np.testing.assert_allclose(points_of(line), expected)
        colour = figures.CHOICE_COLOURS[trials.choice[trial]]
        assert to_hex(line.get_color()).upper() == colour


def test_a_choice_has_its_colour_in_every_figure(data: Any):
    pca, activity, trials = data
    legends: list[dict[Any, Any]] = []
    for figure in (
        figures.trajectories(pca, activity, trials),
        figures.slow_points(pca, activity, slow(activity[0, :4]), trials, num_trajectories=30),
    ):
        handles: Any
        handles, labels = figure.axes[0].get_legend_handles_labels()
        legends.append({k: h.get_color() for h, k in zip(handles, labels, strict=True)})
    for choice in ("choice 1 correct", "choice 2 correct"):
        assert legends[0][choice] == legends[1][choice]
    assert legends[0]["choice 1 correct"] != legends[0]["choice 2 correct"]


def test_slow_points_are_drawn_where_they_are(data: Any):
    pca, activity, trials = data
    states = activity[3, :4]
    ax = figures.slow_points(pca, activity, slow(states), trials).axes[0]
    (crosses,) = [line for line in ax.lines if line.get_marker() == "x" and len(points_of(line))]
    np.testing.assert_allclose(points_of(crosses), pca.transform(states)[:, :2])
    assert len(paths_of(ax, 22)) == 10


def test_no_slow_point_is_said(data: Any):
    pca, activity, _ = data
    figure = figures.slow_points(pca, activity, slow(np.empty((0, 6))))
    assert figure.axes[0].get_title() == "no slow point"
    figure = figures.eigenvalues([])
    assert "no slow point" in figure.axes[0].texts[0].get_text()


def test_every_eigenvalue_is_drawn():
    values = np.array([0.5 + 0.5j, 0.5 - 0.5j, 1.2, -0.3])
    ax = figures.eigenvalues(values).axes[0]
    drawn = [line for line in ax.lines if line.get_marker() in ("o", "^")]
    points = np.concatenate([points_of(line) for line in drawn])
    assert {complex(*p) for p in points} == set(values)
    assert [line.get_label() for line in drawn] == ["modulus below 1: 3", "modulus 1 or more: 1"]


def test_given_axes_are_drawn_on(data: Any):
    pca, activity, trials = data
    own = Figure()
    axes = own.subplots(2, 2)
    assert figures.trajectories(pca, activity, trials, axes=axes[0]) is own
    assert figures.slow_points(pca, activity, slow(activity[0]), ax=axes[1, 0]) is own
    assert figures.eigenvalues([0.5], ax=axes[1, 1]) is own
    assert all(ax.lines for ax in axes.flat)


def test_settings_of_the_user_are_left_alone(data: Any, tmp_path: Path):
    pca, activity, trials = data
    before = dict(mpl.rcParams)
    figures.save(figures.trajectories(pca, activity, trials), tmp_path / "figure")
    assert dict(mpl.rcParams) == before


def test_saved_figures_are_the_same_twice(data: Any, tmp_path: Path):
    pca, activity, trials = data
    contents = []
    for name in ("one", "two"):
        (tmp_path / name).mkdir()
        paths = figures.save(figures.trajectories(pca, activity, trials), tmp_path / name / "f")
        contents.append([path.read_bytes() for path in paths])
    assert contents[0] == contents[1]
    assert contents[0][0].startswith(b"\x89PNG")
    assert contents[0][1].startswith(b"%PDF")
    assert b"Type3" not in contents[0][1]  # text as outlines: can't be searched or edited


def test_activity_and_trials_must_agree(data: Any):
    pca, activity, trials = data
    with pytest.raises(ValueError, match="same trials; got 7 and 30"):
        figures.trajectories(pca, activity[:, :7], trials)
    with pytest.raises(ValueError, match="two Axes; got 1"):
        figures.trajectories(pca, activity, trials, axes=[Figure().subplots()])


def test_points_are_told_apart_by_status_and_stability(data: Any):
    pca, activity, _ = data
    status = ["fixed", "fixed", "fixed", "fixed", "slow", "unconverged"]
    stability = ["stable node", "saddle spiral", "unstable node", "marginal node", "", ""]
    points = points_at(status, np.zeros(6), activity[5, :6])
    ax = figures.slow_points(pca, activity, points, stability=stability, centre=1).axes[0]
    _, labels = ax.get_legend_handles_labels()
    assert sorted(labels) == [
        "1 fixed, marginal",
        "1 fixed, saddle",
        "1 fixed, stable",
        "1 fixed, unstable",
        "1 slow",
        "analysed point",
    ]
    expected = pca.transform(activity[5, :6])[:, :2]
    looks = {}
    for line in ax.lines:
        at = points_of(line)
        if at.shape == (1, 2) and line.get_markersize() < 10:
            (which,) = np.flatnonzero(np.isclose(expected, at).all(axis=1))
            looks[int(which)] = (line.get_marker(), str(line.get_markerfacecolor()))
    assert set(looks) == {0, 1, 2, 3, 4}  # the unconverged one is not drawn
    assert len(set(looks.values())) == 5
    (ring,) = [line for line in ax.lines if line.get_markersize() > 10 and len(points_of(line))]
    np.testing.assert_allclose(points_of(ring), expected[[1]])


def test_points_in_three_dimensions(data: Any):
    _, activity, trials = data
    pca = fit_pca(activity, components=3)
    points = points_at(["fixed", "slow"], [0.0, 1e-4], activity[5, :2])
    figure = figures.slow_points(pca, activity, points, trials, dimensions=3)
    (cross,) = [x for x in figure.axes[0].lines if x.get_marker() == "x" and len(points_of(x))]
    drawn = np.array(cross.get_data_3d())[:, 0]  # type: ignore[attr-defined] # 3-D lines have it
    np.testing.assert_allclose(drawn, pca.transform(activity[5, 1:2])[0])
    assert figures.save(figure, "three")[0].stat().st_size > 10_000


def test_dimensions_and_labels_must_fit(data: Any):
    pca, activity, _ = data
    points = slow(activity[0, :3])
    with pytest.raises(ValueError, match="no more than the 2 components; got 3"):
        figures.slow_points(pca, activity, points, dimensions=3)
    with pytest.raises(ValueError, match="3 labels; got 1"):
        figures.slow_points(pca, activity, points, stability=["stable node"])


def test_psychometric_figure_has_the_measured_points_and_the_ideal_curve():
    levels = np.array([-10.0, 0.0, 10.0])
    measured = Psychometric(
        signed_coherence=levels,
        num_trials=np.array([5, 6, 7]),
        probability=np.array([0.0, 0.5, 0.9]),
        low=np.array([0.0, 0.3, 0.7]),
        high=np.array([0.2, 0.7, 1.0]),
        ideal=np.array([0.02, 0.5, 0.98]),
    )
    ax: Any = figures.psychometric(measured).axes[0]
    (bars,) = ax.containers
    np.testing.assert_allclose(points_of(bars.lines[0]), np.c_[levels, measured.probability])
    segments = np.array(bars.lines[2][0].get_segments())
    np.testing.assert_allclose(segments[:, :, 1], np.c_[measured.low, measured.high])
    curves = [points_of(line) for line in ax.lines if line.get_label() == "ideal observer"]
    np.testing.assert_allclose(curves[0], np.c_[levels, measured.ideal])
