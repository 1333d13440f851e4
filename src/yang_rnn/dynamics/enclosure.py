"""All fixed points of a small tanh or sigmoid network, with a proof that there are no others."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike

from yang_rnn._checks import check_array, check_one_of, check_real, check_whole
from yang_rnn._frames import by_unit, frame_of
from yang_rnn.dynamics.interval import EPS, Equation, contract, image, krawczyk, newton

if TYPE_CHECKING:
    from yang_rnn._frames import DataFrame

MAX_UNITS = 16
"""Units up to which a search of the whole space is tried: their number is in its exponent.

`benchmarks/enclosure.py`: of random tanh networks with weights of standard deviation 3 / sqrt(N), 8
of 8 are proved within 0.2 s with 8 units and within 4 s with 12, but 2 of 8 within 15 s with 16.
"""

MAX_BOXES = 500_000
"""Boxes after which a search ends."""

TIME_LIMIT = 60.0
"""Seconds after which a search ends."""

LARGEST = 1e100
"""Size of a weight up to which no bound on an error overflows."""

_BATCH = 1024  # boxes worked on at once
_ROUNDS = 4  # contractions of a box before it is split
_LEAST_GAIN = 0.9  # of its widths' sum, above which another contraction is not worth it
_NARROW = 1e-8  # width, over 1 + |y|, below which a box is neither split nor tested alone
_OFF_CENTRE = 0.4871  # where a box is split: fixed points often lie in the very middle
_INFLATED = 1.1  # the box that is tested, over the one that it is to hold


@dataclass(frozen=True, eq=False, repr=False)
class EnclosedFixedPoints:
    """Fixed points of a network, each proved to exist, and whether they are proved to be all.

    Attributes
    ----------
    points : numpy.ndarray, shape (n, N), float64
        The fixed points, the first unit's lowest first.
    radius : numpy.ndarray, shape (n, N), float64
        No unit of the exact fixed point is further from `points` than this.
    index : numpy.ndarray, shape (n,), int
        Sign of det(I - DF): 1 or -1.
    complete : bool
        Whether it is proved that there are no other fixed points.
    boxes : int
        How many boxes were looked at.
    open_low, open_high : numpy.ndarray, shape (m, N), float64
        States between which it is not known whether there are others; none where `complete`.
    seconds : float
        Time that the search took.
    """

    points: np.ndarray
    radius: np.ndarray
    index: np.ndarray
    complete: bool
    boxes: int
    open_low: np.ndarray
    open_high: np.ndarray
    seconds: float

    def __post_init__(self) -> None:
        """Make the arrays read-only."""
        for name in ("points", "radius", "index", "open_low", "open_high"):
            getattr(self, name).flags.writeable = False

    def __len__(self) -> int:
        """Count the points."""
        return len(self.points)

    def to_frame(self) -> DataFrame:
        """Give the points as a pandas frame, one row per point.

        Columns index, then points_0 ... points_{N-1} and radius_0 ... radius_{N-1}.
        """
        columns = by_unit("points", self.points) | by_unit("radius", self.radius)
        return frame_of({"index": self.index} | columns)

    def __repr__(self) -> str:
        """Say how many points there are, and whether these are all."""
        said = (
            "proved to be all"
            if self.complete
            else f"NOT proved to be all: {len(self.open_low)} boxes left open"
        )
        return (
            f"EnclosedFixedPoints({len(self)} of {self.points.shape[1]} units, {said}; "
            f"{self.boxes} boxes, {self.seconds:.2g} s)"
        )


def enclose_fixed_points(
    recurrent: ArrayLike,
    drive: ArrayLike,
    nonlinearity: str = "tanh",
    *,
    recurrent_error: ArrayLike = 0.0,
    drive_error: ArrayLike = 0.0,
    max_units: int = MAX_UNITS,
    max_boxes: int = MAX_BOXES,
    time_limit: float = TIME_LIMIT,
) -> EnclosedFixedPoints:
    """Find all fixed points h = f(h W + u) of a tanh or sigmoid network, with a proof.

    The whole space is searched by interval branch and bound: boxes that can't hold a fixed point
    are cut away, boxes that hold exactly one by Krawczyk's test are kept, others are split [1]_.
    All rounding is counted, so that the result holds for the exact equation: where the record says
    that it is complete, there are no other fixed points, stable or not.

    Parameters
    ----------
    recurrent : array of shape (N, N)
        Weights W; states are rows, unit i acts on unit j by ``recurrent[i, j]``.
    drive : array of shape (N,)
        What the units receive from elsewhere, u: a constant input times its weights, and the bias.
    nonlinearity : {"tanh", "sigmoid"}
    recurrent_error, drive_error : float or array, optional
        Most that `recurrent` and `drive` may be wrong by; the proof holds for all within.
    max_units : int
        Most units that are tried. The time is exponential in their number.
    max_boxes : int
        Boxes after which the search ends.
    time_limit : float
        Seconds after which the search ends.

    Returns
    -------
    EnclosedFixedPoints
        Not `complete` where a limit was reached, or where a fixed point is degenerate,
        det(I - DF) = 0 to rounding: no test of this kind proves such a one.

    Raises
    ------
    ValueError
        If a shape, a number or the nonlinearity is not as above, or there are more units.
    TypeError
        If something is not real numbers.

    References
    ----------
    .. [1] Neumaier (1990), "Interval methods for systems of equations", Cambridge University Press.
    """
    begun = time.monotonic()
    weights = check_array("recurrent", recurrent, ("N", "N")).astype(np.float64)
    units = len(weights)
    if weights.shape != (units, units):
        raise ValueError(f"`recurrent` must be square; got {weights.shape}")
    sources = check_array("drive", drive, (units,)).astype(np.float64)
    check_one_of("nonlinearity", nonlinearity, ("tanh", "sigmoid"))
    if units > check_whole("max_units", max_units, 1):
        raise ValueError(
            f"`recurrent` must have at most {max_units} units, for the search of their whole "
            f"space takes exponential time (`max_units`); got {units}"
        )
    max_boxes = check_whole("max_boxes", max_boxes, 1)
    time_limit = check_real("time_limit", time_limit, above=0)
    for name, array in (("recurrent", weights), ("drive", sources)):
        if np.abs(array).max() > LARGEST:
            raise ValueError(
                f"`{name}` must be at most {LARGEST:g} in size; got {np.abs(array).max():.3g}"
            )
    wrong = _checked_error("recurrent_error", recurrent_error, weights.shape)
    equation = Equation(weights, wrong, sources, _checked_error("drive_error", drive_error, units))
    if nonlinearity == "sigmoid":
        equation = _as_tanh(equation)
    search = _Search(equation, max_boxes, begun + time_limit)
    centre, radius, sign = search.all_solutions()
    low, high = search.open_boxes()
    points, error = _states(centre - radius, centre + radius)
    low, high = np.tanh(low), np.tanh(high)
    if nonlinearity == "sigmoid":
        points, low, high = (1 + points) / 2, (1 + low) / 2, (1 + high) / 2
        error = error / 2 + EPS
    order = np.lexsort(points.T[::-1])
    return EnclosedFixedPoints(
        points=points[order],
        radius=error[order],
        index=sign[order],
        complete=not len(low),
        boxes=search.boxes,
        open_low=low,
        open_high=high,
        seconds=time.monotonic() - begun,
    )


class _Search:
    """Branch and bound over boxes of preactivations, the narrowest first."""

    def __init__(self, equation: Equation, max_boxes: int, deadline: float):
        units = len(equation.drive)
        whole = np.full((1, units), np.inf)
        low, high = image(equation, -whole, whole)
        self.equation, self.max_boxes, self.deadline = equation, max_boxes, deadline
        self.boxes = 0
        self.left = [(low, high)]
        self.undecided: list[tuple[np.ndarray, np.ndarray]] = []
        # A box with exactly one solution, and where in it the solution is.
        self.low = self.high = self.centre = self.radius = np.empty((0, units))
        self.sign = np.empty(0, np.int64)
        self.kept = np.empty(0, bool)  # whether it is none that had been found before

    def all_solutions(self) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Search until nothing is left, or a limit is reached; return centres, radii and signs."""
        while self.left and self.boxes < self.max_boxes and time.monotonic() < self.deadline:
            low, high = self.left.pop()
            if len(low) > _BATCH:
                self.left.append((low[:-_BATCH], high[:-_BATCH]))
                low, high = low[-_BATCH:], high[-_BATCH:]
            self.boxes += len(low)
            self._work_on(low, high)
        return self.centre[self.kept], self.radius[self.kept], self.sign[self.kept]

    def open_boxes(self) -> tuple[np.ndarray, np.ndarray]:
        """Return the boxes that nothing was proved of."""
        boxes = self.left + self.undecided
        if not boxes:
            return np.empty((0, self.low.shape[1])), np.empty((0, self.low.shape[1]))
        low, high = (np.concatenate(ends) for ends in zip(*boxes, strict=True))
        return low, high

    def _work_on(self, low: np.ndarray, high: np.ndarray) -> None:
        """Contract boxes, keep the solutions of those that have exactly one, split the others."""
        spread = np.zeros_like(low)
        for _ in range(_ROUNDS):
            before = (high - low).sum(axis=1)
            low, high, spread = contract(self.equation, low, high)
            there = np.all(low <= high, axis=1) & ~self._known(low, high)
            low, high, spread = low[there], high[there], spread[there]
            after = (high - low).sum(axis=1)
            if not len(low) or (after > _LEAST_GAIN * before[there]).all():
                break
        if not len(low):
            return
        centre = (low + high) / 2
        tested = krawczyk(self.equation, centre, _reach(centre, low, high))
        # At most one solution, which may be at the edge: test a box around where it would be.
        rows = np.flatnonzero(tested.unique)
        if len(rows):
            near = newton(self.equation, centre[rows])
            near = np.where(np.isfinite(near), near, centre[rows])
            radius = _INFLATED * _reach(near, low[rows], high[rows])
            around = krawczyk(self.equation, near, radius)
            for row in np.flatnonzero(around.proved):
                self._add(near[row], radius[row], int(around.sign[row]))
            settled = rows[around.proved]
            low, high, spread = (np.delete(array, settled, 0) for array in (low, high, spread))
        self._split(low, high, spread)

    def _known(self, low: np.ndarray, high: np.ndarray) -> np.ndarray:
        """Tell which boxes lie within one whose only solution has been found."""
        inside = (low[:, None] >= self.low) & (high[:, None] <= self.high)
        return np.any(np.all(inside, axis=2), axis=1)

    def _add(self, centre: np.ndarray, radius: np.ndarray, sign: int) -> None:
        """Keep the one solution of a box, unless it is one that has been found."""
        within = radius * (1 - 4 * EPS) - 4 * EPS * np.abs(centre)  # whatever the sums round to
        low, high = centre - within, centre + within
        if self._known(low[None], high[None])[0]:
            return
        centre, radius = self._sharpened(centre, radius)
        first, last = centre - radius, centre + radius
        start, end = self.centre - self.radius, self.centre + self.radius
        same = np.all((first >= self.low) & (last <= self.high), axis=1)
        same |= np.all((start >= low) & (end <= high), axis=1)
        apart = np.any((first > end) | (last < start), axis=1)
        if not (same | apart).all():  # two that may be one: say so
            self.undecided.append((low[None], high[None]))
        self.low, self.high = np.vstack([self.low, low]), np.vstack([self.high, high])
        self.centre = np.vstack([self.centre, centre])
        self.radius = np.vstack([self.radius, radius])
        self.sign = np.append(self.sign, sign)
        self.kept = np.append(self.kept, bool(apart[~same].all() and not same.any()))

    def _sharpened(self, centre: np.ndarray, radius: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Return a smaller box, within one with one solution, that the solution is in."""
        for tight in (1e-11, 1e-9, 1e-7):
            smaller = np.minimum(tight * (1 + np.abs(centre)), radius / 2)
            tested = krawczyk(self.equation, centre[None], smaller[None])
            if tested.proved[0]:
                found, reach = tested.centre[0], tested.radius[0]
                return found, reach * (1 + 4 * EPS) + 4 * EPS * np.abs(found)
        tested = krawczyk(self.equation, centre[None], radius[None])
        return tested.centre[0], tested.radius[0] * (1 + 4 * EPS) + 4 * EPS * np.abs(centre)

    def _split(self, low: np.ndarray, high: np.ndarray, spread: np.ndarray) -> None:
        """Halve boxes in the unit whose tanh bends most; put those aside that are too narrow."""
        narrow = np.all(high - low <= _NARROW * (1 + np.abs(low)), axis=1)
        if narrow.any():
            self.undecided.append((low[narrow], high[narrow]))
            low, high, spread = low[~narrow], high[~narrow], spread[~narrow]
        if not len(low):
            return
        rows = np.arange(len(low))
        wide = high - low > _NARROW * (1 + np.abs(low))
        unit = np.where(wide, spread, -1.0).argmax(axis=1)
        below, above = low[rows, unit], high[rows, unit]
        # Half of the states rather than of the preactivations: where tanh is flat nothing bends.
        at = np.tanh(below) + _OFF_CENTRE * (np.tanh(above) - np.tanh(below))
        at = np.arctanh(np.clip(at, -1 + EPS, 1 - EPS))
        margin = 0.05 * (above - below)
        at = np.clip(at, below + margin, above - margin)
        first, second = high.copy(), low.copy()
        first[rows, unit] = second[rows, unit] = at
        # The two halves of a box one after the other: the last boxes are the smallest ones.
        self.left.append((np.concatenate([low, second]), np.concatenate([first, high])))


def _reach(centre: np.ndarray, low: np.ndarray, high: np.ndarray) -> np.ndarray:
    """Return the radius of a box around a centre that holds another box, and is not too narrow.

    Contraction can leave a box around a solution that is no wider than the rounding of any test.
    """
    reach = np.maximum(high - centre, centre - low) * (1 + 4 * EPS) + 4 * EPS * np.abs(centre)
    return np.maximum(reach, _NARROW * (1 + np.abs(centre)))


def _states(low: np.ndarray, high: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the middle and the radius of tanh of boxes."""
    below, above = np.tanh(low), np.tanh(high)
    return (below + above) / 2, (above - below) / 2 + 16 * EPS


def _as_tanh(equation: Equation) -> Equation:
    """Return the equation in y / 2 that tanh has where sigmoid has this: f(y) is half 1 + tanh."""
    weights, wrong, drive, error = equation
    through = weights.sum(axis=0) / 2
    rounding = equation.slack * (np.abs(weights).sum(axis=0) / 2 + np.abs(drive))
    return Equation(
        weights / 4,
        wrong / 4,
        (through + drive) / 2,
        (wrong.sum(axis=0) / 2 + error + rounding) / 2,
    )


def _checked_error(name: str, value: Any, shape: Any) -> np.ndarray:
    error = check_array(name, value).astype(np.float64)
    try:
        error = np.broadcast_to(error, shape)
    except ValueError as reason:
        raise ValueError(f"`{name}` must fit {shape}; got shape {error.shape}") from reason
    if (error < 0).any():
        raise ValueError(f"`{name}` must be 0 or more; got {error.min():g}")
    return error
