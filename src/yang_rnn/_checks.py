"""Checks of arguments: what each must be and what came, said in one form everywhere."""

import math
import os
import reprlib
import warnings
from collections.abc import Collection, Iterable, Sequence
from typing import Any, SupportsIndex

import numpy as np

MOST = 1_000_000_000
"""No count may be higher: more than any memory holds."""

Index = SupportsIndex | slice | Sequence[int] | np.ndarray
"""What takes some of the points of a record: a number, a slice, numbers, a mask."""

_SHORT = reprlib.Repr()
_SHORT.maxstring = _SHORT.maxother = _SHORT.maxlong = 60


def shown(value: object) -> str:
    """Return a value as a few words in one line, for an error."""
    try:
        text = " ".join(_SHORT.repr(value).split())
    except Exception:  # a whole number of too many digits, or a repr that fails
        return f"a value of type {type(value).__name__}"
    return text if len(text) <= 100 else f"{text[:97]}..."


def reason_of(error: BaseException) -> str:
    """Return what an error says in one line of some hundred letters."""
    text = " ".join(str(error).split()) or type(error).__name__
    return text if len(text) <= 200 else f"{text[:197]}..."


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


def listed(words: Iterable[str], most: int = 12) -> str:
    """Return words with commas between them; of more than so many, those of both ends."""
    words = list(words)
    if len(words) > most:
        words = [*words[: most // 2], f"... ({len(words)} in all)", *words[-most // 2 :]]
    return ", ".join(words)


def check_whole(name: str, value: Any, minimum: int, maximum: int | None = MOST) -> int:
    """Return an argument that is a whole number within bounds; else raise a `ValueError`."""
    if not is_whole(value) or value < minimum:
        raise ValueError(f"`{name}` must be a whole number, {minimum} or more; got {shown(value)}")
    if maximum is not None and value > maximum:
        raise ValueError(
            f"`{name}` must be a whole number, {minimum} to {maximum}; got {shown(value)}"
        )
    return int(value)


def check_real(
    name: str, value: Any, above: float | None = None, minimum: float | None = None
) -> float:
    """Return an argument that is a finite number within bounds; else raise a `ValueError`."""
    if not is_real(value, above=above, minimum=minimum):
        expected = f"a finite number{bound_in_words(above, minimum)}"
        raise ValueError(f"`{name}` must be {expected}; got {shown(value)}")
    return float(value)


SHORT_STEP = 0.1
"""Time step (ms) up to which one is rather meant in seconds: rates are never as fast."""


def check_time_step(dt: Any) -> float:
    """Return a time step (ms) above 0; warn where it looks as if seconds were meant."""
    value = check_real("dt", dt, above=0)
    if value <= SHORT_STEP:
        warnings.warn(
            f"`dt` is in ms; got {value:g}. If that is {value:g} s, it must be {1000 * value:g}: "
            "else all time constants and durations are 1000 times too short",
            stacklevel=4,
        )
    return value


def check_confidence(confidence: Any) -> float:
    """Return the coverage of an interval, between 0 and 1; else raise a `ValueError`."""
    if not is_real(confidence, above=0.0) or not confidence < 1:
        raise ValueError(f"`confidence` must be between 0 and 1; got {shown(confidence)}")
    return float(confidence)


def bound_in_words(above: float | None, minimum: float | None) -> str:
    """Return the lower bound of a number as text, to stand behind "a number"."""
    if above is not None:
        return f" above {above:g}"
    return "" if minimum is None else f", {minimum:g} or more"


def is_real_dtype(dtype: Any) -> bool:
    """Tell whether numbers of a dtype are real: whole or floating, JAX's short ones too."""
    dtype = np.dtype(dtype)
    return dtype.kind in "fiu" or dtype.name.startswith(("bfloat", "float"))


def as_array(name: str, value: Any) -> np.ndarray:
    """Return an argument as an array of whatever it holds.

    Raises
    ------
    ValueError
        If it is ragged, or values of it are masked: NumPy would take what is under the mask.
    """
    if _is_masked(value):
        raise ValueError(f"`{name}` must not be masked; got masked values")
    try:
        return np.asarray(value)
    except ValueError as error:  # lists of different lengths
        raise ValueError(
            f"`{name}` must be an array; got {shown(value)}: {reason_of(error)}"
        ) from error
    except Exception as error:  # what its own conversion raises
        raise TypeError(
            f"`{name}` must be an array; got {shown(value)}: {reason_of(error)}"
        ) from error


def check_array(
    name: str,
    value: Any,
    shape: tuple[Any, ...] | None = None,
    *,
    finite: bool = True,
    empty: bool = False,
    whole: bool = False,
) -> np.ndarray:
    """Return an argument that is an array of real numbers, in the dtype that it has.

    Parameters
    ----------
    name : str
        The argument's name, for the errors.
    value : object
    shape : tuple, optional
        A number for each axis of fixed length, a word for one of any length; `...` in front stands
        for any number of axes.
    finite : bool
        Whether NaN and infinity are refused.
    empty : bool
        Whether there may be no numbers.
    whole : bool
        Whether only whole numbers will do.

    Raises
    ------
    TypeError
        If it is not of real numbers: strings, objects, truth values, complex numbers.
    ValueError
        If it is ragged, masked, of another shape, empty or not finite.
    """
    array = as_array(name, value)
    if not is_real_dtype(array.dtype) or (whole and array.dtype.kind not in "iu"):
        is_scalar = array.ndim == 0 and not isinstance(value, np.ndarray)
        got = shown(value) if is_scalar else f"dtype {array.dtype}"
        raise TypeError(f"`{name}` must be {'whole' if whole else 'real'} numbers; got {got}")
    if shape is not None and not (_fits(array.shape, shape) and (empty or array.size)):
        raise ValueError(f"`{name}` must have shape {_in_words(shape)}; got {array.shape}")
    if not empty and array.size == 0:
        raise ValueError(f"`{name}` must not be empty; got shape {array.shape}")
    if finite:
        check_finite(name, array)
    return array


def check_finite(name: str, array: np.ndarray) -> None:
    """Raise a `ValueError` where a number of an array is NaN or infinite."""
    if array.dtype.kind in "iu":
        return
    broken = int((~np.isfinite(array)).sum())
    if broken:
        raise ValueError(
            f"`{name}` must be finite; got NaN or infinity in {broken} of {array.size}"
        )


def check_callable(name: str, value: Any, *, optional: bool = False) -> None:
    """Raise a `TypeError` where an argument can't be called."""
    if not callable(value) and not (optional and value is None):
        raise TypeError(f"`{name}` must be callable; got {shown(value)}")


def check_is(name: str, value: Any, kind: type, *, optional: bool = False) -> None:
    """Raise a `TypeError` where an argument is not of a class."""
    if not isinstance(value, kind) and not (optional and value is None):
        raise TypeError(f"`{name}` must be {_a(kind.__name__)}; got {shown(value)}")


def check_has(name: str, value: Any, what: str, *attributes: str) -> None:
    """Raise a `TypeError` where an argument lacks attributes that make it what it must be."""
    missing = [attribute for attribute in attributes if not hasattr(value, attribute)]
    if missing or isinstance(value, type):
        raise TypeError(f"`{name}` must be {what}; got {shown(value)}")


def check_one_of(name: str, value: Any, known: Collection[str]) -> None:
    """Raise a `ValueError` where an argument is not one of some words."""
    if not isinstance(value, str) or value not in known:
        raise ValueError(f"`{name}` must be one of {list(known)}; got {shown(value)}")


def check_text(name: str, value: Any, *, optional: bool = False) -> None:
    """Raise a `TypeError` where an argument is not text."""
    if not isinstance(value, str) and not (optional and value is None):
        raise TypeError(f"`{name}` must be text; got {shown(value)}")


def check_path(name: str, value: Any) -> None:
    """Raise a `TypeError` where an argument is no path."""
    if not isinstance(value, (str, os.PathLike)):
        raise TypeError(f"`{name}` must be a path; got {shown(value)}")


def check_index(
    name: str, value: Any, length: int, *, optional: bool = False, of: str = "points"
) -> None:
    """Raise a `ValueError` where an argument is not the place of one of so many things."""
    if optional and value is None:
        return
    if not is_whole(value) or not 0 <= value < length:
        raise ValueError(f"`{name}` must be one of the {length} {of}; got {shown(value)}")


def _is_masked(value: Any) -> bool:
    if isinstance(value, (list, tuple)):
        return any(
            _is_masked(item) for item in value if isinstance(item, (list, tuple, np.ma.MaskedArray))
        )
    return bool(np.ma.is_masked(value))


def _fits(found: tuple[int, ...], expected: tuple[Any, ...]) -> bool:
    if expected and expected[0] is ...:
        expected = expected[1:]
        found = found[max(0, len(found) - len(expected)) :]
    return len(found) == len(expected) and all(
        isinstance(axis, str) or length == axis
        for length, axis in zip(found, expected, strict=True)
    )


def _in_words(shape: tuple[Any, ...]) -> str:
    axes = ", ".join("..." if axis is ... else str(axis) for axis in shape)
    return f"({axes},)" if len(shape) == 1 else f"({axes})"


def _a(word: str) -> str:
    return f"{'an' if word[0] in 'AEIO' else 'a'} {word}"
