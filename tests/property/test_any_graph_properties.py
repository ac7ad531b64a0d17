"""Whatever the data looks like, the steps from graph to tables end, and agree with each other."""

from __future__ import annotations

import dataclasses

import numpy as np
import pyarrow as pa
from hypothesis import given, settings
from hypothesis import strategies as st
from planted import DAY_MS, START_MS, empty_profiles, graph_of, use_of

from ringfinder.detect import find_rings
from ringfinder.detect.lineage import ring_ids
from ringfinder.detect.refine import keep_communities
from ringfinder.evidence.incidence import shared_values
from ringfinder.evidence.lifts import log_lifts
from ringfinder.explain import Joined, account_reasons
from ringfinder.model import Verdict
from ringfinder.pipeline.judgement import decisions, inhabited, to_judgement, to_rings
from ringfinder.schema import KINDS
from ringfinder.score.assess import assess
from ringfinder.score.population import learn_population


def any_graph(rng):
    """Some accounts, some kinds, a few or many values, groups that share all or nothing."""
    accounts = int(rng.choice([1, 2, 5, 40, 150, 400]))
    starts = rng.integers(0, accounts, int(rng.integers(0, 5)))
    groups = [slice(start, start + int(rng.integers(2, 60))) for start in starts]
    columns = {}
    for kind in KINDS:
        if rng.random() < 0.4:
            continue
        pool = int(rng.integers(1, 2 * accounts + 1))
        cells = rng.integers(0, pool, accounts)
        for group in groups:
            if rng.random() < 0.7:
                cells[group] = rng.integers(0, pool)
        shown = rng.random(accounts) < rng.choice([0.1, 0.7, 1.0])
        if shown.any():
            columns[kind.name] = [str(c) if s else None for c, s in zip(cells, shown, strict=True)]
    columns = columns or {"device": ["d"] * accounts}
    machine = np.zeros(accounts, dtype=bool)
    machine[: int(rng.integers(0, accounts + 1))] = True
    profiles = use_of(machine) if rng.random() < 0.6 else empty_profiles(accounts)
    created = START_MS + rng.integers(0, 90, accounts) * DAY_MS
    stratum = rng.integers(-1, 3, accounts).astype(np.int32)
    graph = graph_of(columns, created_ms=created, stratum=stratum, profiles=profiles)
    closed = np.where(rng.random(accounts) < 0.2, created + DAY_MS, graph.closed_ms)
    return dataclasses.replace(graph, closed_ms=closed)


def walked(graph, rng):
    """Graph to what is published, as the audit walks it, labels included."""
    labelled = rng.permutation(graph.accounts)[: int(rng.integers(0, graph.accounts + 1))]
    legitimate, fraud = np.array_split(np.sort(labelled), [len(labelled) // 2])
    shared = shared_values(graph)
    back = learn_population(graph, shared, seed=1)
    found = find_rings(graph, shared, back, seed=1)
    kept = found.false_discovery_rate <= rng.choice([0.01, 1.0])
    communities = keep_communities(shared, back, found.communities, kept)
    judged = inhabited(assess(graph, shared, back, communities, fraud=fraud, legitimate=legitimate))
    rings = to_rings(graph, shared, log_lifts(shared, back, judged.ring), judged)
    rate = found.false_discovery_rate[kept][judged.origin]
    old = pa.array(["old" if n % 3 else None for n in range(graph.accounts)], pa.string())
    before = (graph.account_ids, old)
    names = ring_ids(graph.account_ids, graph.created_ms, judged.ring, previous=before)
    judgement = to_judgement(graph, judged, rate, names=names)
    return judged, rings, judgement, legitimate


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 100_000))
def test_rings_scores_and_tables_agree(seed):
    rng = np.random.default_rng(seed)
    graph = any_graph(rng)
    judged, rings, judgement, legitimate = walked(graph, rng)
    members = judged.ring >= 0
    number = len(judged.probability)

    assert len(judgement.ring_id) == len(set(judgement.ring_id)) == number
    assert len(judgement.lifecycle) == len(judgement.verdict) == len(judgement.fdr) == number
    assert np.array_equal(np.bincount(judged.ring[members], minlength=number), rings.size)
    assert np.all(rings.size > 0)
    for column in (judged.membership, judged.account_score, judged.probability):
        assert np.all((column >= 0) & (column <= 1))
    assert np.array_equal(judged.membership > 0, members)
    assert not judged.account_score[~members].max(initial=0.0) > 0.5
    assert not members[legitimate].any()
    assert not judged.account_score[legitimate].any()
    assert np.all(judgement.first_seen_ms <= judgement.last_seen_ms)
    assert np.all(rings.evidence_inside <= rings.evidence_total)
    assert np.all(rings.evidence_inside <= rings.size[rings.evidence_ring])

    decided = np.array(decisions(judged))
    fleet = np.array([verdict is Verdict.FLEET for verdict in judged.verdict] + [False])
    assert np.array_equal(decided != "allow", fleet[judged.ring] & members)
    run = Joined.of(graph, rings, judgement)
    reasons = account_reasons(graph, rings, judgement, run.links, legitimate=legitimate)
    told = reasons.to_arrow(0, graph.accounts)
    assert len(told) == graph.accounts
    assert all(len(one) for one in told.to_pylist())
    assert len(run.summaries) == number


@settings(max_examples=8, deadline=None)
@given(st.integers(0, 100_000))
def test_walking_twice_gives_the_same(seed):
    one, two = (
        walked(any_graph(rng), rng)
        for rng in (np.random.default_rng(seed), np.random.default_rng(seed))
    )
    assert np.array_equal(one[0].ring, two[0].ring)
    assert np.array_equal(one[0].account_score, two[0].account_score)
    assert one[2].ring_id == two[2].ring_id
