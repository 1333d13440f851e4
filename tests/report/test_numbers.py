import math

import pytest

from yang_rnn.report.numbers import NONE, changes, counted, measure, number, percent, with_error


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (None, NONE),
        (math.nan, NONE),
        (0.8125, "0.812"),
        (1e-20, "1.0e-20"),
        (12345, "12,345"),
        (2.0, "2"),
        (True, "yes"),
        (-0.45, "-0.45"),
    ],
)
def test_numbers_are_short(value: float, text: str):
    assert number(value) == text


def test_shares_are_in_percent():
    assert percent(0.8901) == "89.0\u00a0%"
    assert percent(None) == NONE


def test_an_error_says_how_many_digits_count():
    assert with_error(0.80084, 0.01042) == "0.801 ±\u00a00.010"
    assert with_error(0.5, 0.0) == "0.5"


def test_measures_have_their_units():
    assert measure("decision_time_constant", {"decision_time_constant": 1272.7}) == "1.27\u00a0s"
    assert measure("eigenvalue", {"eigenvalue": [0.5, -0.25]}) == "0.500±0.250i"
    assert measure("span", {"span": 14.5}) == "14.5 units of activity"
    assert measure("span", {"span": None}) == NONE


def test_what_becomes_of_a_mode_is_said_in_words():
    assert (
        changes(11924.7, 1.2621) == "fades: 37 % is left after 11.9\u00a0s; turns once in 0.792 s"
    )
    assert changes(-500.0) == "grows: 2.7 times as large after 0.5\u00a0s"
    assert changes(None) == "stays as it is for minutes"


def test_one_is_one():
    assert (counted(1, "point"), counted(2_000, "point")) == ("1 point", "2,000 points")
