"""Which files are read, which column holds what, and what ends a run at once."""

import gzip
import io
import os
import re
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from source_files import FORMATS, Reading, packed, same, text_file, write

from ringfinder.errors import InputError
from ringfinder.sources import Inputs, files, read_telemetry
from ringfinder.sources.columns import TABLES, TIME_OF, WORDS, column, fields
from ringfinder.sources.rejects import Reason

HEAD = "account_id,created_at"
ROWS = [{"account_id": f"a{i}", "created_at": "2026-01-01", "ip": f"10.0.0.{i}"} for i in range(50)]


def refusal(*signups, **settings):
    """Return the sentence with which a run ends."""
    with pytest.raises(InputError) as caught:
        read_telemetry(Inputs([str(file) for file in signups]), **settings)
    sentence = str(caught.value)
    assert "\n" not in sentence
    return sentence


class TestFiles:
    @pytest.mark.parametrize("ending", FORMATS)
    def test_every_format_gives_the_same(self, tmp_path, ending):
        plain = Reading(tmp_path, signups=write(tmp_path / "plain.jsonl", ROWS)).telemetry
        other = Reading(tmp_path, signups=write(tmp_path / f"S.{ending}", ROWS)).telemetry
        assert same(plain, other)

    def test_endings_may_be_in_capitals(self, tmp_path):
        assert Reading(
            tmp_path, signups=text_file(tmp_path / "S.CSV", HEAD, "a,2026-01-01")
        ).accounts

    def test_globs_are_expanded_and_a_file_named_twice_is_read_once(self, tmp_path):
        for day in (3, 1, 2):
            text_file(tmp_path / f"s-{day}.csv", HEAD, f"a{day},2026-01-01")
        reading = Reading(tmp_path, signups=[str(tmp_path / "s-*.csv"), str(tmp_path / "s-1.csv")])
        assert [f.name for f in reading.telemetry.record.files] == ["s-1.csv", "s-2.csv", "s-3.csv"]
        assert reading.telemetry.record.rows == {"signups": 3}

    def test_a_file_whose_name_looks_like_a_glob_or_sql_is_a_file(self, tmp_path):
        (tmp_path / "day[1]").mkdir()
        text_file(tmp_path / "day1.csv", HEAD, "other,2026-01-01")
        for name in ("it's *.csv", "day[1]/?.csv"):
            file = text_file(tmp_path / name, HEAD, "a,2026-01-01")
            assert Reading(tmp_path, signups=file).accounts == ["a"]

    def test_files_of_one_name_are_told_apart_by_their_paths(self, tmp_path):
        for place in ("x", "y"):
            (tmp_path / place).mkdir()
            text_file(tmp_path / place / "s.csv", HEAD, f"{place},2026-01-01", "z,soon")
        reading = Reading(tmp_path, signups=str(tmp_path / "*" / "s.csv"))
        assert [r["file"] for r in reading.rejects] == [str(tmp_path / p / "s.csv") for p in "xy"]

    def test_standard_input_is_json_lines(self, tmp_path, monkeypatch):
        text = b'{"account_id": "a", "created_at": 1767225600}\n{"account_id": "b"}\n'
        monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(text)))
        reading = Reading(tmp_path, signups="-")
        assert reading.accounts == ["a"]
        assert reading.rejects[0]["file"] == "-"

    def test_standard_input_cannot_be_read_twice(self):
        with pytest.raises(InputError, match="given twice"):
            read_telemetry(Inputs(["-"], usage=["-"]))

    def test_nothing_is_left_in_the_temporary_directory(self, tmp_path):
        place = tmp_path / "temporary"
        place.mkdir()
        file = text_file(tmp_path / "s.csv", HEAD, "a,2026-01-01\r", "b,2026-01-01")
        Reading(tmp_path, signups=file, temp_dir=place)
        refusal(text_file(tmp_path / "t.csv", "x,y", "1,2"), temp_dir=place)
        assert list(place.iterdir()) == []

    def test_digests_that_nobody_waits_for_are_not_finished(self, tmp_path, monkeypatch):
        monkeypatch.setattr(files, "_CHUNK", 1)
        path = text_file(tmp_path / "s.csv", "x" * 1000)
        found = files.find_files({"signups": [path]}, tmp_path)
        asked = []
        files.fingerprint(found, lambda: asked.append(len(asked)) or len(asked) > 2)
        assert asked == [0, 1, 2]
        with files.Fingerprints(found) as digests:
            assert digests.result() == files.fingerprint(found)

    def test_hashes_are_of_the_files_and_the_pepper_is_not_among_them(self, tmp_path):
        one = text_file(tmp_path / "1.csv", HEAD, "a,2026-01-01")
        two = text_file(tmp_path / "2.csv", HEAD, "b,2026-01-01")
        record = Reading(tmp_path, signups=[one, two]).telemetry.record
        assert record.files[0].bytes == Path(one).stat().st_size
        assert len({f.sha256 for f in record.files}) == 2
        assert record.pepper_seed.hex() not in repr(record)
        assert (
            record.pepper_seed == Reading(tmp_path, signups=[two, one]).telemetry.record.pepper_seed
        )
        assert record.pepper_seed != Reading(tmp_path, signups=[one]).telemetry.record.pepper_seed


