"""The invariant slow manifold of a map: a curve that the map takes to itself, and its flow."""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import Any, NamedTuple

import jax
import numpy as np

from yang_rnn._checks import check_real, check_whole
from yang_rnn.dynamics.curve import Curve
from yang_rnn.dynamics.graph_transform import iterate, measure, rates
from yang_rnn.dynamics.linearisation import linearise
from yang_rnn.dynamics.maps import Map, as_map, as_vector, check_map, time_step

_ALONG = 0.99  # |cos| from which a direction is an eigenvector
_REAL = 1e-9  # share of its modulus that the imaginary part of a real eigenvalue may have
_PATIENCE = 200  # iterations without progress after which there is none, and so many
_MEMORIES = 10  # time constants of the slowest decay across at the centre
_REST = 1e-9  # of the length: a point that moves less in a step rests


class FlowPoints(NamedTuple):
    """Where the flow on a curve stops, in order along it.

    Attributes
    ----------
    position : numpy.ndarray, shape (m,)
        Arc length from the curve's centre.
    state : numpy.ndarray, shape (m, N)
        The states there.
    stability : numpy.ndarray, shape (m,), str
        Along the curve: ``stable`` or ``unstable``; ``marginal`` where the flow goes through it, or
        the point is an end of a stretch at rest.
    """

    position: np.ndarray
    state: np.ndarray
    stability: np.ndarray


