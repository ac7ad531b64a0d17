"""Where a journal's writer is met: its lock and its socket."""

from __future__ import annotations

import os
import socket
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path

from ringfinder.errors import StoreError
from ringfinder.store.files import locked

SOCKET = "writer.sock"
LONGEST = 100
"""Bytes of a path that a Unix socket can have, less a few: the system allows 108 or 104."""


def only_writer(directory: Path, *, wait_s: float = 0.0) -> AbstractContextManager[None]:
    """Be the one writer of a journal for the length of a block.

    Raises
    ------
    StoreUnavailable
        If another process is.
    """
    try:
        directory.mkdir(parents=True, exist_ok=True, mode=0o700)
    except OSError as error:
        raise StoreError(f"cannot make the journal {directory}: {error.strerror}") from error
    what = f"the journal {directory}"
    return locked(directory / "lock", what=what, exclusive=True, wait_s=wait_s)


@contextmanager
def address(directory: Path) -> Iterator[str]:
    """Give a path to the writer's socket that the system accepts, however deep the directory."""
    path = directory / SOCKET
    if len(os.fsencode(path)) <= LONGEST:
        yield str(path)
        return
    descriptor = os.open(directory, os.O_RDONLY | os.O_DIRECTORY)
    try:
        yield f"/proc/self/fd/{descriptor}/{SOCKET}"
    finally:
        os.close(descriptor)


def listen(directory: Path, backlog: int = 512) -> socket.socket:
    """Listen where clients look; for whoever holds the lock: a socket left behind is dead."""
    (directory / SOCKET).unlink(missing_ok=True)
    listening = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        with address(directory) as path:
            listening.bind(path)
        (directory / SOCKET).chmod(0o600)
        listening.listen(backlog)
        listening.setblocking(False)
    except BaseException:
        listening.close()
        raise
    return listening
