"""What solutions a complementarity problem has whose active units are given."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from fractions import Fraction
from itertools import combinations
from math import comb
from typing import Literal, NamedTuple

import numpy as np

from yang_rnn.dynamics.enumeration.rational import OutOfTime, solve_exactly

Exact = Callable[[], tuple[list[list[Fraction]], list[Fraction]]]
"""M and q as they are, without rounding; called where rounding can't decide."""

MOST_CORNERS = 20_000
"""Sets of units that may be tried for the corners of a continuum."""

_CLEAR = 1e3
"""Errors of rounding, by the condition of the equations, from which on a sign is clear."""

_ONE = 1e-9
"""Of a solution: how near two on a kink are one."""


@dataclass(frozen=True, eq=False)
class Solution:
    """One solution: z, and whether a unit is at its kink, z_i = w_i = 0."""

    z: np.ndarray
    kinks: np.ndarray


@dataclass(frozen=True, eq=False, repr=False)
class Continuum:
    """States of one set of active units that are fixed points, all of them.

    Attributes
    ----------
    active : numpy.ndarray, shape (N,), bool
    dimension : int
    ends : numpy.ndarray, shape (n, N), float64
        Of a line its ends, of more dimensions its corners; those at a finite distance.
    directions : numpy.ndarray, shape (dimension, N), float64
        Orthogonal unit vectors along it.
    bounded : bool or None
        Whether it goes nowhere to infinity. None where corners are too many to be computed: then
        there are no ends here, and the dimension is the largest that it may have.
    """

    active: np.ndarray
    dimension: int
    ends: np.ndarray
    directions: np.ndarray
    bounded: bool | None

    def __repr__(self) -> str:
        """Say how large it is."""
        what = {1: "a line"}.get(self.dimension, f"{self.dimension} dimensions")
        far = ", to infinity" if self.bounded is False else ""
        return f"Continuum({what} of fixed points, {int(self.active.sum())} units active{far})"


class _Parts(NamedTuple):
    """The problem, cut by which units are active."""

    M: np.ndarray
    q: np.ndarray
    exact: Exact
    active: np.ndarray
    until: float


class Solved(NamedTuple):
    """What several active sets have: solutions, continua, and how many sets time left out."""

    points: list[Solution]
    continua: list[Continuum]
    left: int


def solve_active_set(
    M: np.ndarray, q: np.ndarray, exact: Exact, active: np.ndarray, until: float = np.inf
) -> Solution | Continuum | None:
    """Return what solutions have w = 0 where units are active, and z = 0 elsewhere.

    Parameters
    ----------
    M : numpy.ndarray, shape (n, n)
    q : numpy.ndarray, shape (n,)
    exact : callable
        Gives M and q as fractions.
    active : numpy.ndarray, shape (n,), bool
    until : float
        When to give up, by `time.monotonic` (s).

    Raises
    ------
    OutOfTime
        If it is later, and only fractions can tell.
    """
    parts = _Parts(M, q, exact, active, until)
    found = _solve_by_rounding(parts)
    return _solve_in_fractions(parts) if found == "unclear" else found


def solve_active_sets(
    M: np.ndarray, q: np.ndarray, exact: Exact, decided: np.ndarray, until: float = np.inf
) -> Solved:
    """Return the solutions of several sets of active units, each once, and the continua.

    Parameters
    ----------
    M, q, exact
        As `solve_active_set` takes them.
    decided : numpy.ndarray, shape (sets, n), int8
        1 where a unit is active.
    until : float
        When to stop, by `time.monotonic` (s). Sets that need fractions then are left out.

    Returns
    -------
    Solved
    """
    points: list[Solution] = []
    continua: list[Continuum] = []
    unclear: list[_Parts] = []
    left = len(decided)
    for signs in decided:
        if time.monotonic() > until:
            break
        left -= 1
        parts = _Parts(M, q, exact, signs == 1, until)
        found = _solve_by_rounding(parts)
        if isinstance(found, Solution):
            points.append(found)
        elif found == "unclear":
            unclear.append(parts)
    for k, parts in enumerate(unclear):
        try:
            found = _solve_in_fractions(parts)
        except OutOfTime:
            left += len(unclear) - k
            break
        if isinstance(found, Continuum):
            continua.append(found)
        elif found is not None and not any(are_one(found, point) for point in points):
            points.append(found)
    points = [point for point in points if not any(_is_on(M, q, point, c) for c in continua)]
    return Solved(in_order(points), continua, left)


