"""Accounts enter and leave until nothing moves; communities that are one join."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from planted import crowd, graph_of, plant

from ringfinder.detect import refine as detect_refine
from ringfinder.detect.find import find_communities
from ringfinder.detect.ledger import SETTLED
from ringfinder.detect.refine import (
    FREE_ROUNDS,
    JOIN_SHARE,
    JOIN_THROUGH,
    LAST_ROUND,
    MINIMUM_SIZE,
    Communities,
    compact,
    expel,
    join,
    keep_communities,
    refine,
)
from ringfinder.evidence.background import background
from ringfinder.evidence.incidence import shared_values
from ringfinder.evidence.lifts import THRESHOLD_NATS, Lifts, log_lifts
from ringfinder.evidence.membership import Odds, membership_odds
from ringfinder.evidence.pairs import pair_counts, pairs_beyond
from ringfinder.schema import CODE

ACCOUNTS = 3_000
FIRST, SECOND = range(100, 180), range(500, 560)


def world(columns):
    shared = shared_values(graph_of(columns))
    return shared, background(shared, np.zeros(shared.accounts, dtype=int))


def communities(*groups, accounts=ACCOUNTS):
    out = np.full(accounts, -1, dtype=np.int32)
    for number, group in enumerate(groups):
        out[list(group)] = number
    return out


def two_rings():
    columns = crowd(ACCOUNTS)
    plant(columns, FIRST, {"email_domain": ["x"], "device": ["d1", "d2"]})
    plant(columns, SECOND, {"email_domain": ["y"], "prompt_fingerprint": ["t1", "t2"]})
    return columns


def company_and_fleet(borrowed=3):
    """A company of 400 on one domain and network; a fleet of 60 wears its domain in places."""
    columns = crowd(ACCOUNTS)
    company, fleet = range(0, 400), range(1_000, 1_060)
    plant(columns, company, {"email_domain": ["firm"], "ip_network": ["office"]})
    plant(columns, fleet, {"device": ["d1", "d2"], "prompt_fingerprint": ["t"]})
    plant(columns, fleet[:borrowed], {"email_domain": ["firm"], "ip_network": ["office"]})
    return columns, company, fleet


def groups_of(community):
    return {
        frozenset(np.flatnonzero(community == number).tolist())
        for number in range(int(community.max(initial=-1)) + 1)
    }


class TestRefine:
    def test_members_left_out_enter_and_strangers_let_in_leave(self):
        shared, back = world(two_rings())
        first = communities([*FIRST[:40], *range(2_000, 2_010)], SECOND)
        found = refine(shared, back, first)
        assert groups_of(found.community) == {frozenset(FIRST), frozenset(SECOND)}
        assert np.array_equal(found.nats > THRESHOLD_NATS, found.community >= 0)
        assert np.all(np.isneginf(found.nats[found.community < 0]))

    def test_what_nothing_holds_together_dissolves(self):
        shared, back = world(crowd(ACCOUNTS))
        found = refine(shared, back, communities(range(100), range(200, 260)))
        assert found.lifts.communities == 0
        assert np.all(found.community == -1)
        assert np.all(np.isneginf(found.nats))

    def test_without_first_members_there_is_nothing_to_do(self):
        shared, back = world(two_rings())
        found = refine(shared, back, communities())
        assert found.rounds == 1
        assert np.all(found.community == -1)

    def test_two_halves_of_one_ring_join(self):
        shared, back = world(two_rings())
        found = refine(shared, back, communities(FIRST[::2], FIRST[1::2]))
        assert groups_of(found.community) == {frozenset(FIRST)}

    def test_two_rings_do_not_join(self):
        shared, back = world(two_rings())
        found = refine(shared, back, communities(FIRST, SECOND))
        assert groups_of(found.community) == {frozenset(FIRST), frozenset(SECOND)}

    def test_the_result_is_measured_on_the_final_members(self):
        shared, back = world(two_rings())
        found = refine(shared, back, communities(FIRST[:50], SECOND[:40]))
        lifts = log_lifts(shared, back, found.community)
        assert np.array_equal(found.lifts.nats, lifts.nats)
        assert found.lifts.size.tolist() == [80, 60]

    def test_accounts_that_come_and_go_for_ever_may_only_leave_at_last(self, monkeypatch):
        shared, back = world(two_rings())
        states = [communities(FIRST), communities(FIRST[10:], accounts=ACCOUNTS)]
        asked = []

        def flip(*_):
            asked.append(len(asked))
            return states[len(asked) % 2], np.full(ACCOUNTS, 5.0)

        monkeypatch.setattr(detect_refine, "best_community", flip)
        found = refine(shared, back, states[0])
        assert FREE_ROUNDS < found.rounds <= LAST_ROUND
        assert groups_of(found.community) == {frozenset(FIRST[10:])}

    @settings(max_examples=10, deadline=None)
    @given(st.integers(0, 10_000))
    def test_it_ends_where_nothing_moves(self, seed):
        rng = np.random.default_rng(seed)
        columns = crowd(1_000, seed=seed)
        kinds = ["email_domain", "device", "prompt_fingerprint", "ip_network", "card_bin"]
        for _ in range(4):  # overlapping groups that share two or three kinds, some near the cap
            start, size = rng.integers(0, 700), rng.integers(5, 300)
            names = rng.choice(kinds, rng.integers(2, 4), replace=False)
            pool = [f"v{rng.integers(0, 4)}" for _ in range(rng.integers(1, 6))]
            plant(columns, range(start, start + size), dict.fromkeys(names, pool), seed=seed)
        shared, back = world(columns)
        found = refine(shared, back, rng.integers(-1, 6, 1_000).astype(np.int32))
        assert 1 <= found.rounds <= LAST_ROUND
        sizes = np.bincount(found.community[found.community >= 0])
        assert np.all(sizes >= MINIMUM_SIZE)
        if found.rounds < LAST_ROUND:
            again = refine(shared, back, found.community).community >= 0
            before = found.community >= 0
            assert np.count_nonzero(again != before) <= 10 * SETTLED * before.sum()


class TestWhatChangesNothing:
    def found(self, columns):
        shared, back = world(columns)
        counts = pair_counts(shared)
        pairs = pairs_beyond(shared, back, counts=counts)
        return find_communities(shared, back, counts, pairs, 15.0, seed=0).community

    def messy(self):
        columns = two_rings()
        columns["user_agent"][1_000:1_300] = ["odd"] * 300
        domains = ["y", "z", "v", "w"]  # one of them the second ring's
        plant(columns, range(1_000, 1_300), {"email_domain": domains, "ip_network": ["p", "q"]})
        return columns

    def test_the_order_of_accounts(self):
        columns = self.messy()
        order = np.random.default_rng(4).permutation(ACCOUNTS)
        shuffled = {name: [column[i] for i in order] for name, column in columns.items()}
        straight, back = self.found(columns), np.full(ACCOUNTS, -1)
        back[order] = self.found(shuffled)
        assert len(groups_of(straight)) == 3
        assert groups_of(back) == groups_of(straight)

    def test_an_unrelated_ring(self):
        columns = self.messy()
        alone = groups_of(self.found(columns))
        plant(columns, range(2_000, 2_100), {"email_domain": ["u"], "device": ["k1", "k2"]})
        assert groups_of(self.found(columns)) == alone | {frozenset(range(2_000, 2_100))}


class TestJoin:
    def test_a_fleet_that_borrows_a_companys_traits_does_not_swallow_the_company(self):
        columns = crowd(ACCOUNTS)
        fleet, company = range(1_000, 1_400), range(20)
        plant(columns, fleet, {"device": ["d1", "d2"], "prompt_fingerprint": ["t"]})
        worn = {"email_domain": ["firm"], "ip_network": ["office"], "card_bin": ["bank"]}
        for group in (company, fleet[:36]):
            plant(columns, group, worn)
        for name in ("device", "prompt_fingerprint"):  # nothing that speaks against joining
            columns[name][:20] = [None] * 20
        shared, back = world(columns)
        parts = communities(fleet, company)
        lifts = log_lifts(shared, back, parts)
        passing = membership_odds(shared, lifts)
        assert {*company} <= {*passing.account[passing.community == 0].tolist()}
        assert np.array_equal(join(shared, parts, parts, lifts), parts)

    def test_a_second_wave_on_the_devices_and_cards_of_a_fleet_joins_it(self):
        columns = crowd(ACCOUNTS) | {"payment_fingerprint": [f"c{n}" for n in range(ACCOUNTS)]}
        fleet, wave, family = range(100, 170), range(500, 510), range(600, 604)
        dealt = {"device": [f"phone{n}" for n in range(14)],
                 "payment_fingerprint": [f"card{n}" for n in range(14)]}  # fmt: skip
        for group in (fleet, wave, family):
            plant(columns, group, dealt, seed=group[0])
        shared, back = world(columns)
        parts = communities(fleet, wave, family)
        lifts = log_lifts(shared, back, parts)
        dealt_out = np.isin(shared.kind[lifts.value], [CODE[name] for name in dealt])
        assert (lifts.inside < JOIN_THROUGH * 70)[dealt_out & (lifts.community == 0)].mean() > 0.8
        joined = join(shared, parts, parts, lifts)
        assert set(joined[list(wave)].tolist()) == {0}
        assert set(joined[list(family)].tolist()) == {2}

    @settings(max_examples=60, deadline=None)
    @given(
        st.lists(st.integers(4, 7), min_size=1, max_size=6),
        st.randoms(use_true_random=False),
    )
    def test_each_goes_to_the_larger_one_that_most_of_it_pass_and_on_to_where_that_goes(
        self, sizes, random
    ):
        parts = np.repeat(np.arange(len(sizes)), sizes).astype(np.int32)
        members = [np.flatnonzero(parts == number).tolist() for number in range(len(sizes))]
        passed = sorted(
            (account, column)
            for column in range(len(sizes))
            for group in members
            for account in group[: random.choice([0, 2, len(group) - 1, len(group)])]
        )
        table = np.array(passed, dtype=np.int32).reshape(-1, 2)
        odds = Odds(table[:, 0], table[:, 1], np.ones(len(table)), np.ones(len(table)))

        def of(among):
            kept = among[odds.account]
            return Odds(*(getattr(odds, name)[kept] for name in Odds.__dataclass_fields__))

        none = np.zeros(0, dtype=np.int32)
        size = np.array(sizes, dtype=float)
        lifts = Lifts(
            len(sizes), size, size, size, none, none, none, np.zeros(0), none, np.zeros(0)
        )
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(detect_refine, "membership_odds", lambda *_, among, **__: of(among))
            shared = shared_values(graph_of(crowd(len(parts))))
            joined = join(shared, parts, parts, lifts)
        target = {}
        for row, k in enumerate(sizes):
            fit = []
            for column in range(len(sizes)):
                share = sum(parts[a] == row and c == column for a, c in passed) / k
                larger = (sizes[column], -column) > (k, -row)
                if larger and share >= JOIN_SHARE:
                    fit.append((share, sizes[column], -column))
            target[row] = -max(fit)[2] if fit else row
        for account, number in enumerate(parts.tolist()):
            root = number
            while target[root] != root:
                root = target[root]
            assert joined[account] == root

    def test_a_chain_of_joins_ends_under_one_number(self):
        shared, back = world(two_rings())
        parts = communities(FIRST[:40], FIRST[40:65], FIRST[65:], SECOND)
        joined = join(shared, parts, parts, log_lifts(shared, back, parts))
        assert len(np.unique(joined[list(FIRST)])) == 1
        assert np.array_equal(joined[list(SECOND)], parts[list(SECOND)])
        assert np.all(joined[parts < 0] == -1)

    def test_the_smaller_joins_the_larger(self):
        shared, back = world(two_rings())
        for parts in (communities(FIRST[:20], FIRST[20:]), communities(FIRST[20:], FIRST[:20])):
            joined = join(shared, parts, parts, log_lifts(shared, back, parts))
            assert set(joined[list(FIRST)].tolist()) == {parts[FIRST[-1]]}

    def test_accounts_on_the_move_follow_the_community_they_go_to(self):
        shared, back = world(two_rings())
        parts = communities(FIRST[:20], FIRST[20:], SECOND)
        best = parts.copy()
        best[5], best[SECOND[0]] = 0, -1
        joined = join(shared, best, parts, log_lifts(shared, back, parts))
        assert joined[5] == 1
        assert joined[SECOND[0]] == -1


class TestExpel:
    def test_a_part_with_nothing_in_common_goes(self):
        columns, company, fleet = company_and_fleet()
        shared, back = world(columns)
        whole = communities([*company, *fleet])
        found = Communities(whole, np.zeros(ACCOUNTS), log_lifts(shared, back, whole), 1)
        parts = communities(company, fleet)
        apart = expel(shared, back, found, parts)
        assert groups_of(apart.community) == {frozenset(company), frozenset(fleet)}
        assert np.all(np.isneginf(apart.nats[apart.community < 0]))
        assert np.all(apart.nats[apart.community >= 0] >= 0)

    def test_parts_that_are_one_come_together_again(self):
        shared, back = world(two_rings())
        found = refine(shared, back, communities(FIRST, SECOND))
        parts = communities(FIRST[:30], SECOND, FIRST[30:])
        again = expel(shared, back, found, parts)
        assert groups_of(again.community) == groups_of(found.community)

    def test_an_undivided_community_is_left_as_it_is(self):
        shared, back = world(two_rings())
        found = refine(shared, back, communities(FIRST, SECOND))
        assert expel(shared, back, found, found.community) is found


class TestKeepCommunities:
    @pytest.mark.parametrize("kept", [[True, False], [False, True], [True, True], [False, False]])
    def test_only_the_marked_ones_stay_in_their_order(self, kept):
        shared, back = world(two_rings())
        found = refine(shared, back, communities(FIRST, SECOND))
        left = keep_communities(shared, back, found, np.array(kept))
        rings = [FIRST, SECOND]
        assert left.lifts.communities == sum(kept)
        wanted = communities(*(ring for ring, keep in zip(rings, kept, strict=True) if keep))
        assert np.array_equal(left.community, wanted)
        assert np.array_equal(left.nats, np.where(wanted >= 0, found.nats, -np.inf))

    def test_where_all_stay_nothing_is_measured_again(self, monkeypatch):
        shared, back = world(two_rings())
        found = refine(shared, back, communities(FIRST, SECOND))
        nothing = refine(shared, back, communities())
        monkeypatch.setattr(detect_refine, "log_lifts", lambda *_: pytest.fail("it was measured"))
        assert keep_communities(shared, back, found, np.array([True, True])) is found
        assert keep_communities(shared, back, nothing, np.zeros(0, dtype=bool)) is nothing

    def test_lifts_of_those_that_stay_do_not_change(self):
        shared, back = world(two_rings())
        found = refine(shared, back, communities(FIRST, SECOND))
        left = keep_communities(shared, back, found, np.array([False, True]))
        second = found.lifts.community == 1
        assert np.array_equal(left.lifts.nats, found.lifts.nats[second])


labels = st.lists(st.integers(-1, 6), min_size=1, max_size=60).map(np.array)


@settings(max_examples=60, deadline=None)
@given(labels)
def test_compact_keeps_large_groups_whole_and_numbers_them_by_size(label):
    out = compact(label)
    sizes = np.bincount(out[out >= 0])
    assert np.all(np.diff(sizes) <= 0)
    assert np.all(sizes >= MINIMUM_SIZE)
    large = {g for g in groups_of(label) if len(g) >= MINIMUM_SIZE}
    assert groups_of(out) == large
    assert np.array_equal(compact(out), out)
