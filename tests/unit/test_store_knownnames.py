"""What an embedded store remembers of its names changes nothing of what it writes."""

import shutil
import subprocess
import sys
from contextlib import contextmanager

import duckdb
import pytest
from stored import batch_of, graph_tables

from ringfinder.errors import StoreError
from ringfinder.store import EmbeddedStore, knownnames, loading

DYING = """
import os, sys, duckdb
connection = duckdb.connect(sys.argv[1])
connection.begin()
connection.execute("INSERT INTO account VALUES (2, 'cid')")
connection.commit()
os._exit(0)
"""


def seen(number, *accounts):
    """A batch of accounts, each with a device of its own and the address that all share."""
    own = [(name, "device", name, number, number, 1) for name in accounts]
    rows = own + [(name, "ip", "shared", number, number, 1) for name in accounts]
    return batch_of(number, graph=graph_tables(dict.fromkeys(accounts), rows))


class Home:
    """A store that several write to, each as another process would."""

    def __init__(self, path):
        self.path = path / "graph.duckdb"
        self.store = self.opened()
        self.told = {}

    def opened(self):
        return EmbeddedStore(self.path, wait_s=5, remember_names=True)

    def write(self, number, *accounts, by=None):
        self.told[number] = accounts
        assert (by or self.store).write(seen(number, *accounts))

    def remembers(self):
        """Return how many names the store remembers by table."""
        return {table: sum(map(len, runs)) for table, runs in self.store._known._runs.items()}

    def check(self, *gone):
        """Every name is there once, under a key of its own, as in a store made at once."""
        with duckdb.connect(str(self.path), read_only=True) as connection:
            for table, name in (("account", "account_id"), ("attribute", "(kind, pseudonym)")):
                counted = connection.execute(
                    f"SELECT count(*), count(DISTINCT key), count(DISTINCT {name}) FROM {table}"
                ).fetchone()
                assert len(set(counted)) == 1, (table, counted)
        plain = EmbeddedStore(self.path.with_name("plain.duckdb"))
        plain.clear()
        for number, accounts in self.told.items():
            plain.write(seen(number, *accounts))
        if gone:
            plain.erase(gone)
        assert self.store.fingerprint() == plain.fingerprint()


@pytest.fixture
def home(tmp_path):
    home = Home(tmp_path)
    home.write(1, "ann")
    home.write(2, "ann", "bob")
    assert home.remembers() == {"account": 2, "attribute": 3}
    return home


def full(*_):
    raise duckdb.IOException("the disk is full")


class TestAlone:
    def test_a_name_keeps_its_key_and_a_new_one_is_remembered(self, home):
        home.write(3, "bob", "cid")
        home.write(4, "cid", "ann", "dan")
        assert home.remembers() == {"account": 4, "attribute": 5}
        home.check()

    def test_a_process_that_begins_reads_what_the_store_has(self, home):
        home.store = home.opened()
        home.write(3, "bob", "cid")
        assert home.remembers() == {"account": 3, "attribute": 4}
        home.check()

    def test_a_batch_without_values_reads_none(self, home):
        home.store = home.opened()
        assert home.store.write(batch_of(3, graph=graph_tables({"bob": None, "cid": None})))
        assert home.remembers() == {"account": 3}
        home.told[4] = ("cid",)
        home.store.write(seen(4, "cid"))
        assert home.remembers() == {"account": 3, "attribute": 4}

    def test_a_store_opened_without_it_remembers_nothing(self, tmp_path):
        assert EmbeddedStore(tmp_path / "graph.duckdb")._known is None

    @pytest.mark.parametrize("word", ["0::UBIGINT", "18446744069414584320", "hash(1)"])
    def test_names_whose_hashes_are_all_equal_are_told_apart(self, home, monkeypatch, word):
        hashes = dict.fromkeys(knownnames._HASHES, word)
        monkeypatch.setattr(knownnames, "_HASHES", hashes)
        home.store = home.opened()
        for number, accounts in enumerate((["bob"], ["bob", "cid"], ["dan", "cid"]), 3):
            home.write(number, *accounts)
        home.check()

    def test_many_batches_leave_few_runs_to_search(self, home):
        for number in range(3, 40):
            home.write(number, f"account-{number}", "ann")
        runs = home.store._known._runs["account"]
        assert sum(map(len, runs)) == 39
        assert len(runs) <= 6
        assert all((run[1:] > run[:-1]).all() for run in runs)
        home.check()

    def test_batches_that_add_nothing_leave_nothing_to_search(self, home):
        def runs():
            return {
                table: [len(run) for run in of] for table, of in home.store._known._runs.items()
            }

        before = runs()
        for number in range(3, 20):
            home.write(number, "ann", "bob")
        assert runs() == before
        home.check()

    def test_a_batch_that_failed_half_way_is_written_again(self, home, monkeypatch):
        with monkeypatch.context() as patched:
            patched.setattr(loading, "_write_applied", full)
            with pytest.raises(StoreError):
                home.store.write(seen(3, "cid", "bob"))
        home.write(4, "dan")  # takes the key that cid had for a moment
        home.write(3, "cid", "bob")
        home.check()


