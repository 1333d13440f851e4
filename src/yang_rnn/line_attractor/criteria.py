"""The rules by which a network is said to have a line attractor, and the numbers they look at."""

from __future__ import annotations

import dataclasses
import math
from typing import Literal

from yang_rnn._checks import check_real
from yang_rnn.line_attractor.measures import Measures

VERDICTS = (
    "line attractor",
    "rotation",
    "point attractor(s)",
    "no slow structure",
    "inconclusive",
)
"""What a network can be found to be."""

Outcome = Literal["for", "unclear", "against"]


@dataclasses.dataclass(frozen=True, kw_only=True)
class Thresholds:
    """Where a number speaks for a line attractor (or a rotation), and where against it.

    Between the two it is unclear. What a leaky integrator is worth is measured by the share of the
    evidence's information that it keeps (`evidence_kept`): the leading mode and the manifold are to
    keep `keeps`, the second mode is to keep `loses` at most and speaks against from `keeps` on.

    Raises
    ------
    ValueError
        If one is not a number of 0 or more, or two that go together are the wrong way round.
    """

    keeps: float = 0.75
    """From this share of the evidence's information on an integrator does its work.

    A leak with half the stimulus for a time constant keeps 0.76, one as long as it 0.92.
    """
    loses: float = 0.5
    """Below it it doesn't: a time constant of 0.26 of the stimulus."""
    straight: float = 0.1
    """Up to here (rad) the leading mode doesn't turn within its time constant or the stimulus."""
    turning: float = 1.0
    """From here on (rad) it rotates."""
    gap: float = 2.0
    """The leading time constant must be so many times the second."""
    near: float = 2.0
    """A centre is near the trajectories up to this distance, over their root mean square radius."""
    far: float = 3.0
    """From here on the trajectories are elsewhere, and its modes say nothing about them."""
    long: float = 0.5
    """A manifold is long from this share of the trajectories' span on."""
    short: float = 0.25
    """Below it is short."""
    beside: float = 0.25
    """Trajectories lie along the manifold up to this distance, over the span."""
    apart: float = 0.5
    """From here on they don't."""
    predicts: float = 0.5
    """From this R^2 on, evidence (or time) predicts the position."""
    does_not_predict: float = 0.25
    """Below this R^2 it doesn't."""

    def __post_init__(self) -> None:
        """Check that each is a number, and that none is on the wrong side of its fellow."""
        for name, value in dataclasses.asdict(self).items():
            check_real(name, value, minimum=0)
        for name in ("keeps", "predicts"):
            if getattr(self, name) > 1:
                raise ValueError(f"`{name}` must be at most 1; got {getattr(self, name)}")
        for low, high in (
            ("loses", "keeps"), ("straight", "turning"), ("near", "far"), ("short", "long"),
            ("beside", "apart"), ("does_not_predict", "predicts"),
        ):  # fmt: skip
            if getattr(self, low) > getattr(self, high):
                raise ValueError(
                    f"`{low}` must be at most `{high}`; got {getattr(self, low)} and "
                    f"{getattr(self, high)}"
                )


@dataclasses.dataclass(frozen=True)
class Criterion:
    """One number held against its thresholds.

    Attributes
    ----------
    name : str
        What is asked, in words.
    value : float
    rule : str
        What speaks for it and what against, with the thresholds.
    outcome : {"for", "unclear", "against"}
    """

    name: str
    value: float
    rule: str
    outcome: Outcome


