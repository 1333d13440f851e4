"""A map near its fixed points: Jacobians, eigenmodes with their time scales, and stability."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, fields
from typing import TYPE_CHECKING, Any

import jax
import jax.numpy as jnp
import numpy as np
from jax.tree_util import Partial
from numpy.typing import ArrayLike

from yang_rnn._checks import Index, check_real
from yang_rnn._frames import frame_of
from yang_rnn.dynamics.fixed_points import FIXED_SPEED
from yang_rnn.dynamics.maps import (
    Map,
    as_map,
    as_states,
    check_map,
    check_takes,
    map_rows,
    scale_of,
    speeds,
    time_step,
)
from yang_rnn.dynamics.points import FixedPoints, own_scale
from yang_rnn.dynamics.system import AutonomousMap

if TYPE_CHECKING:
    from yang_rnn._frames import DataFrame

_REAL_ANGLE = 1e-7  # rad; two equal real eigenvalues may come out as a pair this far apart
_JUMP = 1e-3  # change of a slope, relative to 1 + its largest entry, that tells a kink
_PROBES = 3


@dataclass(frozen=True, eq=False, repr=False)
class Linearisation:
    """Jacobians of a map at given points, and their eigenmodes by decreasing modulus.

    Mode k of point i has the eigenvalue ``eigenvalues[i, k]``, the right eigenvector
    ``right[i, k]`` (``J @ r = lambda r``, unit length, its largest entry real and positive) and
    the left eigenvector ``left[i, k]`` (``l @ J = lambda l``), with ``left[i] @ right[i].T`` the
    identity (no conjugation). Of a conjugate pair the eigenvalue with positive imaginary part
    comes first. Points that are not finite have NaN throughout. Indexing gives a record of those
    points.

    Attributes
    ----------
    state : numpy.ndarray, shape (n, N)
        The points.
    jacobian : numpy.ndarray, shape (n, N, N)
        dF_i/dh_j. On a kink: what JAX's derivative picks, a choice among the sides (`kink`).
    input_jacobian : numpy.ndarray, shape (n, N, K)
        dF_i/dx_j; K = 0 for a map that is not known to have an input.
    eigenvalues : numpy.ndarray, shape (n, N), complex
        Eigenvalues lambda of the Jacobian.
    right, left : numpy.ndarray, shape (n, N, N), complex
        Eigenvectors as rows, biorthonormal up to rounding times `condition`.
    condition : numpy.ndarray, shape (n,)
        Condition number (1-norm) of the matrix of right eigenvectors. From about 1e8 the Jacobian
        is close to one without a full set of them, and single modes mean little; inf if it has
        none, and `left` is then a pseudo-inverse.
    time_constant : numpy.ndarray, shape (n, N)
        -dt / ln|lambda| in ms: inf at |lambda| = 1, 0 at lambda = 0, negative for modes that grow.
    frequency : numpy.ndarray, shape (n, N)
        |angle(lambda)| / (2 pi dt) in Hz: 0 for positive real lambda, the highest possible,
        500 / dt, for a negative real one, which changes sign every step.
    unstable : numpy.ndarray, shape (n,), int
        Number of modes with |lambda| > 1 + `marginal_band`.
    stability : numpy.ndarray, shape (n,), str
        ``stable``, ``marginal``, ``saddle`` or ``unstable``; empty for a point that is not fixed,
        or far from the data (`FixedPoints.far`).
    rotation : numpy.ndarray, shape (n,), str
        ``node`` or ``spiral``, as the leading mode is real or complex; empty where `stability` is.
    kink : numpy.ndarray, shape (n,), bool
        Whether the map has a kink within the kink tolerance: the Jacobian holds on one side only.
    dt : float
        Time step in ms.
    marginal_band : float
        | |lambda| - 1 | up to which a mode is marginal.
    """

    state: np.ndarray
    jacobian: np.ndarray
    input_jacobian: np.ndarray
    eigenvalues: np.ndarray
    right: np.ndarray
    left: np.ndarray
    condition: np.ndarray
    time_constant: np.ndarray
    frequency: np.ndarray
    unstable: np.ndarray
    stability: np.ndarray
    rotation: np.ndarray
    kink: np.ndarray
    dt: float
    marginal_band: float

    def __post_init__(self) -> None:
        """Make the arrays read-only."""
        for field in fields(self):
            value = getattr(self, field.name)
            if isinstance(value, np.ndarray):
                value.flags.writeable = False

    def __len__(self) -> int:
        """Count the points."""
        return len(self.state)

    def __getitem__(self, index: Index) -> Linearisation:
        """Take some of the points: a number, a slice, a mask (n,) or a list of numbers."""
        rows = np.atleast_1d(np.arange(len(self))[index])
        values: dict[str, Any] = {field.name: getattr(self, field.name) for field in fields(self)}
        for name, value in values.items():
            values[name] = value[rows] if isinstance(value, np.ndarray) else value
        return Linearisation(**values)

    @property
    def label(self) -> np.ndarray:
        """Stability and rotation in words, as in ``stable spiral``, shape (n,)."""
        return np.char.strip(np.char.add(np.char.add(self.stability, " "), self.rotation))

    def to_frame(self) -> DataFrame:
        """Give the modes as a pandas frame, one row per mode of each point.

        Returns
        -------
        pandas.DataFrame
            Columns point and mode (counted from 0), eigenvalue_real, eigenvalue_imag,
            time_constant (ms), frequency (Hz), then those of the point: unstable, stability,
            rotation, condition, kink.
        """
        points, modes = self.eigenvalues.shape
        columns = {
            "point": np.repeat(np.arange(points), modes),
            "mode": np.tile(np.arange(modes), points),
            "eigenvalue": self.eigenvalues.ravel(),
            "time_constant": self.time_constant.ravel(),
            "frequency": self.frequency.ravel(),
        }
        for name in ("unstable", "stability", "rotation", "condition", "kink"):
            columns[name] = np.repeat(getattr(self, name), modes)
        return frame_of(columns)

    def __repr__(self) -> str:
        """Say how many points carry which label."""
        counts = Counter(self.label.tolist())
        labels = ", ".join(f"{n} {label or 'without label'}" for label, n in counts.items())
        kinks = f"; {int(self.kink.sum())} on a kink" if self.kink.any() else ""
        return (
            f"Linearisation({len(self)} of {self.state.shape[1]} units: {labels or 'no points'}"
            f"{kinks}{self._leading()})"
        )

    def _leading(self) -> str:
        """Return the leading modes' time constants as text."""
        if not len(self) or not self.time_constant.shape[1]:
            return ""
        low, high = self.time_constant[:, 0].min(), self.time_constant[:, 0].max()
        span = f"{low:.4g}" if low == high else f"{low:.4g} to {high:.4g}"
        return f"; leading time constant {span} ms"


