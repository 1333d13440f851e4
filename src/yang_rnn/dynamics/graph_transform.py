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

_PATIENCE = 100  # iterations without a change smaller than before that a curve is given up after
_BASE = 5  # pieces at an end that tell how it goes on
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


@jax.jit
def settle(
    F: Partial,
    along: Along,
    state: jax.Array,
    ends: jax.Array,
    most: jax.Array,
    least: jax.Array,
) -> Graph:
    """Map a part of a curve on until it stays; return the curve that changed least.

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

    Returns
    -------
    Graph
        Its change is infinite if the first image was no graph: it turned back, or was steep.
    """
    index = jnp.arange(len(along.grid))
    inside = (index >= ends[0]) & (index <= ends[1])

    def unfinished(carry):
        _, change, best, turn = carry
        patient = turn - best.iterations < _PATIENCE
        return (turn < most) & (change > least) & (change < jnp.inf) & patient  # NaN ends it too

    def improve(carry):
        state, _, best, turn = carry
        image = jax.vmap(F)(state)
        place = along.place(image)
        new = cut(place, image, along.grid, ends)
        change = jnp.max(jnp.where(inside, jnp.linalg.norm(new - state, axis=1), 0.0))
        rises = jnp.all((jnp.diff(place) > 0) | ~(inside[1:] & inside[:-1]))
        change = jnp.where(rises & _flat(new, along.grid, inside), change, jnp.inf)
        better = change < best.change
        best = jax.tree.map(
            lambda old, now: jnp.where(better, now, old), best, Graph(new, change, turn)
        )
        return new, change, best, turn + 1

    one = jnp.ones((), state.dtype)
    begin = (state, 1e300 * one, Graph(state, jnp.inf * one, jnp.asarray(0)), jnp.asarray(0))
    _, _, best, turn = jax.lax.while_loop(unfinished, improve, begin)
    return best._replace(iterations=turn)


def _flat(state: jax.Array, grid: jax.Array, inside: jax.Array) -> jax.Array:
    """Tell whether a part of a curve is nowhere too steep."""
    lengths = jnp.linalg.norm(jnp.diff(state, axis=0), axis=1)
    return jnp.all((lengths < _STEEP * jnp.diff(grid)) | ~(inside[1:] & inside[:-1]))


def cut(place: jax.Array, states: jax.Array, at: jax.Array, ends: jax.Array) -> jax.Array:
    """Cut a part of the curve through states at given places, by cubics with continuous slopes.

    The slopes are those of the parabolas through three neighbours. The ends go on straight, as
    their last few pieces do together.

    Parameters
    ----------
    place : array of shape (n,)
        Where the states are, rising within the part.
    states : array of shape (n, N)
    at : array of shape (m,)
    ends : array of two int
        The first and the last state of the part.
    """
    first, last = ends
    index = jnp.arange(len(place))
    order = jnp.where(index < first, -jnp.inf, jnp.where(index > last, jnp.inf, place))
    piece = jnp.clip(jnp.searchsorted(order, at) - 1, first, last - 1)
    spacing = jnp.diff(place)
    slope = jnp.diff(states, axis=0) / spacing[:, None]
    bend = jnp.diff(slope, axis=0) / (place[2:] - place[:-2])[:, None]
    bend = jnp.concatenate([bend[:1], bend, bend[-1:]])
    width = spacing[piece]
    share = ((at - place[piece]) / width)[:, None]
    before, after = (bend[jnp.clip(end, first + 1, last - 1)] for end in (piece, piece + 1))
    sag = width[:, None] ** 2 * share * (1 - share) * ((1 - share) * before + share * after)
    within = states[piece] + share * (states[piece + 1] - states[piece]) - sag
    base = jnp.minimum(_BASE, last - first)
    behind = _straight(place, states, at, first, first + base)
    ahead = _straight(place, states, at, last, last - base)
    within = jnp.where((at < place[first])[:, None], behind, within)
    return jnp.where((at > place[last])[:, None], ahead, within)


def _straight(
    place: jax.Array, states: jax.Array, at: jax.Array, end: jax.Array, base: jax.Array
) -> jax.Array:
    """Go on from one state in the direction that another is away from it."""
    slope = (states[end] - states[base]) / (place[end] - place[base])
    return states[end] + (at - place[end])[:, None] * slope
