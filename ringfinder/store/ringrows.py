"""Rings, lineage and the run lock in the embedded store's tables."""

from __future__ import annotations

from collections.abc import Collection

import duckdb
import pyarrow as pa

from ringfinder.store.batches import EVIDENCE, LINEAGE, MEMBERS, RINGS, RingTables
from ringfinder.store.loading import kinds
from ringfinder.store.memory import arrow, first_row
from ringfinder.store.protocol import RunLock
from ringfinder.store.runlock import check_lock, taken_lock

_SWEEP = "DELETE FROM run; DELETE FROM ring; DELETE FROM member; DELETE FROM evidence;"
_WRITE = """
    INSERT INTO ring FROM new_rings;
    INSERT INTO member FROM new_members;
    INSERT INTO evidence
    SELECT ring_id, kinds.name, pseudonym, accounts_inside, accounts_total, nats
    FROM new_evidence JOIN kinds USING (kind);
    INSERT INTO lineage FROM new_lineage;
"""
_EVIDENCE = """
    SELECT ring_id, kinds.kind, pseudonym, accounts_inside, accounts_total, nats
    FROM evidence JOIN kinds ON kinds.name = evidence.kind
    ORDER BY ring_id, nats DESC, kinds.kind, pseudonym
"""


def acquire(
    connection: duckdb.DuckDBPyConnection,
    holder: str,
    *,
    now_ms: int,
    lease_ms: int,
    dead: str | None = None,
) -> RunLock:
    """Take the lock inside the caller's transaction: see `runlock.taken_lock`."""
    row = first_row(connection, "SELECT token, holder, acquired_ms, expires_ms FROM run_lock")
    token, other, acquired_ms, expires_ms = row or (0, None, 0, 0)
    lock = taken_lock(
        holder,
        token=token,
        other=other,
        acquired_ms=acquired_ms,
        expires_ms=expires_ms,
        now_ms=now_ms,
        lease_ms=lease_ms,
        dead=dead,
    )
    connection.execute("DELETE FROM run_lock")
    connection.execute(
        "INSERT INTO run_lock VALUES (?, ?, ?, ?)", [lock.token, holder, now_ms, lock.expires_ms]
    )
    return lock


def release(connection: duckdb.DuckDBPyConnection, lock: RunLock) -> None:
    """Give the lock back, unless another run has taken it; its token is never used again."""
    connection.execute(
        "UPDATE run_lock SET holder = NULL, expires_ms = 0 WHERE token = ?", [lock.token]
    )


def write(
    connection: duckdb.DuckDBPyConnection,
    rings: RingTables,
    lock: RunLock,
    void: Collection[str] = (),
) -> None:
    """Replace the rings of the run before, inside the caller's transaction.

    Lineage of the runs in `void` goes: see `GraphStore`.
    """
    row = first_row(connection, "SELECT token FROM run_lock")
    check_lock(rings.run_id, lock, row[0] if row else None)
    connection.execute(_SWEEP)
    for run_id in (rings.run_id, *void):
        connection.execute("DELETE FROM lineage WHERE run_id = ?", [run_id])
    connection.execute("INSERT INTO run VALUES (?, ?)", [rings.run_id, lock.token])
    tables = {"rings": rings.rings, "members": rings.members, "evidence": rings.evidence}
    for name, table in {**tables, "lineage": rings.lineage}.items():
        connection.register(f"new_{name}", table)
    connection.register("kinds", kinds())
    connection.execute(_WRITE)


def read(connection: duckdb.DuckDBPyConnection) -> RingTables | None:
    """Return the rings of the last run, sorted; None before the first."""
    run = first_row(connection, "SELECT run_id FROM run")
    if run is None:
        return None
    connection.register("kinds", kinds())

    def rows(query: str, schema: pa.Schema) -> pa.Table:
        return arrow(connection, query).cast(schema)

    return RingTables(
        run[0],
        rows("FROM ring ORDER BY ring_id", RINGS),
        rows("FROM member ORDER BY ring_id, account_id", MEMBERS),
        rows(_EVIDENCE, EVIDENCE),
        rows("FROM lineage ORDER BY ALL", LINEAGE),
    )
