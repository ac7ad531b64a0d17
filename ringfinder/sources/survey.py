"""What a look over a text file shows before it is scanned."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from ringfinder.model import IntArray
from ringfinder.sources.files import Format
from ringfinder.sources.layout import Layout
from ringfinder.sources.scan import MAX_LINE

_CHUNK = 1 << 24
_LF, _QUOTE = 10, 34
_WIDE = 4096


@dataclass(frozen=True)
class Overlong:
    """A record of a CSV file longer than the scanner takes, with line ends in quoted values.

    Attributes
    ----------
    begin, end
        Its bytes in the decompressed file, from 0; the end excluded.
    line, lines
        Line on which it starts, from 1; how many it takes, 2 at least.
    """

    begin: int
    end: int
    line: int
    lines: int


@dataclass(frozen=True)
class Survey:
    """What a look over a text file shows before it is scanned.

    Attributes
    ----------
    wide
        Whether a line has thousands of delimiters.
    lines
        Lines of a CSV file; of a wide file those before such a line.
    overlong
        Records too long, so far as they were looked for; where a quote is open, one may be
        none.
    """

    wide: bool
    lines: int
    overlong: tuple[Overlong, ...] = ()


def survey(layout: Layout) -> Survey:
    """Read a text file once, and see whether it can be scanned.

    The scanner takes quadratic time to tell the columns too many of one row, which makes
    a damaged file look like one that never ends. Of a record longer than it takes it may
    go on in the midst, and take lines inside a value for rows.

    Raises
    ------
    EOFError, OSError, ArrowException, zlib.error
        If a compressed file is damaged.
    """
    file = layout.file
    if file.format is not Format.CSV and file.compression == "none":
        return Survey(wide=False, lines=0)
    delimiter, rest, wide, before = layout.delimiter.encode(), b"", False, 0
    returns, last, records = 0, b"\n", _Records()
    with file.open() as stream:
        while chunk := bytes(stream.read(_CHUNK)):
            if not delimiter:
                continue
            ends = np.flatnonzero(np.frombuffer(chunk, np.uint8) == _LF)
            if not wide:
                data = rest + chunk
                wide, rest = _is_wide(data, ends + len(rest), delimiter)
                before = records.line - 1
            records.add(chunk, ends)
            returns += 0 if records.line > 1 else chunk.count(b"\r")
            last = chunk[-1:]
    lines = (records.line - 1 or returns) + (last not in b"\r\n")
    return Survey(wide, before if wide else lines, tuple(records.overlong))


def _is_wide(data: bytes, ends: IntArray, delimiter: bytes) -> tuple[bool, bytes]:
    """Tell whether a line has thousands of delimiters; return what the last line starts with."""
    starts = np.concatenate(([0], ends + 1))
    for i in np.flatnonzero(np.diff(starts) > _WIDE):
        if data.count(delimiter, starts[i], starts[i + 1]) > _WIDE:
            return True, b""
    rest = data[starts[-1] :]
    return rest.count(delimiter) > _WIDE, rest[-MAX_LINE:]


@dataclass
class _Records:
    """Finds records too long in one file, fed to it in pieces.

    A record ends with the first line before whose end the quotes are even in number.

    Attributes
    ----------
    line
        Line that is read now, from 1.
    overlong
        What was found so far.
    """

    line: int = 1
    overlong: list[Overlong] = field(default_factory=list)
    _offset: int = 0
    _inside: bool = False
    _begin: tuple[int, int] = (0, 1)

    def add(self, chunk: bytes, ends: IntArray) -> None:
        """Take the next piece of the file, and where its lines end."""
        if b'"' in chunk:
            marks = np.flatnonzero(np.frombuffer(chunk, np.uint8) == _QUOTE)
            whole = (self._inside + np.searchsorted(marks, ends)) % 2 == 0
            self._inside = (self._inside + len(marks)) % 2 == 1
        else:
            whole = np.full(len(ends), not self._inside)
        numbers = np.flatnonzero(whole) + self.line + 1
        starts = ends[whole] + 1 + self._offset
        if len(starts):
            begins = np.concatenate(([self._begin[0]], starts[:-1]))
            first = np.concatenate(([self._begin[1]], numbers[:-1]))
            long = (starts - begins > MAX_LINE) & (numbers - first > 1)
            found = zip(begins[long], starts[long], first[long], numbers[long], strict=True)
            self.overlong += [
                Overlong(int(a), int(b), int(line), int(after - line))
                for a, b, line, after in found
            ]
            self._begin = (int(starts[-1]), int(numbers[-1]))
        self.line += len(ends)
        self._offset += len(chunk)
