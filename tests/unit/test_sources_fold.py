"""Rows folded to columns: accounts, sightings, profiles, labels, prompts."""

import numpy as np
import pytest
from source_files import DAY_MS, NEW_YEAR_MS, Reading, text_file, write

from ringfinder.graph.columns import NEVER

HOUR_MS = 3_600_000


@pytest.fixture
def signups(tmp_path):
    return text_file(tmp_path / "s.csv", "account_id,created_at", "a,2026-01-01", "b,2026-01-01")


def use(who, hours=0.0, **more):
    return {"account_id": who, "occurred_at": NEW_YEAR_MS + int(hours * HOUR_MS), **more}


class TestAccounts:
    def test_accounts_are_sorted_by_bytes_and_unique(self, tmp_path):
        names = ["b", "B", "é", "a b", "10", "9"]
        rows = [{"account_id": name, "created_at": "2026-01-01"} for name in names + names]
        reading = Reading(tmp_path, signups=write(tmp_path / "s.parquet", rows))
        assert reading.accounts == sorted(names)
        assert reading.telemetry.created_ms.dtype == np.int64

    def test_the_earliest_sign_up_founds_the_account_and_later_ones_add_what_it_left_open(
        self, tmp_path
    ):
        rows = [
            {
                "account_id": "a",
                "created_at": "2026-01-03",
                "country": "FR",
                "plan": "pro",
                "ip": "3",
            },
            {"account_id": "a", "created_at": "2026-01-01", "country": "DE", "ip": "1"},
            {
                "account_id": "a",
                "created_at": "2026-01-02",
                "country": "US",
                "plan": "free",
                "ip": "1",
            },
        ]
        reading = Reading(tmp_path, signups=write(tmp_path / "s.parquet", rows))
        assert reading.telemetry.created_ms.tolist() == [NEW_YEAR_MS]
        assert reading.telemetry.country.to_pylist() == ["DE"]
        assert reading.telemetry.plan.to_pylist() == ["free"]
        assert reading.seen("ip") == [
            ("a", "1", NEW_YEAR_MS, NEW_YEAR_MS + DAY_MS, 2),
            ("a", "3", NEW_YEAR_MS + 2 * DAY_MS, NEW_YEAR_MS + 2 * DAY_MS, 1),
        ]
        assert any("3 rows found 1 account;" in notice for notice in reading.notices)

    def test_closed_accounts_have_a_time_and_others_never(self, tmp_path):
        file = text_file(
            tmp_path / "s.csv",
            "account_id,created_at,closed_at",
            "a,2026-01-01,2026-01-02",
            "b,2026-01-01,",
        )
        closed = Reading(tmp_path, signups=file).telemetry.closed_ms
        assert closed.tolist() == [NEW_YEAR_MS + DAY_MS, NEVER]


class TestSightings:
    def test_one_field_is_folded_over_all_tables_that_have_it(self, tmp_path):
        signups = write(
            tmp_path / "s.csv", [{"account_id": "a", "created_at": NEW_YEAR_MS, "ip": "1"}]
        )
        usage = write(tmp_path / "u.csv", [use("a", 2, ip="1", exchanges=10), use("a", 1, ip="0")])
        logins = write(tmp_path / "l.csv", [use("a", 3, ip=" 1 ")])
        reading = Reading(tmp_path, signups=signups, usage=usage, logins=logins)
        assert reading.seen("ip") == [
            ("a", "0", NEW_YEAR_MS + HOUR_MS, NEW_YEAR_MS + HOUR_MS, 1),
            ("a", "1", NEW_YEAR_MS, NEW_YEAR_MS + 3 * HOUR_MS, 12),
        ]

    def test_only_fields_with_values_occur(self, tmp_path):
        rows = [{"account_id": "a", "created_at": "2026-01-01", "ip": "", "phone": "1"}]
        telemetry = Reading(tmp_path, signups=write(tmp_path / "s.csv", rows)).telemetry
        assert list(telemetry.sightings) == ["phone"]

    def test_blanks_around_a_value_are_no_part_of_it_and_make_none_of_it(self, tmp_path, signups):
        values = ["x y", " x y", "x y\t", "\n x y \r", "  ", "", "\u00a0x", "z"]
        usage = write(tmp_path / "u.parquet", [use("a", i, ip=v) for i, v in enumerate(values)])
        reading = Reading(tmp_path, signups=signups, usage=usage)
        assert [row[1:] for row in reading.seen("ip")] == [
            ("x y", NEW_YEAR_MS, NEW_YEAR_MS + 3 * HOUR_MS, 4),
            ("z", NEW_YEAR_MS + 7 * HOUR_MS, NEW_YEAR_MS + 7 * HOUR_MS, 1),
            ("\u00a0x", NEW_YEAR_MS + 6 * HOUR_MS, NEW_YEAR_MS + 6 * HOUR_MS, 1),
        ]

    def test_blanks_around_a_value_do_not_make_it_too_long(self, tmp_path, signups):
        rows = [use("a", ip="x" * 65_536 + " "), use("a", ip="x" * 65_537)]
        reading = Reading(tmp_path, signups=signups, usage=write(tmp_path / "u.parquet", rows))
        assert reading.faults == [(2, "ip", "too long")]
        assert len(reading.seen("ip")) == 1

    def test_types_are_the_narrow_ones_that_were_promised(self, tmp_path, signups):
        usage = write(tmp_path / "u.parquet", [use("b", model="m"), use("a", model="k")])
        seen = Reading(tmp_path, signups=signups, usage=usage).telemetry.sightings["model"]
        assert [c.dtype for c in (seen.account, seen.value, seen.count)] == [np.int32] * 3
        assert [c.dtype for c in (seen.first_ms, seen.last_ms)] == [np.int64] * 2
        assert seen.values.type == "string"

    def test_counts_beyond_their_type_stay_at_its_end(self, tmp_path, signups):
        usage = write(tmp_path / "u.csv", [use("a", ip="x", exchanges=10**9)] * 3)
        reading = Reading(tmp_path, signups=signups, usage=usage)
        assert reading.seen("ip")[0][4] == 2**31 - 1
        assert reading.telemetry.profiles.hours[0, 0] == 2**31 - 1
        assert reading.telemetry.profiles.exchanges.tolist() == [3 * 10**9, 0]


