"""The population's own structure is learned, and nothing is learned where there is none."""

import numpy as np
from planted import crowd, graph_of

from ringfinder.detect import classes
from ringfinder.detect.classes import learn_classes, strata

ACCOUNTS = 4_000
REGION = np.random.default_rng(7).integers(0, 4, ACCOUNTS)


def regions(region=REGION, *, seed=0, loyalty=0.9):
    """People of each region on their own carriers, banks and mail providers, most of them."""
    rng = np.random.default_rng(seed)
    columns = crowd(len(region), seed=seed)
    for name, values in (("ip_block", 6), ("card_bin", 4), ("mail_provider", 3)):
        home = np.where(rng.random(len(region)) < loyalty, region, rng.integers(0, 9, len(region)))
        own = rng.integers(0, values, len(region))
        columns[name] = [f"{name}{h}-{o}" for h, o in zip(home, own, strict=True)]
    return columns


def impurity(label, region):
    """Share of accounts that are not of the commonest region of their class."""
    table = np.zeros((int(label.max()) + 1, int(region.max()) + 1))
    np.add.at(table, (label, region), 1)
    return 1 - table.max(axis=1).sum() / len(label)


def with_fleet(size=500):
    """Regions, and a fleet on a bank, a block and a provider of its own."""
    fleet = np.arange(ACCOUNTS) < size
    columns = regions()
    for name in ("ip_block", "card_bin", "mail_provider"):
        column = columns[name]
        columns[name] = [f"fleet-{name}" if f else v for f, v in zip(fleet, column, strict=True)]
    return columns, fleet


def test_regions_that_no_column_names_are_recovered():
    label = learn_classes(graph_of(regions()), seed=0)
    assert label.dtype == np.int32
    assert np.sort(np.bincount(label))[-4:].sum() > 0.95 * ACCOUNTS
    assert impurity(label, REGION) < 0.02


def test_regions_of_very_different_size_are_recovered():
    region = np.repeat([0, 1, 2], [3_000, 700, 300])
    label = learn_classes(graph_of(regions(region)), seed=0)
    assert impurity(label, region) < 0.03


def test_what_the_country_explains_is_not_learned_again():
    graph = graph_of(regions(), stratum=REGION.astype(np.int32))
    assert np.array_equal(learn_classes(graph, seed=0), strata(graph))


def test_regions_within_a_country_are_told_apart():
    country = (REGION // 2).astype(np.int32)
    label = learn_classes(graph_of(regions(), stratum=country), seed=0)
    assert impurity(label, REGION) < 0.02


def test_where_nothing_is_left_to_explain_the_strata_stand():
    graph = graph_of(crowd(ACCOUNTS), stratum=(np.arange(ACCOUNTS) % 3).astype(np.int32))
    assert np.array_equal(learn_classes(graph, seed=0), strata(graph))


def test_where_nothing_is_popular_the_strata_stand():
    columns = {"device": [f"d{a // 2}" for a in range(200)]}
    assert learn_classes(graph_of(columns), seed=0).tolist() == [0] * 200


def test_a_big_fleet_makes_a_class_unless_it_is_left_out():
    columns, fleet = with_fleet()
    graph = graph_of(columns)
    blind = learn_classes(graph, seed=0)
    own = np.bincount(blind[fleet]).argmax()
    assert (blind[fleet] == own).mean() > 0.95
    assert (blind[~fleet] == own).mean() < 0.05
    warned = learn_classes(graph, seed=0, exclude=fleet)
    assert np.all(np.bincount(warned, weights=fleet) < np.bincount(warned, weights=~fleet))
    assert impurity(warned[~fleet], REGION[~fleet]) < 0.02


def test_everybody_left_out_leaves_the_strata():
    graph = graph_of(regions())
    everybody = np.ones(ACCOUNTS, dtype=bool)
    assert np.array_equal(learn_classes(graph, seed=0, exclude=everybody), strata(graph))


def test_the_same_seed_learns_the_same_classes():
    graph = graph_of(regions(loyalty=0.7))
    assert np.array_equal(learn_classes(graph, seed=3), learn_classes(graph, seed=3))


def test_a_sample_is_enough_to_learn_from(monkeypatch):
    graph = graph_of(regions())
    monkeypatch.setattr(classes, "SAMPLE", 1_000)
    assert impurity(learn_classes(graph, seed=0), REGION) < 0.03


def test_strata_too_small_to_measure_stand_together():
    stratum = np.repeat([0, 1, 2, -1], [150, 5, 5, 40]).astype(np.int32)
    found = strata(graph_of(crowd(200), stratum=stratum))
    assert len(np.unique(found)) == 3
    assert len(np.unique(found[150:160])) == 1
    assert found[0] not in found[150:]
