"""How much a fleet may still use: exchanges of all its accounts together, per UTC day.

Accounts outside fleets are not limited. For the others, what is reserved and what was used
may not exceed the ceiling; a reservation that nobody settles counts for ten minutes. The
numbers are kept in one SQLite file, so that all workers count together and a restart forgets
nothing; they are not part of the event log, and a lost file merely starts the day afresh.
"""

from __future__ import annotations

import sqlite3
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from ringfinder.durations import DAY_MS
from ringfinder.errors import InputError, NotFound, StoreUnavailable

FILE = "allowance.sqlite"
HOLD_MS = 600_000
KEPT_DAYS = 2
WAIT_S = 2.0
"""For other workers: each is in the middle of something for moments only."""
AGAIN_S = 0.005

_TABLE = """
CREATE TABLE IF NOT EXISTS reservation (
    event_id TEXT PRIMARY KEY, account_id TEXT NOT NULL, ring_id TEXT, day INTEGER NOT NULL,
    wanted INTEGER NOT NULL, granted INTEGER NOT NULL, used INTEGER, made_ms INTEGER NOT NULL
) STRICT;
DROP INDEX IF EXISTS by_ring;
CREATE INDEX IF NOT EXISTS by_day ON reservation (day);
CREATE INDEX IF NOT EXISTS spent ON reservation (ring_id, day, used) WHERE used > 0;
CREATE INDEX IF NOT EXISTS held ON reservation (ring_id, day, made_ms, granted, used)
WHERE used IS NULL AND granted > 0;
"""
# Of what a fleet asked for in vain, however often, nothing is looked at: else who asks millions
# of times would hold up everybody's reservations.
_TAKEN = """
SELECT coalesce((
    SELECT sum(used) FROM reservation WHERE ring_id = ?1 AND day = ?2 AND used > 0
), 0) + coalesce((
    SELECT sum(granted) FROM reservation
    WHERE ring_id = ?1 AND day = ?2 AND used IS NULL AND granted > 0 AND made_ms > ?3
), 0)
"""
# A few at a time: nobody waits while a day of millions goes.
_FORGET = """
DELETE FROM reservation
WHERE rowid IN (SELECT rowid FROM reservation WHERE day < ? LIMIT 100)
"""


@dataclass(frozen=True, slots=True)
class Granted:
    """What may be used.

    Attributes
    ----------
    granted
        Exchanges, 0 up to what was asked for.
    remaining
        What the fleet may still reserve today; None where nothing limits it.
    ring_id
        The fleet that limits it; None outside fleets.
    """

    granted: int
    remaining: int | None
    ring_id: str | None


