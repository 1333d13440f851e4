"""The certificate of an enumeration: what it was about, the tree, and why each leaf is closed."""

from __future__ import annotations

import hashlib
import io
import os
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any

import numpy as np

from yang_rnn._checks import check_path
from yang_rnn._files import arrays_in, content_of, damage_named, write_whole

VERSION = 1

_DTYPES = {
    "nodes": np.int32, "multipliers": np.float32, "fine": np.float64, "states": np.float64,
    "continua": np.bool_,
}  # fmt: skip
_OF_NETWORK = ("w_ir", "w_rr", "b_rr", "x")


class CertificateError(ValueError):
    """A certificate proves nothing: it is damaged, of another network, or wrong."""


@dataclass(frozen=True, eq=False, repr=False)
class Certificate:
    """What `check_certificate` needs to prove which fixed points a rectified network has.

    The tree is over the signs of all units: each node decides one of them, active or silent, or is
    a leaf. Numbers that the weights consist of are kept as they are.

    Attributes
    ----------
    w_ir, w_rr, b_rr : numpy.ndarray, shape (channel, N), (N, N), (N,), float32 or float64
        The network's weights, see `Rectified`.
    x : numpy.ndarray, shape (channel,), float64
        The input.
    nodes : numpy.ndarray, shape (nodes,), int32
        The tree in preorder. 2 i: unit i is decided, the active child follows, then the silent one;
        2 i + 1: the silent one follows, then the active one. -1: a leaf that the next row of
        `multipliers` proves empty; -2: the next row of `fine` does; -3: all units are decided;
        -4: left open. Or -5 alone: there is exactly one fixed point, because I - W is positive
        definite if h is measured in the units of the one row of `fine`.
    multipliers, fine : numpy.ndarray, shape (leaves, N), float32 and float64
        For each unit what its equation h - h W_rr - x W_ir - b_rr = w is multiplied by; for a tree
        of -5 alone `fine` has what h is measured in.
    states : numpy.ndarray, shape (n, N), float64
        The fixed points.
    continua : numpy.ndarray, shape (n, N), bool
        Which units are active along each continuum of fixed points.
    digest : str
        SHA-256 of all of this; computed if not given.
    """

    w_ir: np.ndarray
    w_rr: np.ndarray
    b_rr: np.ndarray
    x: np.ndarray
    nodes: np.ndarray
    multipliers: np.ndarray
    fine: np.ndarray
    states: np.ndarray
    continua: np.ndarray
    digest: str = field(default="")

    def __post_init__(self) -> None:
        """Make the arrays read-only, and the digest."""
        for name in (*_OF_NETWORK, *_DTYPES):
            array = np.ascontiguousarray(getattr(self, name)).view()
            array.flags.writeable = False
            object.__setattr__(self, name, array)
        if not self.digest:
            object.__setattr__(self, "digest", self.computed_digest())

    def __repr__(self) -> str:
        """Say how large it is."""
        leaves = int((self.nodes < 0).sum())
        return f"Certificate({len(self.b_rr)} units, {leaves} leaves, {self.nbytes / 1e6:.1f} MB)"

    @property
    def nbytes(self) -> int:
        """Bytes of its arrays."""
        return sum(getattr(self, name).nbytes for name in (*_OF_NETWORK, *_DTYPES))

    def computed_digest(self) -> str:
        """Return the SHA-256 of its arrays."""
        digest = hashlib.sha256(f"{VERSION}".encode())
        for name in (*_OF_NETWORK, *_DTYPES):
            array = getattr(self, name)
            digest.update(f"{name} {array.dtype.str} {array.shape}".encode())
            digest.update(np.ascontiguousarray(array).data)
        return digest.hexdigest()

    def save(self, path: str | os.PathLike[str]) -> Path:
        """Write it to an ``.npz`` file, whole or not at all; return the file's path.

        Parameters
        ----------
        path : path-like
            ``.npz`` is appended if missing.

        Raises
        ------
        OSError
            If it can't be written; it names the file.
        """
        check_path("path", path)
        path = Path(path)
        path = path if path.suffix == ".npz" else path.with_name(path.name + ".npz")
        content = io.BytesIO()
        arrays: dict[str, Any] = {name: getattr(self, name) for name in (*_OF_NETWORK, *_DTYPES)}
        np.savez_compressed(content, **arrays, digest=self.digest, version=VERSION)
        write_whole(path, content.getvalue())
        return path

    @classmethod
    def load(cls, path: str | os.PathLike[str]) -> Certificate:
        """Read one that `save` wrote.

        Raises
        ------
        OSError
            If there is no such file, or it can't be read.
        ValueError
            If it is no certificate of this version: the message begins with the file's name.
        """
        content = content_of(path)
        with damage_named(path):
            names = [f.name for f in fields(cls)]
            arrays = arrays_in(content, [*names, "version"])
            if arrays.pop("version").tolist() != VERSION:
                raise ValueError(f"it must be a certificate of version {VERSION}")
            for name, dtype in _DTYPES.items():
                if arrays[name].dtype != dtype:
                    raise ValueError(f"`{name}` must be {np.dtype(dtype)}")
            for name in _OF_NETWORK:
                if arrays[name].dtype not in (np.float32, np.float64):
                    raise ValueError(f"`{name}` must be floating-point numbers")
            return cls(**{name: arrays[name] for name in names[:-1]}, digest=str(arrays["digest"]))
