"""The invariant slow manifold of a map: a curve that the map takes to itself, and its flow."""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax.tree_util import Partial

from yang_rnn._checks import check_real, check_whole
from yang_rnn.dynamics.curve import Curve
from yang_rnn.dynamics.linearisation import linearise
from yang_rnn.dynamics.maps import Map, as_map, as_vector, check_map, map_rows, time_step

_ALONG = 0.99  # |cos| from which a direction is an eigenvector
_REAL = 1e-9  # share of its modulus that the imaginary part of a real eigenvalue may have
_PATIENCE = 200  # iterations without progress after which there is none
_SHRINKS = 0.1  # share of the grid's step that images must keep between them, or the curve turns
_FAR = 1e3  # lengths of the range from the centre beyond which the curve has diverged
_REST = 1e-9  # of the length: a point that moves less in a step rests
_BLOCK, _TURNS = 6, 60  # vectors and turns of the subspace iteration


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
        Whether the iteration settled and the centre's residual and uncertainty are at most
        `tolerance` of the range. The curve then ends where either is not, or at the bounds. If not,
        it is none that the map keeps, and its numbers say nothing about the map.
    end : str
        How the iteration ended: ``converged``; ``fold``, ``uncertainty`` or ``residual`` as in
        `ends`, but at the centre; ``across``, a direction across the curve doesn't decay at the
        centre, or decays more slowly than along it, and `state` is the straight line along the
        eigenvector; ``diverged``; ``limit`` of iterations.
    ends : tuple of two str
        Why the curve ends at its first and its last point: ``range``, the bound that was given;
        ``fold``, the curve's image turns back in s or shrinks to a tenth; ``uncertainty`` or ``residual``, which is above
        the tolerance from there on.
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
        arc, sign = self.arc, self._sign
        rests = [(arc[i], sign[i - 1] if i else 0, 0) for i in self._begins_rest()]
        rests += [(arc[i], 0, sign[i + 1] if i + 1 < len(sign) else 0) for i in self._ends_rest()]
        alone = np.flatnonzero((sign == 0) & ~self._in_stretch())
        rests += [
            (arc[i], sign[i - 1] if i else 0, sign[i + 1] if i + 1 < len(sign) else 0)
            for i in alone
        ]
        for i in np.flatnonzero(sign[:-1] * sign[1:] < 0):
            share = self.flow[i] / (self.flow[i] - self.flow[i + 1])
            rests.append((arc[i] + share * (arc[i + 1] - arc[i]), sign[i], sign[i + 1]))
        rests.sort()
        position = np.array([place for place, _, _ in rests])
        state = [np.interp(position, arc, unit) for unit in self.state.T]
        names = {(1, -1): "stable", (-1, 1): "unstable"}
        stability = [names.get((before, after), "marginal") for _, before, after in rests]
        return FlowPoints(position, np.stack(state, axis=1), np.array(stability, dtype=str))

    @property
    def memory_capacity(self) -> float:
        """-sum p ln p (nats), p the share of the curve that drains to each stable point [1]_.

        What flows out over an end counts as draining to a point beyond it. Infinite if a stretch
        of the curve is at rest.

        .. [1] Sagodi et al. (2024), "Back to the continuous attractor", arXiv 2408.00109.
        """
        if self._in_stretch().any():
            return float("inf")
        points, arc = self.fixed_points, self.arc
        # A point that the flow only goes through drains what comes in before it.
        walls = points.position[points.stability != "stable"]
        shares = np.diff(np.concatenate([[arc[0]], walls, [arc[-1]]])) / self.length
        shares = shares[shares > 0]
        return float(-(shares * np.log(shares)).sum()) + 0.0

    @property
    def largest_gap(self) -> float:
        """Largest arc length between neighbouring fixed points; NaN if there are fewer than two."""
        position = self.fixed_points.position
        if len(position) < 2:
            return float("nan")
        between = (position[1:] + position[:-1]) / 2
        nearest = np.abs(between[:, None] - self.arc).argmin(axis=1)
        return float(np.where(self._in_stretch()[nearest], 0.0, np.diff(position)).max())

    @property
    def rate_gap(self) -> float:
        """Smallest excess (1/s) of the rate across over that along: above 0, normally hyperbolic.

        The rate along counts from 0 where neighbours part.
        """
        return float((self.rate_across - np.maximum(self.rate_along, 0)).min())

    @property
    def _sign(self) -> np.ndarray:
        moves = np.abs(self.flow) * self.dt / 1e3 > _REST * self.length
        return np.where(moves, np.sign(self.flow), 0).astype(int)

    def _in_stretch(self) -> np.ndarray:
        """Tell which points have a neighbour at rest and are at rest themselves."""
        rest = np.concatenate([[False], self._sign == 0, [False]])
        return rest[1:-1] & (rest[:-2] | rest[2:])

    def _begins_rest(self) -> np.ndarray:
        stretch = np.concatenate([[False], self._in_stretch()])
        return np.flatnonzero(stretch[1:] & ~stretch[:-1])

    def _ends_rest(self) -> np.ndarray:
        stretch = np.concatenate([self._in_stretch(), [False]])
        return np.flatnonzero(stretch[:-1] & ~stretch[1:])