class TestProfiles:
    def test_usage_is_folded_to_hours_days_and_totals(self, tmp_path, signups):
        rows = [
            use("b", 1.5, input_tokens=10, output_tokens=1),
            use("b", 1.9, input_tokens=20, exchanges=4),
            use("b", 25, output_tokens=5),
            use("b", 80, exchanges=0, output_tokens=7),
        ]
        usage = write(tmp_path / "u.jsonl", rows)
        profiles = Reading(tmp_path, signups=signups, usage=usage).telemetry.profiles
        assert profiles.hours[1].tolist() == [0, 6] + [0] * 22
        assert profiles.exchanges.tolist() == [0, 6]
        assert profiles.input_tokens.tolist() == [0, 30]
        assert profiles.output_tokens.tolist() == [0, 13]
        assert profiles.active_days.tolist() == [0, 2]
        assert profiles.first_use_ms.tolist() == [NEVER, NEW_YEAR_MS + 3 * HOUR_MS // 2]
        assert profiles.last_use_ms.tolist() == [NEVER, NEW_YEAR_MS + 25 * HOUR_MS]
        first = NEW_YEAR_MS // DAY_MS
        assert profiles.day_account.tolist() == [1, 1]
        assert profiles.day.tolist() == [first, first + 1]
        assert profiles.day_exchanges.tolist() == [5, 1]

    def test_without_usage_all_is_zero(self, tmp_path, signups):
        telemetry = Reading(tmp_path, signups=signups).telemetry
        assert not telemetry.has_usage
        assert telemetry.profiles.hours.shape == (2, 24)
        assert telemetry.profiles.hours.dtype == np.int32
        assert not telemetry.profiles.exchanges.any()
        assert (telemetry.profiles.first_use_ms == NEVER).all()

    def test_usage_without_a_good_row_is_told_and_is_none(self, tmp_path, signups):
        usage = text_file(tmp_path / "u.csv", "account_id,occurred_at")
        reading = Reading(tmp_path, signups=signups, usage=usage)
        assert not reading.telemetry.has_usage
        assert reading.notices == ["usage: no row could be used"]

    def test_the_hour_of_sign_up_is_utc(self, tmp_path):
        file = text_file(tmp_path / "s.csv", "account_id,created_at", "a,2026-01-01T23:30:00-05:00")
        assert Reading(tmp_path, signups=file).telemetry.profiles.signup_hour.tolist() == [4]


class TestEvents:
    def test_a_row_given_twice_counts_once_within_and_across_files(self, tmp_path, signups):
        rows = [use("a", event_id="1", exchanges=2), use("b", event_id="2"), use("b")]
        files = [write(tmp_path / f"u{i}.{e}", rows) for i, e in enumerate(("csv", "parquet"))]
        reading = Reading(tmp_path, signups=signups, usage=files)
        assert reading.telemetry.profiles.exchanges.tolist() == [2, 3]
        assert reading.telemetry.record.repeated == {"usage": 2}
        assert any("2 rows repeat an event_id" in notice for notice in reading.notices)

    def test_of_rows_that_differ_under_one_event_id_the_same_one_stays(self, tmp_path, signups):
        rows = [use("a", 5, event_id="1", exchanges=2), use("b", 1, event_id="1", exchanges=7)]
        found = []
        for order in (rows, rows[::-1]):
            usage = write(tmp_path / "u.csv", order)
            found.append(
                Reading(
                    tmp_path, signups=signups, usage=usage
                ).telemetry.profiles.exchanges.tolist()
            )
        assert found[0] == found[1]
        assert sum(map(bool, found[0])) == 1

    def test_event_ids_of_different_tables_are_different(self, tmp_path, signups):
        usage = write(tmp_path / "u.csv", [use("a", event_id="1", ip="x")])
        logins = write(tmp_path / "l.csv", [use("a", event_id="1", ip="x")])
        reading = Reading(tmp_path, signups=signups, usage=usage, logins=logins)
        assert reading.seen("ip")[0][4] == 2

    @pytest.mark.parametrize("nothing", [None, "NULL", "N/A"])
    def test_rows_without_event_id_are_all_counted(self, tmp_path, signups, nothing):
        usage = write(tmp_path / "u.csv", [use("a", event_id=nothing, ip="x")] * 3)
        assert Reading(tmp_path, signups=signups, usage=usage).seen("ip")[0][4] == 3


class TestLabels:
    def test_labels_are_sorted_and_each_stands_once(self, tmp_path, signups):
        labels = text_file(
            tmp_path / "l.csv",
            "account_id,label,decided_at,source,note",
            "b,legitimate,2026-01-02,Jo,they called",
            "a,fraud,2026-01-03,,",
            "a,legitimate,2026-01-02,rule,",
            "b,legitimate,2026-01-02,Jo,again",
        )
        table = Reading(tmp_path, signups=signups, labels=labels).telemetry.labels
        assert table.to_pylist() == [
            {
                "account": 0,
                "label": "legitimate",
                "decided_at_ms": NEW_YEAR_MS + DAY_MS,
                "source": "rule",
            },
            {
                "account": 0,
                "label": "fraud",
                "decided_at_ms": NEW_YEAR_MS + 2 * DAY_MS,
                "source": None,
            },
            {
                "account": 1,
                "label": "legitimate",
                "decided_at_ms": NEW_YEAR_MS + DAY_MS,
                "source": "Jo",
            },
        ]
        assert str(table.schema.field("account").type) == "int32"

    def test_without_labels_there_is_none(self, tmp_path, signups):
        assert Reading(tmp_path, signups=signups).telemetry.labels is None


class TestPrompts:
    def test_prompts_become_bands_and_each_text_is_banded_once(self, tmp_path, signups):
        asked = []

        def bands(texts):
            asked.extend(texts.to_pylist())
            return [[text[:1], "all", "all", None] for text in texts.to_pylist()]

        rows = [
            use("a", 1, prompt="x1"),
            use("a", 2, prompt="x2"),
            use("b", 3, prompt="x1", exchanges=5),
        ]
        files = [
            write(tmp_path / f"u{i}.{e}", rows)
            for i, e in enumerate(("csv", "jsonl.gz", "parquet"))
        ]
        reading = Reading(tmp_path, signups=signups, usage=files, prompt_bands=bands)
        assert sorted(asked) == ["x1", "x2"]
        assert reading.seen("prompt") == [
            ("a", "all", NEW_YEAR_MS + HOUR_MS, NEW_YEAR_MS + 2 * HOUR_MS, 6),
            ("a", "x", NEW_YEAR_MS + HOUR_MS, NEW_YEAR_MS + 2 * HOUR_MS, 6),
            ("b", "all", NEW_YEAR_MS + 3 * HOUR_MS, NEW_YEAR_MS + 3 * HOUR_MS, 15),
            ("b", "x", NEW_YEAR_MS + 3 * HOUR_MS, NEW_YEAR_MS + 3 * HOUR_MS, 15),
        ]

    def test_prompts_of_rejected_rows_are_not_shown_to_anyone(self, tmp_path, signups):
        rows = [
            use("a", prompt="good"),
            use("stranger", prompt="secret"),
            {"account_id": "a", "prompt": "bad"},
        ]
        asked = []
        Reading(
            tmp_path,
            signups=signups,
            usage=write(tmp_path / "u.jsonl", rows),
            prompt_bands=lambda texts: asked.extend(texts.to_pylist()) or [[]] * len(texts),
        )
        assert asked == ["good"]

    def test_without_a_way_to_fingerprint_them_prompts_are_left_out_and_that_is_told(
        self, tmp_path, signups
    ):
        reading = Reading(
            tmp_path, signups=signups, usage=write(tmp_path / "u.csv", [use("a", prompt="x")])
        )
        assert "prompt" not in reading.telemetry.sightings
        assert any("prompt" in notice for notice in reading.notices)
