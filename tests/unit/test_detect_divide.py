"""Communities that are two fleets with one thing in common come apart."""

import numpy as np
from planted import crowd, graph_of, plant

from ringfinder.detect.divide import divide
from ringfinder.evidence.incidence import shared_values

ACCOUNTS = 3_000
ONE, TWO = range(100, 220), range(220, 300)
POOL = [f"pool{i}" for i in range(12)]


def shared_of(columns):
    return shared_values(graph_of(columns))


def community_of(*groups):
    out = np.full(ACCOUNTS, -1, dtype=np.int32)
    for number, group in enumerate(groups):
        out[list(group)] = number
    return out


def proxy_pool():
    """Two operators on one pool of networks, each with its own domain and devices."""
    columns = crowd(ACCOUNTS)
    plant(columns, ONE, {"ip_network": POOL, "email_domain": ["x"], "device": ["d1", "d2"]})
    plant(columns, TWO, {"ip_network": POOL, "email_domain": ["y"], "device": ["e1", "e2"]})
    return columns


def mixed_freely(members, columns=None):
    """One operator that mixes three domains, four templates and a pool."""
    columns = crowd(ACCOUNTS) if columns is None else columns
    plant(
        columns,
        members,
        {
            "ip_network": POOL,
            "email_domain": ["x1", "x2", "x3"],
            "prompt_fingerprint": ["t1", "t2", "t3", "t4"],
        },
    )
    return columns


def test_two_operators_on_one_proxy_pool_come_apart():
    parts = divide(shared_of(proxy_pool()), community_of([*ONE, *TWO]), seed=0)
    assert not set(parts[list(ONE)].tolist()) & set(parts[list(TWO)].tolist())
    assert len(set(parts[list(TWO)].tolist())) == 1


def test_one_operator_that_mixes_his_things_freely_stays_whole():
    community = community_of(range(100, 300))
    assert np.array_equal(divide(shared_of(mixed_freely(range(100, 300))), community, seed=0),
                          community)  # fmt: skip


def test_parts_lie_within_their_community_under_numbers_of_their_own():
    columns = mixed_freely(range(1_000, 1_200), proxy_pool())
    community = community_of([*ONE, *TWO], range(1_000, 1_200))
    parts = divide(shared_of(columns), community, seed=0)
    assert np.array_equal(parts < 0, community < 0)
    for number in np.unique(parts[parts >= 0]):
        assert len(np.unique(community[parts == number])) == 1
    kept = parts[(parts >= 0) & (parts <= community.max())]
    assert set(kept.tolist()) <= {0, 1}


def test_another_community_changes_nothing():
    columns = proxy_pool()
    alone = divide(shared_of(columns), community_of([*ONE, *TWO]), seed=0)
    mixed_freely(range(1_000, 1_200), columns)
    both = divide(shared_of(columns), community_of([*ONE, *TWO], range(1_000, 1_200)), seed=0)
    assert set(both[1_000:1_200].tolist()) == {1}
    inside = [*ONE, *TWO]
    same = alone[inside][:, None] == alone[inside][None, :]
    assert np.array_equal(both[inside][:, None] == both[inside][None, :], same)


def test_what_strangers_outside_share_changes_nothing():
    columns = proxy_pool()
    before = divide(shared_of(columns), community_of([*ONE, *TWO]), seed=0)
    strangers = range(1_000, 1_060)
    plant(columns, strangers, {"email_domain": ["x"], "device": ["e1"]})
    after = divide(shared_of(columns), community_of([*ONE, *TWO]), seed=0)
    assert np.array_equal(before, after)


def test_without_communities_there_is_nothing_to_divide():
    community = community_of()
    assert np.array_equal(divide(shared_of(proxy_pool()), community, seed=0), community)


def test_the_community_given_is_left_alone():
    community = community_of([*ONE, *TWO])
    before = community.copy()
    divide(shared_of(proxy_pool()), community, seed=0)
    assert np.array_equal(community, before)


def test_the_seed_of_leiden_does_not_decide_a_clear_case():
    shared, community = shared_of(proxy_pool()), community_of([*ONE, *TWO])
    found = {divide(shared, community, seed=seed).tobytes() for seed in range(4)}
    assert len(found) == 1
