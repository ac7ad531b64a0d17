"""How a batch gets into the embedded store's tables."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Protocol

import duckdb
import numpy as np
import pyarrow as pa

from ringfinder.errors import StoreError
from ringfinder.schema import KINDS
from ringfinder.store.batches import GraphBatch
from ringfinder.store.knownnames import KnownNames
from ringfinder.store.parts import merged
from ringfinder.store.protocol import Interval
from ringfinder.store.tables import FOLDS

# What is known is looked up by one semi-join that hashes the batch and scans what is near: the
# store, or the rows of it that `KnownNames` points to. A join that hashes the store, or a second
# scan of its strings, would be most of what a small batch costs. New keys follow the highest one,
# in the order of the names.
_ACCOUNT_KEYS = """
    CREATE TEMP TABLE account_key AS
    SELECT key, account_id FROM near_account SEMI JOIN named USING (account_id);
    CREATE TEMP TABLE new_account AS
    SELECT ((SELECT coalesce(max(key) + 1, 0) FROM account)
            + row_number() OVER (ORDER BY account_id) - 1)::INTEGER AS key, account_id
    FROM (SELECT DISTINCT account_id FROM named ANTI JOIN account_key USING (account_id));
    INSERT INTO account FROM new_account ORDER BY key;
    INSERT INTO account_key FROM new_account;
    CREATE TEMP TABLE account_of AS
    SELECT row, key FROM new_accounts JOIN account_key USING (account_id);
"""
_TOLD = """
    CREATE TEMP TABLE told AS
    SELECT row, kinds.name AS kind, pseudonym FROM new_values JOIN kinds USING (kind)
"""
_VALUE_KEYS = """
    CREATE TEMP TABLE value_key AS
    SELECT key, kind, pseudonym FROM near_attribute SEMI JOIN told USING (kind, pseudonym);
    CREATE TEMP TABLE new_attribute AS
    SELECT ((SELECT coalesce(max(key) + 1, 0) FROM attribute)
            + row_number() OVER (ORDER BY kind, pseudonym) - 1)::INTEGER AS key, kind, pseudonym
    FROM (SELECT DISTINCT kind, pseudonym FROM told
          ANTI JOIN value_key USING (kind, pseudonym));
    INSERT INTO attribute FROM new_attribute ORDER BY key;
    INSERT INTO value_key FROM new_attribute;
    CREATE TEMP TABLE value_of AS
    SELECT row, key FROM told JOIN value_key USING (kind, pseudonym);
"""
_KEYS = {"account": _ACCOUNT_KEYS, "attribute": _VALUE_KEYS}
_FACTS = """
    INSERT INTO fact
    SELECT key, created_ms, closed_ms, created_ms, country, created_ms, plan, created_ms,
           email_verified, outcome_ms, outcome
    FROM new_accounts JOIN account_of USING (row)
    WHERE coalesce(created_ms, closed_ms, outcome_ms) IS NOT NULL
"""
_SIGHTINGS = """
    INSERT INTO sighting
    SELECT account_of.key, value_of.key, first_ms, last_ms, count
    FROM new_sightings JOIN account_of ON account_of.row = new_sightings.account
    JOIN value_of ON value_of.row = new_sightings.value
"""
_PROFILES = """
    INSERT INTO profile
    SELECT key, through, hours, active_days, exchanges, input_tokens, output_tokens,
           first_use_ms, last_use_ms
    FROM new_profiles JOIN account_key USING (account_id)
