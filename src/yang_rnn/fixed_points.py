"""Fixed and slow points of a map h -> F(h): the search, and the record of what it found."""

from __future__ import annotations

import os
import tempfile
from collections import Counter
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any, Literal

import numpy as np

from yang_rnn.gradient import GradientSettings, Progress, SearchEnd, descend
from yang_rnn.maps import Map, as_map, as_states, check_map, speeds
from yang_rnn.newton import NewtonSettings, solve
from yang_rnn.uniqueness import nearest_within, representatives

STATUSES = ("fixed", "slow", "unconverged", "diverged")
"""What a point can be, from exact to lost."""

_PER_POINT = ("state", "speed", "start", "iterations", "status", "reason", "starts_reached")


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
    search_counts : dict
        How many of all starts ended with each status, whatever has been selected since.
    trace : numpy.ndarray, shape (steps,), float32, or None
        Mean square over all starts before each update, for the gradient descent.
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
    search_counts: dict[str, int]
    trace: np.ndarray | None = None

    def __post_init__(self) -> None:
        """Check the shapes and make the arrays read-only."""
        n = len(self.state)
        for name in _PER_POINT:
            array = np.array(getattr(self, name))
            expected = self.state.shape if name == "start" else (n,)
            if name != "state" and array.shape != expected:
                raise ValueError(f"`{name}` must have shape {expected}; got {array.shape}.")
            array.flags.writeable = False
            object.__setattr__(self, name, array)
        if self.state.ndim != 2:
            raise ValueError(f"`state` must have shape (n, N); got {self.state.shape}.")
        unknown = set(self.status.tolist()) - set(STATUSES)
        if unknown:
            raise ValueError(f"`status` must be among {STATUSES}; got {sorted(unknown)}.")

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
        return _count(self.status)

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
            raise ValueError(f"`statuses` must be among {STATUSES}; got {unknown}.")
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
        distance = _nonnegative("distance", distance)
        if keep not in ("slowest", "first"):
            raise ValueError(f"`keep` must be 'slowest' or 'first'; got {keep!r}.")
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
        distance = _nonnegative("distance", distance)
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
        if self.trace is None:
            del content["trace"]
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
            missing = [f.name for f in fields(cls) if f.name != "trace" and f.name not in file]
            if missing:
                raise ValueError(f"`path` is not a record of fixed points: {path} lacks {missing}.")
            content = {f.name: file[f.name] for f in fields(cls) if f.name in file}
        scalars = {name: content.pop(name).item() for name in _SCALARS}
        counts = content.pop("search_counts").tolist()
        scalars["search_counts"] = dict(zip(STATUSES, counts, strict=True))
        return cls(**content, **scalars)

    def to_frame(self) -> Any:
        """Give the points as a pandas frame, a row a point.

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
            raise ImportError("`to_frame` needs pandas, which is not installed.") from error
        names = ("status", "speed", "mean_square", "iterations", "reason", "starts_reached")
        columns = {name: getattr(self, name) for name in names}
        for name in ("state", "start"):
            columns |= {f"{name}_{unit}": col for unit, col in enumerate(getattr(self, name).T)}
        return pandas.DataFrame(columns)

    def _with(self, **changes: Any) -> FixedPoints:
        return FixedPoints(**{f.name: getattr(self, f.name) for f in fields(self)} | changes)


_SCALARS = ("method", "fixed_speed", "slow_speed", "total_starts")


def find_fixed_points(
    F: Map,
    starts: Any,
    *,
    method: Literal["newton", "gradient"] = "newton",
    fixed_speed: float = 1e-20,
    slow_speed: float | None = None,
    slow_mean_square: float | None = None,
    settings: GradientSettings | NewtonSettings | None = None,
    on_progress: Progress | None = None,
) -> FixedPoints:
    """Search for fixed and slow points of a map from given states.

    Parameters
    ----------
    F : callable
        Pure map from a state (N,) to the next state (N,), written with JAX. A
        `jax.tree_util.Partial` of a function and its weights is compiled once for all networks of
        one shape; any other callable is compiled anew.
    starts : array_like, shape (n, N) or (N,)
        States to start from. One that is not finite ends as ``diverged``; there may be none.
    method : {"newton", "gradient"}
        ``newton``: a second-order search in float64, each point for itself (`NewtonSettings`).
        ``gradient``: Adam in float32 on the mean over all points (`GradientSettings`); it ends at
        slow points, hardly ever at a fixed one.
    fixed_speed : float
        Largest q = 1/2 ||F(h) - h||^2 that counts as ``fixed``. The default, 1e-20, bounds every
        unit's ||F(h) - h|| by 1.5e-10.
    slow_speed, slow_mean_square : float, optional
        The value below which a point counts as ``slow``, either as q or as the mean square over
        units, q = N/2 * mean square; not both. The default is the mean square 1e-4, which is
        q = 3.2e-3 at N = 64.
    settings : GradientSettings or NewtonSettings, optional
        Settings of the search.
    on_progress : callable, optional
        Called as ``on_progress(done, total, mean_square)``: updates made and the mean square of
        all states (``gradient``), or starts that have stopped and the mean square of all finite
        states (``newton``).

    Returns
    -------
    FixedPoints
        One point per start, in the order of the starts; nothing is dropped.

    Raises
    ------
    TypeError
        If `F` is not callable, the starts are not real, or the settings are for another method.
    ValueError
        If the starts or tolerances are out of range, or `F` changes the shape of a state.

    References
    ----------
    Sussillo & Barak (2013), Neural Computation 25:626-649. Golub & Sussillo (2018), Journal of Open
    Source Software 3:1003.
    """
    starts = as_states(starts, "starts")
    count, units = starts.shape
    if method not in ("newton", "gradient"):
        raise ValueError(f"`method` must be 'newton' or 'gradient'; got {method!r}.")
    wanted = GradientSettings if method == "gradient" else NewtonSettings
    if settings is not None and not isinstance(settings, wanted):
        raise TypeError(
            f"`settings` must be {wanted.__name__} for method {method!r}; "
            f"got {type(settings).__name__}."
        )
    slow_speed = slow_tolerance(units, slow_speed, slow_mean_square)
    fixed_speed = _nonnegative("fixed_speed", fixed_speed)
    if fixed_speed > slow_speed:
        raise ValueError(
            f"`fixed_speed` must not exceed the slow tolerance {slow_speed}; got {fixed_speed}."
        )
    check_map(as_map(F, np.float64), units)

    usable = np.isfinite(starts).all(axis=1)
    end = SearchEnd(
        starts.copy(), np.zeros(count, np.int64), np.full(count, "non-finite", "<U20"), None
    )
    if usable.any():
        if isinstance(settings, GradientSettings) or method == "gradient":
            found = descend(F, starts[usable], settings, on_progress)  # pyright: ignore
        else:
            found = solve(F, starts[usable], fixed_speed, settings, on_progress)
        for whole, part in zip(end[:3], found[:3], strict=True):
            whole[usable] = part
        end = end._replace(trace=found.trace)

    speed = speeds(F, end.state)
    lost = ~np.isfinite(speed) | ~np.isfinite(end.state).all(axis=1)
    status = np.select(
        [lost, speed <= fixed_speed, speed < slow_speed],
        ["diverged", "fixed", "slow"],
        "unconverged",
    )
    return FixedPoints(
        state=end.state,
        speed=speed,
        start=starts,
        iterations=end.iterations,
        status=status,
        reason=end.reason,
        starts_reached=np.ones(count, np.int64),
        method=method,
        fixed_speed=fixed_speed,
        slow_speed=slow_speed,
        total_starts=count,
        search_counts=_count(status),
        trace=end.trace,
    )


def slow_tolerance(
    units: int, slow_speed: float | None = None, slow_mean_square: float | None = None
) -> float:
    """Give the slow tolerance as q, from q or from the mean square over units.

    Parameters
    ----------
    units : int
        The number of units N.
    slow_speed : float, optional
        The tolerance as q = 1/2 ||F(h) - h||^2.
    slow_mean_square : float, optional
        The tolerance as the mean of (F(h) - h)^2 over units; q = N/2 * mean square. Default 1e-4.

    Returns
    -------
    float
        The tolerance on q.

    Raises
    ------
    ValueError
        If both are given, or one is negative.
    """
    if slow_speed is not None:
        if slow_mean_square is not None:
            raise ValueError(
                "Give `slow_speed` or `slow_mean_square`, not both; "
                f"got {slow_speed} and {slow_mean_square}."
            )
        return _nonnegative("slow_speed", slow_speed)
    mean_square = 1e-4 if slow_mean_square is None else slow_mean_square
    return 0.5 * units * _nonnegative("slow_mean_square", mean_square)


def _count(status: np.ndarray) -> dict[str, int]:
    seen = Counter(status.tolist())
    return {name: seen[name] for name in STATUSES}


def _nonnegative(name: str, value: float) -> float:
    if not value >= 0:
        raise ValueError(f"`{name}` must be a number >= 0; got {value}.")
    return float(value)
