import dataclasses
from pathlib import Path
from typing import Any, NamedTuple

import matplotlib as mpl
import numpy as np
import pandas
import pytest
from built import AXES, LINEAR, OFFSET, UNITS, leaky
from matplotlib.colors import rgb_to_hsv, to_hex, to_rgb
from matplotlib.figure import Figure
from small import points_at

from yang_rnn import figures
from yang_rnn.analysis import CoherenceAverages, average_by_coherence, fit_pca
from yang_rnn.behaviour import Psychometric
from yang_rnn.figures.ensembles import VERDICT_COLOURS
from yang_rnn.flow import FlowField, flow_field
from yang_rnn.line_attractor import Verdict, line_attractor_verdict
from yang_rnn.points import FixedPoints
from yang_rnn.stimulus_dependence import StimulusPoints, stimulus_dependence
from yang_rnn.sweep_results import summary_of
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


class Judged(NamedTuple):
    pca: Any
    mean: CoherenceAverages
    verdict: Verdict
    field: FlowField
    rows: tuple[StimulusPoints, ...]


@pytest.fixture(scope="module")
def judged() -> Judged:
    """Judge an integrator whose centre and slow line are known."""
    recipe = dataclasses.replace(LINEAR, coherences=(0.0, 25.6, 51.2))
    net = leaky(2.0)
    trials = PerceptualDecisionMaking.from_recipe(recipe, seed=5).sample_trials(40)
    activity = np.asarray(net.predict(trials.inputs)[0])
    pca = fit_pca(activity)
    verdict = line_attractor_verdict(net, trials, recipe=recipe)
    field = flow_field(net.state_map(recipe.search_input), verdict, pca, activity, dt=100.0)
    rows = stimulus_dependence(net, activity, verdict, recipe)
    return Judged(pca, average_by_coherence(activity, trials), verdict, field, rows)


def projected(pca: Any, states: Any) -> np.ndarray:
    return (states - pca.mean_) @ pca.components_[:2].T


def labelled(ax: Any, label: str) -> Any:
    (line,) = [line for line in ax.lines if line.get_label() == label]
    return line


def test_averages_are_drawn_at_the_projected_means(data: Any):
    pca, activity, trials = data
    mean = average_by_coherence(activity, trials)
    ax = figures.averages(pca, mean).axes[0]
    legend: Any = ax.get_legend()
    shown = [text.get_text() for text in legend.get_texts()]
    levels = [f"{level:+g} %" for level in mean.signed_coherence if level != 0]
    assert shown == [*levels, "first step", "decision"]
    assert len(levels) == len(mean.signed_coherence) - 1 == len(paths_of(ax, 22))
    for index, level in enumerate(mean.signed_coherence):
        if level != 0:
            line = labelled(ax, f"{level:+g} %")
            np.testing.assert_allclose(points_of(line), projected(pca, mean.activity[:, index]))


def test_averages_have_their_choices_hue_and_are_lighter_with_strength(judged: Judged):
    ax = figures.averages(judged.pca, judged.mean).axes[0]
    for sign, choice in ((-1, 0), (1, 1)):
        weak, strong = (
            np.array(to_rgb(labelled(ax, f"{sign * level:+g} %").get_color()))
            for level in (25.6, 51.2)
        )
        hue = rgb_to_hsv(to_rgb(figures.CHOICE_COLOURS[choice]))[0]
        for colour in (weak, strong):
            assert rgb_to_hsv(colour)[0] == pytest.approx(hue, abs=1e-6)
        assert (strong > weak)[np.argmin(weak)]
        assert strong.sum() > weak.sum()


@pytest.mark.parametrize("level", [0.0, 6.4])
def test_averages_of_one_coherence(data: Any, level: float):
    pca, activity, _ = data
    mean = CoherenceAverages(np.array([level]), activity[:, :1].astype(float))
    ax = figures.averages(pca, mean).axes[0]
    assert len(paths_of(ax, 22)) == (level > 0)
    shown = ax.get_legend_handles_labels()[1]
    assert (f"{level:+g} %" in shown) == (level > 0)


def test_structure_of_a_verdict_is_drawn_through_its_centre(judged: Judged):
    pca, mean, verdict, *_ = judged
    ax = figures.averages(pca, mean, verdict).axes[0]
    centre = np.full(UNITS, OFFSET)
    (place,) = points_of(labelled(ax, "1 fixed"))
    np.testing.assert_allclose(place, projected(pca, centre), atol=1e-4)
    ends = points_of(labelled(ax, "leading eigenvector"))
    expected = projected(pca, centre + np.array([[-2.0], [2.0]]) * AXES[:, 1])
    # A line has no direction.
    ends, expected = (line[np.argsort(line[:, 0])] for line in (ends, expected))
    np.testing.assert_allclose(ends, expected, atol=1e-3)
    assert verdict.manifold is not None
    line = points_of(labelled(ax, "slow manifold"))
    np.testing.assert_allclose(line, projected(pca, verdict.manifold.state), atol=1e-6)
    along = projected(pca, centre + verdict.manifold.arc[:, None] * AXES[:, 1])
    np.testing.assert_allclose(np.ptp(line, axis=0), np.ptp(along, axis=0), atol=1e-3)


