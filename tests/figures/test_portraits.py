import dataclasses
from typing import Any

import numpy as np
import pytest
from drawn import labelled, paths_of, points_of, projected
from matplotlib.collections import LineCollection
from matplotlib.colors import to_hex
from matplotlib.figure import Figure
from matplotlib.text import Text
from small import modes_at, points_at

from yang_rnn import figures
from yang_rnn.analysis import Averages, average_by, fit_pca
from yang_rnn.dynamics.points import FixedPoints
from yang_rnn.figures.style import shade_of


def slow(states: np.ndarray) -> FixedPoints:
    return points_at(["slow"] * len(states), np.full(len(states), 1e-4), states)


def collections_of(ax: Any) -> tuple[LineCollection, Any, Any]:
    """Return the lines of an axes with trajectories, and the marks at their beginnings and ends."""
    lines, begins, ends = ax.collections
    return lines, begins, ends


def test_trajectories_are_the_projected_states_in_the_colour_of_their_choice(data: Any):
    pca, activity, trials = data
    everything, few = figures.trajectories(activity, pca=pca, trials=trials, num_few=3).axes
    expected = projected(pca, activity).swapaxes(0, 1)
    signed = np.where(trials.choice == 1, 1, -1) * trials.conditions["coherence"]
    colours = [to_hex(shade_of(level, signed)) for level in signed]
    assert len(set(colours)) == 5
    for ax, shown in ((everything, 30), (few, 3)):
        lines, begins, ends = collections_of(ax)
        np.testing.assert_allclose(lines.get_segments(), expected[:shown])
        np.testing.assert_allclose(begins.get_offsets(), expected[:shown, 0])
        np.testing.assert_allclose(ends.get_offsets(), expected[:shown, -1])
        drawn: tuple[Any, ...] = (lines.get_colors(), begins.get_edgecolor(), ends.get_facecolor())
        for has in drawn:
            assert [to_hex(colour) for colour in has] == colours[:shown]
        assert len(begins.get_facecolor()) == 0
        assert ax.get_title() == f"{shown} trials"


@pytest.mark.parametrize("flip", [(1, 1), (1, -1), (-1, 1), (-1, -1)])
def test_trajectories_are_in_view_and_the_legend_keeps_clear_of_them(data: Any, flip: Any):
    pca, activity, trials = data
    corner = np.abs(projected(pca, activity)) * flip  # empty on the other sides
    flat = corner @ pca.components_[:2] + pca.mean_
    figure = figures.trajectories(flat, pca=pca, trials=trials)
    figure.draw_without_rendering()
    ax: Any = figure.axes[0]
    places = ax.transData.transform(corner.reshape(-1, 2))
    assert ax.bbox.count_contains(places) == len(places)
    assert figure.legends[0].get_window_extent().count_contains(places) == 0


def test_a_choice_has_its_colour_in_every_figure(data: Any):
    pca, activity, trials = data
    legends: list[dict[Any, Any]] = []
    for figure in (
        figures.trajectories(activity, pca=pca, trials=trials),
        figures.slow_points(
            slow(activity[0, :4]), pca=pca, activity=activity, trials=trials, num_trajectories=30
        ),
    ):
        handles: Any
        handles, labels = figure.axes[0].get_legend_handles_labels()
        legends.append({k: h.get_color() for h, k in zip(handles, labels, strict=True)})
    first, second = (f"choice {k} correct, darker with coherence" for k in (1, 2))
    for choice in (first, second, "coherence 0"):
        assert legends[0][choice] == legends[1][choice]
    assert len({legends[0][name] for name in (first, second, "coherence 0")}) == 3


def test_slow_points_are_drawn_where_they_are(data: Any):
    pca, activity, trials = data
    states = activity[3, :4]
    ax = figures.slow_points(slow(states), pca=pca, activity=activity, trials=trials).axes[0]
    (crosses,) = [line for line in ax.lines if line.get_marker() == "x" and len(points_of(line))]
    np.testing.assert_allclose(points_of(crosses), projected(pca, states))
    assert len(paths_of(ax, 22)) == 10


def test_no_slow_point_is_said(data: Any):
    pca, activity, _ = data
    figure = figures.slow_points(slow(np.empty((0, 6))), pca=pca, activity=activity)
    assert figure.axes[0].get_title() == "no slow point"


def test_given_axes_are_drawn_on(data: Any):
    pca, activity, trials = data
    own = Figure()
    axes = own.subplots(2, 2)
    assert figures.trajectories(activity, pca=pca, trials=trials, axes=axes[0]) is own
    assert figures.slow_points(slow(activity[0]), pca=pca, activity=activity, ax=axes[1, 0]) is own
    assert figures.eigenvalues([0.5], ax=axes[1, 1]) is own
    assert all(ax.lines or ax.collections for ax in axes.flat)


