"""Where the graph and the events are kept.

::

    log = EventLog(directory)                 # immutable segments, one manifest
    log.append([(EventType.SIGNUPS, table)])
    store = EmbeddedStore(path)               # or Neo4jStore(uri, ...): any GraphStore
    project(log, store)                       # what the store lacks
    graph = read_attribute_graph(log, store)  # what the core computes with
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from ringfinder.store.appended import Appended
from ringfinder.store.batches import GraphBatch, GraphTables, RingTables
from ringfinder.store.convert import to_attribute_graph, to_graph_tables
from ringfinder.store.embedded import EmbeddedStore
from ringfinder.store.events import EVENT_SCHEMAS, EventType, Outcome, to_values
from ringfinder.store.profiles import no_profiles, read_profiles
from ringfinder.store.protocol import GraphStore, Interval, RunLock
from ringfinder.store.replay import project, read_attribute_graph, rebuild
from ringfinder.store.segments import EventLog

if TYPE_CHECKING:
    from ringfinder.store.neo4j import Neo4jStore

__all__ = [
    "EVENT_SCHEMAS",
    "Appended",
    "EmbeddedStore",
    "EventLog",
    "EventType",
    "GraphBatch",
    "GraphStore",
    "GraphTables",
    "Interval",
    "Neo4jStore",
    "Outcome",
    "RingTables",
    "RunLock",
    "no_profiles",
    "project",
    "read_attribute_graph",
    "read_profiles",
    "rebuild",
    "to_attribute_graph",
    "to_graph_tables",
    "to_values",
]


def __getattr__(name: str) -> type[Neo4jStore]:
    """Import the driver when somebody asks for it: nobody else waits."""
    if name != "Neo4jStore":
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from ringfinder.store.neo4j import Neo4jStore  # noqa: PLC0415 see above

    return Neo4jStore
