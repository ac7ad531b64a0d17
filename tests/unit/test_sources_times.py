"""How a field is read: times, numbers, flags, texts."""

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from source_files import NEW_YEAR_MS, Reading, text_file, write

from ringfinder.graph.columns import NEVER

NOON_MS = NEW_YEAR_MS + 12 * 3_600_000


def created(tmp_path, text):
    """Return the time read from one CSV cell, or the reason for which it was rejected."""
    file = text_file(tmp_path / "s.csv", "account_id,created_at", f'a,"{text}"', "z,2026-01-01")
    reading = Reading(tmp_path, signups=file)
    return reading.faults[0][2] if reading.faults else int(reading.telemetry.created_ms[0])


@pytest.mark.parametrize(
    "text",
    [
        "2026-01-01T12:00:00Z",
        "2026-01-01t12:00:00z",
        "2026-01-01T12:00:00.000Z",
        "2026-01-01T12:00:00.000999Z",
        "2026-01-01T14:30:00+02:30",
        "2026-01-01T04:00:00-0800",
        "2026-01-01 12:00:00",
        "2026-01-01T12:00:00",
        "2026-01-01 12:00",
        "  2026-01-01 12:00:00\t",
        "1767268800",
        "1767268800.0004",
        "1767268800000",
        "1767268800000.9",
    ],
)
def test_noon_is_noon_however_it_is_written(tmp_path, text):
    assert created(tmp_path, text) == NOON_MS


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("", "missing"),
        ("   ", "missing"),
        ("yesterday", "not a time"),
        ("2026-02-30", "not a time"),
        ("NaN", "not a time"),
        ("inf", "not a time"),
        ("infinity", "not a time"),
        ("-infinity", "not a time"),
        ("9999-12-31T23:59:59Z", "time out of range"),
        ("253402300799", "time out of range"),
        ("1999-12-31T23:59:59Z", "time out of range"),
        ("2100-01-01", "time out of range"),
        ("0", "time out of range"),
        ("-1", "time out of range"),
        ("20260101", "time out of range"),
        ("1e300", "time out of range"),
        ("1767268800000000", "time out of range"),
    ],
)
def test_what_is_no_time_of_these_services_is_rejected(tmp_path, text, reason):
    assert created(tmp_path, text) == reason


def test_the_first_and_the_last_millisecond_in_range_are_read(tmp_path):
    assert created(tmp_path, "2000-01-01T00:00:00Z") == 946_684_800_000
    assert created(tmp_path, "4102444799999") == 4_102_444_799_999


