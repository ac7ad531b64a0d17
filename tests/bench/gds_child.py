"""One way to find communities in a loaded Neo4j, timed, in a process of its own."""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from functools import partial
from pathlib import Path
from typing import Any

import neo4j
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from scipy import sparse

LISTED = 5_000
FETCHED = 100
SESSIONS = 2


def child(name: str, server: dict[str, str], out: Path) -> dict[str, Any]:
    """Find communities once; write account_id and community to `out`."""
    auth = (server["user"], Path(server["password_file"]).read_text().strip())
    if name == "ours":
        return _ours(server["uri"], auth, out)
    with neo4j.GraphDatabase.driver(
        server["uri"], auth=auth, notifications_min_severity="OFF"
    ) as driver:
        if name == "pairs":
            return _pairs(driver, out)
        with driver.session() as run:
            return _gds(run, name, out)


def _gds(run: neo4j.Session, name: str, out: Path) -> dict[str, Any]:
    algorithm, _, listed = name.partition(", ")
    run.run("CALL gds.graph.drop('accounts', false) YIELD graphName").consume()
    begun = time.perf_counter()
    graph = run.run(
        "CALL gds.graph.project('accounts', ['Account', 'Value'], "
        "{SEEN_WITH: {orientation: 'UNDIRECTED'}}, {readConcurrency: 2}) "
        "YIELD nodeCount, relationshipCount"
    ).single(strict=True)
    projected = time.perf_counter()
    found, community = "componentId" if algorithm == "wcc" else "communityId", "community"
    call = (
        f"CALL gds.{algorithm}.stream('accounts', {{concurrency: 2}}) YIELD nodeId, {found} "
        f"WITH gds.util.asNode(nodeId) AS node, {found} AS {community} WHERE node:Account "
    )
    if listed:
        call += (
            "WITH collect(node.id) AS ids, collect(community) AS found "
            f"UNWIND range(0, size(ids) - 1, {LISTED}) AS i "
            f"RETURN ids[i..i + {LISTED}] AS ids, found[i..i + {LISTED}] AS found"
        )
        lists = [(row["ids"], row["found"]) for row in run.run(call)]
        ids = [one for some, _ in lists for one in some]
        numbers = [one for _, some in lists for one in some]
    else:
        pairs = [row.values() for row in run.run(call + "RETURN node.id AS id, community")]
        ids, numbers = [one[0] for one in pairs], [one[1] for one in pairs]
    ended = time.perf_counter()
    memory = run.run("CALL gds.graph.list('accounts') YIELD sizeInBytes").single(strict=True)
    run.run("CALL gds.graph.drop('accounts') YIELD graphName").consume()
    write(out, ids, numbers)
    return _told(begun, projected, ended) | {
        "nodes": graph["nodeCount"],
        "edges": graph["relationshipCount"] // 2,
        "graph_mb": round(memory["sizeInBytes"] / 1e6),
    }


def _pairs(driver: neo4j.Driver, out: Path) -> dict[str, Any]:
    """Read accounts and pairs by the numbers that Neo4j gives its records, and no property.

    By two sessions at once, as the nightly run reads; GDS has two threads as well.
    """
    import igraph  # noqa: F401 what a nightly run has anyway

    begun = time.perf_counter()
    with driver.session(fetch_size=FETCHED) as run:
        ids, numbers = _lists(run, "MATCH (a:Account) WITH collect(a.id) AS x, collect(id(a)) AS y")
        first, last = run.run(
            "MATCH ()-[s:SEEN_WITH]->() RETURN min(id(s)), max(id(s))"
        ).single(strict=True)  # fmt: skip
    with ThreadPoolExecutor(SESSIONS) as pool:
        bounds = np.linspace(first, last + 1, SESSIONS + 1).astype(int).tolist()
        parts = pool.map(partial(_part, driver), bounds[:-1], bounds[1:])
        ends = [one for part in parts for one in part]
    read = time.perf_counter()
    account, value = (np.concatenate(one).astype(np.int64) for one in zip(*ends, strict=True))
    row = np.zeros(max(numbers) + 1, np.int64)
    row[numbers] = np.arange(len(numbers))
    value -= value.min()
    membership = _partition(len(ids), row[account], value)
    ended = time.perf_counter()
    write(out, ids, membership)
    return _told(begun, read, ended)


