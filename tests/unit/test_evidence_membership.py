"""How much an account's values speak for its belonging to a community."""

import dataclasses
import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from planted import crowd, graph_of, plant

from ringfinder.evidence import membership
from ringfinder.evidence.background import background
from ringfinder.evidence.incidence import incidence, shared_values
from ringfinder.evidence.lifts import (
    CONFIDENCE,
    LEAST_CAP,
    LEAST_PRIOR,
    MARK_NATS,
    MINIMUM_HOLDERS,
    MINIMUM_LIFT,
    SHRINKAGE,
    THRESHOLD_NATS,
    WORST_MISS,
    Lifts,
    log_lifts,
)
from ringfinder.evidence.membership import best_community, membership_odds, own_odds
from ringfinder.evidence.pooled import ISLAND, POOLED, SPARE_HOLDERS
from ringfinder.schema import CODE, FAMILY_OF_KIND, KINDS, OBSERVATION_OF_KIND, OBSERVATIONS

ACCOUNTS = 3_000
SOME_KINDS = [
    CODE[name]
    for name in (
        "ip", "ip_network", "payment_fingerprint", "card_bin", "email_domain", "phone",
        "device", "tls_fingerprint", "user_agent", "prompt_fingerprint", "signup_window",
    )
]  # fmt: skip


def planted(seed=1):
    columns = crowd(ACCOUNTS, seed=seed)
    plant(columns, range(200, 260), {"email_domain": ["x"], "prompt_fingerprint": ["t"]})
    plant(columns, range(400, 420), {"device": ["e", "f"], "email_domain": ["y", "z"]})
    shared = shared_values(graph_of(columns))
    community = np.full(ACCOUNTS, -1, dtype=np.int32)
    community[200:260] = 0
    community[400:420] = 1
    return shared, community


def everyone(shared):
    return background(shared, np.zeros(shared.accounts, dtype=int))


def one_ring(columns, members, accounts=ACCOUNTS):
    """Lifts of one ring of the given members in a graph, and the graph."""
    shared = shared_values(graph_of(columns))
    community = np.full(accounts, -1, dtype=np.int32)
    community[members] = 0
    return shared, log_lifts(shared, everyone(shared), community)


def odds_of(shared, lifts, account, community=0):
    """The account's odds, whatever they are."""
    odds = membership_odds(shared, lifts, threshold=-99.0, minimum_families=0)
    return float(odds.nats[(odds.account == account) & (odds.community == community)].item())


# ---- the rule of the module's docstring, once more, in plain Python -------------------------


def held_by(shared):
    held = [set() for _ in range(shared.accounts)]
    for account, value in zip(shared.account.tolist(), shared.value.tolist(), strict=True):
        held[account].add(value)
    return held


def plain_rate_outside(back, members, value, holders):
    """Rate of a value among trusted strangers, class by class as the members are spread."""
    classes = back.label.tolist()
    trusted = set(np.flatnonzero(back.innocent).tolist())
    inside = len(holders & members) * len(members & trusted) / len(members)
    known = len(holders & trusted)
    strangers = len(trusted) - len(members & trusted)
    overall = (max(known - inside, 0.0) + 1) / (strangers + 1)
    rate = lean = 0.0
    for number in range(back.classes):
        share = sum(classes[a] == number for a in members) / len(members)
        everybody = [a for a in trusted if classes[a] == number]
        holding = sum(a in holders for a in everybody)
        rate += share * (holding - inside * share) / (len(everybody) + SHRINKAGE)
        lean += share * SHRINKAGE * overall / (len(everybody) + SHRINKAGE)
    return max(rate, 0.0) + lean


def plain_nats(x, k, outside, cap):
    """The lift of what x of k members show; 0 where it says nothing."""
    if x < MINIMUM_HOLDERS:
        return 0.0
    inside = max((x - 1) - CONFIDENCE * math.sqrt(x - 1), 0.25) / k
    nats = min(math.log(inside / outside), cap)
    expected = max(outside * k, 1e-9)
    says = nats > MINIMUM_LIFT and x * math.log(x / expected) - (x - expected) > MARK_NATS
    return nats if says else 0.0