@pytest.mark.parametrize("unit", ["s", "ms", "us", "ns"])
@pytest.mark.parametrize("zone", [None, "UTC", "America/New_York"])
def test_parquet_timestamps_of_any_unit_are_the_same_instant(tmp_path, unit, zone):
    times = pa.array([NOON_MS // 1000], pa.timestamp("s")).cast(pa.timestamp(unit, zone))
    pq.write_table(pa.table({"account_id": ["a"], "created_at": times}), tmp_path / "s.parquet")
    assert Reading(tmp_path, signups=tmp_path / "s.parquet").telemetry.created_ms == [NOON_MS]


@pytest.mark.parametrize(
    "column",
    [
        pa.array([1_767_268_800], pa.int64()),
        pa.array([1_767_268_800], pa.uint32()),
        pa.array([1_767_268_800_000], pa.int64()),
        pa.array([1_767_268_800.0], pa.float64()),
        pa.array(["2026-01-01T12:00:00Z"], pa.string()),
        pa.array(["2026-01-01T12:00:00Z"], pa.large_string()),
        pa.array([b"2026-01-01T12:00:00Z"], pa.binary()),
        pa.array(["2026-01-01T12:00:00Z"]).dictionary_encode(),
    ],
    ids=lambda c: str(c.type)[:20],
)
def test_parquet_times_may_be_numbers_or_text(tmp_path, column):
    pq.write_table(pa.table({"account_id": ["a"], "created_at": column}), tmp_path / "s.parquet")
    assert Reading(tmp_path, signups=tmp_path / "s.parquet").telemetry.created_ms == [NOON_MS]


def test_a_parquet_date_is_its_midnight_in_utc(tmp_path):
    dates = pa.array([NEW_YEAR_MS // 86_400_000], pa.int32()).cast(pa.date32())
    pq.write_table(pa.table({"account_id": ["a"], "created_at": dates}), tmp_path / "s.parquet")
    assert Reading(tmp_path, signups=tmp_path / "s.parquet").telemetry.created_ms == [NEW_YEAR_MS]


def usage_of(tmp_path, name, value, ending="jsonl"):
    """Read one row of usage with `name` given as `value`."""
    signups = text_file(tmp_path / "s.csv", "account_id,created_at", "a,2026-01-01")
    row = {"account_id": "a", "occurred_at": "2026-01-02", name: value}
    return Reading(tmp_path, signups=signups, usage=write(tmp_path / f"u.{ending}", [row]))


@pytest.mark.parametrize("ending", ["csv", "jsonl", "parquet"])
@pytest.mark.parametrize("name", ["input_tokens", "output_tokens", "exchanges"])
@pytest.mark.parametrize(
    ("value", "reason"),
    [
        (float("nan"), "not a number"),
        (float("inf"), "not a number"),
        (float("-inf"), "not a number"),
        (-1.0, "negative"),
        (1e18, "number out of range"),
        (1.5, "not a whole number"),
    ],
)
def test_impossible_counts_are_rejected(tmp_path, ending, name, value, reason):
    assert usage_of(tmp_path, name, value, ending).faults == [(1 + (ending == "csv"), name, reason)]


@pytest.mark.parametrize("value", [12, 12.0, "12", "12.0", " 12 ", "1.2e1"])
def test_a_whole_number_is_read_however_it_is_written(tmp_path, value):
    reading = usage_of(tmp_path, "output_tokens", value)
    assert reading.telemetry.profiles.output_tokens.tolist() == [12]


@pytest.mark.parametrize("value", ["twelve", "1,2", "0x10"])
def test_words_are_no_numbers(tmp_path, value):
    assert usage_of(tmp_path, "exchanges", value).faults == [(1, "exchanges", "not a number")]


@pytest.mark.parametrize(
    ("text", "flag"),
    [("true", 1), ("TRUE", 1), ("1", 1), ("yes", 1), ("f", 0), ("False", 0), ("0", 0), ("", -1)],
)
def test_flags_are_read_as_people_write_them(tmp_path, text, flag):
    file = text_file(
        tmp_path / "s.csv", "account_id,created_at,email_verified", f"a,2026-01-01,{text}"
    )
    assert Reading(tmp_path, signups=file).telemetry.email_verified.tolist() == [flag]


def test_a_flag_that_is_neither_is_rejected(tmp_path):
    file = text_file(
        tmp_path / "s.csv",
        "account_id,created_at,email_verified",
        "a,2026-01-01,perhaps",
        "b,2026-01-01,no",
    )
    assert Reading(tmp_path, signups=file).faults == [
        (2, "email_verified", "neither true nor false")
    ]


def test_numbers_written_as_floats_by_data_frames_are_texts_without_a_point(tmp_path):
    table = pa.table(
        {
            "account_id": [1, 2, 3],
            "created_at": ["2026-01-01"] * 3,
            "card_bin": [411111.0, float("nan"), 12.5],
        }
    )
    pq.write_table(table, tmp_path / "s.parquet")
    reading = Reading(tmp_path, signups=tmp_path / "s.parquet")
    assert [row[:2] for row in reading.seen("card_bin")] == [("1", "411111"), ("3", "12.5")]


def test_country_and_plan_are_folded_in_case_and_blanks(tmp_path):
    file = text_file(
        tmp_path / "s.csv",
        "account_id,created_at,country,plan",
        "a,2026-01-01, de ,Free",
        "b,2026-01-01,,",
    )
    telemetry = Reading(tmp_path, signups=file).telemetry
    assert telemetry.country.to_pylist() == ["DE", None]
    assert telemetry.plan.to_pylist() == ["free", None]


def test_values_are_trimmed_of_all_blanks_and_nothing_else(tmp_path):
    row = {"account_id": "\t a\r\n", "created_at": "2026-01-01", "user_agent": "\n x  y é\u3000 "}
    reading = Reading(tmp_path, signups=write(tmp_path / "s.jsonl", [row]))
    assert [r[:2] for r in reading.seen("user_agent")] == [("a", "x  y é\u3000")]


class TestTheFuture:
    """One row of it would make everything else look long past."""

    def read(self, tmp_path, *rows, head="account_id,created_at,closed_at"):
        file = text_file(tmp_path / "s.csv", head, *rows)
        return Reading(tmp_path, signups=file, now_ms=NOON_MS)

    def test_a_row_of_it_is_rejected(self, tmp_path):
        reading = self.read(tmp_path, "a,2026-01-01,", "b,2099-01-01,", "c,2026-01-01,2030-01-01")
        assert reading.accounts == ["a"]
        assert reading.faults == [
            (3, "created_at", "lies in the future"),
            (4, "closed_at", "lies in the future"),
        ]

    def test_a_day_is_forgiven_to_clocks(self, tmp_path):
        rows = ("a,2026-01-02T12:00:00Z,", "b,2026-01-02T12:00:01Z,")
        assert self.read(tmp_path, *rows).accounts == ["a"]

    def test_without_a_clock_it_is_not_asked(self, tmp_path):
        assert isinstance(created(tmp_path, "2099-01-01"), int)


class TestWhatIsNotKnown:
    @pytest.mark.parametrize("word", ["NULL", "None", "N/A", " n/a ", r"\N", "NaT", "-"])
    @pytest.mark.parametrize("ending", ["csv", "jsonl", "parquet"])
    def test_leaves_no_row_out_where_a_row_can_do_without_it(self, tmp_path, ending, word):
        row = {"account_id": "a", "created_at": "2026-01-01"}
        signups = write(
            tmp_path / f"s.{ending}", [{**row, "closed_at": word, "email_verified": word}]
        )
        usage = write(
            tmp_path / f"u.{ending}",
            [{"account_id": "a", "occurred_at": "2026-01-02", "exchanges": word}],
        )
        reading = Reading(tmp_path, signups=signups, usage=usage)
        assert reading.faults == []
        assert reading.telemetry.closed_ms.tolist() == [NEVER]
        assert reading.telemetry.email_verified.tolist() == [-1]
        assert reading.telemetry.profiles.exchanges.tolist() == [1]

    def test_leaves_a_row_out_that_cannot(self, tmp_path):
        assert created(tmp_path, "N/A") == "not a time"
