"""How states move in a plane of state space."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import jax
import numpy as np
from jax.tree_util import Partial
from numpy.typing import ArrayLike

from yang_rnn._checks import as_array, check_array, check_text, check_whole
from yang_rnn._frames import frame_of
from yang_rnn.dynamics.maps import (
    Map,
    as_map,
    as_states,
    as_vector,
    check_map,
    map_rows,
    scale_of,
    time_step,
)

if TYPE_CHECKING:
    from yang_rnn._frames import DataFrame


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

    def __repr__(self) -> str:
        """Say which plane, how fine the grid is, and how fast the flow."""
        fastest = float(np.linalg.norm(self.velocity, axis=-1).max())
        return (
            f"FlowField({self.names[0]} by {self.names[1]}, {len(self.x)} by {len(self.y)} states "
            f"of {len(self.origin)} units; up to {fastest:.3g} units of state per s)"
        )

    def to_frame(self) -> DataFrame:
        """Give the flow as a pandas frame, one row per place of the grid.

        Columns x, y (units of state), velocity_x, velocity_y (units of state per second).
        """
        x, y = np.meshgrid(self.x, self.y)
        across, up = self.velocity.reshape(-1, 2).T
        return frame_of({"x": x.ravel(), "y": y.ravel(), "velocity_x": across, "velocity_y": up})

    def project(self, states: ArrayLike) -> np.ndarray:
        """Return the coordinates (..., 2) of states (..., N)."""
        array = check_array("states", states, (..., len(self.origin)), finite=False, empty=True)
        return (np.asarray(array, np.float64) - self.origin) @ self.axes.T


def flow_field(
    F: Map,
    activity: ArrayLike,
    *,
    axis: ArrayLike | None = None,
    origin: ArrayLike | None = None,
    name: str = "PC 1",
    dt: float | None = None,
    grid: int = 30,
) -> FlowField:
    """Compute the flow in the plane of a direction and the PC orthogonal to it.

    Parameters
    ----------
    F : callable
        Pure map from a state (N,) to the next state (N,), written with JAX; `System.at` gives that
        of a network at a constant input.
    activity : array of shape (..., N)
        States: the grid covers them, and the second direction is the first PC of what the first
        direction leaves of them.
    axis : array of shape (N,), optional
        The first direction; without it the first PC of the states.
    origin : array of shape (N,), optional
        A state that the plane goes through; without it the mean state.
    name : str
        What the first direction is.
    dt : float, optional
        Time step (ms) of a map that has none of its own.
    grid : int
        Points of the grid along each direction.

    Returns
    -------
    FlowField

    Raises
    ------
    TypeError
        If the map is not callable, or something is not real numbers.
    ValueError
        If the shapes disagree, there are fewer than two units, the axis is 0, or `dt` is missing or
        not that of the system.
    """
    dt = time_step(F, dt)
    grid = check_whole("grid", grid, 2)
    check_text("name", name)
    array = as_array("activity", activity)
    flat = array.reshape(-1, array.shape[-1]) if array.ndim > 2 else array
    states = as_states(flat, "activity")
    units = states.shape[1]
    if not len(states) or not np.isfinite(states).all():
        raise ValueError(f"`activity` must be finite states, at least 1; got {array.shape}")
    if units < 2:
        raise ValueError("`activity` must be of two units or more; got 1")
    pure = as_map(F)
    check_map(pure, units)
    middle = states.mean(axis=0)
    components = np.linalg.svd(states - middle, full_matrices=False)[2]
    components *= np.where(components[:, :1] < 0, -1.0, 1.0)
    begin = middle if origin is None else as_vector(origin, "origin", units)
    first = components[0] if axis is None else as_vector(axis, "axis", units)
    length = np.linalg.norm(first)
    if not length > 0:
        raise ValueError("`axis` must not be 0")
    first = first / length
    # In a basis of all that is orthogonal to it, the second direction is so too, even where the
    # first leaves nothing but rounding.
    others = np.linalg.svd(first[None])[2][1:]
    second = np.linalg.svd((states - middle) @ others.T, full_matrices=False)[2][0] @ others
    # Turned so that the plane looks like that of the PCs, as far as it can.
    first = first if first @ components[0] >= 0 else -first
    second = second if second @ components[min(1, len(components) - 1)] >= 0 else -second
    axes = np.stack([first, second])
    reached = (states - begin) @ axes.T
    low, high = reached.min(axis=0), reached.max(axis=0)
    margin = 0.05 * (high - low) + 1e-9 * scale_of(states)
    x, y = np.linspace(low - margin, high + margin, grid).T
    across, up = np.meshgrid(x, y)
    places = begin + across[..., None] * first + up[..., None] * second
    (moved,) = map_rows(_images, pure, places.reshape(-1, units))
    velocity = (moved.reshape(places.shape) - places) @ axes.T / dt * 1000
    names = (f"{name} (units of state)", "orthogonal PC (units of state)")
    return FlowField(begin, axes, names, x, y, velocity)


@jax.jit
def _images(F: Partial, states: jax.Array) -> jax.Array:
    return jax.vmap(F)(states)
