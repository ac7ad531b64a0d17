"""Profiles: account-hours folded to what each account did."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import duckdb
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from ringfinder.graph.columns import NEVER, Profiles
from ringfinder.model import IntArray
from ringfinder.store.batches import PROFILES
from ringfinder.store.events import EventType
from ringfinder.store.hours import USAGE_COLUMNS, fold_hours, hour_of
from ringfinder.store.manifest import Segment
from ringfinder.store.memory import arrow, workspace
from ringfinder.store.segments import EventLog

_INT32 = np.iinfo(np.int32).max
_INT64 = np.iinfo(np.int64).max
_TOTALS = f"""
    least(sum(exchanges), {_INT64})::BIGINT AS exchanges,
    least(sum(input_tokens), {_INT64})::BIGINT AS input_tokens,
    least(sum(output_tokens), {_INT64})::BIGINT AS output_tokens,
    min(first_ms) AS first_ms, max(last_ms) AS last_ms
"""
_MINE = f"""
    CREATE OR REPLACE TEMP TABLE mine AS SELECT account, hour, {_TOTALS}
    FROM account_hours JOIN accounts USING (account_id) GROUP BY account, hour
"""
_SUMS = f"SELECT account, {_TOTALS} FROM mine GROUP BY account"
_CLOCK = f"""
    SELECT account, ((hour % 24) + 24) % 24 AS hour,
           least(sum(exchanges), {_INT32})::INTEGER AS exchanges
    FROM mine GROUP BY ALL HAVING sum(exchanges) > 0
"""
_DAYS = f"""
    SELECT account, floor(hour / 24)::INTEGER AS day,
           least(sum(exchanges), {_INT32})::INTEGER AS exchanges
    FROM mine GROUP BY ALL HAVING sum(exchanges) > 0 ORDER BY account, day
"""


def no_profiles(created_ms: IntArray) -> Profiles:
    """Return the profiles of accounts without any usage; `created_ms` is int64 (N,)."""
    accounts = len(created_ms)
    none = np.empty(0, np.int32)
    return Profiles(
        hours=np.zeros((accounts, 24), np.int32),
        signup_hour=(hour_of(created_ms) % 24).astype(np.int8),
        active_days=np.zeros(accounts, np.int32),
        exchanges=np.zeros(accounts, np.int64),
        input_tokens=np.zeros(accounts, np.int64),
        output_tokens=np.zeros(accounts, np.int64),
        first_use_ms=np.full(accounts, NEVER),
        last_use_ms=np.full(accounts, NEVER),
        day_account=none,
        day=none.copy(),
        day_exchanges=none.copy(),
    )


def read_profiles(
    log: EventLog,
    account_ids: pa.StringArray,
    created_ms: IntArray,
    *,
    known_by_ms: int | None = None,
) -> Profiles:
    """Return what accounts did, folded from the log's account-hours.

    Parameters
    ----------
    log
        The events.
    account_ids
        Strings (N,), distinct.
    created_ms
        int64 (N,): their sign-ups.
    known_by_ms
        Leave out usage received later; None: everything.

    Returns
    -------
    Profiles
        In the order of `account_ids`; usage of other accounts is left out. Counts beyond
        the range of int32 stop at its end.
    """
    profiles = no_profiles(created_ms)
    with _mine(log, account_ids, known_by_ms) as connection:
        if connection is None:
            return profiles
        sums, clock, days = (arrow(connection, query) for query in (_SUMS, _CLOCK, _DAYS))
    row = sums["account"].to_numpy()
    profiles.exchanges[row] = sums["exchanges"].to_numpy()
    profiles.input_tokens[row] = sums["input_tokens"].to_numpy()
    profiles.output_tokens[row] = sums["output_tokens"].to_numpy()
    profiles.first_use_ms[row] = pc.fill_null(sums["first_ms"], NEVER).to_numpy()
    profiles.last_use_ms[row] = pc.fill_null(sums["last_ms"], NEVER).to_numpy()
    profiles.hours[clock["account"].to_numpy(), clock["hour"].to_numpy()] = clock[
        "exchanges"
    ].to_numpy()
    day_account = days["account"].to_numpy().astype(np.int32)
    return Profiles(
        hours=profiles.hours,
        signup_hour=profiles.signup_hour,
        active_days=np.bincount(day_account, minlength=len(created_ms)).astype(np.int32),
        exchanges=profiles.exchanges,
        input_tokens=profiles.input_tokens,
        output_tokens=profiles.output_tokens,
        first_use_ms=profiles.first_use_ms,
        last_use_ms=profiles.last_use_ms,
        day_account=day_account,
        day=days["day"].to_numpy().astype(np.int32),
        day_exchanges=days["exchanges"].to_numpy(),
    )


def profile_rows(
    log: EventLog, account_ids: pa.StringArray, *, known_by_ms: int | None = None
) -> pa.Table:
    """Return the profiles that a store keeps beside its accounts: see `batches.PROFILES`."""
    created_ms = np.zeros(len(account_ids), np.int64)
    through = log.allocated  # asked first: what is recorded meanwhile must not seem taken in
    profiles = read_profiles(log, account_ids, created_ms, known_by_ms=known_by_ms)
    used = np.flatnonzero(profiles.exchanges + profiles.input_tokens + profiles.output_tokens)
    columns = [
        account_ids.take(pa.array(used)),
        pa.array([through] * len(used), pa.int64()),
        pa.FixedSizeListArray.from_arrays(pa.array(profiles.hours[used].ravel()), 24),
        *(
            pa.array(column[used])
            for column in (
                profiles.active_days,
                profiles.exchanges,
                profiles.input_tokens,
                profiles.output_tokens,
            )
        ),
        *(
            pa.array(column[used], mask=column[used] == NEVER)
            for column in (profiles.first_use_ms, profiles.last_use_ms)
        ),
    ]
    return pa.Table.from_arrays(columns, schema=PROFILES)


@contextmanager
def _mine(
    log: EventLog, account_ids: pa.StringArray, known_by_ms: int | None
) -> Iterator[duckdb.DuckDBPyConnection | None]:
    """Open a database whose table `mine` holds these accounts' hours; None without usage."""
    accounts = pa.table({"account_id": account_ids, "account": np.arange(len(account_ids))})
    with workspace(log.spill, accounts=accounts) as connection:

        def kept(usage: Sequence[Segment]) -> bool:
            files = [str(log.checked(s.hours)) for s in usage if s.hours is not None]
            if files:
                connection.read_parquet(files).create_view("account_hours")
                connection.execute(_MINE)
            return bool(files)

        if known_by_ms is None:
            used = log.using(EventType.USAGE, kept)
        else:  # a segment may hold events of several days of arrival: fold them anew
            usage = log.read(EventType.USAGE, known_by_ms=known_by_ms, columns=USAGE_COLUMNS)
            hours = [fold_hours(table, log.spill) for table in usage]
            used = bool(hours)
            if used:
                connection.register("account_hours", pa.concat_tables(hours))
                connection.execute(_MINE)
        yield connection if used else None