def linearise(
    F: Map,
    points: FixedPoints | ArrayLike,
    *,
    dt: float | None = None,
    kink_tolerance: float = 1e-6,
    marginal_band: float = 1e-3,
    fixed_speed: float = FIXED_SPEED,
) -> Linearisation:
    """Linearise a map at fixed or slow points, in float64.

    A network at a constant input, `System.at`, brings its time step, what the input does (`dF/dx`)
    and where its kinks are. With the system's preactivation, a point is on a kink where one of its
    values is at most `kink_tolerance` in size. Without it, and for other maps, where the slope
    along one of three fixed random directions, of about unit size in each unit, jumps within
    `kink_tolerance` times that direction on either side of the point; a kink almost parallel to all
    three escapes this.

    Parameters
    ----------
    F : callable
        Pure map from a state (N,) to the next state (N,), written with JAX.
    points : FixedPoints or array_like, shape (n, N) or (N,)
        Where to linearise.
    dt : float, optional
        Time step (ms) of a map that has none of its own.
    kink_tolerance : float
        How near a kink counts as on it, over the scale of the points (the data's scale of
        `FixedPoints`, or the root mean square of the states that are given).
    marginal_band : float
        | |lambda| - 1 | up to which a mode is marginal. The default, 1e-3, is a time constant
        of 1000 dt.
    fixed_speed : float
        For points given as an array: the speed q, over the squared scale of the point, up to which
        they are fixed and get a label.

    Returns
    -------
    Linearisation
        One entry per point.

    Raises
    ------
    TypeError
        If the map is not callable or returns complex numbers, or the points are not real numbers.
    ValueError
        If a shape or number is out of range, or `dt` is missing or not that of the system.

    References
    ----------
    Sussillo & Barak (2013), Neural Computation 25:626-649 (linearisation at slow points). Mante,
    Sussillo, Shenoy & Newsome (2013), Nature 503:78-84 (left eigenvectors as selection vectors).

    Examples
    --------
    >>> modes = yr.linearise(lambda h: 0.9 * h, [0.0], dt=10.0)
    >>> str(modes.label[0]), modes.eigenvalues[0], modes.time_constant[0].round(1)
    ('stable node', array([0.9+0.j]), array([94.9]))
    """
    dt = time_step(F, dt)
    check_real("kink_tolerance", kink_tolerance, minimum=0)
    check_real("marginal_band", marginal_band, minimum=0)
    check_real("fixed_speed", fixed_speed, minimum=0)
    states = points.state if isinstance(points, FixedPoints) else as_states(points, "points")
    n, units = states.shape
    pure = as_map(F)
    check_map(pure, units)
    if isinstance(points, FixedPoints):
        scale, fixed = points.scale, (points.status == "fixed") & ~points.far
    else:
        scale = scale_of(states)
        fixed = speeds(pure, states) <= fixed_speed * own_scale(states, scale) ** 2
    near_kink = kink_tolerance * scale

    jacobian = jacobians(pure, states)
    input_jacobian = np.empty((n, units, 0))
    if isinstance(F, AutonomousMap):
        step = as_map(F.system.step, name="step")
        (input_jacobian,) = map_rows(
            _input_jacobians, step, states, shared=(F.x,), row_size=units * (units + F.x.size)
        )
    kink = kinks(F, pure, states, near_kink)

    values = np.full((n, units), np.nan + 0j)
    right, left = np.full((2, n, units, units), np.nan + 0j)
    condition = np.full(n, np.nan)
    finite = np.isfinite(jacobian).all(axis=(1, 2)) & np.isfinite(states).all(axis=1)
    values[finite], right[finite], left[finite], condition[finite] = _modes(jacobian[finite])

    modulus = np.abs(values)
    with np.errstate(divide="ignore", invalid="ignore"):
        time_constant = np.where(modulus == 1.0, np.inf, -dt / np.log(modulus))
    frequency = 1e3 * np.abs(np.angle(values)) / (2 * np.pi * dt)
    return Linearisation(
        state=np.array(states),
        jacobian=jacobian,
        input_jacobian=input_jacobian,
        eigenvalues=values,
        right=right,
        left=left,
        condition=condition,
        time_constant=time_constant,
        frequency=frequency,
        unstable=(modulus > 1 + marginal_band).sum(axis=1),
        stability=np.where(fixed & finite, _stability(values, marginal_band), ""),
        rotation=np.where(fixed & finite, _rotation(values), ""),
        kink=kink,
        dt=dt,
        marginal_band=float(marginal_band),
    )


