"""How much an account's values speak for its belonging to a community."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from planted import crowd, graph_of, plant

from ringfinder.evidence.background import background
from ringfinder.evidence.incidence import FAMILY_COUNT, shared_values
from ringfinder.evidence.membership import (
    MINIMUM_LIFT,
    THRESHOLD_NATS,
    best_community,
    log_lifts,
    membership_odds,
)

ACCOUNTS = 3_000


def planted(seed=1, **shared_by_ring):
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


def brute_force_odds(shared, lifts, account, community):
    own = set(shared.value[shared.account == account].tolist())
    rows = (lifts.community == community) & np.isin(lifts.value, list(own))
    sums = np.bincount(
        shared.family[lifts.value[rows]], weights=lifts.nats[rows], minlength=FAMILY_COUNT
    )
    return float(np.minimum(sums, lifts.cap[community]).sum() - lifts.prior[community])


@settings(max_examples=15, deadline=None)
@given(st.integers(0, 10_000))
def test_no_account_over_the_threshold_is_lost_by_looking_at_anchors_only(seed):
    shared, community = planted(seed=seed)
    lifts = log_lifts(shared, everyone(shared), community)
    odds = membership_odds(shared, lifts)
    found = {(a, c): n for a, c, n in zip(odds.account, odds.community, odds.nats, strict=True)}
    for account in [*range(195, 265), *range(395, 425), *range(0, ACCOUNTS, 97)]:
        for number in range(lifts.communities):
            nats = brute_force_odds(shared, lifts, account, number)
            if nats > THRESHOLD_NATS + 1e-9:
                assert found[account, number] == pytest.approx(nats)
            else:
                assert (account, number) not in found


def test_members_pass_and_strangers_do_not():
    shared, community = planted()
    odds = membership_odds(shared, log_lifts(shared, everyone(shared), community))
    best, _ = best_community(odds, ACCOUNTS)
    assert np.array_equal(best, community)


def test_one_family_alone_never_passes():
    columns = crowd(ACCOUNTS)
    plant(columns, range(200, 260), {"device": ["d1"]})
    plant(columns, range(200, 260), {"user_agent": ["u-odd"]})
    shared = shared_values(graph_of(columns))
    community = np.full(ACCOUNTS, -1, dtype=np.int32)
    community[200:260] = 0
    odds = membership_odds(shared, log_lifts(shared, everyone(shared), community))
    assert len(odds.account) == 0


def test_a_lift_never_exceeds_the_cap_and_one_capped_family_never_admits():
    shared, community = planted()
    lifts = log_lifts(shared, everyone(shared), community)
    assert np.all(lifts.nats <= lifts.cap[lifts.community] + 1e-12)
    assert np.all(lifts.nats > MINIMUM_LIFT)
    assert lifts.prior[0] == pytest.approx(np.log(ACCOUNTS / 60))
    assert np.all(lifts.cap - lifts.prior < THRESHOLD_NATS)


def test_more_shared_values_never_lower_the_odds():
    shared, community = planted()
    lifts = log_lifts(shared, everyone(shared), community)
    without = brute_force_odds(shared, lifts, 0, 0)
    with_one = brute_force_odds(shared, lifts, 201, 0)
    assert with_one >= without


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


def test_a_tie_goes_to_the_lower_community():
    columns = crowd(ACCOUNTS)
    plant(columns, range(200, 260), {"email_domain": ["x"], "device": ["d"]})
    shared = shared_values(graph_of(columns))
    community = np.full(ACCOUNTS, -1, dtype=np.int32)
    community[200:230] = 0
    community[230:260] = 1
    best, _ = best_community(
        membership_odds(shared, log_lifts(shared, everyone(shared), community)), ACCOUNTS
    )
    members = best[200:260]
    assert set(members.tolist()) <= {-1, 0, 1}
    assert np.all(best[:200] == -1)
