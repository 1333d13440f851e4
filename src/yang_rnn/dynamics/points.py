"""The record of the points that a search ended at."""

from __future__ import annotations

import io
import os
from collections import Counter
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from yang_rnn._checks import (
    Index,
    as_array,
    check_array,
    check_path,
    check_real,
    check_text,
    check_whole,
    shown,
)
from yang_rnn._files import arrays_in, content_of, damage_named, write_whole
from yang_rnn._frames import by_unit, frame_of
from yang_rnn.dynamics.uniqueness import nearest_within, representatives

if TYPE_CHECKING:
    from yang_rnn._frames import DataFrame

STATUSES = ("fixed", "slow", "unconverged", "diverged")
"""What a point can be, from exact to lost."""

FAR = 10.0
"""Distance from the data, in spreads of these, from which on a point is far.

Of 28 networks of four kinds all points lay within 5, but for one at 39.
"""

LEAST_SCALE = 1e-4
"""Share of the data's scale that a point's own is at least: a fixed point may be at 0."""

UNIQUE = 1e-6
"""Distance, over the norm of a state of the data's scale, within which points are one."""

_PER_POINT = (
    "state", "speed", "start", "iterations", "status", "reason", "starts_reached", "distance",
    "outside",
)  # fmt: skip
_REAL, _WHOLE = ("state", "speed", "start", "distance"), ("iterations", "starts_reached")
_SCALARS = ("method", "fixed_speed", "slow_speed", "scale", "total_starts")
_ROUNDING = 1e-9  # of a speed, between processors


def own_scale(states: np.ndarray, scale: float) -> np.ndarray:
    """Return the root mean square of each state's units (n,), at least `LEAST_SCALE` of a scale."""
    with np.errstate(over="ignore"):
        return np.maximum(np.sqrt(np.mean(np.square(states), axis=1)), LEAST_SCALE * scale)


