"""Which kind of integrator a network is, by what it does: the rule, on measured numbers."""

from __future__ import annotations

import dataclasses
import math

from yang_rnn._checks import check_has, check_is
from yang_rnn.line_attractor.estimates import Estimate
from yang_rnn.line_attractor.integration import Integration
from yang_rnn.line_attractor.measures import Measures
from yang_rnn.line_attractor.measuring import numbers_of
from yang_rnn.line_attractor.thresholds import Thresholds

INTEGRATORS = (
    "line attractor",
    "leaky integrator",
    "unstable integrator",
    "fast leak",
    "turning integrator",
    "not learned",
)
"""What a network can be found to do with evidence."""


@dataclasses.dataclass(frozen=True)
class IntegratorVerdict:
    """Which kind of integrator a network is.

    Attributes
    ----------
    label : str
        One of `INTEGRATORS`.
    reason : str
        The numbers that decided, with their errors, in a sentence.
    near : str
        The kind that it would be beyond a threshold that lies within the 95 % interval of a number;
        empty where there is none.
    """

    label: str
    reason: str
    near: str

    def __str__(self) -> str:
        """Say the kind, the neighbour if it is near, and why."""
        near = f", near {self.near}" if self.near else ""
        return f"{self.label}{near}: {self.reason}"


def judge_integrator(
    integration: Integration, thresholds: Thresholds | None = None
) -> IntegratorVerdict:
    """Tell which kind of integrator a network is, from what `measure_integration` found.

    - ``not learned``: too few choices are right, or evidence does not move decisions.
    - ``line attractor``: decisions keep the evidence of the whole stimulus (efficiency), and what
      a pulse does to the state stays what it is (constancy of direction). It says nothing about
      what becomes of states after minutes: see `Integration.long_run`.
    - ``leaky integrator``, ``unstable integrator``: the direction is constant, but of the evidence
      part is lost: the early part, by a leak, or the late one, as decisions run away.
    - ``fast leak``: most of it is lost.
    - ``turning integrator``: evidence is kept, along a direction that turns.

    Parameters
    ----------
    integration : Integration
    thresholds : Thresholds, optional

    References
    ----------
    Brunton, Botvinick & Brody (2013), Science 340:95-98 (leaky and unstable accumulation).
    """
    check_has("integration", integration, "an Integration", "kernel", "pulse", "accuracy")
    check_is("thresholds", thresholds, Thresholds, optional=True)
    return judge_numbers(Measures(**numbers_of(integration)), thresholds or Thresholds())


def judge_numbers(m: Measures, at: Thresholds) -> IntegratorVerdict:
    """Do `judge_integrator` on numbers that were measured before, in a table for instance."""
    efficiency = Estimate(m.efficiency, m.efficiency_error)
    constancy = Estimate(m.constancy, m.constancy_error)
    early = Estimate(m.early, m.early_error)
    right = (
        f"in trials with evidence {100 * m.accuracy:.0f} % of choices between the two are right, "
        f"fewer than {100 * at.learned:g} %"
    )
    if m.accuracy <= 1 - at.learned:
        right += ": so few that outputs or choices may be swapped"
    if math.isnan(m.accuracy):
        return IntegratorVerdict("not learned", "no trial has evidence for one choice", "")
    fewest, most = Estimate(m.accuracy, m.accuracy_error).interval
    late = early.interval[0] <= 0
    label = kind_of(efficiency.value, constancy.value, late, at)
    if not m.accuracy >= at.learned:
        near = label if most >= at.learned and not math.isnan(efficiency.value) else ""
        return IntegratorVerdict("not learned", right, near)
    if math.isnan(efficiency.value):
        return IntegratorVerdict("not learned", "evidence does not move its decisions", "")
    others = {"not learned"} if fewest < at.learned else set()
    others |= {
        kind_of(one, other, late, at)
        for one in efficiency.interval
        for other in (constancy.interval if not math.isnan(constancy.value) else (math.nan,))
    }
    near = " or ".join(sorted(others - {label}))
    parts = [
        f"decisions keep a share of {efficiency} of the evidence's information",
        f"the direction of a pulse is kept to {constancy}",
    ]
    decay = m.decision_time_constant
    if label in ("leaky integrator", "fast leak") and 0 < decay < math.inf:
        parts.append(f"decisions decay with a time constant of {decay / 1000:.2g} s")
    if label == "unstable integrator":
        parts.append(f"early evidence counts more by {early}")
    return IntegratorVerdict(label, "; ".join(parts), near)


def kind_of(efficiency: float, constancy: float, late: bool, at: Thresholds) -> str:
    """Return the kind of integrator that has these numbers.

    Parameters
    ----------
    efficiency, constancy : float
    late : bool
        Whether late evidence counts as much as early evidence, or more.
    at : Thresholds
    """
    if efficiency < at.loses:
        # What runs away from where it began loses late evidence alone.
        return "fast leak" if late else "unstable integrator"
    if not constancy >= at.straight:
        return "turning integrator"
    if efficiency >= at.keeps:
        return "line attractor"
    return "leaky integrator" if late else "unstable integrator"