def invariant_manifold(
    F: Map,
    centre: Any,
    direction: Any,
    low: float,
    high: float,
    *,
    dt: float | None = None,
    steps: int = 80,
    margin: float = 0.25,
    tolerance: float = 1e-3,
    iterations: int = 5000,
) -> InvariantManifold:
    """Compute the invariant curve through a fixed or slow point along an eigenvector.

    The curve h(s) with F(h(s)) = h(g(s)), by the graph transform [1]_: a curve is replaced by its
    image, read off again on an even grid of s = l (h - centre), until it stays. What lies across
    the curve decays on the way, so the curve has to attract. Between points it is a piecewise
    cubic; beyond the outermost images it goes on straight.

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
        Residual and uncertainty, over `high - low`, up to which points count as on the curve.
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
    with jax.enable_x64(True):
        found = _iterate(
            pure, begin, mode.right, mode.left, grid, at_zero, extra, iterations * mode.attracts
        )
        found = _Found(*(np.asarray(value) for value in found))
        values = _measure(pure, found.curve[0], begin, mode.left, grid)
        reach, residual = (np.asarray(value) for value in values)
    uncertainty = np.linalg.norm(found.curve[0] - found.curve[1], axis=1)
    end = "across" if not mode.attracts else _end(found, iterations)
    first, last, ends = extra, extra + steps, ("range", "range")
    if end == "converged":
        largest = tolerance * (high - low)
        faults = np.select(
            [
                (np.arange(len(grid)) < found.first) | (np.arange(len(grid)) > found.last),
                ~(uncertainty <= largest),
                ~(residual <= largest),
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
    along, across = _rates(pure, state[kept], mode.left, dt)
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
    attracts: bool  # whether the others decay, and faster


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
    others = np.abs(np.delete(values, which)).max(initial=0.0)
    attracts = others < min(1 - 1e-9, values[which].real)
    return _Mode(right, left / (left @ right), bool(attracts))


class _Found(NamedTuple):
    curve: Any  # (2, n, N): going on straight ahead, and along the eigenvector
    first: Any  # images in order of s: from here
    last: Any  # to here
    change: Any
    best: Any
    waited: Any
    turns: Any
    lost: Any


def _end(found: _Found, iterations: int) -> str:
    if found.lost:
        return "diverged"
    return "limit" if found.turns >= iterations and found.waited < _PATIENCE else "converged"


@jax.jit
def _iterate(
    F: Partial,
    centre: jax.Array,
    right: jax.Array,
    left: jax.Array,
    grid: jax.Array,
    at_zero: jax.Array,
    extra: jax.Array,
    iterations: jax.Array,
) -> _Found:
    """Replace the curve by its image until it stays as it is, or makes no progress."""
    unit, length = grid[-1] - grid[0], grid[extra] - grid[0]
    index = jnp.arange(len(grid))
    inside = (index >= extra) & (index < len(grid) - extra)

    def image(curve, along):
        images = jax.vmap(F)(curve)
        reach = (images - centre) @ left
        first, last = _in_order(reach, at_zero, _SHRINKS * (grid[1] - grid[0]))
        kept = jnp.clip(index, first, last)
        images, reach = images[kept], reach[kept]
        # Over a fixed length of s: over a fixed number of images, which lie the closer the faster
        # they come in, errors would grow.
        inner = jnp.searchsorted(reach, reach[-1] - length), jnp.searchsorted(reach, reach[0] + length)
        ahead = _chord(reach, images, last, jnp.clip(inner[0], first, last - 1))
        behind = _chord(reach, images, first, jnp.clip(inner[1], first + 1, last))
        slopes = jnp.where(along, right, behind), jnp.where(along, right, ahead)
        return _cubic(reach, images, grid, *slopes), first, last

    def unfinished(found):
        going = (found.change > 1e-13 * unit) & (found.waited < _PATIENCE)
        return going & (found.turns < iterations) & ~found.lost

    def improve(found):
        curve, first, last = jax.vmap(image)(found.curve, jnp.array([False, True]))
        moved = jnp.abs(curve - found.curve).max(axis=(0, 2))
        change = jnp.where(inside, moved, 0.0).max()
        lost = ~(jnp.abs(curve - centre).max() < _FAR * unit)
        better = change < 0.9 * found.best
        return _Found(
            jnp.where(lost, found.curve, curve),
            first[0],
            last[0],
            change,
            jnp.where(better, change, found.best),
            jnp.where(better, 0, found.waited + 1),
            found.turns + 1,
            lost,
        )

    line = centre + grid[:, None] * right
    begin = _Found(
        jnp.stack([line, line]), 0, len(grid) - 1, jnp.inf, jnp.inf, 0, 0, jnp.asarray(False)
    )
    return jax.lax.while_loop(unfinished, improve, begin)


def _in_order(
    reach: jax.Array, centre: jax.Array, least: jax.Array
) -> tuple[jax.Array, jax.Array]:
    """Return the first and the last point around the centre up to which s grows enough."""
    index = jnp.arange(len(reach) - 1)
    grows = jnp.diff(reach) > least
    ahead = jnp.cumprod(jnp.where(index < centre, True, grows)).sum()
    behind = jnp.cumprod(jnp.where(index >= centre, True, grows)[::-1]).sum()
    return len(reach) - 1 - behind, ahead


def _chord(s: jax.Array, states: jax.Array, end: jax.Array, inner: jax.Array) -> jax.Array:
    return (states[end] - states[inner]) / (s[end] - s[inner])


def _cubic(
    s: jax.Array, states: jax.Array, at: jax.Array, behind: jax.Array, ahead: jax.Array
) -> jax.Array:
    """Interpolate states (n, N) at places, by cubics with slopes of three points.

    Places before the first go on with the slope `behind`, after the last with the slope `ahead`.
    """
    width = jnp.diff(s)[:, None]
    secant = jnp.diff(states, axis=0) / jnp.where(width > 0, width, 1.0)
    before, after = jnp.pad(width, ((1, 0), (0, 0))), jnp.pad(width, ((0, 1), (0, 0)))
    rising = jnp.pad(secant, ((1, 0), (0, 0))), jnp.pad(secant, ((0, 1), (0, 0)))
    into, out = (
        jnp.where(before > 0, rising[0], rising[1]),
        jnp.where(after > 0, rising[1], rising[0]),
    )
    both = before + after
    slope = (after * into + before * out) / jnp.where(both > 0, both, 1.0)
    k = jnp.clip(jnp.searchsorted(s, at, side="right") - 1, 0, len(s) - 2)
    step = width[k]
    t = jnp.clip((at - s[k])[:, None] / jnp.where(step > 0, step, 1.0), 0.0, 1.0)
    inner = (
        (1 + 2 * t) * (1 - t) ** 2 * states[k]
        + t**2 * (3 - 2 * t) * states[k + 1]
        + step * t * (1 - t) * ((1 - t) * slope[k] - t * slope[k + 1])
    )
    under, over = (at - s[0])[:, None], (at - s[-1])[:, None]
    inner = jnp.where(under < 0, states[0] + under * behind, inner)
    return jnp.where(over > 0, states[-1] + over * ahead, inner)


@jax.jit
def _measure(
    F: Partial, curve: jax.Array, centre: jax.Array, left: jax.Array, grid: jax.Array
) -> tuple[jax.Array, jax.Array]:
    """Return s of the points' images, and the residuals at points and half-way between them."""
    slopes = _chord(grid, curve, 0, 1), _chord(grid, curve, -1, -2)

    def miss(states):
        images = jax.vmap(F)(states)
        reach = (images - centre) @ left
        away = images - _cubic(grid, curve, reach, *slopes)
        return reach, jnp.sqrt(jnp.sum(away * away, axis=1))

    reach, at_points = miss(curve)
    _, between = miss(_cubic(grid, curve, (grid[1:] + grid[:-1]) / 2, *slopes))
    around = jnp.maximum(jnp.pad(between, (1, 0)), jnp.pad(between, (0, 1)))
    return reach, jnp.maximum(at_points, around)


