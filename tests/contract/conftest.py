"""Every test of this folder runs on every store."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest
from neo4j_server import Neo4jServer
from stores import OPENERS, PASSWORD, open_store

from ringfinder.store import GraphStore


@pytest.fixture(params=sorted(OPENERS))
def address(request, tmp_path, monkeypatch) -> str:
    """Where an empty store of each kind can be opened, and opened again."""
    if request.param != "neo4j":
        return f"{request.param}:{tmp_path / 'graph.duckdb'}"
    server = request.getfixturevalue("neo4j_server")
    _empty(server)
    monkeypatch.setenv(PASSWORD, server.password)
    return f"neo4j:{server.user}@{server.uri}"


@pytest.fixture
def store(address) -> Iterator[GraphStore]:
    """An empty store of each kind."""
    opened = open_store(address)
    yield opened
    opened.close()


@pytest.fixture
def another(tmp_path) -> Iterator[Callable[[], GraphStore]]:
    """Open further empty stores, to compare with.

    They are embedded ones: fingerprints are equal on every store, and Community has one
    database per server. `TestOneStore` compares a store with itself.
    """
    opened: list[GraphStore] = []

    def make() -> GraphStore:
        opened.append(open_store(f"embedded:{tmp_path / f'other{len(opened)}.duckdb'}"))
        return opened[-1]

    yield make
    for each in opened:
        each.close()


def _empty(server: Neo4jServer) -> None:
    """Remove every node, and leave the schema: dropping it costs the server all its plans."""
    with server.driver() as driver:
        driver.execute_query("MATCH (n) DETACH DELETE n")
