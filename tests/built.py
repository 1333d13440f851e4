"""Networks built to have known dynamics, in a basis that hides them from single units.

Sixteen units; the columns of `AXES` are orthonormal. Column 0 is all units together, which carries
an offset that keeps every unit active, so that the relu is never felt; evidence moves the state
along column 1, by `GAIN` per unit of evidence for choice 2.
"""

import functools
from typing import Any

import numpy as np
from scipy.linalg import hadamard

from yang_rnn.line_attractor.verdict import Verdict, line_attractor_verdict
from yang_rnn.model import CTRNN
from yang_rnn.task import PerceptualDecisionMaking
from yang_rnn.trials import Trials, TwoAlternatives

UNITS = 16
AXES = hadamard(UNITS) / 4.0
OFFSET = 6.0
GAIN = 1.0

REST = (1.0, 0.5, 0.5)
CENTRE = np.full(UNITS, OFFSET)
TASK = PerceptualDecisionMaking(seed=5).two_alternatives()


@functools.cache
def trials(number: int = 200, **numbers: Any) -> Trials:
    """Return the first trials of a seed, the same for all tests that ask for as many."""
    return PerceptualDecisionMaking(seed=5, **numbers).sample_trials(number)


def examine(net: CTRNN, task: TwoAlternatives = TASK, **options: Any) -> Verdict:
    """Return the verdict on a network from two hundred trials."""
    return line_attractor_verdict(net.system(), trials(), task, **options)


def linear(block: Any, rest: float = 0.2, start: Any = ()) -> CTRNN:
    """Return a network with h' - c = A (h - c) + evidence.

    A has a block on columns 1, 2, ... of `AXES` and `rest` on all others; c is the offset, moved by
    `start` along columns 1, 2, ...: where the state is, seen from c, when a trial begins.
    """
    block = np.atleast_2d(block)
    inner = np.full(UNITS, rest) * np.eye(UNITS)
    inner[1 : 1 + len(block), 1 : 1 + len(block)] = block
    matrix = AXES @ inner @ AXES.T
    centre = np.zeros(UNITS)
    centre[0] = OFFSET * np.sqrt(UNITS)
    centre[1 : 1 + len(start)] = -np.asarray(start)
    bias = (np.eye(UNITS) - matrix) @ AXES @ centre
    return _network(matrix, bias, CTRNN(3, UNITS, 3, dt=100.0, seed=0))


def leaky(seconds: float) -> CTRNN:
    """Return an integrator of evidence with a time constant (s); inf is perfect."""
    return linear(np.exp(-0.1 / seconds))


def rotating(turns: float, modulus: float = 1.0) -> CTRNN:
    """Return a network that turns so often in the two seconds of the stimulus."""
    angle = 2 * np.pi * turns / 20
    turn = [[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]]
    return linear(modulus * np.array(turn), start=(8.0, 0.0))


def switch(strength: float) -> CTRNN:
    """Return a tanh network with h' = tanh(strength * (column 1's part of h) + evidence)."""
    axis = AXES[:, 1]
    net = CTRNN(3, UNITS, 3, dt=100.0, activation="tanh", seed=0)
    return _network(strength * np.outer(axis, axis), np.zeros(UNITS), net)


def _network(matrix: np.ndarray, bias: np.ndarray, net: CTRNN) -> CTRNN:
    axis = AXES[:, 1]
    net.set_weights(
        {
            "w_ir": np.stack([0 * axis, -GAIN * axis, GAIN * axis]),
            "w_rr": matrix.T,
            "b_rr": bias,
            "w_ro": np.stack([0 * axis, -axis, axis], axis=1),
            "b_ro": np.array([-100.0, 0.0, 0.0]),
        }
    )
    return net
