"""Which points lie together: representatives within a distance, and points without neighbours."""

from __future__ import annotations

import numpy as np


def representatives(points: np.ndarray, distance: float, order: np.ndarray | None) -> np.ndarray:
    """Assign every point to a representative within a Euclidean distance.

    With an order, each point in turn that has no representative yet becomes one, for all points
    without one within the distance. Without, a point is represented if any point before it in the
    array, itself represented or not, is within the distance; chains of these are followed to
    their first point.

    Parameters
    ----------
    points : numpy.ndarray, shape (n, N)
        The points; those that are not finite represent only themselves.
    distance : float
        The distance; points exactly so far apart count as together.
    order : numpy.ndarray, shape (n,), or None
        The order in which points may become representatives.

    Returns
    -------
    numpy.ndarray, shape (n,), int
        The index of each point's representative; its own if it is one.
    """
    leader = np.arange(len(points))
    finite = np.flatnonzero(np.isfinite(points).all(axis=1))
    if len(finite) <= 1:
        return leader
    from scipy.spatial import KDTree  # half of what importing a search would take

    tree = KDTree(points[finite])
    position = np.full(len(points), -1)
    position[finite] = np.arange(len(finite))
    free = np.ones(len(finite), bool)
    for index in finite if order is None else order:
        at = position[index]
        if at < 0 or (order is not None and not free[at]):
            continue
        ball = np.asarray(tree.query_ball_point(points[index], distance), dtype=np.intp)
        if order is None:
            ball = ball[ball > at]
        ball = ball[free[ball]]
        free[ball] = False
        leader[finite[ball]] = index if order is not None else leader[index]
    return leader


def nearest_within(points: np.ndarray, distance: float) -> np.ndarray:
    """Tell which points have another point closer than a distance.

    Parameters
    ----------
    points : numpy.ndarray, shape (n, N)
        The points; those that are not finite have no neighbour.
    distance : float
        The distance; one exactly so far away is not closer.

    Returns
    -------
    numpy.ndarray, shape (n,), bool
        True where there is such a neighbour.
    """
    close = np.zeros(len(points), bool)
    finite = np.flatnonzero(np.isfinite(points).all(axis=1))
    if len(finite) > 1:
        from scipy.spatial import KDTree

        nearest, _ = KDTree(points[finite]).query(
            points[finite], k=2, distance_upper_bound=distance
        )
        close[finite] = nearest[:, 1] < distance
    return close
