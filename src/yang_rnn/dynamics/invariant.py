"""The invariant slow manifold of a map: a curve that the map takes into itself."""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import TYPE_CHECKING, Literal, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax.tree_util import Partial
from numpy.typing import ArrayLike

from yang_rnn._checks import check_real, check_whole
from yang_rnn._frames import by_unit, frame_of
from yang_rnn.dynamics.curve import Curve
from yang_rnn.dynamics.graph_transform import Along, cut, settle
from yang_rnn.dynamics.line_flow import Rests, drained, rests_of
from yang_rnn.dynamics.maps import (
    Map,
    as_map,
    as_vector,
    check_map,
    map_rows,
    one_blas_thread,
    time_step,
)

if TYPE_CHECKING:
    from yang_rnn._frames import DataFrame

STEPS_ACROSS = 100
"""Steps of the grid from one end of the range to the other."""

MAX_ITERATIONS = 2000
"""How often a piece of the curve is mapped at most until it stays."""

CONVERGED = 1e-2
"""Distance to the invariant curve, over its length, up to which a curve is said to be it."""

_MARGIN = 0.25  # of the range, beyond each end: where the flow is inward, it comes from there
_BEGIN = 2  # steps both ways from the centre that a curve begins with
_STRIDE = 32  # steps that an end grows by; half as many where it does not settle
_LEAST_STRIDE = 2
_SETTLED = 1e-5  # of the range: a curve that changes by less has settled, and can grow
_LEAST_CHANGE = 1e-10  # of the range: at the end
_STILL = 1e-9  # of the length: a shift by a step up to this is none
_COLUMNS = 8  # directions across that are followed for the fastest rate
_PUSHES = 5  # how often they are mapped on before they are made orthogonal again
_TURNS = 12  # how often that
_ROWS = 32  # points at which the rate across is computed at once


