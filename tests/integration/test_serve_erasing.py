"""Erasing an account that was an attempt, interrupted at each step, and asked for again."""

from __future__ import annotations

import errno
from types import SimpleNamespace

import pyarrow as pa
import pytest
from served import signup
from served_in_place import ServedInPlace

from ringfinder.errors import StoreUnavailable
from ringfinder.journal import JournalUnavailable
from ringfinder.pipeline import apart
from ringfinder.pipeline.home import open_graph
from ringfinder.serve import accounts, erasure, unfinished

URL = "/v1/accounts/canary-became/personal-data"


@pytest.fixture(params=["held in the journal", "moved into the log"])
def served(tmp_path, request):
    """An attempt that became an account."""
    served = ServedInPlace(tmp_path)
    body = signup("x", attempt_id="canary-attempt")
    del body["account_id"]
    assert served.ask("POST", "/v1/signups", body).json()["accepted"]
    told = {"outcome": "completed", "account_id": "canary-became"}
    assert served.ask("POST", "/v1/signups/evt-x/outcome", told).status_code == 200
    if request.param == "moved into the log":
        served.settle()
    return served


def left(served):
    """Files that name the account or the attempt, and what the graph names."""
    store = open_graph(served.settings)
    names = store.read_graph(uncounted=True).accounts["account_id"].to_pylist()
    store.close()
    files = [
        path.name
        for path in served.home.rglob("*")
        if path.is_file() and b"canary" in path.read_bytes()
    ]
    return files + names


def finished_by_asking_again(served):
    again = served.ask("DELETE", URL)
    assert (again.status_code, again.json()["graph"]) == (200, True)
    assert left(served) == []
    assert served.ask("GET", "/v1/accounts/canary-attempt").status_code == 404
    return True


@pytest.mark.parametrize("confirmed", [0, 1])
def test_a_journal_that_does_not_confirm(served, monkeypatch, confirmed):
    erase, asked = served.journal.erase, []

    async def late(name, deadline_s):
        count = await erase(name, deadline_s)
        asked.append(name)
        if len(asked) > confirmed:
            raise JournalUnavailable("the journal did not confirm: erase again")
        return count

    monkeypatch.setattr(served.journal, "erase", late)
    assert served.ask("DELETE", URL).status_code == 503
    monkeypatch.undo()
    assert finished_by_asking_again(served)


@pytest.mark.parametrize("part", ["allowance", "labels", "customers"])
def test_a_table_that_is_away(served, monkeypatch, part):
    def away(name):
        raise StoreUnavailable("away: try again")

    monkeypatch.setattr(getattr(served.service, part), "erase", away)
    assert served.ask("DELETE", URL).status_code == 503
    monkeypatch.undo()
    assert finished_by_asking_again(served)


@pytest.mark.parametrize("writer", [unfinished, erasure, apart])
def test_a_disk_that_is_full(served, monkeypatch, writer):
    def full(*_, **__):
        raise OSError(errno.ENOSPC, "No space left on device")

    apart.add_apart(served.home, apart.Apart("accounts", "canary-became", "other", 1))
    monkeypatch.setattr(writer, "write_atomically", full)
    told = served.ask("DELETE", URL)
    assert (told.status_code, told.json()["code"]) == (503, "store_unavailable")
    assert "ask again once it has room" in told.json()["detail"]
    monkeypatch.undo()
    assert finished_by_asking_again(served)


def test_a_graph_store_that_is_away(served, monkeypatch):
    def away(settings):
        raise StoreUnavailable("away: try again")

    monkeypatch.setattr(accounts, "open_graph", away)
    assert served.ask("DELETE", URL).json()["graph"] is False
    assert served.ask("DELETE", URL).json()["graph"] is False
    monkeypatch.undo()
    assert finished_by_asking_again(served)


def fleet_of_one(name):
    """What answers are made from, where a snapshot has one account, in a fleet."""
    model = SimpleNamespace(
        find_account=[name].index, arrays=SimpleNamespace(account_ring=[0]), fleet=[True],
        ring_ids=pa.array(["ring-1"]), ring_number={"ring-1": 0},
    )  # fmt: skip
    overlay = SimpleNamespace(ring_of_account=lambda name: None, remove=lambda name: None)
    return SimpleNamespace(model=model, overlay=overlay, created_ms=1, has=lambda sequence: False)


def test_no_snapshot_of_before_is_asked_for_the_fleet_of_an_erased_account(served):
    served.service.live.state = fleet_of_one("canary-became")

    def limited_by(event_id):
        body = {"event_id": event_id, "account_id": "canary-became", "exchanges": 1}
        return served.ask("POST", "/v1/allowance/reserve", body).json()["ring_id"]

    assert limited_by("r-1") == "ring-1"
    assert served.ask("DELETE", URL).status_code == 200
    assert limited_by("r-2") is None
