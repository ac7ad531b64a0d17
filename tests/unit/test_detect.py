"""Finding rings in small graphs with planted truth."""

import numpy as np
import pytest
from planted import crowd, graph_of, plant

from ringfinder.detect import find_rings
from ringfinder.detect.candidates import first_members, value_communities
from ringfinder.detect.find import find_against
from ringfinder.detect.refine import MINIMUM_SIZE, compact
from ringfinder.evidence.background import background
from ringfinder.evidence.incidence import Incidence, shared_values
from ringfinder.evidence.pairs import pairs_beyond, significant_pairs
from ringfinder.graph.columns import AttributeGraph
from ringfinder.schema import CODE, KINDS

ACCOUNTS = 6_000
NOBODY = np.zeros(ACCOUNTS, dtype=np.int32)


def found_in(columns, *, label=NOBODY, seed=0):
    graph = graph_of(columns)
    shared = shared_values(graph)
    return find_rings(graph, shared, background(shared, label), seed=seed)


def members(detection, number=0):
    return np.flatnonzero(detection.communities.community == number)


def test_a_fleet_on_three_domains_and_two_templates_is_one_ring():
    columns = crowd(ACCOUNTS)
    plant(
        columns,
        range(1000, 1300),
        {"email_domain": ["x1", "x2", "x3"], "prompt_fingerprint": ["t1", "t2"]},
    )
    found = found_in(columns)
    assert found.communities.lifts.communities == 1
    assert np.array_equal(members(found), np.arange(1000, 1300))


def test_two_fleets_that_share_a_proxy_pool_stay_two():
    columns = crowd(ACCOUNTS)
    pool = [f"pool{i}" for i in range(10)]
    plant(
        columns, range(0, 100), {"ip_network": pool, "email_domain": ["x1"], "device": ["d1", "d2"]}
    )
    plant(
        columns,
        range(100, 220),
        {"ip_network": pool, "email_domain": ["y1"], "device": ["e1", "e2"]},
    )
    found = found_in(columns)
    assert found.communities.lifts.communities == 2
    assert np.array_equal(members(found, 0), np.arange(100, 220))
    assert np.array_equal(members(found, 1), np.arange(0, 100))


def test_a_crowd_of_strangers_behind_one_carrier_is_no_ring():
    columns = crowd(ACCOUNTS)
    for account in range(2_000):
        columns["ip_network"][account] = "carrier"
    assert found_in(columns).communities.lifts.communities == 0


def test_members_that_lack_one_trait_are_kept_by_the_others():
    columns = crowd(ACCOUNTS)
    plant(
        columns,
        range(100),
        {"email_domain": ["x"], "device": ["d1", "d2"], "prompt_fingerprint": ["t"]},
    )
    for account in range(0, 100, 3):
        columns["email_domain"][account] = None
    assert np.array_equal(members(found_in(columns)), np.arange(100))


def test_regions_are_rings_without_classes_and_none_with_them():
    rng = np.random.default_rng(5)
    region = rng.integers(0, 8, ACCOUNTS).astype(np.int32)
    columns = crowd(ACCOUNTS)
    columns["email_domain"] = [f"c{r}-{rng.integers(0, 3)}" for r in region]
    columns["card_bin"] = [f"b{r}-{rng.integers(0, 3)}" for r in region]
    assert found_in(columns).communities.lifts.communities > 0
    assert found_in(columns, label=region).communities.lifts.communities == 0


class TestFashions:
    """A campaign's link and the browser of its month mark strangers, and tie nobody."""

    CROWD, FLEET = range(1_000, 1_400), range(2_000, 2_040)

    def columns(self):
        columns = crowd(ACCOUNTS)
        columns["referrer"] = [None] * ACCOUNTS
        plant(columns, self.CROWD, {"referrer": ["campaign"], "user_agent": ["new", "newer"]})
        plant(columns, range(4_000, 4_200), {"user_agent": ["new", "newer"]})  # others have it, too
        return columns

    def test_are_no_communities(self):
        assert found_in(self.columns()).communities.lifts.communities == 0

    def test_do_not_take_a_fleet_in(self):
        columns = self.columns()
        own = {"device": ["d1", "d2"], "email_domain": ["x"]}
        fashion = {"referrer": ["campaign"], "user_agent": ["new", "newer"]}
        plant(columns, self.FLEET, {**own, **fashion})
        assert np.array_equal(members(found_in(columns)), np.array(self.FLEET))

    @pytest.mark.parametrize("size", [40, 200])
    def test_a_client_and_a_bank_that_nobody_else_has_tie_however_many(self, size):
        columns = crowd(ACCOUNTS)
        fleet = range(3_000, 3_000 + size)
        plant(columns, fleet, {"user_agent": ["bot"], "card_bin": ["prepaid"]})
        assert np.array_equal(members(found_in(columns)), np.array(fleet))

    def test_teach_what_people_share(self):
        graph = graph_of(self.columns())
        shared = shared_values(graph)
        back = background(shared, np.zeros(ACCOUNTS, dtype=np.int32))
        assert (find_against(shared, back, seed=0).community < 0).all()


