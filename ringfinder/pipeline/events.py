"""From rows of files to events: times and facts checked, values as pseudonyms."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from ringfinder.normalise import NORMALISER, Rows, Rules, Unread, event_columns
from ringfinder.normalise.text import canonical_country
from ringfinder.schema import fields_of_values
from ringfinder.store.events import EVENT_SCHEMAS, EventType, Outcome

_VALUE_FIELDS = frozenset(fields_of_values())


def to_events(
    table: str,
    rows: pa.Table,
    rules: Rules,
    *,
    received_ms: int,
    unread: Callable[[Unread], object] = lambda _: None,
) -> pa.Table:
    """Return the events that rows of one input table stand for.

    Parameters
    ----------
    table
        The input table.
    rows
        As `sources.Records.chunks` gives them: event_id, account_id, occurred_ms,
        received_ms and any other fields of the table, raw.
    rules
        How values are read.
    received_ms
        When the rows became known, where they do not say.
    unread
        Called for each field of values: how much of it says nothing.

    Returns
    -------
    pa.Table
        Of the type's schema in `EVENT_SCHEMAS`; as many rows, in the same order.
    """
    kind = EventType(table)
    count = len(rows)
    columns: dict[str, pa.Array | pa.ChunkedArray] = {
        "event_id": rows["event_id"],
        "received_ms": pc.fill_null(rows["received_ms"], received_ms),
        "normaliser": pa.repeat(pa.scalar(NORMALISER), count),
        "account_id": rows["account_id"],
        "occurred_ms": rows["occurred_ms"],
    }
    columns |= _FACTS[kind](rows) if kind in _FACTS else {}
    if "values" in EVENT_SCHEMAS[kind].names:
        columns |= event_columns(_raw(table, rows), rules, unread)
    return pa.table(columns)


def _raw(table: str, rows: pa.Table) -> Rows:
    fields = [name for name in rows.column_names if name in _VALUE_FIELDS]
    exchanges = rows["exchanges"] if "exchanges" in rows.column_names else None
    return Rows(
        table,
        rows["occurred_ms"].to_numpy(),
        {name: rows[name].combine_chunks() for name in fields},
        country=_strings(rows, "country"),
        used=None if exchanges is None else pc.fill_null(exchanges, 1).to_numpy() > 0,
    )


def _signups(rows: pa.Table) -> dict[str, pa.Array | pa.ChunkedArray]:
    """A file lists accounts: whoever stands in it completed the sign-up."""
    found: dict[str, pa.Array | pa.ChunkedArray] = {
        "country": canonical_country(_strings(rows, "country")),
        "plan": pc.utf8_lower(_strings(rows, "plan")),
        "outcome": pa.repeat(pa.scalar(str(Outcome.COMPLETED)), len(rows)),
    }
    if "closed_at" in rows.column_names:
        found["closed_ms"] = rows["closed_at"]
    if "email_verified" in rows.column_names:
        found["email_verified"] = rows["email_verified"].cast(pa.bool_())
    return found


def _usage(rows: pa.Table) -> dict[str, pa.Array | pa.ChunkedArray]:
    unsaid = {"exchanges": 1, "input_tokens": 0, "output_tokens": 0}
    return {
        name: pc.fill_null(rows[name], default)
        if name in rows.column_names
        else pa.array(np.full(len(rows), default, np.int64))
        for name, default in unsaid.items()
    }


def _labels(rows: pa.Table) -> dict[str, pa.Array | pa.ChunkedArray]:
    return {"label": rows["label"], "source": _strings(rows, "source")}


_FACTS: dict[EventType, Callable[[pa.Table], dict[str, pa.Array | pa.ChunkedArray]]] = {
    EventType.SIGNUPS: _signups,
    EventType.USAGE: _usage,
    EventType.LABELS: _labels,
}
"""By type, what its events say besides values."""


def _strings(rows: pa.Table, name: str) -> pa.StringArray:
    if name not in rows.column_names:
        return pa.nulls(len(rows), pa.string())
    return rows[name].cast(pa.string()).combine_chunks()