@dataclass(frozen=True, eq=False, repr=False)
class FixedPoints:
    """Points that a search ended at, each with its speed and an honest status.

    The status is ``fixed`` where the speed q, over the squared scale of the point, is at most
    `fixed_speed`, ``slow`` where it is below `slow_speed`, ``unconverged`` where it is not, and
    ``diverged`` where the state or its image is not finite, or where a unit that has two finite
    bounds is outside them: no fixed point can be there, but gates that a large state shuts keep it
    nearly as it is. A point that is `far` from the data may be a fixed point of the map and tells
    nothing about what the network does. Arrays are read-only. Indexing with a number, slice, mask
    or list of numbers gives a record of those points.

    Attributes
    ----------
    state : numpy.ndarray, shape (n, N), float64
        The points.
    speed : numpy.ndarray, shape (n,), float64
        q = 1/2 ||F(h) - h||^2, computed in float64 at `state`.
    start : numpy.ndarray, shape (n, N), float64
        The state each search began at.
    iterations : numpy.ndarray, shape (n,), int
        Iterations the search made.
    status : numpy.ndarray, shape (n,), str
        ``fixed``, ``slow``, ``unconverged`` or ``diverged``.
    reason : numpy.ndarray, shape (n,), str
        Why the search stopped (see the searches).
    starts_reached : numpy.ndarray, shape (n,), int
        How many starts ended at this point: 1 until `unique` has counted them together.
    distance : numpy.ndarray, shape (n,), float64
        Distance from the nearest of the data (the states of trajectories, or the starts), in
        spreads of these: the root mean square of their distance from their mean.
    outside : numpy.ndarray, shape (n,), bool
        Whether it lies outside the bounds of the system, by a tenth of that spread or more; by more
        than rounding where it would else be fixed.
    method : str
        The search, ``gradient`` or ``newton``.
    fixed_speed, slow_speed : float
        The tolerances behind the statuses: of q over the squared scale, and of q (at the data's
        scale, where it was not given).
    scale : float
        Root mean square of the units of the data.
    total_starts : int
        How many starts there were.
    trace : numpy.ndarray, shape (steps,), float32
        Mean square over all starts before each update of the gradient descent; empty for others.
    search_counts : dict
        How many of all starts ended with each status, whatever has been selected since; if not
        given, that of the points.
    """

    state: np.ndarray
    speed: np.ndarray
    start: np.ndarray
    iterations: np.ndarray
    status: np.ndarray
    reason: np.ndarray
    starts_reached: np.ndarray
    distance: np.ndarray
    outside: np.ndarray
    method: str
    fixed_speed: float
    slow_speed: float
    scale: float
    total_starts: int
    trace: np.ndarray
    search_counts: dict[str, int] = field(default_factory=dict)

    def __post_init__(self) -> None:
        """Check types, shapes and ranges, and make the arrays read-only."""
        state = check_array("state", self.state, ("n", "N"), finite=False, empty=True)
        for name in (*_PER_POINT, "trace"):
            shape = state.shape if name in ("state", "start") else (len(state),)
            array = _checked(name, getattr(self, name), ("steps",) if name == "trace" else shape)
            array.flags.writeable = False
            object.__setattr__(self, name, array)
        unknown = set(self.status.tolist()) - set(STATUSES)
        if unknown:
            raise ValueError(f"`status` must be among {STATUSES}; got {shown(sorted(unknown))}")
        there = self.status != "diverged"
        for name in ("state", "speed", "start"):
            if not np.isfinite(getattr(self, name)[there]).all():
                raise ValueError(f"`{name}` must be finite where nothing diverged; got others")
        check_text("method", self.method)
        for name in ("fixed_speed", "slow_speed", "scale"):
            check_real(name, getattr(self, name), minimum=0)
        check_whole("total_starts", self.total_starts, 0)
        counts = dict(self.search_counts or self.counts)
        if set(counts) != set(STATUSES):
            raise ValueError(f"`search_counts` must have {STATUSES}; got {shown(list(counts))}")
        for number in counts.values():
            check_whole("search_counts", number, 0)
        object.__setattr__(self, "search_counts", counts)

    def __len__(self) -> int:
        """Count the points."""
        return len(self.state)

    def __getitem__(self, index: Index) -> FixedPoints:
        """Take some of the points: a number, a slice, a mask (n,) or a list of numbers."""
        rows = np.arange(len(self))[index]
        picked = {name: getattr(self, name)[np.atleast_1d(rows)] for name in _PER_POINT}
        return self._with(**picked)

    def __repr__(self) -> str:
        """Say how many points of which status, where they come from and how fast they move."""
        counts = ", ".join(f"{number} {status}" for status, number in self.counts.items())
        finite = self.speed[np.isfinite(self.speed)]
        span = f"; q {finite.min():.1e} to {finite.max():.1e}" if finite.size else ""
        far = f"; {int(self.far.sum())} FAR from the data" if self.far.any() else ""
        return (
            f"FixedPoints({len(self)} of {self.state.shape[1]} units: {counts}; "
            f"{self.method} from {self.total_starts} starts{span}{far})"
        )

    @property
    def far(self) -> np.ndarray:
        """Which points lie where the network doesn't go, shape (n,), bool.

        Outside its bounds, or `FAR` spreads of the data away from them.
        """
        return self.outside | (self.distance > FAR)

    @property
    def kind(self) -> np.ndarray:
        """The status of each point, or ``far`` where it is far and did not diverge, shape (n,)."""
        return np.where(self.far & (self.status != "diverged"), "far", self.status)

    @property
    def counts(self) -> dict[str, int]:
        """How many points of each status; every status has its entry."""
        seen = Counter(self.status.tolist())
        return {status: seen[status] for status in STATUSES}

    @property
    def mean_square(self) -> np.ndarray:
        """Mean square of F(h) - h over the N units, shape (n,): 2 q / N."""
        return 2.0 * self.speed / self.state.shape[1]

    @property
    def basin_share(self) -> np.ndarray:
        """Share of all starts that ended at each point, shape (n,)."""
        return self.starts_reached / max(1, self.total_starts)

    def with_status(self, *statuses: str) -> FixedPoints:
        """Keep the points of the given statuses.

        Parameters
        ----------
        *statuses : str
            Among ``fixed``, ``slow``, ``unconverged`` and ``diverged``.

        Returns
        -------
        FixedPoints
            Those points, in their order.

        Raises
        ------
        ValueError
            If a status is not one of the four.
        """
        known = [isinstance(status, str) and status in STATUSES for status in statuses]
        unknown = [status for status, is_known in zip(statuses, known, strict=True) if not is_known]
        if unknown:
            raise ValueError(f"`statuses` must be among {STATUSES}; got {unknown}")
        return self[np.isin(self.status, statuses)]

    def unique(
        self, distance: float | None = None, *, keep: Literal["slowest", "first"] = "slowest"
    ) -> FixedPoints:
        """Keep one representative of the points that lie together, and count their starts.

        Parameters
        ----------
        distance : float, optional
            Euclidean distance within which points are one; without it 1e-6 of the norm of a state
            of the data's scale.
        keep : {"slowest", "first"}
            ``slowest``: from the slowest point on, each not yet represented becomes the
            representative of all within `distance` of it; this does not depend on the order of the
            points, and what is kept is further apart than `distance`. ``first``: a point goes if
            any point before it lies within `distance`, the rule of BrainPy's `SlowPointFinder`,
            which depends on the order.

        Returns
        -------
        FixedPoints
            The representatives in their order, with the starts of those they represent added up.
            Points that are not finite represent only themselves.

        Raises
        ------
        ValueError
            If the distance is negative or not a number, or `keep` is unknown.
        """
        if distance is None:
            distance = UNIQUE * self.scale * float(np.sqrt(self.state.shape[1]))
        distance = check_real("distance", distance, minimum=0)
        if keep not in ("slowest", "first"):
            raise ValueError(f"`keep` must be 'slowest' or 'first'; got {keep!r}")
        order = None if keep == "first" else np.lexsort((*self.state.T[::-1], self.speed))
        leader = representatives(self.state, distance, order)
        reached = np.bincount(leader, weights=self.starts_reached, minlength=len(self))
        kept = leader == np.arange(len(self))
        return self._with(starts_reached=reached.astype(np.int64))[kept]

    def without_outliers(self, distance: float) -> FixedPoints:
        """Keep the points that have another one closer than a distance.

        Parameters
        ----------
        distance : float
            Euclidean distance to the nearest other point from which on a point is an outlier.

        Returns
        -------
        FixedPoints
            The points with company, in their order; a single point stays.

        Raises
        ------
        ValueError
            If the distance is negative or not a number.
        """
        distance = check_real("distance", distance, minimum=0)
        if len(self) <= 1:
            return self
        return self[nearest_within(self.state, distance)]

    def save(self, path: str | os.PathLike[str]) -> Path:
        """Write the record to an ``.npz`` file, whole or not at all.

        Parameters
        ----------
        path : path-like
            Where to; ``.npz`` is appended if missing.

        Returns
        -------
        pathlib.Path
            The file.

        Raises
        ------
        OSError
            If it can't be written; it names the file.
        ValueError
            If a status does not belong to its speed.
        """
        check_path("path", path)
        self._check_statuses()
        path = Path(path)
        path = path if path.suffix == ".npz" else path.with_name(path.name + ".npz")
        content = {f.name: getattr(self, f.name) for f in fields(self)}
        content["search_counts"] = [self.search_counts[status] for status in STATUSES]
        file = io.BytesIO()
        np.savez(file, **content)
        write_whole(path, file.getvalue())
        return path

    @classmethod
    def load(cls, path: str | os.PathLike[str]) -> FixedPoints:
        """Read a record written by `save`.

        Parameters
        ----------
        path : path-like
            The ``.npz`` file.

        Returns
        -------
        FixedPoints
            The record.

        Raises
        ------
        OSError
            If there is no such file, or it can't be read.
        ValueError
            If it is not such a record: it lacks an entry, holds pickled objects, would unpack to
            far more than it has, or has a value that can't be. The message begins with its name.
        """
        return cls.from_bytes(content_of(path), path)

    @classmethod
    def from_bytes(cls, content: bytes, path: str | os.PathLike[str]) -> FixedPoints:
        """Make the record that the content of a file is; raises as `load` does.

        Parameters
        ----------
        content : bytes
        path : path-like
            Where it is from, for errors.

        Returns
        -------
        FixedPoints
            The record.
        """
        with damage_named(path):
            arrays: dict[str, Any] = arrays_in(content, [f.name for f in fields(cls)])
            for name in (*_REAL, "trace"):
                if arrays[name].dtype.kind != "f":
                    raise ValueError(f"`{name}` must be float; got {arrays[name].dtype}")
            for name in _REAL:
                if arrays[name].dtype.itemsize != 8:
                    raise ValueError(f"`{name}` must be float64; got {arrays[name].dtype}")
            for name in _SCALARS:
                if arrays[name].shape != ():
                    raise ValueError(f"`{name}` must be one value; got {arrays[name].shape}")
            scalars = {name: arrays.pop(name).item() for name in _SCALARS}
            shape = (len(STATUSES),)
            ended = check_array("search_counts", arrays.pop("search_counts"), shape, whole=True)
            counts: dict[str, int] = dict(zip(STATUSES, ended.tolist(), strict=True))
            points = cls(**arrays, **scalars, search_counts=counts)
            points._check_statuses()
            return points

    def to_frame(self) -> DataFrame:
        """Give the points as a pandas frame, one row per point.

        Returns
        -------
        pandas.DataFrame
            Columns status, speed, mean_square, iterations, reason, starts_reached, distance
            (spreads of the data), far, then state_0 ... state_{N-1} and start_0 ... start_{N-1}.

        Raises
        ------
        ImportError
            If pandas is not installed.
        """
        names = (
            "status", "speed", "mean_square", "iterations", "reason", "starts_reached", "distance",
            "far",
        )  # fmt: skip
        columns = {name: getattr(self, name) for name in names}
        return frame_of(columns | by_unit("state", self.state) | by_unit("start", self.start))

    def _with(self, **changes: Any) -> FixedPoints:
        return FixedPoints(**{f.name: getattr(self, f.name) for f in fields(self)} | changes)

    def _check_statuses(self) -> None:
        """Raise a `ValueError` where a status is not that of its speed, but for rounding."""
        with np.errstate(over="ignore", invalid="ignore"):
            fixed = self.fixed_speed * own_scale(self.state, self.scale) ** 2
            lost = ~np.isfinite(self.speed) | ~np.isfinite(self.state).all(axis=1)
            wrong = np.ones(len(self), bool)
            for slack in (1 - _ROUNDING, 1 + _ROUNDING):
                still = [lost, self.speed <= slack * fixed, self.speed < slack * self.slow_speed]
                status = np.select(still, ["diverged", "fixed", "slow"], "unconverged")
                wrong &= self.status != status
        wrong &= ~(self.outside & (self.status == "diverged"))
        if wrong.any():
            first = int(np.flatnonzero(wrong)[0])
            raise ValueError(
                f"`status` must be that of the speed; got {self.status[first]} for point {first} "
                f"of speed {self.speed[first]:.3g}"
            )


def _checked(name: str, value: Any, shape: tuple[Any, ...]) -> np.ndarray:
    """Return a copy of one of the record's arrays, in its dtype; raise where it can't be one."""
    if name in (*_REAL, "trace"):
        array = check_array(name, value, shape, finite=False, empty=True)
        array = array.astype(array.dtype if name == "trace" else np.float64)
        low = np.isnan(array) if name == "distance" else np.zeros(array.shape, bool)
        if name not in ("state", "start") and (low | (array < 0)).any():
            raise ValueError(f"`{name}` must be 0 or more; got others")
        return array
    if name in _WHOLE:
        array = check_array(name, value, shape, empty=True, whole=True)
        if (array < 0).any():
            raise ValueError(f"`{name}` must be 0 or more; got {array.min()}")
        return array.astype(np.int64)
    kind, words = ("b", "truth values") if name == "outside" else ("U", "text")
    array = as_array(name, value).copy()
    if array.dtype.kind != kind:
        raise TypeError(f"`{name}` must be {words}; got dtype {array.dtype}")
    if array.shape != shape:
        raise ValueError(f"`{name}` must have shape {shape}; got {array.shape}")
    return array
