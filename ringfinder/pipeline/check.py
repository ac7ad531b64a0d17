"""Whether the graph in a store is still what its events say.

Whoever can open Neo4j Browser can write there: a deleted relationship or a changed count
would move scores without a trace. So the events are projected once more, beside, and
compared; they are right, and `ringfinder rebuild` makes the store agree.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterable
from pathlib import Path

import pyarrow as pa

from ringfinder.errors import StoreError, StoreUnavailable
from ringfinder.store import EmbeddedStore, EventLog, GraphBatch, GraphStore, project
from ringfinder.store.compare import Contents, Difference, Differences, differences


def check_graph(
    log: EventLog,
    store: GraphStore,
    *,
    also: Iterable[GraphBatch] = (),
    temp_dir: Path | None = None,
) -> Differences:
    """Compare the graph in a store with the events it follows from.

    Events of the log that the store lacks are taken in first: being behind is no difference.

    Parameters
    ----------
    log
        The events.
    store
        What is checked; nothing in it is changed otherwise.
    also
        Batches of events that the store was given and the log does not hold (yet).
    temp_dir
        Where a second graph may be made for a while; None: the system's.

    Returns
    -------
    Differences
        Empty where the store is as it should be. Rings are results of runs, not of events,
        and are not looked at.

    Raises
    ------
    StoreUnavailable
        If the store cannot be reached now.
    StoreError
        If the log is damaged.
    """
    project(log, store)
    with tempfile.TemporaryDirectory(prefix="ringfinder-check-", dir=temp_dir) as place:
        beside = EmbeddedStore(Path(place) / "graph.duckdb")
        project(log, beside)
        for batch in also:
            beside.write(batch)
        try:
            if store.fingerprint() == beside.fingerprint():
                return Differences((), log.last_sequence)
            found = Contents.of(store)
        except StoreUnavailable:
            raise
        except (StoreError, pa.ArrowException, ValueError, TypeError, KeyError):
            # Edited by hand so that it cannot even be read: properties gone, or of other types.
            return Differences((Difference("all", "unreadable", 1),), log.last_sequence)
        told = differences(Contents.of(beside), found)
    return Differences(tuple(told), log.last_sequence)
