"""Anchors: no account passes a community's test without one, and they have few holders."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ringfinder.evidence.anchors import (
    FAMILY_OF_OBSERVATION,
    OBSERVATION,
    anchor_marks,
    strongest_of,
)
from ringfinder.evidence.incidence import FAMILY_COUNT, Incidence, incidence
from ringfinder.evidence.lifts import LEAST_CAP, LEAST_PRIOR, THRESHOLD_NATS, Lifts
from ringfinder.schema import CODE, FAMILY_OF_KIND, KINDS, OBSERVATION_OF_KIND

KIND_OF_VALUE = [
    CODE[name]
    for name in ("ip", "ip_network", "email_domain", "device", "user_agent", "tls_fingerprint")
    for _ in range(4)
]
ACCOUNTS = 120


def drawn(rng, communities=4) -> tuple[Incidence, Lifts]:
    """Values from rare to held by most, and lifts at random within each community's cap."""
    often = rng.uniform(0.02, 0.9, len(KIND_OF_VALUE))
    cells = np.argwhere(rng.random((ACCOUNTS, len(KIND_OF_VALUE))) < often)
    kind = np.array(KIND_OF_VALUE, dtype=np.int8)
    shared = incidence(ACCOUNTS, cells[:, 0], cells[:, 1], kind)
    marks = np.argwhere(rng.random((communities, shared.values)) < 0.5)
    prior = rng.uniform(LEAST_PRIOR, 9.0, communities)
    cap = np.maximum(prior, LEAST_CAP)
    lifts = Lifts(
        communities=communities,
        size=np.full(communities, 10.0),
        prior=prior,
        cap=cap,
        community=marks[:, 0].astype(np.int32),
        value=marks[:, 1].astype(np.int32),
        inside=np.full(len(marks), 5, dtype=np.int32),
        nats=rng.uniform(1.0, cap[marks[:, 0]]),
        holder=np.full(len(marks), -1, dtype=np.int32),
        miss=np.zeros((communities, len(KINDS))),
    )
    return shared, lifts


def most_of(shared, lifts, rows, community):
    """Log odds of an account that holds all of some values and misses nothing."""
    strongest = {}
    for row in np.flatnonzero(rows & (lifts.community == community)).tolist():
        kind = int(shared.kind[lifts.value[row]])
        seen = OBSERVATION_OF_KIND[kind], FAMILY_OF_KIND[kind]
        strongest[seen] = max(strongest.get(seen, 0.0), lifts.nats[row])
    said = np.zeros(FAMILY_COUNT)
    for (_, family), nats in strongest.items():
        said[family] += nats
    return np.minimum(said, lifts.cap[community]).sum() - lifts.prior[community]


thresholds = st.sampled_from([THRESHOLD_NATS, 0.0, np.log(5.0), -1.0])


@settings(max_examples=80, deadline=None)
@given(st.integers(0, 10_000), thresholds)
def test_without_an_anchor_nobody_passes(seed, threshold):
    shared, lifts = drawn(np.random.default_rng(seed))
    anchor = anchor_marks(shared, lifts, threshold)
    for community in range(lifts.communities):
        assert most_of(shared, lifts, ~anchor, community) < threshold


def price(shared, lifts, anchor, community):
    """Holders of the anchors of a community, one by one."""
    rows = anchor & (lifts.community == community)
    return shared.degree[lifts.value[rows]].sum()


