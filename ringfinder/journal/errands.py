"""What changes the journal beside commits: through its writer, or in its place.

Blocking, for commands and for the projector's process; the API uses `Journal`.
"""

from __future__ import annotations

import socket
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Protocol

from ringfinder.errors import StoreError, StoreUnavailable
from ringfinder.journal import frames, place
from ringfinder.journal.entries import JournalUnavailable
from ringfinder.journal.frames import Frames, Kind
from ringfinder.journal.salvage import open_or_salvage
from ringfinder.store.protocol import Interval

_WAIT_S = 30.0


class Errands(Protocol):
    """What can be asked of whoever writes the journal."""

    def forget(self, part: Interval) -> None:
        """Drop the events of an interval: they are in the log's segments."""
        ...

    def prune(self, before_ms: int, limit: int) -> int:
        """Drop the oldest records, at most `limit`; return how many."""
        ...

    def erase(self, account_id: str) -> int:
        """Remove an account's events and answers; return how many entries it had."""
        ...


@contextmanager
def errands(directory: Path) -> Iterator[Errands]:
    """Give the running writer, or be the writer where none runs.

    Raises
    ------
    JournalUnavailable
        If the writer does not answer.
    """
    try:
        connection = _connected(directory)
    except OSError:
        with (
            place.only_writer(directory, wait_s=2.0),
            closing(_InItsPlace(directory)) as writer,
        ):
            yield writer
        return
    with closing(connection):
        yield _Running(directory, connection)


def _connected(directory: Path) -> socket.socket:
    connection = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    connection.settimeout(_WAIT_S)
    try:
        with place.address(directory) as path:
            connection.connect(path)
    except BaseException:
        connection.close()
        raise
    return connection


class _Running:
    """The writer, over its socket."""

    def __init__(self, directory: Path, connection: socket.socket) -> None:
        self._directory = directory
        self._connection = connection
        self._frames = Frames()

    def forget(self, part: Interval) -> None:
        self._ask(Kind.FORGET, frames.encode_numbers(*part))

    def prune(self, before_ms: int, limit: int) -> int:
        return self._ask(Kind.PRUNE, frames.encode_numbers(before_ms, limit))

    def erase(self, account_id: str) -> int:
        return self._ask(Kind.ERASE, account_id.encode())

    def _ask(self, kind: Kind, body: bytes) -> int:
        try:
            self._connection.sendall(frames.to_frame(kind, 1, body))
            while data := self._connection.recv(1 << 16):
                for answer, _, told in self._frames.feed(data):
                    if answer == Kind.REFUSED:
                        raise JournalUnavailable(
                            f"the journal {self._directory} refused: {told.decode()}"
                        )
                    return frames.decode_numbers(told)[0]
        except OSError as error:
            why = error.strerror or "it did not answer"
            raise JournalUnavailable(f"the writer of {self._directory}: {why}") from error
        raise JournalUnavailable(f"the writer of {self._directory} hung up: try again")


class _InItsPlace:
    """The file itself, for whoever holds the lock."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        with self._translated():
            self._file = open_or_salvage(directory)

    def close(self) -> None:
        """Close the file."""
        self._file.close()

    def forget(self, part: Interval) -> None:
        with self._translated():
            self._file.forget(part)

    def prune(self, before_ms: int, limit: int) -> int:
        with self._translated():
            return self._file.prune(before_ms, limit)

    def erase(self, account_id: str) -> int:
        with self._translated():
            erased = self._file.erase(account_id)
            if not self._file.checkpoint("TRUNCATE"):
                raise StoreUnavailable(
                    f"the journal {self._directory} is being read, and the old copy cannot go: "
                    "erase again"
                )
        return erased

    @contextmanager
    def _translated(self) -> Iterator[None]:
        try:
            yield
        except sqlite3.Error as error:
            raise StoreError(
                f"the journal {self._directory} cannot be written ({error}): check the disk"
            ) from error
