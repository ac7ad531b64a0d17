"""`load` as a process of its own: killed, stopped, twice at once, and what it says."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from loads import PEPPER, home_at, loaded, some_rows, write_rows
from shell import run

from ringfinder.config import settings_table

ROOT = Path(__file__).parents[2]


@pytest.fixture(autouse=True)
def nothing_set(monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    for row in settings_table():
        monkeypatch.delenv(row.variable, raising=False)


def start(files, *more):
    """Start a load in a process of its own."""
    tables = [
        word for table in ("usage", "payments", "logins") for word in ("--" + table, *files[table])
    ]
    command = [sys.executable, "-m", "ringfinder", "load", *files["signups"], *tables, *more]
    environment = os.environ | {"PYTHONPATH": str(ROOT), "RINGFINDER_PEPPER": PEPPER}
    return subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=environment
    )


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    """Enough rows that a load takes a moment."""
    return write_rows(tmp_path_factory.mktemp("files"), some_rows(31, accounts=4000), "csv")


@pytest.fixture(scope="module")
def undisturbed(files, tmp_path_factory):
    """Fingerprint and events of a load that nothing happens to."""
    with home_at(tmp_path_factory.mktemp("undisturbed")) as home:
        loaded(home, files)
        return home.store.fingerprint(), home.log.last_sequence


class TestKilled:
    def test_nothing_is_half_recorded_and_the_next_load_brings_the_rest(
        self, tmp_path, files, undisturbed
    ):
        place, states = tmp_path / "data", set()
        for delay_s in (0.6, 1.0, 1.4, 1.8, 2.4, 3.2):
            with start(files, "--data-dir", str(place)) as loading:
                time.sleep(delay_s)
                loading.kill()
            if (place / "pepper.json").exists():
                with home_at(place) as home:
                    states.add(home.log.last_sequence)
                    home.log.check()
        assert states <= {0, undisturbed[1]}
        with start(files, "--data-dir", str(place)) as loading:
            _, err = loading.communicate(timeout=120)
        assert loading.returncode == 0, err
        with home_at(place) as home:
            assert (home.store.fingerprint(), home.log.last_sequence) == undisturbed
            assert not [p for p in (place / "events").iterdir() if p.suffix == ".tmp"]

    def test_being_told_to_stop_ends_it_without_a_trace(self, tmp_path, files):
        with start(files, "--data-dir", "data", "--temp-dir", ".") as loading:
            while not (tmp_path / "data" / "pepper.json").exists():
                time.sleep(0.01)
            loading.send_signal(signal.SIGTERM)
            _, err = loading.communicate(timeout=60)
        assert loading.returncode in {130, 0}
        assert "Traceback" not in err
        assert not list(tmp_path.glob("ringfinder-*"))


def test_two_loads_at_once_record_every_row_once(tmp_path, files, undisturbed):
    with (
        start(files, "--data-dir", "data", "--json") as one,
        start(files, "--data-dir", "data", "--json") as other,
    ):
        told = [process.communicate(timeout=180) for process in (one, other)]
    assert [one.returncode, other.returncode] == [0, 0], told
    recorded = [json.loads(out)["recorded"] for out, _ in told]
    assert sorted(sum(tables.values()) for tables in recorded) == [0, undisturbed[1]]
    with home_at(tmp_path / "data") as home:
        assert home.store.fingerprint() == undisturbed[0]


class TestTheCommand:
    def test_a_person_reads_what_was_recorded_and_where(self, tmp_path):
        small = write_rows(tmp_path, some_rows(1, accounts=20))
        told = run("load", *small["signups"], "--usage", *small["usage"], "--data-dir", "data")
        assert told.code == 0, told.err
        assert "signups        24             0         0  0" in told.out
        assert "The graph in embedded:data/graph.duckdb holds events up to 124" in told.out
        assert "note: no pepper is configured: one was made in data/pepper.json" in told.err
        assert oct((tmp_path / "data" / "pepper.json").stat().st_mode & 0o777) == "0o600"
        again = run("load", *small["signups"], "--data-dir", "data")
        assert "signups         0            24         0  0" in again.out
        assert "pepper" not in again.err

    def test_rejects_go_to_the_data_directory_or_where_one_says(self, tmp_path):
        (tmp_path / "s.csv").write_text("account_id,created_at\na,2026-01-01\nb,never\n")
        told = run("load", "s.csv", "--data-dir", "data", "--json")
        (kept,) = (tmp_path / "data").glob("rejects-*.jsonl")
        assert told.json()["rejects_file"] == str(kept.relative_to(tmp_path))
        assert json.loads(kept.read_text())["reason"] == "not a time"
        run("load", "s.csv", "--data-dir", "data", "--rejects", "mine.jsonl")
        assert (tmp_path / "mine.jsonl").exists()
        lost = run("load", "s.csv", "--data-dir", "data", "--rejects", "no/such/place.jsonl")
        assert lost.code == 2
        assert "Name another file with --rejects" in lost.err

    def test_the_time_of_receipt_can_be_given(self, tmp_path):
        (tmp_path / "l.csv").write_text("account_id,label,decided_at\na,fraud,2026-01-01\n")
        run("load", "--labels", "l.csv", "--data-dir", "data", "--received-at", "2026-02-01")
        from ringfinder.store import EmbeddedStore

        labels = EmbeddedStore(tmp_path / "data" / "graph.duckdb").read_labels()
        assert labels["received_ms"].to_pylist() == [1_769_904_000_000]
        wrong = run("load", "--labels", "l.csv", "--data-dir", "data", "--received-at", "soon")
        assert wrong.code == 2

    @pytest.mark.parametrize(
        ("arguments", "sentence"),
        [
            ((), "No files were named"),
            (("-", "--usage", "-"), "was named twice"),
            (("none.csv",), "no file none.csv"),
            (("s.csv", "--store", "sqlite:x"), "no address of a store"),
            (("s.csv", "--store", "neo4j://u:hunter22@h"), "holds credentials"),
            (("s.csv", "--store", "neo4j://localhost"), "needs a password"),
        ],
    )
    def test_what_cannot_be_used_is_said_in_one_sentence(self, tmp_path, arguments, sentence):
        (tmp_path / "s.csv").write_text("account_id,created_at\na,2026-01-01\n")
        told = run("load", *arguments, "--data-dir", "data")
        assert told.code == 2
        assert sentence in told.err
        assert "hunter22" not in told.err

    def test_another_pepper_is_refused_before_anything_is_read(self, tmp_path, monkeypatch):
        (tmp_path / "s.csv").write_text("account_id,created_at\na,2026-01-01\n")
        monkeypatch.setenv("RINGFINDER_PEPPER", "x" * 32)
        assert run("load", "s.csv", "--data-dir", "data").code == 0
        monkeypatch.setenv("RINGFINDER_PEPPER", "y" * 32)
        told = run("load", "s.csv", "--data-dir", "data")
        assert told.code == 2
        assert "with two peppers one value would look like two" in told.err
