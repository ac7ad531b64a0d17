"""The journal's file, as its one writer uses it: a group of entries in one transaction."""

from __future__ import annotations

import os
import sqlite3
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

from ringfinder.journal.changes import ChangeLog
from ringfinder.journal.entries import Committed, Conflict, Entry, Repeated, Result
from ringfinder.journal.seals import (
    SIZE,
    START,
    Row,
    answer_mark,
    chained,
    content_is_sound,
    event_mark,
    is_sound,
)
from ringfinder.journal.tables import (
    BUSY_MS,
    NAME,
    Connection,
    bring_up_to_date,
    check_format,
    inode_of,
    open_writing,
)
from ringfinder.store.ids import id_of
from ringfinder.store.protocol import Interval

_INSERT = f"INSERT INTO entry VALUES ({', '.join('?' * len(Row._fields))})"
_KNOWN = "SELECT * FROM entry WHERE id = ? AND type = ?"
_TWO_BEFORE = "SELECT * FROM entry WHERE sequence < ? ORDER BY sequence DESC LIMIT 2"
_REPLACED = """
    UPDATE entry SET id = randomblob(16), nonce = NULL, account_id = NULL, event = NULL,
    answer = NULL WHERE sequence = ?
"""
_BEFORE = "SELECT chain FROM entry WHERE sequence < ? ORDER BY sequence DESC LIMIT 1"
_LINK = "INSERT OR REPLACE INTO link VALUES (?, ?, ?)"
_ERASE = """
    UPDATE entry SET nonce = NULL, account_id = NULL, event = NULL, answer = NULL
    WHERE account_id = ?
"""
_FORGET = "UPDATE entry SET event = NULL WHERE sequence BETWEEN ? AND ? AND event IS NOT NULL"
_PRUNE = "DELETE FROM entry WHERE sequence <= ? RETURNING sequence"
_OLD = """
    WITH oldest AS (
        SELECT sequence, event IS NOT NULL OR committed_ms >= ?1 AS stays
        FROM entry ORDER BY sequence LIMIT ?2
    )
    SELECT coalesce(
        (SELECT min(sequence) - 1 FROM oldest WHERE stays), (SELECT max(sequence) FROM oldest), 0)
"""


class OutOfNumbersError(Exception):
    """Every reserved sequence number is used: more must be reserved first."""