class Allowance:
    """The reservations of an installation.

    Parameters
    ----------
    directory
        The data directory.
    ceiling
        Exchanges a day of one fleet.
    """

    def __init__(self, directory: Path, *, ceiling: int) -> None:
        self._path, self._ceiling = directory / FILE, ceiling
        self._lock = threading.Lock()
        self._database: sqlite3.Connection | None = None

    def reserve(
        self, event_id: str, account_id: str, exchanges: int, *, fleet: str | None, now_ms: int
    ) -> Granted:
        """Reserve exchanges: all of them or, for a fleet near its ceiling, what is left.

        The same event_id again gets the same answer.

        Raises
        ------
        InputError
            If the event_id was used for another account or number.
        """
        with self._lock, self._turn() as database:
            row = database.execute(
                "SELECT account_id, wanted, granted, ring_id FROM reservation WHERE event_id = ?",
                (event_id,),
            ).fetchone()
            if row is not None:
                if row[:2] != (account_id, exchanges):
                    raise InputError("This event_id was sent before with another body.")
                return Granted(row[2], self._left(database, row[3], now_ms), row[3])
            day = now_ms // DAY_MS
            left = self._left(database, fleet, now_ms)
            granted = exchanges if left is None else max(0, min(exchanges, left))
            database.execute(
                "INSERT INTO reservation VALUES (?, ?, ?, ?, ?, ?, NULL, ?)",
                (event_id, account_id, fleet, day, exchanges, granted, now_ms),
            )
            database.execute(_FORGET, (day - KEPT_DAYS,))
            return Granted(granted, None if left is None else left - granted, fleet)

    def settle(self, event_id: str, exchanges: int, *, now_ms: int) -> Granted:
        """Say what of a reservation was used; the rest is free again.

        Raises
        ------
        NotFound
            If nothing is reserved under that event_id.
        InputError
            If it was settled before with another number.
        """
        with self._lock, self._turn() as database:
            row = database.execute(
                "SELECT used, ring_id FROM reservation WHERE event_id = ?", (event_id,)
            ).fetchone()
            if row is None:
                raise NotFound("Nothing is reserved under this event_id.")
            if row[0] is not None and row[0] != exchanges:
                raise InputError("This reservation was settled before with another number.")
            database.execute(
                "UPDATE reservation SET used = ? WHERE event_id = ?", (exchanges, event_id)
            )
            return Granted(exchanges, self._left(database, row[1], now_ms), row[1])

    def _left(self, database: sqlite3.Connection, fleet: str | None, now_ms: int) -> int | None:
        if fleet is None:
            return None
        taken = database.execute(_TAKEN, (fleet, now_ms // DAY_MS, now_ms - HOLD_MS)).fetchone()[0]
        return max(0, self._ceiling - int(taken))

    def erase(self, account_id: str) -> None:
        """Forget an account's reservations, also in the bytes of the file and of its changes.

        Raises
        ------
        StoreUnavailable
            If others did not let go of the changes in time: erase again.
        """
        with self._lock:
            with self._turn() as database:
                database.execute("DELETE FROM reservation WHERE account_id = ?", (account_id,))
            with self._in_use() as database:
                # The log of changes still holds pages of before.
                (busy, *_) = database.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
        if busy:
            raise StoreUnavailable("The allowances are in use and not all erased: try again.")

    @contextmanager
    def _turn(self) -> Iterator[sqlite3.Connection]:
        """One transaction that writes."""
        with self._in_use() as database:
            database.execute("BEGIN IMMEDIATE")
            try:
                yield database
            except BaseException:
                database.execute("ROLLBACK")
                raise
            database.execute("COMMIT")

    @contextmanager
    def _in_use(self) -> Iterator[sqlite3.Connection]:
        """Give the file; after a refusal it is opened anew the next time."""
        try:
            yield self._opened()
        except (sqlite3.Error, OSError) as error:
            self._close()
            raise _unavailable(error) from None

    def _opened(self) -> sqlite3.Connection:
        if self._database is None:
            self._path.touch(mode=0o600)
            self._database = sqlite3.connect(
                self._path, timeout=WAIT_S, isolation_level=None, check_same_thread=False
            )
            _turn_to_wal(self._database)
            self._database.execute("PRAGMA synchronous = NORMAL")
            self._database.execute("PRAGMA secure_delete = ON")
            self._database.executescript(_TABLE)
        return self._database

    def _close(self) -> None:
        if self._database is not None:
            with suppress(sqlite3.Error):
                self._database.close()
        self._database = None


def _turn_to_wal(database: sqlite3.Connection) -> None:
    """Let others read while one writes.

    Where two turn a new file at once, SQLite refuses one of them without any waiting, for each
    would wait for the other: who is refused asks again.
    """
    until = time.monotonic() + WAIT_S
    while True:
        try:
            database.execute("PRAGMA journal_mode = WAL")
            return
        except sqlite3.OperationalError as error:
            if error.sqlite_errorcode & 0xFF != sqlite3.SQLITE_BUSY or time.monotonic() > until:
                raise
        time.sleep(AGAIN_S)


def _unavailable(error: Exception) -> StoreUnavailable:
    return StoreUnavailable(f"The allowances cannot be kept ({type(error).__name__}): try again.")
