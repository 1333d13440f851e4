"""The fixed points of small rectified networks by trying every set of active units."""

from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from jax.tree_util import Partial
from scipy.optimize import linprog

from yang_rnn.dynamics.rectified import Rectified
from yang_rnn.dynamics.system import System
from yang_rnn.network.equations import cell_of


def rectified(W: Any, b: Any, *, alpha: float = 1.0, leak: str = "inside") -> System:
    """Return a network without input whose fixed points are those of relu(h W + b)."""
    W, b = np.asarray(W), np.asarray(b)
    w_ir = np.zeros((1, len(b)), W.dtype)
    return System(
        Partial(cell_of("relu", leak), w_ir, W, b, alpha),
        dt=100.0,
        initial_state=np.zeros(len(b)),
        rectified=Rectified(w_ir, W, b, alpha, leak),
    )


def trained(name: str) -> System:
    """Return a recorded network of the notebook's recipe."""
    file = np.load(Path(__file__).parent / "golden" / f"{name}.npz")
    w_ir, w_rr, b_rr = (file[f"final_{key}"] for key in ("w_ir", "w_rr", "b_rr"))
    return System(
        Partial(cell_of("relu"), w_ir, w_rr, b_rr, 1.0),
        dt=100.0,
        initial_state=np.zeros(64),
        rectified=Rectified(w_ir, w_rr, b_rr),
    )


def weights_of(system: System) -> Rectified:
    """Return the weights that a network states."""
    assert system.rectified is not None
    return system.rectified


class Truth(NamedTuple):
    """All fixed points: isolated ones (n, N), and the active sets that hold continua."""

    points: np.ndarray
    continua: set[bytes]


def every_fixed_point(W: np.ndarray, b: np.ndarray) -> Truth:
    """Solve each of the 2^N affine systems; a singular one by linear programmes."""
    n = len(b)
    sets = (np.arange(2**n)[:, None] >> np.arange(n)) % 2 == 1
    size = max(np.abs(b).max(), 1e-300)
    u = b / size
    matrices = np.eye(n) - sets[:, :, None] * W.T
    right = sets * u
    singular = np.abs(np.linalg.det(matrices)) < 1e-9
    h = np.zeros_like(right)
    h[~singular] = np.linalg.solve(matrices[~singular], right[~singular][..., None])[..., 0]
    drive = h @ W + u
    tolerance = 1e-9 * (1 + np.abs(h).max(axis=1))[:, None]
    fits = (h >= -tolerance).all(axis=1) & ((drive <= tolerance) | sets).all(axis=1) & ~singular
    points = list(h[fits])
    continua = []
    for active in sets[singular]:
        ends = _extremes(W, u, active)
        if ends is None:
            continue
        if len(ends) == 1:
            points.append(ends[0])
        else:
            continua.append(active)
    out: list[np.ndarray] = []
    for point in points:
        known = any(np.abs(point - other).max() < 1e-6 for other in out)
        if not known and not any(_holds(W, u, active, point) for active in continua):
            out.append(point)
    return Truth(np.array(out).reshape(-1, n) * size, {active.tobytes() for active in continua})


def _extremes(W: np.ndarray, u: np.ndarray, active: np.ndarray) -> list[np.ndarray] | None:
    """Return the two ends of a polytope of fixed points in a direction, or the one state it is."""
    n = len(u)
    away = np.random.default_rng(0).standard_normal(n)
    rows = np.flatnonzero(active)
    silent = np.flatnonzero(~active)
    ends = []
    for sign in (1.0, -1.0):
        end = linprog(
            sign * away,
            A_eq=np.eye(n)[rows] - W.T[rows] if len(rows) else None,
            b_eq=u[rows] if len(rows) else None,
            A_ub=W.T[silent] if len(silent) else None,
            b_ub=-u[silent] if len(silent) else None,
            bounds=[(0, None) if on else (0, 0) for on in active],
        )
        if end.status == 2:
            return None
        if end.status == 3:
            return [np.full(n, np.inf), np.zeros(n)]
        ends.append(end.x)
    return ends[:1] if np.abs(ends[0] - ends[1]).max() < 1e-7 else ends


def _holds(W: np.ndarray, u: np.ndarray, active: np.ndarray, h: np.ndarray) -> bool:
    w = h - h @ W - u
    return bool((np.abs(h[~active]) < 1e-7).all() and (np.abs(w[active]) < 1e-7).all())
