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
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax.scipy.linalg import cho_factor, cho_solve, lu_factor, lu_solve
from jax.tree_util import Partial

from yang_rnn.gradient import Progress, SearchEnd
from yang_rnn.maps import Map, as_map, padded, speeds
from yang_rnn.recipe import check_real, check_whole

_FRACTIONS = (0.25, 0.5, 0.75, 1.0)
_SINGULAR = 1e-13  # ratio of pivots below which full steps are not trusted


@dataclass(frozen=True)
class NewtonSettings:
    """Settings of the Newton search.

    Attributes
    ----------
    undamped : int
        Full steps before fractions of a step are tried.
    max_newton : int
        Most steps of stage 1.
    max_damped : int
        Most steps of each later stage.
    merge_distance : float
        Largest difference in any unit, relative to 1 + max |h|, at which two paths have met.
    window, progress : int, float
        A damped descent has stalled when `window` steps took less than the share `progress` off q.
    """

    undamped: int = 15
    max_newton: int = 60
    max_damped: int = 200
    merge_distance: float = 1e-9
    window: int = 10
    progress: float = 0.1

    def __post_init__(self) -> None:
        """Check the ranges."""
        for name in ("undamped", "max_newton", "max_damped"):
            check_whole(name, getattr(self, name), 0)
        check_whole("window", self.window, 1)
        check_real("merge_distance", self.merge_distance, least=0)
        if not check_real("progress", self.progress, least=0) < 1:
            raise ValueError(f"`progress` must be below 1; got {self.progress}")


def solve(
    F: Map,
    starts: np.ndarray,
    fixed_speed: float,
    settings: NewtonSettings | None = None,
    on_progress: Progress | None = None,
) -> SearchEnd:
    """Search from each start for a state with F(h) = h, in float64.

    The starts are sorted first, so that what each of them reaches does not depend, to the last bit,
    on the order in which they were given.

    Parameters
    ----------
    F : callable
        The map h -> F(h).
    starts : numpy.ndarray, shape (n, N)
        Finite states to start from, n >= 1.
    fixed_speed : float
        q = 1/2 ||F(h) - h||^2 at which a point counts as found; it is then improved as far as
        float64 allows.
    settings : NewtonSettings, optional
        Limits and tolerances.
    on_progress : callable, optional
        Called with (starts that have stopped, all starts, mean square of the finite states).

    Returns
    -------
    SearchEnd
        For each start the slowest state that its search came to. Reasons: ``converged``;
        ``stalled`` at a positive local minimum of q or a kink; ``limit`` of steps; ``non-finite``.

    References
    ----------
    Qi & Sun (1993), Mathematical Programming 58:353 (Newton's method on maps with kinks).
    Nielsen (1999), IMM-REP-1999-05 (damping). Yamashita & Fukushima (2001), Computing Suppl. 15:239
    (damping in proportion to ||F(h) - h||^2 where the Jacobian is singular).
    """
    settings = settings or NewtonSettings()
    count = len(starts)
    order = np.lexsort(starts.T[::-1])
    begin = starts[order]
    batches = _Batches(F, starts.shape[1])
    report = _Report(on_progress, count, starts.shape[1])
    ends, owner = _full_steps(batches, begin, fixed_speed, settings, report)
    rest = np.flatnonzero(ends.reason != "converged")
    if len(rest):
        _, first, path = np.unique(owner[rest], return_index=True, return_inverse=True)
        found = _descent(batches, ends.state[rest[first]], fixed_speed, settings)
        ends.improve(rest, _Ends(*(array[path] for array in found)))
        rest = rest[ends.reason[rest] != "converged"]
        report(count - len(rest), ends.speed)
    if len(rest):
        found = _descent(batches, begin[rest], fixed_speed, settings, report, ends.speed)
        ends.improve(rest, found)
    back = np.empty(count, np.intp)
    back[order] = np.arange(count)
    return SearchEnd(ends.state[back], ends.steps[back], ends.reason[back], np.empty(0, np.float32))


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

    on_progress: Progress | None
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
    settings: NewtonSettings,
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
            active = _merge(h, active, owner, direction, settings.merge_distance)
        report((reason[owner] == "converged").sum(), speed[owner])
        if len(active) == 0 or step == settings.max_newton:
            break
    reason[(reason == "limit") & (speed <= fixed_speed)] = "converged"
    return _Ends(best[owner], speed[owner], steps[owner], reason[owner]), owner


