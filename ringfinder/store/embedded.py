"""The embedded store: the graph in one DuckDB file, with no server.

Why DuckDB and not SQLite: the nightly job reads every sighting as columns, and DuckDB
folds ten million of them in one to two seconds where SQLite hands out rows at 0.7
million per second; it is a dependency already, and it survives kill -9 and power loss as
SQLite does. What SQLite does better is many processes at once on one file; here each
transaction opens the file for itself (`database.py`), in 20 ms, and the others wait.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Collection, Sequence
from pathlib import Path

import duckdb
import pyarrow as pa

from ringfinder.store import reading, ringrows
from ringfinder.store.batches import GraphBatch, GraphTables, RingTables, check_text
from ringfinder.store.database import Database
from ringfinder.store.fingerprint import graph_fingerprint
from ringfinder.store.knownnames import KnownNames
from ringfinder.store.loading import read_applied, take_in
from ringfinder.store.protocol import Interval, RunLock
from ringfinder.store.tables import FROM_EVENTS

FOLD_AFTER_ROWS = 500_000

_ERASE = """
    CREATE TEMP TABLE gone AS SELECT key FROM account SEMI JOIN erased USING (account_id);
    CREATE TEMP TABLE held AS SELECT value FROM sighting WHERE account IN (FROM gone);
    DELETE FROM fact WHERE account IN (FROM gone);
    DELETE FROM sighting WHERE account IN (FROM gone);
    DELETE FROM profile WHERE account IN (FROM gone);
    DELETE FROM account WHERE key IN (FROM gone);
    DELETE FROM label WHERE account_id IN (FROM erased);
    DELETE FROM decision WHERE account_id IN (FROM erased);
    DELETE FROM member WHERE account_id IN (FROM erased);
    CREATE TEMP TABLE lost AS FROM attribute
    WHERE key IN (FROM held) AND key NOT IN (SELECT value FROM sighting);
    DELETE FROM evidence WHERE (kind, pseudonym) IN (SELECT (kind, pseudonym) FROM lost);
    DELETE FROM attribute WHERE key IN (SELECT key FROM lost);
"""


class EmbeddedStore:
    """A `GraphStore` in one file.

    Parameters
    ----------
    path
        The file; made when absent. A lock file and, while a transaction is on its way,
        DuckDB's own log lie beside it.
    wait_s
        Seconds to wait while other processes use the file.
    memory_mb
        What one transaction may use before it spills to disk.
    threads
        Cores that one may use; None: all. The same number for every store of a process.
    fold_after_rows
        Repeated rows of a key are folded into one when a table has grown by this many
        rows and doubled. Changes nothing that can be read.
    remember_names
        Whether to keep in memory which names the store has, eight bytes each (`KnownNames`): for
        a process that writes small batches for hours.
    clock
        Seconds since 1970, for the lease of the run lock.
    """

    batch_events: int | None = None
    """A batch may be as large as a segment: it spills to disk where memory ends."""

    def __init__(
        self,
        path: Path,
        *,
        wait_s: float = 30.0,
        memory_mb: int = 2048,
        threads: int | None = None,
        fold_after_rows: int = FOLD_AFTER_ROWS,
        remember_names: bool = False,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._database = Database(path, wait_s=wait_s, memory_mb=memory_mb, threads=threads)
        self._fold_after_rows = fold_after_rows
        self._clock = clock
        self._known = KnownNames() if remember_names else None

    def write(self, batch: GraphBatch) -> bool:
        """Take in a batch: see `GraphStore`."""
        with self._database.writing() as connection:
            known = self._known and self._known.as_of(self._database.state)
            return take_in(connection, batch, fold_after=self._fold_after_rows, known=known)

    def applied(self) -> tuple[Interval, ...]:
        """Return the sequence numbers taken in: see `GraphStore`."""
        with self._database.reading() as connection:
            return read_applied(connection)

    def begun(self) -> tuple[Interval, ...]:
        """Return nothing: here a batch is whole or absent."""
        return ()

    def read_graph(self, *, uncounted: bool = False) -> GraphTables:
        """Return the graph, as of one moment, sorted: see `GraphStore`."""
        with self._database.reading() as connection:
            return reading.read_graph(connection, uncounted=uncounted)

    def read_profiles(self) -> pa.Table:
        """Return the accounts' profiles, sorted."""
        with self._database.reading() as connection:
            return reading.read_profiles(connection)

    def read_labels(self) -> pa.Table:
        """Return every label, sorted."""
        with self._database.reading() as connection:
            return reading.read_labels(connection)

    def read_decisions(self) -> pa.Table:
        """Return every decision, sorted."""
        with self._database.reading() as connection:
            return reading.read_decisions(connection)

    def acquire_run_lock(
        self, holder: str, *, lease_s: float = 3600.0, dead: str | None = None
    ) -> RunLock:
        """Take the right to write rings: see `GraphStore`."""
        check_text("holder", [holder])
        now_ms, lease_ms = int(self._clock() * 1000), int(lease_s * 1000)
        with self._database.writing() as connection:
            return ringrows.acquire(connection, holder, now_ms=now_ms, lease_ms=lease_ms, dead=dead)

    def release_run_lock(self, lock: RunLock) -> None:
        """Give the right back: see `GraphStore`."""
        with self._database.writing() as connection:
            ringrows.release(connection, lock)

    def write_rings(self, rings: RingTables, lock: RunLock, *, void: Collection[str] = ()) -> None:
        """Replace the rings of the run before: see `GraphStore`."""
        with self._database.writing() as connection:
            ringrows.write(connection, rings, lock, void)

    def read_rings(self) -> RingTables | None:
        """Return the rings of the last run, sorted."""
        with self._database.reading() as connection:
            return ringrows.read(connection)

    def counts(self) -> dict[str, int]:
        """Return how much there is of everything."""
        with self._database.reading() as connection:
            return reading.read_counts(connection)

    def fingerprint(self, *, rings: bool = False) -> str:
        """Return a hash of the whole graph: see `GraphStore`."""
        with self._database.reading() as connection:
            return _fingerprint(connection, with_rings=rings)

    def erase(self, account_ids: Sequence[str]) -> None:
        """Remove accounts, also from the file's bytes: see `GraphStore`."""
        check_text("account_ids", account_ids)
        erased = pa.table({"account_id": pa.array(list(account_ids), pa.string())})
        with self._database.writing() as connection:
            connection.register("erased", erased)
            connection.execute(_ERASE)
        self._database.rewrite()

    def clear(self) -> None:
        """Forget everything that follows from events."""
        with self._database.writing() as connection:
            for table in (*FROM_EVENTS, "folded"):
                connection.execute(f"DELETE FROM {table}")

    def close(self) -> None:
        """Refuse further use; no file is open between two calls."""
        self._database.close()


def _fingerprint(connection: duckdb.DuckDBPyConnection, *, with_rings: bool) -> str:
    return graph_fingerprint(
        reading.read_graph(connection, uncounted=True),
        reading.read_profiles(connection),
        reading.read_labels(connection),
        reading.read_decisions(connection),
        ringrows.read(connection) if with_rings else None,
    )
