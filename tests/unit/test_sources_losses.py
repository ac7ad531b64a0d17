"""What a table lost is told with the reason, and with what a person does about it."""

import pytest
from source_files import Reading, text_file, write

HEAD = "account_id,occurred_at"


@pytest.fixture
def signups(tmp_path):
    rows = [{"account_id": str(n), "created_at": "2026-01-01"} for n in range(1001, 1011)]
    return write(tmp_path / "s.csv", rows)


class TestTables:
    def test_without_a_usable_row_the_reasons_are_told_with_their_counts(self, tmp_path, signups):
        rows = ["x,2026-01-02", "y,2026-01-02", ",2026-01-02"]
        usage = text_file(tmp_path / "u.csv", HEAD, *rows)
        assert Reading(tmp_path, signups=signups, usage=usage).notices == [
            "usage: no row could be used: unknown account (2), missing in account_id (1)"
        ]

    @pytest.mark.parametrize(("bad", "told"), [(1, False), (2, True)])
    def test_a_reason_that_costs_more_than_a_tenth_of_the_rows_is_told(
        self, tmp_path, signups, bad, told
    ):
        rows = ["1001,2026-01-02"] * (10 - bad) + ["x,2026-01-02"] * bad
        usage = text_file(tmp_path / "u.csv", HEAD, *rows)
        sentence = f"usage: {bad} of 10 rows left out: unknown account ({bad})"
        assert Reading(tmp_path, signups=signups, usage=usage).notices == [sentence] * told

    def test_the_share_is_that_of_all_files_of_the_table(self, tmp_path, signups):
        bad = text_file(tmp_path / "u1.csv", HEAD, "x,2026-01-02")
        good = text_file(tmp_path / "u2.csv", HEAD, *["1001,2026-01-02"] * 20)
        assert not Reading(tmp_path, signups=signups, usage=[bad, good]).notices

    def test_what_is_told_of_the_file_is_not_told_again_of_the_table(self, tmp_path, signups):
        usage = text_file(tmp_path / "u.csv", HEAD, "1001,2026-01-02", "1001,soon")
        (notice,) = Reading(tmp_path, signups=signups, usage=usage).notices
        assert notice.startswith("u.csv: 1 row left out for a time that is none")

    def test_times_in_another_unit_are_told_with_the_units_that_are_read(self, tmp_path):
        microseconds = [f"{name},1767268800000000" for name in "ab"]
        file = text_file(tmp_path / "s.csv", "account_id,created_at", *microseconds, "c,1767268800")
        assert Reading(tmp_path, signups=file).notices == [
            "s.csv: 2 rows left out for a time before 2000 or after 2099, the first at line 2; "
            "a time that is a number counts seconds or milliseconds since 1970"
        ]

    def test_of_sign_ups_a_large_share_is_told(self, tmp_path):
        rows = ["a,2026-01-01", ",2026-01-01"]
        file = text_file(tmp_path / "s.csv", "account_id,created_at", *rows)
        assert Reading(tmp_path, signups=file).notices == [
            "sign-ups: 1 of 2 rows left out: missing in account_id (1)"
        ]


class TestNumbers:
    """In the columns that count exchanges and tokens."""

    @pytest.fixture
    def told(self, tmp_path, signups):
        def told(*values, delimiter=";"):
            head = delimiter.join(["account_id", "occurred_at", "input_tokens"])
            rows = [delimiter.join(["1001", "2026-01-02", value]) for value in values]
            usage = text_file(tmp_path / "u.csv", head, *rows)
            return Reading(tmp_path, signups=signups, usage=usage).notices

        return told

    def test_with_dots_between_thousands_are_told_with_how_many_were_misread(self, told):
        assert told("12.000", "500", "1.234.567", "7.000", "12.345") == [
            "u.csv: input_tokens seems to have dots between thousands, such as 1.234.567: 2 rows "
            "left out, the first at line 4, and 2 rows with numbers such as 12.000 read as 12; "
            "write numbers in digits alone, such as 12500: no dots, commas or units"
        ]

    def test_with_dots_between_thousands_may_all_be_left_out(self, told):
        (notice, nothing) = told("1.234.567")
        assert "1 row left out, the first at line 2; write" in notice
        assert nothing == "usage: no row could be used: not a number in input_tokens (1)"

    @pytest.mark.parametrize("value", ["12,5", "12.345", "1,234,567", "many", "5k", "1.23.456"])
    def test_that_are_none_are_told_with_their_column_and_what_to_do(self, told, value):
        assert told("1", value, "12.000") == [
            "u.csv: 1 row left out for input_tokens that is no whole number, the first at line 3; "
            "write numbers in digits alone, such as 12500: no dots, commas or units"
        ]

    def test_written_as_data_frames_do_are_read_without_a_word(self, told):
        assert told("12.0", "12.000", "1e3") == []

    def test_are_told_of_each_column(self, tmp_path, signups):
        rows = [
            {"account_id": "1001", "occurred_at": "2026-01-02", "exchanges": "x"},
            {"account_id": "1001", "occurred_at": "2026-01-02", "output_tokens": "1.000.000"},
        ]
        usage = write(tmp_path / "u.jsonl", rows)
        told = Reading(tmp_path, signups=signups, usage=usage).notices
        assert [sentence.split(",")[0] for sentence in sorted(told[:2])] == [
            "u.jsonl: 1 row left out for exchanges that is no whole number",
            "u.jsonl: output_tokens seems to have dots between thousands",
        ]


class TestAccountsWrittenAsDecimals:
    @pytest.mark.parametrize("ending", ["csv", "jsonl", "parquet"])
    def test_are_told_with_what_to_do(self, tmp_path, signups, ending):
        rows = [{"account_id": f"{n}.0", "occurred_at": "2026-01-02"} for n in range(1001, 1011)]
        usage = write(tmp_path / f"u.{ending}", rows)
        reading = Reading(tmp_path, signups=signups, usage=usage)
        told, lost = reading.notices
        assert told.startswith(f"u.{ending}: 10 rows left out whose account is written such as ")
        assert "1001.0, and such as 1001 in the sign-ups" in told
        assert "astype('Int64')" in told
        assert lost == "usage: no row could be used: unknown account (10)"

    def test_are_told_where_the_sign_ups_are_what_a_data_frame_wrote(self, tmp_path):
        signups = text_file(tmp_path / "s.csv", "account_id,created_at", "7.0,2026-01-01")
        usage = text_file(tmp_path / "u.csv", HEAD, "7,2026-01-02")
        told = Reading(tmp_path, signups=signups, usage=usage).notices[0]
        assert told.startswith("u.csv: 1 row left out whose account is written such as 1001, and")

    def test_are_not_meant_where_the_account_is_unknown_without_the_ending(self, tmp_path, signups):
        usage = text_file(tmp_path / "u.csv", HEAD, "99.0,2026-01-02")
        assert Reading(tmp_path, signups=signups, usage=usage).notices == [
            "usage: no row could be used: unknown account (1)"
        ]

    def test_are_no_other_accounts_than_they_say(self, tmp_path):
        rows = ["7,2026-01-01", "7.0,2026-01-01"]
        signups = text_file(tmp_path / "s.csv", "account_id,created_at", *rows)
        assert Reading(tmp_path, signups=signups).accounts == ["7", "7.0"]
