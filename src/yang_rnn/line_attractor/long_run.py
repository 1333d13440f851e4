"""What becomes of states that are held for long at the input without evidence."""

from __future__ import annotations

import math
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax.tree_util import Partial

from yang_rnn._checks import check_is, check_real, check_whole
from yang_rnn.dynamics.uniqueness import representatives
from yang_rnn.line_attractor.probes import Probes

HOLD = 100.0
"""For how long states are held (s)."""

MOST_STEPS = 1_000_000
"""Steps that they are held for at most, however short a step is."""

NUM_HELD = 64
"""States that are held."""

LOST = 1e4
"""Distance from where states begin, in scales of these, beyond which one runs away."""

SETTLED = 1e-6
"""Distance, over the scale of the states, within which one has come back to where it was."""

LONGEST_CYCLE = 200
"""Steps of the longest cycle that is told from motion without end."""

TOGETHER = 1e-3
"""Distance, over the scale of the states, within which ends are one."""


class LongRun(NamedTuple):
    """Where states end that are held at the input without evidence.

    Attributes
    ----------
    points, cycles, runaway, moving : float
        Shares of the states that come to rest at a point, that repeat a cycle of whole steps (of
        `LONGEST_CYCLE` at most), that run away, and that still move otherwise: slowly along a line,
        without end, or round a closed loop whose period is no whole number of steps or is longer.
        Such a loop is not told from other motion.
    num_points, num_cycles : int
        Different points that they rest at, and different cycles of whole steps.
    growth : float
        Rate at which states that run away do so (1/s): the median of d ln ||h|| / dt on the way; 0
        where they grow by even steps, NaN where none runs away.
    drift : float
        Median distance that states which still move go in the last tenth of the time, over the
        scale of the states (1/s); NaN where none does.
    seconds : float
        For how long they were held.
    """

    points: float
    cycles: float
    runaway: float
    moving: float
    num_points: int
    num_cycles: int
    growth: float
    drift: float
    seconds: float

    def __repr__(self) -> str:
        """Say which share of the states ends where."""
        return (
            f"LongRun(after {self.seconds:g} s: {100 * self.points:.0f} % at {self.num_points} "
            f"points, {100 * self.cycles:.0f} % in {self.num_cycles} cycles of whole steps, "
            f"{100 * self.runaway:.0f} % run away, {100 * self.moving:.0f} % still move, round a "
            "loop or otherwise)"
        )


def hold_states(probes: Probes, *, seconds: float = HOLD, number: int = NUM_HELD) -> LongRun:
    """Hold states of the end of the stimulus at the input without evidence for long.

    Parameters
    ----------
    probes : Probes
    seconds : float
        For how long (s).
    number : int
        States, the first probes'.
    """
    check_is("probes", probes, Probes)
    seconds = check_real("seconds", seconds, above=0)
    number = check_whole("number", number, 1)
    some = probes.first(number)
    begin = some.integrate(some.noise + some.strength)
    unit = some.scale if some.scale > 0 else 1.0
    steps = min(max(1, round(1000 * seconds / some.system.dt)), MOST_STEPS)
    limit = np.linalg.norm(begin, axis=1).max() + LOST * unit
    with jax.enable_x64(True):
        ran = [np.asarray(each) for each in _hold(some.step, begin, some.task.rest, steps, limit)]
    ends, before, lasted, path = ran
    lost = lasted < steps
    back = np.linalg.norm(path - ends, axis=2) <= SETTLED * unit  # (lag - 1, state)
    at_rest = ~lost & back[0]
    period = np.where(back.any(axis=0), 1 + back.argmax(axis=0), 0)
    cycles = ~lost & ~at_rest & (period > 0)
    moving = ~lost & ~at_rest & ~cycles
    growth = math.nan
    if lost.any():
        size = [np.linalg.norm(each[lost], axis=1) for each in (begin, ends)]
        growth = float(np.median(np.log(size[1] / np.maximum(size[0], unit)) / lasted[lost]))
        growth *= 1000 / some.system.dt
    drift = math.nan
    if moving.any():
        gone = np.linalg.norm((ends - before)[moving], axis=1) / unit
        drift = float(np.median(gone)) / (steps // 10 * some.system.dt / 1000 or 1.0)
    means = (path.sum(axis=0) + ends) / (1 + len(path))  # of all states of a cycle much the same
    return LongRun(
        points=float(at_rest.mean()),
        cycles=float(cycles.mean()),
        runaway=float(lost.mean()),
        moving=float(moving.mean()),
        num_points=_different(ends[at_rest], TOGETHER * unit),
        num_cycles=_different(means[cycles], TOGETHER * unit),
        growth=growth,
        drift=drift,
        seconds=min(seconds, steps * some.system.dt / 1000) if steps == MOST_STEPS else seconds,
    )


def _different(ends: np.ndarray, distance: float) -> int:
    return len(np.unique(representatives(ends, distance, np.arange(len(ends))))) if len(ends) else 0


@jax.jit
def _hold(step: Partial, states: jax.Array, x: jax.Array, steps: jax.Array, limit: jax.Array):
    """Return the ends, the states before the last tenth, the steps made, and a cycle's steps on.

    A state that has gone beyond the limit stays where it is.
    """

    def advance(_, carry):
        h, lasted = carry
        near = jnp.linalg.norm(h, axis=1) <= limit  # not so where it is NaN
        new = jax.vmap(lambda one: step(x, one))(h)
        return jnp.where(near[:, None], new, h), lasted + near

    begin = (states, jnp.zeros(len(states), jnp.int64))
    most = jax.lax.fori_loop(0, steps - steps // 10, advance, begin)
    ends, lasted = jax.lax.fori_loop(0, steps // 10, advance, most)

    def on(h, _):
        h = jax.vmap(lambda one: step(x, one))(h)
        return h, h

    return ends, most[0], lasted, jax.lax.scan(on, ends, length=LONGEST_CYCLE)[1]
