"""Divide communities that are two fleets with one thing in common.

Two operators on one proxy pool meet in every address of it, and Leiden may leave them in
one block. Inside a community the community itself is the background: a domain and a
template that the whole ring mixes freely sit together as often as chance says, while two
operators' cards and domains keep apart. Pairs beyond chance *within* the ring are
clustered again, and the parts go back into refinement, where they join if most members
of one pass the test of the other. Parts that share no value of a kind that ties accounts
(`ringfinder.detect.ties`) are set apart as well.
"""

from __future__ import annotations

import numpy as np

from ringfinder.detect.candidates import first_members, value_communities
from ringfinder.detect.refine import MINIMUM_SIZE
from ringfinder.detect.ties import own_values, untied
from ringfinder.evidence.background import background
from ringfinder.evidence.incidence import Incidence, incidence
from ringfinder.evidence.pairs import pairs_beyond, significant_pairs
from ringfinder.model import IntArray

SPLIT_WITHIN = 0.05
"""Modularity that divides a ring: low, since its pairs are beyond chance within the ring
already, and parts that belong together join again."""

UNTIED_SIZE = 8
"""Accounts of the smallest part set apart for sharing nothing that ties with the rest."""

FEW = 100
"""Accounts of the largest ring in which a hint of a division is followed."""

HINT_NATS = 2.0
"""In a ring of at most `FEW`, no pair can show much excess (two halves of 17: 3 nats; eight
of a hundred: 10), so a hint is enough to try: parts that belong together join again."""


def divide(shared: Incidence, community: IntArray, *, seed: int) -> IntArray:
    """Divide communities whose values fall into groups that do not mix.

    Parameters
    ----------
    shared
        The incidence.
    community
        int32 (N,): -1 for none.
    seed
        Seeds Leiden.

    Returns
    -------
    IntArray, shape (N,)
        int32: parts under numbers of their own, the accounts that no part claims under their
        community's. Deterministic for a seed.
    """
    inside = np.flatnonzero(community[shared.account] >= 0)
    if not len(inside):
        return community
    distinct, own = own_values(shared, community, inside)
    kind = shared.kind[distinct % shared.values]
    within = incidence(shared.accounts, shared.account[inside], own, kind)
    members = np.where(community >= 0, community, community.max() + 1)
    pairs = pairs_beyond(within, background(within, members))
    ring = distinct[within.source] // shared.values
    tested = np.maximum(np.bincount(ring), 2)[ring[pairs.u]]
    strict = 2 * np.log(tested)  # Bonferroni within each ring
    size = np.bincount(community[community >= 0])[ring[pairs.u]]
    pairs = significant_pairs(pairs, np.where(size <= FEW, HINT_NATS, strict))
    label = value_communities(
        pairs, within.values, seed=seed, split=SPLIT_WITHIN, family=within.family
    )
    parts = _numbered(community, first_members(within, label), MINIMUM_SIZE)
    return set_apart(shared, parts)


def set_apart(shared: Incidence, community: IntArray, *, rented: bool = True) -> IntArray:
    """Set apart the parts of communities that nothing ties, of `UNTIED_SIZE` accounts and more.

    Parameters
    ----------
    shared, community, rented
        As of `ringfinder.detect.ties.untied`.

    Returns
    -------
    IntArray, shape (N,)
        int32: such parts under numbers of their own, the rest as it was.
    """
    return _numbered(community, untied(shared, community, rented=rented), UNTIED_SIZE)


def _numbered(community: IntArray, part: IntArray, smallest: int) -> IntArray:
    """Give every claimed part a number of its own; the rest keeps the community's.

    A part of fewer than `smallest` accounts is a chance within the ring, and stays with the
    rest. The largest operator of a mixed ring dominates it, shows no excess within it and
    is the rest.
    """
    claimed = (community >= 0) & (part >= 0)
    key = community[claimed].astype(np.int64) * (int(part.max(initial=0)) + 1) + part[claimed]
    _, fresh, size = np.unique(key, return_inverse=True, return_counts=True)
    out = community.astype(np.int32).copy()
    part = np.where(size[fresh] >= smallest, int(community.max()) + 1 + fresh, out[claimed])
    out[claimed] = part
    return out
