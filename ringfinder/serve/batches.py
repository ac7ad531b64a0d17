"""Many rows at once: each is answered for itself, and none holds up a sign-up."""

from __future__ import annotations

import asyncio
import json
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

from pydantic import ValidationError
from pydantic_core import to_json

from ringfinder.journal import Committed, Conflict, Entry, JournalUnavailable, Repeated, Result
from ringfinder.serve import metrics
from ringfinder.serve.cutting import Pauses
from ringfinder.serve.errors import TooMany, Unprocessable
from ringfinder.serve.keys import Key
from ringfinder.serve.live import State
from ringfinder.serve.problems import fields_of
from ringfinder.serve.rows import TABLES, Batch, Row
from ringfinder.serve.service import Service, now_ms
from ringfinder.serve.signups import Scored, check_attempt, finished, late, score
from ringfinder.store.events import EventType

PIECE = 64
"""Rows normalised at a stretch; sign-ups waiting for an answer come in between."""
SIGNUPS = 4
COMMIT_S = 5.0
"""So long a piece waits for the journal; where that was in vain, those after it do not wait."""
WAIT_S = 30.0
"""And so long all pieces of a batch together: it has one of few turns."""


async def accept(service: Service, key: Key, table: EventType, body: Batch) -> bytes:
    """Record the rows of a batch, and return what became of each, as JSON."""
    batch = _Batch(service, service.live.state, key, table, [None] * len(body.items))
    good: list[tuple[int, Any]] = []
    pauses = Pauses()
    for at, item in enumerate(body.items):
        row = _valid(table, item)
        if isinstance(row, Row):
            good.append((at, row))
        else:
            batch.results[at] = row
        await pauses.due()
    for begin in range(0, len(good), PIECE):
        await batch.record(good[begin : begin + PIECE])
    for status, count in Counter(line["status"] for line in batch.results).items():
        metrics.EVENTS.labels(table.value, status).inc(count)
    return await _told(batch.results)


async def _told(results: list[Any]) -> bytes:
    """Return the answer as JSON, made a piece at a time."""
    parts = []
    for begin in range(0, len(results), PIECE):
        parts.append(to_json(results[begin : begin + PIECE])[1:-1])
        await asyncio.sleep(0)
    return b'{"results":[' + b",".join(parts) + b"]}"


def _valid(table: EventType, item: Any) -> Row | dict[str, Any]:
    """Return the row, or what is wrong with it."""
    try:
        return TABLES[table.value].model_validate(item)
    except ValidationError as error:
        name = item.get("event_id")
        usable = isinstance(name, str) and 0 < len(name) <= 256 and name.isprintable()
        return {"event_id": name if usable else None, "status": "invalid",
                "errors": fields_of(error)}  # fmt: skip


class _Made(NamedTuple):
    """A row and what is to be recorded of it; the first entry tells what became of it."""

    at: int
    row: Any
    entries: list[Entry]
    scored: Scored | None = None


@dataclass
class _Batch:
    """A batch on its way into the journal.

    Attributes
    ----------
    state
        What all its sign-ups are answered from, whatever comes into force meanwhile.
    results
        What became of each row.
    left_s
        How long it may still wait for the journal.
    """

    service: Service
    state: State
    key: Key
    table: EventType
    results: list[Any]
    left_s: float = WAIT_S

    async def record(self, rows: Sequence[tuple[int, Any]]) -> None:
        """Record some rows, and put what became of them in their places."""
        signups = self.table is EventType.SIGNUPS
        piece = SIGNUPS if signups else PIECE
        made: list[_Made] = []
        for begin in range(0, len(rows), piece):
            part = rows[begin : begin + piece]
            made += await (self._scored(part) if signups else self._normalised(part))
            await asyncio.sleep(0)
        told = await self._committed([entry for one in made for entry in one.entries])
        lead = 0
        for one in made:
            self.results[one.at] = _line(one.row, one.scored, told[lead])
            lead += len(one.entries)

    async def _scored(self, rows: Sequence[tuple[int, Any]]) -> list[_Made]:
        """Return what is to be recorded of sign-ups; one that is refused has its result."""
        made = []
        for at, row in rows:
            try:
                await check_attempt(self.service, row)
                scored = score(self.service, self.state, self.key, row)
            except TooMany:
                self.results[at] = {"event_id": row.event_id, "status": "refused"}
            except Unprocessable as error:
                self.results[at] = {"event_id": row.event_id, "status": "invalid",
                                    "errors": error.fields}  # fmt: skip
            else:
                made.append(_Made(at, row, scored.entries, scored))
        return made

    async def _normalised(self, rows: Sequence[tuple[int, Any]]) -> list[_Made]:
        """Return what is to be recorded of other rows, normalised as columns."""
        table, intake = self.table, self.service.intake
        found = [row for _, row in rows]
        events = await self.service.offload(intake.events, table, found, now_ms())
        return [
            _Made(at, row, [Entry(table, row.event_id, intake.digest(row), row.account_id, event,
                                  b"{}")])
            for (at, row), event in zip(rows, events, strict=True)
        ]  # fmt: skip

    async def _committed(self, entries: list[Entry]) -> Sequence[Result | None]:
        """Return what became of entries; None where that is not known."""
        unknown = [None] * len(entries)
        if self.left_s <= 0:
            return unknown
        began = time.perf_counter()
        try:
            told = await self.service.journal.commit_many(entries, min(self.left_s, COMMIT_S))
        except JournalUnavailable:
            self.left_s = 0.0
            return unknown
        self.left_s -= time.perf_counter() - began
        return told


def _line(row: Any, scored: Scored | None, result: Result | None) -> dict[str, Any]:
    line: dict[str, Any] = {"event_id": row.event_id, "status": _status(result)}
    if scored is None or line["status"] in {"conflict", "gone"}:
        return line
    if isinstance(result, Repeated) and result.answer is not None:
        body = to_json(json.loads(result.answer)["answer"])
    else:
        body = scored.body if result is not None else late(scored.body)
    return line | {"answer": json.loads(finished(body, accepted=result is not None))}


def _status(result: Result | None) -> str:
    match result:
        case Committed():
            return "accepted"
        case Repeated(answer=None):
            return "gone"
        case Repeated():
            return "repeated"
        case Conflict():
            return "conflict"
    return "unknown"
