"""The modes of a map at a point, ranked by what evidence drives and the decision sees of them."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from yang_rnn._checks import check_array, check_is, check_whole
from yang_rnn._frames import frame_of
from yang_rnn.dynamics.linearisation import Linearisation
from yang_rnn.line_attractor.integration import pulse_steps
from yang_rnn.line_attractor.kernel import early_of, efficiency_of
from yang_rnn.line_attractor.response import direction_kept

if TYPE_CHECKING:
    from yang_rnn._frames import DataFrame

NEARLY_SAME = 1e-3
"""Distance of two eigenvalues up to which their modes are taken together."""


class EvidenceModes(NamedTuple):
    """What the linearisation at one point does with evidence.

    Attributes
    ----------
    weights : numpy.ndarray, shape (step,)
        What the evidence of each step counts for the decision, r J^(T - t) b, with b what evidence
        does to the state in a step and r the derivative of the decision by the state.
    share : numpy.ndarray, shape (mode,)
        Share of each mode in the sum over modes of |(r . right)(left . b)| (1 + |lambda| + ...),
        T terms: large for a mode that evidence drives, that lasts, and that the readout sees. A
        conjugate pair has a share each. Modes whose eigenvalues are nearly the same are taken
        together, and share what they carry by their sizes: one by one they are large without end
        and cancel, where a matrix has no basis of eigenvectors.
    first : int
        The mode with the largest share; of a pair, the first of the two.
    turning : float
        Share of the modes that turn: pairs, and those that change their sign every step.
    efficiency, early, constancy : float
        Of `weights` and of J^t b, as `LinearResponse` has them.
    """

    weights: np.ndarray
    share: np.ndarray
    first: int
    turning: float
    efficiency: float
    early: float
    constancy: float

    def to_frame(self) -> DataFrame:
        """Give the shares as a pandas frame, one row per mode: mode (counted from 0), share."""
        return frame_of({"mode": np.arange(len(self.share)), "share": self.share})


@np.errstate(over="ignore", invalid="ignore")  # what grows beyond all numbers is undefined
def evidence_modes(
    modes: Linearisation, evidence: np.ndarray, gradient: np.ndarray, steps: int
) -> EvidenceModes:
    """Rank the modes at a point by what they carry of the evidence to the decision.

    Parameters
    ----------
    modes : Linearisation
        Of a network at an input, one entry.
    evidence : array of shape (channel,)
        A unit of evidence for choice 2, added to the input.
    gradient : array of shape (unit,)
        Derivative of the decision by the state.
    steps : int
        Of the stimulus.

    Raises
    ------
    ValueError
        If shapes do not fit, or a number is out of range.
    TypeError
        If something is not what it must be.

    References
    ----------
    Mante, Sussillo, Shenoy & Newsome (2013), Nature 503:78-84 (left eigenvectors select what is
    integrated along right ones).
    """
    check_is("modes", modes, Linearisation)
    if len(modes) != 1:
        raise ValueError(f"`modes` must be of one point; got {len(modes)}")
    channels = modes.input_jacobian.shape[2]
    evidence = check_array("evidence", evidence, (channels,)).astype(np.float64)
    gradient = check_array("gradient", gradient, (modes.state.shape[1],)).astype(np.float64)
    steps = check_whole("steps", steps, 1)
    matrix, push = modes.jacobian[0], modes.input_jacobian[0] @ evidence
    moved = [push]
    for _ in range(steps):
        moved.append(matrix @ moved[-1])
    weights = np.array([gradient @ each for each in moved[steps - 1 :: -1]])
    values = modes.eigenvalues[0]
    same = np.abs(values[:, None] - values) <= NEARLY_SAME
    carried = (modes.right[0] @ gradient) * (modes.left[0] @ push)
    courses = carried * values ** np.arange(steps)[:, None]
    alone, together = np.abs(courses).sum(axis=0), np.abs(courses @ same).sum(axis=0)
    size = together * alone / np.where(alone > 0, same @ alone, 1.0)
    whole = size.sum()
    share = size / whole if np.isfinite(whole) and whole > 0 else np.zeros(len(values))
    turns = (values.imag != 0) | (values.real < 0)
    begin, early, late = pulse_steps(steps)
    return EvidenceModes(
        weights,
        share,
        int(share.argmax()),
        float(share[turns].sum()),
        efficiency_of(weights),
        early_of(weights),
        direction_kept(moved[early - begin - 1 : late - begin]),
    )
