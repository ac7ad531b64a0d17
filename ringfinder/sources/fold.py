"""From rows to columns: accounts, sightings, profiles, labels."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, cast

import duckdb
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from ringfinder.durations import DAY_MS, HOUR_MS
from ringfinder.graph.columns import NEVER, Profiles
from ringfinder.graph.telemetry import RawSightings
from ringfinder.model import IntArray
from ringfinder.sources.checks import trimmed
from ringfinder.sources.columns import TABLES, TIME_OF, Type
from ringfinder.sources.scan import ACCOUNTS
from ringfinder.sources.stage import Staged

_INT32 = 2**31 - 1
_INT64 = 2**63 - 1
_BATCH = 1 << 20
_COUNTS = ("exchanges", "input_tokens", "output_tokens")
_NO_DAYS = "SELECT 0::INTEGER AS idx, 0::INTEGER AS part, 0::INTEGER AS n WHERE false"


def make_accounts(con: duckdb.DuckDBPyConnection, signups: Staged) -> int:
    """Make the table of accounts from the sign-ups; return their number.

    Where an account has several sign-ups, the earliest founds it. What that one leaves
    open is taken from the next that says it, and among several at one time from the
    first by content, so that the order of rows changes nothing.
    """

    def earliest(field: str, type_: str = "VARCHAR") -> str:
        if field not in signups.fields:
            return f"NULL::{type_} AS {field}"
        said = f"min(struct_pack(t := created_at, v := {field})) FILTER ({field} IS NOT NULL)"
        return f"struct_extract({said}, 'v') AS {field}"

    closed = "max(closed_at)" if "closed_at" in signups.fields else "NULL::BIGINT"
    con.execute(
        f"CREATE TABLE {ACCOUNTS} AS SELECT *, "
        "(row_number() OVER (ORDER BY account_id) - 1)::INTEGER AS idx FROM ("
        f"SELECT account_id, min(created_at) AS created_at, {closed} AS closed_at, "
        f"{earliest('country')}, {earliest('plan')}, {earliest('email_verified', 'TINYINT')} "
        "FROM signups GROUP BY account_id)"
    )
    kept = ", ".join(["idx", "s.created_at", *(f for f in _values_of(signups))])
    con.execute(
        f"CREATE TABLE founded AS SELECT {kept} FROM signups s "
        f"JOIN {ACCOUNTS} a ON s.account_id = a.account_id"
    )
    con.execute("DROP TABLE signups; ALTER TABLE founded RENAME TO signups")
    return int(con.execute(f"SELECT count(*) FROM {ACCOUNTS}").fetchall()[0][0])


def rounded_accounts(con: duckdb.DuckDBPyConnection) -> tuple[int, int]:
    """Return sign-ups and accounts with ids that a spreadsheet has rounded (``1.2E+15``)."""
    found = con.execute(
        f"SELECT idx FROM {ACCOUNTS} "
        "WHERE regexp_full_match(account_id, '[0-9]([.,][0-9]+)?[Ee]\\+[0-9]{2}')"
    ).fetchnumpy()["idx"]
    if not len(found):
        return 0, 0
    count = "SELECT count(*) FROM signups WHERE list_contains(?, idx)"
    return int(con.execute(count, [found.tolist()]).fetchall()[0][0]), len(found)


def read_accounts(con: duckdb.DuckDBPyConnection) -> dict[str, Any]:
    """Return the columns of `Telemetry` that describe accounts, by name."""
    table = con.sql(
        f"SELECT account_id, created_at, coalesce(closed_at, {NEVER}) AS closed_at, "
        "upper(country) AS country, lower(plan) AS plan, "
        f"coalesce(email_verified, -1)::TINYINT AS email_verified FROM {ACCOUNTS} ORDER BY idx"
    ).to_arrow_table()
    return {
        "account_ids": _strings(table, "account_id"),
        "created_ms": table["created_at"].to_numpy(),
        "closed_ms": table["closed_at"].to_numpy(),
        "country": _strings(table, "country"),
        "plan": _strings(table, "plan"),
        "email_verified": table["email_verified"].to_numpy(),
    }


def find_sightings(
    con: duckdb.DuckDBPyConnection, staged: Mapping[str, Staged]
) -> dict[str, RawSightings]:
    """Fold every field that holds attribute values, over all tables that have it.

    The columns are dropped from the tables.

    Returns
    -------
    dict
        By field, only fields with at least one value.
    """
    fields = dict.fromkeys(f for table in staged.values() for f in _values_of(table))
    found = {}
    for field in fields:
        holders = [s for s in staged.values() if field in s.fields]
        sightings = fold_sightings(con, field, [_seen(s, field) for s in holders])
        if len(sightings.account):
            found[field] = sightings
        for table in holders:  # nobody reads the texts again, and they are most of a table
            con.execute(f"ALTER TABLE {table.table} DROP COLUMN {field}")
    return found


def _values_of(staged: Staged) -> list[str]:
    """Return the fields of a table that hold attribute values as text."""
    declared = TABLES[staged.table]
    values = {c.name for c in declared if c.is_value and c.type is Type.TEXT}
    return [field for field in staged.fields if field in values]


def _seen(staged: Staged, field: str) -> str:
    """Return SQL for (idx, v, t, n) of one field of one table."""
    return (
        f"SELECT idx, {field} AS v, {TIME_OF[staged.table]} AS t, {times(staged)} AS n "
        f"FROM {staged.table} WHERE {field} IS NOT NULL"
    )


def times(staged: Staged) -> str:
    """Return SQL for how often the values of a row were seen: at least once."""
    told = staged.table == "usage" and "exchanges" in staged.fields
    return "greatest(coalesce(exchanges, 1), 1)" if told else "1"


def fold_sightings(con: duckdb.DuckDBPyConnection, field: str, seen: Sequence[str]) -> RawSightings:
    """Fold rows (idx, v, t, n) to distinct pairs of account and value.

    Parameters
    ----------
    con
        The connection.
    field
        The field's name.
    seen
        SQL for the rows, one statement per table.
    """
    con.execute(
        "CREATE OR REPLACE TEMP TABLE seen AS SELECT idx, v AS raw, min(t) AS first, "
        f"max(t) AS last, sum(n) AS n FROM ({' UNION ALL '.join(seen)}) GROUP BY idx, v"
    )
    words = con.sql(
        f"SELECT {trimmed('raw')} AS v, raw FROM (SELECT DISTINCT raw FROM seen) "
        "ORDER BY v NULLS LAST"
    ).to_arrow_table()
    values, codes = _distinct(words["v"])
    con.register("words", pa.table({"raw": words["raw"][: len(codes)], "code": codes}))
    pairs = _columns(con, _pairs(merged=len(values) < len(codes)))
    con.unregister("words")
    con.execute("DROP TABLE seen")
    return RawSightings(
        field=field,
        values=values,
        account=pairs["idx"],
        value=pairs["code"],
        first_ms=pairs["first"],
        last_ms=pairs["last"],
        count=pairs["n"],
    )


def _pairs(*, merged: bool) -> str:
    """Return SQL for what was seen by codes; `merged` if several texts have one code."""
    first, last, n = ("min(first)", "max(last)", "sum(n)") if merged else ("first", "last", "n")
    return (
        f"SELECT idx, code, {first} AS first, {last} AS last, least({n}, {_INT32})::INTEGER AS n "
        f"FROM seen JOIN words USING (raw) {'GROUP BY idx, code ' if merged else ''}"
        "ORDER BY idx, code"
    )


def _distinct(words: pa.ChunkedArray) -> tuple[pa.StringArray, IntArray]:
    """Return distinct texts of sorted ones, and the code of each that is not null, int32."""
    texts = _join(words.cast(pa.string()).chunks)
    texts = texts[: len(texts) - texts.null_count]
    changes = np.ones(len(texts), dtype=bool)
    if len(texts):
        changes[1:] = pc.not_equal(texts[1:], texts[:-1]).to_numpy(zero_copy_only=False)
    codes = (np.cumsum(changes) - 1).astype(np.int32)
    return texts if changes.all() else texts.filter(pa.array(changes)), codes


def fold_profiles(
    con: duckdb.DuckDBPyConnection, usage: Staged | None, created_ms: IntArray
) -> Profiles:
    """Fold usage to what each account did; all zero without usage.

    Rows with zero exchanges count their tokens, but are no use: they make no active day.
    """
    n = len(created_ms)
    hours, days = np.zeros((n, 24), np.int32), _columns(con, _NO_DAYS)
    totals = {name: np.zeros(n, np.int64) for name in ("n", "tokens_in", "tokens_out")}
    totals |= {name: np.full(n, NEVER) for name in ("first", "last")}
    if usage is not None and usage.rows:
        _view_use(con, usage)
        sums = ("n", "tokens_in", "tokens_out")
        whole = _columns(
            con,
            "SELECT idx, "
            + ", ".join(f"least(coalesce(sum({c}), 0), {_INT64})::BIGINT AS {c}" for c in sums)
            + f", coalesce(min(t) FILTER (n > 0), {NEVER}) AS first"
            f", coalesce(max(t) FILTER (n > 0), {NEVER}) AS last FROM used GROUP BY idx",
        )
        for name, column in totals.items():
            column[whole["idx"]] = whole[name]
        days = _grouped(con, f"t // {DAY_MS}")
        _add_hours(con, hours, most=int(totals["n"].max()))
    return Profiles(
        hours=hours,
        signup_hour=(created_ms // HOUR_MS % 24).astype(np.int8),
        active_days=np.bincount(days["idx"], minlength=n).astype(np.int32),
        exchanges=totals["n"],
        input_tokens=totals["tokens_in"],
        output_tokens=totals["tokens_out"],
        first_use_ms=totals["first"],
        last_use_ms=totals["last"],
        day_account=days["idx"],
        day=days["part"],
        day_exchanges=days["n"],
    )


def _view_use(con: duckdb.DuckDBPyConnection, usage: Staged) -> None:
    """Make the view (idx, t, n, tokens_in, tokens_out) of usage, nothing left open."""
    said = {f: f if f in usage.fields else "NULL" for f in _COUNTS}
    con.execute(
        "CREATE OR REPLACE TEMP VIEW used AS SELECT idx, occurred_at AS t, "
        f"coalesce({said['exchanges']}, 1)::BIGINT AS n, "
        f"{said['input_tokens']}::BIGINT AS tokens_in, "
        f"{said['output_tokens']}::BIGINT AS tokens_out FROM usage"
    )


def _add_hours(con: duckdb.DuckDBPyConnection, hours: IntArray, *, most: int) -> None:
    """Add the exchanges of the view of use to (account, hour of day)."""
    part = f"(t // {HOUR_MS} % 24)"
    if most > _INT32:  # a cell might overflow: let the database sum, and cut what is above
        cells = _grouped(con, part)
        hours[cells["idx"], cells["part"]] = cells["n"]
        return
    # Adding up cells in place is several times faster than grouping by them.
    rows = con.sql(f"SELECT idx * 24::BIGINT + {part} AS cell, n::INTEGER AS n FROM used")
    for batch in rows.to_arrow_reader(_BATCH):
        np.add.at(hours.reshape(-1), batch["cell"].to_numpy(), batch["n"].to_numpy())


def fold_labels(con: duckdb.DuckDBPyConnection, labels: Staged | None) -> pa.Table | None:
    """Return the labels, each once, sorted by account, time, label and source; None if none."""
    if labels is None or not labels.rows:
        return None
    source = "source" if "source" in labels.fields else "NULL::VARCHAR AS source"
    return cast(
        pa.Table,
        con.sql(
            f"SELECT DISTINCT idx AS account, label, decided_at AS decided_at_ms, {source} "
            "FROM labels ORDER BY account, decided_at_ms, label, source"
        ).to_arrow_table(),
    )


def _grouped(con: duckdb.DuckDBPyConnection, part: str) -> dict[str, IntArray]:
    """Return exchanges (n) by account (idx) and a part of the time, sorted, cut to int32."""
    return _columns(
        con,
        f"SELECT idx, ({part})::INTEGER AS part, least(sum(n), {_INT32})::INTEGER AS n "
        "FROM used WHERE n > 0 GROUP BY idx, part ORDER BY idx, part",
    )


def _columns(con: duckdb.DuckDBPyConnection, query: str) -> dict[str, IntArray]:
    table = con.sql(query).to_arrow_table()
    return {name: table[name].to_numpy() for name in table.column_names}


def _strings(table: pa.Table, name: str) -> pa.StringArray:
    """Return a column as one string array."""
    return _join(table[name].cast(pa.string()).chunks)


def _join(chunks: Iterable[pa.Array]) -> pa.StringArray:
    parts = list(chunks)
    return pa.concat_arrays(parts) if parts else pa.array([], pa.string())
