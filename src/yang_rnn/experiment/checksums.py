"""The file with the checksums of a run's others, as `sha256sum -c` takes it."""

import hashlib
import re
from collections.abc import Mapping
from pathlib import Path

from yang_rnn._files import DamagedError, content_of, damage_named
from yang_rnn.experiment.names import SUMS

_LINE = re.compile(r"([0-9a-f]{64}) [ *]([A-Za-z0-9][\w.-]*)")
_MOST = 2**16


def with_sums(files: Mapping[str, bytes]) -> dict[str, bytes]:
    """Return files by name, with that of their checksums added."""
    others = {name: content for name, content in files.items() if name != SUMS}
    lines = [f"{hashlib.sha256(others[name]).hexdigest()}  {name}\n" for name in sorted(others)]
    return others | {SUMS: "".join(lines).encode()}


def read_sums(folder: Path) -> dict[str, str]:
    """Read the checksums of a folder's files, by name.

    Raises
    ------
    FileNotFoundError
        If there are none.
    ValueError
        If they are damaged.
    """
    path = folder / SUMS
    content = content_of(path, _MOST)
    with damage_named(path):
        found = [_LINE.fullmatch(line) for line in content.decode("ascii").splitlines()]
        lines = [match for match in found if match]
        sums = {match[2]: match[1] for match in lines}
        if not lines or len(lines) < len(found):
            raise ValueError("it is not one checksum and one name a line")
        if len(sums) < len(lines):
            raise ValueError("it has a name twice")
    return sums


def check_sum(path: Path, content: bytes, sums: Mapping[str, str]) -> None:
    """Raise a `DamagedError` where the content of a file is not what it was written as."""
    if path.name not in sums:
        raise DamagedError(path.with_name(SUMS), f"it lacks {path.name}")
    if hashlib.sha256(content).hexdigest() != sums[path.name]:
        raise DamagedError(
            path, f"it was changed after the run (its checksum is not the one in {SUMS})"
        )
