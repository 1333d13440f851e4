import math
from typing import Any

import pytest
from measured import LINE, changed

from yang_rnn.line_attractor.criteria import VERDICTS, judge
from yang_rnn.line_attractor.integrators import INTEGRATORS
from yang_rnn.line_attractor.measures import Measures
from yang_rnn.line_attractor.mechanism import MECHANISMS
from yang_rnn.line_attractor.thresholds import Thresholds
from yang_rnn.line_attractor.words import describe_change, in_words, shared


def responding(efficiency: float, constancy: float = 0.97, early: float = -0.1) -> dict[str, Any]:
    """Return measures that simulation and linear response agree on; the flow says the same."""
    found: dict[str, Any] = {}
    for name in ("", "response_", "centre_"):
        found |= {f"{name}efficiency": efficiency, f"{name}constancy": constancy}
    return found | {"manifold_efficiency": efficiency, "early": early, "response_early": early}


@pytest.mark.parametrize(
    ("changes", "label"),
    [
        ({}, "line attractor"),
        (responding(0.6), "leaky integrator"),
        (responding(0.6, early=0.3), "unstable integrator"),
        (responding(0.3), "fast leak"),
        (responding(0.3, early=0.3), "unstable integrator"),
        (responding(0.9, constancy=0.5), "turning integrator"),
        (responding(0.3, constancy=0.5), "fast leak"),
        ({"accuracy": 0.69}, "not learned"),
        ({"accuracy": math.nan}, "not learned"),
        ({"efficiency": math.nan}, "not learned"),
        # Nothing is left of a pulse to compare.
        (responding(0.9, constancy=math.nan), "inconclusive"),
        (responding(0.3, constancy=math.nan), "fast leak"),
    ],
)
def test_what_a_network_does_follows_from_what_was_measured(changes: dict[str, Any], label: str):
    found = judge(changed(**changes))
    assert found.label == label
    assert found.label in VERDICTS


def test_every_label_is_a_verdict():
    assert VERDICTS == (*INTEGRATORS, "inconclusive")
    assert len({*VERDICTS, *MECHANISMS}) == len(VERDICTS) + len(MECHANISMS)


@pytest.mark.parametrize(
    ("changes", "label"),
    [
        # Another kind follows from it, and it is further off than the threshold.
        ({"response_efficiency": 0.55, "manifold_efficiency": 0.5}, "inconclusive"),
        ({"response_constancy": 0.6}, "inconclusive"),
        # Another kind follows from it, but it is as near as it can be expected to be.
        ({"efficiency": 0.8, "response_efficiency": 0.7}, "line attractor"),
        ({"constancy": 0.85, "response_constancy": 0.75}, "line attractor"),
        # It is further off than that, but the same kind, or the flow on the manifold explains it.
        ({"efficiency": 0.76, "response_efficiency": 0.99, "manifold_efficiency": math.nan},
         "line attractor"),
        ({"response_efficiency": 0.55}, "line attractor"),
        # The errors count, too.
        ({"response_efficiency": 0.7, "manifold_efficiency": math.nan}, "inconclusive"),
        ({"response_efficiency": 0.7, "manifold_efficiency": math.nan, "efficiency_error": 0.06},
         "line attractor"),
        # Without linear response, or evidence that moves decisions, there is nothing to compare.
        ({"response_efficiency": math.nan}, "line attractor"),
        ({"accuracy": 0.5, "response_efficiency": 0.1}, "not learned"),
    ],
)  # fmt: skip
def test_derivatives_that_contradict_the_measured_leave_it_open(
    changes: dict[str, Any], label: str
):
    found = judge(changed(**changes))
    assert found.label == label
    assert ("but linear response says" in found.reason) == (label == "inconclusive")


def test_the_reason_of_what_is_left_open_says_both():
    found = judge(changed(response_efficiency=0.3, response_constancy=0.5))
    assert "0.950 ± 0.010" in found.reason
    assert ": line attractor; but linear response says 0.30 and 0.50: fast leak" in found.reason


def test_what_is_near_a_threshold_is_said():
    assert judge(LINE).near == ""
    assert judge(changed(efficiency=0.76)).near == "leaky integrator"
    found = judge(changed(efficiency=0.76, constancy=0.801))
    assert found.label == "line attractor"
    assert found.near == "leaky integrator or turning integrator"


@pytest.mark.parametrize(
    ("value", "error", "outcome"),
    [(0.95, 0.01, "for"), (0.75, 0.0, "for"), (0.76, 0.01, "near"), (0.74, 0.01, "near"),
     (0.74, 0.0, "against"), (0.5, 0.01, "against"), (math.nan, math.nan, "undefined")],
)  # fmt: skip
def test_a_criterion_is_for_a_line_from_its_threshold_on(value: float, error: float, outcome: str):
    criteria = judge(changed(efficiency=value, efficiency_error=error)).criteria
    (held,) = [each for each in criteria if each.name == "evidence that decisions keep"]
    assert (held.outcome, held.rule) == (outcome, "0.75 or more")


def test_every_criterion_has_its_name_its_number_and_its_rule():
    criteria = judge(LINE).criteria
    assert {each.outcome for each in criteria} == {"for"}
    by_name = {each.name: each for each in criteria}
    assert len(by_name) == len(criteria) == 5
    kept = by_name["direction of a pulse kept"]
    assert (kept.value, kept.error, kept.rule) == (0.97, 0.005, "0.8 or more")
    assert by_name["right choices"].rule == "0.7 or more"


def test_thresholds_can_be_changed():
    strict = judge(LINE, Thresholds(keeps=0.99))
    assert strict.label == "leaky integrator"
    held = [each.outcome for each in strict.criteria if each.rule == "0.99 or more"]
    assert held == ["against", "against"]
    assert judge(LINE, Thresholds(learned=0.95)).label == "not learned"


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"keeps": "a"}, "`keeps` must be"),
        ({"keeps": math.nan}, "`keeps` must be"),
        ({"straight": 1.5}, r"`straight` must be at most 1; got 1\.5"),
        ({"still": -1e-9}, "`still` must be"),
        ({"keeps": 0.1}, r"`loses` must be at most `keeps`; got 0\.5 and 0\.1"),
    ],
)
def test_impossible_thresholds_are_refused(wrong: Any, message: str):
    with pytest.raises(ValueError, match=message):
        Thresholds(**wrong)


def test_without_any_number_nothing_was_learned():
    found = judge(Measures())
    assert (found.label, found.mechanism) == ("not learned", "no fixed point")
    assert {each.outcome for each in found.criteria} == {"undefined"}


def test_numbers_in_words():
    assert in_words(0.5 + 0j) == "0.500"
    assert in_words(0.5 - 0.25j) == "0.500±0.250i"
    assert describe_change(1500.0) == "decays with a time constant of 1.5 s"
    assert describe_change(-250.0) == "grows with a time constant of 0.25 s"
    for still in (math.inf, -1e7):
        assert describe_change(still) == "neither decays nor grows within minutes"
    assert (shared(0.123), shared(math.nan)) == ("0.12", "undefined")


def test_without_a_trial_that_has_evidence_nothing_is_learned():
    found = judge(changed(accuracy=math.nan))
    assert (found.label, found.reason) == ("not learned", "no trial has evidence for one choice")
