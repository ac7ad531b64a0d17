"""Values that each tie two or three members, pooled: against plain sets, and in small stories."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import sparse

from ringfinder.evidence.background import background
from ringfinder.evidence.incidence import incidence
from ringfinder.evidence.lifts import THRESHOLD_NATS, log_lifts
from ringfinder.evidence.membership import membership_odds, own_odds
from ringfinder.evidence.pooled import ISLAND, held_values, pool_rates, pooled_links
from ringfinder.schema import CODE, KINDS

IP, CARD, DEVICE = (CODE[name] for name in ("ip", "payment_fingerprint", "device"))
MAILBOX, PROMPT = CODE["mailbox"], CODE["prompt_fingerprint"]


def graph(accounts, cells):
    """An incidence and its background of one class, from (account, kind, name) triples."""
    names = sorted({(kind, name) for _, kind, name in cells})
    code = {pair: number for number, pair in enumerate(names)}
    held = sorted({(account, code[kind, name]) for account, kind, name in cells})
    account, value = np.array(held).T
    kinds = np.array([kind for kind, _ in names], dtype=np.int8)
    shared = incidence(accounts, account, value, kinds)
    return shared, background(shared, np.zeros(accounts, dtype=int))


def dealt(members, pool, seed, kinds=(IP, CARD, DEVICE)):
    """An operator's hundred accounts: each gets an address, a card and a device at random."""
    rng = np.random.default_rng(seed)
    return [
        (account, kind, f"own {kind} {rng.integers(pool)}")
        for account in range(members)
        for kind in kinds
    ]


def alone(first, last):
    """Strangers: each shows an address, a card and a device of its own, held twice over."""
    return [
        (account, kind, f"pair {kind} {account // 2}")
        for account in range(first, last)
        for kind in (IP, CARD, DEVICE)
    ]


def community_of(accounts, members):
    """The first accounts in one community."""
    out = np.full(accounts, -1, dtype=np.int32)
    out[:members] = 0
    return out


class TestADealtPool:
    def test_members_who_share_each_value_with_one_other_belong(self):
        shared, back = graph(2_000, dealt(100, 50, 1) + alone(100, 2_000))
        community = community_of(2_000, 100)
        own = own_odds(shared, log_lifts(shared, back, community), community)
        assert (own.nats > THRESHOLD_NATS).mean() > 0.85

    def test_an_account_left_out_finds_its_way_back_through_values_held_once(self):
        cells = dealt(100, 50, 1)
        shared, back = graph(2_000, cells + alone(100, 2_000))
        community = community_of(2_000, 100)
        community[80:100] = -1
        odds = membership_odds(shared, log_lifts(shared, back, community))
        found = set(odds.account.tolist())
        assert len(found & set(range(80, 100))) >= 12
        assert not found & set(range(100, 2_000))

    def test_what_is_claimed_or_copied_is_not_pooled(self):
        shared, back = graph(2_000, dealt(100, 50, 1, kinds=(MAILBOX, PROMPT)))
        lifts = log_lifts(shared, back, community_of(2_000, 100))
        assert (lifts.inside >= 3).all()
        assert (lifts.holder < 0).all()

    def test_values_that_many_others_hold_link_nobody(self):
        crowd = [(100 + n, CARD, "own card 0") for n in range(50)]
        crowd += [(0, CARD, "own card 0"), (1, CARD, "own card 0")]
        shared, _ = graph(2_000, dealt(100, 50, 1, kinds=(IP, DEVICE)) + crowd)
        held = held_values(shared, community_of(2_000, 100))
        links = pooled_links(shared, community_of(2_000, 100), held)
        assert CARD not in shared.kind[held.value[links.rows]]


