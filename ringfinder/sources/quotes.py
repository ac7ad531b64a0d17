"""Quotes of a CSV file that are opened and not closed where they should be."""

from __future__ import annotations

import tempfile
from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from ringfinder.model import IntArray
from ringfinder.sources.files import Format, SourceFile, with_plain_line_ends
from ringfinder.sources.layout import Layout
from ringfinder.sources.lines import Torn, records_of
from ringfinder.sources.rejects import Reason

_CHUNK = 1 << 24
_LF, _QUOTE = 10, 34


def without_open_quotes(layout: Layout, torn: Torn, place: Path) -> tuple[Layout, list[int]]:
    """Return a file in which the lines that open a quote for good are blank, and those lines.

    A quote that is broken within its line, such as ``"abc"def``, has swallowed nothing and is
    left alone: only a line with an odd number of quotes opens one.

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
    wide = {Reason.QUOTES, Reason.LINE_TOO_LONG}
    places = torn.lines[[reason in wide for reason in torn.reasons]]
    if layout.file.format is not Format.CSV or not len(places):
        return layout, []
    ours = layout.file.path.is_relative_to(place)
    plain = layout.file if ours else with_plain_line_ends(layout.file, place)
    odd = _odd_lines(plain)
    odd = odd[odd > 1]  # a file without its header would be another file
    lines: list[int] = odd[np.isin(odd, places)].tolist()
    if not lines:
        return layout, []
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
    """Count rows in which one of some fields holds a line's end; reads the file once more."""
    places = [layout.position(field) for field in fields]
    rows, lines, first = 0, 0, 0
    for start, record in records_of(layout):
        breaks = [record[at].strip().count("\n") for at in places if at < len(record)]
        if any(breaks):
            rows, lines, first = rows + 1, lines + sum(breaks), first or start
    return OverLines(rows, lines, first)


def _odd_lines(file: SourceFile) -> IntArray:
    """Return the lines with an odd number of quotes, from 1, rising."""
    found, number, quotes = [], 1, 0
    with file.open() as stream:
        while chunk := stream.read(_CHUNK):
            data = np.frombuffer(chunk, np.uint8)
            ends = np.flatnonzero(data == _LF)
            before = np.searchsorted(np.flatnonzero(data == _QUOTE), np.append(ends, len(data)))
            inside = np.diff(before, prepend=0)
            inside[0] += quotes
            found.append(number + np.flatnonzero(inside[:-1] % 2))
            number, quotes = number + len(ends), int(inside[-1])
    found.append(np.full(quotes % 2, number))
    return np.concatenate(found).astype(np.int64)
