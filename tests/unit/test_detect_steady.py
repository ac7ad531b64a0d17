"""Rings that stay as they were, and rings that a person keeps apart."""

from __future__ import annotations

import numpy as np
import pytest
from planted import crowd, graph_of, plant

from ringfinder.detect.classes import strata
from ringfinder.detect.keep_apart import Sides, keep_apart
from ringfinder.detect.refine import Communities
from ringfinder.detect.steady import steady
from ringfinder.evidence.background import background
from ringfinder.evidence.incidence import shared_values
from ringfinder.evidence.lifts import log_lifts

N = 2000
ONE, OTHER = range(30), range(30, 60)
THINGS = {
    "one": {"device": ["dA1", "dA2"], "email_domain": ["mA"], "prompt_fingerprint": ["pA"]},
    "other": {"device": ["dB1", "dB2"], "email_domain": ["mB"], "prompt_fingerprint": ["pB"]},
}


STYLE = {"card_bin": ["bank"], "user_agent": ["tool"]}
BRIDGE = [0, 30]


def measured(one="one", other="other", pool=True, both=None, bridge=False, addresses=()):
    """Two groups of thirty, each with the things named, and one network if in a pool.

    `both`: things that all sixty have; `bridge`: one prompt that one of each used; `addresses`:
    who shares three addresses.
    """
    columns = crowd(N)
    plant(columns, ONE, THINGS[one])
    plant(columns, OTHER, THINGS[other], seed=2)
    plant(columns, range(60), both or {})
    if pool:
        plant(columns, range(60), {"ip_network": ["proxy"]})
    if bridge:
        plant(columns, BRIDGE, {"prompt_fingerprint": ["seldom"]})
    columns["ip"] = [None] * N
    plant(columns, addresses, {"ip": ["i1", "i2", "i3"]})
    graph = graph_of(columns)
    shared = shared_values(graph)
    return shared, background(shared, strata(graph))


def groups(*accounts):
    out = np.full(N, -1, np.int32)
    for number, some in enumerate(accounts):
        out[list(some)] = number
    return out


def communities(shared, back, *accounts):
    community = groups(*accounts)
    nats = np.where(community >= 0, 5.0, -np.inf)
    return Communities(community, nats, log_lifts(shared, back, community), 1)


def sets(found: Communities) -> set[frozenset[int]]:
    return {
        frozenset(np.flatnonzero(found.community == number).tolist())
        for number in range(int(found.community.max(initial=-1)) + 1)
    }


