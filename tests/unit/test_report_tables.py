"""The tables, to the letter of the contract, and the directory they are written into."""

from __future__ import annotations

import dataclasses
import hashlib
import json

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from story import FLAT, OFFICE, Plot, story

from ringfinder.errors import InputError, InvalidParameter
from ringfinder.explain import Joined, account_reasons
from ringfinder.graph.columns import NEVER
from ringfinder.publish import staged, tables
from ringfinder.publish.tables import write_accounts, write_evidence, write_rings

PLOTS = [
    Plot("fleet", 30, {"email_domain": 15, "device": 0.9}, 3, 1, 4, 9, FLAT),
    Plot("organisation", 40, {"email_domain": 0.95, "ip": 0.8}, 0, 80, 30, 4, OFFICE),
]


@pytest.fixture(scope="module")
def run() -> Joined:
    return Joined.of(*story(strangers=200, plots=PLOTS))


def write_all(run: Joined, directory) -> dict[str, pa.Table]:
    reasons = account_reasons(run.graph, run.rings, run.judgement, run.links)
    score = np.linspace(0, 1, run.graph.accounts)
    decision = np.where(run.rings.ring == 0, "challenge", "allow").tolist()
    write_accounts(
        directory / "accounts.parquet", run, score=score, decision=decision, reasons=reasons
    )
    write_rings(directory / "rings.parquet", run)
    write_evidence(directory / "evidence.parquet", run)
    return {path.stem: pq.read_table(path) for path in directory.glob("*.parquet")}


@pytest.fixture(scope="module")
def written(run, tmp_path_factory):
    return write_all(run, tmp_path_factory.mktemp("tables"))


def test_every_column_has_a_meaning_and_no_other_has(written, run):
    for name, table in written.items():
        names = [column for column in table.column_names if column not in run.judgement.features]
        assert list(tables.MEANINGS[name]) == names


class TestAccounts:
    def test_columns_and_types_are_the_contracts(self, written):
        fields = {field.name: str(field.type) for field in written["accounts"].schema}
        reason = "struct<code: string, family: string, kind: string, nats: double, text: string>"
        assert list(fields.items()) == [
            ("account_id", "string"),
            ("ring_id", "string"),
            ("membership", "double"),
            ("score", "double"),
            ("decision", "string"),
            ("reasons", f"list<element: {reason}>"),
        ]

    def test_every_account_is_there_with_its_ring(self, written, run):
        table = written["accounts"]
        assert table["account_id"].to_pylist() == run.graph.account_ids.to_pylist()
        ids = [*run.judgement.ring_id, None]
        assert table["ring_id"].to_pylist() == [ids[ring] for ring in run.rings.ring]
        outside = run.rings.ring < 0
        assert set(np.array(table["membership"])[outside]) == {0.0}

    def test_reasons_are_readable(self, written, run):
        rows = written["accounts"]["reasons"].to_pylist()
        member = int(run.links.members_of(0)[0])
        assert rows[member][0]["code"] == "ring_fleet"
        assert rows[member][1]["nats"] > 0
        assert all(reason["text"].endswith(".") for row in rows for reason in row)

    def test_columns_of_another_length_are_refused(self, run, tmp_path):
        reasons = account_reasons(run.graph, run.rings, run.judgement, run.links)
        with pytest.raises(InvalidParameter, match="Expected 270 accounts"):
            write_accounts(
                tmp_path / "x", run, score=np.zeros(3), decision=["allow"] * 270, reasons=reasons
            )


class TestRings:
    def test_columns_are_the_contracts_with_one_per_feature(self, written, run):
        names = written["rings"].schema.names
        assert names == [
            "ring_id", "size", "score", "verdict", "lifecycle", "first_seen", "last_seen",
            "exchanges", "output_tokens", *run.judgement.features,
            "false_discovery_rate", "summary",
        ]  # fmt: skip
        assert str(written["rings"].schema.field("first_seen").type) == "timestamp[ms, tz=UTC]"
        assert str(written["rings"].schema.field("exchanges").type) == "int64"

    def test_rows_are_the_rings(self, written, run):
        table = written["rings"]
        assert table["size"].to_pylist() == [30, 40]
        assert table["verdict"].to_pylist() == ["fleet", "organisation"]
        assert table["summary"].to_pylist() == list(run.summaries)

    def test_what_is_not_known_is_null(self, run, tmp_path):
        judgement = dataclasses.replace(
            run.judgement,
            last_seen_ms=np.array([NEVER, 5]),
            features={"night": np.array([np.nan, 0.5])},
        )
        write_rings(tmp_path / "r.parquet", dataclasses.replace(run, judgement=judgement))
        table = pq.read_table(tmp_path / "r.parquet")
        assert table["last_seen"].is_null().to_pylist() == [True, False]
        assert table["night"].to_pylist() == [None, 0.5]

    def test_a_feature_may_not_take_a_columns_name(self, run, tmp_path):
        judgement = dataclasses.replace(run.judgement, features={"size": np.zeros(2)})
        with pytest.raises(InvalidParameter, match="'size'"):
            write_rings(tmp_path / "r", dataclasses.replace(run, judgement=judgement))


