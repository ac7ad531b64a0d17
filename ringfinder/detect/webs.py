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
    who, left = np.unique(account, return_inverse=True)
    what, right = np.unique(value, return_inverse=True)
    graph = igraph.Graph(n=len(who) + len(what), edges=np.stack((left, right + len(who)), axis=1))
    graph.es["weight"] = np.log(shared.accounts / shared.degree[value])
    graph.vs["account"] = np.concatenate((who, np.full(len(what), -1)))
    blocks: list[list[int]] = []
    with seeded(seed):
        _split(graph, blocks, LARGE * np.sqrt(shared.accounts))
    for number, block in enumerate(sorted(blocks)):
        label[block] = number
    return label


def _split(graph: igraph.Graph, blocks: list[list[int]], large: float) -> None:
    """Add the accounts of each component, larger ones cut by Leiden until they are not."""
    pending = [graph.induced_subgraph(part) for part in graph.connected_components()]
    while pending:
        part = pending.pop()
        accounts = sorted(account for account in part.vs["account"] if account >= 0)
        if len(accounts) > large:
            found = by_modularity(part, "weight", iterations=ITERATIONS)
            if len(found) > 1:
                pending.extend(part.induced_subgraph(block) for block in found)
                continue
        if accounts:
            blocks.append(accounts)


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
