"""A label clears an account until new attested evidence says otherwise: the nightly run tells."""

from __future__ import annotations

import pyarrow as pa
import pytest
from nights import DAY_MS, fill, night, open_home, ring_of, rows_of, snapshot

from ringfinder.pipeline.label import record_labels
from ringfinder.simulate import WorldSpec, simulate
from ringfinder.store.events import EVENT_SCHEMAS, EventType

REST = 1_767_571_200_000 + 60 * DAY_MS
LABELLED_S = 2_000_000_000.0


@pytest.fixture
def home(tmp_path):
    home = open_home(tmp_path / "home")
    world = simulate(WorldSpec(accounts=1000, seed=7, prevalence=0.15, rows_per_account=3.0))
    fill(home, world, until_ms=REST)
    night(home)
    return home


def payment(account, pseudonym, when_s):
    """One payment with one card."""
    row = {
        "event_id": f"pay-{account}", "received_ms": int(when_s * 1000), "normaliser": "1",
        "account_id": account, "occurred_ms": int(when_s * 1000),
        "values": [{"kind": "payment_fingerprint", "pseudonym": pseudonym}],
    }  # fmt: skip
    return pa.Table.from_pylist([row], schema=EVENT_SCHEMAS[EventType.PAYMENTS])


def test_a_cleared_account_that_is_seen_with_a_fleets_card_afterwards_returns_to_a_person(home):
    path = snapshot(home, night(home, 1))
    fleets = {row["ring_id"] for row in rows_of(path, "rings") if row["verdict"] == "fleet"}
    cards = sorted(
        row["value"]
        for row in rows_of(path, "evidence")
        if row["kind"] == "payment_fingerprint" and row["ring_id"] in fleets
    )
    outside = sorted(account for account, ring in ring_of(path).items() if ring is None)
    asked, left, never = outside[:3]
    record_labels(home.log, "legitimate", [asked, left], clock=lambda: LABELLED_S)
    for account, when_s in ((asked, LABELLED_S + 60), (left, LABELLED_S - 60)):
        home.log.append([(EventType.PAYMENTS, payment(account, cards[0], when_s))])
    told = {row["account_id"]: row for row in rows_of(snapshot(home, night(home, 2)), "accounts")}
    assert (told[asked]["decision"], told[asked]["reasons"][0]["code"]) == (
        "review", "label_contradicted",
    )  # fmt: skip
    assert (told[left]["decision"], told[left]["reasons"][0]["code"]) == (
        "allow", "label_legitimate",
    )  # fmt: skip
    assert told[never]["decision"] == "allow"

    record_labels(home.log, "legitimate", [asked], clock=lambda: LABELLED_S + 120)
    again = {row["account_id"]: row for row in rows_of(snapshot(home, night(home, 3)), "accounts")}
    assert again[asked]["decision"] == "allow"
