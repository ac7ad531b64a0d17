"""Files into tables: one scan each, bad rows told apart and written down."""

from __future__ import annotations

import zlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import duckdb
import numpy as np
from pyarrow.lib import ArrowException

from ringfinder.errors import InputError
from ringfinder.sources.checks import is_trimmed_late, trimmed
from ringfinder.sources.columns import TABLES, WORDS, Type
from ringfinder.sources.files import Format, with_plain_line_ends
from ringfinder.sources.layout import Layout
from ringfinder.sources.lines import Torn, find_lines, is_wide, judge_records, read_torn
from ringfinder.sources.rejects import Reason, RejectsWriter
from ringfinder.sources.scan import Scan, scan

SQL_TYPES = {
    Type.TEXT: "VARCHAR",
    Type.LABEL: "VARCHAR",
    Type.TIME: "BIGINT",
    Type.COUNT: "BIGINT",
    Type.FLAG: "TINYINT",
    Type.EVENT: "UHUGEINT",
    Type.PROMPT: "UHUGEINT",
}


_NOT_THE_FILE = (
    duckdb.OutOfMemoryException,
    duckdb.BinderException,
    duckdb.CatalogException,
    duckdb.ParserException,
)
"""What the database raises for other reasons than what it finds in a file."""


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
) -> Staged:
    """Read all files of one table into the SQL table of that name.

    `place` is a directory for copies that may be needed.

    Raises
    ------
    InputError
        If a file turns out to be damaged.
    """
    chosen = {field for layout in layouts for field in layout.chosen}
    columns = [c for c in TABLES[table] if c.name in chosen and c.type is not Type.UNREAD]
    kept = [c for c in columns if c.name != "account_id" or table == "signups"]
    key = [] if table == "signups" else ["idx INTEGER"]
    shape = [*key, *(f"{c.name} {SQL_TYPES[c.type]}" for c in kept), "bad USMALLINT"]
    con.execute(f"CREATE TABLE {table} ({', '.join(shape)})")
    done = [_stage_file(con, layout, place, rejects, notices) for layout in layouts]
    fields = tuple(c.name for c in columns)
    repeated = _drop_repeated(con, table, fields) if "event_id" in fields else 0
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


def _stage_file(
    con: duckdb.DuckDBPyConnection,
    layout: Layout,
    place: Path,
    rejects: RejectsWriter,
    notices: Callable[[str], None],
) -> tuple[Layout, tuple[int, int]]:
    """Add one file to its table; return how it was read, and numbers of good and bad rows."""
    table, name = layout.file.table, layout.file.name
    before = _number(con, f"SELECT count(*) FROM {table}")
    try:
        wide = is_wide(layout)
        layout, plan = _insert(con, layout, place, rejects=not wide)
        staged = _number(con, f"SELECT count(*) FROM {table}") - before
        torn = judge_records(layout, staged) if wide else read_torn(con, layout)
        bad = _number(con, f"SELECT count(*) FROM {table} WHERE bad <> 0")
        if bad:
            con.execute(f"DELETE FROM {table} WHERE bad <> 0")
        _write_rejects(con, layout, plan, torn, bad, rejects)
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
    return layout, (staged - bad, bad + len(torn.lines))


def _insert(
    con: duckdb.DuckDBPyConnection, layout: Layout, place: Path, *, rejects: bool
) -> tuple[Layout, Scan]:
    """Scan a file into its table, bad rows marked; return how it was read in the end."""
    con.execute("SET preserve_insertion_order = false")
    try:
        return layout, _insert_once(con, layout, rejects=rejects)
    except duckdb.InvalidInputException:
        # Line ends of several kinds in one file, or text that is not UTF-8.
        if layout.file.format is Format.CSV:
            layout = replace(layout, file=with_plain_line_ends(layout.file, place))
        else:
            layout = replace(layout, tolerant=True)
        return layout, _insert_once(con, layout, rejects=rejects)


def _insert_once(con: duckdb.DuckDBPyConnection, layout: Layout, *, rejects: bool) -> Scan:
    plan = scan(con, layout, rejects=rejects)
    table = layout.file.table
    fields = [f for f in plan.types if f != "account_id" or table == "signups"]
    into = ", ".join([*fields, "bad"] + ([] if table == "signups" else ["idx"]))
    con.execute("DROP TABLE IF EXISTS reject_errors; DROP TABLE IF EXISTS reject_scans")
    con.execute(f"INSERT INTO {table} ({into}) SELECT {into} FROM ({plan.rows})")
    return plan


def _write_rejects(
    con: duckdb.DuckDBPyConnection,
    layout: Layout,
    plan: Scan,
    torn: Torn,
    bad: int,
    rejects: RejectsWriter,
) -> None:
    """Write down the bad rows of a file, by line; a second scan finds where they are."""
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


def _drop_repeated(con: duckdb.DuckDBPyConnection, table: str, fields: Sequence[str]) -> int:
    """Leave one row per event_id: the first by content, whatever the order of the files."""
    account = "account_id" if table == "signups" else "idx"
    late = {c.name for c in TABLES[table] if is_trimmed_late(c)}
    content = ", ".join(
        [account]
        + [trimmed(f) if f in late else f for f in fields if f not in {"account_id", "event_id"}]
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
