"""The store in Neo4j: writing and reading per second, beside the plain ways to do the same.

    python -m tests.bench neo4j [--accounts 200000] [--hub 0] [--keep DIRECTORY]

A local server with the default heap. The graph is what ringfinder's normaliser makes of a
simulated world, all values included; it is written in batches as `load` does, except for its
last day, which is then added to the full store. Machine-independent are the ratios: MERGE of
relationships found by id, in input order, is how one writes Cypher without measuring; a record
per pair is how one reads it. Processor seconds, of the server and of this process together, are
what the seconds come to on a machine that does nothing else.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import psutil
import pyarrow as pa
import pyarrow.compute as pc
from neo4j import GraphDatabase

from ringfinder import local
from ringfinder.store import GraphBatch, GraphTables, Neo4jStore, RingTables, to_graph_tables
from ringfinder.store.batches import ACCOUNTS, EVIDENCE, MEMBERS, RINGS, SIGHTINGS, VALUES
from tests.bench.results import keep, markdown
from tests.bench.run import graph_of
from tests.bench.speed import world

DAY_MS = 86_400_000
NAIVE_WRITE = """
UNWIND $rows AS row
MATCH (a:Account {id: row.account})
MATCH (v:Value {id: row.value})
MERGE (a)-[s:SEEN_WITH]->(v)
SET s.first_ms = row.first, s.last_ms = row.last, s.count = row.count
"""
NAIVE_READ = """
MATCH (a:Account)-[s:SEEN_WITH]->(v:Value)
RETURN a.id AS account, v.id AS value, s.first_ms, s.last_ms, s.count LIMIT $limit
"""


def main(arguments: Sequence[str]) -> int:
    parser = argparse.ArgumentParser(prog="tests.bench neo4j", description=__doc__)
    parser.add_argument("--accounts", type=int, default=200_000)
    parser.add_argument("--batch", type=int, default=0, help="accounts per batch; the store's own")
    parser.add_argument("--hub", type=int, default=0, help="accounts on one address, beside")
    given = parser.parse_args(arguments)
    with tempfile.TemporaryDirectory() as directory:
        server = local.up(Path(directory) / "neo4j")
        try:
            run(server, given)
        finally:
            local.down(Path(directory) / "neo4j")
    return 0


def run(server: local.Server, given: argparse.Namespace) -> None:
    store = Neo4jStore(server.uri, user=server.user, password=server.password)
    size = given.batch or store.batch_events or 5_000
    tables = in_order(to_graph_tables(graph_of(world(given.accounts))))
    first_of_last_day = int(np.max(tables.accounts["created_ms"].to_numpy())) - DAY_MS
    old = int(np.sum(tables.accounts["created_ms"].to_numpy() < first_of_last_day))
    found: dict[str, Any] = {"accounts": given.accounts, "batch": size}
    rows = []

    process = psutil.Process(server.pid)

    def note(name: str, what: str, work: Callable[[], tuple[int, float]]) -> None:
        before = processor_s(process)
        items, seconds = work()
        used = processor_s(process) - before
        found[name] = round(items / seconds)
        found[f"{name}_processor"] = round(items / used)
        rows.append(
            (
                what,
                f"{items:,}",
                f"{seconds:.1f} s",
                f"{used:.1f} s",
                f"{items / seconds:,.0f}/s",
                f"{items / used:,.0f}/s",
            )
        )
        print(rows[-1], flush=True)

    note("empty", "written into an empty store", lambda: written(store, cut(tables, 0, old, size)))
    daily = last_day(tables, old, first_of_last_day)
    added = cut(daily, 0, len(daily.accounts), size)
    note("day", "the last day, added to the full store", lambda: written(store, added))
    note("read", "(account, value) pairs read, all of the graph", lambda: read(store))
    with GraphDatabase.driver(server.uri, auth=(server.user, server.password)) as driver:
        note("naive_read", "pairs, a record each", lambda: naive_read(driver, 200_000))
        note("naive_write", "MERGE in input order", lambda: naive_write(driver, tables, 50_000))
    made = rings_of(tables)
    note("rings", "rings, members, evidence written", lambda: write_back(store, made))
    note("rings_again", "the same by the next run", lambda: write_back(store, made))
    if given.hub:
        what = f"written: {given.hub:,} accounts on one address"
        note("hub", what, lambda: hub(store, given.hub, size))
        note("hub_read", "pairs read with it", lambda: read(store))
    store.close()
    keep("neo4j", f"{given.accounts}", found)
    print(
        "\n"
        + markdown(
            ("", "items", "seconds", "processor", "per second", "per processor second"), rows
        )
    )
    print(
        f"\nWriting is {found['empty'] / found['naive_write']:.1f} times as fast as MERGE in input "
        f"order, reading {found['read'] / found['naive_read']:.1f} times as a record per pair."
    )


def in_order(tables: GraphTables) -> GraphTables:
    """Put accounts in the order of their sign-ups: how a log has them."""
    order = np.argsort(tables.accounts["created_ms"].to_numpy(), kind="stable")
    rank = np.empty(len(order), np.int32)
    rank[order] = np.arange(len(order), dtype=np.int32)
    account = pa.array(rank[tables.sightings["account"].to_numpy()])
    sightings = tables.sightings.set_column(0, SIGHTINGS.field(0), account).sort_by("account")
    return GraphTables(tables.accounts.take(pa.array(order)), tables.values, sightings)


def cut(tables: GraphTables, first: int, last: int, size: int) -> Iterator[GraphTables]:
    """Yield the accounts of rows first to last with their sightings, some at a time."""
    account = tables.sightings["account"].to_numpy()
    for begin in range(first, last, size):
        end = min(begin + size, last)
        low, high = np.searchsorted(account, (begin, end))
        if low == high:
            continue
        part = tables.sightings.slice(low, high - low)
        used, value = np.unique(part["value"].to_numpy(), return_inverse=True)
        named, row = np.unique(part["account"].to_numpy(), return_inverse=True)
        columns = [row.astype(np.int32), value.astype(np.int32)]
        columns += [part[name].to_numpy() for name in ("first_ms", "last_ms", "count")]
        yield GraphTables(
            tables.accounts.take(pa.array(named)),
            tables.values.take(pa.array(used)),
            pa.Table.from_arrays([pa.array(c) for c in columns], schema=SIGHTINGS),
        )


def last_day(tables: GraphTables, old: int, since_ms: int) -> GraphTables:
    """Return who signed up or was seen on the last day; who is older is only named."""
    today = pa.array(tables.sightings["last_ms"].to_numpy() >= since_ms)
    sightings = tables.sightings.filter(today)
    named, row = np.unique(sightings["account"].to_numpy(), return_inverse=True)
    accounts = tables.accounts.take(pa.array(named))
    known = pa.array(named >= old)
    columns = [
        accounts[field.name]
        if not field.nullable
        else pc.if_else(known, accounts[field.name], None)
        for field in ACCOUNTS
    ]
    return GraphTables(
        pa.table(columns, schema=ACCOUNTS),
        tables.values,
        sightings.set_column(0, SIGHTINGS.field(0), pa.array(row.astype(np.int32))),
    )


def processor_s(server: psutil.Process) -> float:
    """Processor seconds that the server and this process have used so far."""
    return sum(sum(p.cpu_times()[:2]) for p in (server, psutil.Process()))


def written(store: Neo4jStore, parts: Iterator[GraphTables]) -> tuple[int, float]:
    """Write batches; return how many nodes and relationships they hold, and the seconds."""
    items, seconds = 0, 0.0
    applied = store.applied()
    for number, part in enumerate(parts, start=applied[-1][1] + 1 if applied else 1):
        begun = time.perf_counter()
        store.write(GraphBatch(number, number, part))
        seconds += time.perf_counter() - begun
        items += len(part.accounts) + len(part.values) + len(part.sightings)
    return items, seconds


def timed(work: Callable[[], int]) -> tuple[int, float]:
    begun = time.perf_counter()
    return work(), time.perf_counter() - begun


def read(store: Neo4jStore) -> tuple[int, float]:
    return timed(lambda: len(store.read_graph().sightings))


def naive_read(driver: Any, limit: int) -> tuple[int, float]:
    with driver.session() as session:
        return timed(lambda: sum(1 for _ in session.run(NAIVE_READ, limit=limit)))


def naive_write(driver: Any, tables: GraphTables, limit: int) -> tuple[int, float]:
    """Write a sample of the sightings anew, in no order, as maps."""
    some = tables.sightings.take(
        pa.array(np.random.default_rng(1).permutation(len(tables.sightings))[:limit])
    ).to_pylist()
    account = tables.accounts["account_id"].combine_chunks()
    value = tables.values["pseudonym"].combine_chunks()
    rows = [
        {
            "account": account[row["account"]].as_py(),
            "value": value[row["value"]].as_py(),
            "first": row["first_ms"],
            "last": row["last_ms"],
            "count": row["count"],
        }
        for row in some
    ]
    with driver.session() as session:
        session.run("UNWIND $rows AS row MATCH (:Account {id: row.account})-[s:SEEN_WITH]->"
                    "(:Value {id: row.value}) DELETE s", rows=rows).consume()  # fmt: skip

        def work() -> int:
            for at in range(0, limit, 10_000):
                session.run(NAIVE_WRITE, rows=rows[at : at + 10_000]).consume()
            return limit

        return timed(work)


def rings_of(tables: GraphTables) -> RingTables:
    """Put every fourth account into a ring of 25; each ring is marked by five values."""
    ids = tables.accounts["account_id"].to_pylist()[::4]
    names = [f"ring {number}" for number in range(len(ids) // 25)]
    ring = {"size": 25, "score": 0.9, "verdict": "fleet", "summary": "A fleet."}
    marks = {"accounts_inside": 20, "accounts_total": 21, "nats": 5.0}
    values = tables.values.to_pylist()
    return RingTables(
        "run",
        pa.Table.from_pylist([{"ring_id": name} | ring for name in names], schema=RINGS),
        pa.Table.from_pylist(
            [
                {"ring_id": names[row // 25], "account_id": ids[row], "membership": 0.99}
                for row in range(25 * len(names))
            ],
            schema=MEMBERS,
        ),
        pa.Table.from_pylist(
            [
                {"ring_id": name, **values[(5 * row + n) % len(values)]} | marks
                for row, name in enumerate(names)
                for n in range(5)
            ],
            schema=EVIDENCE,
        ),
    )


def write_back(store: Neo4jStore, rings: RingTables) -> tuple[int, float]:
    lock = store.acquire_run_lock("bench")

    def work() -> int:
        store.write_rings(rings, lock)
        return len(rings.rings) + len(rings.members) + len(rings.evidence)

    found = timed(work)
    store.release_run_lock(lock)
    return found


def hub(store: Neo4jStore, accounts: int, size: int) -> tuple[int, float]:
    """Write one address that very many accounts share."""
    values = pa.table({"kind": pa.array([0], pa.int8()), "pseudonym": ["p1_" + "0" * 32]},
                      schema=VALUES)  # fmt: skip

    def parts() -> Iterator[GraphTables]:
        for begin in range(0, accounts, size):
            rows = min(size, accounts - begin)
            when = pa.array(np.full(rows, 1_767_225_600_000))
            columns: dict[str, Any] = {
                "account_id": [f"hub {number}" for number in range(begin, begin + rows)],
                "created_ms": when,
                "outcome": ["completed"] * rows,
                "outcome_ms": when,
            }
            table = pa.table(
                [columns.get(f.name, pa.nulls(rows, f.type)) for f in ACCOUNTS], schema=ACCOUNTS
            )
            zero = pa.array(np.zeros(rows, np.int32))
            one = pa.array(np.ones(rows, np.int64))
            seen = [pa.array(np.arange(rows, dtype=np.int32)), zero, when, when, one]
            yield GraphTables(table, values, pa.Table.from_arrays(seen, schema=SIGHTINGS))

    return written(store, parts())
