"""Rings judged as a whole, mixed ones told apart, accounts scored."""

import dataclasses

import numpy as np
import pytest
from planted import DAY_MS, START_MS, crowd, graph_of, plant, use_of
from scipy.special import expit, logit

from ringfinder.detect.refine import refine
from ringfinder.evidence.background import background
from ringfinder.evidence.incidence import shared_values
from ringfinder.model import Verdict
from ringfinder.score import apart as score_apart
from ringfinder.score import assess as score_assess
from ringfinder.score.accounts import Traits
from ringfinder.score.apart import (
    ENOUGH_USE,
    let_go_established,
    marked_apart,
    unlike_ring,
)
from ringfinder.score.assess import assess
from ringfinder.score.features import NAMES
from ringfinder.score.judge import Weights

ACCOUNTS = 1_500
FLEET_MEMBERS, COMPANY = range(100, 160), range(300, 420)


def judge_by_answers_and_clock():
    """Weights by which use_of's machines are fleets, and its people are not."""
    weight = np.zeros(len(NAMES))
    weight[[NAMES.index("output_size"), NAMES.index("ring_wakefulness")]] = 3.0
    return Weights(-4.5, np.zeros(len(NAMES)), np.ones(len(NAMES)), weight)


@pytest.fixture(autouse=True)
def weights(monkeypatch):
    """The shipped weights are fitted anew now and then; these tests are about the steps."""
    fixed = judge_by_answers_and_clock()
    monkeypatch.setattr(score_assess, "shipped_weights", lambda *, usage: fixed)
    monkeypatch.setattr(score_apart, "shipped_weights", lambda *, usage: fixed)
    return fixed


def mask(members):
    out = np.zeros(ACCOUNTS, dtype=bool)
    out[list(members)] = True
    return out


def columns_of_both():
    columns = crowd(ACCOUNTS)
    plant(columns, FLEET_MEMBERS, {"email_domain": ["x", "y"], "device": ["d1", "d2"]})
    plant(columns, COMPANY, {"email_domain": ["firm"], "ip_network": ["office"]})
    return columns


def world(columns=None, machines=FLEET_MEMBERS, created=None):
    columns = columns_of_both() if columns is None else columns
    if created is None:
        created = START_MS + np.random.default_rng(5).integers(0, 90, ACCOUNTS) * DAY_MS
    graph = graph_of(columns, created_ms=created, profiles=use_of(mask(machines)))
    shared = shared_values(graph)
    return graph, shared, background(shared, np.zeros(ACCOUNTS, dtype=int))


def judged(*groups, built=None, **labels):
    graph, shared, back = world() if built is None else built
    first = np.full(ACCOUNTS, -1, dtype=np.int32)
    for number, group in enumerate(groups or (FLEET_MEMBERS, COMPANY)):
        first[list(group)] = number
    found = refine(shared, back, first)
    labels = {name: np.array(list(accounts)) for name, accounts in labels.items()}
    return assess(graph, shared, back, found, **labels), found


def ring_of(assessment, members):
    """The one ring that the given accounts are in."""
    (number,) = set(assessment.ring[list(members)].tolist())
    return number


class TestScores:
    def test_a_member_scores_as_member_times_fleet(self):
        one, found = judged()
        members = one.ring >= 0
        assert set(np.flatnonzero(members).tolist()) == {*FLEET_MEMBERS, *COMPANY}
        product = one.membership[members] * one.probability[one.ring[members]]
        assert np.array_equal(one.account_score[members], product)
        settled = members & (found.community >= 0)
        assert one.membership[settled] == pytest.approx(expit(found.nats[settled]))
        assert not one.membership[~members].any()

    def test_the_fleet_scores_high_and_the_company_low(self):
        one, _ = judged()
        assert one.account_score[list(FLEET_MEMBERS)].min() > 0.9
        assert one.account_score[list(COMPANY)].max() < 0.1
        assert one.verdict[ring_of(one, FLEET_MEMBERS)] is Verdict.FLEET
        assert one.verdict[ring_of(one, COMPANY)] is Verdict.ORGANISATION

    def test_nobody_outside_rings_passes_one_half(self):
        columns = columns_of_both()
        near = range(1_000, 1_040)  # one family of the fleet's, all of it
        plant(columns, near, {"device": ["d1"]})
        columns["user_agent"] = [
            "kit" if a in FLEET_MEMBERS or a in near else f"u{a % 50}" for a in range(ACCOUNTS)
        ]
        one, _ = judged(built=world(columns))
        outside = one.ring < 0
        assert one.account_score[outside].max() <= 0.5
        assert one.account_score[list(near)].min() > one.account_score[outside].mean()

    def test_scores_and_memberships_are_shares(self):
        one, _ = judged()
        for column in (one.membership, one.account_score, one.probability):
            assert np.all((column >= 0) & (column <= 1))

    def test_contributions_and_prior_add_up_to_the_odds(self):
        one, _ = judged(fraud=[100, 101], legitimate=[300])
        odds = one.prior_nats + one.contributions.sum(axis=1)
        assert odds == pytest.approx(logit(one.probability))

    def test_without_rings_nobody_is_near_anything(self):
        graph, shared, back = world()
        nothing = refine(shared, back, np.full(ACCOUNTS, -1, dtype=np.int32))
        one = assess(graph, shared, back, nothing)
        assert one.verdict == []
        assert len(one.probability) == len(one.origin) == 0
        assert not one.account_score.any()
        assert np.all(one.ring == -1)


