"""What is particular to the embedded store: one file, its lock, its bytes."""

import subprocess
import sys
from pathlib import Path

import duckdb
import pytest
from stored import batch_of, graph_tables, label, pseudonym

from ringfinder.errors import StoreError, StoreUnavailable
from ringfinder.store import EmbeddedStore, database
from ringfinder.store.files import locked

HOLDER = """
import sys, duckdb
connection = duckdb.connect(sys.argv[1])
print("open", flush=True)
sys.stdin.readline()
"""


@pytest.fixture
def path(tmp_path) -> Path:
    """Where the store is."""
    return tmp_path / "graph.duckdb"


class TestLock:
    def test_a_writer_elsewhere_is_named_and_the_message_says_what_to_do(self, path):
        store = EmbeddedStore(path, wait_s=0.05)
        lock = path.with_name("graph.duckdb.lock")
        with (
            locked(lock, what="it", exclusive=True, wait_s=1),
            pytest.raises(
                StoreUnavailable, match=r"process \d+\).*Let it finish, or stop it"
            ) as caught,
        ):
            store.counts()
        assert caught.value.exit_code == 4

    def test_readers_share_and_a_writer_waits_for_them(self, path):
        store = EmbeddedStore(path, wait_s=0.05)
        lock = path.with_name("graph.duckdb.lock")
        with locked(lock, what="it", exclusive=False, wait_s=1):
            assert store.counts()["accounts"] == 0
            with pytest.raises(StoreUnavailable):
                store.write(batch_of(1))
        assert store.write(batch_of(1))

    def test_a_lock_file_left_by_a_dead_process_holds_nobody_up(self, path):
        path.with_name("graph.duckdb.lock").write_text("99999999")
        assert EmbeddedStore(path, wait_s=0.05).write(batch_of(1))

    def test_a_file_open_in_another_program_is_unavailable(self, path):
        store = EmbeddedStore(path)
        command = [sys.executable, "-c", HOLDER, str(path)]
        with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as other:
            assert other.stdout.readline() == b"open\n"
            with pytest.raises(StoreUnavailable, match="open in another program"):
                store.write(batch_of(1))
            other.communicate(b"\n")
        assert store.write(batch_of(1))


class TestFile:
    def test_no_log_or_temporary_file_is_left_beside_the_store(self, path):
        store = EmbeddedStore(path)
        store.write(batch_of(1, graph=graph_tables({"ann": {}})))
        store.erase(["ann"])
        assert {p.name for p in path.parent.iterdir()} == {"graph.duckdb", "graph.duckdb.lock"}

    def test_the_file_can_be_read_by_its_owner_only(self, path):
        EmbeddedStore(path).erase(["nobody"])
        assert path.stat().st_mode & 0o077 == 0

    def test_directories_on_the_way_are_made(self, tmp_path):
        EmbeddedStore(tmp_path / "state" / "deep" / "graph.duckdb")
        assert (tmp_path / "state" / "deep" / "graph.duckdb").is_file()

    def test_a_path_that_needs_quoting_works(self, tmp_path):
        store = EmbeddedStore(tmp_path / 'it\'s "mine".duckdb')
        store.write(batch_of(1, graph=graph_tables({"ann": {}, "bob": {}})))
        store.erase(["ann"])
        assert store.counts()["accounts"] == 1

    def test_a_creation_that_was_interrupted_is_done_again(self, path):
        path.with_name("graph.duckdb.new").write_bytes(b"half a file")
        assert EmbeddedStore(path).counts()["accounts"] == 0

    def test_erased_accounts_are_gone_from_the_bytes(self, path):
        store = EmbeddedStore(path)
        rows = [("canary-account", "ip", "canary", 0, 0, 1), ("bob", "ip", "other", 0, 0, 1)]
        tables = graph_tables({"canary-account": {"plan": "canary-plan"}, "bob": {}}, rows)
        store.write(
            batch_of(1, graph=tables, labels=[label("canary-account", source="canary-src")])
        )
        wanted = [b"canary-account", b"canary-plan", b"canary-src", pseudonym("canary").encode()]
        assert all(word in path.read_bytes() for word in wanted)
        store.erase(["canary-account"])
        assert not any(word in path.read_bytes() for word in wanted)
        assert pseudonym("other").encode() in path.read_bytes()

    def test_two_that_erase_at_once_leave_each_other_their_copies(self, path, monkeypatch):
        publish, other = database.publish, EmbeddedStore(path, wait_s=0.01)

        def meanwhile(fresh, final):
            with pytest.raises(StoreUnavailable):
                other._database.rewrite()
            publish(fresh, final)

        monkeypatch.setattr(database, "publish", meanwhile)
        EmbeddedStore(path).erase(["ann"])


class TestRefusals:
    @pytest.mark.parametrize("content", [b"", b"x" * 5000, b"SQLite format 3\x00"])
    def test_a_file_that_is_no_store_is_refused_with_a_sentence(self, path, content):
        path.write_bytes(content)
        with pytest.raises(StoreError, match="graph.duckdb"):
            EmbeddedStore(path)

    def test_a_database_of_somebody_else_is_refused(self, path):
        duckdb.connect(str(path)).close()
        with pytest.raises(StoreError, match="no ringfinder store"):
            EmbeddedStore(path)

    def test_another_format_is_refused(self, path):
        EmbeddedStore(path)
        with duckdb.connect(str(path)) as connection:
            connection.execute("UPDATE store SET format = 99")
        with pytest.raises(StoreError, match="format 99, expected 1.*ringfinder rebuild"):
            EmbeddedStore(path)

    def test_a_store_that_disappears_is_not_made_anew_in_silence(self, path):
        store = EmbeddedStore(path)
        path.unlink()
        with pytest.raises(StoreError, match="is gone"):
            store.write(batch_of(1))

    def test_a_kind_that_this_version_does_not_know_is_not_left_out_in_silence(self, path):
        store = EmbeddedStore(path)
        store.write(batch_of(1, graph=graph_tables({"ann": {}}, [("ann", "ip", "x", 0, 0, 1)])))
        with duckdb.connect(str(path)) as connection:
            connection.execute("UPDATE attribute SET kind = 'from the future'")
        with pytest.raises(StoreError, match="attribute kinds that this version"):
            store.read_graph()

    def test_a_place_that_cannot_be_made_is_refused(self, tmp_path):
        (tmp_path / "file").write_text("")
        with pytest.raises(StoreError, match="cannot make"):
            EmbeddedStore(tmp_path / "file" / "graph.duckdb")


class TestClock:
    def test_a_lock_taken_before_the_clock_was_set_back_does_not_block_for_ever(self, path):
        now = [1_000_000.0]
        store = EmbeddedStore(path, clock=lambda: now[0])
        early = store.acquire_run_lock("early", lease_s=100)
        now[0] -= 50
        with pytest.raises(StoreUnavailable):
            store.acquire_run_lock("late", lease_s=100)
        now[0] -= 60
        assert store.acquire_run_lock("late", lease_s=100).token > early.token

    def test_a_lock_ends_with_its_lease(self, path):
        now = [1_000_000.0]
        store = EmbeddedStore(path, clock=lambda: now[0])
        store.acquire_run_lock("early", lease_s=100)
        now[0] += 99
        with pytest.raises(StoreUnavailable, match="ends in 1 s"):
            store.acquire_run_lock("late")
        now[0] += 1
        store.acquire_run_lock("late")