def jacobians(F: Partial, states: np.ndarray) -> np.ndarray:
    """Return dF_i/dh_j at states (n, N), shape (n, N, N), float64."""
    return map_rows(_jacobians, F, states, row_size=states.shape[1] ** 2)[0]


def kinks(F: Map, pure: Partial, states: np.ndarray, tolerance: float) -> np.ndarray:
    """Tell which states (n, N) are within a tolerance of a kink of a map, as `linearise` does."""
    before = F.preactivation if isinstance(F, AutonomousMap) else None
    if before is None:
        return _kinks_by_probe(pure, states, tolerance)
    before = as_map(before, name="preactivation")
    check_takes(before, states.shape[1], "preactivation")
    return _kinks_by_sign(before, states, tolerance)


def _modes(matrices: np.ndarray):
    """Eigenvalues by decreasing modulus, right and left eigenvectors as rows, condition."""
    raw = np.linalg.eig(matrices)
    values, columns = np.asarray(raw[0], complex), np.asarray(raw[1], complex)
    order = np.lexsort((-np.imag(values), -np.real(values), -np.abs(values)), axis=-1)
    values = np.take_along_axis(values, order, axis=1)
    rows = np.take_along_axis(columns.swapaxes(1, 2), order[:, :, None], axis=1)
    # The first entry within 1e-6 of the largest: equal ones must not be chosen by rounding.
    size = np.abs(rows)
    largest = np.argmax(size >= (1 - 1e-6) * size.max(axis=2, keepdims=True), axis=2)
    pivot = np.take_along_axis(rows, largest[:, :, None], axis=2)
    rows = rows * (np.abs(pivot) / pivot)
    columns = rows.swapaxes(1, 2)
    try:
        left = np.linalg.inv(columns)
        condition = np.linalg.norm(columns, 1, (1, 2)) * np.linalg.norm(left, 1, (1, 2))
    except np.linalg.LinAlgError:
        left, condition = np.linalg.pinv(columns), np.empty(len(values))
        for index, matrix in enumerate(columns):
            try:
                left[index] = np.linalg.inv(matrix)
                condition[index] = np.linalg.norm(matrix, 1) * np.linalg.norm(left[index], 1)
            except np.linalg.LinAlgError:
                condition[index] = np.inf
    return values, rows, left, condition


