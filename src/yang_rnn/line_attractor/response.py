"""What derivatives of the map along trials of steady evidence say of how it is integrated."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax.tree_util import Partial

from yang_rnn._checks import check_is
from yang_rnn._frames import frame_of
from yang_rnn.line_attractor.estimates import NOTHING
from yang_rnn.line_attractor.integration import pulse_steps
from yang_rnn.line_attractor.kernel import early_of, efficiency_of
from yang_rnn.line_attractor.probes import Probes

if TYPE_CHECKING:
    from yang_rnn._frames import DataFrame

NUM_TRIALS = 512
"""Trials of steady evidence along which the map is linearised.

Of a steep switch those few count most that stay near the middle: with a quarter of it, its
efficiency is off by 0.03.
"""


class LinearResponse(NamedTuple):
    """Linear response of a network to evidence, along trials of steady evidence.

    Attributes
    ----------
    weights : numpy.ndarray, shape (step,)
        Mean derivative of the decision by the evidence of each step.
    efficiency : float
        (sum k)^2 / (T sum k^2) of these weights, as `Kernel` has it; NaN where all are 0.
    early : float
        (first half - second half) / (sum of |k|) of them.
    constancy : float
        Least cosine between the mean derivatives of the state by the evidence of one step, from
        0.25 to 0.9 of the stimulus after it, as `Pulse` has it; NaN where nothing is left.
    gradient : numpy.ndarray, shape (unit,)
        Mean derivative of the decision by the state at the end of the stimulus: what the readout
        sees of it.
    """

    weights: np.ndarray
    efficiency: float
    early: float
    constancy: float
    gradient: np.ndarray

    def __repr__(self) -> str:
        """Say of how many steps and units, and what they keep."""
        return (
            f"LinearResponse({len(self.weights)} steps, {len(self.gradient)} units: efficiency "
            f"{self.efficiency:.3f}, early {self.early:.3f}, constancy {self.constancy:.3f})"
        )

    def to_frame(self) -> DataFrame:
        """Give the weights as a pandas frame, one row per step of the stimulus: step, weights."""
        return frame_of({"step": np.arange(len(self.weights)), "weights": self.weights})


def linear_response(probes: Probes) -> LinearResponse:
    """Linearise a network along trials of steady evidence.

    Nothing is regressed in it, and no step is noisier than another: where a network's response to
    noise is small, its kernel is this; where both agree, what a network does is what its
    derivatives say.

    Parameters
    ----------
    probes : Probes
        Their evidence is spread evenly over the steps: each trial has as much as the probe, at the
        same rate throughout. For the constancy it is the noise alone, without the strength, as in
        `measure_pulse`.
    """
    check_is("probes", probes, Probes)
    some, steps = _spread(probes), probes.num_steps
    first, early, late = pulse_steps(steps)
    even = some.noise.mean(axis=0)
    with_strength, without = (
        some.inputs(np.broadcast_to(level, (steps, len(level))))
        for level in (some.strength + even, even)
    )
    one, two = some.task.outputs
    with jax.enable_x64(True):
        weights, gradient = (
            np.asarray(part)
            for part in _gradients(
                some.step, some.readout, some.onset, with_strength, some.cue, one, two
            )
        )
        push = some.inputs(np.eye(1, steps, first).T)[:, 0] - some.task.rest
        moved = np.asarray(_tangents(some.step, some.onset, without, push))
    unit = some.task.evidence / (some.task.evidence @ some.task.evidence)
    weights = weights @ unit
    return LinearResponse(
        weights,
        efficiency_of(weights),
        early_of(weights),
        direction_kept(moved[early - 1 : late]),
        gradient,
    )


def _spread(probes: Probes) -> Probes:
    """Return probes that have strengths in the proportions that all have them."""
    order = np.argsort(probes.strength, kind="stable")
    number = min(NUM_TRIALS, len(order))
    chosen = order[np.linspace(0, len(order) - 1, number).round().astype(int)]
    return probes.chosen(chosen)


def direction_kept(moved: Sequence[np.ndarray] | np.ndarray) -> float:
    """Return the least cosine between the last of vectors and those before it.

    NaN as `cosine`, and where there is none before it.
    """
    cosines = [cosine(each, moved[-1]) for each in moved[:-1]]
    return float(np.min(cosines)) if cosines else math.nan


def cosine(one: np.ndarray, other: np.ndarray) -> float:
    """Return the cosine between two vectors; NaN where one is nothing beside the other."""
    sizes = np.linalg.norm(one), np.linalg.norm(other)
    if not (np.isfinite(sizes).all() and min(sizes) > NOTHING * max(sizes)):
        return float("nan")
    return float(one @ other / (sizes[0] * sizes[1]))


@jax.jit
def _gradients(
    step: Partial,
    readout: Partial,
    onset: jax.Array,
    inputs: jax.Array,
    cue: jax.Array,
    first: int,
    second: int,
) -> tuple[jax.Array, jax.Array]:
    """Return the mean derivatives of decisions by inputs (step, channel) and by the last state."""

    def advance(h, x):
        return step(x, h), None

    def decide(h):
        outputs = readout(jax.lax.scan(advance, h, cue)[0])
        return outputs[second] - outputs[first]

    def gradients(h, x):
        end, back = jax.vjp(lambda x: jax.lax.scan(advance, h, x)[0], x)
        gradient = jax.grad(decide)(end)
        return back(gradient)[0], gradient

    by_input, by_state = jax.vmap(gradients, in_axes=(0, 1))(onset, inputs)
    return by_input.mean(axis=0), by_state.mean(axis=0)


@jax.jit
def _tangents(step: Partial, onset: jax.Array, inputs: jax.Array, push: jax.Array) -> jax.Array:
    """Return the mean derivatives (step, unit) of the states along a change of the inputs."""

    def run(h, x):
        def advance(h, x):
            new = step(x, h)
            return new, new

        return jax.lax.scan(advance, h, x)[1]

    def along(h, x):
        return jax.jvp(lambda x: run(h, x), (x,), (push,))[1]

    return jnp.mean(jax.vmap(along, in_axes=(0, 1))(onset, inputs), axis=0)
