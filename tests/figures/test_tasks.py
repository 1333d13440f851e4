from typing import Any

import numpy as np
import pytest
from drawn import points_of, projected
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.colors import to_rgba
from small import modes_at, points_at
from tasks import Follow, Side

from yang_rnn import figures
from yang_rnn.behaviour import performance
from yang_rnn.experiment.task_run import TaskRun
from yang_rnn.task_inputs import ConstantInput, InputPoints
from yang_rnn.trials import Trials

LENGTHS = np.where(np.arange(30) % 2, 15, 22)


@pytest.fixture
def uneven(data: Any) -> Trials:
    """Return the trials as if every second one ended early."""
    weights = (np.arange(22)[:, None] < LENGTHS).astype(float)
    return data.trials._replace(weights=weights)


def lines_of(ax: Any, least: int) -> list[np.ndarray]:
    return [points_of(line) for line in ax.lines if len(line.get_xdata()) >= least]


def test_each_condition_has_a_panel_and_the_mean_path_of_each_value(data: Any):
    figure = figures.conditions(data.activity, trials=data.trials, pca=data.pca)
    panels = [ax for ax in figure.axes if ax.axison]
    assert [ax.get_title() for ax in panels] == ["coherence", "choice"]
    values = (data.trials.conditions["coherence"], data.trials.choice + 1)
    ax: Any
    for ax, of_trial in zip(panels, values, strict=True):
        levels = np.unique(of_trial)
        assert [t.get_text() for t in ax.get_legend().get_texts()] == [f"{v:.4g}" for v in levels]
        for level, path in zip(levels, lines_of(ax, 3), strict=True):
            mean = data.activity[:, of_trial == level].mean(axis=1)
            np.testing.assert_allclose(path, projected(data.pca, mean), atol=1e-9)


def test_mean_paths_end_with_the_shortest_trial(data: Any, uneven: Trials):
    for ax in figures.conditions(data.activity, trials=uneven, pca=data.pca).axes:
        assert {len(path) for path in lines_of(ax, 3)} <= {15}


def test_without_a_condition_of_few_values_there_is_one_path(data: Any):
    trials = data.trials._replace(conditions={"angle": np.arange(30.0)}, choice=None)
    (ax,) = figures.conditions(data.activity, trials=trials, pca=data.pca).axes
    assert ax.get_title() == "all trials: no condition has few values"
    (path,) = lines_of(ax, 3)
    mean = data.activity.mean(axis=1)
    np.testing.assert_allclose(path, projected(data.pca, mean), atol=1e-9)


def test_a_trajectory_ends_where_its_trial_does(data: Any, uneven: Trials):
    figure = figures.trajectories(data.activity, trials=uneven, pca=data.pca)
    last = projected(data.pca, data.activity[LENGTHS - 1, np.arange(30)])
    ends = figure.axes[0].collections[-1].get_offsets()
    np.testing.assert_allclose(np.asarray(ends), last, atol=1e-9)
    lines: Any = figure.axes[0].collections[0]
    paths = lines.get_segments()
    finite = [int(np.isfinite(path).all(axis=1).sum()) for path in paths]
    assert finite == LENGTHS.tolist()


def row_of(name: str, x: Any, status: list[str], stability: list[str]) -> InputPoints:
    state = np.arange(6.0 * len(status)).reshape(-1, 6)
    points = points_at(status, np.full(len(status), 1e-3), state)
    n = status.count("fixed")
    modes = modes_at(state[:n], stability)
    given = ConstantInput(name, name.split(",")[0], {}, np.asarray(x, float), False)
    return InputPoints(given, points, modes, None)


ROWS = (
    row_of("fixation", (1, 0), ["fixed", "fixed", "slow"], ["stable", "saddle"]),
    row_of("delay", (1, -0.0), ["fixed", "fixed", "slow"], ["stable", "saddle"]),
    row_of("decision", (0, 0), [], []),
)


def test_each_input_has_a_panel_with_its_points_in_their_places(data: Any):
    figure = figures.points_by_input(ROWS, activity=data.activity, pca=data.pca)
    first, second = (ax for ax in figure.axes if ax.axison)
    assert first.get_title() == "fixation = delay\n1 slow, 1 stable, 1 saddle"
    assert second.get_title() == "decision\nno fixed or slow point"
    marks = [line for line in first.lines if line.get_linestyle() == "None"]
    marks = [line for line in marks if len(points_of(line))]
    found = np.concatenate([points_of(line) for line in marks])
    expected = projected(data.pca, ROWS[0].points.state)
    np.testing.assert_allclose(np.sort(found, axis=0), np.sort(expected, axis=0), atol=1e-9)
    words = [text.get_text() for text in figure.legends[0].get_texts()]
    assert set(words) == {"fixed, stable", "fixed, saddle", "slow"}


