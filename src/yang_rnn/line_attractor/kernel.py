"""How much the evidence of each step counts for a decision: the kernel, and what it keeps."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from numpy.typing import ArrayLike

from yang_rnn._checks import check_array
from yang_rnn._frames import frame_of
from yang_rnn.line_attractor.estimates import Estimate

if TYPE_CHECKING:
    from yang_rnn._frames import DataFrame


class Kernel(NamedTuple):
    """Psychophysical kernel: how much the evidence of each step counts for the decision.

    Attributes
    ----------
    weights : numpy.ndarray, shape (step,)
        Change of the decision per unit of evidence at that step.
    errors : numpy.ndarray, shape (step,)
        Their standard errors.
    efficiency : Estimate
        (sum k)^2 / (T sum k^2) of the T weights: 1 if all steps count alike, 1/T if one alone does.
        The share of the evidence's information that the decision keeps; a leak with time constant
        tau leaves tanh(r/2) / (r/2) of it, r = duration / tau (`evidence_kept`).
    early : Estimate
        (first half - second half) / (sum of |k|) of the weights: above 0 where early evidence
        counts more, as where a decision runs away, below where it is forgotten.
    """

    weights: np.ndarray
    errors: np.ndarray
    efficiency: Estimate
    early: Estimate

    def __repr__(self) -> str:
        """Say how many steps, and how much of the evidence's information they keep."""
        return (
            f"Kernel({len(self.weights)} steps: efficiency {self.efficiency}, early {self.early})"
        )

    def to_frame(self) -> DataFrame:
        """Give it as a pandas frame, one row per step of the stimulus: step, weights, errors."""
        steps = np.arange(len(self.weights))
        return frame_of({"step": steps, "weights": self.weights, "errors": self.errors})


def psychophysical_kernel(evidence: ArrayLike, decision: ArrayLike) -> Kernel:
    """Regress decisions on the evidence of each step.

    Least squares with an intercept; errors allow for a scatter that differs between trials
    (White's), and what they add to squares of weights is taken off the efficiency.

    Parameters
    ----------
    evidence : array of shape (step, trial)
        Independent between steps; three times as many trials as steps at least.
    decision : array of shape (trial,)
        The difference of two outputs, a position, or a choice.

    Raises
    ------
    ValueError
        If the shapes don't belong together or there are too few trials.
    TypeError
        If they are not real numbers.

    References
    ----------
    Ahumada & Lovell (1971), J. Acoust. Soc. Am. 49:1751-1756 (kernels). White (1980), Econometrica
    48:817-838 (errors).
    """
    x = check_array("evidence", evidence, ("step", "trial")).astype(np.float64).T
    y = check_array("decision", decision, (len(x),)).astype(np.float64)
    steps = x.shape[1]
    if len(x) < 3 * steps:
        raise ValueError(f"`evidence` must have {3 * steps} trials or more; got {len(x)}")
    x = x - x.mean(axis=0)
    inverse = np.linalg.pinv(x.T @ x)
    weights = inverse @ (x.T @ (y - y.mean()))
    rest = y - y.mean() - x @ weights
    covariance = inverse @ ((x * rest[:, None] ** 2).T @ x) @ inverse
    square = weights @ weights - np.trace(covariance)
    if not square > 0:
        nothing = Estimate(math.nan, math.nan)
        return Kernel(weights, np.sqrt(np.diag(covariance)), nothing, nothing)
    whole = weights.sum()
    value = (whole**2 - covariance.sum()) / (steps * square)
    slope = 2 * whole / (steps * square) - 2 * value / square * weights
    error = math.sqrt(slope @ covariance @ slope)
    half, size = _halves(steps), np.abs(weights).sum()
    early = half @ weights / size
    lean = half / size - early * np.sign(weights) / size
    return Kernel(
        weights,
        np.sqrt(np.diag(covariance)),
        Estimate(float(value), error),
        Estimate(float(early), math.sqrt(lean @ covariance @ lean)),
    )


def efficiency_of(weights: np.ndarray) -> float:
    """Return (sum k)^2 / (T sum k^2) of weights that are known; NaN where all are 0, or one inf."""
    largest = float(np.abs(weights).max())
    if not 0 < largest < math.inf:
        return math.nan
    weights = weights / largest
    return float(weights.sum()) ** 2 / (len(weights) * float(weights @ weights))


def early_of(weights: np.ndarray) -> float:
    """Return (first half - second half) / (sum of |k|) of weights that are known."""
    size = float(np.abs(weights).sum())
    known = 0 < size < math.inf
    return float(_halves(len(weights)) @ weights) / size if known else math.nan


def _halves(steps: int) -> np.ndarray:
    """Return 1 for each step of the first half and -1 for the second, 0 for one in the middle."""
    return np.sign((steps - 1) / 2 - np.arange(steps))
