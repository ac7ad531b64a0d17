"""What a user would pick instead, on the same graph of the same world.

    python -m tests.bench compare [--accounts 60000] [--small 20000]

Every rival gets the graph that ringfinder's own normaliser made, values that two accounts
share, so that only the method differs. A rival that gives communities must still say which
of them are fraud. Both ends are shown: *by size*, every community of at least five accounts
is flagged, which is what its users do; *best judge*, a community is flagged exactly where
most of its accounts are fraud, which nobody can know and no judge can beat.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable, Iterator, Sequence

import igraph
import numpy as np
from scipy import sparse
from scipy.sparse import csgraph

from ringfinder.evaluate import Outcomes, Rate
from ringfinder.evidence.incidence import Incidence, shared_values
from ringfinder.graph.columns import AttributeGraph
from ringfinder.model import BoolArray, IntArray
from ringfinder.schema import CODE
from tests.bench.results import keep, markdown
from tests.bench.rows import FIRST
from tests.bench.run import audited, graph_of
from tests.bench.tally import digits, rate
from tests.bench.worlds import Files, simulated

Partition = Callable[[Incidence], IntArray]

SMALLEST = 5
CAPS = (10, 50, 250)
CARDS = ("device", "payment_fingerprint")
STRONG = ("device", "payment_fingerprint", "ip", "mailbox", "phone")


def main(arguments: Sequence[str]) -> int:
    parser = argparse.ArgumentParser(prog="tests.bench compare", description=__doc__)
    parser.add_argument("--accounts", type=int, default=60_000)
    parser.add_argument("--small", type=int, default=20_000, help="the world for leidenalg")
    given = parser.parse_args(arguments)
    small = compare(simulated("hard", seed=FIRST, accounts=given.small), LEIDENALG)
    large = compare(simulated("hard", seed=FIRST, accounts=given.accounts), RIVALS)
    head = ("method", "accounts", "P by size", "R by size", "P best judge", "R best judge", "s")
    print("\n" + markdown(head, large + small))
    return 0


def compare(files: Files, rivals: dict[str, Partition]) -> list[tuple[str, ...]]:
    """Measure ringfinder, counting and some rivals on one world."""
    run = audited(files)
    truth = run.outcomes
    accounts = len(truth.fraud)
    steps = {step["step"]: step["seconds"] for step in run.record["steps"]}
    own = sum(steps[name] for name in ("background", "detect", "judge"))
    rows = [_line("ringfinder", truth, truth.flagged, None, own)]
    graph = graph_of(files)
    shared = shared_values(graph)
    where = _rows_of(graph, files)
    for name, flag in counting(graph):
        begun = time.perf_counter()
        flagged = flag()
        rows.append(_line(name, truth, flagged[where], None, time.perf_counter() - begun))
    for name, partition in rivals.items():
        begun = time.perf_counter()
        try:
            community = partition(shared)[:accounts]
        except ImportError as missing:
            print(f"{name}: left out, {missing}")
            continue
        seconds = time.perf_counter() - begun
        community = community[where]
        size = np.bincount(community)[community] >= SMALLEST
        best = size & _mostly_fraud(community, truth.fraud)
        rows.append(_line(name, truth, size, best, seconds))
    return rows


def _line(
    name: str, truth: Outcomes, flagged: BoolArray, best: BoolArray | None, seconds: float
) -> tuple[str, ...]:
    rates = [rate(truth.fraud, flagged), rate(flagged, truth.fraud)]
    if best is not None:
        rates += [rate(truth.fraud, best), rate(best, truth.fraud)]
    shown = [_short(one) for one in rates] + ["-"] * (4 - len(rates))
    cells = (name, f"{len(truth.fraud):,}", *shown, f"{seconds:.1f}")
    print("  ".join(cells), flush=True)
    keep("compare", name, {"accounts": len(truth.fraud), "seconds": round(seconds, 2),
                           "rates": [one.to_dict() for one in rates]})  # fmt: skip
    return cells


def _short(one: Rate) -> str:
    return "-" if one.value is None else digits(one.value)


def _rows_of(graph: AttributeGraph, files: Files) -> IntArray:
    """Where each account of the truth's order stands in the graph."""
    import pyarrow.compute as pc
    import pyarrow.parquet as pq

    ids = pq.read_table(files.truth, columns=["account_id"])["account_id"].combine_chunks()
    where: IntArray = pc.index_in(ids, value_set=graph.account_ids).to_numpy()
    return where


