"""Quotes of a CSV file that are opened and not closed where they should be."""

from __future__ import annotations

import tempfile
from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from ringfinder.model import BoolArray, IntArray
from ringfinder.sources.files import Format, SourceFile, with_plain_line_ends
from ringfinder.sources.layout import Layout
from ringfinder.sources.lines import Torn, records_of
from ringfinder.sources.rejects import Reason

_CHUNK = 1 << 24
_LF, _CR, _QUOTE = 10, 13, 34


def without_open_quotes(layout: Layout, torn: Torn, place: Path) -> tuple[Layout, list[int]]:
    """Return a file in which the lines that open a quote for good are blank, and those lines.

    A quote that is broken within its line, such as ``"abc"def``, has swallowed nothing and is
    left alone.

    Parameters
    ----------
    layout, torn
        The file, and what a scan of it could not tell into columns.
    place
        Where a copy is made. Lines keep their numbers there, and end in LF.

    Returns
    -------
    Layout, list of int
        The lines count from 1 and rise; none: the layout is the same.
    """
    broken = np.array([reason is Reason.QUOTES for reason in torn.reasons], dtype=bool)
    broken &= torn.lines > 1  # a file without its header would be another file
    if layout.file.format is not Format.CSV or not broken.any():
        return layout, []
    lines = torn.lines[broken][_stays_open(layout.file, torn.places[broken])].tolist()
    if not lines:
        return layout, []
    ours = layout.file.path.is_relative_to(place)
    plain = layout.file if ours else with_plain_line_ends(layout.file, place)
    return replace(layout, file=_without_lines(plain, lines, place)), lines


def _without_lines(plain: SourceFile, lines: Collection[int], place: Path) -> SourceFile:
    copy = Path(tempfile.mkdtemp(dir=place)) / "copy.csv"
    gone = set(lines)
    with plain.open() as stream, copy.open("wb") as out:
        for number, line in enumerate(stream, start=1):
            out.write(b"\n" if number in gone else line)
    return replace(plain, path=copy)


@dataclass(frozen=True)
class OverLines:
    """Rows of a CSV file with a value, other than a prompt, over several lines.

    Attributes
    ----------
    rows, lines
        Such rows; lines that lie inside them.
    first
        Line on which the first of them starts, from 1.
    """

    rows: int
    lines: int
    first: int


def rows_over_lines(layout: Layout, fields: Sequence[str]) -> OverLines:
    """Count rows in which one of some fields holds a line's end; reads the file once more.

    Of rows that have not as many columns as the file any value counts.
    """
    places = [layout.position(field) for field in fields]
    rows, lines, first = 0, 0, 0
    for start, record in records_of(layout):
        whole = len(record) == len(layout.columns)
        values = [record[at] for at in places] if whole else record
        breaks = [value.strip("\n" if whole else "").count("\n") for value in values]
        if any(breaks):
            rows, lines, first = rows + 1, lines + sum(breaks), first or start
    return OverLines(rows, lines, first)


def _stays_open(file: SourceFile, places: IntArray) -> BoolArray:
    """Tell of which quotes, by their bytes in the decompressed file, the line's end is inside.

    Places rise. It is where an odd number of quotes, that one included, is left of the line.
    """
    quotes = np.zeros(len(places), dtype=np.int64)
    begin, running = 0, np.zeros(len(places), dtype=bool)
    with file.open() as stream:
        while chunk := stream.read(_CHUNK):
            data = np.frombuffer(chunk, np.uint8)
            ends = np.flatnonzero((data == _LF) | (data == _CR))
            marks = np.flatnonzero(data == _QUOTE)
            here = running | ((places >= begin) & (places < begin + len(data)))
            first = np.maximum(places[here] - begin, 0)
            after = np.searchsorted(ends, first)
            last = np.append(ends, len(data))[after]
            quotes[here] += np.searchsorted(marks, last) - np.searchsorted(marks, first)
            running[here] = last == len(data)
            begin += len(data)
    return np.asarray(quotes % 2 == 1)
