"""The geometry of a curve of states, given by points along it."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from yang_rnn._checks import check_array


class Curve:
    """A curve of states with a centre; records of curves are built on it.

    Attributes
    ----------
    state : numpy.ndarray, shape (n, N), float64
        Points of the curve from one end to the other; at least two.
    centre : int
        Which of them arc lengths are measured from.
    """

    state: np.ndarray
    centre: int

    def __len__(self) -> int:
        """Count the points."""
        return len(self.state)

    @property
    def arc(self) -> np.ndarray:
        """Arc length of each point from the centre, shape (n,); negative before it."""
        along = np.concatenate([[0.0], np.cumsum(np.linalg.norm(self._segments, axis=1))])
        return along - along[self.centre]

    @property
    def length(self) -> float:
        """Arc length from the first point to the last."""
        return float(np.linalg.norm(self._segments, axis=1).sum())

    @property
    def axis(self) -> np.ndarray:
        """Unit vector from the first point to the last, shape (N,)."""
        chord = self.state[-1] - self.state[0]
        return chord / np.linalg.norm(chord)

    @property
    def participation_ratio(self) -> float:
        """(sum of variances)^2 / sum of squares over PCs of the points: 1 for a straight line."""
        variances = np.linalg.svd(self.state - self.state.mean(axis=0), compute_uv=False) ** 2
        return float(variances.sum() ** 2 / (variances**2).sum())

    @property
    def curvature(self) -> float:
        """By how much the curve turns from end to end (rad): its curvature, summed along it.

        Measured on ten chords of equal arc length, so that the number of points does not count.
        """
        arc = self.arc
        knots = np.linspace(arc[0], arc[-1], 11)
        corners = np.stack([np.interp(knots, arc, unit) for unit in self.state.T], axis=1)
        chords = np.diff(corners, axis=0)
        chords /= np.linalg.norm(chords, axis=1, keepdims=True)
        return float(np.arccos(np.clip((chords[1:] * chords[:-1]).sum(axis=1), -1, 1)).sum())

    def position(self, states: ArrayLike) -> np.ndarray:
        """Give the arc length of the nearest place on the curve, whose ends go on straight.

        Parameters
        ----------
        states : array of shape (..., N)

        Returns
        -------
        array of shape (...)
            Arc length from the centre.
        """
        return self._nearest(states)[0]

    def distance(self, states: ArrayLike) -> np.ndarray:
        """Give the distance of states (..., N) to the curve, whose ends go on straight."""
        return self._nearest(states)[1]

    @property
    def _segments(self) -> np.ndarray:
        return np.diff(self.state, axis=0)

    def _nearest(self, states: ArrayLike) -> tuple[np.ndarray, np.ndarray]:
        shape = (..., self.state.shape[1])
        array = check_array("states", states, shape, finite=False, empty=True)
        states = np.asarray(array, dtype=np.float64)
        best = np.full(states.shape[:-1], np.inf)
        place = np.zeros(states.shape[:-1])
        arc, last = self.arc, len(self.state) - 2
        for k, (begin, segment) in enumerate(zip(self.state, self._segments, strict=False)):
            share = (states - begin) @ segment / (segment @ segment)
            low, high = (-np.inf if k == 0 else 0.0), (np.inf if k == last else 1.0)
            share = np.clip(share, low, high)
            away = np.linalg.norm(states - begin - share[..., None] * segment, axis=-1)
            closer = away < best
            best = np.where(closer, away, best)
            place = np.where(closer, arc[k] + share * (arc[k + 1] - arc[k]), place)
        return place, best
