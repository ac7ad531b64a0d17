"""How the graph is read out of Neo4j: lists of some thousand rows per record.

A record for each row costs ten times as much. Ranges of the numbers that Neo4j gives its
records keep a list short, whatever hub it comes from.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from ringfinder.errors import StoreError
from ringfinder.store.batches import (
    ACCOUNTS,
    DECISIONS,
    LABELS,
    PROFILES,
    VALUES,
    GraphTables,
)
from ringfinder.store.events import Outcome
from ringfinder.store.neo4j.columns import LABELS as KIND_LABELS
from ringfinder.store.neo4j.columns import table_of
from ringfinder.store.neo4j.server import Server, Work
from ringfinder.store.neo4j.state import State
from ringfinder.store.reading import joined_graph

_STEP = 4_096
_CODE = {label: code for code, label in enumerate(KIND_LABELS)}
_SPARSE = 1_000  # numbers per row: a store format whose numbers are no ranges
_KEY = pa.field("key", pa.int64(), False)
_SIGHTINGS = pa.schema(
    [
        pa.field(name, pa.int64(), False)
        for name in ("account", "value", "first_ms", "last_ms", "count")
    ]
)


def read_graph(server: Server, work: Work, *, uncounted: bool) -> GraphTables:
    """Return accounts, values and sightings, sorted: see `GraphStore.read_graph`.

    Parameters
    ----------
    server
        Gives a second transaction, which reads accounts and values meanwhile. It takes no
        lock: while the caller's holds it nobody writes, so both read of one moment.
    work
        The caller's transaction, which holds the lock.
    uncounted
        See `GraphStore.read_graph`.
    """
    with ThreadPoolExecutor(max_workers=1) as pool:
        ends = pool.submit(
            server.work, lambda beside: _read_ends(beside, uncounted=uncounted), locked=False
        )
        sightings = table_of(_ranges(work, "sightings"), _SIGHTINGS)
        accounts, values = ends.result()
    return joined_graph(accounts, values, sightings, uncounted=uncounted)


def _read_ends(work: Work, *, uncounted: bool) -> tuple[pa.Table, pa.Table]:
    """Return accounts and values with the numbers of their nodes, sorted."""
    accounts = table_of(_ranges(work, "accounts"), pa.schema([_KEY, *ACCOUNTS]))
    if not uncounted:
        completed = pc.equal(accounts["outcome"], Outcome.COMPLETED)
        counted = pc.and_(pc.is_valid(accounts["created_ms"]), pc.fill_null(completed, False))
        accounts = accounts.filter(counted)
    values = table_of(_with_kinds(_ranges(work, "values")), pa.schema([_KEY, *VALUES]))
    return _sorted(accounts, "account_id"), _sorted(values, "kind", "pseudonym")


def read_profiles(work: Work) -> pa.Table:
    """Return the profiles, sorted by account_id."""
    records = _ranges(work, "accounts", "profiles")
    return _sorted(table_of(records, PROFILES), "account_id")


def read_labels(work: Work) -> pa.Table:
    """Return the labels, sorted by all columns."""
    return _sorted(table_of(work.records("read_labels", step=_STEP), LABELS), *LABELS.names)


def read_decisions(work: Work) -> pa.Table:
    """Return the decisions, sorted by all columns."""
    records = work.records("read_decisions", step=_STEP)
    return _sorted(table_of(records, DECISIONS), *DECISIONS.names)


def read_counts(work: Work, state: State) -> dict[str, int]:
    """Return how much there is of everything; of a void graph, only the rings."""
    names = ("accounts", "values", "sightings", "labels", "decisions", "rings")
    found = work.run("count_rings" if state.clearing else "count_graph")
    return {name: int(found.get(name, 0)) for name in names}


def kind_codes(labels: Iterable[str]) -> list[int]:
    """Return the code of each kind's label."""
    try:
        return [_CODE[label] for label in labels]
    except KeyError:
        raise StoreError(
            "the store holds attribute kinds that this version of ringfinder lacks"
        ) from None


def _ranges(work: Work, of: str, statement: str | None = None) -> Iterator[dict[str, Any]]:
    """Yield what a statement returns for each range of numbers."""
    extent = work.run(f"extent_{of}")
    if not extent["rows"]:
        return
    least, greatest = extent["least"], extent["greatest"]
    if greatest - least > _SPARSE * (extent["rows"] + _STEP * _STEP):
        raise StoreError(
            "the Neo4j database numbers its records in a way that ringfinder cannot read fast: use "
            "one of the format `aligned` (Community's; Enterprise: db.format=aligned)"
        )
    yield from work.records(f"read_{statement or of}", least=least, greatest=greatest, step=_STEP)


def _with_kinds(records: Iterable[dict[str, Any]]) -> Iterator[dict[str, Any]]:
    for record in records:
        record["kind"] = kind_codes(record.pop("label"))
        yield record


def _sorted(table: pa.Table, *names: str) -> pa.Table:
    """Return a table sorted by columns, nulls last, without chunks."""
    return table.sort_by([(name, "ascending") for name in names]).combine_chunks()
