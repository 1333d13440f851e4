import dataclasses
import math
from typing import Any

import pytest

from yang_rnn.line_attractor.criteria import (
    VERDICTS,
    Thresholds,
    describe_change,
    in_words,
    judge,
)
from yang_rnn.line_attractor.measures import Measures

LINE = Measures(
    eigenvalue=0.98 + 0j,
    time_constant=4950.0,
    second_time_constant=100.0,
    turn=0.0,
    mode_keeps=0.98,
    second_keeps=0.1,
    centre_distance=0.8,
    relative_length=1.1,
    manifold_distance=0.05,
    memory=3000.0,
    manifold_keeps=0.96,
    evidence_r2=0.9,
    time_r2=0.03,
    state_time_r2=0.1,
    num_fixed=1,
    has_stable_point=True,
)
ROTATION = dataclasses.replace(
    LINE, eigenvalue=0.9 + 0.3j, turn=6.0, relative_length=math.nan, state_time_r2=0.7
)


@pytest.mark.parametrize(
    ("changes", "label"),
    [
        ({}, "line attractor"),
        ({"num_fixed": 0, "num_slow": 0}, "no slow structure"),
        ({"num_fixed": 0, "num_slow": 3}, "line attractor"),
        ({"mode_keeps": 0.4, "manifold_keeps": 0.3}, "point attractor(s)"),
        (
            {"mode_keeps": 0.4, "manifold_keeps": 0.3, "has_stable_point": False},
            "no slow structure",
        ),
        # The mode is fast, the manifold as a whole is not.
        ({"mode_keeps": 0.4}, "inconclusive"),
        ({"mode_keeps": 0.6}, "inconclusive"),
        ({"manifold_keeps": 0.6}, "inconclusive"),
        ({"manifold_keeps": math.nan}, "inconclusive"),
        ({"turn": 0.5}, "inconclusive"),
        ({"second_keeps": 0.6}, "inconclusive"),
        ({"eigenvalue": -0.98 + 0j, "turn": 60.0, "state_time_r2": 0.9}, "inconclusive"),
        ({"second_time_constant": 3000.0}, "inconclusive"),
        ({"second_time_constant": -3000.0}, "inconclusive"),
        ({"second_time_constant": 0.0}, "line attractor"),
        ({"time_constant": math.inf, "second_time_constant": math.inf}, "inconclusive"),
        ({"eigenvalue": 0.98 + 0.001j, "turn": 0.02}, "inconclusive"),
        ({"relative_length": 0.4}, "inconclusive"),
        ({"centre_distance": 2.5}, "inconclusive"),
        ({"manifold_distance": 0.3}, "inconclusive"),
        ({"manifold_distance": math.nan}, "inconclusive"),
        ({"evidence_r2": 0.4}, "inconclusive"),
        ({"time_r2": 0.4}, "inconclusive"),
        ({"time_constant": math.inf, "memory": math.inf}, "line attractor"),
    ],
)
def test_a_line_attractor_needs_all_criteria(changes: dict[str, Any], label: str):
    assert judge(dataclasses.replace(LINE, **changes))[0] == label


@pytest.mark.parametrize(
    ("changes", "label"),
    [
        ({}, "rotation"),
        ({"state_time_r2": 0.1}, "inconclusive"),
        ({"state_time_r2": math.nan}, "inconclusive"),
        ({"centre_distance": 3.5}, "inconclusive"),
        ({"mode_keeps": 0.4, "manifold_keeps": math.nan}, "point attractor(s)"),
    ],
)
def test_a_rotation_needs_a_lasting_mode_near_trajectories_that_time_moves(
    changes: dict[str, Any], label: str
):
    assert judge(dataclasses.replace(ROTATION, **changes))[0] == label


def test_thresholds_can_be_changed():
    strict = Thresholds(keeps=0.99)
    label, reason, criteria = judge(LINE, strict)
    assert label == "inconclusive"
    assert "evidence kept by the manifold 0.96 (unclear)" in reason
    held = [
        c for c in criteria if c.name.endswith(("leading mode", "manifold")) and "kept" in c.name
    ]
    assert [c.outcome for c in held] == ["unclear", "unclear"]
    assert all("at least 0.99" in c.rule for c in held)


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"keeps": "a"}, "`keeps` must be"),
        ({"keeps": math.nan}, "`keeps` must be"),
        ({"keeps": 1.5}, "`keeps` must be at most 1"),
        ({"keeps": 0.1}, "`loses` must be at most `keeps`; got 0.5 and 0.1"),
        ({"far": 1.0}, "`near` must be at most `far`"),
        ({"gap": -1.0}, "`gap` must be"),
    ],
)
def test_impossible_thresholds_are_refused(wrong: Any, message: str):
    with pytest.raises(ValueError, match=message):
        Thresholds(**wrong)


def test_reason_without_a_leak_names_no_time_constant():
    reason = judge(dataclasses.replace(LINE, time_constant=math.inf, memory=math.inf))[1]
    assert "kept as by an integrator without a leak" in reason
    assert "inf" not in reason


def test_reason_has_the_numbers():
    reason = judge(LINE)[1]
    for number in ("0.980", "4.95 s", "3 s", "90 %"):
        assert number in reason
    assert "0.900±0.300i" in judge(ROTATION)[1]
    assert "70 %" in judge(ROTATION)[1]


def test_every_criterion_has_its_name_its_number_and_its_rule():
    label, _, criteria = judge(LINE)
    assert label in VERDICTS
    assert {c.outcome for c in criteria} == {"for"}
    assert len({c.name for c in criteria}) == len(criteria) == 10
    by_name = {c.name: c for c in criteria}
    assert by_name["evidence kept by the leading mode"].value == LINE.mode_keeps
    assert by_name["evidence kept by the leading mode"].rule == "at least 0.75; against below 0.5"
    assert by_name["time constant over the second mode's"].value == 4950.0 / 100.0
    assert by_name["turn of the leading mode (rad)"].rule == "at most 0.1; against from 1"


@pytest.mark.parametrize(
    ("value", "outcome"), [(0.75, "for"), (0.74, "unclear"), (0.5, "unclear"), (0.49, "against")]
)
def test_a_rising_number_speaks_for_from_its_threshold_on(value: float, outcome: str):
    (criterion,) = [
        c for c in judge(dataclasses.replace(LINE, manifold_keeps=value))[2]
        if c.name == "evidence kept by the manifold"
    ]  # fmt: skip
    assert criterion.outcome == outcome


@pytest.mark.parametrize(
    ("value", "outcome"), [(0.1, "for"), (0.11, "unclear"), (0.99, "unclear"), (1.0, "against")]
)
def test_a_falling_number_speaks_for_up_to_its_threshold(value: float, outcome: str):
    (criterion,) = [
        c for c in judge(dataclasses.replace(LINE, turn=value))[2] if c.name.startswith("turn")
    ]
    assert criterion.outcome == outcome


def test_without_a_point_there_is_nothing_to_judge():
    label, reason, criteria = judge(Measures())
    assert (label, criteria) == ("no slow structure", ())
    assert reason == "no fixed or slow point was found"


def test_numbers_in_words():
    assert in_words(0.5 + 0j) == "0.500"
    assert in_words(0.5 - 0.25j) == "0.500±0.250i"
    assert describe_change(1500.0) == "decays with a time constant of 1.5 s"
    assert describe_change(-250.0) == "grows with a time constant of 0.25 s"
    for still in (math.inf, -1e7):
        assert describe_change(still) == "neither decays nor grows within minutes"
