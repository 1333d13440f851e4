import dataclasses
import math
from typing import Any

import numpy as np
import pytest

from yang_rnn.verdict import Measures, Thresholds, evidence_kept, judge, leak_with

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


@pytest.mark.parametrize("seconds", [0.2, 1.0, 4.0, -1.0])
def test_evidence_kept_is_what_simulated_integrators_keep(seconds: float):
    # d'^2 of a weighted sum of equally informative samples, over that of the plain sum.
    time = (np.arange(200_000) + 0.5) / 200_000 * 2.0
    weights = np.exp(-(2.0 - time) / seconds)
    kept = weights.mean() ** 2 / (weights**2).mean()
    assert evidence_kept(1000 * seconds, 2000.0) == pytest.approx(kept, rel=1e-6)


def test_evidence_kept_at_the_limits():
    assert evidence_kept(math.inf, 2000.0) == 1.0
    assert evidence_kept(0.0, 2000.0) == 0.0
    assert evidence_kept(1e15, 2000.0) == pytest.approx(1.0)


@pytest.mark.parametrize("seconds", [0.3, 2.0, 40.0])
def test_leak_is_recovered_from_what_it_leaves(seconds: float):
    begin = np.linspace(-3.0, 5.0, 9)
    after = begin * np.exp(-2.0 / seconds)
    persistence = 1 - ((after - begin) ** 2).sum() / (begin**2).sum()
    assert leak_with(persistence, 2000.0) == pytest.approx(1000 * seconds)
    assert leak_with(1.0, 2000.0) == math.inf
    assert leak_with(0.0, 2000.0) == leak_with(-3.0, 2000.0) == 0.0


@pytest.mark.parametrize(
    ("changes", "verdict"),
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
def test_a_line_attractor_needs_all_criteria(changes: dict[str, Any], verdict: str):
    assert judge(dataclasses.replace(LINE, **changes))[0] == verdict


@pytest.mark.parametrize(
    ("changes", "verdict"),
    [
        ({}, "rotation"),
        ({"state_time_r2": 0.1}, "inconclusive"),
        ({"state_time_r2": math.nan}, "inconclusive"),
        ({"centre_distance": 3.5}, "inconclusive"),
        ({"mode_keeps": 0.4, "manifold_keeps": math.nan}, "point attractor(s)"),
    ],
)
def test_a_rotation_needs_a_lasting_mode_near_trajectories_that_time_moves(
    changes: dict[str, Any], verdict: str
):
    assert judge(dataclasses.replace(ROTATION, **changes))[0] == verdict


def test_thresholds_can_be_changed():
    strict = Thresholds(keeps=0.99)
    verdict, reason, criteria = judge(LINE, strict)
    assert verdict == "inconclusive"
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