def plain_pools(shared, back, members, holders, cap):
    """Value -> the lift of its kind's pool."""
    own = {
        value: who
        for value, who in holders.items()
        if POOLED[shared.kind[value]] and len(who) <= 2 * len(who & members) + SPARE_HOLDERS
    }
    parts = []
    for value, who in own.items():
        touching = [part for part in parts if part[1] & who & members]
        parts = [part for part in parts if part not in touching]
        parts.append(
            (
                {value}.union(*(values for values, _ in touching)),
                (who & members).union(*(accounts for _, accounts in touching)),
            )
        )
    largest = max((len(accounts) for _, accounts in parts), default=0)
    mainland = {v for vs, accounts in parts if len(accounts) >= min(largest, ISLAND) for v in vs}
    classes, trusted = back.label.tolist(), set(np.flatnonzero(back.innocent).tolist())
    lifts = {}
    for kind in {int(shared.kind[value]) for value in mainland}:
        values = [value for value in mainland if shared.kind[value] == kind]
        within = [own[v] & members for v in values]
        linked = set().union(*(who for who in within if len(who) >= 2))
        strangers = set().union(*(own[v] - members for v in values)) & trusted
        overall = (len(strangers) + 1) / (len(trusted) + 1)
        rate = 0.0
        for number in range(back.classes):
            share = sum(classes[a] == number for a in members) / len(members)
            there = sum(classes[a] == number for a in trusted) + SHRINKAGE
            linking = sum(classes[a] == number for a in strangers)
            rate += share * (linking + SHRINKAGE * overall) / there
        lifts |= dict.fromkeys(values, plain_nats(len(linked), len(members), rate, cap))
    return lifts


def plain_ring(shared, back, held, members):
    """(prior, cap, (lift, only member that holds it) of each value, cost of missing each kind)."""
    k = len(members)
    prior = max(math.log(shared.accounts / k), LEAST_PRIOR)
    cap = max(prior, LEAST_CAP)
    holders = {
        value: {a for a in range(shared.accounts) if value in held[a]}
        for value in sorted(set().union(*(held[a] for a in members)))
    }
    pools = plain_pools(shared, back, members, holders, cap)
    lifts = {}
    for value, who in holders.items():
        x = len(who & members)
        nats = plain_nats(x, k, plain_rate_outside(back, members, value, who), cap)
        nats = max(nats, pools.get(value, 0.0))
        if nats:
            lifts[value] = nats, min(who & members) if x == 1 else -1
    miss = {}
    for kind in range(len(KINDS)):
        marks = {v for v in lifts if shared.kind[v] == kind}
        showing = [a for a in members if shared.shown[a, kind]]
        without = [a for a in showing if all(lifts[v][1] == a for v in held[a] & marks)]
        if len(without) < len(showing):
            cost = math.log((len(without) + 1) / (len(showing) + 2))
            miss[kind] = min(max(cost, WORST_MISS), 0.0)
    return prior, cap, lifts, miss


def plain_odds(shared, held, ring, account):
    """(log odds, families that speak) of one account and one community."""
    prior, cap, lifts, miss = ring
    strongest, hit = {}, set()
    said = {v: lifts[v] for v in sorted(held[account] & set(lifts)) if lifts[v][1] != account}
    single = {v: nats for v, (nats, holder) in said.items() if holder >= 0}
    if len({said[v][1] for v in single}) == 1:
        loudest = max(single, key=lambda v: (single[v], -v))
        said = {v: pair for v, pair in said.items() if v not in single or v == loudest}
    for value, (nats, _) in said.items():
        kind = int(shared.kind[value])
        hit.add(kind)
        seen = OBSERVATION_OF_KIND[kind]
        strongest[seen] = max(strongest.get(seen, 0.0), nats)
    said, worst = {}, {}
    for kind, family in enumerate(FAMILY_OF_KIND):
        if shared.shown[account, kind] and kind not in hit:
            worst[family] = min(worst.get(family, 0.0), miss.get(kind, 0.0))
    for seen, nats in strongest.items():
        family = FAMILY_OF_KIND[OBSERVATION_OF_KIND.index(seen)]
        said[family] = said.get(family, 0.0) + nats
    spare = sum(max(nats - cap, 0.0) for nats in said.values())
    odds = sum(min(nats, cap) for nats in said.values()) - prior
    odds += min(sum(worst.values()) + spare, 0.0)
    return odds, sum(nats >= MINIMUM_LIFT for nats in said.values())