def test_points_are_told_apart_by_status_and_stability(data: Any):
    pca, activity, _ = data
    status = ["fixed", "fixed", "fixed", "fixed", "slow", "unconverged"]
    stability = ["stable", "saddle", "unstable", "marginal", "", ""]
    points = points_at(status, np.zeros(6), activity[5, :6])
    modes = modes_at(points.state, stability)
    ax = figures.slow_points(points, pca=pca, activity=activity, modes=modes, centre=1).axes[0]
    _, labels = ax.get_legend_handles_labels()
    assert sorted(labels) == [
        "1 fixed, marginal",
        "1 fixed, saddle",
        "1 fixed, stable",
        "1 fixed, unstable",
        "1 slow",
        "analysed point",
    ]
    expected = projected(pca, activity[5, :6])
    looks = {}
    for line in ax.lines:
        at = points_of(line)
        if at.shape == (1, 2) and line.get_markersize() < 10:
            (which,) = np.flatnonzero(np.isclose(expected, at).all(axis=1))
            looks[int(which)] = (line.get_marker(), str(line.get_markerfacecolor()))
    assert set(looks) == {0, 1, 2, 3, 4}  # the unconverged one is not drawn
    assert len(set(looks.values())) == 5
    of_fixed = figures.slow_points(points, pca=pca, activity=activity, modes=modes[:4])
    assert sorted(of_fixed.axes[0].get_legend_handles_labels()[1]) == sorted(labels)[:5]
    (ring,) = [line for line in ax.lines if line.get_markersize() > 10 and len(points_of(line))]
    np.testing.assert_allclose(points_of(ring), expected[[1]])


def test_points_far_from_the_data_are_drawn_and_named_as_such(data: Any):
    pca, activity, _ = data
    points = points_at(["fixed", "fixed", "slow"], np.zeros(3), activity[5, :3])
    points = dataclasses.replace(points, outside=np.array([False, True, True]))
    assert points.kind.tolist() == ["fixed", "far", "far"]
    ax = figures.slow_points(points, pca=pca, activity=activity).axes[0]
    assert sorted(ax.get_legend_handles_labels()[1]) == ["1 fixed", "2 far"]
    crosses = [points_of(line) for line in ax.lines if line.get_marker() == "+"]
    np.testing.assert_allclose(np.concatenate(crosses), projected(pca, activity[5, 1:3]))


def limits(ax: Any) -> list[tuple[float, float]]:
    return [getattr(ax, f"get_{axis}lim")() for axis in "xyz" if hasattr(ax, f"get_{axis}lim")]


@pytest.mark.parametrize("dimensions", [2, 3])
def test_far_points_never_widen_the_view(data: Any, dimensions: int):
    activity = data[1]
    pca = fit_pca(activity, dimensions)
    states = np.concatenate([activity[5, :2], 50.0 + activity[5, :3]])
    points = points_at(["fixed"] + 4 * ["slow"], np.zeros(5), states)
    points = dataclasses.replace(points, outside=np.array([0, 1, 1, 1, 1], bool))
    plain, ax = (
        figures.slow_points(some, pca=pca, activity=activity, dimensions=dimensions).axes[0]
        for some in (points[:1], points)
    )
    assert limits(ax) == limits(plain)
    assert ax.get_legend_handles_labels()[1][-1] == "4 far, 3 out of view"
    ringed = figures.slow_points(points, pca=pca, activity=activity, centre=4).axes[0]
    (ring,) = [line for line in ringed.lines if line.get_label() == "analysed point"]
    assert not len(points_of(ring))


def test_far_points_of_a_verdict_never_widen_the_view_of_averages(judged: Any):
    states = np.concatenate([judged.centre[None], 1e3 + judged.mean.activity[0, :2]])
    points = points_at(["fixed", "slow", "slow"], np.zeros(3), states)
    points = dataclasses.replace(points, outside=np.array([False, True, True]))
    plain, ax = (
        figures.averages(
            judged.mean,
            pca=judged.pca,
            verdict=dataclasses.replace(judged.verdict, points=some, centre=0),
        ).axes[0]
        for some in (points[:1], points)
    )
    assert limits(ax) == limits(plain)
    assert "2 far, 2 out of view" in ax.get_legend_handles_labels()[1]


def test_fixed_points_need_not_be_told_apart(data: Any):
    pca, activity, _ = data
    points = points_at(["fixed", "slow"], [0.0, 1e-4], activity[5, :2])
    ax = figures.slow_points(points, pca=pca, activity=activity).axes[0]
    assert ax.get_legend_handles_labels()[1] == ["1 slow", "1 fixed"]


