"""Files into tables: one scan each, bad rows told apart and written down."""

from __future__ import annotations

import zlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import duckdb
import numpy as np
from pyarrow.lib import ArrowException

from ringfinder.errors import InputError
from ringfinder.sources.checks import EXAMPLE_TIME, is_trimmed_late, trimmed
from ringfinder.sources.columns import TABLES, WORDS, Column, Type, is_read
from ringfinder.sources.files import Format, with_plain_line_ends
from ringfinder.sources.layout import IN_UTF8, Layout
from ringfinder.sources.lines import Torn, find_lines, is_wide, judge_records, read_torn
from ringfinder.sources.rejects import Reason, RejectsWriter
from ringfinder.sources.scan import Scan, scan

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

_NOT_THE_FILE = (
    duckdb.OutOfMemoryException,
    duckdb.BinderException,
    duckdb.CatalogException,
    duckdb.ParserException,
)
"""What the database raises for other reasons than what it finds in a file."""

_REMEDIES = {
    Reason.NOT_UTF8: ("as not UTF-8", IN_UTF8),
    Reason.NOT_A_TIME: ("for a time that is none", f"a time is written such as {EXAMPLE_TIME}"),
}
"""Faults that a whole file tends to have, in words, and what a person does about them."""


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
    kept = [c for c in columns if c.name != "account_id" or target.named]
    shape = [f"{c.name} {_sql_type(c, record=record)}" for c in kept]
    con.execute(f"CREATE TABLE {table} ({', '.join([*target.keys(), *shape, 'bad USMALLINT'])})")
    done = [
        _stage_file(con, layout, replace(target, file=number), place, rejects, notices)
        for number, layout in enumerate(layouts)
    ]
    fields = tuple(c.name for c in columns)
    repeated = _drop_repeated(con, target, fields) if "event_id" in fields else 0
    if repeated:
        notices(f"{WORDS[table]}: {repeated:,} rows repeat an event_id and count once")
    rows = _number(con, f"SELECT count(*) FROM {table}")
    return Staged(
        table=table,
        fields=fields,
        rows=rows,
        repeated=repeated,
        by_file={layout.file.name: counts for layout, counts in done},
        layouts=tuple(layout for layout, _ in done),
    )


@dataclass(frozen=True)
class Target:
    """The SQL table that rows go to.

    Attributes
    ----------
    table
        Its name, that of the input table.
    named
        Whether it holds the account's id; else its index.
    record
        Whether it tells file and row.
    file
        Index of the file that is being read.
    """

    table: str
    named: bool
    record: bool
    file: int = 0

    def keys(self) -> list[str]:
        """Return the columns that no field of the input gives."""
        return (["file INTEGER", "row BIGINT"] if self.record else []) + (
            [] if self.named else ["idx INTEGER"]
        )


def _sql_type(column: Column, *, record: bool) -> str:
    return SQL_TYPES[Type.TEXT if record and column.type is Type.EVENT else column.type]


def _stage_file(
    con: duckdb.DuckDBPyConnection,
    layout: Layout,
    target: Target,
    place: Path,
    rejects: RejectsWriter,
    notices: Callable[[str], None],
) -> tuple[Layout, tuple[int, int]]:
    """Add one file to its table; return how it was read, and numbers of good and bad rows."""
    table, name = layout.file.table, layout.file.name
    before = _number(con, f"SELECT count(*) FROM {table}")
    try:
        wide = is_wide(layout)
        layout, plan = _insert(con, layout, target, place, rejects=not wide)
        staged = _number(con, f"SELECT count(*) FROM {table}") - before
        torn = judge_records(layout, staged) if wide else read_torn(con, layout)
        bad = _number(con, f"SELECT count(*) FROM {table} WHERE bad <> 0")
        if bad:
            con.execute(f"DELETE FROM {table} WHERE bad <> 0")
        faults = _write_rejects(con, layout, plan, torn, bad, rejects)
    except (InputError, *_NOT_THE_FILE):
        raise
    except (duckdb.Error, EOFError, OSError, zlib.error, ArrowException):
        # The driver's own words may hold values of the file.
        raise InputError(
            f"{name} cannot be read as {layout.file.format}: it is damaged or cut short"
        ) from None
    if Reason.QUOTES in torn.reasons:
        notices(
            f"{name}: a quote is opened and not closed at line "
            f"{torn.lines[torn.reasons.index(Reason.QUOTES)]}; rows after it may be lost with it"
        )
    _tell(layout, faults, notices)
    return layout, (staged - bad, bad + len(torn.lines))


