"""A batch waits for its turn before it is parsed, and its answer is made a piece at a time."""

from __future__ import annotations

import asyncio
import json
from math import inf
from types import SimpleNamespace

import pytest

from ringfinder.journal import Committed, JournalUnavailable
from ringfinder.serve import batches, lean
from ringfinder.serve.batches import PIECE, _told
from ringfinder.serve.errors import Overloaded
from ringfinder.serve.limits import Turns
from ringfinder.serve.routes.batches import router

LIVE = SimpleNamespace(state=None)


@pytest.mark.parametrize("route", router.routes, ids=lambda route: route.path)
def test_a_batch_is_not_parsed_before_its_turn(monkeypatch, route):
    parsed = []

    async def parse(raw):
        parsed.append(raw)
        return SimpleNamespace(items=[])

    monkeypatch.setattr(lean, "batch_of", parse)
    limits = SimpleNamespace(batches=Turns(1, patience_s=0.01))
    service = SimpleNamespace(limits=limits, live=LIVE)

    async def sent():
        async with service.limits.batches:
            with pytest.raises(Overloaded):
                await route.answer(service, None, b"not looked at")
        assert parsed == []
        return await route.answer(service, None, b"looked at")

    assert json.loads(asyncio.run(sent())) == {"results": []}
    assert parsed == [b"looked at"]


@pytest.mark.parametrize("count", [0, 1, PIECE - 1, PIECE, PIECE + 1, 5 * PIECE + 3])
def test_an_answer_in_pieces_is_one_answer(count):
    lines = [{"event_id": f"e{n}", "status": "accepted"} for n in range(count)]
    assert json.loads(asyncio.run(_told(lines))) == {"results": lines}


def test_lines_are_counted_by_what_became_of_them(monkeypatch):
    counted = {}

    class Events:
        def labels(self, table, status):
            return SimpleNamespace(inc=lambda by: counted.__setitem__((table, status), by))

    monkeypatch.setattr(batches.metrics, "EVENTS", Events())
    body = SimpleNamespace(items=[{"event_id": "e"}, {}, {"x": 1}])
    service = SimpleNamespace(live=LIVE)
    told = asyncio.run(batches.accept(service, None, batches.EventType.LOGINS, body))
    assert [one["status"] for one in json.loads(told)["results"]] == ["invalid"] * 3
    assert counted == {("logins", "invalid"): 3}


def logins(count):
    row = {"account_id": "a", "occurred_at": "2026-03-01T09:30:00Z"}
    return SimpleNamespace(items=[row | {"event_id": f"e{number}"} for number in range(count)])


class Journal:
    """A journal that takes so long over each piece, and the clock that it goes by."""

    def __init__(self, *, takes_s):
        self.takes_s, self.now_s, self.asked = takes_s, 0.0, []

    def perf_counter(self):
        return self.now_s

    async def commit_many(self, entries, deadline_s):
        self.asked.append(deadline_s)
        self.now_s += min(self.takes_s, deadline_s)
        if deadline_s < self.takes_s:
            raise JournalUnavailable("did not confirm")
        return [Committed(1)] * len(entries)


def statuses_of(monkeypatch, journal, rows):
    """What becomes of rows while the journal is like that."""
    monkeypatch.setattr(batches, "time", journal)

    async def offload(function, table, rows, now):
        return [b""] * len(rows)

    intake = SimpleNamespace(events=None, digest=lambda row: b"")
    service = SimpleNamespace(journal=journal, intake=intake, offload=offload, live=LIVE)
    told = asyncio.run(batches.accept(service, None, batches.EventType.LOGINS, logins(rows)))
    return [one["status"] for one in json.loads(told)["results"]]


def test_a_batch_waits_once_for_a_journal_that_is_away(monkeypatch):
    journal = Journal(takes_s=inf)
    assert statuses_of(monkeypatch, journal, 3 * PIECE) == ["unknown"] * 3 * PIECE
    assert journal.asked == [batches.COMMIT_S]


def test_all_pieces_together_wait_for_a_slow_journal_so_long_and_no_longer(monkeypatch):
    journal = Journal(takes_s=4.0)
    told = statuses_of(monkeypatch, journal, 10 * PIECE)
    assert told == ["accepted"] * 7 * PIECE + ["unknown"] * 3 * PIECE
    assert journal.now_s == batches.WAIT_S
