"""A batch's bytes cut into rows, and read a little at a time: a sign-up comes in between.

Parsing JSON is one step that nobody interrupts, and takes half a second for 8 MiB of empty
lists. So brackets and commas are found first, a few at a stretch, and each row is parsed for
itself. What no row has is neither read nor built: a list or object within a row is emptied,
and of more fields than `MOST_FIELDS` the rest is left out. Such a row ends in a field that no
row has, so that it is refused whatever else it holds. Cutting ends where the body is seen to
be no JSON, so that nothing is gathered of what says nothing.
"""

from __future__ import annotations

import asyncio
import re
import time
from collections.abc import Iterator
from typing import Any

from pydantic import TypeAdapter

from ringfinder.serve.errors import Unprocessable
from ringfinder.serve.rows import MOST_ROWS, UNREAD, Batch

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
_NO_FIELD = b',"%s":0' % UNREAD.encode()
"""Ends a row of which something was left out: no later field of that name can hide it."""
_QUOTE, _COMMA, _OPENING, _MARKS = b'"'[0], b","[0], frozenset(b"[{"), frozenset(b"[]{},")
_PLAIN = re.compile(rb'(?:[^"\[\]{},]++|"(?:[^"\\]++|\\.)*+")*+', re.DOTALL)
_SKIMMED = re.compile(rb'(?:[^"\[\]{}]++|"(?:[^"\\]++|\\.)*+"|\[\]|\{\})*+', re.DOTALL)
_TEXT = re.compile(rb'(?:[^"\\]++|\\.)*+', re.DOTALL)
_any = TypeAdapter(Any).validator.validate_json
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
    for row in rows:
        items.append(_any(row))
        await pauses.due()
    return Batch.model_construct(items=items[len(items) - count :])  # given twice, the last count


async def _cut(body: bytes, pauses: Pauses) -> tuple[bytes, list[bytes]]:
    """Return the body with empty rows, and the rows."""
    marks, cutter = _Marks(body), _Cutter(body)
    for step, at in enumerate(marks):
        if at is None or step % STEPS == 0:
            await pauses.due()
        if at is not None:
            if not cutter.take(at):
                break
            marks.skimmed = cutter.skims
    return cutter.frame(), cutter.rows


class _Cutter:
    """Takes rows out of a body, bracket by bracket.

    Attributes
    ----------
    rows
        Those taken out.
    """

    def __init__(self, body: bytes) -> None:
        self._body, self.rows = body, list[bytes]()
        self._frame: list[bytes] = []
        self._row: list[bytes] = []
        self._begin = self._depth = self._fields = self._entries = 0
        self._ended = False  # whether a list or object ended, and no comma came since

    @property
    def skims(self) -> bool:
        """Whether it is within what is left out of a row, of which only the end is of interest."""
        return self._depth > _ROW or (self._depth == _ROW and self._fields >= MOST_FIELDS)

    def take(self, at: int) -> bool:
        """Take in one bracket or comma; False if the body is no JSON, whatever comes after."""
        byte = self._body[at]
        if byte == _COMMA:
            self._ended = False
            self._comma(at)
        elif byte in _OPENING:
            if self._ended and not self.skims:
                return False
            self._ended = False
            self._depth += 1
            self._opened(at)
        else:
            self._ended = True
            self._depth -= 1
            self._closed(at)
        return 0 <= self._depth <= MOST_DEPTH

    def frame(self) -> bytes:
        """Return what is around the rows; it ends in one that was begun and not ended."""
        return b"".join(self._frame) + (self._body[self._begin :] if self._depth < _ROW else b"")

    def _opened(self, at: int) -> None:
        if self._depth == _ROW:
            self._frame.append(self._body[self._begin : at + 1])
            self._begin, self._fields = at, 0
        elif self._depth == _ROW + 1 and self._fields < MOST_FIELDS:
            self._row.append(self._body[self._begin : at + 1])

    def _closed(self, at: int) -> None:
        if self._depth == _ROW:
            self._begin = at
        elif self._depth == _ROW - 1:
            if self._fields < MOST_FIELDS:
                self._row.append(self._body[self._begin : at])
            if len(self._row) > 1 or self._fields >= MOST_FIELDS:
                self._row.append(_NO_FIELD if self._row[0][:1] == b"{" else b"")
            self.rows.append(b"".join(self._row) + self._body[at : at + 1])
            self._row.clear()
            self._begin = at

    def _comma(self, at: int) -> None:
        if self._depth == _ROW:
            self._fields += 1
            if self._fields == MOST_FIELDS:
                self._row.append(self._body[self._begin : at])
        elif self._depth < _ROW:
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
    skimmed
        Whether only brackets are of interest, and of them none that end as they begin.
    """

    def __init__(self, body: bytes) -> None:
        self._body, self.skimmed = body, False

    def __iter__(self) -> Iterator[int | None]:
        """Yield place after place; None for a step without any."""
        body, at, end, in_text = self._body, 0, len(self._body), False
        while at < end:
            pattern = _TEXT if in_text else _SKIMMED if self.skimmed else _PLAIN
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
