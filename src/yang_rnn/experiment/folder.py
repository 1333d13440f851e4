"""The folder of a run, which appears whole or not at all."""

from __future__ import annotations

import contextlib
import os
import secrets
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from yang_rnn.experiment.claims import claim, withdraw
from yang_rnn.experiment.names import FIGURES, FILES, SUMMARY_FILE, is_figure_file

if TYPE_CHECKING:
    import filelock

MEMBERS = "members"
"""Where the folder of a sweep has those of its members."""

CLAIM = ".yang_rnn"
"""How the names of lock files end that stand beside a folder while it is written.

That of ``run`` is ``.run.yang_rnn``; with other endings behind it, it is where the new folder is
until it is whole, and where the one that it replaces is meanwhile.
"""

NEW, OLD = "-new", "-old"


class NewFolder:
    """A folder that appears under its name only when all its files are written.

    Until then they are in a hidden folder beside it. Use it in a `with` statement: leaving that by
    an exception, a keyboard interrupt included, removes what there is. What a process left that was
    killed is removed by the next that makes a folder in the same place.

    Parameters
    ----------
    path : path
        Where the folder is to be.
    overwrite : bool
        Whether to replace a run that is there.
    number_on : bool
        Whether to take the next free of ``path``, ``path-2``, ``path-3``, ... instead.

    Raises
    ------
    FileExistsError
        If the path exists and neither `overwrite` nor `number_on` is given, or it is to be
        replaced and is not the folder of a run, or has something else in it; or if another process
        is about to write it. A symbolic link, dangling or not, is never replaced.
    OSError
        If the folder can't be written.
    """

    path: Path
    staging: Path

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
        self._overwrite, self._number_on = overwrite, number_on and not overwrite
        self._made: list[Path] = []
        self._lock: filelock.BaseFileLock | None = None

    def __enter__(self) -> NewFolder:
        parent = self.path.absolute().parent
        remove_stale(parent)
        self._check()
        missing = [p for p in (parent, *parent.parents) if not os.path.lexists(p)]
        try:
            for folder in reversed(missing):
                folder.mkdir()
                self._made.append(folder)
            self.staging = self._claimed(parent)
            self._check()  # another process may have finished it between the check and the claim
            self.staging.mkdir(mode=0o700)
        except BaseException as error:
            self._abandon()
            if isinstance(error, OSError) and not isinstance(error, FileExistsError):
                # The system names a hidden file, which nobody asked for.
                raise OSError(error.errno, error.strerror, str(self.path)) from error
            raise
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        if kind is not None or self.staging.exists():
            shutil.rmtree(self.staging, ignore_errors=True)
            self._abandon()
        elif self._lock is not None:
            withdraw(self._lock)

    def _check(self) -> None:
        if self._number_on or not os.path.lexists(self.path):
            return
        if self.path.is_symlink():
            raise FileExistsError(f"{self.path} is a symbolic link")
        if not self._overwrite:
            raise FileExistsError(f"{self.path} exists")
        if not os.path.isfile(self.path / SUMMARY_FILE):
            raise FileExistsError(
                f"{self.path} exists and is not of a run (it has no {SUMMARY_FILE}): it is kept"
            )
        foreign = foreign_in(self.path)
        if foreign is not None:
            raise FileExistsError(f"{self.path} exists and has {foreign}, which no run makes")

    def _claimed(self, parent: Path) -> Path:
        """Hold the name, or with numbers one that is nobody's; return where to write meanwhile."""
        number = f"-{secrets.token_hex(4)}" if self._number_on else ""
        path = parent / f".{self.path.name}{number}{CLAIM}"
        self._lock = claim(path)
        if self._lock is None:
            raise FileExistsError(f"{self.path} is being written by another process")
        _clear(path)  # it may have been left by a process that was killed a moment ago
        return path.with_name(path.name + NEW)

    def is_run(self) -> bool:
        """Tell whether the folder of a run is there, and nothing else: `overwrite` replaces it."""
        return (
            not self.path.is_symlink()
            and os.path.isfile(self.path / SUMMARY_FILE)
            and foreign_in(self.path) is None
        )

    def publish(self) -> Path:
        """Give the folder its name; return where it is.

        Where something was put meanwhile into the run that is to be replaced, that stays, and the
        new one has the next free number.
        """
        umask = os.umask(0)
        os.umask(umask)
        # Temporary files and folders are made for their owner alone; results are as others are.
        for path in (self.staging, *self.staging.rglob("*")):
            path.chmod((0o777 if path.is_dir() else 0o666) & ~umask)
            sync(path)  # the name must not be on disk before what it stands for
        if self._overwrite and self.is_run():
            aside = self.staging.with_name(self.staging.name.removesuffix(NEW) + OLD)
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
        while self._number_on or self._overwrite:
            yield self.path.with_name(f"{self.path.name}-{number}")
            number += 1

    def _abandon(self) -> None:
        """Give up the name, and the folders that were made on the way to it."""
        if self._lock is not None:
            withdraw(self._lock)
            self._lock = None
        for folder in reversed(self._made):
            with contextlib.suppress(OSError):  # not empty: another process uses it by now
                folder.rmdir()
        self._made.clear()


def foreign_in(folder: Path) -> str | None:
    """Return the name of something in a folder that no run has, if there is any."""
    for place, is_known in ((folder, FILES.__contains__), (folder / FIGURES, is_figure_file)):
        if place.is_symlink():
            return place.name
        for entry in sorted(os.scandir(place), key=lambda e: e.name) if place.is_dir() else ():
            if place == folder and entry.name == FIGURES and entry.is_dir(follow_symlinks=False):
                continue
            if not is_known(entry.name) or not entry.is_file(follow_symlinks=False):
                return os.path.relpath(entry.path, folder)
    return None


def remove_stale(parent: Path) -> None:
    """Remove what killed processes left in a folder; what a living one is at stays.

    Theirs is what stands beside a lock file that `NewFolder` made and nobody holds. A run that was
    about to be replaced, and was not, gets its name again.
    """
    for path in list(parent.glob(f".*{CLAIM}")):
        if path.is_symlink() or not path.is_file():
            continue
        with contextlib.suppress(OSError):  # another user's
            lock = claim(path)
            if lock is None:
                continue
            try:
                _clear(path)
            except OSError:
                lock.release()
            else:
                withdraw(lock)


def _clear(path: Path) -> None:
    """Remove what stands beside a lock file."""
    new, old = (path.with_name(path.name + ending) for ending in (NEW, OLD))
    target = path.with_name(path.name.removeprefix(".").removesuffix(CLAIM))
    if old.is_dir() and not os.path.lexists(target):
        old.rename(target)
    for folder in (new, old):
        if folder.is_dir() and not folder.is_symlink():
            shutil.rmtree(folder)


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
