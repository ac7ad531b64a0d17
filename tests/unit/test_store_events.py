"""What may be recorded: the shape of events is checked at the door."""

import pyarrow as pa
import pytest
from stored import START_MS, events_of, pseudonym, signups

from ringfinder.errors import InputError
from ringfinder.store.events import (
    EVENT_SCHEMAS,
    LATEST_MS,
    VALUES,
    EventType,
    check_events,
    to_values,
)

CLEAR = ("email", "ip", "phone", "prompt", "device_id", "payment_fingerprint", "card_bin")


def with_column(table, name, values):
    """Return a table with one column replaced."""
    index = table.schema.get_field_index(name)
    return table.set_column(index, name, pa.array(values))


class TestShape:
    @pytest.mark.parametrize("kind", EventType)
    def test_no_type_has_a_column_for_a_clear_value(self, kind):
        assert not set(EVENT_SCHEMAS[kind].names) & set(CLEAR)

    def test_columns_in_another_order_and_without_the_optional_ones_are_accepted(self):
        kind, table = signups("a")
        few = table.select(
            ["values", "account_id", "occurred_ms", "normaliser", "received_ms", "event_id"]
        )
        checked = check_events(kind, few)
        assert checked.schema == EVENT_SCHEMAS[kind]
        assert checked["country"].null_count == 1

    def test_an_unknown_column_is_named(self):
        kind, table = signups("a")
        with pytest.raises(InputError, match="unknown column 'email'"):
            check_events(kind, table.append_column("email", pa.array(["a@b.c"])))

    @pytest.mark.parametrize(
        "name", ["event_id", "received_ms", "account_id", "occurred_ms", "normaliser"]
    )
    def test_a_missing_or_empty_header_column_is_named(self, name):
        kind, table = signups("a", "b")
        with pytest.raises(InputError, match=f"column '{name}' is missing"):
            check_events(kind, table.drop_columns([name]))
        nulls = pa.nulls(2, table.schema.field(name).type)
        with pytest.raises(InputError, match=f"2 rows without '{name}'"):
            check_events(kind, table.set_column(table.schema.get_field_index(name), name, nulls))

    def test_a_column_of_another_type_is_named_with_what_was_expected(self):
        kind, table = signups("a")
        with pytest.raises(InputError, match="'occurred_ms' is string; expected int64"):
            check_events(kind, with_column(table, "occurred_ms", ["yesterday"]))


class TestContent:
    @pytest.mark.parametrize("time", [LATEST_MS + 1, -(2**62), 2**62])
    def test_a_time_outside_the_calendar_is_refused(self, time):
        kind, table = signups("a")
        with pytest.raises(InputError, match="outside the years 1 to 9999"):
            check_events(kind, with_column(table, "occurred_ms", [time]))

    @pytest.mark.parametrize("count", [-1, 10**9 + 1])
    def test_an_impossible_number_of_exchanges_is_refused(self, count):
        with pytest.raises(InputError, match="'exchanges' lies outside 0 to 1,000,000,000"):
            check_events(*events_of(EventType.USAGE, {"account_id": "a", "exchanges": count}))

    @pytest.mark.parametrize(
        ("kind", "column"),
        [
            (EventType.LABELS, "label"),
            (EventType.OUTCOMES, "outcome"),
            (EventType.DECISIONS, "decision"),
        ],
    )
    def test_an_unknown_word_is_refused_without_being_quoted(self, kind, column):
        with pytest.raises(InputError, match=f"unknown {column}; expected one of") as caught:
            check_events(*events_of(kind, {"account_id": "a", column: "ann@example.org"}))
        assert "example.org" not in str(caught.value)

    @pytest.mark.parametrize("value", ["ann@example.org", "10.1.2.3", pseudonym("x").upper()])
    def test_a_clear_value_cannot_be_recorded(self, value):
        kind, table = signups("a")
        values = pa.array([[{"kind": "ip", "pseudonym": value}]], VALUES)
        with pytest.raises(InputError, match="1 values are not pseudonyms") as caught:
            check_events(
                kind, table.set_column(table.schema.get_field_index("values"), "values", values)
            )
        assert value not in str(caught.value)

    def test_an_unknown_attribute_kind_is_refused(self):
        with pytest.raises(InputError, match="not in ringfinder.schema"):
            check_events(*signups("a", values={"shoe size": "44"}))


class TestToValues:
    def test_columns_of_pseudonyms_become_one_list_per_row(self):
        ip, device, band = pseudonym("i"), pseudonym("d"), pseudonym("b")
        values = to_values(
            {
                "ip": pa.array([ip, None, ip]),
                "prompt_band": pa.array([[band, None, device], [], None]),
                "device": pa.array([device, None, None]),
            },
            3,
        )
        assert values.type == VALUES
        assert [[(v["kind"], v["pseudonym"]) for v in row] for row in values.to_pylist()] == [
            [("ip", ip), ("prompt_band", band), ("prompt_band", device), ("device", device)],
            [],
            [("ip", ip)],
        ]

    def test_rows_without_any_column_have_empty_lists(self):
        assert to_values({}, 2).to_pylist() == [[], []]

    def test_chunked_and_sliced_columns_work(self):
        column = pa.chunked_array([[pseudonym("x"), None], [pseudonym("y")]]).slice(1)
        assert [len(row) for row in to_values({"ip": column}, 2).to_pylist()] == [0, 1]

    def test_what_it_makes_can_be_recorded(self):
        kind, table = signups("a", occurred_ms=START_MS)
        values = to_values({"ip": pa.array([pseudonym("x")])}, 1)
        check_events(
            kind, table.set_column(table.schema.get_field_index("values"), "values", values)
        )
