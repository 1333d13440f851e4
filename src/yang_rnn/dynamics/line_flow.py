"""A flow along a line: where it rests, and how much of the line drains to each of these places."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True, eq=False)
class Rests:
    """The places where a flow along a line rests, in their order along it.

    Attributes
    ----------
    begin, end : numpy.ndarray, shape (k,)
        Where each begins and ends: equal for a point, apart for a stretch that is still.
    stability : numpy.ndarray, shape (k,), str
        ``stable`` where the flow comes from both sides, ``unstable`` where it leaves to both,
        ``half-stable`` where it comes from one and leaves to the other. At an end of the line the
        one side tells; a line that is still from end to end is ``stable``.
    """

    begin: np.ndarray
    end: np.ndarray
    stability: np.ndarray

    def __len__(self) -> int:
        """Count the places."""
        return len(self.begin)

    @property
    def stretch(self) -> np.ndarray:
        """Which of them are stretches, shape (k,), bool."""
        return self.end > self.begin

    @property
    def largest_gap(self) -> float:
        """The widest piece between two neighbours; NaN where there are fewer than two."""
        return float((self.begin[1:] - self.end[:-1]).max()) if len(self) > 1 else float("nan")


def rests_of(place: np.ndarray, shift: np.ndarray, still: float) -> Rests:
    """Find where a flow along a line rests.

    Parameters
    ----------
    place : array of shape (n,)
        Rising places along the line.
    shift : array of shape (n,)
        How far each moves in a step; between places it is taken to change evenly.
    still : float
        Shifts up to this are none.
    """
    sign = np.where(np.abs(shift) <= still, 0, np.sign(shift))
    edges = np.flatnonzero(np.diff(sign)) + 1
    firsts, lasts = np.append(0, edges), np.append(edges, len(sign)) - 1
    around = [0, *sign.tolist(), 0]  # beyond the ends, nothing is known
    begin: list[float] = []
    end: list[float] = []
    stability: list[str] = []
    for first, last in zip(firsts, lasts, strict=True):
        before, here, after = around[first], around[first + 1], around[last + 2]
        if here == 0:
            begin.append(float(place[first]))
            end.append(float(place[last]))
            stability.append(_stability(before, after))
        elif before:
            share = shift[first - 1] / (shift[first - 1] - shift[first])
            begin.append(float(place[first - 1] + share * (place[first] - place[first - 1])))
            end.append(begin[-1])
            stability.append(_stability(before, here))
    return Rests(np.array(begin), np.array(end), np.array(stability, dtype=str))


def drained(place: np.ndarray, shift: np.ndarray, rests: Rests) -> np.ndarray:
    """Return which share of a line drains to each place of rest, and out of its two ends.

    Parameters
    ----------
    place, shift, rests
        As `rests_of` takes them, and what it found.

    Returns
    -------
    array of shape (k + 2,)
        Shares that add up to 1: what leaves through the first end, what drains to each of the
        rests, what leaves through the last end. A stretch drains to itself.
    """
    begin, end = np.append(rests.begin, place[-1]), np.append(place[0], rests.end)
    share = np.zeros(len(rests) + 2)
    share[1:-1] += rests.end - rests.begin
    for k, (first, last) in enumerate(zip(end, begin, strict=True)):
        inside = (place > first) & (place < last)
        if last > first:
            # Without a place inside, the two around it tell: the shift changes evenly.
            middle = np.interp((first + last) / 2, place, shift)
            onwards = (shift[inside].sum() if inside.any() else middle) > 0
            share[k + onwards] += last - first
    return share / (place[-1] - place[0])


def _stability(before: float, after: float) -> str:
    before, after = before or -after, after or -before
    if before > 0 > after or before == 0:
        return "stable"
    return "unstable" if before < 0 < after else "half-stable"
