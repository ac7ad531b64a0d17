"""A new pepper: every pseudonym changes, nothing else does, and old values are still known."""

from __future__ import annotations

import asyncio
import re
import sqlite3
from contextlib import closing
from dataclasses import replace

import pytest
from journals import mixed, writer_at
from loads import (
    PEPPER,
    assert_same,
    home_at,
    loaded,
    loaded_graph,
    settings_of,
    some_rows,
    write_rows,
)
from shell import run
from stored import rings_of

from ringfinder.config import settings_table
from ringfinder.errors import InputError, NotFound, StoreError, StoreUnavailable
from ringfinder.journal.file import JournalFile
from ringfinder.journal.seals import SIZE, event_mark
from ringfinder.journal.tables import NAME
from ringfinder.normalise import Pepper, normalise, prompt_bands
from ringfinder.pipeline import rotate as module
from ringfinder.pipeline.check import check_graph
from ringfinder.pipeline.home import open_graph, open_home
from ringfinder.pipeline.pepper import PepperRecord, only_user
from ringfinder.pipeline.rotate import rotate
from ringfinder.serve.supervisor import Supervisor
from ringfinder.sources import Inputs, read_telemetry
from ringfinder.store import EmbeddedStore

NEW = b"another pepper, long enough for one"
OWN = {"pepper": None}
"""Settings of a data directory that keeps its own pepper."""


@pytest.fixture(autouse=True)
def nothing_set(monkeypatch):
    for row in settings_table():
        monkeypatch.delenv(row.variable, raising=False)


@pytest.fixture
def files(tmp_path):
    return write_rows(tmp_path / "files", some_rows(5, accounts=30))


@pytest.fixture
def place(tmp_path, files):
    """A data directory with a pepper of its own, a graph and a ring."""
    with home_at(tmp_path / "data", **OWN) as home:
        loaded(home, files, **OWN)
        evidence = {
            "ring_id": "R1",
            "kind": 0,
            "pseudonym": home.store.read_graph().values["pseudonym"][0].as_py(),
            "accounts_inside": 2,
            "accounts_total": 2,
            "nats": 1.5,
        }
        lock = home.store.acquire_run_lock("the tests")
        rings = rings_of("run 1", {"R1": ["account 1", "account 2"]}, evidence=[evidence])
        home.store.write_rings(rings, lock)
        home.store.release_run_lock(lock)
    return tmp_path / "data"


def content(place):
    return b"".join(p.read_bytes() for p in sorted(place.rglob("*.parquet")))


def everything(home):
    """Return every pseudonym that log and store hand out."""
    told = home.store.read_graph(uncounted=True).values["pseudonym"].to_pylist()
    told += home.store.read_rings().evidence["pseudonym"].to_pylist()
    for segment in home.log.segments():
        told += re.findall(r"p\d+_[0-9a-f]{32}", str(home.log.table(segment).to_pylist()))
    return told


def test_every_pseudonym_changes_and_nothing_else(place, files):
    with open_home(settings_of(place, **OWN)) as home:
        before = loaded_graph(home)
    assert rotate(settings_of(place, **OWN), None).version == 2
    with open_home(settings_of(place, **OWN)) as home:
        assert all(text.startswith("p2_") for text in everything(home))
        after = loaded_graph(home)
        assert check_graph(home.log, home.store).found == ()
        home.log.check()
        telemetry = read_telemetry(Inputs(**files), prompt_bands=prompt_bands)
        assert_same(after, normalise(telemetry, pepper=home.pepper))
    assert (after.accounts, after.values) == (before.accounts, before.values)
    assert set(after.pseudonym.to_pylist()).isdisjoint(before.pseudonym.to_pylist())


def test_what_is_loaded_afterwards_meets_what_was_there(place, files, tmp_path):
    rotate(settings_of(place, **OWN), None)
    more = some_rows(6, accounts=30)
    with open_home(settings_of(place, **OWN)) as home:
        loaded(home, write_rows(tmp_path / "more", more), **OWN)
        both = {t: [*files[t], str(tmp_path / "more" / f"{t}.jsonl")] for t in files}
        telemetry = read_telemetry(Inputs(**both), prompt_bands=prompt_bands)
        assert_same(loaded_graph(home), normalise(telemetry, pepper=home.pepper))