class TestSuspects:
    """Whom no rate is measured on must not bring everybody along."""

    RING = range(100, 400)

    def columns(self):
        rng = np.random.default_rng(3)
        columns = crowd(ACCOUNTS)
        columns["email_pattern"] = [f"e{n}" for n in rng.integers(0, 12, ACCOUNTS)]
        columns["user_agent"] = [f"u{n}" for n in rng.integers(0, 20, ACCOUNTS)]
        plant(columns, self.RING, {"device": ["d1", "d2", "d3", "d4"], "card_bin": ["x", "y", "z"]})
        return columns

    def test_a_ring_under_suspicion_is_found_without_the_population(self):
        graph = graph_of(self.columns())
        shared = shared_values(graph)
        suspect = np.isin(np.arange(ACCOUNTS), self.RING)
        back = background(shared, NOBODY, suspect)
        community = find_rings(graph, shared, back, seed=0).communities.community
        assert (community[suspect] >= 0).all()
        assert (community[~suspect] >= 0).mean() < 0.01

    def test_pairs_of_what_they_alone_and_what_everybody_holds_say_nothing(self):
        shared = shared_values(graph_of(self.columns()))
        suspect = np.isin(np.arange(ACCOUNTS), self.RING)
        pairs = pairs_beyond(shared, background(shared, NOBODY, suspect))
        kinds = {KINDS[shared.kind[v]].name for v in (*pairs.u, *pairs.v)}
        own = np.isin(shared.kind, [CODE["device"], CODE["card_bin"]]) & (shared.degree >= 60)
        mixed = own[pairs.u] ^ own[pairs.v]
        assert "user_agent" in kinds
        assert pairs.nats[mixed].max() < 12 < pairs.nats[own[pairs.u] & own[pairs.v]].min()


def test_the_order_of_values_and_other_rings_change_nothing():
    columns = crowd(ACCOUNTS)
    plant(columns, range(100), {"email_domain": ["x"], "device": ["d1", "d2"]})
    alone = members(found_in(columns))
    plant(columns, range(3000, 3400), {"email_domain": ["y"], "device": ["e1", "e2", "e3"]})
    assert np.array_equal(members(found_in(columns), 1), alone)


@pytest.mark.parametrize("seed", [0, 1, 2])
def test_the_seed_of_leiden_does_not_decide_who_is_in_a_clear_ring(seed):
    columns = crowd(ACCOUNTS)
    plant(columns, range(60), {"email_domain": ["x"], "prompt_fingerprint": ["t"]})
    assert np.array_equal(members(found_in(columns, seed=seed)), np.arange(60))


def test_the_same_seed_gives_the_same_rings():
    columns = crowd(ACCOUNTS)
    plant(columns, range(200), {"email_domain": ["x", "y"], "device": ["d", "e", "f"]})
    one, two = found_in(columns), found_in(columns)
    assert np.array_equal(one.communities.community, two.communities.community)
    assert np.array_equal(one.communities.nats, two.communities.nats)


def test_communities_are_numbered_by_size_and_small_ones_go():
    community = np.array([5, 5, 5, 5, 5, 2, 2, 2, 2, 2, 2, 9, 9, -1])
    assert compact(community).tolist() == [1] * 5 + [0] * 6 + [-1] * 3
    assert MINIMUM_SIZE > 2


def test_values_without_a_significant_pair_are_in_no_community():
    columns = crowd(ACCOUNTS)
    plant(columns, range(50), {"email_domain": ["x"], "device": ["d"]})
    shared = shared_values(graph_of(columns))
    pairs = significant_pairs(pairs_beyond(shared, background(shared, NOBODY)), 15.0)
    label = value_communities(pairs, shared.values, seed=0)
    assert (label >= 0).sum() == 2
    first = first_members(shared, label)
    assert np.array_equal(np.flatnonzero(first == 0), np.arange(50))


def test_a_graph_without_anything_shared_gives_no_ring():
    columns = {"device": [f"d{i}" for i in range(50)], "ip": [f"i{i}" for i in range(50)]}
    graph: AttributeGraph = graph_of(columns)
    shared: Incidence = shared_values(graph)
    found = find_rings(graph, shared, background(shared, np.zeros(50, dtype=np.int32)), seed=0)
    assert found.communities.lifts.communities == 0
    assert len(found.false_discovery_rate) == 0
