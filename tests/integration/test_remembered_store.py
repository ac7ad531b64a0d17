"""Leaving `--store` out once works on another graph than the day before: that is told."""

from __future__ import annotations

from contextlib import closing

import pytest
from source_files import NEW_YEAR_MS, write

from ringfinder.cli import program
from ringfinder.cli.failure import guarded
from ringfinder.config import Settings
from ringfinder.pipeline.remembered import remember_store, tell_other_store
from ringfinder.store import EmbeddedStore

ROWS = [{"account_id": f"a{n}", "created_at": NEW_YEAR_MS, "device_id": "d"} for n in range(3)]


@pytest.fixture
def run(tmp_path, monkeypatch, capsys):
    """Run a command on one data directory; its exit code, and what it said on stderr."""
    monkeypatch.setenv("RINGFINDER_PEPPER", "a pepper of the tests, long enough")

    def call(*words):
        code = guarded(program, [*map(str, words), "--data-dir", str(tmp_path / "data")])
        return code, capsys.readouterr().err

    return call


def other(tmp_path):
    return f"embedded:{tmp_path / 'elsewhere.duckdb'}"


def test_whoever_leaves_the_store_out_is_told_which_one_has_the_events(run, tmp_path):
    files = write(tmp_path / "signups.jsonl", ROWS)
    assert run("load", files, "--store", other(tmp_path)) == (0, "")
    for words in (["rebuild", "--check"], ["label", "fraud", "a0"], ["load", files], ["recompute"]):
        _, said = run(*words)
        assert (
            f"note: the events of {tmp_path / 'data'} were taken into {other(tmp_path)}; this "
            f"uses {tmp_path / 'data' / 'graph.duckdb'}: is --store missing?"
        ) in said, words
    assert "is --store" not in run("rebuild", "--check", "--store", other(tmp_path))[1]


def test_the_embedded_default_needs_no_memory(run, tmp_path):
    files = write(tmp_path / "signups.jsonl", ROWS)
    assert run("load", files) == (0, "")
    assert not (tmp_path / "data" / "store").exists()
    assert run("load", files, "--store", other(tmp_path)) == (0, "")


def test_another_store_that_is_named_is_told_once(run, tmp_path):
    files = write(tmp_path / "signups.jsonl", ROWS)
    run("load", files, "--store", other(tmp_path))
    named = ("load", files, "--store", f"embedded:{tmp_path / 'data' / 'graph.duckdb'}")
    assert "is --store the right one?" in run(*named)[1]
    assert run(*named) == (0, "")
    assert run("load", files) == (0, "")


def test_a_label_is_not_taken_into_a_graph_that_lacks_other_events(run, tmp_path):
    files = write(tmp_path / "signups.jsonl", ROWS)
    run("load", files, "--store", other(tmp_path))
    assert run("label", "fraud", "a0", "--store", other(tmp_path)) == (0, "")
    code, said = run("label", "fraud", "a1")
    assert code == 0
    assert "the graph has it from the next `ringfinder recompute` on" in said
    with closing(EmbeddedStore(tmp_path / "data" / "graph.duckdb")) as store:
        assert store.applied() == ()
    with closing(EmbeddedStore(tmp_path / "elsewhere.duckdb")) as store:
        assert store.read_labels()["account_id"].to_pylist() == ["a0"]


def test_a_run_over_an_empty_graph_names_the_store(run, tmp_path):
    run("load", write(tmp_path / "signups.jsonl", ROWS), "--store", other(tmp_path))
    (tmp_path / "data" / "events").rename(tmp_path / "events-away")
    code, said = run("recompute", "--no-check")
    assert code == 2
    assert f"The graph in embedded:{tmp_path / 'data' / 'graph.duckdb'} holds no account" in said


class TestWhatIsRemembered:
    def test_only_its_owner_reads_it(self, tmp_path):
        remember_store(Settings(data_dir=tmp_path, store="neo4j://host:7687/neo4j"))
        assert (tmp_path / "store").read_text() == "neo4j://host:7687/neo4j\n"
        assert (tmp_path / "store").stat().st_mode & 0o777 == 0o600

    @pytest.mark.parametrize(
        "same", ["bolt://localhost", "neo4j://127.0.0.1:7687", "neo4j://localhost/neo4j"]
    )
    def test_one_server_written_otherwise_is_no_other(self, tmp_path, same):
        remember_store(Settings(data_dir=tmp_path, store="neo4j://localhost:7687"))
        said = []
        tell_other_store(Settings(data_dir=tmp_path, store=same), said.append)
        assert said == []

    def test_a_file_that_cannot_be_read_stops_nobody(self, tmp_path):
        (tmp_path / "store").write_text("neo4j://user:secret@host")
        said = []
        tell_other_store(Settings(data_dir=tmp_path), said.append)
        assert said == []
