"""Lock files that count only while the process that holds them is alive, however it ends."""

from __future__ import annotations

import contextlib
import errno
import os
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import filelock


def claim(path: Path) -> filelock.BaseFileLock | None:
    """Hold a lock file, which is made if need be.

    Parameters
    ----------
    path : Path

    Returns
    -------
    lock or None
        To be given to `withdraw`, or released where the file is to stay; None if it is held, by a
        process that is alive.

    Raises
    ------
    OSError
        If the file can't be made, opened or locked.
    """
    import filelock

    if not path.parent.is_dir():  # it would be made
        raise NotADirectoryError(errno.ENOTDIR, os.strerror(errno.ENOTDIR), str(path.parent))
    while True:
        lock = filelock.FileLock(path)
        try:
            lock.acquire(timeout=0)
        except filelock.Timeout:
            if os.path.lexists(path):
                return None
            os.close(os.open(path, os.O_RDWR | os.O_CREAT))  # nobody has it: what is the reason?
            continue
        except NotImplementedError as error:
            raise OSError(f"files can't be locked there: {error}") from error
        # Who held it may have removed it after it was opened here: then it is nobody's lock.
        with contextlib.suppress(FileNotFoundError):
            handle = lock._context.lock_file_fd
            if handle is None or os.path.samestat(os.stat(path), os.fstat(handle)):
                return lock
        lock.release()


def withdraw(lock: filelock.BaseFileLock) -> None:
    """Give up a claim and remove its file."""
    with contextlib.suppress(OSError):  # where open files can't be removed, to release removes it
        os.unlink(lock.lock_file)
    lock.release()
