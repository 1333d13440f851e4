"""The steps that Newton's search is made of, for any map: compiled, many states at once."""

from __future__ import annotations

from typing import NamedTuple, Protocol

import jax
import jax.numpy as jnp
import numpy as np
from jax.scipy.linalg import lu_factor, lu_solve
from jax.tree_util import Partial

from yang_rnn.dynamics import levenberg_marquardt
from yang_rnn.dynamics.levenberg_marquardt import Descent
from yang_rnn.dynamics.maps import map_rows

SINGULAR = 1e-9
"""Ratio of pivots below which rounding moves a full step along a line of fixed points."""


class FullSteps(NamedTuple):
    """Newton's steps from states (n, N).

    Attributes
    ----------
    state : numpy.ndarray, shape (n, N)
        Where they lead.
    q : numpy.ndarray, shape (n,)
        The speeds before them.
    trusted : numpy.ndarray, shape (n,), bool
        Whether the matrix was regular.
    """

    state: np.ndarray
    q: np.ndarray
    trusted: np.ndarray


class Steps(Protocol):
    """How a search moves states of a map, many at once."""

    def full(self, states: np.ndarray, fraction: float | np.ndarray = 1.0) -> FullSteps:
        """Make so much of the step ``(I - J)^-1 (F(h) - h)`` from each state (n, N)."""
        ...

    def begin(self, states: np.ndarray, unit: float) -> Descent:
        """Begin a descent of q at each state (n, N), in units of a scale."""
        ...

    def damped(self, at: Descent) -> Descent:
        """Make a Levenberg-Marquardt step of each of n descents."""
        ...

    def pieces(self, states: np.ndarray) -> np.ndarray:
        """Return a label for each state (n, N), the same for states of one affine piece."""
        ...


class CompiledSteps:
    """Steps of one map in chunks of two sizes, the larger small enough for cache and memory.

    The Jacobians of a chunk take 8 MB (or are those of 4 states), whatever the number of starts.

    Parameters
    ----------
    F : jax.tree_util.Partial
        The map in float64.
    units : int
        The number of units N.
    """

    def __init__(self, F: Partial, units: int):
        large = max(4, min(256, 2**20 // units**2))
        self._sizes = (max(2, large // 8), large)
        self._F = F

    def full(self, states: np.ndarray, fraction: float | np.ndarray = 1.0) -> FullSteps:
        """See `Steps`."""
        fractions = np.broadcast_to(np.float64(fraction), len(states))
        return FullSteps(*map_rows(_full, self._F, states, fractions, sizes=self._sizes))

    def begin(self, states: np.ndarray, unit: float) -> Descent:
        """See `Steps`."""
        return Descent(*map_rows(_begin, self._F, states, shared=(unit,), sizes=self._sizes))

    def damped(self, at: Descent) -> Descent:
        """See `Steps`."""
        return Descent(*map_rows(_damped, self._F, *at, sizes=self._sizes))

    def pieces(self, states: np.ndarray) -> np.ndarray:
        """Return another label for each state: nothing is known of the map."""
        return np.arange(len(states))


@jax.jit
def _full(F: Partial, states: jax.Array, fraction: jax.Array):
    def one(h, fraction):
        residual = F(h) - h
        lu = lu_factor(jnp.eye(h.size) - jax.jacfwd(F)(h))
        pivots = jnp.abs(jnp.diagonal(lu[0]))
        trusted = jnp.min(pivots) > SINGULAR * jnp.max(pivots)
        return h + fraction * lu_solve(lu, residual), 0.5 * jnp.vdot(residual, residual), trusted

    return jax.vmap(one)(states, fraction)


@jax.jit
def _begin(F: Partial, states: jax.Array, unit: jax.Array):
    return jax.vmap(lambda state: tuple(levenberg_marquardt.begin(F, state, unit)))(states)


@jax.jit
def _damped(F: Partial, *at: jax.Array):
    stepped = jax.vmap(lambda one: levenberg_marquardt.step(F, one))
    return tuple(stepped(Descent(*at)))
