"""What was left outside is searched once more."""

import numpy as np
from planted import crowd, graph_of, plant

from ringfinder.detect.find import search_rest, strength
from ringfinder.detect.refine import refine
from ringfinder.evidence.background import background
from ringfinder.evidence.incidence import shared_values
from ringfinder.evidence.pairs import pair_counts

ACCOUNTS = 3_000
LARGE, SMALL = range(100, 400), range(400, 420)


def world():
    """A large fleet and a small one on one pool of networks."""
    columns = crowd(ACCOUNTS)
    pool = {"ip_network": [f"pool{n}" for n in range(8)]}
    plant(columns, LARGE, pool | {"email_domain": ["x"], "device": ["d1", "d2"]})
    plant(columns, SMALL, pool | {"email_domain": ["y"], "device": ["e1"]})
    shared = shared_values(graph_of(columns))
    return shared, background(shared, np.zeros(ACCOUNTS, dtype=int))


def of(*groups):
    community = np.full(ACCOUNTS, -1, dtype=np.int32)
    for number, group in enumerate(groups):
        community[list(group)] = number
    return community


def test_a_small_fleet_that_a_large_neighbour_outvoted_is_found_among_the_rest():
    shared, back = world()
    found = search_rest(shared, back, pair_counts(shared), of(LARGE), 15.0, seed=0)
    assert np.array_equal(found, of(LARGE, SMALL))


def test_communities_found_before_are_left_alone():
    shared, back = world()
    both = of(LARGE, SMALL)
    assert np.array_equal(search_rest(shared, back, pair_counts(shared), both, 15.0, seed=0), both)


def test_where_nothing_was_found_before_everything_is_searched():
    shared, back = world()
    found = search_rest(shared, back, pair_counts(shared), of(), 15.0, seed=0)
    assert (found >= 0).sum() == len(LARGE) + len(SMALL)
    assert set(np.flatnonzero(found >= 0).tolist()) == {*LARGE, *SMALL}


def test_strangers_are_left_outside():
    shared = shared_values(graph_of(crowd(ACCOUNTS)))
    back = background(shared, np.zeros(ACCOUNTS, dtype=int))
    assert np.array_equal(search_rest(shared, back, pair_counts(shared), of(), 15.0, seed=0), of())


def test_a_ring_is_as_strong_as_the_log_odds_of_its_members():
    shared, back = world()
    found = refine(shared, back, of(LARGE, SMALL))
    summed = [found.nats[found.community == number].sum() for number in range(2)]
    assert np.allclose(strength(found), summed)
    assert strength(found)[0] > strength(found)[1] > 0
