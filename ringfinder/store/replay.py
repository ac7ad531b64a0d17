"""From events to the graph: what a store holds is what this makes of the log."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import groupby

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from ringfinder.errors import StoreError
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
    joined,
)
from ringfinder.store.convert import to_attribute_graph
from ringfinder.store.derived import with_derived
from ringfinder.store.events import EVENT_SCHEMAS, PSEUDONYMS, EventType
from ringfinder.store.manifest import Segment
from ringfinder.store.parts import Work, pending_work
from ringfinder.store.profiles import profile_rows, read_profiles
from ringfinder.store.protocol import GraphStore, Interval
from ringfinder.store.segments import EventLog


def project(log: EventLog, store: GraphStore, *, known_by_ms: int | None = None) -> int:
    """Write to the store what the log holds and the store lacks; return how many batches.

    Killed half way, it goes on where it stopped when called again. The events of a segment
    become as many batches as the store asks for (`GraphStore.batch_events`), small neighbours
    one; how they are cut changes nothing that can be read.

    Parameters
    ----------
    log, store
        From, to.
    known_by_ms
        The past as it was known then: leave out what was received later. For a store of
        its own; one that has seen an event as unknown never takes it in afterwards.
    """
    written = 0
    late: list[tuple[Sequence[Segment], pa.Array]] = []
    while True:
        done, begun = store.applied(), store.begun()
        pending = pending_work(log.segments(), done, begun, store.batch_events)
        profiles = _profiles(log, pending, known_by_ms)
        try:
            for segments, parts in pending:
                for batch in _batches(log, segments, parts, profiles, known_by_ms):
                    written += store.write(batch)
                    if not set(segments).issubset(log.segments()):  # rewritten meanwhile
                        late.append((segments, _names([batch.graph.accounts, batch.profiles])))
        except StoreError:
            _erase_again(log, store, late)
            if (store.applied(), store.begun()) == (done, begun):
                raise
            continue  # another loader was at it: go on behind what it wrote, or help it
        _erase_again(log, store, late)
        return written


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
    """Return the graph of a store with what the log folds: profiles, hours and models of use."""
    tables = with_derived(store.read_graph(), log)
    ids = tables.accounts["account_id"]
    profiles = read_profiles(log, ids.combine_chunks(), tables.accounts["created_ms"].to_numpy())
    return to_attribute_graph(tables, profiles)


def _batches(
    log: EventLog,
    segments: Sequence[Segment],
    parts: Sequence[Interval],
    profiles: Mapping[Interval, pa.Table],
    known_by_ms: int | None,
) -> Iterator[GraphBatch]:
    """Yield a batch per part; a part that several segments share is folded one by one."""

    def events(some: Iterable[Segment]) -> dict[EventType, pa.Table]:
        return {s.type: _known(log.table(s, _told(s.type)), known_by_ms) for s in some}

    if len({segment.first for segment in segments}) == 1:
        held = events(segments)
        yield from (to_batch(part, held, profiles.get(part)) for part in parts)
        return
    (part,) = parts
    same = groupby(segments, key=lambda s: (s.first, s.last))
    yield joined(part, [to_batch(part, events(some)) for _, some in same], profiles.get(part))


def _erase_again(
    log: EventLog, store: GraphStore, late: list[tuple[Sequence[Segment], pa.Array]]
) -> None:
    """Take out of the store who was erased from the log while a batch was on its way there.

    Who signed up again since goes as well: the nightly check finds that and mends it. So it
    does where this process is killed first.

    Parameters
    ----------
    log, store
        From, to.
    late
        Segments that were rewritten since they were read, and accounts written out of them;
        emptied.
    """
    while late:
        segments, written = late[-1]
        left = _names(log.table(segment, ["account_id"]) for segment in segments)
        gone = written.filter(pc.invert(pc.is_in(written, left)))
        if len(gone):
            store.erase(gone.to_pylist())
        late.pop()


def _names(tables: Iterable[pa.Table]) -> pa.Array:
    """Return the accounts that some tables name."""
    chunks = [chunk for table in tables for chunk in table["account_id"].chunks]
    return pc.unique(pa.chunked_array(chunks, pa.string()))


def _profiles(
    log: EventLog,
    pending: Sequence[Work],
    known_by_ms: int | None,
) -> dict[Interval, pa.Table]:
    """Return the profiles that each part's batch carries, folded in one pass.

    A profile takes in all usage of the log, and travels with the last pending part that
    names its account: whoever is killed before that one will meet the account again.
    """
    carried: dict[Interval, pa.Array] = {}
    seen = pa.array([], pa.string())
    for segments, parts in reversed(pending):
        tables = [log.table(s, ["sequence", "account_id"]) for s in segments if s.hours is not None]
        if not tables:
            continue
        events = pa.concat_tables(tables)
        row_part = np.searchsorted([last for _, last in parts], events["sequence"].to_numpy())
        for at, part in reversed(list(enumerate(parts))):
            beyond = at == len(parts) - 1  # what a store has already is named by the last part
            mask = row_part >= at if beyond else row_part == at
            names = pc.unique(events["account_id"].filter(pa.array(mask)))
            carried[part] = names.filter(pc.invert(pc.is_in(names, seen)))
            seen = pa.concat_arrays([seen, carried[part]])
    rows = profile_rows(log, seen, known_by_ms=known_by_ms)
    return {
        part: rows.filter(pc.is_in(rows["account_id"], names)) for part, names in carried.items()
    }


def to_batch(
    part: Interval, events: Mapping[EventType, pa.Table], profiles: pa.Table | None = None
) -> GraphBatch:
    """Return what events say about the graph.

    Parameters
    ----------
    part
        The sequence numbers that the batch stands for; other events are left out.
    events
        Events of each type, with their `sequence`, as the log returns them.
    profiles
        Profiles that the batch carries along (`PROFILES`).
    """
    tables = {kind: _within(table, part) for kind, table in events.items()}
    names = _names(tables.values())
    facts = [_facts(kind, table) for kind, table in tables.items()]
    named = _shaped(pa.table({"account_id": names}), ACCOUNTS)
    values, sightings = _sightings(list(tables.values()), names)
    return GraphBatch(
        *part,
        GraphTables(pa.concat_tables([named, *facts]), values, sightings),
        PROFILES.empty_table() if profiles is None else profiles,
        _records(tables.get(EventType.LABELS), LABELS),
        _records(tables.get(EventType.DECISIONS), DECISIONS),
    )


def _told(kind: EventType) -> list[str]:
    """Return the columns that a graph is made of; ids are long, and most of what is read."""
    unread = PSEUDONYMS | {"event_id", "normaliser"}
    return ["sequence", *(name for name in EVENT_SCHEMAS[kind].names if name not in unread)]


def _known(events: pa.Table, known_by_ms: int | None) -> pa.Table:
    if known_by_ms is None:
        return events
    return events.filter(pc.less_equal(events["received_ms"], known_by_ms))


def _within(events: pa.Table, part: Interval) -> pa.Table:
    """Return the events of an interval; the table itself where it holds no others."""
    bounds = pc.min_max(events["sequence"]).as_py()
    if not len(events) or (part[0] <= bounds["min"] and bounds["max"] <= part[1]):
        return events
    after = pc.greater_equal(events["sequence"], part[0])
    return events.filter(pc.and_(after, pc.less_equal(events["sequence"], part[1])))


def _facts(kind: EventType, events: pa.Table) -> pa.Table:
    """Return a row of accounts per fact: sign-ups and their outcomes."""
    if kind not in {EventType.SIGNUPS, EventType.OUTCOMES}:
        return ACCOUNTS.empty_table()
    facts = events.select([n for n in ACCOUNTS.names if n in events.column_names])
    if kind == EventType.SIGNUPS:
        facts = facts.append_column("created_ms", events["occurred_ms"])
    known = pc.is_valid(events["outcome"])
    when = pc.if_else(known, events["occurred_ms"], pa.scalar(None, pa.int64()))
    return _shaped(facts.append_column("outcome_ms", when), ACCOUNTS)


def _sightings(tables: Sequence[pa.Table], names: pa.Array) -> tuple[pa.Table, pa.Table]:
    """Fold the values of events to distinct values and sightings of them."""
    seen = [table for table in tables if "values" in table.column_names and len(table)]
    if not seen:
        return VALUES.empty_table(), SIGHTINGS.empty_table()
    lists = pa.concat_arrays([chunk for table in seen for chunk in table["values"].chunks])
    items, event = pc.list_flatten(lists), pc.list_parent_indices(lists).to_numpy()
    values, value = _distinct(items)
    account = np.concatenate([pc.index_in(t["account_id"], names).to_numpy() for t in seen])
    ms = np.concatenate([t["occurred_ms"].to_numpy() for t in seen])
    times = np.concatenate([_times(t).to_numpy() for t in seen])
    columns = {"account": account[event], "value": value, "ms": ms[event], "times": times[event]}
    rows = pa.table(columns)
    folded = rows.group_by(["account", "value"], use_threads=False).aggregate(
        [("ms", "min"), ("ms", "max"), ("times", "sum")]
    )
    kept = [folded[name] for name in ("account", "value", "ms_min", "ms_max", "times_sum")]
    return values, pa.table(kept, names=SIGHTINGS.names).cast(SIGHTINGS)


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
    kind, value = code_of[kinds.indices.to_numpy()], pseudonyms.indices.to_numpy()
    kind_of = np.zeros(many, np.int64)
    kind_of[value] = kind
    if (kind_of[value] == kind).all():  # a pseudonym is of one kind, by how it is made
        return _values(kind_of[: len(pseudonyms.dictionary)], pseudonyms.dictionary), value
    distinct, value = np.unique(kind * many + value, return_inverse=True)
    return _values(distinct // many, pseudonyms.dictionary.take(pa.array(distinct % many))), value


def _values(kind: IntArray, pseudonym: pa.StringArray) -> pa.Table:
    return pa.Table.from_arrays([pa.array(kind.astype(np.int8)), pseudonym], schema=VALUES)


def _records(events: pa.Table | None, schema: pa.Schema) -> pa.Table:
    """Return labels or decisions; no row where there are none."""
    if events is None:
        return schema.empty_table()
    return _shaped(events.append_column("decided_ms", events["occurred_ms"]), schema)


def _shaped(table: pa.Table, schema: pa.Schema) -> pa.Table:
    """Return the columns of a schema, null where the table has none."""
    columns = [
        table[field.name] if field.name in table.column_names else pa.nulls(len(table), field.type)
        for field in schema
    ]
    return pa.table(columns, schema=schema)
