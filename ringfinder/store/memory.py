"""DuckDB over columns in memory: the set operations of the event log."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa

from ringfinder.errors import StoreError
from ringfinder.store.spilling import own_directory

CONFIG: dict[str, str | bool | int | float | list[str]] = {
    "autoinstall_known_extensions": False,  # nothing here may go online
    "autoload_known_extensions": False,
    "memory_limit": "2GB",
    "preserve_insertion_order": True,
}
"""How every DuckDB of the stores is opened."""


@contextmanager
def workspace(spill: Path, **tables: pa.Table) -> Iterator[duckdb.DuckDBPyConnection]:
    """Open a database in memory with Arrow tables as views.

    What does not fit goes to a directory of its own in `spill`.
    """
    with own_directory(spill) as mine:
        connection = duckdb.connect(config={**CONFIG, "temp_directory": str(mine)})
        try:
            for name, table in tables.items():
                connection.register(name, table)
            yield connection
        except duckdb.Error as error:
            raise StoreError(f"the event log could not be worked on: {reason(error)}") from error
        finally:
            connection.close()


def arrow(
    connection: duckdb.DuckDBPyConnection,
    query: str,
    parameters: Mapping[str, object] | None = None,
) -> pa.Table:
    """Return the rows of a query as one Arrow table."""
    return connection.sql(query, params=dict(parameters or {})).to_arrow_table()


def first_row(
    connection: duckdb.DuckDBPyConnection, query: str, parameters: Sequence[object] = ()
) -> tuple[Any, ...] | None:
    """Return the first row of a query, read to its end so that the connection is free again."""
    rows = connection.execute(query, list(parameters)).fetchall()
    return rows[0] if rows else None


def reason(error: duckdb.Error) -> str:
    """Return the kind of failure; DuckDB's own text may quote values."""
    return type(error).__name__
