"""Webs: accounts tied by rare values of two families, no two of which meet often.

An operator who deals forty cards and forty devices at random to two hundred accounts leaves
no pair of values on three accounts, which is what `ringfinder.detect.candidates` looks for;
yet every card and every device ties five accounts together. Where the search for pairs found
nothing, the bipartite graph of accounts and rare values is therefore cut down to its core,
in which every value is held by enough accounts and every account holds values of two
families, and Leiden is run on what is left.
"""

from __future__ import annotations

import igraph
import numpy as np
from scipy import sparse
from scipy.sparse.csgraph import connected_components

from ringfinder.detect.seeded import by_modularity, seeded
from ringfinder.detect.ties import TIES
from ringfinder.evidence.incidence import FAMILY_COUNT, Incidence
from ringfinder.evidence.lifts import MINIMUM_HOLDERS
from ringfinder.model import BoolArray, IntArray

ITERATIONS = 2
"""Of Leiden: ten found no more, and a web need only be roughly right to be refined."""

LARGE = 8.0
"""In units of sqrt(N): components of up to that many accounts are candidates as they are. A
sparse bipartite graph shows high modularity however it grew, so Leiden would cut any web to
pieces in which no value is held three times; what does not belong leaves in refinement."""


def web_communities(shared: Incidence, outside: BoolArray, *, seed: int) -> IntArray:
    """Partition the accounts that rare values of two families tie to others.

    Parameters
    ----------
    shared
        The incidence.
    outside
        Bool (N,): accounts to look at.
    seed
        Seeds Leiden's random order.

    Returns
    -------
    IntArray, shape (N,)
        Community of each account, -1 for none. O(E) for the core; Leiden sees it alone.
    """
    label = np.full(shared.accounts, -1, dtype=np.int32)
    account, value = core(shared, outside)
    if not len(account):
        return label
    nodes = shared.accounts + shared.values
    tied = sparse.coo_array(
        (np.ones(len(account), dtype=bool), (account, shared.accounts + value)),
        shape=(nodes, nodes),
    )
    _, part = connected_components(tied, directed=False)
    members = np.unique(account)
    of = part[members]
    size = np.bincount(of)
    large = size > LARGE * np.sqrt(shared.accounts)
    label[members] = np.where(large[of], -1, of)
    inside = large[part[account]]
    account, value = account[inside], value[inside]
    if len(account):
        blocks = _cut(shared, account, value, seed)
        for number, block in enumerate(blocks, start=nodes):
            label[block] = number
    return _by_first_account(label)


def _by_first_account(label: IntArray) -> IntArray:
    """Number communities, int (N,), -1 for none, by their first account."""
    members = np.flatnonzero(label >= 0)
    _, first, of = np.unique(label[members], return_index=True, return_inverse=True)
    out = np.full(len(label), -1, dtype=np.int32)
    out[members] = np.argsort(np.argsort(first))[of]
    return out


def _cut(shared: Incidence, account: IntArray, value: IntArray, seed: int) -> list[IntArray]:
    """Cut large components by Leiden until none is large; return the accounts of each part."""
    who, left = np.unique(account, return_inverse=True)
    what, right = np.unique(value, return_inverse=True)
    graph = igraph.Graph(n=len(who) + len(what), edges=np.stack((left, right + len(who)), axis=1))
    graph.es["weight"] = np.log(shared.accounts / shared.degree[value])
    graph.vs["node"] = range(graph.vcount())
    blocks: list[IntArray] = []
    with seeded(seed):
        pending = [graph.induced_subgraph(part) for part in graph.connected_components()]
        while pending:
            part = pending.pop()
            node = np.array(part.vs["node"])
            accounts = node[node < len(who)]
            if len(accounts) > LARGE * np.sqrt(shared.accounts):
                found = by_modularity(part, "weight", iterations=ITERATIONS)
                if len(found) > 1:
                    pending.extend(part.induced_subgraph(block) for block in found)
                    continue
            if len(accounts):
                blocks.append(who[accounts])
    return blocks


def core(shared: Incidence, outside: BoolArray) -> tuple[IntArray, IntArray]:
    """Return the sightings (account, value) of the core of two families.

    Values of kinds that tie are held by at least `MINIMUM_HOLDERS` accounts of the core and
    at most sqrt(N) of all; accounts hold values of at least two families. Peeled until
    nothing falls.
    """
    rare = (shared.degree <= np.sqrt(shared.accounts)) & TIES[shared.kind]
    keep = rare[shared.value] & outside[shared.account]
    account, value = shared.account[keep], shared.value[keep]
    while True:
        holders = np.bincount(value, minlength=shared.values)
        cell = account.astype(np.int64) * FAMILY_COUNT + shared.family[value]
        shows = np.zeros(shared.accounts * FAMILY_COUNT, dtype=bool)
        shows[cell] = True
        families = shows.reshape(-1, FAMILY_COUNT).sum(axis=1)
        stays = (holders[value] >= MINIMUM_HOLDERS) & (families[account] >= 2)
        if stays.all():
            return account, value
        account, value = account[stays], value[stays]
