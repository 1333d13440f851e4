"""All fixed and slow points that a run knows, whichever search found them."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING

import numpy as np

from yang_rnn.dynamics.points import FixedPoints

if TYPE_CHECKING:
    from yang_rnn.experiment.run import Run

SAME_POINT = 1e-4
"""Distance, over the mean norm of a state, up to which two searches found the same point."""


def missed_by_newton(run: Run) -> FixedPoints | None:
    """Return the fixed points that the enumeration knows and Newton's method did not find.

    None of a network whose points are not enumerated.
    """
    every = run.every_fixed_point
    if every is None:
        return None
    return every.points[_are_new(every.points, run.newton_points.with_status("fixed"), run)]


def known_points(run: Run) -> FixedPoints:
    """Return all points of a run, each once: those of Newton's method first, in their order.

    Then come the fixed points that the enumeration knows beside them, and those of the recipe's
    search, fixed ones only where they are others. What the record says of searches is of Newton's
    method.
    """
    known, missed = run.newton_points, missed_by_newton(run)
    if missed is not None:
        known = _joined(known, missed)
    if run.points is run.newton_points:
        return known
    new = _are_new(run.points, known.with_status("fixed"), run)
    return _joined(known, run.points[new | (run.points.status != "fixed")])


def _are_new(points: FixedPoints, known: FixedPoints, run: Run) -> np.ndarray:
    """Tell which points, shape (n,), lie beside none of the known ones."""
    near = SAME_POINT * np.linalg.norm(run.activity, axis=-1).mean()
    if not len(known):
        return np.ones(len(points), bool)
    apart = [np.linalg.norm(known.state - state, axis=1).min() > near for state in points.state]
    return np.array(apart, bool)


def _joined(points: FixedPoints, more: FixedPoints) -> FixedPoints:
    """Add points to a record, which keeps what it says of its own search."""
    return dataclasses.replace(
        points,
        **{
            field.name: np.concatenate([value, getattr(more, field.name)])
            for field in dataclasses.fields(points)
            if isinstance(value := getattr(points, field.name), np.ndarray)
            and field.name != "trace"
        },
    )
