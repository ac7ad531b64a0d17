"""Divide communities that are two fleets with one thing in common.

Two operators on one proxy pool meet in every address of it, and Leiden may leave them in
one block. Inside a community the community itself is the background: a domain and a
template that the whole ring mixes freely sit together as often as chance says, while two
operators' cards and domains keep apart. Pairs beyond chance *within* the ring are
clustered again, and the parts go back into refinement, where they join if most members
of one pass the test of the other.
"""

from __future__ import annotations

import numpy as np

from ringfinder.detect.candidates import first_members, value_communities
from ringfinder.evidence.background import background
from ringfinder.evidence.incidence import Incidence, incidence
from ringfinder.evidence.pairs import significant_pairs
from ringfinder.model import IntArray


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
        Communities numbered anew; accounts that no part claims keep the largest part's
        number, so that refinement decides about them.
    """
    inside = community[shared.account] >= 0
    if not inside.any():
        return community
    account, value = shared.account[inside], shared.value[inside]
    key = community[account].astype(np.int64) * shared.values + value
    distinct, own = np.unique(key, return_inverse=True)
    within = incidence(shared.accounts, account, own, shared.kind[distinct % shared.values])
    members = np.where(community >= 0, community, community.max() + 1)
    pairs = significant_pairs(within, background(within, members))
    label = value_communities(pairs, within.values, seed=seed)
    part = first_members(within, label)
    return _numbered(community, part)


def _numbered(community: IntArray, part: IntArray) -> IntArray:
    """Number (community, part) pairs; a community with fewer than two parts stays whole."""
    claimed = (community >= 0) & (part >= 0)
    pairs, size = np.unique(
        np.stack((community[claimed], part[claimed])), axis=1, return_counts=True
    )
    parts = np.bincount(pairs[0], minlength=int(community.max(initial=0)) + 1)
    out = community.astype(np.int64).copy()
    fresh = int(community.max(initial=-1)) + 1
    order = np.lexsort((pairs[1], -size, pairs[0]))
    seen: set[int] = set()
    for at in order:
        ring, number = int(pairs[0, at]), int(pairs[1, at])
        if parts[ring] < 2:
            continue
        if ring in seen:  # the largest part keeps the community's number
            out[claimed & (community == ring) & (part == number)] = fresh
            fresh += 1
        seen.add(ring)
    return out.astype(np.int32)
