"""From entries to what the log and the graph stores take in."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TypeAlias

import pyarrow as pa
from pyarrow.json import ParseOptions, ReadOptions, read_json

from ringfinder.errors import InputError
from ringfinder.journal.entries import Recorded
from ringfinder.store.events import EVENT_SCHEMAS, EventType
from ringfinder.store.numbers import numbered

Events: TypeAlias = Mapping[EventType, pa.Table]
"""Events of each type with their `sequence`, as the log has them."""

_BLOCK_BYTES = 1 << 26
"""More than any one event has: an entry comes in a frame of at most as much."""
_SEQUENCE = pa.field("sequence", pa.int64(), False)


def to_events(entries: Sequence[Recorded]) -> tuple[Events, list[int]]:
    """Return entries as tables.

    Parameters
    ----------
    entries
        In order, each with its event.

    Returns
    -------
    events, unusable
        The events by type, and the sequence numbers of those that are no events at all:
        one of them must not keep the others out of the graph.
    """
    rows: dict[EventType, list[Recorded]] = {}
    for entry in entries:
        rows.setdefault(entry.event_type, []).append(entry)
    events: dict[EventType, pa.Table] = {}
    unusable: list[int] = []
    for kind, several in rows.items():
        tables, bad = _readable(kind, several)
        unusable += bad
        if tables:
            events[kind] = pa.concat_tables(tables)
    return events, unusable


def _readable(kind: EventType, entries: list[Recorded]) -> tuple[list[pa.Table], list[int]]:
    """Return the events of entries, and the numbers of those that are none: halves what fails."""
    try:
        return [_table(kind, entries)], []
    except (InputError, pa.ArrowException, ValueError, TypeError):
        if len(entries) == 1:
            return [], [entries[0].sequence]
    middle = len(entries) // 2
    before, bad_before = _readable(kind, entries[:middle])
    after, bad_after = _readable(kind, entries[middle:])
    return before + after, bad_before + bad_after


def _table(kind: EventType, entries: Sequence[Recorded]) -> pa.Table:
    lines = b"\n".join(entry.event or b"" for entry in entries)
    if lines.count(b"\n") >= len(entries) or not all(entry.event for entry in entries):
        raise InputError(f"{kind}: an event is not one line of JSON")
    table = read_json(
        pa.BufferReader(lines),
        read_options=ReadOptions(use_threads=False, block_size=_BLOCK_BYTES),
        parse_options=ParseOptions(
            explicit_schema=EVENT_SCHEMAS[kind], unexpected_field_behavior="error"
        ),
    )
    if len(table) != len(entries):
        raise InputError(f"{kind}: {len(table)} events were read of {len(entries)}")
    numbers = pa.array([entry.sequence for entry in entries], pa.int64())
    return numbered(kind, table.add_column(0, _SEQUENCE, numbers))
