"""Which kind of integrator a network is, by what it does: the rule, on measured numbers."""

from __future__ import annotations

import dataclasses
import math

from yang_rnn._checks import check_has, check_is, check_real
from yang_rnn.line_attractor.integration import Estimate, Integration

INTEGRATORS = (
    "line attractor",
    "leaky integrator",
    "unstable integrator",
    "fast leak",
    "turning integrator",
    "not learned",
)
"""What a network can be found to do with evidence."""


@dataclasses.dataclass(frozen=True, kw_only=True)
class IntegratorThresholds:
    """Where one kind of integrator ends and the next begins.

    Raises
    ------
    ValueError
        If one is not a number from 0 to 1, or `loses` is above `keeps`.
    """

    keeps: float = 0.75
    """Efficiency from which on a network keeps evidence: a leak of half the stimulus has 0.76."""
    loses: float = 0.5
    """Below it it doesn't: a time constant of 0.26 of the stimulus."""
    straight: float = 0.75
    """Constancy of direction from which on the state moves along a line: a turn of 0.72 rad."""
    learned: float = 0.7
    """Share of right choices below which nothing is said about integration."""

    def __post_init__(self) -> None:
        """Check the ranges."""
        for name, value in dataclasses.asdict(self).items():
            if check_real(name, value, minimum=0) > 1:
                raise ValueError(f"`{name}` must be at most 1; got {value}")
        if self.loses > self.keeps:
            raise ValueError(f"`loses` must be at most `keeps`; got {self.loses} and {self.keeps}")


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
    integration: Integration, thresholds: IntegratorThresholds | None = None
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
    thresholds : IntegratorThresholds, optional

    References
    ----------
    Brunton, Botvinick & Brody (2013), Science 340:95-98 (leaky and unstable accumulation).
    """
    check_has("integration", integration, "an Integration", "kernel", "pulse", "accuracy")
    check_is("thresholds", thresholds, IntegratorThresholds, optional=True)
    at = thresholds or IntegratorThresholds()
    efficiency, constancy = integration.kernel.efficiency, integration.pulse.constancy
    right = f"{100 * integration.accuracy:.0f} % of choices are right"
    if not integration.accuracy >= at.learned:
        return IntegratorVerdict("not learned", right, "")
    if math.isnan(efficiency.value):
        return IntegratorVerdict("not learned", "evidence does not move its decisions", "")
    label = _kind(efficiency.value, constancy.value, integration.kernel.early, at)
    others = {
        _kind(one, other, integration.kernel.early, at)
        for one in efficiency.interval
        for other in (constancy.interval if not math.isnan(constancy.value) else (math.nan,))
    }
    near = sorted(others - {label})
    return IntegratorVerdict(label, _reason(integration, label), " or ".join(near))


def _kind(efficiency: float, constancy: float, early: Estimate, at: IntegratorThresholds) -> str:
    if efficiency < at.loses:
        # What runs away from where it began loses late evidence alone.
        return "unstable integrator" if early.interval[0] > 0 else "fast leak"
    if not constancy >= at.straight:
        return "turning integrator"
    if efficiency >= at.keeps:
        return "line attractor"
    return "unstable integrator" if early.interval[0] > 0 else "leaky integrator"


def _reason(integration: Integration, label: str) -> str:
    kernel, decay = integration.kernel, integration.decay
    parts = [
        f"decisions keep a share of {kernel.efficiency} of the evidence's information",
        f"the direction of a pulse is kept to {integration.pulse.constancy}",
    ]
    if label in ("leaky integrator", "fast leak") and 0 < decay.time_constant < math.inf:
        parts.append(f"decisions decay with a time constant of {decay.time_constant / 1000:.2g} s")
    if label == "unstable integrator":
        parts.append(f"early evidence counts more by {kernel.early}")
    return "; ".join(parts)
