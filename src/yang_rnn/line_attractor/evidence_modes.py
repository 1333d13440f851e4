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

NEARLY_SAME = 0.02
"""Distance of two eigenvalues, times the steps of the stimulus, for modes to be taken together."""


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
    group_share: np.ndarray
    first: int
    together: np.ndarray
    turns: bool
    direction: np.ndarray
    selection: np.ndarray
    turning: float
    efficiency: float
    early: float
    constancy: float

    def __repr__(self) -> str:
        """Say how much the first mode carries, and those that turn."""
        return (
            f"EvidenceModes({len(self.share)} modes: mode {self.first} carries "
            f"{100 * self.share[self.first]:.0f} %, modes that turn {100 * self.turning:.0f} %; "
            f"efficiency {self.efficiency:.3f}, constancy {self.constancy:.3f})"
        )

    def to_frame(self) -> DataFrame:
        """Give the shares as a pandas frame, one row per mode (counted from 0).

        Columns mode, share, group_share, together.
        """
        columns = {name: getattr(self, name) for name in ("share", "group_share", "together")}
        return frame_of({"mode": np.arange(len(self.share))} | columns)


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
        Derivative of the decision by the state at the end of the stimulus, as
        ``linear_response(system, trials, task).gradient`` or ``verdict.response.gradient``.
    steps : int
        Of the stimulus.

    Returns
    -------
    EvidenceModes
        The modes, that which carries most first.

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
    same = np.abs(values[:, None] - values) * steps <= NEARLY_SAME
    carried = (modes.right[0] @ gradient) * (modes.left[0] @ push)
    courses = carried * values ** np.arange(steps)[:, None]
    alone, together = np.abs(courses).sum(axis=0), np.abs(courses @ same).sum(axis=0)
    size = together * alone / np.where(alone > 0, same @ alone, 1.0)
    whole = size.sum()
    share = size / whole if np.isfinite(whole) and whole > 0 else np.zeros(len(values))
    # A pair that differs from its real part by next to nothing is two modes that don't turn.
    turns = (~same & (values[:, None] == values.conj())).any(axis=0) | (values.real < 0)
    first, of_group = _first(share, same)
    of_first = same[first] | (same[first] @ (values[:, None] == values.conj()))
    direction, selection = _along(modes, of_first, first, push)
    begin, early, late = pulse_steps(steps)
    return EvidenceModes(
        weights,
        share,
        of_group,
        first,
        of_first,
        bool(turns[first]),
        direction,
        selection,
        float(share[turns].sum()),
        efficiency_of(weights),
        early_of(weights),
        direction_kept(moved[early - begin - 1 : late - begin]),
    )


def _first(share: np.ndarray, same: np.ndarray) -> tuple[int, np.ndarray]:
    """Return the mode that carries most with those beside it, and what each does with them."""
    of_group = same @ share
    most = of_group >= (1 - 1e-9) * of_group.max()
    return int(np.where(most, share, -1.0).argmax()), of_group


def _along(
    modes: Linearisation, together: np.ndarray, first: int, push: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Return the direction in which evidence moves the state in some modes, and what selects it."""
    right, left = modes.right[0], modes.left[0]
    alone = right[first].real
    direction, selection = alone / np.linalg.norm(alone), left[first].real
    with np.errstate(divide="ignore", invalid="ignore"):  # a pair's real parts may be orthogonal
        selection = selection / (selection @ direction)
    if together.sum() == 1 or not together[first]:
        return direction, selection
    onto = (right[together].T @ left[together]).real
    moved = onto @ push
    size = np.linalg.norm(moved)
    if not size > 1e-9 * np.linalg.norm(push):
        return direction, selection
    return moved / size, (moved / size) @ onto
