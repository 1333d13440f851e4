"""Linear equations in exact arithmetic, for what rounding can't decide."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from math import lcm
from typing import NamedTuple


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


def solve_exactly(A: Sequence[Sequence[Fraction]], b: Sequence[Fraction]) -> ExactSolution:
    """Solve A x = b by elimination without fractions (Bareiss 1968, Math. Comp. 22:565).

    Parameters
    ----------
    A : sequence of rows of Fraction
    b : sequence of Fraction
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


def _as_integers(row: list[Fraction]) -> list[int]:
    denominator = lcm(*(value.denominator for value in row))
    return [int(value * denominator) for value in row]
