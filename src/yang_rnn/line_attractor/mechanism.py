"""Why a network integrates as it does: the mechanism, from the map's derivatives."""

from __future__ import annotations

import math
from typing import NamedTuple

from yang_rnn.line_attractor.integrators import kind_of
from yang_rnn.line_attractor.measures import Measures
from yang_rnn.line_attractor.thresholds import Thresholds
from yang_rnn.line_attractor.words import describe_change, in_words, shared

MECHANISMS = (
    "slow direction",
    "several fixed points",
    "continuum",
    "fast fixed point",
    "rotation",
    "chain",
    "mixed modes",
    "no fixed point",
)
"""By what a network can be found to integrate, or not to."""


class Mechanism(NamedTuple):
    """Why a network integrates as it does.

    Attributes
    ----------
    label : str
        One of `MECHANISMS`.
    reason : str
        The numbers that decided, in a sentence.
    """

    label: str
    reason: str


def judge_mechanism(m: Measures, at: Thresholds) -> Mechanism:
    """Tell by what a network integrates.

    The first of these that holds:

    - ``continuum``: over half of the span, states on the slow manifold stand still; or, where there
      is no such curve, as in a plane of fixed points, there are several of these, and the mode that
      carries most of the evidence stands still.
    - ``no fixed point``: none is known; whether that is proved is said beside it.

    Where the direction turns:

    - ``chain``: more is kept than by the slowest mode that carries evidence, and than by the flow
      on the manifold: it is handed on from mode to mode, which only a matrix that is not normal can
      do.
    - ``rotation``: modes that turn carry half of the evidence or more, and the linearisation at the
      centre turns as well; however little is kept.
    - ``mixed modes``: no single linearisation says it; the map's derivatives change along a trial.

    Where linear response says that evidence moves the state along one direction (constancy), that
    nothing is left of it that has one, or that less than half of it is kept:

    - ``several fixed points``: more than one lies on the slow manifold.
    - ``chain``, as above.
    - ``mixed modes``: no mode carries evidence to the decision.
    - ``fast fixed point``: one fixed point whose modes forget.
    - ``rotation``: modes that turn carry half of the evidence or more, and the first of them, a
      pair, turns by more than a little.
    - ``slow direction``: one fixed point, where a mode that carries evidence, or the flow on the
      manifold along the first of them, is slow enough to keep half of it.

    Parameters
    ----------
    m : Measures
    at : Thresholds
    """
    if m.still_share >= 0.5:
        return Mechanism("continuum", _still(m))
    if m.num_fixed > 1 and not m.manifold_converged and m.driven_moves <= at.still:
        return Mechanism("continuum", _reason(m, "continuum"))
    if m.num_fixed == 0:
        return Mechanism("no fixed point", _none(m))
    kept = max((x for x in (m.mode_keeps, m.manifold_efficiency) if not math.isnan(x)), default=0.0)
    handed_on = m.response_efficiency - kept > at.beyond
    constancy = m.constancy if math.isnan(m.response_constancy) else m.response_constancy
    turned = constancy < at.straight
    rotates = turned and m.turning_share >= at.turning and not m.centre_constancy >= at.straight
    if turned and handed_on:
        label = "chain"
    elif rotates:
        label = "rotation"
    elif turned and not m.response_efficiency < at.loses:
        label = "mixed modes"
    elif m.points_on_line > 1:
        label = "several fixed points"
    elif handed_on:
        label = "chain"
    elif m.driven_share == 0:
        label = "mixed modes"
    elif max(_known(x) for x in (m.driven_keeps, m.mode_keeps, m.manifold_efficiency)) < at.loses:
        label = "fast fixed point"
    else:
        turns = m.driven_turn > math.acos(at.straight) and m.turning_share >= at.turning
        label = "rotation" if turns else "slow direction"
    return Mechanism(label, _reason(m, label))


def contradiction(m: Measures, label: str, at: Thresholds) -> str:
    """Say where the map's derivatives contradict what was measured; empty where they don't.

    They do where another kind of integrator follows from linear response, and its efficiency or its
    constancy differs from what was measured by more than `Thresholds.explains` beyond the 95 %
    interval. An efficiency that the flow on the manifold explains is explained.

    Parameters
    ----------
    m : Measures
    label : str
        The kind of integrator that was measured.
    at : Thresholds
    """
    if label == "not learned" or math.isnan(m.response_efficiency):
        return ""
    kind = kind_of(m.response_efficiency, m.response_constancy, m.response_early <= 0, at)
    room = at.explains + 1.96 * m.efficiency_error
    estimates = (m.response_efficiency, m.manifold_efficiency)
    explained = any(abs(each - m.efficiency) <= room for each in estimates)
    room = at.explains + 1.96 * m.constancy_error
    turned = abs(m.response_constancy - m.constancy) > room
    if kind == label or (explained and not turned):
        return ""
    return (
        f"linear response says {shared(m.response_efficiency)} and "
        f"{shared(m.response_constancy)}: {kind}"
    )


def _known(value: float) -> float:
    return 0.0 if math.isnan(value) else value


def _still(m: Measures) -> str:
    return f"over {100 * m.still_share:.0f} % of the span, states on the slow manifold stand still"


def _none(m: Measures) -> str:
    none = "there is no fixed point (proved)" if m.fixed_proved else "no fixed point was found"
    parts = [none]
    if m.runs_away > 0:
        parts.append(f"{100 * m.runs_away:.0f} % of the states run away when they are held")
    parts.append(_response(m))
    return "; ".join(parts)


def _response(m: Measures) -> str:
    return (
        f"linear response along trials keeps {shared(m.response_efficiency)}, "
        f"in a direction kept to {shared(m.response_constancy)}"
    )


def _reason(m: Measures, label: str) -> str:
    number = f"{m.num_fixed} fixed point{'' if m.num_fixed == 1 else 's'}"
    if m.num_far:
        number += f" ({m.num_far} of them far from where it goes)"
    parts = [number + (", and no other (proved)" if m.fixed_proved else "")]
    if not m.manifold_converged and not math.isnan(m.manifold_error):
        parts.append("no slow curve through the centre settled")
    if label == "several fixed points":
        parts.append(f"{m.points_on_line} of them on the slow manifold")
    if not math.isnan(m.driven_share):
        change = describe_change(m.driven_time_constant)
        parts.append(
            f"of the evidence {100 * m.driven_share:.0f} % is carried by the mode "
            f"{in_words(m.driven_eigenvalue)}, which {change}"
        )
    if label == "rotation":
        parts.append(f"modes that turn carry {100 * m.turning_share:.0f} %")
    if label == "chain":
        parts.append(
            f"the slowest mode that carries it would keep {shared(m.mode_keeps)} (non-normality "
            f"{shared(m.non_normality)})"
        )
    parts.append(_response(m))
    at_centre = f"at the centre alone {shared(m.centre_efficiency)}"
    if not math.isnan(m.manifold_efficiency):
        at_centre += f", by the flow on the manifold {shared(m.manifold_efficiency)}"
    return "; ".join([*parts, at_centre])
