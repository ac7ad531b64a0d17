"""Records of a CSV file longer than the scanner takes, which it would go on in the midst of."""

from __future__ import annotations

import csv
import io
import shutil
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import BinaryIO

import numpy as np

from ringfinder.model import IntArray
from ringfinder.sources.files import SourceFile, with_plain_line_ends
from ringfinder.sources.layout import Layout
from ringfinder.sources.survey import Overlong, Survey, survey

_CHUNK = 1 << 24
_READ = 1 << 28
"""Bytes of a record that is still read whole, to see whether it is one; of a longer one it is not
known, and lines of it may become rows."""


@dataclass(frozen=True)
class Cut:
    """What was cut out of a file, so that its lines can still be told.

    Attributes
    ----------
    records
        By line.
    """

    records: tuple[Overlong, ...] = ()

    @property
    def lines(self) -> list[int]:
        """Lines of the file on which they start, from 1, rising."""
        return [record.line for record in self.records]

    def original(self, lines: IntArray) -> IntArray:
        """Return the lines of the file that lines of the cut one are; 0, not known, stays 0."""
        gone = np.cumsum([0, *(record.lines for record in self.records)])
        cuts = np.array(self.lines, np.int64) - gone[:-1]
        return np.asarray(lines + gone[np.searchsorted(cuts, lines, side="right")])


def without_overlong(layout: Layout, text: Survey, place: Path) -> tuple[Layout, Survey, Cut]:
    """Return a file without the records that are too long and have line ends inside.

    The scanner would go on inside of them, and take what stands in a value for rows.

    Parameters
    ----------
    layout, text
        The file, and what a look over it has shown.
    place
        Where a copy is made. Lines end in LF there.
    """
    if not _records(layout, text.overlong):
        return layout, text, Cut()
    plain = replace(layout, file=with_plain_line_ends(layout.file, place))
    found = survey(plain).overlong  # again: a lone CR ends a line, too
    records = _records(plain, found)
    short = replace(layout, file=_without(plain.file, records, place))
    plain.file.path.unlink()
    return short, survey(short), Cut(records)


def _records(layout: Layout, found: tuple[Overlong, ...]) -> tuple[Overlong, ...]:
    """Return those of what was found that are one row each, and not rows behind an open quote."""
    if not found:
        return ()
    records, at = [], 0
    with layout.file.open() as stream:
        for record in found:
            if record.end - record.begin > _READ:
                continue
            _skip(stream, record.begin - at)
            data = b"".join(_read(stream, record.end - record.begin))
            at = record.end
            if _is_one(data, layout.delimiter):
                records.append(record)
    return tuple(records)


def _is_one(data: bytes, delimiter: str) -> bool:
    """Tell whether bytes are one row, of however many columns.

    A quote opened by mistake closes where the next value's opens, in front of text.
    """
    csv.field_size_limit(1 << 31)
    lines = io.TextIOWrapper(io.BytesIO(data), "utf-8", "surrogateescape", newline="")
    try:
        return sum(1 for _ in csv.reader(lines, delimiter=delimiter, strict=True)) == 1
    except csv.Error:
        return False


def _without(plain: SourceFile, records: tuple[Overlong, ...], place: Path) -> SourceFile:
    copy, at = Path(tempfile.mkdtemp(dir=place)) / "copy.csv", 0
    with plain.open() as stream, copy.open("wb") as out:
        for record in records:
            out.writelines(_read(stream, record.begin - at))
            _skip(stream, record.end - record.begin)
            at = record.end
        shutil.copyfileobj(stream, out, _CHUNK)
    return replace(plain, path=copy)


def _read(stream: BinaryIO, size: int) -> Iterator[bytes]:
    while size and (piece := bytes(stream.read(min(size, _CHUNK)))):
        size -= len(piece)
        yield piece


def _skip(stream: BinaryIO, size: int) -> None:
    for _ in _read(stream, size):
        pass