class TestLabels:
    def test_a_legitimate_account_leaves_its_ring_and_scores_nothing(self):
        plain, _ = judged()
        one, _ = judged(legitimate=[110, 111])
        assert one.ring[[110, 111]].tolist() == [-1, -1]
        assert not one.membership[[110, 111]].any()
        assert not one.account_score[[110, 111]].any()
        others = np.setdiff1d(np.arange(ACCOUNTS), [110, 111])
        assert np.array_equal(one.ring[others], plain.ring[others])

    def test_it_does_not_clear_its_ring(self):
        one, _ = judged(legitimate=FLEET_MEMBERS[:3])
        assert one.verdict[ring_of(one, FLEET_MEMBERS[3:])] is Verdict.FLEET

    def test_fraud_raises_its_ring(self):
        plain, _ = judged()
        one, _ = judged(fraud=COMPANY[:2])
        company = ring_of(plain, COMPANY)
        assert one.probability[company] > plain.probability[company]
        assert np.array_equal(one.ring, plain.ring)

    def test_labels_outside_rings_change_nothing(self):
        plain, _ = judged()
        one, _ = judged(fraud=[1_200], legitimate=[1_201])
        assert np.array_equal(one.ring, plain.ring)
        assert np.array_equal(one.probability, plain.probability)

    def test_a_whole_ring_may_be_legitimate(self):
        one, _ = judged(legitimate=COMPANY)
        assert np.all(one.ring[list(COMPANY)] == -1)
        assert not one.account_score[list(COMPANY)].any()
        assert np.all(one.ring[list(FLEET_MEMBERS)] >= 0)


def infiltrated(fleet=60):
    """A company of 120 with an operator's accounts under its domain and in its office."""
    columns = crowd(ACCOUNTS)
    inside = range(420, 420 + fleet)
    whole = [*COMPANY, *inside]
    plant(columns, range(300, 420 + fleet), {"email_domain": ["firm"], "ip_network": ["office"]})
    plant(columns, inside, {"device": ["kit1", "kit2"], "prompt_fingerprint": ["t1", "t2"]})
    rng = np.random.default_rng(5)
    created = START_MS + rng.integers(0, 60, ACCOUNTS) * DAY_MS
    created[list(inside)] = START_MS + 85 * DAY_MS + rng.integers(0, DAY_MS, fleet)
    return world(columns, machines=inside, created=created), whole, inside


class TestTellApart:
    def test_established_accounts_are_not_flagged_with_those_who_wear_their_domain(self):
        built, whole, inside = infiltrated()
        one, found = judged(whole, built=built)
        assert len(found.lifts.size) == 1
        company = one.ring[list(COMPANY)]
        verdict = np.array([v is Verdict.FLEET for v in one.verdict] + [False])
        assert verdict[one.ring[list(inside)]].mean() > 0.95
        assert not verdict[company].any()
        assert one.account_score[list(COMPANY)].max() < 0.5
        assert set(one.origin.tolist()) == {0}

    def test_a_ring_of_one_mind_stays_whole(self):
        one, found = judged()
        assert np.array_equal(one.ring, found.community)
        assert one.origin.tolist() == [0, 1]

    def test_parts_that_deserve_one_verdict_stay_together(self, weights, monkeypatch):
        built, whole, _ = infiltrated()
        blind = dataclasses.replace(weights, weight=np.zeros(len(NAMES)))
        monkeypatch.setattr(score_assess, "shipped_weights", lambda *, usage: blind)
        monkeypatch.setattr(score_apart, "shipped_weights", lambda *, usage: blind)
        one, found = judged(whole, built=built)
        assert np.array_equal(one.ring, found.community)
        assert one.origin.tolist() == [0]


