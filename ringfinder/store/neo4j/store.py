"""The graph in Neo4j: what people explore, and what the nightly run reads and writes."""

from __future__ import annotations

import time
from collections.abc import Callable, Collection, Sequence
from typing import TypeVar

import pyarrow as pa

from ringfinder.store.address import check_encrypted
from ringfinder.store.batches import (
    DECISIONS,
    LABELS,
    PROFILES,
    GraphBatch,
    GraphTables,
    RingTables,
    check_text,
)
from ringfinder.store.fingerprint import graph_fingerprint
from ringfinder.store.neo4j import clearing, loading, reading, ringrows
from ringfinder.store.neo4j.keys import key_of
from ringfinder.store.neo4j.loading import Taken
from ringfinder.store.neo4j.schema import bring_up_to_date
from ringfinder.store.neo4j.server import Server, Work
from ringfinder.store.neo4j.slices import ROWS_PER_SLICE, Slices
from ringfinder.store.neo4j.state import read_state
from ringfinder.store.protocol import Interval, RunLock

T = TypeVar("T")


class Neo4jStore:
    """A `GraphStore` on a Neo4j server; Community Edition is enough.

    Parameters
    ----------
    uri
        ``neo4j://``, ``bolt://`` or their encrypted forms, without credentials.
    user, password
        Of somebody who may write and make constraints.
    database
        Name of the database; None: the user's home database.
    wait_s
        Seconds to wait for a server that does not answer.
    transaction_s
        Seconds that one transaction may take, waiting for others included.
    batch_events
        Events that are folded into one batch before anything of them is written: a pair of
        account and value that many of them saw is written once.
    slice_rows
        Accounts, values and sightings that one transaction writes, about. They take 2 to 3 kB of
        the server's heap each: more of them would keep its garbage collector busy.
    allow_plain_remote
        Whether a server on another host may be spoken to unencrypted.
    clock
        Seconds since 1970, for the run lock: its lease, and its tokens where the store is
        founded again.

    Raises
    ------
    InputError
        If the address is unusable, or on another host and not encrypted.
    StoreUnavailable
        If the server cannot be reached.
    StoreError
        If it refuses, or what it holds is not, or no longer, ringfinder's to read.
    """

    def __init__(
        self,
        uri: str,
        *,
        user: str,
        password: str,
        database: str | None = None,
        wait_s: float = 5.0,
        transaction_s: float = 600.0,
        batch_events: int = 4_000_000,
        slice_rows: int = ROWS_PER_SLICE,
        allow_plain_remote: bool = False,
        clock: Callable[[], float] = time.time,
    ) -> None:
        check_encrypted(uri, allow_plain=allow_plain_remote)
        self.batch_events: int | None = batch_events
        self._slice_rows = slice_rows
        self._clock = clock
        self._server = Server(
            uri,
            user=user,
            password=password,
            database=database,
            wait_s=wait_s,
            transaction_s=transaction_s,
        )
        try:
            bring_up_to_date(self._server, clock=clock)
        except BaseException:
            self._server.close()
            raise

    def write(self, batch: GraphBatch) -> bool:
        """Take in a batch: see `GraphStore`."""
        slices, written = Slices(batch, rows=self._slice_rows), False
        while True:
            taken = self._server.work(lambda work: loading.take_in(work, slices))
            if taken is Taken.VOID:
                clearing.finish(self._server)
            elif taken is Taken.KNOWN:
                return written
            elif taken is Taken.WHOLE:
                return True
            else:
                written = True

    def applied(self) -> tuple[Interval, ...]:
        """Return the sequence numbers taken in: see `GraphStore`."""
        return self._server.work(read_state, locked=False).applied

    def begun(self) -> tuple[Interval, ...]:
        """Return the ranges that are taken in in part: see `GraphStore`."""
        state = self._server.work(read_state, locked=False)
        return tuple((one.first, one.last) for one in state.begun)

    def read_graph(self, *, uncounted: bool = False) -> GraphTables:
        """Return the graph, as of one moment, sorted: see `GraphStore`."""
        read = reading.read_graph
        return self._read(
            lambda work: read(self._server, work, uncounted=uncounted), GraphTables.empty()
        )

    def read_profiles(self) -> pa.Table:
        """Return the accounts' profiles, sorted."""
        return self._read(reading.read_profiles, PROFILES.empty_table())

    def read_labels(self) -> pa.Table:
        """Return every label, sorted."""
        return self._read(reading.read_labels, LABELS.empty_table())

    def read_decisions(self) -> pa.Table:
        """Return every decision, sorted."""
        return self._read(reading.read_decisions, DECISIONS.empty_table())

    def acquire_run_lock(
        self, holder: str, *, lease_s: float = 3600.0, dead: str | None = None
    ) -> RunLock:
        """Take the right to write rings: see `GraphStore`."""
        check_text("holder", [holder])
        now_ms, lease_ms = int(self._clock() * 1000), int(lease_s * 1000)
        return self._server.work(
            lambda work: ringrows.acquire(work, holder, now_ms=now_ms, lease_ms=lease_ms, dead=dead)
        )

    def release_run_lock(self, lock: RunLock) -> None:
        """Give the right back: see `GraphStore`."""
        self._server.work(lambda work: ringrows.release(work, lock))

    def write_rings(self, rings: RingTables, lock: RunLock, *, void: Collection[str] = ()) -> None:
        """Replace the rings of the run before: see `GraphStore`."""
        self._server.work(lambda work: ringrows.write(work, rings, lock, void))

    def read_rings(self) -> RingTables | None:
        """Return the rings of the last run, sorted."""
        return self._server.work(lambda work: ringrows.read(work, read_state(work)))

    def counts(self) -> dict[str, int]:
        """Return how much there is of everything."""
        return self._server.work(lambda work: reading.read_counts(work, read_state(work)))

    def fingerprint(self, *, rings: bool = False) -> str:
        """Return a hash of the whole graph: see `GraphStore`."""
        return self._server.work(lambda work: _fingerprint(self._server, work, with_rings=rings))

    def erase(self, account_ids: Sequence[str]) -> None:
        """Remove accounts: see `GraphStore`.

        What Neo4j has deleted is overwritten only as it needs the room, and its transaction
        logs keep what was written for the days that db.tx_log.rotation.retention_policy says.
        """
        check_text("account_ids", account_ids)
        keys = [key_of(account_id) for account_id in account_ids]

        def erase(work: Work) -> None:
            held = work.run("find_held_values", id=keys)["node"]
            work.run("erase_accounts", id=keys)
            work.run("erase_values", node=held)

        self._server.work(erase)

    def clear(self) -> None:
        """Forget everything that follows from events, even if killed half way."""
        clearing.begin(self._server)
        clearing.finish(self._server)

    def close(self) -> None:
        """Close every connection; later calls raise `StoreError`."""
        self._server.close()

    def _read(self, read: Callable[[Work], T], empty: T) -> T:
        """Read as of one moment; nothing from a graph that is void."""
        return self._server.work(lambda work: empty if read_state(work).clearing else read(work))


def _fingerprint(server: Server, work: Work, *, with_rings: bool) -> str:
    state = read_state(work)
    rings = ringrows.read(work, state) if with_rings else None
    if state.clearing:
        return graph_fingerprint(
            GraphTables.empty(),
            PROFILES.empty_table(),
            LABELS.empty_table(),
            DECISIONS.empty_table(),
            rings,
        )
    return graph_fingerprint(
        reading.read_graph(server, work, uncounted=True),
        reading.read_profiles(work),
        reading.read_labels(work),
        reading.read_decisions(work),
        rings,
    )
