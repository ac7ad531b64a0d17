"""The null world: everything stays but the company that values keep."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from planted import crowd, graph_of, plant

from ringfinder.detect.null import false_discovery_rate, null_world
from ringfinder.evidence.background import background
from ringfinder.evidence.incidence import shared_values
from ringfinder.evidence.pairs import pairs_beyond, significant_pairs
from ringfinder.graph.columns import AttributeGraph
from ringfinder.schema import KINDS

ACCOUNTS = 80
WITNESS = np.array([kind.witness for kind in KINDS])


def any_graph(rng, *, several):
    """Accounts that show values of a few kinds, one of each or several."""
    kinds = rng.choice(len(KINDS), 6, replace=False)
    pools = rng.integers(1, 40, len(kinds))
    cells = {
        (account, place, int(rng.integers(0, pool)))
        for place, pool in enumerate(pools.tolist())
        for account in range(ACCOUNTS)
        for _ in range(int(rng.integers(0, 5 if several else 2)))
    }
    first = np.concatenate(([0], np.cumsum(pools)))
    rows = np.array(sorted((a, first[place] + v) for a, place, v in cells)).reshape(-1, 2)
    plain = graph_of({"device": ["d"] * ACCOUNTS})
    return AttributeGraph(
        **{
            **vars(plain),
            "account": rows[:, 0].astype(np.int32),
            "value": rows[:, 1].astype(np.int32),
            "kind": np.repeat(kinds, pools).astype(np.int8),
        }
    )


def holders(account, value, label, values):
    """(C, V): accounts of each class that hold each value."""
    table = np.zeros((int(label.max()) + 1, values), dtype=int)
    np.add.at(table, (label[account], value), 1)
    return table


def before_and_after(graph, label, seed):
    """Holders by class of every value, in the data and in the null world."""
    world = null_world(graph, label, seed=seed)
    witness = WITNESS[graph.kind[graph.value]]
    before = holders(graph.account[witness], graph.value[witness], label, graph.values)
    after = holders(world.account, world.source[world.value], label, graph.values)
    return world, before, after


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 10_000))
def test_where_accounts_show_one_value_of_a_kind_every_class_keeps_its_holders(seed):
    rng = np.random.default_rng(seed)
    graph = any_graph(rng, several=False)
    label = rng.integers(0, 3, ACCOUNTS).astype(np.int32)
    _, before, after = before_and_after(graph, label, seed)
    before[:, before.sum(axis=0) < 2] = 0  # what one account holds is not shared
    assert np.array_equal(after, before)


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 10_000))
def test_else_only_values_dealt_twice_to_an_account_are_lost(seed):
    rng = np.random.default_rng(seed)
    graph = any_graph(rng, several=True)
    label = rng.integers(0, 3, ACCOUNTS).astype(np.int32)
    world, before, after = before_and_after(graph, label, seed)
    assert np.all(after <= before)
    shown = np.zeros((ACCOUNTS, len(KINDS)), dtype=int)
    witness = WITNESS[graph.kind[graph.value]]
    np.add.at(shown, (graph.account[witness], graph.kind[graph.value[witness]]), 1)
    dealt = np.zeros_like(shown)
    np.add.at(dealt, (world.account, world.kind[world.value]), 1)
    assert np.all(dealt <= shown)
    assert np.array_equal(world.shown, shown > 0)


@settings(max_examples=20, deadline=None)
@given(st.integers(0, 10_000))
def test_it_is_an_incidence_like_any_other(seed):
    rng = np.random.default_rng(seed)
    graph = any_graph(rng, several=True)
    world = null_world(graph, rng.integers(0, 2, ACCOUNTS).astype(np.int32), seed=seed)
    key = world.account.astype(np.int64) * max(world.values, 1) + world.value
    assert np.all(np.diff(key) > 0)
    assert np.array_equal(np.bincount(world.value, minlength=world.values), world.degree)
    assert np.all(world.degree >= 2)
    assert np.array_equal(world.kind, graph.kind[world.source])


@pytest.mark.parametrize("classes", [1, 3, 5_000])  # many groups are sorted another way
def test_values_stay_within_their_class(classes):
    accounts = 15_000
    label = (np.arange(accounts) % classes).astype(np.int32)
    shown = [f"{number}-{n // classes % 2}" for n, number in enumerate(label)]
    graph = graph_of({kind.name: shown for kind in KINDS if kind.witness})
    world = null_world(graph, label, seed=3)
    names = [graph.pseudonym[int(at)].as_py() for at in world.source]
    home = np.array([int(name.split(":")[1].split("-")[0]) for name in names])
    assert len(world.value) > accounts
    assert np.array_equal(home[world.value], label[world.account])


def test_the_company_of_values_is_destroyed_and_nothing_of_what_they_are():
    columns = crowd(3_000)
    plant(columns, range(300), {"email_domain": ["x"], "device": ["d"]})
    graph = graph_of(columns)
    nobody = np.zeros(3_000, dtype=np.int32)
    world, shared = null_world(graph, nobody, seed=3), shared_values(graph)

    def edges(incidence):
        return significant_pairs(pairs_beyond(incidence, background(incidence, nobody)), 15.0).u

    assert len(edges(world)) == 0
    assert len(edges(shared)) == 1
    assert np.array_equal(world.degree, shared.degree)


def test_a_seed_is_a_world():
    graph = graph_of(crowd(1_000))
    nobody = np.zeros(1_000, dtype=np.int32)
    one, same, other = (null_world(graph, nobody, seed=seed) for seed in (1, 1, 2))
    assert np.array_equal(one.value, same.value)
    assert not np.array_equal(one.value, other.value)


def test_kinds_that_are_no_witnesses_stay_away():
    graph = graph_of({"ip_block": ["a"] * 20, "device": ["d"] * 20})
    world = null_world(graph, np.zeros(20, dtype=np.int32), seed=1)
    assert [KINDS[kind].name for kind in world.kind] == ["device"]


class TestFalseDiscoveryRate:
    strengths = st.lists(st.floats(0, 100), max_size=12)

    @given(strengths, strengths)
    def test_it_is_a_share_and_never_higher_for_the_stronger(self, real, null):
        real, null = np.array(real), np.array(null)
        rate = false_discovery_rate(real, null)
        assert np.all((rate >= 0) & (rate <= 1))
        order = np.argsort(-real, kind="stable")
        assert np.all(np.diff(rate[order]) >= 0)

    @given(strengths, strengths)
    def test_it_is_the_lowest_share_of_chance_among_any_as_strong_or_weaker(self, real, null):
        rate = false_discovery_rate(np.array(real), np.array(null))
        for at, strength in enumerate(real):
            shares = [
                min(1.0, sum(n >= cut for n in null) / sum(r >= cut for r in real))
                for cut in real
                if cut <= strength
            ]
            assert rate[at] == pytest.approx(min(shares), abs=1e-12)

    def test_null_rings_at_least_as_strong_are_counted(self):
        rate = false_discovery_rate(np.array([100.0, 50.0, 10.0, 5.0]), np.array([7.0, 20.0]))
        assert rate.tolist() == pytest.approx([0.0, 0.0, 1 / 3, 0.5])

    def test_without_null_rings_nothing_is_thought_false(self):
        assert false_discovery_rate(np.array([3.0, 1.0]), np.zeros(0)).tolist() == [0.0, 0.0]

    def test_a_null_ring_as_strong_as_a_real_one_counts(self):
        assert false_discovery_rate(np.array([10.0]), np.array([10.0])).tolist() == [1.0]