def test_rings_keep_their_members_and_their_evidence_follows(place):
    rotate(settings_of(place, **OWN), None)
    with open_home(settings_of(place, **OWN)) as home:
        rings, values = home.store.read_rings(), home.store.read_graph().values
        assert rings.members["account_id"].to_pylist() == ["account 1", "account 2"]
        assert rings.evidence["pseudonym"][0].as_py() in values["pseudonym"].to_pylist()


def test_twice_wraps_twice(place, files):
    for version in (2, 3):
        assert rotate(settings_of(place, **OWN), None).version == version
    with open_home(settings_of(place, **OWN)) as home:
        telemetry = read_telemetry(Inputs(**files), prompt_bands=prompt_bands)
        assert_same(loaded_graph(home), normalise(telemetry, pepper=home.pepper))


class TestConfigured:
    @pytest.fixture
    def configured(self, tmp_path, files):
        with home_at(tmp_path / "configured") as home:
            loaded(home, files)
        return tmp_path / "configured"

    def test_the_new_one_is_configured_from_then_on(self, configured):
        rotate(settings_of(configured), NEW)
        with pytest.raises(InputError, match="one value would look like two"):
            open_home(settings_of(configured))
        renewed = settings_of(configured, pepper=NEW.decode(), pepper_version=2)
        with open_home(renewed) as home:
            assert home.pepper == Pepper(2, NEW, Pepper(1, PEPPER.encode()))
        assert NEW.hex() not in (configured / "pepper.json").read_text()

    def test_the_same_or_a_short_one_is_refused_and_nothing_changes(self, configured):
        before = (configured / "pepper.json").read_bytes()
        with pytest.raises(InputError, match="is the one in use"):
            rotate(settings_of(configured), PEPPER.encode())
        with pytest.raises(InputError, match="expected at least 32"):
            rotate(settings_of(configured), b"short")
        assert (configured / "pepper.json").read_bytes() == before


class TestWhoHasTheDirectoryOpen:
    def test_a_load_under_way_keeps_the_rotation_from_beginning(self, place, files, tmp_path):
        before = (place / "pepper.json").read_bytes()
        with open_home(settings_of(place, **OWN)) as home:
            with pytest.raises(
                StoreUnavailable, match="open in a load, a run, a rotation or the API"
            ):
                rotate(settings_of(place, **OWN), None)
            assert (place / "pepper.json").read_bytes() == before
            loaded(home, write_rows(tmp_path / "more", some_rows(6, accounts=30)), **OWN)
        assert rotate(settings_of(place, **OWN), None).version == 2
        with open_home(settings_of(place, **OWN)) as home:
            assert all(text.startswith("p2_") for text in everything(home))

    def test_one_that_failed_to_open_it_does_not(self, place):
        with pytest.raises(InputError):
            open_home(settings_of(place, store="neo4j://127.0.0.1:1", **OWN))
        assert rotate(settings_of(place, **OWN), None).version == 2

    def test_several_have_it_open_together(self, place):
        with open_home(settings_of(place, **OWN)), open_home(settings_of(place, **OWN), wait_s=0):
            pass

    def test_the_api_keeps_it_from_beginning_whatever_becomes_of_its_writer(
        self, place, monkeypatch
    ):
        tried = []

        async def serving(self, listening):
            with pytest.raises(StoreUnavailable):
                rotate(settings_of(place, **OWN), None)
            tried.append(place)

        monkeypatch.setattr(Supervisor, "_serve", serving)
        asyncio.run(Supervisor(settings_of(place, port=0, **OWN), print).run())
        assert tried

    def test_what_a_restore_left_meanwhile_is_seen_before_anything_is_rotated(
        self, place, monkeypatch
    ):
        def only_then(directory):
            (directory / "restore.json").write_text("{}")
            return only_user(directory)

        before = (place / "pepper.json").read_bytes()
        monkeypatch.setattr(module, "only_user", only_then)
        with pytest.raises(StoreError, match="a restore into"):
            rotate(settings_of(place, **OWN), None)
        assert (place / "pepper.json").read_bytes() == before

    def test_while_it_is_rotated_nobody_opens_it(self, place, monkeypatch):
        (place / "journal").mkdir()
        monkeypatch.setattr("ringfinder.pipeline.home.WAIT_S", 0.1)
        with only_user(place):
            with pytest.raises(StoreUnavailable, match="is being rotated"):
                open_home(settings_of(place, **OWN), wait_s=0.1)
            told = run("journal", "compact", "--data-dir", place)
            assert told.code == 4
            assert "is being rotated" in told.err


