"""States that are more than one array, as one vector with named parts."""

from __future__ import annotations

import math
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from yang_rnn._checks import check_array, reason_of, shown


class Packing(NamedTuple):
    """How a pytree of arrays is laid out in one vector.

    Attributes
    ----------
    structure : jax.tree_util.PyTreeDef
    shapes : tuple of tuples
        That of each array.
    slices : tuple of slices
        Where each array lies in the vector.
    names : tuple of str
        What the tree calls each: keys, fields of named tuples, numbers of a tuple's or list's
        entries, joined by dots.
    """

    structure: Any
    shapes: tuple[tuple[int, ...], ...]
    slices: tuple[slice, ...]
    names: tuple[str, ...]

    @property
    def is_vector(self) -> bool:
        """Whether the state is one vector already."""
        return self.names == ("",) and len(self.shapes[0]) == 1

    @property
    def parts(self) -> dict[str, slice] | None:
        """The named parts; None where the state is one array."""
        return None if self.names == ("",) else dict(zip(self.names, self.slices, strict=True))

    def pack(self, tree: Any) -> Any:
        """Lay out a tree of this structure in a vector, with JAX.

        Raises
        ------
        ValueError
            If the tree or one of its arrays is another one.
        """
        leaves, structure = jax.tree.flatten(tree)
        if structure != self.structure:
            raise ValueError(f"the state must be {self.structure}; got {structure}")
        arrays = [jnp.asarray(leaf) for leaf in leaves]
        shapes = tuple(array.shape for array in arrays)
        if shapes != self.shapes:
            raise ValueError(f"the state's arrays must have shapes {self.shapes}; got {shapes}")
        return jnp.concatenate([array.reshape(-1) for array in arrays])

    def bounds(self, bounds: Any) -> Any:
        """Return two bounds as numbers or vectors (unit,); each may be a tree of this structure.

        Raises
        ------
        ValueError
            If they are not two, or one is another tree.
        """
        if bounds is None:
            return None
        try:
            low, high = bounds
            return self._bound(low), self._bound(high)
        except (TypeError, ValueError) as error:
            raise ValueError(
                f"`bounds` must be two numbers, vectors or trees like the state; "
                f"got {shown(bounds)}: {reason_of(error)}"
            ) from error

    def _bound(self, side: Any) -> Any:
        leaves, structure = jax.tree.flatten(side)
        if structure != self.structure:
            return np.asarray(side, np.float64)
        return np.concatenate(
            [
                np.broadcast_to(np.asarray(leaf, np.float64), shape).reshape(-1)
                for leaf, shape in zip(leaves, self.shapes, strict=True)
            ]
        )

    def unpack(self, vector: Any) -> Any:
        """Return the tree that a vector (unit,) is, of whatever arrays the vector is."""
        leaves = [
            vector[part].reshape(shape)
            for part, shape in zip(self.slices, self.shapes, strict=True)
        ]
        return jax.tree.unflatten(self.structure, leaves)


def packing_of(state: Any) -> tuple[Packing, np.ndarray]:
    """Return how a state is laid out, and the state as a vector (unit,) in float64.

    Raises
    ------
    TypeError
        If something in it is not real numbers.
    ValueError
        If there is nothing in it, or numbers that are not finite.
    """
    is_plain = isinstance(state, list) and all(np.ndim(entry) == 0 for entry in state)
    tree = np.asarray(state) if is_plain else state  # a list of numbers is a vector
    pairs, structure = jax.tree_util.tree_flatten_with_path(tree)
    if not pairs:
        raise ValueError("`initial_state` must have numbers; got none")
    names = tuple(jax.tree_util.keystr(path, simple=True, separator=".") for path, _ in pairs)
    arrays = [
        check_array(f"initial_state{'.' if name else ''}{name}", leaf)
        for name, (_, leaf) in zip(names, pairs, strict=True)
    ]
    ends = np.cumsum([0, *(math.prod(array.shape) for array in arrays)]).tolist()
    slices = tuple(slice(*ends[k : k + 2]) for k in range(len(arrays)))
    shapes = tuple(array.shape for array in arrays)
    vector = np.concatenate([np.asarray(array, np.float64).reshape(-1) for array in arrays])
    return Packing(structure, shapes, slices, names), vector