class JournalFile:
    """Entries, idempotency records and answers; one writer at a time, which the caller sees to.

    Parameters
    ----------
    directory
        Home of the file; made when absent.
    connect
        Opens the file.
    clock
        Seconds since 1970; only tells how old entries are, never their order.
    """

    def __init__(
        self,
        directory: Path,
        *,
        connect: Callable[[Path], Connection] = open_writing,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self.path = directory / NAME
        self._clock = clock
        self.changes = ChangeLog(self.path)
        self._connection = connect(self.path)
        check_format(self._connection, self.path)
        bring_up_to_date(self._connection)
        self._load()
        self._inodes = self._found()

    def _load(self) -> None:
        """Take the place to go on at from the file."""
        ask = self._connection.execute
        self._blocks: list[Interval] = [
            (first, last) for first, last in ask("SELECT first, last FROM block ORDER BY first")
        ]
        row = ask("SELECT sequence, chain FROM entry ORDER BY sequence DESC LIMIT 1").fetchone()
        link = ask("SELECT sequence, chain FROM link ORDER BY sequence DESC LIMIT 1").fetchone()
        # The link says what the newest row was: numbers of rows that are lost stay used.
        self.last_sequence: int
        self._chain: bytes
        self.last_sequence, self._chain = max(link or (0, START), row or (0, START))

    @property
    def free(self) -> int:
        """How many sequence numbers are reserved and not used."""
        return sum(
            max(0, last - max(first - 1, self.last_sequence)) for first, last in self._blocks
        )

    @property
    def highest(self) -> int:
        """Newest number that is used or reserved; 0 before the first."""
        return max([self.last_sequence, *(last for _, last in self._blocks)])

    def add_block(self, block: Interval) -> None:
        """Remember numbers that were reserved in the log."""
        with self._transaction():
            self._connection.execute("INSERT INTO block VALUES (?, ?)", block)
        self._blocks.append(block)

    def commit(self, entries: Sequence[Entry]) -> list[Result]:
        """Record entries in one transaction; durable when this returns.

        Of an entry that is attached to one that is not recorded now, the result is that
        one's.

        Raises
        ------
        OutOfNumbersError
            If there are not numbers enough; nothing was recorded.
        sqlite3.Error
            If the disk refuses, or the file was removed or replaced meanwhile. What was to be
            recorded may come back when the file is opened again: open it again.
        """
        numbers = self._numbers()
        results: list[Result] = []
        fresh: dict[tuple[bytes, str], Row] = {}
        chain, now_ms = self._chain, int(self._clock() * 1000)
        lead: Result = Committed(0)
        with self._transaction():
            for entry in entries:
                if entry.attached and not isinstance(lead, Committed):
                    results.append(lead)
                    continue
                key = (id_of(entry.event_id), str(entry.event_type))
                known = fresh.get(key) or self._known(key, entry)
                if known is None:
                    known = _row(next(numbers), key, entry, chain, now_ms)
                    fresh[key], chain = known, known.chain
                    results.append(Committed(known.sequence))
                elif known.body == entry.body_digest:
                    results.append(Repeated(known.sequence, known.answer))
                else:
                    results.append(Conflict())
                if not entry.attached:
                    lead = results[-1]
            if fresh:
                self._connection.executemany(_INSERT, fresh.values())
                last = next(reversed(fresh.values()))
                self._connection.execute(_LINK, ("head", last.sequence, last.chain))
        self._check_in_place()
        if fresh:
            self.last_sequence, self._chain = last.sequence, last.chain
        return results

    def _check_in_place(self) -> None:
        """Raise a DatabaseError where what was written is in no file that anybody would find."""
        if self._found() != self._inodes:
            with suppress(sqlite3.Error):  # of a lost log of changes, what the file has not
                self.checkpoint("PASSIVE")
            raise sqlite3.DatabaseError("the file was removed or replaced while it was in use")

    def _found(self) -> list[int]:
        """Return what the file and its log of changes are, by their names; 0 where there is none.

        None of them is opened: to close it would drop SQLite's locks (`changes`).
        """
        return [inode_of(self.path), inode_of(self.changes.path)]

    def _known(self, key: tuple[bytes, str], entry: Entry) -> Row | None:
        """Return the row recorded under an id; None also where it is damaged.

        What can neither be told again nor replayed is taken anew from whoever repeats it.
        """
        found = self._connection.execute(_KNOWN, key).fetchone()
        if found is None:
            return None
        row = Row(*found)
        # Content and digest vouch for each other; where they differ, either may be damaged.
        if content_is_sound(row) and (row.body == entry.body_digest or self._is_chained(row)):
            return row
        self._connection.execute(_REPLACED, (row.sequence,))
        return None

    def _is_chained(self, row: Row) -> bool:
        """Whether a row is sealed as it was written; yes where the row before it is lost."""
        before = [Row(*r) for r in self._connection.execute(_TWO_BEFORE, (row.sequence,))]
        if before and before[0].sequence == row.sequence - 1:
            seals = [before[0].chain]
            seals += [chained(earlier.chain, before[0]) for earlier in before[1:]]
            return any(is_sound(row, seal) for seal in seals)
        return True

    def erase(self, account_id: str) -> int:
        """Remove what is held of an account; return how many entries it had.

        The log of changes still holds it, until ``checkpoint("TRUNCATE")`` succeeds.
        """
        with self._transaction():
            self._connection.execute(_ERASE, (account_id,))
            (count,) = self._connection.execute("SELECT changes()").fetchone()
        return int(count)

    def forget(self, part: Interval) -> None:
        """Drop events that are in the log's segments; ids, digests and answers stay."""
        with self._transaction():
            self._connection.execute(_FORGET, part)

    def prune(self, before_ms: int, limit: int) -> int:
        """Drop the oldest records, at most `limit`, of events not held here; return how many.

        From then on a repetition of them is only known by the log.
        """
        (last,) = self._connection.execute(_OLD, (before_ms, limit)).fetchone()
        row = self._connection.execute(_BEFORE, (last + 1,)).fetchone()
        if row is None:
            return 0
        with self._transaction():
            self._connection.execute(_LINK, ("tail", last, row[0]))
            gone = self._connection.execute(_PRUNE, (last,))
            return len(gone.fetchall())

    def checkpoint(self, mode: str) -> bool:
        """Move what was committed from the log of changes into the file; False: not wholly."""
        self.changes.read()
        self._connection.execute("PRAGMA busy_timeout = 0")  # commits must not wait for readers
        (busy, _, moved) = self._connection.execute(f"PRAGMA wal_checkpoint({mode})").fetchone()
        self._connection.execute(f"PRAGMA busy_timeout = {BUSY_MS}")
        self.changes.told(self.changes.salts, moved)
        if not busy and mode != "PASSIVE":
            self.changes.begins_anew()
        return not busy

    def close(self) -> None:
        """Close the file."""
        self._connection.close()

    def _numbers(self) -> Iterator[int]:
        for first, last in self._blocks:
            yield from range(max(first, self.last_sequence + 1), last + 1)
        raise OutOfNumbersError

    @contextmanager
    def _transaction(self) -> Iterator[None]:
        self._connection.execute("BEGIN IMMEDIATE")
        try:
            yield
            self._connection.execute("COMMIT")
        except BaseException:
            with suppress(Exception):  # SQLite may have rolled back already
                self._connection.execute("ROLLBACK")
            raise


def _row(sequence: int, key: tuple[bytes, str], entry: Entry, before: bytes, now_ms: int) -> Row:
    nonce = os.urandom(SIZE)
    row = Row(
        sequence,
        key[1],
        key[0],
        entry.body_digest,
        now_ms,
        event_mark(nonce, entry.account_id, entry.event),
        answer_mark(nonce, entry.answer),
        b"",
        nonce,
        entry.account_id,
        entry.event,
        entry.answer,
    )
    return row._replace(chain=chained(before, row))