def _tell(
    layout: Layout, faults: Mapping[Reason, Sequence[int]], notices: Callable[[str], None]
) -> None:
    """Say of what a whole file may suffer what it is, and what to do about it."""
    for reason, (why, remedy) in _REMEDIES.items():
        lines = faults.get(reason, ())
        if lines:
            many = "1 row" if len(lines) == 1 else f"{len(lines):,} rows"
            first = f", the first at line {lines[0]:,}" if lines[0] else ""
            notices(f"{layout.file.name}: {many} left out {why}{first}; {remedy}")


def _insert(
    con: duckdb.DuckDBPyConnection, layout: Layout, target: Target, place: Path, *, rejects: bool
) -> tuple[Layout, Scan]:
    """Scan a file into its table, bad rows marked; return how it was read in the end."""
    con.execute(f"SET preserve_insertion_order = {target.record}")
    try:
        return layout, _insert_once(con, layout, target, rejects=rejects)
    except duckdb.InvalidInputException:
        # Line ends of several kinds in one file, or text that is not UTF-8.
        if layout.file.format is Format.CSV:
            layout = replace(layout, file=with_plain_line_ends(layout.file, place))
        else:
            layout = replace(layout, tolerant=True)
        return layout, _insert_once(con, layout, target, rejects=rejects)


def _insert_once(
    con: duckdb.DuckDBPyConnection, layout: Layout, target: Target, *, rejects: bool
) -> Scan:
    plan = scan(con, layout, rejects=rejects, record=target.record)
    fields = [f for f in plan.types if f != "account_id" or target.named]
    into = ", ".join([*fields, "bad"] + ([] if target.named else ["idx"]))
    number = ("file, row, ", f"{target.file}, row, ") if target.record else ("", "")
    con.execute("DROP TABLE IF EXISTS reject_errors; DROP TABLE IF EXISTS reject_scans")
    con.execute(
        f"INSERT INTO {target.table} ({number[0]}{into}) "
        f"SELECT {number[1]}{into} FROM ({plan.rows})"
    )
    return plan


def _write_rejects(
    con: duckdb.DuckDBPyConnection,
    layout: Layout,
    plan: Scan,
    torn: Torn,
    bad: int,
    rejects: RejectsWriter,
) -> dict[Reason, list[int]]:
    """Write down the bad rows of a file, by line; a second scan finds where they are.

    Returns
    -------
    dict of Reason to list of int
        The lines by reason, of reasons in `_REMEDIES`.
    """
    meanings = list(plan.meanings)
    lines, codes = torn.lines, np.zeros(len(torn.lines), np.int64)
    for i, meaning in enumerate(zip(torn.fields, torn.reasons, strict=True)):
        if meaning not in meanings:
            meanings.append(meaning)
        codes[i] = meanings.index(meaning)
    if bad:
        con.execute("SET preserve_insertion_order = true")
        found = con.sql(plan.rejects).to_arrow_table()
        rows = found["row"].to_numpy()
        lines = np.concatenate([lines, find_lines(layout, rows, torn)])
        codes = np.concatenate([codes, found["bad"].to_numpy().astype(np.int64) - 1])
    order = np.argsort(lines, kind="stable")
    rejects.write(
        layout.file.table, layout.file.name, lines[order].tolist(), codes[order].tolist(), meanings
    )
    return {
        reason: lines[order][
            np.isin(codes[order], [i for i, (_, why) in enumerate(meanings) if why is reason])
        ].tolist()
        for reason in _REMEDIES
    }


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


def _number(con: duckdb.DuckDBPyConnection, query: str) -> int:
    return int(con.execute(query).fetchall()[0][0])
