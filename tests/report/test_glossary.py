import dataclasses

import pytest

from yang_rnn.line_attractor.criteria import VERDICTS
from yang_rnn.line_attractor.integrators import INTEGRATORS
from yang_rnn.line_attractor.measures import Measures
from yang_rnn.line_attractor.mechanism import MECHANISMS
from yang_rnn.report.glossary import CHIEF, DOES, MEASURES, WHY, WORDS, does, why


@pytest.mark.parametrize("label", {*INTEGRATORS, *VERDICTS})
def test_every_verdict_has_a_sentence_of_its_own(label: str):
    assert len(DOES[label].split()) >= 10
    assert does(label) == DOES[label]
    assert list(DOES.values()).count(DOES[label]) == 1


@pytest.mark.parametrize("label", MECHANISMS)
def test_every_mechanism_has_a_sentence_of_its_own(label: str):
    assert len(WHY[label].split()) >= 10
    assert why(label) == WHY[label]
    assert list(WHY.values()).count(WHY[label]) == 1


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
