"""Fixed and slow points of a map h -> F(h), by any solver."""

from __future__ import annotations

import dataclasses
import functools
from collections.abc import Callable

import numpy as np
from jax.tree_util import Partial
from numpy.typing import ArrayLike

from yang_rnn._checks import check_callable, check_has, check_real
from yang_rnn.dynamics.active_set_steps import ActiveSetSteps
from yang_rnn.dynamics.bounds import Box, bounds_of, closed_bounds, kept_within, within
from yang_rnn.dynamics.maps import Map, as_map, as_states, check_map, scale_of, speeds
from yang_rnn.dynamics.newton import Newton
from yang_rnn.dynamics.points import FixedPoints, own_scale
from yang_rnn.dynamics.rectified import check_step
from yang_rnn.dynamics.search import OnProgress, SearchEnd, Solver
from yang_rnn.dynamics.system import AutonomousMap

FIXED_SPEED = 1e-20
"""Speed q, over the squared scale, up to which a point is fixed.

No unit of it moves by more than 1.5e-10 of the scale.
"""

SLOW_MEAN_SQUARE = 1e-4
"""Mean of (F(h) - h)^2 over units, over the squared scale, below which a point is slow.

Its units move by less than 1 % of the scale in a step.
"""

BEYOND = 0.1
"""Distance beyond a system's bounds, in spreads of the data, from which on a point is outside.

Minima of the speed of rectified networks lie up to 0.02 beyond 0 (16 networks of two recipes).
"""


ASTRAY = 1000.0
"""Distance from the data, in spreads of these, from which on a fixed point is one by rounding.

Where gates are shut to the last digit, a c of 1e13 stays what it is; a full step can lead there.
"""


def find_fixed_points(
    F: Map,
    starts: ArrayLike,
    *,
    solver: Solver | None = None,
    data: ArrayLike | None = None,
    fixed_speed: float = FIXED_SPEED,
    slow_speed: float | None = None,
    slow_mean_square: float | None = None,
    on_progress: OnProgress | None = None,
) -> FixedPoints:
    """Search for fixed and slow points of a map from given states.

    Parameters
    ----------
    F : callable
        Pure map from a state (N,) to the next state (N,), written with JAX; `System.at` gives that
        of a network at a constant input. It, and any `jax.tree_util.Partial` of a function and its
        weights, is compiled once for all networks of one shape, if the function reads nothing else
        that can change; any other callable is compiled anew: points are those of F as it is now.
    starts : array_like, shape (n, N) or (N,)
        States to start from. One that is not finite ends as ``diverged``; there may be none.
    solver : Newton, GradientDescent or another Solver, optional
        How to search. `Newton()`, the default, goes on to float64 precision; `GradientDescent()`
        is the source notebook's, which ends at slow points and hardly ever at a fixed one.
    data : array_like, shape (m, N), optional
        States that the network is known to go through, without it the starts: their root mean
        square is the scale of what is small, and how far from them a point lies is told.
    fixed_speed : float
        Largest q = 1/2 ||F(h) - h||^2, over the squared scale of the point, that counts as
        ``fixed``. The default, 1e-20, bounds what any unit moves by 1.5e-10 of that scale. It is
        the root mean square of the point's own units, but at least 1e-4 of the data's: F and
        s F(. / s) have the same fixed points, whatever s.
    slow_speed, slow_mean_square : float, optional
        The value below which a point counts as ``slow``, either as q or as the mean square over
        units, q = N/2 * mean square, in units of the state; not both. Without either, the mean
        square 1e-4 of the squared scale, the point's own or the data's, whichever is less. A point
        that is fixed is not slow.
    on_progress : callable, optional
        Called as ``on_progress(done, total, mean_square)``: updates made and the mean square of
        all states (`GradientDescent`), or starts that have stopped and the mean square of all
        finite states (`Newton`).

    Returns
    -------
    FixedPoints
        One point per start, in the order of the starts; nothing is dropped. Where units have two
        finite bounds (`System.bounds`; tanh, sigmoid, the h of a gated unit), no point beyond them
        is ``fixed``, however slow: it is ``diverged``. `Newton` keeps to the bounds, so that no
        start is lost there.

    Raises
    ------
    TypeError
        If `F` is not callable, or the starts are not real.
    ValueError
        If the starts or tolerances are out of range, `F` changes the shape of a state, or its
        system states other weights than those it steps with.

    References
    ----------
    Sussillo & Barak (2013), Neural Computation 25:626-649. Golub & Sussillo (2018), Journal of Open
    Source Software 3:1003.

    Examples
    --------
    >>> F = lambda h: jnp.tanh(2 * h)  # three fixed points: 0, and one on each side
    >>> points = yr.find_fixed_points(F, [[-1.0], [0.1], [0.9], [1.0]]).unique()
    >>> np.sort(points.state[:, 0]).round(4)
    array([-0.9575,  0.    ,  0.9575])
    """
    starts = as_states(starts, "starts")
    count, units = starts.shape
    solver = Newton() if solver is None else solver
    check_has("solver", solver, "a Solver", "search", "name")
    check_callable("on_progress", on_progress, optional=True)
    known = starts if data is None else as_states(data, "data")
    if data is not None and not len(known):
        raise ValueError("`data` must have a state or more; got none")
    if known.shape[1] != units:
        raise ValueError(f"`data` must have the {units} units of `starts`; got {known.shape[1]}")
    known = known[np.isfinite(known).all(axis=1)]
    scale = scale_of(known)
    spread = _spread_of(known, scale)
    slow_is_relative = slow_speed is None and slow_mean_square is None
    slow_speed = slow_tolerance(units, scale, slow_speed, slow_mean_square)
    fixed_speed = check_real("fixed_speed", fixed_speed, minimum=0)
    pure = as_map(F)
    check_map(pure, units)

    usable = np.isfinite(starts).all(axis=1)
    end = SearchEnd(
        starts.copy(),
        np.zeros(count, np.int64),
        np.full(count, "non-finite", "<U20"),
        np.empty(0, np.float32),
    )
    if usable.any():
        search = _search_of(solver, F, pure, starts[usable], fixed_speed * scale**2, spread)
        found = search(pure, starts[usable], fixed_speed * scale**2, on_progress)
        for whole, part in zip(end[:3], found[:3], strict=True):
            whole[usable] = part
        end = end._replace(trace=found.trace)
    if isinstance(solver, Newton):
        _search_again_within(F, pure, solver, starts, end, fixed_speed * scale**2, spread)
        _search_again_from(F, pure, solver, starts, end, fixed_speed * scale**2, known, spread)

    return recorded(
        F,
        pure,
        starts,
        end,
        solver.name,
        known,
        fixed_speed,
        slow_speed,
        slow_is_relative=slow_is_relative,
    )


