"""The steps of Newton's search on a rectified network, from which units are active.

The map is affine on each set of active units, with a Jacobian that is a few rows of the weights.
So nothing is differentiated, systems are as large as the active set, what a set needs is computed
once for all states in it, and nothing has to be compiled.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

import numpy as np

from yang_rnn.dynamics import levenberg_marquardt
from yang_rnn.dynamics.levenberg_marquardt import Descent
from yang_rnn.dynamics.rectified import Rectified
from yang_rnn.dynamics.steps import SINGULAR, FullSteps

_KEPT = 2**23
"""Numbers (float64) kept of active sets that were met: 64 MB."""


class _Lapack(NamedTuple):
    """Linear algebra without the checks that would take longer than itself."""

    getrf: Callable[..., Any]
    getrs: Callable[..., Any]
    posv: Callable[..., Any]


class _Squares(NamedTuple):
    """What damped steps take from an active set A of k units, with V = W^T - I.

    Attributes
    ----------
    rows : array of shape (k, N)
        V[A].
    active, silent : arrays of shape (k, k)
        V[A, A] V[A, A]^T, and the same of the columns of silent units.
    """

    rows: np.ndarray
    active: np.ndarray
    silent: np.ndarray


class ActiveSetSteps:
    """Steps of a rectified network's map at a constant input; see `steps.Steps`.

    With s = 1 for a leak inside the relu and alpha outside, the Jacobian of F(h) - h has the rows
    alpha V[A] for the active units A and -s I for the silent ones, where V = W^T - I.

    Parameters
    ----------
    weights : Rectified
    x : array of shape (channel,)
        The input.
    """

    def __init__(self, weights: Rectified, x: np.ndarray):
        from scipy.linalg import get_lapack_funcs

        self._lapack = _Lapack(*get_lapack_funcs(_Lapack._fields, dtype=np.float64))
        self._alpha, self._inside = float(weights.alpha), weights.leak == "inside"
        self._silent = 1.0 if self._inside else self._alpha
        self._recurrent = weights.w_rr.astype(np.float64)
        self._drive = x @ weights.w_ir.astype(np.float64) + weights.b_rr.astype(np.float64)
        self._rows = self._recurrent.T - np.eye(len(self._drive))
        self._gram = self._rows @ self._rows.T
        self._factors: dict[bytes, tuple[np.ndarray, np.ndarray]] = {}
        self._squares: dict[bytes, _Squares] = {}

    def full(self, states: np.ndarray, fraction: float | np.ndarray = 1.0) -> FullSteps:
        """See `steps.Steps`."""
        active, residual, q = self._at(states)
        change = np.where(active, 0.0, residual / self._silent)
        trusted = np.ones(len(states), bool)
        with np.errstate(all="ignore"):
            for key, on, rows in _by_set(active):
                if not len(on):
                    continue
                lu, pivots = self._factor(key, on)
                sizes = np.abs(np.diagonal(lu))
                trusted[rows] = sizes.min() > SINGULAR * sizes.max()
                # V[A, A] d = -(F(h) - h)[A] / alpha - V[A, S] d[S]
                right = -residual[rows[:, None], on] / self._alpha - change[rows] @ self._rows[on].T
                change[rows[:, None], on] = self._lapack.getrs(lu, pivots, right.T)[0].T
        return FullSteps(states + np.reshape(fraction, (-1, 1)) * change, q, trusted)

    def begin(self, states: np.ndarray, unit: float) -> Descent:
        """See `steps.Steps`."""
        q = self._at(states)[2]
        one = np.ones(len(states))
        return Descent(states, q, 1e-2 * one, 2 * one, one < 0, 0 * one, unit * one)

    def damped(self, at: Descent) -> Descent:
        """See `steps.Steps`."""
        active, residual, q = self._at(at.state)
        shift = at.damping * (2.0 * q / at.unit**2)
        change, linear = np.empty_like(residual), np.empty_like(residual)
        alpha, s = self._alpha, self._silent
        with np.errstate(all="ignore"):
            for key, on, rows in _by_set(active):
                squares = self._square(key, on)
                silent = residual.shape[1] - len(on)
                trace = alpha**2 * self._gram[on, on].sum() + s**2 * silent
                for row in rows:
                    # (M M^T + shift) y = -r and d = M^T y, the silent units eliminated.
                    damping = shift[row] + 1e-15 * trace
                    below = s**2 + damping
                    r = residual[row]
                    off = np.where(active[row], 0.0, r)
                    matrix = alpha**2 * (squares.active + damping / below * squares.silent)
                    matrix.flat[:: len(on) + 1] += damping
                    right = -r[on] - alpha * s / below * (squares.rows @ off)
                    y = self._solved(matrix, right) if len(on) else right
                    back = alpha * (y @ squares.rows)
                    d = np.where(active[row], back, back + s * (off - s * back) / below)
                    change[row] = d
                    linear[row] = np.where(active[row], r, r - s * d)
                    linear[row, on] += alpha * (squares.rows @ d)
        after = self._at(at.state + change)[2]
        predicted = q - _half_square(linear)
        return levenberg_marquardt.judged(at, change, after, predicted, np)

    def pieces(self, states: np.ndarray) -> np.ndarray:
        """See `steps.Steps`."""
        return np.unique(self._at(states)[0], axis=0, return_inverse=True)[1].reshape(-1)

    def _at(self, states: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Return which units are active, F(h) - h (n, N) and the speeds (n,)."""
        with np.errstate(over="ignore", invalid="ignore"):
            drive = states @ self._recurrent + self._drive
            if self._inside:
                before = (1.0 - self._alpha) * states + self._alpha * drive
                residual = np.maximum(before, 0.0) - states
            else:
                before = drive
                residual = self._alpha * (np.maximum(before, 0.0) - states)
            return before > 0, residual, _half_square(residual)

    def _factor(self, key: bytes, on: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        if key not in self._factors:
            self._make_room(self._factors)
            lu, pivots, _ = self._lapack.getrf(self._rows[on[:, None], on])
            self._factors[key] = lu, pivots
        return self._factors[key]

    def _square(self, key: bytes, on: np.ndarray) -> _Squares:
        if key not in self._squares:
            self._make_room(self._squares)
            rows = self._rows[on]
            active = rows[:, on] @ rows[:, on].T
            self._squares[key] = _Squares(rows, active, self._gram[on[:, None], on] - active)
        return self._squares[key]

    def _solved(self, matrix: np.ndarray, right: np.ndarray) -> np.ndarray:
        """Solve a positive definite system; NaN where rounding has made it another."""
        _, solution, failed = self._lapack.posv(matrix, right)
        return solution if not failed else np.full_like(solution, np.nan)

    def _make_room(self, kept: dict) -> None:
        if len(kept) * self._gram.size > _KEPT:
            kept.clear()


def _by_set(active: np.ndarray) -> Iterator[tuple[bytes, np.ndarray, np.ndarray]]:
    """Yield each set of active units once: as a key, its units, the states (rows) that have it."""
    packed = np.packbits(active, axis=1)
    groups: dict[bytes, list[int]] = {}
    for row, key in enumerate(packed):
        groups.setdefault(key.tobytes(), []).append(row)
    for key, rows in groups.items():
        yield key, np.flatnonzero(active[rows[0]]), np.array(rows)


def _half_square(residual: np.ndarray) -> np.ndarray:
    with np.errstate(over="ignore", invalid="ignore"):
        return 0.5 * np.einsum("ni,ni->n", residual, residual)
