"""Levenberg-Marquardt steps on the speed of a state, anywhere or across a direction.

Damping as by Nielsen (1999), IMM-REP-1999-05, in proportion to ||F(h) - h||^2 as Yamashita &
Fukushima (2001), Computing Suppl. 15:239, have it where the Jacobian is singular.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
from jax.scipy.linalg import cho_factor, cho_solve
from jax.tree_util import Partial

_LEAST_GAIN = 1e-4  # share of the predicted decrease from which on a step is taken
_LEAST_DAMPING = 1e-12


class Descent(NamedTuple):
    """A descent of q on its way; every entry has one more axis for many at once.

    Attributes
    ----------
    state : array of shape (N,)
        Where it is.
    q : float
        The speed there, 1/2 ||F(h) - h||^2.
    damping, growth : float
        Nielsen's mu (over ||F(h) - h||^2 in units of the scale) and nu.
    moved : bool
        Whether the last step was taken.
    length : float
        The largest change of a unit by the last step, taken or not.
    unit : float
        The scale of states: F and s F(. / s) are descended alike, if this is s times as large.
    """

    state: Any
    q: Any
    damping: Any
    growth: Any
    moved: Any
    length: Any
    unit: Any


def begin(F: Partial, state: jax.Array, unit: jax.Array | float = 1.0) -> Descent:
    """Return a descent that begins at a state, in units of a scale."""
    residual = F(state) - state
    one = jnp.ones((), state.dtype)
    q = 0.5 * jnp.vdot(residual, residual)
    return Descent(state, q, 1e-2 * one, 2 * one, jnp.asarray(False), 0 * one, unit * one)


def step(F: Partial, at: Descent, tangent: jax.Array | None = None) -> Descent:
    """Make a step, or raise the damping where it would not go down.

    Parameters
    ----------
    F : jax.tree_util.Partial
        The map.
    at : Descent
    tangent : array of shape (N,), optional
        A unit vector: the step stays in the plane across it.
    """
    h = at.state
    residual = F(h) - h
    matrix = jax.jacfwd(F)(h) - jnp.eye(h.size)
    if tangent is not None:
        matrix = matrix - jnp.outer(matrix @ tangent, tangent)
    square = jnp.vdot(residual, residual)
    gram = matrix.T @ matrix
    if tangent is not None:  # its own row keeps the system regular; its right-hand side is 0
        gram = gram + jnp.trace(gram) / h.size * jnp.outer(tangent, tangent)
    shift = at.damping * (square / at.unit**2) + 1e-15 * jnp.trace(gram)
    factor = cho_factor(gram + shift * jnp.eye(h.size), lower=True)
    change = -cho_solve(factor, matrix.T @ residual)
    if tangent is not None:
        change = change - tangent * (tangent @ change)
    moved = F(h + change) - (h + change)
    linear = residual + matrix @ change
    predicted = 0.5 * (square - jnp.vdot(linear, linear))
    return judged(at, change, 0.5 * jnp.vdot(moved, moved), predicted)


def judged(at: Descent, change: Any, q: Any, predicted: Any, xp: Any = jnp) -> Descent:
    """Take a step or not, by what it gains, and change the damping.

    Parameters
    ----------
    at : Descent
        Where the step begins, alone or with an axis for many.
    change : array of shape (..., N)
        The step.
    q : array of shape (...)
        The speed after it.
    predicted : array of shape (...)
        By how much it would lower the speed of the linearised map.
    xp : module
        What the arrays are of, `jax.numpy` or `numpy`.
    """
    gain = (at.q - q) / xp.maximum(predicted, xp.finfo(at.q.dtype).tiny)
    taken = (q < at.q) & (gain > _LEAST_GAIN)
    better = xp.minimum(gain, 1.0)  # above 1 the cube may overflow; it is 0.1 anyway
    return Descent(
        state=xp.where(taken[..., None], at.state + change, at.state),
        q=xp.where(taken, q, at.q),
        damping=xp.where(
            taken,
            at.damping * xp.maximum(0.1, 1.0 - (2.0 * better - 1.0) ** 3),
            xp.maximum(at.damping, _LEAST_DAMPING) * at.growth,
        ),
        growth=xp.where(taken, 2.0, 2.0 * at.growth),
        moved=taken,
        length=xp.max(xp.abs(change), axis=-1),
        unit=at.unit,
    )