def recorded(
    F: Map,
    pure: Partial,
    starts: np.ndarray,
    end: SearchEnd,
    method: str,
    data: np.ndarray,
    fixed_speed: float = FIXED_SPEED,
    slow_speed: float | None = None,
    *,
    slow_is_relative: bool = True,
) -> FixedPoints:
    """Give points their speeds, statuses and places beside the data.

    Parameters
    ----------
    F : callable
        The map.
    pure : jax.tree_util.Partial
        What `as_map` made of it.
    starts : numpy.ndarray, shape (n, N)
        What each search began at.
    end : SearchEnd
        What it came to.
    method : str
        How.
    data : numpy.ndarray, shape (m, N)
        Finite states whose scale is that of what is small.
    fixed_speed, slow_speed : float
        As `find_fixed_points` takes them.
    slow_is_relative : bool
        Whether a point must also be slow at its own scale, where that is less.

    Returns
    -------
    FixedPoints
    """
    scale = scale_of(data)
    spread = _spread_of(data, scale)
    if slow_speed is None:
        slow_speed = slow_tolerance(starts.shape[1], scale)
    speed = speeds(pure, end.state)
    lost = ~np.isfinite(speed) | ~np.isfinite(end.state).all(axis=1)
    own = own_scale(end.state, scale)
    largest = slow_speed
    if slow_is_relative:  # data that run away don't make everything slow that stays behind
        largest = slow_speed * np.minimum(own_scale(end.state, 0.0) / scale, 1.0) ** 2
    still = speed <= fixed_speed * own**2
    outside, impossible = _outside(F, spread, end.state), _impossible(F, end.state)
    outside |= impossible & still
    lost |= impossible & outside
    status = np.select([lost, still, speed < largest], ["diverged", "fixed", "slow"], "unconverged")
    return FixedPoints(
        state=end.state,
        speed=speed,
        start=starts,
        iterations=end.iterations,
        status=status,
        reason=end.reason,
        starts_reached=np.ones(len(starts), np.int64),
        distance=_distance_from(data, spread, end.state),
        outside=outside,
        method=method,
        fixed_speed=fixed_speed,
        slow_speed=slow_speed,
        scale=scale,
        total_starts=len(starts),
        trace=end.trace,
    )