def _mostly_fraud(community: IntArray, fraud: BoolArray) -> BoolArray:
    size = np.bincount(community)
    bad = np.bincount(community, weights=fraud)
    mostly: BoolArray = (bad > 0.5 * size)[community]
    return mostly


# --- counting


def counting(graph: AttributeGraph) -> Iterator[tuple[str, Callable[[], BoolArray]]]:
    """Flag accounts whose value is held by many."""
    yield "3 or more per device", lambda: _counted(graph, ("device",), 3)
    yield "3 or more per device, card", lambda: _counted(graph, CARDS, 3)
    yield "3 or more per device, card, address, mailbox, phone", lambda: _counted(graph, STRONG, 3)


def _counted(graph: AttributeGraph, kinds: Sequence[str], least: int) -> BoolArray:
    wanted = np.isin(graph.kind, [CODE[kind] for kind in kinds]) & (graph.holders() >= least)
    flagged = np.zeros(graph.accounts, dtype=bool)
    flagged[graph.account[wanted[graph.value]]] = True
    return flagged


# --- communities


def components(cap: int) -> Partition:
    """Connected components over strong values of at most `cap` holders."""

    def partition(shared: Incidence) -> IntArray:
        links = sightings(shared, strong(shared) & (shared.degree[shared.value] <= cap))
        return np.asarray(csgraph.connected_components(links, directed=False)[1])

    return partition


def sightings(shared: Incidence, rows: BoolArray) -> sparse.coo_matrix:
    """Accounts, then values, as one adjacency matrix."""
    nodes = shared.accounts + shared.values
    ends = shared.account[rows], shared.accounts + shared.value[rows]
    # Networkit takes the matrix, not the newer array.
    return sparse.coo_matrix((np.ones(int(rows.sum())), ends), shape=(nodes, nodes))


def strong(shared: Incidence) -> BoolArray:
    """Which sightings are of values that a person or a machine has, not a crowd."""
    kinds = [CODE[kind] for kind in STRONG]
    rows: BoolArray = np.isin(shared.kind, kinds)[shared.value]
    return rows


def bipartite(shared: Incidence, rows: BoolArray | None = None) -> igraph.Graph:
    """Accounts x values as an igraph graph, an edge for each sighting."""
    rows = np.ones(len(shared.account), dtype=bool) if rows is None else rows
    edges = np.column_stack((shared.account[rows], shared.accounts + shared.value[rows]))
    return igraph.Graph(n=shared.accounts + shared.values, edges=edges)


def leiden_igraph(shared: Incidence) -> IntArray:
    """Plain Leiden: modularity, resolution 1."""
    found = bipartite(shared).community_leiden(objective_function="modularity", resolution=1.0)
    return np.array(found.membership)


def leiden_strong(shared: Incidence) -> IntArray:
    """The same on strong values only."""
    graph = bipartite(shared, strong(shared))
    found = graph.community_leiden(objective_function="modularity", resolution=1.0)
    return np.array(found.membership)


def leiden_leidenalg(shared: Incidence) -> IntArray:
    import leidenalg

    found = leidenalg.find_partition(bipartite(shared), leidenalg.ModularityVertexPartition, seed=1)
    return np.array(found.membership)


def leiden_networkit(shared: Incidence) -> IntArray:
    import networkit

    networkit.setSeed(1, useThreadId=False)
    return _networkit(shared, networkit.community.ParallelLeiden)


def louvain_networkit(shared: Incidence) -> IntArray:
    import networkit

    networkit.setSeed(1, useThreadId=False)
    return _networkit(shared, lambda g: networkit.community.PLM(g, refine=True))


def _networkit(shared: Incidence, method: Callable[..., object]) -> IntArray:
    import networkit

    links = sightings(shared, np.ones(len(shared.account), dtype=bool))
    graph = networkit.GraphFromCoo(links, n=links.shape[0], weighted=False, directed=False)
    algorithm = method(graph)
    algorithm.run()  # type: ignore[attr-defined]
    return np.array(algorithm.getPartition().getVector())  # type: ignore[attr-defined]


RIVALS: dict[str, Partition] = {
    **{f"components, strong values, at most {cap} holders": components(cap) for cap in CAPS},
    "Leiden, igraph": leiden_igraph,
    "Leiden, igraph, strong values": leiden_strong,
    "Leiden, networkit": leiden_networkit,
    "Louvain with refinement, networkit": louvain_networkit,
}
LEIDENALG: dict[str, Partition] = {
    "Leiden, igraph": leiden_igraph,
    "Leiden, leidenalg": leiden_leidenalg,
}
