"""The journal read from any process, beside its writer."""

from __future__ import annotations

import json
import os
import sqlite3
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

from ringfinder.errors import StoreError
from ringfinder.journal.entries import Lag, Recorded
from ringfinder.journal.seals import Row, content_is_sound
from ringfinder.journal.tables import NAME, check_format, inode_of, open_reading
from ringfinder.store.events import EventType
from ringfinder.store.ids import id_of
from ringfinder.store.protocol import Interval

PROJECTED = "projected.json"
"""What the projector last said: how far the store is."""

_HELD = """
    SELECT * FROM entry INDEXED BY entry_held
    WHERE event IS NOT NULL AND sequence > ? ORDER BY sequence LIMIT ?
"""
_NEWEST = "SELECT max(sequence) FROM entry"
_NEXT_HELD = """
    SELECT sequence FROM entry INDEXED BY entry_held
    WHERE event IS NOT NULL AND sequence > ? ORDER BY sequence LIMIT 1
"""
_BEHIND = """
    SELECT count(*), min(sequence) FROM entry INDEXED BY entry_held
    WHERE event IS NOT NULL AND sequence > ?
"""
_HELD_OF = """
    SELECT * FROM entry INDEXED BY entry_held
    WHERE event IS NOT NULL AND type = ? ORDER BY sequence
"""
_ERASED = "SELECT sequence FROM entry WHERE sequence BETWEEN ? AND ? AND account_id IS NULL"


