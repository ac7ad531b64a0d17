"""Odds kept while the members of a community hardly change."""

import numpy as np
import pytest
from planted import crowd, graph_of, plant

from ringfinder.detect import ledger as module
from ringfinder.detect.ledger import SETTLED, Ledger
from ringfinder.evidence.background import background
from ringfinder.evidence.incidence import shared_values
from ringfinder.evidence.lifts import log_lifts
from ringfinder.evidence.membership import membership_odds

ACCOUNTS = 4_000
BIG, SMALL, OTHER = range(100, 1_100), range(2_000, 2_040), range(3_000, 3_030)


def world():
    columns = crowd(ACCOUNTS)
    plant(columns, BIG, {"email_domain": ["x"], "device": ["d"]})
    plant(columns, SMALL, {"email_domain": ["y"], "prompt_fingerprint": ["t"]})
    plant(columns, OTHER, {"ip_network": ["z"], "prompt_fingerprint": ["s"]})
    shared = shared_values(graph_of(columns))
    return shared, background(shared, np.zeros(shared.accounts, dtype=int))


def of(*groups):
    out = np.full(ACCOUNTS, -1, dtype=np.int32)
    for number, group in enumerate(groups):
        out[list(group)] = number
    return out


def assert_equal(found, expected):
    for one, other in zip(found, expected, strict=True):
        for name in vars(other):
            np.testing.assert_array_equal(getattr(one, name), getattr(other, name), err_msg=name)


def plainly(shared, back, community):
    lifts = log_lifts(shared, back, community)
    return lifts, membership_odds(shared, lifts)


@pytest.fixture
def measured(monkeypatch):
    """Communities measured by each call."""
    sizes = []

    def counting(shared, back, community):
        sizes.append(sorted(np.unique(community[community >= 0]).tolist()))
        return log_lifts(shared, back, community)

    monkeypatch.setattr(module, "log_lifts", counting)
    return sizes


def test_what_is_measured_first_is_what_measuring_plainly_gives():
    shared, back = world()
    community = of(BIG, SMALL, OTHER)
    assert_equal(Ledger(shared, back).measure(community), plainly(shared, back, community))


def test_only_the_communities_that_changed_are_measured_again(measured):
    shared, back = world()
    ledger = Ledger(shared, back)
    ledger.measure(of(BIG, SMALL, OTHER))
    changed = of(BIG, SMALL[:30], OTHER)
    assert_equal(ledger.measure(changed), plainly(shared, back, changed))
    assert measured[-1] == [1]


def test_communities_are_known_again_under_other_numbers(measured):
    shared, back = world()
    ledger = Ledger(shared, back)
    ledger.measure(of(BIG, SMALL, OTHER))
    shuffled = of(OTHER, BIG[:500], SMALL, BIG[500:])
    assert_equal(ledger.measure(shuffled), plainly(shared, back, shuffled))
    assert measured[-1] == [1, 3]


def test_a_community_that_goes_leaves_nothing_behind():
    shared, back = world()
    ledger = Ledger(shared, back)
    ledger.measure(of(BIG, SMALL, OTHER))
    left = of(SMALL)
    assert_equal(ledger.measure(left), plainly(shared, back, left))


def test_a_few_movers_of_many_leave_a_community_as_measured(measured):
    shared, back = world()
    ledger = Ledger(shared, back)
    ledger.measure(of(BIG))
    moved = int(SETTLED * (len(BIG) - 2))
    assert moved >= 1
    before, _ = ledger.measure(of(BIG[moved:]))
    assert measured[-1] == []
    assert before.size[0] == len(BIG) - moved


def test_movers_add_up_until_the_community_is_measured_again(measured):
    shared, back = world()
    ledger = Ledger(shared, back)
    ledger.measure(of(BIG))
    for gone in range(1, 6):
        community = of(BIG[gone:])
        found = ledger.measure(community)
        if measured[-1]:
            break
    assert gone == 2  # the second of a thousand: each of them alone would have been let pass
    assert SETTLED * (len(BIG) - 1) > 1
    assert_equal(found, plainly(shared, back, community))


def test_without_communities_nothing_is_measured():
    shared, back = world()
    lifts, odds = Ledger(shared, back).measure(of())
    assert lifts.communities == 0
    assert len(odds.account) == 0
