"""Problems with exactly one solution that need no search: their matrix is positive definite.

If x . M x > 0 for all x but 0, then z >= 0, w = q + M z >= 0, z_i w_i = 0 has exactly one solution
for any q (Cottle, Pang & Stone 1992, The Linear Complementarity Problem, section 3.1). So does
T^-1 M T with a diagonal T > 0, the same problem with units of measurement of its own for each unit.
All networks with |h W| < |h| are of this kind.
"""

from __future__ import annotations

import numpy as np
from scipy.linalg import matrix_balance

from yang_rnn.dynamics.enumeration.active_sets import Exact, Solution, solve_active_set
from yang_rnn.dynamics.enumeration.lemke import lemke
from yang_rnn.dynamics.enumeration.pivoting import ACTIVE, SILENT
from yang_rnn.dynamics.enumeration.tree import Tree

ONE_SOLUTION = -5
"""The kind of the leaf, see `Certificate`."""

_CLEAR = 1e-7  # of the largest eigenvalue: a least one that rounding leaves above 0


def one_leaf(M: np.ndarray, q: np.ndarray, exact: Exact, most_bytes: int = 2**30) -> Tree | None:
    """Return a tree of one leaf if that is enough for a proof; None if not.

    Parameters
    ----------
    M : numpy.ndarray, shape (n, n), float64
    q : numpy.ndarray, shape (n,), float64
    exact : callable
        Gives M and q as fractions.
    most_bytes : int
        Memory for what is kept.
    """
    n = len(q)
    with np.errstate(over="ignore", invalid="ignore"):
        others = M - np.diag(np.diagonal(M))
        _, (scale, _) = matrix_balance(others, permute=False, separate=True)  # powers of two
        balanced = M * scale / scale[:, None]
        both = balanced + balanced.T
    if not np.isfinite(both).all():
        return None
    eigenvalues = np.linalg.eigvalsh(both)
    if not eigenvalues[0] > _CLEAR * eigenvalues[-1]:
        return None
    z = lemke(M, q, np.ones(n))
    if z is None or not isinstance(solve_active_set(M, q, exact, z > 0), Solution):
        return None
    kept = scale.nbytes <= most_bytes
    return Tree(
        nodes=np.array([ONE_SOLUTION] if kept else [], np.int32),
        multipliers=np.empty((0, n), np.float32),
        fine=scale[None] if kept else np.empty((0, n)),
        decided=np.where(z > 0, ACTIVE, SILENT).astype(np.int8)[None],
        num_nodes=1,
        closed=1.0,
        complete=True,
        kept=kept,
    )