def test_states_over_which_points_lie_end_with_their_trials(data: Any, uneven: Trials):
    figure = figures.points_by_input(ROWS, activity=data.activity, pca=data.pca, trials=uneven)
    lines = lines_of(figure.axes[0], 22)
    assert [int(np.isfinite(line).all(axis=1).sum()) for line in lines] == LENGTHS.tolist()
    short = uneven._replace(inputs=uneven.inputs[:, :9], targets=uneven.targets[:, :9])
    short = short._replace(weights=None, choice=None)
    with pytest.raises(ValueError, match=r"`trials` must be those of `activity`, \(22, 30\); got"):
        figures.points_by_input(ROWS, activity=data.activity, pca=data.pca, trials=short)


def test_of_very_many_inputs_some_are_drawn_and_it_is_said(data: Any):
    rows = [row_of(f"p, c {k}", (k, 0), ["slow"], []) for k in range(30)]
    figure = figures.points_by_input(rows, activity=data.activity, pca=data.pca)
    assert len([ax for ax in figure.axes if ax.axison]) == 24
    assert figure.get_suptitle() == "6 more inputs are in the table"


@pytest.mark.parametrize(
    ("rows", "error", "message"),
    [
        ((), ValueError, "`rows` must have one or more; got none"),
        (None, TypeError, "`rows` must be a sequence of InputPoints; got None"),
        ("rows", TypeError, "`rows` must be a sequence of InputPoints; got 'rows'"),
        ((3,), TypeError, "`rows` must be InputPoints; got 3"),
    ],
)
def test_rows_that_are_none_are_refused(data: Any, rows: Any, error: type[Exception], message: str):
    with pytest.raises(error, match=message):
        figures.points_by_input(rows, activity=data.activity, pca=data.pca)


def measured(task: Any, right: bool) -> Any:
    trials = task.seeded(0).sample_trials(60)
    if not trials.has_choices:
        return performance(task, trials.targets, trials)
    answer = np.eye(3)[trials.targets if right else 0 * trials.targets]
    return performance(task, answer, trials)


@pytest.mark.parametrize("right", [True, False])
def test_accuracy_by_condition_stands_over_chance(right: bool):
    found = measured(Side(), right)
    figure = figures.accuracy(found)
    (ax,) = figure.axes
    assert ax.get_xlabel() == "side"
    chance = [line for line in ax.lines if line.get_linestyle() == "--"]
    assert [points_of(line)[0, 1] for line in chance] == [found.chance]
    assert chance[0].get_color() == "0.6"
    (container,) = ax.containers
    data_line, _, (bars,) = container
    np.testing.assert_allclose(points_of(data_line), [[0, right], [1, right]])
    by = found.by_condition["side"]
    spans = np.sort([segment[:, 1] for segment in bars.get_segments()], axis=1)
    np.testing.assert_allclose(spans, np.transpose([by.low, by.high]), atol=1e-9)
    assert [text.get_text() for text in figure.legends[0].get_texts()] == ["always the same answer"]
    assert to_rgba(data_line.get_color()) == to_rgba("black")


def test_accuracy_of_values_has_no_chance():
    figure = figures.accuracy(measured(Follow(), True))
    assert [ax.get_xlabel() for ax in figure.axes] == ["level"]
    assert not figure.legends


def test_accuracy_without_a_condition_is_of_all_trials():
    found = measured(Side(), True)._replace(by_condition={})
    (ax,) = figures.accuracy(found).axes
    assert [label.get_text() for label in ax.get_xticklabels()] == ["all trials"]


@pytest.mark.parametrize("value", [None, 3, {}])
def test_accuracy_of_what_is_no_performance_is_refused(value: Any):
    with pytest.raises(TypeError, match="`measured` must be a Performance"):
        figures.accuracy(value)


def test_activity_of_other_trials_is_refused(data: Any):
    for activity in (data.activity[:9], data.activity[:, :9], data.activity[..., :4]):
        with pytest.raises(ValueError, match=r"`activity` must have shape \(22, 30, 6\); got"):
            figures.conditions(activity, trials=data.trials, pca=data.pca)
    for value in (None, 3):
        with pytest.raises(TypeError, match="`trials` must be a Trials"):
            figures.conditions(data.activity, trials=value, pca=data.pca)  # pyright: ignore
    worded = data.trials._replace(conditions={"side": np.array(["l"] * 30)})
    with pytest.raises(TypeError, match=r"`trials.conditions\['side'\]` must be real numbers"):
        figures.conditions(data.activity, trials=worded, pca=data.pca)


def test_titles_break_at_commas_and_fit_above_their_panels(small_task_run: TaskRun):
    name = "stimulus, coherence 0: -50, coherence 1: 51.2, context 1"
    rows = small_task_run.by_input[:1]
    held = rows[0].given._replace(name=name)
    x = [held._replace(x=held.x + k) for k in range(8)]
    rows = [rows[0]._replace(given=given) for given in x]
    figure = figures.points_by_input(rows, activity=small_task_run.activity)
    canvas = FigureCanvasAgg(figure)
    canvas.draw()
    for ax in figure.axes:
        assert "coherence 0: -50,\n" in ax.get_title()
        box = ax.title.get_window_extent(canvas.get_renderer())
        assert box.x0 >= 0
        assert box.x1 <= figure.bbox.width
