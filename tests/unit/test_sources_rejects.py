"""Bad rows go to rejects.jsonl with file, line, field and reason, and never with values."""

import json

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from source_files import Reading, packed, text_file, write

from ringfinder.sources import Reason, RejectsWriter

HEAD = "account_id,created_at,ip"
GOOD = "good,2026-01-01,9.9.9.9"


def test_lines_are_those_of_the_file_past_quoted_lines_blank_lines_and_torn_rows(tmp_path):
    file = text_file(
        tmp_path / "s.csv",
        HEAD,
        'a,2026-01-01,"two\nlines"',  # lines 2 and 3
        "",  # 4
        "b,soon,",  # 5
        "too,few",  # 6
        '"c\n\n","2026-01-01",""',  # 7 to 9
        ",2026-01-01,",  # 10
        "d,2026-01-01,1,2,3",  # 11
        "e,later,",  # 12
    )
    reading = Reading(tmp_path, signups=file)
    assert reading.accounts == ["a", "c"]
    assert reading.faults == [
        (5, "created_at", "not a time"),
        (6, None, "wrong number of columns"),
        (10, "account_id", "missing"),
        (11, None, "wrong number of columns"),
        (12, "created_at", "not a time"),
    ]


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
@pytest.mark.parametrize("ending", ["csv", "csv.gz", "csv.zst"])
def test_lines_are_right_whatever_ends_them_and_however_they_are_packed(tmp_path, end, ending):
    rows = [HEAD, GOOD, "", "b,soon,", "torn", '"c\nc",later,', GOOD]
    path = tmp_path / f"s.{ending}"
    path.write_bytes(packed("".join(row + end for row in rows).encode(), ending))
    assert [fault[0] for fault in Reading(tmp_path, signups=path).faults] == [4, 5, 6]


def test_line_ends_of_all_kinds_in_one_file_are_read(tmp_path):
    path = tmp_path / "s.csv"
    path.write_bytes(
        b"account_id,created_at\na,2026-01-01\r\nb,2026-01-01\nc,soon\rd,2026-01-01\r\n"
    )
    reading = Reading(tmp_path, signups=path)
    assert reading.accounts == ["a", "b", "d"]
    assert reading.faults == [(4, "created_at", "not a time")]


def test_lines_of_json_count_blank_and_broken_ones(tmp_path):
    good = '{"account_id": "a", "created_at": "2026-01-01"}'
    bad = '{"account_id": "b", "created_at": "soon"}'
    file = text_file(
        tmp_path / "s.jsonl", good, "", bad, "{broken", "[1]", "3", bad, "   ", "{}", good
    )
    reading = Reading(tmp_path, signups=file)
    assert reading.faults == [
        (3, "created_at", "not a time"),
        (4, None, "not a JSON object"),
        (5, None, "not a JSON object"),
        (6, None, "not a JSON object"),
        (7, "created_at", "not a time"),
        (9, "account_id", "missing"),
    ]


def test_json_lines_after_lines_that_are_not_utf8_keep_their_numbers(tmp_path):
    bad = b'{"account_id": "b", "created_at": "soon"}\n'
    good = b'{"account_id": "a", "created_at": "2026-01-01"}\n'
    torn = b'{"account_id": "\xff", "created_at": "2026-01-01"}\n'
    (tmp_path / "s.jsonl").write_bytes(bad + torn + torn + bad + good + torn + bad)
    assert [fault[0] for fault in Reading(tmp_path, signups=tmp_path / "s.jsonl").faults] == [
        1, 2, 3, 4, 6, 7,
    ]  # fmt: skip


def test_lines_of_json_nested_beyond_all_reason_cost_their_rows_only(tmp_path):
    deep = '{"account_id":' + "[" * 100_000 + "]" * 100_000 + ',"created_at":1767225600}'
    lines = [deep, '{"account_id":"a","created_at":1767225600}']
    reading = Reading(tmp_path, signups=text_file(tmp_path / "s.jsonl", *lines))
    assert reading.accounts == ["a"]
    assert [row["line"] for row in reading.rejects] == [1]


def test_rows_of_parquet_are_counted_from_one(tmp_path):
    rows = [{"account_id": str(i), "created_at": "soon" if i % 1000 == 7 else "2026-01-01"}
            for i in range(5000)]  # fmt: skip
    reading = Reading(tmp_path, signups=write(tmp_path / "s.parquet", rows))
    assert [fault[0] for fault in reading.faults] == [8, 1008, 2008, 3008, 4008]