"""
_LABELS, _DECISIONS = (
    f"""
    INSERT INTO {part}
    (FROM new_{part}s EXCEPT (FROM {part} SEMI JOIN new_{part}s USING (account_id)))
    """
    for part in ("label", "decision")
)
_EXTENT = "\n    UNION ALL ".join(
    f"SELECT '{part}', (SELECT count(*) FROM {part}), "
    f"(SELECT rows FROM folded WHERE part = '{part}')"
    for part in FOLDS
)


class Ranged(Protocol):
    """What stands for a range of events: `first` and `last` are both in it."""

    @property
    def first(self) -> int:
        """The sequence number of the first."""

    @property
    def last(self) -> int:
        """The sequence number of the last."""


def take_in(
    connection: duckdb.DuckDBPyConnection,
    batch: GraphBatch,
    *,
    fold_after: int,
    known: KnownNames | None = None,
) -> bool:
    """Write a batch inside the caller's transaction; False where it had been written before.

    Parameters
    ----------
    connection
        In a transaction.
    batch
        What to write.
    fold_after
        Fold a table once it has grown by this many rows, and doubled.
    known
        What the store has, where that is remembered; None: look through it.

    Raises
    ------
    StoreError
        If a part of the batch's range was written before, and a part was not.
    """
    applied = read_applied(connection)
    if not check_range(batch, applied):
        return False
    _register(connection, batch)
    _give_keys(connection, "account", "named", known)
    if len(batch.graph.values):
        connection.execute(_TOLD)
        _give_keys(connection, "attribute", "told", known)
    for statement, brought in (
        (_FACTS, batch.graph.accounts),
        (_SIGHTINGS, batch.graph.sightings),
        (_PROFILES, batch.profiles),
        (_LABELS, batch.labels),
        (_DECISIONS, batch.decisions),
    ):
        if len(brought):
            connection.execute(statement)
    _fold_what_has_grown(connection, fold_after)
    _write_applied(connection, merged([*applied, (batch.first, batch.last)]))
    return True


def check_range(batch: Ranged, applied: Iterable[Interval]) -> bool:
    """Return whether a batch is still to be written; False where all of it was written before.

    Raises
    ------
    StoreError
        If a part of its range was written before, and a part was not.
    """
    if any(first <= batch.first and batch.last <= last for first, last in applied):
        return False
    if any(first <= batch.last and batch.first <= last for first, last in applied):
        raise StoreError(
            f"events {batch.first} to {batch.last} are partly in the store: the batches must be "
            "cut as they were; run `ringfinder rebuild` if they no longer can be"
        )
    return True


def read_applied(connection: duckdb.DuckDBPyConnection) -> tuple[Interval, ...]:
    """Return the sequence numbers taken in, as rising intervals."""
    rows = connection.execute("SELECT first, last FROM applied ORDER BY first").fetchall()
    return tuple((first, last) for first, last in rows)


def _write_applied(connection: duckdb.DuckDBPyConnection, intervals: list[Interval]) -> None:
    connection.execute("DELETE FROM applied")
    connection.executemany("INSERT INTO applied VALUES (?, ?)", [list(pair) for pair in intervals])


def _register(connection: duckdb.DuckDBPyConnection, batch: GraphBatch) -> None:
    """Make the batch's tables visible to SQL, with row numbers where others refer to them."""
    named = [t["account_id"] for t in (batch.profiles, batch.labels, batch.decisions)]
    accounts = batch.graph.accounts
    ids = pa.chunked_array(
        [c for i in (accounts["account_id"], *named) for c in i.chunks], pa.string()
    )
    tables = {
        "kinds": kinds(),
        "named": pa.table({"account_id": ids}),
        "new_accounts": _numbered(accounts),
        "new_values": _numbered(batch.graph.values),
        "new_sightings": batch.graph.sightings,
        "new_profiles": batch.profiles,
        "new_labels": batch.labels,
        "new_decisions": batch.decisions,
    }
    for name, table in tables.items():
        connection.register(name, table)


def kinds() -> pa.Table:
    """Return code and name of each attribute kind: names are stored, codes may change."""
    codes = pa.array(range(len(KINDS)), pa.int8())
    return pa.table({"kind": codes, "name": [kind.name for kind in KINDS]})


def _numbered(table: pa.Table) -> pa.Table:
    return table.append_column("row", pa.array(np.arange(len(table), dtype=np.int32)))


def _give_keys(
    connection: duckdb.DuckDBPyConnection, table: str, named: str, known: KnownNames | None
) -> None:
    """Give each name its key, the one that it has or a new one; `named` has the names."""
    if known is None:
        connection.execute(f"CREATE TEMP VIEW near_{table} AS FROM {table}")
        connection.execute(_KEYS[table])
        return
    # A table, not a view: two conditions at once would have the strings of every row read.
    connection.register(f"met_{table}", known.keys(connection, table, named))
    connection.execute(
        f"CREATE TEMP TABLE near_{table} AS FROM {table} SEMI JOIN met_{table} USING (key)"
    )
    connection.execute(_KEYS[table])
    known.add(connection, table, f"new_{table}")


def _fold_what_has_grown(connection: duckdb.DuckDBPyConnection, fold_after: int) -> None:
    """Replace each appended table by its fold once it has grown by its own size."""
    for part, rows, known in connection.execute(_EXTENT).fetchall():
        before = known or 0
        if rows - before > max(fold_after, before):
            _fold(connection, part)


def _fold(connection: duckdb.DuckDBPyConnection, part: str) -> None:
    connection.execute(f"CREATE TABLE fresh AS {FOLDS[part]} ORDER BY account")
    connection.execute(f"DROP TABLE {part}")
    connection.execute(f"ALTER TABLE fresh RENAME TO {part}")
    connection.execute("DELETE FROM folded WHERE part = ?", [part])
    connection.execute("INSERT INTO folded SELECT ?, count(*) FROM " + part, [part])
