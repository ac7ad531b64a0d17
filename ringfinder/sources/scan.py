"""One file as a relation: its fields parsed, every row judged."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass

import duckdb

from ringfinder.sources.checks import Parsed, parse
from ringfinder.sources.columns import column
from ringfinder.sources.files import Format
from ringfinder.sources.layout import Layout, types_of
from ringfinder.sources.rejects import Reason

MAX_LINE = 8 << 20  # a prompt of 1 MiB with every character escaped, and room
_BUFFER = 4 * MAX_LINE
ACCOUNTS = "accounts"
"""Table (account_id, idx) that rows are matched with, once sign-ups are read."""


@dataclass(frozen=True)
class Scan:
    """SQL that reads one file.

    Attributes
    ----------
    rows
        Gives the values by field, ``bad`` (0, or 1 + index into `meanings`) and, for all
        tables but sign-ups, ``idx``, the index of the account (not of rows to be recorded).
    rejects
        Gives ``row``, ``bad`` and ``grouped`` of the bad rows, by row. The row counts from 1
        those rows that can be told apart: of Parquet all, of CSV the well-formed ones, of JSON
        lines all lines. Grouped: a number is at fault that has dots between thousands.
    meanings
        The field at fault, or None, and the reason.
    types
        SQL type by field.
    judged
        Gives the same as `rows`, and ``raw_FIELD``: what stands in the file.
    """

    rows: str
    rejects: str
    meanings: list[tuple[str | None, Reason]]
    types: dict[str, str]
    judged: str


def scan(
    con: duckdb.DuckDBPyConnection, layout: Layout, *, rejects: bool = True, record: bool = False
) -> Scan:
    """Return the SQL that reads a file.

    Parameters
    ----------
    con
        Connection on which a Parquet file's types may be looked up.
    layout
        Which column holds which field.
    rejects
        Whether torn rows go to the table ``reject_errors``.
    record
        Whether rows become events: `Scan.rows` gives the ``row``, too, and keeps rows of
        accounts that have not signed up (yet).
    """
    file = layout.file
    sources = _sources(con, layout)
    fields = {
        field: parse(
            column(file.table, field),
            source,
            type_,
            file=file.name,
            record=record,
            now_ms=layout.now_ms,
        )
        for field, (source, type_) in sources.items()
    }
    texts = [source for source, type_ in sources.values() if type_ == "VARCHAR"]
    meanings, cases = _cases(fields)
    known_account = record or file.table == "signups"
    if not known_account:
        meanings.append(("account_id", Reason.UNKNOWN_ACCOUNT))
    unknown = len(meanings)

    def judged(*, number: bool, keep: bool) -> str:
        raw = ", ".join(f"{p.raw} AS raw_{f}" for f, p in fields.items())
        values = ", ".join(f"{p.value} AS {f}" for f, p in fields.items())
        inner = _select(layout, raw, texts, number=number, rejects=keep)
        inner = f"SELECT *, {values} FROM ({inner})"
        inner = f"SELECT *, CASE {cases} ELSE 0 END::USMALLINT AS fault FROM ({inner})"
        if known_account:
            return f"SELECT *, fault AS bad FROM ({inner})"
        return (
            f"SELECT p.*, a.idx, CASE WHEN fault = 0 AND a.idx IS NULL THEN {unknown} "
            f"ELSE fault END::USMALLINT AS bad FROM ({inner}) p "
            f"LEFT JOIN {ACCOUNTS} a ON p.account_id = a.account_id"
        )

    return Scan(
        rows=judged(number=record, keep=rejects),
        rejects=f"SELECT row, bad, {_grouped(meanings)} AS grouped "
        f"FROM ({judged(number=True, keep=False)}) WHERE bad <> 0 ORDER BY row",
        meanings=meanings,
        types={f: p.type for f, p in fields.items()},
        judged=judged(number=False, keep=False),
    )


def _grouped(meanings: Sequence[tuple[str | None, Reason]]) -> str:
    """Return SQL that tells whether what is at fault is a number with dots between thousands."""
    shape = "'[0-9]{1,3}([.][0-9]{3}){2,}'"
    cases = [
        f"WHEN {code} THEN regexp_full_match(raw_{field}::VARCHAR, {shape})"
        for code, (field, reason) in enumerate(meanings, 1)
        if reason is Reason.NOT_A_NUMBER
    ]
    return f"CASE bad {' '.join(cases)} ELSE false END" if cases else "false"


def _cases(fields: dict[str, Parsed]) -> tuple[list[tuple[str | None, Reason]], str]:
    """Return what can be wrong with a row, and SQL that says which comes first."""
    meanings: list[tuple[str | None, Reason]] = [
        (None, Reason.NOT_AN_OBJECT),
        (None, Reason.NOT_UTF8),
    ]
    cases = ["WHEN broken > 0 THEN broken"]
    for field, parsed in fields.items():
        for condition, reason in parsed.checks:
            meanings.append((field, reason))
            cases.append(f"WHEN {condition} THEN {len(meanings)}")
    return meanings, " ".join(cases)


def _sources(con: duckdb.DuckDBPyConnection, layout: Layout) -> dict[str, tuple[str, str]]:
    """Return by field the SQL of the file's column, and its type."""
    if layout.file.format is Format.PARQUET:
        types = types_of(con, _read_parquet(layout))
        return {
            field: (identifier(types[layout.position(field)][0]), types[layout.position(field)][1])
            for field in layout.chosen
        }
    if layout.file.format is Format.JSONL:
        return {
            f: (f"struct_extract(s, {literal(n)})", "VARCHAR") for f, n in layout.chosen.items()
        }
    return {field: (f"c{layout.position(field)}", "VARCHAR") for field in layout.chosen}


