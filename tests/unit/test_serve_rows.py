"""Bodies: the rows of the input tables, strict where a mistake would be silent."""

from __future__ import annotations

import json
import time
from datetime import UTC, datetime

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from ringfinder.serve.labelrows import LabelRow
from ringfinder.serve.problems import _sentence, fields_of
from ringfinder.serve.rows import TABLES as MODELS
from ringfinder.serve.rows import TIME_PATTERN, Batch, Outcome, Signup, to_ms
from ringfinder.sources.columns import TABLES

SIGNUP = {"event_id": "e", "account_id": "a", "created_at": "2026-03-01T09:30:00Z"}


def read(**fields):
    return Signup.model_validate_json(json.dumps(SIGNUP | fields))


def faults(**fields):
    with pytest.raises(ValidationError) as caught:
        read(**fields)
    return {one["field"]: one["problem"] for one in fields_of(caught.value)}


@pytest.mark.parametrize("table", list(MODELS))
def test_a_body_has_the_fields_of_its_table(table):
    declared = {one.name for one in TABLES[table]}
    extra = {"attempt_id"} if table == "signups" else set()
    assert set(MODELS[table].model_fields) - extra <= declared | {"event_id"}
    missing = declared - set(MODELS[table].model_fields)
    assert missing == set()


@pytest.mark.parametrize("table", list(MODELS))
def test_what_a_file_needs_a_body_needs_and_an_event_id(table):
    needed = {one.name for one in TABLES[table] if one.required} | {"event_id"}
    if table == "signups":
        needed -= {"account_id"}  # or attempt_id
    fields = MODELS[table].model_fields
    assert {name for name in fields if fields[name].is_required()} == needed


def test_what_is_optional_may_be_left_out_null_or_empty():
    assert read(email=None, ip="").email is None


def test_an_unknown_field_is_named_and_its_value_is_not():
    assert faults(emial="ada@example.org") == {
        "emial": "is not a field of this row; /openapi.json lists them"
    }


def test_an_unknown_field_that_is_no_name_is_not_repeated():
    assert list(faults(**{"ada@example.org": 1})) == ["(unknown)"]


@pytest.mark.parametrize(
    "fields",
    [
        {"email": 5}, {"email_verified": "yes"}, {"account_id": ""}, {"account_id": 7},
        {"created_at": "yesterday"}, {"created_at": "2026-02-30T00:00:00Z"}, {"created_at": 12},
        {"event_id": "a\nb"}, {"email": "x" * 5000}, {"created_at": None}, {"ip": ["192.0.2.1"]},
    ],
)  # fmt: skip
def test_what_is_not_what_it_should_be_is_refused_by_name(fields):
    assert list(faults(**fields)) == list(fields)


def test_account_or_attempt_is_needed_and_not_both():
    assert "account_id or attempt_id" in faults(attempt_id="t")["body"]
    row = {name: value for name, value in SIGNUP.items() if name != "account_id"}
    assert Signup.model_validate_json(json.dumps(row | {"attempt_id": "t"})).attempt_id == "t"
    with pytest.raises(ValidationError):
        Signup.model_validate_json(json.dumps(row))


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        ("2026-03-01T09:30:00Z", 1_772_357_400_000),
        ("2026-03-01t09:30:00z", 1_772_357_400_000),
        ("2026-03-01 09:30:00", 1_772_357_400_000),
        ("2026-03-01T10:30:00+01:00", 1_772_357_400_000),
        ("2026-03-01T09:30:00.123456789Z", 1_772_357_400_123),
        ("2026-03-01T09:30:00.5Z", 1_772_357_400_500),
        ("2026-03-01", 1_772_323_200_000),
        (1_772_357_400, 1_772_357_400_000),
        (1_772_357_400.25, 1_772_357_400_250),
        (1_772_357_400_123, 1_772_357_400_123),
    ],
)
def test_a_time_is_read_as_files_have_it(written, meant):
    assert to_ms(read(created_at=written).created_at) == meant


@settings(deadline=None)
@given(
    st.datetimes(datetime(2000, 1, 1), datetime(2026, 3, 1), timezones=st.just(UTC)),  # noqa: DTZ001
)
def test_every_time_of_the_century_is_read_to_the_millisecond(moment):
    written = moment.isoformat().replace("+00:00", "Z")
    exact = (moment - datetime(1970, 1, 1, tzinfo=UTC)).total_seconds()
    assert abs(to_ms(read(created_at=written).created_at) - exact * 1000) <= 1


@settings(deadline=None)
@given(st.from_regex(TIME_PATTERN, fullmatch=True).filter(lambda text: len(text) <= 40))
def test_whatever_the_pattern_allows_is_a_time(text):
    assert 946_598_400_000 <= to_ms(text) <= 4_102_531_200_000


@pytest.mark.parametrize("field", ["created_at", "received_at", "closed_at"])
@pytest.mark.parametrize(
    "written", ["2099-01-01", time.time() + 2 * 86_400], ids=["a date", "the day after tomorrow"]
)
def test_what_lies_in_the_future_has_not_happened(field, written):
    assert faults(**{field: written}) == {field: "lies in the future"}


def test_a_clock_that_is_some_hours_ahead_is_forgiven():
    hours = time.time() + 20 * 3600
    assert read(created_at=hours).created_at == hours


@pytest.mark.parametrize(
    ("fields", "problem"),
    [
        ({"created_at": "01.03.2026"}, "is not a time: expected one such as 2026-03-01T09:30:00Z"),
        ({"created_at": 12}, "is not a time"),
        ({"created_at": None}, "is not a time"),
        ({"email": 5}, "is not text"),
        ({"email_verified": "yes"}, "is neither true nor false"),
        ({"event_id": "a\nb"}, "holds a control character"),
        ({"account_id": ""}, "is empty"),
    ],
)
def test_what_is_wrong_is_said_in_words(fields, problem):
    ((_, said),) = faults(**fields).items()
    assert said.startswith(problem)


@pytest.mark.parametrize(
    ("model", "body", "problem"),
    [
        (MODELS["usage"], {"exchanges": 1.5}, "is not a whole number"),
        (MODELS["usage"], {"exchanges": -1}, "is less than 0"),
        (MODELS["usage"], {"exchanges": 1e10}, "is more than 1e+09"),
        (Outcome, {"outcome": "won"}, "is not one of completed, abandoned, denied"),
        (LabelRow, {"label": "good"}, "is not one of fraud, legitimate"),
        (Batch, {"items": {}}, "is not a list"),
        (Batch, {"items": [5]}, "is not an object"),
        (Signup, 5, "is not an object"),
    ],
)
def test_the_words_for_other_bodies(model, body, problem):
    with pytest.raises(ValidationError) as caught:
        model.model_validate_json(json.dumps(body))
    assert problem in [one["problem"] for one in fields_of(caught.value)]


def test_no_code_of_pydantics_is_shown():
    assert _sentence({"type": "frozen_set_type"}) == "is not what was expected"


def test_a_label_decided_in_the_future_could_not_be_appealed_and_is_refused():
    row = {"event_id": "e", "account_id": "a", "label": "fraud", "decided_at": "2099-01-01"}
    with pytest.raises(ValidationError) as caught:
        LabelRow.model_validate(row)
    assert fields_of(caught.value) == [{"field": "decided_at", "problem": "lies in the future"}]
