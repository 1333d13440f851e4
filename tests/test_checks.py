import math
import re
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from yang_rnn._checks import (
    bound_in_words,
    check_array,
    check_confidence,
    check_real,
    check_time_step,
    check_whole,
    is_real,
    is_whole,
    listed,
    shown,
)

WHOLE = [0, 3, -2, 10**400, np.int8(5), np.uint64(2**63)]
REAL_ONLY = [0.5, -1e300, np.float32(0.25), np.float64(3.0)]
NEITHER = [None, "1", True, np.True_, 1j, [1], np.array([1]), math.nan, math.inf, np.float32("nan")]


@pytest.mark.parametrize("value", WHOLE)
def test_integers_of_python_and_numpy_are_whole(value: Any):
    assert is_whole(value)


@pytest.mark.parametrize("value", [*REAL_ONLY, *NEITHER])
def test_nothing_else_is_whole(value: Any):
    assert not is_whole(value)
    with pytest.raises(ValueError, match=r"`n` must be a whole number, 0 or more; got "):
        check_whole("n", value, 0)


@pytest.mark.parametrize("value", [*REAL_ONLY, 3, np.int8(5)])
def test_finite_numbers_are_real(value: Any):
    assert is_real(value)


@pytest.mark.parametrize("value", [*NEITHER, 10**400])
def test_nothing_else_is_real(value: Any):
    assert not is_real(value)
    with pytest.raises(ValueError, match="`x` must be a finite number; got "):
        check_real("x", value)


@given(st.integers(-100, 100), st.integers(-100, 100))
def test_whole_numbers_from_the_minimum_on_pass(value: int, minimum: int):
    if value >= minimum:
        passed = check_whole("n", np.int64(value), minimum)
        assert passed == value
        assert type(passed) is int
    else:
        message = f"^`n` must be a whole number, {minimum} or more; got {value}$"
        with pytest.raises(ValueError, match=message):
            check_whole("n", value, minimum)


@given(st.floats(-2, 2), st.floats(-2, 2))
def test_a_bound_is_excluded_and_a_minimum_is_not(value: float, bound: float):
    assert is_real(value, above=bound) == (value > bound)
    assert is_real(value, minimum=bound) == (value >= bound)
    assert not is_real(bound, above=bound)
    assert is_real(bound, minimum=bound)


def test_a_real_number_comes_back_as_a_float():
    for value in (2, np.int32(2), np.float32(2)):
        passed = check_real("x", value, above=1)
        assert passed == 2.0
        assert type(passed) is float


@pytest.mark.parametrize(
    ("bounds", "message"),
    [
        ({"above": 0}, "^`x` must be a finite number above 0; got -1$"),
        ({"minimum": 0.5}, "^`x` must be a finite number, 0.5 or more; got -1$"),
    ],
)
def test_errors_say_the_name_the_bound_and_what_came(bounds: dict[str, float], message: str):
    with pytest.raises(ValueError, match=message):
        check_real("x", -1, **bounds)


def test_a_bound_in_words_stands_behind_a_number():
    assert bound_in_words(None, None) == ""
    assert bound_in_words(0, None) == " above 0"
    assert bound_in_words(None, 1e-3) == ", 0.001 or more"


@pytest.mark.parametrize("value", [0, 1, 0.0, 1.0, -0.5, 1.5, math.nan, None, "0.5", True])
def test_a_confidence_is_between_0_and_1(value: Any):
    assert check_confidence(np.float32(0.5)) == 0.5
    with pytest.raises(ValueError, match="`confidence` must be between 0 and 1; got "):
        check_confidence(value)


@pytest.mark.parametrize(
    ("value", "error", "message"),
    [
        (["a", "b", "c"], TypeError, "must be real numbers; got dtype <U1"),
        ("abc", TypeError, "must be real numbers; got 'abc'"),
        (None, TypeError, "must be real numbers; got None"),
        ([1j, 0, 0], TypeError, "must be real numbers; got dtype complex128"),
        ([True, False, True], TypeError, "must be real numbers; got dtype bool"),
        (np.array([1, 2, 3], object), TypeError, "must be real numbers; got dtype object"),
        ([[1.0], [1.0, 2.0]], ValueError, "must be an array; got"),
        (np.ma.array([1.0, 2, 3], mask=[False, True, False]), ValueError, "must not be masked"),
        ([np.ma.array([1.0], mask=[True])], ValueError, "must not be masked"),
        ([1.0, 2.0], ValueError, r"must have shape \(3,\); got \(2,\)"),
        ([1.0, math.nan, math.inf], ValueError, "must be finite; got NaN or infinity in 2 of 3"),
    ],
)
def test_what_is_no_array_of_real_numbers_is_refused(value: Any, error: Any, message: str):
    with pytest.raises(error, match=f"^`x` {message}"):
        check_array("x", value, (3,))


def test_arrays_of_real_numbers_pass_in_their_dtype():
    for value in ([1, 2, 3], np.ones(3, np.float16), np.ma.array([1.0, 2.0, 3.0])):
        assert check_array("x", value, (3,)).dtype == np.asarray(value).dtype
    assert check_array("x", np.ones((2, 5, 3)), (..., 3)).shape == (2, 5, 3)
    assert check_array("x", np.ones((2, 3)), ("time", 3)).shape == (2, 3)
    with pytest.raises(ValueError, match=r"shape \(time, 3\); got \(0, 3\)"):
        check_array("x", np.ones((0, 3)), ("time", 3))


@given(st.one_of(st.text(), st.integers(), st.lists(st.floats()), st.binary()))
def test_values_are_shown_in_one_short_line(value: Any):
    assert len(shown([value] * 1000)) <= 100
    assert "\n" not in shown(value)


def test_numbers_of_too_many_digits_are_shown():
    # Python shows such a number by its digits' count, from 3.14 on.
    assert re.match("a value of type int|<int instance with roughly 5001 digits", shown(10**5000))


def test_a_time_step_that_looks_like_seconds_gets_a_warning_with_its_milliseconds():
    assert check_time_step(20) == 20.0
    assert check_time_step(0.5) == 0.5
    with pytest.warns(
        UserWarning, match=r"`dt` is in ms; got 0.02. If that is 0.02 s, it must be 20"
    ):
        assert check_time_step(0.02) == 0.02
    with pytest.raises(ValueError, match="`dt` must be a finite number above 0; got 0"):
        check_time_step(0)


def test_many_words_are_listed_by_both_ends():
    assert listed(map(str, range(3))) == "0, 1, 2"
    assert listed(map(str, range(100)), most=4) == "0, 1, ... (100 in all), 98, 99"
