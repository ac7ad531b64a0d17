"""Many rows at once: each is answered for itself, and none holds up a sign-up."""

from __future__ import annotations

import asyncio
import json
import time
from collections import Counter
from collections.abc import Sequence
from typing import Any

from pydantic import ValidationError
from pydantic_core import to_json

from ringfinder.journal import Committed, Conflict, Entry, JournalUnavailable, Repeated, Result
from ringfinder.serve import metrics
from ringfinder.serve.cutting import Pauses
from ringfinder.serve.keys import Key
from ringfinder.serve.problems import fields_of
from ringfinder.serve.rows import TABLES, Batch, Row
from ringfinder.serve.service import Service, now_ms
from ringfinder.serve.signups import Scored, finished, late, score
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
    results: list[Any] = [None] * len(body.items)
    good: list[tuple[int, Row]] = []
    pauses = Pauses()
    for at, item in enumerate(body.items):
        row = _valid(table, item)
        if isinstance(row, Row):
            good.append((at, row))
        else:
            results[at] = row
        await pauses.due()
    piece = SIGNUPS if table is EventType.SIGNUPS else PIECE
    left_s = WAIT_S
    for begin in range(0, len(good), PIECE):
        rows = good[begin : begin + PIECE]
        left_s = await _record(service, key, table, rows, results, piece, left_s)
    for status, count in Counter(line["status"] for line in results).items():
        metrics.EVENTS.labels(table.value, status).inc(count)
    return await _told(results)


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


async def _record(
    service: Service,
    key: Key,
    table: EventType,
    rows: Sequence[tuple[int, Row]],
    results: list[Any],
    piece: int,
    left_s: float,
) -> float:
    """Record some rows, and put what became of them in their places.

    Return how long the batch may still wait for the journal.
    """
    entries: list[Entry] = []
    scored: list[Scored | None] = []
    for begin in range(0, len(rows), piece):
        part = [row for _, row in rows[begin : begin + piece]]
        for one, entry in await _entries(service, key, table, part):
            scored.append(one)
            entries.append(entry)
        await asyncio.sleep(0)
    flat: list[Entry] = []
    leads: list[int] = []
    for one, entry in zip(scored, entries, strict=True):
        leads.append(len(flat))
        flat += [entry] if one is None else one.entries
    told, left_s = await _committed(service, flat, left_s)
    for (at, row), one, lead in zip(rows, scored, leads, strict=True):
        results[at] = _line(row, one, told[lead])
    return left_s


async def _committed(
    service: Service, entries: list[Entry], left_s: float
) -> tuple[Sequence[Result | None], float]:
    """Return what became of entries, None where that is not known, and what is left to wait."""
    unknown = [None] * len(entries)
    if left_s <= 0:
        return unknown, 0.0
    began = time.perf_counter()
    try:
        told = await service.journal.commit_many(entries, min(left_s, COMMIT_S))
    except JournalUnavailable:
        return unknown, 0.0
    return told, left_s - (time.perf_counter() - began)


async def _entries(
    service: Service, key: Key, table: EventType, rows: list[Any]
) -> list[tuple[Scored | None, Entry]]:
    """Return the entries of rows; sign-ups are scored, the others normalised as columns."""
    if table is EventType.SIGNUPS:
        found = [score(service, key, row) for row in rows]
        return [(one, one.entries[0]) for one in found]
    events = await service.offload(service.intake.events, table, rows, now_ms())
    return [
        (None, Entry(table, row.event_id, service.intake.digest(row), row.account_id, event, b"{}"))
        for row, event in zip(rows, events, strict=True)
    ]


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
