"""From arrays of detection and scoring to what is published."""

import dataclasses
from types import SimpleNamespace

import numpy as np
import pytest
from planted import DAY_MS, START_MS, crowd, empty_profiles, graph_of, plant

from ringfinder.evidence.background import background
from ringfinder.evidence.incidence import shared_values
from ringfinder.evidence.lifts import log_lifts
from ringfinder.graph.columns import NEVER
from ringfinder.model import Decision, Lifecycle, Verdict
from ringfinder.pipeline.judgement import (
    CHALLENGE,
    GROWING_DAYS,
    decisions,
    inhabited,
    lifecycles,
    to_judgement,
    to_rings,
)
from ringfinder.score.assess import Assessment
from ringfinder.score.features import FEATURES, NAMES

END = 90  # days of data


def lives(created_days, last_days=None, closed=()):
    """A graph of accounts by day of sign-up and of last use; the last one ends the data."""
    accounts = len(created_days) + 1
    created = START_MS + np.array([*created_days, 0]) * DAY_MS
    last = np.full(accounts, NEVER)
    for at, day in enumerate(last_days or []):
        if day is not None:
            last[at] = START_MS + day * DAY_MS
    last[-1] = START_MS + END * DAY_MS
    profiles = dataclasses.replace(
        empty_profiles(accounts),
        last_use_ms=last,
        exchanges=np.arange(accounts) * 10,
        output_tokens=np.arange(accounts) * 1_000,
    )
    graph = graph_of(
        {"device": [str(n) for n in range(accounts)]}, created_ms=created, profiles=profiles
    )
    gone = graph.closed_ms.copy()
    gone[list(closed)] = START_MS + END * DAY_MS
    return dataclasses.replace(graph, closed_ms=gone)


def judged(ring, verdicts=(), score=None):
    """An assessment of the given rings; what is not told is even."""
    ring = np.asarray(ring, dtype=np.int32)
    rings = max(len(verdicts), int(ring.max(initial=-1)) + 1)
    verdict = list(verdicts) or [Verdict.FLEET] * rings
    member = ring >= 0
    table = np.arange(rings * len(NAMES), dtype=float).reshape(rings, len(NAMES))
    return Assessment(
        ring=ring,
        membership=np.where(member, 0.9, 0.0),
        features=table,
        contributions=-table,
        prior_nats=np.full(rings, -2.0),
        probability=np.linspace(0.9, 0.5, rings),
        verdict=verdict,
        account_score=np.where(member, 0.95, 0.1) if score is None else np.asarray(score),
        origin=np.arange(rings, dtype=np.int32),
        near=np.full(len(ring), -1, dtype=np.int32),
    )


class TestLifecycle:
    def of_ring(self, created, last, closed=()):
        graph = lives(created, last, closed)
        ring = np.r_[np.zeros(len(created), dtype=int), -1]
        last_seen = to_judgement(graph, judged(ring), np.zeros(1)).last_seen_ms
        return lifecycles(graph, ring, last_seen)[0]

    def test_a_ring_with_a_sign_up_within_the_last_week_grows(self):
        assert self.of_ring([10, 11, END - 3], [80, 80, None]) is Lifecycle.GROWING

    def test_a_ring_in_use_without_sign_ups_is_active(self):
        assert self.of_ring([10, 11, 12], [80, 80, END - 2]) is Lifecycle.ACTIVE

    def test_a_ring_without_anything_for_a_week_is_silent(self):
        assert self.of_ring([10, 11, 12], [40, 50, END - 9]) is Lifecycle.SILENT

    def test_a_ring_that_was_never_used_is_silent(self):
        assert self.of_ring([10, 11, 12], [None, None, None]) is Lifecycle.SILENT

    def test_where_nobodys_use_is_known_no_ring_is_called_silent(self):
        graph = lives([10, 11, 12])
        graph.profiles.last_use_ms[-1] = NEVER
        graph.created_ms[-1] = START_MS + END * DAY_MS
        ring = np.array([0, 0, 0, -1])
        last_seen = to_judgement(graph, judged(ring), np.zeros(1)).last_seen_ms
        assert lifecycles(graph, ring, last_seen) == [Lifecycle.ACTIVE]

    def test_a_ring_half_of_whose_accounts_were_closed_is_closed(self):
        assert self.of_ring([10, 11, END], [80, 80, END], closed=[0, 1]) is Lifecycle.CLOSED
        assert self.of_ring([10, 11, END], [80, 80, END], closed=[0]) is Lifecycle.GROWING

    def test_a_week_ends_to_the_millisecond(self):
        edge = END - GROWING_DAYS
        assert self.of_ring([edge, 2], [END, END]) is Lifecycle.ACTIVE
        assert self.of_ring([edge + 1e-7, 2], [END, END]) is Lifecycle.GROWING

    def test_without_rings_there_are_none(self):
        assert lifecycles(lives([1]), np.full(2, -1), np.zeros(0)) == []