@dataclass(frozen=True, eq=False, repr=False)
class InvariantManifold(Curve):
    """A curve that a map takes to itself, up to a residual, with the flow on it.

    Attributes
    ----------
    state : numpy.ndarray, shape (n, N), float64
        Points of the curve from one end to the other.
    coordinate : numpy.ndarray, shape (n,)
        s = l (h - centre) of each, with l the left eigenvector at the centre: an even grid.
    flow : numpy.ndarray, shape (n,)
        phi: arc length that a state at each point moves along the curve in a second.
    residual : numpy.ndarray, shape (n,)
        ||F(h) - curve||, the distance at equal s: the largest at the point and half-way to its
        neighbours, in units of state.
    uncertainty : numpy.ndarray, shape (n,)
        How far the point moves if the curve goes on otherwise beyond its ends, along the
        eigenvector at the centre instead of straight ahead. Where the flow comes in over an end
        the invariant curve is not unique there.
    rate_along : numpy.ndarray, shape (n,)
        Rate (1/s) at which neighbours on the curve approach each other; below 0 they part.
    rate_across : numpy.ndarray, shape (n,)
        Rate (1/s) of the slowest decay across the curve, of the Jacobian's eigenvalues without the
        one along it; below 0 the curve repels. Computed to some per cent.
    centre : int
        Which point lies nearest to the centre that was given, at s = 0.
    converged : bool
        Whether the iteration settled, and at the centre uncertainty and residual / (1 - |lambda|)
        are at most `tolerance` of the range, with lambda the slowest mode across: about the
        distance from a curve that the map keeps. The curve then ends where either is not, or at
        the bounds. If it has not converged, its numbers say nothing about the map.
    end : str
        How the iteration ended: ``converged``; ``fold``, ``uncertainty`` or ``residual`` as in
        `ends`, but at the centre; ``across``, a direction across the curve doesn't decay at the
        centre, or decays more slowly than along it, and `state` is the straight line along the
        eigenvector; ``diverged``; ``limit`` of iterations.
    ends : tuple of two str
        Why the curve ends at its first and its last point: ``range``, the bound that was given;
        ``fold``, the curve's image turns back in s or shrinks to a tenth; ``uncertainty`` or
        ``residual``, which is above the tolerance from there on.
    iterations : int
        Images that were taken of the whole curve.
    dt : float
        Time step in ms.
    """

    state: np.ndarray
    coordinate: np.ndarray
    flow: np.ndarray
    residual: np.ndarray
    uncertainty: np.ndarray
    rate_along: np.ndarray
    rate_across: np.ndarray
    centre: int
    converged: bool
    end: str
    ends: tuple[str, str]
    iterations: int
    dt: float

    def __post_init__(self) -> None:
        """Make the arrays read-only."""
        for field in fields(self):
            value = getattr(self, field.name)
            if isinstance(value, np.ndarray):
                value.flags.writeable = False

    def __repr__(self) -> str:
        """Say how long the curve is, how it ended and how well it is invariant."""
        return (
            f"InvariantManifold({len(self)} points of {self.state.shape[1]} units, "
            f"length {self.length:.3g}, {self.end}; largest residual {self.residual.max():.2g}; "
            f"ends: {self.ends[0]}, {self.ends[1]})"
        )

    @property
    def drift(self) -> float:
        """Mean of |phi| over the curve's length (arc length per second)."""
        return float(np.trapezoid(np.abs(self.flow), self.arc) / self.length)

    @property
    def memory_error_bound(self) -> float:
        """Largest |phi|: a position kept for t seconds is wrong by at most t times this [1]_.

        .. [1] Sagodi et al. (2024), "Back to the continuous attractor", arXiv 2408.00109.
        """
        return float(np.abs(self.flow).max())

    @property
    def fixed_points(self) -> FlowPoints:
        """Where the flow changes sign or stops, interpolated; of a stretch at rest its two ends."""
        stops = self._stops()
        state = [np.interp(stops[:, 0], self.arc, unit) for unit in self.state.T]
        names = {(1, -1): "stable", (-1, 1): "unstable"}
        stability = [names.get((before, after), "marginal") for _, before, after in stops]
        return FlowPoints(stops[:, 0], np.stack(state, axis=1), np.array(stability, dtype=str))

    @property
    def memory_capacity(self) -> float:
        """-sum p ln p (nats), p the share of the curve that drains to each stable point [1]_.

        What flows out over an end counts as draining to a point beyond it. Infinite if a stretch
        of the curve is at rest.

        .. [1] Sagodi et al. (2024), "Back to the continuous attractor", arXiv 2408.00109.
        """
        stops, arc = self._stops(), self.arc
        if self._at_rest(stops).any():
            return float("inf")
        # A point that the flow only goes through drains what comes in before it.
        walls = stops[(stops[:, 1] != 1) | (stops[:, 2] != -1), 0]
        shares = np.diff(np.concatenate([arc[:1], walls, arc[-1:]])) / self.length
        shares = shares[shares > 0]
        return max(0.0, float(-(shares * np.log(shares)).sum()))

    @property
    def largest_gap(self) -> float:
        """Largest arc length between neighbouring fixed points; NaN if there are fewer than two."""
        stops = self._stops()
        if len(stops) < 2:
            return float("nan")
        return float(np.where(self._at_rest(stops), 0.0, np.diff(stops[:, 0])).max())

    @property
    def rate_gap(self) -> float:
        """Smallest excess (1/s) of the rate across over that along: above 0, normally hyperbolic.

        The rate along counts from 0 where neighbours part.
        """
        return float((self.rate_across - np.maximum(self.rate_along, 0)).min())

    def _stops(self) -> np.ndarray:
        """Return where the flow stops and its signs before and after, shape (m, 3), in order."""
        arc, flow = self.arc, self.flow
        moves = np.abs(flow) * self.dt / 1e3 > _REST * self.length
        signs = np.concatenate([[0], np.where(moves, np.sign(flow), 0), [0]])
        stops, last = [], len(flow) - 1
        for i, (before, here, after) in enumerate(zip(signs, signs[1:], signs[2:], strict=False)):
            if here == 0 and (before or after or i in (0, last)):
                stops.append((arc[i], before, after))
            elif here * after < 0:
                share = flow[i] / (flow[i] - flow[i + 1])
                stops.append((arc[i] + share * (arc[i + 1] - arc[i]), here, after))
        return np.array(stops).reshape(-1, 3)

    @staticmethod
    def _at_rest(stops: np.ndarray) -> np.ndarray:
        """Tell whether the flow rests between neighbouring stops, shape (m - 1,)."""
        return (stops[:-1, 2] == 0) & (stops[1:, 1] == 0)


