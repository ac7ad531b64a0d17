"""What of a run waits for a person."""

from __future__ import annotations

import dataclasses

import numpy as np
import pyarrow as pa
import pytest
from planted import DAY_MS, START_MS, graph_of

from ringfinder.publish.gate import FEW, InForce, Limits, why_held

N = 4000
LIMITS = Limits(share=0.02, first_share=0.1, old_days=60, old_accounts=20, organisation_accounts=10)
FIRST = np.zeros(N, bool)


def world(*, age_days=10.0, domain=None):
    """Accounts of one age, the last of which signed up today; a domain for some."""
    created = np.full(N, START_MS - int(age_days * DAY_MS))
    created[-1] = START_MS
    columns = {"device": [f"d{i}" for i in range(N)]}
    if domain is not None:
        columns["email_domain"] = [f"x{i}" if i not in domain else "firm" for i in range(N)]
    return graph_of(columns, created_ms=created)


def flags(*accounts) -> np.ndarray:
    out = np.zeros(N, bool)
    for some in accounts:
        out[list(some)] = True
    return out


def before(graph, flagged=FIRST, organisation=()):
    rings = ["firm-ring" if i in set(organisation) else None for i in range(N)]
    return InForce(graph.account_ids, flagged, pa.array(rings, pa.string()))


def test_a_usual_night_does_not_wait():
    graph = world()
    assert why_held(graph, flags(range(60)), before(graph, flags(range(20))), LIMITS) == []


class TestShare:
    def test_more_newly_flagged_than_the_limit_wait_and_the_sentence_has_the_figures(self):
        graph = world()
        (why,) = why_held(graph, flags(range(81)), before(graph), LIMITS)
        assert why == ("It newly flags 81 of 4,000 accounts (2.0%); gate_share allows 2.0%.")

    def test_exactly_the_limit_does_not(self):
        graph = world()
        assert why_held(graph, flags(range(80)), before(graph), LIMITS) == []

    def test_who_was_flagged_before_does_not_count(self):
        graph = world()
        old = flags(range(500))
        assert why_held(graph, flags(range(560)), before(graph, old), LIMITS) == []

    def test_accounts_that_were_not_there_before_count(self):
        graph = world()
        half = before(graph)
        known = InForce(half.account_id[2000:], half.flagged[2000:], half.organisation[2000:])
        assert why_held(graph, flags(range(200)), known, LIMITS)

    def test_one_fleet_of_a_small_log_never_waits_by_its_share(self):
        graph = world()
        strict = dataclasses.replace(LIMITS, share=0.0001)
        assert why_held(graph, flags(range(FEW)), before(graph), strict) == []
        assert why_held(graph, flags(range(FEW + 1)), before(graph), strict)


class TestFirstRun:
    def test_it_is_asked_its_share_alone_against_its_own_limit(self):
        graph = world(age_days=400, domain=range(4000))
        assert why_held(graph, flags(range(400)), None, LIMITS) == []
        (why,) = why_held(graph, flags(range(401)), None, LIMITS)
        assert "gate_first_share allows 10.0%" in why


class TestOldAccounts:
    @pytest.mark.parametrize(("age", "waits"), [(59, False), (61, True)])
    def test_many_accounts_older_than_fleets_live_wait(self, age, waits):
        graph = world(age_days=age)
        why = why_held(graph, flags(range(21)), before(graph), LIMITS)
        assert bool(why) is waits
        assert not why or "signed up more than 60 days ago" in why[0]

    def test_a_few_do_not(self):
        graph = world(age_days=100)
        assert why_held(graph, flags(range(20)), before(graph), LIMITS) == []


class TestOrganisations:
    def test_many_of_a_ring_that_was_an_organisation_wait(self):
        graph = world()
        firm = before(graph, organisation=range(30))
        (why,) = why_held(graph, flags(range(11)), firm, LIMITS)
        assert "11 accounts of one organisation" in why
        assert why_held(graph, flags(range(10)), firm, LIMITS) == []

    def test_many_of_a_domain_that_old_accounts_hold_wait(self):
        graph = world(age_days=100, domain=range(40))
        (why,) = why_held(graph, flags(range(11)), before(graph), LIMITS)
        assert "of one organisation" in why

    def test_a_fleets_own_fresh_domain_is_no_organisation(self):
        graph = world(age_days=5, domain=range(40))
        assert why_held(graph, flags(range(40)), before(graph), LIMITS) == []

    def test_no_sentence_names_anybody(self):
        graph = world(age_days=100, domain=range(40))
        told = " ".join(why_held(graph, flags(range(200)), before(graph), LIMITS))
        assert "firm" not in told
        assert "a0000" not in told
