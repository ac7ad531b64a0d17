"""Rows by themselves: the values of a row depend on nothing but the row."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pytest

from ringfinder.normalise import Pepper, Rows, Rules, event_columns, prompt_bands

NOON_MS = 1_772_366_400_000  # 2026-03-01 12:00 UTC
PEPPER = Pepper(1, b"e" * 32)
RULES = Rules(PEPPER)


def strings(*values):
    return pa.array(values, pa.string())


def of_rows(table, size=None, *, times=None, rules=RULES, **raw):
    """Return the columns of rows given field by field."""
    raw = {name: strings(*v) if isinstance(v, (list, tuple)) else v for name, v in raw.items()}
    size = size or len(next(iter(raw.values())))
    times = np.full(size, NOON_MS) if times is None else np.array(times)
    extra = {name: raw.pop(name) for name in ("country", "used") if name in raw}
    return event_columns(Rows(table, times, raw, **extra), rules)


def told(columns):
    """Return the values of each row as kind -> pseudonyms."""
    rows = []
    for values in columns["values"].to_pylist():
        row: dict[str, list[str]] = {}
        for value in values:
            row.setdefault(value["kind"], []).append(value["pseudonym"])
        rows.append(row)
    return rows


def named(kind, *values):
    return [PEPPER.pseudonym(kind, value) for value in values]


def test_one_field_may_give_several_kinds_and_blanks_say_nothing():
    rows = told(of_rows("logins", ip=[" 8.8.8.8\t", "8.8.8.8", None, "", "10.0.0.1"]))
    assert rows[0] == rows[1]
    assert rows[0] == {
        "ip": named("ip", "8.8.8.8"),
        "ip_network": named("ip_network", "8.8.8.0/24"),
        "ip_block": named("ip_block", "8.8.0.0/16"),
    }
    assert rows[2:] == [{}, {}, {}]


def test_within_a_row_values_are_in_the_order_of_the_kinds():
    columns = of_rows("signups", user_agent=["ua"], device_id=["d"], ip=["8.8.8.8"])
    kinds = [value["kind"] for value in columns["values"].to_pylist()[0]]
    assert kinds == ["ip", "ip_network", "ip_block", "device", "user_agent", "signup_window"]


def test_only_a_sign_up_has_an_hour_of_sign_up():
    assert told(of_rows("signups", device_id=["d"]))[0]["signup_window"] == named(
        "signup_window", "2026-03-01T12Z"
    )
    assert "signup_window" not in told(of_rows("logins", device_id=["d"]))[0]


def test_a_phone_is_read_by_the_country_of_its_own_row():
    number = "030 1234567"
    rows = told(of_rows("signups", phone=[number] * 3, country=strings("DE", "de ", None), size=3))
    assert rows[0]["phone"] == rows[1]["phone"] == named("phone", "+49301234567")
    assert "phone" not in rows[2]
    home = Rules(PEPPER, default_region="DE")
    assert told(of_rows("signups", phone=[number], rules=home))[0]["phone"] == rows[0]["phone"]


class TestPrompts:
    TEXT = "please summarise this text in three short sentences"

    def test_bands_made_on_entry_and_texts_give_the_same(self):
        texts = strings(self.TEXT, "hi", None)
        by_text = told(of_rows("usage", prompt=texts))
        by_band = told(of_rows("usage", prompt=prompt_bands(texts)))
        assert len(by_text[0]["prompt_band"]) == 4
        assert by_text == by_band
        assert by_text[1:] == [{}, {}]


class TestUsage:
    def test_hours_are_those_of_rows_with_an_exchange(self):
        columns = of_rows(
            "usage", device_id=["d"] * 2, times=[NOON_MS, NOON_MS], used=np.array([True, False])
        )
        assert columns["first_window"].to_pylist() == [
            *named("activity_window", "first:2026-03-01T12Z"),
            None,
        ]
        assert columns["last_window"].to_pylist() == [
            *named("activity_window", "last:2026-03-01T12Z"),
            None,
        ]

    def test_a_model_is_named_alone_and_with_its_day(self):
        day = 86_400_000
        columns = of_rows(
            "usage", model=["A", " a ", "b@2", None], times=[NOON_MS, NOON_MS + day, NOON_MS, 0]
        )
        model, adoption = columns["model"].to_pylist(), columns["adoption"].to_pylist()
        assert model == [*named("model_adoption", "a", "a", "b@2"), None]
        assert adoption == [
            *named("model_adoption", "a@2026-03-01", "a@2026-03-02", "b@2@2026-03-01"),
            None,
        ]
        assert told(columns) == [{}] * 4

    def test_other_tables_have_no_such_columns(self):
        assert set(of_rows("payments", card_bin=["424242"])) == {"values"}


@pytest.mark.parametrize("table", ["signups", "usage", "payments", "logins"])
def test_no_rows_are_no_events(table):
    columns = event_columns(Rows(table, np.zeros(0, np.int64), {"ip": strings()}), RULES)
    assert all(len(column) == 0 for column in columns.values())


def test_however_rows_are_cut_each_says_the_same():
    rng = np.random.default_rng(1)
    raw = {
        "ip": [f"9.9.{n % 7}.{n % 40}" if n % 3 else None for n in range(100)],
        "device_id": [f"d{n}" for n in rng.integers(0, 20, 100)],
        "model": [f"m{n}" for n in rng.integers(0, 3, 100)],
    }
    times = NOON_MS + rng.integers(0, 10**9, 100)
    whole = of_rows("usage", times=times, **raw)
    order = rng.permutation(100)
    for part in np.array_split(order, 3):
        piece = of_rows(
            "usage", times=times[part], **{n: [v[i] for i in part] for n, v in raw.items()}
        )
        for name, column in piece.items():
            assert column.to_pylist() == whole[name].take(pa.array(part)).to_pylist()