def _part(driver: neo4j.Driver, begin: int, end: int) -> list[tuple[np.ndarray, np.ndarray]]:
    """Read the pairs whose numbers are in a range."""
    with driver.session(fetch_size=FETCHED) as run:
        found = run.run(
            "UNWIND range($begin, $end - 1, $step) AS begin CALL (begin) { "
            "MATCH (a)-[s:SEEN_WITH]->(v) "
            "WHERE id(s) IN range(begin, CASE WHEN begin + $step < $end "
            "THEN begin + $step ELSE $end END - 1) "
            "RETURN collect(id(a)) AS a, collect(id(v)) AS v } RETURN a, v",
            begin=begin, end=end, step=LISTED,
        )  # fmt: skip
        return [(np.array(row["a"]), np.array(row["v"])) for row in found]


def _lists(run: neo4j.Session, collected: str) -> tuple[list[Any], list[Any]]:
    cut = (
        f"UNWIND range(0, size(x) - 1, {LISTED}) AS i RETURN x[i..i + {LISTED}], y[i..i + {LISTED}]"
    )
    rows = [row.values() for row in run.run(f"{collected} {cut}")]
    return [one for some, _ in rows for one in some], [one for _, some in rows for one in some]


def _ours(uri: str, auth: tuple[str, str], out: Path) -> dict[str, Any]:
    import igraph  # noqa: F401 what a nightly run has anyway

    from ringfinder.store.open import open_store

    with closing(open_store(uri, data_dir=Path(), user=auth[0], password=auth[1])) as store:
        begun = time.perf_counter()
        tables = store.read_graph()
        read = time.perf_counter()
        account, value = (tables.sightings[name].to_numpy() for name in ("account", "value"))
        membership = _partition(tables.accounts.num_rows, account, value)
        ended = time.perf_counter()
    write(out, tables.accounts["account_id"], membership)
    np.savez(out.with_suffix(".npz"), edges=np.column_stack((account, value)))
    return _told(begun, read, ended) | {"edges": len(account)}


def _told(begun: float, got: float, ended: float) -> dict[str, Any]:
    return {
        "get": round(got - begun, 2),
        "find": round(ended - got, 2),
        "seconds": round(ended - begun, 2),
    }


def _partition(accounts: int, account: np.ndarray, value: np.ndarray) -> np.ndarray:
    """Leiden on accounts and the values that two of them share; the accounts' communities.

    One pass through all levels, as GDS makes; a second one adds 0.00001 to the modularity.
    """
    held = np.bincount(value) > 1
    shared = held[value]
    value = (np.cumsum(held) - 1)[value[shared]]
    graph = bipartite(accounts, account[shared], value)
    found = graph.community_leiden(objective_function="modularity", n_iterations=1)
    return np.array(found.membership[:accounts])


def bipartite(accounts: int, account: np.ndarray, value: np.ndarray) -> Any:
    """Accounts, then values, as one graph; both numbered from 0 without gaps."""
    import igraph

    sorted_ = sparse.csc_array((np.ones(len(value), np.int8), (account, value)))  # counts, no sort
    value = np.repeat(np.arange(sorted_.shape[1]), np.diff(sorted_.indptr))
    graph = igraph.Graph(n=accounts + sorted_.shape[1])
    # A third faster than in the constructor, and a third again where values come in order.
    graph.add_edges(np.column_stack((sorted_.indices.astype(np.int64), accounts + value)))
    return graph


def write(out: Path, ids: Any, communities: Any) -> None:
    pq.write_table(pa.table({"account_id": ids, "community": communities}), out)
