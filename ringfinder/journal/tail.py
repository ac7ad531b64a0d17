"""What was recorded after a number, in order, also where it has moved into the log since."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from itertools import groupby

import pyarrow as pa
import pyarrow.compute as pc

from ringfinder.journal.entries import Recorded
from ringfinder.journal.reader import Reader
from ringfinder.store.events import EventType
from ringfinder.store.parts import covering, missing
from ringfinder.store.protocol import Interval
from ringfinder.store.segments import EventLog

PAGE = 1000


class Follower:
    """Follows the journal, page by page.

    Parameters
    ----------
    reader
        Of the journal.
    after
        Sequence number that is known already.
    log
        Where events move to; None: what has moved is left out.
    known
        Rising intervals of further numbers that are known already.
    """

    def __init__(
        self,
        reader: Reader,
        after: int,
        log: EventLog | None = None,
        known: Sequence[Interval] = (),
    ) -> None:
        self._reader = reader
        self._after = after
        self._log = log
        self._known = known
        self._drained: tuple[int, int] | None = None

    def take(self) -> tuple[list[Recorded], bool]:
        """Return a page of what comes next, in order, and whether that was all there is.

        A page may be empty though more comes: all of it was known.
        """
        version = self._reader.version()  # before reading: what comes meanwhile shows next time
        if version == self._drained:
            return [], True
        if known := covering(self._known, self._after + 1):
            self._after = known[1]
        entries, through, last = self._reader.page(self._after, PAGE)
        if entries:
            upto = entries[0].sequence - 1
        else:  # only damaged ones; or none, and all there were have left
            upto = through if through > self._after else max(last, self._after)
        if upto <= self._after and not entries:
            self._drained = version
            return [], True
        moved: list[Recorded] = []
        if self._log is not None and upto > self._after:
            # Whatever had left the journal when it was read is in the log by now.
            part = (self._after + 1, upto)
            moved = list(_moved(self._log, part, self._reader.blocks(), self._known))
        self._after = max(through, upto)
        is_all = self._after >= last
        if is_all:
            self._drained = version
        fresh = [e for e in moved + entries if not covering(self._known, e.sequence)]
        return fresh, is_all


def _moved(
    log: EventLog, part: Interval, blocks: list[Interval], known: Sequence[Interval]
) -> Iterator[Recorded]:
    """Yield the log's events within an interval that have numbers of the journal."""
    segments = [
        segment
        for segment in log.segments()
        if segment.first <= part[1]
        and part[0] <= segment.last
        and covering(blocks, segment.first)
        and missing((segment.first, segment.last), known)
    ]
    for _, together in groupby(segments, key=lambda segment: segment.first):
        rows = [
            entry
            for segment in together
            for entry in to_entries(segment.type, _within(log.table(segment), part))
        ]
        yield from sorted(rows, key=lambda entry: entry.sequence)


def _within(events: pa.Table, part: Interval) -> pa.Table:
    numbers = events["sequence"]
    return events.filter(
        pc.and_(pc.greater_equal(numbers, part[0]), pc.less_equal(numbers, part[1]))
    )


def to_entries(kind: EventType, events: pa.Table) -> Iterator[Recorded]:
    """Return a log's events as the journal had them, without answers."""
    for row in events.to_pylist():
        sequence = row.pop("sequence")
        said = {name: value for name, value in row.items() if value is not None}
        event = json.dumps(said, separators=(",", ":")).encode()
        yield Recorded(sequence, kind, row["account_id"], row["received_ms"], event, None)
