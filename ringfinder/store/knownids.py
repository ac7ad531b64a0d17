"""Which events of the journal came in a file before."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from ringfinder.model import BoolArray, IntArray
from ringfinder.store.events import EventType
from ringfinder.store.ids import id_of
from ringfinder.store.manifest import Segment
from ringfinder.store.segments import EventLog


class KnownIds:
    """The ids of a log, for one process that asks about new events again and again.

    Eight bytes an id are kept in memory, of the types that are asked about.

    Parameters
    ----------
    log
        The log.
    """

    def __init__(self, log: EventLog) -> None:
        self._log = log
        self._sorted: dict[str, np.ndarray] = {}

    def without(self, events: Mapping[EventType, pa.Table]) -> dict[EventType, pa.Table]:
        """Return events of each type without those that the log has under other numbers.

        Parameters
        ----------
        events
            With `sequence` and `event_id`.
        """
        return {kind: self._without(kind, table) for kind, table in events.items()}

    def _without(self, kind: EventType, events: pa.Table) -> pa.Table:
        ids = [id_of(name) for name in events["event_id"].to_pylist()]
        head = np.frombuffer(b"".join(ids), ">u8")[::2].astype(np.uint64)
        numbers = events["sequence"].to_numpy()
        doubled = np.zeros(len(events), bool)
        for segment in self._log.published(kind):
            # what moved from the journal has kept its number: it is the same event
            mine = (segment.first <= numbers) & (numbers <= segment.last)
            maybe = (~mine & _holds(self._heads(segment), head)).nonzero()[0]
            if len(maybe):
                doubled[maybe] |= self._has(segment, [ids[at] for at in maybe])
        return events.filter(pa.array(~doubled)) if doubled.any() else events

    def _heads(self, segment: Segment) -> np.ndarray:
        """Return the first halves of a segment's ids, sorted."""
        name = segment.ids.name
        if name not in self._sorted:
            ids = pq.read_table(self._log.checked(segment.ids))["id"].cast(pa.binary(16))
            heads = [np.frombuffer(chunk.buffers()[1], ">u8")[::2] for chunk in ids.chunks]
            self._sorted[name] = np.sort(np.concatenate([np.empty(0, np.uint64), *heads]))
        return self._sorted[name]

    def _has(self, segment: Segment, ids: list[bytes]) -> BoolArray:
        known = pq.read_table(self._log.checked(segment.ids))["id"]
        found = pc.is_in(pa.array(ids, pa.binary()), known.cast(pa.binary()).combine_chunks())
        return np.asarray(found.to_numpy(zero_copy_only=False))


def _holds(heads: np.ndarray, wanted: np.ndarray) -> BoolArray:
    if not len(heads):
        return np.zeros(len(wanted), bool)
    places: IntArray = np.minimum(np.searchsorted(heads, wanted), len(heads) - 1)
    return np.asarray(heads[places] == wanted)
