"""Linear equations in exact arithmetic, for what rounding can't decide."""

from __future__ import annotations

import time
from collections.abc import Sequence
from fractions import Fraction
from math import inf, lcm
from typing import NamedTuple

import numpy as np

from yang_rnn.dynamics.rectified import Rectified


class OutOfTime(Exception):
    """Time was over before fractions had decided."""


class ExactSolution(NamedTuple):
    """All x with A x = b: `particular` and any combination of the rows of `null`.

    Attributes
    ----------
    particular : list of Fraction, or None
        A solution; None if there is none.
    null : list of lists of Fraction
        A basis of what A takes to 0.
    """

    particular: list[Fraction] | None
    null: list[list[Fraction]]


def solve_exactly(
    A: Sequence[Sequence[Fraction]], b: Sequence[Fraction], until: float = inf
) -> ExactSolution:
    """Solve A x = b by elimination without fractions (Bareiss 1968, Math. Comp. 22:565).

    Parameters
    ----------
    A : sequence of rows of Fraction
    b : sequence of Fraction
    until : float
        When to give up, by `time.monotonic` (s).

    Raises
    ------
    OutOfTime
        If it is later.
    """
    columns = len(A[0]) if A else 0
    rows = [_as_integers([*row, right]) for row, right in zip(A, b, strict=True)]
    pivots: list[int] = []
    before = 1
    for column in range(columns):
        done = len(pivots)
        # The shortest pivot keeps the numbers short.
        chosen = min(
            (row for row in range(done, len(rows)) if rows[row][column]),
            key=lambda row: rows[row][column].bit_length(),
            default=None,
        )
        if chosen is None:
            continue
        rows[done], rows[chosen] = rows[chosen], rows[done]
        pivot_row, pivot = rows[done], rows[done][column]
        for k, row in enumerate(rows):
            if time.monotonic() > until:
                raise OutOfTime
            if k != done:
                factor = row[column]
                rows[k] = [
                    (pivot * a - factor * p) // before for a, p in zip(row, pivot_row, strict=True)
                ]
        before = pivot
        pivots.append(column)
    consistent = not any(row[-1] for row in rows[len(pivots) :])
    particular = [Fraction(0)] * columns
    for row, column in zip(rows, pivots, strict=False):
        particular[column] = Fraction(row[-1], row[column])
    null = []
    for free in sorted(set(range(columns)) - set(pivots)):
        vector = [Fraction(0)] * columns
        vector[free] = Fraction(1)
        for row, column in zip(rows, pivots, strict=False):
            vector[column] = Fraction(-row[free], row[column])
        null.append(vector)
    return ExactSolution(particular if consistent else None, null)


def exact_drive(weights: Rectified, x: np.ndarray) -> list[Fraction]:
    """Return x W_ir + b_rr as it is, without rounding."""
    return [
        sum((Fraction(float(a)) * Fraction(float(b)) for a, b in zip(x, column, strict=True)),
            Fraction(float(bias)))
        for column, bias in zip(weights.w_ir.T, weights.b_rr, strict=True)
    ]  # fmt: skip


def power_of_two(size: float) -> float:
    """Return the power of two nearest to a size, by which dividing does not round; 1 for 0."""
    return float(2.0 ** np.round(np.log2(size))) if size > 0 else 1.0


def _as_integers(row: list[Fraction]) -> list[int]:
    denominator = lcm(*(value.denominator for value in row))
    return [int(value * denominator) for value in row]
