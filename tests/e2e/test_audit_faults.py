"""What goes wrong: killed runs, directories that cannot be written, rows that cannot be read."""

from __future__ import annotations

import io
import json
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from audits import FILES, PEPPER, TABLES, Audited, audited, make_world, write_rows
from shell import run

from ringfinder.publish import staged

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def world(tmp_path_factory):
    return make_world(
        tmp_path_factory.mktemp("world"), accounts=500, seed=2, prevalence=0.2, rows_per_account=2.0
    )


@pytest.fixture(scope="module")
def found(world, tmp_path_factory) -> Audited:
    return audited(world, tmp_path_factory.mktemp("out") / "audit", pepper=PEPPER)


@pytest.fixture
def earlier(found, tmp_path) -> Path:
    """A directory with the results of an earlier run."""
    return Path(shutil.copytree(found.out, tmp_path / "out"))


def snapshot(directory: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in directory.iterdir() if path.is_file()}


def killed_at(place: str, world, out: Path, *, seed=1) -> None:
    """Audit in a process of its own that kills itself at a place in the code."""
    module, name, call = place.split(":")
    code = f"""
import importlib, os, sys
sys.path.insert(0, {str(ROOT / "tests")!r})
from pathlib import Path
from audits import audited
owner = importlib.import_module({module!r})
for part in {name!r}.split(".")[:-1]:
    owner = getattr(owner, part)
last, calls = {name.split(".")[-1]!r}, []
real = getattr(owner, last)
def fatal(*given, **named):
    calls.append(1)
    if len(calls) == {int(call)}:
        os.kill(os.getpid(), 9)
    return real(*given, **named)
setattr(owner, last, fatal)
files = {{"signups": Path({str(world["signups"])!r}), "usage": Path({str(world["usage"])!r})}}
audited(files, Path({str(out)!r}), seed={seed})
"""
    ran = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert ran.returncode == -signal.SIGKILL, ran.stderr


class TestKilled:
    def test_before_any_file_is_in_its_place_it_leaves_the_earlier_run_as_it_was(
        self, world, earlier
    ):
        before = snapshot(earlier)
        killed_at("ringfinder.publish.staging:os.fsync:3", world, earlier)
        assert snapshot(earlier) == before
        assert (earlier / ".unfinished").is_dir()

    def test_in_a_new_directory_it_leaves_no_results(self, world, tmp_path):
        killed_at("ringfinder.publish.tables:pq.ParquetWriter:2", world, tmp_path / "new")
        assert snapshot(tmp_path / "new") == {}

    def test_between_two_files_it_leaves_whole_files_and_no_run(self, world, earlier):
        before = snapshot(earlier)
        killed_at("ringfinder.publish.staging:Path.replace:3", world, earlier)
        after = snapshot(earlier)
        assert set(after) == FILES - {"run.json"}
        for name in TABLES:
            assert pq.read_table(io.BytesIO(after[name])).num_columns
        assert after["rings.parquet"] == before["rings.parquet"]

    def test_the_next_run_sweeps_up(self, world, found, earlier):
        killed_at("ringfinder.publish.staging:Path.replace:2", world, earlier)
        again = audited(world, earlier, pepper=PEPPER)
        assert {path.name for path in earlier.iterdir()} == FILES
        assert again.tables() == found.tables()

    def test_at_any_moment_it_leaves_no_half_file(self, world, earlier):
        before = snapshot(earlier)
        words = [sys.executable, "-m", "ringfinder", "audit", world["signups"], "--out", earlier]
        with subprocess.Popen(
            list(map(str, words)), cwd=ROOT, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        ) as running:
            deadline = time.monotonic() + 30
            while not (earlier / ".unfinished").exists() and time.monotonic() < deadline:
                time.sleep(0.01)
            time.sleep(0.2)
            os.kill(running.pid, signal.SIGKILL)
        assert running.returncode == -signal.SIGKILL
        assert snapshot(earlier) == before


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_told_to_stop_it_leaves_nothing_of_its_input_on_the_disk(tmp_path, number):
    words = [sys.executable, "-m", "ringfinder", "audit", "-", "--temp-dir", tmp_path / "temp"]
    (tmp_path / "temp").mkdir()
    with subprocess.Popen(
        list(map(str, [*words, "--out", tmp_path / "out"])),
        cwd=ROOT, stdin=subprocess.PIPE, stderr=subprocess.PIPE,
    ) as running:  # fmt: skip
        deadline = time.monotonic() + 30
        while not list((tmp_path / "temp").rglob("stdin.jsonl")) and time.monotonic() < deadline:
            time.sleep(0.01)
        os.kill(running.pid, number)
        assert running.wait(30) == 130
        assert running.stderr.read() == b"ringfinder: Stopped.\n"
    assert not list((tmp_path / "temp").iterdir())
    assert not list((tmp_path / "out").iterdir())


