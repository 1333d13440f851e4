"""Slow points by gradient descent: Adam on the mean square of F(h) - h, all states together."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax
from jax.tree_util import Partial

from yang_rnn._checks import check_real, check_whole
from yang_rnn.dynamics.adam import scale_by_adam
from yang_rnn.dynamics.maps import as_map
from yang_rnn.dynamics.processors import num_processors
from yang_rnn.dynamics.search import OnProgress, SearchEnd

CHUNK = 2**15
"""Numbers (float32) in a chunk of states, about: what a core's cache holds with its moments."""


@dataclass(frozen=True)
class GradientDescent:
    """Descent from all starts together by Adam, in float32, on the mean over starts and units.

    The defaults are those of the BrainPy example notebook. The loss is a mean over states, so the
    gradient of each is its own divided by their number; the states are therefore independent but
    for the stopping rule. A state that ceases to be finite is left out of the mean from then on and
    touches no other.

    Attributes
    ----------
    learning_rate : float
        Adam's learning rate.
    max_steps : int
        Most updates to make.
    check_every : int
        Updates between two looks at the stopping rule (and two progress reports).
    stop_mean_square : float
        Stop when the mean over all states of the mean square of F(h) - h is below this when it is
        looked at.
    """

    learning_rate: float = 1e-3
    max_steps: int = 10_000
    check_every: int = 200
    stop_mean_square: float = 1e-4

    def __post_init__(self) -> None:
        """Check the ranges."""
        check_real("learning_rate", self.learning_rate, above=0)
        check_whole("max_steps", self.max_steps, 1)
        check_whole("check_every", self.check_every, 1)
        check_real("stop_mean_square", self.stop_mean_square, minimum=0)

    @property
    def name(self) -> str:
        """What the record of the points calls it."""
        return "gradient"

    def search(
        self,
        F: Partial,
        starts: np.ndarray,
        fixed_speed: float = 0.0,
        on_progress: OnProgress | None = None,
    ) -> SearchEnd:
        """Descend from each start.

        Parameters
        ----------
        F : jax.tree_util.Partial
            The map, see `as_map`.
        starts : numpy.ndarray, shape (n, N)
            Finite states to start from, n >= 1.
        fixed_speed : float
            Not looked at: the descent stops by the mean over all states.
        on_progress : callable, optional
            Called with (updates made, most updates, mean square) whenever the rule is looked at.

        Returns
        -------
        SearchEnd
            The end points, with the mean square before each update as trace.
        """
        count, units = starts.shape
        pure = as_map(F, np.float32)
        scale, rate = np.float32(2.0 / (count * units)), np.float32(self.learning_rate)
        chunks = [(part, scale_by_adam().init(part)) for part in map(jnp.asarray, _chunked(starts))]
        trace: list[np.ndarray] = []
        done = 0

        def descend(chunk: Any) -> Any:
            # JAX keeps both by thread. In float32 is all but what a plain function computes
            # otherwise; for the 64 bits see `simulate`.
            with jax.default_matmul_precision("highest"), jax.enable_x64(True):
                return jax.block_until_ready(_adam_steps(pure, chunk, scale, rate, steps))

        # A program of this kind computes on one core: the chunks share the cores.
        with ThreadPoolExecutor(min(len(chunks), num_processors())) as pool:
            while done < self.max_steps:
                steps = min(self.check_every, self.max_steps - done)
                chunks, squares, finite = zip(*pool.map(descend, chunks), strict=True)
                total = np.sum(squares, axis=0, dtype=np.float64)
                with np.errstate(invalid="ignore", divide="ignore"):
                    mean = total / (np.sum(finite, axis=0) * units)
                trace.append(mean.astype(np.float32))
                done += steps
                if on_progress is not None:
                    on_progress(done, self.max_steps, float(trace[-1][-1]))
                if not trace[-1][-1] >= self.stop_mean_square:  # also when no state is finite
                    break
        state = np.concatenate([part for part, _ in chunks]).astype(np.float64)
        stopped = trace[-1][-1] < self.stop_mean_square
        reason = np.where(
            np.isfinite(state).all(axis=1),
            "mean below tolerance" if stopped else "limit",
            "non-finite",
        )
        return SearchEnd(state, np.full(count, done), reason, np.concatenate(trace))


def _chunked(states: np.ndarray) -> list[np.ndarray]:
    """Cut states (n, N) into chunks of about `CHUNK` numbers, but of 64 states or more.

    The chunks go by the states alone, not by the number of cores: nor do the results.
    """
    number = min(states.size // CHUNK, len(states) // 64) if jax.default_backend() == "cpu" else 1
    return np.array_split(states.astype(np.float32), max(1, number))


@partial(jax.jit, static_argnames="steps")
def _adam_steps(F: Partial, chunk: Any, scale: jax.Array, rate: jax.Array, steps: int):
    """Make `steps` updates; return the chunk and, per step, sum of squares and finite states."""
    optimizer = scale_by_adam()

    def update(carry, _):
        h, moments = carry
        image, pull = jax.vjp(lambda s: jax.vmap(F)(s).astype(s.dtype), h)
        residual = image - h
        (pulled,) = pull(residual)
        change: Any
        change, moments = optimizer.update(scale * (pulled - residual), moments)
        square = jnp.sum(residual * residual, axis=1)
        finite = jnp.isfinite(square)
        sums = jnp.sum(jnp.where(finite, square, 0)), jnp.sum(finite)
        return (h - rate * change, moments), sums

    chunk, (squares, finite) = lax.scan(update, chunk, length=steps)
    return chunk, squares, finite
