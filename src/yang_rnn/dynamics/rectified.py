"""What a rectified network says of itself: the weights that its step is made of."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from yang_rnn._checks import check_array, check_one_of, check_real


@dataclass(frozen=True, eq=False, repr=False)
class Rectified:
    """The weights of a step that is affine but for one relu.

    With v = h W_rr + x W_ir + b_rr, the step is relu((1 - alpha) h + alpha v) where the leak is
    inside, and (1 - alpha) h + alpha relu(v) where it is outside. Either way its fixed points are
    those of h = relu(v), whatever alpha is.

    Parameters
    ----------
    w_ir : array of shape (channel, N)
        Input weights.
    w_rr : array of shape (N, N)
        Recurrent weights, from a row's unit to a column's.
    b_rr : array of shape (N,)
        Bias.
    alpha : float
        dt / tau, above 0; 1 is no leak.
    leak : {"inside", "outside"}
        Where the leak is.

    Raises
    ------
    ValueError
        If the shapes do not belong together, a number is not finite or alpha out of range.
    TypeError
        If the arrays are not of real numbers.
    """

    w_ir: np.ndarray
    w_rr: np.ndarray
    b_rr: np.ndarray
    alpha: float = 1.0
    leak: str = "inside"

    def __post_init__(self) -> None:
        """Check shapes and ranges, and make the arrays read-only."""
        units = len(check_array("b_rr", self.b_rr, ("N",)))
        shapes = {"w_ir": ("channel", units), "w_rr": (units, units), "b_rr": (units,)}
        for name, shape in shapes.items():
            array = check_array(name, getattr(self, name), shape, empty=True)
            array = np.array(array, np.float32 if array.dtype == np.float32 else np.float64)
            array.flags.writeable = False
            object.__setattr__(self, name, array)
        check_real("alpha", self.alpha, above=0)
        check_one_of("leak", self.leak, ("inside", "outside"))

    def __repr__(self) -> str:
        """Say how large it is."""
        return f"Rectified({len(self.b_rr)} units, alpha {self.alpha:g}, leak {self.leak})"

    def step(self, x: np.ndarray, h: np.ndarray) -> np.ndarray:
        """Return the next state (..., N) of states (..., N) at an input (channel,), in float64."""
        drive = h @ self.w_rr.astype(np.float64) + x @ self.w_ir.astype(np.float64) + self.b_rr
        if self.leak == "inside":
            return np.maximum((1 - self.alpha) * h + self.alpha * drive, 0.0)
        return (1 - self.alpha) * h + self.alpha * np.maximum(drive, 0.0)


AGREES = 1e-5
"""Difference of two steps, over their size, within which they are one: float32 inside a step."""


def check_step(
    weights: Rectified, step: Callable[[Any], Any], x: np.ndarray, states: np.ndarray, name: str
) -> None:
    """Check that a step from some states (n, N) is that of the weights a network states.

    Raises
    ------
    ValueError
        If it is not; the error names the argument.
    """
    import jax

    with jax.enable_x64(True):
        images = np.array([np.asarray(step(state)) for state in states])
    own = weights.step(x, states)
    off = np.abs(images - own).max(initial=0.0)
    if not off <= AGREES * max(np.abs(own).max(initial=0.0), np.abs(states).max(initial=0.0)):
        raise ValueError(
            f"`{name}` must step as the weights in its `rectified` say; they differ by {off:.2g}"
        )
