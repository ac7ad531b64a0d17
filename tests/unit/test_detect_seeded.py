"""Threads share igraph's random numbers, and none of them can tell."""

import random
import sys
import threading
from concurrent.futures import ThreadPoolExecutor

import igraph
import numpy as np
import pytest
from planted import crowd, graph_of, plant

from ringfinder.detect import find, seeded
from ringfinder.detect.candidates import value_communities
from ringfinder.detect.find import find_rings
from ringfinder.evidence import membership, pairs
from ringfinder.evidence.background import background
from ringfinder.evidence.incidence import shared_values
from ringfinder.evidence.pairs import Pairs

SEEDS = range(6)


def tangle(values=220, edges=900):
    """Pairs without any structure: which blocks Leiden finds depends on its order alone."""
    rng = np.random.default_rng(5)
    ends = np.sort(rng.integers(0, values, (edges, 2)), axis=1)
    ends = np.unique(ends[ends[:, 0] < ends[:, 1]], axis=0).astype(np.int32)
    together = np.full(len(ends), 5, dtype=np.int32)
    return Pairs(ends[:, 0], ends[:, 1], together, np.ones(len(ends)), np.full(len(ends), 9.0))


def blocks(seed):
    return value_communities(tangle(), 220, seed=seed, split=0.1).tolist()


@pytest.fixture
def impatient():
    """Threads take turns as often as they can."""
    before = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    yield
    sys.setswitchinterval(before)


def test_the_seed_decides_what_leiden_finds_in_a_tangle():
    assert blocks(1) == blocks(1)
    assert len({str(blocks(seed)) for seed in SEEDS}) > 1


@pytest.mark.usefixtures("impatient")
def test_side_by_side_each_search_finds_what_it_finds_alone():
    alone = [blocks(seed) for seed in SEEDS]
    with ThreadPoolExecutor(max_workers=len(SEEDS)) as pool:
        assert list(pool.map(blocks, SEEDS)) == alone


def test_a_search_within_a_search_does_not_wait_for_itself():
    through = threading.Event()

    def nested():
        with seeded.seeded(1), seeded.seeded(2):
            through.set()

    threading.Thread(target=nested, daemon=True).start()
    assert through.wait(timeout=10)


def test_an_error_inside_lets_the_next_one_in():
    with pytest.raises(ZeroDivisionError), seeded.seeded(1):
        1 / 0  # noqa: B018
    with ThreadPoolExecutor(max_workers=1) as pool:
        assert pool.submit(blocks, 1).result(timeout=30) == blocks(1)


def test_what_was_drawn_before_changes_nothing():
    first = blocks(3)
    igraph.set_random_number_generator(random.Random(99))
    igraph.Graph.Erdos_Renyi(n=50, m=100)
    assert blocks(3) == first


# ---- the whole search --------------------------------------------------------------------------


class Done:
    """The answer of a task that was run elsewhere, or is run when it is asked for."""

    def __init__(self, task, given, named):
        self.result = lambda: task(*given, **named)


class OneAfterTheOther:
    """A pool that does the last task first, and what was handed in only when it is wanted."""

    def __init__(self, max_workers=None):
        pass

    def __enter__(self):
        return self

    def __exit__(self, *_):
        return None

    def submit(self, task, *given, **named):
        return Done(task, given, named)

    def map(self, task, *columns):
        rows = list(zip(*columns, strict=True))
        return list(reversed([task(*row) for row in reversed(rows)]))


@pytest.fixture(scope="module")
def world():
    columns = crowd(3_000)
    pool = {"ip_network": [f"pool{n}" for n in range(8)]}
    plant(columns, range(100, 300), pool | {"email_domain": ["x"], "device": ["d1", "d2"]})
    plant(columns, range(400, 440), pool | {"email_domain": ["y"], "device": ["e1"]})
    plant(
        columns,
        range(600, 660),
        {
            "prompt_fingerprint": [f"t{n}" for n in range(12)],
            "device": [f"web{n}" for n in range(12)],
        },
    )
    graph = graph_of(columns)
    shared = shared_values(graph)
    return graph, shared, background(shared, np.zeros(3_000, dtype=int))


@pytest.fixture(scope="module")
def plainly(world):
    graph, shared, back = world
    return find_rings(graph, shared, back, seed=2)


def assert_same(found, expected):
    for name in ("community", "nats"):
        assert np.array_equal(
            getattr(found.communities, name), getattr(expected.communities, name)
        ), name
    assert np.array_equal(found.communities.lifts.nats, expected.communities.lifts.nats)
    assert np.array_equal(found.false_discovery_rate, expected.false_discovery_rate)
    assert (found.null_rings, found.null_accounts) == (expected.null_rings, expected.null_accounts)
    assert found.least_nats == expected.least_nats


def test_there_is_something_to_find(plainly):
    assert plainly.communities.lifts.communities >= 3


def test_without_any_thread_the_rings_are_the_same(world, plainly, monkeypatch):
    graph, shared, back = world
    for module in (find, membership, pairs):
        monkeypatch.setattr(module, "ThreadPoolExecutor", OneAfterTheOther)
    assert_same(find_rings(graph, shared, back, seed=2), plainly)


@pytest.mark.usefixtures("impatient")
@pytest.mark.parametrize("workers", [1, 5])
def test_the_number_of_threads_changes_no_ring(world, plainly, monkeypatch, workers):
    graph, shared, back = world
    monkeypatch.setattr(membership, "WORKERS", workers)
    monkeypatch.setattr(membership, "BLOCK_ROWS", 200)  # blocks enough for all of them
    assert_same(find_rings(graph, shared, back, seed=2), plainly)
