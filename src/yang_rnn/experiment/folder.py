"""The folder of a run, which appears whole or not at all."""

import contextlib
import os
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

SUMMARY_FILE = "summary.json"
"""The file by which the folder of a finished run is known."""

MEMBERS = "members"
"""Where the folder of a sweep has those of its members."""


class NewFolder:
    """A folder that appears under its name only when all its files are written.

    Until then they are in a hidden folder beside it. Use it in a `with` statement: leaving that by
    an exception, a keyboard interrupt included, removes what there is.

    Parameters
    ----------
    path : path
        Where the folder is to be.
    overwrite : bool
        Whether to replace a folder that is there.
    number_on : bool
        Whether to take the next free of ``path``, ``path-2``, ``path-3``, ... instead.

    Raises
    ------
    FileExistsError
        If the path exists and neither `overwrite` nor `number_on` is given, or it is to be
        replaced and is not the folder of a run. A symbolic link, dangling or not, is never
        replaced.
    OSError
        If the folder can't be written.
    """

    def __init__(
        self,
        path: str | os.PathLike[str],
        *,
        overwrite: bool = False,
        number_on: bool = False,
    ):
        path = Path(path)
        # "." and "x/.." have no name of their own, and the x of "x/../y" need not be there.
        nameless = path.name == "" or ".." in path.parts
        self.path = Path(os.path.realpath(path)) if nameless else path
        self._overwrite, self._number_on = overwrite, number_on
        self._made: list[Path] = []

    def __enter__(self) -> "NewFolder":
        if os.path.lexists(self.path) and (self._overwrite or not self._number_on):
            if self.path.is_symlink():
                raise FileExistsError(f"{self.path} is a symbolic link")
            if not self._overwrite:
                raise FileExistsError(f"{self.path} exists")
            if not self.is_run():
                raise FileExistsError(f"{self.path} exists and has no {SUMMARY_FILE}")
        parent = self.path.absolute().parent
        missing = [p for p in (parent, *parent.parents) if not os.path.lexists(p)]
        try:
            for folder in reversed(missing):
                folder.mkdir()
                self._made.append(folder)
            self.staging = Path(tempfile.mkdtemp(prefix=f".{self.path.name}-", dir=parent))
        except OSError as error:
            self._remove_made()
            # The system names the hidden folder, which nobody asked for.
            raise OSError(error.errno, error.strerror, str(self.path)) from error
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        if kind is not None or self.staging.exists():
            shutil.rmtree(self.staging, ignore_errors=True)
            self._remove_made()

    def is_run(self) -> bool:
        """Tell whether the folder of a run is there, which `overwrite` replaces."""
        return not self.path.is_symlink() and os.path.isfile(self.path / SUMMARY_FILE)

    def publish(self) -> Path:
        """Give the folder its name; return where it is."""
        umask = os.umask(0)
        os.umask(umask)
        # Temporary files and folders are made for their owner alone; results are as others are.
        for path in (self.staging, *self.staging.rglob("*")):
            path.chmod((0o777 if path.is_dir() else 0o666) & ~umask)
            sync(path)  # the name must not be on disk before what it stands for
        if self._overwrite and self.path.exists():
            aside = self.staging.with_name(self.staging.name + "-old")
            self.path.rename(aside)
            try:
                self.staging.rename(self.path)
            except BaseException:
                aside.rename(self.path)
                raise
            shutil.rmtree(aside)
            return self.path
        for path in self._candidates():
            with contextlib.suppress(FileExistsError):
                return _rename_to_new(self.staging, path)
        raise FileExistsError(f"{self.path} exists")

    def _candidates(self) -> Iterator[Path]:
        yield self.path
        number = 2
        while self._number_on:
            yield self.path.with_name(f"{self.path.name}-{number}")
            number += 1

    def _remove_made(self) -> None:
        for folder in reversed(self._made):
            with contextlib.suppress(OSError):  # not empty: another process uses it by now
                folder.rmdir()
        self._made.clear()


def sync(path: Path) -> None:
    """Wait until a file or folder is on disk."""
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def _rename_to_new(folder: Path, path: Path) -> Path:
    if os.path.lexists(path):
        raise FileExistsError(path)
    try:
        folder.rename(path)
    except OSError as error:
        if os.path.lexists(path):  # another process took the name between the two lines above
            raise FileExistsError(path) from error
        raise
    return path
