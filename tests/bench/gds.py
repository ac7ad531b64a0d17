"""The recipe of the Neo4j community beside ours, on the same loaded graph and machine.

    python -m tests.bench gds [--accounts 200000] [--runs 3] [--heap 3GiB] [--keep DIR]

A simulated world is loaded into a local Neo4j that also runs Graph Data Science 2.26.0. Then,
in turns and each in a process of its own:

- *GDS*: `gds.graph.project` of accounts and values, `gds.wcc` or `gds.leiden`, the communities of
  the accounts streamed back, as records (the recipe) and as lists of thousands (kinder to it);
- *ours*: the graph read from the store as the nightly run does, with times, counts and all the
  names, values of one holder dropped, igraph's Leiden; *pairs* reads what GDS projects, no more;
- *recompute*: the whole nightly run, written back.

Seconds are the best of the runs; processor seconds are of client and server together, which a
busy machine does not stretch. A rival that gives communities must still say which of them
are fraud: *by size*, each of at least five accounts; *best judge*, each of which most accounts
are fraud, which nobody can know. Modularity is that of the partition on the whole graph.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.compute as pc
import pyarrow.parquet as pq

from ringfinder import local
from ringfinder.cli.arguments import size
from tests.bench.compare import SMALLEST
from tests.bench.gds_child import bipartite, child
from tests.bench.gds_server import running, with_server
from tests.bench.results import keep, markdown
from tests.bench.rows import FIRST
from tests.bench.tally import digits, rate
from tests.bench.worlds import Files, simulated

METHODS = ("wcc", "leiden", "leiden, listed", "pairs", "ours")


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
    print_table(rows, found, given.accounts)


def print_table(
    rows: list[tuple[str, ...]], found: dict[str, list[dict[str, Any]]], accounts: int
) -> None:
    """Print the rows, and how many times as long GDS takes, by its recipe and streamed in lists."""

    def ratio(theirs: str, ours: str, what: str) -> float:
        best = {name: min(one[what] for one in runs) for name, runs in found.items()}
        return round(best[theirs] / best[ours], 2)

    ratios = {
        f"{theirs} beside {ours}, {what}": ratio(theirs, ours, what)
        for theirs in ("leiden", "leiden, listed")
        for ours in ("pairs", "ours")
        for what in ("seconds", "processor")
    }
    keep("gds", "ratio", {"accounts": accounts, **ratios})
    head = ("", "project or read", "algorithm and stream", "in all", "processor",
            "client", "server at most",
            "modularity", "P by size", "R by size", "P best judge", "R best judge")  # fmt: skip
    print("\n" + markdown(head, rows))
    print(
        "\nGDS's projection, Leiden and stream take so many times as long (promised: at least 2):"
    )
    print("\n".join(f"  {name}: {times:.1f}" for name, times in ratios.items()))


def _child(name: str, server: local.Server, out: Path) -> dict[str, Any]:
    words = ["-m", "tests.bench", "gds", "--child", name, "--out", str(out)]
    return with_server([*words, "--server", json.dumps(server.to_dict())], server)


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
    return with_server(["-m", "ringfinder", *words, *where], server)


def _recomputed(files: Files, data: Path, server: local.Server) -> tuple[str, ...]:
    from ringfinder.evaluate import read_outcomes
    from ringfinder.publish.snapshots import current

    told = _ringfinder(["recompute"], data, server)
    snapshot = current(data / "snapshots") or newest(data / "snapshots")
    outcomes, _ = read_outcomes(snapshot, files.truth)
    rates = [rate(outcomes.fraud, outcomes.flagged), rate(outcomes.flagged, outcomes.fraud)]
    keep("gds", "recompute", told | {"rates": [one.to_dict() for one in rates]})
    print(f"recompute: {told}", flush=True)
    memory = (f"{told['processor']:.1f} s", f"{told['peak_mb']:,} MB", f"{told['server_mb']:,} MB")
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
    words = {"ours": "whole graph read, igraph's Leiden", "pairs": "pairs read, igraph's Leiden"}
    server = max(one["server_mb"] for one in runs)
    return (
        words.get(name, f"GDS {name}"),
        *(f"{best[what]:.1f} s" for what in ("get", "find", "seconds")),
        f"{min(one['processor'] for one in runs):.1f} s",
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
    many = int(community.max()) + 1
    pairs, times = np.unique(value * many + community[account], return_counts=True)
    held = np.column_stack((pairs // many, pairs % many))
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