class TestAdmit:
    def test_a_sure_fleet_takes_in_who_hardly_missed_it_and_a_company_does_not(self):
        columns = columns_of_both()
        built = world(columns)
        graph, shared, back = built
        one, found = judged(built=built)
        fresh = (found.community < 0) & (one.ring >= 0)
        assert set(one.ring[fresh].tolist()) <= {ring_of(one, FLEET_MEMBERS)}
        hardly = dataclasses.replace(
            found,
            community=np.where(np.isin(np.arange(ACCOUNTS), [105, 305]), -1, found.community),
        )
        again = assess(graph, shared, back, hardly)
        assert again.ring[105] == ring_of(again, FLEET_MEMBERS)
        assert again.membership[105] > 0.8
        assert again.ring[305] == -1


@pytest.mark.parametrize("seed", [0, 1])
def test_the_order_of_accounts_changes_nothing(seed):
    columns = columns_of_both()
    straight, _ = judged(built=world(columns))
    order = np.random.default_rng(seed).permutation(ACCOUNTS)
    graph, _, _ = world(columns)
    profiles = dataclasses.replace(
        graph.profiles,
        **{
            name: getattr(graph.profiles, name)[order]
            for name in (
                "hours", "signup_hour", "active_days", "exchanges", "input_tokens",
                "output_tokens", "first_use_ms", "last_use_ms",
            )
        },
    )  # fmt: skip
    turned = graph_of(
        {name: [column[i] for i in order] for name, column in columns.items()},
        created_ms=graph.created_ms[order],
        profiles=profiles,
    )
    shared = shared_values(turned)
    back = background(shared, np.zeros(ACCOUNTS, dtype=int))
    first = np.full(ACCOUNTS, -1, dtype=np.int32)
    first[np.isin(order, FLEET_MEMBERS)] = 0
    first[np.isin(order, COMPANY)] = 1
    shuffled = assess(turned, shared, back, refine(shared, back, first))
    assert shuffled.account_score == pytest.approx(straight.account_score[order])
    assert sorted(shuffled.probability) == pytest.approx(sorted(straight.probability))


class TestMarkedApart:
    """A part that was chosen for how it behaves is condemned by what it shares."""

    def apart(self, **shared_by_part):
        columns = {name: crowd(200)[name] for name in ("device", "card_bin", "ip_network")}
        for name in columns:  # what the whole company has in common
            columns[name] = [f"{name}{n % 3}" for n in range(200)]
        for name, value in shared_by_part.items():
            columns[name][:20] = [value] * 20
        ring = np.arange(200) < 150
        part = np.arange(200) < 20
        return marked_apart(shared_values(graph_of(columns)), ring, part)

    def test_what_the_part_shares_with_the_rest_is_no_mark(self):
        assert not self.apart()

    def test_one_family_is_not_enough_and_two_are(self):
        assert not self.apart(device="kit")
        assert self.apart(device="kit", card_bin="virtual")
        assert not self.apart(ip_network="pool")
        assert self.apart(ip_network="pool", device="kit")


def traits_of(habit, used=True, pace=True):
    """Traits of accounts that differ in the length of their answers, and in their pace."""
    habit = np.asarray(habit, dtype=float)
    usual = np.zeros(len(habit))
    return Traits(np.full(len(habit), used), habit, habit if pace else usual, usual, usual)


def idle(graph):
    return traits_of(np.zeros(graph.accounts), used=False)


