"""Rings, lineage and the run lock in the embedded store's tables."""

from __future__ import annotations

import duckdb
import pyarrow as pa

from ringfinder.errors import StoreError, StoreUnavailable
from ringfinder.store.batches import EVIDENCE, LINEAGE, MEMBERS, RINGS, RingTables
from ringfinder.store.loading import kinds
from ringfinder.store.memory import arrow, first_row
from ringfinder.store.protocol import RunLock

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
    connection: duckdb.DuckDBPyConnection, holder: str, *, now_ms: int, lease_ms: int
) -> RunLock:
    """Take the lock inside the caller's transaction: see `GraphStore.acquire_run_lock`.

    A lock whose beginning lies more than a lease in the future was taken before the clock
    was set back; it counts as expired. The token keeps two runs apart in any case.
    """
    row = first_row(connection, "SELECT token, holder, acquired_ms, expires_ms FROM run_lock")
    token, other, acquired_ms, expires_ms = row or (0, None, 0, 0)
    if other is not None and now_ms < expires_ms and now_ms > acquired_ms - lease_ms:
        raise StoreUnavailable(
            f"a run by {other} writes rings; its lock ends in {(expires_ms - now_ms) // 1000} s at "
            "the latest. Wait for it, or stop it and try again then"
        )
    lock = RunLock(token + 1, holder, now_ms + lease_ms)
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


def write(connection: duckdb.DuckDBPyConnection, rings: RingTables, lock: RunLock) -> None:
    """Replace the rings of the run before, inside the caller's transaction."""
    row = first_row(connection, "SELECT token FROM run_lock")
    if row is None or row[0] != lock.token:
        raise StoreError(
            f"run {rings.run_id} has lost the lock to a later run: its rings were not written"
        )
    connection.execute(_SWEEP)
    connection.execute("DELETE FROM lineage WHERE run_id = ?", [rings.run_id])
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