class TestIslands:
    def household(self, shared_with_the_rest):
        """Two accounts that share address and card, in a ring of twenty that deals both."""
        cells = dealt(20, 8, 3, kinds=(IP, CARD))
        for account in (20, 21):
            cells += [(account, IP, "home"), (account, CARD, "mother's")]
        if shared_with_the_rest:
            cells += [(0, IP, "home"), (1, CARD, "mother's")]
        shared, back = graph(3_000, cells + alone(22, 3_000))
        community = community_of(3_000, 22)
        lifts = log_lifts(shared, back, community)
        return own_odds(shared, lifts, community).nats[20:22]

    def test_members_tied_to_each_other_only_do_not_keep_each_other_in(self):
        assert (self.household(shared_with_the_rest=False) < THRESHOLD_NATS).all()

    def test_members_tied_to_the_rest_stay(self):
        assert (self.household(shared_with_the_rest=True) > THRESHOLD_NATS).all()

    def test_a_part_as_large_as_no_household_is_no_island(self):
        cells = dealt(40, 16, 5, kinds=(IP, CARD))
        for account in range(40, 40 + ISLAND):
            cells += [(account, IP, "office"), (account, CARD, "the card")]
        shared, _ = graph(3_000, cells + alone(60, 3_000))
        community = community_of(3_000, 40 + ISLAND)
        held = held_values(shared, community)
        links = pooled_links(shared, community, held)
        assert set(range(40, 40 + ISLAND)) <= set(links.account[links.member].tolist())


class TestEchoes:
    def test_a_child_is_linked_to_its_mother_once(self):
        """The mother's address is a fleet's proxy; the child shares her address and card."""
        cells = dealt(100, 50, 2) + alone(104, 3_000)
        cells += [(0, IP, "mother's"), (0, CARD, "hers"), (0, DEVICE, "tablet")]
        cells += [(101, IP, "mother's"), (101, CARD, "hers"), (101, DEVICE, "tablet")]
        shared, back = graph(3_000, cells)
        lifts = log_lifts(shared, back, community_of(3_000, 100))
        assert 101 not in membership_odds(shared, lifts).account

    def test_links_to_two_members_are_two_links(self):
        cells = dealt(100, 50, 2) + alone(104, 3_000)
        cells += [(0, IP, "one"), (1, CARD, "another"), (101, IP, "one"), (101, CARD, "another")]
        shared, back = graph(3_000, cells)
        lifts = log_lifts(shared, back, community_of(3_000, 100))
        assert 101 in membership_odds(shared, lifts).account


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 10_000))
def test_pools_count_what_plain_sets_count(seed):
    rng = np.random.default_rng(seed)
    cells = [
        (int(rng.integers(60)), int(rng.choice([IP, CARD, DEVICE, PROMPT])), int(rng.integers(40)))
        for _ in range(300)
    ]
    shared, back = graph(60, cells)
    community = rng.integers(-1, 3, 60).astype(np.int32)
    held = held_values(shared, community)
    links = pooled_links(shared, community, held)
    weight = np.zeros((int(community.max()) + 1, 1))
    pool, of, linked, _ = pool_rates(shared, back, held, links, weight=sparse.csr_array(weight))
    holders = {v: set(shared.account[shared.value == v].tolist()) for v in range(shared.values)}
    for number, key in enumerate(of.tolist()):
        group, kind = divmod(key, len(KINDS))
        values = held.value[links.rows[pool == number]].tolist()
        members = set(np.flatnonzero(community == group).tolist())
        assert all(shared.kind[v] == kind for v in values)
        expected = set()
        for v in values:
            inside = holders[v] & members
            expected |= inside if len(inside) >= 2 else set()
        assert linked[number] == len(expected)


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 10_000))
def test_the_only_holder_of_a_value_is_named(seed):
    rng = np.random.default_rng(seed)
    cells = [(int(rng.integers(30)), IP, int(rng.integers(25))) for _ in range(90)]
    shared, _ = graph(30, cells)
    community = rng.integers(-1, 2, 30).astype(np.int32)
    held = held_values(shared, community)
    for group, value, inside, holder in zip(
        held.community, held.value, held.inside, held.holder, strict=True
    ):
        who = shared.account[shared.value == value]
        members = who[community[who] == group]
        assert inside == len(members)
        assert holder == (members[0] if len(members) == 1 else -1)


def test_without_communities_there_is_nothing_to_pool():
    shared, back = graph(100, alone(0, 100))
    lifts = log_lifts(shared, back, np.full(100, -1, dtype=np.int32))
    assert len(lifts.value) == 0
    assert lifts.holder.dtype == np.int32


def test_the_lift_of_a_pool_is_capped_like_any_other():
    shared, back = graph(2_000, dealt(100, 50, 1) + alone(100, 2_000))
    lifts = log_lifts(shared, back, community_of(2_000, 100))
    assert lifts.nats.max() == pytest.approx(lifts.cap[0])
