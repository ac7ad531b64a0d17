"""Pairs of values that sit together beyond chance."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from planted import crowd, graph_of, plant

from ringfinder.evidence.background import activity_correction, background
from ringfinder.evidence.incidence import incidence, shared_values
from ringfinder.evidence.pairs import (
    FALSE_PAIRS,
    MINIMUM_TOGETHER,
    counts_without,
    excess_nats,
    least_nats,
    pair_counts,
    pairs_beyond,
    rarest_sightings,
    significant_pairs,
)
from ringfinder.schema import CODE, KINDS


def one_class(shared):
    return background(shared, np.zeros(shared.accounts, dtype=int))


def small_incidence(draw_pairs, kinds):
    pairs = np.array(sorted(set(draw_pairs)), dtype=np.int64).reshape(-1, 2)
    return incidence(12, pairs[:, 0], pairs[:, 1], np.array(kinds, dtype=np.int8))


def brute_force(shared, *, within_family=False):
    together = {}
    for account in range(shared.accounts):
        values = sorted(shared.value[shared.account == account])
        for i, u in enumerate(values):
            for v in values[i + 1 :]:
                same = shared.family[u] == shared.family[v]
                if same == within_family and min(shared.degree[[u, v]]) >= MINIMUM_TOGETHER:
                    together[u, v] = together.get((u, v), 0) + 1
    return {pair: n for pair, n in together.items() if n >= MINIMUM_TOGETHER}


sightings = st.lists(st.tuples(st.integers(0, 11), st.integers(0, 7)), max_size=80)
kinds_of_values = st.lists(st.integers(0, len(KINDS) - 1), min_size=8, max_size=8)


@settings(max_examples=60, deadline=None)
@given(sightings, kinds_of_values, st.booleans())
def test_counts_equal_counting_account_by_account(pairs, kinds, within):
    shared = small_incidence(pairs, kinds)
    u, v, n = pair_counts(shared, rarest_sightings(shared), within_family=within)
    found = dict(zip(zip(u.tolist(), v.tolist(), strict=True), n.tolist(), strict=True))
    assert found == brute_force(shared, within_family=within)


@settings(max_examples=30, deadline=None)
@given(sightings, kinds_of_values, st.integers(1, 50))
def test_the_size_of_the_blocks_changes_nothing(pairs, kinds, block):
    shared = small_incidence(pairs, kinds)
    rows = rarest_sightings(shared)
    whole = pair_counts(shared, rows)
    cut = pair_counts(shared, rows, block=block)
    assert all(np.array_equal(a, b) for a, b in zip(whole, cut, strict=True))


def test_an_account_enters_pairs_with_its_rarest_values_only():
    account = np.r_[np.zeros(4, int), np.repeat(np.arange(1, 9), 4)]
    value = np.r_[np.arange(4), np.tile(np.arange(4), 8)]
    common = np.flatnonzero((value == 3) & (account > 4))
    account, value = np.delete(account, common), np.delete(value, common)
    shared = incidence(9, account, value, np.full(4, CODE["ip"]))
    rows = rarest_sightings(shared, per_family=1)
    assert shared.value[rows[shared.account[rows] == 0]].tolist() == [3]


def test_excess_is_zero_at_expectation_and_grows_with_distance():
    n = np.array([4, 8, 16])
    nats = excess_nats(n, np.array([4.0, 4.0, 4.0]))
    assert nats[0] == pytest.approx(0.0)
    assert nats[2] > nats[1] > 0


def test_independent_people_show_no_pair():
    shared = shared_values(graph_of(crowd(5_000)))
    found = significant_pairs(pairs_beyond(shared, one_class(shared)), 15.0)
    assert len(found.u) == 0


def test_a_planted_ring_shows_the_pairs_it_was_planted_with():
    columns = crowd(5_000)
    plant(columns, range(100, 160), {"email_domain": ["x.example"], "device": ["d-a", "d-b"]})
    graph = graph_of(columns)
    shared = shared_values(graph)
    found = significant_pairs(pairs_beyond(shared, one_class(shared)), 15.0)
    names = graph.pseudonym.to_pylist()
    pairs = {
        frozenset((names[shared.source[a]], names[shared.source[b]]))
        for a, b in zip(found.u, found.v, strict=True)
    }
    assert pairs == {
        frozenset(("email_domain:x.example", "device:d-a")),
        frozenset(("email_domain:x.example", "device:d-b")),
    }


def test_two_regions_explain_pairs_that_one_population_cannot():
    region = np.arange(4_000) % 2
    columns = {
        "ip_network": [f"carrier{r}" for r in region],
        "card_bin": [f"bank{r}" for r in region],
    }
    shared = shared_values(graph_of(columns))
    blind = significant_pairs(pairs_beyond(shared, one_class(shared)), 15.0)
    informed = significant_pairs(pairs_beyond(shared, background(shared, region)), 15.0)
    assert len(blind.u) == 2
    assert len(informed.u) == 0


def test_expected_counts_are_summed_over_classes():
    shared = incidence(
        6,
        np.array([0, 0, 1, 1, 3, 3, 4]),
        np.array([0, 1, 0, 1, 0, 1, 0]),
        np.array([CODE["ip"], CODE["card_bin"]]),
    )
    back = background(shared, np.array([0, 0, 0, 1, 1, 1]))
    expected = back.expected(np.array([0]), np.array([1]))
    assert expected[0] == pytest.approx(2 * 2 / 3 + 2 * 1 / 3)


def test_accounts_that_show_many_values_make_the_null_more_generous():
    busy = np.r_[np.zeros(20, int), np.arange(1, 21)]
    value = np.r_[np.arange(20), np.arange(20)]
    kinds = np.where(np.arange(20) < 10, CODE["ip"], CODE["device"])
    order = np.lexsort((value, busy))
    shared = incidence(40, busy[order], value[order], kinds)
    kappa = activity_correction(shared, background(shared, np.zeros(40, int)))
    network, device = 0, 3
    assert kappa[network, device] > 5
    assert np.all(kappa >= 1)


@settings(max_examples=30, deadline=None)
@given(sightings, kinds_of_values)
def test_every_pair_is_beyond_what_is_expected_of_it(pairs, kinds):
    shared = small_incidence(pairs, kinds)
    found = pairs_beyond(shared, one_class(shared))
    assert np.all(found.u < found.v)
    assert np.all(found.together > found.expected)
    assert np.all(found.nats > 0)
    assert np.array_equal(found.nats, excess_nats(found.together, found.expected))


def test_a_threshold_may_be_one_for_all_or_one_each():
    columns = crowd(5_000)
    plant(columns, range(100, 160), {"email_domain": ["x"], "device": ["d", "e"]})
    shared = shared_values(graph_of(columns))
    pairs = pairs_beyond(shared, one_class(shared))
    each = np.where(pairs.nats == pairs.nats.max(), np.inf, 15.0)
    assert len(significant_pairs(pairs, 15.0).u) == 2
    assert len(significant_pairs(pairs, each).u) == 1


class TestThreshold:
    def test_it_leaves_at_most_the_allowed_share_of_chance_pairs(self):
        rng = np.random.default_rng(0)
        real, null = rng.exponential(20.0, 100_000), rng.exponential(2.0, 100_000)
        nats = least_nats(real, null)
        assert (null > nats).sum() <= FALSE_PAIRS * (real > nats).sum()
        assert (null > nats - 0.5).sum() > FALSE_PAIRS * (real > nats - 0.5).sum()

    def test_the_fewer_false_pairs_allowed_the_higher_it_is(self):
        rng = np.random.default_rng(1)
        real, null = rng.exponential(20.0, 100_000), rng.exponential(2.0, 100_000)
        chosen = [least_nats(real, null, false_share=share) for share in (0.1, 0.01, 0.001)]
        assert chosen == sorted(chosen)
        assert len(set(chosen)) == 3

    def test_a_permuted_world_without_pairs_asks_for_least(self):
        assert least_nats(np.array([5.0, 50.0]), np.zeros(0)) == 4.0

    def test_data_no_better_than_chance_keeps_nothing(self):
        same = np.linspace(0, 39, 500)
        assert not (same > least_nats(same, same)).any()


@settings(max_examples=60, deadline=None)
@given(sightings, kinds_of_values, st.lists(st.booleans(), min_size=12, max_size=12))
def test_taking_accounts_out_of_counts_equals_counting_the_others(pairs, kinds, left_out):
    shared = small_incidence(pairs, kinds)
    away = np.array(left_out)
    found = counts_without(shared, pair_counts(shared), away)
    others = pair_counts(shared.among(~away))  # degrees stay, and with them who is rarest
    for mine, theirs in zip(found, others, strict=True):
        assert np.array_equal(mine, theirs)


def test_of_no_pairs_nothing_can_be_taken_out():
    shared = small_incidence([], [0] * 8)
    found = counts_without(shared, pair_counts(shared), np.ones(12, dtype=bool))
    assert [len(column) for column in found] == [0, 0, 0]


@settings(max_examples=30, deadline=None)
@given(sightings, kinds_of_values)
def test_pairs_met_once_are_told_of_when_asked_for(pairs, kinds):
    shared = small_incidence(pairs, kinds)
    u, v, n = pair_counts(shared, least=1)
    often = n >= MINIMUM_TOGETHER
    for mine, theirs in zip((u[often], v[often], n[often]), pair_counts(shared), strict=True):
        assert np.array_equal(mine, theirs)
    assert n.min(initial=1) >= 1
