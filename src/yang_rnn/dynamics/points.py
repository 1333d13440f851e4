"""The record of the points that a search ended at."""

from __future__ import annotations

import os
import tempfile
from collections import Counter
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any, Literal

import numpy as np

from yang_rnn._checks import check_real
from yang_rnn.dynamics.uniqueness import nearest_within, representatives

STATUSES = ("fixed", "slow", "unconverged", "diverged")
"""What a point can be, from exact to lost."""

_PER_POINT = ("state", "speed", "start", "iterations", "status", "reason", "starts_reached")
_SCALARS = ("method", "fixed_speed", "slow_speed", "total_starts")


@dataclass(frozen=True, eq=False, repr=False)
class FixedPoints:
    """Points that a search ended at, each with its speed and an honest status.

    The status is ``fixed`` where the speed q is at most `fixed_speed`, ``slow`` where it is below
    `slow_speed`, ``unconverged`` where it is not, and ``diverged`` where the state or its image is
    not finite. Arrays are read-only. Indexing with a number, slice, mask or list of numbers gives a
    record of those points.

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
    method : str
        The search, ``gradient`` or ``newton``.
    fixed_speed, slow_speed : float
        The tolerances on q behind the statuses.
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
    method: str
    fixed_speed: float
    slow_speed: float
    total_starts: int
    trace: np.ndarray
    search_counts: dict[str, int] = field(default_factory=dict)

    def __post_init__(self) -> None:
        """Check the shapes and make the arrays read-only."""
        n = len(self.state)
        for name in (*_PER_POINT, "trace"):
            array = np.array(getattr(self, name))
            expected = self.state.shape if name == "start" else (n,)
            if name not in ("state", "trace") and array.shape != expected:
                raise ValueError(f"`{name}` must have shape {expected}; got {array.shape}")
            array.flags.writeable = False
            object.__setattr__(self, name, array)
        if self.state.ndim != 2:
            raise ValueError(f"`state` must have shape (n, N); got {self.state.shape}")
        unknown = set(self.status.tolist()) - set(STATUSES)
        if unknown:
            raise ValueError(f"`status` must be among {STATUSES}; got {sorted(unknown)}")
        object.__setattr__(self, "search_counts", dict(self.search_counts or self.counts))

    def __len__(self) -> int:
        """Count the points."""
        return len(self.state)

    def __getitem__(self, index: Any) -> FixedPoints:
        """Take some of the points: a number, a slice, a mask (n,) or a list of numbers."""
        rows = np.arange(len(self))[index]
        picked = {name: getattr(self, name)[np.atleast_1d(rows)] for name in _PER_POINT}
        return self._with(**picked)

    def __repr__(self) -> str:
        """Say how many points of which status, where they come from and how fast they move."""
        counts = ", ".join(f"{number} {status}" for status, number in self.counts.items())
        finite = self.speed[np.isfinite(self.speed)]
        span = f"; q {finite.min():.1e} to {finite.max():.1e}" if finite.size else ""
        return (
            f"FixedPoints({len(self)} of {self.state.shape[1]} units: {counts}; "
            f"{self.method} from {self.total_starts} starts{span})"
        )

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
        unknown = [status for status in statuses if status not in STATUSES]
        if unknown:
            raise ValueError(f"`statuses` must be among {STATUSES}; got {unknown}")
        return self[np.isin(self.status, statuses)]

    def unique(
        self, distance: float, *, keep: Literal["slowest", "first"] = "slowest"
    ) -> FixedPoints:
        """Keep one representative of the points that lie together, and count their starts.

        Parameters
        ----------
        distance : float
            Euclidean distance within which points are one.
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
        """
        path = Path(path)
        path = path if path.suffix == ".npz" else path.with_name(path.name + ".npz")
        content = {f.name: getattr(self, f.name) for f in fields(self)}
        content["search_counts"] = [self.search_counts[status] for status in STATUSES]
        handle, aside = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
        try:
            with os.fdopen(handle, "wb") as file:
                np.savez(file, **content)
                file.flush()
                os.fsync(file.fileno())
            os.replace(aside, path)
        except BaseException:
            Path(aside).unlink(missing_ok=True)
            raise
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
        ValueError
            If the file lacks one of the record's entries, or holds pickled objects.
        """
        with open(path, "rb") as raw, np.load(raw, allow_pickle=False) as file:
            missing = [f.name for f in fields(cls) if f.name not in file]
            if missing:
                raise ValueError(f"`path` is not a record of fixed points: {path} lacks {missing}")
            content = {f.name: file[f.name] for f in fields(cls)}
        scalars = {name: content.pop(name).item() for name in _SCALARS}
        ended: list[int] = content.pop("search_counts").tolist()
        counts: dict[str, int] = dict(zip(STATUSES, ended, strict=True))
        return cls(**content, **scalars, search_counts=counts)

    def to_frame(self) -> Any:
        """Give the points as a pandas frame, one row per point.

        Returns
        -------
        pandas.DataFrame
            Columns status, speed, mean_square, iterations, reason, starts_reached, then
            state_0 ... state_{N-1} and start_0 ... start_{N-1}.

        Raises
        ------
        ImportError
            If pandas is not installed.
        """
        try:
            import pandas
        except ImportError as error:
            raise ImportError("`to_frame` needs pandas, which is not installed") from error
        names = ("status", "speed", "mean_square", "iterations", "reason", "starts_reached")
        columns = {name: getattr(self, name) for name in names}
        for name in ("state", "start"):
            columns |= {f"{name}_{unit}": col for unit, col in enumerate(getattr(self, name).T)}
        return pandas.DataFrame(columns)

    def _with(self, **changes: Any) -> FixedPoints:
        return FixedPoints(**{f.name: getattr(self, f.name) for f in fields(self)} | changes)
