"""Ids as keys of nodes: short enough for an index, and never two for one."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

_LONGEST = 1_000  # bytes; an index entry ends at eight thousand
_STAND_IN = "sha256:"


def key_of(text: str) -> str:
    """Return a string's key: itself, or its hash where it is too long for an index.

    What looks like a hash is hashed, too: no id can pass for another's stand-in.
    """
    whole = text.encode()
    if len(whole) <= _LONGEST and not text.startswith(_STAND_IN):
        return text
    return _STAND_IN + hashlib.sha256(whole).hexdigest()


def keys_of(texts: pa.ChunkedArray | pa.Array) -> tuple[list[str | None], list[str | None]]:
    """Return the key of each string, and the string itself where the key stands in for it.

    Parameters
    ----------
    texts
        Strings (n,), or null.

    Returns
    -------
    tuple of lists
        Keys and whole strings, both (n,); null stays None.
    """
    keys = texts.to_pylist()
    whole: list[str | None] = [None] * len(keys)
    long = pc.or_(
        pc.greater(pc.binary_length(texts), _LONGEST), pc.starts_with(texts, pattern=_STAND_IN)
    )
    for row in pc.indices_nonzero(pc.fill_null(long, False)).to_pylist():
        whole[row], keys[row] = keys[row], key_of(keys[row])
    return keys, whole


def row_keys(table: pa.Table) -> list[str]:
    """Return a hash of each row of a table: equal rows, equal keys."""
    columns = [column.to_pylist() for column in table.columns]
    return [_hash(row) for row in zip(*columns, strict=True)]


def repeated_row_keys(table: pa.Table) -> list[str]:
    """Return a hash of each row that tells repetitions of one row apart, too."""
    times: dict[str, int] = {}
    keys = []
    for key in row_keys(table):
        times[key] = times.get(key, 0) + 1
        keys.append(_hash((key, times[key])))
    return keys


def _hash(row: Sequence[Any]) -> str:
    return hashlib.sha256(json.dumps(row).encode()).hexdigest()
