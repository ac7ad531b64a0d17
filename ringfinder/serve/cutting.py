"""A batch's bytes cut into rows, and read a little at a time: a sign-up comes in between.

Parsing JSON is one step that nobody interrupts, and takes half a second for 8 MiB of empty
lists. So brackets and commas are found first, a few at a stretch, and each row is parsed for
itself. What no row has is not built: a list or object within a row is emptied, and of more
fields than `MOST_FIELDS` the rest is left out. Such a row is refused with or without it.
"""

from __future__ import annotations

import asyncio
import re
import time
from collections.abc import Iterator
from typing import Any

from pydantic import TypeAdapter

from ringfinder.serve.errors import Unprocessable
from ringfinder.serve.rows import MOST_ROWS, Batch

STRETCH_S = 0.001
"""How long the event loop is kept at a stretch."""
WINDOW = 64 << 10
"""Bytes looked at in one step."""
STEPS = 64
"""Steps between two looks at the clock."""
MOST_FIELDS = 200
MOST_DEPTH = 200
"""As JSON is parsed; what is nested deeper is none."""
_ROW = 3
"""Brackets open within a row: those of the body, of `items` and its own."""
_NO_FIELD = b',"":0'
"""Ends a row that was cut short: it has a field that no row has, and is never taken."""
_QUOTE, _COMMA, _OPENING, _MARKS = b'"'[0], b","[0], frozenset(b"[{"), frozenset(b"[]{},")
_PLAIN = re.compile(rb'(?:[^"\[\]{},]++|"(?:[^"\\]++|\\.)*+")*+', re.DOTALL)
_NESTED = re.compile(rb'(?:[^"\[\]{}]++|"(?:[^"\\]++|\\.)*+"|\[\]|\{\})*+', re.DOTALL)
_TEXT = re.compile(rb'(?:[^"\\]++|\\.)*+', re.DOTALL)
_row = TypeAdapter(dict[str, Any]).validator.validate_json
_whole = TypeAdapter(Batch).validator.validate_json


class Pauses:
    """Lets others have the event loop, whenever it was kept for a stretch."""

    def __init__(self) -> None:
        self._since = time.perf_counter()

    async def due(self) -> None:
        """Pause if it is time to."""
        if time.perf_counter() - self._since > STRETCH_S:
            await asyncio.sleep(0)
            self._since = time.perf_counter()


async def batch_of(body: bytes) -> Batch:
    """Return the batch that a body holds; its rows are any objects still.

    Raises
    ------
    ValidationError, Unprocessable
        If it is not JSON, or no batch.
    """
    pauses = Pauses()
    frame, rows = await _cut(body, pauses)
    count = len(_whole(frame).items)
    items = []
    for row in rows[len(rows) - count :]:  # of items given twice, the last are meant
        items.append(_row(row))
        await pauses.due()
    return Batch.model_construct(items=items)


async def _cut(body: bytes, pauses: Pauses) -> tuple[bytes, list[bytes]]:
    """Return the body with empty rows, and the rows."""
    marks, cutter = _Marks(body), _Cutter(body)
    for step, at in enumerate(marks):
        if at is None or step % STEPS == 0:
            await pauses.due()
        if at is not None:
            cutter.take(at)
            if cutter.depth > MOST_DEPTH:
                break
            marks.nested = cutter.depth > _ROW
    return cutter.frame(), cutter.rows


class _Cutter:
    """Takes rows out of a body, bracket by bracket.

    Attributes
    ----------
    rows
        Those taken out.
    depth
        Brackets open.
    """

    def __init__(self, body: bytes) -> None:
        self._body, self.rows, self.depth = body, list[bytes](), 0
        self._frame: list[bytes] = []
        self._row: list[bytes] = []
        self._begin = self._fields = self._entries = 0

    def take(self, at: int) -> None:
        """Take in one bracket or comma."""
        byte = self._body[at]
        if byte == _COMMA:
            self._comma(at)
        elif byte in _OPENING:
            self.depth += 1
            self._opened(at)
        else:
            self.depth -= 1
            self._closed(at)

    def frame(self) -> bytes:
        """Return what is around the rows."""
        return b"".join(self._frame) + self._body[self._begin :]

    def _opened(self, at: int) -> None:
        if self.depth == _ROW:
            self._frame.append(self._body[self._begin : at + 1])
            self._begin, self._fields = at, 0
        elif self.depth == _ROW + 1 and self._fields < MOST_FIELDS:
            self._row.append(self._body[self._begin : at + 1])

    def _closed(self, at: int) -> None:
        if self.depth == _ROW:
            self._begin = at
        elif self.depth == _ROW - 1:
            begin = self._begin if self._fields < MOST_FIELDS else at
            self.rows.append(b"".join(self._row) + self._body[begin : at + 1])
            self._row.clear()
            self._begin = at

    def _comma(self, at: int) -> None:
        if self.depth == _ROW:
            self._fields += 1
            if self._fields == MOST_FIELDS:
                self._row.append(self._body[self._begin : at] + _NO_FIELD)
        elif self.depth < _ROW:
            self._entries += 1
            if self._entries > MOST_ROWS:
                raise Unprocessable(
                    f"A batch has at most {MOST_ROWS:,} rows: send the others in another.",
                    [{"field": "items", "problem": "has too many entries"}],
                )


class _Marks:
    """Where brackets and commas are that are not in a text.

    Attributes
    ----------
    nested
        Whether it is within a value of a row, of which only the end is of interest.
    """

    def __init__(self, body: bytes) -> None:
        self._body, self.nested = body, False

    def __iter__(self) -> Iterator[int | None]:
        """Yield place after place; None for a step without any."""
        body, at, end, in_text = self._body, 0, len(self._body), False
        while at < end:
            pattern = _TEXT if in_text else _NESTED if self.nested else _PLAIN
            found = pattern.match(body, at, at + WINDOW)
            stop = found.end() if found else at
            byte = body[stop] if stop < end else None
            if not in_text and byte in _MARKS:
                yield stop
                at = stop + 1
            elif byte == _QUOTE and (in_text or stop == at):  # its end, or longer than a window
                in_text, at = not in_text, stop + 1
            elif stop > at:
                yield None
                at = stop
            else:  # a backslash ends it: no JSON, as its parser will say
                return
