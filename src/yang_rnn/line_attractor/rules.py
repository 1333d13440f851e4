"""The rule behind each verdict and each mechanism, with the numbers of the thresholds."""

from __future__ import annotations

import math

from yang_rnn.line_attractor.thresholds import Thresholds

KEPT, STRAIGHT = "evidence kept (efficiency)", "direction kept (constancy)"
"""What the two numbers are called that most verdicts stand on."""


def rules_of_verdicts(thresholds: Thresholds | None = None) -> dict[str, str]:
    """Return what a network must have to be called so, a clause for each of `VERDICTS`.

    Parameters
    ----------
    thresholds : Thresholds, optional
    """
    at = thresholds or Thresholds()
    keeps, loses, straight = f"{at.keeps:g}", f"{at.loses:g}", f"{at.straight:g}"
    return {
        "line attractor": f"{KEPT} {keeps} or more, {STRAIGHT} {straight} or more",
        "leaky integrator": (
            f"{KEPT} from {loses} to {keeps}, {STRAIGHT} {straight} or more; early evidence "
            "does not count more than late evidence"
        ),
        "unstable integrator": (
            f"early evidence counts more than late evidence, and either {KEPT} below {loses}, or "
            f"{KEPT} from {loses} to {keeps} with {STRAIGHT} {straight} or more"
        ),
        "fast leak": (
            f"{KEPT} below {loses}; early evidence does not count more than late evidence"
        ),
        "turning integrator": f"{KEPT} {loses} or more, {STRAIGHT} below {straight}",
        "not learned": (
            f"fewer than {100 * at.learned:g} % of the choices in trials with evidence are right, "
            "or evidence does not move its decisions"
        ),
        "inconclusive": (
            "by its equations (linear response) it would be called otherwise, and what they say "
            f"is kept differs from what was measured by more than {at.explains:g} beyond the "
            "95 % interval; or nothing is left of a pulse whose direction could be compared"
        ),
    }


def rules_of_mechanisms(thresholds: Thresholds | None = None) -> dict[str, str]:
    """Return by what a mechanism is told, a clause for each of `MECHANISMS`.

    The first that holds is taken; `docs/verdict.md` has their order.

    Parameters
    ----------
    thresholds : Thresholds, optional
    """
    at = thresholds or Thresholds()
    angle = f"{math.acos(at.straight):.2g} rad"
    turning = f"modes that turn carry {100 * at.turning:g} % of the evidence or more"
    return {
        "slow direction": (
            "no other rule holds: a mode that carries evidence, or the flow on the slow manifold, "
            f"keeps {at.loses:g} of it or more"
        ),
        "several fixed points": (
            "more than one fixed point lies on the slow manifold, within "
            f"{at.beside:g} of what the states span"
        ),
        "continuum": (
            "over half of what the states span on the slow manifold, they move by at most "
            f"{at.still:g} of it within a stimulus; or several fixed points without such a curve, "
            f"and a mode that moves by at most {at.still:g}"
        ),
        "fast fixed point": (
            f"neither a mode that carries evidence nor the slow manifold keeps {at.loses:g} of it"
        ),
        "rotation": (
            f"{turning}, and {STRAIGHT} is below {at.straight:g} both along trials and at the "
            f"centre; or the first of these modes turns by more than {angle}"
        ),
        "chain": (
            f"linear response keeps over {at.beyond:g} more than the slowest mode that carries "
            "evidence, and than the slow manifold"
        ),
        "mixed modes": (
            f"by linear response {STRAIGHT} is below {at.straight:g} and {KEPT} is {at.loses:g} "
            "or more, and neither chain nor rotation holds; or no mode carries evidence"
        ),
        "no fixed point": "none is known at the input without evidence",
    }
