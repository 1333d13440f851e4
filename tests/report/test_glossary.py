import dataclasses

import pytest

from yang_rnn.line_attractor.criteria import VERDICTS
from yang_rnn.line_attractor.measures import Measures
from yang_rnn.line_attractor.mechanism import MECHANISMS
from yang_rnn.line_attractor.rules import rules_of_mechanisms, rules_of_verdicts
from yang_rnn.line_attractor.sentences import WHAT, WHY
from yang_rnn.line_attractor.thresholds import Thresholds
from yang_rnn.report.glossary import CHIEF, MEASURES, WORDS, does, rule, why


@pytest.mark.parametrize("label", VERDICTS)
def test_what_a_network_does_is_told_in_a_clause(label: str):
    assert does(label)[0].islower()
    assert f"{does(label)}.".casefold() == WHAT[label].casefold()


@pytest.mark.parametrize("label", MECHANISMS)
def test_why_it_does_so_is_told_in_a_clause(label: str):
    assert why(label)[0].islower()
    assert f"{why(label)}.".casefold() == WHY[label].casefold()


def test_a_label_has_the_rule_of_the_thresholds():
    assert rule("line attractor") == rules_of_verdicts(Thresholds())["line attractor"]
    assert rule("chain") == rules_of_mechanisms(Thresholds())["chain"]
    assert rule("spiral integrator") == ""


def test_a_label_of_a_later_version_is_told_by_its_name():
    assert "spiral integrator" in does("spiral integrator")
    assert "echo" in why("echo")


def test_every_number_of_a_verdict_is_explained():
    names = {field.name for field in dataclasses.fields(Measures)}
    assert set(MEASURES) == {name for name in names if not name.endswith("_error") or
                             name == "manifold_error"}  # fmt: skip
    assert set(CHIEF) <= set(MEASURES)


@pytest.mark.parametrize("term", [*WORDS.values(), *MEASURES.values()], ids=lambda term: term.name)
def test_explanations_are_sentences(term):
    assert term.meaning.endswith(".")
    assert not term.compare or term.compare.endswith(".")
    assert term.name