class TestBesideOthers:
    def test_what_another_process_wrote_is_found(self, home):
        home.write(3, "cid", "dan", by=home.opened())
        home.write(4, "dan", "eve")
        assert home.remembers() == {}
        home.write(5, "dan", "cid", "eve", "fay")
        assert home.remembers() == {"account": 6, "attribute": 7}
        home.check()

    def test_taking_turns_they_remember_nothing_and_double_nothing(self, home):
        other = home.opened()
        for number in range(3, 9):
            home.write(number, "ann", f"account-{number // 2}", by=(home.store, other)[number % 2])
            assert number % 2 or home.remembers() == {}
        home.check()

    def test_what_it_does_itself_between_two_batches_hides_no_other(self, home):
        home.write(3, "cid", by=home.opened())
        home.store.release_run_lock(home.store.acquire_run_lock("here"))
        home.write(4, "cid", "dan")
        home.check()

    def test_who_was_erased_elsewhere_comes_back_as_somebody_new(self, home):
        home.opened().erase(["bob"])
        home.write(3, "cid", by=home.opened())  # has bob's key, as many names as before
        home.write(4, "cid", "dan")
        home.write(5, "cid", "bob")
        home.told[2] = ("ann",)
        home.check()

    def test_who_it_erased_itself_does_too(self, home):
        home.store.erase(["bob"])
        for number in (3, 4):
            home.write(number, "cid", "bob")
        home.told[2] = ("ann",)
        home.check()

    def test_a_store_that_was_emptied_and_filled_otherwise_is_read_again(self, home):
        other = home.opened()
        other.clear()
        home.write(1, "dan", by=other)
        home.write(2, "cid", "dan", by=other)
        home.write(3, "ann", "dan")
        home.write(4, "ann", "cid", "eve")
        home.check()

    def test_emptied_by_itself_it_begins_again(self, home):
        home.store.clear()
        home.told.clear()
        for number in (1, 2, 3):
            home.write(number, "bob", "eve")
        home.check()

    def test_an_older_copy_in_its_place_is_read_again(self, home):
        copy = home.path.with_name("copy")
        shutil.copy2(home.path, copy)
        home.write(3, "cid")
        del home.told[3]
        shutil.copy2(copy, home.path)
        for number in (4, 5):
            home.write(number, "cid", "dan")
        home.check()

    def test_what_a_process_that_died_left_in_the_log_is_found(self, home):
        subprocess.run([sys.executable, "-c", DYING, str(home.path)], check=True)
        assert home.path.with_name("graph.duckdb.wal").exists()
        for number in (3, 4):
            home.write(number, "cid", "dan")
        home.check()

    def test_a_commit_whose_answer_was_lost_is_found(self, home, monkeypatch):
        opened = home.store._database._open

        @contextmanager
        def losing(**options):
            with opened(**options) as connection:
                yield connection
            raise StoreError("the answer was lost")

        with monkeypatch.context() as patched:
            patched.setattr(home.store._database, "_open", losing)
            with pytest.raises(StoreError):
                home.store.write(seen(3, "cid"))
        home.told[3] = ("cid",)
        for number in (4, 5):
            home.write(number, "cid", "dan")
        home.check()
