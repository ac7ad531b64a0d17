"""Which column of a file holds which field."""

from __future__ import annotations

import csv
import io
import re
import zlib
from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

import duckdb
import pyarrow.parquet as pq
from pyarrow.lib import ArrowException

from ringfinder.errors import InputError
from ringfinder.sources.columns import TABLES, WORDS, fields, is_read
from ringfinder.sources.files import Format, SourceFile
from ringfinder.sources.nested import columns_of_schema, how_to_flatten, keys_of_json

_HEAD_BYTES = 1 << 22
_LONGEST_HEADER = 1 << 20
_HEADER = re.compile(rf"[^\r\n]{{0,{_LONGEST_HEADER}}}[\r\n]")
_DELIMITERS = ",;\t|"
_NAMES_SHOWN = 20
IN_UTF8 = "convert it first, such as with `iconv -f LATIN1 -t UTF-8 OLD > NEW`"
_NAME = re.compile(r"[^\W\d][\w .:/-]{0,39}")


@dataclass(frozen=True)
class Layout:
    """How to read the fields of one file.

    Attributes
    ----------
    file
        The file.
    columns
        Its columns in order, as the file names them. Of JSON lines: the keys of the first
        10,000 lines.
    chosen
        By field, the column that holds it. Of JSON lines also fields not met yet: they
        may come later in the file.
    unknown
        Columns that hold no field.
    nested
        Those of them that hold objects.
    delimiter
        Of a CSV file; else empty.
    now_ms
        The present, after which nothing can have happened; None: it is not asked.
    tolerant
        Of a Parquet file: whether rows with text that is not UTF-8 are told apart, which
        takes reading twice, instead of ending the scan.
    """

    file: SourceFile
    columns: tuple[str, ...]
    chosen: dict[str, str]
    unknown: tuple[str, ...]
    nested: tuple[str, ...] = ()
    delimiter: str = ""
    now_ms: int | None = None
    tolerant: bool = False

    def position(self, field: str) -> int:
        """Return the index of the column that holds `field`."""
        return self.columns.index(self.chosen[field])


def find_layouts(
    files: Sequence[SourceFile],
    mapping: Mapping[str, str],
    notices: Callable[[str], None],
    *,
    record: bool = False,
    now_ms: int | None = None,
) -> list[Layout]:
    """Read the headers of all files and decide which column holds which field.

    A column named by `mapping` holds the field that it says. Else a column holds the
    field of its name, upper or lower case and blanks around it aside.

    Parameters
    ----------
    files
        What to read.
    mapping
        Column of a file -> field.
    notices
        Called once per table with the columns that are left out.
    record
        Whether rows become events, which takes columns that an audit leaves alone.
    now_ms
        The present, which goes into the layouts.

    Raises
    ------
    InputError
        If a required column is missing, two columns hold one field, `mapping` names a
        field or a column that there is not, or a header cannot be read.
    """
    for name, field in mapping.items():
        if field not in fields():
            raise InputError(f"--map {name}={field}: no field {field}; there are {_list(fields())}")
    layouts = [
        replace(_without_unread(_layout(file, mapping), record=record), now_ms=now_ms)
        for file in files
    ]
    met = {name for layout in layouts for name in layout.columns}
    for name, field in mapping.items():
        if name not in met:
            raise InputError(f"--map {name}={field}: no file has a column {name}")
    unknown: dict[str, dict[str, None]] = defaultdict(dict)
    for layout in layouts:
        unknown[layout.file.table].update(dict.fromkeys(layout.unknown))
    for table, names in unknown.items():
        if names:
            notices(f"{WORDS[table]}: columns left out, not known: {_list(sorted(names))}")
        told: set[tuple[str, ...]] = set()  # an export of a thousand files has one shape
        for layout in layouts:
            if layout.file.table == table and layout.nested and tuple(layout.nested) not in told:
                told.add(tuple(layout.nested))
                notices(f"{layout.file.name}: {_nested(layout.nested, layout.file)}")
    return layouts


def _layout(file: SourceFile, mapping: Mapping[str, str]) -> Layout:
    if file.format is Format.PARQUET:
        return _choose(file, *_parquet_columns(file), mapping)
    head = _head(file)
    if file.format is Format.JSONL:
        return _choose(file, *keys_of_json(head), mapping)
    if len(head) > _LONGEST_HEADER and not _HEADER.match(head):
        raise InputError(
            f"{file.name}: its first line is longer than {_LONGEST_HEADER:,} characters: "
            "that is no header with the names of columns"
        )
    # The header decides, not the rows: a value may hold any character, a name does not.
    tried = [_split(head, delimiter) for delimiter in _DELIMITERS]
    known = [len(_holders(file.table, columns, mapping)) for columns in tried]
    best = max(range(len(tried)), key=lambda i: (known[i], len(tried[i]), -i))
    if any("\n" in name and _DELIMITERS[best] in name for name in tried[best]):
        raise InputError(
            f"{file.name}: a quote is opened in the header and not closed on its line, and what "
            "follows is taken for the name of a column; close it"
        )
    return _choose(file, tried[best], (), mapping, _DELIMITERS[best])


