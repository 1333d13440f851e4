import dataclasses
from typing import Any

import numpy as np
import pytest
from built import AXES, GAIN, OFFSET, TASK, leaky, linear, rotating, switch, trials

from yang_rnn.dynamics.simulation import simulate
from yang_rnn.line_attractor.stimulus_dependence import (
    StimulusPoints,
    stimulus_dependence,
    table_of,
)
from yang_rnn.line_attractor.verdict import line_attractor_verdict
from yang_rnn.model import CTRNN

STRENGTH = (-0.25, 0.0, 0.5)
INPUTS = {
    "off": (1.0, 0.0, 0.0),
    **{f"{s:+g}": (1.0, 0.5 - s / 2, 0.5 + s / 2) for s in STRENGTH},
}
EVIDENCE = np.array([0.0, *STRENGTH])


def rows_of(net: CTRNN) -> tuple[StimulusPoints, ...]:
    system, some = net.system(), trials(20)
    verdict = line_attractor_verdict(system, some, TASK)
    return stimulus_dependence(system, simulate(system, some.inputs).activity, INPUTS, verdict)


@pytest.fixture(scope="module")
def leak() -> tuple[StimulusPoints, ...]:
    return rows_of(leaky(2.0))


@pytest.fixture(scope="module")
def growth() -> tuple[StimulusPoints, ...]:
    return rows_of(linear(1.05))


def test_inputs_keep_their_names_and_their_order(leak: Any):
    assert [row.name for row in leak] == ["off", "-0.25", "+0", "+0.5"]
    np.testing.assert_array_equal([row.x for row in leak], list(INPUTS.values()))


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


def test_the_index_sum_is_there_where_states_have_bounds(leak: Any):
    assert all(row.search is None for row in leak)
    assert "index_sum" not in table_of(leak)[0]
    for row, entry in zip(rows := rows_of(switch(1.5)), table_of(rows), strict=True):
        assert row.search is not None
        # Two ends and the saddle between them, or the one end that evidence leaves.
        assert entry["index_sum"] == 1
        assert entry["fixed"] in (1, 3)
    assert table_of(rows)[2]["fixed"] == 3


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
    assert entry.pop("stimulus") == "off"
    assert {name: value for name, value in entry.items() if value is not None} == {
        "fixed": 0,
        "stable": 0,
        "slow": 0,
    }


def test_no_inputs_give_no_rows():
    system = leaky(2.0).system()
    verdict = line_attractor_verdict(system, trials(20), TASK)
    assert stimulus_dependence(system, np.ones((22, 5, 16)), {}, verdict) == ()


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"inputs": {"a": (1.0, 0.0)}}, r"`inputs\['a'\]`: `x` must be an input .*; 2 channels"),
        ({"inputs": [(1.0, 0.5, 0.5)]}, "`inputs` must be a Mapping; got"),
        ({"activity": np.ones((22, 5, 3))}, r"`activity` must have shape \(time, trial, 16\)"),
        ({"verdict": None}, "`verdict` must be a Verdict; got None"),
        ({"system": None}, "`system` must be a System; got None"),
        ({"recipe": "notebook"}, "`recipe` must be a Recipe; got 'notebook'"),
    ],
)
def test_what_does_not_fit_is_refused_by_name(changes: dict[str, Any], message: str):
    system = leaky(2.0).system()
    verdict = line_attractor_verdict(system, trials(20), TASK)
    good = {"system": system, "activity": np.ones((22, 5, 16)), "inputs": {}, "verdict": verdict}
    with pytest.raises((ValueError, TypeError), match=message):
        stimulus_dependence(**(good | changes))
