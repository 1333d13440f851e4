"""What every search for fixed points takes and returns."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple, Protocol

import numpy as np
from jax.tree_util import Partial

OnProgress = Callable[[int, int, float], None]
"""Called as ``on_progress(done, total, mean_square)`` while a search runs."""


class SearchEnd(NamedTuple):
    """Where a search ended, start by start.

    Attributes
    ----------
    state : numpy.ndarray, shape (n, N), float64
        The end points.
    iterations : numpy.ndarray, shape (n,), int
        Updates made to each.
    reason : numpy.ndarray, shape (n,), str
        Why each stopped: ``converged``, ``stalled``, ``limit``, ``non-finite`` or, for a descent
        that stops all points together, ``mean below tolerance``.
    trace : numpy.ndarray, shape (steps,), float32
        Mean square over the states before each update, for searches that move them together; empty
        for others.
    """

    state: np.ndarray
    iterations: np.ndarray
    reason: np.ndarray
    trace: np.ndarray


class Solver(Protocol):
    """A way to search, with its settings."""

    @property
    def name(self) -> str:
        """What the record of the points calls it."""
        ...

    def search(
        self,
        F: Partial,
        starts: np.ndarray,
        fixed_speed: float,
        on_progress: OnProgress | None = None,
    ) -> SearchEnd:
        """Search from finite starts (n, N), n >= 1, for states where q is `fixed_speed` or less."""
        ...