def messy_world(seed):
    """Two or three communities that share values of many kinds, some accounts showing several."""
    rng = np.random.default_rng(seed)
    accounts = int(rng.integers(120, 320))
    community = np.full(accounts, -1, dtype=np.int32)
    for number in range(int(rng.integers(1, 4))):
        start = 35 * number
        community[start : start + int(rng.integers(4, 35))] = number
    cells, kinds = set(), []
    for kind in SOME_KINDS:
        pool = int(rng.integers(3, 120))
        first = len(kinds)
        kinds += [kind] * pool
        loyal = rng.random() * 0.9
        for account in np.flatnonzero(rng.random(accounts) < rng.uniform(0.4, 1.0)):
            for _ in range(int(rng.integers(1, 4))):
                value = int(rng.integers(0, pool))
                if community[account] >= 0 and rng.random() < loyal:
                    value = int(community[account]) % pool
                cells.add((int(account), first + value))
    table = np.array(sorted(cells))
    shared = incidence(accounts, table[:, 0], table[:, 1], np.array(kinds, dtype=np.int8))
    back = background(
        shared, rng.integers(0, int(rng.integers(1, 4)), accounts), rng.random(accounts) < 0.2
    )
    return shared, back, community


@settings(max_examples=30, deadline=None)
@given(
    st.integers(0, 10_000),
    st.sampled_from([(THRESHOLD_NATS, 2), (math.log(5), 2), (0.0, 1), (-6.0, 1)]),
)
def test_odds_equal_the_documented_rule_walked_account_by_account(seed, rule):
    shared, back, community = messy_world(seed)
    threshold, families = rule
    lifts = log_lifts(shared, back, community)
    odds = membership_odds(shared, lifts, threshold=threshold, minimum_families=families)
    found = {
        (a, c): (n, f)
        for a, c, n, f in zip(
            odds.account.tolist(),
            odds.community.tolist(),
            odds.nats.tolist(),
            odds.families.tolist(),
            strict=True,
        )
    }
    held = held_by(shared)
    for number in range(lifts.communities):
        ring = plain_ring(shared, back, held, set(np.flatnonzero(community == number).tolist()))
        rows = lifts.community == number
        assert lifts.prior[number] == pytest.approx(ring[0])
        assert lifts.cap[number] == pytest.approx(ring[1])
        marked = lifts.value[rows].tolist()
        assert dict(zip(marked, lifts.nats[rows].tolist(), strict=True)) == pytest.approx(
            {value: nats for value, (nats, _) in ring[2].items()}
        )
        assert lifts.holder[rows].tolist() == [ring[2][value][1] for value in marked]
        for kind in range(len(KINDS)):
            assert lifts.miss[number, kind] == pytest.approx(ring[3].get(kind, 0.0))
        for account in range(shared.accounts):
            nats, spoken = plain_odds(shared, held, ring, account)
            if nats > threshold + 1e-9 and spoken >= families:
                assert found.pop((account, number)) == (pytest.approx(nats), spoken)
            elif abs(nats - threshold) < 1e-9:
                found.pop((account, number), None)
    assert not found


# ---- what follows from it ---------------------------------------------------------------------


def test_kinds_of_one_observation_are_of_one_family():
    for number in range(len(OBSERVATIONS)):
        families = {
            family
            for family, seen in zip(FAMILY_OF_KIND, OBSERVATION_OF_KIND, strict=True)
            if seen == number
        }
        assert len(families) == 1


def test_members_pass_and_strangers_do_not():
    shared, community = planted()
    odds = membership_odds(shared, log_lifts(shared, everyone(shared), community))
    best, nats = best_community(odds, ACCOUNTS)
    assert np.array_equal(best, community)
    assert np.all((nats > THRESHOLD_NATS) == (community >= 0))


@pytest.mark.parametrize("size", [30, 60, 600, 1_500])
def test_one_family_alone_never_passes_however_large_the_ring(size):
    columns = {name: crowd(ACCOUNTS)[name] for name in ("device", "user_agent")}
    members = range(200, 200 + size)
    plant(columns, members, {"device": ["d1"], "user_agent": ["odd"]})
    columns["tls_fingerprint"] = ["t1" if a in members else None for a in range(ACCOUNTS)]
    shared, lifts = one_ring(columns, list(members))
    assert len(lifts.value) >= 2
    odds = membership_odds(shared, lifts, minimum_families=1)
    assert len(odds.account) == 0


