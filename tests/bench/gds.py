"""The recipe of the Neo4j community beside ours, on the same loaded graph and machine.

    python -m tests.bench gds [--accounts 200000] [--runs 3] [--heap 3GiB] [--keep DIR]

A simulated world is loaded into a local Neo4j that also runs Graph Data Science 2.26.0. Then,
in turns and each in a process of its own:

- *GDS*: `gds.graph.project` of accounts and values, `gds.wcc` or `gds.leiden`, the communities of
  the accounts streamed back, as records (the recipe) and as lists of thousands (kinder to it);
- *ours*: all pairs read from the store, values of one holder dropped, igraph's Leiden;
- *recompute*: the whole nightly run, written back.

Seconds are the best of the runs. A rival that gives communities must still say which of them
are fraud: *by size*, each of at least five accounts; *best judge*, each of which most accounts
are fraud, which nobody can know. Modularity is that of the partition on the whole graph.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import neo4j
import numpy as np
import psutil
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from ringfinder import local
from ringfinder.cli.arguments import size
from ringfinder.local.home import Home
from ringfinder.local.jars import default_cache, pins, resolve
from tests.bench.compare import SMALLEST
from tests.bench.results import keep, markdown
from tests.bench.rows import FIRST
from tests.bench.speed import _timed
from tests.bench.tally import digits, rate
from tests.bench.worlds import Files, simulated

GDS = ("proc", "opengds-extension", "opengds-procedure-facade")
VERSION = "2.26.0"
LISTED = 5_000
METHODS = ("wcc", "leiden", "leiden, listed", "ours")


def main(arguments: Sequence[str]) -> int:
    parser = argparse.ArgumentParser(prog="tests.bench gds", description=__doc__)
    parser.add_argument("--accounts", type=int, default=200_000)
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--heap", type=size, default=size("3GiB"))
    parser.add_argument("--keep", type=Path, help="keep the loaded store here, and use it again")
    parser.add_argument("--no-recompute", action="store_true")
    parser.add_argument("--child", help=argparse.SUPPRESS)
    parser.add_argument("--server", help=argparse.SUPPRESS)
    parser.add_argument("--out", type=Path, help=argparse.SUPPRESS)
    given = parser.parse_args(arguments)
    if given.child:
        print(json.dumps(child(given.child, json.loads(given.server), given.out)))
        return 0
    make = f"from tests.bench import gds; gds.world({given.accounts})"
    subprocess.run((sys.executable, "-c", make), check=True)  # its memory must not count
    with tempfile.TemporaryDirectory() as scratch:
        measure(given, given.keep or Path(scratch))
    return 0


def world(accounts: int) -> Files:
    return simulated(
        f"{accounts:,}", "hard", seed=FIRST, accounts=accounts, smallest_fleet=10,
        rows_per_account=10.0,
    )  # fmt: skip


def measure(given: argparse.Namespace, place: Path) -> None:
    """Load, measure everything in turns, print the table."""
    files = world(given.accounts)
    data = place / f"data-{given.accounts}"
    with running(place / f"neo4j-{given.accounts}", given.heap) as server:
        if not (data / "loaded").exists():
            loaded = _ringfinder(["load", *_tables(files)], data, server)
            keep("gds", "load", loaded | {"accounts": given.accounts})
            print(f"load: {loaded}", flush=True)
            (data / "loaded").touch()
        found: dict[str, list[dict[str, Any]]] = {name: [] for name in METHODS}
        for _ in range(given.runs):
            for name in METHODS:
                out = place / f"{name}.parquet"
                found[name].append(_child(name, server, out))
                print(f"{name}: {found[name][-1]}", flush=True)
        rows = [_row(name, found[name], files, place / f"{name}.parquet") for name in METHODS]
        if not given.no_recompute:
            rows.append(_recomputed(files, data, server))
    best = {name: min(one["seconds"] for one in found[name]) for name in METHODS}
    ratio = min(best["leiden"], best["leiden, listed"]) / best["ours"]
    keep("gds", "ratio", {"accounts": given.accounts, "ratio": round(ratio, 2)})
    head = ("", "project or read", "algorithm and stream", "in all", "client", "server at most",
            "modularity", "P by size", "R by size", "P best judge", "R best judge")  # fmt: skip
    print("\n" + markdown(head, rows))
    print(f"\nGDS's projection, Leiden and stream take {ratio:.1f} times as long as reading and "
          "igraph's Leiden (promised: at least 2).")  # fmt: skip


# --- the server


@contextmanager
def running(directory: Path, heap: int) -> Iterator[local.Server]:
    """Run a local Neo4j with Graph Data Science in it."""
    home = Home(directory)
    home.make()
    jars = gds_jars()
    for jar in jars:
        shutil.copy(jar, directory / "plugins" / jar.name)
    try:
        yield local.up(
            directory,
            local.Options(
                memory=heap,
                page_cache=512 << 20,
                timeout_s=300,
                jars=jars,
                settings={"dbms.security.procedures.unrestricted": "gds.*"},
            ),
        )
    finally:
        local.down(directory)


def gds_jars() -> tuple[Path, ...]:
    """Return the jars of Graph Data Science less those that the server has."""
    there = {tuple(pin.name.split(":")[:2]) for pin in pins()}
    found = resolve([f"org.neo4j.gds:{name}:{VERSION}" for name in GDS])
    return tuple(jar for jar in found if _module(jar) not in there)


def _module(jar: Path) -> tuple[str, str]:
    *group, artifact, _, _ = jar.relative_to(default_cache()).parts
    return ".".join(group), artifact


# --- one measurement, in a process of its own


def child(name: str, server: dict[str, str], out: Path) -> dict[str, Any]:
    """Find communities once; write account_id and community to `out`."""
    auth = (server["user"], Path(server["password_file"]).read_text().strip())
    if name == "ours":
        return _ours(server["uri"], auth, out)
    with neo4j.GraphDatabase.driver(server["uri"], auth=auth) as driver, driver.session() as run:
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
    _write(out, ids, numbers)
    return {
        "get": round(projected - begun, 2),
        "find": round(ended - projected, 2),
        "seconds": round(ended - begun, 2),
        "nodes": graph["nodeCount"],
        "edges": graph["relationshipCount"] // 2,
        "graph_mb": round(memory["sizeInBytes"] / 1e6),
    }


def _ours(uri: str, auth: tuple[str, str], out: Path) -> dict[str, Any]:
    # What a nightly run has anyway: the libraries, and a connection.
    import igraph  # noqa: F401

    from ringfinder.store.open import open_store

    with closing(open_store(uri, data_dir=Path(), user=auth[0], password=auth[1])) as store:
        begun = time.perf_counter()
        tables = store.read_graph()
        read = time.perf_counter()
        account, value = (tables.sightings[name].to_numpy() for name in ("account", "value"))
        accounts = tables.accounts.num_rows
        shared = np.bincount(value)[value] > 1
        membership = _leiden(accounts, account[shared], value[shared])
        ended = time.perf_counter()
    _write(out, tables.accounts["account_id"], membership[:accounts])
    whole = bipartite(accounts, account, value)
    np.savez(out.with_suffix(".npz"), edges=np.column_stack((account, value)))
    return {
        "get": round(read - begun, 2),
        "find": round(ended - read, 2),
        "seconds": round(ended - begun, 2),
        "nodes": whole.vcount(),
        "edges": whole.ecount(),
    }


def bipartite(accounts: int, account: np.ndarray, value: np.ndarray) -> Any:
    import igraph

    _, value = np.unique(value, return_inverse=True)
    edges = np.column_stack((account, accounts + value))
    return igraph.Graph(n=int(edges.max()) + 1, edges=edges)


def _leiden(accounts: int, account: np.ndarray, value: np.ndarray) -> np.ndarray:
    graph = bipartite(accounts, account, value)
    found = graph.community_leiden(objective_function="modularity", resolution=1.0)
    return np.array(found.membership)


def _write(out: Path, ids: Any, communities: Any) -> None:
    pq.write_table(pa.table({"account_id": ids, "community": communities}), out)


def _child(name: str, server: local.Server, out: Path) -> dict[str, Any]:
    words = ["-m", "tests.bench", "gds", "--child", name, "--out", str(out)]
    with _watched(server) as peak:
        told = _timed([*words, "--server", json.dumps(server.to_dict())])
    return told | {"server_mb": peak[0]}


@contextmanager
def _watched(server: local.Server) -> Iterator[list[int]]:
    """Note the most memory that the server had meanwhile, in MB."""
    process, peak, done = psutil.Process(server.pid), [0], threading.Event()

    def watch() -> None:
        while not done.wait(0.2):
            peak[0] = max(peak[0], round(process.memory_info().rss / 1e6))

    thread = threading.Thread(target=watch)
    thread.start()
    try:
        yield peak
    finally:
        done.set()
        thread.join()


# --- our own commands


def _tables(files: Files) -> list[str]:
    given = files.inputs()
    words = list(given.signups)
    for name in ("usage", "payments", "logins"):
        words += [f"--{name}", *getattr(given, name)]
    return words


def _ringfinder(words: list[str], data: Path, server: local.Server) -> dict[str, Any]:
    """Run a command of ringfinder on the server; what `_timed` tells, and its own JSON."""
    os.environ["RINGFINDER_NEO4J_PASSWORD_FILE"] = str(server.password_file)
    where = ["--json", "--data-dir", str(data), "--store", server.uri]
    with _watched(server) as peak:
        told = _timed(["-m", "ringfinder", *words, *where])
    return told | {"server_mb": peak[0]}


def _recomputed(files: Files, data: Path, server: local.Server) -> tuple[str, ...]:
    from ringfinder.evaluate import read_outcomes
    from ringfinder.publish.snapshots import current

    told = _ringfinder(["recompute"], data, server)
    snapshot = current(data / "snapshots") or newest(data / "snapshots")
    outcomes, _ = read_outcomes(snapshot, files.truth)
    rates = [rate(outcomes.fraud, outcomes.flagged), rate(outcomes.flagged, outcomes.fraud)]
    keep("gds", "recompute", told | {"rates": [one.to_dict() for one in rates]})
    print(f"recompute: {told}", flush=True)
    memory = (f"{told['peak_mb']:,} MB", f"{told['server_mb']:,} MB")
    shown = [digits(one.value or 0.0) for one in rates]
    return (
        "recompute, written back",
        "",
        "",
        f"{told['seconds']:.1f} s",
        *memory,
        "",
        *shown,
        "",
        "",
    )


def newest(snapshots: Path) -> Path:
    """A first run may wait for a person; what it found is there all the same."""
    return max(snapshots.glob("*/run.json"), key=lambda path: path.stat().st_mtime).parent


# --- the table


def _row(name: str, runs: list[dict[str, Any]], files: Files, out: Path) -> tuple[str, ...]:
    best = min(runs, key=lambda one: one["seconds"])
    fraud, community = against(files.truth, out)
    size = np.bincount(community)[community] >= SMALLEST
    bad = np.bincount(community, weights=fraud) > 0.5 * np.bincount(community)
    judged = size & bad[community]
    rates = [one for flag in (size, judged) for one in (rate(fraud, flag), rate(flag, fraud))]
    modularity = _modularity(out, out.with_name("ours.npz"))
    keep("gds", name, best | {"runs": [one["seconds"] for one in runs], "modularity": modularity,
                              "rates": [one.to_dict() for one in rates]})  # fmt: skip
    words = "reading and igraph's Leiden" if name == "ours" else f"GDS {name}"
    server = max(one["server_mb"] for one in runs)
    return (
        words, f"{best['get']:.1f} s", f"{best['find']:.1f} s", f"{best['seconds']:.1f} s",
        f"{best['peak_mb']:,} MB", f"{server:,} MB", f"{modularity:.4f}",
        *("-" if one.value is None else digits(one.value) for one in rates),
    )  # fmt: skip


def against(truth: Path, out: Path) -> tuple[np.ndarray, np.ndarray]:
    """Return who is fraud, and who is in which community, account by account."""
    known = pq.read_table(truth, columns=["account_id", "fleet_id"])
    found = pq.read_table(out)
    where = pc.index_in(known["account_id"], value_set=found["account_id"]).to_numpy()
    fraud = pc.is_valid(known["fleet_id"]).to_numpy()
    _, community = np.unique(found["community"].to_numpy()[where], return_inverse=True)
    return fraud, community


def _modularity(out: Path, edges: Path) -> float:
    """Modularity of the accounts' partition on the whole graph.

    A value goes where most of its accounts are, whoever found the partition.
    """
    ours, found = pq.read_table(edges.with_suffix(".parquet")), pq.read_table(out)
    where = pc.index_in(ours["account_id"], value_set=found["account_id"]).to_numpy()
    community = _numbered(found["community"].to_numpy()[where])
    account, value = np.load(edges)["edges"].T
    _, value = np.unique(value, return_inverse=True)
    held, times = np.unique(
        np.column_stack((value, community[account])), axis=0, return_counts=True
    )
    order = np.lexsort((times, held[:, 0]))
    last = np.flatnonzero(np.diff(held[order, 0], append=-1))
    whole = bipartite(len(community), account, value)
    placed: float = whole.modularity(np.concatenate((community, held[order[last], 1])))
    return placed


def _numbered(community: np.ndarray) -> np.ndarray:
    """Number communities by their first account, so that ties do not depend on names."""
    _, first, code = np.unique(community, return_index=True, return_inverse=True)
    return np.argsort(np.argsort(first))[code]


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
