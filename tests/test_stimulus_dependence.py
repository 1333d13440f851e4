import dataclasses
from typing import Any

import numpy as np
import pytest
from built import AXES, GAIN, LINEAR, OFFSET, leaky, linear, rotating

from yang_rnn.line_attractor import line_attractor_verdict
from yang_rnn.model import CTRNN
from yang_rnn.recipe import Recipe
from yang_rnn.stimulus_dependence import StimulusPoints, stimulus_dependence, table_of
from yang_rnn.task import PerceptualDecisionMaking

RECIPE = dataclasses.replace(LINEAR, coherences=(25.6, 0.0, 6.4))
SIGNED = np.array([-25.6, -6.4, 0.0, 6.4, 25.6])
EVIDENCE = np.r_[0.0, SIGNED / 100, 0.0]  # of fixation, the coherences, and the decision


def rows_of(net: CTRNN) -> tuple[StimulusPoints, ...]:
    trials = PerceptualDecisionMaking.from_recipe(RECIPE, seed=5).sample_trials(20)
    verdict = line_attractor_verdict(net, trials, recipe=RECIPE)
    return stimulus_dependence(net, net.predict(trials.inputs)[0], verdict, RECIPE)


@pytest.fixture(scope="module")
def leak() -> tuple[StimulusPoints, ...]:
    return rows_of(leaky(2.0))


@pytest.fixture(scope="module")
def growth() -> tuple[StimulusPoints, ...]:
    return rows_of(linear(1.05))


def test_inputs_are_fixation_the_coherences_in_rising_order_and_the_decision(leak: Any):
    names = ["fixation", "-25.6 %", "-6.4 %", "0 %", "+6.4 %", "+25.6 %", "decision"]
    assert [row.name for row in leak] == names
    np.testing.assert_equal([row.signed_coherence for row in leak], [np.nan, *SIGNED, np.nan])
    stimuli = np.array([row.stimulus for row in leak])
    np.testing.assert_array_equal(stimuli[[0, -1]], [[1, 0, 0], [0, 0, 0]])
    assert (stimuli[1:-1, 0] == 1).all()
    np.testing.assert_allclose(stimuli[1:-1, 1:].sum(axis=1), 1.0)
    np.testing.assert_allclose(stimuli[:, 2] - stimuli[:, 1], EVIDENCE, atol=1e-12)


@pytest.mark.parametrize(("which", "factor"), [("leak", np.exp(-0.05)), ("growth", 1.05)])
def test_evidence_moves_the_centre_to_where_the_leak_balances_it(
    which: str, factor: float, request: pytest.FixtureRequest
):
    rows = request.getfixturevalue(which)
    # x = factor x + GAIN * evidence; where x grows, that is on the other side.
    expected = GAIN * EVIDENCE / (1 - factor)
    for row, place in zip(rows, expected, strict=True):
        assert row.points.counts == {"fixed": 1, "slow": 0, "unconverged": 0, "diverged": 0}
        assert row.centre == 0
        assert (row.points.state[0] - OFFSET) @ AXES[:, 1] == pytest.approx(place, abs=1e-4)
        assert row.position == pytest.approx(place, abs=1e-4)
        assert row.modes.eigenvalues[0, 0] == pytest.approx(factor)


@pytest.mark.parametrize("which", ["leak", "growth"])
def test_push_is_the_evidence_of_the_steps_of_a_second(which: str, request: pytest.FixtureRequest):
    rows = request.getfixturevalue(which)
    np.testing.assert_allclose([row.push for row in rows], 10 * GAIN * EVIDENCE, atol=1e-4)


def test_table_has_the_numbers(leak: Any, growth: Any):
    table = table_of(leak)
    assert [entry["stimulus"] for entry in table] == [row.name for row in leak]
    for entry, evidence in zip(table, EVIDENCE, strict=True):
        assert (entry["fixed"], entry["stable"], entry["slow"]) == (1, 1, 0)
        assert entry["centre_position"] == pytest.approx(
            GAIN * evidence / (1 - np.exp(-0.05)), abs=1e-4
        )
        assert 0 <= entry["centre_speed"] < 1e-20
        assert entry["eigenvalue"] == "0.9512"
        assert entry["time_constant_s"] == pytest.approx(2.0, rel=1e-4)
        assert entry["push_per_s"] == pytest.approx(10 * GAIN * evidence, abs=1e-4)
    for entry in table_of(growth):
        assert (entry["fixed"], entry["stable"]) == (1, 0)
        assert entry["eigenvalue"] == "1.05"
        assert entry["time_constant_s"] == pytest.approx(-0.1 / np.log(1.05), rel=1e-4)


def test_table_without_a_manifold_has_no_position():
    for entry in table_of(rows_of(rotating(1.0, 0.9))):
        assert entry["centre_position"] is entry["push_per_s"] is None
        turned = 0.9 * np.exp(1j * np.pi / 10)
        assert complex(entry["eigenvalue"]) == pytest.approx(turned, abs=1e-4)
        assert entry["time_constant_s"] == pytest.approx(-0.1 / np.log(0.9), rel=1e-4)


def test_table_of_a_slow_point_has_its_speed_and_no_time_constant(leak: Any):
    points = dataclasses.replace(leak[0].points, status=np.array(["slow"]), speed=np.array([1e-5]))
    (entry,) = table_of((leak[0]._replace(points=points, modes=leak[0].modes[[]]),))
    assert (entry["fixed"], entry["stable"], entry["slow"]) == (0, 0, 1)
    assert entry["centre_speed"] == 1e-5
    assert entry["eigenvalue"] is entry["time_constant_s"] is None


def test_table_without_a_point_is_empty_but_for_the_counts(leak: Any):
    row = leak[0]
    nothing = row._replace(
        points=row.points[[]], modes=row.modes[[]], centre=None, position=np.nan, push=np.nan
    )
    (entry,) = table_of((nothing,))
    assert entry.pop("stimulus") == "fixation"
    assert {name: value for name, value in entry.items() if value is not None} == {
        "fixed": 0,
        "stable": 0,
        "slow": 0,
    }


def test_two_choices_are_asked_for():
    verdict: Any = None
    with pytest.raises(ValueError, match="two choices"):
        stimulus_dependence(leaky(2.0), np.ones((22, 5, 16)), verdict, Recipe(choices=3))
