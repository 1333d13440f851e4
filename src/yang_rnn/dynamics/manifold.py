"""The slow manifold of a map: a curve of slow points, traced from a fixed or slow point."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax.tree_util import Partial
from numpy.typing import ArrayLike

from yang_rnn._checks import check_real, check_whole
from yang_rnn._frames import by_unit, frame_of
from yang_rnn.dynamics import levenberg_marquardt
from yang_rnn.dynamics.curve import Curve
from yang_rnn.dynamics.maps import (
    Map,
    as_map,
    as_vector,
    check_map,
    speeds,
)

if TYPE_CHECKING:
    from yang_rnn._frames import DataFrame

STEPS_ACROSS = 40
"""Steps that a march takes from one end of the trajectories to the other."""

_MAX_ITERATIONS = 100
_REACH = 3.0  # the corrected point may lie this many steps from the last one, or the valley ended


@dataclass(frozen=True, eq=False, repr=False)
class SlowManifold(Curve):
    """A curve of slow points: at each, the speed q has a minimum across the curve.

    Attributes
    ----------
    state : numpy.ndarray, shape (n, N), float64
        Points of the curve from one end to the other; at least two.
    speed : numpy.ndarray, shape (n,), float64
        q = 1/2 ||F(h) - h||^2 at each.
    centre : int
        Which of them the march began at.
    ends : tuple of two str
        Why the march stopped, at the first and at the last point: ``range``, it passed the bound
        that was given; ``valley``, there was no minimum of q nearby any more; ``limit`` of steps.
    """

    state: np.ndarray
    speed: np.ndarray
    centre: int
    ends: tuple[str, str]

    def to_frame(self) -> DataFrame:
        """Give the curve as a pandas frame, one row per point, from one end to the other.

        Columns arc (units of state, from the centre), speed, then state_0 ... state_{N-1}.
        """
        return frame_of({"arc": self.arc, "speed": self.speed} | by_unit("state", self.state))

    def __repr__(self) -> str:
        """Say how long the curve is and how it ended."""
        return (
            f"SlowManifold({len(self)} points of {self.state.shape[1]} units, "
            f"length {self.length:.3g}; ends: {self.ends[0]}, {self.ends[1]})"
        )


def trace_slow_manifold(
    F: Map,
    centre: ArrayLike,
    direction: ArrayLike,
    low: float,
    high: float,
    *,
    steps: int = STEPS_ACROSS,
) -> SlowManifold:
    """Trace the curve of slow points that runs through a fixed or slow point.

    From the centre, a step along the curve's direction and then a descent of q in the plane across
    it, again and again, both ways: the slow points of Sussillo & Barak [1]_, connected. For a
    linear map whose slow direction is orthogonal to the others it is that direction's line.

    Parameters
    ----------
    F : callable
        Pure map from a state (N,) to the next state (N,), written with JAX.
    centre : array of shape (N,)
        The point to begin at.
    direction : array of shape (N,)
        The slowest direction there, a right eigenvector; the curve runs that way.
    low, high : float
        The march ends where it has passed these distances from the centre, measured along
        `direction`; `low` below 0, `high` above.
    steps : int
        Steps from `low` to `high`: the finer, the more points.

    Returns
    -------
    SlowManifold

    Raises
    ------
    ValueError
        If centre and direction are not one finite vector each, of one length, the direction is 0,
        the bounds do not enclose 0, or the map takes the centre to a state that is not finite.
    TypeError
        If the map is not callable, or a vector is not of real numbers.

    References
    ----------
    .. [1] Sussillo & Barak (2013), "Opening the black box: low-dimensional dynamics in
       high-dimensional recurrent neural networks", Neural Computation 25(3):626-649.
    """
    begin = as_vector(centre, "centre")
    towards = as_vector(direction, "direction", begin.size)
    if not np.linalg.norm(towards) > 0:
        raise ValueError(f"`direction` must be a vector of {begin.size} units, not 0")
    low, high = check_real("low", low), check_real("high", high)
    if not low < 0 < high:
        raise ValueError(f"`low` must be below 0 and `high` above; got {low} and {high}")
    check_whole("steps", steps, 2)
    towards = towards / np.linalg.norm(towards)
    pure = as_map(F)
    check_map(pure, begin.size)
    if not np.isfinite(speeds(pure, begin[None])).all():
        raise ValueError("`centre` must be a state that `F` takes to a finite one")
    size = (high - low) / steps
    ahead = _march(pure, begin, towards, high, size, 2 * steps)
    behind = _march(pure, begin, -towards, -low, size, 2 * steps)
    state = np.concatenate([behind.states[::-1], begin[None], ahead.states])
    if len(state) == 1:
        # The valley is shorter than a step: its direction is all that is known of it.
        state = np.stack([begin, begin + 1e-3 * size * towards])
    return SlowManifold(state, speeds(pure, state), len(behind.states), (behind.end, ahead.end))


class _March(NamedTuple):
    states: np.ndarray  # (k, N)
    end: str


def _march(
    F: Partial, begin: np.ndarray, towards: np.ndarray, bound: float, size: float, most: int
):
    states, here, tangent, end = [], begin, towards, "limit"
    while len(states) < most:
        there = _next(F, here, tangent, size)
        if there is None:
            end = "valley"
            break
        tangent = (there - here) / np.linalg.norm(there - here)
        here = there
        states.append(here)
        if (here - begin) @ towards > bound:
            end = "range"
            break
    return _March(np.array(states).reshape(-1, begin.size), end)


def _next(F: Partial, here: np.ndarray, tangent: np.ndarray, size: float) -> np.ndarray | None:
    """Take a step along the valley, a shorter one where it bends; None where it ends."""
    for step in (size, size / 4):
        with jax.enable_x64(True):
            there = np.asarray(
                _minimise_across(F, here + step * tangent, tangent, STEPS_ACROSS * size)
            )
        if np.linalg.norm(there - here) <= _REACH * step:
            return there
    return None


@jax.jit
def _minimise_across(
    F: Partial, start: jax.Array, tangent: jax.Array, unit: jax.Array
) -> jax.Array:
    """Descend q in the plane through the start across the tangent, in units of a length."""

    def unfinished(carry):
        _, turn, done = carry
        return (turn < _MAX_ITERATIONS) & ~done

    def improve(carry):
        before, turn, _ = carry
        at = levenberg_marquardt.step(F, before, tangent)
        small = at.length <= 1e-12 * (unit + jnp.max(jnp.abs(at.state)))
        level = at.moved & (before.q - at.q < 1e-9 * before.q)
        return (
            at,
            turn + 1,
            level | (at.q < 1e-28 * unit**2) | (small & ~at.moved) | ~jnp.isfinite(at.length),
        )

    begin = levenberg_marquardt.begin(F, start, unit)
    return jax.lax.while_loop(unfinished, improve, (begin, 0, jnp.asarray(False)))[0].state