def walking_down(shared, lifts, community, threshold, family=None):
    """Holders of the anchors if one family and the most popular others are let off.

    None where that family alone passes the test; as many others as is safe.
    """
    own = lifts.community == community
    left_off = own & (shared.family[lifts.value] == family)
    if most_of(shared, lifts, left_off, community) >= threshold:
        return None
    rows = np.flatnonzero(own & ~left_off)
    for row in rows[np.argsort(-shared.degree[lifts.value[rows]], kind="stable")]:
        left_off[row] = True
        if most_of(shared, lifts, left_off, community) >= threshold:
            left_off[row] = False
            break
    return price(shared, lifts, ~left_off, community)


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 10_000), thresholds)
def test_anchors_have_as_few_holders_as_any_family_let_off_leaves(seed, threshold):
    shared, lifts = drawn(np.random.default_rng(seed))
    anchor = anchor_marks(shared, lifts, threshold)
    for community in range(lifts.communities):
        choices = [
            walking_down(shared, lifts, community, threshold, family)
            for family in (None, *range(FAMILY_COUNT))
        ]
        possible = [choice for choice in choices if choice is not None]
        everything = price(shared, lifts, np.ones(len(anchor), dtype=bool), community)
        fewest = min(possible, default=everything)
        assert price(shared, lifts, anchor, community) == fewest


@settings(max_examples=20, deadline=None)
@given(st.integers(0, 10_000))
def test_communities_do_not_meddle_with_each_other(seed):
    shared, lifts = drawn(np.random.default_rng(seed))
    together = anchor_marks(shared, lifts, THRESHOLD_NATS)
    for community in range(lifts.communities):
        rows = lifts.community == community
        alone = anchor_marks(shared, lifts.only(rows), THRESHOLD_NATS)
        assert np.array_equal(together[rows], alone)


def test_a_popular_value_of_one_family_is_no_anchor():
    cells = [(a, 0) for a in range(100)] + [(a, v) for v in (1, 2) for a in range(10)]
    kind = np.array([CODE["user_agent"], CODE["device"], CODE["email_domain"]], dtype=np.int8)
    account, value = np.array(sorted(cells)).T
    shared = incidence(ACCOUNTS, account, value, kind)
    lifts = Lifts(
        communities=1,
        size=np.array([10.0]),
        prior=np.array([4.0]),
        cap=np.array([4.5]),
        community=np.zeros(3, dtype=np.int32),
        value=np.arange(3, dtype=np.int32),
        inside=np.full(3, 10, dtype=np.int32),
        nats=np.array([4.0, 4.0, 4.0]),
        holder=np.full(3, -1, dtype=np.int32),
        miss=np.zeros((1, len(KINDS))),
    )
    # client and device are one family: without the domain nobody passes, and it is rare
    assert anchor_marks(shared, lifts, THRESHOLD_NATS).sum() == 1
    assert not anchor_marks(shared, lifts, THRESHOLD_NATS)[0]
    # what cannot be reached needs no looking for at all
    assert not anchor_marks(shared, lifts, 100.0).any()


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 10_000))
def test_the_strongest_of_each_observation_are_summed_by_family(seed):
    rng = np.random.default_rng(seed)
    shared, lifts = drawn(rng)
    rows = rng.random(len(lifts.value)) < 0.6
    found = strongest_of(shared, lifts, rows)
    expected = np.zeros((lifts.communities, FAMILY_COUNT))
    for community in range(lifts.communities):
        strongest = {}
        for row in np.flatnonzero(rows & (lifts.community == community)).tolist():
            kind = int(shared.kind[lifts.value[row]])
            seen = OBSERVATION_OF_KIND[kind], FAMILY_OF_KIND[kind]
            strongest[seen] = max(strongest.get(seen, 0.0), lifts.nats[row])
        for (_, family), nats in strongest.items():
            expected[community, family] += nats
    assert found == pytest.approx(expected)


def test_every_observation_is_of_one_family():
    assert FAMILY_OF_OBSERVATION.sum(axis=1).tolist() == [1.0] * len(FAMILY_OF_OBSERVATION)
    for kind, family in enumerate(FAMILY_OF_KIND):
        assert FAMILY_OF_OBSERVATION[OBSERVATION[kind], family] == 1.0


def test_without_communities_there_is_nothing_to_mark():
    shared, lifts = drawn(np.random.default_rng(1), communities=0)
    assert len(anchor_marks(shared, lifts, THRESHOLD_NATS)) == 0