def invariant_manifold(
    F: Map,
    centre: Any,
    direction: Any,
    low: float,
    high: float,
    *,
    dt: float | None = None,
    steps: int = 200,
    margin: float = 0.25,
    tolerance: float = 1e-3,
    iterations: int = 5000,
) -> InvariantManifold:
    """Compute the invariant curve through a fixed or slow point along an eigenvector.

    The curve is h(s) with F(h(s)) = h(g(s)), by the graph transform [1]_: a curve is replaced by
    its image, read off again on an even grid of s = l (h - centre), until it stays. What lies
    across the curve decays on the way, so the curve has to attract. Between points it is a
    piecewise cubic; beyond the outermost images it goes on straight.

    The traced curve of slow points (`trace_slow_manifold`) is not invariant unless the Jacobian is
    normal: for F - I = [[-.05, k], [0, -1]] it is too slow by the factor sqrt(1 + k^2).

    Parameters
    ----------
    F : callable
        Pure map from a state (N,) to the next state (N,), written with JAX.
    centre : array of shape (N,)
        The point that s is measured from.
    direction : array of shape (N,) or None
        Right eigenvector of the Jacobian there that the curve runs along; None takes the leading
        one.
    low, high : float
        The range of s, `low` below 0, `high` above, to the nearest step; a distance from the
        centre along `direction` where the curve is straight.
    dt : float, optional
        Time step (ms) of a map that has none of its own.
    steps : int
        Steps of the grid from `low` to `high`.
    margin : float
        By how much of the range the grid is longer on either side while it is iterated.
    tolerance : float
        Uncertainty and residual / (1 - |lambda|), over `high - low`, up to which points count as on
        the curve.
    iterations : int
        Images of the curve at most.

    Returns
    -------
    InvariantManifold

    Raises
    ------
    ValueError
        If a shape or number is out of range, the centre does not go to a finite state, or the
        direction is not that of an eigenvector with a positive real eigenvalue.
    TypeError
        If the map is not callable, or a vector is not of real numbers.

    References
    ----------
    .. [1] Hirsch, Pugh & Shub (1977), Invariant Manifolds, Lecture Notes in Mathematics 583.
    """
    dt = time_step(F, dt)
    begin = as_vector(centre, "centre")
    low, high = check_real("low", low), check_real("high", high)
    if not low < 0 < high:
        raise ValueError(f"`low` must be below 0 and `high` above; got {low} and {high}")
    check_whole("steps", steps, 4)
    check_whole("iterations", iterations, 1)
    check_real("margin", margin, above=0)
    check_real("tolerance", tolerance, above=0)
    pure = as_map(F)
    check_map(pure, begin.size)
    mode = _mode(F, begin, direction, dt)
    size = (high - low) / steps
    extra = int(np.ceil(margin * steps))
    at_zero = int(np.clip(round(-low / size), 1, steps - 1)) + extra
    grid = size * (np.arange(steps + 1 + 2 * extra) - at_zero)
    patience = _PATIENCE + int(_MEMORIES / (1 - mode.others)) if mode.attracts else 0
    most = iterations if mode.attracts else 0
    with jax.enable_x64(True):
        found = iterate(pure, begin, mode.right, mode.left, grid, at_zero, extra, patience, most)
        found = jax.tree.map(np.asarray, found)
        values = measure(pure, found.curve[0], begin, mode.left, grid)
        reach, residual = (np.asarray(value) for value in values)
    uncertainty = np.linalg.norm(found.curve[0] - found.curve[1], axis=1)
    end = "across"
    if mode.attracts:
        gave_up = found.turns >= most and found.waited < patience
        end = "diverged" if found.lost else "limit" if gave_up else "converged"
    first, last, ends = extra, extra + steps, ("range", "range")
    if end == "converged":
        largest = tolerance * (high - low)
        faults = np.select(
            [
                (np.arange(len(grid)) < found.first) | (np.arange(len(grid)) > found.last),
                ~(uncertainty <= largest),
                ~(residual / (1 - mode.others) <= largest),
            ],
            ["fold", "uncertainty", "residual"],
            "",
        )
        if faults[at_zero]:
            end = str(faults[at_zero])
        else:
            first, last, ends = _faultless(faults, at_zero, first, last)
    kept = slice(first, last + 1)
    state = found.curve[0]
    arc = np.concatenate([[0.0], np.cumsum(np.linalg.norm(np.diff(state, axis=0), axis=1))])
    flow = (_straight(reach, grid, arc) - arc) / (dt / 1e3)
    along, across = rates(pure, state[kept], mode.left, dt)
    return InvariantManifold(
        state=state[kept],
        coordinate=grid[kept],
        flow=flow[kept],
        residual=residual[kept],
        uncertainty=uncertainty[kept],
        rate_along=along,
        rate_across=across,
        centre=at_zero - first,
        converged=end == "converged",
        end=end,
        ends=ends,
        iterations=int(found.turns),
        dt=dt,
    )


