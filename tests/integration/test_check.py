"""The graph in a store, compared with the events that it follows from."""

from __future__ import annotations

import json
from contextlib import closing

import duckdb
import pytest
from journals import mixed
from loads import home_at, loaded, some_rows, write_rows
from shell import run
from stored import pseudonym

from ringfinder.config import settings_table
from ringfinder.errors import StoreUnavailable
from ringfinder.journal import Projector
from ringfinder.journal.file import JournalFile
from ringfinder.pipeline.check import check_graph
from ringfinder.store import EmbeddedStore, rebuild


@pytest.fixture
def home(tmp_path):
    with home_at(tmp_path / "data") as opened:
        rows = some_rows(5, accounts=30)
        labels = [
            {"account_id": f"account {n}", "label": "fraud", "decided_at": "2026-01-02"}
            for n in range(3)
        ]
        loaded(opened, write_rows(tmp_path, rows | {"labels": labels}))
        yield opened


def edit(home, statement):
    """Change the graph behind the events' back."""
    with duckdb.connect(str(home.directory / "graph.duckdb")) as connection:
        connection.execute(statement)


def found(home):
    return {(one.what, one.how): one.rows for one in check_graph(home.log, home.store).found}


EDITS = {
    "UPDATE sighting SET count = count + 1 WHERE account = 1 AND value = "
    "(SELECT min(value) FROM sighting WHERE account = 1)": {("sightings", "changed"): 1},
    "DELETE FROM sighting WHERE account = 2": {("sightings", "missing"): ...},
    "INSERT INTO account VALUES (999, 'by <b>hand</b>')": {("accounts", "extra"): 1},
    f"INSERT INTO attribute VALUES (99999, 'ip', '{pseudonym('by hand')}')": {
        ("values", "extra"): 1
    },
    "UPDATE fact SET country = 'XX' WHERE account = 3": {("accounts", "changed"): 1},
    "UPDATE fact SET closed_ms = NULL": {("accounts", "changed"): ...},
    "UPDATE profile SET exchanges = exchanges + 1 WHERE account = 4": {("profiles", "changed"): 1},
    "DELETE FROM profile WHERE account = 4": {("profiles", "missing"): 1},
    "DELETE FROM label WHERE account_id = 'account 1'": {("labels", "missing"): 1},
    "UPDATE label SET label = 'legitimate' WHERE account_id = 'account 1'": {
        ("labels", "missing"): 1,
        ("labels", "extra"): 1,
    },
}


class TestByHand:
    def test_an_untouched_graph_is_what_its_events_say(self, home):
        assert check_graph(home.log, home.store).found == ()

    @pytest.mark.parametrize("statement", EDITS)
    def test_each_edit_is_found_and_counted_and_rebuild_undoes_it(self, home, statement):
        before = home.store.fingerprint()
        edit(home, statement)
        told = found(home)
        assert set(told) == set(EDITS[statement])
        for row, number in EDITS[statement].items():
            assert number is ... or told[row] == number
        rebuild(home.log, home.store)
        assert home.store.fingerprint() == before
        assert found(home) == {}

    def test_examples_name_what_the_events_know_and_nothing_that_somebody_typed(self, home):
        edit(home, "INSERT INTO account VALUES (999, 'by hand')")
        edit(home, "DELETE FROM sighting WHERE account = 2")
        extra, missing = check_graph(home.log, home.store).found
        assert extra.examples == ()
        assert all(" seen with " in text and " p1_" in text for text in missing.examples)
        assert 0 < len(missing.examples) <= 5

    def test_a_graph_that_cannot_be_read_any_more_is_unequal_too(self, home):
        edit(home, "UPDATE attribute SET kind = 'no such kind' WHERE key = 1")
        assert found(home) == {("all", "unreadable"): 1}

    def test_a_store_that_is_away_is_no_difference(self, home, monkeypatch):
        def away(**_):
            raise StoreUnavailable("away")

        monkeypatch.setattr(home.store, "fingerprint", away)
        with pytest.raises(StoreUnavailable):
            check_graph(home.log, home.store)


class TestBeingBehind:
    def test_events_that_the_store_lacks_are_taken_in_first(self, home, tmp_path):
        home.store.clear()
        assert found(home) == {}
        assert home.store.counts()["accounts"] == 30

    def test_what_a_load_brings_meanwhile_is_no_difference(self, home, tmp_path, monkeypatch):
        fingerprint = home.store.fingerprint
        rows = some_rows(6, accounts=40)

        def while_loading(**_):
            loaded(home, write_rows(tmp_path / "more", rows))
            return fingerprint()

        monkeypatch.setattr(home.store, "fingerprint", while_loading)
        assert found(home) == {}

    def test_an_edit_beside_what_a_load_brings_is_found(self, home, tmp_path, monkeypatch):
        edit(home, "DELETE FROM sighting WHERE account = 2")
        fingerprint = home.store.fingerprint
        row = {"account_id": "somebody new", "created_at": "2026-01-03", "device_id": "new"}

        def while_loading(**_):
            loaded(home, write_rows(tmp_path / "more", {"signups": [row]}))
            return fingerprint()

        monkeypatch.setattr(home.store, "fingerprint", while_loading)
        assert set(found(home)) == {("sightings", "missing")}


