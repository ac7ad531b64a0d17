"""Sign-ups of hooks that the journal did not take: kept for a while, and never without bound."""

from __future__ import annotations

import asyncio

import pytest
from journal_memory import MemoryJournal
from journals import entry_of

from ringfinder.journal import Entry
from ringfinder.serve import metrics
from ringfinder.serve.unrecorded import Unrecorded


class Clock:
    """Stands still until it is set."""

    now = 0.0

    def __call__(self):
        return self.now


@pytest.fixture
def journal():
    return MemoryJournal()


def signup_of(number) -> list[Entry]:
    return [entry_of(number, account=f"canary-{number}")]


def try_all(unrecorded, journal):
    asyncio.run(unrecorded.try_all(journal, 0.001))


def given_up():
    return metrics.GIVEN_UP._value.get()


def test_what_waits_is_recorded_once_when_the_journal_is_back(journal):
    unrecorded = Unrecorded()
    for number in range(3):
        unrecorded.add("auth0", signup_of(number))
    journal.away = True
    try_all(unrecorded, journal)
    assert (len(unrecorded), journal.entries) == (3, [])
    journal.away = False
    journal.record(signup_of(1))  # it had arrived after all
    try_all(unrecorded, journal)
    assert len(unrecorded) == 0
    assert sorted(one.account_id for one in journal.entries) == ["canary-0", "canary-1", "canary-2"]


def test_what_cannot_be_recorded_for_long_is_given_up_and_said_so_without_a_name(journal, caplog):
    clock, before = Clock(), given_up()
    unrecorded = Unrecorded(for_s=300, clock=clock)
    unrecorded.add("supabase", signup_of(1))
    journal.away = True
    clock.now = 299.0
    try_all(unrecorded, journal)
    assert len(unrecorded) == 1
    clock.now = 301.0
    try_all(unrecorded, journal)
    assert (len(unrecorded), given_up() - before) == (0, 1)
    (said,) = caplog.records
    assert (said.levelname, said.hook) == ("ERROR", "supabase")
    assert "canary" not in str(vars(said))


def test_no_more_wait_than_there_is_room_for():
    before, unrecorded = given_up(), Unrecorded(most=2)
    for number in range(5):
        unrecorded.add("auth0", signup_of(number))
    assert unrecorded.names() == ["canary-0", "canary-1"]
    assert given_up() - before == 3


def test_who_was_erased_meanwhile_is_not_brought_back(journal):
    unrecorded = Unrecorded()
    unrecorded.add("auth0", signup_of(1))
    unrecorded.add("auth0", signup_of(2))
    unrecorded.forget("canary-1")
    try_all(unrecorded, journal)
    assert [one.account_id for one in journal.entries] == ["canary-2"]


@pytest.mark.parametrize("away", [False, True])
def test_a_worker_that_ends_tries_once_more_and_gives_up_the_rest(journal, monkeypatch, away):
    monkeypatch.setattr("ringfinder.serve.unrecorded.LAST_S", 0.01)
    before, unrecorded = given_up(), Unrecorded()
    unrecorded.add("auth0", signup_of(1))
    journal.away = away
    asyncio.run(unrecorded.close(journal))
    assert (len(unrecorded), len(journal.entries)) == (0, 0 if away else 1)
    assert given_up() - before == (1 if away else 0)