def _stability(values: np.ndarray, band: float) -> np.ndarray:
    modulus = np.abs(values)
    grows, decays = (modulus > 1 + band).any(axis=1), (modulus < 1 - band).any(axis=1)
    inside = (np.abs(modulus - 1) <= band).any(axis=1)
    return np.select([grows & decays, grows, inside], ["saddle", "unstable", "marginal"], "stable")


def _rotation(values: np.ndarray) -> np.ndarray:
    # A negative real eigenvalue alternates; it does not spiral.
    turn = np.abs(np.angle(values[:, 0]))
    return np.where((turn > _REAL_ANGLE) & (np.pi - turn > _REAL_ANGLE), "spiral", "node")


def _kinks_by_sign(preactivation: Partial, states: np.ndarray, tolerance: float) -> np.ndarray:
    (values,) = map_rows(_values, preactivation, states)
    return np.any(np.abs(values) <= tolerance, axis=tuple(range(1, values.ndim)))


def _kinks_by_probe(F: Partial, states: np.ndarray, tolerance: float) -> np.ndarray:
    kink = np.zeros(len(states), bool)
    for direction in np.random.default_rng(0).standard_normal((_PROBES, states.shape[1])):
        (jumps,) = map_rows(_jumps, F, states, shared=(direction, tolerance))
        kink |= jumps > _JUMP
    return kink


@jax.jit
def _jacobians(F: Partial, states: jax.Array) -> jax.Array:
    return jax.vmap(jax.jacfwd(F))(states)


@jax.jit
def _input_jacobians(step: Partial, states: jax.Array, x: jax.Array) -> jax.Array:
    return jax.vmap(lambda h: jax.jacfwd(lambda v: step(v, h))(x))(states)


@jax.jit
def _jumps(F: Partial, states: jax.Array, direction: jax.Array, tolerance: jax.Array) -> jax.Array:
    def slope(h):
        return jax.jvp(F, (h,), (direction,))[1]

    ahead = jax.vmap(slope)(states + tolerance * direction)
    behind = jax.vmap(slope)(states - tolerance * direction)
    return jnp.max(jnp.abs(ahead - behind), axis=1) / (1.0 + jnp.max(jnp.abs(ahead), axis=1))


@jax.jit
def _values(F: Partial, states: jax.Array) -> jax.Array:
    return jax.vmap(F)(states)