class TestOlderVersions:
    """Of directories in which a load had the old pepper when a rotation was over."""

    @pytest.fixture
    def split(self, place, tmp_path):
        with open_home(settings_of(place, **OWN)) as home:
            old = home
        rotate(settings_of(place, **OWN), None)
        late = replace(old, store=open_graph(settings_of(place, **OWN)))
        loaded(late, write_rows(tmp_path / "more", some_rows(6, accounts=30)), **OWN)
        with open_home(settings_of(place, **OWN)) as home:
            assert {text[:3] for text in everything(home)} == {"p1_", "p2_"}
        return place

    def test_they_are_wrapped_in_every_pepper_since(self, split, files, tmp_path):
        assert rotate(settings_of(split, **OWN), None).version == 3
        both = {t: [*files[t], str(tmp_path / "more" / f"{t}.jsonl")] for t in files}
        telemetry = read_telemetry(Inputs(**both), prompt_bands=prompt_bands)
        with open_home(settings_of(split, **OWN)) as home:
            assert_same(loaded_graph(home), normalise(telemetry, pepper=home.pepper))

    def test_one_of_an_unknown_pepper_is_refused_and_the_directory_stays_open(
        self, split, monkeypatch
    ):
        record = PepperRecord.read(split)
        replace(record, previous=()).write(split)
        with pytest.raises(StoreError, match="never had"):
            rotate(settings_of(split, **OWN), None)
        with open_home(settings_of(split, **OWN)) as home:
            assert home.pepper.version == 2


class TestInterrupted:
    def test_before_anything_changed_it_has_not_begun(self, place, monkeypatch):
        (segment, *_) = sorted((place / "events").glob("*.parquet"))
        whole = segment.read_bytes()
        segment.write_bytes(whole[:-1])
        with pytest.raises(StoreError, match="damaged"):
            rotate(settings_of(place, **OWN), None)
        with open_home(settings_of(place, **OWN)) as home:
            assert home.pepper.version == 1
        segment.write_bytes(whole)
        assert rotate(settings_of(place, **OWN), None).version == 2

    def test_begun_with_no_event_changed_yet_it_is_finished(self, place, monkeypatch):
        def broken(_log, _change, *, ready):
            ready()
            raise StoreError("the power is gone")

        with monkeypatch.context() as patched:
            patched.setattr(module.EventLog, "rewrite", broken)
            with pytest.raises(StoreError, match="power"):
                rotate(settings_of(place, **OWN), None)
        with pytest.raises(StoreError, match="run `ringfinder pepper rotate` to finish it"):
            open_home(settings_of(place, **OWN))
        assert rotate(settings_of(place, **OWN), None).version == 2
        with open_home(settings_of(place, **OWN)) as home:
            assert all(text.startswith("p2_") for text in everything(home))

    @pytest.mark.parametrize("name", ["rebuild", "write_back"])
    @pytest.mark.parametrize("after", [False, True])
    def test_anywhere_it_is_finished_by_running_it_again(self, place, monkeypatch, name, after):
        step = getattr(module, name)

        def broken(*arguments, **more):
            if after:
                step(*arguments, **more)
            raise StoreError("the power is gone")

        with open_home(settings_of(place, **OWN)) as home:
            accounts = loaded_graph(home).accounts
        monkeypatch.setattr(module, name, broken)
        with pytest.raises(StoreError, match="power"):
            rotate(settings_of(place, **OWN), None)
        with pytest.raises(StoreError, match="run `ringfinder pepper rotate` to finish it"):
            open_home(settings_of(place, **OWN))
        monkeypatch.setattr(module, name, step)
        assert rotate(settings_of(place, **OWN), None).version == 2
        with open_home(settings_of(place, **OWN)) as home:
            assert loaded_graph(home).accounts == accounts
            assert all(text.startswith("p2_") for text in everything(home))
            assert check_graph(home.log, home.store).found == ()

    def test_killed_while_it_writes_the_rings_it_waits_for_no_lease(self, place, monkeypatch):
        def killed(*_):
            raise StoreError("killed")

        with monkeypatch.context() as patched:
            patched.setattr(EmbeddedStore, "write_rings", killed)
            patched.setattr(EmbeddedStore, "release_run_lock", killed)
            with pytest.raises(StoreError, match="killed"):
                rotate(settings_of(place, **OWN), None)
        assert rotate(settings_of(place, **OWN), None).version == 2
        with open_home(settings_of(place, **OWN)) as home:
            assert all(text.startswith("p2_") for text in everything(home))

    def test_another_new_pepper_is_refused_then(self, place, monkeypatch):
        def broken(*_):
            raise StoreError("the power is gone")

        with monkeypatch.context() as patched:
            patched.setattr(module, "rebuild", broken)
            with pytest.raises(StoreError):
                rotate(settings_of(place, **OWN), None)
        with pytest.raises(InputError, match="A rotation to another pepper was interrupted"):
            rotate(settings_of(place, **OWN), NEW)