def test_a_lift_never_exceeds_the_cap_and_one_capped_family_never_admits():
    shared, community = planted()
    lifts = log_lifts(shared, everyone(shared), community)
    assert np.all(lifts.nats <= lifts.cap[lifts.community] + 1e-12)
    assert np.all(lifts.nats > MINIMUM_LIFT)
    assert lifts.prior[0] == pytest.approx(np.log(ACCOUNTS / 60))
    assert np.all(lifts.cap - lifts.prior < THRESHOLD_NATS)
    assert LEAST_CAP - LEAST_PRIOR < THRESHOLD_NATS


def test_of_one_observation_only_the_strongest_value_speaks():
    columns = crowd(ACCOUNTS)
    members = range(200, 260)
    plant(columns, members, {"ip_network": ["n"], "email_domain": ["x"]})
    plant(columns, range(1000, 1400), {"ip_network": ["n"]})
    _, lifts = one_ring(columns, list(members))
    near = {*members, *range(1000, 1200)}
    columns["ip"] = ["i" if a in near else f"i{a}" for a in range(ACCOUNTS)]
    shared, both = one_ring(columns, list(members))
    network = CODE["ip_network"]
    assert len(both.value) == len(lifts.value) + 1
    speaking = {int(shared.kind[v]): float(n) for v, n in zip(both.value, both.nats, strict=True)}
    strongest = max(speaking[network], speaking[CODE["ip"]])
    assert odds_of(shared, both, 200) == pytest.approx(
        strongest + speaking[CODE["email_domain"]] - both.prior[0]
    )


def of_ring(prompt, client="own", domain="x"):
    """A ring of 60 on one domain, prompt, client and card; account 0 as the caller says."""
    columns = crowd(ACCOUNTS)
    members = range(200, 260)
    plant(columns, members, {"email_domain": ["x"], "prompt_fingerprint": ["t"]})
    plant(columns, members, {"user_agent": ["own"]})
    columns["card_bin"] = ["own" if a in members else f"b{a % 40}" for a in range(ACCOUNTS)]
    columns["email_domain"][0] = domain
    columns["prompt_fingerprint"][0] = prompt
    columns["user_agent"][0] = client
    columns["card_bin"][0] = "own"
    shared, lifts = one_ring(columns, list(members))
    return odds_of(shared, lifts, 0), lifts


def test_showing_another_value_costs_more_than_showing_none():
    silent, lifts = of_ring(None)
    other, _ = of_ring("of somebody else")
    own, _ = of_ring("t")
    cost = lifts.miss[0, CODE["prompt_fingerprint"]]
    assert cost == pytest.approx(max(math.log(1 / 62), WORST_MISS))
    assert other == pytest.approx(silent + cost, abs=1e-3)
    assert own > silent


def test_two_misses_of_one_family_cost_as_the_worse_and_of_two_families_their_sum():
    one, lifts = of_ring("of somebody else")
    two, _ = of_ring("of somebody else", client="another")
    own, _ = of_ring("of somebody else", client=None)
    client = lifts.miss[0, CODE["user_agent"]]
    assert two == pytest.approx(own + client, abs=1e-3)
    assert one > own


def test_a_miss_costs_at_most_the_worst_and_few_members_rule_nobody_out():
    columns = crowd(ACCOUNTS)
    plant(columns, range(200, 900), {"email_domain": ["x"], "device": ["d1", "d2", "d3"]})
    plant(columns, range(900, 904), {"email_domain": ["y"], "device": ["e"]})
    shared = shared_values(graph_of(columns))
    community = np.full(ACCOUNTS, -1, dtype=np.int32)
    community[200:900] = 0
    community[900:904] = 1
    miss = log_lifts(shared, everyone(shared), community).miss[:, CODE["device"]]
    assert miss[0] == WORST_MISS
    assert miss[1] == pytest.approx(math.log(1 / 6))


