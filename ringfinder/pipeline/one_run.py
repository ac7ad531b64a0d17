"""One run at a time: on this machine by a file lock, across machines by the store's."""

from __future__ import annotations

import json
import os
import socket
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from ringfinder.errors import StoreError
from ringfinder.store.files import locked, write_atomically
from ringfinder.store.protocol import GraphStore, RunLock

LEASE_S = 4 * 3600.0
"""Longer than any run. Another machine must wait so long for one that was killed on a machine
that never came back; a run on the same machine frees what a killed one held at once."""

_MINE = "lock.json"


@contextmanager
def the_only_run(
    store: GraphStore, directory: Path, *, clock: Callable[[], float] = time.time
) -> Iterator[RunLock]:
    """Hold the right to write rings for the length of a block.

    Parameters
    ----------
    store
        Its lock keeps machines apart; its token keeps a run that came too late from writing.
    directory
        The snapshots; a lock file in it keeps the processes of one machine apart, and tells,
        since the system drops it with its holder, that an earlier run here is dead.
    clock
        Seconds since 1970, for what is noted.

    Raises
    ------
    StoreUnavailable
        While another run is on its way.
    """
    directory.mkdir(parents=True, exist_ok=True, mode=0o700)
    what = f"another run works on the snapshots; {directory}"
    with locked(directory / "lock", what=what, exclusive=True, wait_s=0.0):
        _free_what_a_killed_run_held(store, directory / _MINE)
        holder = f"{socket.gethostname()}, process {os.getpid()}"
        lock = store.acquire_run_lock(holder, lease_s=LEASE_S)
        note = {"host": socket.gethostname(), "token": lock.token, "at_ms": int(clock() * 1000)}
        write_atomically(directory / _MINE, json.dumps(note).encode())
        try:
            yield lock
        finally:
            with suppress(StoreError):  # the store is gone: the next run frees the lock
                store.release_run_lock(lock)
                (directory / _MINE).unlink(missing_ok=True)


def _free_what_a_killed_run_held(store: GraphStore, noted: Path) -> None:
    """Release the store's lock of a run that this machine noted and that is no more.

    Called under the file lock: whoever noted it is dead. A note of another machine, on a
    disk that both see, is left alone: locks on files may not reach that far.
    """
    try:
        note = json.loads(noted.read_bytes())
        token, host = int(note["token"]), note["host"]
    except (OSError, ValueError, KeyError, TypeError):
        return
    if host == socket.gethostname():
        store.release_run_lock(RunLock(token, holder="", expires_ms=0))
