"""Cycles as a complementarity problem: the outputs of all relus around a cycle, stacked."""

from __future__ import annotations

import time
from collections.abc import Sequence
from fractions import Fraction
from typing import NamedTuple

import numpy as np

from yang_rnn.dynamics.enumeration.branching import Problem
from yang_rnn.dynamics.enumeration.rational import exact_drive, power_of_two
from yang_rnn.dynamics.rectified import Rectified

_REACH = 10.0  # of sum(r) in each phase, over the largest drive
_SCALINGS = 30  # tried; an eigenvalue problem of the units each
_FIRST_STEP = 0.3

Matrix = list[list[Fraction]]


class Loop(NamedTuple):
    """What the outputs of relus on a cycle say of each other.

    In each phase t, r_t = relu(sum_s r_(t - 1 - s) gains[s] + drive), phases counted round the
    cycle: what is linear between the relus is eliminated.

    Attributes
    ----------
    gains : sequence of period matrices (H, H) of Fraction
        From a row's relu to a column's.
    drive : list of H Fraction
    """

    gains: Sequence[Matrix]
    drive: list[Fraction]


class LoopOfStates(NamedTuple):
    """A loop of the relus of a network, and how its states follow from them.

    Attributes
    ----------
    loop : Loop
    kernel : numpy.ndarray, shape (period,), float64
        The state in phase t is sum_s kernel[s] r_(t - 1 - s).
    """

    loop: Loop
    kernel: np.ndarray

    def states(self, outputs: np.ndarray) -> np.ndarray:
        """Return the states (period, N) of outputs (period, N)."""
        earlier = [np.roll(outputs, s + 1, axis=0) for s in range(len(outputs))]
        return np.tensordot(self.kernel, np.array(earlier), axes=1)


def loop_of(weights: Rectified, x: np.ndarray, period: int) -> LoopOfStates:
    """Return what the relus of a rectified network say of each other on a cycle.

    Raises
    ------
    ValueError
        If the leak takes every state to minus itself, and so to itself in an even period.
    """
    a, units = Fraction(float(weights.alpha)), len(weights.b_rr)
    u = exact_drive(weights, x)
    W = [[Fraction(float(value)) for value in row] for row in weights.w_rr]
    if weights.leak == "inside":
        within = W if a == 1 else [[a * value for value in row] for row in W]
        for i, row in enumerate(within):
            row[i] += 1 - a
        kernel = [Fraction(int(s == 0)) for s in range(period)]
        nothing = [[Fraction(0)] * units for _ in range(units)]
        gains = [within] + [nothing] * (period - 1)
        drive = [a * value for value in u]
    else:
        left = 1 - (1 - a) ** period
        if left == 0:
            raise ValueError(
                f"`period` must be odd where alpha is 2 and the leak outside; got {period}"
            )
        kernel = [a * (1 - a) ** s / left for s in range(period)]
        gains = [[[share * value for value in row] for row in W] for share in kernel]
        drive = u
    return LoopOfStates(Loop(gains, drive), np.array([float(share) for share in kernel]))


class CyclicProblem:
    """The complementarity problem of a loop: z = r, w = r - what the relus are applied to.

    Attributes
    ----------
    problem : Problem
        Divided by `scale`. M is the true one, each entry rounded to the nearest float64.
    scale : float
        A power of two.
    """

    problem: Problem
    scale: float

    def __init__(self, loop: Loop):
        self._loop = loop
        units, period = len(loop.drive), len(loop.gains)
        blocks = [-np.array([[float(v) for v in row] for row in gain]).T for gain in loop.gains]
        np.fill_diagonal(blocks[-1], [float(1 - loop.gains[-1][i][i]) for i in range(units)])
        M = np.zeros((period, units, period, units))
        for t in range(period):
            for s, block in enumerate(blocks):
                M[t, :, (t - 1 - s) % period] = block
        drive = np.array([float(value) for value in loop.drive])
        self.scale = power_of_two(np.abs(drive).max())
        q = np.tile(-drive / self.scale, period)
        size = period * units
        self.problem = Problem(M.reshape(size, size), q, np.abs(q) * 2.0**-52, _REACH * period)
        self._made: tuple[Matrix, list[Fraction]] | None = None

    def exact(self) -> tuple[Matrix, list[Fraction]]:
        """Return M and q, not divided by `scale`, as fractions."""
        if self._made is None:
            units, period = len(self._loop.drive), len(self._loop.gains)
            M = [[Fraction(0)] * (period * units) for _ in range(period * units)]
            for t in range(period):
                for i in range(units):
                    row = M[t * units + i]
                    for s, gain in enumerate(self._loop.gains):
                        first = (t - 1 - s) % period * units
                        row[first : first + units] = [-gain[j][i] for j in range(units)]
                    row[t * units + i] += 1
            self._made = M, [-value for value in self._loop.drive] * period
        return self._made


def largest_turn(loop: Loop, until: float = np.inf) -> float:
    """Return a number that is below 1 only if the loop has no cycle but fixed points.

    Steps d_t = r_(t+1) - r_t between outputs on a cycle sum to 0, and a relu gives
    d . (y - d) >= 0 for the step y of what it is applied to. Summed over the phases, by Fourier
    series: some e^(-i theta (s + 1)) gains[s], summed over s, with theta = 2 pi j / period and
    0 < j < period, has a Hermitian part with an eigenvalue of at least 1. So it stays where each
    relu counts with a weight of its own, and weights are looked for with which the number is low,
    until a time (s, by `time.monotonic`).
    """
    period = len(loop.gains)
    if period == 1:
        return np.inf
    G = np.array([[[float(value) for value in row] for row in gain] for gain in loop.gains])
    turns = [
        np.tensordot(np.exp(-2j * np.pi * j / period * np.arange(1, period + 1)), G, axes=1)
        for j in range(1, period // 2 + 1)
    ]
    alone = max(float(np.real(np.diag(turn)).max()) for turn in turns)  # no weights change it
    return alone if alone >= 1 else _lowest_of_scaled(turns, until)


def _lowest_of_scaled(turns: list[np.ndarray], until: float) -> float:
    """Return the lowest found of the largest eigenvalue of the Hermitian parts of S turn / S.

    Steps against the gradient in log S, S diagonal, until it is below 1.
    """
    logs = np.zeros(len(turns[0]))
    lowest = np.inf
    for step in range(_SCALINGS):
        scaled = [np.exp(logs[:, None] - logs) * turn for turn in turns]
        values, vectors = zip(
            *(np.linalg.eigh((matrix + matrix.conj().T) / 2) for matrix in scaled), strict=True
        )
        worst = int(np.argmax([value[-1] for value in values]))
        error = 1e-12 * len(logs) * np.abs(scaled[worst]).sum(axis=1).max()
        lowest = min(lowest, float(values[worst][-1] + error))
        if lowest < 1 or time.monotonic() > until:
            break
        v, matrix = vectors[worst][:, -1], scaled[worst]
        slope = np.real(v.conj() * (matrix @ v) - (v.conj() @ matrix) * v)
        size = np.abs(slope).max()
        if not size > 0:
            break
        logs -= _FIRST_STEP / (1 + step) ** 0.5 * slope / size
    return lowest
