"""The stores that the contract suite runs on, by the address that opens each."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from ringfinder.store import EmbeddedStore, GraphStore

OPENERS: dict[str, Callable[[str], GraphStore]] = {
    "embedded": lambda place: EmbeddedStore(Path(place), wait_s=5, fold_after_rows=10),
}
"""Kind of store -> how to open one at a place; few rows before a fold, so that tests meet it."""


def open_store(address: str) -> GraphStore:
    """Open the store of an address such as ``embedded:graph.duckdb``."""
    kind, _, place = address.partition(":")
    return OPENERS[kind](place)
