"""Account-hours: usage folded to what one account did in one clock hour.

They are columnar files beside the segments, whatever the store, and profiles come from
them: so every store gives the same rings.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pyarrow as pa

from ringfinder.durations import HOUR_MS
from ringfinder.model import IntArray
from ringfinder.store.memory import arrow, workspace

USAGE_COLUMNS = (
    "account_id",
    "occurred_ms",
    "exchanges",
    "input_tokens",
    "output_tokens",
    "first_window",
    "last_window",
)
"""What account-hours need of a usage event."""

_FOLD = """
    SELECT account_id, hour, sum(exchanges)::BIGINT AS exchanges,
           sum(input_tokens)::BIGINT AS input_tokens, sum(output_tokens)::BIGINT AS output_tokens,
           min(occurred_ms) FILTER (exchanges > 0) AS first_ms,
           max(occurred_ms) FILTER (exchanges > 0) AS last_ms,
           min(first_window) FILTER (exchanges > 0) AS first_window,
           min(last_window) FILTER (exchanges > 0) AS last_window
    FROM usage GROUP BY account_id, hour ORDER BY account_id, hour
"""


def hour_of(times_ms: IntArray) -> IntArray:
    """Return the clock hour of times: hours since 1970 UTC, int32, also before 1970."""
    return np.floor_divide(times_ms, HOUR_MS).astype(np.int32)


def fold_hours(usage: pa.Table, spill: Path) -> pa.Table:
    """Return the account-hours of usage events.

    Parameters
    ----------
    usage
        `USAGE_COLUMNS` of usage events.
    spill
        Directory for what does not fit in memory.

    Returns
    -------
    pa.Table
        account_id, hour (hours since 1970 UTC), exchanges, input_tokens, output_tokens,
        first_ms, last_ms, first_window, last_window (of rows with an exchange, else null; the
        pseudonyms of the hour as a first and as a last hour of use); sorted by account_id,
        then hour. Rows without an exchange count their tokens, but are no use.
    """
    hour = pa.array(hour_of(usage["occurred_ms"].to_numpy()))
    rows = usage.select(USAGE_COLUMNS).append_column("hour", hour)
    with workspace(spill, usage=rows) as connection:
        return arrow(connection, _FOLD)