class TestDirectory:
    @pytest.mark.parametrize("place", ["file", "file/below"])
    def test_that_cannot_be_written_ends_the_run_in_one_sentence(self, world, tmp_path, place):
        (tmp_path / "file").write_text("mine")
        ran = run("audit", world["signups"], "--out", tmp_path / place)
        assert ran.code == 2
        assert ran.err.startswith("ringfinder: Cannot write to the output directory")
        assert ran.err.count("\n") == 1
        assert not ran.out
        assert (tmp_path / "file").read_text() == "mine"

    def test_that_fills_up_ends_the_run_and_keeps_the_earlier_one(
        self, world, earlier, monkeypatch
    ):
        def full(self, name, content):
            raise OSError(28, "No space left on device", str(self.path(name)))

        before = snapshot(earlier)
        monkeypatch.setattr("ringfinder.publish.staging.Staging.write_bytes", full)
        ran = run("audit", world["signups"], "--out", earlier)
        assert ran.code == 4
        assert "No space left on device" in ran.err
        assert snapshot(earlier) == before
        assert not (earlier / ".unfinished").exists()

    def test_in_which_a_result_is_a_directory_stays_as_it_was(self, world, earlier):
        (earlier / "rings.parquet").unlink()
        (earlier / "rings.parquet").mkdir()
        before = snapshot(earlier)
        ran = run("audit", world["signups"], "--out", earlier)
        assert ran.code == 2
        assert "rings.parquet is a directory" in ran.err
        assert snapshot(earlier) == before

    def test_that_another_run_is_writing_to_is_left_to_it(self, world, found, earlier):
        with staged(earlier) as stage:
            stage.write_bytes("report.html", b"the other's")
            ran = run("audit", world["signups"], "--out", earlier)
            assert ran.code == 2
            assert "Another run is writing" in ran.err
            assert stage.path("report.html").read_bytes() == b"the other's"
        assert audited(world, earlier, pepper=PEPPER).tables() == found.tables()

    @pytest.mark.parametrize("pattern", ["accounts.parquet", "*.parquet"])
    def test_does_not_lose_what_is_read(self, world, tmp_path, pattern):
        shutil.copy(world["signups"], tmp_path / "accounts.parquet")
        before = snapshot(tmp_path)
        ran = run("audit", tmp_path / pattern, "--out", tmp_path)
        assert ran.code == 2
        assert "would replace" in ran.err
        assert snapshot(tmp_path) == before

    def test_may_be_that_of_the_earlier_run_itself(self, world, found, earlier):
        again = audited(world, earlier, previous=earlier, pepper=PEPPER)
        assert again.ring_of() == found.ring_of()

    def test_of_an_earlier_run_without_the_columns_ends_the_run(self, world, tmp_path):
        (tmp_path / "old").mkdir()
        pq.write_table(pa.table({"account_id": ["a"]}), tmp_path / "old" / "accounts.parquet")
        ran = run("audit", world["signups"], "--previous", tmp_path / "old", "--out", tmp_path)
        assert ran.code == 2
        assert "holds no readable accounts.parquet" in ran.err

    @pytest.mark.parametrize("column", [[["a"]], [{"a": 1}], [b"\xff"]])
    def test_of_an_earlier_run_with_columns_of_another_type_ends_the_run(
        self, world, tmp_path, column
    ):
        (tmp_path / "old").mkdir()
        table = pa.table({"account_id": column, "ring_id": column})
        pq.write_table(table, tmp_path / "old" / "accounts.parquet")
        ran = run("audit", world["signups"], "--previous", tmp_path / "old", "--out", tmp_path)
        assert ran.code == 2
        assert "holds no readable accounts.parquet" in ran.err

    @pytest.mark.parametrize("content", [None, b"", b"PAR1 not a table"])
    def test_of_an_earlier_run_that_is_none_ends_the_run(self, world, tmp_path, content):
        old = tmp_path / "old"
        old.mkdir()
        if content is not None:
            (old / "accounts.parquet").write_bytes(content)
        ran = run("audit", world["signups"], "--previous", old, "--out", tmp_path / "out")
        assert ran.code == 2
        assert "holds no readable accounts.parquet" in ran.err
        assert not (tmp_path / "out").exists()


