"""The graph transform: a curve is mapped on and cut at the same places, until it stays.

The curve is given by one state at each place of a grid along a direction. Its image under a map is
a curve too; where the map contracts across the curve, images come closer and closer to a curve
that the map takes into itself (Hadamard's method; Hirsch, Pugh & Shub (1977), "Invariant
manifolds", Springer).
"""

from __future__ import annotations

from typing import NamedTuple

import jax
import jax.numpy as jnp
from jax.tree_util import Partial

_PATIENCE = 30  # iterations without a change smaller than before that a curve is given up after
_BASE = 5  # pieces at an end that tell how it goes on
_LESS = 0.7  # what `_Turn.share` shrinks by where the curve swings
_LEAST_SHARE = 0.1
_STEEP = 10.0  # of the length across, over that along: what is steeper is no graph any more


class Along(NamedTuple):
    """A line that curves are graphs over.

    Attributes
    ----------
    centre, direction : arrays of shape (N,)
        Place 0 and the unit vector along which places are measured.
    grid : array of shape (n,)
        Evenly spaced rising places.
    """

    centre: jax.Array
    direction: jax.Array
    grid: jax.Array

    def place(self, states: jax.Array) -> jax.Array:
        """Return the places (n,) of states (n, N)."""
        return (states - self.centre) @ self.direction


class Graph(NamedTuple):
    """A curve over a grid.

    Attributes
    ----------
    state : array of shape (n, N)
        A state at each place of the grid.
    change : float
        The largest distance, within the part that was mapped, between a state and the one before.
    iterations : int
        How often the map was applied.
    """

    state: jax.Array
    change: jax.Array
    iterations: jax.Array


class _Turn(NamedTuple):
    state: jax.Array  # (n, N)
    change: jax.Array
    slopes: jax.Array  # beyond both ends, (2, N)
    share: jax.Array  # of the way from there to those of the image that is gone
    number: jax.Array


@jax.jit
def settle(
    F: Partial,
    along: Along,
    state: jax.Array,
    ends: jax.Array,
    most: jax.Array,
    least: jax.Array,
    free: jax.Array | None = None,
) -> Graph:
    """Map a part of a curve on until it stays; return the curve that changed least.

    Beyond the part the curve goes on straight, with slopes that follow those of its image: all the
    way at first, less of it each time that the curve changes by more than before. Where what is
    across shrinks little more than what is along, and changes sign, they would swing for ever.

    Parameters
    ----------
    F : jax.tree_util.Partial
        The map.
    along : Along
    state : array of shape (n, N)
        A state at each place of the grid.
    ends : array of two int
        The first and the last place of the part; what lies beyond goes on straight.
    most : int
        How often it is mapped at most.
    least : float
        Changes up to this are none.
    free : array of two int, optional
        The first and the last place where the curve may change; without it, everywhere.

    Returns
    -------
    Graph
        Its change is infinite if the first image was no graph: it turned back, or was steep.
    """
    index = jnp.arange(len(along.grid))
    may_change = jnp.ones_like(index, bool) if free is None else _between(index, free)
    inside = _between(index, ends) & may_change
    pieces = inside[1:] & inside[:-1]

    def unfinished(carry):
        now, best = carry
        patient = now.number - best.iterations < _PATIENCE
        moves = (now.change > least) & (now.change < jnp.inf)  # NaN ends it too
        return (now.number < most) & moves & patient

    def improve(carry):
        now, best = carry
        image = jax.vmap(F)(now.state)
        place = along.place(image)
        slopes = now.slopes + now.share * (_slopes(place, image, ends) - now.slopes)
        new = cut(place, image, along.grid, ends, slopes)
        new = jnp.where(may_change[:, None], new, now.state)
        change = jnp.max(jnp.where(inside, jnp.linalg.norm(new - now.state, axis=1), 0.0))
        less = jnp.maximum(_LESS * now.share, _LEAST_SHARE)
        share = jnp.where(change < now.change, now.share, less)
        rises = jnp.all((jnp.diff(place) > 0) | ~pieces)
        change = jnp.where(rises & _flat(new, along.grid, pieces), change, jnp.inf)
        better = change < best.change
        best = jax.tree.map(
            lambda old, now: jnp.where(better, now, old), best, Graph(new, change, now.number)
        )
        return _Turn(new, change, slopes, share, now.number + 1), best

    one, none = jnp.ones((), state.dtype), jnp.asarray(0)
    begin = _Turn(state, 1e300 * one, _slopes(along.grid, state, ends), one, none)
    now, best = jax.lax.while_loop(unfinished, improve, (begin, Graph(state, jnp.inf * one, none)))
    return best._replace(iterations=now.number)


def _between(index: jax.Array, bounds: jax.Array) -> jax.Array:
    return (index >= bounds[0]) & (index <= bounds[1])


def _flat(state: jax.Array, grid: jax.Array, pieces: jax.Array) -> jax.Array:
    """Tell whether pieces of a curve are nowhere too steep."""
    lengths = jnp.linalg.norm(jnp.diff(state, axis=0), axis=1)
    return jnp.all((lengths < _STEEP * jnp.diff(grid)) | ~pieces)


def cut(
    place: jax.Array,
    states: jax.Array,
    at: jax.Array,
    ends: jax.Array,
    slopes: jax.Array | None = None,
) -> jax.Array:
    """Cut a part of the curve through states at given places, by cubics with continuous slopes.

    The slopes are those of the parabolas through three neighbours. The ends go on straight.

    Parameters
    ----------
    place : array of shape (n,)
        Where the states are, rising within the part.
    states : array of shape (n, N)
    at : array of shape (m,)
    ends : array of two int
        The first and the last state of the part.
    slopes : array of shape (2, N), optional
        How the curve goes on beyond its ends; without them, as its
        last few pieces do together.
    """
    first, last = ends
    before, after = _slopes(place, states, ends) if slopes is None else slopes
    index = jnp.arange(len(place))
    order = jnp.where(index < first, -jnp.inf, jnp.where(index > last, jnp.inf, place))
    piece = jnp.clip(jnp.searchsorted(order, at, method="compare_all") - 1, first, last - 1)
    spacing = jnp.diff(place)
    slope = jnp.diff(states, axis=0) / spacing[:, None]
    bend = jnp.diff(slope, axis=0) / (place[2:] - place[:-2])[:, None]
    bend = jnp.concatenate([bend[:1], bend, bend[-1:]])
    width = spacing[piece]
    share = ((at - place[piece]) / width)[:, None]
    bends = [bend[jnp.clip(end, first + 1, last - 1)] for end in (piece, piece + 1)]
    sag = width[:, None] ** 2 * share * (1 - share) * ((1 - share) * bends[0] + share * bends[1])
    within = states[piece] + share * (states[piece + 1] - states[piece]) - sag
    behind = states[first] + (at - place[first])[:, None] * before
    ahead = states[last] + (at - place[last])[:, None] * after
    within = jnp.where((at < place[first])[:, None], behind, within)
    return jnp.where((at > place[last])[:, None], ahead, within)


def _slopes(place: jax.Array, states: jax.Array, ends: jax.Array) -> jax.Array:
    """Return the slopes (2, N) of the last few pieces together, at both ends of a part."""
    first, last = ends
    base = jnp.minimum(_BASE, last - first)
    begin, end = jnp.array([first, last - base]), jnp.array([first + base, last])
    return (states[end] - states[begin]) / (place[end] - place[begin])[:, None]