class TestTheJournal:
    """The store has its events before the log does."""

    @pytest.fixture
    def journalled(self, home):
        """Commit some events, one after the other; `drain` takes what there is into the store."""
        journal = home.directory / "journal"
        journal.mkdir()
        with closing(JournalFile(journal)) as file:
            file.add_block(home.log.reserve(1000))

        def commit(*numbers):
            with closing(JournalFile(journal)) as file:
                file.commit([mixed(number) for number in numbers])

        return commit

    @staticmethod
    def drain(home):
        projector = Projector(home.directory / "journal", home.log, lambda: open_graph_of(home))
        with closing(projector):
            projector.drain()

    def test_its_events_in_the_store_are_no_difference_and_those_on_their_way_neither(
        self, home, journalled
    ):
        journalled(*range(9))
        self.drain(home)
        journalled(*range(9, 15))
        assert home.store.counts()["accounts"] > 30
        assert found(home) == {}

    def test_what_comes_meanwhile_is_none_and_an_edit_beside_it_is_found(
        self, home, journalled, monkeypatch
    ):
        journalled(*range(9))
        self.drain(home)
        edit(home, "DELETE FROM sighting WHERE account = 2")
        fingerprint = home.store.fingerprint

        def meanwhile(**_):
            journalled(*range(9, 15))
            self.drain(home)
            return fingerprint()

        monkeypatch.setattr(home.store, "fingerprint", meanwhile)
        assert set(found(home)) == {("sightings", "missing")}


def open_graph_of(home):
    return EmbeddedStore(home.directory / "graph.duckdb")


class TestTheCommand:
    @pytest.fixture(autouse=True)
    def here(self, home, tmp_path, monkeypatch):
        from loads import PEPPER

        for row in settings_table():
            monkeypatch.delenv(row.variable, raising=False)
        monkeypatch.chdir(tmp_path)
        monkeypatch.setenv("RINGFINDER_PEPPER", PEPPER)
        monkeypatch.setenv("RINGFINDER_DATA_DIR", "data")

    def test_check_says_so_and_ends_with_0_where_they_are_equal(self):
        told = run("rebuild", "--check")
        assert (told.code, told.err) == (0, "")
        assert "The graph is what its events say, up to event" in told.out

    def test_check_ends_with_4_and_changes_nothing_where_they_are_not(self, home):
        edit(home, "DELETE FROM sighting WHERE account = 2")
        before = home.store.fingerprint()
        told = run("rebuild", "--check", "--json")
        assert told.code == 4
        assert "The graph differs from its events: sightings missing" in told.err
        assert "rebuild --repair" in told.err
        assert json.loads(told.out)["equal"] is False
        assert home.store.fingerprint() == before

    def test_repair_rebuilds_only_what_differs(self, home):
        before = home.store.fingerprint()
        assert run("rebuild", "--repair", "--json").json()["rebuilt"] is False
        edit(home, "DELETE FROM sighting WHERE account = 2")
        assert run("rebuild", "--repair", "--json").json()["rebuilt"] is True
        assert home.store.fingerprint() == before

    def test_a_plain_rebuild_compares_nothing(self, home):
        told = run("rebuild")
        assert told.code == 0
        assert "Rebuilt from" in told.out
        assert "equal" not in told.out

    def test_without_a_data_directory_it_says_what_to_do(self, tmp_path):
        told = run("rebuild", "--data-dir", "elsewhere")
        assert told.code == 3
        assert "run `ringfinder load` first" in told.err
        assert not (tmp_path / "elsewhere").exists()

    @pytest.mark.parametrize("how", [(), ("--repair",)])
    def test_while_a_run_is_on_its_way_nothing_is_emptied(self, home, how):
        edit(home, "DELETE FROM sighting WHERE account = 2")
        before, lock = home.store.fingerprint(), home.store.acquire_run_lock("the night")
        told = run("rebuild", *how)
        assert (told.code, "a run by the night" in told.err) == (4, True)
        assert home.store.fingerprint() == before
        home.store.release_run_lock(lock)
        assert run("rebuild", *how).code == 0
        assert found(home) == {}

    def test_check_and_repair_exclude_each_other(self):
        assert run("rebuild", "--check", "--repair").code == 2
