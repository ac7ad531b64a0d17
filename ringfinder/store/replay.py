"""From events to the graph: what a store holds is what this makes of the log."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from ringfinder.graph.columns import AttributeGraph
from ringfinder.model import IntArray
from ringfinder.schema import CODE
from ringfinder.store.batches import (
    ACCOUNTS,
    DECISIONS,
    LABELS,
    PROFILES,
    SIGHTINGS,
    VALUES,
    GraphBatch,
    GraphTables,
)
from ringfinder.store.convert import to_attribute_graph
from ringfinder.store.events import EventType
from ringfinder.store.manifest import Segment
from ringfinder.store.profiles import profile_rows, read_profiles
from ringfinder.store.protocol import GraphStore
from ringfinder.store.segments import EventLog


def project(log: EventLog, store: GraphStore, *, known_by_ms: int | None = None) -> int:
    """Write to the store what the log holds and the store lacks; return how many batches.

    Killed half way, it goes on where it stopped when called again.

    Parameters
    ----------
    log, store
        From, to.
    known_by_ms
        The past as it was known then: leave out what was received later. For a store of
        its own; one that has seen an event as unknown never takes it in afterwards.
    """
    done = store.applied()
    pending = [
        segment
        for segment in log.segments()
        if not any(first <= segment.first and segment.last <= last for first, last in done)
    ]
    profiles = _profiles(log, pending, known_by_ms)
    return sum(
        store.write(to_batch(log, segment, profiles.get(segment), known_by_ms=known_by_ms))
        for segment in pending
    )


def rebuild(log: EventLog, store: GraphStore, *, known_by_ms: int | None = None) -> int:
    """Empty the store and project the whole log; return how many batches it took.

    The log is verified before anything is dropped. Rings and their lineage stay: they are
    results of runs, not of events.

    Raises
    ------
    StoreError
        If the log is damaged; the store is as before.
    """
    log.check()
    store.clear()
    return project(log, store, known_by_ms=known_by_ms)


def read_attribute_graph(log: EventLog, store: GraphStore) -> AttributeGraph:
    """Return the graph of a store with profiles from the log's account-hours."""
    tables = store.read_graph()
    ids = tables.accounts["account_id"]
    profiles = read_profiles(log, ids.combine_chunks(), tables.accounts["created_ms"].to_numpy())
    return to_attribute_graph(tables, profiles)


def _profiles(
    log: EventLog, pending: list[Segment], known_by_ms: int | None
) -> dict[Segment, pa.Table]:
    """Return the profiles that each segment's batch carries, folded in one pass.

    A profile takes in all usage of the log, and travels with the last pending segment that
    names its account: whoever is killed before that one will meet the account again.
    """
    carried: dict[Segment, pa.Array] = {}
    seen = pa.array([], pa.string())
    for segment in reversed(pending):
        if segment.hours is None:
            continue
        names = pc.unique(pq.read_table(log.checked(segment.hours), columns=["account_id"])[0])
        carried[segment] = names.filter(pc.invert(pc.is_in(names, seen)))
        seen = pa.concat_arrays([seen, carried[segment]])
    rows = profile_rows(log, seen, known_by_ms=known_by_ms)
    return {
        segment: rows.filter(pc.is_in(rows["account_id"], names))
        for segment, names in carried.items()
    }


def to_batch(
    log: EventLog,
    segment: Segment,
    profiles: pa.Table | None = None,
    *,
    known_by_ms: int | None = None,
) -> GraphBatch:
    """Return what one segment says about the graph.

    Parameters
    ----------
    log
        The segment's log.
    segment
        The events.
    profiles
        Profiles that the batch carries along (`PROFILES`).
    known_by_ms
        Leave out what was received later; None: nothing.
    """
    events = log.table(segment)
    if known_by_ms is not None:
        events = events.filter(pc.less_equal(events["received_ms"], known_by_ms))
    names = pc.unique(events["account_id"])
    values, sightings = _sightings(events, names)
    return GraphBatch(
        segment.first,
        segment.last,
        GraphTables(_accounts(segment.type, events, names), values, sightings),
        PROFILES.empty_table() if profiles is None else profiles,
        _records(events, LABELS, segment.type == EventType.LABELS),
        _records(events, DECISIONS, segment.type == EventType.DECISIONS),
    )


