"""What solutions a complementarity problem has whose active units are given."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from fractions import Fraction
from typing import NamedTuple

import numpy as np

from yang_rnn.dynamics.enumeration.rational import solve_exactly

Exact = Callable[[], tuple[list[list[Fraction]], list[Fraction]]]
"""M and q as they are, without rounding; called where rounding can't decide."""

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
        Of a line its ends; of more dimensions, the states where a unit is lowest or highest. Only
        those at a finite distance.
    directions : numpy.ndarray, shape (dimension, N), float64
        Unit vectors along it.
    bounded : bool
        Whether it goes nowhere to infinity.
    """

    active: np.ndarray
    dimension: int
    ends: np.ndarray
    directions: np.ndarray
    bounded: bool

    def __repr__(self) -> str:
        """Say how large it is."""
        what = {1: "a line"}.get(self.dimension, f"{self.dimension} dimensions")
        far = "" if self.bounded else ", to infinity"
        return f"Continuum({what} of fixed points, {int(self.active.sum())} units active{far})"


class _Parts(NamedTuple):
    """The problem, cut by which units are active."""

    M: np.ndarray
    q: np.ndarray
    exact: Exact
    active: np.ndarray


def solve_active_set(
    M: np.ndarray, q: np.ndarray, exact: Exact, active: np.ndarray
) -> Solution | Continuum | None:
    """Return what solutions have w = 0 where units are active, and z = 0 elsewhere.

    Parameters
    ----------
    M : numpy.ndarray, shape (n, n)
    q : numpy.ndarray, shape (n,)
    exact : callable
        Gives M and q as fractions.
    active : numpy.ndarray, shape (n,), bool
    """
    parts = _Parts(M, q, exact, active)
    z, error = _solve(parts)
    if z is not None:
        w = np.where(active, 0.0, q + M @ z)
        values = np.where(active, z, w)
        if (values > error).all():
            return Solution(z, np.zeros(len(q), bool))
        if (values < -error).any():
            return None
    return _solve_in_fractions(parts)


def solve_active_sets(
    M: np.ndarray, q: np.ndarray, exact: Exact, decided: np.ndarray
) -> tuple[list[Solution], list[Continuum]]:
    """Return the solutions of several sets of active units, each once, and the continua.

    Parameters
    ----------
    M, q, exact
        As `solve_active_set` takes them.
    decided : numpy.ndarray, shape (sets, n), int8
        1 where a unit is active.
    """
    points: list[Solution] = []
    continua: list[Continuum] = []
    for signs in decided:
        found = solve_active_set(M, q, exact, signs == 1)
        if isinstance(found, Continuum):
            continua.append(found)
        elif found is not None and not any(are_one(found, point) for point in points):
            points.append(found)
    points = [point for point in points if not any(_is_on(M, q, point, c) for c in continua)]
    points.sort(key=lambda point: (int((point.z > 0).sum()), *point.z))
    return points, continua


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


def _solve(parts: _Parts) -> tuple[np.ndarray | None, np.ndarray | float]:
    """Solve in float64; None if the equations may be singular. With it what is no clear sign."""
    M, q, _, active = parts
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
    found = solve_exactly([[M[i][j] for j in rows] for i in rows], [-q[i] for i in rows])
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
    if len(found.null) == 1:
        return _line(parts, values, rows, found.particular, found.null[0])
    return _more_dimensions(parts, values, rows, found.particular, found.null)


def _one(
    parts: _Parts, values: list[Fraction], rows: list[int], solution: list[Fraction]
) -> Solution | None:
    if any(value < 0 for value in values):
        return None
    return Solution(_state(parts, rows, solution), np.array([value == 0 for value in values]))


def _line(
    parts: _Parts,
    values: list[tuple[Fraction, list[Fraction]]],
    rows: list[int],
    solution: list[Fraction],
    along: list[Fraction],
) -> Solution | Continuum | None:
    lows, highs = [], []
    for constant, (slope,) in values:
        if slope > 0:
            lows.append(-constant / slope)
        elif slope < 0:
            highs.append(-constant / slope)
        elif constant < 0:
            return None
    low, high = max(lows, default=None), min(highs, default=None)
    if low is not None and high is not None and low > high:
        return None
    ends = [t for t in (low, high) if t is not None]
    states = [[z + t * d for z, d in zip(solution, along, strict=True)] for t in ends]
    if low is not None and low == high:
        kinks = np.array([constant + slope * low == 0 for constant, (slope,) in values])
        return Solution(_state(parts, rows, states[0]), kinks)
    direction = _state(parts, rows, along)[None]
    return Continuum(
        parts.active,
        1,
        np.array([_state(parts, rows, state) for state in states]).reshape(-1, len(parts.q)),
        direction / np.linalg.norm(direction),
        len(ends) == 2,
    )


def _more_dimensions(
    parts: _Parts,
    values: list[tuple[Fraction, list[Fraction]]],
    rows: list[int],
    solution: list[Fraction],
    null: list[list[Fraction]],
) -> Solution | Continuum | None:
    from scipy.optimize import linprog

    constants = np.array([float(constant) for constant, _ in values])
    slopes = np.array([[float(slope) for slope in several] for _, several in values])
    size = np.maximum(np.abs(slopes).max(axis=1), 1e-300)
    base = _state(parts, rows, solution)
    span = np.array([_state(parts, rows, vector) for vector in null])
    ends, bounded = [], True
    for unit in rows:
        for sign in (1.0, -1.0):
            end = linprog(
                sign * span[:, unit],
                A_ub=-slopes / size[:, None],
                b_ub=constants / size,
                bounds=(None, None),
            )
            if end.status == 2:
                return None
            if end.status == 0:
                ends.append(base + end.x @ span)
            else:
                bounded = False
    ends = np.array(ends).reshape(-1, len(parts.q))
    directions = np.linalg.qr(span.T)[0].T
    if bounded:
        centred = ends - ends.mean(axis=0)
        _, lengths, axes = np.linalg.svd(centred, full_matrices=False)
        true = int((lengths > 1e-9 * max(1.0, np.abs(ends).max())).sum())
        if true == 0:
            z = ends.mean(axis=0)
            w = parts.q + parts.M @ z
            return Solution(z, np.where(parts.active, z, w) <= 1e-9 * np.abs(z).max(initial=1e-300))
        directions = axes[:true]
    distinct = np.unique(np.round(ends, 12), axis=0) if len(ends) else ends
    return Continuum(parts.active, len(directions), distinct, directions, bounded)


def _dot(a: list[Fraction], b: list[Fraction]) -> Fraction:
    return sum((x * y for x, y in zip(a, b, strict=True)), Fraction(0))


def _state(parts: _Parts, rows: list[int], solution: list[Fraction]) -> np.ndarray:
    z = np.zeros(len(parts.q))
    z[rows] = [float(value) for value in solution]
    return z
