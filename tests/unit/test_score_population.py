"""The population's classes, learned without the fleets in it."""

import numpy as np
import pytest
from planted import crowd, graph_of, plant, use_of

from ringfinder.detect import find_rings
from ringfinder.detect.classes import learn_classes, strata
from ringfinder.detect.find import find_against
from ringfinder.evidence.background import background
from ringfinder.evidence.incidence import shared_values
from ringfinder.score import population
from ringfinder.score.accounts import account_traits
from ringfinder.score.features import NAMES
from ringfinder.score.judge import Weights
from ringfinder.score.population import learn_population

ACCOUNTS = 4_000
BIG = range(600)  # a fleet of a seventh of everybody
REGION = np.random.default_rng(7).integers(0, 3, ACCOUNTS)


@pytest.fixture(autouse=True)
def weights(monkeypatch):
    """Weights by which use_of's machines are fleets, whatever is shipped."""
    weight = np.zeros(len(NAMES))
    weight[[NAMES.index("output_size"), NAMES.index("ring_wakefulness")]] = 3.0
    fixed = Weights(-4.5, np.zeros(len(NAMES)), np.ones(len(NAMES)), weight)
    monkeypatch.setattr(population, "shipped_weights", lambda **_: fixed)


def world(*, fleet=BIG, machines=True, regions=True):
    """Three regions that no column names, and a fleet with a bank and networks of its own."""
    rng = np.random.default_rng(1)
    columns = crowd(ACCOUNTS)
    for name, values in (("ip_block", 5), ("card_bin", 4), ("mail_provider", 3)):
        home = REGION if regions else np.zeros(ACCOUNTS, dtype=int)
        own = rng.integers(0, values, ACCOUNTS)
        columns[name] = [f"{name}{h}-{o}" for h, o in zip(home, own, strict=True)]
    own = {"ip_block": ["pool"], "card_bin": ["cards"], "mail_provider": ["catch-all"]}
    shared = {"email_domain": ["x1", "x2", "x3"], "device": ["d1", "d2"], "ip_network": ["p", "q"]}
    plant(columns, fleet, own | shared)
    machine = np.zeros(ACCOUNTS, dtype=bool)
    machine[list(fleet)] = machines
    graph = graph_of(columns, profiles=use_of(machine))
    return graph, shared_values(graph)


def share_in_common(label, members):
    """Largest share of the members in one class, and their share of that class."""
    inside = np.bincount(label[list(members)], minlength=int(label.max()) + 1)
    top = inside.argmax()
    return inside[top] / len(members), inside[top] / (label == top).sum()


def test_a_big_fleet_is_suspect_and_no_class_of_its_own():
    graph, shared = world()
    back = learn_population(graph, shared, seed=0)
    fleet = np.isin(np.arange(ACCOUNTS), BIG)
    assert not back.innocent[fleet].any()
    assert back.innocent[~fleet].mean() > 0.99
    _, of_class = share_in_common(back.label, BIG)
    assert of_class < 0.5


def test_its_own_values_are_expected_of_nobody():
    graph, shared = world()
    back = learn_population(graph, shared, seed=0)
    names = graph.pseudonym.to_pylist()
    own = [v for v in range(shared.values) if names[shared.source[v]].endswith((":d1", ":d2"))]
    assert len(own) == 2
    assert back.holders[own].sum() == 0


@pytest.mark.parametrize(("accounts", "asked"), [(100, False), (600, True)])
def test_groups_as_large_as_a_region_are_asked_by_weights_of_their_own(
    monkeypatch, accounts, asked
):
    none = np.zeros(len(NAMES))

    def weights(*, usage, regions=False):
        return Weights(5.0 if regions else -5.0, none, none + 1, none)

    monkeypatch.setattr(population, "shipped_weights", weights)
    graph, _ = world()
    ring = np.where(np.arange(ACCOUNTS) < accounts, 0, -1).astype(np.int32)
    traits = account_traits(graph.profiles, graph.created_ms)
    suspect = population._like_fleets(graph, ring, np.zeros(ACCOUNTS), traits)
    assert suspect.any() == asked


def test_without_judgement_it_would_have_vanished_into_its_own_class():
    graph, _ = world()
    blind = learn_classes(graph, seed=0)
    in_one, of_class = share_in_common(blind, BIG)
    assert in_one > 0.9
    assert of_class > 0.9


