"""A data directory in one sealed file and back: whole, or nothing changed."""

from __future__ import annotations

import errno
import io
import json
import os
import shutil
import signal
import sqlite3
import subprocess
import sys
import tarfile
import time
from contextlib import closing, nullcontext
from pathlib import Path

import pytest
from journals import writer_at
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
from ringfinder.errors import InputError, StoreError, StoreUnavailable
from ringfinder.pipeline import backup as module
from ringfinder.pipeline import sealing, switch
from ringfinder.pipeline.backup import backup
from ringfinder.pipeline.home import open_home
from ringfinder.pipeline.one_run import the_only_run
from ringfinder.pipeline.pepper import in_use, only_user
from ringfinder.pipeline.recompute import recompute
from ringfinder.pipeline.restore import restore
from ringfinder.pipeline.sealing import SealedReader, SealingWriter
from ringfinder.serve.auditlog import AuditLog
from ringfinder.serve.keys import KeyStore
from ringfinder.store import EmbeddedStore
from ringfinder.store.files import locked

PASSPHRASE = "a passphrase of the tests"
LINEAGE = {"run_id": "run 0", "change": "born", "ring_id": "R1", "shared": 0}


@pytest.fixture(autouse=True)
def quick(monkeypatch):
    monkeypatch.setattr(sealing, "COST", 4)
    for row in settings_table():
        monkeypatch.delenv(row.variable, raising=False)


@pytest.fixture(scope="module")
def template(tmp_path_factory):
    """A data directory with everything that one may hold, and a backup of it; to be copied."""
    tmp_path = tmp_path_factory.mktemp("template")
    with home_at(tmp_path / "data") as opened:
        loaded(opened, write_rows(tmp_path, some_rows(5, accounts=30)))
        lock = opened.store.acquire_run_lock("the tests")
        members = {"R1": ["account 1", "account 2"]}
        opened.store.write_rings(rings_of("run 0", members, lineage=[LINEAGE]), lock)
        later = LINEAGE | {"run_id": "run 1", "change": "kept", "earlier_ring_id": "R1"}
        opened.store.write_rings(rings_of("run 1", members, lineage=[later]), lock)
        opened.store.release_run_lock(lock)
        place = opened.directory
        for name in ("old", "new"):
            (place / "snapshots" / name).mkdir(parents=True)
            (place / "snapshots" / name / "run.json").write_text(f'"{name}"')
        (place / "snapshots" / "current").write_text("new\n")
        (place / "snapshots" / "lock.id").write_text("0" * 32)
        AuditLog(place).append("the tests", "made")
        (place / "rejects-1.jsonl").write_text("not kept")
        with pytest.MonkeyPatch.context() as patched:
            patched.setattr(sealing, "COST", 4)
            backup(opened, tmp_path / "one.backup", PASSPHRASE, created_ms=7)
    return tmp_path


@pytest.fixture
def home(template, tmp_path):
    shutil.copytree(template / "data", tmp_path / "data")
    with home_at(tmp_path / "data") as opened:
        yield opened


@pytest.fixture
def archive(template, tmp_path):
    return shutil.copy2(template / "one.backup", tmp_path / "one.backup")


def names_in(archive):
    with (
        archive.open("rb") as file,
        tarfile.open(fileobj=SealedReader(file, PASSPHRASE, "x"), mode="r|") as tar,
    ):
        return {entry.name for entry in tar}


def sealed_tar(path, *entries):
    """Seal an archive of our own making."""
    with path.open("wb") as file:
        writer = SealingWriter(file, PASSPHRASE)
        with tarfile.open(fileobj=writer, mode="w|") as tar:
            for entry, content in entries:
                entry.size = len(content)
                tar.addfile(entry, io.BytesIO(content))
        writer.finish()
    return path


