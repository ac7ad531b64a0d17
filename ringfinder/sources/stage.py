"""Files into tables: one scan each, bad rows told apart and written down."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import duckdb

from ringfinder.sources.checks import is_trimmed_late, trimmed
from ringfinder.sources.columns import TABLES, WORDS, Column, Type, is_read
from ringfinder.sources.intake import Intake, Target, number_of
from ringfinder.sources.layout import Layout
from ringfinder.sources.losses import tell_of_table
from ringfinder.sources.rejects import RejectsWriter

SQL_TYPES = {
    Type.TEXT: "VARCHAR",
    Type.LABEL: "VARCHAR",
    Type.TIME: "BIGINT",
    Type.RECEIVED: "BIGINT",
    Type.COUNT: "BIGINT",
    Type.FLAG: "TINYINT",
    Type.EVENT: "UHUGEINT",
    Type.PROMPT: "UHUGEINT",
}


_NO_CONTENT = {"account_id", "event_id", "received_at"}
"""Fields by which rows of one event_id are not, or not first, put in order."""


@dataclass(frozen=True)
class Staged:
    """The good rows of one input table.

    Attributes
    ----------
    table
        The input table; its rows lie in the SQL table of the same name.
    fields
        The fields that some file has.
    rows
        Good rows, those with a repeated event_id left out.
    repeated
        Rows left out because their event_id was seen before.
    by_file
        Good rows by file, repeated ones included, and rejected rows.
    layouts
        How each file was read in the end.
    """

    table: str
    fields: tuple[str, ...]
    rows: int
    repeated: int
    by_file: dict[str, tuple[int, int]]
    layouts: tuple[Layout, ...]


def stage(
    con: duckdb.DuckDBPyConnection,
    table: str,
    layouts: Sequence[Layout],
    place: Path,
    rejects: RejectsWriter,
    notices: Callable[[str], None],
    *,
    record: bool = False,
) -> Staged:
    """Read all files of one table into the SQL table of that name.

    Parameters
    ----------
    con
        Where the table is made.
    table, layouts
        The input table, and its files.
    place
        Directory for copies that may be needed.
    rejects, notices
        Take the rows that cannot be used, and sentences worth telling.
    record
        Whether rows become events. The SQL table then has ``file`` (index into `layouts`),
        ``row`` (from 1) and ``account_id`` in place of the account's index, in the order of
        the files.

    Raises
    ------
    InputError
        If a file turns out to be damaged.
    """
    chosen = {field for layout in layouts for field in layout.chosen}
    columns = [c for c in TABLES[table] if c.name in chosen and is_read(c, record=record)]
    target = Target(table, named=record or table == "signups", record=record)
    kept = [c for c in columns if target.has(c.name)]
    shape = [f"{c.name} {_sql_type(c, record=record)}" for c in kept]
    con.execute(f"CREATE TABLE {table} ({', '.join([*target.keys(), *shape, 'bad USMALLINT'])})")
    intake = Intake(con, place, rejects, notices)
    done = [
        intake.take(layout, replace(target, file=number)) for number, layout in enumerate(layouts)
    ]
    fields = tuple(c.name for c in columns)
    repeated = _drop_repeated(con, target, fields) if "event_id" in fields else 0
    if repeated:
        notices(f"{WORDS[table]}: {repeated:,} rows repeat an event_id and count once")
    rows = number_of(con, f"SELECT count(*) FROM {table}")
    if rows or table != "signups":  # without any sign-up the run ends, and says why itself
        good = sum(usable for _, (usable, _) in done)
        tell_of_table(table, good, rejects.faults(table), notices)
    return Staged(
        table=table,
        fields=fields,
        rows=rows,
        repeated=repeated,
        by_file={layout.file.name: counts for layout, counts in done},
        layouts=tuple(layout for layout, _ in done),
    )


def _sql_type(column: Column, *, record: bool) -> str:
    return SQL_TYPES[Type.TEXT if record and column.type is Type.EVENT else column.type]


def _drop_repeated(con: duckdb.DuckDBPyConnection, target: Target, fields: Sequence[str]) -> int:
    """Leave one row per event_id: the first by content, whatever the order of the files."""
    table, account = target.table, "account_id" if target.named else "idx"
    late = {c.name for c in TABLES[table] if is_trimmed_late(c)}
    content = ", ".join(
        [account]
        + [trimmed(f) if f in late else f for f in fields if f not in _NO_CONTENT]
        + (["received_at"] if "received_at" in fields else [])
    )
    con.execute(
        f"CREATE TEMP TABLE repeated AS SELECT event_id FROM {table} "
        "WHERE event_id IS NOT NULL GROUP BY event_id HAVING count(*) > 1"
    )
    dropped = con.execute(
        f"DELETE FROM {table} WHERE rowid IN (SELECT id FROM (SELECT rowid AS id, row_number() "
        f"OVER (PARTITION BY event_id ORDER BY {content}) AS nth FROM {table} "
        "WHERE event_id IN (SELECT event_id FROM repeated)) WHERE nth > 1)"
    ).fetchall()
    con.execute("DROP TABLE repeated")
    return int(dropped[0][0])
