"""Fixed points by Newton's method: full steps while they lead somewhere, damped ones where not.

Three stages, each for the starts that the one before did not bring to a fixed point:

1. Full Newton steps ``h + (I - J)^-1 (F(h) - h)`` (after `undamped` of them, fractions of a step,
   which break cycles), whatever they do to the speed. On a rectified network F is affine on each
   set of active units, so all states of one set land on the same point: starts that have met go on
   as one, and few are left after a handful of steps.
2. A Levenberg-Marquardt descent of q from the slowest state that stage 1 saw, one per path.
3. The same descent from the start itself, which ends at a nearby minimum of q.

A Jacobian that is singular to working precision (a line of fixed points) ends stage 1 for its path;
the damped steps of the later stages are then the shortest that reach the line.

Chosen by measurement (`benchmarks/fixed_points.py`; 2200 states of two trained networks, 2 cores):
0.12 and 0.10 s once compiled, 1.0 and 0.8 s with compilation, all starts at q <= 1e-20 on both.
Newton's method of optimistix 0.1.0 under vmap: 1.5 and 2.0 s compiled, 2.1 and 2.3 s with
compilation, 2200 and 2200; its dogleg 2200 and 956; its Levenberg-Marquardt 1970 and 632.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax.scipy.linalg import lu_factor, lu_solve
from jax.tree_util import Partial

from yang_rnn._checks import check_real, check_whole
from yang_rnn.dynamics import levenberg_marquardt
from yang_rnn.dynamics.levenberg_marquardt import Descent
from yang_rnn.dynamics.maps import map_rows, scale_of
from yang_rnn.dynamics.search import OnProgress, SearchEnd

_FRACTIONS = (0.25, 0.5, 0.75, 1.0)
_MAX_POLISH = 20
_LONGEST_POLISH = 1e4  # of a step, over ||F(h) - h||
_SINGULAR = (
    1e-9  # ratio of pivots below which rounding moves a full step along a line of fixed points
)


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

    @property
    def name(self) -> str:
        """What the record of the points calls it."""
        return "newton"

    def __post_init__(self) -> None:
        """Check the ranges."""
        for name in ("undamped", "max_newton", "max_damped"):
            check_whole(name, getattr(self, name), 0)
        check_whole("window", self.window, 1)
        check_real("merge_distance", self.merge_distance, minimum=0)
        if not check_real("progress", self.progress, minimum=0) < 1:
            raise ValueError(f"`progress` must be below 1; got {self.progress}")

    def search(
        self,
        F: Partial,
        starts: np.ndarray,
        fixed_speed: float,
        on_progress: OnProgress | None = None,
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

        Returns
        -------
        SearchEnd
            For each start the slowest state that its search came to. Reasons: ``converged``;
            ``stalled`` at a positive local minimum of q or a kink; ``limit`` of steps;
            ``non-finite``.
        """
        count, units = starts.shape
        order = np.lexsort(starts.T[::-1])
        begin = starts[order]
        batches = _Batches(F, units, scale_of(starts))
        report = _Report(on_progress, count, units)
        ends, owner = _full_steps(batches, begin, fixed_speed, self, report)
        rest = np.flatnonzero(ends.reason != "converged")
        if len(rest):
            _, first, path = np.unique(owner[rest], return_index=True, return_inverse=True)
            found = _descent(batches, ends.state[rest[first]], fixed_speed, self)
            ends.improve(rest, _Ends(*(array[path] for array in found)))
            rest = rest[ends.reason[rest] != "converged"]
            report(count - len(rest), ends.speed)
        if len(rest):
            found = _descent(batches, begin[rest], fixed_speed, self, report, ends.speed)
            ends.improve(rest, found)
        _polish(batches, ends)
        back = np.empty(count, np.intp)
        back[order] = np.arange(count)
        return SearchEnd(
            ends.state[back], ends.steps[back], ends.reason[back], np.empty(0, np.float32)
        )


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


def _full_steps(
    batches: _Batches,
    begin: np.ndarray,
    fixed_speed: float,
    settings: Newton,
    report: _Report,
) -> tuple[_Ends, np.ndarray]:
    """Stage 1: the ends of each (sorted) start, and the path it went on."""
    count, units = begin.shape
    h = begin.copy()
    best, speed = begin.copy(), np.full(count, np.inf)
    steps = np.zeros(count, np.int64)
    owner = np.arange(count)
    reason = np.full(count, "limit", "<U20")
    active = np.arange(count)
    direction = np.random.default_rng(0).standard_normal(units)
    for step in range(settings.max_newton + 1):
        late = step - settings.undamped
        fraction = 1.0 if late < 0 else _FRACTIONS[late % len(_FRACTIONS)]
        new, q, trusted = batches.run(_newton_step, h[active], np.full(len(active), fraction))
        before = speed[active]
        slower = q < before
        best[active[slower]], speed[active[slower]] = h[active[slower]], q[slower]
        steps[active] = step
        done = (np.minimum(q, before) <= fixed_speed) & ~(q < 0.25 * before)
        done |= q == 0.0
        reason[active[done]] = "converged"
        lost = ~done & ~(np.isfinite(new).all(axis=1) & np.isfinite(q) & trusted)
        reason[active[lost & (speed[active] <= fixed_speed)]] = "converged"
        go = ~done & ~lost
        active = active[go]
        h[active] = new[go]
        if len(active) > 1:
            active = _merge(h, active, owner, direction, settings.merge_distance, batches.scale)
        report((reason[owner] == "converged").sum(), speed[owner])
        if len(active) == 0 or step == settings.max_newton:
            break
    reason[(reason == "limit") & (speed <= fixed_speed)] = "converged"
    return _Ends(best[owner], speed[owner], steps[owner], reason[owner]), owner


