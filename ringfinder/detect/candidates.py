"""Candidate communities: Leiden on the graph of values.

Nodes are attribute values, edges are pairs that sit together beyond chance
(`ringfinder.evidence.pairs`). Working on values, never on the account-account
projection, keeps a hub of a million holders one node.

Modularity's scale is the weight of the whole graph, so one resolution parameter means
something else at each number of accounts. Each connected component is therefore
partitioned on its own, and each block again on its own, as long as a split shows
modularity of its own: the depth follows the data, and N does not enter.

References
----------
V. Traag, L. Waltman, N. J. van Eck, "From Louvain to Leiden: guaranteeing
well-connected communities", Scientific Reports 9, 5233 (2019).
S. Fortunato, M. Barthélemy, "Resolution limit in community detection", PNAS 104 (2007).
"""

from __future__ import annotations

import igraph
import leidenalg
import numpy as np

from ringfinder.detect.seeded import by_modularity, seeded
from ringfinder.evidence.incidence import FAMILY_COUNT, Incidence
from ringfinder.evidence.pairs import Pairs
from ringfinder.evidence.runs import fresh, sort_together
from ringfinder.model import IntArray

SPLIT_MODULARITY = 0.3
"""Modularity a block must show to be split again.

Newman and Girvan (2004) put the range of real community structure at 0.3 to 0.7; a
fleet's own grid of domains and templates, which is nearly complete bipartite, shows
less than 0.1, two fleets that share a proxy pool about 0.5.
"""

LEIDEN_ITERATIONS = 10
"""Until nothing moves would do, were it not that weights with rounding errors can move
for ever: igraph was seen not to return within minutes on 20,000 edges."""


def value_communities(
    pairs: Pairs,
    values: int,
    *,
    seed: int,
    split: float = SPLIT_MODULARITY,
    family: IntArray | None = None,
) -> IntArray:
    """Partition the values that sit together beyond chance.

    Parameters
    ----------
    pairs
        Edges; weighted with the accounts beyond chance, n - e.
    values
        Number of values, V.
    seed
        Seeds Leiden's random order; same seed, same partition.
    split
        Modularity a block must show to be split again.
    family
        int8 (V,): if given, every pair of families is a layer of its own and the blocks
        maximise the sum of the layers' modularities (Mucha et al., Science 328, 2010;
        leidenalg). Each layer then has its own null, and a thousand addresses cannot
        outvote four templates. For graphs of the size of rings: leidenalg is slower.

    Returns
    -------
    IntArray, shape (V,)
        Community of each value, numbered by its smallest value; -1 without an edge.
    """
    label = np.full(values, -1, dtype=np.int32)
    if not len(pairs.u):
        return label
    node, index = np.unique(np.concatenate((pairs.u, pairs.v)), return_inverse=True)
    ends = index.reshape(2, -1).T
    graph = igraph.Graph(n=len(node), edges=ends)
    graph.es["weight"] = pairs.together - pairs.expected
    graph.vs["value"] = node
    if family is not None:
        graph.es["layer"] = np.sort(family[np.stack((pairs.u, pairs.v))], axis=0).T @ (8, 1)
    blocks: list[list[int]] = []
    with seeded(seed):
        for component in graph.connected_components():
            _split(graph.induced_subgraph(component), blocks, split, seed)
    for number, block in enumerate(sorted(blocks, key=min)):
        label[block] = number
    return label


def _split(graph: igraph.Graph, blocks: list[list[int]], split: float, seed: int) -> None:
    """Add the blocks of a connected graph, splitting while modularity is found."""
    pending = [graph]
    while pending:
        part = pending.pop()
        if part.vcount() > 3:
            found = _partition(part, seed)
            if len(found) > 1 and part.modularity(found, weights="weight") >= split:
                pending.extend(part.induced_subgraph(block) for block in found)
                continue
        blocks.append(part.vs["value"])


def _partition(part: igraph.Graph, seed: int) -> igraph.VertexClustering:
    """Partition a connected graph with Leiden, layer by layer where it has layers."""
    if "layer" not in part.es.attributes():
        return by_modularity(part, "weight", iterations=LEIDEN_ITERATIONS)
    layers = [
        part.subgraph_edges(part.es.select(layer=layer), delete_vertices=False)
        for layer in sorted(set(part.es["layer"]))
    ]
    label, _ = leidenalg.find_partition_multiplex(
        layers,
        leidenalg.ModularityVertexPartition,
        n_iterations=LEIDEN_ITERATIONS,
        seed=seed,
        weights="weight",
    )
    return igraph.VertexClustering(part, label)


def first_members(shared: Incidence, label: IntArray) -> IntArray:
    """Assign accounts to the value community that most families of theirs speak for.

    An account joins where values of at least two families meet; among several the one
    with the most nats (the rarest value of each family, ``ln(N / d)``) wins.

    Returns
    -------
    IntArray, shape (N,)
        Community of each account, -1 for none.
    """
    rows = np.flatnonzero((label >= 0)[shared.value])
    value = shared.value[rows]
    by_rarity = np.argsort(-shared.degree, kind="stable")
    rank = np.empty(shared.values, dtype=np.int64)
    rank[by_rarity] = np.arange(shared.values)
    # one integer, sorted: account, community, family, and rank, so that the rarest is last
    wide, deep = int(label.max(initial=-1) + 1).bit_length(), FAMILY_COUNT.bit_length()
    cell_of_value = (label.astype(np.int64) << deep) | shared.family
    cell, rarest = sort_together(
        (shared.account[rows].astype(np.int64) << (wide + deep)) | cell_of_value[value],
        rank[value],
        shared.values,
    )
    last = np.flatnonzero(np.r_[cell[1:] != cell[:-1], True][: len(cell)])
    nats = np.log(shared.accounts / shared.degree)[by_rarity][rarest[last]]
    key = cell[last] >> deep
    at = np.flatnonzero(fresh(key))
    pair, families = key[at], np.diff(at, append=len(key))
    total = np.add.reduceat(nats, at) if len(at) else np.zeros(0)
    both = families >= 2
    account, community = pair[both] >> wide, pair[both] & ((1 << wide) - 1)
    out = np.full(shared.accounts, -1, dtype=np.int32)
    rank = np.lexsort((-community, total[both], account))
    out[account[rank]] = community[rank]
    return out
