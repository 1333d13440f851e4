"""What a system's bounds say of its fixed points: they lie within those that are finite."""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax.tree_util import Partial

from yang_rnn.dynamics.maps import Map
from yang_rnn.dynamics.system import AutonomousMap

BOUND_ROUNDING = 1e-9
"""Share of the bounds' width beyond them that is rounding."""

Box = tuple[np.ndarray, np.ndarray]
"""Lowest and highest values of the units, each (N,)."""


def bounds_of(F: Map) -> Box | None:
    """Return the bounds (N,) of a system's states; None of a map that states none."""
    bounds: Any = F.system.bounds if isinstance(F, AutonomousMap) else None
    return bounds


def finite_bounds(F: Map) -> Box | None:
    """Return the bounds (N,) of a system's states if all of them are finite; else None."""
    bounds = bounds_of(F)
    return None if bounds is None or not np.isfinite(bounds).all() else bounds


def closed_bounds(F: Map) -> Box | None:
    """Return the bounds (N,) of the units that have two finite ones, infinite ones of others.

    A step takes such a unit to a value between the two (tanh, sigmoid) or to a mean of one and the
    value before (a gated unit's h, a leak), so that no fixed point is beyond them. A relu has one
    bound only, and the c of an LSTM none. None where no unit has two.
    """
    bounds = bounds_of(F)
    if bounds is None:
        return None
    low, high = bounds
    closed = np.isfinite(low) & np.isfinite(high)
    if not closed.any():
        return None
    return np.where(closed, low, -np.inf), np.where(closed, high, np.inf)


def within(box: Box, states: np.ndarray) -> np.ndarray:
    """Tell which states (n, N) lie in a box but for rounding, (n,), bool."""
    low, high = box
    width = np.where(np.isfinite(high - low), high - low, 0.0)
    slack = BOUND_ROUNDING * width
    return np.all((states >= low - slack) & (states <= high + slack), axis=1)


def kept_within(pure: Partial, box: Box) -> Partial:
    """Return the map that takes a state beyond a box to where its nearest state in it goes.

    Of a map that takes the box into itself it has the same fixed points. Beyond the box its speed
    grows with the distance, where the map's own may fall to 0: a gate that a large h shuts keeps
    any h as it is.
    """
    return Partial(_from_within, pure, *box)


def _from_within(pure: Partial, low: jax.Array, high: jax.Array, h: jax.Array) -> jax.Array:
    # At a bound, where units saturate, the derivative is the map's own; that of `clip` is half.
    return pure(jnp.where(h < low, low, jnp.where(h > high, high, h)))