def _select(
    layout: Layout, columns: str, texts: Sequence[str], *, number: bool, rejects: bool
) -> str:
    """Return SQL for `columns` of a file, ``broken`` and, if asked, the ``row`` from 1.

    ``broken`` is 0, or 1 + index into the first two meanings.
    """
    if layout.file.format is Format.PARQUET:
        return _select_parquet(layout, columns, texts, number=number)
    row = ", row_number() OVER () AS row" if number else ""
    if layout.file.format is Format.CSV:
        source = _csv(layout, rejects=rejects)
        return f"SELECT {columns}, 0 AS broken{row} FROM {source}"
    shape = json.dumps(dict.fromkeys(layout.chosen.values(), "VARCHAR"))
    # Valid JSON that starts with a brace is an object.
    an_object = "json_valid(l) AND trim(l)[1] = '{'"
    parsed = f"CASE WHEN {an_object} THEN json_transform(l, {literal(shape)}) END AS s"
    lines = f"SELECT l{row} FROM {_lines(layout, rejects=rejects)}"
    objects = f"SELECT *, {parsed} FROM ({lines}) WHERE trim(l) <> ''"
    row = ", row" if number else ""
    return f"SELECT {columns}, (s IS NULL)::INTEGER AS broken{row} FROM ({objects})"


def _select_parquet(layout: Layout, columns: str, texts: Sequence[str], *, number: bool) -> str:
    """Return SQL as `_select` does.

    Of a tolerant layout every text is read twice, bytes at fault once replaced and once
    left out: where the two differ, the text is not UTF-8.
    """
    row = ", file_row_number + 1 AS row" if number else ""
    if not layout.tolerant or not texts:
        source = _read_parquet(layout, *(["file_row_number = true"] if number else []))
        return f"SELECT {columns}, 0 AS broken{row} FROM {source}"
    numbered = "file_row_number = true"
    replaced = _read_parquet(layout, numbered, "utf8_validation = 'replace'")
    left_out = _read_parquet(layout, numbered, "utf8_validation = 'ignore'")
    bare = ", ".join(f"{text} AS bare_{i}" for i, text in enumerate(texts))
    differ = " OR ".join(f"{text} IS DISTINCT FROM bare_{i}" for i, text in enumerate(texts))
    return (
        f"SELECT {columns}, CASE WHEN {differ} THEN 2 ELSE 0 END AS broken{row} "
        f"FROM {replaced} "
        f"JOIN (SELECT file_row_number AS bare_row, {bare} "
        f"FROM {left_out}) "
        "ON file_row_number = bare_row"
    )


def _read_parquet(layout: Layout, *options: str) -> str:
    return f"read_parquet({', '.join([_path(layout), 'binary_as_string = true', *options])})"


def _csv(layout: Layout, *, rejects: bool) -> str:
    columns = ", ".join(f"'c{i}': 'VARCHAR'" for i in range(len(layout.columns)))
    return _text(
        layout,
        f"columns = {{{columns}}}, header = true, delim = {literal(layout.delimiter)}, "
        "quote = '\"', escape = '\"', strict_mode = true",
        rejects=rejects,
    )


def _lines(layout: Layout, *, rejects: bool) -> str:
    """Return the lines of a file as one column: no JSON may hold the delimiter."""
    return _text(
        layout,
        "columns = {'l': 'VARCHAR'}, header = false, delim = chr(1), "
        "quote = '', escape = '', strict_mode = false",
        rejects=rejects,
    )


def _text(layout: Layout, options: str, *, rejects: bool) -> str:
    kept = ", store_rejects = true" if rejects else ""
    return (
        f"read_csv({_path(layout)}, {options}, auto_detect = false, ignore_errors = true{kept}, "
        f"max_line_size = {MAX_LINE}, buffer_size = {_BUFFER}, "
        f"compression = '{layout.file.compression}')"
    )


def _path(layout: Layout) -> str:
    """Return a file's path as SQL, safe from being taken for a glob."""
    path = str(layout.file.path)
    return literal("".join(f"[{c}]" if c in "*?[" else c for c in path))


def literal(text: str) -> str:
    """Return text as an SQL string."""
    return "'" + text.replace("'", "''") + "'"


def identifier(name: str) -> str:
    """Return a name as an SQL identifier."""
    return '"' + name.replace('"', '""') + '"'
