"""Rings cut in two, and cut again: what was not cut is not looked at twice."""

import numpy as np
import pytest
from planted import DAY_MS, START_MS, graph_of
from scipy.special import expit

from ringfinder.evidence.incidence import shared_values
from ringfinder.score import apart as score_apart
from ringfinder.score.accounts import Traits
from ringfinder.score.apart import CUTS, tell_apart

RINGS = 20
OUTSIDE = 50
BOTH_SIDES_CUT_AGAIN = (12, 13, 18, 23)
"""Seeds whose worlds need a second look at the part cut off and at what it left."""


@pytest.fixture
def measured(monkeypatch):
    """Judge rings by their mean answer alone; note how many are measured at a time."""
    sizes = []

    def features(graph, number, families, *, traits):
        rings = int(number.max(initial=-1)) + 1
        sizes.append(rings)
        inside = number >= 0
        total = np.bincount(number[inside], traits.output_size[inside], minlength=rings)
        return (total / np.maximum(np.bincount(number[inside], minlength=rings), 1))[:, None]

    monkeypatch.setattr(score_apart, "ring_features", features)
    monkeypatch.setattr(score_apart, "fleet_probability", lambda x, _: (expit(8 * x[:, 0]), x))
    monkeypatch.setattr(score_apart, "marked_apart", lambda *_: True)
    return sizes


def mixed(seed):
    """Rings of one to four groups of accounts, each group with habits of its own."""
    rng = np.random.default_rng(seed)
    groups = [
        (ring, rng.normal(0, 3, 4), rng.integers(0, 90), rng.integers(6, 30))
        for ring in range(RINGS)
        for _ in range(rng.integers(1, 5))
    ]
    ring = np.concatenate([np.full(n, of) for of, _, _, n in groups] + [np.full(OUTSIDE, -1)])
    x = np.concatenate([rng.normal(at, 0.4, (n, 4)) for _, at, _, n in groups])
    x = np.concatenate((x, np.zeros((OUTSIDE, 4))))
    day = np.concatenate([day + rng.random(n) for _, _, day, n in groups] + [np.zeros(OUTSIDE)])
    shuffled = rng.permutation(len(ring))
    ring, x, day = ring[shuffled].astype(np.int32), x[shuffled], day[shuffled]
    created = START_MS + (day * DAY_MS).astype(np.int64)
    graph = graph_of({"device": ["d"] * len(ring)}, created_ms=created)
    return graph, ring, Traits(ring >= 0, *x.T)


def cut(graph, ring, traits):
    families = np.zeros(len(ring))
    return tell_apart(graph, shared_values(graph), ring, families, traits, usage=True)


@pytest.mark.parametrize("seed", BOTH_SIDES_CUT_AGAIN)
def test_cutting_fresh_parts_again_equals_cutting_everything_again(seed, measured, monkeypatch):
    graph, ring, traits = mixed(seed)
    found, origin = cut(graph, ring, traits)
    monkeypatch.setattr(score_apart, "CUTS", 1)
    expected, of, counts = ring, np.arange(RINGS), [RINGS]
    for _ in range(CUTS):
        expected, parent = cut(graph, expected, traits)
        of = of[parent]
        counts.append(len(of))
    assert counts[2] > counts[1] > counts[0]  # something was cut twice
    assert np.array_equal(found, expected)
    assert np.array_equal(origin, of)


def test_later_cuts_measure_only_rings_just_cut(measured):
    cut(*mixed(0))
    first, later = measured[:2], measured[2:]
    assert first[1] == 2 * first[0] <= 2 * RINGS
    assert later
    assert max(later) < first[1]


@pytest.mark.parametrize("seed", range(3))
def test_every_account_stays_in_a_part_of_its_ring(seed, measured):
    graph, ring, traits = mixed(seed)
    found, origin = cut(graph, ring, traits)
    assert np.array_equal(found >= 0, ring >= 0)
    assert np.array_equal(origin[found[found >= 0]], ring[found >= 0])
    assert set(found.tolist()) == set(range(-1, len(origin)))


def test_without_rings_there_is_nothing_to_cut(measured):
    graph, ring, traits = mixed(0)
    found, origin = cut(graph, np.full_like(ring, -1), traits)
    assert (found == -1).all()
    assert len(origin) == 0
