"""Maps h -> F(h) as the analysis takes them: compiled once per shape, in any precision."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax.tree_util import Partial

from yang_rnn._checks import (
    as_array,
    check_array,
    check_real,
    is_real_dtype,
    reason_of,
)
from yang_rnn.dynamics.reading import as_it_is_now
from yang_rnn.dynamics.system import AutonomousMap

Map = Callable[[Any], Any]
"""A pure function from a state (N,) to the next state (N,), written with JAX."""

CHUNK = 2**21
"""Numbers (float64) that a chunk of rows may take: 16 MB."""


def as_map(F: Callable[..., Any], dtype: Any = np.float64, name: str = "F") -> Partial:
    """Turn a callable into a pytree that can be an argument of a compiled function.

    A `jax.tree_util.Partial` keeps its function as the static part and its arguments as leaves, so
    that networks of one shape share one compilation, as long as the function reads nothing that
    can change (`as_it_is_now`). Any other callable becomes a new function, which is compiled anew:
    what it closes over may have changed since it was last seen. So each public function turns its
    map into one once, and hands that on.

    Parameters
    ----------
    F : callable
        The map.
    dtype : dtype
        What the floating-point leaves of a `Partial` are cast to.
    name : str
        The argument's name, for the error.

    Returns
    -------
    jax.tree_util.Partial
        The map as a pytree.

    Raises
    ------
    TypeError
        If `F` is not callable.
    """
    if isinstance(F, AutonomousMap):
        F = F.partial
    _check_map(F, name)
    if isinstance(F, Partial):
        F = Partial(as_it_is_now(F.func), *F.args, **F.keywords)
        return jax.tree.map(lambda leaf: _cast(leaf, dtype, name), F)
    return Partial(lambda *args: F(*args))


def _check_map(F: Any, name: str) -> None:
    if not callable(F):
        raise TypeError(f"`{name}` must be a callable map; got {type(F).__name__}")


def as_states(states: Any, name: str) -> np.ndarray:
    """Check an array of states and return it in float64.

    Parameters
    ----------
    states : array_like, shape (n, N) or (N,)
        States; a single one becomes n = 1.
    name : str
        The argument's name, for the error.

    Returns
    -------
    numpy.ndarray, shape (n, N), float64
        The states.

    Raises
    ------
    ValueError
        If the array is not two-dimensional (or one-dimensional), or has no units.
    TypeError
        If the array is not of real numbers.
    """
    array = check_array(name, states, finite=False, empty=True)
    if array.ndim == 1:
        array = array[None]
    if array.ndim != 2 or array.shape[1] == 0:
        raise ValueError(
            f"`{name}` must have shape (n, N) with N >= 1, or (N,); got {np.shape(array)}: "
            "flatten trajectories (time, trial, unit) to (time * trial, unit) first"
        )
    return np.array(array, dtype=np.float64)


def as_vector(vector: Any, name: str, units: int | None = None) -> np.ndarray:
    """Check one state or direction, (N,) or (1, N), and return it in float64, (N,).

    Raises
    ------
    ValueError
        If it is not one of so many units, or not finite.
    TypeError
        If it is not of real numbers.
    """
    array = as_states(vector, name)
    if len(array) != 1 or array.shape[1] != (units or array.shape[1]):
        expected = "one state (N,)" if units is None else f"{units} numbers"
        raise ValueError(f"`{name}` must be {expected}; got shape {np.shape(vector)}")
    return check_array(name, array[0])


def check_real_numbers(array: Any, name: str) -> None:
    """Check that what `jax.eval_shape` tells of what a function returns is real numbers."""
    if not is_real_dtype(array.dtype):
        raise TypeError(f"`{name}` must return real numbers; got dtype {array.dtype}")


def check_takes(F: Partial, units: int, name: str) -> Any:
    """Check that a function takes a state (N,); return shapes and dtypes of what it gives."""
    try:
        with jax.enable_x64(True):
            return jax.eval_shape(F, jax.ShapeDtypeStruct((units,), jnp.float64))
    except Exception as error:  # whatever it raises
        raise ValueError(
            f"`{name}` must take a state of shape ({units},), which gives: {reason_of(error)}"
        ) from error


def check_map(F: Partial, units: int) -> None:
    """Check that a map takes a state of the given size to a state of the same size.

    Parameters
    ----------
    F : jax.tree_util.Partial
        The map.
    units : int
        The number of units N.

    Raises
    ------
    ValueError
        If F does not take such a state, or F(h) is not an array of shape (N,).
    TypeError
        If F(h) is not of real numbers.
    """
    out = check_takes(F, units, "F")
    if getattr(out, "shape", None) != (units,):
        got = getattr(out, "shape", type(out).__name__)
        raise ValueError(f"`F` must map a state of shape ({units},) to the same shape; got {got}")
    check_real_numbers(out, "F")


def time_step(F: Map, dt: float | None) -> float:
    """Return the one time step (ms) that a map and an argument `dt` agree on."""
    _check_map(F, "F")
    if dt is not None:
        check_real("dt", dt, above=0)
    own = F.dt if isinstance(F, AutonomousMap) else dt
    if own is None:
        raise ValueError("`dt` must be given for a map that has no time step of its own")
    if dt is not None and dt != own:
        raise ValueError(f"`dt` must be the system's {own:g} ms, or be left out; got {dt:g}")
    return float(own)


def one_blas_thread() -> Any:
    """Return a context in which BLAS computes on one core, for XLA has the others already.

    With both at work, steps of 64 to 512 units took up to ten times longer.
    """
    return _blas().limit(limits=1, user_api="blas")


@functools.cache
def _blas() -> Any:
    import scipy.linalg  # noqa: F401 - jaxlib's linear algebra is scipy's, which must be loaded
    from threadpoolctl import ThreadpoolController

    return ThreadpoolController()


def map_rows(
    function: Callable[..., Any],
    F: Partial,
    *rows: np.ndarray,
    shared: tuple[Any, ...] = (),
    row_size: int | None = None,
    sizes: tuple[int, ...] | None = None,
) -> list[np.ndarray]:
    """Apply a compiled function to rows chunk by chunk, in float64.

    Chunks have one of a few sizes, the last row repeated where there are too few: few shapes are
    compiled however many rows there are. One chunk runs at a time: the linear algebra inside
    already uses the processor's cores, and jaxlib 0.10 can lock up when two such calls wait for
    its threads.

    Parameters
    ----------
    function : callable
        Called as ``function(F, *rows, *shared)``; returns an array or a tuple of arrays, one row
        per row.
    F : jax.tree_util.Partial
        The map.
    *rows : arrays of shape (n, ...)
        What is cut into chunks.
    shared : tuple
        What every chunk takes whole.
    row_size : int, optional
        Numbers that a row takes at most while it is computed; without it those of the first array.
    sizes : tuple of int, optional
        Rows of a chunk, in rising order; without it a power of two, as many as fit in `CHUNK`.

    Returns
    -------
    list of numpy.ndarray
        One per array that the function returns, n rows each.
    """
    total = len(rows[0])
    if sizes is None:
        most = max(1, CHUNK // (row_size or max(1, rows[0][:1].size)))
        sizes = (min(most, 1 << max(0, total - 1).bit_length()),)
    out, first = [], 0
    with one_blas_thread(), jax.enable_x64(True):
        while first < total or not out:  # none at all gives empty arrays of the right shapes
            left = total - first
            size = next((s for s in reversed(sizes) if left > s // 2), sizes[0])
            part = slice(first, first + size)
            results = function(F, *(_padded(array[part], size) for array in rows), *shared)
            results = results if isinstance(results, tuple) else (results,)
            out.append([np.asarray(array)[: max(0, min(size, left))] for array in results])
            first += size
    return [np.concatenate(arrays) for arrays in zip(*out, strict=True)]


def scale_of(states: np.ndarray) -> float:
    """Return the scale of states (n, N): the root mean square of their finite units, 1 if all 0."""
    finite = states[np.isfinite(states)]
    largest = np.abs(finite).max(initial=0.0)
    if largest == 0:
        return 1.0
    # Squares of very small or large numbers would not be numbers any more.
    return float(largest * np.sqrt(np.mean((finite / largest) ** 2)))


def speeds(F: Map, states: np.ndarray) -> np.ndarray:
    """Speed q = 1/2 ||F(h) - h||^2 of each state, computed in float64.

    The definition is that of Sussillo & Barak (2013), Neural Computation 25:626.

    Parameters
    ----------
    F : callable
        The map.
    states : numpy.ndarray, shape (n, N)
        The states.

    Returns
    -------
    numpy.ndarray, shape (n,), float64
        The speeds; not finite where the map is not.
    """
    return map_rows(_speeds, as_map(F), np.asarray(states, np.float64))[0]


@jax.jit
def _speeds(F: Partial, states: jax.Array) -> jax.Array:
    residual = jax.vmap(F)(states) - states
    return 0.5 * jnp.sum(residual * residual, axis=1)


def _padded(rows: np.ndarray, size: int) -> np.ndarray:
    """Repeat the last row (of none, 0) until there are `size` rows."""
    missing = size - len(rows)
    if missing <= 0:
        return rows
    filling = rows[-1:] if len(rows) else np.zeros((1, *rows.shape[1:]), rows.dtype)
    return np.concatenate([rows, np.repeat(filling, missing, axis=0)])


def _cast(leaf: Any, dtype: Any, name: str) -> Any:
    array = as_array(name, leaf)
    return array.astype(dtype) if jnp.issubdtype(array.dtype, jnp.floating) else leaf
