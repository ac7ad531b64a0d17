"""Fragments of one fleet are tried as one."""

import numpy as np
import pytest
from planted import crowd, graph_of, plant

from ringfinder.detect.unite import unite
from ringfinder.evidence.background import background
from ringfinder.evidence.incidence import shared_values

ACCOUNTS = 3_000
FLEET = range(100, 140)
HALVES = range(100, 120), range(120, 140)


def fleet(clients=("script1", "script2"), addresses=5):
    """Forty accounts; each half has addresses of its own, both use the same clients."""
    columns = crowd(ACCOUNTS)
    columns["ip"] = [f"own{n}" for n in range(ACCOUNTS)]
    for number, half in enumerate(HALVES):
        pool = [f"203.0.{number}.{n}" for n in range(addresses)]
        plant(columns, half, {"ip": pool, "user_agent": list(clients)}, seed=number)
    return columns


def of(*groups):
    community = np.full(ACCOUNTS, -1, dtype=np.int32)
    for number, group in enumerate(groups):
        community[list(group)] = number
    return community


def united(columns, community):
    shared = shared_values(graph_of(columns))
    return unite(shared, background(shared, np.zeros(ACCOUNTS, dtype=int)), community)


def test_halves_that_use_clients_nobody_else_has_are_one():
    assert np.array_equal(united(fleet(), of(*HALVES)), of(FLEET))


def test_more_than_two_fragments_are_one_where_each_is_tied_to_some_other():
    quarters = [range(start, start + 10) for start in range(100, 140, 10)]
    assert np.array_equal(united(fleet(), of(*quarters)), of(FLEET))


def test_the_number_is_that_of_the_first_and_others_keep_theirs():
    other = range(500, 520)
    columns = fleet()
    plant(columns, other, {"ip": ["198.51.100.1"], "device": ["d"]})
    found = united(columns, of(other, *HALVES))
    assert set(found[list(other)].tolist()) == {0}
    assert set(found[list(FLEET)].tolist()) == {1}


def test_communities_with_nothing_in_common_stay_apart():
    columns = fleet()
    plant(columns, HALVES[1], {"user_agent": ["another1", "another2"]})
    assert np.array_equal(united(columns, of(*HALVES)), of(*HALVES))


def test_a_client_that_most_users_have_elsewhere_ties_nothing():
    columns = fleet()
    plant(columns, range(1_000, 1_100), {"user_agent": ["script1", "script2"]})
    assert np.array_equal(united(columns, of(*HALVES)), of(*HALVES))


def test_a_value_that_one_member_borrowed_ties_nothing():
    columns = fleet()
    plant(columns, HALVES[1], {"user_agent": ["another1", "another2"]})
    plant(columns, HALVES[1][:1], {"ip": ["203.0.0.1"]})
    assert np.array_equal(united(columns, of(*HALVES)), of(*HALVES))


def test_where_one_family_is_all_they_have_in_common_and_alone_they_stay_as_they_were():
    columns = fleet()
    for member in FLEET:  # no address is anybody's but its own
        columns["ip"][member] = f"192.0.2.{member}"
    assert np.array_equal(united(columns, of(*HALVES)), of(*HALVES))


@pytest.mark.parametrize("groups", [(), (FLEET,)])
def test_where_there_are_no_two_nothing_changes(groups):
    assert np.array_equal(united(fleet(), of(*groups)), of(*groups))
