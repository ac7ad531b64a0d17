"""From entries to what the log and the graph stores take in."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TypeAlias

import pyarrow as pa

from ringfinder.errors import InputError
from ringfinder.journal.entries import Recorded
from ringfinder.journal.rows import decode_event
from ringfinder.store.events import EVENT_SCHEMAS, EventType
from ringfinder.store.numbers import numbered

Events: TypeAlias = Mapping[EventType, pa.Table]
"""Events of each type with their `sequence`, as the log has them."""

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
    schema = EVENT_SCHEMAS[kind].insert(0, _SEQUENCE)
    rows = [{**decode_event(e.event or b""), "sequence": e.sequence} for e in entries]
    unknown = {name for row in rows for name in row} - set(schema.names)
    if unknown:
        raise InputError(f"{kind}: unknown column {min(unknown)!r}")
    return numbered(kind, pa.Table.from_pylist(rows, schema=schema))


def _is_usable(kind: EventType, entry: Recorded) -> bool:
    try:
        _table(kind, [entry])
    except (InputError, pa.ArrowException, ValueError, TypeError):
        return False
    return True
