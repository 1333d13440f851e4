"""Some solutions of a complementarity problem, by chance: where its tree is too large.

With v = z - w, z = max(v, 0) and v = (1 - M) max(v, 0) - q, an equation that is linear where the
signs of v are given. Newton's method solves it for the signs that it has, takes those of the
solution, and so on (Aganagic 1984, Mathematical Programming 28:349). For cycles this is the search
of SCYFI (Eisenmann, Monfared, Goering & Durstewitz 2023, Advances in Neural Information Processing
Systems 36). It starts from signs drawn at random, and from those of trajectories. Lemke's pivoting
from many covering vectors finds others. Nothing says that all solutions are found.
"""

from __future__ import annotations

import time
from collections.abc import Iterator

import numpy as np

from yang_rnn.dynamics.enumeration.lemke import active_sets_by_lemke
from yang_rnn.dynamics.enumeration.pivoting import compiled

STARTS = 1000
"""Signs that Newton's method starts from."""

_MOST_STEPS = 60
_NEWTON = 0.6  # of the time
_SWEEPS = 40  # around the cycle, at most, of a trajectory before its signs are taken
_FAR = 1e100  # a trajectory that is beyond it goes nowhere


def sampled_active_sets(
    M: np.ndarray,
    q: np.ndarray,
    known: np.ndarray,
    period: int,
    *,
    until: float = np.inf,
    starts: int = STARTS,
    seed: int = 0,
) -> np.ndarray:
    """Return active sets that a complementarity problem of cycles seems to have solutions with.

    Parameters
    ----------
    M : numpy.ndarray, shape (n, n), float64
    q : numpy.ndarray, shape (n,), float64
    known : numpy.ndarray, shape (sets, n), bool
        Active sets of solutions, from which Lemke's paths begin too.
    period : int
        Phases that the n outputs are of, each of n / period units.
    until : float
        When to stop, by `time.monotonic` (s).
    starts : int
        Signs that Newton's method starts from.
    seed : int
        What is drawn by chance is drawn by it. Answers are the same, unless time stops them.

    Returns
    -------
    numpy.ndarray, shape (sets, n), bool
        Without those known. They are solutions up to rounding.
    """
    begin = time.monotonic()
    until_newton = begin + _NEWTON * (until - begin)
    found = {active.tobytes(): active for active in known}
    for start in _signs(M, q, period, starts, seed):
        if time.monotonic() > until_newton:
            break
        active = newton_on_active_sets(M, q, start)
        if active is not None:
            found.setdefault(active.tobytes(), active)
    by_newton = np.array(list(found.values())[len(known) :], bool).reshape(-1, len(q))
    all_known = np.concatenate([known, by_newton])
    return np.concatenate([by_newton, active_sets_by_lemke(M, q, all_known, until=until)])


def newton_on_active_sets(M: np.ndarray, q: np.ndarray, active: np.ndarray) -> np.ndarray | None:
    """Go from active set to active set, each that of the last one's solution, until one stays.

    Parameters
    ----------
    M : numpy.ndarray, shape (n, n), float64
    q : numpy.ndarray, shape (n,), float64
    active : numpy.ndarray, shape (n,), bool
        The first.

    Returns
    -------
    numpy.ndarray, shape (n,), bool, or None
        The one that stays; None where they go round, or equations are singular.
    """
    seen: set[bytes] = set()
    for _ in range(_MOST_STEPS):
        seen.add(active.tobytes())
        rows = np.flatnonzero(active)
        try:
            z = np.linalg.solve(M[np.ix_(rows, rows)], -q[rows])
        except np.linalg.LinAlgError:
            return None
        following = -(q + M[:, rows] @ z) > 0
        following[rows] = z > 0
        if (following == active).all():
            return active
        if following.tobytes() in seen:
            return None
        active = following
    return None


def _signs(
    M: np.ndarray, q: np.ndarray, period: int, number: int, seed: int
) -> Iterator[np.ndarray]:
    """Yield random active sets, and in turn with them those of trajectories."""
    random = np.random.default_rng(seed)
    n = len(q)
    size = np.abs(q).max()
    for k in range(number):
        if k % 2:
            yield random.random(n) < random.random()
        else:
            z = size * np.exp(2.0 * random.standard_normal()) * random.exponential(size=n)
            z *= random.random(n) < random.random()
            yield _goes_round(M, q, z, period, int(random.integers(1, _SWEEPS))) > 0


@compiled
def _goes_round(M, q, z, period, sweeps):
    """Put max((1 - M) z - q, 0) for z phase by phase: what follows the phase before, round."""
    n = len(q)
    units = n // period
    drive = np.empty(units)
    for _ in range(sweeps):
        largest = 0.0
        for phase in range(period):
            for i in range(units):
                row = phase * units + i
                total = z[row] - q[row]
                for j in range(n):
                    total -= M[row, j] * z[j]
                drive[i] = total
            for i in range(units):
                z[phase * units + i] = max(drive[i], 0.0)
                largest = max(largest, drive[i])
        if not largest < _FAR:
            break
    return z