@dataclass(frozen=True, eq=False, repr=False)
class InvariantManifold(Curve):
    """A curve h(s) that a map F takes into itself: F(h(s)) = h(g(s)).

    Attributes
    ----------
    state : numpy.ndarray, shape (n, N), float64
        Points of the curve from one end to the other; at least two.
    speed : numpy.ndarray, shape (n,), float64
        q = 1/2 ||F(h) - h||^2 at each.
    image : numpy.ndarray, shape (n,), float64
        g: the arc length from the centre that each is mapped to in a step; ends go on straight.
    residual : numpy.ndarray, shape (n,), float64
        How far the image of each lies from the curve, along which it should be; NaN where the
        image lies beyond the curve's end.
    rate_across : numpy.ndarray, shape (n,), float64
        The largest modulus of an eigenvalue of dF/dh across the curve: the factor by which what is
        off the curve changes in a step. 0 for a map of one unit.
    centre : int
        Which of the points lies beside the given centre, and on it if that is a fixed point.
    ends : tuple of two str
        Why the curve ends, at the first and at the last point: ``range``, it passed the bound that
        was given; ``lost``, further out it did not settle, was no graph over the direction, or the
        map did not contract across it or took it further off than `CONVERGED`. On trained networks
        twice the steps lose it at the same places (`benchmarks/manifolds.py`): mostly there is no
        attracting curve over the direction further out, for it turns away from that, or what is
        off it shrinks no faster than what is along it.
    iterations : int
        How often it was mapped.
    dt : float
        Time step (ms).
    """

    state: np.ndarray
    speed: np.ndarray
    image: np.ndarray
    residual: np.ndarray
    rate_across: np.ndarray
    centre: int
    ends: tuple[str, str]
    iterations: int
    dt: float

    def __post_init__(self) -> None:
        """Make the arrays read-only."""
        for field in fields(self):
            value = getattr(self, field.name)
            if isinstance(value, np.ndarray):
                value.flags.writeable = False

    def to_frame(self) -> DataFrame:
        """Give the curve as a pandas frame, one row per point, from one end to the other.

        Returns
        -------
        pandas.DataFrame
            Columns arc (units of state, from the centre), speed, velocity (units of state per
            second), image, residual, error, rate_along, rate_across (factors per step), then
            state_0 ... state_{N-1}.
        """
        names = (
            "arc", "speed", "velocity", "image", "residual", "error", "rate_along", "rate_across",
        )  # fmt: skip
        columns = {name: getattr(self, name) for name in names}
        return frame_of(columns | by_unit("state", self.state))

    def __repr__(self) -> str:
        """Say how long the curve is, whether it is invariant, and how it ended."""
        return (
            f"InvariantManifold({len(self)} points of {self.state.shape[1]} units, "
            f"length {self.length:.3g}, {'' if self.converged else 'not '}converged; "
            f"ends: {self.ends[0]}, {self.ends[1]})"
        )

    @property
    def error(self) -> np.ndarray:
        """Estimated distance of each point to the manifold, shape (n,).

        residual / (1 - rate_across), what a residual in every step adds up to; inf where the map
        does not contract across the curve, NaN where the residual is.
        """
        contracts = self.rate_across < 1
        return np.where(
            contracts, self.residual / np.where(contracts, 1 - self.rate_across, 1), np.inf
        )

    @property
    def converged(self) -> bool:
        """Whether `error`, where it is known, is at most `CONVERGED` times the length.

        The curve ends before it is more. Where it is at the centre already, or beside it on both
        sides, what was found is left whole, and is not invariant.
        """
        known = self.error[~np.isnan(self.error)]
        return len(known) > 0 and bool((known <= CONVERGED * self.length).all())

    @property
    def velocity(self) -> np.ndarray:
        """The flow phi on the curve, arc length per second at each point, shape (n,)."""
        return self._shift / (self.dt / 1000)

    @property
    def drift(self) -> float:
        """Mean |phi| over the curve, arc length per second."""
        return float(np.trapezoid(np.abs(self.velocity), self.arc) / self.length)

    @property
    def memory_error_bound(self) -> float:
        """The largest |phi|: after t seconds what is remembered is off by t times it at most."""
        return float(np.abs(self.velocity).max())

    @property
    def rate_along(self) -> np.ndarray:
        """g'(s): the factor by which distances along the curve change in a step, shape (n,)."""
        return np.gradient(self.image, self.arc, edge_order=_edge_order(len(self)))

    @property
    def normally_hyperbolic(self) -> bool:
        """Whether the map contracts across the curve, and more than along it, everywhere."""
        return bool((self.rate_across < np.minimum(1.0, self.rate_along)).all())

    @property
    def hyperbolicity_gap(self) -> float:
        """The smallest ln(rate_along / rate_across) / dt on the curve, per second."""
        with np.errstate(divide="ignore", invalid="ignore"):
            gaps = np.log(np.maximum(self.rate_along, 0) / self.rate_across)
        return float(gaps.min() / (self.dt / 1000))

    @property
    def rests(self) -> Rests:
        """Fixed points of the flow on the curve, and stretches of them, by arc length."""
        return rests_of(self.arc, self._shift, _STILL * self.length)

    @property
    def memory_capacity(self) -> float:
        """Entropy -sum p ln p (nats) of where the curve drains to; inf with a still stretch.

        p is the share that drains to a fixed point on it. What leaves through an end counts as
        draining to one more.
        """
        rests = self.rests
        if rests.stretch.any():
            return float("inf")
        share = drained(self.arc, self._shift, rests)
        share = share[share > 0]
        return float(-(share * np.log(share)).sum()) + 0.0

    @property
    def _shift(self) -> np.ndarray:
        return self.image - self.arc