def _merge(
    h: np.ndarray,
    active: np.ndarray,
    owner: np.ndarray,
    direction: np.ndarray,
    distance: float,
    scale: float,
) -> np.ndarray:
    """Hand paths that have met to the first of them; return the paths that go on."""
    key = h[active] @ direction
    line = active[np.argsort(key, kind="stable")]
    left, right = h[line[:-1]], h[line[1:]]
    gap = np.abs(right - left).max(axis=1)
    met = gap <= distance * (scale + np.abs(right).max(axis=1))
    group = np.concatenate([[0], np.cumsum(~met)])
    leaders = np.full(group[-1] + 1, len(owner))
    np.minimum.at(leaders, group, line)
    owner[line] = leaders[group]
    owner[:] = owner[owner]
    return np.sort(leaders)


def _descent(
    batches: _Batches,
    begin: np.ndarray,
    fixed_speed: float,
    settings: Newton,
    report: _Report | None = None,
    known: np.ndarray | None = None,
) -> _Ends:
    """Levenberg-Marquardt on q from each state; `known` speeds go into the report."""
    at = Descent(*batches.begin(begin))
    count, q = len(begin), at.q
    reference = q.copy()
    steps = np.zeros(count, np.int64)
    reason = np.full(count, "limit", "<U20")
    reason[~np.isfinite(q)] = "non-finite"
    active = np.flatnonzero(np.isfinite(q))
    for step in range(1, settings.max_damped + 1):
        if len(active) == 0:
            break
        old = q[active]
        new = Descent(*batches.run(_damped_step, *(array[active] for array in at)))
        for whole, part in zip(at, new, strict=True):
            whole[active] = part
        steps[active] = step
        found = (new.q <= fixed_speed) & ~(new.moved & (new.q < 0.25 * old))
        found |= new.q == 0.0
        short = new.length <= 1e-10 * (batches.scale + np.abs(new.state).max(axis=1))
        stuck = ~new.moved & short
        if step % settings.window == 0:
            stuck |= new.q > (1.0 - settings.progress) * reference[active]
            reference[active] = new.q
        stuck |= ~np.isfinite(new.length)
        reason[active[stuck]] = "stalled"
        reason[active[found]] = "converged"
        active = active[~(found | stuck)]
        if report is not None:
            report(report.starts - len(active), q if known is None else known)
    reason[q <= fixed_speed] = "converged"
    return _Ends(at.state, q, steps, reason)


def _polish(batches: _Batches, ends: _Ends) -> None:
    """Improve what converged until no step makes it slower: as far as float64 allows."""
    rows = np.flatnonzero((ends.reason == "converged") & (ends.speed > 0))
    if not len(rows):
        return
    best, path = np.unique(ends.state[rows], axis=0, return_inverse=True)
    path = path.reshape(-1)  # NumPy 2.0 gives it another axis
    speed = np.full(len(best), np.inf)
    speed[path] = ends.speed[rows]
    one = np.ones(len(best))
    active = np.arange(len(best))
    for _ in range(_MAX_POLISH):
        if not len(active):
            break
        here, least = best[active], np.sqrt(2.0 * speed[active])
        at = Descent(*batches.begin(here))._replace(damping=0.0 * one[active])
        new = batches.run(_damped_step, *at)[0]  # the shortest step that leads there
        idle = (new == here).all(axis=1)
        # Where that leads no further, a full one, unless it would run along a line of fixed points.
        full, _, trusted = batches.run(_newton_step, here, one[active])
        short = np.linalg.norm(full - here, axis=1) <= _LONGEST_POLISH * least
        new = np.where((idle & trusted & short)[:, None], full, new)
        q = batches.begin(new)[1]
        slower = q < speed[active]
        better = active[slower]
        best[better], speed[better] = new[slower], q[slower]
        active = better[speed[better] > 0]
    ends.state[rows], ends.speed[rows] = best[path], speed[path]


@jax.jit
def _newton_step(F: Partial, states: jax.Array, fraction: jax.Array):
    """Newton steps, with the speeds before them and whether the Jacobians allow them."""

    def one(h, fraction):
        residual = F(h) - h
        matrix = jnp.eye(h.size) - jax.jacfwd(F)(h)
        lu = lu_factor(matrix)
        pivots = jnp.abs(jnp.diagonal(lu[0]))
        trusted = jnp.min(pivots) > _SINGULAR * jnp.max(pivots)
        return h + fraction * lu_solve(lu, residual), 0.5 * jnp.vdot(residual, residual), trusted

    return jax.vmap(one)(states, fraction)


@jax.jit
def _begin(F: Partial, states: jax.Array, unit: jax.Array):
    return jax.vmap(lambda state: tuple(levenberg_marquardt.begin(F, state, unit)))(states)


@jax.jit
def _damped_step(F: Partial, *at: jax.Array):
    stepped = jax.vmap(lambda one: levenberg_marquardt.step(F, one))
    return tuple(stepped(Descent(*at)))


class _Batches:
    """Rows of one map in chunks of two sizes, the larger small enough for cache and memory.

    The Jacobians of a chunk take 8 MB (or are those of 4 states), whatever the number of starts.
    """

    def __init__(self, F: Partial, units: int, scale: float):
        large = max(4, min(256, 2**20 // units**2))
        self._sizes = (max(2, large // 8), large)
        self._F = F
        self.scale = scale

    def run(self, function: Callable[..., Any], *rows: np.ndarray) -> list[np.ndarray]:
        """Apply a compiled function to rows."""
        return map_rows(function, self._F, *rows, sizes=self._sizes)

    def begin(self, states: np.ndarray) -> list[np.ndarray]:
        """Begin a descent at each state, in units of the starts' scale."""
        return map_rows(_begin, self._F, states, shared=(self.scale,), sizes=self._sizes)