def test_points_in_three_dimensions(data: Any):
    _, activity, trials = data
    pca = fit_pca(activity, components=3)
    points = points_at(["fixed", "slow"], [0.0, 1e-4], activity[5, :2])
    figure = figures.slow_points(points, pca=pca, activity=activity, trials=trials, dimensions=3)
    (cross,) = [x for x in figure.axes[0].lines if x.get_marker() == "x" and len(points_of(x))]
    drawn = np.array(cross.get_data_3d())[:, 0]  # type: ignore[attr-defined] # 3-D lines have it
    np.testing.assert_allclose(drawn, pca.transform(activity[5, 1:2])[0])
    assert figures.save(figure, "three")[0].stat().st_size > 10_000


def test_activity_and_trials_must_agree(data: Any):
    pca, activity, trials = data
    with pytest.raises(ValueError, match="same trials; got 7 and 30"):
        figures.trajectories(activity[:, :7], pca=pca, trials=trials)
    with pytest.raises(ValueError, match="two Axes; got 1"):
        figures.trajectories(activity, pca=pca, trials=trials, axes=[Figure().subplots()])


def test_dimensions_and_modes_must_fit(data: Any):
    pca, activity, _ = data
    points = slow(activity[0, :3])
    with pytest.raises(ValueError, match="`pca` must have 3 components; got 2"):
        figures.slow_points(points, pca=pca, activity=activity, dimensions=3)
    with pytest.raises(ValueError, match="`dimensions` must be 2 or 3; got 4"):
        figures.slow_points(points, pca=pca, activity=activity, dimensions=4)
    modes = modes_at(activity[0, :2], ["stable", "saddle"])
    with pytest.raises(ValueError, match="of the 3 points, or of the 0 fixed ones; got 2"):
        figures.slow_points(points, pca=pca, activity=activity, modes=modes)


def test_arguments_of_portraits_are_checked(data: Any):
    pca, activity, trials = data
    points = slow(activity[0, :3])
    with pytest.raises(ValueError, match="`num_few` must be a whole number, 1 or more; got 0"):
        figures.trajectories(activity, pca=pca, trials=trials, num_few=0)
    for centre in (-1, 3):
        with pytest.raises(ValueError, match=f"one of the 3 points; got {centre}"):
            figures.slow_points(points, pca=pca, activity=activity, centre=centre)
    short = trials.select(slice(4))
    with pytest.raises(ValueError, match="those of the activity; got 4 for 10"):
        figures.slow_points(points, pca=pca, activity=activity, trials=short)
    flat, deep = Figure().subplots(), Figure().add_subplot(projection="3d")
    with pytest.raises(ValueError, match="`ax` must have 3 dimensions"):
        figures.slow_points(
            points, pca=fit_pca(activity, 3), activity=activity, dimensions=3, ax=flat
        )
    with pytest.raises(ValueError, match="`ax` must have 2 dimensions"):
        figures.slow_points(points, pca=pca, activity=activity, ax=deep)


def test_averages_are_drawn_at_the_projected_means_in_the_shade_of_their_level(judged: Any):
    pca, mean = judged.pca, judged.mean
    ax = figures.averages(mean, pca=pca).axes[0]
    legend: Any = ax.get_legend()
    shown = [text.get_text() for text in legend.get_texts()]
    assert shown == [
        "-51.2 %", "-25.6 %", "0 %", "+25.6 %", "+51.2 %", "first step", "decision",
    ]  # fmt: skip
    assert len(paths_of(ax, 22)) == 5
    for index, level in enumerate(mean.level):
        line = labelled(ax, f"{level:+g} %" if level else "0 %")
        np.testing.assert_allclose(points_of(line), projected(pca, mean.activity[:, index]))
        assert to_hex(line.get_color()) == to_hex(shade_of(level, mean.level))
        assert line.get_linestyle() == ("-" if level else "--")


def test_averages_are_of_any_condition(data: Any):
    pca, activity, _ = data
    mean = average_by(activity, np.arange(30) % 3)
    for unit, expected in (("dB", ["0 dB", "+1 dB", "+2 dB"]), ("", ["0", "+1", "+2"])):
        legend: Any = (
            figures.averages(mean, pca=pca, condition="contrast", unit=unit).axes[0].get_legend()
        )
        assert legend.get_title().get_text() == "contrast"
        assert [text.get_text() for text in legend.get_texts()][:3] == expected


