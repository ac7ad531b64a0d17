"""Rows to events: the values of each row by itself, as pseudonyms.

The same readers as for a whole audit, with every row in the place of an account: what a
row says does not depend on the rows around it, so that events can come in any order and be
cut anywhere. What only all rows of an account decide is left to who reads them
(`ringfinder.store.derived`): rows of usage say which model was asked, in which hour.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from ringfinder.graph.columns import NEVER
from ringfinder.graph.telemetry import RawSightings
from ringfinder.model import BoolArray, IntArray
from ringfinder.normalise import text
from ringfinder.normalise.domains import DomainLists
from ringfinder.normalise.lists import NetworkLists
from ringfinder.normalise.parts import WORKERS
from ringfinder.normalise.phone import check_region
from ringfinder.normalise.pseudonym import Pepper
from ringfinder.normalise.readers import Column, Context, FieldRead, read_field
from ringfinder.normalise.unread import Unread, unread_of
from ringfinder.normalise.windows import hour_windows
from ringfinder.schema import CODE, KINDS

NORMALISER = "1"
"""Version of the rules from raw to canonical values; every event says which it was made by."""

VALUES = pa.list_(
    pa.struct([pa.field("kind", pa.string(), False), pa.field("pseudonym", pa.string(), False)])
)

BLANKS = " \t\n\v\f\r"
"""What is trimmed from raw values, as the sources do."""


@dataclass(frozen=True)
class Rows:
    """Rows of one input table.

    Attributes
    ----------
    table
        ``signups``, ``usage``, ``payments`` or ``logins``.
    occurred_ms
        int64 (N,): when they happened; of sign-ups when the account was created.
    raw
        Input field -> string array (N,) as found, null where not given. `prompt` may be
        lists of bands (`prompt_bands`) in place of texts.
    country
        Of sign-ups: string array (N,) as found; how a phone number is read depends on it.
    used
        Of usage: bool (N,), whether the row holds an exchange; None: every one does.
    """

    table: str
    occurred_ms: IntArray
    raw: Mapping[str, pa.Array]
    country: pa.StringArray | None = None
    used: BoolArray | None = None


@dataclass(frozen=True)
class Rules:
    """How raw values are read: the same for every row of a data directory.

    Attributes
    ----------
    pepper
        Key of the pseudonyms.
    networks, default_region, domains
        As in `normalise.normalise`.
    """

    pepper: Pepper
    networks: NetworkLists | None = None
    default_region: str | None = None
    domains: DomainLists | None = None


@dataclass(frozen=True)
class _Told:
    """The pseudonyms of one kind: which row says which."""

    kind: int
    pseudonyms: pa.StringArray = field(repr=False)
    row: IntArray
    value: IntArray


def event_columns(
    rows: Rows, rules: Rules, unread: Callable[[Unread], object] = lambda _: None
) -> dict[str, pa.Array]:
    """Return what the rows say, by column of an event.

    Parameters
    ----------
    rows
        N rows, of any chunk of a file.
    rules
        How to read them.
    unread
        Called for each field that is given, by name: how much of it says nothing.

    Returns
    -------
    dict
        ``values``: type `VALUES`, length N, within a row by kind. Of usage also ``model``,
        ``adoption``, ``first_window`` and ``last_window``: pseudonyms of the model's name, of
        model and day, and of the hour as the first and as the last of use; null where the
        row does not say.
    """
    context = _context(rows, rules)

    def read(name: str) -> FieldRead:
        return read_field(_one_row_each(name, rows.raw[name], rows.occurred_ms), context)

    with ThreadPoolExecutor(max_workers=WORKERS) as pool:
        fields = list(pool.map(read, sorted(rows.raw)))
        columns = [column for found in fields for column in found.columns]
        for found in fields:
            unread(unread_of(found))
        if rows.table == "signups":
            columns.append(_hours("signup_window", "", rows.occurred_ms))
        models = [column for column in columns if column.kind == "model_adoption"]
        told = list(
            pool.map(
                lambda column: _told(column, rules.pepper),
                [column for column in columns if column.kind != "model_adoption"],
            )
        )
    told.sort(key=lambda one: one.kind)
    made: dict[str, pa.Array] = {"values": _lists(told, len(rows.occurred_ms))}
    if rows.table == "usage":
        made |= _of_usage(rows, models, rules.pepper)
    return made


def _context(rows: Rows, rules: Rules) -> Context:
    country = pa.nulls(len(rows.occurred_ms), pa.string()) if rows.country is None else rows.country
    return Context(
        text.canonical_country(country),
        rules.networks,
        check_region(rules.default_region),
        rules.domains,
    )


def _one_row_each(name: str, raw: pa.Array, occurred_ms: IntArray) -> RawSightings:
    """Return the values of a field as if each row were an account of its own."""
    row = np.arange(len(raw), dtype=np.int32)
    if pa.types.is_list(raw.type):
        row = pc.list_parent_indices(raw).to_numpy().astype(np.int32)
        raw = pc.list_flatten(raw)
    encoded = text.to_strings(raw).dictionary_encode()
    code = pc.fill_null(encoded.indices, -1).to_numpy(zero_copy_only=False)
    values = pc.ascii_trim(encoded.dictionary, characters=BLANKS)
    known = np.append(text.flags(pc.not_equal(values, "")), False)[code]
    when = occurred_ms[row[known]]
    once = np.ones(len(when), dtype=np.int32)
    return RawSightings(name, values, row[known], code[known], when, when, once)


def _hours(kind: str, prefix: str, at_ms: IntArray) -> Column:
    code, hours = hour_windows(at_ms, prefix=prefix)
    row = np.arange(len(at_ms), dtype=np.int32)
    return Column(kind, hours, code, row, at_ms, at_ms, np.ones(len(at_ms), dtype=np.int32))


def _told(column: Column, pepper: Pepper) -> _Told:
    """Return who says which pseudonym; each distinct value is hashed once."""
    known = column.code >= 0
    code, row = column.code[known], column.account[known]
    used, value = np.unique(code, return_inverse=True)
    pseudonyms = pepper.pseudonyms(column.kind, column.values.take(pa.array(used)))
    return _Told(CODE[column.kind], pseudonyms, row, value)


def _lists(told: list[_Told], rows: int) -> pa.ListArray:
    """Return the values of each row as one list, kind after kind."""
    held = [np.bincount(one.row, minlength=rows) for one in told]
    sizes = sum(held, np.zeros(rows, dtype=np.int64))
    offsets = np.concatenate([[0], np.cumsum(sizes)])
    free = offsets[:-1].copy()
    value = np.empty(int(offsets[-1]), dtype=np.int64)
    kind = np.empty(int(offsets[-1]), dtype=np.int8)
    base = 0
    for one, times in zip(told, held, strict=True):
        place = free[one.row]
        if times.max(initial=0) > 1:
            place += np.arange(len(place)) - (np.cumsum(times) - times)[one.row]
        value[place], kind[place] = one.value + base, one.kind
        free += times
        base += len(one.pseudonyms)
    nothing = pa.array([], pa.string())
    pseudonyms = pa.concat_arrays([nothing, *(one.pseudonyms for one in told)])
    names = pa.array([each.name for each in KINDS], pa.string())
    items = pa.StructArray.from_arrays(
        [names.take(pa.array(kind)), pseudonyms.take(pa.array(value))],
        fields=list(VALUES.value_type),
    )
    return pa.ListArray.from_arrays(pa.array(offsets, pa.int32()), items, type=VALUES)


def _of_usage(rows: Rows, models: list[Column], pepper: Pepper) -> dict[str, pa.Array]:
    size = len(rows.occurred_ms)
    used = np.ones(size, dtype=bool) if rows.used is None else rows.used
    when = np.where(used, rows.occurred_ms, NEVER)
    made = {
        "first_window": _each(_hours("activity_window", "first:", when), pepper, size),
        "last_window": _each(_hours("activity_window", "last:", when), pepper, size),
    }
    for column in models:  # at most one: usage has one field of models
        names = pc.replace_substring_regex(column.values, "@[^@]*$", "")
        made["adoption"] = _each(column, pepper, size)
        codes, distinct = text.codes_of(names)
        alone = Column(
            "model_adoption", distinct, np.append(codes, -1)[column.code], column.account,
            column.first_ms, column.last_ms, column.count,
        )  # fmt: skip
        made["model"] = _each(alone, pepper, size)
    return made


def _each(column: Column, pepper: Pepper, rows: int) -> pa.StringArray:
    """Return the pseudonym that each row says, null where it says none; at most one a row."""
    told = _told(column, pepper)
    place = np.full(rows, -1, dtype=np.int64)
    place[told.row] = told.value
    return told.pseudonyms.take(pa.array(place, mask=place < 0))