def invariant_manifold(
    F: Map,
    centre: ArrayLike,
    direction: ArrayLike,
    low: float,
    high: float,
    *,
    dt: float | None = None,
    steps: int = STEPS_ACROSS,
    max_iterations: int = MAX_ITERATIONS,
) -> InvariantManifold:
    """Find the curve through a fixed or slow point that the map takes into itself.

    A short piece of the line along the direction is mapped on, and cut at the same distances along
    it, until it stays [1]_. Then each side is made longer while it settles. That gives the slow
    manifold where the map contracts across it, and more than along it: `converged` and
    `normally_hyperbolic` of the record tell. Of a linear map it is the eigenvector's line, however
    oblique the others are to it. Where a direction across is unstable, or the leading pair turns,
    there is nothing to settle on: the first piece is returned, and is not `converged`.

    Where the flow is inward at an end, many curves are invariant. The one that is found goes on
    straight beyond its end.

    The flow on it, with what follows from it for memory, is that of Sagodi et al. [2]_.

    Parameters
    ----------
    F : callable
        Pure map from a state (N,) to the next state (N,), written with JAX.
    centre : array of shape (N,)
        The point to begin at.
    direction : array of shape (N,)
        The slowest direction there, a right eigenvector; the curve runs that way, and is a graph
        over it: it turns by less than a right angle.
    low, high : float
        The curve ends where it has passed these distances from the centre, measured along
        `direction`; `low` below 0, `high` above. Where the flow is inward, the map is looked at a
        quarter of the range beyond them, too.
    dt : float, optional
        Time step (ms) of a map that has none of its own.
    steps : int
        Steps from `low` to `high`: the finer, the more points.
    max_iterations : int
        How often a piece of the curve is mapped at most.

    Returns
    -------
    InvariantManifold

    Raises
    ------
    ValueError
        If centre and direction are not one finite vector each, of one length, the direction is 0,
        the bounds do not enclose 0, there is no time step, or the map takes the centre to a state
        that is not finite.
    TypeError
        If the map is not callable, or a vector is not of real numbers.

    References
    ----------
    .. [1] Hirsch, Pugh & Shub (1977), "Invariant manifolds", Springer (graph transform); Cabre,
       Fontich & de la Llave (2003), Indiana University Mathematics Journal 52:283-328 (the
       equation F(h(s)) = h(g(s))).
    .. [2] Sagodi, Martin-Sanchez, Sokol & Park (2024), "Back to the continuous attractor",
       arXiv:2408.00109.
    """
    begin = as_vector(centre, "centre")
    towards = as_vector(direction, "direction", begin.size)
    if not np.linalg.norm(towards) > 0:
        raise ValueError(f"`direction` must be a vector of {begin.size} units, not 0")
    low, high = check_real("low", low), check_real("high", high)
    if not low < 0 < high:
        raise ValueError(f"`low` must be below 0 and `high` above; got {low} and {high}")
    check_whole("steps", steps, 2)
    check_whole("max_iterations", max_iterations, 1)
    dt = time_step(F, dt)
    pure = as_map(F)
    check_map(pure, begin.size)
    found = _solve(
        pure, begin, towards / np.linalg.norm(towards), (low, high), steps, max_iterations
    )
    if not np.isfinite(found.image[found.centre]).all():
        raise ValueError("`centre` must be a state that `F` takes to a finite one")
    found = _invariant_part(found)
    return InvariantManifold(
        state=found.state,
        speed=0.5 * np.sum((found.image - found.state) ** 2, axis=1),
        image=found.curve.position(found.image),
        residual=found.residual,
        rate_across=found.rate_across,
        centre=found.centre,
        ends=found.ends,
        iterations=found.iterations,
        dt=dt,
    )


class _Solved(NamedTuple):
    state: np.ndarray  # (n, N)
    image: np.ndarray  # (n, N)
    residual: np.ndarray  # (n,)
    centre: int
    ends: tuple[str, str]
    iterations: int
    rate_across: np.ndarray  # (n,)

    @property
    def curve(self) -> Curve:
        curve = Curve()
        curve.state, curve.centre = self.state, self.centre
        return curve

    def part(self, first: int, last: int) -> _Solved:
        """Return the points from one to another, both included; where some go, it is lost."""
        kept = slice(first, last + 1)
        lost = (first > 0, last < len(self.state) - 1)
        return self._replace(
            state=self.state[kept],
            image=self.image[kept],
            residual=self.residual[kept],
            rate_across=self.rate_across[kept],
            centre=self.centre - first,
            ends=tuple("lost" if here else end for here, end in zip(lost, self.ends, strict=True)),
        )


def _solve(
    F: Partial,
    begin: np.ndarray,
    towards: np.ndarray,
    bounds: tuple[float, float],
    steps: int,
    most: int,
) -> _Solved:
    """Find the curve over a grid that reaches beyond the bounds; keep what is within."""
    size, more = (bounds[1] - bounds[0]) / steps, int(np.ceil(_MARGIN * steps))
    behind, ahead = (int(np.ceil(abs(bound) / size * (1 - 1e-12))) for bound in bounds)
    middle, past = more + behind, more + behind + ahead
    # One place more than needed at times: all ranges have as many, and compile once.
    grid = size * (np.arange(steps + 2 + 2 * more) - middle)
    with jax.enable_x64(True), one_blas_thread():
        along = Along(*(jnp.asarray(part) for part in (begin, towards, grid)))
        grown = _grow(F, along, middle, most)
        image, residual = _images(F, along, grown.state, np.array(grown.ends))
    first, last = max(grown.ends[0], more), min(grown.ends[1], past)
    kept = slice(first, last + 1)
    state = np.array(grown.state[kept])
    return _Solved(
        state,
        np.array(image[kept]),
        np.array(residual[kept]),
        middle - first,
        ("range" if first == more else "lost", "range" if last == past else "lost"),
        grown.iterations,
        _rates_across(F, state),
    )


class _Grown(NamedTuple):
    state: jax.Array  # (n, N)
    ends: tuple[int, int]  # first and last place of the part that is invariant
    iterations: int


