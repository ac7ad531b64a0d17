"""From rows over HTTP to events: no clear value, and the same as the journal would write."""

from __future__ import annotations

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from served import signup

from ringfinder.journal import decode_event, encode_event
from ringfinder.normalise import Pepper, Rules
from ringfinder.serve import metrics
from ringfinder.serve.intake import Intake
from ringfinder.serve.rows import Login, Payment, Signup, Usage
from ringfinder.store import EventType

RULES = Rules(Pepper(1, b"pepper for tests, 32 bytes long."))
NOW = 1_772_000_000_000
names = st.text(st.characters(exclude_categories=("Cs", "Cc")), min_size=1, max_size=20)


@pytest.fixture(scope="module")
def intake():
    return Intake(RULES)


def event_of(intake, **fields):
    row = Signup.model_validate_json(json.dumps(signup(1, **fields)))
    return intake.signup_event(row, intake.signup(row), NOW)


@settings(deadline=None)
@given(event_id=names, account_id=names, plan=names, verified=st.none() | st.booleans())
def test_an_event_is_what_the_journal_would_encode(intake, event_id, account_id, plan, verified):
    event = event_of(intake, event_id=event_id, account_id=account_id, plan=plan, email_verified=verified)  # fmt: skip  # noqa: E501
    row = decode_event(event)
    assert decode_event(encode_event(EventType.SIGNUPS, row)) == row
    assert row["event_id"] == event_id
    assert row["outcome"] == "completed"
    assert {one["kind"] for one in row["values"]} >= {"ip", "mailbox", "device", "signup_window"}


def test_an_event_holds_no_clear_value(intake):
    event = event_of(intake, phone="+442071838750", user_agent="Canary/7.3")
    for clear in (b"person1", b"example.org", b"81.2.69", b"dev-1", b"2071838750", b"Canary"):
        assert clear not in event


def test_warming_up_counts_no_value_as_unread(intake):
    before = metrics.exposition()
    intake.warm()
    assert unread(metrics.exposition()) == unread(before)
    event_of(intake, ip="nowhere")
    assert unread(metrics.exposition()) != unread(before)


def unread(exposition):
    return [line for line in exposition.decode().splitlines() if "unread_total{" in line]


def test_an_attempt_has_no_outcome_yet(intake):
    body = {name: value for name, value in signup(1).items() if name != "account_id"}
    row = Signup.model_validate_json(json.dumps(body | {"attempt_id": "try-1"}))
    event = decode_event(intake.signup_event(row, intake.signup(row), NOW))
    assert event["account_id"] == "try-1"
    assert "outcome" not in event


def test_a_body_is_the_same_after_the_pepper_was_rotated(intake):
    row = Signup.model_validate_json(json.dumps(signup(1)))
    rotated = Rules(Pepper(2, b"another pepper, also of 32 bytes", RULES.pepper))
    assert Intake(rotated).digest(row) == intake.digest(row)
    assert Intake(Rules(rotated.pepper.__class__(1, b"x" * 32))).digest(row) != intake.digest(row)


def test_a_field_that_the_body_did_not_bring_along_may_be_left_out(intake):
    one, other = (
        Signup.model_validate_json(json.dumps(signup(1, created_at=f"2026-03-0{day}T09:30:00Z")))
        for day in (1, 2)
    )
    assert intake.digest(one) != intake.digest(other)
    but = frozenset({"created_at"})
    assert intake.digest(one, but=but) == intake.digest(other, but=but)


def test_bodies_that_say_the_same_have_one_digest(intake):
    rows = [
        Signup.model_validate_json(json.dumps(body))
        for body in (signup(1), dict(reversed(signup(1).items())) | {"phone": None})
    ]
    assert len({intake.digest(row) for row in rows}) == 1
    other = Signup.model_validate_json(json.dumps(signup(1, ip="81.2.69.18")))
    assert intake.digest(other) != intake.digest(rows[0])


def test_a_digest_tells_nothing_without_the_key(intake):
    row = Signup.model_validate_json(json.dumps(signup(1)))
    elsewhere = Intake(Rules(Pepper(1, b"another pepper, 32 bytes long too")))
    assert elsewhere.digest(row) != intake.digest(row)


def test_rows_of_the_other_tables_become_events(intake):
    common = {"event_id": "e", "account_id": "a", "occurred_at": "2026-03-01T09:30:00Z"}
    usage = Usage.model_validate(
        common | {"ip": "81.2.69.1", "model": "m", "prompt": "Hello there"}
    )
    payment = Payment.model_validate(common | {"card_bin": "416284"})
    login = Login.model_validate(common | {"device_id": "d"})
    for table, row in ((EventType.USAGE, usage), (EventType.PAYMENTS, payment), (EventType.LOGINS, login)):  # fmt: skip  # noqa: E501
        (event,) = intake.events(table, [row], NOW)
        assert b"81.2.69.1" not in event
        assert b"Hello" not in event
        assert decode_event(event)["values"]
    assert decode_event(intake.events(EventType.USAGE, [usage], NOW)[0])["exchanges"] == 1


def test_rows_together_and_alone_make_the_same_events(intake):
    common = {"account_id": "a", "occurred_at": "2026-03-01T09:30:00Z"}
    rows = [Login.model_validate(common | {"event_id": f"e{n}", "ip": f"81.2.69.{n % 3}"}) for n in range(9)]  # fmt: skip  # noqa: E501
    alone = [intake.events(EventType.LOGINS, [row], NOW)[0] for row in rows]
    assert intake.events(EventType.LOGINS, rows, NOW) == alone
