"""How the graph is read out of the embedded store's tables."""

from __future__ import annotations

import duckdb
import numpy as np
import pyarrow as pa

from ringfinder.errors import StoreError
from ringfinder.model import IntArray
from ringfinder.store.batches import (
    ACCOUNTS,
    DECISIONS,
    LABELS,
    PROFILES,
    SIGHTINGS,
    VALUES,
    GraphTables,
)
from ringfinder.store.events import Outcome
from ringfinder.store.loading import kinds
from ringfinder.store.memory import arrow
from ringfinder.store.tables import FOLDS

_COUNTED = f"created_ms IS NOT NULL AND outcome = '{Outcome.COMPLETED}'"
_ACCOUNTS = f"""
    SELECT key, account_id, created_ms, closed_ms, country, plan, email_verified, outcome,
           outcome_ms
    FROM account LEFT JOIN ({FOLDS["fact"]}) AS facts ON facts.account = account.key
    WHERE $uncounted OR ({_COUNTED}) ORDER BY account_id
"""
_VALUES = """
    SELECT key, kinds.kind, pseudonym
    FROM attribute LEFT JOIN kinds ON kinds.name = attribute.kind ORDER BY kinds.kind, pseudonym
"""
_PROFILES = f"""
    SELECT account_id, profiles.* EXCLUDE (account)
    FROM ({FOLDS["profile"]}) AS profiles JOIN account ON account.key = profiles.account
    ORDER BY account_id
"""
_COUNTS = f"""
    WITH counted AS (SELECT account FROM ({FOLDS["fact"]}) WHERE {_COUNTED}),
    seen AS (SELECT DISTINCT account, value FROM sighting SEMI JOIN counted USING (account))
    SELECT (SELECT count(*) FROM counted) AS accounts,
           (SELECT count(DISTINCT value) FROM seen) AS "values",
           (SELECT count(*) FROM seen) AS sightings,
           (SELECT count(*) FROM label) AS labels,
           (SELECT count(*) FROM decision) AS decisions,
           (SELECT count(*) FROM ring) AS rings
"""


def read_graph(connection: duckdb.DuckDBPyConnection, *, uncounted: bool) -> GraphTables:
    """Return accounts, values and sightings, sorted: see `GraphStore.read_graph`."""
    connection.register("kinds", kinds())
    accounts = arrow(connection, _ACCOUNTS, {"uncounted": uncounted})
    values = arrow(connection, _VALUES)
    if values["kind"].null_count:
        raise StoreError("the store holds attribute kinds that this version of ringfinder lacks")
    sightings = arrow(connection, FOLDS["sighting"])
    return joined_graph(accounts, values, sightings, uncounted=uncounted)


def joined_graph(
    accounts: pa.Table, values: pa.Table, sightings: pa.Table, *, uncounted: bool
) -> GraphTables:
    """Put accounts and values in order, and sightings of them beneath their rows.

    Parameters
    ----------
    accounts, values
        `ACCOUNTS` and `VALUES` with a column `key` in front, sorted; accounts that do not
        count may have been left out, with their sightings.
    sightings
        account and value (keys), first_ms, last_ms, count: each pair once.
    uncounted
        False: values that none of the accounts was seen with are left out.
    """
    account = rank(accounts["key"], sightings["account"])
    rows = np.flatnonzero(account >= 0)
    if not uncounted:
        times_held = np.bincount(sightings["value"].to_numpy()[rows], minlength=_end(values["key"]))
        values = values.filter(pa.array(times_held[values["key"].to_numpy()] > 0))
    value = rank(values["key"], sightings["value"])
    rows = rows[
        np.argsort(account[rows].astype(np.int64) * len(values) + value[rows], kind="stable")
    ]
    times = (sightings[name].to_numpy()[rows] for name in ("first_ms", "last_ms", "count"))
    return GraphTables(
        accounts.drop_columns(["key"]).cast(ACCOUNTS),
        values.drop_columns(["key"]).cast(VALUES),
        pa.Table.from_arrays(
            [pa.array(c) for c in (account[rows], value[rows], *times)], schema=SIGHTINGS
        ),
    )


def read_profiles(connection: duckdb.DuckDBPyConnection) -> pa.Table:
    """Return the profiles, sorted by account_id."""
    return arrow(connection, _PROFILES).cast(PROFILES)


def read_labels(connection: duckdb.DuckDBPyConnection) -> pa.Table:
    """Return the labels, sorted by all columns."""
    return arrow(connection, "FROM label ORDER BY ALL").cast(LABELS)


def read_decisions(connection: duckdb.DuckDBPyConnection) -> pa.Table:
    """Return the decisions, sorted by all columns."""
    return arrow(connection, "FROM decision ORDER BY ALL").cast(DECISIONS)


def read_counts(connection: duckdb.DuckDBPyConnection) -> dict[str, int]:
    """Return how much there is of everything."""
    counts: dict[str, int] = arrow(connection, _COUNTS).to_pylist()[0]
    return counts


def _end(keys: pa.ChunkedArray) -> int:
    """Return the first number above all keys."""
    return int(keys.to_numpy().max(initial=-1)) + 1


def rank(keys: pa.ChunkedArray, wanted: pa.ChunkedArray) -> IntArray:
    """Return in which row of `keys` each wanted key stands, int32; -1 for none."""
    have, want = keys.to_numpy(), wanted.to_numpy()
    rank = np.full(max(_end(keys), _end(wanted)), -1, np.int32)
    rank[have] = np.arange(len(have), dtype=np.int32)
    ranked: IntArray = rank[want]
    return ranked
