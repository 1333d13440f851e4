"""Numbers as a report writes them."""

from __future__ import annotations

import math
from typing import Any

from yang_rnn.line_attractor.words import in_words
from yang_rnn.report.glossary import MEASURES

NONE = "\u2013"
"""What stands for a number that is not defined."""


def is_missing(value: Any) -> bool:
    """Tell whether a value is None or NaN."""
    return value is None or (isinstance(value, float) and math.isnan(value))


def percent(share: float | None) -> str:
    """Return a share as text, in percent."""
    return NONE if share is None or is_missing(share) else f"{100 * share:.1f}\u00a0%"


def number(value: Any) -> str:
    """Return a number as text, to three digits; a whole number as it is."""
    if is_missing(value):
        return NONE
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, int) or float(value).is_integer():
        return f"{int(value):,}"
    size = abs(value)
    return f"{value:.1e}" if size < 1e-3 or size >= 1e5 else f"{value:.3g}"


def seconds(milliseconds: float | None) -> str:
    """Return a time constant (ms) as text, in s; None is one without end."""
    if milliseconds is None or not math.isfinite(milliseconds):
        return "no finite time"
    return f"{milliseconds / 1000:.3g}\u00a0s"


def with_error(value: Any, error: Any) -> str:
    """Return a number with its standard error as text."""
    if is_missing(value) or is_missing(error) or not error:
        return number(value)
    digits = max(0, 1 - math.floor(math.log10(error)))
    return f"{value:.{digits}f} \u00b1\u00a0{error:.{digits}f}"


def measure(name: str, measures: dict[str, Any]) -> str:
    """Return a number of a verdict as text, with its error and unit."""
    value = measures[name]
    if isinstance(value, list):
        return in_words(complex(*value))
    unit = MEASURES[name].unit if name in MEASURES else ""
    if is_missing(value):
        return NONE
    if unit == "ms":
        return seconds(value)
    text = with_error(value, measures.get(f"{name}_error"))
    return f"{text} {unit}" if unit not in ("", "cosine", "correlation", "%") else text


def changes(time_constant: float | None, frequency: float = 0.0) -> str:
    """Say what becomes of a mode, from its time constant (ms) and its frequency (Hz)."""
    if time_constant is None or abs(time_constant) > 1e6:
        what = "stays as it is for minutes"
    elif time_constant < 0:
        what = f"grows: 2.7 times as large after {seconds(-time_constant)}"
    else:
        what = f"fades: 37 % is left after {seconds(time_constant)}"
    return f"{what}; turns once in {1 / frequency:.3g} s" if frequency else what


def counted(count: int, one: str, many: str = "") -> str:
    """Return a number of things as text, as in ``1 point`` and ``2 points``."""
    return f"{count:,} {one if count == 1 else many or one + 's'}"


def first_up(text: str) -> str:
    """Return a text that begins with a capital letter; the rest stays as it is."""
    return text[:1].upper() + text[1:]