class TestRefusals:
    @pytest.mark.parametrize("ending", ["csv", "csv.gz", "csv.zst", "jsonl", "jsonl.gz", "parquet"])
    def test_an_empty_file(self, tmp_path, ending):
        (tmp_path / f"s.{ending}").write_bytes(packed(b"", ending))
        assert f"s.{ending}" in refusal(tmp_path / f"s.{ending}")

    @pytest.mark.parametrize(
        "ending", ["csv", "csv.gz", "csv.zst", "jsonl", "jsonl.zst", "parquet"]
    )
    def test_a_binary_file(self, tmp_path, ending):
        noise = bytes((i * i * 7919 >> 5) % 256 for i in range(9000))
        (tmp_path / f"s.{ending}").write_bytes(noise)
        assert f"s.{ending}" in refusal(tmp_path / f"s.{ending}")

    @pytest.mark.parametrize("ending", ["csv.gz", "csv.zst", "jsonl.gz", "jsonl.zst", "parquet"])
    @pytest.mark.parametrize("kept", [0.1, 0.5, 0.95])
    def test_a_file_cut_short(self, tmp_path, ending, kept):
        rows = [
            {"account_id": f"{i * i * 7919:x}", "created_at": "2026-01-01"} for i in range(9000)
        ]
        path = tmp_path / f"s.{ending}"
        write(path, rows)
        whole = path.read_bytes()
        path.write_bytes(whole[: int(len(whole) * kept)])
        assert "cut short" in refusal(path)

    def test_a_compressed_file_larger_than_its_first_part_is_checked_to_the_end(self, tmp_path):
        text = (
            HEAD.encode() + b"\n" + b"".join(b"%x,2026-01-01\n" % (i * i) for i in range(400_000))
        )
        whole = bytearray(gzip.compress(text, 1))
        whole[-8:-4] = b"oops"  # the checksum alone
        (tmp_path / "s.csv.gz").write_bytes(bytes(whole))
        assert "damaged" in refusal(tmp_path / "s.csv.gz")

    def test_a_parquet_file_damaged_inside(self, tmp_path):
        path = tmp_path / "s.parquet"
        write(path, ROWS * 100)
        data = bytearray(path.read_bytes())
        data[100:300] = bytes(200)
        path.write_bytes(bytes(data))
        assert "s.parquet cannot be read as Parquet" in refusal(path)

    def test_a_text_file_in_another_encoding(self, tmp_path):
        (tmp_path / "s.csv").write_bytes(f"{HEAD}\na,2026-01-01\n".encode("utf-16"))
        assert "UTF-8" in refusal(tmp_path / "s.csv")

    @pytest.mark.parametrize("ending", ["csv", "parquet"])
    def test_a_header_without_rows(self, tmp_path, ending):
        write(tmp_path / f"s.{ending}", [], ["account_id", "created_at"])
        if ending == "parquet":
            nothing = pa.table({n: pa.array([], pa.string()) for n in ("account_id", "created_at")})
            pq.write_table(nothing, tmp_path / "s.parquet")
        assert refusal(tmp_path / f"s.{ending}") == f"no sign-up in s.{ending}: no rows"

    def test_only_bad_rows_are_told_by_reason(self, tmp_path):
        file = text_file(tmp_path / "s.csv", HEAD, "a,soon", "b,soon", ",2026-01-01")
        assert refusal(file).endswith(
            "all rows rejected: not a time in created_at (2, first line 2 of s.csv), "
            "missing in account_id (1, first line 4 of s.csv)"
        )

    def test_a_missing_column_is_named_with_those_found_and_the_way_out(self, tmp_path):
        sentence = refusal(text_file(tmp_path / "s.csv", "account_id,signed_up", "a,2026-01-01"))
        for part in (
            "s.csv",
            "no column created_at",
            "account_id, signed_up",
            "--map COLUMN=created_at",
        ):
            assert part in sentence

    def test_a_file_without_header_does_not_get_its_first_row_printed(self, tmp_path):
        sentence = refusal(text_file(tmp_path / "s.csv", "jane,2026-01-01,jane@x.example", "b,c,d"))
        assert "jane" not in sentence
        assert "does not look like names of columns" in sentence

    @pytest.mark.parametrize("names", [["ip", "ip"], ["ip", "IP "], ["created_at", "Created_At"]])
    def test_two_columns_for_one_field(self, tmp_path, names):
        head = [*[n for n in ("account_id", "created_at") if n not in names], *names]
        csv = text_file(tmp_path / "s.csv", ",".join(head), ",".join("x" for _ in head))
        pq.write_table(pa.table([["x"]] * len(head), names=head), tmp_path / "s.parquet")
        for file in (csv, tmp_path / "s.parquet"):
            assert f"2 columns hold {names[0]}" in refusal(file)

    def test_a_parquet_column_of_a_type_that_cannot_be(self, tmp_path):
        pq.write_table(pa.table({"account_id": ["a"], "created_at": [[1]]}), tmp_path / "s.parquet")
        assert "created_at has type BIGINT[]; expected time" in refusal(tmp_path / "s.parquet")

    def test_a_directory_a_missing_file_an_unknown_ending(self, tmp_path):
        (tmp_path / "d.csv").mkdir()
        assert f"'{tmp_path}/d.csv/*.parquet'" in refusal(tmp_path / "d.csv")
        text_file(tmp_path / "d.csv" / "part-0.csv.gz", HEAD)
        assert f"'{tmp_path}/d.csv/*.csv.gz'" in refusal(tmp_path / "d.csv")
        assert "no file" in refusal(tmp_path / "none*.csv")
        for name in ("s.xlsx", "s.csv.bz2", "s.parquet.gz", "csv"):
            assert "ending" in refusal(text_file(tmp_path / name, HEAD))

    def test_a_name_longer_than_names_can_be(self, tmp_path):
        with pytest.raises(OSError, match="too long"):
            read_telemetry(Inputs([str(tmp_path / ("x" * 300 + ".csv"))]))

    def test_a_pipe_is_not_waited_for(self, tmp_path):
        os.mkfifo(tmp_path / "s.csv")
        assert "no regular file" in refusal(tmp_path / "s.csv")

    def test_a_first_line_that_no_header_is(self, tmp_path):
        names = ",".join(f"c{i}" for i in range(700_000))
        file = text_file(tmp_path / "s.csv", f"{HEAD},{names}", "a,2026-01-01")
        assert "its first line is longer than" in refusal(file)

    def test_standard_input_that_cannot_be_kept(self, monkeypatch):
        def full(*_):
            raise OSError(28, "No space left on device")

        monkeypatch.setattr(files.shutil, "copyfileobj", full)
        monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(b"{}")))
        assert "--temp-dir" in refusal("-")

    def test_no_sign_ups_at_all(self):
        assert "no sign-ups given" in refusal()

    @pytest.mark.parametrize("settings", [{"threads": 0}, {"memory_limit": "much"}])
    def test_impossible_settings(self, tmp_path, settings):
        file = text_file(tmp_path / "s.csv", HEAD, "a,2026-01-01")
        assert "cannot be used" in refusal(file, **settings)

    def test_too_little_memory_is_told(self, tmp_path):
        file = write(tmp_path / "s.parquet", ROWS)
        assert "1MB" in refusal(file, memory_limit="1MB")


