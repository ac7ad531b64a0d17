"""Events as bytes: one row of `EVENT_SCHEMAS` as JSON, pseudonyms only."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from math import isfinite
from typing import Any

import pyarrow as pa
from pydantic_core import from_json

from ringfinder.errors import InputError
from ringfinder.schema import KIND
from ringfinder.store.events import (
    COUNTS,
    EARLIEST_MS,
    EVENT_SCHEMAS,
    LATEST_MS,
    PSEUDONYM,
    PSEUDONYMS,
    WORDS,
    EventType,
)

_PSEUDONYM = re.compile(PSEUDONYM)


def encode_event(event_type: EventType, row: Mapping[str, Any]) -> bytes:
    """Return an event as the journal keeps it: the same row gives the same bytes.

    Parameters
    ----------
    event_type
        Its type.
    row
        Columns of ``EVENT_SCHEMAS[event_type]``; nullable ones may be missing. `values` is
        a list of {kind, pseudonym}.

    Raises
    ------
    InputError
        If a column is missing, unknown or of the wrong type, a number, time or word lies
        outside its bounds, or a value is not a pseudonym.
    """
    checks = _CHECKS[event_type]
    unknown = row.keys() - checks.keys()
    if unknown:
        raise InputError(
            f"{event_type}: unknown column {min(unknown)!r}; expected {', '.join(checks)}"
        )
    for name, fits in checks.items():
        if not fits(row.get(name)):
            raise InputError(f"{event_type}: column {name!r} is missing or not what it must be")
    said = {name: row[name] for name in checks if row.get(name) is not None}
    return json.dumps(said, separators=(",", ":"), allow_nan=False).encode()


def decode_event(event: bytes) -> dict[str, Any]:
    """Return the row of an event; columns that were null are missing."""
    row: dict[str, Any] = from_json(event)
    return row


def _is_text(value: object) -> bool:
    if not isinstance(value, str) or not value:
        return False
    try:
        value.encode()
    except UnicodeEncodeError:  # a lone surrogate
        return False
    return True


def _is_flag(value: object) -> bool:
    return isinstance(value, bool)


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and isfinite(value)


def _is_pseudonym(value: object) -> bool:
    return isinstance(value, str) and _PSEUDONYM.fullmatch(value) is not None


def _are_values(value: object) -> bool:
    return isinstance(value, list) and all(
        isinstance(one, Mapping)
        and one.keys() == {"kind", "pseudonym"}
        and one["kind"] in KIND
        and _is_pseudonym(one["pseudonym"])
        for one in value
    )


def _within(low: int, high: int) -> Callable[[object], bool]:
    return lambda value: type(value) is int and low <= value <= high


def _check(field: pa.Field) -> Callable[[object], bool]:
    """Return what tells whether a value may stand in a column."""
    if field.name in COUNTS:
        fits = _within(0, COUNTS[field.name])
    elif field.name.endswith("_ms"):
        fits = _within(EARLIEST_MS, LATEST_MS)
    elif field.name in WORDS:
        words = WORDS[field.name]
        return lambda value: (
            (value is None and field.nullable) or (isinstance(value, str) and value in words)
        )
    elif field.name in PSEUDONYMS:
        fits = _is_pseudonym
    elif field.name == "values":
        fits = _are_values
    else:
        fits = {pa.string(): _is_text, pa.bool_(): _is_flag, pa.float64(): _is_number}[field.type]
    if field.nullable:
        return lambda value: value is None or fits(value)
    return fits


_CHECKS: dict[EventType, dict[str, Callable[[object], bool]]] = {
    kind: {field.name: _check(field) for field in schema} for kind, schema in EVENT_SCHEMAS.items()
}
