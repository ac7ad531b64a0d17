"""Which snapshots a worker takes, and what it says of those it does not."""

from __future__ import annotations

import asyncio
import json
import logging
from contextlib import contextmanager

import pytest
from journal_memory import MemoryJournal

from ringfinder.errors import StoreError
from ringfinder.pipeline.pepper import PepperRecord, commitment
from ringfinder.publish import snapshots
from ringfinder.serve import live as module
from ringfinder.serve import metrics
from ringfinder.serve.live import Live

KEY = b"pepper for tests, 32 bytes long."


@pytest.fixture
def home(tmp_path):
    """A data directory with version 2 of its pepper, and a place for snapshots."""
    PepperRecord(2, commitment(2, KEY), KEY, ((1, KEY),)).write(tmp_path)
    (tmp_path / "snapshots").mkdir()
    return tmp_path


def put_in_force(home, name, **facts):
    path = home / "snapshots" / name
    path.mkdir()
    run = {"created_ms": 7, "sequence": 0, "pepper_version": 2, "files": {}} | facts
    (path / "run.json").write_text(json.dumps(run))
    (home / "snapshots" / "current").write_text(f"{name}\n")


@contextmanager
def looking(home, monkeypatch):
    """Give a function that looks for a new snapshot, and the one then in force."""
    monkeypatch.setattr(module, "_open", lambda path: None)
    monkeypatch.setattr(module, "Overlay", lambda model: [])
    monkeypatch.setattr(module, "Scorer", lambda model, overlay: None)
    with asyncio.Runner() as runner:

        async def live():
            return Live(home / "snapshots", MemoryJournal())

        made = runner.run(live())

        def look():
            return runner.run(made._look()), made.state.snapshot_id

        look.live = made
        yield look
        runner.run(made.close())


@pytest.fixture
def said(caplog):
    caplog.set_level(logging.ERROR, logger="ringfinder.serve")
    return lambda: [record.why for record in caplog.records if record.msg == "snapshot refused"]


def test_sign_ups_are_counted_from_the_one_that_is_taken(home, monkeypatch):
    metrics.OVERLAY.set(10)
    put_in_force(home, "new")
    with looking(home, monkeypatch) as look:
        assert look() == (True, "new")
    assert metrics.REGISTRY.get_sample_value("ringfinder_overlay_events") == 0


def test_one_of_the_pepper_in_use_is_taken(home, monkeypatch, said):
    put_in_force(home, "new")
    with looking(home, monkeypatch) as look:
        assert look() == (True, "new")
    assert said() == []


def test_one_of_an_earlier_pepper_is_refused_and_what_to_do_is_said_once(home, monkeypatch, said):
    put_in_force(home, "old", pepper_version=1)
    with looking(home, monkeypatch) as look:
        assert [look(), look()] == [(False, None)] * 2
    (why,) = said()
    assert "version 1 of the pepper, and version 2 is in use" in why
    assert "ringfinder recompute" in why


def test_a_pointer_that_leads_nowhere_is_said_once_until_it_changes(home, monkeypatch, said):
    pointer = home / "snapshots" / snapshots.POINTER
    with looking(home, monkeypatch) as look:
        pointer.write_text("nothing\n")
        assert [look() for _ in range(3)] == [(False, None)] * 3
        pointer.write_bytes(b"\xff")
        assert [look() for _ in range(3)] == [(False, None)] * 3
        assert ["not there" in why for why in said()] == [True, False]
        put_in_force(home, "good")
        assert look() == (True, "good")
        pointer.write_bytes(b"\xff")
        assert [look() for _ in range(3)] == [(False, "good")] * 3
    assert len(said()) == 3


def test_why_one_is_refused_can_be_asked_for_as_long_as_it_is(home, monkeypatch):
    put_in_force(home, "good")
    with looking(home, monkeypatch) as look:
        look()
        assert look.live.why_refused is None
        put_in_force(home, "old", pepper_version=1)
        assert [look(), look()] == [(False, "good")] * 2
        assert look.live.why_refused.startswith("old: ")
        assert "version 1 of the pepper" in look.live.why_refused
        (home / "snapshots" / snapshots.POINTER).write_text("good\n")  # rolled back by hand
        look()
        assert look.live.why_refused is None
        (home / "snapshots" / snapshots.POINTER).write_text("old\n")
        look()
        assert look.live.why_refused is not None
        put_in_force(home, "better")
        assert look() == (True, "better")
        assert look.live.why_refused is None


def test_one_that_could_not_be_read_for_a_moment_is_taken_after_a_while(home, monkeypatch, said):
    def without_descriptors(path):
        raise StoreError("The snapshot in new cannot be read (OSError).")

    put_in_force(home, "new")
    with looking(home, monkeypatch) as look:
        with monkeypatch.context() as patch:
            patch.setattr(module, "_open", without_descriptors)
            assert look() == (False, None)
            patch.setattr(module, "REFUSED_AGAIN_S", 0.0)
            assert look() == (False, None)
        assert look() == (False, None)
        monkeypatch.setattr(module, "REFUSED_AGAIN_S", 0.0)
        assert look() == (True, "new")
    assert len(said()) == 1


class Unreadable(MemoryJournal):
    """A journal that cannot be read."""

    def __init__(self, error):
        super().__init__()
        self.error, self.asked = error, 0

    async def tail(self, after, *, log=None, known=()):
        self.asked += 1
        raise self.error
        yield


@pytest.mark.parametrize("error", [StoreError("cannot be read"), KeyError("no such field")])
def test_a_journal_that_cannot_be_followed_is_tried_often_and_told_of_seldom(
    tmp_path, monkeypatch, caplog, error
):
    monkeypatch.setattr(module, "FOLLOW_AGAIN_S", 0.001)
    journal = Unreadable(error)

    async def follow():
        live = Live(tmp_path, journal)
        await live.start()
        async with asyncio.timeout(5):
            while journal.asked < 10:
                await asyncio.sleep(0.001)
        await live.close()

    asyncio.run(follow())
    assert [one.getMessage() for one in caplog.records] == ["journal cannot be followed"]