def _merge(
    h: np.ndarray, active: np.ndarray, owner: np.ndarray, direction: np.ndarray, distance: float
) -> np.ndarray:
    """Hand paths that have met to the first of them; return the paths that go on."""
    key = h[active] @ direction
    line = active[np.argsort(key, kind="stable")]
    left, right = h[line[:-1]], h[line[1:]]
    gap = np.abs(right - left).max(axis=1)
    met = gap <= distance * (1.0 + np.abs(right).max(axis=1))
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
    settings: NewtonSettings,
    report: _Report | None = None,
    known: np.ndarray | None = None,
) -> _Ends:
    """Levenberg-Marquardt on q from each state; `known` speeds go into the report."""
    count = len(begin)
    h = begin.copy()
    q = speeds(batches.F, h)
    damping, growth = np.full(count, 1e-2), np.full(count, 2.0)
    reference = q.copy()
    steps = np.zeros(count, np.int64)
    reason = np.full(count, "limit", "<U20")
    reason[~np.isfinite(q)] = "non-finite"
    active = np.flatnonzero(np.isfinite(q))
    for step in range(1, settings.max_damped + 1):
        if len(active) == 0:
            break
        old = q[active]
        new, new_q, gain, length = batches.run(_damped_step, h[active], damping[active])
        accept = (new_q < old) & (gain > 1e-4)
        yes, no = active[accept], active[~accept]
        h[yes], q[yes] = new[accept], new_q[accept]
        better = np.minimum(gain[accept], 1.0)  # above 1 the cube may overflow; it is 0.1 anyway
        damping[yes] *= np.maximum(0.1, 1.0 - (2.0 * better - 1.0) ** 3)
        growth[yes] = 2.0
        damping[no] = np.maximum(damping[no], 1e-12) * growth[no]
        growth[no] *= 2.0
        steps[active] = step
        found = (q[active] <= fixed_speed) & ~(accept & (new_q < 0.25 * old))
        found |= q[active] == 0.0
        short = length <= 1e-10 * (1.0 + np.abs(h[active]).max(axis=1))
        stuck = ~accept & short
        if step % settings.window == 0:
            stuck |= q[active] > (1.0 - settings.progress) * reference[active]
            reference[active] = q[active]
        stuck |= ~np.isfinite(length)
        reason[active[stuck]] = "stalled"
        reason[active[found]] = "converged"
        active = active[~(found | stuck)]
        if report is not None:
            report(report.starts - len(active), q if known is None else known)
    reason[q <= fixed_speed] = "converged"
    return _Ends(h, q, steps, reason)


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
def _damped_step(F: Partial, states: jax.Array, damping: jax.Array):
    """Levenberg-Marquardt steps: new states, their speeds, gain ratios and step lengths."""

    def one(h, damping):
        residual = F(h) - h
        matrix = jax.jacfwd(F)(h) - jnp.eye(h.size)
        square = jnp.vdot(residual, residual)
        gram = matrix.T @ matrix
        shift = damping * square + 1e-15 * jnp.trace(gram)
        factor = cho_factor(gram + shift * jnp.eye(h.size), lower=True)
        step = -cho_solve(factor, matrix.T @ residual)
        moved = F(h + step) - (h + step)
        linear = residual + matrix @ step
        new_q = 0.5 * jnp.vdot(moved, moved)
        predicted = 0.5 * (square - jnp.vdot(linear, linear))
        gain = (0.5 * square - new_q) / jnp.maximum(predicted, jnp.finfo(h.dtype).tiny)
        return h + step, new_q, gain, jnp.max(jnp.abs(step))

    return jax.vmap(one)(states, damping)


class _Batches:
    """Runs batched functions of (F, rows...) chunk by chunk, in float64.

    Chunks have one of two sizes, so that few shapes are compiled however many rows are left; the
    larger is small enough for its Jacobians to take 8 MB (or those of 4 states), whatever the
    number of starts. One call runs at a time: the linear algebra inside already uses the
    processor's cores, and jaxlib 0.10 can lock up when two such calls wait for its threads.
    """

    def __init__(self, F: Map, units: int):
        self.large = max(4, min(256, 2**20 // units**2))
        self.small = max(2, self.large // 8)
        self.F = as_map(F, np.float64)

    def run(self, function: Callable, *rows: np.ndarray) -> list[np.ndarray]:
        """Apply a compiled function to rows; the results are concatenated."""
        out, first, total = [], 0, len(rows[0])
        with jax.enable_x64(True):
            while first < total:
                left = total - first
                size = self.large if left > self.large // 2 else self.small
                part = slice(first, first + size)
                results = function(self.F, *(padded(array[part], size) for array in rows))
                out.append([np.asarray(array)[: min(size, left)] for array in results])
                first += size
        return [np.concatenate(arrays) for arrays in zip(*out, strict=True)]
