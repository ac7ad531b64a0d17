"""What a policy may look at, of an account that a run has judged."""

from __future__ import annotations

import pytest

from ringfinder.model import Decision, Family, Verdict
from ringfinder.score.policy import Facts, Label
from ringfinder.serve.facts import facts_told


def reason(kind, nats, *, family="device", code="x"):
    return {"code": code, "family": family, "kind": kind, "nats": nats, "text": "x"}


def test_a_family_is_one_of_which_a_value_ties_the_account_to_its_ring():
    reasons = [
        reason("verdict", 3.0, family="ring"),
        reason("device", 2.0),
        reason("ip", -1.0, family="network"),
    ]
    found = facts_told(
        score=0.9, decision="challenge", reasons=reasons, verdict="fleet", membership=0.8,
        ring_size=7,
    )  # fmt: skip
    assert found == Facts(
        0.9, Verdict.FLEET, 0.8, 7, frozenset({Family.DEVICE}), suggested=Decision.CHALLENGE
    )


@pytest.mark.parametrize("membership", [None, 0.0])
def test_outside_rings_there_is_no_verdict_and_no_size(membership):
    reasons = [reason("none", 0.0, family="ring", code="no_ring")]
    found = facts_told(score=0.1, decision="allow", reasons=reasons, membership=membership)
    assert found == Facts(0.1)


def test_what_is_shared_with_a_fleet_that_is_near_ties_to_no_ring():
    reasons = [
        reason("none", 0.0, family="ring", code="no_ring"),
        reason("device", 2.0),
        reason("ip", 3.0, family="network"),
    ]
    found = facts_told(score=0.45, decision="allow", reasons=reasons)
    assert found == Facts(0.45)


def test_a_review_that_only_a_label_asks_for_is_not_what_the_scoring_would_do():
    reasons = [reason("label", 0.0, family="none", code="labelled_fraud")]
    found = facts_told(score=0.1, decision="review", reasons=reasons)
    assert found == Facts(0.1, label=Label.FRAUD, suggested=Decision.ALLOW)