def test_slow_points_of_a_verdict_are_drawn_where_they_are(judged: Judged):
    pca, mean, verdict, *_ = judged
    states = np.random.default_rng(0).normal(size=(3, UNITS)) + OFFSET
    points = points_at(["slow", "fixed", "slow"], [1e-4, 0.0, 1e-4], states)
    other = dataclasses.replace(verdict, points=points, centre=1)
    ax = figures.averages(pca, mean, other).axes[0]
    slow_ones = points_of(labelled(ax, "2 slow"))
    np.testing.assert_allclose(slow_ones, projected(pca, states[[0, 2]]))
    np.testing.assert_allclose(points_of(labelled(ax, "1 fixed")), projected(pca, states[[1]]))
    ends = points_of(labelled(ax, "leading eigenvector"))
    np.testing.assert_allclose(ends.mean(axis=0), projected(pca, states[1]), atol=1e-9)


def test_without_a_manifold_no_structure_is_made_up(judged: Judged):
    pca, mean, verdict, *_ = judged
    none = dataclasses.replace(verdict, manifold=None)
    labels = figures.averages(pca, mean, none).axes[0].get_legend_handles_labels()[1]
    assert "slow manifold" not in labels
    assert "leading eigenvector" not in labels
    assert "1 fixed" in labels


def test_flow_figure_has_the_plane_and_what_lies_in_it(judged: Judged):
    _, mean, verdict, field, _ = judged
    figure = figures.flow_field(field, mean, verdict)
    ax = figure.axes[0]
    assert (ax.get_xlabel(), ax.get_ylabel()) == field.names
    np.testing.assert_allclose(ax.get_xlim(), field.x[[0, -1]])
    np.testing.assert_allclose(ax.get_ylim(), field.y[[0, -1]])
    assert "units of state / s" in figure.axes[1].get_ylabel()

    def in_plane(states: Any) -> np.ndarray:
        return (states - field.origin) @ field.axes.T

    paths = [points_of(line) for line in paths_of(ax, 22)]
    drawn = [k for k, level in enumerate(mean.signed_coherence) if level != 0]
    assert len(paths) == len(drawn) == 4
    for path, index in zip(paths, drawn, strict=True):
        np.testing.assert_allclose(path, in_plane(mean.activity[:, index]), atol=1e-9)
    assert verdict.manifold is not None
    (line,) = paths_of(ax, len(verdict.manifold))
    np.testing.assert_allclose(points_of(line), in_plane(verdict.manifold.state), atol=1e-9)
    (dot,) = [x for x in ax.lines if x.get_marker() == "o"]
    np.testing.assert_allclose(points_of(dot), [[0.0, 0.0]], atol=1e-9)


def test_flow_figure_of_a_field_alone_and_of_one_that_stands_still(judged: Judged):
    still = judged.field._replace(velocity=0 * judged.field.velocity)
    for field in (judged.field, still):
        figure = figures.flow_field(field)
        assert not figure.axes[0].lines
        assert figures.save(figure, "flow")[0].stat().st_size > 5000


def test_summary_figure_has_the_verdict_and_all_its_criteria(judged: Judged):
    pca, mean, verdict, *_ = judged
    figure: Any = figures.line_attractor(pca, mean, verdict)
    assert figure.get_suptitle() == "Verdict: line attractor"
    portrait, plane, integration, numbers = figure.axes
    assert labelled(portrait, "slow manifold")
    assert "modulus below 1: 16" in plane.get_legend_handles_labels()[1]
    (trials,) = [line for line in integration.lines if len(line.get_xdata()) == 40]
    np.testing.assert_allclose(points_of(trials), np.c_[verdict.evidence, verdict.position])
    assert f"{verdict.measures.evidence_r2:.2f}" in integration.get_title()
    assert "slow manifold" in integration.get_ylabel()
    texts = [text.get_text() for text in numbers.texts]
    assert len(verdict.criteria) == 10
    for criterion in verdict.criteria:
        assert criterion.name in texts
        assert f"for: {criterion.rule}" in texts
        assert f"{criterion.value:.2g}" in texts


