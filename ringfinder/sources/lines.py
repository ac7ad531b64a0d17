"""From the rows that a scan rejects to the lines of the file a person can look up."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import duckdb
import numpy as np

from ringfinder.model import IntArray
from ringfinder.sources.files import Format, SourceFile
from ringfinder.sources.layout import Layout
from ringfinder.sources.rejects import Reason
from ringfinder.sources.scan import MAX_LINE

_CHUNK = 1 << 24
_LF, _CR = 10, 13

_REASONS = {
    "INVALID ENCODING": Reason.NOT_UTF8,
    "LINE SIZE OVER MAXIMUM": Reason.LINE_TOO_LONG,
    "UNQUOTED VALUE": Reason.QUOTES,
    "MISSING COLUMNS": Reason.COLUMNS,
    "TOO MANY COLUMNS": Reason.COLUMNS,
}


@dataclass(frozen=True)
class Torn:
    """Rows of a text file that could not be told into columns.

    Attributes
    ----------
    lines
        int64 (T,): where each starts, from 1, rising.
    fields, reasons
        For each the field at fault, or None, and why.
    places
        int64 (T,): byte of the decompressed file from 0, of a broken quote that quote; -1
        where it is not known.
    """

    lines: IntArray
    fields: list[str | None]
    reasons: list[Reason]
    places: IntArray

    @classmethod
    def none(cls) -> Torn:
        """Return what a file without torn rows has."""
        return cls(np.zeros(0, np.int64), [], [], np.zeros(0, np.int64))

    def and_lines(self, lines: Sequence[int], reason: Reason) -> Torn:
        """Return these rows and some lines, torn for one reason."""
        every = np.concatenate([self.lines, np.array(lines, np.int64)])
        order = np.argsort(every, kind="stable").tolist()
        fields = [*self.fields, *[None] * len(lines)]
        reasons = [*self.reasons, *[reason] * len(lines)]
        places = np.append(self.places, np.full(len(lines), -1))[order]
        return Torn(every[order], [fields[i] for i in order], [reasons[i] for i in order], places)


def read_torn(con: duckdb.DuckDBPyConnection, layout: Layout) -> Torn:
    """Return the torn rows of the scan that has just run on `con`."""
    if layout.file.format is Format.PARQUET:
        return Torn.none()
    # Of a broken quote the scanner may take the row before it for the row at fault.
    rows = con.execute(
        "SELECT line, line_byte_position, error_type::VARCHAR, min(column_idx), "
        "min(byte_position) FROM reject_errors GROUP BY ALL ORDER BY ALL"
    ).fetchall()
    order = list(_REASONS)
    worst: dict[tuple[int, int], tuple[int, int | None, str, int]] = {}
    for number, start, error, position, at in rows:
        rank = order.index(error) if error in order else len(order)
        place = at if error == "UNQUOTED VALUE" else start
        found = (rank, position, error, place - 1)
        worst[number, start] = min(worst.get((number, start), found), found)
    held = {name: field for field, name in layout.chosen.items()}
    torn = sorted((place, error, position) for _, position, error, place in worst.values())
    fields: list[str | None] = []
    for _, error, position in torn:
        named = error == "INVALID ENCODING" and layout.file.format is Format.CSV and position
        fields.append(held.get(layout.columns[position - 1]) if named and position else None)
    reasons = [_REASONS.get(error, Reason.UNREADABLE) for _, error, _ in torn]
    places = [place for place, _, _ in torn]
    return Torn(_lines_at(layout.file, places), fields, reasons, np.array(places, np.int64))


def judge_records(layout: Layout, rows: int) -> Torn:
    """Return the torn rows of a CSV file by a second reader; for wide files.

    Parameters
    ----------
    layout
        The file.
    rows
        How many rows the scan took for whole. Where the second reader disagrees, the
        difference is told as unreadable rows on line 0: not known.
    """
    lines, reasons, whole = [], [], 0
    for start, record in records_of(layout):
        reason = _fault(record, len(layout.columns))
        if reason is None:
            whole += 1
        else:
            lines.append(start)
            reasons.append(reason)
    missing = max(whole - rows, 0)
    lines = [0] * missing + lines
    reasons = [Reason.UNREADABLE] * missing + reasons
    unknown = np.full(len(lines), -1)
    return Torn(np.array(lines, np.int64), [None] * len(lines), reasons, unknown)


def _fault(record: list[str], columns: int) -> Reason | None:
    if sum(map(len, record)) > MAX_LINE:
        return Reason.LINE_TOO_LONG
    if len(record) < columns or any(record[columns:]):  # the scanner, too, takes empty ones more
        return Reason.COLUMNS
    try:
        "".join(record).encode()
    except UnicodeEncodeError:
        return Reason.NOT_UTF8
    return None


def find_lines(layout: Layout, rows: IntArray, torn: Torn) -> IntArray:
    """Return the lines on which rows of a file start.

    Parameters
    ----------
    layout
        The file.
    rows
        Shape (n,): numbers of rows from 1, rising; torn rows not counted.
    torn
        The file's torn rows.

    Returns
    -------
    IntArray, shape (n,)
        From 1. For Parquet the numbers of the rows themselves.
    """
    if layout.file.format is Format.PARQUET or len(rows) == 0:
        return rows
    if layout.file.format is Format.JSONL:
        # Every line is a row, so the k-th whole row comes after as many torn lines as have
        # fewer than k whole rows before them.
        before = torn.lines - np.arange(len(torn.lines)) - 1
        return rows + np.searchsorted(before, rows, side="left")
    return _csv_lines(layout, rows, torn)


def _csv_lines(layout: Layout, rows: IntArray, torn: Torn) -> IntArray:
    """Find the lines by a second reader, since quoted values may run over several."""
    wanted, lines, number = set(rows.tolist()), [], 0
    skipped = set(torn.lines.tolist())
    last = int(rows[-1])
    for start, _ in records_of(layout):
        if start in skipped:
            continue
        number += 1
        if number in wanted:
            lines.append(start)
        if number == last:
            break
    lines.extend([0] * (len(rows) - len(lines)))  # the two readers disagree: line not known
    return np.array(lines, dtype=np.int64)


def records_of(layout: Layout) -> Iterator[tuple[int, list[str]]]:
    """Yield each record after the header, and the line on which it starts."""
    csv.field_size_limit(1 << 31)
    with layout.file.open() as stream:
        text = io.TextIOWrapper(stream, encoding="utf-8-sig", errors="surrogateescape", newline="")
        reader = csv.reader(text, delimiter=layout.delimiter)
        header, before = True, 0
        for record in reader:
            # Blank lines are no records; they stand before the record, not in it.
            start, before = before + 1, reader.line_num
            if not record:
                continue
            if not header:
                yield start, record
            header = False


def _lines_at(file: SourceFile, places: Sequence[int]) -> IntArray:
    """Return the lines of byte positions, in the decompressed file; `places` rising."""
    found: list[int] = []
    if not places:
        return np.zeros(0, np.int64)
    line, offset, previous = 1, 0, 0
    with file.open() as stream:
        while len(found) < len(places) and (chunk := stream.read(_CHUNK)):
            data = np.frombuffer(chunk, np.uint8)
            before = np.concatenate(([previous], data[:-1]))
            # A line starts after LF, and after CR unless LF follows.
            starts = (before == _LF) | (before == _CR) & (data != _LF)
            number = line + np.cumsum(starts)
            text = np.flatnonzero((data != _LF) & (data != _CR))
            while len(found) < len(places):
                at = np.searchsorted(text, places[len(found)] - offset)
                if at == len(text):
                    break
                found.append(int(number[text[at]]))
            line, offset, previous = int(number[-1]), offset + len(data), int(data[-1])
    found.extend([line] * (len(places) - len(found)))
    return np.array(found, dtype=np.int64)