def _faultless(
    faults: np.ndarray, at_zero: int, first: int, last: int
) -> tuple[int, int, tuple[str, str]]:
    """Return the points around the centre up to the first fault on either side, and those faults.

    At least one neighbour of the centre is kept, for a curve has a direction.
    """
    behind, ahead = at_zero, at_zero
    while behind > first and not faults[behind - 1]:
        behind -= 1
    while ahead < last and not faults[ahead + 1]:
        ahead += 1
    ends = (
        "range" if behind == first else str(faults[behind - 1]),
        "range" if ahead == last else str(faults[ahead + 1]),
    )
    return behind, (ahead if ahead > behind else at_zero + 1), ends


class _Mode(NamedTuple):
    right: np.ndarray  # (N,), unit length
    left: np.ndarray  # (N,), left @ right is 1
    value: float
    others: float  # largest modulus of the other eigenvalues

    @property
    def attracts(self) -> bool:
        """Whether the other modes decay, and faster than this one."""
        return self.others < min(1 - 1e-9, self.value)


def _mode(F: Map, centre: np.ndarray, direction: Any, dt: float) -> _Mode:
    at = linearise(F, centre[None], dt=dt)
    values = at.eigenvalues[0]
    if not np.isfinite(values).all():
        raise ValueError("`centre` must be a state that `F` takes to a finite one")
    real = (np.abs(values.imag) <= _REAL * np.abs(values)) & (values.real > 0)
    if direction is None:
        which = 0
        if not real[0]:
            raise ValueError(
                "`direction` must be given where the leading eigenvalue at the centre is not "
                f"positive and real; it is {values[0]:.4g}"
            )
        towards = at.right[0, 0].real
    else:
        towards = as_vector(direction, "direction", centre.size)
        if not np.linalg.norm(towards) > 0:
            raise ValueError(f"`direction` must be a vector of {centre.size} units, not 0")
        towards = towards / np.linalg.norm(towards)
        cosines = np.where(real, np.abs(at.right[0].real @ towards), 0.0)
        which = int(np.argmax(cosines))
        if cosines[which] < _ALONG:
            raise ValueError(
                "`direction` must be an eigenvector, with a positive real eigenvalue, of the "
                f"Jacobian at the centre; |cos| to the nearest of them is {cosines[which]:.3f}"
            )
    right = at.right[0, which].real
    right = right / np.linalg.norm(right) * np.sign(right @ towards)
    left = at.left[0, which].real
    others = float(np.abs(np.delete(values, which)).max(initial=0.0))
    return _Mode(right, left / (left @ right), float(values[which].real), others)


def _straight(at: np.ndarray, s: np.ndarray, values: np.ndarray) -> np.ndarray:
    """Interpolate values linearly; the ends go on straight."""
    k = np.clip(np.searchsorted(s, at, side="right") - 1, 0, len(s) - 2)
    return values[k] + (at - s[k]) * (values[k + 1] - values[k]) / (s[k + 1] - s[k])
