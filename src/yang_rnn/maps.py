"""Maps h -> F(h) as the analysis takes them: compiled once per shape, in any precision."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax.tree_util import Partial

Map = Callable[[Any], Any]
"""A pure function from a state (N,) to the next state (N,), written with JAX."""


def as_map(F: Callable[..., Any], dtype: Any, name: str = "F") -> Partial:
    """Turn a callable into a pytree that can be an argument of a compiled function.

    A `jax.tree_util.Partial` keeps its function as the static part and its arguments as leaves, so
    that networks of one shape share one compilation. Any other callable is static, known by
    identity: a new closure is compiled anew.

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
    if not callable(F):
        raise TypeError(f"`{name}` must be a callable map; got {type(F).__name__}.")
    if isinstance(F, Partial):
        return jax.tree.map(lambda leaf: _cast(leaf, dtype), F)
    try:
        hash(F)
    except TypeError:
        unhashable = F
        return Partial(lambda *args: unhashable(*args))
    return Partial(F)


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
    array = np.asarray(states)
    if array.dtype.kind not in "fiu" and not jnp.issubdtype(array.dtype, jnp.floating):
        raise TypeError(f"`{name}` must be an array of real numbers; got dtype {array.dtype}.")
    if array.ndim == 1:
        array = array[None]
    if array.ndim != 2 or array.shape[1] == 0:
        raise ValueError(
            f"`{name}` must have shape (n, N) with N >= 1, or (N,); got {np.shape(states)}. "
            "Flatten trajectories (time, trial, unit) to (time * trial, unit) first."
        )
    return np.array(array, dtype=np.float64)


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
        If F(h) is not an array of shape (N,).
    TypeError
        If F(h) is complex.
    """
    with jax.enable_x64(True):
        out = jax.eval_shape(F, jax.ShapeDtypeStruct((units,), jnp.float64))
    if getattr(out, "shape", None) != (units,):
        got = getattr(out, "shape", type(out).__name__)
        raise ValueError(f"`F` must map a state of shape ({units},) to the same shape; got {got}.")
    check_real_image(out, "F")


def check_real_image(out: Any, name: str) -> None:
    """Check that what a map returns, as `jax.eval_shape` tells it, is not complex."""
    if jnp.issubdtype(out.dtype, jnp.complexfloating):
        raise TypeError(f"`{name}` must return real numbers; got dtype {out.dtype}.")


def chunks(total: int, size: int) -> Iterator[slice]:
    """Cut ``range(total)`` into consecutive slices of at most `size`."""
    for first in range(0, total, size):
        yield slice(first, min(first + size, total))


def bucket(count: int, most: int) -> int:
    """Return how many rows to compute at once: a power of two for few, so that few shapes compile.

    Parameters
    ----------
    count : int
        Rows there are.
    most : int
        Most that fit.
    """
    return max(1, min(most, 1 << max(0, count - 1).bit_length()))


def padded(rows: np.ndarray, size: int) -> np.ndarray:
    """Repeat the last row until there are `size` rows, so that one compiled shape serves all."""
    missing = size - len(rows)
    return rows if missing == 0 else np.concatenate([rows, np.repeat(rows[-1:], missing, axis=0)])


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
    size = bucket(len(states), 2**21 // states.shape[1])
    out = np.empty(len(states))
    with jax.enable_x64(True):
        pure = as_map(F, np.float64)
        for part in chunks(len(states), size):
            block = padded(np.asarray(states[part], np.float64), size)
            out[part] = np.asarray(_speeds(pure, block))[: part.stop - part.start]
    return out


@jax.jit
def _speeds(F: Partial, states: jax.Array) -> jax.Array:
    residual = jax.vmap(F)(states) - states
    return 0.5 * jnp.sum(residual * residual, axis=1)


def nonnegative(name: str, value: float) -> float:
    """Check that an argument is a number that is not negative, and return it as a float."""
    if not value >= 0:
        raise ValueError(f"`{name}` must be a number >= 0; got {value}.")
    return float(value)


def _cast(leaf: Any, dtype: Any) -> Any:
    array = np.asarray(leaf)
    return array.astype(dtype) if jnp.issubdtype(array.dtype, jnp.floating) else leaf
