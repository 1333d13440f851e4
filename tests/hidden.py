"""Linear networks of any block, hidden in a random basis; they do not saturate, nor are cut off."""

import functools
from typing import Any

import jax.numpy as jnp
import numpy as np
from jax.tree_util import Partial

from yang_rnn.dynamics.system import System

UNITS = 64
STEPS = 20
"""Of the stimulus of the trials in `built`."""


@functools.cache
def basis(seed: int) -> np.ndarray:
    """Return an orthonormal basis."""
    return np.linalg.qr(np.random.default_rng(seed).standard_normal((UNITS, UNITS)))[0]


def linear_step(matrix: Any, push: Any, x: Any, h: Any) -> Any:
    """Return h' = h M + x P."""
    return h @ matrix + x @ push


def hidden(block: Any, drive: Any, read: Any, seed: int = 0, rest: float = 0.2) -> System:
    """Build h' = B A B^T h + evidence, A a block beside modes that die out, B a random basis."""
    block = np.atleast_2d(np.asarray(block, float))
    size = len(block)
    inner = rest * np.eye(UNITS)
    inner[:size, :size] = block
    axes = basis(seed)
    push = axes[:, :size] @ np.broadcast_to(drive, size)
    seen = axes[:, :size] @ np.broadcast_to(read, size)
    return System(
        Partial(linear_step, (axes @ inner @ axes.T).T, np.stack([0 * push, -push, push])),
        dt=100.0,
        initial_state=np.zeros(UNITS),
        readout=Partial(jnp.matmul, np.stack([0 * seen, -seen, seen])),
    )


def rotation(turns: float, modulus: float = 1.0) -> np.ndarray:
    """Return a block that turns so often in the stimulus."""
    angle = 2 * np.pi * turns / STEPS
    return modulus * np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])


def beside(block: np.ndarray, other: np.ndarray) -> np.ndarray:
    """Return a block of two that do not touch each other."""
    size = len(block), len(other)
    zero = np.zeros((size[0], size[1]))
    return np.block([[block, zero], [zero.T, other]])


def chain() -> System:
    """Return a network that hands evidence on, each step to a unit that was not in it before."""
    size = STEPS + 2
    return hidden(np.eye(size, k=-1), np.eye(size)[0], np.ones(size))


def read_half_way() -> System:
    """Return a slow rotation that is read at the angle that the mean of the evidence has by then.

    Of the evidence it keeps most, in a direction that turns.
    """
    angle = 2 * np.pi * 0.3 / 2
    return hidden(rotation(0.3), [1.0, 0.0], [np.cos(angle), np.sin(angle)])
