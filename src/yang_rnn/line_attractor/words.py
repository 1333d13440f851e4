"""Numbers of a verdict as text."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import ArrayLike


def in_words(value: complex) -> str:
    """Return an eigenvalue as text, with its conjugate if it is one of a pair."""
    return f"{value.real:.3f}" if value.imag == 0 else f"{value.real:.3f}±{abs(value.imag):.3f}i"


def describe_change(time_constant: float) -> str:
    """Return what a mode of a time constant (ms) does, as text."""
    if abs(time_constant) > 1e6:
        return "neither decays nor grows within minutes"
    verb = "grows" if time_constant < 0 else "decays"
    return f"{verb} with a time constant of {abs(time_constant) / 1000:.3g} s"


def middle_of(values: ArrayLike) -> str:
    """Return the median of some numbers with the range of their middle half; empty of none."""
    known = np.asarray(values, float)
    known = known[~np.isnan(known)]
    if not len(known):
        return ""
    low, median, high = np.quantile(known, (0.25, 0.5, 0.75))
    return f"{median:.2f} (middle half {low:.2f} to {high:.2f})"


def shared(value: float) -> str:
    """Return a share or an efficiency as text."""
    return "undefined" if math.isnan(value) else f"{value:.2f}"