def test_a_kind_of_which_the_ring_has_no_mark_costs_nothing():
    shared, community = planted()
    lifts = log_lifts(shared, everyone(shared), community)
    assert np.all(lifts.miss <= 0)
    assert lifts.miss[0, CODE["device"]] == 0
    assert lifts.miss[1, CODE["device"]] < 0


def test_what_a_family_brings_beyond_its_cap_pays_for_misses_and_nothing_else():
    # ring 0 of 60 in 3,000: cap 4.5 nats; two families, the second says far more than that
    email, prompt, device = (
        CODE[name] for name in ("email_domain", "prompt_fingerprint", "device")
    )
    referrer, window = CODE["referrer"], CODE["signup_window"]
    kinds = np.array([email, prompt, referrer, window, device, device], dtype=np.int8)
    rows = [
        *[(0, 0), (0, 1), (0, 2), (0, 3), (0, 5)],  # three observations of behaviour, one miss
        *[(1, 0), (1, 1), (1, 5)],  # one of behaviour, one miss
        *[(2, 0), (2, 1), (2, 2), (2, 3)],  # three of behaviour, no miss
        *[(a, v) for a in (3, 4) for v in range(6)],
    ]
    table = np.array(sorted(rows))
    shared = incidence(3_000, table[:, 0], table[:, 1], kinds)
    miss = np.zeros((1, len(KINDS)))
    miss[0, device] = -2.0
    lifts = Lifts(
        communities=1,
        size=np.array([60.0]),
        prior=np.array([3.9]),
        cap=np.array([4.5]),
        community=np.zeros(5, dtype=np.int32),
        value=np.arange(5, dtype=np.int32),
        inside=np.full(5, 50, dtype=np.int32),
        nats=np.array([3.0, 4.0, 3.0, 3.0, 4.0]),
        holder=np.full(5, -1, dtype=np.int32),
        miss=miss,
    )
    assert odds_of(shared, lifts, 0) == pytest.approx(3.0 + 4.5 - 3.9)  # 5.5 spare, 2.0 to pay
    assert odds_of(shared, lifts, 1) == pytest.approx(3.0 + 4.0 - 2.0 - 3.9)
    assert odds_of(shared, lifts, 2) == pytest.approx(3.0 + 4.5 - 3.9)


@settings(max_examples=15, deadline=None)
@given(st.integers(0, 10_000), st.randoms(use_true_random=False))
def test_one_more_mark_of_the_ring_never_lowers_the_odds(seed, random):
    shared, back, community = messy_world(seed)
    lifts = log_lifts(shared, back, community)
    if not len(lifts.value):
        return
    at = random.randrange(len(lifts.value))
    value, number = int(lifts.value[at]), int(lifts.community[at])
    held = held_by(shared)
    account = random.randrange(shared.accounts)
    richer = shared
    if value not in held[account]:
        accounts = np.append(shared.account, account)
        values = np.append(shared.value, value)
        order = np.lexsort((values, accounts))
        shown = shared.shown.copy()
        shown[account, shared.kind[value]] = True
        richer = dataclasses.replace(
            shared,
            account=accounts[order].astype(np.int32),
            value=values[order].astype(np.int32),
            degree=shared.degree + (np.arange(shared.values) == value),
            shown=shown,
        )
    held_before = membership_odds(shared, lifts, threshold=-99.0, minimum_families=0)
    before = held_before.nats[(held_before.account == account) & (held_before.community == number)]
    assert odds_of(richer, lifts, account, number) >= before.max(initial=-99.0) - 1e-9


def test_what_everybody_of_the_region_shares_is_no_evidence():
    region = np.arange(ACCOUNTS) % 6
    columns = crowd(ACCOUNTS)
    columns["ip_network"] = [f"carrier{r}" for r in region]
    columns["card_bin"] = [f"bank{r}" for r in region]
    shared = shared_values(graph_of(columns))
    community = np.full(ACCOUNTS, -1, dtype=np.int32)
    community[np.flatnonzero(region == 2)[:80]] = 0
    blind = log_lifts(shared, everyone(shared), community)
    informed = log_lifts(shared, background(shared, region), community)
    assert len(blind.value) == 2
    assert len(informed.value) == 0


