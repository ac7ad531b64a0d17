"""How much SQLite's log of changes holds, and how much of it is in the journal's file already.

The size of the log's own file tells nothing: it is written from its beginning again and again.
SQLite keeps what it knows in a shared index, but no process that has the journal open may look
there: to close a file drops every lock that the process has on it, and SQLite's with them
(https://www.sqlite.org/howtocorrupt.html, section 2.2). The log itself is never locked.
"""

from __future__ import annotations

import os
import struct
from contextlib import closing
from pathlib import Path
from typing import NamedTuple

from ringfinder.journal.tables import NAME, open_there

# https://www.sqlite.org/walformat.html, section 4: the size of a page and the two salts of the
# log's head; the salts of a frame, which are the head's where it was written since.
_HEAD = struct.Struct(">8xI4x8s8x")
_FRAME = struct.Struct(">8x8s8x")


class Changes(NamedTuple):
    """The log of changes, after the last commit.

    Attributes
    ----------
    held
        Bytes from its beginning to its end.
    unmoved
        Bytes of it that are not in the file yet.
    """

    held: int
    unmoved: int


class ChangeLog:
    """Follows the log of changes of the one process that writes it.

    Parameters
    ----------
    path
        The journal's file.

    Attributes
    ----------
    path
        The log of changes beside it.
    """

    def __init__(self, path: Path) -> None:
        self._file = path
        self.path = path.with_name(f"{NAME}-wal")
        self.salts = b""
        self._over = b"-"
        self._page = self._frames = self._moved = 0

    def read(self) -> Changes:
        """Return how much it holds; each frame is looked at once, its head only."""
        try:
            with self.path.open("rb", buffering=0) as log:
                self._follow(log.fileno())
        except FileNotFoundError:
            self._begin(b"", 0)
        if self.salts == self._over:
            return Changes(0, 0)
        unmoved = max(0, self._frames - self._moved)
        return Changes(self._frames * self._page, unmoved * self._page)

    def move(self) -> None:
        """Move what no reader needs into the file, on a connection of its own: any thread may."""
        salts = self.salts
        with closing(open_there(self._file)) as connection:
            answer = connection.execute("PRAGMA wal_checkpoint(PASSIVE)").fetchone()
        self.told(salts, answer[2])

    def begins_anew(self) -> None:
        """Take note that all of it is in the file, and the next commit begins it anew."""
        self._over = self.salts

    def told(self, salts: bytes, moved: int) -> None:
        """Take note that so many frames are in the file, unless the log began anew meanwhile."""
        if salts == self.salts:
            self._moved = max(self._moved, moved)

    def _follow(self, log: int) -> None:
        head = os.pread(log, _HEAD.size, 0)
        if len(head) < _HEAD.size:
            self._begin(b"", 0)
            return
        page, salts = _HEAD.unpack(head)
        if salts != self.salts:
            self._begin(salts, page)
        step = _FRAME.size + page
        while (
            len(frame := os.pread(log, _FRAME.size, _HEAD.size + self._frames * step))
            == _FRAME.size
            and _FRAME.unpack(frame)[0] == salts
        ):
            self._frames += 1

    def _begin(self, salts: bytes, page: int) -> None:
        self.salts, self._page = salts, page
        self._frames = self._moved = 0
