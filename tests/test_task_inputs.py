"""The constant inputs of tasks, and the points at each."""

import re
from typing import Any

import numpy as np
import pytest
from every_active_set import rectified, trained
from tasks import Side

from yang_rnn.adapters.brainpy_datasets import NAMES, make_brainpy_task
from yang_rnn.experiment.task_summary import _points_in_words, table_of_inputs
from yang_rnn.model import CTRNN
from yang_rnn.task import PerceptualDecisionMaking
from yang_rnn.task_inputs import (
    MAX_INPUTS,
    ConstantInput,
    by_same_input,
    constant_inputs,
    points_by_input,
)
from yang_rnn.trials import Trials


@pytest.mark.parametrize("number", [20, 200])
def test_constant_inputs_are_those_of_a_trial_without_noise(number: int):
    task = PerceptualDecisionMaking(seed=0, coherence=(0.0, 50.0))
    found = constant_inputs(task, number)
    assert [one.period for one in found] == ["fixation", *3 * ["stimulus"], "decision"]
    for one in found:
        expected = {"fixation": [1, 0, 0], "decision": [0, 0, 0]}.get(one.period)
        if expected is None:
            sign = 2 * one.conditions.get("choice", 2) - 3
            towards = sign * one.conditions["coherence"] / 200
            expected = [1, 0.5 - towards, 0.5 + towards]
        np.testing.assert_allclose(one.x, expected, atol=1e-12)
        assert not one.changes


@pytest.mark.parametrize("name", NAMES)
def test_constant_inputs_are_the_means_over_their_period_in_each_trial(name: str):
    task = make_brainpy_task(name)
    found = constant_inputs(task, 60)
    trials = task.seeded(0).without_noise().with_equal_trials().sample_trials(60)
    values = dict(trials.conditions)
    if trials.choice is not None:
        values["choice"] = trials.choice + 1
    assert [one.period for one in found] == sorted(
        (one.period for one in found), key=list(trials.periods).index
    )
    for period in trials.periods:
        here = [one for one in found if one.period == period]
        assert len(here) <= MAX_INPUTS
        assert bool(here) == trials.steps(period).any()
        for one in here:
            chosen = np.ones(60, bool)
            for condition, value in one.conditions.items():
                chosen &= values[condition] == value
            chosen &= trials.steps(period).any(axis=0)
            off = []
            for trial in np.flatnonzero(chosen):
                inside = trials.inputs[trials.steps(period)[:, trial], trial]
                off.append(np.abs(inside.mean(axis=0) - one.x).max())
                if not one.changes and off[-1] < 2e-6:
                    assert np.abs(inside - one.x).max() < 3e-6
            undecided = re.fullmatch(r"\w+, input \d+ of \d+", one.name) is not None
            assert (min(off) if undecided else max(off)) < 2e-6


def test_constant_inputs_name_the_fewest_conditions_that_decide():
    task = make_brainpy_task("RateContextDecisionMaking")
    found = constant_inputs(task)
    by_period = {period: [] for period in ("fixation", "stimulus", "delay", "decision")}
    for one in found:
        by_period[one.period].append(one)
    for period in ("fixation", "delay", "decision"):
        assert [one.name for one in by_period[period]] == [
            f"{period}, context 0",
            f"{period}, context 1",
        ]
    names = {tuple(one.conditions) for one in by_period["stimulus"]}
    assert names == {("coherence 0", "coherence 1", "context")}
    said = {part for one in by_period["stimulus"] for part in one.name.split(", ")}
    assert any(re.fullmatch(r"coherence 0: -?[\d.]+", part) for part in said)  # not "0 -50"


def test_inputs_that_change_within_a_period_are_said_to():
    class Ramp(Side):
        def sample_trials(self, num_trials: int) -> Trials:
            trials = super().sample_trials(num_trials)
            trials.inputs[2:5] *= np.arange(3)[:, None, None]
            return trials

    changes = {one.name: one.changes for one in constant_inputs(Ramp(), 30)}
    assert changes == {"seen, side 0": True, "seen, side 1": True, "asked": False}


def test_conditions_that_decide_nothing_are_not_tried_for_ever():
    class Vague(Side):
        def sample_trials(self, num_trials: int) -> Trials:
            trials = super().sample_trials(num_trials)
            trials.inputs[2:5] = self.rng.normal(size=(num_trials, 2))
            extra = {f"c{k}": self.rng.integers(2, size=num_trials) for k in range(20)}
            return trials._replace(conditions=extra)

    found = constant_inputs(Vague(), 60)
    seen = [one for one in found if one.period == "seen"]
    assert len(seen) == MAX_INPUTS
    assert (seen[0].name, seen[-1].name) == ("seen, input 1 of 60", "seen, input 60 of 60")
    assert not any(one.conditions for one in seen)


@pytest.mark.parametrize(
    ("task", "number", "error", "message"),
    [
        (None, 10, TypeError, "`task` must be a Task; got None"),
        (Side(), 0, ValueError, "`num_trials` must be a whole number, 1 or more; got 0"),
        (Side(), 2.5, ValueError, "`num_trials` must be a whole number"),
    ],
)
def test_constant_inputs_of_no_task_are_refused(
    task: Any, number: Any, error: type[Exception], message: str
):
    with pytest.raises(error, match=message):
        constant_inputs(task, number)


