"""A batch waits for its turn before it is parsed, and its answer is made a piece at a time."""

from __future__ import annotations

import asyncio
import json
from types import SimpleNamespace

import pytest

from ringfinder.serve import batches, lean
from ringfinder.serve.batches import PIECE, _told
from ringfinder.serve.errors import Overloaded
from ringfinder.serve.limits import Turns
from ringfinder.serve.routes.batches import router


@pytest.mark.parametrize("route", router.routes, ids=lambda route: route.path)
def test_a_batch_is_not_parsed_before_its_turn(monkeypatch, route):
    parsed = []

    async def parse(raw):
        parsed.append(raw)
        return SimpleNamespace(items=[])

    monkeypatch.setattr(lean, "batch_of", parse)
    service = SimpleNamespace(limits=SimpleNamespace(batches=Turns(1, patience_s=0.01)))

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
    told = asyncio.run(batches.accept(None, None, batches.EventType.LOGINS, body))
    assert [one["status"] for one in json.loads(told)["results"]] == ["invalid"] * 3
    assert counted == {("logins", "invalid"): 3}
