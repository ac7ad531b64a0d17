"""Values that only all events of an account decide, derived when the graph is read.

The hour of sign-up is the founding sign-up's, the hours of use are the first and the last
one's, a model is taken up on the day it was first asked. As sightings they would have to be
taken back whenever an earlier event arrives; so the store keeps the hour of every sign-up,
the log keeps pseudonyms beside account-hours and models, and the ones that count are chosen
here. Whatever order events come in, and whichever store keeps the graph, it is the same.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from ringfinder.model import IntArray
from ringfinder.schema import CODE
from ringfinder.store.batches import SIGHTINGS, VALUES, GraphTables
from ringfinder.store.events import EventType
from ringfinder.store.manifest import FileEntry, Segment
from ringfinder.store.memory import arrow, workspace
from ringfinder.store.segments import EventLog

DERIVED_KINDS = ("activity_window", "model_adoption")
"""Kinds that no store holds: they follow from the log's account-hours and models."""

_FIRST_AND_LAST = f"""
    WITH used AS (
        SELECT account, min(first_ms) AS first_ms, max(last_ms) AS last_ms,
               arg_min(first_window, first_ms) AS first_window,
               arg_max(last_window, last_ms) AS last_window
        FROM files JOIN accounts USING (account_id) WHERE first_ms IS NOT NULL GROUP BY account
    )
    SELECT account, {CODE["activity_window"]}::TINYINT AS kind, first_window AS pseudonym,
           first_ms, first_ms AS last_ms, 1::BIGINT AS count
    FROM used WHERE first_window IS NOT NULL
    UNION ALL
    SELECT account, {CODE["activity_window"]}::TINYINT, last_window, last_ms, last_ms, 1::BIGINT
    FROM used WHERE last_window IS NOT NULL
"""
_ADOPTIONS = f"""
    SELECT account, {CODE["model_adoption"]}::TINYINT AS kind,
           arg_min(adoption, first_ms) AS pseudonym,
           min(first_ms) AS first_ms, max(last_ms) AS last_ms, sum(count)::BIGINT AS count
    FROM files JOIN accounts USING (account_id) GROUP BY account, model
"""


def with_derived(tables: GraphTables, log: EventLog) -> GraphTables:
    """Return the graph of a store with the values that its accounts' events decide together.

    Parameters
    ----------
    tables
        From `GraphStore.read_graph`: sorted, each key once, every account signed up.
    log
        The events of the same accounts.

    Returns
    -------
    GraphTables
        Sorted likewise. Of `signup_window` only the founding sign-up's is left, seen once.
    """
    tables = _founding_hours(tables)
    ids = tables.accounts["account_id"]

    def folded(usage: Sequence[Segment]) -> pa.Table:
        first_and_last = _fold(log, ids, [s.hours for s in usage], _FIRST_AND_LAST)
        return pa.concat_tables(
            [first_and_last, _fold(log, ids, [s.models for s in usage], _ADOPTIONS)]
        )

    rows = log.using(EventType.USAGE, folded)
    return _joined(tables, rows) if len(rows) else tables


_ROWS = pa.schema([SIGHTINGS.field("account"), *VALUES, *(SIGHTINGS.field(i) for i in (2, 3, 4))])


def _fold(
    log: EventLog,
    account_ids: pa.ChunkedArray,
    entries: Sequence[FileEntry | None],
    query: str,
) -> pa.Table:
    """Return sightings of one kind, folded from files beside the segments."""
    files = [str(log.checked(entry)) for entry in entries if entry is not None]
    if not files:
        return _ROWS.empty_table()
    rows = pa.array(np.arange(len(account_ids), dtype=np.int32))
    accounts = pa.table({"account_id": account_ids, "account": rows})
    with workspace(log.spill, accounts=accounts) as connection:
        connection.read_parquet(files).create_view("files")
        found = arrow(connection, query)
    return found.filter(pc.is_valid(found["pseudonym"])).cast(_ROWS)


def _founding_hours(tables: GraphTables) -> GraphTables:
    """Leave of the hours of sign-up the one in which the account was created, seen once."""
    kind = tables.values["kind"].to_numpy()
    seen = {name: tables.sightings[name].to_numpy() for name in SIGHTINGS.names}
    window = kind[seen["value"]] == CODE["signup_window"]
    created = tables.accounts["created_ms"].to_numpy()[seen["account"]]
    kept = ~window | (seen["first_ms"] == created)
    seen["last_ms"] = np.where(window, seen["first_ms"], seen["last_ms"])
    seen["count"] = np.where(window, 1, seen["count"])
    seen = {name: column[kept] for name, column in seen.items()}
    values = tables.values
    if not kept.all():
        held = np.bincount(seen["value"], minlength=len(kind)) > 0
        values = values.filter(pa.array(held))
        seen["value"] = (np.cumsum(held) - 1)[seen["value"]].astype(np.int32)
    return GraphTables(tables.accounts, values, pa.table(seen, schema=SIGHTINGS))


def _joined(tables: GraphTables, rows: pa.Table) -> GraphTables:
    """Return the tables with further sightings, of kinds that they do not hold."""
    known = len(tables.values)
    names = rows["pseudonym"].combine_chunks().dictionary_encode()
    many = len(names.dictionary)
    pair = rows["kind"].to_numpy().astype(np.int64) * many + names.indices.to_numpy()
    distinct, code = np.unique(pair, return_inverse=True)
    fresh = pa.table(
        [
            pa.array((distinct // many).astype(np.int8)),
            names.dictionary.take(pa.array(distinct % many)),
        ],
        schema=VALUES,
    )
    values = pa.concat_tables([tables.values, fresh])
    order = pc.sort_indices(values, [("kind", "ascending"), ("pseudonym", "ascending")])
    rank = np.empty(len(values), dtype=np.int32)
    rank[order.to_numpy()] = np.arange(len(values), dtype=np.int32)
    seen = pa.concat_tables(
        [tables.sightings, _sightings(rows, code + known)], promote_options="none"
    )
    account, value = seen["account"].to_numpy(), rank[seen["value"].to_numpy()]
    by_key = pa.array(np.argsort(account.astype(np.int64) * len(values) + value, kind="stable"))
    seen = seen.set_column(1, SIGHTINGS.field("value"), pa.array(value)).take(by_key)
    return GraphTables(tables.accounts, values.take(order), seen)


def _sightings(rows: pa.Table, value: IntArray) -> pa.Table:
    """Return the rows as sightings; each pair of account and value occurs in one of them."""
    table = rows.select(["account", "first_ms", "last_ms", "count"])
    table = table.add_column(1, SIGHTINGS.field("value"), pa.array(value.astype(np.int32)))
    return table.cast(SIGHTINGS)
