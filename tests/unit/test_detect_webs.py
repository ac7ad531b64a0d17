"""Webs: rare values of two families that tie accounts without any pair meeting often."""

import numpy as np
import pytest
from planted import crowd, graph_of, plant

from ringfinder.detect.candidates import first_members, value_communities
from ringfinder.detect.find import add_webs, find_rings
from ringfinder.detect.webs import core, web_communities
from ringfinder.evidence.background import background
from ringfinder.evidence.incidence import FAMILY_COUNT, shared_values
from ringfinder.evidence.lifts import MINIMUM_HOLDERS
from ringfinder.evidence.pairs import pairs_beyond, significant_pairs

ACCOUNTS = 4_000
WEB = range(1_000, 1_060)
EVERYBODY = np.ones(ACCOUNTS, dtype=bool)


def dealt(members=WEB, cards=12):
    """A crowd with cards of their own; to the members shared ones are dealt, and devices."""
    columns = crowd(ACCOUNTS)
    columns["payment_fingerprint"] = [f"own{n}" for n in range(ACCOUNTS)]
    plant(
        columns,
        members,
        {
            "payment_fingerprint": [f"card{i}" for i in range(cards)],
            "device": [f"device{i}" for i in range(cards)],
        },
    )
    return columns


def world(columns):
    return shared_values(graph_of(columns))


def blocks(label):
    return [set(np.flatnonzero(label == n).tolist()) for n in np.unique(label[label >= 0])]


def test_no_pair_of_values_of_a_web_meets_often_enough_to_be_found():
    shared = world(dealt())
    back = background(shared, np.zeros(ACCOUNTS, dtype=int))
    pairs = significant_pairs(pairs_beyond(shared, back), 9.0)
    found = first_members(shared, value_communities(pairs, shared.values, seed=1))
    assert (found[list(WEB)] >= 0).mean() < 0.3


def test_a_web_is_found_and_nothing_else():
    label = web_communities(world(dealt()), EVERYBODY, seed=1)
    assert (label[list(WEB)] >= 0).mean() > 0.8
    outside = np.setdiff1d(np.arange(ACCOUNTS), list(WEB))
    assert (label[outside] >= 0).mean() < 0.01


def test_the_whole_search_finds_the_web_as_one_ring():
    columns = dealt()
    graph = graph_of(columns)
    shared = shared_values(graph)
    back = background(shared, np.zeros(ACCOUNTS, dtype=int))
    found = find_rings(graph, shared, back, seed=1)
    ring = found.communities.community[list(WEB)]
    largest = np.bincount(ring[ring >= 0]).max()
    assert largest > 0.8 * len(WEB)
    assert (found.communities.community >= 0).sum() < 1.05 * len(WEB)
    assert found.null_rings == 0


def test_two_webs_that_share_nothing_are_two():
    columns = dealt()
    plant(
        columns,
        range(2_000, 2_100),
        {
            "email_domain": [f"mail{i}" for i in range(20)],
            "prompt_fingerprint": [f"template{i}" for i in range(20)],
        },
    )
    found = blocks(web_communities(world(columns), EVERYBODY, seed=1))
    for block in found:
        assert not (block & set(WEB) and block & set(range(2_000, 2_100)))
    assert sum(len(block & set(range(2_000, 2_100))) for block in found) > 80


def test_only_accounts_that_are_outside_are_looked_at():
    outside = EVERYBODY.copy()
    outside[list(WEB)[:30]] = False
    label = web_communities(world(dealt()), outside, seed=1)
    assert (label[~outside] == -1).all()


def test_in_the_core_every_value_and_every_account_is_held_up():
    shared = world(dealt())
    account, value = core(shared, EVERYBODY)
    assert np.bincount(value)[np.unique(value)].min() >= MINIMUM_HOLDERS
    families = np.unique(account.astype(np.int64) * FAMILY_COUNT + shared.family[value])
    assert np.bincount(families // FAMILY_COUNT)[np.unique(account)].min() >= 2


def test_values_of_one_family_alone_make_no_core():
    columns = crowd(ACCOUNTS)
    plant(columns, WEB, {"device": [f"device{i}" for i in range(12)]})
    account, _ = core(world(columns), EVERYBODY)
    assert not len(account)


def test_a_value_that_half_the_world_holds_ties_nobody():
    columns = dealt(cards=12)
    plant(columns, range(0, 2_000), {"email_domain": ["everybody.example"]})
    account, _ = core(world(columns), EVERYBODY)
    assert set(account.tolist()) <= set(WEB)


@pytest.mark.parametrize("seed", [1, 2])
def test_the_same_seed_gives_the_same_webs(seed):
    shared = world(dealt())
    first = web_communities(shared, EVERYBODY, seed=seed)
    np.testing.assert_array_equal(first, web_communities(shared, EVERYBODY, seed=seed))


def test_webs_come_behind_the_communities_there_are():
    community = np.full(ACCOUNTS, -1, dtype=np.int32)
    community[:50] = 0
    community[50:90] = 1
    more = add_webs(world(dealt()), community, seed=1)
    np.testing.assert_array_equal(more[:90], community[:90])
    assert set(np.unique(more[90:])) > {-1}
    assert more[90:][more[90:] >= 0].min() >= 2
