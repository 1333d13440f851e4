"""Reading files that anything may have happened to: bounded, and every error names the file."""

import contextlib
import io
import json
import math
import os
import tempfile
import zipfile
from collections.abc import Collection, Iterator
from pathlib import Path
from typing import Any

import numpy as np
from numpy.lib import format as npy

MOST_JSON = 2**26
"""Bytes that a recipe, a summary or a manifest may have."""

MOST_UNPACKED = 2 * 2**30
"""Bytes that compressed arrays may unpack to, and that a file of a sweep's member may have."""

MOST_PACKED = 100
"""How many times more bytes than its file compressed arrays may unpack to, beyond the first MiB.

States pack to a half or so; zeros, which nobody saves in bulk, to a thousandth.
"""

_LONGEST = 200  # of what an error says about a file's content


class DamagedError(ValueError):
    """A file can't be what it was written as; the message begins with its name."""

    def __init__(self, path: str | os.PathLike[str], why: str):
        super().__init__(f"{path} is damaged: {why}")


@contextlib.contextmanager
def damage_named(path: str | os.PathLike[str]) -> Iterator[None]:
    """Turn every error that a file's content leads to into a `DamagedError` with its name.

    Read the file before: what the system reports, such as a lack of permission, is no damage.
    """
    try:
        yield
    except (DamagedError, MemoryError):
        raise
    except Exception as error:  # parsers raise anything: zlib, csv, struct, zipfile, a deep nest
        text = " ".join(str(error).split()) or type(error).__name__
        text = text if len(text) <= _LONGEST else f"{text[: _LONGEST - 3]}..."
        raise DamagedError(path, text) from error


def content_of(path: str | os.PathLike[str], most: int | None = None) -> bytes:
    """Return a file's bytes.

    Parameters
    ----------
    path : path
    most : int, optional
        How many there may be; of more none is read.

    Raises
    ------
    FileNotFoundError
        If there is no file.
    OSError
        If it can't be read.
    DamagedError
        If it is longer.
    """
    path = Path(path)
    if not path.is_file():
        raise FileNotFoundError(f"{path} is missing")
    with path.open("rb") as file:
        size = os.fstat(file.fileno()).st_size
        if most is not None and size > most:
            raise DamagedError(path, f"it has {size} bytes, and can have {most} at most")
        return file.read()


def parse_json(text: str) -> Any:
    """Return what JSON says; `ValueError` if it is none, or says a key twice or NaN."""
    try:
        return json.loads(text, object_pairs_hook=_once, parse_constant=_no_constant)
    except RecursionError:
        raise ValueError("it is a deep nest") from None


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    content = dict(pairs)
    if len(content) < len(pairs):
        names = [name for name, _ in pairs]
        twice = next(name for name in names if names.count(name) > 1)
        raise ValueError(f"`{twice[:60]}` must be there once; got it {names.count(twice)} times")
    return content


def _no_constant(name: str) -> float:
    raise ValueError(f"numbers must be finite; got {name}")


def arrays_in(content: bytes, names: Collection[str]) -> dict[str, np.ndarray]:
    """Return arrays by name from the content of an ``.npz`` file.

    How much they unpack to, and what their headers declare, is looked at before memory is taken.

    Parameters
    ----------
    content : bytes
    names : collection of str
        The arrays to read; others are not looked at.

    Raises
    ------
    ValueError
        If one is missing, holds pickled objects, or is larger than is plausible.
    Exception
        Whatever else `zipfile` raises; see `damage_named`.
    """
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        found = {info.filename: info for info in archive.infolist()}
        missing = [name for name in names if f"{name}.npy" not in found]
        if missing:
            raise ValueError(f"it lacks {missing}")
        if len(found) < len(archive.infolist()):
            raise ValueError("it has two arrays of one name")
        infos = {name: found[f"{name}.npy"] for name in names}
        unpacked = sum(info.file_size for info in infos.values())
        packed = min(MOST_PACKED * len(content) + 2**20, MOST_UNPACKED)
        if unpacked > max(packed, len(content)):
            raise ValueError(f"{len(content)} bytes would unpack to {unpacked}")
        arrays: dict[str, np.ndarray] = {}
        for name, info in infos.items():
            if info.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
                raise ValueError(f"`{name}` must be stored or deflated")
            try:
                arrays[name] = _array_in(archive.read(info))
            except ValueError as error:
                raise ValueError(f"`{name}`: {error}") from error
        return arrays


def _array_in(content: bytes) -> np.ndarray:
    """Return the array of an ``.npy`` file's content."""
    file = io.BytesIO(content)
    try:
        version = npy.read_magic(file)
        read = npy.read_array_header_1_0 if version == (1, 0) else npy.read_array_header_2_0
        shape, _, dtype = read(file)
    except Exception as error:  # a header is Python's text, and may nest as deep as it likes
        raise ValueError("its header can't be read") from error
    if dtype.hasobject:
        raise ValueError("it holds pickled objects")
    # Python's numbers: NumPy's would overflow.
    declared, there = math.prod(shape) * dtype.itemsize, len(content) - file.tell()
    if declared != there or (dtype.itemsize == 0 and math.prod(shape) > 0):
        raise ValueError(f"its header declares {declared} bytes of {dtype} {shape}; got {there}")
    file.seek(0)
    return npy.read_array(file, allow_pickle=False)


def write_whole(path: Path, content: bytes) -> None:
    """Write a file, whole or not at all.

    Raises
    ------
    OSError
        If it can't be written; what was written is removed. It names the path.
    """
    try:
        handle, aside = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
        try:
            with os.fdopen(handle, "wb") as file:
                file.write(content)
                file.flush()
                os.fsync(file.fileno())
            Path(aside).chmod(0o666 & ~_umask())  # a temporary file is its owner's alone
            os.replace(aside, path)
        except BaseException:
            Path(aside).unlink(missing_ok=True)
            raise
    except OSError as error:
        raise OSError(error.errno, error.strerror or str(error), str(path)) from error


def _umask() -> int:
    """Return what new files are not allowed."""
    umask = os.umask(0)
    os.umask(umask)
    return umask