def in_order(points: list[Solution]) -> list[Solution]:
    """Return them by the number of active units, then by their values."""
    return sorted(points, key=lambda point: (int((point.z > 0).sum()), *point.z))


def are_one(a: Solution, b: Solution) -> bool:
    """Tell whether two solutions are one point, which two sets of active units share at a kink."""
    if not (a.kinks.any() and b.kinks.any()):
        return False
    return bool(np.abs(a.z - b.z).max() <= _ONE * np.abs(a.z).max(initial=1e-300))


def _is_on(M: np.ndarray, q: np.ndarray, point: Solution, continuum: Continuum) -> bool:
    """Tell whether a point is the end of a continuum."""
    if not point.kinks.any():
        return False
    w = q + M @ point.z
    size = _ONE * max(np.abs(point.z).max(), np.abs(q).max())
    there = continuum.active
    return bool((point.z[~there] <= size).all() and (np.abs(w[there]) <= size).all())


def _solve_by_rounding(parts: _Parts) -> Solution | Literal["unclear"] | None:
    """Return the solution, None where there is none, "unclear" where only fractions can tell."""
    M, q, _, active, _ = parts
    z, error = _solve(parts)
    if z is not None:
        w = np.where(active, 0.0, q + M @ z)
        values = np.where(active, z, w)
        if (values > error).all():
            return Solution(z, np.zeros(len(q), bool))
        if (values < -error).any():
            return None
    return "unclear"


def _solve(parts: _Parts) -> tuple[np.ndarray | None, np.ndarray | float]:
    """Solve in float64; None if the equations may be singular. With it what is no clear sign."""
    M, q, _, active, _ = parts
    rows = np.flatnonzero(active)
    z = np.zeros(len(q))
    if not len(rows):
        return z, _CLEAR * 2.0**-52 * np.abs(q)
    block = M[np.ix_(rows, rows)]
    try:
        inverse = np.linalg.inv(block)
    except np.linalg.LinAlgError:
        return None, 0.0
    size = np.abs(block).sum(axis=1).max() * np.abs(inverse).sum(axis=1).max()
    if not size * 2.0**-52 * _CLEAR < 1:
        return None, 0.0
    z[rows] = inverse @ -q[rows]
    z[rows] -= inverse @ (block @ z[rows] + q[rows])
    doubt = np.zeros(len(q))
    residual = 2.0**-52 * len(rows) * (np.abs(block) @ np.abs(z[rows]) + np.abs(q[rows]))
    doubt[rows] = np.abs(inverse) @ residual
    others = ~active
    doubt[others] = np.abs(M[others]) @ doubt + 2.0**-52 * len(q) * (
        np.abs(M[others]) @ np.abs(z) + np.abs(q[others])
    )
    return z, _CLEAR / len(q) * doubt + 1e-300


def _solve_in_fractions(parts: _Parts) -> Solution | Continuum | None:
    M, q = parts.exact()
    active = parts.active
    rows = np.flatnonzero(active).tolist()
    found = solve_exactly(
        [[M[i][j] for j in rows] for i in rows], [-q[i] for i in rows], parts.until
    )
    if found.particular is None:
        return None
    # Each of `values` is to be 0 or more: constant + coefficients . t over the null vectors.
    values = []
    for i in range(len(q)):
        if active[i]:
            k = rows.index(i)
            values.append((found.particular[k], [vector[k] for vector in found.null]))
        else:
            row = [M[i][j] for j in rows]
            constant = q[i] + _dot(row, found.particular)
            values.append((constant, [_dot(row, vector) for vector in found.null]))
    if len(found.null) == 0:
        return _one(parts, [constant for constant, _ in values], rows, found.particular)
    return _several(parts, values, rows, found.particular, found.null)