class TestRows:
    def test_that_cannot_be_read_are_counted_told_and_left_out(self, world, tmp_path):
        signups = pq.read_table(world["signups"]).select(["account_id", "created_at", "device_id"])
        good = [row | {"created_at": row["created_at"].isoformat()} for row in signups.to_pylist()]
        bad = [
            {"account_id": "b1", "created_at": "soon"},
            {"account_id": "b2"},
            {"account_id": None, "created_at": "2026-01-01"},
            {"account_id": "b4", "created_at": "9999-12-31T23:59:59Z"},
        ]
        path = write_rows(tmp_path / "s.jsonl", [*bad[:2], *good, *bad[2:]])
        with path.open("a", encoding="utf-8") as file:
            file.write("{half a row\n")
        usage = write_rows(tmp_path / "u.jsonl", [{"account_id": "who", "occurred_at": 1.7e9}])
        ran = run("audit", path, "--usage", usage, "--out", tmp_path / "out", "--json")
        assert ran.code == 0
        rejects = ran.json()["rejects"]
        assert sum(rejects.values()) == 6
        assert rejects["signups: not a time"] == 1
        assert rejects["signups: missing"] == 2
        assert rejects["usage: unknown account"] == 1
        record = json.loads((tmp_path / "out" / "run.json").read_text("utf-8"))
        assert record["rejects"] == rejects
        assert record["counts"]["accounts"] == len(good)
        lines = (tmp_path / "out" / "rejects.jsonl").read_text("utf-8").splitlines()
        assert len(lines) == 6
        places = {(one["table"], one["line"]) for one in map(json.loads, lines)}
        assert {("signups", 1), ("signups", 2), ("usage", 1)} <= places
        page = (tmp_path / "out" / "report.html").read_text("utf-8")
        assert "not a time" in page

    @pytest.mark.parametrize("rows", [[], [["nobody", "fraud"], ["a1", "perhaps"]]])
    def test_of_labels_may_all_be_bad(self, tmp_path, rows):
        signups = [{"account_id": f"a{n}", "created_at": 1.7e9 + n} for n in range(5)]
        text = "".join(f"{account},{label},2026-01-01\n" for account, label in rows)
        (tmp_path / "l.csv").write_text("account_id,label,decided_at\n" + text)
        files = {"signups": write_rows(tmp_path / "s.jsonl", signups)}
        again = audited(files, tmp_path / "out", labels=[tmp_path / "l.csv"])
        assert sum(again.summary.rejects.values()) == len(rows)
        assert len(again.rows("accounts")) == 5

    def test_for_a_person_the_rejects_are_one_line(self, tmp_path):
        rows = [{"account_id": "a", "created_at": 1.7e9}, {"account_id": "b", "created_at": "?"}]
        ran = run("audit", write_rows(tmp_path / "s.jsonl", rows), "--out", tmp_path / "out")
        assert "Rows left out: 1" in ran.out
        assert "signups: not a time (1)" in ran.out

    @pytest.mark.parametrize(
        ("text", "sentence"),
        [
            ("", "s.csv"),
            ("account_id,created_at\n", "no sign-up in s.csv"),
            ("account_id,born\na,2026-01-01\n", "no column created_at"),
        ],
    )
    def test_files_without_any_end_the_run_and_leave_nothing(self, tmp_path, text, sentence):
        (tmp_path / "s.csv").write_text(text)
        ran = run("audit", tmp_path / "s.csv", "--out", tmp_path / "out")
        assert ran.code == 2
        assert sentence in ran.err
        assert ran.err.count("\n") == 1
        assert not list((tmp_path / "out").iterdir())

    def test_of_sign_ups_all_bad_end_the_run_with_where_each_reason_is_met_first(self, tmp_path):
        rows = ["a,2026-01-01x", "b,soon", ",2026-01-01", "c,later"]
        (tmp_path / "s.csv").write_text("\n".join(["account_id,created_at", *rows, ""]))
        ran = run("audit", tmp_path / "s.csv", "--out", tmp_path / "out")
        assert ran.code == 2
        assert ran.err.splitlines()[-1] == (
            "ringfinder: no sign-up in s.csv: all rows rejected: not a time in created_at (3, "
            "first line 2 of s.csv), missing in account_id (1, first line 4 of s.csv)"
        )
        assert not list((tmp_path / "out").iterdir())

    def test_may_come_on_standard_input(self, world, tmp_path):
        rows = pq.read_table(world["signups"]).select(["account_id", "created_at", "ip"])
        text = "".join(
            json.dumps(row | {"created_at": row["created_at"].isoformat()}) + "\n"
            for row in rows.to_pylist()
        )
        ran = subprocess.run(
            [sys.executable, "-m", "ringfinder", "audit", "-", "--out", str(tmp_path / "out")],
            input=text, cwd=ROOT, capture_output=True, text=True, check=False,
        )  # fmt: skip
        assert ran.returncode == 0, ran.stderr
        assert len(pq.read_table(tmp_path / "out" / "accounts.parquet")) == 500
