"""How a sign-up ended, told after its event has moved from the journal into the log."""

from __future__ import annotations

import pytest
from served import signup
from served_in_place import ServedInPlace

from ringfinder.pipeline.home import open_graph
from ringfinder.store import EventType

COMPLETED = {"outcome": "completed"}


@pytest.fixture
def served(tmp_path):
    return ServedInPlace(tmp_path)


def attempted(served, name):
    """An attempt; where its end is told."""
    body = signup(name, attempt_id=f"try-{name}")
    del body["account_id"]
    assert served.ask("POST", "/v1/signups", body).json()["accepted"]
    return f"/v1/signups/evt-{name}/outcome"


def signups_in(log):
    """The log's sign-ups as rows, by account."""
    tables = log.read(EventType.SIGNUPS)
    return {row["account_id"]: row for table in tables for row in table.to_pylist()}


def test_an_attempt_that_completes_after_a_compaction_becomes_its_account(served):
    path = attempted(served, "late")
    served.settle()
    told = served.ask("POST", path, COMPLETED | {"account_id": "acct-late"})
    assert (told.status_code, told.json()["account_id"]) == (200, "acct-late")
    assert served.ask("GET", "/v1/accounts/acct-late").status_code == 200
    served.settle()
    found = signups_in(served.log)
    assert found["acct-late"]["values"] == found["try-late"]["values"] != []
    assert found["acct-late"]["outcome"] == "completed"


def test_it_is_the_same_account_as_before_a_compaction(served):
    for name in ("early", "late"):
        path = attempted(served, name)
        if name == "late":
            served.settle()
        told = served.ask("POST", path, COMPLETED | {"account_id": f"acct-{name}"})
        assert told.status_code == 200
    served.settle()
    found = signups_in(served.log)
    known = {"country", "normaliser", "occurred_ms", "outcome", "email_verified", "plan"}
    early, late = ({key: found[f"acct-{name}"][key] for key in known} for name in ("early", "late"))
    assert early == late


@pytest.mark.parametrize(
    "body", [{"outcome": "abandoned"}, COMPLETED | {"account_id": "acct-told"}]
)
def test_an_outcome_told_before_a_compaction_is_repeated_after_it(served, body):
    path = attempted(served, "told")
    first = served.ask("POST", path, body)
    served.settle()
    again = served.ask("POST", path, body)
    assert (first.status_code, again.status_code) == (200, 200)
    assert again.json() == first.json()
    assert served.ask("POST", path, {"outcome": "denied"}).status_code == 422


def test_an_outcome_told_twice_after_a_compaction_makes_one_account(served):
    path, body = attempted(served, "twice"), COMPLETED | {"account_id": "acct-twice"}
    served.settle()
    assert [served.ask("POST", path, body).status_code for _ in range(2)] == [200, 200]
    served.settle()
    tables = served.log.read(EventType.SIGNUPS, columns=["account_id"])
    assert sum(table["account_id"].to_pylist().count("acct-twice") for table in tables) == 1


def test_another_account_than_before_is_refused_after_a_compaction_too(served):
    path = attempted(served, "two")
    assert served.ask("POST", path, COMPLETED | {"account_id": "acct-one"}).status_code == 200
    served.settle()
    told = served.ask("POST", path, COMPLETED | {"account_id": "acct-two"})
    assert told.status_code == 422
    assert served.ask("GET", "/v1/accounts/acct-two").status_code == 404


def test_one_that_completed_must_say_as_which_account_after_a_compaction_too(served):
    path = attempted(served, "nameless")
    served.settle()
    told = served.ask("POST", path, COMPLETED)
    assert (told.status_code, told.json()["errors"][0]["field"]) == (422, "account_id")


def test_a_signup_of_an_account_may_be_completed_namelessly(served):
    served.ask("POST", "/v1/signups", signup("known"))
    served.settle()
    told = served.ask("POST", "/v1/signups/evt-known/outcome", COMPLETED)
    assert (told.status_code, told.json()["account_id"]) == (200, "acct-known")


def test_of_an_attempt_that_was_erased_nothing_is_carried_over(served):
    path = attempted(served, "erased")
    served.settle()
    assert served.ask("DELETE", "/v1/accounts/try-erased/personal-data").status_code == 200
    told = served.ask("POST", path, COMPLETED | {"account_id": "acct-erased"})
    assert told.status_code == 410


def test_an_attempt_that_the_log_lost_is_to_be_sent_as_the_account_itself(served, monkeypatch):
    path = attempted(served, "lost")
    served.settle()
    monkeypatch.setattr("ringfinder.serve.outcomes.find_moved", lambda *given: None)
    told = served.ask("POST", path, COMPLETED | {"account_id": "acct-lost"})
    assert told.status_code == 422
    assert "send the sign-up of the account itself" in told.json()["detail"]


def account_of_that_name(served, *, first):
    """An attempt with the name of an account, which came before it or after; where it ends."""
    account = signup("it", account_id="try-it", event_id="evt-account")
    if first:
        served.ask("POST", "/v1/signups", account)
    path = attempted(served, "it")
    served.ask("POST", "/v1/signups", account)
    return path


@pytest.mark.parametrize("first", [True, False])
@pytest.mark.parametrize("is_moved", [True, False])
@pytest.mark.parametrize(
    "body", [{"outcome": "abandoned"}, {"outcome": "denied"}, COMPLETED | {"account_id": "other"}]
)
def test_an_account_stays_when_an_attempt_of_its_name_is_given_up(served, first, is_moved, body):
    path = account_of_that_name(served, first=first)
    if is_moved:
        served.settle()
    told = served.ask("POST", path, body)
    assert (told.status_code, told.json()["errors"][0]["field"]) == (422, "attempt_id")
    store = open_graph(served.settings)
    served.journal.settle(store)
    assert store.read_graph().accounts["account_id"].to_pylist() == ["try-it"]
    store.close()


def test_nor_does_an_attempt_hold_up_the_account_of_its_name(served):
    account_of_that_name(served, first=True)
    told = served.ask("POST", "/v1/signups/evt-account/outcome", {"outcome": "abandoned"})
    assert told.status_code == 200


def test_several_attempts_of_one_name_are_given_up(served):
    paths = [attempted(served, "it")]
    again = signup("again", attempt_id="try-it")
    del again["account_id"]
    served.ask("POST", "/v1/signups", again)
    paths.append("/v1/signups/evt-again/outcome")
    told = [served.ask("POST", path, {"outcome": "abandoned"}).status_code for path in paths]
    assert told == [200, 200]