def test_summary_figure_tells_outcomes_apart_and_what_is_not_defined(judged: Judged):
    pca, mean, verdict, *_ = judged
    mode, turn, *rest = verdict.criteria
    changed = (
        dataclasses.replace(mode, outcome="against"),
        dataclasses.replace(turn, outcome="unclear", value=np.nan),
        *rest,
    )
    other = dataclasses.replace(verdict, verdict="inconclusive", criteria=changed, manifold=None)
    figure: Any = figures.line_attractor(pca, mean, other)
    assert figure.get_suptitle() == "Verdict: inconclusive"
    _, _, integration, numbers = figure.axes
    assert "PC 1" in integration.get_ylabel()
    colours = [to_hex(line.get_color()) for line in numbers.lines]
    assert len(colours) == 10
    assert len(set(colours[:3])) == 3
    assert set(colours[2:]) == {colours[2]}
    texts = [text.get_text() for text in numbers.texts]
    assert f"against: {mode.rule}" in texts
    assert f"unclear: {turn.rule}" in texts
    assert "\u2013" in texts


def test_summary_figure_without_a_point_has_the_reason(judged: Judged):
    pca, mean, verdict, *_ = judged
    none = dataclasses.replace(
        verdict,
        verdict="no slow structure",
        reason="no fixed or slow point was found",
        criteria=(),
        points=verdict.points[[]],
        centre=None,
        modes=None,
        manifold=None,
    )
    figure: Any = figures.line_attractor(pca, mean, none)
    assert figure.get_suptitle() == "Verdict: no slow structure"
    assert [text.get_text() for text in figure.axes[3].texts] == [none.reason]
    assert "no slow point" in figure.axes[1].texts[0].get_text()


def test_stimulus_figure_has_a_panel_a_stimulus_with_its_points(judged: Judged):
    pca, mean, verdict, _, rows = judged
    figure = figures.stimulus_dependence(pca, mean, rows, verdict)
    panels = [ax for ax in figure.axes if ax.axison]
    assert [ax.get_title().split(",")[0] for ax in panels] == [row.name for row in rows]
    assert verdict.manifold is not None
    for ax, row in zip(panels, rows, strict=True):
        dot = labelled(ax, "fixed, stable")
        np.testing.assert_allclose(points_of(dot), projected(pca, row.points.state))
        assert len(paths_of(ax, len(verdict.manifold))) == 1
        assert len(paths_of(ax, 22)) == len(mean.signed_coherence)
    (legend,) = figure.legends
    assert [text.get_text() for text in legend.get_texts()] == ["fixed, stable"]


def test_stimulus_figure_says_how_many_points_are_out_of_view(judged: Judged):
    pca, mean, verdict, _, rows = judged
    row = rows[3]
    away = dataclasses.replace(row.points, state=row.points.state + 500 * AXES[:, [1]].T)
    lost = row._replace(name="away", points=away)
    slow_too = row._replace(
        name="slow", points=points_at(["slow"], [1e-4], row.points.state), modes=row.modes[[]]
    )
    nothing = row._replace(name="nothing", points=row.points[[]], modes=row.modes[[]], centre=None)
    figure = figures.stimulus_dependence(pca, mean, (row, lost, slow_too, nothing, row), verdict)
    titles = [ax.get_title() for ax in figure.axes]
    assert titles[:5] == [row.name, "away, 1 out of view", "slow", "nothing", row.name]
    assert sorted(text.get_text() for text in figure.legends[0].get_texts()) == [
        "fixed, stable",
        "slow",
    ]
    assert [ax.axison for ax in figure.axes] == [True] * 5 + [False] * 3


def swept(counts: dict[str, int], recipe: str, units: int = 64, without: int = 0) -> Any:
    """Return a made table: so many networks of each verdict, some of them without a point."""
    verdicts = [verdict for verdict, count in counts.items() for _ in range(count)]
    n = len(verdicts)
    table = pandas.DataFrame(
        {
            "recipe": recipe,
            "hidden": units,
            "seed": range(n),
            "error": "",
            "accuracy": 0.9,
            "verdict": verdicts,
            "eigenvalue_real": np.linspace(0.8, 0.99, n),
            "eigenvalue_imag": 0.0,
            "time_constant": np.geomspace(400, 9000, n) * np.where(np.arange(n) % 2, 1, -1),
        }
    )
    table.loc[range(without), ["eigenvalue_real", "eigenvalue_imag", "time_constant"]] = np.nan
    return table


