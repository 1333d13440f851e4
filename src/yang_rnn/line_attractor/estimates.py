"""Numbers with their standard errors."""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np

NOTHING = 1e-9
"""A vector whose length is so small a share of another's has no direction."""


class Estimate(NamedTuple):
    """A number and its standard error.

    Attributes
    ----------
    value : float
        NaN where it is not defined.
    error : float
        Its standard error.
    """

    value: float
    error: float

    @property
    def interval(self) -> tuple[float, float]:
        """The 95 % confidence interval, of a normal distribution."""
        return self.value - 1.96 * self.error, self.value + 1.96 * self.error

    def __str__(self) -> str:
        """Give the number to the digits that its error leaves."""
        if not math.isfinite(self.value):
            return "undefined" if math.isnan(self.value) else f"{self.value}"
        digits = 2 if not self.error > 0 else min(4, max(2, 1 - math.floor(math.log10(self.error))))
        return f"{self.value:.{digits}f} ± {self.error:.{digits}f}"


def share_of(values: np.ndarray) -> Estimate:
    """Return the share of true values with its binomial error; NaN where there is none.

    The error is that of two more of each kind, so that few values that are all the same have one.

    References
    ----------
    Agresti & Coull (1998), The American Statistician 52:119-126.
    """
    if not len(values):
        return Estimate(math.nan, math.nan)
    number = len(values) + 4
    nearly = (values.sum() + 2) / number
    return Estimate(float(values.mean()), float(math.sqrt(nearly * (1 - nearly) / number)))


def median_of(values: np.ndarray) -> Estimate:
    """Return a median with the error that the ranks of its interval give."""
    if not np.isfinite(values).all():
        return Estimate(math.inf, math.nan)
    low, high = np.quantile(values, 0.5 + np.array([-1, 1]) * 0.5 / math.sqrt(len(values)))
    return Estimate(float(np.median(values)), float(high - low) / 2)


def ratio_of(one: np.ndarray, other: np.ndarray) -> Estimate:
    """Return the ratio of two means over pairs, with its error to first order."""
    below = other.mean()
    if len(one) < 2 or not abs(below) > 0:
        return Estimate(math.nan, math.nan)
    ratio = one.mean() / below
    rest = one - ratio * other
    return Estimate(float(ratio), float(rest.std(ddof=1) / abs(below) / math.sqrt(len(one))))


def cosine_of(one: np.ndarray, other: np.ndarray) -> Estimate:
    """Return the cosine between two mean vectors over pairs (pair, N), its error to first order.

    NaN where one of them is nothing beside the other.
    """
    a, b = one.mean(axis=0), other.mean(axis=0)
    sizes = np.linalg.norm(a), np.linalg.norm(b)
    if len(one) < 2 or not min(sizes) > NOTHING * max(sizes):
        return Estimate(math.nan, math.nan)
    a, b = a / sizes[0], b / sizes[1]
    cosine = float(a @ b)
    # What each pair adds to it: the part of its difference that turns one mean to the other.
    lean = one @ (b - cosine * a) / sizes[0] + other @ (a - cosine * b) / sizes[1]
    return Estimate(cosine, float(lean.std(ddof=1) / math.sqrt(len(one))))