def test_the_regions_are_learned_all_the_same():
    graph, shared = world()
    label = learn_population(graph, shared, seed=0).label
    people = np.setdiff1d(np.arange(ACCOUNTS), BIG)
    table = np.zeros((int(label.max()) + 1, 3))
    np.add.at(table, (label[people], REGION[people]), 1)
    assert table.max(axis=1).sum() > 0.95 * len(people)


def test_those_who_behave_like_people_are_innocent_however_alike():
    graph, shared = world(machines=False)
    back = learn_population(graph, shared, seed=0)
    assert back.innocent.all()


def test_a_company_is_neither_suspect_nor_a_region():
    company = range(50)
    graph, shared = world(fleet=company, machines=False, regions=False)
    back = learn_population(graph, shared, seed=0)
    assert back.innocent.all()
    _, of_class = share_in_common(back.label, company)
    assert of_class < 0.5


def test_where_nothing_is_found_classes_are_learned_from_everybody():
    graph = graph_of(crowd(1_000), stratum=(np.arange(1_000) % 2).astype(np.int32))
    shared = shared_values(graph)
    back = learn_population(graph, shared, seed=0)
    assert np.array_equal(back.label, background(shared, strata(graph)).label)
    assert back.innocent.all()


def hidden(*, machines=True):
    """A fleet in a country of its own, which explains all it shares, and a company."""
    columns = crowd(ACCOUNTS)
    plant(columns, BIG, {"email_domain": ["x1", "x2", "x3"], "device": ["d1", "d2"]})
    plant(columns, range(1_000, 1_040), {"email_domain": ["firm"], "device": ["kit"]})
    fleet = np.isin(np.arange(ACCOUNTS), BIG)
    graph = graph_of(columns, profiles=use_of(fleet & machines), stratum=fleet.astype(np.int32))
    return graph, shared_values(graph), fleet


def rings_in(graph, shared, back):
    return find_rings(graph, shared, back, seed=0).communities.community >= 0


class TestAClassThatBehavesLikeAFleet:
    def test_the_first_search_misses_it(self):
        graph, shared, fleet = hidden()
        found = find_against(shared, background(shared, strata(graph)), seed=0).community >= 0
        assert not found[fleet].any()
        assert found[1_000:1_040].all()

    def test_it_is_struck_off_and_found(self):
        graph, shared, fleet = hidden()
        back = learn_population(graph, shared, seed=0)
        assert not back.innocent[fleet].any()
        assert back.innocent[~fleet].all()
        assert rings_in(graph, shared, back)[fleet].all()

    def test_what_only_its_members_hold_is_expected_of_nobody(self):
        graph, shared, _ = hidden()
        back = learn_population(graph, shared, seed=0)
        names = [graph.pseudonym[int(at)].as_py() for at in shared.source]
        own = [n for n, name in enumerate(names) if name in ("device:d1", "email_domain:x2")]
        assert len(own) == 2
        assert back.holders[own].sum() == 0

    def test_people_in_a_country_of_their_own_stay_innocent(self):
        graph, shared, fleet = hidden(machines=False)
        back = learn_population(graph, shared, seed=0)
        assert back.innocent.all()
        assert not rings_in(graph, shared, back)[fleet].any()

    def test_classes_are_learned_again_without_it(self, monkeypatch):
        graph, shared, fleet = hidden()
        without = []

        def learning(graph, *, seed, exclude=None):
            without.append(exclude.copy())
            return learn_classes(graph, seed=seed, exclude=exclude)

        monkeypatch.setattr(population, "learn_classes", learning)
        learn_population(graph, shared, seed=0)
        assert len(without) == 2
        assert not without[0][fleet].any()
        assert without[1][fleet].all()
        assert without[1][1_000:1_040].all()  # the small community stays out

    def test_where_no_class_is_suspect_they_are_learned_once(self, monkeypatch):
        graph, shared, _ = hidden(machines=False)
        times = []
        monkeypatch.setattr(
            population,
            "learn_classes",
            lambda graph, **given: times.append(1) or learn_classes(graph, **given),
        )
        learn_population(graph, shared, seed=0)
        assert len(times) == 1

    def test_the_largest_class_is_never_struck_off(self):
        label = np.repeat([0, 2, 1], [3, 5, 4])
        assert population._all_but_largest(label).tolist() == [0] * 3 + [-1] * 5 + [1] * 4


def test_the_same_seed_learns_the_same_population():
    graph, shared = world()
    one, two = (learn_population(graph, shared, seed=4) for _ in range(2))
    assert np.array_equal(one.label, two.label)
    assert np.array_equal(one.innocent, two.innocent)
