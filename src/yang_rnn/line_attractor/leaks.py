"""What a leak costs an integrator of evidence."""

from __future__ import annotations

import math
from typing import Any

from yang_rnn._checks import check_real, is_real, shown


def evidence_kept(time_constant: float, duration: float) -> float:
    """Return the share of the evidence's information that a leaky integrator keeps.

    It weighs evidence by e^(-t/tau) where the ideal observer weighs all alike; of noisy evidence
    of constant strength, that leaves tanh(r/2) / (r/2) of the squared d', r = T / tau. Growth
    loses as much of the late evidence as a leak of the early.

    Parameters
    ----------
    time_constant : float
        tau (ms), negative for growth, inf for neither.
    duration : float
        For how long evidence comes, T (ms).

    Returns
    -------
    float
        From 0 to 1.

    Raises
    ------
    ValueError
        If the time constant is not a number, or the duration not a finite one above 0.
    """
    duration = check_real("duration", duration, above=0)
    time_constant = _number("time_constant", time_constant)
    half = abs(duration / time_constant) / 2 if time_constant else math.inf
    return math.tanh(half) / half if half else 1.0


def leak_with(persistence: float, duration: float) -> float:
    """Return the time constant of the leak that has a persistence (see `Measures`).

    Parameters
    ----------
    persistence : float
        1 - (1 - e^(-T/tau))^2; 1 or less.
    duration : float
        For how long evidence comes, T (ms).

    Returns
    -------
    float
        tau (ms): inf at 1, 0 from 0 down.

    Raises
    ------
    ValueError
        If the persistence is not a number, 1 or less, or the duration not a finite one above 0.
    """
    duration = check_real("duration", duration, above=0)
    persistence = _number("persistence", persistence)
    if persistence > 1:
        raise ValueError(f"`persistence` must be 1 or less; got {persistence}")
    lost = math.sqrt(max(0.0, 1 - persistence))
    if lost >= 1:
        return 0.0
    return math.inf if lost == 0 else -duration / math.log(1 - lost)


def _number(name: str, value: Any) -> float:
    """Return an argument that is a number or infinite; else raise a `ValueError`."""
    is_infinite = isinstance(value, float) and math.isinf(value)
    if not is_infinite and not is_real(value):
        raise ValueError(f"`{name}` must be a number; got {shown(value)}")
    return float(value)