class TestThereAndBack:
    def test_graph_rings_and_history_are_as_they_were(self, home, archive, tmp_path):
        told = restore(archive, settings_of(tmp_path / "back"), PASSPHRASE)
        assert (told.created_ms, told.last_sequence, told.fingerprint) == (
            7,
            home.log.last_sequence,
            True,
        )
        with home_at(tmp_path / "back") as back:
            assert back.store.fingerprint(rings=True) == home.store.fingerprint(rings=True)
            assert_same(loaded_graph(back), loaded_graph(home))
            back.log.check()
            assert back.pepper == home.pepper

    def test_what_follows_from_the_rest_is_left_out(self, archive):
        names = names_in(archive)
        assert {"pepper.json", "audit.log", "snapshots/current", "snapshots/new/run.json"} <= names
        assert not {name for name in names if "duckdb" in name or "lock" in name or "old" in name}
        assert not {name for name in names if name.startswith("rejects")}

    def test_a_configured_pepper_is_in_it_and_need_not_be_configured_again(
        self, home, archive, tmp_path
    ):
        restore(archive, settings_of(tmp_path / "back", pepper=None), PASSPHRASE)
        with open_home(settings_of(tmp_path / "back", pepper=None)) as back:
            assert back.pepper == home.pepper
        assert json.loads((home.directory / "pepper.json").read_text())["key"] is None

    def test_a_database_is_taken_with_what_stands_in_its_log(self, home, tmp_path):
        with closing(sqlite3.connect(home.directory / "keys.sqlite")) as writing:
            writing.execute("PRAGMA journal_mode = WAL")
            writing.execute("CREATE TABLE k (id)")
            writing.execute("INSERT INTO k VALUES ('committed')")
            writing.commit()
            writing.execute("INSERT INTO k VALUES ('on its way')")
            backup(home, tmp_path / "k.backup", PASSPHRASE, created_ms=7)
        assert not {name for name in names_in(tmp_path / "k.backup") if "-wal" in name}
        restore(tmp_path / "k.backup", settings_of(tmp_path / "back"), PASSPHRASE)
        with closing(sqlite3.connect(tmp_path / "back" / "keys.sqlite")) as reading:
            assert reading.execute("SELECT id FROM k").fetchall() == [("committed",)]

    def test_nothing_is_open_to_others(self, archive, tmp_path):
        restore(archive, settings_of(tmp_path / "back"), PASSPHRASE)
        for path in [archive, tmp_path / "back", *(tmp_path / "back").rglob("*")]:
            assert path.stat().st_mode & 0o077 == 0, path

    def test_a_local_neo4j_in_the_data_directory_is_left_out(self, home, tmp_path):
        (home.directory / "neo4j").mkdir()
        (home.directory / "neo4j" / "password").write_text("secret")
        (home.directory / "journal" / "neo4j").mkdir(parents=True)
        (home.directory / "journal" / "neo4j" / "x").write_text("of another name's")
        backup(home, tmp_path / "k.backup", PASSPHRASE, created_ms=7)
        found = {name for name in names_in(tmp_path / "k.backup") if "neo4j" in name}
        assert found == {"journal/neo4j/x"}

    def test_the_data_directory_goes_on_as_before(self, home, archive):
        assert not list(home.directory.glob("backup-*"))
        home.log.check()
        assert home.store.read_rings().run_id == "run 1"

    def test_a_killed_backups_traces_are_swept_by_the_next(self, home, tmp_path):
        (home.directory / "backup-dead").mkdir()
        backup(home, tmp_path / "one.backup", PASSPHRASE, created_ms=7)
        assert not (home.directory / "backup-dead").exists()


