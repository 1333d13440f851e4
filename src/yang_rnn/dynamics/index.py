"""The indices of fixed points, whose sum tells that a list of them is incomplete."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import jax
import numpy as np
from jax.tree_util import Partial

from yang_rnn._checks import check_is
from yang_rnn._frames import frame_of
from yang_rnn.dynamics.bounds import Box, finite_bounds, within
from yang_rnn.dynamics.linearisation import jacobians, kinks
from yang_rnn.dynamics.maps import Map, as_map, check_map, map_rows
from yang_rnn.dynamics.points import UNIQUE, FixedPoints
from yang_rnn.dynamics.uniqueness import representatives

if TYPE_CHECKING:
    from yang_rnn._frames import DataFrame

_PROBES = 256
"""States whose images are looked at, half of them corners, before bounds are believed."""

_KINK = 1e-6  # as `linearise` has it
_LEVEL = 1e-9  # slope of a unit at its bound up to which it has none
_EPS = float(np.finfo(float).eps)


@dataclass(frozen=True, eq=False, repr=False)
class FixedPointIndex:
    """The index of each point of a list, and their sum.

    A continuous map that takes a closed box into its inside has fixed points whose indices, the
    signs of det(I - DF), add up to 1, if none is degenerate. So a list with another sum is
    incomplete; it is no proof, for the signs are computed in float64, and whether the map keeps to
    the box is looked at in some states. A sum of 1 tells nothing: points can be missing in pairs.

    Attributes
    ----------
    index : numpy.ndarray, shape (n,), int
        1 or -1; 0 where it is not known: not fixed, degenerate (det(I - DF) has no sign but for
        rounding), on a kink, or on the boundary of the box other than by rounding.
    counted : numpy.ndarray, shape (n,), bool
        Which points the sum is over: fixed, within the bounds, each once.
    sum : int or None
        The sum of the indices; None where it would say nothing.
    reason : str
        Why it is None; empty if it is not.
    """

    index: np.ndarray
    counted: np.ndarray
    sum: int | None
    reason: str = ""

    def __post_init__(self) -> None:
        """Make the arrays read-only."""
        self.index.flags.writeable = self.counted.flags.writeable = False

    @property
    def incomplete(self) -> bool:
        """Whether the sum says that fixed points are missing; False where it does not tell."""
        return self.sum is not None and self.sum != 1

    def to_frame(self) -> DataFrame:
        """Give the indices as a pandas frame, one row per point: index, counted."""
        return frame_of({"index": self.index, "counted": self.counted})

    def __repr__(self) -> str:
        """Say what the sum is and what follows from it."""
        return f"FixedPointIndex({self.in_words})"

    @property
    def in_words(self) -> str:
        """What the sum says of the list, in words."""
        number = int(self.counted.sum())
        what = f"{number} fixed point{'' if number == 1 else 's'}"
        return f"{what}, {self.sum_in_words}"

    @property
    def sum_in_words(self) -> str:
        """The sum and what follows from it, in words."""
        if self.sum is None:
            return f"no index sum: {self.reason}"
        if self.incomplete:
            return f"index sum {self.sum} instead of 1: incomplete"
        return "index sum 1, as a complete list has (which proves nothing)"


def fixed_point_index(F: Map, points: FixedPoints) -> FixedPointIndex:
    """Give the index of each fixed point, and their sum where it must be 1.

    The index of a fixed point is the sign of det(I - DF), computed in float64 [1]_. The sum over
    all fixed points is 1 for a system with finite `bounds` whose step takes states within them to
    states within them: networks of tanh or sigmoid units, wherever the leak is, and of gated units
    like the GRU, whose states are averages of earlier ones and values of tanh. An LSTM's c has no
    bounds, nor has a relu: the sum is None.

    Parameters
    ----------
    F : callable
        Pure map from a state (N,) to the next state (N,), written with JAX; `System.at` gives one
        that has bounds.
    points : FixedPoints
        From `find_fixed_points`; those that are not ``fixed`` don't count, and repeated ones once.

    Returns
    -------
    FixedPointIndex

    Raises
    ------
    TypeError
        If `points` is no record of points, or `F` is not callable.
    ValueError
        If `F` does not take the points' states.

    References
    ----------
    .. [1] Deimling (1985), "Nonlinear functional analysis", Springer, chapters 1 and 2 (Brouwer
       degree; the index of a fixed point).
    """
    check_is("points", points, FixedPoints)
    pure = as_map(F)
    units = points.state.shape[1]
    check_map(pure, units)
    rows = np.flatnonzero(points.status == "fixed")
    index = np.zeros(len(points), np.int64)
    states = points.state[rows]
    box = finite_bounds(F)
    reason = _why_none(box, pure)
    if len(rows):
        jacobian = jacobians(pure, states)
        index[rows] = _signs(pure, states, jacobian, points.speed[rows])
        index[rows[kinks(F, pure, states, _KINK * points.scale)]] = 0
        if box is not None:
            index[rows[_on_boundary(box, states, jacobian)]] = 0
    counted = np.zeros(len(points), bool)
    order = np.argsort(points.speed[rows], kind="stable")
    leader = representatives(states, UNIQUE * points.scale * np.sqrt(units), order)
    counted[rows] = leader == np.arange(len(rows))
    if box is not None:
        counted &= within(box, points.state)
    unknown = int((index[counted] == 0).sum())
    if unknown and not reason:
        reason = f"the index of {unknown} of them is not known, degenerate to rounding"
    return FixedPointIndex(index, counted, None if reason else int(index[counted].sum()), reason)


def _why_none(box: Box | None, pure: Partial) -> str:
    """Say why the sum of all indices need not be 1; nothing if it must."""
    if box is None:
        return "its states have no finite bounds"
    low, high = box
    share = np.random.default_rng(0).uniform(0, 1, (_PROBES, len(low)))
    share[::2] = share[::2].round()
    (image,) = map_rows(_images, pure, low + share * (high - low))
    if not within(box, image).all():
        return "it takes states within its bounds to states beyond them"
    return ""


@jax.jit
def _images(F: Partial, states: jax.Array) -> jax.Array:
    return jax.vmap(F)(states)


def _signs(F: Partial, states: np.ndarray, jacobian: np.ndarray, speed: np.ndarray) -> np.ndarray:
    """Return the signs of det(I - DF), 0 where what is left of F(h) - h could change it.

    A state with this remainder is off by up to the remainder over the least singular value s along
    the direction that belongs to it. Near a degenerate point, s changes by about itself over that
    distance; near a regular one by next to nothing.
    """
    units = states.shape[1]
    matrix = np.eye(units) - jacobian
    sign = np.linalg.slogdet(matrix)[0]
    _, values, right = np.linalg.svd(matrix)
    least, weakest = values[:, -1], right[:, -1]
    regular = least > 8 * units * _EPS * (1 + values[:, 0])
    left = np.sqrt(2 * speed) + 4 * _EPS * np.linalg.norm(states, axis=1)
    off = np.where(regular, left / np.where(regular, least, 1.0), 0.0)[:, None] * weakest
    for there in (states + off, states - off):
        change = jacobians(F, there) - jacobian
        regular &= np.isfinite(change).all(axis=(1, 2))
        change[~regular] = 0.0
        regular &= np.linalg.norm(change, 2, axis=(1, 2)) < least / 2
    return np.where(regular, sign, 0).astype(np.int64)


def _on_boundary(box: Box, states: np.ndarray, jacobian: np.ndarray) -> np.ndarray:
    """Tell which states are on the boundary of a box other than by rounding.

    A saturated unit is at its bound by rounding: no other unit moves it, and it moves itself by
    less than it is moved. Then the sign of det(I - DF) is that of the other units alone.
    """
    low, high = box
    at_bound = (states <= low + 4 * _EPS * np.abs(low)) | (states >= high - 4 * _EPS * np.abs(high))
    own = np.diagonal(jacobian, axis1=1, axis2=2)
    others = np.abs(jacobian).sum(axis=2) - np.abs(own)
    saturated = (others <= _LEVEL) & (own < 1)
    return np.any(at_bound & ~saturated, axis=1)