def test_sweep_figure_counts_each_recipe_by_itself():
    first = swept({"no slow structure": 3, "rotation": 5}, "notebook", without=3)
    second = swept({"line attractor": 4, "inconclusive": 2}, "primer")
    table = pandas.concat([first, second], ignore_index=True)
    figure: Any = figures.sweep(table, summary_of(table, ()), ())
    shares, *others = figure.axes
    bars = [bar.get_height() for bar in shares.patches]
    np.testing.assert_allclose(sorted(bar for bar in bars if bar), [2 / 6, 3 / 8, 5 / 8, 4 / 6])
    assert [ax.get_title() for ax in others] == [
        "leading eigenvalues\nnotebook",
        "time constants\nnotebook",
        "leading eigenvalues\nprimer",
        "time constants\nprimer",
    ]
    assert [text.get_text() for text in others[1].texts] == ["3 without a slow point"]
    assert not others[3].texts
    for times, number in ((others[1], 5), (others[3], 6)):
        heights = [bar.get_height() for bar in times.patches]
        assert sum(heights) == number
    np.testing.assert_allclose(others[1].get_xlim(), others[3].get_xlim())
    dots = [
        line for line in others[2].lines if line.get_color() == VERDICT_COLOURS["line attractor"]
    ]
    assert len(dots) == 2
    np.testing.assert_allclose(dots[0].get_xdata(), second["eigenvalue_real"][:4])


def test_sweep_figure_of_many_groups_puts_them_together():
    tables = [swept({"rotation": 2}, "notebook", units) for units in range(8, 13)]
    table = pandas.concat(tables, ignore_index=True)
    figure: Any = figures.sweep(table, summary_of(table, ("hidden",)), (), ("hidden",))
    assert len(figure.axes) == 3
    assert sum(bar.get_height() for bar in figure.axes[2].patches) == 10
    four: Any = table[table["hidden"] < 12]
    figure = figures.sweep(four, summary_of(four, ("hidden",)), (), ("hidden",))
    assert figure.axes[1].get_title() == "leading eigenvalues\nnotebook, hidden 8"
    assert len(figure.axes) == 9


def test_title_of_eigenvalues_stands_clear_of_the_legend():
    figure = figures.eigenvalues([0.5, 0.0, 0.0, 1.2], "fixed point, saddle node, q = 1.0e-30")
    figure.draw_without_rendering()
    ax: Any = figure.axes[0]
    legend = ax.get_legend()
    assert len(legend.get_texts()) == 4
    assert ax.title.get_window_extent().y0 >= legend.get_window_extent().y1
    assert ax.title.get_window_extent().y1 <= figure.bbox.y1


def test_verdict_without_a_manifold_says_why_none_is_drawn(judged: Judged):
    pca, mean, verdict, *_ = judged
    turning = dataclasses.replace(verdict, manifold=None)
    ax = figures.averages(pca, mean, turning).axes[0]
    assert ax.get_title() == "no slow manifold: the leading mode turns"
    measures = dataclasses.replace(verdict.measures, evidence_r2=np.nan)
    turning = dataclasses.replace(turning, measures=measures)
    title = figures.line_attractor(pca, mean, turning).axes[2].get_title()
    assert title.startswith("R\u00b2 = not defined; within coherences 0.")


def test_arguments_of_portraits_are_checked(data: Any):
    pca, activity, trials = data
    points = slow(activity[0, :3])
    with pytest.raises(ValueError, match="`num_few` must be 1 or more; got 0"):
        figures.trajectories(pca, activity, trials, num_few=0)
    for centre in (-1, 3):
        with pytest.raises(ValueError, match=f"one of the 3 points; got {centre}"):
            figures.slow_points(pca, activity, points, centre=centre)
    short = PerceptualDecisionMaking(seed=0).sample_trials(4)
    with pytest.raises(ValueError, match="those of the activity; got 4 for 10"):
        figures.slow_points(pca, activity, points, short)
    flat, deep = Figure().subplots(), Figure().add_subplot(projection="3d")
    with pytest.raises(ValueError, match="`ax` must have 3 dimensions"):
        figures.slow_points(fit_pca(activity, 3), activity, points, dimensions=3, ax=flat)
    with pytest.raises(ValueError, match="`ax` must have 2 dimensions"):
        figures.slow_points(pca, activity, points, ax=deep)


def test_text_of_a_saved_figure_stays_text(judged: Judged):
    pca, mean, verdict, *_ = judged
    content = figures.save(figures.averages(pca, mean, verdict), "words")[1].read_bytes()
    # Whole TrueType fonts, with a table of the letters that their glyphs stand for.
    assert b"/Type0" in content
    assert b"/FontFile2" in content
    assert b"/ToUnicode" in content


def test_a_saved_figure_can_be_saved_again_and_drawn_on(data: Any):
    pca, activity, trials = data
    figure = figures.trajectories(pca, activity, trials)
    first = [path.read_bytes() for path in figures.save(figure, "one")]
    places = [ax.get_position().bounds for ax in figure.axes]
    assert [path.read_bytes() for path in figures.save(figure, "two")] == first
    assert [ax.get_position().bounds for ax in figure.axes] == places
    figure.axes[0].set_title("another title")
    again = [path.read_bytes() for path in figures.save(figure, "three")]
    assert all(now != before for now, before in zip(again, first, strict=True))
