"""Time and peak memory per step, beside a plain scan and one Leiden, in the same run.

    python -m tests.bench speed [--sizes 10000,100000,1000000] [--no-leiden]

Every measurement is a process of its own. The scan is the least that reading the files can
cost: DuckDB decodes every column of every file. The Leiden is igraph's, once, on the graph
of accounts and shared values that ringfinder's normaliser made of the same files.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from tests.bench.results import keep, markdown
from tests.bench.rows import FIRST
from tests.bench.worlds import Files, simulated

SIZES = (10_000, 100_000, 1_000_000)


def main(arguments: Sequence[str]) -> int:
    parser = argparse.ArgumentParser(prog="tests.bench speed", description=__doc__)
    parser.add_argument("--sizes", default=",".join(map(str, SIZES)))
    parser.add_argument("--no-leiden", action="store_true", help="leave out the slow companion")
    parser.add_argument("--scan", type=Path, help=argparse.SUPPRESS)
    parser.add_argument("--leiden", type=Path, help=argparse.SUPPRESS)
    given = parser.parse_args(arguments)
    if given.scan or given.leiden:
        told = scan(given.scan) if given.scan else leiden(given.leiden)
        print(json.dumps(told))
        return 0
    found = [measure(int(size), leiden=not given.no_leiden) for size in given.sizes.split(",")]
    print("\n" + table(found))
    return 0


def measure(accounts: int, *, leiden: bool) -> dict[str, Any]:
    """Audit, scan and cluster one world, each in a process of its own."""
    make = f"from tests.bench import speed; speed.world({accounts})"
    subprocess.run((sys.executable, "-c", make), check=True)  # its memory must not count
    files = world(accounts)
    with tempfile.TemporaryDirectory() as scratch:
        out = Path(scratch) / "out"
        words = ["-m", "ringfinder", "audit", *files.inputs().signups, "--out", str(out)]
        for name in ("usage", "payments", "logins"):
            words += [f"--{name}", *getattr(files.inputs(), name)]
        audit = _timed(words)
        record = json.loads((out / "run.json").read_text())
    found: dict[str, Any] = {
        "accounts": accounts,
        "rows": record["counts"]["rows"],
        "bytes": sum(path.stat().st_size for path in files.paths()),
        "steps": record["steps"],
        "audit": audit,
        "scan": _timed(["-m", "tests.bench", "speed", "--scan", str(files.folder)]),
    }
    if leiden:
        found["leiden"] = _timed(["-m", "tests.bench", "speed", "--leiden", str(files.folder)])
    keep("speed", f"{accounts}", found)
    print(json.dumps({name: one for name, one in found.items() if name != "steps"}), flush=True)
    return found


def world(accounts: int) -> Files:
    return simulated(
        f"{accounts:,}", "hard", seed=FIRST, accounts=accounts, smallest_fleet=10,
        rows_per_account=10.0,
    )  # fmt: skip


def _timed(words: list[str]) -> dict[str, Any]:
    """Run Python with these words; wall and processor seconds, peak memory, what it printed."""
    begun = time.perf_counter()
    with tempfile.TemporaryFile() as said:
        process = subprocess.Popen((sys.executable, *words), stdout=said)
        _, status, used = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
        seconds = time.perf_counter() - begun
        if process.returncode:
            raise subprocess.CalledProcessError(process.returncode, words)
        said.seek(0)
        last = said.read().decode().strip().splitlines()[-1:]
    unit = 1 if sys.platform == "darwin" else 1024
    told = {
        "seconds": round(seconds, 2),
        "processor": round(used.ru_utime + used.ru_stime, 2),
        "peak_mb": round(used.ru_maxrss * unit / 1e6),
    }
    return told | (json.loads(last[0]) if last and last[0].startswith("{") else {})


def scan(folder: Path) -> dict[str, float]:
    """Decode every column of every file once."""
    import duckdb

    begun = time.perf_counter()
    for path in sorted(folder.glob("*.parquet")):
        if path.name == "truth.parquet":
            continue
        with duckdb.connect() as con:
            # Into a table: Python need not understand every type to have it decoded.
            find = "SELECT count(*), max(COLUMNS(*)) FROM read_parquet(?)"
            con.execute(f"CREATE TABLE found AS {find}", [str(path)])
    return {"alone": round(time.perf_counter() - begun, 2)}


def leiden(folder: Path) -> dict[str, float]:
    """Cluster the graph of accounts and shared values once; what is timed is Leiden alone."""
    from ringfinder.evidence.incidence import shared_values
    from tests.bench.compare import bipartite
    from tests.bench.run import graph_of

    graph = bipartite(shared_values(graph_of(Files("", folder))))
    begun = time.perf_counter()
    graph.community_leiden(objective_function="modularity", resolution=1.0)
    return {"alone": round(time.perf_counter() - begun, 2), "edges": graph.ecount()}


def table(found: Sequence[dict[str, Any]]) -> str:
    """Steps down, sizes across; then what the companions took, ratios and growth."""
    names = [step["step"] for step in found[0]["steps"]]
    head = ["", *(f"{one['accounts']:,} accounts" for one in found), "growth of the last"]
    rows: list[list[str]] = []

    def add(name: str, seconds: Sequence[float], peak: Sequence[float] | None = None) -> None:
        cells = [
            f"{value:.2f} s" + (f", {peak[i] / 1e3:.2f} GB" if peak else "")
            for i, value in enumerate(seconds)
        ]
        growth = f"x {seconds[-1] / max(seconds[-2], 1e-9):.1f}" if len(seconds) > 1 else "-"
        rows.append([name, *cells, growth])

    for number, name in enumerate(names):
        steps = [one["steps"][number] for one in found]
        add(name, [s["seconds"] for s in steps], [s["peak_mb"] for s in steps])
    for name, words in (("audit", "whole audit"), ("scan", "DuckDB, one scan of the files")):
        add(words, [one[name].get("alone", one[name]["seconds"]) for one in found],
            [one[name]["peak_mb"] for one in found])  # fmt: skip
    if all("leiden" in one for one in found):
        add("igraph, one Leiden on the graph", [one["leiden"]["alone"] for one in found],
            [one["leiden"]["peak_mb"] for one in found])  # fmt: skip
        ratio = [
            one["audit"]["seconds"] / (one["scan"]["alone"] + one["leiden"]["alone"])
            for one in found
        ]
        rows.append(["audit / (scan + Leiden)", *(f"{value:.1f}" for value in ratio), ""])
    return markdown(head, rows)
