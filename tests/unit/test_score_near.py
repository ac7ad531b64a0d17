"""Accounts near fleets: who is scored, who is admitted, and who is ranked."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from planted import crowd, graph_of, plant
from scipy.special import expit

from ringfinder.detect.refine import refine
from ringfinder.evidence.background import background
from ringfinder.evidence.incidence import shared_values
from ringfinder.evidence.lifts import log_lifts
from ringfinder.evidence.membership import Odds, membership_odds
from ringfinder.schema import FAMILIES, FAMILY_OF_KIND
from ringfinder.score.assess import families_per_member
from ringfinder.score.near import (
    ADMIT_NATS,
    NEAR_NATS,
    SURE,
    admit,
    admit_again,
    near_fleets,
    near_score,
)
from ringfinder.score.verdicts import FLEET, FLEET_WITHOUT_USE

ACCOUNTS = 1_500
COMPANY, MEMBERS = range(300, 420), range(100, 160)
NEAR, FAINT, STRANGER = range(700, 716), range(720, 780), 900
NOBODY = np.zeros(0, dtype=np.int64)


def odds(*rows):
    """(account, community, nats, families) as a search gives them."""
    account, community, nats, families = zip(*sorted(rows), strict=True) if rows else ((),) * 4
    return Odds(
        np.array(account, dtype=np.int32),
        np.array(community, dtype=np.int32),
        np.array(nats, dtype=float),
        np.array(families, dtype=np.int8),
    )


@pytest.fixture(scope="module")
def world():
    columns = crowd(ACCOUNTS)
    plant(columns, MEMBERS, {"email_domain": ["x", "y"], "device": ["d1", "d2"]})
    plant(columns, COMPANY, {"email_domain": ["firm"], "ip_network": ["office"]})
    plant(columns, MEMBERS[:25], {"ip_network": ["pool"]})
    plant(columns, NEAR, {"device": ["d1"]})  # one family of the fleet's
    plant(columns, FAINT, {"device": ["d2"]})  # the same, of what more strangers have
    shared = shared_values(graph_of(columns))
    return shared, background(shared, np.zeros(ACCOUNTS, dtype=int))


def ring_of(*groups):
    ring = np.full(ACCOUNTS, -1, dtype=np.int32)
    for number, group in enumerate(groups):
        ring[list(group)] = number
    return ring


class TestNearFleets:
    def test_only_fleets_are_looked_at_and_under_their_own_numbers(self, world):
        shared, back = world
        ring = ring_of(COMPANY, MEMBERS)
        near = near_fleets(shared, back, ring, np.array([0.1, 0.95]), usage=True)
        assert set(near.community.tolist()) == {1}
        assert set(MEMBERS) <= set(near.account.tolist())
        turned = near_fleets(
            shared, back, ring_of(MEMBERS, COMPANY), np.array([0.95, 0.1]), usage=True
        )
        assert set(turned.community.tolist()) == {0}
        assert np.array_equal(turned.account, near.account)
        assert np.array_equal(turned.nats, near.nats)

    def test_odds_are_those_of_the_search_down_to_the_limit(self, world):
        shared, back = world
        near = near_fleets(shared, back, ring_of(MEMBERS), np.array([0.95]), usage=True)
        lifts = log_lifts(shared, back, ring_of(MEMBERS))
        every = membership_odds(shared, lifts, threshold=-99.0, minimum_families=1)
        forgiven = membership_odds(
            shared, lifts, threshold=NEAR_NATS, minimum_families=1, forgive_misses=True
        )
        assert np.array_equal(near.account, forgiven.account)
        assert np.array_equal(near.nats, forgiven.nats)
        told = every.only(every.nats > NEAR_NATS)
        near = near.only(near.nats > NEAR_NATS)
        assert np.array_equal(near.account, told.account)
        assert np.array_equal(near.nats, told.nats)
        assert NEAR_NATS < near.nats.min() < 0
        assert len(told.account) < len(every.account)

    def test_one_family_is_enough_to_be_near(self, world):
        shared, back = world
        near = near_fleets(shared, back, ring_of(MEMBERS), np.array([0.95]), usage=True)
        assert set(near.families[np.isin(near.account, NEAR)].tolist()) == {1}
        assert STRANGER not in near.account

    def test_what_no_member_shows_lowers_the_odds_and_does_not_hide_the_account(self):
        columns = crowd(ACCOUNTS)
        columns["payment_fingerprint"] = [f"card {number}" for number in range(ACCOUNTS)]
        plant(columns, MEMBERS, {"payment_fingerprint": ["card"], "device": ["d1", "d2"]})
        plant(columns, range(700, 701), {"payment_fingerprint": ["card"], "device": ["fresh"]})
        shared = shared_values(graph_of(columns))
        back = background(shared, np.zeros(ACCOUNTS, dtype=int))
        ring, probability = ring_of(MEMBERS), np.array([0.95])
        near = near_fleets(shared, back, ring, probability, usage=True)
        (row,) = np.flatnonzero(near.account == 700)
        assert near.nats[row] < NEAR_NATS
        score = near_score(ring, near, probability, NOBODY)[700]
        assert score == pytest.approx(expit(near.nats[row]) * 0.95)
        assert score > 0.01

    def test_without_fleets_nobody_is_near(self, world):
        shared, back = world
        near = near_fleets(
            shared, back, ring_of(MEMBERS, COMPANY), np.array([0.4, 0.1]), usage=True
        )
        assert not len(near.account)

    def test_what_is_called_a_fleet_without_use_decides_without_use(self, world):
        shared, back = world
        between = np.array([(FLEET + FLEET_WITHOUT_USE) / 2])
        ring = ring_of(MEMBERS)
        assert len(near_fleets(shared, back, ring, between, usage=True).account)
        assert not len(near_fleets(shared, back, ring, between, usage=False).account)


class TestAdmit:
    sure = np.array([0.99, SURE - 1e-6])
    outside = np.full(4, -1, dtype=np.int32)
    nothing = np.full(4, -np.inf)

    def admitted(self, *rows, ring=None, nats=None, probability=None):
        ring = self.outside if ring is None else np.array(ring, dtype=np.int32)
        nats = self.nothing if nats is None else np.array(nats, dtype=float)
        found, odds_in = admit(
            ring, nats, odds(*rows), self.sure if probability is None else probability
        )
        return found.tolist(), odds_in.tolist()

    def test_five_to_one_and_two_families_admit_to_a_fleet_beyond_doubt(self):
        ring, nats = self.admitted((2, 0, ADMIT_NATS + 0.01, 2))
        assert ring == [-1, -1, 0, -1]
        assert nats[2] == ADMIT_NATS + 0.01
        assert nats[0] == -np.inf

    @pytest.mark.parametrize(
        "row",
        [
            (2, 0, ADMIT_NATS, 2),  # not above five to one
            (2, 0, 9.0, 1),  # one family
            (2, 1, 9.0, 3),  # a fleet that may be none
        ],
    )
    def test_anything_less_does_not(self, row):
        assert self.admitted(row) == (self.outside.tolist(), self.nothing.tolist())

    def test_exactly_sure_is_sure(self):
        ring, _ = self.admitted((2, 0, 9.0, 2), probability=np.array([SURE]))
        assert ring[2] == 0

    def test_who_is_in_a_ring_stays_there_with_the_odds_it_had(self):
        ring, nats = self.admitted((2, 0, 9.0, 2), ring=[-1, -1, 1, -1], nats=[0, 0, 3.3, 0])
        assert ring[2] == 1
        assert nats[2] == 3.3

    def test_of_several_the_best_admits(self):
        both = np.array([0.99, 0.99])
        rows = (1, 0, 4.0, 2), (1, 1, 6.0, 2)
        assert self.admitted(*rows, probability=both)[0][1] == 1
        # better odds of a ring that may not admit do not stand in the way
        assert self.admitted(*rows, probability=self.sure)[0][1] == 0

    def test_what_was_given_is_left_as_it_was(self):
        ring, nats = self.outside.copy(), self.nothing.copy()
        admit(ring, nats, odds((2, 0, 9.0, 2)), self.sure)
        assert np.array_equal(ring, self.outside)
        assert np.array_equal(nats, self.nothing)


class TestNearScore:
    outside = np.full(4, -1, dtype=np.int32)

    def test_it_is_the_odds_times_the_fleet_cut_at_even(self):
        score = near_score(
            self.outside, odds((0, 0, -0.5, 1), (1, 0, 2.5, 2)), np.array([0.8]), NOBODY
        )
        assert score == pytest.approx([expit(-0.5) * 0.8, 0.5 * 0.8, 0.0, 0.0])

    def test_members_and_those_labelled_legitimate_have_none(self):
        ring = np.array([0, -1, -1, -1], dtype=np.int32)
        rows = odds((0, 0, 3.0, 2), (1, 0, 3.0, 2), (2, 0, 3.0, 2))
        score = near_score(ring, rows, np.array([1.0]), np.array([1]))
        assert score.tolist() == [0.0, 0.0, 0.5, 0.0]

    def test_the_nearest_ring_counts_not_the_likeliest_fleet(self):
        rows = odds((0, 0, -0.1, 1), (0, 1, -0.9, 1))
        score = near_score(self.outside, rows, np.array([0.6, 1.0]), NOBODY)
        assert score[0] == pytest.approx(expit(-0.1) * 0.6)

    def test_nobody_near_nobody_scored(self):
        assert not near_score(self.outside, odds(), np.array([0.9]), NOBODY).any()

    @settings(max_examples=50, deadline=None)
    @given(st.lists(st.floats(NEAR_NATS, 30), min_size=1, max_size=4), st.floats(0, 1))
    def test_more_odds_never_score_less_and_none_passes_one_half(self, nats, probability):
        nats = sorted(nats)
        rows = odds(*((account, 0, nat, 1) for account, nat in enumerate(nats)))
        score = near_score(self.outside, rows, np.array([probability]), NOBODY)[: len(nats)]
        assert np.all(np.diff(score) >= 0)
        assert np.all((score >= 0) & (score <= 0.5))


class TestFamiliesPerMember:
    def test_it_counts_the_families_whose_lifts_a_member_holds(self, world):
        shared, back = world
        found = refine(shared, back, ring_of(COMPANY, MEMBERS))
        families = families_per_member(shared, found)
        marks = set(zip(found.lifts.community.tolist(), found.lifts.value.tolist(), strict=True))
        for account in np.flatnonzero(found.community >= 0).tolist():
            held = shared.value[shared.account == account].tolist()
            speaks = {
                FAMILY_OF_KIND[int(shared.kind[value])]
                for value in held
                if (int(found.community[account]), value) in marks
            }
            assert families[account] == len(speaks)
        assert set(families[list(MEMBERS)].tolist()) == {2, 3}
        assert families.max() <= len(FAMILIES)

    def test_outside_there_are_none(self, world):
        shared, back = world
        families = families_per_member(shared, refine(shared, back, ring_of(MEMBERS)))
        assert not families[list(NEAR)].any()
        assert not families[STRANGER]

    def test_without_communities_there_are_none(self, world):
        shared, back = world
        assert not families_per_member(shared, refine(shared, back, ring_of())).any()


def test_five_to_one_is_less_than_rings_ask_and_more_than_being_near():
    assert NEAR_NATS < 0 < ADMIT_NATS < math.log(20)


class TestAdmitAgain:
    """Five who know the fleet's domain bring a device; who has that device is its fleet's too."""

    FIRST, THEN = range(500, 505), range(510, 511)

    def admitted(self, first=FIRST):
        columns = crowd(ACCOUNTS)
        plant(columns, MEMBERS, {"email_domain": ["x"], "ip_network": ["pool"]})
        plant(columns, MEMBERS[:25], {"device": ["d1", "d2"]})
        plant(columns, [*first, *self.THEN], {"ip_network": ["pool"], "device": ["theirs"]})
        plant(columns, first, {"email_domain": ["x"]})
        shared = shared_values(graph_of(columns))
        back = background(shared, np.zeros(ACCOUNTS, dtype=int))
        probability = np.array([0.99])
        ring, nats = ring_of(MEMBERS), np.zeros(ACCOUNTS)
        near = near_fleets(shared, back, ring, probability, usage=True)
        once, nats = admit(ring, nats, near, probability)
        twice, _ = admit_again(shared, back, once, nats, near, probability, usage=True)
        return once, twice

    def test_who_shares_with_the_admitted_is_admitted_after_them(self):
        once, twice = self.admitted()
        assert (once[list(self.FIRST)] == 0).all()
        assert (once[list(self.THEN)] == -1).all()
        assert (twice[list(self.THEN)] == 0).all()

    def test_where_nobody_was_admitted_nobody_is_admitted_again(self):
        once, twice = self.admitted(first=range(0))
        assert (once[list(self.THEN)] == -1).all()
        assert np.array_equal(once, twice)