def _straight(at: np.ndarray, s: np.ndarray, values: np.ndarray) -> np.ndarray:
    """Interpolate values linearly; the ends go on straight."""
    k = np.clip(np.searchsorted(s, at, side="right") - 1, 0, len(s) - 2)
    return values[k] + (at - s[k]) * (values[k + 1] - values[k]) / (s[k + 1] - s[k])


def _rates(
    F: Partial, curve: np.ndarray, left: np.ndarray, dt: float
) -> tuple[np.ndarray, np.ndarray]:
    """Return the rates (1/s) along and across at each point."""
    tangents = np.gradient(curve, axis=0)
    tangents /= np.linalg.norm(tangents, axis=1, keepdims=True)
    units = curve.shape[1]
    if units == 1:
        block = np.zeros((1, 1))
    else:
        block = np.random.default_rng(0).standard_normal((units, min(_BLOCK, units - 1)))
    stretch, radius = map_rows(
        _growth, F, curve, tangents, shared=(left, block), row_size=units * block.shape[1]
    )
    with np.errstate(divide="ignore"):
        return -np.log(stretch) / (dt / 1e3), -np.log(radius) / (dt / 1e3)


@jax.jit
def _growth(
    F: Partial, states: jax.Array, tangents: jax.Array, left: jax.Array, block: jax.Array
) -> tuple[jax.Array, jax.Array]:
    """Return by how much a step stretches the curve, and the spectral radius across it.

    Across the curve are differences of states of equal s; the image of one is taken back to equal
    s along the curve's own image.
    """
    unit = left / jnp.linalg.norm(left)

    def at(state, tangent):
        slope = jax.linearize(F, state)[1]
        image = slope(tangent)

        def across(vectors):
            images = jax.vmap(slope, 1, 1)(vectors)
            return images - jnp.outer(image, left @ images) / (left @ image)

        def turn(_, vectors):
            return jnp.linalg.qr(across(vectors))[0]

        base = jnp.linalg.qr(block - jnp.outer(unit, unit @ block))[0]
        base = jax.lax.fori_loop(0, _TURNS, turn, base)
        radius = jnp.abs(jnp.linalg.eigvals(base.T @ across(base))).max()
        return jnp.linalg.norm(image), radius

    return jax.vmap(at)(states, tangents)