@pytest.mark.parametrize("kind", [pa.string(), pa.binary()], ids=str)
def test_text_in_parquet_that_is_not_utf8_costs_its_rows_only(tmp_path, kind):
    raw = pa.array([b"a\xff", b"b", b"\xc3\xa9"], pa.binary())
    ids = pa.Array.from_buffers(kind, 3, raw.buffers())
    pq.write_table(
        pa.table({"account_id": ids, "created_at": ["2026-01-01"] * 3}), tmp_path / "s.parquet"
    )
    reading = Reading(tmp_path, signups=tmp_path / "s.parquet")
    assert reading.accounts == ["b", "é"]
    assert reading.faults == [(1, None, "not UTF-8")]


def test_text_that_is_not_utf8_is_rejected_by_line_and_field(tmp_path):
    (tmp_path / "s.csv").write_bytes(
        b"account_id,created_at,ip\na,2026-01-01,\xe9\nb,2026-01-01,x\n"
    )
    reading = Reading(tmp_path, signups=tmp_path / "s.csv")
    assert reading.accounts == ["b"]
    assert reading.faults == [(2, "ip", "not UTF-8")]


def test_a_quote_that_never_closes_is_told_not_swallowed(tmp_path):
    file = text_file(
        tmp_path / "s.csv", HEAD, GOOD, 'b,2026-01-01,"oops', "c,2026-01-01,", "d,2026-01-01,"
    )
    reading = Reading(tmp_path, signups=file)
    assert reading.faults == [(3, None, "broken quotes")]
    assert any("line 3" in notice for notice in reading.notices)


@pytest.mark.parametrize("ending", ["csv", "jsonl", "parquet"])
def test_a_field_of_ten_megabytes_costs_its_row_only(tmp_path, ending):
    rows = [
        {"account_id": "a", "created_at": "2026-01-01", "ip": "z" * 10_000_000},
        {"account_id": "b", "created_at": "2026-01-01", "ip": "1.2.3.4"},
    ]
    reading = Reading(tmp_path, signups=write(tmp_path / f"s.{ending}", rows))
    assert reading.accounts == ["b"]
    assert next(fault[2] for fault in reading.faults) in {"too long", "line too long"}


@pytest.mark.parametrize("ending", ["csv", "jsonl", "parquet"])
def test_a_field_may_have_64_kib_and_not_a_byte_more(tmp_path, ending):
    rows = [
        {"account_id": str(i), "created_at": "2026-01-01", "user_agent": "é" * 32_768 + "z" * i}
        for i in range(2)
    ]
    reading = Reading(tmp_path, signups=write(tmp_path / f"s.{ending}", rows))
    assert reading.accounts == ["0"]
    assert reading.faults == [(2 + (ending == "csv"), "user_agent", "too long")]


@pytest.mark.parametrize("ending", ["csv", "jsonl", "parquet"])
def test_a_prompt_may_have_a_mebibyte(tmp_path, ending):
    signups = text_file(tmp_path / "s.csv", HEAD, GOOD)
    rows = [
        {"account_id": "good", "occurred_at": "2026-01-01", "prompt": "\n" * 5 + "q" * (2**20 + i)}
        for i in range(2)
    ]
    usage = write(tmp_path / f"u.{ending}", rows)
    reading = Reading(
        tmp_path, signups=signups, usage=usage, prompt_bands=lambda texts: [["band"]] * len(texts)
    )
    assert [fault[1:] for fault in reading.faults] == [("prompt", "too long")]
    assert [row[:2] for row in reading.seen("prompt")] == [("good", "band")]


def test_a_row_with_a_million_columns_too_many_does_not_stall_the_run(tmp_path):
    file = text_file(tmp_path / "s.csv", HEAD, GOOD, "x," * 1_000_000, "b,soon,", "c,2026-01-01,\0")
    reading = Reading(tmp_path, signups=file)
    assert reading.accounts == ["c", "good"]
    assert reading.faults == [
        (3, None, "wrong number of columns"),
        (4, "created_at", "not a time"),
    ]


def test_a_prompt_full_of_commas_is_no_damage(tmp_path):
    signups = text_file(tmp_path / "s.csv", HEAD, GOOD)
    prompt = "1,2\n" + "3," * 9000 + "\n" + "4"
    rows = [
        {"account_id": "good", "occurred_at": "2026-01-01", "prompt": prompt},
        {"account_id": "x"},
    ]
    usage = write(tmp_path / "u.csv", rows)
    reading = Reading(
        tmp_path, signups=signups, usage=usage, prompt_bands=lambda t: [["b"]] * len(t)
    )
    assert len(reading.seen("prompt")) == 1
    assert reading.faults == [(5, "occurred_at", "missing")]


@pytest.mark.parametrize("table", ["usage", "payments", "logins"])
def test_rows_of_accounts_without_a_sign_up_are_rejected(tmp_path, table):
    signups = text_file(tmp_path / "s.csv", HEAD, GOOD)
    rows = [
        {"account_id": who, "occurred_at": "2026-01-02"} for who in ("good", "Good", "stranger")
    ]
    reading = Reading(tmp_path, signups=signups, **{table: write(tmp_path / "r.parquet", rows)})
    assert reading.faults == [
        (2, "account_id", "unknown account"),
        (3, "account_id", "unknown account"),
    ]


