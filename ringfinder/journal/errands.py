"""What changes the journal beside commits: through its writer, or in its place.

Blocking, for commands and for the projector's process; the API uses `Journal`.
"""

from __future__ import annotations

import socket
import sqlite3
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path

from ringfinder.errors import StoreError, StoreUnavailable
from ringfinder.journal import frames, place
from ringfinder.journal.entries import JournalUnavailable
from ringfinder.journal.file import JournalFile
from ringfinder.journal.frames import Frames, Kind
from ringfinder.journal.salvage import open_or_salvage
from ringfinder.store.protocol import Interval

WAIT_S = 30.0
_AGAIN_S = 0.05


class Errands:
    """Asks whoever writes the journal, or does it where nobody does, one thing at a time.

    A writer that starts meanwhile waits for one of them at most. All of them may be
    repeated, and are, where a writer dies over one.

    Parameters
    ----------
    directory
        The journal's.
    wait_s
        Seconds to wait for an answer, or for a writer that is just starting or ending.
    """

    def __init__(self, directory: Path, *, wait_s: float = WAIT_S) -> None:
        self._directory = directory
        self._wait_s = wait_s
        self._connection: socket.socket | None = None
        self._frames = Frames()
        self._asked = 0

    def forget(self, part: Interval) -> None:
        """Drop the events of an interval: they are in the log's segments."""
        self._do(Kind.FORGET, frames.encode_numbers(*part), lambda file: _forgotten(file, part))

    def prune(self, before_ms: int, limit: int) -> int:
        """Drop the oldest records, at most `limit`; return how many."""
        body = frames.encode_numbers(before_ms, limit)
        return self._do(Kind.PRUNE, body, lambda file: file.prune(before_ms, limit))

    def erase(self, account_id: str) -> int:
        """Remove an account's events and answers; return how many entries it had."""
        return self._do(Kind.ERASE, account_id.encode(), lambda file: _erased(file, account_id))

    def close(self) -> None:
        """Hang up."""
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    def _do(self, kind: Kind, body: bytes, work: Callable[[JournalFile], int]) -> int:
        deadline = time.monotonic() + self._wait_s
        while True:
            try:
                return self._ask(kind, body) if self._connect() else self._in_place(work)
            except (OSError, StoreUnavailable) as error:
                self.close()
                if time.monotonic() > deadline:
                    raise JournalUnavailable(
                        f"the journal {self._directory} could not be changed ({error}): try again"
                    ) from error
                time.sleep(_AGAIN_S)

    def _connect(self) -> bool:
        """Whether a writer is there to be asked."""
        if self._connection is not None:
            return True
        connection = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        connection.settimeout(self._wait_s)
        try:
            with place.address(self._directory) as path:
                connection.connect(path)
        except (FileNotFoundError, ConnectionRefusedError):
            connection.close()
            return False
        except BaseException:
            connection.close()
            raise
        self._connection, self._frames = connection, Frames()
        return True

    def _ask(self, kind: Kind, body: bytes) -> int:
        assert self._connection is not None  # noqa: S101 asked for just before
        self._asked += 1
        self._connection.sendall(frames.to_frame(kind, self._asked, body))
        while data := self._connection.recv(1 << 16):
            for answer, request, told in self._frames.feed(data):
                if request != self._asked:
                    raise ConnectionResetError("its writer answered something else")
                if answer == Kind.REFUSED:
                    raise StoreUnavailable(told.decode())
                return frames.decode_numbers(told)[0]
        raise ConnectionResetError("its writer hung up")

    def _in_place(self, work: Callable[[JournalFile], int]) -> int:
        with place.only_writer(self._directory):
            try:
                with closing(open_or_salvage(self._directory)) as file:
                    return work(file)
            except sqlite3.Error as error:
                raise StoreError(
                    f"the journal {self._directory} cannot be written ({error}): check the disk"
                ) from error


@contextmanager
def errands(directory: Path) -> Iterator[Errands]:
    """Give `Errands` for the length of a block."""
    with closing(Errands(directory)) as asked:
        yield asked


def _erased(file: JournalFile, account_id: str) -> int:
    erased = file.erase(account_id)
    if not file.checkpoint("TRUNCATE"):
        raise StoreUnavailable("a reader still needs the old copy")
    return erased


def _forgotten(file: JournalFile, part: Interval) -> int:
    file.forget(part)
    return 0
