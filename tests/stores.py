"""The stores that the contract suite runs on, by the address that opens each."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

from ringfinder.store import EmbeddedStore, GraphStore
from ringfinder.store.neo4j import Neo4jStore

PASSWORD = "RINGFINDER_TEST_NEO4J_PASSWORD"
"""Environment variable that hands a server's password to loaders in other processes."""


def _neo4j(place: str) -> GraphStore:
    user, _, uri = place.partition("@")
    return Neo4jStore(uri, user=user, password=os.environ[PASSWORD], wait_s=5, batch_events=10)


OPENERS: dict[str, Callable[[str], GraphStore]] = {
    "embedded": lambda place: EmbeddedStore(Path(place), wait_s=5, fold_after_rows=10),
    "remembering": lambda place: EmbeddedStore(
        Path(place), wait_s=5, fold_after_rows=10, remember_names=True
    ),
    "neo4j": _neo4j,
}
"""Kind of store -> how to open one at a place; little before a fold or a cut, so that tests
meet both. A Neo4j's place is ``USER@URI``."""


def open_store(address: str) -> GraphStore:
    """Open the store of an address such as ``embedded:graph.duckdb``."""
    kind, _, place = address.partition(":")
    return OPENERS[kind](place)
