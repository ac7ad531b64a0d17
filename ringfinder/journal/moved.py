"""Events that have moved from the journal into the log's segments, a little at a time."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from heapq import merge
from itertools import groupby

import pyarrow as pa

from ringfinder.journal.entries import Recorded
from ringfinder.store.events import EventType
from ringfinder.store.manifest import Segment
from ringfinder.store.parts import covering, missing
from ringfinder.store.protocol import Interval
from ringfinder.store.segments import EventLog

AT_ONCE = 1000
"""Events that are objects at a time; the rest of a segment stays columns."""


def moved(
    log: EventLog, part: Interval, blocks: Sequence[Interval], known: Sequence[Interval] = ()
) -> Iterator[Recorded]:
    """Yield the log's events within an interval that have numbers of the journal, in order.

    Parameters
    ----------
    log
        Where they are.
    part
        First and last number.
    blocks
        The numbers that were reserved for the journal.
    known
        Rising intervals of numbers that are not asked for.
    """
    segments = [
        segment
        for segment in log.segments()
        if segment.first <= part[1]
        and part[0] <= segment.last
        and covering(blocks, segment.first)
        and missing((segment.first, segment.last), known)
    ]
    for _, together in groupby(segments, key=lambda segment: segment.first):
        types = [_entries(log, segment, part, known) for segment in together]
        yield from merge(*types, key=lambda entry: entry.sequence)


def find_moved(log: EventLog, kind: EventType, sequence: int) -> Recorded | None:
    """Return the event of a type that has a number; None where the log holds it no more."""
    for segment in log.segments(kind):
        if segment.first <= sequence <= segment.last:
            return next(_entries(log, segment, (sequence, sequence)), None)
    return None


def _entries(
    log: EventLog, segment: Segment, part: Interval, known: Sequence[Interval] = ()
) -> Iterator[Recorded]:
    """Yield events of a segment as the journal had them, without answers."""
    with log.open(segment) as file:
        for batch in file.iter_batches(AT_ONCE):
            numbers = batch["sequence"].to_pylist()
            if numbers[0] > part[1]:
                return
            asked = [part[0] <= n <= part[1] and covering(known, n) is None for n in numbers]
            yield from _to_entries(segment.type, batch.filter(pa.array(asked)))


def _to_entries(kind: EventType, events: pa.RecordBatch) -> Iterator[Recorded]:
    for row in events.to_pylist():
        sequence = row.pop("sequence")
        said = {name: value for name, value in row.items() if value is not None}
        event = json.dumps(said, separators=(",", ":")).encode()
        yield Recorded(sequence, kind, row["account_id"], row["received_ms"], event, None)
