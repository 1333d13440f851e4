"""The cycles of small rectified networks by trying every sequence of sets of active units."""

import itertools
from fractions import Fraction
from typing import Any

import jax.numpy as jnp
import numpy as np

import yang_rnn as yr
from yang_rnn.dynamics.enumeration.cyclic import Loop


def network(W: Any, u: Any, alpha: float = 1.0, leak: str = "inside") -> yr.System:
    """Return a relu network with a constant drive u, without channels of input."""
    W, u = np.asarray(W, float), np.asarray(u, float)
    weights = yr.Rectified(np.zeros((0, len(u))), W, u, alpha, leak)

    def step(x: Any, h: Any) -> Any:
        drive = h @ W + u
        if leak == "inside":
            return jnp.maximum((1 - alpha) * h + alpha * drive, 0.0)
        return (1 - alpha) * h + alpha * jnp.maximum(drive, 0.0)

    return yr.System(step, dt=1.0, initial_state=np.zeros(len(u)), rectified=weights)


def random_network(seed: int, units: int, alpha: float, leak: str, size: float = 2.0) -> yr.System:
    random = np.random.default_rng(seed)
    W = size * random.standard_normal((units, units))
    return network(W, random.standard_normal(units), alpha, leak)


def by_brute_force(system: yr.System, period: int) -> list[np.ndarray]:
    """Return the states of every cycle of exactly this period, one linear system a sequence."""
    weights = system.rectified
    assert weights is not None
    a, W, u, units = weights.alpha, weights.w_rr, weights.b_rr, system.num_units
    eye = np.eye(units)
    patterns = np.array(list(itertools.product([0.0, 1.0], repeat=units)))
    sequences = np.array(list(itertools.product(patterns, repeat=period)))
    product = np.broadcast_to(eye, (len(sequences), units, units))
    offset = np.zeros((len(sequences), 1, units))
    for t in range(period):
        gate = sequences[:, t, None, :]
        if weights.leak == "inside":
            factor, added = ((1 - a) * eye + a * W) * gate, a * u * gate
        else:
            factor, added = (1 - a) * eye + a * W * gate, a * u * gate
        product, offset = product @ factor, offset @ factor + added
    starts = np.linalg.solve(np.swapaxes(eye - product, 1, 2), np.swapaxes(offset, 1, 2))[..., 0]
    found: list[np.ndarray] = []
    for start in starts:
        states = [start]
        for _ in range(period):
            states.append(weights.step(np.zeros(0), states[-1]))
        size = 1e-8 * (1 + np.abs(start).max())
        closes = np.abs(states[-1] - start).max() < size
        sooner = any(np.abs(state - start).max() < size for state in states[1:-1])
        cycle = np.array(states[:-1])
        if closes and not sooner and not any(are_one_cycle(cycle, other) for other in found):
            found.append(cycle)
    return found


def are_one_cycle(a: np.ndarray, b: np.ndarray) -> bool:
    size = 1e-6 * (1 + np.abs(a).max())
    return any(np.abs(np.roll(a, t, axis=0) - b).max() < size for t in range(len(a)))


class ShallowPLRNN:
    """z' = A z + W1 relu(W2 z + h2) + h1, A diagonal: the test system of SCYFI.

    Its numbers: github.com/DurstewitzLab/SCYFI, test/shPLRNN_tests.jl, of Eisenmann, Monfared,
    Goering & Durstewitz 2023, Advances in Neural Information Processing Systems 36.
    """

    A = np.array([0.6172450705591427, 0.5261273846061184])
    W1 = np.array([
        [-1.022331291385995, -0.6068651009735164, 0.005478115970447768, -0.6765758765817282,
         0.17667276783032312, -0.37241595029711383, -0.2799681077442852, 1.6336122869854053,
         0.7388068389577566, 0.43655916960874785],
        [-0.23031703096807454, -0.155167269588236, 1.1743020054655264, 1.4693401983283279,
         -1.141192841208352, 0.11938698490497139, 0.6192500266755361, 0.03950302999313116,
         -0.9179498107708933, -0.1216362805456489],
    ])  # fmt: skip
    W2 = np.array([
        [1.753949852408234, -0.692574927107241], [-0.45303568496148183, -0.5365936668032565],
        [0.07984706960954363, -0.48651643130319855], [-1.0455124065967838, -0.22986736948781128],
        [0.048362883726876985, 0.8959123953895494], [-1.0545422354241465, 0.5685368747406444],
        [-0.43826625604171476, -2.1955495493951815], [-0.8981129185384389, -0.6454540072455006],
        [0.6162103523913983, -0.8644618121879155], [-1.2236281701654421, -2.059927291272103],
    ])  # fmt: skip
    h1 = np.array([-0.5480895548836227, -0.2922735885352696])
    h2 = np.array([
        0.5352937111114038, -1.110030373073419, -1.3146036515301616, 0.2748467715335772,
        -1.4155203620983157, 0.7891282169615852, -0.13084812694281087, -0.40652418385647066,
        -0.9383323642698853, -0.9983356016811977,
    ])  # fmt: skip

    def step(self, z: np.ndarray) -> np.ndarray:
        return self.A * z + self.W1 @ np.maximum(self.W2 @ z + self.h2, 0.0) + self.h1

    def loop(self, period: int) -> Loop:
        """Eliminate z: z_t = sum_s A^s / (1 - A^period) (W1 r_(t - 1 - s) + h1)."""
        A, h1, h2 = ([Fraction(float(v)) for v in vector] for vector in (self.A, self.h1, self.h2))
        W1, W2 = ([[Fraction(float(v)) for v in row] for row in W] for W in (self.W1, self.W2))
        gains = [
            [
                [
                    sum((W2[j][m] * A[m] ** s / (1 - A[m] ** period) * W1[m][i] for m in range(2)),
                        Fraction(0))
                    for j in range(10)
                ]
                for i in range(10)
            ]
            for s in range(period)
        ]  # fmt: skip
        drive = [
            h2[j] + sum((W2[j][m] / (1 - A[m]) * h1[m] for m in range(2)), Fraction(0))
            for j in range(10)
        ]
        return Loop(gains, drive)

    def states(self, outputs: np.ndarray) -> np.ndarray:
        period = len(outputs)
        out = np.zeros((period, 2))
        for s in range(period):
            share = self.A**s / (1 - self.A**period)
            out += share * (np.roll(outputs, s + 1, axis=0) @ self.W1.T + self.h1)
        return out
