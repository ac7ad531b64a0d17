"""Detection against a background held fast: everywhere, or where something changed."""

from __future__ import annotations

import numpy as np
import pytest
from planted import crowd, graph_of, plant

from ringfinder.detect.again import (
    Before,
    HeldFast,
    find_all_again,
    find_touched,
    neighbourhood,
    with_newcomers,
)
from ringfinder.detect.classes import strata
from ringfinder.detect.find import find_rings, strength
from ringfinder.evidence.background import background
from ringfinder.evidence.incidence import shared_values
from ringfinder.evidence.pairs import pair_counts

N = 3000
FLEETS = {
    name: (range(start, start + 25), {
        "device": [f"d{name}1", f"d{name}2"], "email_domain": [f"m{name}"],
        "prompt_fingerprint": [f"p{name}"],
    })
    for name, start in (("A", 0), ("B", 100), ("C", 200))
}  # fmt: skip


def world(*names):
    columns = crowd(N)
    for name in names:
        plant(columns, *FLEETS[name])
    return graph_of(columns)


@pytest.fixture(scope="module")
def first():
    """A full run on a world with two fleets, and what it holds fast."""
    graph = world("A", "B")
    shared = shared_values(graph)
    back = background(shared, strata(graph))
    found = find_rings(graph, shared, back, seed=0)
    return graph, found, HeldFast(found.least_nats, found.null_strength, found.null_accounts)


@pytest.fixture(scope="module")
def later():
    """The same accounts when a third fleet is at work."""
    graph = world("A", "B", "C")
    shared = shared_values(graph)
    return graph, shared, background(shared, strata(graph)), pair_counts(shared)


def rings_of(found):
    community = found.communities.community
    return {frozenset(np.flatnonzero(community == n).tolist()) for n in range(community.max() + 1)}


def touched(*accounts):
    out = np.zeros(N, bool)
    for some in accounts:
        out[list(some)] = True
    return out


def test_what_is_held_fast_gives_the_rings_of_the_run_that_learned_it(first):
    graph, found, fast = first
    shared = shared_values(graph)
    back = background(shared, strata(graph))
    again = find_all_again(shared, back, fast, seed=0, counts=pair_counts(shared))
    assert rings_of(again) == rings_of(found)
    assert np.array_equal(again.false_discovery_rate, found.false_discovery_rate)
    assert np.array_equal(strength(again.communities), strength(found.communities))


def test_a_fleet_among_touched_accounts_is_found_as_by_a_search_of_all(first, later):
    _, found, fast = first
    _, shared, back, counts = later
    before = Before(found.communities.community, found.communities.nats)
    region = neighbourhood(shared, back, before.community, touched(FLEETS["C"][0]))
    some = find_touched(shared, back, fast, before, region, seed=0, counts=counts)
    everywhere = find_all_again(shared, back, fast, seed=0, counts=counts)
    assert region.sum() < N / 2
    assert rings_of(some) == rings_of(everywhere)
    assert len(rings_of(some)) == len(rings_of(found)) + 1


def test_rings_that_nothing_touched_keep_their_members_and_odds_to_the_last_bit(first, later):
    _, found, fast = first
    _, shared, back, counts = later
    before = Before(found.communities.community, found.communities.nats)
    region = neighbourhood(shared, back, before.community, touched(FLEETS["C"][0]))
    some = find_touched(shared, back, fast, before, region, seed=0, counts=counts)
    for name in ("A", "B"):
        members = [a for a in FLEETS[name][0] if before.community[a] >= 0]
        assert len(members) > 20
        assert not region[members].any()
        assert np.array_equal(some.communities.nats[members], before.nats[members])


def test_an_account_that_takes_up_a_fleets_things_brings_the_fleet_along(first):
    graph, found, _ = first
    columns = crowd(N)
    for name in ("A", "B"):
        plant(columns, *FLEETS[name])
    plant(columns, range(1000, 1001), FLEETS["A"][1])
    graph = graph_of(columns)
    shared = shared_values(graph)
    back = background(shared, strata(graph))
    region = neighbourhood(shared, back, found.communities.community, touched([1000]))
    assert region[list(FLEETS["A"][0])].all()
    assert not region[list(FLEETS["B"][0])].any()


def test_where_most_is_touched_everything_is_searched(first, later):
    _, _, fast = first
    _, shared, back, counts = later
    before = Before(np.full(N, -1, np.int32), np.full(N, -np.inf))
    some = find_touched(shared, back, fast, before, np.ones(N, bool), seed=0, counts=counts)
    assert rings_of(some) == rings_of(find_all_again(shared, back, fast, seed=0, counts=counts))


class TestNewcomers:
    def test_they_join_the_class_of_their_country(self):
        graph = world()
        shared = shared_values(graph)
        stratum = np.arange(N, dtype=np.int32) % 2
        label = stratum.copy()
        label[:50] = -1
        got = with_newcomers(shared, stratum, label, np.array([N / 2, N / 2]))
        assert np.array_equal(got, stratum)

    def test_they_join_the_class_whose_popular_values_they_show(self):
        rng = np.random.default_rng(0)
        side = rng.integers(0, 2, N)
        columns = {
            "ip_network": [f"n{s}{rng.integers(0, 5)}" for s in side],
            "card_bin": [f"b{s}{rng.integers(0, 5)}" for s in side],
            "device": [f"d{i}" for i in range(N)],
        }
        shared = shared_values(graph_of(columns))
        label = side.astype(np.int32)
        label[:100] = -1
        got = with_newcomers(shared, np.full(N, -1, np.int32), label, np.bincount(side) * 1.0)
        assert (got == side).all()

    def test_of_one_class_all_are(self):
        shared = shared_values(world())
        label = np.where(np.arange(N) < 10, -1, 0).astype(np.int32)
        got = with_newcomers(shared, np.zeros(N, np.int32), label, np.array([N * 1.0]))
        assert not got.any()


def test_an_incidence_of_some_accounts_keeps_numbers_and_degrees(later):
    _, shared, *_ = later
    some = touched(range(500))
    here = shared.among(some)
    assert here.degree is shared.degree
    pointer, holders = here.by_value
    assert len(holders) == pointer[-1] == int(some[shared.account].sum())
    for value in range(0, shared.values, 97):
        expected = shared.account[(shared.value == value) & some[shared.account]]
        assert np.array_equal(holders[pointer[value] : pointer[value + 1]], np.sort(expected))