class TestDecisions:
    def test_members_of_fleets_are_challenged_or_reviewed_and_nobody_else(self):
        ring = [0, 0, 1, 2, 3, -1]
        verdict = [Verdict.FLEET, Verdict.ORGANISATION, Verdict.HOUSEHOLD, Verdict.UNCLEAR]
        score = [CHALLENGE, CHALLENGE - 0.01, 0.99, 0.99, 0.99, 0.99]
        found = decisions(judged(ring, verdict, score))
        assert found == ["challenge", "review", "allow", "allow", "allow", "allow"]

    def test_nobody_is_ever_denied(self):
        ring = np.repeat(np.arange(-1, 4), 50)
        for verdict in Verdict:
            score = np.linspace(0, 1, len(ring))
            found = set(decisions(judged(ring, [verdict] * 4, score)))
            assert Decision.DENY not in found
            assert found <= set(Decision)

    def test_accounts_labelled_fraud_are_reviewed_at_least(self):
        ring, score = [0, 0, 1, -1, -1], [CHALLENGE, 0.5, 0.1, 0.0, 0.0]
        one = judged(ring, [Verdict.FLEET, Verdict.HOUSEHOLD], score)
        found = decisions(one, fraud=np.array([0, 1, 2, 3]))
        assert found == ["challenge", "review", "review", "review", "allow"]

    def test_without_rings_everybody_is_allowed(self):
        assert decisions(judged([-1, -1], score=[0.0, 1.0])) == ["allow", "allow"]


@pytest.fixture(scope="module")
def world():
    columns = crowd(1_000)
    plant(columns, range(100, 140), {"email_domain": ["x"], "device": ["d1", "d2"]})
    plant(columns, range(200, 220), {"email_domain": ["y"], "prompt_fingerprint": ["t"]})
    graph = graph_of(columns)
    shared = shared_values(graph)
    ring = np.full(1_000, -1)
    ring[100:140], ring[200:220] = 0, 1
    lifts = log_lifts(shared, background(shared, np.zeros(1_000, dtype=int)), ring)
    return graph, to_rings(graph, shared, lifts, judged(ring))


class TestRings:
    def test_evidence_comes_by_ring_the_weightiest_first(self, world):
        _, rings = world
        assert np.all(np.diff(rings.evidence_ring) >= 0)
        for number in range(2):
            nats = rings.evidence_nats[rings.evidence_ring == number]
            assert len(nats) >= 2
            assert np.all(np.diff(nats) <= 0)

    def test_counts_are_those_of_the_graph(self, world):
        graph, rings = world
        assert rings.size.tolist() == [40, 20]
        for at in range(len(rings.evidence_value)):
            holders = graph.account[graph.value == rings.evidence_value[at]]
            inside = (rings.ring[holders] == rings.evidence_ring[at]).sum()
            assert rings.evidence_total[at] == len(holders)
            assert rings.evidence_inside[at] == inside

    def test_what_was_planted_is_the_evidence(self, world):
        graph, rings = world
        names = graph.pseudonym.to_pylist()
        first = {names[value] for value in rings.evidence_value[rings.evidence_ring == 0]}
        assert {"email_domain:x", "device:d1", "device:d2"} <= first


