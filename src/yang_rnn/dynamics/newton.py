"""Fixed points by Newton's method: full steps while they lead somewhere, damped ones where not.

Three stages, each for the starts that the one before did not bring to a fixed point:

1. Full Newton steps ``h + (I - J)^-1 (F(h) - h)`` (after `undamped` of them, fractions of a step,
   which break cycles), whatever they do to the speed. On a rectified network F is affine on each
   set of active units, so all states of one set land on the same point: starts that have met go on
   as one, and few are left after a handful of steps.
2. A Levenberg-Marquardt descent of q from the slowest state that stage 1 saw, one per path.
3. The same descent from the start itself, which ends at a nearby minimum of q: of a few starts
   first, spread over the paths. Where one of these finds a fixed point all others follow, where it
   finds a minimum that is distinctly lower than its path's, the others of that path; those that
   don't stay with what their path came to.

A Jacobian that is singular to working precision (a line of fixed points) ends stage 1 for its path;
the damped steps of the later stages are then the shortest that reach the line.

Of a rectified network the steps are made from its active sets (`active_set_steps`), of other maps
by compiled ones (`steps`). Where no path has converged after a few fractions of a step, few of them
go on with stage 1 unless one then does; and of descents that have come to one affine piece of the
map the slowest goes on for all.

Chosen by measurement (`benchmarks/fixed_points.py fresh`): on ten networks that it was not tuned on
3 % or less of the time of BrainPy's finder, with compilation and without, whether or not there is a
fixed point, and as many starts at fixed points as if none were left out.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from jax.tree_util import Partial

from yang_rnn._checks import check_real, check_whole
from yang_rnn.dynamics.levenberg_marquardt import Descent
from yang_rnn.dynamics.maps import one_blas_thread, scale_of
from yang_rnn.dynamics.search import OnProgress, SearchEnd
from yang_rnn.dynamics.steps import CompiledSteps, Steps

_FRACTIONS = (0.25, 0.5, 0.75, 1.0)
_DISTINCT = 0.5  # share of a path's least speed below which another minimum is distinctly lower
_MAX_POLISH = 20
_LONGEST_POLISH = 1e4  # of a step, over ||F(h) - h||


@dataclass(frozen=True)
class Newton:
    """A second-order search in float64, each point for itself.

    Attributes
    ----------
    undamped : int
        Full steps before fractions of a step are tried.
    max_newton : int
        Most steps of stage 1.
    max_damped : int
        Most steps of each later stage.
    merge_distance : float
        Largest difference in any unit, relative to the starts' scale + max |h|, at which two paths
        have met.
    window, progress : int, float
        A damped descent has stalled when `window` steps took less than the share `progress` off q.
    scouts : int
        About how many starts stage 3 sends first; a number above that of all starts sends all.

    References
    ----------
    Qi & Sun (1993), Mathematical Programming 58:353 (Newton's method on maps with kinks).
    """

    undamped: int = 15
    max_newton: int = 60
    max_damped: int = 200
    merge_distance: float = 1e-9
    window: int = 10
    progress: float = 0.1
    scouts: int = 64

    @property
    def name(self) -> str:
        """What the record of the points calls it."""
        return "newton"

    def __post_init__(self) -> None:
        """Check the ranges."""
        for name in ("undamped", "max_newton", "max_damped"):
            check_whole(name, getattr(self, name), 0)
        check_whole("window", self.window, 1)
        check_whole("scouts", self.scouts, 1)
        check_real("merge_distance", self.merge_distance, minimum=0)
        if not check_real("progress", self.progress, minimum=0) < 1:
            raise ValueError(f"`progress` must be below 1; got {self.progress}")

    def search(
        self,
        F: Partial,
        starts: np.ndarray,
        fixed_speed: float,
        on_progress: OnProgress | None = None,
        steps: Steps | None = None,
    ) -> SearchEnd:
        """Search from each start for a state with F(h) = h.

        The starts are sorted first, so that what each of them reaches does not depend on the order
        in which they were given.

        Parameters
        ----------
        F : jax.tree_util.Partial
            The map in float64, see `as_map`.
        starts : numpy.ndarray, shape (n, N)
            Finite states to start from, n >= 1.
        fixed_speed : float
            q = 1/2 ||F(h) - h||^2 at which a point counts as found; it is then improved as far as
            float64 allows.
        on_progress : callable, optional
            Called with (starts that have stopped, all starts, mean square of the finite states).
        steps : Steps, optional
            How states of this map are moved; without it by compiled steps, for any map.

        Returns
        -------
        SearchEnd
            For each start the slowest state that its search came to. Reasons: ``converged``;
            ``stalled`` at a positive local minimum of q or a kink; ``limit`` of steps;
            ``non-finite``.
        """
        steps = CompiledSteps(F, starts.shape[1]) if steps is None else steps
        with one_blas_thread():
            return _search(steps, starts, fixed_speed, self, on_progress)


class _Ends(NamedTuple):
    """Slowest states, their speeds, steps made and reasons, start by start."""

    state: np.ndarray
    speed: np.ndarray
    steps: np.ndarray
    reason: np.ndarray

    def improve(self, rows: np.ndarray, found: _Ends) -> None:
        """Put in what a later stage found from these rows, where it is no faster."""
        better = ~(found.speed > self.speed[rows])
        for mine, theirs in ((self.state, found.state), (self.speed, found.speed),
                             (self.reason, found.reason)):  # fmt: skip
            mine[rows[better]] = theirs[better]
        self.steps[rows] += found.steps


class _Report(NamedTuple):
    """Passes on how many starts have stopped."""

    on_progress: OnProgress | None
    starts: int
    units: int

    def __call__(self, stopped: int, speed: np.ndarray) -> None:
        if self.on_progress is not None:
            finite = speed[np.isfinite(speed)]
            mean_square = 2.0 * finite.mean() / self.units if finite.size else np.nan
            self.on_progress(int(stopped), self.starts, float(mean_square))


def _search(
    moves: Steps,
    starts: np.ndarray,
    fixed_speed: float,
    settings: Newton,
    on_progress: OnProgress | None,
) -> SearchEnd:
    count, units = starts.shape
    scale = scale_of(starts)
    order = np.lexsort(starts.T[::-1])
    begin = starts[order]
    report = _Report(on_progress, count, units)
    ends, owner = _full_steps(moves, scale, begin, fixed_speed, settings, report)
    rest = np.flatnonzero(ends.reason != "converged")
    if len(rest):
        _, first, path = np.unique(owner[rest], return_index=True, return_inverse=True)
        found = _descent(moves, scale, ends.state[rest[first]], fixed_speed, settings)
        ends.improve(rest, _Ends(*(array[path] for array in found)))
        rest = rest[ends.reason[rest] != "converged"]
        report(count - len(rest), ends.speed)
    by_path = rest[np.argsort(owner[rest], kind="stable")]
    scouts = by_path[:: max(1, len(by_path) // settings.scouts)]
    while len(scouts):
        before = ends.speed[scouts]
        found = _descent(moves, scale, begin[scouts], fixed_speed, settings, report, ends.speed)
        ends.improve(scouts, found)
        rest = np.setdiff1d(rest, scouts)
        if not (found.reason == "converged").any():
            lower = scouts[found.speed < _DISTINCT * before]
            rest = rest[np.isin(owner[rest], owner[lower])]
        scouts = rest
    _polish(moves, scale, ends)
    back = np.empty(count, np.intp)
    back[order] = np.arange(count)
    return SearchEnd(ends.state[back], ends.steps[back], ends.reason[back], np.empty(0, np.float32))


def _full_steps(
    moves: Steps,
    scale: float,
    begin: np.ndarray,
    fixed_speed: float,
    settings: Newton,
    report: _Report,
) -> tuple[_Ends, np.ndarray]:
    """Stage 1: the ends of each (sorted) start, and the path it went on.

    Where none has converged after a few fractions of a step, few paths go on unless one of them
    then does.
    """
    paths = _Paths(moves, scale, begin, fixed_speed, settings, report)
    first = settings.undamped + len(_FRACTIONS)
    active = paths.advance(np.arange(len(begin)), 0, first)
    if not paths.converged.any():
        some = active[:: max(1, len(active) // settings.scouts)]
        paths.advance(some, first, settings.max_newton + 1)
        active = np.setdiff1d(active, some) if paths.converged.any() else active[:0]
    paths.advance(active, first, settings.max_newton + 1)
    owner = paths.owner
    ends = _Ends(paths.best, paths.speed, paths.steps, paths.reason)
    ends.reason[(ends.reason == "limit") & (ends.speed <= fixed_speed)] = "converged"
    return _Ends(*(array[owner] for array in ends)), owner


class _Paths:
    """Starts on their way by full steps; those that meet go on as one."""

    def __init__(
        self,
        moves: Steps,
        scale: float,
        begin: np.ndarray,
        fixed_speed: float,
        settings: Newton,
        report: _Report,
    ):
        count, units = begin.shape
        self._moves, self._scale, self._settings, self._report = moves, scale, settings, report
        self._fixed_speed = fixed_speed
        self._direction = np.random.default_rng(0).standard_normal(units)
        self._h = begin.copy()
        self.best, self.speed = begin.copy(), np.full(count, np.inf)
        self.steps = np.zeros(count, np.int64)
        self.owner = np.arange(count)
        self.reason = np.full(count, "limit", "<U20")

    @property
    def converged(self) -> np.ndarray:
        """Which starts have come to a fixed point, or the path that they went on."""
        return (self.reason == "converged")[self.owner]

    def advance(self, active: np.ndarray, first: int, stop: int) -> np.ndarray:
        """Make the steps from `first` to before `stop` on some paths; return those that go on."""
        for step in range(first, min(stop, self._settings.max_newton + 1)):
            if not len(active):
                break
            late = step - self._settings.undamped
            fraction = 1.0 if late < 0 else _FRACTIONS[late % len(_FRACTIONS)]
            new, q, trusted = self._moves.full(self._h[active], fraction)
            before = self.speed[active]
            slower = q < before
            here = active[slower]
            self.best[here], self.speed[here] = self._h[here], q[slower]
            self.steps[active] = step
            done = (np.minimum(q, before) <= self._fixed_speed) & ~(q < 0.25 * before)
            done |= q == 0.0
            self.reason[active[done]] = "converged"
            lost = ~done & ~(np.isfinite(new).all(axis=1) & np.isfinite(q) & trusted)
            self.reason[active[lost & (self.speed[active] <= self._fixed_speed)]] = "converged"
            go = ~done & ~lost
            active = active[go]
            self._h[active] = new[go]
            active = self._merged(active)
            self._report(self.converged.sum(), self.speed[self.owner])
        return active

    def _merged(self, active: np.ndarray) -> np.ndarray:
        """Hand paths that have met to the first of them; return the paths that go on."""
        if len(active) < 2:
            return active
        line = active[np.argsort(self._h[active] @ self._direction, kind="stable")]
        left, right = self._h[line[:-1]], self._h[line[1:]]
        gap = np.abs(right - left).max(axis=1)
        nearest = self._settings.merge_distance * (self._scale + np.abs(right).max(axis=1))
        group = np.concatenate([[0], np.cumsum(gap > nearest)])
        leaders = np.full(group[-1] + 1, len(self.owner))
        np.minimum.at(leaders, group, line)
        self.owner[line] = leaders[group]
        self.owner[:] = self.owner[self.owner]
        return np.sort(leaders)


def _descent(
    moves: Steps,
    scale: float,
    begin: np.ndarray,
    fixed_speed: float,
    settings: Newton,
    report: _Report | None = None,
    known: np.ndarray | None = None,
) -> _Ends:
    """Levenberg-Marquardt on q from each state; `known` speeds go into the report.

    Of descents that have come to one affine piece of the map the slowest goes on for all.
    """
    at = moves.begin(begin, scale)
    count, q = len(begin), at.q
    reference = q.copy()
    steps = np.zeros(count, np.int64)
    reason = np.full(count, "limit", "<U20")
    reason[~np.isfinite(q)] = "non-finite"
    owner = np.arange(count)
    active = np.flatnonzero(np.isfinite(q))
    for step in range(1, settings.max_damped + 1):
        if len(active) == 0:
            break
        old = q[active]
        new = moves.damped(Descent(*(array[active] for array in at)))
        for whole, part in zip(at, new, strict=True):
            whole[active] = part
        steps[active] = step
        found = (new.q <= fixed_speed) & ~(new.moved & (new.q < 0.25 * old))
        found |= new.q == 0.0
        short = new.length <= 1e-10 * (scale + np.abs(new.state).max(axis=1))
        stuck = ~new.moved & short
        if step % settings.window == 0:
            stuck |= new.q > (1.0 - settings.progress) * reference[active]
            reference[active] = new.q
        stuck |= ~np.isfinite(new.length)
        reason[active[stuck]] = "stalled"
        reason[active[found]] = "converged"
        active = active[~(found | stuck)]
        if step % settings.window == 0 and len(active):
            owner[active] = _slowest(moves.pieces(at.state[active]), active, q)
            active = np.unique(owner[active])
            owner = owner[owner]
        if report is not None:
            report(report.starts - len(active), q if known is None else known)
    reason[q <= fixed_speed] = "converged"
    return _Ends(*(array[owner] for array in (at.state, q, steps, reason)))


def _slowest(pieces: np.ndarray, active: np.ndarray, q: np.ndarray) -> np.ndarray:
    """Return for each active descent the slowest one on its piece."""
    order = np.lexsort((q[active], pieces))
    _, first, which = np.unique(pieces[order], return_index=True, return_inverse=True)
    slowest = np.empty_like(active)
    slowest[order] = active[order[first[which]]]
    return slowest


def _polish(moves: Steps, scale: float, ends: _Ends) -> None:
    """Improve what converged until no step makes it slower: as far as float64 allows."""
    rows = np.flatnonzero((ends.reason == "converged") & (ends.speed > 0))
    if not len(rows):
        return
    best, path = np.unique(ends.state[rows], axis=0, return_inverse=True)
    path = path.reshape(-1)  # NumPy 2.0 gives it another axis
    speed = np.full(len(best), np.inf)
    speed[path] = ends.speed[rows]
    active = np.arange(len(best))
    for _ in range(_MAX_POLISH):
        if not len(active):
            break
        here, least = best[active], np.sqrt(2.0 * speed[active])
        at = moves.begin(here, scale)._replace(damping=np.zeros(len(here)))
        new = moves.damped(at).state  # the shortest step that leads there
        idle = (new == here).all(axis=1)
        # Where that leads no further, a full one, unless it would run along a line of fixed points.
        full, _, trusted = moves.full(here)
        short = np.linalg.norm(full - here, axis=1) <= _LONGEST_POLISH * least
        new = np.where((idle & trusted & short)[:, None], full, new)
        q = moves.begin(new, scale).q
        slower = q < speed[active]
        better = active[slower]
        best[better], speed[better] = new[slower], q[slower]
        active = better[speed[better] > 0]
    ends.state[rows], ends.speed[rows] = best[path], speed[path]
