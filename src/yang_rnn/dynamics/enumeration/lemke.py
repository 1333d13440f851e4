"""Some solutions of a complementarity problem, fast: Lemke's complementary pivoting.

A covering vector d > 0 and a number z_0 relax the problem to z >= 0, w = q + M z + d z_0 >= 0,
z_i w_i = 0. Its solutions form paths; one comes from infinity, where z = 0, and pivoting follows
it to where z_0 = 0, which is a solution, or to infinity again. A path through z_0 = 0 may be
followed on the other side, from one solution to another (Cottle, Pang & Stone 1992, The Linear
Complementarity Problem, section 4.4). Nothing says that all solutions are found.
"""

from __future__ import annotations

import time

import numpy as np

from yang_rnn.dynamics.enumeration.pivoting import compiled, pivot

STARTS = 20
"""Random covering vectors tried; at each, paths from infinity and from what was found."""

_LEAST = 1e-10  # a coefficient, of the largest in its column, that is pivoted on
_TIE = 1e-10  # a difference, of the ratio itself, that is none
_MOST_PIVOTS = 20  # over the units
_PIVOTS_AT_ONCE = 100  # before the clock is looked at
_RAY, _ENDED = -1, -2
_FROM_FOUND = 20  # paths away from solutions, for each covering vector


def lemke(
    M: np.ndarray,
    q: np.ndarray,
    cover: np.ndarray,
    active: np.ndarray | None = None,
    *,
    until: float = np.inf,
) -> np.ndarray | None:
    """Follow one path to a solution of z >= 0, w = q + M z >= 0, z_i w_i = 0.

    Parameters
    ----------
    M : numpy.ndarray, shape (n, n), float64
    q : numpy.ndarray, shape (n,), float64
    cover : numpy.ndarray, shape (n,), float64
        The covering vector, above 0.
    active : numpy.ndarray, shape (n,), bool, optional
        Where a solution has w = 0: the path that leads away from it. Without it, the one that
        comes from infinity.
    until : float
        When to give up, by `time.monotonic` (s).

    Returns
    -------
    numpy.ndarray, shape (n,), or None
        z; None where the path ends in a ray, or time is over.
    """
    n = len(q)
    start = np.zeros(n, bool) if active is None else active
    dictionary = _dictionary(M, q, cover, start)
    if dictionary is None:
        return None
    table, rows, columns = dictionary
    entering = n  # z_0
    if active is None:
        if (q >= 0).all():
            return np.zeros(n)
        entering = int(np.argmax(-q / cover))
        pivot(table, rows, columns, n + 1, entering, n)
        # w of the unit with least q has gone out where z_0 came in; its z comes in.
    for _ in range(0, _MOST_PIVOTS * n, _PIVOTS_AT_ONCE):
        entering = _follow(table, rows, columns, entering, _PIVOTS_AT_ONCE)
        if entering < 0 or time.monotonic() > until:
            break
    if entering != _ENDED:
        return None
    z = np.zeros(n)
    basic = rows < n
    z[rows[basic]] = np.maximum(table[:n, 0][basic], 0.0)
    return z


def active_sets_by_lemke(
    M: np.ndarray,
    q: np.ndarray,
    known: np.ndarray,
    *,
    starts: int = STARTS,
    seed: int = 0,
    until: float = np.inf,
) -> np.ndarray:
    """Return active sets of solutions that paths lead to, without those known.

    Paths begin at infinity, with a covering vector of ones and random ones, and with each of
    these at every solution found or known.

    Parameters
    ----------
    M : numpy.ndarray, shape (n, n), float64
    q : numpy.ndarray, shape (n,), float64
    known : numpy.ndarray, shape (sets, n), bool
    starts : int
        Random covering vectors.
    seed : int
        What these are drawn by.
    until : float
        When to stop, by `time.monotonic` (s).

    Returns
    -------
    numpy.ndarray, shape (sets, n), bool
    """
    n = len(q)
    random = np.random.default_rng(seed)
    covers = [np.ones(n), *np.exp(random.standard_normal((starts, n)))]
    found = {active.tobytes(): active for active in known}
    for cover in covers:
        begins = [None, *found.values()]
        for begin in begins[: 1 + _FROM_FOUND]:
            if time.monotonic() > until:
                break
            z = lemke(M, q, cover, begin, until=until)
            if z is not None:
                active = z > 0
                found.setdefault(active.tobytes(), active)
    return np.array(list(found.values())[len(known) :], bool).reshape(-1, n)


def _dictionary(
    M: np.ndarray, q: np.ndarray, cover: np.ndarray, active: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray] | None:
    """Write z of active units and w of others as functions of the rest; None if they are not.

    Variables are z_i = i, w_i = n + i and z_0 = 2 n.
    """
    n = len(q)
    units = np.arange(n)
    on, off = np.flatnonzero(active), np.flatnonzero(~active)
    table = np.zeros((n + 1, n + 2))
    right = np.column_stack([q, M, cover])  # of what z of active units is not yet put in
    if len(on):
        try:
            inverse = np.linalg.inv(M[np.ix_(on, on)])
        except np.linalg.LinAlgError:
            return None
        table[on] = -inverse @ right[on]
        table[np.ix_(on, 1 + on)] = inverse
        right[:, 1 + on] = 0.0
    table[off] = right[off] + M[np.ix_(off, on)] @ table[on]
    rows = np.where(active, units, n + units)
    columns = np.append(np.where(active, n + units, units), 2 * n)
    table[:n, 0] = np.maximum(table[:n, 0], 0.0) if len(on) else table[:n, 0]
    return table, rows, columns


@compiled
def _follow(table, rows, columns, entering, most_pivots):
    """Pivot from complementary to complementary until z_0 is out, or so many times.

    Return the column that enters next; `_ENDED` where z_0 is out, `_RAY` where none leaves.
    """
    n = len(rows)
    for _ in range(most_pivots):
        c = entering + 1
        largest = 0.0
        for i in range(n):
            largest = max(largest, abs(table[i, c]))
        row, least, steepest = -1, np.inf, 0.0
        for i in range(n):
            fall = -table[i, c]
            if fall <= _LEAST * largest:
                continue
            ratio = max(table[i, 0], 0.0) / fall
            near = _TIE * max(abs(ratio), 1e-300)
            if ratio < least - near or (
                ratio <= least + near and (rows[i] == 2 * n or fall > steepest)
            ):
                row, least = i, min(ratio, least)
                steepest = np.inf if rows[i] == 2 * n else fall
        if row < 0:
            return _RAY
        leaving = rows[row]
        pivot(table, rows, columns, n + 1, row, entering)
        if leaving == 2 * n:
            return _ENDED
        partner = leaving + n if leaving < n else leaving - n
        for j in range(n + 1):
            if columns[j] == partner:
                entering = j
    return entering