def judge(
    measures: Measures, thresholds: Thresholds | None = None
) -> tuple[str, str, tuple[Criterion, ...]]:
    """Reach a verdict from the numbers.

    - ``no slow structure``: no fixed or slow point was found; or the leading mode at the centre is
      fast and no fixed point is stable.
    - ``point attractor(s)``: the leading mode at the centre is fast and a fixed point is stable:
      states settle there, or at one of several, well within the stimulus.
    - ``rotation``: the leading mode is not fast and rotates, and the state is not independent of
      time.
    - ``line attractor``: all criteria speak for it, those of the mode at the centre, of the
      manifold as a whole and of the trajectories.
    - ``inconclusive``: anything else, in particular where these disagree, or where the centre is
      far from the trajectories.

    Parameters
    ----------
    measures : Measures
    thresholds : Thresholds, optional

    Returns
    -------
    label : str
        One of `VERDICTS`.
    reason : str
    criteria : tuple of Criterion
    """
    at, m = thresholds or Thresholds(), measures
    if m.num_fixed + m.num_slow == 0:
        return "no slow structure", "no fixed or slow point was found", ()
    gap = _gap(m)

    def rising(name: str, value: float, enough: float, too_little: float | None) -> Criterion:
        rule = f"at least {enough:g}"
        if too_little is not None:
            rule += f"; against below {too_little:g}"
        low = too_little is not None and value < too_little
        outcome: Outcome = "for" if value >= enough else "against" if low else "unclear"
        return Criterion(name, value, rule, outcome)

    def falling(name: str, value: float, enough: float, too_much: float) -> Criterion:
        outcome: Outcome = (
            "for" if value <= enough else "against" if value >= too_much else "unclear"
        )
        rule = f"at most {enough:g}; against from {too_much:g}"
        return Criterion(name, value, rule, outcome)

    mode = rising("evidence kept by the leading mode", m.mode_keeps, at.keeps, at.loses)
    turn = falling("turn of the leading mode (rad)", m.turn, at.straight, at.turning)
    near = falling(
        "trajectories' distance from the centre (radii)", m.centre_distance, at.near, at.far
    )
    whole = rising("evidence kept by the manifold", m.manifold_keeps, at.keeps, at.loses)
    criteria = (
        mode,
        turn,
        rising("time constant over the second mode's", gap, at.gap, None),
        falling("evidence kept by the second mode", m.second_keeps, at.loses, at.keeps),
        near,
        rising("share of the span on the manifold", m.relative_length, at.long, at.short),
        falling(
            "trajectories' distance from the manifold (spans)",
            m.manifold_distance,
            at.beside,
            at.apart,
        ),
        whole,
        rising("R² of position on evidence", m.evidence_r2, at.predicts, at.does_not_predict),
        falling("R² of position on time", m.time_r2, at.does_not_predict, at.predicts),
    )
    grounds = (
        f"leading eigenvalue {in_words(m.eigenvalue)}, which {describe_change(m.time_constant)}"
    )
    if near.outcome == "against":
        grounds += f", but the trajectories are {m.centre_distance:.2g} radii away from there"
        return "inconclusive", grounds, criteria
    if mode.outcome == "against" and whole.outcome != "for":
        grounds += f": it keeps {100 * m.mode_keeps:.0f} % of the evidence; "
        if not m.has_stable_point:
            return "no slow structure", grounds + "no fixed point is stable", criteria
        return "point attractor(s)", grounds + "a fixed point is stable", criteria
    if turn.outcome == "against" and m.eigenvalue.imag == 0:
        flips = "changes its sign every step, which is neither a line nor a rotation"
        return "inconclusive", f"{grounds} and {flips}", criteria
    if turn.outcome == "against":
        part = f"time explains {100 * m.state_time_r2:.0f} % of the state's variance"
        grounds += f" and turns by {m.turn:.2g} rad meanwhile"
        if m.state_time_r2 >= at.does_not_predict:
            return "rotation", f"{grounds}; {part}", criteria
        if math.isnan(m.state_time_r2):
            part = "the state never changes"
        return "inconclusive", f"{grounds}, but {part}", criteria
    doubts = [c for c in criteria if c.outcome != "for"]
    if not doubts:
        grounds += (
            f"; positions on the manifold are kept as by {_leak_in_words(m.memory)}; {m.num_fixed} "
            f"fixed point{'' if m.num_fixed == 1 else 's'}; "
            f"evidence explains {100 * m.evidence_r2:.0f} % of the positions along it"
        )
        return "line attractor", grounds, criteria
    listed = ", ".join(f"{c.name} {c.value:.2g} ({c.outcome})" for c in doubts)
    return "inconclusive", f"{grounds}; {listed}", criteria


def _leak_in_words(memory: float) -> str:
    """Name the leak that keeps positions as well; the manifold itself may also spread them."""
    if memory > 1e6:
        return "an integrator without a leak"
    return f"a leak with a time constant of {memory / 1000:.3g} s"


def _gap(m: Measures) -> float:
    """Return how many times the second mode's time constant the leading mode's is."""
    leading, second = abs(m.time_constant), abs(m.second_time_constant)
    # A conjugate pair is two modes that last equally long, however slowly it turns.
    if m.eigenvalue.imag != 0 or leading == second:
        return 1.0
    return leading / second if second != 0 else math.inf


def in_words(value: complex) -> str:
    """Return an eigenvalue as text, with its conjugate if it is one of a pair."""
    return f"{value.real:.3f}" if value.imag == 0 else f"{value.real:.3f}±{abs(value.imag):.3f}i"


def describe_change(time_constant: float) -> str:
    """Return what a mode of a time constant (ms) does, as text."""
    if abs(time_constant) > 1e6:
        return "neither decays nor grows within minutes"
    verb = "grows" if time_constant < 0 else "decays"
    return f"{verb} with a time constant of {abs(time_constant) / 1000:.3g} s"