def _accounts(kind: EventType, events: pa.Table, names: pa.Array) -> pa.Table:
    """Return a row per name, for the sightings to refer to, then a row per fact."""
    named = _shaped(pa.table({"account_id": names}), ACCOUNTS)
    facts = events.select([n for n in ACCOUNTS.names if n in events.column_names])
    if kind == EventType.SIGNUPS:
        facts = facts.append_column("created_ms", events["occurred_ms"])
    elif kind != EventType.OUTCOMES:
        return named
    known = pc.is_valid(events["outcome"])
    when = pc.if_else(known, events["occurred_ms"], pa.scalar(None, pa.int64()))
    return pa.concat_tables([named, _shaped(facts.append_column("outcome_ms", when), ACCOUNTS)])


def _sightings(events: pa.Table, names: pa.Array) -> tuple[pa.Table, pa.Table]:
    """Fold the values of events to distinct values and sightings of them."""
    if "values" not in events.column_names or not len(events):
        return VALUES.empty_table(), SIGHTINGS.empty_table()
    lists = pa.concat_arrays(events["values"].chunks)
    items, event = pc.list_flatten(lists), pc.list_parent_indices(lists).to_numpy()
    values, value = _distinct(items)
    account = pc.index_in(events["account_id"], names).to_numpy()[event]
    ms, times = (column.to_numpy()[event] for column in (events["occurred_ms"], _times(events)))
    rows = pa.table({"account": account, "value": value, "ms": ms, "times": times})
    folded = rows.group_by(["account", "value"], use_threads=False).aggregate(
        [("ms", "min"), ("ms", "max"), ("times", "sum")]
    )
    columns = [folded[name] for name in ("account", "value", "ms_min", "ms_max", "times_sum")]
    return values, pa.table(columns, names=SIGHTINGS.names).cast(SIGHTINGS)


def _times(events: pa.Table) -> pa.ChunkedArray:
    """Return how often the values of each event were seen: its exchanges, at least once."""
    if "exchanges" in events.column_names:
        return pc.max_element_wise(events["exchanges"], 1)
    return pa.chunked_array([np.ones(len(events), np.int64)])


def _distinct(items: pa.StructArray) -> tuple[pa.Table, IntArray]:
    """Return the distinct values, and which of them each item is."""
    kinds = pc.dictionary_encode(pc.struct_field(items, "kind"))
    code_of = np.array([CODE[name] for name in kinds.dictionary.to_pylist()], np.int64)
    pseudonyms = pc.dictionary_encode(pc.struct_field(items, "pseudonym"))
    many = max(len(pseudonyms.dictionary), 1)
    pair = code_of[kinds.indices.to_numpy()] * many + pseudonyms.indices.to_numpy()
    distinct, value = np.unique(pair, return_inverse=True)
    columns = [
        pa.array((distinct // many).astype(np.int8)),
        pseudonyms.dictionary.take(pa.array(distinct % many)),
    ]
    return pa.Table.from_arrays(columns, schema=VALUES), value


def _records(events: pa.Table, schema: pa.Schema, wanted: bool) -> pa.Table:
    """Return labels or decisions; no row for events of another type."""
    if not wanted:
        return schema.empty_table()
    return _shaped(events.append_column("decided_ms", events["occurred_ms"]), schema)


def _shaped(table: pa.Table, schema: pa.Schema) -> pa.Table:
    """Return the columns of a schema, null where the table has none."""
    columns = [
        table[field.name] if field.name in table.column_names else pa.nulls(len(table), field.type)
        for field in schema
    ]
    return pa.table(columns, schema=schema)