class TestColumns:
    def test_names_are_read_without_regard_to_case_and_blanks(self, tmp_path):
        file = text_file(tmp_path / "s.csv", " Account_ID ,CREATED_AT,Ip", "a,2026-01-01,1.1.1.1")
        assert Reading(tmp_path, signups=file).seen("ip")

    @pytest.mark.parametrize("delimiter", [",", ";", "\t", "|"])
    def test_the_header_tells_the_delimiter(self, tmp_path, delimiter):
        names = ["account_id", "created_at", "user_agent"]
        file = text_file(
            tmp_path / "s.csv",
            delimiter.join(names),
            delimiter.join(["a", "2026-01-01", '"x;y,z\t|"']),
        )
        assert [row[1] for row in Reading(tmp_path, signups=file).seen("user_agent")] == [
            "x;y,z\t|"
        ]

    def test_a_byte_order_mark_and_quoted_names_are_no_trouble(self, tmp_path):
        (tmp_path / "s.csv").write_bytes(
            b'\xef\xbb\xbf"account_id","created_at","a ""b"""\n1,2026-01-01,\n'
        )
        assert Reading(tmp_path, signups=tmp_path / "s.csv").accounts == ["1"]

    def test_map_names_the_column_that_holds_a_field(self, tmp_path):
        file = text_file(tmp_path / "s.csv", "uid,at,ip,client ip", "a,2026-01-01,10.0.0.1,8.8.8.8")
        mapping = {"uid": "account_id", "at": "created_at", "client ip": "ip"}
        reading = Reading(tmp_path, signups=file, mapping=mapping)
        assert [row[1] for row in reading.seen("ip")] == ["8.8.8.8"]
        assert reading.notices == ["sign-ups: columns left out, not known: ip"]

    @pytest.mark.parametrize("ending", ["jsonl", "parquet", "csv"])
    def test_map_holds_in_every_format(self, tmp_path, ending):
        file = write(tmp_path / f"s.{ending}", [{'it\'s "u"': "a", "created_at": "2026-01-01"}])
        assert Reading(tmp_path, signups=file, mapping={'it\'s "u"': "account_id"}).accounts == [
            "a"
        ]

    def test_map_is_refused_where_it_names_nothing(self, tmp_path):
        file = text_file(tmp_path / "s.csv", HEAD, "a,2026-01-01")
        assert "no field shoe_size" in refusal(file, mapping={"account_id": "shoe_size"})
        assert "no file has a column uid" in refusal(file, mapping={"uid": "account_id"})

    def test_unknown_columns_are_named_once_for_all_files_of_a_table(self, tmp_path):
        for i in range(2):
            text_file(tmp_path / f"s{i}.csv", HEAD + ",shoe size,note", f"a{i},2026-01-01,44,x")
        reading = Reading(tmp_path, signups=str(tmp_path / "s*.csv"))
        assert reading.notices == ["sign-ups: columns left out, not known: note, shoe size"]

    @pytest.mark.parametrize(("ending", "tool"), [("jsonl", "jq -c"), ("parquet", "unnest(NAME)")])
    def test_columns_that_hold_objects_are_told_with_how_to_flatten_them(
        self, tmp_path, ending, tool
    ):
        rows = [{"account_id": "a", "created_at": "2026-01-01", "user": {"ip": "8.8.8.8"}, "x": 1}]
        left_out, nested = Reading(tmp_path, signups=write(tmp_path / f"s.{ending}", rows)).notices
        assert left_out == "sign-ups: columns left out, not known: user, x"
        assert nested.startswith(f"s.{ending}: what is nested in user is not read: flatten it")
        assert tool in nested

    def test_objects_with_columns_that_are_needed_are_told_in_the_refusal(self, tmp_path):
        rows = [{"user": {"id": "a"}, "created_at": "2026-01-01"}]
        told = refusal(write(tmp_path / "s.jsonl", rows))
        assert "no column account_id" in told
        assert "what is nested in user is not read" in told

    def test_columns_of_no_use_to_the_audit_are_known_and_told_nowhere(self, tmp_path):
        file = text_file(tmp_path / "s.csv", HEAD + ",received_at", "a,2026-01-01,nonsense")
        assert Reading(tmp_path, signups=file).notices == []

    def test_files_of_one_table_may_have_different_columns(self, tmp_path):
        one = write(
            tmp_path / "1.csv", [{"account_id": "a", "created_at": "2026-01-01", "ip": "x"}]
        )
        two = write(
            tmp_path / "2.parquet", [{"created_at": "2026-01-01", "phone": "1", "account_id": "b"}]
        )
        reading = Reading(tmp_path, signups=[one, two])
        assert reading.seen("ip")[0][:2] == ("a", "x")
        assert reading.seen("phone")[0][:2] == ("b", "1")

    def test_a_key_of_json_that_comes_late_is_read(self, tmp_path):
        rows = [dict(r, ip=None) for r in ROWS] * 300 + [{**ROWS[0], "phone": "123"}]
        assert Reading(tmp_path, signups=write(tmp_path / "s.jsonl", rows)).seen("phone")

    def test_a_column_of_a_parquet_file_may_have_a_name_that_sql_gives_a_meaning(self, tmp_path):
        names = ["row", "broken", "raw_ip", "file_row", "select", "bad", "s"]
        rows = [{"account_id": "a", "created_at": "2026-01-01", **dict.fromkeys(names, "x")}]
        assert Reading(tmp_path, signups=write(tmp_path / "s.parquet", rows)).accounts == ["a"]