def _search_of(
    solver: Solver,
    F: Map,
    pure: Partial,
    starts: np.ndarray,
    fixed_speed: float,
    spread: float,
) -> Callable[..., SearchEnd]:
    """Return a solver's search; Newton's by active sets where the network is rectified.

    Where units have two finite bounds, Newton's search keeps to them if, of some of many starts,
    it would else lead beyond: of a network of tanh units it finds more by way of there.

    Raises
    ------
    ValueError
        If its steps from a few of the starts are not those of the weights that it states.
    """
    if not isinstance(solver, Newton):
        return solver.search
    box = closed_bounds(F)
    if isinstance(F, AutonomousMap) and F.system.rectified is not None:
        weights = F.system.rectified
        check_step(weights, F.partial, F.x, starts[:4], "F")
        return functools.partial(solver.search, steps=ActiveSetSteps(weights, F.x))
    if box is not None and len(starts) > 2 * solver.scouts:
        some = starts[:: len(starts) // solver.scouts]
        if _led_beyond(F, solver.search(pure, some, fixed_speed), spread).any():
            return functools.partial(_search_within, solver, box)
    return solver.search


def _search_within(
    solver: Newton,
    box: Box,
    pure: Partial,
    starts: np.ndarray,
    fixed_speed: float,
    on_progress: OnProgress | None = None,
) -> SearchEnd:
    """Search where the states of a system can be; what ends beyond is moved to the bounds.

    That makes it slower still, if the map takes what is within the bounds to states within them.
    """
    end = solver.search(kept_within(pure, box), starts, fixed_speed, on_progress)
    return end._replace(state=np.clip(end.state, *box))


def _led_beyond(F: Map, end: SearchEnd, spread: float) -> np.ndarray:
    """Tell which searches ended where no fixed point can be, by more than a slow point may."""
    return _impossible(F, end.state) & (
        _outside(F, spread, end.state) | (end.reason == "converged")
    )


def _search_again_within(
    F: Map,
    pure: Partial,
    solver: Newton,
    starts: np.ndarray,
    end: SearchEnd,
    fixed_speed: float,
    spread: float,
) -> None:
    """Search again, within the bounds of units, from the starts that were led beyond them."""
    box, rows = closed_bounds(F), np.flatnonzero(_led_beyond(F, end, spread))
    rows = rows[np.isfinite(starts[rows]).all(axis=1)]
    if box is None or not len(rows):
        return
    found = _search_within(solver, box, pure, starts[rows], fixed_speed)
    for whole, part in zip(end[:3], found[:3], strict=True):
        whole[rows] = part


def _search_again_from(
    F: Map,
    pure: Partial,
    solver: Newton,
    starts: np.ndarray,
    end: SearchEnd,
    fixed_speed: float,
    data: np.ndarray,
    spread: float,
) -> None:
    """Search again, by damped steps alone, from the starts that full steps led astray."""

    def astray(state: np.ndarray) -> np.ndarray:
        return _outside(F, spread, state) | (_distance_from(data, spread, state) > ASTRAY)

    rows = np.flatnonzero((end.reason == "converged") & astray(end.state))
    if not len(rows):
        return
    damped = dataclasses.replace(solver, max_newton=0)
    search = _search_of(damped, F, pure, starts[rows], fixed_speed, spread)
    found = search(pure, starts[rows], fixed_speed)
    better = ~astray(found.state)
    for whole, part in zip(end[:3], found[:3], strict=True):
        whole[rows[better]] = part[better]


def _spread_of(data: np.ndarray, scale: float) -> float:
    """Return the root mean square distance of data from their mean."""
    whole = scale * float(np.sqrt(data.shape[1]))
    if not len(data):
        return whole
    spread = scale_of(data - data.mean(axis=0)) * np.sqrt(data.shape[1]) if len(data) > 1 else 0.0
    return float(spread) if 1e-12 * whole < spread else whole  # one state only, or all the same


def _distance_from(data: np.ndarray, spread: float, states: np.ndarray) -> np.ndarray:
    """Return how far states are from the nearest of the data, over the spread of these."""
    distance = np.full(len(states), np.inf)
    finite = np.isfinite(states).all(axis=1)
    if len(data) and finite.any():
        from scipy.spatial import KDTree

        ends, which = np.unique(states[finite], axis=0, return_inverse=True)
        nearest = KDTree(data).query(ends)[0] / spread
        distance[finite] = nearest[which.reshape(-1)]  # NumPy 2.0 gives it another axis
    return distance


def _outside(F: Map, spread: float, states: np.ndarray) -> np.ndarray:
    """Tell which states lie where a system's can't, by more than `BEYOND` spreads."""
    bounds = bounds_of(F)
    if bounds is None:
        return np.zeros(len(states), bool)
    with np.errstate(invalid="ignore", over="ignore"):
        beyond = states - np.clip(states, *bounds)
        return np.linalg.norm(beyond, axis=1) > BEYOND * spread


def _impossible(F: Map, states: np.ndarray) -> np.ndarray:
    """Tell which states no fixed point can be at: with a unit beyond two finite bounds."""
    box = closed_bounds(F)
    return np.zeros(len(states), bool) if box is None else ~within(box, states)


def slow_tolerance(
    units: int, scale: float, slow_speed: float | None = None, slow_mean_square: float | None = None
) -> float:
    """Give the slow tolerance as q, from q or from the mean square over units.

    Parameters
    ----------
    units : int
        The number of units N.
    scale : float
        The scale of the data, which the default is relative to.
    slow_speed : float, optional
        The tolerance as q = 1/2 ||F(h) - h||^2.
    slow_mean_square : float, optional
        The tolerance as the mean of (F(h) - h)^2 over units; q = N/2 * mean square.

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
                "give `slow_speed` or `slow_mean_square`, not both; "
                f"got {slow_speed} and {slow_mean_square}"
            )
        return check_real("slow_speed", slow_speed, minimum=0)
    if slow_mean_square is None:
        return 0.5 * units * SLOW_MEAN_SQUARE * scale**2
    return 0.5 * units * check_real("slow_mean_square", slow_mean_square, minimum=0)