def _grow(F: Partial, along: Along, middle: int, most: int) -> _Grown:
    """Begin with a short piece of the line, and let it go on straight while it can settle."""
    last, span = len(along.grid) - 1, float(along.grid[-1] - along.grid[0])
    line = along.centre + along.grid[:, None] * along.direction
    grown = _Grown(line, (middle - _BEGIN, middle + _BEGIN), 0)

    def settled(
        ends: tuple[int, int], least: float, free: tuple[int, int] = (0, last)
    ) -> _Grown | None:
        nonlocal iterations
        places = np.array(ends), np.array(free)
        graph = settle(F, along, grown.state, places[0], most, least * span, places[1])
        iterations += int(graph.iterations)
        return _Grown(graph.state, ends, 0) if graph.change <= _SETTLED * span else None

    iterations = 0
    first = settled(grown.ends, _SETTLED)
    if first is None:
        return grown._replace(iterations=iterations)
    grown = first
    # Each side grows with the other held: where one cannot go on, it would not let the other.
    for side, free in enumerate([(0, middle - 1), (middle + 1, last)]):
        stride = _STRIDE
        while stride >= _LEAST_STRIDE:
            behind, ahead = grown.ends
            tried = (
                (behind, min(last, ahead + stride)) if side else (max(0, behind - stride), ahead)
            )
            if tried == grown.ends:
                break
            longer = settled(tried, _SETTLED, free)
            grown, stride = (grown, stride // 2) if longer is None else (longer, stride)
    grown = settled(grown.ends, _LEAST_CHANGE) or grown
    return grown._replace(iterations=iterations)


@jax.jit
def _images(
    F: Partial, along: Along, state: jax.Array, ends: jax.Array
) -> tuple[jax.Array, jax.Array]:
    """Return the images of states (n, N), and their distances to the curve at their places."""
    image = jax.vmap(F)(state)
    place = along.place(image)
    away = jnp.linalg.norm(image - cut(along.grid, state, place, ends), axis=1)
    known = (place >= along.grid[ends[0]]) & (place <= along.grid[ends[1]])
    return image, jnp.where(known, away, jnp.nan)


def _invariant_part(found: _Solved) -> _Solved:
    """Keep the part around the centre that is invariant, as `converged` has it; all, if none is."""
    part = found
    while (away := np.flatnonzero(_off(part))).size:
        first = int(away[away < part.centre].max(initial=-1)) + 1
        last = int(away[away > part.centre].min(initial=len(part.state))) - 1
        if part.centre in away or first == last:
            return found
        part = part.part(first, last)
    return part


def _off(found: _Solved) -> np.ndarray:
    """Tell which points' error is too large for a curve of this length; NaN is not."""
    within = CONVERGED * found.curve.length * (1 - found.rate_across)
    return ~(found.rate_across < 1) | (found.residual > within)


def _edge_order(points: int) -> Literal[1, 2]:
    return 2 if points > 2 else 1


def _rates_across(F: Partial, state: np.ndarray) -> np.ndarray:
    """Return the largest modulus of dF/dh across a curve, at its states (n, N).

    By subspace iteration, whose small matrices have the leading eigenvalues: pairs, too.
    """
    units = state.shape[1]
    if units == 1:
        return np.zeros(len(state))
    tangents = np.gradient(state, axis=0, edge_order=_edge_order(len(state)))
    tangents /= np.linalg.norm(tangents, axis=1, keepdims=True)
    start = np.random.default_rng(0).standard_normal((units, min(_COLUMNS, units)))
    (small,) = map_rows(_across, F, state, tangents, shared=(start,), sizes=(_ROWS,))
    rate = np.full(len(state), np.inf)
    finite = np.isfinite(small).all(axis=(1, 2))
    rate[finite] = np.abs(np.linalg.eigvals(small[finite])).max(axis=1)
    return rate


@jax.jit
def _across(F: Partial, states: jax.Array, tangents: jax.Array, start: jax.Array) -> jax.Array:
    def at(h, tangent):
        def across(columns):
            return columns - jnp.outer(tangent, tangent @ columns)

        def push(columns):
            slopes = jax.vmap(lambda v: jax.jvp(F, (h,), (v,))[1], in_axes=1, out_axes=1)
            return across(slopes(across(columns)))

        def turn(_, basis):
            pushed = jax.lax.fori_loop(0, _PUSHES, lambda _, columns: push(columns), basis)
            return jnp.linalg.qr(pushed)[0]

        basis = jax.lax.fori_loop(0, _TURNS, turn, jnp.linalg.qr(across(start))[0])
        return basis.T @ push(basis)

    return jax.vmap(at)(states, tangents)
