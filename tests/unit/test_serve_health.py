"""Readiness: whether a worker can take sign-ups, and why not."""

from __future__ import annotations

import asyncio
from pathlib import Path
from types import SimpleNamespace

import pytest

from ringfinder.journal import JournalUnavailable
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
