"""Columns that hold objects: what is nested is not read, and whoever gave it is told."""

from __future__ import annotations

import json

import pyarrow as pa

from ringfinder.sources.files import Format

_HEAD_LINES = 10_000
_FLATTEN = {
    Format.JSONL: "`jq -c '. + .NAME | del(.NAME)' OLD > NEW`",
    Format.PARQUET: "DuckDB's `COPY (SELECT * EXCLUDE (NAME), unnest(NAME) FROM 'OLD') TO 'NEW'`",
}


def keys_of_json(head: str) -> tuple[list[str], set[str]]:
    """Return the keys of the first rows, in the order met, and those that hold objects."""
    keys: dict[str, None] = {}
    objects: set[str] = set()
    for line in head.split("\n", _HEAD_LINES)[:_HEAD_LINES]:
        try:
            row = json.loads(line)
        except (ValueError, RecursionError):  # no JSON, or nested thousands deep
            continue
        if isinstance(row, dict):
            keys.update(dict.fromkeys(row))
            objects.update(key for key, value in row.items() if isinstance(value, dict))
    return list(keys), objects


def columns_of_schema(schema: pa.Schema) -> tuple[list[str], set[str]]:
    """Return the columns of a Parquet file, in their order, and those that hold objects."""
    return list(schema.names), {field.name for field in schema if pa.types.is_struct(field.type)}


def how_to_flatten(names: str, format_: Format) -> str:
    """Return what to do about columns that hold objects."""
    return (
        f"what is nested in {names} is not read: flatten it first, such as with "
        f"{_FLATTEN[format_]}, and name its columns with --map"
    )
