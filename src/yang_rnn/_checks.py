"""Checks of arguments: what a number must be, said in one form everywhere."""

import math
from typing import Any

import numpy as np


def is_whole(value: object) -> bool:
    """Tell whether a value is a whole number, Python's or NumPy's."""
    return isinstance(value, (int, np.integer)) and not isinstance(value, bool)


def is_real(value: Any, above: float | None = None, minimum: float | None = None) -> bool:
    """Tell whether a value is a finite number, Python's or NumPy's, within its bounds."""
    if not is_whole(value) and not isinstance(value, (float, np.floating)):
        return False
    try:
        number = float(value)
    except OverflowError:  # a whole number beyond every float
        return False
    in_bounds = (above is None or number > above) and (minimum is None or number >= minimum)
    return math.isfinite(number) and in_bounds


def check_whole(name: str, value: Any, minimum: int) -> int:
    """Return an argument that is a whole number, `minimum` or more; else raise a `ValueError`."""
    if not is_whole(value) or value < minimum:
        raise ValueError(f"`{name}` must be a whole number, {minimum} or more; got {value!r}")
    return int(value)


def check_real(
    name: str, value: Any, above: float | None = None, minimum: float | None = None
) -> float:
    """Return an argument that is a finite number within bounds; else raise a `ValueError`."""
    if not is_real(value, above=above, minimum=minimum):
        expected = f"a finite number{bound_in_words(above, minimum)}"
        raise ValueError(f"`{name}` must be {expected}; got {value!r}")
    return float(value)


def check_confidence(confidence: Any) -> float:
    """Return the coverage of an interval, between 0 and 1; else raise a `ValueError`."""
    if not is_real(confidence, above=0.0) or not confidence < 1:
        raise ValueError(f"`confidence` must be between 0 and 1; got {confidence!r}")
    return float(confidence)


def bound_in_words(above: float | None, minimum: float | None) -> str:
    """Return the lower bound of a number as text, to stand behind "a number"."""
    if above is not None:
        return f" above {above:g}"
    return "" if minimum is None else f", {minimum:g} or more"