def test_what_a_fleet_shares_with_a_suspect_fleet_is_still_evidence():
    columns = crowd(ACCOUNTS)
    plant(columns, range(200, 260), {"device": ["kit"], "email_domain": ["x"]})
    plant(columns, range(400, 1400), {"device": ["kit"], "email_domain": ["y"]})
    shared = shared_values(graph_of(columns))
    community = np.full(ACCOUNTS, -1, dtype=np.int32)
    community[200:260] = 0
    suspect = np.zeros(ACCOUNTS, dtype=bool)
    suspect[400:1400] = True
    label = np.zeros(ACCOUNTS, dtype=int)
    kit = shared.kind[log_lifts(shared, background(shared, label), community).value]
    cleared = shared.kind[log_lifts(shared, background(shared, label, suspect), community).value]
    assert CODE["device"] not in kit
    assert CODE["device"] in cleared


def test_a_tie_goes_to_the_lower_community():
    columns = crowd(ACCOUNTS)
    plant(columns, range(200, 260), {"email_domain": ["x"], "device": ["d"]})
    shared = shared_values(graph_of(columns))
    community = np.full(ACCOUNTS, -1, dtype=np.int32)
    community[200:260:2] = 0
    community[201:260:2] = 1
    odds = membership_odds(shared, log_lifts(shared, everyone(shared), community))
    tied = odds.nats[odds.account == 200]
    assert tied[0] == tied[1]
    best, _ = best_community(odds, ACCOUNTS)
    assert set(best[200:260].tolist()) == {0}
    assert np.all(best[:200] == -1)


def test_without_communities_nobody_belongs_anywhere():
    shared, _ = planted()
    lifts = log_lifts(shared, everyone(shared), np.full(ACCOUNTS, -1, dtype=np.int32))
    best, nats = best_community(membership_odds(shared, lifts), ACCOUNTS)
    assert lifts.communities == 0
    assert np.all(best == -1)
    assert np.all(np.isneginf(nats))


# ---- the search in blocks --------------------------------------------------------------------


def same(first, second):
    for name in ("account", "community", "nats", "families"):
        np.testing.assert_array_equal(getattr(first, name), getattr(second, name))


@pytest.mark.parametrize("threshold", [THRESHOLD_NATS, 0.0, -3.0])
@pytest.mark.parametrize(("rows", "communities"), [(1, 256), (1 << 21, 1), (40, 2)])
def test_the_size_of_the_blocks_changes_no_odds(monkeypatch, threshold, rows, communities):
    shared, community = planted()
    lifts = log_lifts(shared, everyone(shared), community)
    whole = membership_odds(shared, lifts, threshold=threshold, minimum_families=1)
    monkeypatch.setattr(membership, "BLOCK_ROWS", rows)
    monkeypatch.setattr(membership, "BLOCK_COMMUNITIES", communities)
    same(membership_odds(shared, lifts, threshold=threshold, minimum_families=1), whole)
    assert set(whole.community.tolist()) == {0, 1}


def test_odds_among_some_accounts_are_the_rows_of_those_accounts():
    shared, community = planted()
    lifts = log_lifts(shared, everyone(shared), community)
    among = np.zeros(shared.accounts, dtype=bool)
    among[230:410] = True
    whole = membership_odds(shared, lifts)
    some = membership_odds(shared, lifts, among=among)
    assert 0 < len(some.account) < len(whole.account)
    same(some, whole.only(among[whole.account]))


def test_own_odds_are_what_the_search_finds_and_are_told_of_every_member():
    shared, community = planted()
    community[600:604] = 1  # strangers, far below any threshold
    lifts = log_lifts(shared, everyone(shared), community)
    own = own_odds(shared, lifts, community)
    np.testing.assert_array_equal(own.account, np.flatnonzero(community >= 0))
    np.testing.assert_array_equal(own.community, community[own.account])
    found = membership_odds(shared, lifts, threshold=-99.0, minimum_families=0)
    at = {(a, c): i for i, (a, c) in enumerate(zip(found.account, found.community, strict=True))}
    rows = [at[pair] for pair in zip(own.account, own.community, strict=True) if pair in at]
    assert len(rows) >= 80
    told = np.isin(own.account, found.account[rows])
    np.testing.assert_array_equal(own.nats[told], found.nats[rows])
    assert own.nats[own.account >= 600].max() < 0
