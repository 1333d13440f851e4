"""Fixed and slow points of a map h -> F(h), by any solver."""

from __future__ import annotations

from typing import Any

import numpy as np

from yang_rnn._checks import check_real
from yang_rnn.dynamics.maps import Map, as_map, as_states, check_map, speeds
from yang_rnn.dynamics.newton import Newton
from yang_rnn.dynamics.points import FixedPoints
from yang_rnn.dynamics.search import OnProgress, SearchEnd, Solver

FIXED_SPEED = 1e-20
"""Speed q up to which a point is fixed: no unit of it moves by more than 1.5e-10."""

SLOW_MEAN_SQUARE = 1e-4
"""Mean of (F(h) - h)^2 over units below which a point is slow."""


def find_fixed_points(
    F: Map,
    starts: Any,
    *,
    solver: Solver | None = None,
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
        weights, is compiled once for all networks of one shape; any other callable is compiled
        anew.
    starts : array_like, shape (n, N) or (N,)
        States to start from. One that is not finite ends as ``diverged``; there may be none.
    solver : Newton, GradientDescent or another Solver, optional
        How to search. `Newton()`, the default, goes on to float64 precision; `GradientDescent()`
        is the source notebook's, which ends at slow points and hardly ever at a fixed one.
    fixed_speed : float
        Largest q = 1/2 ||F(h) - h||^2 that counts as ``fixed``. The default, 1e-20, bounds every
        unit's ||F(h) - h|| by 1.5e-10.
    slow_speed, slow_mean_square : float, optional
        The value below which a point counts as ``slow``, either as q or as the mean square over
        units, q = N/2 * mean square; not both. The default is the mean square 1e-4, which is
        q = 3.2e-3 at N = 64.
    on_progress : callable, optional
        Called as ``on_progress(done, total, mean_square)``: updates made and the mean square of
        all states (`GradientDescent`), or starts that have stopped and the mean square of all
        finite states (`Newton`).

    Returns
    -------
    FixedPoints
        One point per start, in the order of the starts; nothing is dropped.

    Raises
    ------
    TypeError
        If `F` is not callable, or the starts are not real.
    ValueError
        If the starts or tolerances are out of range, or `F` changes the shape of a state.

    References
    ----------
    Sussillo & Barak (2013), Neural Computation 25:626-649. Golub & Sussillo (2018), Journal of Open
    Source Software 3:1003.
    """
    starts = as_states(starts, "starts")
    count, units = starts.shape
    solver = Newton() if solver is None else solver
    slow_speed = slow_tolerance(units, slow_speed, slow_mean_square)
    fixed_speed = check_real("fixed_speed", fixed_speed, minimum=0)
    if fixed_speed > slow_speed:
        raise ValueError(
            f"`fixed_speed` must not exceed the slow tolerance {slow_speed}; got {fixed_speed}"
        )
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
        found = solver.search(pure, starts[usable], fixed_speed, on_progress)
        for whole, part in zip(end[:3], found[:3], strict=True):
            whole[usable] = part
        end = end._replace(trace=found.trace)

    speed = speeds(pure, end.state)
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
        method=solver.name,
        fixed_speed=fixed_speed,
        slow_speed=slow_speed,
        total_starts=count,
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
                "give `slow_speed` or `slow_mean_square`, not both; "
                f"got {slow_speed} and {slow_mean_square}"
            )
        return check_real("slow_speed", slow_speed, minimum=0)
    mean_square = SLOW_MEAN_SQUARE if slow_mean_square is None else slow_mean_square
    return 0.5 * units * check_real("slow_mean_square", mean_square, minimum=0)
