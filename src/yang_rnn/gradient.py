"""Slow points by gradient descent: Adam on the mean square of F(h) - h, all states together."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax
from jax.tree_util import Partial

from yang_rnn.maps import Map, as_map, chunks, padded
from yang_rnn.recipe import NOTEBOOK, check_real, check_whole

Progress = Callable[[int, int, float], None]
"""Called as ``on_progress(done, total, mean_square)`` while a search runs."""


class SearchEnd(NamedTuple):
    """Where a search ended, start by start.

    Attributes
    ----------
    state : numpy.ndarray, shape (n, N), float64
        The end points.
    iterations : numpy.ndarray, shape (n,), int
        Updates made to each.
    reason : numpy.ndarray, shape (n,), str
        Why each stopped: ``converged``, ``stalled``, ``limit``, ``non-finite`` or, for a descent
        that stops all points together, ``mean below tolerance``.
    trace : numpy.ndarray, shape (steps,), float32
        Mean square over the states before each update, for searches that move them together; empty
        for others.
    """

    state: np.ndarray
    iterations: np.ndarray
    reason: np.ndarray
    trace: np.ndarray


@dataclass(frozen=True)
class GradientSettings:
    """Settings of the gradient descent; the defaults are those of the BrainPy example notebook.

    Attributes
    ----------
    learning_rate : float
        Adam's learning rate.
    max_steps : int
        Most updates to make.
    batch_steps : int
        Updates between two looks at the stopping rule (and two progress reports).
    stop_mean_square : float
        Stop when the mean over all states of the mean square of F(h) - h is below this at the end
        of a batch.
    """

    learning_rate: float = NOTEBOOK.search_learning_rate
    max_steps: int = NOTEBOOK.search_steps
    batch_steps: int = NOTEBOOK.search_check_every
    stop_mean_square: float = NOTEBOOK.search_stop_mean_square

    def __post_init__(self) -> None:
        """Check the ranges."""
        check_real("learning_rate", self.learning_rate, above=0)
        check_whole("max_steps", self.max_steps, 1)
        check_whole("batch_steps", self.batch_steps, 1)
        check_real("stop_mean_square", self.stop_mean_square, least=0)


def descend(
    F: Map,
    starts: np.ndarray,
    settings: GradientSettings | None = None,
    on_progress: Progress | None = None,
) -> SearchEnd:
    """Descend from all starts together with Adam, in float32, on the mean over starts and units.

    The loss is a mean over states, so the gradient of each is its own divided by their number; the
    states are therefore independent but for the stopping rule, and large sets are moved in chunks.
    A state that ceases to be finite is left out of the mean from then on and touches no other.

    Parameters
    ----------
    F : callable
        The map h -> F(h).
    starts : numpy.ndarray, shape (n, N)
        Finite states to start from, n >= 1.
    settings : GradientSettings, optional
        Learning rate, number of steps and stopping rule.
    on_progress : callable, optional
        Called with (updates made, most updates, mean square) after each batch.

    Returns
    -------
    SearchEnd
        The end points, with the mean square before each update as trace.
    """
    settings = settings or GradientSettings()
    count, units = starts.shape
    size = _rows(count, units)
    pure = as_map(F, np.float32)
    parts = list(chunks(count, size))
    first = [padded(starts[part].astype(np.float32), size) for part in parts]
    carries = [(jnp.asarray(h), jnp.zeros(h.shape, h.dtype), jnp.zeros(h.shape, h.dtype))
               for h in first]  # fmt: skip
    valid = [np.arange(size) < part.stop - part.start for part in parts]
    scale = np.float32(2.0 / (count * units))
    rate = np.float32(settings.learning_rate)
    trace: list[np.ndarray] = []
    done = 0

    while done < settings.max_steps:
        steps = min(settings.batch_steps, settings.max_steps - done)
        sums = np.zeros((2, steps))
        with jax.default_matmul_precision("highest"):
            for index, counted in enumerate(valid):
                carries[index], part_sums = _adam_steps(
                    pure, carries[index], counted, scale, rate, np.int32(done), steps
                )
                sums += np.asarray(part_sums, np.float64)
        with np.errstate(invalid="ignore", divide="ignore"):
            trace.append((sums[0] / (sums[1] * units)).astype(np.float32))
        done += steps
        if on_progress is not None:
            on_progress(done, settings.max_steps, float(trace[-1][-1]))
        if not trace[-1][-1] >= settings.stop_mean_square:  # also when no state is finite
            break

    state = np.concatenate(
        [np.asarray(c[0])[: p.stop - p.start] for c, p in zip(carries, parts, strict=True)]
    ).astype(np.float64)
    finite_state = np.isfinite(state).all(axis=1)
    stopped = trace[-1][-1] < settings.stop_mean_square
    reason = np.where(finite_state, "mean below tolerance" if stopped else "limit", "non-finite")
    return SearchEnd(state, np.full(count, done), reason, np.concatenate(trace))


def _rows(count: int, units: int) -> int:
    """Rows a chunk: chunks bound the memory, and equal ones need one compiled shape."""
    if jax.default_backend() != "cpu":
        return count
    number = -(-count // max(64, 2**19 // units))
    return -(-count // number)


@partial(jax.jit, static_argnames="steps")
def _adam_steps(
    F: Partial,
    carry: tuple[jax.Array, jax.Array, jax.Array],
    valid: jax.Array,
    scale: jax.Array,
    rate: jax.Array,
    done: jax.Array,
    steps: int,
):
    """Make `steps` updates; return the carry, and per step the sum of squares and the count."""

    def update(carry, count):
        h, first, second = carry
        image, pull = jax.vjp(lambda s: jax.vmap(F)(s).astype(s.dtype), h)
        residual = image - h
        (pulled,) = pull(residual)
        gradient = scale * (pulled - residual)
        first = 0.9 * first + (1 - 0.9) * gradient
        second = 0.999 * second + (1 - 0.999) * gradient**2
        step = rate / (1 - 0.9**count) * jnp.sqrt(1 - 0.999**count)
        h = h - step * first / (jnp.sqrt(second) + 1e-8)
        square = jnp.sum(residual * residual, axis=1)
        counted = valid & jnp.isfinite(square)
        return (h, first, second), (jnp.sum(jnp.where(counted, square, 0)), jnp.sum(counted))

    counts = (done + 1 + jnp.arange(steps, dtype=jnp.int32)).astype(jnp.float32)
    carry, sums = lax.scan(update, carry, counts)
    return carry, jnp.stack([sums[0], sums[1].astype(jnp.float32)])