def attractor(scale: float = 1.0) -> CTRNN:
    """Return h' = h / 2 + x / 2 in four units: one stable point, at each unit's input."""
    net = CTRNN(2, 4, 3, dt=20.0, tau=40.0, seed=0)
    weights = {name: 0 * value for name, value in net.weights.items()}
    units = np.array([[1.0, 0, 1, 0], [0, 1, 0, 1]])
    net.set_weights(weights | {"w_ir": scale * units, "b_rr": np.full(4, 1.0)})
    return net


def given_at(x: Any, name: str = "seen") -> ConstantInput:
    return ConstantInput(name, name.split(",")[0], {}, np.asarray(x, float), False)


def test_points_at_each_input_are_the_known_ones():
    system = attractor().system()
    states = np.random.default_rng(0).uniform(0, 3, (5, 20, 4))
    inputs = [given_at(x) for x in ((0, 0), (0.5, 0), (0.25, 0.75))]
    rows = points_by_input(system, states, inputs)
    for one, row in zip(inputs, rows, strict=True):
        assert row.given is one
        expected = 1 + np.tile(one.x, 2)
        np.testing.assert_allclose(row.points.state, expected[None], atol=1e-9)
        assert row.points.status.tolist() == ["fixed"]
        assert row.modes.stability.tolist() == ["stable"]
        np.testing.assert_allclose(row.modes.eigenvalues, 0.5, atol=1e-6)
        assert row.centre == 0


@pytest.mark.parametrize(("nodes", "number"), [(0, 1), (1000, 3)])
def test_points_of_a_rectified_network_that_starts_miss_are_there_by_enumeration(
    nodes: int, number: int
):
    system = rectified(np.array([[0.0, -2.0], [-2.0, 0.0]]), np.ones(2))  # two units in competition
    given = ConstantInput("rest", "rest", {}, np.zeros(1), False)
    (row,) = points_by_input(system, np.full((3, 2), [1.0, 0.0]), [given], proof_nodes=nodes)
    known = [[1, 0], [0, 1], [1 / 3, 1 / 3]][:number]
    for point in known:
        assert np.abs(row.points.state - point).max(axis=1).min() < 1e-9
    assert len(row.points) == number
    assert (row.every is not None) == (nodes > 0)
    (entry,) = table_of_inputs((row,))
    if row.every is not None:
        assert entry["fixed_points"] == entry["fixed"] == 3
        assert entry["fixed_points_proved"] is True
    else:
        assert "fixed_points" not in entry


def test_a_search_that_was_cut_short_counts_no_points_of_its_own():
    system = trained("notebook_3")
    given = ConstantInput("rest", "rest", {}, np.array([1.0, 0.5, 0.5]), False)
    (row,) = points_by_input(system, np.zeros((3, 64)), [given], proof_nodes=100)
    assert row.every is not None
    assert not row.every.proved
    (entry,) = table_of_inputs((row,))
    assert (entry["fixed_points"], entry["fixed_points_proved"]) == (None, False)
    (line,) = _points_in_words((row,))
    assert re.search(r" fixed .*; not proved to be all: [\d.e-]+ % of the sets", line)
    assert "found" not in line


def test_of_one_input_the_points_are_found_once_0_or_minus_0():
    system = attractor().system()
    states = np.ones((5, 20, 4))
    inputs = [given_at((0.0, 1.0)), given_at((-0.0, 1.0)), given_at((-1e-9, 1.0)), given_at((1, 0))]
    rows = points_by_input(system, states, inputs)
    assert rows[0].points is rows[1].points is rows[2].points
    assert rows[3].points is not rows[0].points
    grouped = by_same_input(rows)
    assert [row for _, row in grouped] == [rows[0], rows[3]]


def test_names_of_the_same_input_are_put_together():
    system = attractor().system()
    names = ("fixation, context 0", "delay, context 0", "delay, context 1", "asked")
    places = ((0, 0), (0, 0), (1, 0), (0, 0))
    inputs = [given_at(x, name) for x, name in zip(places, names, strict=True)]
    grouped = by_same_input(points_by_input(system, np.ones((5, 20, 4)), inputs))
    assert [name for name, _ in grouped] == [
        "fixation = delay, context 0 = asked",
        "delay, context 1",
    ]
    assert by_same_input([]) == []


@pytest.mark.parametrize(
    ("changes", "error", "message"),
    [
        ({"system": None}, TypeError, "`system` must be a System; got None"),
        ({"activity": np.zeros((5, 3))}, ValueError, r"`activity` must have shape \(state, 4\)"),
        ({"activity": np.zeros((0, 4))}, ValueError, "`activity` must have shape"),
        ({"activity": np.full((5, 4), np.nan)}, ValueError, "`activity` must be finite"),
        ({"inputs": [3]}, TypeError, "`inputs` must be a ConstantInput; got 3"),
        ({"inputs": 3}, TypeError, "`inputs` must be a sequence of ConstantInput; got 3"),
        (
            {"inputs": [given_at((1, 2, 3))]},
            ValueError,
            "`x` must be an input that the system takes; 3",
        ),
        ({"inputs": [given_at((np.nan, 2))]}, ValueError, "must be finite"),
    ],
)
def test_points_by_input_of_what_does_not_fit_are_refused(
    changes: dict[str, Any], error: type[Exception], message: str
):
    values = {"system": attractor().system(), "activity": np.ones((5, 4)), "inputs": []}
    assert points_by_input(**values) == ()
    with pytest.raises(error, match=message):
        points_by_input(**values | changes)
    with pytest.raises(TypeError, match="`rows` must be an InputPoints; got 3"):
        by_same_input([3])  # pyright: ignore[reportArgumentType]
