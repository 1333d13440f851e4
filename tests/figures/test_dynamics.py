from typing import Any

import numpy as np
import pytest
from drawn import labelled, paths_of, points_of

from yang_rnn import figures
from yang_rnn.dynamics import linearise


def test_every_eigenvalue_is_drawn():
    values = np.array([0.5 + 0.5j, 0.5 - 0.5j, 1.2, -0.3])
    ax = figures.eigenvalues(values).axes[0]
    drawn = [line for line in ax.lines if line.get_marker() in ("o", "^")]
    points = np.concatenate([points_of(line) for line in drawn])
    assert {complex(*p) for p in points} == set(values)
    assert [line.get_label() for line in drawn] == ["modulus below 1: 3", "modulus 1 or more: 1"]


def test_eigenvalues_that_lie_on_each_other_are_counted():
    ax = figures.eigenvalues([0.0, 0.0, 0.5]).axes[0]
    assert labelled(ax, "modulus below 1: 3, of which 2 at 0")


def test_no_eigenvalue_is_said():
    figure = figures.eigenvalues([])
    assert "no slow point" in figure.axes[0].texts[0].get_text()


def test_eigenvalues_of_many_points_are_refused():
    modes = linearise(lambda h: 0.5 * h, np.zeros((3, 2)), dt=1.0)
    with pytest.raises(ValueError, match=r"of one point, as modes\[0\]; got those of 3 points"):
        figures.eigenvalues(modes)


def test_a_record_of_one_point_is_taken_as_it_is():
    modes = linearise(lambda h: 0.5 * h, np.zeros((3, 2)), dt=1.0)
    ax = figures.eigenvalues(modes[1]).axes[0]
    np.testing.assert_allclose(points_of(labelled(ax, "modulus below 1: 2")), [[0.5, 0], [0.5, 0]])
    assert ax.get_title() == "stable node"
    assert figures.eigenvalues(modes[1], title="mine").axes[0].get_title() == "mine"


@pytest.mark.parametrize("modes", ["modes", np.zeros((3, 2)), None, 0.5])
def test_what_are_no_modes_is_refused(modes: Any):
    with pytest.raises(TypeError, match="`modes` must be a Linearisation, or eigenvalues"):
        figures.eigenvalues(modes)


def test_slow_states_are_the_dark_ones_and_it_is_said(judged: Any):
    figure = figures.flow_field(judged.field)
    figure.draw_without_rendering()
    ax, bar = figure.axes
    mesh: Any = ax.collections[0]
    speed = np.linalg.norm(judged.field.velocity, axis=-1).ravel()
    brightness = (mesh.to_rgba(mesh.get_array())[..., :3] @ [0.3, 0.6, 0.1]).ravel()
    order = speed.argsort()
    assert (np.diff(brightness[order]) >= -1e-9).all()
    assert brightness[order[0]] < 0.6 < 0.99 < brightness[order[-1]]
    assert "green: slow" in bar.get_ylabel()


def test_title_of_eigenvalues_stands_clear_of_the_legend():
    figure = figures.eigenvalues(
        [0.5, 0.0, 0.0, 1.2], title="fixed point, saddle node, q = 1.0e-30"
    )
    figure.draw_without_rendering()
    ax: Any = figure.axes[0]
    legend = ax.get_legend()
    assert len(legend.get_texts()) == 4
    assert ax.title.get_window_extent().y0 >= legend.get_window_extent().y1
    assert ax.title.get_window_extent().y1 <= figure.bbox.y1


def test_flow_figure_has_the_plane_and_what_lies_in_it(judged: Any):
    mean, verdict, field = judged.mean, judged.verdict, judged.field
    figure = figures.flow_field(field, mean=mean, verdict=verdict)
    ax = figure.axes[0]
    assert (ax.get_xlabel(), ax.get_ylabel()) == field.names
    np.testing.assert_allclose(ax.get_xlim(), field.x[[0, -1]])
    np.testing.assert_allclose(ax.get_ylim(), field.y[[0, -1]])
    assert "units of state / s" in figure.axes[1].get_ylabel()

    def in_plane(states: Any) -> np.ndarray:
        return (states - field.origin) @ field.axes.T

    paths = [points_of(line) for line in paths_of(ax, 22)]
    assert len(paths) == len(mean.level) == 5
    for index, path in enumerate(paths):
        np.testing.assert_allclose(path, in_plane(mean.activity[:, index]), atol=1e-9)
    (line,) = paths_of(ax, len(verdict.manifold))
    np.testing.assert_allclose(points_of(line), in_plane(verdict.manifold.state), atol=1e-9)
    labels = ax.get_legend_handles_labels()[1]
    assert {"choice 1, darker with evidence", "no evidence", "slow manifold"} <= set(labels)
    (dot,) = [x for x in ax.lines if x.get_marker() == "o" and len(points_of(x))]
    np.testing.assert_allclose(points_of(dot), [[0.0, 0.0]], atol=1e-9)


@pytest.mark.parametrize("factor", [1.0, 0.0], ids=["moves", "stands still"])
def test_flow_figure_of_a_field_alone(judged: Any, factor: float):
    field = judged.field._replace(velocity=factor * judged.field.velocity)
    figure = figures.flow_field(field)
    assert not figure.axes[0].lines
    assert figures.save(figure, "flow")[0].stat().st_size > 5000


def test_mode_that_evidence_drives_has_a_ring_with_its_conjugate():
    values = np.array([0.9, 0.5 + 0.5j, 0.5 - 0.5j])
    for driven, expected in ((0, [[0.9, 0]]), (2, [[0.5, -0.5], [0.5, 0.5]])):
        ax = figures.eigenvalues(values, driven=driven).axes[0]
        np.testing.assert_allclose(points_of(labelled(ax, "mode that evidence drives")), expected)
    with pytest.raises(ValueError, match="`driven` must be one of the 3 modes; got 3"):
        figures.eigenvalues(values, driven=3)
