"""One run at a time: in a data directory by a file lock, across data directories by the store's."""

from __future__ import annotations

import os
import re
import secrets
import socket
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from ringfinder.errors import StoreError
from ringfinder.store.files import locked, write_atomically
from ringfinder.store.protocol import GraphStore, RunLock

LEASE_S = 4 * 3600.0
"""Longer than any run: the examples in docker/schedule end one before. A run in another data
directory must wait so long for one that was killed; one in the same frees what it held at once."""

ID = "lock.id"
"""Tells the runs of this directory from all others, in whatever container they are. No backup
holds it: what is restored beside the original is another one."""


@contextmanager
def the_only_run(store: GraphStore, directory: Path) -> Iterator[RunLock]:
    """Hold the right to write rings for the length of a block.

    Parameters
    ----------
    store
        Its lock keeps data directories apart; its token keeps a run that came too late from
        writing.
    directory
        The snapshots; a lock file in it keeps the processes that share it apart, and tells,
        since the system drops it with its holder, that an earlier run here is dead.

    Raises
    ------
    StoreUnavailable
        While another run is on its way.
    """
    directory.mkdir(parents=True, exist_ok=True, mode=0o700)
    what = f"another run works on the snapshots; {directory}"
    with locked(directory / "lock", what=what, exclusive=True, wait_s=0.0):
        # Nobody else has the file lock: whoever took the store's for this directory is dead.
        here = f"data directory {_own_id(directory / ID)}"
        holder = f"{socket.gethostname()}, process {os.getpid()}, {here}"
        lock = store.acquire_run_lock(holder, lease_s=LEASE_S, dead=here)
        try:
            yield lock
        finally:
            with suppress(StoreError):  # the store is gone: the next run takes the lock over
                store.release_run_lock(lock)


def _own_id(noted: Path) -> str:
    """Return the id of a directory, made where there is none; on disk before it is used."""
    with suppress(FileNotFoundError):
        held = noted.read_bytes().decode("ascii", "replace")
        if re.fullmatch("[0-9a-f]{32}", held):
            return held
    made = secrets.token_hex(16)
    write_atomically(noted, made.encode(), private=True)
    return made
