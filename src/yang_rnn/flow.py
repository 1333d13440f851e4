"""How states move in a plane of state space."""

from __future__ import annotations

from typing import Any, NamedTuple

import jax
import numpy as np
from sklearn.decomposition import PCA

from yang_rnn.line_attractor import Verdict
from yang_rnn.maps import Map, as_map


class FlowField(NamedTuple):
    """The motion of states in a plane, within that plane.

    Attributes
    ----------
    origin : array of shape (N,)
        The state at (0, 0).
    axes : array of shape (2, N)
        Orthonormal directions of the plane.
    names : tuple of two str
        What they are.
    x, y : arrays of shape (k,) and (m,)
        Coordinates of the grid.
    velocity : array of shape (m, k, 2)
        (F(h) - h) / dt in the plane's two directions, in units of state per second.
    """

    origin: np.ndarray
    axes: np.ndarray
    names: tuple[str, str]
    x: np.ndarray
    y: np.ndarray
    velocity: np.ndarray

    def project(self, states: Any) -> np.ndarray:
        """Return the coordinates (..., 2) of states (..., N)."""
        return (np.asarray(states, np.float64) - self.origin) @ self.axes.T


def flow_field(
    F: Map, verdict: Verdict, pca: PCA, activity: Any, *, dt: float, grid: int = 30
) -> FlowField:
    """Compute the flow in the plane of the manifold's axis and the PC orthogonal to it.

    The plane goes through the verdict's centre. Without a manifold its first direction is PC 1;
    without a centre it goes through the mean state.

    Parameters
    ----------
    F : callable
        Pure map from a state (N,) to the next state (N,), written with JAX.
    verdict : Verdict
    pca : PCA
        Fitted to states.
    activity : array of shape (..., N)
        States: the grid covers them, and the second direction is the first PC of what the first
        direction leaves of them.
    dt : float
        Time step of the map (ms).
    grid : int
        Points of the grid along each direction.

    Returns
    -------
    FlowField
    """
    states = np.asarray(activity, np.float64).reshape(-1, np.shape(activity)[-1])
    middle = states.mean(axis=0)
    origin = middle if verdict.centre is None else verdict.points.state[verdict.centre]
    if verdict.manifold is None:
        first, name = np.asarray(pca.components_)[0], "PC 1"
    else:
        first, name = verdict.manifold.axis, "slow manifold\u2019s axis"
    # In a basis of all that is orthogonal to it, the second direction is so too, even where the
    # first leaves nothing but rounding.
    others = np.linalg.svd(first[None])[2][1:]
    second = np.linalg.svd((states - middle) @ others.T, full_matrices=False)[2][0] @ others
    # Turned so that the plane looks like that of the PCs, as far as it can.
    components = np.asarray(pca.components_)
    first = first if first @ components[0] >= 0 else -first
    second = second if second @ components[min(1, len(components) - 1)] >= 0 else -second
    axes = np.stack([first, second])
    reached = (states - origin) @ axes.T
    low, high = reached.min(axis=0), reached.max(axis=0)
    margin = 0.05 * (high - low) + 1e-9
    x, y = np.linspace(low - margin, high + margin, grid).T
    across, up = np.meshgrid(x, y)
    places = origin + across[..., None] * first + up[..., None] * second
    with jax.enable_x64(True):
        flat = places.reshape(-1, places.shape[-1])
        moved = np.asarray(jax.vmap(as_map(F, np.float64))(flat)).reshape(places.shape)
    velocity = (moved - places) @ axes.T / dt * 1000
    names = (f"{name} (units of state)", "orthogonal PC (units of state)")
    return FlowField(origin, axes, names, x, y, velocity)