def _choose(
    file: SourceFile,
    columns: Sequence[str],
    objects: Collection[str],
    mapping: Mapping[str, str],
    delimiter: str = "",
) -> Layout:
    holders = _holders(file.table, columns, mapping)
    for field, names in holders.items():
        if len(names) > 1:
            raise InputError(
                f"{file.name}: {len(names)} columns hold {field} ({_list(names)}); "
                f"rename all but one, or choose with --map COLUMN={field}"
            )
    chosen = {field: names[0] for field, names in holders.items()}
    for declared in TABLES[file.table]:
        # JSON lines that start with none that can be read: all fields may yet come.
        told = columns or file.format is not Format.JSONL
        if declared.required and declared.name not in chosen and told:
            needs = "needs" if file.table == "usage" else "need"
            raise InputError(
                f"{file.name}: no column {declared.name}, which {WORDS[file.table]} {needs}; "
                f"{_found(columns)}; if one of them holds it, say so with "
                f"--map COLUMN={declared.name}"
                + (f"; {_nested(sorted(objects), file)}" if objects else "")
            )
        if file.format is Format.JSONL:
            chosen.setdefault(declared.name, declared.name)
    unknown = tuple(name for name in columns if name not in chosen.values())
    nested = tuple(name for name in unknown if name in objects)
    return Layout(file, tuple(columns), chosen, unknown, nested, delimiter)


def _without_unread(layout: Layout, *, record: bool) -> Layout:
    read = {c.name for c in TABLES[layout.file.table] if is_read(c, record=record)}
    return replace(layout, chosen={f: name for f, name in layout.chosen.items() if f in read})


def _holders(
    table: str, columns: Sequence[str], mapping: Mapping[str, str]
) -> dict[str, list[str]]:
    """Return by field of the table the columns that claim to hold it."""
    by_name: dict[str, list[str]] = defaultdict(list)
    by_map: dict[str, list[str]] = defaultdict(list)
    for name in columns:
        if name in mapping:
            by_map[mapping[name]].append(name)
        else:
            by_name[name.strip().lower()].append(name)
    holders = {}
    for declared in TABLES[table]:
        names = by_map.get(declared.name) or by_name.get(declared.name)
        if names:
            holders[declared.name] = names
    return holders


def _parquet_columns(file: SourceFile) -> tuple[list[str], set[str]]:
    try:
        return columns_of_schema(pq.read_schema(file.path))
    except (ArrowException, OSError):
        raise InputError(
            f"{file.name} cannot be read as Parquet: it is damaged, cut short or something else"
        ) from None


def _head(file: SourceFile) -> str:
    """Return the first part of a text file, without the byte order mark."""
    try:
        with file.open() as stream:
            head = stream.read(_HEAD_BYTES)
    except (ArrowException, OSError, EOFError, zlib.error):
        raise InputError(
            f"{file.name} cannot be decompressed: it is damaged, cut short or something else"
        ) from None
    _check_header(file, bytes(head).partition(b"\n")[0])
    text = bytes(head).decode("utf-8-sig", errors="replace")
    if "\0" in text.partition("\n")[0]:
        raise InputError(f"{file.name} is not text in UTF-8: save it as {file.format} in UTF-8")
    if not text.strip():
        raise InputError(f"{file.name} is empty: it has no header and no rows")
    return text


def _check_header(file: SourceFile, line: bytes) -> None:
    """Raise an InputError where the names of columns are in another encoding than UTF-8."""
    if file.format is not Format.CSV or b"\0" in line:
        return
    try:
        line.decode("utf-8")
    except UnicodeDecodeError as error:
        if error.reason != "unexpected end of data" or len(line) < _HEAD_BYTES:
            raise InputError(f"{file.name} is not UTF-8, its header neither: {IN_UTF8}") from None


def _split(head: str, delimiter: str) -> list[str]:
    try:
        return next(csv.reader(io.StringIO(head, newline=""), delimiter=delimiter), [])
    except csv.Error:
        return []


def _found(columns: Sequence[str]) -> str:
    """Say which columns a file has.

    Without a header the first row is taken for one: names that cannot be names mean that
    the others may be somebody's data too, and none is shown.
    """
    named = [name.strip() for name in columns if name.strip()]
    if all(_NAME.fullmatch(name) for name in named):
        return f"columns found: {_list(named)}"
    return f"its first line, of {len(columns)} values, does not look like names of columns"


def _nested(names: Sequence[str], file: SourceFile) -> str:
    return how_to_flatten(_list(names), file.format)


def _list(names: Iterable[str]) -> str:
    """Join names for a sentence; what looks like no name is counted and not shown."""
    names = list(names)
    shown = [name.strip() for name in names if _NAME.fullmatch(name.strip())][:_NAMES_SHOWN]
    more = len(names) - len(shown)
    if not shown:
        return f"{more} of unusual names" if more else "none"
    return ", ".join(shown) + (f" and {more} more" if more else "")


def types_of(con: duckdb.DuckDBPyConnection, relation: str) -> list[tuple[str, str]]:
    """Return (name, type) of every column of a relation."""
    rows = con.execute(f"DESCRIBE SELECT * FROM {relation}").fetchall()
    return [(row[0], row[1]) for row in rows]
