import dataclasses
import itertools
import re

import pytest

from yang_rnn.line_attractor.criteria import VERDICTS
from yang_rnn.line_attractor.integrators import INTEGRATORS, kind_of
from yang_rnn.line_attractor.mechanism import MECHANISMS
from yang_rnn.line_attractor.rules import KEPT, STRAIGHT, rules_of_mechanisms, rules_of_verdicts
from yang_rnn.line_attractor.thresholds import Thresholds

OTHERS = Thresholds(
    learned=0.61, keeps=0.83, loses=0.42, straight=0.71, explains=0.13, turning=0.57, beyond=0.27,
    still=2e-3, beside=0.31,
)  # fmt: skip


def allows(clause: str, name: str, value: float) -> bool:
    """Tell whether a clause's bounds of a number hold for a value."""
    bounds = r"(below [\d.]+|from [\d.]+ to [\d.]+|[\d.]+ or more)"
    for words in re.findall(f"{re.escape(name)} {bounds}", clause):
        first, *more = (float(number) for number in re.findall(r"[\d.]*\d", words))
        low = -1.0 if words.startswith("below") else first
        high = first if words.startswith("below") else (more[0] if more else 2.0)
        if not low <= value < high:
            return False
    return True


def holds(rule: str, efficiency: float, constancy: float, late: bool) -> bool:
    """Tell whether a rule, read as a reader does, holds for some numbers."""
    if "early evidence does not count more" in rule and not late:
        return False
    if "early evidence counts more" in rule and late:
        return False
    return any(
        allows(part, KEPT, efficiency) and allows(part, STRAIGHT, constancy)
        for part in rule.split(", or ")
    )


@pytest.mark.parametrize("at", [Thresholds(), OTHERS], ids=["default", "others"])
def test_what_a_rule_says_is_what_is_judged(at: Thresholds):
    rules = {name: rules_of_verdicts(at)[name] for name in INTEGRATORS if name != "not learned"}
    levels = [-0.5, 0.1, at.loses - 1e-6, at.loses, 0.6, at.keeps - 1e-6, at.keeps, 0.99]
    turns = [-0.5, 0.5, at.straight - 1e-6, at.straight, 0.95]
    for efficiency, constancy, late in itertools.product(levels, turns, (True, False)):
        found = [name for name, rule in rules.items() if holds(rule, efficiency, constancy, late)]
        assert found == [kind_of(efficiency, constancy, late, at)]


def test_each_label_and_each_mechanism_has_a_rule():
    assert tuple(rules_of_verdicts()) == VERDICTS
    assert tuple(rules_of_mechanisms()) == MECHANISMS


def test_each_threshold_is_in_a_rule_and_moves_with_it():
    for field in dataclasses.fields(Thresholds):
        moved = Thresholds(**{field.name: getattr(OTHERS, field.name)})
        before = [*rules_of_verdicts().values(), *rules_of_mechanisms().values()]
        after = [*rules_of_verdicts(moved).values(), *rules_of_mechanisms(moved).values()]
        changed = [new for old, new in zip(before, after, strict=True) if old != new]
        number = getattr(OTHERS, field.name)
        assert changed
        assert all(f"{number:g}" in rule or f"{100 * number:g} %" in rule for rule in changed)
