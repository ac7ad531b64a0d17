"""Readiness: whether a worker can take sign-ups, and why not."""

from __future__ import annotations

import asyncio
from collections import Counter
from pathlib import Path
from types import SimpleNamespace

import pytest
from served_in_place import ServedInPlace

from ringfinder.journal import JournalUnavailable
from ringfinder.serve import service
from ringfinder.serve.routes.health import readiness

HOME = Path("/srv/somewhere/private")


class Journal:
    """A journal whose writer answers, and records unless it is said why not."""

    def __init__(self, why=None):
        self.why = why

    async def reach(self, deadline_s):
        return None

    async def lag(self):
        return SimpleNamespace(events=3, seconds=1.0, problem=None)

    def why_refused(self):
        return self.why


class Silent(Journal):
    """A journal whose writer stands still."""

    async def reach(self, deadline_s):
        raise JournalUnavailable(f"the writer in {HOME}/journal does not answer")


def told(journal, why_refused=None, store="embedded", problem=""):
    state = SimpleNamespace(age_s=lambda now: 1.0, named=lambda now: {}, known_since=0)
    service = SimpleNamespace(
        live=SimpleNamespace(state=state, why_refused=why_refused),
        settings=SimpleNamespace(data_dir=HOME, store=store),
        journal=journal, policy=SimpleNamespace(problem=problem), snapshot_held=None,
        is_degraded=lambda state, now: False,
    )  # fmt: skip
    return asyncio.run(readiness(service))


def test_a_journal_that_records_is_ready():
    found = told(Journal())
    assert (found["status"], found["journal"], found["problem"]) == ("ready", True, None)


@pytest.mark.parametrize("why", ["its disk refuses (database or disk is full)"])
def test_a_journal_that_refuses_is_not_ready_and_says_why(why):
    found = told(Journal(why))
    assert (found["status"], found["journal"], found["problem"]) == ("not ready", False, why)
    assert found["projector_lag_events"] == 3


def test_a_journal_that_does_not_answer_is_not_ready_and_says_so():
    found = told(Silent())
    assert (found["status"], found["journal"]) == ("not ready", False)
    assert found["problem"] == "the writer in (data)/journal does not answer"


def test_a_snapshot_that_was_refused_is_told():
    found = told(Journal(), why_refused="20260301-b: its checksum is not that of run.json")
    assert (found["status"], found["snapshot_refused"]) == (
        "ready", "20260301-b: its checksum is not that of run.json",
    )  # fmt: skip


def test_a_policy_that_was_refused_is_told_and_nothing_of_what_is_in_it():
    assert told(Journal())["policy_refused"] is None
    found = told(Journal(), problem="/srv/p.toml, line 2: 'limit-of-42' is no key")
    assert found["status"] == "ready"
    assert "stays in force" in found["policy_refused"]
    assert "42" not in found["policy_refused"]


def test_nobody_without_a_key_learns_where_the_data_directory_is():
    why = f"{HOME}/snapshots/20260301-b/run.json is damaged"
    found = told(Journal(f"the journal {HOME}/journal took nothing"), why_refused=why)
    assert found["snapshot_refused"] == "(data)/snapshots/20260301-b/run.json is damaged"
    assert found["problem"] == "the journal (data)/journal took nothing"


@pytest.mark.parametrize(
    ("store", "why"),
    [
        ("neo4j://graph.internal:7687", "the Neo4j at neo4j://graph.internal:7687 is gone"),
        ("embedded:/mnt/graph.duckdb", "the embedded store /mnt/graph.duckdb is gone"),
    ],
)
def test_nor_where_the_store_is(store, why):
    problem = told(Journal(why), store=store)["problem"]
    assert problem.endswith("(store) is gone")


def test_work_in_the_background_that_an_unforeseen_error_ends_is_begun_anew(monkeypatch, caplog):
    monkeypatch.setattr(service, "ANEW_S", 0.0)
    begun = []

    async def work():
        begun.append(len(begun))
        if len(begun) < 3:
            raise RecursionError("canary")
        await asyncio.Event().wait()

    async def watch():
        task = asyncio.create_task(service.kept_going("keys", work))
        while len(begun) < 3:
            await asyncio.sleep(0)
        await asyncio.sleep(0.01)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    asyncio.run(asyncio.wait_for(watch(), 5))
    assert begun == [0, 1, 2]
    assert [(one.levelname, one.what) for one in caplog.records] == [("ERROR", "keys")] * 2


def test_all_that_a_worker_does_in_the_background_is_begun_anew(tmp_path, monkeypatch):
    monkeypatch.setattr(service, "ANEW_S", 0.0)
    served = ServedInPlace(tmp_path).service
    begun = Counter()

    def broken(what):
        async def work(*given):
            begun[what] += 1
            raise KeyError

        return work

    for owner, name in (
        (served.keyring, "keep_fresh"), (served.live, "watch"), (served.unrecorded, "keep_trying"),
        (served, "_measure"), (served, "_read_labels"), (served, "_forget_erased"),
        (served, "_watch_policy"),
    ):  # fmt: skip
        monkeypatch.setattr(owner, name, broken(name))

    async def watch():
        await served.start()
        while len(begun) < 7 or min(begun.values()) < 2:
            await asyncio.sleep(0.001)
        await served.close()

    asyncio.run(asyncio.wait_for(watch(), 10))
    assert len(begun) == len(served.tasks)
