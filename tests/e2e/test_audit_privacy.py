"""No clear e-mail, address, phone or prompt in what an audit leaves, unless asked for."""

from __future__ import annotations

import base64
import json
import subprocess
import sys
from pathlib import Path

import pyarrow.parquet as pq
import pytest
from audits import FILES, PEPPER, Audited, audited, make_world, write_rows

ROOT = Path(__file__).parents[2]
DOMAIN, LOCAL = "canary-domain.com", "canarylocal"
ADDRESS, PHONE, TEXT = "81.2.69.142", "+4915123456789", "canaryprompt please summarise"
CANARIES = (DOMAIN, LOCAL, ADDRESS, PHONE, PHONE[1:], "canaryprompt", "canarydevice")


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    """A small world in which twenty-four accounts share values that can be looked for."""
    directory = tmp_path_factory.mktemp("canary")
    made = make_world(directory, accounts=800, seed=3, prevalence=0.1, rows_per_account=3.0)
    signups = pq.read_table(made["signups"]).to_pylist()
    usage = pq.read_table(made["usage"]).to_pylist()
    ids = [row["account_id"] for row in signups]
    chosen = {account: n for n, account in enumerate(ids[100:124])}
    for row in signups:
        if row["account_id"] in chosen:
            number = chosen[row["account_id"]]
            row["email"] = f"{LOCAL}{number}@{DOMAIN}"
            row["ip"], row["phone"] = ADDRESS, PHONE
            row["device_id"] = f"canarydevice{number % 2}"
    for row in usage:
        row["prompt"] = f"{row.pop('prompt_fingerprint')} is what I would like to know"
        if row["account_id"] in chosen:
            row["ip"], row["prompt"] = ADDRESS, f"{TEXT} item {chosen[row['account_id']] % 3}"
    signups.append({"account_id": "bad", "created_at": f"{LOCAL}@{DOMAIN}"})
    usage.append({"account_id": LOCAL, "occurred_at": "2026-02-01", "prompt": TEXT})
    return {
        "signups": write_rows(directory / "s.jsonl", [plain(row) for row in signups]),
        "usage": write_rows(directory / "u.jsonl", [plain(row) for row in usage]),
    }


def plain(row):
    """A row as JSON; what is not there is left out."""
    return {
        name: value.isoformat() if hasattr(value, "isoformat") else value
        for name, value in row.items()
        if value is not None
    }


@pytest.fixture(scope="module")
def hidden(files, tmp_path_factory):
    """The audit as a person runs it: its directory and everything it printed."""
    out = tmp_path_factory.mktemp("hidden") / "out"
    words = ["audit", files["signups"], "--usage", files["usage"], "--out", out]
    ran = subprocess.run(
        [sys.executable, "-m", "ringfinder", *map(str, words)],
        capture_output=True, check=True, cwd=ROOT,
    )  # fmt: skip
    return out, ran.stdout + ran.stderr


@pytest.fixture(scope="module")
def shown(files, tmp_path_factory) -> Audited:
    return audited(files, tmp_path_factory.mktemp("shown") / "out", clear_values=True)


def contents(out: Path) -> dict[str, bytes]:
    """Every file as it is, and every table decoded."""
    found = {path.name: path.read_bytes() for path in out.rglob("*") if path.is_file()}
    assert set(found) == FILES
    for path in out.glob("*.parquet"):
        table = pq.read_table(path)
        found[f"{path.name}, decoded"] = json.dumps(table.to_pylist(), default=str).encode()
        found[f"{path.name}, described"] = str(pq.read_metadata(path).to_dict()).encode()
    return found


def traces(canary: str) -> list[bytes]:
    """The text in the shapes in which it could slip through."""
    raw = canary.encode()
    return [raw, raw.upper(), raw[::-1], raw.hex().encode(), base64.b64encode(raw)[:-3]]


def test_the_ring_of_the_canaries_is_found(hidden, shown):
    out, _ = hidden
    for directory in (out, shown.out):
        sizes = [row["size"] for row in pq.read_table(directory / "rings.parquet").to_pylist()]
        assert any(22 <= size <= 28 for size in sizes)


@pytest.mark.parametrize("canary", CANARIES)
def test_nothing_clear_is_in_any_file_or_on_the_terminal(hidden, canary):
    out, printed = hidden
    for name, content in {**contents(out), "terminal": printed}.items():
        for trace in traces(canary):
            assert trace not in content, name


def test_no_raw_value_of_anybody_is_in_the_evidence(hidden, files):
    out, _ = hidden
    with files["signups"].open(encoding="utf-8") as lines:
        raw = {str(value) for line in lines for value in json.loads(line).values()}
    values = pq.read_table(out / "evidence.parquet")["value"].to_pylist()
    assert values
    assert not raw & set(values)


def test_clear_values_are_written_when_asked_for(shown):
    values = {(row["kind"], row["value"]) for row in shown.rows("evidence")}
    assert ("email_domain", DOMAIN) in values
    assert ("ip", ADDRESS) in values
    assert ("phone", PHONE) in values
    assert ("device", "canarydevice0") in values
    assert DOMAIN in (shown.out / "report.html").read_text("utf-8")


def test_prompts_are_never_written_not_even_then(shown):
    for name, content in contents(shown.out).items():
        assert b"canaryprompt" not in content, name


def test_asking_for_clear_values_changes_what_is_shown_and_nothing_else(files, tmp_path):
    pair = [
        audited(files, tmp_path / str(clear), clear_values=clear, pepper=PEPPER)
        for clear in (False, True)
    ]
    one, other = ([{**row, "value": None} for row in run.rows("evidence")] for run in pair)
    assert one == other
    assert pair[0].ring_of() == pair[1].ring_of()


def test_bad_rows_are_told_without_what_was_in_them(hidden):
    out, _ = hidden
    lines = [json.loads(line) for line in (out / "rejects.jsonl").read_text().splitlines()]
    assert {(line["table"], line["reason"]) for line in lines} == {
        ("signups", "not a time"),
        ("usage", "unknown account"),
    }
    assert all(set(line) == {"table", "file", "line", "field", "reason"} for line in lines)


def test_no_secret_is_written_down(files, tmp_path):
    one = audited(files, tmp_path / "out", pepper=PEPPER)
    for name, content in contents(one.out).items():
        assert PEPPER.encode() not in content, name