class TestJudgement:
    def test_rings_are_dated_and_summed_over_their_members(self):
        graph = lives([5, 9, 30, 40], [None, 60, 50, None])
        found = to_judgement(graph, judged([0, 0, 1, 1, -1]), np.array([0.0, 0.01]))
        assert ((found.first_seen_ms - START_MS) // DAY_MS).tolist() == [5, 30]
        assert ((found.last_seen_ms - START_MS) // DAY_MS).tolist() == [60, 50]
        assert found.exchanges.tolist() == [10, 50]
        assert found.output_tokens.tolist() == [1_000, 5_000]
        assert found.fdr.tolist() == [0.0, 0.01]

    def test_every_feature_has_its_column_words_and_contribution(self):
        graph = lives([1, 2])
        one = judged([0, 0, -1])
        found = to_judgement(graph, one, np.zeros(1))
        assert list(found.features) == list(found.contributions) == list(NAMES)
        for at, feature in enumerate(FEATURES):
            assert found.features[feature.name].tolist() == one.features[:, at].tolist()
            assert found.contributions[feature.name].tolist() == one.contributions[:, at].tolist()
            assert (found.words[feature.name].words, found.words[feature.name].unit) == (
                feature.words, feature.unit,
            )  # fmt: skip

    def test_scores_and_verdicts_are_those_of_the_assessment(self):
        one = judged([0, 1, -1], [Verdict.FLEET, Verdict.HOUSEHOLD])
        found = to_judgement(lives([1, 2]), one, np.zeros(2))
        assert found.verdict == ["fleet", "household"]
        assert found.score is one.probability
        assert np.array_equal(found.prior_nats, one.prior_nats)

    def test_names_are_those_given_or_else_the_founders(self):
        graph, rings = lives([1, 2, 3, 4]), judged([0, 0, 1, 1, -1])
        given = to_judgement(graph, rings, np.zeros(2), names=["ring-old", "ring-new"])
        assert given.ring_id == ["ring-old", "ring-new"]
        founded = to_judgement(graph, rings, np.zeros(2)).ring_id
        assert len(set(founded)) == 2


class TestRingsThatLabelsEmptied:
    @pytest.mark.parametrize("ring", [[0, 0, 2, -1], [1, 1, 2, -1], [0, 1, 1, -1]])
    def test_are_dropped_and_the_others_keep_what_was_said_of_them(self, ring):
        whole = judged(ring, [Verdict.FLEET, Verdict.HOUSEHOLD, Verdict.UNCLEAR])
        near = [-1, -1, -1, ring[0]]
        whole = dataclasses.replace(whole, near=np.array(near, dtype=np.int32))
        left = inhabited(whole)
        kept = sorted({number for number in ring if number >= 0})
        assert np.array_equal(left.ring >= 0, whole.ring >= 0)
        for account, number in enumerate(ring):
            if number >= 0:
                assert kept[left.ring[account]] == number
        assert left.near.tolist() == [-1, -1, -1, kept.index(ring[0])]
        for name in ("features", "contributions", "prior_nats", "probability", "origin"):
            assert np.array_equal(getattr(left, name), getattr(whole, name)[kept])
        assert left.verdict == [whole.verdict[number] for number in kept]
        found = to_judgement(lives([1, 2, 3]), left, np.zeros(2))
        assert len(set(found.ring_id)) == len(found.lifecycle) == 2

    def test_where_all_are_inhabited_nothing_changes(self):
        whole = judged([0, 1, 1, -1])
        assert inhabited(whole) is whole


def test_an_account_whose_label_is_contradicted_returns_to_a_person():
    judged = SimpleNamespace(
        verdict=[Verdict.FLEET],
        ring=np.array([-1, -1, 0, 0]),
        account_score=np.array([0.0, 0.0, 0.95, 0.5]),
    )
    assert decisions(judged, np.array([1, 2])) == ["allow", "review", "challenge", "review"]
