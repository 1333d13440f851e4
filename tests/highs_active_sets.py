"""The fixed points of rectified networks by HiGHS: a plain branch and bound over active sets.

It shares nothing with the package's own enumeration, neither code nor solver. No rounding is
counted in: what HiGHS calls infeasible is taken to be empty.
"""

import time
from typing import NamedTuple

import highspy
import numpy as np

ACTIVE, SILENT = 1, -1

_ONE = 1e-6  # of a state: how near two on a kink are one
_BELOW = 1e-7  # of the drive: how far below 0 HiGHS lets a variable be


class HighsTree(NamedTuple):
    """The fixed points (n, N), whether the tree was gone through, its nodes, and its doubts.

    `doubts` counts the programmes that HiGHS gave no answer to at first, and that were solved again
    from scratch.
    """

    points: np.ndarray
    complete: bool
    nodes: int
    doubts: int


def highs_fixed_points(W: np.ndarray, u: np.ndarray, time_limit: float = np.inf) -> HighsTree:
    """Find all h = relu(h W + u) by branch and bound, one linear programme a node.

    Parameters
    ----------
    W : numpy.ndarray, shape (N, N)
    u : numpy.ndarray, shape (N,)
    time_limit : float
        Seconds after which the rest of the tree is left open (s).
    """
    W, n = np.asarray(W, np.float64), len(u)
    size = float(np.abs(u).max()) or 1.0
    drive = np.asarray(u, np.float64) / size
    programme = _Programme(W, drive)
    end = time.perf_counter() + time_limit
    points: list[np.ndarray] = []
    waiting, nodes = [np.zeros(n, np.int8)], 0
    while waiting and time.perf_counter() < end:
        signs = waiting.pop()
        nodes += 1
        found = programme.solve(signs)
        if found is None:
            continue
        undecided = np.flatnonzero(signs == 0)
        if not len(undecided):
            points += _point(W, drive, signs == ACTIVE, points)
            continue
        h, w = found[:, undecided]
        unit = _most_contradictory(h, w)
        nearer = ACTIVE if h[unit] >= w[unit] else SILENT
        for sign in (-nearer, nearer):
            child = signs.copy()
            child[undecided[unit]] = sign
            waiting.append(child)
    return HighsTree(np.array(points).reshape(-1, n) * size, not waiting, nodes, programme.doubts)


class _Programme:
    """h >= 0, w = h - h W - u >= 0, with w = 0 for active units and h = 0 for silent ones."""

    def __init__(self, W: np.ndarray, u: np.ndarray):
        n = len(u)
        self._solver = highspy.Highs()
        self._solver.silent()
        self._solver.setOptionValue("threads", 1)
        self._solver.setOptionValue("presolve", "off")
        self._solver.setOptionValue("solver", "simplex")
        self._solver.setOptionValue("simplex_strategy", 1)  # dual: it goes on from any node
        lp = highspy.HighsLp()
        lp.num_col_, lp.num_row_ = 2 * n, n
        lp.col_cost_ = np.ones(2 * n)
        lp.col_lower_, lp.col_upper_ = np.zeros(2 * n), np.full(2 * n, np.inf)
        lp.row_lower_ = lp.row_upper_ = u
        rows = np.hstack([np.eye(n) - W.T, -np.eye(n)])
        lp.a_matrix_.format_ = highspy.MatrixFormat.kRowwise
        lp.a_matrix_.start_ = np.arange(n + 1) * 2 * n
        lp.a_matrix_.index_ = np.tile(np.arange(2 * n), n)
        lp.a_matrix_.value_ = rows.ravel()
        self._solver.passModel(lp)
        self._signs = np.zeros(n, np.int8)
        self.doubts = 0

    def solve(self, signs: np.ndarray) -> np.ndarray | None:
        """Return h and w (2, N) with least sum; None where there are none."""
        n = len(signs)
        for i in np.flatnonzero(signs != self._signs).tolist():
            self._solver.changeColBounds(i, 0.0, 0.0 if signs[i] == SILENT else np.inf)
            self._solver.changeColBounds(n + i, 0.0, 0.0 if signs[i] == ACTIVE else np.inf)
        self._signs = signs
        status = highspy.HighsModelStatus
        self._solver.run()
        if self._solver.getModelStatus() not in (status.kOptimal, status.kInfeasible):
            self.doubts += 1
            self._solver.clearSolver()
            self._solver.run()
        if self._solver.getModelStatus() == status.kInfeasible:
            return None
        # Still no answer: what it has may be branched on as well as anything else.
        return np.array(self._solver.getSolution().col_value).reshape(2, n)


def _most_contradictory(h: np.ndarray, w: np.ndarray) -> int:
    """Return the unit whose h and w are both furthest above 0; if none is, the clearest one."""
    both = np.minimum(h, w)
    return int(np.argmax(both if both.max() > _BELOW else np.maximum(h, w)))


def _point(
    W: np.ndarray, u: np.ndarray, active: np.ndarray, known: list[np.ndarray]
) -> list[np.ndarray]:
    """Return the fixed point of a set of active units, if it is one and not known yet."""
    rows = np.flatnonzero(active)
    h = np.zeros(len(u))
    h[rows] = np.linalg.solve(np.eye(len(rows)) - W[np.ix_(rows, rows)].T, u[rows])
    scale = 1 + np.abs(h).max()
    image = np.maximum(h @ W + u, 0)
    if np.abs(image - h).max() > 10 * _BELOW * scale:
        return []
    return [] if any(np.abs(h - other).max() < _ONE * scale for other in known) else [h]
