from __future__ import annotations

import pytest

from yang_rnn.line_attractor.criteria import VERDICTS
from yang_rnn.line_attractor.integrators import INTEGRATORS
from yang_rnn.line_attractor.mechanism import MECHANISMS
from yang_rnn.line_attractor.sentences import WHAT, WHY


def test_each_label_and_each_mechanism_has_a_sentence():
    assert tuple(WHAT) == VERDICTS
    assert {*WHAT} - {*INTEGRATORS} == {"inconclusive"}
    assert tuple(WHY) == MECHANISMS


@pytest.mark.parametrize("sentence", [*WHAT.values(), *WHY.values()])
def test_each_is_one_sentence_without_words_of_insiders(sentence: str):
    assert sentence[0].isupper()
    assert sentence.endswith(".")
    assert sentence.count(".") == 1
    assert len(sentence) <= 180
    for word in ("linear response", "manifold", "eigen", "Jacobian", "kernel", "efficiency"):
        assert word not in sentence


def test_no_two_say_the_same():
    sentences = [*WHAT.values(), *WHY.values()]
    assert len(set(sentences)) == len(sentences)
