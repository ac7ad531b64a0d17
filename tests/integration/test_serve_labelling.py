"""A label between desk and journal: whatever ends the request there, it takes effect."""

from __future__ import annotations

import asyncio

import pytest
from served import signup
from served_in_place import ServedInPlace

from ringfinder.errors import StoreError
from ringfinder.score.labels import ALONE, LabelState
from ringfinder.score.policy import Label
from ringfinder.serve import labelevents
from ringfinder.serve.givenlabel import GivenLabel
from ringfinder.serve.keys import KeyStore
from ringfinder.store import EventType

WAITING = f"label-{ALONE}"
APPROVE = f"/v1/labels/{WAITING}/approve"


def label(number):
    return {"event_id": f"label-{number}", "account_id": f"acct-{number}", "label": "legitimate"}


def second(served):
    """What another person's key says."""
    key = KeyStore(served.home).create("second", ["labels:write"], now_ms=1)[1]
    served.service.keyring.refresh()
    return {"authorization": f"Bearer {key}"}


@pytest.fixture
def served(tmp_path, monkeypatch):
    """Twenty labels, and one more that waits for another key."""
    monkeypatch.setattr(labelevents, "PATIENCE_S", 0.01)
    served = ServedInPlace(tmp_path)
    for number in range(ALONE + 1):
        assert served.ask("POST", "/v1/labels", label(number)).status_code == 200
    assert listed(served) == [(WAITING, "pending")]
    return served


def listed(served):
    """Event_ids and states of the labels that wait for something."""
    told = served.ask("GET", "/v1/labels/pending").json()["labels"]
    return [(one["event_id"], one["state"]) for one in told]


def is_recorded(served):
    """Whether the journal has the label that waited."""
    found = asyncio.run(served.journal.find(EventType.LABELS, WAITING))
    return found is not None


def swept(served):
    """What the loop of a worker that starts anew does with what is left."""
    again = ServedInPlace(served.home)
    asyncio.run(again.service._record_labels())


def test_an_approved_label_whose_request_the_journal_failed_is_listed_and_recorded_later(served):
    served.journal.away = True
    assert served.ask("POST", APPROVE, {}, second(served)).status_code == 503
    assert listed(served) == [(WAITING, "effective")]
    assert not is_recorded(served)
    served.journal.away = False
    swept(served)
    assert is_recorded(served)
    assert listed(served) == []


def test_so_is_one_whose_worker_died_in_between(served):
    approved = served.service.labels.decide(WAITING, key_id="other", approve=True, now_ms=1)
    assert approved.state is LabelState.EFFECTIVE
    assert listed(served) == [(WAITING, "effective")]
    for _ in range(2):
        swept(served)
    assert is_recorded(served)
    assert listed(served) == []


def test_while_the_journal_is_away_it_stays_listed(served):
    served.journal.away = True
    served.ask("POST", APPROVE, {}, second(served))
    asyncio.run(served.service._record_labels())
    assert listed(served) == [(WAITING, "effective")]


def test_approving_it_again_has_no_second_effect_and_is_noted_once(served):
    served.journal.away = True
    key = second(served)
    assert served.ask("POST", APPROVE, {"why": "Looked at it."}, key).status_code == 503
    served.journal.away = False
    answers = [served.ask("POST", APPROVE, {}, key).json() for _ in range(2)]
    assert [(one["state"], one["accepted"]) for one in answers] == [("effective", True)] * 2
    approved = [act for act in served.service.audit.read() if act.what == "label.approved"]
    assert [act.why for act in approved] == ["Looked at it."]
    assert listed(served) == []


def test_an_approval_that_the_audit_log_does_not_take_leaves_the_label_waiting(served, monkeypatch):
    def away(*words, **more):
        raise StoreError("the audit log is away")

    monkeypatch.setattr(served.service.audit, "append", away)
    assert served.ask("POST", APPROVE, {}, second(served)).status_code == 503
    assert served.ask("POST", "/v1/labels", label("new")).status_code == 503
    assert listed(served) == [(WAITING, "pending")]
    monkeypatch.undo()
    assert served.ask("POST", APPROVE, {}, second(served)).json()["accepted"]


@pytest.mark.parametrize("letter", ["x", "ж", "字", "🐤"])
def test_a_note_may_have_two_thousand_characters_of_any_script(served, letter):
    words = letter * 2000
    given = served.ask("POST", "/v1/labels", label("noted") | {"note": words})
    assert given.status_code == 200, given.text
    assert served.ask("POST", APPROVE, {"why": words}, second(served)).json()["accepted"]
    noted = [act for act in served.service.audit.read() if act.why]
    assert [(act.what, act.why) for act in noted] == [
        ("label.given", words), ("label.approved", words),
    ]  # fmt: skip
    assert served.service.audit.verify().entries == ALONE + 3


def test_what_is_left_of_an_erased_account_is_never_recorded(served):
    assert served.ask("POST", "/v1/signups", signup(ALONE)).json()["accepted"]
    served.service.labels.decide(WAITING, key_id="other", approve=True, now_ms=1)
    assert served.ask("DELETE", f"/v1/accounts/acct-{ALONE}/personal-data").status_code == 200
    swept(served)
    assert not is_recorded(served)
    assert served.ask("POST", APPROVE, {}, second(served)).status_code == 410


def erased_while_recording(served, monkeypatch):
    """Have another worker erase the account when the label that waited is about to be recorded."""
    commit, other = served.journal.commit, ServedInPlace(served.home)

    async def late(entry, deadline_s):
        if entry.event_id == WAITING:
            path = f"/v1/accounts/acct-{ALONE}/personal-data"
            told = await asyncio.to_thread(other.ask, "DELETE", path)
            assert told.status_code == 200
        return await commit(entry, deadline_s)

    monkeypatch.setattr(served.journal, "commit", late)


def left_of_the_erased(served):
    found = asyncio.run(served.journal.find(EventType.LABELS, WAITING))
    return None if found is None else found.account_id


def test_an_erasure_while_a_label_is_being_recorded_leaves_nothing_of_it(served, monkeypatch):
    erased_while_recording(served, monkeypatch)
    assert served.ask("POST", APPROVE, {}, second(served)).status_code == 410
    assert left_of_the_erased(served) is None


def test_nor_does_one_while_the_labels_that_are_left_are_recorded(served, monkeypatch):
    served.service.labels.decide(WAITING, key_id="other", approve=True, now_ms=1)
    served.service.labels.give(GivenLabel("next", "acct-next", Label.FRAUD, 1, None, None, "k", 2))
    erased_while_recording(served, monkeypatch)
    asyncio.run(served.service._record_labels())
    assert left_of_the_erased(served) is None
    assert asyncio.run(served.journal.find(EventType.LABELS, "next")) is not None
    assert listed(served) == []