@pytest.mark.parametrize(("level", "label"), [(0.0, "0"), (6.4, "+6.4 %")])
def test_averages_of_one_level(data: Any, level: float, label: str):
    pca, activity, _ = data
    mean = Averages(np.array([level]), activity[:, :1].astype(float))
    ax = figures.averages(mean, pca=pca).axes[0]
    assert len(paths_of(ax, 22)) == 1
    assert label in ax.get_legend_handles_labels()[1]


@pytest.mark.parametrize("draw", ["trajectories", "slow_points"])
def test_without_a_pca_one_is_fitted_to_the_states(data: Any, draw: str):
    first = {"trajectories": data.activity, "slow_points": slow(data.activity[3, :4])}[draw]
    more = {"trials": data.trials} if draw == "trajectories" else {"activity": data.activity}
    one, other = (getattr(figures, draw)(first, **more, **pca) for pca in ({}, {"pca": data.pca}))
    assert [ax.dataLim.bounds for ax in one.axes] == [ax.dataLim.bounds for ax in other.axes]


def test_trials_without_a_choice_are_grey_and_without_a_strength_of_their_choice(data: Any):
    for trials, expected in (
        (data.trials._replace(choice=None), {to_hex("0.6")}),
        (data.trials._replace(conditions={}), {c.lower() for c in figures.CHOICE_COLOURS[:2]}),
    ):
        figure = figures.trajectories(data.activity, trials=trials, pca=data.pca)
        lines: Any = collections_of(figure.axes[0])[0]
        assert {to_hex(colour) for colour in lines.get_colors()} == expected


def test_structure_of_a_verdict_is_drawn_through_its_centre(judged: Any):
    pca, verdict, centre = judged.pca, judged.verdict, judged.centre
    ax = figures.averages(judged.mean, pca=pca, verdict=verdict).axes[0]
    (place,) = points_of(labelled(ax, "1 fixed"))
    np.testing.assert_allclose(place, projected(pca, centre), atol=1e-9)
    ends = points_of(labelled(ax, "mode that evidence drives"))
    np.testing.assert_allclose(ends.mean(axis=0), place, atol=1e-9)
    along = projected(pca, centre + judged.line) - place
    reach = (ends[1] - ends[0]) @ along / (along @ along)
    np.testing.assert_allclose(ends[1] - ends[0], reach * along, atol=1e-9)
    width = max(np.ptp(ax.get_xlim()), np.ptp(ax.get_ylim()))
    assert 0.1 * width < np.linalg.norm(ends[1] - ends[0]) < 0.5 * width
    line = points_of(labelled(ax, "slow manifold"))
    np.testing.assert_allclose(line, projected(pca, verdict.manifold.state), atol=1e-9)


@pytest.mark.parametrize(("part", "label"), [(1, "+51.2 %"), (100, "+0.512")])
def test_averages_are_in_percent_only_where_a_coherence_is(judged: Any, part: int, label: str):
    mean = judged.mean._replace(level=judged.mean.level / part)
    for figure in (
        figures.averages(mean, pca=judged.pca),
        figures.line_attractor(judged.verdict, mean=mean, pca=judged.pca),
    ):
        assert label in [text.get_text() for text in figure.findobj(Text)]


def test_slow_points_of_a_verdict_are_drawn_where_they_are(judged: Any):
    states = np.random.default_rng(0).normal(size=(3, 8)) + 6.0
    points = points_at(["slow", "fixed", "slow"], [1e-4, 0.0, 1e-4], states)
    other = dataclasses.replace(judged.verdict, points=points, centre=1)
    pca = judged.pca
    ax = figures.averages(judged.mean, pca=pca, verdict=other).axes[0]
    slow_ones = points_of(labelled(ax, "2 slow"))
    np.testing.assert_allclose(slow_ones, projected(pca, states[[0, 2]]))
    np.testing.assert_allclose(points_of(labelled(ax, "1 fixed")), projected(pca, states[[1]]))
    ends = points_of(labelled(ax, "mode that evidence drives"))
    np.testing.assert_allclose(ends.mean(axis=0), projected(pca, states[1]), atol=1e-9)


def test_without_a_manifold_none_is_made_up_and_it_is_said_why(judged: Any):
    none = dataclasses.replace(judged.verdict, manifold=None)
    ax = figures.averages(judged.mean, pca=judged.pca, verdict=none).axes[0]
    labels = ax.get_legend_handles_labels()[1]
    assert "slow manifold" not in labels
    assert "mode that evidence drives" not in labels
    assert "1 fixed" in labels
    assert ax.get_title() == "no slow manifold:\nthe mode that evidence drives turns"
    lost = dataclasses.replace(none, centre=None, modes=None, points=none.points[[]])
    ax = figures.averages(judged.mean, pca=judged.pca, verdict=lost).axes[0]
    assert ax.get_title() == "no slow manifold:\nno slow point"
