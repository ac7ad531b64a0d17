"""Compaction: what the store has taken in moves from the journal into the log's segments.

The order makes it safe to be killed anywhere: first the log has the events, in one step,
then the store has the profiles, then the journal drops them. Whoever comes next finds what
is in the log already by its numbers, and goes on.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc

from ringfinder.durations import DAY_MS
from ringfinder.journal.batches import Events, to_events
from ringfinder.journal.entries import Recorded
from ringfinder.journal.errands import Errands
from ringfinder.journal.reader import Reader
from ringfinder.store.batches import GraphBatch
from ringfinder.store.events import EventType
from ringfinder.store.files import locked
from ringfinder.store.parts import covering
from ringfinder.store.profiles import profile_rows
from ringfinder.store.protocol import GraphStore, Interval
from ringfinder.store.segments import EventLog

SEGMENT_EVENTS = 200_000
"""Events of one step, at most: they are held in memory as objects."""
FORGET_EVENTS = 500
"""Events dropped in one transaction: commits wait for it."""
LOCK = "compaction.lock"
MIN_AGE_S = 60.0
RETENTION_DAYS = 30.0


@dataclass(frozen=True, slots=True)
class Compacted:
    """What a compaction did.

    Attributes
    ----------
    moved
        Events recorded in the log's segments.
    duplicates
        Events left out because the log knew their event_id from elsewhere.
    dropped
        Events that left the journal.
    pruned
        Idempotency records past their retention.
    left
        Events still held: too young, not in the store yet, or damaged.
    stuck
        Sequence number of the newest damaged one, 0 without any: it stays here for good.
    """

    moved: int
    duplicates: int
    dropped: int
    pruned: int
    left: int
    stuck: int = 0

    @property
    def doubled(self) -> str:
        """What became of duplicates."""
        return (
            f"{self.duplicates:,} events came over HTTP and in a file, or again after their "
            "retention: they count once"
        )


class Compaction:
    """Moves events of one journal into one log.

    Parameters
    ----------
    directory
        The journal's.
    log, store
        Where the events go, and what must have taken them in before.
    writer
        Whoever writes the journal.
    clock
        Seconds since 1970.
    wait_s
        Seconds to wait for another compaction.
    """

    def __init__(
        self,
        directory: Path,
        log: EventLog,
        store: GraphStore,
        writer: Errands,
        *,
        clock: Callable[[], float] = time.time,
        wait_s: float = 30.0,
    ) -> None:
        self._wait_s = wait_s
        self._directory = directory
        self._reader = Reader(directory)
        self._log = log
        self._store = store
        self._writer = writer
        self._clock = clock
        self._moved = self._duplicates = self._dropped = 0
        self._unusable: set[int] = set()

    def run(
        self, *, min_age_s: float = MIN_AGE_S, retention_days: float = RETENTION_DAYS
    ) -> Compacted:
        """Move what may be moved.

        Parameters
        ----------
        min_age_s
            Younger events stay: other processes are still reading them here.
        retention_days
            How long the answer to a repeated event_id is kept.

        Raises
        ------
        StoreUnavailable
            If another compaction, the writer or the log could not be waited for.
        """
        what = f"the compaction of {self._directory}"
        with locked(self._directory / LOCK, what=what, exclusive=True, wait_s=self._wait_s):
            return self._compacted(min_age_s, retention_days)

    def _compacted(self, min_age_s: float, retention_days: float) -> Compacted:
        now_ms = self._clock() * 1000
        before_ms = now_ms - min_age_s * 1000
        try:
            for entries in self._pieces(before_ms):
                self._move(entries)
            pruned = 0
            forgotten_ms = int(now_ms - retention_days * DAY_MS)
            while count := self._writer.prune(forgotten_ms, FORGET_EVENTS):
                pruned += count
            left = self._reader.held_since(0).events
        finally:
            self._reader.close()
        stuck = max(self._unusable | self._reader.damaged, default=0)
        return Compacted(self._moved, self._duplicates, self._dropped, pruned, left, stuck)

    def _pieces(self, before_ms: float) -> Iterator[list[Recorded]]:
        """Yield runs of events to be moved together: of one block, all in the store or log."""
        applied, blocks = self._store.applied(), self._reader.blocks()
        recorded = self._in_log()
        after = 0
        piece: list[Recorded] = []
        while True:
            entries, through = self._reader.held(after, 1000)
            for entry in entries:
                known = covering(recorded, entry.sequence)
                if not known and (
                    entry.committed_ms > before_ms or not covering(applied, entry.sequence)
                ):
                    entries, through = [], after  # what follows must wait, too
                    break
                if piece and not _together(piece[0], entry, blocks, recorded, len(piece)):
                    yield piece
                    piece = []
                piece.append(entry)
            if through == after:
                break
            after = through
        if piece:
            yield piece

    def _in_log(self) -> list[Interval]:
        return sorted({(segment.first, segment.last) for segment in self._log.segments()})

    def _move(self, entries: Sequence[Recorded]) -> None:
        events, unusable = to_events(entries)
        left_out = set(unusable)
        self._unusable |= left_out
        usable = [entry for entry in entries if entry.sequence not in left_out]
        if not usable:
            return
        part = (usable[0].sequence, usable[-1].sequence)
        if not covering(self._in_log(), part[0]):
            told = self._log.append_numbered(part, events, gone=lambda: self._reader.erased(part))
            self._moved += sum(told.recorded.values())
            self._duplicates += sum(told.duplicates.values())
        self._refresh_profiles(events, usable)
        for run in _runs([entry.sequence for entry in usable]):
            self._writer.forget(run)
            self._dropped += run[1] - run[0] + 1

    def _refresh_profiles(self, events: Events, entries: Sequence[Recorded]) -> None:
        """Let the store know what the log's usage now says of these accounts."""
        usage = events.get(EventType.USAGE)
        if usage is None:
            return
        (number, _) = self._log.reserve(1)
        names: pa.StringArray = pc.unique(usage["account_id"])
        self._store.write(GraphBatch(number, number, profiles=profile_rows(self._log, names)))
        # Who was erased after their use was folded has a profile once more.
        if gone := self._reader.erased_since(entries):
            self._store.erase(gone)


def _together(
    first: Recorded,
    entry: Recorded,
    blocks: Sequence[Interval],
    recorded: Sequence[Interval],
    size: int,
) -> bool:
    """Whether an entry may go with a piece: its numbers then enclose nobody else's."""
    return (
        size < SEGMENT_EVENTS
        and covering(blocks, first.sequence) == covering(blocks, entry.sequence)
        and covering(recorded, first.sequence) == covering(recorded, entry.sequence)
    )


def _runs(numbers: Sequence[int]) -> Iterator[Interval]:
    """Yield rising numbers as short intervals that hold no other number."""
    first = before = numbers[0]
    for number in numbers[1:]:
        if number != before + 1 or number - first >= FORGET_EVENTS:
            yield first, before
            first = number
        before = number
    yield first, before