class TestDeclaration:
    def test_every_column_of_the_contract_is_declared(self):
        names = {table: [c.name for c in columns] for table, columns in TABLES.items()}
        assert names["payments"] == [
            "account_id",
            "occurred_at",
            "event_id",
            "payment_fingerprint",
            "card_bin",
        ]
        assert names["labels"] == ["account_id", "label", "decided_at", "source", "note"]
        required = {t: [c.name for c in cs if c.required] for t, cs in TABLES.items()}
        assert required["signups"] == ["account_id", "created_at"]
        assert required["labels"] == ["account_id", "label", "decided_at"]
        assert all(TIME_OF[t] in required[t] and WORDS[t] for t in TABLES)

    def test_every_column_says_what_it_means(self):
        for columns in TABLES.values():
            for declared in columns:
                assert re.fullmatch(r"[A-Z`].*\.", declared.meaning)

    def test_columns_are_found_by_name(self):
        assert column("labels", "label").required
        assert fields().count("account_id") == 1
        with pytest.raises(InputError):
            column("labels", "ip")

    def test_reasons_are_words(self):
        assert all(re.fullmatch(r"[\w -]+", reason) for reason in Reason)


class TestOtherLanguages:
    def test_names_of_columns_are_shown_in_any_script(self, tmp_path):
        file = text_file(tmp_path / "s.csv", "Konto;Erstellt;Gerät;名前", "a;2026-01-01;g;n")
        said = refusal(file)
        assert "columns found: Konto, Erstellt, Gerät, 名前" in said
        mapping = {"Konto": "account_id", "Erstellt": "created_at", "Gerät": "device_id"}
        assert Reading(tmp_path, signups=file, mapping=mapping).seen("device_id")

    def test_a_header_that_is_not_utf_8_is_refused_with_what_to_do(self, tmp_path):
        file = tmp_path / "s.csv"
        file.write_bytes("Konto;Erstellt;Gerät\na;2026-01-01;g\n".encode("latin-1"))
        said = refusal(file)
        assert "s.csv is not UTF-8" in said
        assert "iconv -f LATIN1 -t UTF-8" in said

    @pytest.mark.parametrize("ending", ["csv", "jsonl"])
    def test_rows_that_are_not_utf_8_are_told_where_the_file_is_read(self, tmp_path, ending):
        rows = [
            {"account_id": f"{n}", "created_at": "2026-01-01", "user_agent": "é" if n % 2 else "e"}
            for n in range(6)
        ]
        file = Path(write(tmp_path / f"s.{ending}", rows))
        text = file.read_text("utf-8").replace("\\u00e9", "é")
        file.write_bytes(text.encode("latin-1"))
        (said,) = Reading(tmp_path, signups=file).notices
        line = 3 if ending == "csv" else 2
        assert f"s.{ending}: 3 rows left out as not UTF-8, the first at line {line};" in said
        assert "iconv" in said

    def test_a_time_as_other_countries_write_it_is_told_with_an_example(self, tmp_path):
        file = text_file(tmp_path / "s.csv", HEAD, "a,2026-03-01", "b,01.03.2026")
        (said,) = Reading(tmp_path, signups=file).notices
        assert "1 row left out for a time that is none, the first at line 3" in said
        assert "2026-03-01T09:30:00Z" in said


class TestIdsThatASpreadsheetRounded:
    def reading(self, tmp_path, *ids):
        rows = [{"account_id": name, "created_at": "2026-01-01"} for name in ids]
        return Reading(tmp_path, signups=write(tmp_path / "s.csv", rows))

    @pytest.mark.parametrize("rounded", ["1.20001E+15", "1,20001E+15", "9E+12", "1.2e+15"])
    def test_they_are_told_with_what_became_of_them(self, tmp_path, rounded):
        reading = self.reading(tmp_path, rounded, rounded, rounded, "a1")
        (told,) = [notice for notice in reading.notices if "spreadsheet" in notice]
        assert "3 rows have" in told
        assert "became 1 account," in told
        assert "as text" in told

    @pytest.mark.parametrize("name", ["1E15", "E+15", "7e+1", "12.5E+15", "0xE+15", "acct-1E+15"])
    def test_other_ids_are_not(self, tmp_path, name):
        notices = self.reading(tmp_path, name, "a1").notices
        assert not any("spreadsheet" in notice for notice in notices)

    def test_one_account_is_one_account(self, tmp_path):
        notices = self.reading(tmp_path, "a", "a").notices
        assert any("2 rows found 1 account;" in notice for notice in notices)