class TestWritingRefuses:
    def test_a_file_that_is_there(self, home, tmp_path):
        (tmp_path / "there").write_text("x")
        with pytest.raises(InputError, match="is there already"):
            backup(home, tmp_path / "there", PASSPHRASE, created_ms=7)

    def test_a_place_inside_the_data_directory(self, home):
        with pytest.raises(InputError, match="would be lost with it"):
            backup(home, home.directory / "x.backup", PASSPHRASE, created_ms=7)

    def test_a_directory_that_is_not_there(self, home, tmp_path):
        with pytest.raises(InputError, match="There is no directory"):
            backup(home, tmp_path / "no" / "x.backup", PASSPHRASE, created_ms=7)

    @pytest.mark.parametrize("part", ["signups-*-events", "usage-*-events", "usage-*-ids"])
    def test_a_log_that_is_damaged_is_not_backed_up(self, home, tmp_path, part):
        file = next((home.directory / "events").glob(f"{part}-*.parquet"))
        content = bytearray(file.read_bytes())
        content[len(content) // 2] ^= 1
        file.write_bytes(content)
        place = tmp_path / "archives"
        place.mkdir()
        with pytest.raises(StoreError, match=f"{file} is damaged.*no backup was written"):
            backup(home, place / "one.backup", PASSPHRASE, created_ms=7)
        assert list(place.iterdir()) == []


class TestRestoringRefuses:
    """One sentence, and nothing is there that was not there before."""

    @pytest.fixture(autouse=True)
    def nothing_changes(self, archive, home, tmp_path):
        before = sorted(tmp_path.iterdir())
        yield
        assert sorted(tmp_path.iterdir()) == before

    def refused(self, archive, tmp_path, match, *, passphrase=PASSPHRASE, error=InputError, **more):
        with pytest.raises(error, match=match):
            restore(archive, settings_of(tmp_path / "back", **more), passphrase)

    def test_a_wrong_passphrase(self, archive, tmp_path):
        self.refused(archive, tmp_path, "does not open", passphrase="some other passphrase")

    @pytest.mark.parametrize("share", [0.0, 0.00001, 0.3, 0.99, 0.9999])
    def test_an_archive_that_was_cut(self, archive, tmp_path, share):
        whole = archive.read_bytes()
        archive.write_bytes(whole[: int(share * len(whole))])
        self.refused(archive, tmp_path, "cut short|no backup")

    @pytest.mark.parametrize("place", [3, 20, 60, 5000, -1])
    def test_an_archive_that_was_altered(self, archive, tmp_path, place):
        whole = bytearray(archive.read_bytes())
        whole[place] ^= 1
        archive.write_bytes(bytes(whole))
        self.refused(archive, tmp_path, "altered|no backup|does not open")

    def test_an_archive_that_is_not_there(self, tmp_path):
        self.refused(tmp_path / "none", tmp_path, "There is no backup")

    def test_another_pepper(self, archive, tmp_path):
        self.refused(archive, tmp_path, "one value would look like two", pepper="z" * 40)

    @pytest.mark.parametrize(
        "name", ["../evil", "/tmp/evil", "a/../../evil", "..", "events/../../e"]
    )
    def test_names_that_lead_elsewhere(self, archive, tmp_path, name):
        sealed_tar(archive, (tarfile.TarInfo(name), b"evil"))
        self.refused(archive, tmp_path, "no file of a data directory")

    @pytest.mark.parametrize("kind", [tarfile.SYMTYPE, tarfile.LNKTYPE, tarfile.FIFOTYPE])
    def test_what_is_no_plain_file(self, archive, tmp_path, kind):
        entry = tarfile.TarInfo("events")
        entry.type, entry.linkname = kind, "/etc"
        sealed_tar(archive, (entry, b""))
        self.refused(archive, tmp_path, "no file of a data directory")

    def test_an_archive_of_other_things(self, archive, tmp_path):
        sealed_tar(archive, (tarfile.TarInfo("readme"), b"hello"))
        self.refused(archive, tmp_path, "does not say what it holds")

    def test_a_log_that_was_damaged_before_it_was_backed_up(self, archive, tmp_path):
        about = json.dumps({"format": 1, "created_ms": 1, "fingerprint": None}).encode()
        sealed_tar(
            archive,
            (tarfile.TarInfo("backup.json"), about),
            (tarfile.TarInfo("events/manifest.json"), b"{}"),
        )
        self.refused(archive, tmp_path, "is damaged", error=StoreError)

    def test_a_directory_that_holds_something(self, archive, tmp_path, home):
        with pytest.raises(InputError, match="is not empty.*--force"):
            restore(archive, settings_of(home.directory), PASSPHRASE)

    def test_a_graph_of_other_events(self, archive, tmp_path, home):
        elsewhere = f"embedded:{home.directory / 'graph.duckdb'}"
        self.refused(archive, tmp_path, "holds a graph of other events", store=elsewhere)


LOCKS = {"restore.lock", "in-use.lock"}


def left_by_restores(place):
    """Return what restores left in a data directory; the lock stays, for the next one."""
    return [path for path in place.glob("restore*") if path.name != "restore.lock"]


class TestForce:
    def test_what_was_there_is_moved_aside_and_told(self, archive, tmp_path, home):
        fingerprint, said = home.store.fingerprint(rings=True), []
        loaded(home, write_rows(tmp_path / "more", some_rows(9)))
        home.close()
        restore(archive, settings_of(home.directory), PASSPHRASE, force=True, notices=said.append)
        with home_at(home.directory) as back:
            assert back.store.fingerprint(rings=True) == fingerprint
        (aside,) = home.directory.glob("before-*")
        assert (aside / "graph.duckdb").exists()
        assert str(aside) in said[0]

    def test_the_directory_itself_stays_as_a_mount_point_must(self, archive, tmp_path, home):
        before, beside = home.directory.stat().st_ino, sorted(tmp_path.iterdir())
        home.close()
        restore(archive, settings_of(home.directory), PASSPHRASE, force=True)
        assert home.directory.stat().st_ino == before
        assert sorted(tmp_path.iterdir()) == beside
        assert left_by_restores(home.directory) == []

    def test_while_a_service_runs_nothing_is_moved(self, archive, tmp_path, home):
        home.close()
        before = {path.name for path in home.directory.iterdir()} | {"journal", *LOCKS}
        settings = settings_of(home.directory)
        with writer_at(home.directory), pytest.raises(StoreUnavailable, match="stop `ringfinder s"):
            restore(archive, settings, PASSPHRASE, force=True)
        assert {path.name for path in home.directory.iterdir()} == before
        restore(archive, settings, PASSPHRASE, force=True)
        assert list(home.directory.glob("before-*"))

    @pytest.mark.parametrize("holds", [in_use, only_user])
    def test_while_anybody_has_the_directory_open_nothing_is_moved(self, archive, home, holds):
        home.close()
        before = {path.name for path in home.directory.iterdir()} | LOCKS
        how = {"wait_s": 0.0} if holds is in_use else {}
        with holds(home.directory, **how), pytest.raises(StoreUnavailable, match="nothing was mov"):
            restore(archive, settings_of(home.directory), PASSPHRASE, force=True)
        assert {path.name for path in home.directory.iterdir()} == before

    def test_who_waited_meanwhile_holds_the_lock_that_all_others_find(self, archive, home):
        home.close()
        restore(archive, settings_of(home.directory), PASSPHRASE, force=True)
        (aside,) = home.directory.glob("before-*")
        assert not {path.name for path in aside.iterdir()} & LOCKS

    def test_nobody_opens_it_while_it_is_put_in_place(self, archive, home, monkeypatch):
        def meanwhile(*given):
            with pytest.raises(StoreUnavailable, match="a backup restored there"):
                open_home(settings_of(home.directory), wait_s=0.0)
            return switch.put_in_place(*given)

        home.close()
        monkeypatch.setattr("ringfinder.pipeline.restore.put_in_place", meanwhile)
        assert restore(archive, settings_of(home.directory), PASSPHRASE, force=True).fingerprint

    def test_a_local_neo4j_stays_where_it_is_and_needs_no_force(self, archive, tmp_path):
        place = tmp_path / "back"
        (place / "neo4j").mkdir(parents=True)
        (place / "neo4j" / "password").write_text("secret")
        inode = (place / "neo4j").stat().st_ino
        for force in (False, True):
            restore(archive, settings_of(place), PASSPHRASE, force=force)
            assert (place / "neo4j").stat().st_ino == inode

    def test_a_local_neo4j_that_an_earlier_version_backed_up_is_left_out_and_told(
        self, archive, tmp_path
    ):
        entries = []
        with (
            archive.open("rb") as file,
            tarfile.open(fileobj=SealedReader(file, PASSPHRASE, "x"), mode="r|") as tar,
        ):
            entries = [(entry, tar.extractfile(entry).read()) for entry in tar]
        entries.append((tarfile.TarInfo("neo4j/password"), b"secret"))
        said = []
        older = sealed_tar(tmp_path / "older", *entries)
        restore(older, settings_of(tmp_path / "back"), PASSPHRASE, notices=said.append)
        assert not (tmp_path / "back" / "neo4j").exists()
        assert said == ["1 files of a local Neo4j in the backup are left out"]

    def test_a_store_elsewhere_gets_the_graph_and_its_history_once(self, archive, tmp_path, home):
        elsewhere = {"store": f"embedded:{home.directory / 'graph.duckdb'}"}
        before = home.store.fingerprint(rings=True)
        settings = settings_of(tmp_path / "back", **elsewhere)
        restore(archive, settings, PASSPHRASE, force=True)
        assert home.store.fingerprint(rings=True) == before


class TestAStoreThatIsAway:
    """The files are there, and nothing that only the archive had is lost."""

    @pytest.fixture
    def place(self, archive, tmp_path):
        """A data directory whose store another machine's run held while it was restored."""
        store = EmbeddedStore(tmp_path / "elsewhere.duckdb")
        lock = store.acquire_run_lock("a machine that died", lease_s=4 * 3600.0)
        said = "files are restored in .*run `ringfinder rebuild`"
        with pytest.raises(StoreUnavailable, match=said):
            restore(archive, self.settings(tmp_path), PASSPHRASE)
        store.release_run_lock(lock)
        return tmp_path / "back"

    def settings(self, tmp_path):
        elsewhere = f"embedded:{tmp_path / 'elsewhere.duckdb'}"
        return settings_of(tmp_path / "back", store=elsewhere)

    def ran(self, tmp_path, *words):
        store = self.settings(tmp_path).store
        return run(*words, "--data-dir", tmp_path / "back", "--store", store)

    def fingerprint(self, tmp_path):
        return EmbeddedStore(tmp_path / "elsewhere.duckdb").fingerprint(rings=True)

    @pytest.mark.parametrize("how", [(), ("--repair",)])
    def test_rebuild_as_advised_brings_rings_and_their_history_back(
        self, place, tmp_path, home, how
    ):
        assert self.ran(tmp_path, "rebuild", *how).code == 0
        assert self.fingerprint(tmp_path) == home.store.fingerprint(rings=True)
        assert not (place / "store-rings").exists()

    def test_rebuild_waits_too_while_the_lock_is_held(self, place, tmp_path, home):
        store = EmbeddedStore(tmp_path / "elsewhere.duckdb")
        lock = store.acquire_run_lock("another machine")
        told = self.ran(tmp_path, "rebuild")
        assert (told.code, "another machine" in told.err) == (4, True)
        store.release_run_lock(lock)
        assert self.ran(tmp_path, "rebuild").code == 0
        assert self.fingerprint(tmp_path) == home.store.fingerprint(rings=True)

    def test_a_rebuild_that_only_compares_finishes_nothing(self, place, tmp_path):
        self.ran(tmp_path, "rebuild", "--check")
        assert (place / "store-rings").is_dir()

    def test_who_was_erased_meanwhile_does_not_come_back(self, place, tmp_path):
        with home_at(place) as back:
            back.log.erase(["account 1"])
        self.ran(tmp_path, "rebuild")
        members = EmbeddedStore(tmp_path / "elsewhere.duckdb").read_rings().members
        assert members["account_id"].to_pylist() == ["account 2"]

    def test_the_next_night_finishes_it(self, place, tmp_path, home):
        said = []
        with open_home(self.settings(tmp_path)) as back:
            recompute(self.settings(tmp_path), back, notices=said.append)
            lineage = back.store.read_rings().lineage["run_id"].to_pylist()
            assert back.store.fingerprint() == home.store.fingerprint()
        assert {"run 0", "run 1"} <= set(lineage)
        assert any("restore was finished" in sentence for sentence in said)

    @pytest.mark.parametrize("command", [("backup", "--out", "b"), ("pepper", "rotate")])
    def test_what_needs_the_rings_says_to_rebuild_first(
        self, place, tmp_path, monkeypatch, command
    ):
        monkeypatch.setenv("RINGFINDER_BACKUP_PASSPHRASE", PASSPHRASE)
        monkeypatch.chdir(tmp_path)
        told = self.ran(tmp_path, *command)
        assert (told.code, "run `ringfinder rebuild` first" in told.err) == (4, True)

    def test_a_disk_that_is_full_by_then_is_told_likewise(self, archive, tmp_path, monkeypatch):
        def full(*_, **__):
            raise OSError(errno.ENOSPC, "No space left on device")

        monkeypatch.setattr("ringfinder.pipeline.writeback.rebuild", full)
        with pytest.raises(StoreError, match=r"No space left.*files are restored in"):
            restore(archive, settings_of(tmp_path / "other"), PASSPHRASE)


class TestWhoItBelongsTo:
    @pytest.mark.skipif(os.geteuid() != 0, reason="only root can give files away")
    @pytest.mark.parametrize("store", [None, "the store is away"])
    def test_what_root_restores_is_the_directorys_owners(
        self, archive, tmp_path, monkeypatch, store
    ):
        def away(*_, **__):
            raise StoreUnavailable("the store is away")

        if store is not None:
            monkeypatch.setattr("ringfinder.pipeline.writeback.rebuild", away)
        place = tmp_path / "back"
        place.mkdir(mode=0o700)
        os.chown(place, 12345, 23456)
        with nullcontext() if store is None else pytest.raises(StoreUnavailable):
            restore(archive, settings_of(place), PASSPHRASE)
        owners = {(path.stat().st_uid, path.stat().st_gid) for path in place.rglob("*")}
        assert owners == {(12345, 23456)}


class Killed(BaseException):
    """Ends a restore as a signal would that nothing can catch."""


class TestKilledInBetween:
    """Whatever was moved by then, the next restore begins with what was there before."""

    @pytest.fixture
    def killed_after(self, archive, home, monkeypatch):
        def after(moves):
            home.close()
            real, done = switch.move, []

            def move(path, into):
                if len(done) == moves:
                    raise Killed
                done.append(path)
                real(path, into)

            with monkeypatch.context() as patched:
                patched.setattr(switch, "move", move)
                patched.setattr(switch, "undo", lambda target, *_: False)
                with pytest.raises(Killed):
                    restore(archive, settings_of(home.directory), PASSPHRASE, force=True)

        return after

    @pytest.mark.parametrize("moves", range(0, 13, 3))
    def test_everything_is_put_back(self, killed_after, home, moves):
        before = {path: path.is_dir() or path.read_bytes() for path in self.files(home)}
        killed_after(moves)
        assert switch.undo(home.directory) is True
        assert {path: path.is_dir() or path.read_bytes() for path in self.files(home)} == before
        assert left_by_restores(home.directory) == []
        assert switch.undo(home.directory) is False

    def files(self, home):
        return sorted(path for path in home.directory.rglob("*") if path.name not in LOCKS)

    @pytest.mark.parametrize("moves", [1, 9])
    def test_nobody_opens_the_directory_and_the_next_restore_works(
        self, killed_after, archive, home, moves
    ):
        fingerprint = home.store.fingerprint(rings=True)
        killed_after(moves)
        before = sorted(home.directory.rglob("*"))
        for command in (
            ("rebuild",),
            ("pepper", "rotate"),
            ("serve",),
            ("keys", "create", "--name", "x", "--scope", "admin"),
            ("auditlog", "verify"),
            ("journal", "check"),
            ("publish", "list"),
        ):
            told = run(*command, "--data-dir", home.directory)
            assert (told.code, "`ringfinder restore` again" in told.err) == (4, True), command
        assert run("neo4j", "status", "--data-dir", home.directory).code == 3  # nobody moves it
        assert sorted(home.directory.rglob("*")) == before
        with pytest.raises(InputError, match="is not empty.*--force"):
            restore(archive, settings_of(home.directory), PASSPHRASE)
        assert (home.directory / "graph.duckdb").exists()  # it was put back
        restore(archive, settings_of(home.directory), PASSPHRASE, force=True)
        with home_at(home.directory) as back:
            assert back.store.fingerprint(rings=True) == fingerprint

    def test_who_waited_until_a_restore_was_killed_does_not_open_it_either(
        self, killed_after, home, monkeypatch
    ):
        killed_after(9)
        monkeypatch.setattr("ringfinder.pipeline.home.check_whole", lambda directory: None)
        with pytest.raises(StoreError, match="a restore into"):
            open_home(settings_of(home.directory), make=True)

    def test_what_somebody_made_there_since_is_moved_aside_and_told(
        self, killed_after, archive, home
    ):
        fingerprint, said = home.store.fingerprint(rings=True), []
        killed_after(9)
        (home.directory / "events").mkdir()
        (home.directory / "graph.duckdb").write_text("made since")
        with pytest.raises(InputError, match="is not empty.*--force"):
            restore(archive, settings_of(home.directory), PASSPHRASE, notices=said.append)
        (aside,) = home.directory.glob("before-*")
        assert [path.name for path in aside.iterdir()] == ["graph.duckdb"]
        assert (aside / "graph.duckdb").read_text() == "made since"
        assert str(aside) in said[0]
        with home_at(home.directory) as back:
            assert back.store.fingerprint(rings=True) == fingerprint

    def test_what_a_killed_one_had_unpacked_goes_with_the_next_that_opens_it(
        self, killed_after, home
    ):
        killed_after(0)
        (home.directory / "restore.json").unlink()
        (unpacked,) = home.directory.glob("restore-*")
        with locked(home.directory / "restore.lock", what="it", exclusive=True, wait_s=0.0):
            home_at(home.directory).close()
            assert unpacked.is_dir()  # it may be of one that is on its way
        with home_at(home.directory):
            assert left_by_restores(home.directory) == []
        assert not list(home.directory.glob("before-*"))

    def test_one_killed_before_its_note_had_a_name_leaves_nothing_to_the_next(self, archive, home):
        home.close()
        (home.directory / "restore.json.tmp").write_text("{")
        (home.directory / "before-dead").mkdir()
        with pytest.raises(InputError, match="is not empty"):
            restore(archive, settings_of(home.directory), PASSPHRASE)
        assert left_by_restores(home.directory) == []
        assert not list(home.directory.glob("before-*"))

    def test_into_an_empty_directory_the_next_one_needs_no_force(
        self, archive, tmp_path, monkeypatch
    ):
        def killed(fresh, target):
            raise Killed

        (tmp_path / "back" / "lost+found").mkdir(parents=True)  # of a file system of its own
        settings = settings_of(tmp_path / "back")
        with monkeypatch.context() as patched:
            patched.setattr("ringfinder.pipeline.restore.put_in_place", killed)
            patched.setattr(switch.shutil, "rmtree", lambda *_, **__: None)
            with pytest.raises(Killed):
                restore(archive, settings, PASSPHRASE)
        assert list((tmp_path / "back").glob("restore-*"))
        assert restore(archive, settings, PASSPHRASE).fingerprint is True
        assert left_by_restores(tmp_path / "back") == []

    def test_an_entry_that_cannot_be_moved_leaves_all_as_it_was(self, archive, home, monkeypatch):
        real = switch.move

        def move(path, into):
            if path.name == "pepper.json" and into.name.startswith("before-"):
                raise OSError(errno.EBUSY, "Device or resource busy")
            real(path, into)

        home.close()
        before = self.files(home)
        monkeypatch.setattr(switch, "move", move)
        with pytest.raises(StoreError, match="cannot restore to .*busy"):
            restore(archive, settings_of(home.directory), PASSPHRASE, force=True)
        assert self.files(home) == before


class TestWhatTheArchiveSaysOfItself:
    """It is true of what is in it, whatever comes in while it is made."""

    def restored(self, home, tmp_path):
        made = backup(home, tmp_path / "k.backup", PASSPHRASE, created_ms=7)
        told = restore(tmp_path / "k.backup", settings_of(tmp_path / "back"), PASSPHRASE)
        assert made.last_sequence == told.last_sequence
        return told

    @pytest.mark.parametrize("step", ["_about", "_check_log"])
    def test_a_load_after_the_copy_is_not_told(self, home, tmp_path, monkeypatch, step):
        newest, real = home.log.last_sequence, getattr(module, step)

        def meanwhile(*given):
            loaded(home, write_rows(tmp_path / "more", some_rows(9)))
            return real(*given)

        monkeypatch.setattr(module, step, meanwhile)
        told = self.restored(home, tmp_path)
        assert home.log.last_sequence > newest == told.last_sequence
        assert told.fingerprint is (None if step == "_about" else True)

    def test_a_load_or_an_erasure_beside_the_fingerprint_leaves_it_out(
        self, home, tmp_path, monkeypatch
    ):
        real = home.store.fingerprint

        def meanwhile(**given):
            home.log.erase(["account 1"])
            home.store.erase(["account 1"])
            return real(**given)

        monkeypatch.setattr(home.store, "fingerprint", meanwhile)
        assert self.restored(home, tmp_path).fingerprint is None

    def test_the_rings_are_those_of_the_snapshot_that_was_copied(self, home, tmp_path, monkeypatch):
        def a_run_publishes():
            lock = home.store.acquire_run_lock("a run")
            home.store.write_rings(rings_of("run 2", {"R1": ["account 1"]}), lock)
            home.store.release_run_lock(lock)
            (home.directory / "snapshots" / "current").write_text("old\n")

        real = module._about
        monkeypatch.setattr(module, "_about", lambda *given: (a_run_publishes(), real(*given))[1])
        self.restored(home, tmp_path)
        with home_at(tmp_path / "back") as back:
            assert back.store.read_rings().run_id == "run 1"
            assert (back.directory / "snapshots" / "current").read_text() == "new\n"

    def test_what_a_run_on_its_way_noted_is_not_in_it(self, home, tmp_path):
        with the_only_run(home.store, home.directory / "snapshots"):
            assert (home.directory / "snapshots" / "lock.id").exists()
            backup(home, tmp_path / "k.backup", PASSPHRASE, created_ms=7)
        assert not {name for name in names_in(tmp_path / "k.backup") if "lock" in name}


class TestTheCommands:
    @pytest.fixture(autouse=True)
    def here(self, home, tmp_path, monkeypatch):
        monkeypatch.chdir(tmp_path)
        monkeypatch.setenv("RINGFINDER_BACKUP_PASSPHRASE", PASSPHRASE)

    def test_there_and_back(self, monkeypatch):
        monkeypatch.setenv("RINGFINDER_PEPPER", PEPPER)
        told = run("backup", "--data-dir", "data", "--out", "b")
        assert (told.code, told.err) == (0, "")
        assert "events up to 246, are in b." in told.out
        back = run("restore", "b", "--data-dir", "back", "--json")
        assert back.json()["same_graph"] is True
        again = run("restore", "b", "--data-dir", "back")
        assert (again.code, "is not empty" in again.err) == (2, True)

    def test_without_a_passphrase_they_say_where_to_put_it(self, monkeypatch):
        monkeypatch.delenv("RINGFINDER_BACKUP_PASSPHRASE")
        for command in (("backup", "--out", "b"), ("restore", "b")):
            told = run(*command)
            assert told.code == 2
            assert "RINGFINDER_BACKUP_PASSPHRASE or --backup-passphrase-file" in told.err

    def test_a_short_passphrase_is_refused(self, tmp_path, monkeypatch):
        monkeypatch.setenv("RINGFINDER_BACKUP_PASSPHRASE", "hunter2")
        told = run("restore", "b")
        assert (told.code, "hunter2" in told.err) == (2, False)
        monkeypatch.delenv("RINGFINDER_BACKUP_PASSPHRASE")
        (tmp_path / "short").write_text("hunter2\n")
        told = run("restore", "b", "--backup-passphrase-file", "short")
        assert "at least 12 characters" in told.err


class TestKeysThatComeBack:
    @pytest.fixture
    def revoked(self, home, tmp_path, monkeypatch):
        """Three keys in a backup, of which one was revoked and one rotated since."""
        monkeypatch.chdir(tmp_path)
        monkeypatch.setenv("RINGFINDER_BACKUP_PASSPHRASE", PASSPHRASE)
        keys = KeyStore(home.directory)
        made = [keys.create(name, ["rings:read"], now_ms=1)[0].id for name in "abc"]
        backup(home, tmp_path / "keys.backup", PASSPHRASE, created_ms=7)
        home.close()
        keys.revoke(made[0], now_ms=2)
        keys.rotate(made[1], now_ms=2, overlap_ms=0)
        return made

    def restored(self, *words):
        return run("restore", "keys.backup", "--data-dir", *words)

    def test_those_that_had_ended_here_are_named_and_noted(self, revoked, home):
        told = self.restored("data", "--force")
        assert told.code == 0
        again = ", ".join(sorted(revoked[:2]))
        assert f"keys that had ended here are in force again: {again}; `ringfinder keys" in told.err
        *_, act = AuditLog(home.directory).read()
        assert (act.what, act.details["created_ms"]) == ("backup.restored", 7)
        assert act.details["keys_in_force_again"] == sorted(revoked[:2])
        AuditLog(home.directory).verify()

    def test_a_program_is_told_too(self, revoked):
        told = self.restored("data", "--force", "--json")
        assert told.json()["keys_in_force_again"] == sorted(revoked[:2])
        told = self.restored("data", "--force", "--json")
        assert told.json()["keys_in_force_again"] == []
        assert "in force again" not in told.err

    def test_they_are_named_where_the_store_is_away_too(self, revoked, monkeypatch):
        def away(*_, **__):
            raise StoreUnavailable("the store is away")

        monkeypatch.setattr("ringfinder.pipeline.writeback.rebuild", away)
        told = self.restored("data", "--force")
        assert told.code == 4
        assert revoked[0] in told.err

    def test_where_nobody_knows_which_ones_that_is_said(self, revoked, tmp_path):
        told = self.restored("elsewhere", "--json")
        assert told.json()["keys_in_force_again"] is None
        assert "which ones is not known here" in told.err
        (tmp_path / "data" / "keys.sqlite").write_bytes(b"damaged" * 1000)
        told = self.restored("data", "--force")
        assert (told.code, "which ones is not known here" in told.err) == (0, True)

    def test_a_backup_without_keys_says_nothing_of_them(self, home, archive, revoked):
        told = run("restore", str(archive), "--data-dir", "elsewhere", "--json")
        assert (told.json()["keys_in_force_again"], "keys" in told.err) == ([], False)

    def test_an_audit_log_that_is_damaged_does_not_stop_a_restore(self, home, tmp_path, revoked):
        with home_at(home.directory) as opened:
            (home.directory / "audit.head").write_text("damaged")
            backup(opened, tmp_path / "other.backup", PASSPHRASE, created_ms=7)
        told = run("restore", "other.backup", "--data-dir", "elsewhere")
        assert (told.code, "the restore is not in the audit log" in told.err) == (0, True)


def test_a_restore_that_is_killed_leaves_nothing_and_the_next_one_is_whole(archive, tmp_path, home):
    environment = os.environ | {
        "PYTHONPATH": str(Path(__file__).parents[2]),
        "RINGFINDER_BACKUP_PASSPHRASE": PASSPHRASE,
    }
    command = [sys.executable, "-m", "ringfinder", "restore", archive, "--data-dir", "back"]
    for delay_s in (0.3, 0.6, 0.9, 1.2):
        with subprocess.Popen(command, cwd=tmp_path, env=environment) as process:
            time.sleep(delay_s)
            process.send_signal(signal.SIGKILL)
        if (tmp_path / "back" / "restore.json").exists():
            with pytest.raises(StoreError, match="a restore into"):
                home_at(tmp_path / "back", pepper=None)
        elif (tmp_path / "back" / "pepper.json").exists():
            with home_at(tmp_path / "back", pepper=None) as back:
                assert back.log.last_sequence == home.log.last_sequence
                back.log.check()
    told = restore(archive, settings_of(tmp_path / "back"), PASSPHRASE, force=True)
    assert told.fingerprint is True
    assert left_by_restores(tmp_path / "back") == []
