"""Systems that are built to integrate evidence in a known way are judged so."""

import functools

import pytest
from built import TASK, trials
from built_systems import Built, catalogue, swamped

from yang_rnn.line_attractor.criteria import VERDICTS
from yang_rnn.line_attractor.mechanism import MECHANISMS
from yang_rnn.line_attractor.verdict import Verdict, line_attractor_verdict

QUICK = [
    "leak of 0.2 s",
    "leak of 0.7 s",
    "leak of 5 s",
    "growth by 1.3 a step",
    "leak of 5 s beside a quick rotation",
    "shear 10, both driven",
    "line fed by two stages",
    "delay line of 22",
    "0.3 turns, modulus 0.99",
    "3 quick turns, modulus 1.0",
    "line that drifts across",
    "continuum in float32, seed 40",
]
"""All linear: one program does for all."""


def judged(built: Built) -> Verdict:
    return line_attractor_verdict(built.system, trials(), TASK)


@functools.cache
def verdicts() -> dict[str, Verdict]:
    return {name: judged(built) for name, built in catalogue().items()}


def test_right_answers_are_answers():
    for built in catalogue().values():
        assert set(built.labels) <= set(VERDICTS) - {"inconclusive"}
        assert set(built.mechanisms) <= set(MECHANISMS)
        assert built.system.num_units == 64
    assert len(catalogue()) >= 60


@pytest.mark.parametrize("name", QUICK)
def test_a_built_system_is_judged_as_it_was_built(name: str):
    built = catalogue()[name]
    found = judged(built)
    assert found.label in built.labels
    assert found.mechanism in built.mechanisms


@pytest.mark.slow
def test_no_built_system_is_called_what_it_is_not():
    wrong = {
        name: (found.label, catalogue()[name].labels)
        for name, found in verdicts().items()
        if found.label not in (*catalogue()[name].labels, "inconclusive")
    }
    assert wrong == {}


@pytest.mark.slow
def test_one_built_system_in_fifteen_at_most_is_inconclusive():
    inconclusive = [name for name, found in verdicts().items() if found.label == "inconclusive"]
    assert 15 * len(inconclusive) <= len(verdicts())


@pytest.mark.slow
def test_why_a_built_system_integrates_is_told_but_of_planes_that_stand_still():
    wrong = {
        name: (found.mechanism, catalogue()[name].mechanisms)
        for name, found in verdicts().items()
        if found.mechanism not in catalogue()[name].mechanisms
    }
    assert all("still plane" in name for name in wrong), wrong


@pytest.mark.slow
@pytest.mark.xfail(reason="constancy goes by the whole state, also by what decisions do not see")
def test_units_that_are_driven_in_vain_change_nothing():
    wrong = [name for name, built in swamped() if judged(built).label not in built.labels]
    assert wrong == []
