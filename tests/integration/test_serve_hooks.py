"""Hooks while the journal is away: no sign-up that was answered is lost."""

from __future__ import annotations

import asyncio

import hook_payloads as sent
import pytest
from hook_payloads import STANDARD, encoded, standard_headers
from served_in_place import ServedInPlace

from ringfinder.pipeline.home import open_graph
from ringfinder.store import EventType


@pytest.fixture
def served(tmp_path):
    served = ServedInPlace(tmp_path, deadline_ms=10)
    names = ("supabase", "auth0", "webhook")
    served.service.hook_secrets = dict.fromkeys(names, (STANDARD,))
    return served


def hook(served, name, payload):
    body = encoded(payload)
    return served.ask("POST", f"/v1/hooks/{name}", body, standard_headers(body))


def recorded(served):
    """Accounts and types of events in the journal, in order."""
    held, _ = served.journal._reader.held(0)
    return [(one.account_id, one.event_type) for one in held]


def back(served):
    """The journal is back, and the worker has noticed."""
    served.journal.away = False
    asyncio.run(served.service.unrecorded.try_all(served.journal, 5.0))


def test_a_sender_that_delivers_again_is_told_to_and_gets_the_same_answer_for_good(served):
    payload = {
        "type": "signup", "timestamp": "2026-03-01T00:00:00Z",
        "data": {"account_id": "generic", "email": "g@example.org"},
    }  # fmt: skip
    served.journal.away = True
    for _ in range(2):
        told = hook(served, "webhook", payload)
        assert (told.status_code, told.json()["code"]) == (503, "journal_unavailable")
        assert told.headers["retry-after"]
    back(served)
    assert recorded(served) == []  # nobody keeps what comes again
    answers = [hook(served, "webhook", payload) for _ in range(2)]
    assert [one.status_code for one in answers] == [200, 200]
    assert answers[0].json() == answers[1].json()
    assert recorded(served) == [("generic", EventType.SIGNUPS)]


@pytest.mark.parametrize(
    ("name", "payload", "account"),
    [
        ("supabase", sent.supabase("user-1", "uuid-1"), "user-1"),
        ("auth0", sent.auth0("attempt-1"), "attempt-1"),
    ],
)
def test_a_sender_that_needs_its_answer_gets_it_and_is_recorded_later(
    served, name, payload, account
):
    served.journal.away = True
    told = hook(served, name, payload)
    assert told.status_code == 200
    back(served)
    assert recorded(served) == [(account, EventType.SIGNUPS)]
    assert served.ask("GET", f"/v1/accounts/{account}").json()["decision"] == "allow"
    assert hook(served, name, payload).json() == told.json()
    assert len(recorded(served)) == 1


def test_an_attempt_that_was_recorded_late_becomes_its_account(served):
    served.journal.away = True
    hook(served, "auth0", sent.auth0("attempt-2"))
    back(served)
    after = {
        "trigger": "post-user-registration", "event_id": "attempt-2",
        "event": {"user": {"user_id": "auth0|2"}},
    }  # fmt: skip
    assert hook(served, "auth0", after).status_code == 200
    assert served.ask("GET", "/v1/accounts/auth0%7C2").status_code == 200


@pytest.fixture
def closed(tmp_path):
    """A policy that a person set to deny every sign-up."""
    (tmp_path / "policy.toml").write_text('[[rules]]\nname = "closed"\nthen = "deny"\n')
    served = ServedInPlace(tmp_path / "home", deadline_ms=10, policy_file=tmp_path / "policy.toml")
    served.service.hook_secrets = {"supabase": (STANDARD,)}
    return served


@pytest.mark.parametrize("away", ["before it was denied", "right after it was recorded"])
def test_a_denied_registration_never_counts_as_an_account(closed, monkeypatch, away):
    commit = closed.journal.commit_many

    async def once(entries, deadline_s):
        results = await commit(entries, deadline_s)
        closed.journal.away = True
        return results

    if away == "before it was denied":
        closed.journal.away = True
    else:
        monkeypatch.setattr(closed.journal, "commit_many", once)
    payload = sent.supabase("user-3", "uuid-3")
    told = hook(closed, "supabase", payload)
    assert told.json()["error"]["http_code"] == 403
    monkeypatch.undo()
    back(closed)
    before = recorded(closed)
    assert [kind for _, kind in before] == [
        EventType.SIGNUPS, EventType.DECISIONS, EventType.OUTCOMES,
    ]  # fmt: skip
    assert hook(closed, "supabase", payload).json() == told.json()
    assert recorded(closed) == before
    closed.settle()
    store = open_graph(closed.settings)
    assert store.read_graph().accounts["account_id"].to_pylist() == []
    store.close()


def test_who_is_erased_while_a_sign_up_waits_does_not_come_back(served):
    served.journal.away = True
    hook(served, "supabase", sent.supabase("user-2", "uuid-2"))
    served.journal.away = False
    assert served.ask("DELETE", "/v1/accounts/user-2/personal-data").status_code == 200
    back(served)
    assert recorded(served) == []


@pytest.mark.parametrize("when", ["before it is tried again", "while it is tried again"])
def test_nor_where_another_worker_erases_it(served, monkeypatch, when):
    served.journal.away = True
    hook(served, "supabase", sent.supabase("user-2", "uuid-2"))
    commit, other = served.journal.commit_many, ServedInPlace(served.home)

    def erase():
        told = other.ask("DELETE", "/v1/accounts/user-2/personal-data")
        assert told.status_code == 200

    async def late(entries, deadline_s):
        await asyncio.to_thread(erase)
        return await commit(entries, deadline_s)

    if when == "before it is tried again":
        erase()
    else:
        monkeypatch.setattr(served.journal, "commit_many", late)
    back(served)
    assert recorded(served) == []
    assert len(served.service.unrecorded) == 0
