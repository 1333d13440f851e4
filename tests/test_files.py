import io
import math
import os
import tracemalloc
import zipfile
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from yang_rnn._files import (
    DamagedError,
    arrays_in,
    content_of,
    damage_named,
    parse_json,
    write_whole,
)


def npz(**arrays: Any) -> bytes:
    file = io.BytesIO()
    np.savez(file, **arrays)
    return file.getvalue()


def npy(shape: object, dtype: str = "<f4", data: bytes = b"") -> bytes:
    """An .npy file with a header of any kind."""
    header = f"{{'descr': {dtype!r}, 'fortran_order': False, 'shape': {shape}}}\n".encode()
    return b"\x93NUMPY\x01\x00" + len(header).to_bytes(2, "little") + header + data


def packed(content: bytes, method: int = zipfile.ZIP_STORED) -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        archive.writestr("a.npy", content, method)
    return file.getvalue()


@pytest.mark.parametrize(
    "array",
    [
        np.eye(3),
        np.asfortranarray(np.arange(6.0).reshape(2, 3)),
        np.zeros((0, 4)),
        np.array("word"),
    ],
    ids=["square", "fortran", "empty", "text"],
)
def test_arrays_come_back_as_numpy_saved_them(array: np.ndarray):
    found = arrays_in(npz(a=array, b=1), ["a"])
    assert set(found) == {"a"}
    assert found["a"].dtype == array.dtype
    assert np.array_equal(found["a"], array)


def test_arrays_that_were_packed_are_read():
    file = io.BytesIO()
    np.savez_compressed(file, a=np.arange(1e4))
    assert np.array_equal(arrays_in(file.getvalue(), ["a"])["a"], np.arange(1e4))


@pytest.mark.parametrize(
    ("content", "why"),
    [
        (
            packed(npy((10**7,), data=bytes(4 * 10**7)), zipfile.ZIP_DEFLATED),
            "would unpack to 4000",
        ),
        (packed(npy((1_600_000_000_000,))), "declares 6400000000000 bytes"),
        (packed(npy((10**40,))), "declares 4000"),
        (packed(npy((10**15,), "<U0")), "declares 0 bytes"),
        (packed(npy((3,), data=bytes(8))), "declares 12 bytes .* got 8"),
        (packed(npy("(" * 5000)), "header can't be read"),
        (packed(npy("1 +")), "header can't be read"),
        (packed(b""), "header can't be read"),
        (packed(npy((1,), data=bytes(4)), zipfile.ZIP_LZMA), "stored or deflated"),
        (npz(a=np.array([None])), "pickled"),
        (npz(b=1), r"lacks \['a'\]"),
    ],
)
def test_arrays_that_can_not_be_are_refused_before_memory_is_taken(content: bytes, why: str):
    tracemalloc.start()
    with pytest.raises(ValueError, match=why):
        arrays_in(content, ["a"])
    assert tracemalloc.get_traced_memory()[1] < 2**21 + len(content)
    tracemalloc.stop()


PARTS = [b"PK\x01\x02", b"PK\x03\x04", b"PK\x05\x06"]


@given(
    part=st.sampled_from(PARTS),
    offset=st.integers(4, 45),
    value=st.binary(min_size=1, max_size=8),
    end=st.integers(0, 1200),
)
def test_whatever_was_written_over_an_archive_the_error_names_the_file(
    part: bytes, offset: int, value: bytes, end: int
):
    content = bytearray(npz(a=np.eye(8), b=np.arange(3)))
    at = content.index(part) + offset
    content[at : at + len(value)] = value
    names: list[str] = []
    for damaged in (bytes(content), bytes(content[:end])):
        try:
            with damage_named("points.npz"):
                arrays_in(damaged, ["a", "b"])
        except DamagedError as error:
            names.append(str(error).split()[0])
    assert set(names) <= {"points.npz"}


@pytest.mark.parametrize(
    "error",
    [
        OSError(22, "Invalid argument"), NotImplementedError("method 9"), zlib.error("-3"),
        zipfile.BadZipFile("no"), EOFError(), RecursionError("deep"), OverflowError("long"),
        UnicodeDecodeError("utf-8", b"\xff", 0, 1, "no"), KeyError("a"), ValueError("a\nb" * 999),
    ],
    ids=lambda error: type(error).__name__,
)  # fmt: skip
def test_errors_that_content_leads_to_name_the_file_in_one_line(error: Exception):
    with pytest.raises(DamagedError, match=r"^x/history\.csv is damaged: .+") as raised:
        with damage_named(Path("x/history.csv")):
            raise error
    assert len(str(raised.value)) < 300
    assert "\n" not in str(raised.value)


def test_a_lack_of_memory_is_no_damage():
    with pytest.raises(MemoryError), damage_named("a"):
        raise MemoryError


def hole(path: Path) -> None:
    with path.open("wb") as file:
        file.truncate(2**40)


@pytest.mark.parametrize(
    ("put", "error", "what"),
    [
        (hole, ValueError, "a is damaged: it has 1099511627776 bytes, and can have 100 at most"),
        (lambda path: path.symlink_to("nowhere"), FileNotFoundError, "a is missing"),
        (lambda path: path.symlink_to("/dev/zero"), FileNotFoundError, "a is missing"),
        (Path.mkdir, FileNotFoundError, "a is missing"),
    ],
    ids=["a TiB of nothing", "dangling link", "endless link", "folder"],
)
def test_what_stands_in_a_files_place_is_not_read(
    put: Callable[[Path], None], error: type[Exception], what: str, tmp_path: Path
):
    put(tmp_path / "a")
    with pytest.raises(error, match=what):
        content_of(tmp_path / "a", 100)


def test_what_the_system_reports_is_no_damage(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    (tmp_path / "a").write_bytes(b"a")

    def refuse(*_: Any) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(Path, "open", refuse)
    with pytest.raises(PermissionError):
        content_of(tmp_path / "a")


@pytest.mark.parametrize(
    ("path", "error"),
    [
        ("none/a", FileNotFoundError),
        ("file/a", NotADirectoryError),
        ("folder", IsADirectoryError),
    ],
)
def test_a_file_that_can_not_be_written_is_named(path: str, error: type[OSError], tmp_path: Path):
    (tmp_path / "file").write_bytes(b"")
    (tmp_path / "folder").mkdir()
    with pytest.raises(error) as caught:
        write_whole(tmp_path / path, b"a")
    assert caught.value.filename == str(tmp_path / path)
    assert {each.name for each in tmp_path.iterdir()} == {"file", "folder"}


def test_a_new_file_may_be_read_by_whoever_may_read_others(tmp_path: Path):
    before = os.umask(0o027)
    try:
        write_whole(tmp_path / "a", b"a")
    finally:
        os.umask(before)
    assert (tmp_path / "a").stat().st_mode & 0o777 == 0o640


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ('{"a": 1, "b": 2, "a": 1}', "`a` must be there once; got it 2 times"),
        ('{"a": {"b": 1, "b": 2}}', "`b` must be there once"),
        ('{"a": NaN}', "must be finite; got NaN"),
        ('{"a": -Infinity}', "must be finite; got -Infinity"),
        ("[" * 100_000, "deep nest"),
        ("", "Expecting value"),
    ],
)
def test_json_that_does_not_say_one_thing_is_refused(text: str, why: str):
    with pytest.raises(ValueError, match=why):
        parse_json(text)


def test_json_is_read():
    assert parse_json('{"a": [1, 2.5, null], "b": {"a": true}}') == {
        "a": [1, 2.5, None],
        "b": {"a": True},
    }
    assert math.isclose(parse_json("1e-3"), 1e-3)