class TestTheJournal:
    @pytest.fixture
    def waiting(self, place):
        """Three events that the API accepted; returns the number of the one in the middle."""
        with open_home(settings_of(place, **OWN)) as home:
            (place / "journal").mkdir()
            with closing(JournalFile(place / "journal")) as file:
                first, last = home.log.reserve(100)
                file.add_block((first, last))
                file.commit([mixed(number) for number in range(3)])
        return first + 1

    def break_entry(self, place, number, sealed=False):
        """Make an entry one that is not what was written, or is written so, but no event."""
        with closing(sqlite3.connect(place / "journal" / NAME)) as journal:
            ask = "SELECT nonce, account_id FROM entry WHERE sequence = ?"
            nonce, account = journal.execute(ask, (number,)).fetchone()
            mark = event_mark(nonce, account, b"{}") if sealed else bytes(SIZE)
            change = "UPDATE entry SET event = ?, event_mark = ? WHERE sequence = ?"
            journal.execute(change, (b"{}", mark, number))
            journal.commit()

    @pytest.mark.parametrize("sealed", [False, True])
    def test_a_damaged_entry_does_not_stand_in_the_way(self, place, waiting, sealed):
        self.break_entry(place, waiting, sealed)
        with pytest.raises(InputError, match="wait in the journal"):
            rotate(settings_of(place, **OWN), None)
        compacted = run("journal", "compact", "--min-age", "0", "--data-dir", place, "--json")
        assert compacted.json()["moved"] == 2
        assert f"up to number {waiting}:" in compacted.err
        told = run("pepper", "rotate", "--data-dir", place, "--json")
        assert (told.code, told.json()["version"], told.json()["damaged"]) == (0, 2, 1)
        assert "damaged entries stay as they are (1)" in told.err
        with open_home(settings_of(place, **OWN)) as home:
            assert all(text.startswith("p2_") for text in everything(home))

    def test_events_that_wait_there_are_compacted_first(self, place, waiting):
        with pytest.raises(InputError, match="wait in the journal"):
            rotate(settings_of(place, **OWN), None)
        with open_home(settings_of(place, **OWN)) as home:
            assert home.pepper.version == 1

    def test_while_the_api_runs_nothing_is_rotated(self, place):
        with writer_at(place), pytest.raises(StoreUnavailable):
            rotate(settings_of(place, **OWN), None)


def test_while_a_run_of_another_directory_is_on_its_way_nothing_is_rotated(place):
    with open_home(settings_of(place, **OWN)) as home:
        lock = home.store.acquire_run_lock("the night")
    with pytest.raises(StoreUnavailable, match="a run by the night"):
        rotate(settings_of(place, **OWN), None)
    with open_home(settings_of(place, **OWN)) as home:
        home.store.release_run_lock(lock)
    assert rotate(settings_of(place, **OWN), None).version == 2


class TestTheCommand:
    def test_it_says_what_to_do_next(self, place, tmp_path, monkeypatch):
        monkeypatch.chdir(tmp_path)
        told = run("pepper", "rotate", "--data-dir", "data")
        assert (told.code, told.err) == (0, "")
        assert "Pseudonyms have version 2 now" in told.out
        (tmp_path / "new").write_bytes(NEW + b"\n")
        told = run("pepper", "rotate", "--data-dir", "data", "--new-pepper-file", "new", "--json")
        assert told.json()["version"] == 3
        assert "set pepper_version to 3" in told.err

    def test_there_must_be_something_to_rotate(self, tmp_path):
        with pytest.raises(NotFound):
            rotate(settings_of(tmp_path / "none"), None)
        assert run("pepper", "rotate", "--data-dir", tmp_path / "none").code == 3
