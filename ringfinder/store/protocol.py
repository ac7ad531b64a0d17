"""The graph store: what ringfinder asks of the place where the graph is kept.

Narrow on purpose: the embedded store and Neo4j pass one contract suite (tests/contract).
A store is a function of the set of batches written to it: their order and their
repetitions change nothing that can be read.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Protocol, TypeAlias

import pyarrow as pa

from ringfinder.store.batches import GraphBatch, GraphTables, RingTables

Interval: TypeAlias = tuple[int, int]
"""First and last sequence number, both inclusive."""


@dataclass(frozen=True, slots=True)
class RunLock:
    """The right to write rings, for one run.

    Attributes
    ----------
    token
        Rises with every run that gets the lock; a store refuses rings under an older one.
    holder
        Who holds it, for messages: host, process.
    expires_ms
        From then on another run may take it (milliseconds since 1970 UTC).
    """

    token: int
    holder: str
    expires_ms: int


class GraphStore(Protocol):
    """Where the graph is kept.

    Every method raises `StoreUnavailable` where the store cannot be reached now (try
    again) and `StoreError` where it failed (do not).
    """

    @property
    def batch_events(self) -> int | None:
        """Events that a batch should stand for at most; None: whole segments, one each."""
        ...

    def write(self, batch: GraphBatch) -> bool:
        """Take in a batch, in one transaction with its range of sequence numbers.

        A store may take a large one in slices, a transaction each, and remember how many of
        them are written: the range counts as taken in with the last of them. Who is killed
        before that leaves a range begun (`begun`), and the same batch completes it.

        Accounts are founded by their earliest sign-up; country, plan and e-mail verified
        come from the earliest that says them (ties: the least); the latest closing time
        and the latest outcome count. Sightings
        take the earliest first, the latest last, and the sum of counts. The profile that
        goes furthest replaces the others. Labels and decisions are kept once each.

        Returns
        -------
        bool
            False where the whole range had been written before: nothing changed.

        Raises
        ------
        StoreError
            If a part of the range was written before, and a part was not.
        StoreUnavailable
            If a part of it is being written in a batch of another range.
        """
        ...

    def applied(self) -> tuple[Interval, ...]:
        """Return the sequence numbers taken in, as rising intervals that do not touch."""
        ...

    def begun(self) -> tuple[Interval, ...]:
        """Return the ranges of the batches that are taken in in part, in no order.

        They go on only as they were begun: a batch of another range that meets one of them
        is refused with `StoreUnavailable`.
        """
        ...

    def read_graph(self, *, uncounted: bool = False) -> GraphTables:
        """Return the graph of the counted accounts, as of one moment, sorted.

        Counted are accounts that signed up, and whose latest outcome is `completed`;
        values are those that one of them was seen with.

        Parameters
        ----------
        uncounted
            True: every account that was ever named, and every value.
        """
        ...

    def read_profiles(self) -> pa.Table:
        """Return the accounts' profiles (`PROFILES`), sorted by account_id."""
        ...

    def read_labels(self) -> pa.Table:
        """Return every label (`LABELS`), sorted by all columns in order."""
        ...

    def read_decisions(self) -> pa.Table:
        """Return every decision (`DECISIONS`), sorted by all columns in order."""
        ...

    def acquire_run_lock(
        self, holder: str, *, lease_s: float = 3600.0, dead: str | None = None
    ) -> RunLock:
        """Take the right to write rings; raise `StoreUnavailable` while another run has it.

        `dead` is how the names of holders end that are known to be no more.
        """
        ...

    def release_run_lock(self, lock: RunLock) -> None:
        """Give the right back; nothing happens where another run has taken it since."""
        ...

    def write_rings(self, rings: RingTables, lock: RunLock, *, void: Collection[str] = ()) -> None:
        """Replace the rings of the run before, in one transaction; add to the lineage.

        Writing one run twice changes nothing. Raises `StoreError` where another run has
        taken the lock since.

        Parameters
        ----------
        rings, lock
            Of the run.
        void
            Runs that wrote rings and never came into force: their lineage goes.
        """
        ...

    def read_rings(self) -> RingTables | None:
        """Return the rings of the last run, sorted; None before the first."""
        ...

    def counts(self) -> dict[str, int]:
        """Return accounts, values, sightings (counted ones), labels, decisions, rings."""
        ...

    def fingerprint(self, *, rings: bool = False) -> str:
        """Return a hash of everything that follows from events; equal on every store.

        Parameters
        ----------
        rings
            True: also of what the last run wrote, and the lineage.
        """
        ...

    def erase(self, account_ids: Sequence[str]) -> None:
        """Remove accounts, what only they were seen with, their labels and memberships."""
        ...

    def clear(self) -> None:
        """Forget everything that follows from events; rings, lineage and lock tokens stay."""
        ...

    def close(self) -> None:
        """Give up what the store holds; later calls raise `StoreError`."""
        ...
