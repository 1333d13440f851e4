"""The verdict from numbers: what a network does, why, and whether the two agree."""

from __future__ import annotations

import dataclasses
import math
from typing import Literal, NamedTuple

from yang_rnn.line_attractor.integrators import INTEGRATORS, judge_numbers
from yang_rnn.line_attractor.measures import Measures
from yang_rnn.line_attractor.mechanism import contradiction, judge_mechanism
from yang_rnn.line_attractor.thresholds import Thresholds

VERDICTS = (*INTEGRATORS, "inconclusive")
"""What a network can be found to be."""

Outcome = Literal["for", "near", "against", "undefined"]


@dataclasses.dataclass(frozen=True)
class Criterion:
    """One number held against the threshold of a line attractor.

    Attributes
    ----------
    name : str
        What it is, in words.
    value, error : float
        With its standard error; 0 where it has none.
    rule : str
        What a line attractor has.
    outcome : {"for", "near", "against", "undefined"}
        ``near``: the threshold lies within its 95 % interval.
    """

    name: str
    value: float
    error: float
    rule: str
    outcome: Outcome


class Judged(NamedTuple):
    """What a network does and why, in words.

    Attributes
    ----------
    label : str
        One of `VERDICTS`.
    near : str
        The kind that it would be beyond a threshold that lies within the 95 % interval of a number;
        empty where there is none.
    reason : str
        The numbers that decided it, in a sentence.
    mechanism : str
        One of `MECHANISMS`.
    mechanism_reason : str
        The numbers that decided that.
    criteria : tuple of Criterion
    """

    label: str
    near: str
    reason: str
    mechanism: str
    mechanism_reason: str
    criteria: tuple[Criterion, ...]


def judge(measures: Measures, thresholds: Thresholds | None = None) -> Judged:
    """Reach a verdict from the numbers: `judge_integrator`'s label and `judge_mechanism`'s.

    The label is ``inconclusive`` where the map's derivatives contradict what was measured
    (`contradiction`), and where evidence is kept but nothing is left of a pulse whose direction
    could be compared; the reason then says so.

    Parameters
    ----------
    measures : Measures
    thresholds : Thresholds, optional
    """
    at, m = thresholds or Thresholds(), measures
    does, why = judge_numbers(m, at), judge_mechanism(m, at)
    against = contradiction(m, does.label, at)
    if does.label == "turning integrator" and math.isnan(m.constancy):
        against = "no direction of a pulse can be compared"
    criteria = (
        _rising("right choices", m.accuracy, m.accuracy_error, at.learned),
        _rising("evidence that decisions keep", m.efficiency, m.efficiency_error, at.keeps),
        _rising("direction of a pulse kept", m.constancy, m.constancy_error, at.straight),
        _rising("evidence kept by linear response", m.response_efficiency, 0.0, at.keeps),
        _rising("direction kept by linear response", m.response_constancy, 0.0, at.straight),
    )
    if against:
        reason = f"{does.reason}: {does.label}; but {against}"
        return Judged("inconclusive", does.near, reason, why.label, why.reason, criteria)
    return Judged(does.label, does.near, does.reason, why.label, why.reason, criteria)


def _rising(name: str, value: float, error: float, enough: float) -> Criterion:
    outcome: Outcome = "for" if value >= enough else "against"
    if math.isnan(value):
        outcome = "undefined"
    elif abs(value - enough) < 1.96 * error:
        outcome = "near"
    return Criterion(name, value, error, f"{enough:g} or more", outcome)
