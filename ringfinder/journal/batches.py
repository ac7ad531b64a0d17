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
        try:
            events[kind] = _table(kind, several)
        except (InputError, pa.ArrowException, ValueError, TypeError):
            good = [entry for entry in several if _is_usable(kind, entry)]
            unusable += sorted({e.sequence for e in several} - {e.sequence for e in good})
            if good:
                events[kind] = _table(kind, good)
    return events, unusable


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


def _is_usable(kind: EventType, entry: Recorded) -> bool:
    try:
        _table(kind, [entry])
    except (InputError, pa.ArrowException, ValueError, TypeError):
        return False
    return True
