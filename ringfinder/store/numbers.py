"""Events that come with their sequence numbers, from blocks that were reserved for them."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pyarrow as pa

from ringfinder.errors import InvalidParameter
from ringfinder.store.events import EventType, check_events
from ringfinder.store.manifest import Manifest
from ringfinder.store.protocol import Interval


def numbered(kind: EventType, table: pa.Table) -> pa.Table:
    """Return events in the shape of their type with `sequence` in front: see `check_events`."""
    events = check_events(kind, table.drop_columns(["sequence"]))
    return events.add_column(0, "sequence", table["sequence"].cast(pa.int64()))


def check_numbers(part: Interval, tables: Mapping[EventType, pa.Table], manifest: Manifest) -> None:
    """Raise an InvalidParameter unless the numbers are free, reserved, rising and used once."""
    first, last = part
    if not 1 <= first <= last < manifest.next_sequence:
        raise InvalidParameter(f"events {first} to {last} were never reserved; reserve them first")
    if any(segment.first <= last and first <= segment.last for segment in manifest.segments):
        raise InvalidParameter(f"events {first} to {last} are partly in the log already")
    columns = [table["sequence"].to_numpy() for table in tables.values()]
    if any(np.any(np.diff(column) <= 0) for column in columns):
        raise InvalidParameter(f"events {first} to {last}: within a type, the numbers must rise")
    numbers = np.sort(np.concatenate([np.empty(0, np.int64), *columns]))
    if np.any(np.diff(numbers) == 0):
        raise InvalidParameter(f"events {first} to {last}: a number stands twice")
    if len(numbers) and (numbers[0] < first or numbers[-1] > last):
        raise InvalidParameter(f"events {first} to {last}: a number lies outside")