def test_labels_say_fraud_or_legitimate(tmp_path):
    signups = text_file(tmp_path / "s.csv", HEAD, GOOD)
    labels = text_file(
        tmp_path / "l.csv",
        "account_id,label,decided_at",
        "good, Fraud ,2026-01-02",
        "good,maybe,2026-01-02",
        "good,,2026-01-02",
        "nobody,fraud,2026-01-02",
    )
    reading = Reading(tmp_path, signups=signups, labels=labels)
    assert reading.telemetry.labels.column("label").to_pylist() == ["fraud"]
    assert reading.faults == [
        (3, "label", "neither fraud nor legitimate"),
        (4, "label", "missing"),
        (5, "account_id", "unknown account"),
    ]


def test_formulas_and_scripts_are_values_like_any_other(tmp_path):
    rows = [
        {
            "account_id": '=HYPERLINK("http://x","y")',
            "created_at": "2026-01-01",
            "email": "<script>@x",
        },
        {"account_id": "@SUM(1)", "created_at": "2026-01-01", "email": "'; DROP TABLE usage; --"},
    ]
    reading = Reading(tmp_path, signups=write(tmp_path / "s.csv", rows))
    assert reading.accounts == ['=HYPERLINK("http://x","y")', "@SUM(1)"]
    assert [row[1] for row in reading.seen("email")] == ["<script>@x", "'; DROP TABLE usage; --"]


def test_values_never_get_into_rejects_or_notices(tmp_path):
    secret = "jane.doe@secret.example"
    rows = [dict.fromkeys(("account_id", "created_at", "email", "email_verified", "other"), secret)]
    rows.append({"account_id": "ok", "created_at": "2026-01-01"})
    usage = [{"account_id": secret, "occurred_at": "2026-01-01", "exchanges": secret}]
    reading = Reading(
        tmp_path, signups=write(tmp_path / "s.csv", rows), usage=write(tmp_path / "u.csv", usage)
    )
    assert len(reading.rejects) == 2
    assert secret not in reading.text + " ".join(reading.notices)


def test_rejects_stand_in_the_order_of_tables_files_and_lines(tmp_path):
    for name in ("b", "a"):
        text_file(tmp_path / f"{name}.csv", HEAD, "x,soon,", "y,2026-01-01,", "x,soon,")
    usage = text_file(tmp_path / "0.csv", "account_id,occurred_at", "y,soon")
    reading = Reading(
        tmp_path, signups=[str(tmp_path / "b.csv"), str(tmp_path / "a.csv")], usage=usage
    )
    assert [(r["table"], r["file"], r["line"]) for r in reading.rejects] == [
        ("signups", "a.csv", 2),
        ("signups", "a.csv", 4),
        ("signups", "b.csv", 2),
        ("signups", "b.csv", 4),
        ("usage", "0.csv", 2),
    ]


def test_counts_by_table_and_reason_are_in_the_record(tmp_path):
    signups = text_file(tmp_path / "s.csv", HEAD, GOOD, "a,soon,", "b,soon,", ",2026-01-01,")
    usage = text_file(tmp_path / "u.csv", "account_id,occurred_at", "a,2026-01-01")
    record = Reading(tmp_path, signups=signups, usage=usage).telemetry.record
    assert record.rejected == {
        ("signups", "missing"): 1,
        ("signups", "not a time"): 2,
        ("usage", "unknown account"): 1,
    }
    assert [(f.name, f.rows, f.rejected) for f in record.files] == [
        ("s.csv", 1, 3),
        ("u.csv", 0, 1),
    ]


def test_a_writer_without_a_path_counts(tmp_path):
    writer = RejectsWriter()
    writer.write("usage", "u.csv", [3, 4], [0, 0], [("ip", Reason.TOO_LONG)])
    writer.close()
    assert writer.total == writer.counts["usage", "too long"] == 2


def test_a_run_without_rejects_leaves_an_empty_file(tmp_path):
    reading = Reading(tmp_path, signups=text_file(tmp_path / "s.csv", HEAD, GOOD))
    assert reading.text == ""


def test_every_line_written_is_json_with_the_same_five_keys(tmp_path):
    name = 'quo"te\n.csv'
    file = text_file(tmp_path / name, HEAD, GOOD, "a,soon,", "torn")
    reading = Reading(tmp_path, signups=file)
    for line in reading.text.splitlines():
        assert list(json.loads(line)) == ["table", "file", "line", "field", "reason"]
    assert reading.rejects[0]["file"] == name