class TestSteady:
    @pytest.mark.parametrize("other", ["one", "other"])
    def test_without_earlier_rings_parts_that_something_ties_stay_as_found(self, other):
        shared, back = measured(other=other, bridge=True)
        found = communities(shared, back, range(60))
        assert steady(shared, back, found, groups())[0] is found

    @pytest.mark.parametrize("rings", [(), (range(500, 530),), (range(60),)])
    def test_parts_that_nothing_ties_are_two_whatever_rings_there_were(self, rings):
        """The first night finds what the second does, and another's ring changes nothing."""
        shared, back = measured()
        found = communities(shared, back, range(60), range(500, 530))
        kept, origin = steady(shared, back, found, groups(*rings), found.community)
        assert {frozenset(ONE), frozenset(OTHER)} < sets(kept)
        assert 0 in origin
        assert sets(kept) == sets(steady(shared, back, found, groups())[0])

    def test_two_rings_do_not_become_one_for_a_pool_they_share(self):
        shared, back = measured()
        found = communities(shared, back, range(60))
        kept, origin = steady(shared, back, found, groups(ONE, OTHER))
        assert sets(kept) == {frozenset(ONE), frozenset(OTHER)}
        assert origin.tolist() == [0, 0]
        assert np.isfinite(kept.nats[:60]).all()

    def test_two_rings_become_one_where_the_one_took_over_the_others_things(self):
        shared, back = measured(other="one")
        found = communities(shared, back, range(60))
        kept, _ = steady(shared, back, found, groups(ONE, OTHER))
        assert sets(kept) == {frozenset(range(60))}

    def test_a_ring_stays_one_while_its_parts_pass_each_others_test(self):
        shared, back = measured(other="one")
        found = communities(shared, back, ONE, OTHER)
        kept, origin = steady(shared, back, found, groups(range(60)))
        assert sets(kept) == {frozenset(range(60))}
        assert len(origin) == 1

    def test_a_ring_becomes_two_where_a_part_has_things_of_its_own(self):
        shared, back = measured()
        found = communities(shared, back, ONE, OTHER)
        kept, _ = steady(shared, back, found, groups(range(60)))
        assert sets(kept) == {frozenset(ONE), frozenset(OTHER)}

    def test_a_division_waits_for_a_second_night_that_finds_it(self):
        shared, back = measured(bridge=True)
        found = communities(shared, back, ONE, OTHER)
        before = groups(range(60))
        first, _ = steady(shared, back, found, before, groups(range(60)))
        assert sets(first) == {frozenset(range(60))}
        second, _ = steady(shared, back, found, before, found.community)
        assert sets(second) == {frozenset(ONE), frozenset(OTHER)}

    def test_parts_alike_in_bank_and_client_alone_do_not_stay_one(self):
        shared, back = measured(both=STYLE, bridge=True)
        found = communities(shared, back, ONE, OTHER)
        kept, _ = steady(shared, back, found, groups(range(60)), found.community)
        assert sets(kept) == {frozenset(ONE), frozenset(OTHER)}

    @pytest.mark.parametrize("searched", [(range(60),), (ONE, OTHER)], ids=["one", "two"])
    def test_parts_that_nothing_ties_are_two_at_once_whatever_was_found(self, searched):
        shared, back = measured(both=STYLE, addresses=range(400))
        found = communities(shared, back, *searched)
        kept, _ = steady(shared, back, found, groups(range(60)), groups(range(60)))
        assert sets(kept) == {frozenset(ONE), frozenset(OTHER)}

    def test_addresses_that_hardly_anybody_else_has_keep_a_ring_one(self):
        shared, back = measured(both=STYLE, addresses=range(60))
        found = communities(shared, back, range(60))
        kept, _ = steady(shared, back, found, groups(range(60)), groups(range(60)))
        assert kept is found

    def test_two_rings_found_as_one_wait_for_a_second_night_too(self):
        shared, back = measured(other="one")
        found, before = communities(shared, back, range(60)), groups(ONE, OTHER)
        first, _ = steady(shared, back, found, before, before)
        assert sets(first) == {frozenset(ONE), frozenset(OTHER)}
        second, _ = steady(shared, back, found, before, found.community)
        assert sets(second) == {frozenset(range(60))}

    def test_that_yesterdays_search_found_none_of_them_is_no_second_night(self):
        shared, back = measured(other="one")
        found, before = communities(shared, back, range(60)), groups(ONE, OTHER)
        waits, _ = steady(shared, back, found, before, groups())
        assert sets(waits) == {frozenset(ONE), frozenset(OTHER)}
        decided, _ = steady(shared, back, found, before, None)
        assert sets(decided) == {frozenset(range(60))}

    def test_newcomers_of_a_cut_community_go_where_their_things_are(self):
        shared, back = measured()
        found = communities(shared, back, range(60))
        kept, _ = steady(shared, back, found, groups(range(25), range(30, 55)))
        assert sets(kept) == {frozenset(ONE), frozenset(OTHER)}

    def test_a_few_strays_of_another_ring_cut_nothing(self):
        shared, back = measured(other="one")
        found = communities(shared, back, range(35), range(35, 60))
        kept, _ = steady(shared, back, found, groups(ONE, [*range(33, 60)]))
        assert sets(kept) == sets(found)


class TestKeepApart:
    def sides(self, one, other):
        return [Sides(np.array(list(one), np.int64), np.array(list(other), np.int64))]

    def test_rings_named_by_their_members_are_cut_even_if_they_are_one(self):
        shared, back = measured(other="one")
        found = communities(shared, back, range(60))
        kept, origin = keep_apart(shared, back, found, self.sides(ONE, OTHER))
        assert sets(kept) == {frozenset(ONE), frozenset(OTHER)}
        assert origin.tolist() == [0, 0]

    def test_two_accounts_are_enough_where_their_things_tell_the_rest(self):
        shared, back = measured()
        found = communities(shared, back, range(60))
        kept, _ = keep_apart(shared, back, found, self.sides([3], [40]))
        assert sets(kept) == {frozenset(ONE), frozenset(OTHER)}

    def test_what_is_apart_already_is_left_alone(self):
        shared, back = measured()
        found = communities(shared, back, ONE, OTHER)
        assert keep_apart(shared, back, found, self.sides(ONE, OTHER))[0] is found

    def test_other_communities_keep_their_members(self):
        shared, back = measured()
        rest = range(100, 120)
        found = communities(shared, back, range(60), rest)
        kept, origin = keep_apart(shared, back, found, self.sides(ONE, OTHER))
        assert frozenset(rest) in sets(kept)
        assert sorted(origin.tolist()) == [0, 0, 1]

    @pytest.mark.parametrize("one", [[], [500]])
    def test_nobody_on_a_side_cuts_nothing(self, one):
        shared, back = measured()
        found = communities(shared, back, range(60))
        assert keep_apart(shared, back, found, self.sides(one, OTHER))[0] is found

    def test_an_account_on_both_sides_is_nobodys(self):
        shared, back = measured()
        found = communities(shared, back, range(60))
        kept, _ = keep_apart(shared, back, found, self.sides([*ONE, 45], OTHER))
        assert kept.community[45] == kept.community[44]
