"""One way to find communities in a loaded Neo4j, timed, in a process of its own."""

from __future__ import annotations

import time
from contextlib import closing
from pathlib import Path
from typing import Any

import neo4j
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

LISTED = 5_000


def child(name: str, server: dict[str, str], out: Path) -> dict[str, Any]:
    """Find communities once; write account_id and community to `out`."""
    auth = (server["user"], Path(server["password_file"]).read_text().strip())
    if name == "ours":
        return _ours(server["uri"], auth, out)
    with (
        neo4j.GraphDatabase.driver(
            server["uri"], auth=auth, notifications_min_severity="OFF"
        ) as driver,
        driver.session(fetch_size=100 if name == "pairs" else 1000) as run,
    ):
        return _pairs(run, out) if name == "pairs" else _gds(run, name, out)


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


def _pairs(run: neo4j.Session, out: Path) -> dict[str, Any]:
    """Read accounts and pairs by the numbers that Neo4j gives its records, and no property."""
    import igraph  # noqa: F401 what a nightly run has anyway

    begun = time.perf_counter()
    ids, numbers = _lists(run, "MATCH (a:Account) WITH collect(a.id) AS x, collect(id(a)) AS y")
    extent = run.run("MATCH ()-[s:SEEN_WITH]->() RETURN min(id(s)), max(id(s))").single(strict=True)
    found = run.run(
        "UNWIND range($least, $greatest, $step) AS begin CALL (begin) { "
        "MATCH (a)-[s:SEEN_WITH]->(v) WHERE id(s) IN range(begin, begin + $step - 1) "
        "RETURN collect(id(a)) AS a, collect(id(v)) AS v } RETURN a, v",
        least=extent[0], greatest=extent[1], step=LISTED,
    )  # fmt: skip
    ends = [(np.array(row["a"]), np.array(row["v"])) for row in found]
    read = time.perf_counter()
    account, value = (np.concatenate(one).astype(np.int64) for one in zip(*ends, strict=True))
    order = np.argsort(numbers)
    account = order[np.searchsorted(np.array(numbers)[order], account)]
    value -= value.min()
    membership = _partition(len(ids), account, value)
    ended = time.perf_counter()
    write(out, ids, membership)
    return _told(begun, read, ended)


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

    edges = np.column_stack((account, accounts + value))
    graph = igraph.Graph(n=accounts + int(value.max(initial=-1)) + 1)
    graph.add_edges(edges)  # a third faster than in the constructor
    return graph


def write(out: Path, ids: Any, communities: Any) -> None:
    pq.write_table(pa.table({"account_id": ids, "community": communities}), out)
