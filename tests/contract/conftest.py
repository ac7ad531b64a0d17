"""Every test of this folder runs on every store."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest
from stores import OPENERS, open_store

from ringfinder.store import GraphStore


@pytest.fixture(params=sorted(OPENERS))
def address(request, tmp_path) -> str:
    """Where a store of each kind can be opened, and opened again."""
    return f"{request.param}:{tmp_path / 'graph.duckdb'}"


@pytest.fixture
def store(address) -> Iterator[GraphStore]:
    """An empty store of each kind."""
    opened = open_store(address)
    yield opened
    opened.close()


@pytest.fixture
def another(request, tmp_path) -> Iterator[Callable[[], GraphStore]]:
    """Open further empty stores of the same kind, to compare with."""
    kind = request.getfixturevalue("address").partition(":")[0]
    opened: list[GraphStore] = []

    def make() -> GraphStore:
        opened.append(open_store(f"{kind}:{tmp_path / f'other{len(opened)}.duckdb'}"))
        return opened[-1]

    yield make
    for each in opened:
        each.close()