def _one(
    parts: _Parts, values: list[Fraction], rows: list[int], solution: list[Fraction]
) -> Solution | None:
    if any(value < 0 for value in values):
        return None
    return Solution(_state(parts, rows, solution), np.array([value == 0 for value in values]))


def _several(
    parts: _Parts,
    values: list[tuple[Fraction, list[Fraction]]],
    rows: list[int],
    solution: list[Fraction],
    null: list[list[Fraction]],
) -> Solution | Continuum | None:
    """Solve where equations leave directions free: all t with constant + coefficients . t >= 0.

    No line fits into z >= 0, so what is not empty has a corner, where as many values are 0 as there
    are directions.
    """
    free = len(null)
    directions = np.array([_state(parts, rows, vector) for vector in null])
    directions = np.linalg.qr(directions.T)[0].T
    if comb(len(values), free) > MOST_CORNERS:
        if not _is_feasible(values):
            return None
        return Continuum(parts.active, free, np.empty((0, len(parts.q))), directions, None)
    corners = _corners(values, free, parts.until)
    if not corners:
        return None
    rays = _rays(values, free, parts.until)
    first = corners[0]
    spread = [[a - b for a, b in zip(corner, first, strict=True)] for corner in corners[1:]] + rays
    states = [
        [
            z + sum((t * vector[k] for t, vector in zip(corner, null, strict=True)), Fraction(0))
            for k, z in enumerate(solution)
        ]
        for corner in corners
    ]
    if not spread:
        kinks = [constant + _dot(slopes, first) == 0 for constant, slopes in values]
        return Solution(_state(parts, rows, states[0]), np.array(kinks))
    dimension = free - len(solve_exactly(spread, [Fraction(0)] * len(spread)).null)
    along = np.array(
        [
            _state(parts, rows, [_dot(vector, [v[k] for v in null]) for k in range(len(rows))])
            for vector in spread
        ]
    )
    return Continuum(
        parts.active,
        dimension,
        np.array([_state(parts, rows, state) for state in states]),
        np.linalg.svd(along, full_matrices=False)[2][:dimension],
        not rays,
    )


def _corners(
    values: list[tuple[Fraction, list[Fraction]]], free: int, until: float
) -> list[list[Fraction]]:
    """Return all t at which as many values are 0 as there are directions, and none is below."""
    out: list[list[Fraction]] = []
    for tight in combinations(values, free):
        found = solve_exactly(
            [slopes for _, slopes in tight], [-constant for constant, _ in tight], until
        )
        t = found.particular
        if t is None or found.null or t in out:
            continue
        if all(constant + _dot(slopes, t) >= 0 for constant, slopes in values):
            out.append(t)
    return out


def _rays(
    values: list[tuple[Fraction, list[Fraction]]], free: int, until: float
) -> list[list[Fraction]]:
    """Return the directions of edges along which no value falls."""
    out: list[list[Fraction]] = []
    for tight in combinations(values, free - 1):
        rows = [slopes for _, slopes in tight] or [[Fraction(0)] * free]
        null = solve_exactly(rows, [Fraction(0)] * len(rows), until).null
        for sign in (1, -1) if len(null) == 1 else ():
            ray = [sign * t for t in null[0]]
            if ray not in out and all(_dot(slopes, ray) >= 0 for _, slopes in values):
                out.append(ray)
    return out


def _is_feasible(values: list[tuple[Fraction, list[Fraction]]]) -> bool:
    from scipy.optimize import linprog

    slopes = np.array([[float(slope) for slope in several] for _, several in values])
    constants = np.array([float(constant) for constant, _ in values])
    zero = np.zeros(slopes.shape[1])
    return linprog(zero, A_ub=-slopes, b_ub=constants, bounds=(None, None)).status == 0


def _dot(a: list[Fraction], b: list[Fraction]) -> Fraction:
    return sum((x * y for x, y in zip(a, b, strict=True)), Fraction(0))


def _state(parts: _Parts, rows: list[int], solution: list[Fraction]) -> np.ndarray:
    z = np.zeros(len(parts.q))
    z[rows] = [float(value) for value in solution]
    return z
