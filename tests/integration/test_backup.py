"""A data directory in one sealed file and back: whole, or nothing changed."""

from __future__ import annotations

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
from contextlib import closing
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
from ringfinder.pipeline import sealing
from ringfinder.pipeline.backup import backup
from ringfinder.pipeline.home import open_home
from ringfinder.pipeline.restore import restore
from ringfinder.pipeline.sealing import SealedReader, SealingWriter

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
        (place / "audit.log").write_text("who did what\n")
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


class TestForce:
    def test_what_was_there_is_moved_aside_and_told(self, archive, tmp_path, home):
        fingerprint, said = home.store.fingerprint(rings=True), []
        loaded(home, write_rows(tmp_path / "more", some_rows(9)))
        restore(archive, settings_of(home.directory), PASSPHRASE, force=True, notices=said.append)
        with home_at(home.directory) as back:
            assert back.store.fingerprint(rings=True) == fingerprint
        (aside,) = tmp_path.glob("data.before-*")
        assert (aside / "graph.duckdb").exists()
        assert str(aside) in said[0]

    def test_while_a_service_runs_nothing_is_moved(self, archive, tmp_path, home):
        before = {path.name for path in home.directory.iterdir()} | {"journal"}
        settings = settings_of(home.directory)
        with writer_at(home.directory), pytest.raises(StoreUnavailable, match="stop `ringfinder s"):
            restore(archive, settings, PASSPHRASE, force=True)
        assert {path.name for path in home.directory.iterdir()} == before
        assert not list(tmp_path.glob("data.*"))
        restore(archive, settings, PASSPHRASE, force=True)
        assert list(tmp_path.glob("data.before-*"))

    def test_a_store_elsewhere_gets_the_graph_and_its_history_once(self, archive, tmp_path, home):
        elsewhere = {"store": f"embedded:{home.directory / 'graph.duckdb'}"}
        before = home.store.fingerprint(rings=True)
        settings = settings_of(tmp_path / "back", **elsewhere)
        restore(archive, settings, PASSPHRASE, force=True)
        assert home.store.fingerprint(rings=True) == before


def test_a_store_that_is_away_says_that_the_files_are_there(archive, tmp_path, monkeypatch):
    from ringfinder.pipeline import restore as module

    def away(*_, **__):
        raise StoreUnavailable("the store is away.")

    monkeypatch.setattr(module, "rebuild", away)
    with pytest.raises(StoreUnavailable, match="files are restored in .*run `ringfinder rebuild`"):
        restore(archive, settings_of(tmp_path / "back"), PASSPHRASE)
    monkeypatch.undo()
    assert run("rebuild", "--data-dir", tmp_path / "back").code == 0


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
        if (tmp_path / "back").exists():
            with home_at(tmp_path / "back", pepper=None) as back:
                assert back.log.last_sequence == home.log.last_sequence
                back.log.check()
    told = restore(archive, settings_of(tmp_path / "back"), PASSPHRASE, force=True)
    assert told.fingerprint is True
    assert not list(tmp_path.glob("back.restore-*"))