class TestLetGoEstablished:
    DAY_MS = 86_400_000

    def graph(self, days):
        created = (np.array(days) * self.DAY_MS).astype(np.int64) + 1_767_225_600_000
        return graph_of({"device": ["d"] * len(days)}, created_ms=created)

    def test_who_was_there_long_before_a_sprint_is_let_go(self):
        graph = self.graph([0.0] + [30 + 0.1 * n for n in range(40)])
        out = let_go_established(graph, np.zeros(41, dtype=np.int32), np.array([True]), idle(graph))
        assert out.tolist() == [-1] + [0] * 40

    def test_a_ring_that_is_no_fleet_lets_nobody_go(self):
        graph = self.graph([0.0] + [30 + 0.1 * n for n in range(40)])
        out = let_go_established(
            graph, np.zeros(41, dtype=np.int32), np.array([False]), idle(graph)
        )
        assert (out == 0).all()

    def test_first_trials_some_days_before_stay(self):
        graph = self.graph([25.0] + [30 + 0.1 * n for n in range(40)])
        out = let_go_established(graph, np.zeros(41, dtype=np.int32), np.array([True]), idle(graph))
        assert (out == 0).all()

    def test_a_slow_drip_has_no_before(self):
        graph = self.graph([2.0 * n for n in range(40)])
        out = let_go_established(graph, np.zeros(40, dtype=np.int32), np.array([True]), idle(graph))
        assert (out == 0).all()

    def test_of_the_first_tenth_who_acts_unlike_the_ring_is_let_go(self):
        graph = self.graph([30 + 0.01 * n for n in range(60)])
        ring, fleet = np.zeros(60, dtype=np.int32), np.array([True])
        machine = 4.0 + 0.1 * np.sin(np.arange(60))
        person = machine.copy()
        person[[2, 40]] = 0.0  # an early one, and one who came with the rest
        out = let_go_established(graph, ring, fleet, traits_of(person))
        assert np.flatnonzero(out < 0).tolist() == [2]
        assert (let_go_established(graph, ring, fleet, traits_of(machine)) == 0).all()
        assert (let_go_established(graph, ring, fleet, traits_of(person, used=False)) == 0).all()

    def test_a_ring_with_little_use_has_no_profile_to_be_unlike(self):
        size = np.full(40, 4.0)
        size[0] = 0.0
        traits = traits_of(size)
        assert unlike_ring(np.arange(40), traits).tolist() == [True] + [False] * 39
        assert not unlike_ring(np.arange(ENOUGH_USE - 1), traits).any()

    def test_one_wild_trait_alone_does_not_decide(self):
        habit = np.r_[np.full(39, 4.0), 0.0]
        assert unlike_ring(np.arange(40), traits_of(habit))[39]
        assert not unlike_ring(np.arange(40), traits_of(habit, pace=False))[39]


def test_one_of_seven_who_was_there_long_before_is_let_go_as_one_of_forty_is():
    created = (np.r_[0.0, 60 + 0.1 * np.arange(6)] * 86_400_000).astype(np.int64)
    graph = graph_of({"device": ["d"] * 7}, created_ms=created + 1_767_225_600_000)
    ring, fleet = np.zeros(7, dtype=np.int32), np.array([True])
    assert let_go_established(graph, ring, fleet, idle(graph)).tolist() == [-1] + [0] * 6


class TestStrangers:
    """Customers of one app, who answer at all hours: by weights alone they are a fleet."""

    CROWD = range(700, 760)

    def of(self, shared, fraud=()):
        columns = crowd(ACCOUNTS)
        columns |= {"user_agent": [f"b{n % 5}" for n in range(ACCOUNTS)],
                    "referrer": [f"r{n % 4}" for n in range(ACCOUNTS)]}  # fmt: skip
        plant(columns, self.CROWD, {"user_agent": ["app"], "referrer": ["shop"]} | shared)
        built = world(columns, machines=self.CROWD)
        judgement, _ = judged(self.CROWD, built=built, **({"fraud": fraud} if fraud else {}))
        return judgement

    def test_are_held_to_even_odds(self):
        judgement = self.of({})
        assert judgement.probability.max() == pytest.approx(0.5)
        assert Verdict.FLEET not in judgement.verdict
        assert judgement.account_score.max() <= 0.5

    def test_are_a_fleet_where_they_share_devices(self):
        assert self.of({"device": ["d1", "d2"]}).verdict == [Verdict.FLEET]

    def test_stay_what_they_are_when_one_of_them_is_labelled_fraud(self):
        judgement = self.of({}, fraud=[self.CROWD[0]])
        assert Verdict.FLEET not in judgement.verdict

    def test_are_none_any_more_when_a_person_called_a_third_of_them_fraud(self):
        assert self.of({}, fraud=self.CROWD[:20]).verdict == [Verdict.FLEET]
