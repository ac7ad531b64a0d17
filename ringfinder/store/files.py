"""Files that are whole or absent, and the lock that lets one process write at a time."""

from __future__ import annotations

import errno
import fcntl
import hashlib
import os
import stat
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from ringfinder.errors import StoreUnavailable

_POLL_S = 0.02
SMALL = 16 << 20
"""Bytes that no small file has more of."""


def sync_directory(directory: Path) -> None:
    """Make the names in a directory survive a power loss."""
    descriptor = os.open(directory, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def publish(temporary: Path, final: Path) -> None:
    """Give a finished file its name: content on disk first, then the name, then the directory."""
    descriptor = os.open(temporary, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
    temporary.replace(final)
    sync_directory(final.parent)


def write_atomically(path: Path, content: bytes, *, private: bool = False) -> None:
    """Replace a small file; a reader finds the old content or the new, never a mixture.

    Parameters
    ----------
    path, content
        The file, and all that it shall hold.
    private
        Whether nobody but its owner may read it.
    """
    temporary = path.with_name(path.name + ".tmp")
    try:
        if private:
            temporary.touch(mode=0o600)
            temporary.chmod(0o600)  # it may be there, left by one that was killed
        temporary.write_bytes(content)
        publish(temporary, path)
    except OSError as error:  # a full disk does not say which file it had no room for
        error.filename = error.filename or str(path)
        raise


def read_small(path: Path, *, most: int = SMALL) -> bytes:
    """Return what a small file holds; waits for no writer of a pipe, and reads no device.

    Raises
    ------
    OSError
        If it cannot be read, is no regular file, or is larger than `most` bytes.
    """
    descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    with os.fdopen(descriptor, "rb") as file:
        # Of the open file: by its name it may be another one by now.
        if not stat.S_ISREG(os.fstat(descriptor).st_mode):
            raise OSError(errno.EINVAL, "it is no regular file", str(path))
        content = file.read(most + 1)
    if len(content) > most:
        raise OSError(errno.EFBIG, f"it is larger than {most:,} bytes", str(path))
    return content


def sha256_of(path: Path) -> str:
    """Return the SHA-256 of a file's content, hexadecimal."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


@contextmanager
def locked(lock: Path, *, what: str, exclusive: bool, wait_s: float) -> Iterator[None]:
    """Hold an advisory lock on a file for the length of a block.

    The lock belongs to the open file, so it also separates threads of one process, and
    the system drops it when its holder dies.

    Parameters
    ----------
    lock
        The lock file; made when absent. Holds the process number of its last writer.
    what
        What is being locked, for the message.
    exclusive
        True for a writer; any number of readers share the lock.
    wait_s
        Seconds to wait for others.

    Raises
    ------
    StoreUnavailable
        If the lock is still held by others after `wait_s`.
    """
    descriptor = _locked_file(lock, what, exclusive=exclusive, wait_s=wait_s)
    try:
        if exclusive:
            os.ftruncate(descriptor, 0)
            os.pwrite(descriptor, str(os.getpid()).encode(), 0)
        yield
    finally:
        os.close(descriptor)


def is_locked(lock: Path) -> bool:
    """Tell whether somebody holds a lock alone; nothing is made where there is no such file."""
    try:
        descriptor = os.open(lock, os.O_RDONLY | os.O_CLOEXEC)
    except OSError:
        return False
    try:
        fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    finally:
        os.close(descriptor)
    return False


def _locked_file(lock: Path, what: str, *, exclusive: bool, wait_s: float) -> int:
    """Return the lock file, open and locked; never one that has lost its name meanwhile.

    Whoever comes next would find another file of that name, and hold a lock as well.
    """
    while True:
        descriptor = os.open(lock, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            _acquire(descriptor, what, exclusive=exclusive, wait_s=wait_s)
            with suppress(FileNotFoundError):
                if os.path.samestat(os.fstat(descriptor), lock.stat()):
                    return descriptor
        except BaseException:
            os.close(descriptor)
            raise
        os.close(descriptor)


def _acquire(descriptor: int, what: str, *, exclusive: bool, wait_s: float) -> None:
    deadline = time.monotonic() + wait_s
    mode = fcntl.LOCK_EX if exclusive else fcntl.LOCK_SH
    while True:
        try:
            fcntl.flock(descriptor, mode | fcntl.LOCK_NB)
        except BlockingIOError:
            if time.monotonic() >= deadline:
                writer = os.pread(descriptor, 20, 0).decode("ascii", "replace")
                holder = f" (its last writer: process {writer})" if writer else ""
                raise StoreUnavailable(
                    f"{what} is in use by another process{holder}; "
                    f"waited {wait_s:g} s. Let it finish, or stop it, and try again"
                ) from None
            time.sleep(_POLL_S)
        else:
            return
