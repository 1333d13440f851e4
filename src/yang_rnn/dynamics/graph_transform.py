"""The graph transform: a curve over a line is replaced by its image, until it stays as it is."""

from __future__ import annotations

from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax.tree_util import Partial

from yang_rnn.dynamics.maps import map_rows

_SHRINKS = 0.1  # share of the grid's step that images must keep between them, or the curve turns
_FAR = 1e3  # lengths of the range from the centre beyond which the curve has diverged
_BLOCK, _TURNS = 6, 60  # vectors and turns of the subspace iteration


class Transformed(NamedTuple):
    """Where the iteration stands.

    Attributes
    ----------
    curve : array of shape (2, n, N)
        The curve at the grid, going on straight ahead beyond its images, and along the eigenvector.
    first, last : int
        From where to where images lie in order of s, around the centre.
    change : float
        By how much a point between the bounds moved last.
    best : float
        The smallest change so far.
    waited : int
        Iterations since the change became clearly smaller.
    turns : int
        Iterations.
    lost : bool
        Whether the next curve would not be finite, or be far away.
    """

    curve: Any
    first: Any
    last: Any
    change: Any
    best: Any
    waited: Any
    turns: Any
    lost: Any


@jax.jit
def iterate(
    F: Partial,
    centre: jax.Array,
    right: jax.Array,
    left: jax.Array,
    grid: jax.Array,
    at_zero: jax.Array,
    extra: jax.Array,
    patience: jax.Array,
    most: jax.Array,
) -> Transformed:
    """Replace the curve by its image until it stays as it is, or makes no progress.

    Parameters
    ----------
    F : Partial
        The map.
    centre, right, left : arrays of shape (N,)
        The point with s = 0, the direction of the straight line to begin with, and what reads s:
        s = left (h - centre), with left right = 1.
    grid : array of shape (n,)
        Even values of s.
    at_zero : int
        Which of them is 0.
    extra : int
        How many on either side lie beyond the bounds.
    patience, most : int
        Iterations without progress, and in all, after which it ends.
    """
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
        inner = (
            jnp.searchsorted(reach, reach[-1] - length),
            jnp.searchsorted(reach, reach[0] + length),
        )
        ahead = _chord(reach, images, last, jnp.clip(inner[0], first, last - 1))
        behind = _chord(reach, images, first, jnp.clip(inner[1], first + 1, last))
        slopes = jnp.where(along, right, behind), jnp.where(along, right, ahead)
        return _cubic(reach, images, grid, *slopes), first, last

    def unfinished(found):
        going = (found.change > 1e-13 * unit) & (found.waited < patience)
        return going & (found.turns < most) & ~found.lost

    def improve(found):
        curve, first, last = jax.vmap(image)(found.curve, jnp.array([False, True]))
        moved = jnp.abs(curve - found.curve).max(axis=(0, 2))
        change = jnp.where(inside, moved, 0.0).max()
        lost = ~(jnp.isfinite(curve) & (jnp.abs(curve - centre) < _FAR * unit)).all()
        better = change < 0.9 * found.best
        return Transformed(
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
    begin = Transformed(
        jnp.stack([line, line]), 0, len(grid) - 1, jnp.inf, jnp.inf, 0, 0, jnp.asarray(False)
    )
    return jax.lax.while_loop(unfinished, improve, begin)


def _in_order(reach: jax.Array, centre: jax.Array, least: jax.Array) -> tuple[jax.Array, jax.Array]:
    """Return the first and the last point around the centre up to which s grows enough."""
    index = jnp.arange(len(reach) - 1)
    grows = jnp.diff(reach) > least
    ahead = jnp.cumprod(jnp.where(index < centre, True, grows)).sum()
    behind = jnp.cumprod(jnp.where(index >= centre, True, grows)[::-1]).sum()
    return len(reach) - 1 - behind, ahead


def _chord(s: jax.Array, states: jax.Array, end: Any, inner: Any) -> jax.Array:
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
    k = jnp.clip(jnp.searchsorted(s, at, side="right", method="compare_all") - 1, 0, len(s) - 2)
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
def measure(
    F: Partial, curve: jax.Array, centre: jax.Array, left: jax.Array, grid: jax.Array
) -> tuple[jax.Array, jax.Array]:
    """Return s of the points' images and the residuals, (n,) each.

    A point's residual is the largest of its own and those half-way to its neighbours: the distance
    of the image from the curve at equal s.
    """
    slopes = _chord(grid, curve, 0, 1), _chord(grid, curve, -1, -2)
    middles = _cubic(grid, curve, (grid[1:] + grid[:-1]) / 2, *slopes)
    images = jax.vmap(F)(jnp.concatenate([curve, middles]))
    reach = (images - centre) @ left
    away = images - _cubic(grid, curve, reach, *slopes)
    miss = jnp.sqrt(jnp.sum(away * away, axis=1))
    at_points, between = miss[: len(grid)], miss[len(grid) :]
    around = jnp.maximum(jnp.pad(between, (1, 0)), jnp.pad(between, (0, 1)))
    return reach[: len(grid)], jnp.maximum(at_points, around)


def rates(
    F: Partial, curve: np.ndarray, left: np.ndarray, dt: float
) -> tuple[np.ndarray, np.ndarray]:
    """Return the rates (1/s) along and across at each point of a curve, (n,) each."""
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
