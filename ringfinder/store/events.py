"""What is recorded of an event: a header, a few facts, and pseudonyms.

Every event has the header; each type adds its own columns. Times are milliseconds
since 1970 UTC. Values are pseudonyms before they get here: no clear e-mail address,
network address, phone number or prompt has a column.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from ringfinder.errors import InputError
from ringfinder.model import Decision
from ringfinder.schema import KIND

PSEUDONYM = "^p[0-9]+_[0-9a-f]{32}$"
"""What every stored value looks like: a clear value cannot slip into a store by mistake."""

LATEST_MS = 253_402_300_799_999  # the end of the year 9999
EARLIEST_MS = -62_135_596_800_000  # the beginning of the year 1


class EventType(StrEnum):
    """The types of events, each with segments of its own."""

    SIGNUPS = "signups"
    USAGE = "usage"
    PAYMENTS = "payments"
    LOGINS = "logins"
    OUTCOMES = "outcomes"
    LABELS = "labels"
    DECISIONS = "decisions"


class Outcome(StrEnum):
    """How a sign-up ended; only completed ones are counted as accounts."""

    COMPLETED = "completed"
    ABANDONED = "abandoned"
    DENIED = "denied"


VALUES = pa.list_(
    pa.struct([pa.field("kind", pa.string(), False), pa.field("pseudonym", pa.string(), False)])
)

_HEADER = [
    pa.field("event_id", pa.string(), False),
    pa.field("received_ms", pa.int64(), False),
    pa.field("normaliser", pa.string(), False),
    pa.field("account_id", pa.string(), False),
    pa.field("occurred_ms", pa.int64(), False),
]
_VALUES = pa.field("values", VALUES, False)
_BODY: dict[EventType, list[pa.Field]] = {
    EventType.SIGNUPS: [
        pa.field("closed_ms", pa.int64()),
        pa.field("country", pa.string()),
        pa.field("plan", pa.string()),
        pa.field("email_verified", pa.bool_()),
        pa.field("outcome", pa.string()),  # null: an attempt whose end is not known yet
        _VALUES,
    ],
    EventType.USAGE: [
        pa.field("exchanges", pa.int64(), False),
        pa.field("input_tokens", pa.int64(), False),
        pa.field("output_tokens", pa.int64(), False),
        _VALUES,
        # Pseudonyms that only the first or the last event of an account turns into a value of
        # it: see `derived`. Null: the row says nothing of the kind.
        pa.field("model", pa.string()),
        pa.field("adoption", pa.string()),
        pa.field("first_window", pa.string()),
        pa.field("last_window", pa.string()),
    ],
    EventType.PAYMENTS: [_VALUES],
    EventType.LOGINS: [_VALUES],
    EventType.OUTCOMES: [pa.field("outcome", pa.string(), False)],
    EventType.LABELS: [pa.field("label", pa.string(), False), pa.field("source", pa.string())],
    EventType.DECISIONS: [
        pa.field("decision", pa.string(), False),
        pa.field("score", pa.float64()),
        pa.field("ring_id", pa.string()),
        pa.field("snapshot_id", pa.string()),
    ],
}

EVENT_SCHEMAS: dict[EventType, pa.Schema] = {
    kind: pa.schema(_HEADER + body) for kind, body in _BODY.items()
}
"""What a table of new events looks like; the log adds `sequence` in front."""

COUNTS = {"exchanges": 10**9, "input_tokens": 10**12, "output_tokens": 10**12}
"""Largest count of one event: the sums of a million of them stay within int64."""

WORDS: dict[str, frozenset[str]] = {
    "outcome": frozenset(Outcome),
    "label": frozenset({"fraud", "legitimate"}),
    "decision": frozenset(Decision),
}

PSEUDONYMS = frozenset({"adoption", "first_window", "last_window", "model"})
"""Columns that hold one pseudonym each, outside `values`."""


def check_events(kind: EventType, table: pa.Table) -> pa.Table:
    """Return the table in the shape of its type, or say what is wrong with it.

    Parameters
    ----------
    kind
        The events' type.
    table
        Columns of ``EVENT_SCHEMAS[kind]`` in any order; nullable ones may be missing.

    Raises
    ------
    InputError
        If a column is missing, unknown or of the wrong type, a required field is null, a
        time lies outside the years 1 to 9999, a word or attribute kind is unknown, or a
        value is not a pseudonym.
    """
    schema = EVENT_SCHEMAS[kind]
    unknown = sorted(set(table.column_names) - set(schema.names))
    if unknown:
        raise InputError(
            f"{kind}: unknown column {unknown[0]!r}; expected {', '.join(schema.names)}"
        )
    columns = [_column(kind, table, field) for field in schema]
    checked = pa.Table.from_arrays(columns, schema=schema)
    if "values" in schema.names:
        _check_kinds(kind, checked["values"])
    return checked


def _column(kind: EventType, table: pa.Table, field: pa.Field) -> pa.ChunkedArray:
    if field.name not in table.column_names:
        if not field.nullable:
            raise InputError(f"{kind}: column {field.name!r} is missing")
        return pa.chunked_array([pa.nulls(len(table), field.type)])
    try:
        column = table[field.name].cast(field.type)
    except (pa.ArrowInvalid, pa.ArrowNotImplementedError):
        raise InputError(
            f"{kind}: column {field.name!r} is {table[field.name].type}; expected {field.type}"
        ) from None
    if column.null_count and not field.nullable:
        raise InputError(f"{kind}: {column.null_count} rows without {field.name!r}")
    if field.name.endswith("_ms"):
        _check_times(kind, field.name, column)
    if field.name in COUNTS:
        _check_counts(kind, field.name, column)
    if field.name in WORDS:
        _check_words(kind, field.name, column)
    if field.name in PSEUDONYMS:
        check_pseudonyms(f"{kind}: {field.name}", column)
    return column


def _check_times(kind: EventType, name: str, column: pa.ChunkedArray) -> None:
    bounds = pc.min_max(column).as_py()
    if bounds["min"] is not None and (bounds["min"] < EARLIEST_MS or bounds["max"] > LATEST_MS):
        raise InputError(f"{kind}: a time in {name!r} lies outside the years 1 to 9999")


def _check_counts(kind: EventType, name: str, column: pa.ChunkedArray) -> None:
    bounds = pc.min_max(column).as_py()
    if bounds["min"] is not None and (bounds["min"] < 0 or bounds["max"] > COUNTS[name]):
        raise InputError(f"{kind}: {name!r} lies outside 0 to {COUNTS[name]:,}")


def _check_words(kind: EventType, name: str, column: pa.ChunkedArray) -> None:
    if not set(pc.unique(column.drop_null()).to_pylist()) <= WORDS[name]:
        raise InputError(
            f"{kind}: unknown {name}; expected one of {', '.join(sorted(WORDS[name]))}"
        )


def _check_kinds(kind: EventType, values: pa.ChunkedArray) -> None:
    items = pc.list_flatten(values)
    if items.null_count or pc.struct_field(items, "pseudonym").null_count:
        raise InputError(f"{kind}: a value is null; leave it out of the list")
    unknown = set(pc.unique(pc.struct_field(items, "kind")).to_pylist()) - set(KIND)
    if unknown:
        raise InputError(f"{kind}: {len(unknown)} attribute kinds are not in ringfinder.schema")
    check_pseudonyms(str(kind), pc.struct_field(items, "pseudonym"))


def check_pseudonyms(where: str, values: pa.ChunkedArray) -> None:
    """Raise an InputError if any of the strings is not a pseudonym; `where` begins the sentence."""
    distinct = pc.value_counts(values.drop_null())  # an expression over each would cost most
    shaped = pc.match_substring_regex(pc.struct_field(distinct, "values"), PSEUDONYM)
    clear = pc.sum(pc.struct_field(distinct, "counts").filter(pc.invert(shaped))).as_py() or 0
    if clear:
        raise InputError(
            f"{where}: {clear} values are not pseudonyms (p1_ and 32 hexadecimal digits); "
            "normalise them first"
        )


def to_values(pseudonyms: Mapping[str, pa.Array], rows: int) -> pa.Array:
    """Join columns of pseudonyms into one column of values.

    Parameters
    ----------
    pseudonyms
        Attribute kind -> strings, or lists of strings, one per row; null says nothing.
    rows
        Number of rows.

    Returns
    -------
    pa.Array
        Type `VALUES`, length `rows`; within a row, in the order of `pseudonyms`.
    """
    parents: list[np.ndarray] = [np.empty(0, np.int64)]
    kinds: list[pa.Array] = [pa.array([], pa.string())]
    values: list[pa.Array] = [pa.array([], pa.string())]
    for kind, column in pseudonyms.items():
        flat, parent = _flat(column)
        known = flat.is_valid()
        values.append(flat.filter(known).cast(pa.string()))
        parents.append(parent[known.to_numpy(zero_copy_only=False)])
        kinds.append(pa.array([kind] * len(values[-1]), pa.string()))
    parent = np.concatenate(parents)
    order = np.argsort(parent, kind="stable")
    items = pa.StructArray.from_arrays(
        [
            pa.concat_arrays(kinds).take(pa.array(order)),
            pa.concat_arrays(values).take(pa.array(order)),
        ],
        fields=list(VALUES.value_type),
    )
    offsets = np.searchsorted(parent[order], np.arange(rows + 1))
    return pa.ListArray.from_arrays(pa.array(offsets, pa.int32()), items, type=VALUES)


def _flat(column: pa.Array) -> tuple[pa.Array, np.ndarray]:
    """Return the strings of a column and the row of each."""
    if isinstance(column, pa.ChunkedArray):
        column = column.combine_chunks()
    if pa.types.is_list(column.type) or pa.types.is_large_list(column.type):
        return pc.list_flatten(column), pc.list_parent_indices(column).to_numpy()
    return column, np.arange(len(column))
