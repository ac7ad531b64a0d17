"""Communities that are fragments of one: tied by values that are theirs alone.

An operator of forty accounts who deals three clients and five addresses at random leaves
fewer than three accounts on most pairs of a client and an address. What does meet often makes
small communities, of one client and two addresses each; none passes the test of another, for
they have one family in common. All together they have two. Where communities hold values that
hardly anybody else has, the whole of them is therefore tried as one; two operators who share a
pool of addresses are divided again (`ringfinder.detect.divide`).
"""

from __future__ import annotations

import numpy as np
from scipy import sparse
from scipy.sparse.csgraph import connected_components

from ringfinder.evidence.background import Background
from ringfinder.evidence.incidence import Incidence
from ringfinder.evidence.lifts import log_lifts
from ringfinder.evidence.membership import membership_odds
from ringfinder.evidence.pooled import held_values
from ringfinder.model import IntArray

OWN = 0.5
"""Share of a value's holders that must be in communities for it to tie these: what most of its
holders have outside is the population's."""

HELD = 2
"""Members that must hold a value for their community to be tied by it: one may be borrowed."""

PASSING = 0.9
"""Share of the members that must pass the test of the whole. Where fewer do, it is none."""


def unite(shared: Incidence, back: Background, community: IntArray) -> IntArray:
    """Unite communities that are tied, where nearly all members pass as one.

    Parameters
    ----------
    shared, back
        Incidence and background.
    community
        int32 (N,): -1 for none.

    Returns
    -------
    IntArray, shape (N,)
        int32: united communities under the number of their first; others as they were.
    """
    whole = _tied(shared, community)
    several = np.append(np.bincount(whole, minlength=len(whole))[whole] > 1, False)
    joint = np.where(several[community], np.append(whole, -1)[community], -1).astype(np.int32)
    if not (joint >= 0).any():
        return community
    members = joint >= 0
    odds = membership_odds(shared, log_lifts(shared, back, joint), among=members)
    own = odds.community == joint[odds.account]
    passing = np.bincount(odds.community[own], minlength=len(whole))
    size = np.bincount(joint[members], minlength=len(whole))
    kept = passing >= PASSING * np.maximum(size, 1)
    return np.where(members & kept[joint], joint, community).astype(np.int32)


def _tied(shared: Incidence, community: IntArray) -> IntArray:
    """Return int64 (R,): of each community the first of those that it is tied with."""
    communities = int(community.max(initial=-1)) + 1
    held = held_values(shared, community)
    rows = np.flatnonzero(held.inside >= HELD)
    of, value = held.community[rows], held.value[rows]
    inside = np.bincount(value, weights=held.inside[rows], minlength=shared.values)
    tying = np.flatnonzero((inside >= OWN * shared.degree)[value])
    of, value = of[tying], value[tying]
    nodes = communities + shared.values
    ends = (of, communities + value)
    graph = sparse.coo_array((np.ones(len(of), dtype=bool), ends), shape=(nodes, nodes))
    _, part = connected_components(graph, directed=False)
    part = part[:communities]
    first = np.full(nodes, communities)
    np.minimum.at(first, part, np.arange(communities))
    return np.asarray(first[part])
