"""Same rows, settings and seed: the same bytes, however they are read and by how many cores."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from audits import PEPPER, TABLES, Audited, as_csv, audited, make_world, shuffled


@pytest.fixture(scope="module")
def world(tmp_path_factory):
    return make_world(
        tmp_path_factory.mktemp("world"), accounts=2_000, seed=5, prevalence=0.1, regions=3,
        country_given=False, rows_per_account=4.0, untidy=True,
    )  # fmt: skip


@pytest.fixture(scope="module")
def found(world, tmp_path_factory) -> Audited:
    return audited(world, tmp_path_factory.mktemp("out") / "audit", threads=1)


@pytest.fixture(scope="module")
def peppered(world, tmp_path_factory) -> Audited:
    """With a pepper of the operator's own: without one it is derived from the files' bytes."""
    return audited(world, tmp_path_factory.mktemp("peppered") / "audit", pepper=PEPPER, threads=2)


def command(files, out, *words):
    return [
        sys.executable, "-m", "ringfinder", "audit", str(files["signups"]),
        "--usage", str(files["usage"]), "--payments", str(files["payments"]),
        "--logins", str(files["logins"]), "--out", str(out), *words,
    ]  # fmt: skip


def test_the_world_has_something_to_find(found):
    assert found.summary.flagged > 100
    assert len(found.rows("rings")) > 5


def test_the_command_line_gives_the_same_tables_with_two_threads(found, world, tmp_path):
    ran = subprocess.run(
        command(world, tmp_path / "cli", "--threads", "2", "--json"),
        capture_output=True, text=True, check=True, cwd=Path(__file__).parents[2],
    )  # fmt: skip
    again = Audited(found.summary, tmp_path / "cli")
    assert again.tables() == found.tables()
    summary = json.loads(ran.stdout)
    assert summary["flagged"] == found.summary.flagged
    assert summary["headline"] == found.summary.headline
    assert [ring["ring_id"] for ring in summary["fleets"]] == [
        ring.ring_id for ring in found.summary.fleets
    ]


def test_an_earlier_run_in_the_directory_is_replaced(peppered, world, tmp_path):
    out = tmp_path / "out"
    out.mkdir()
    (out / "accounts.parquet").write_bytes(b"an earlier one")
    (out / "notes.txt").write_bytes(b"the operator's own")
    again = audited(world, out, pepper=PEPPER, threads=1)
    assert again.tables() == peppered.tables()
    assert (out / "notes.txt").read_bytes() == b"the operator's own"


def test_the_order_of_rows_and_columns_changes_nothing(peppered, world, tmp_path):
    again = audited(shuffled(world, tmp_path / "in"), tmp_path / "out", pepper=PEPPER)
    assert again.tables() == peppered.tables()


def test_text_files_give_the_same_tables(peppered, world, tmp_path):
    again = audited(as_csv(world, tmp_path / "in"), tmp_path / "out", pepper=PEPPER)
    assert again.run["rejects"] == peppered.run["rejects"]
    assert again.tables() == peppered.tables()


def test_a_file_cut_in_two_gives_the_same_tables(peppered, world, tmp_path):
    whole = pq.read_table(world["signups"])
    (tmp_path / "in").mkdir()
    for name, part in (("a", whole.slice(0, 700)), ("b", whole.slice(700))):
        pq.write_table(part, tmp_path / "in" / f"{name}.parquet")
    files = {**world, "signups": tmp_path / "in" / "*.parquet"}
    again = audited(files, tmp_path / "out", pepper=PEPPER)
    assert again.tables() == peppered.tables()


def flagged(one: Audited) -> set[str]:
    fleets = {row["ring_id"] for row in one.rows("rings") if row["verdict"] == "fleet"}
    return {account for account, ring in one.ring_of().items() if ring in fleets}


def test_the_pepper_changes_every_pseudonym_and_hardly_anybodys_verdict(found, peppered):
    values = [{row["value"] for row in one.rows("evidence")} for one in (found, peppered)]
    assert not values[0] & values[1]
    one, other = flagged(found), flagged(peppered)
    assert len(one & other) >= 0.8 * len(one | other)


def test_tables_hold_no_time_of_the_run(found):
    for name in TABLES:
        meta = pq.read_metadata(found.out / name)
        assert set(meta.metadata or {}) <= {b"ARROW:schema"}
        assert isinstance(pq.read_schema(found.out / name), pa.Schema)