class Reader:
    """Reads entries; never changes one. For one thread at a time.

    Parameters
    ----------
    directory
        The journal's; it may be empty still.
    clock
        Seconds since 1970, for the age of what is behind.
    """

    def __init__(self, directory: Path, *, clock: Callable[[], float] = time.time) -> None:
        self.directory = directory
        self.path = directory / NAME
        self._clock = clock
        self._connection: sqlite3.Connection | None = None
        self._inode = 0
        self.damaged: set[int] = set()

    def held(self, after: int, limit: int = 1000) -> tuple[list[Recorded], int]:
        """Return events that are not in the log's segments yet, in order.

        Parameters
        ----------
        after
            Sequence number; what follows is returned.
        limit
            How many at most.

        Returns
        -------
        entries, through
            The entries, damaged ones left out (and remembered in `damaged`), and the number
            to go on after.
        """
        with self._asking() as connection:
            rows = (
                [] if connection is None else connection.execute(_HELD, (after, limit)).fetchall()
            )
        return list(self._sound(rows)), rows[-1][0] if rows else after

    def page(self, after: int, limit: int) -> tuple[list[Recorded], int, int]:
        """Return what `held` does, and the newest sequence number of the same moment.

        Asked for one after the other, an event committed in between would look as if it had
        been held before and had left.
        """
        with self._asking() as connection:
            if connection is None:
                return [], after, 0
            connection.execute("BEGIN")
            rows = connection.execute(_HELD, (after, limit)).fetchall()
            (last,) = connection.execute(_NEWEST).fetchone()
            connection.execute("ROLLBACK")  # where something fails, `_asking` closes the file
        return list(self._sound(rows)), rows[-1][0] if rows else after, last or 0

    def next_held(self, after: int) -> int | None:
        """Return the sequence number of the next event that is held here; None: no more."""
        with self._asking() as connection:
            row = (
                None if connection is None else connection.execute(_NEXT_HELD, (after,)).fetchone()
            )
        return row[0] if row else None

    def erased(self, part: Interval) -> set[int]:
        """Return which entries of an interval are erased."""
        with self._asking() as connection:
            rows = [] if connection is None else connection.execute(_ERASED, part).fetchall()
        return {sequence for (sequence,) in rows}

    def erased_since(self, entries: Sequence[Recorded]) -> list[str]:
        """Return the accounts of entries, in order, that were erased since these were read."""
        if not entries:
            return []
        erased = self.erased((entries[0].sequence, entries[-1].sequence))
        return sorted({e.account_id for e in entries if e.sequence in erased and e.account_id})

    def find(self, event_type: EventType, event_id: str) -> Recorded | None:
        """Return the entry of an event; None where none is known."""
        query = "SELECT * FROM entry WHERE id = ? AND type = ?"
        return next(self._query(query, id_of(event_id), str(event_type)), None)

    def signups_of(self, account_id: str, limit: int | None = None) -> list[Recorded]:
        """Return sign-ups of an account, newest first; whatever else it did costs nothing.

        Parameters
        ----------
        account_id
            The account, or attempt.
        limit
            How many at most; None: all.
        """
        query = """
            SELECT * FROM entry WHERE account_id = ? AND type = ?
            ORDER BY sequence DESC LIMIT ?
        """
        most = -1 if limit is None else limit
        return list(self._query(query, account_id, str(EventType.SIGNUPS), most))

    def held_of(self, event_type: EventType) -> list[Recorded]:
        """Return the events of one type that are not in the log's segments yet, in order."""
        return list(self._query(_HELD_OF, str(event_type)))

    def answered(self, after: int, limit: int = 1000) -> list[Recorded]:
        """Return sign-ups whose answers are kept, also of events moved to the log, in order."""
        query = """
            SELECT * FROM entry WHERE sequence > ? AND type = ? AND answer IS NOT NULL
            ORDER BY sequence LIMIT ?
        """
        return list(self._query(query, after, str(EventType.SIGNUPS), limit))

    def last_sequence(self) -> int:
        """Return the newest sequence number, 0 while the journal is empty."""
        with self._asking() as connection:
            if connection is None:
                return 0
            row = connection.execute(_NEWEST).fetchone()
        return row[0] or 0

    def blocks(self) -> list[Interval]:
        """Return the blocks of numbers that were reserved for the journal."""
        with self._asking() as connection:
            if connection is None:
                return []
            return connection.execute("SELECT first, last FROM block ORDER BY first").fetchall()

    def version(self) -> tuple[int, int]:
        """Return what differs whenever something was committed since, and costs little."""
        with self._asking() as connection:
            if connection is None:
                return (0, 0)
            (number,) = connection.execute("PRAGMA data_version").fetchone()
        return (self._inode, number)

    def lag(self) -> Lag:
        """Return how far the graph store is behind, as the projector last said."""
        projected, problem = read_projected(self.directory)
        return replace(self.held_since(projected), problem=problem)

    def held_since(self, after: int) -> Lag:
        """Return how many events are held beyond a number, and how old they are."""
        with self._asking() as connection:
            if connection is None:
                return Lag(0, 0.0, after)
            events, oldest = connection.execute(_BEHIND, (after,)).fetchone()
            when = "SELECT committed_ms FROM entry WHERE sequence = ?"
            row = connection.execute(when, (oldest,)).fetchone() if events else None
        age_s = self._clock() - row[0] / 1000 if row else 0.0
        return Lag(events, max(0.0, age_s), after)

    def close(self) -> None:
        """Close the file."""
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    def _query(self, query: str, *parameters: object) -> Iterator[Recorded]:
        with self._asking() as connection:
            rows = [] if connection is None else connection.execute(query, parameters).fetchall()
        return self._sound(rows)

    def _sound(self, rows: list[tuple[object, ...]]) -> Iterator[Recorded]:
        for row in map(Row._make, rows):
            if content_is_sound(row):
                yield recorded(row)
            else:
                self.damaged.add(row.sequence)

    @contextmanager
    def _asking(self) -> Iterator[sqlite3.Connection | None]:
        """Give the file, opened again where it was replaced; None where there is none yet."""
        try:
            inode = inode_of(self.path)
            if inode != self._inode:
                self.close()
                self._inode = inode
            if self._connection is None and inode:
                self._connection = open_reading(self.path)
                check_format(self._connection, self.path)
            yield self._connection
        except (sqlite3.Error, OSError) as error:
            self.close()
            raise StoreError(
                f"the journal {self.path} cannot be read ({error}): its writer repairs what it "
                "can when it starts; `ringfinder journal check` says what is damaged"
            ) from error


def recorded(row: Row) -> Recorded:
    """Return a row in the words of those who read it."""
    event_type = EventType(row.type)
    return Recorded(
        row.sequence, event_type, row.account_id, row.committed_ms, row.event, row.answer
    )


def read_projected(directory: Path) -> tuple[int, str | None]:
    """Return what the projector last said: newest number in the store, and its problem.

    Raises
    ------
    StoreError
        If the system refuses, such as for want of descriptors: try again.
    """
    try:
        said = json.loads((directory / PROJECTED).read_bytes())
        return int(said["projected"]), said["problem"]
    except FileNotFoundError:
        return 0, None
    except (ValueError, KeyError, TypeError):
        return 0, f"{directory / PROJECTED} cannot be read; the projector will write it anew"
    except OSError as error:
        raise StoreError(f"{directory / PROJECTED} cannot be read ({error.strerror})") from None


def write_projected(directory: Path, projected: int, problem: str | None) -> None:
    """Say how far the store is; not synced, since the store itself knows it for good."""
    said = json.dumps({"projected": projected, "problem": problem})
    temporary = directory / f"{PROJECTED}.{os.getpid()}.tmp"
    temporary.write_text(said)
    temporary.replace(directory / PROJECTED)