class TestEvidence:
    def test_columns_and_types_are_the_contracts(self, written):
        fields = {field.name: str(field.type) for field in written["evidence"].schema}
        assert list(fields.items()) == [
            ("ring_id", "string"),
            ("family", "string"),
            ("kind", "string"),
            ("value", "string"),
            ("accounts_inside", "int64"),
            ("accounts_total", "int64"),
            ("nats", "double"),
        ]

    def test_rows_agree_with_the_graph(self, written, run):
        graph = run.graph
        place = {text: at for at, text in enumerate(graph.pseudonym.to_pylist())}
        for row in written["evidence"].to_pylist():
            holders = graph.account[graph.value == place[row["value"]]]
            ring = run.judgement.ring_id.index(row["ring_id"])
            assert row["accounts_total"] == len(holders)
            assert row["accounts_inside"] == (run.rings.ring[holders] == ring).sum()

    def test_values_are_clear_only_when_asked(self, run, tmp_path):
        asked = dataclasses.replace(run, clear_values=True)
        write_evidence(tmp_path / "e.parquet", asked)
        values = pq.read_table(tmp_path / "e.parquet")["value"].to_pylist()
        assert all(value.endswith(".example") for value in values)


class TestBytes:
    def test_the_same_run_gives_the_same_bytes(self, run, tmp_path):
        for name in ("a", "b"):
            (tmp_path / name).mkdir()
            write_all(run, tmp_path / name)
        for path in (tmp_path / "a").iterdir():
            assert path.read_bytes() == (tmp_path / "b" / path.name).read_bytes()

    def test_how_arrays_are_chunked_changes_nothing(self, run, tmp_path):
        ids = run.graph.account_ids
        chunked = pa.concat_arrays([ids[:7], ids[7:100], ids[100:]])
        other = dataclasses.replace(run, graph=dataclasses.replace(run.graph, account_ids=chunked))
        for name, one in (("a", run), ("b", other)):
            (tmp_path / name).mkdir()
            write_all(one, tmp_path / name)
        first, second = (tmp_path / name / "accounts.parquet" for name in ("a", "b"))
        assert first.read_bytes() == second.read_bytes()

    def test_large_tables_are_written_in_groups(self, run, tmp_path, monkeypatch):
        monkeypatch.setattr(tables, "ROWS_PER_GROUP", 100)
        whole = write_all(run, tmp_path)["accounts"]
        assert pq.ParquetFile(tmp_path / "accounts.parquet").num_row_groups == 3
        assert whole["account_id"].to_pylist() == run.graph.account_ids.to_pylist()

    def test_a_run_without_rings_writes_empty_tables(self, tmp_path):
        empty = Joined.of(*story(strangers=20, plots=[]))
        written = write_all(empty, tmp_path)
        assert len(written["rings"]) == len(written["evidence"]) == 0
        assert written["accounts"]["ring_id"].null_count == 20


class TestStaging:
    def test_files_appear_together(self, tmp_path):
        out = tmp_path / "deep" / "out"
        with staged(out) as staging:
            staging.write_bytes("report.html", b"page")
            assert [path.name for path in out.iterdir()] == [".unfinished"]
            staging.write_run({"seed": 0})
        assert sorted(path.name for path in out.iterdir()) == ["report.html", "run.json"]

    def test_a_run_that_fails_leaves_the_old_one(self, tmp_path):
        with staged(tmp_path) as staging:
            staging.write_bytes("report.html", b"old")
            staging.write_run({})
        with pytest.raises(ZeroDivisionError), staged(tmp_path) as staging:  # noqa: PT012
            staging.write_bytes("report.html", b"half")
            raise ZeroDivisionError
        assert (tmp_path / "report.html").read_bytes() == b"old"
        assert sorted(path.name for path in tmp_path.iterdir()) == ["report.html", "run.json"]

    def test_what_a_killed_run_left_is_swept(self, tmp_path):
        (tmp_path / ".unfinished").mkdir()
        (tmp_path / ".unfinished" / "accounts.parquet").write_bytes(b"half")
        with staged(tmp_path) as staging:
            staging.write_run({})
        assert [path.name for path in tmp_path.iterdir()] == ["run.json"]

    def test_a_run_killed_between_two_renames_has_no_run_file(self, tmp_path, monkeypatch):
        with staged(tmp_path) as staging:
            staging.write_bytes("a", b"old")
            staging.write_run({})
        path_type = type(tmp_path)
        rename = path_type.replace

        def killed(self, target):
            if target.name == "b":
                raise KeyboardInterrupt
            return rename(self, target)

        monkeypatch.setattr(path_type, "replace", killed)
        with pytest.raises(KeyboardInterrupt), staged(tmp_path) as staging:  # noqa: PT012
            staging.write_bytes("a", b"new")
            staging.write_bytes("b", b"new")
            staging.write_run({})
        assert not (tmp_path / "run.json").exists()

    def test_the_run_file_is_sorted_and_names_every_file(self, tmp_path):
        with staged(tmp_path) as staging:
            staging.write_bytes("b", b"2")
            staging.write_bytes("a", b"1")
            staging.write_run({"z": 1, "a": {"y": None, "b": "ü"}})
        text = (tmp_path / "run.json").read_text("utf-8")
        content = json.loads(text)
        assert list(content) == sorted(content)
        assert content["files"] == {
            name: hashlib.sha256(data).hexdigest() for name, data in (("a", b"1"), ("b", b"2"))
        }

    def test_numbers_that_json_does_not_know_are_refused(self, tmp_path):
        with pytest.raises(ValueError, match="not JSON compliant"), staged(tmp_path) as staging:
            staging.write_run({"x": float("nan")})

    def test_a_directory_that_cannot_be_written_is_one_sentence(self, tmp_path):
        (tmp_path / "file").write_text("")
        refused = pytest.raises(InputError, match="Cannot write to the output directory")
        with refused, staged(tmp_path / "file" / "out"):
            pass
