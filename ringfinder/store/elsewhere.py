"""Events that are recorded outside the log, and will be moved into it: the journal's.

Whoever loads a file while the API takes in the same events must leave out what came first
over HTTP, and whoever projects the journal what came first in a file. Both look at the other
while it changes: so an append looks a second time where it becomes visible, under a lock that
`KnownIds` takes to see the log. Each event is then left out by the one or by the other.
"""

from __future__ import annotations

from typing import Protocol

import pyarrow as pa
import pyarrow.compute as pc

from ringfinder.store.events import EventType


class Elsewhere(Protocol):
    """Ids of events, 16 bytes each (`id_of`), that are recorded outside the log."""

    def among(self, kind: EventType, ids: pa.ChunkedArray) -> pa.Array:
        """Return those of the ids that were recorded there when this was first asked."""
        ...

    def since(self, kind: EventType) -> pa.Array:
        """Return what has been recorded there after that."""
        ...


def not_elsewhere(kind: EventType, fresh: pa.Table, elsewhere: Elsewhere | None) -> pa.Table:
    """Return the rows of `fresh_ids` whose ids are not recorded elsewhere."""
    if elsewhere is None or not len(fresh):
        return fresh
    return fresh.filter(pc.invert(pc.is_in(fresh["id"], elsewhere.among(kind, fresh["id"]))))
