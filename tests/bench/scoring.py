"""One sign-up scored in process: microseconds, time and memory to open, bytes per account.

    python -m tests.bench scoring [--accounts 200000] [--signups 5000] [--neo4j]

A snapshot of a simulated world is written, then opened and used by a fresh process, so that
nothing is warm that would not be. Beside each other in one run: reading and hashing the row
(`normalise.one`), scoring it against the snapshot and two thousand newcomers, and the least
that scoring could cost: looking its values up in a Python dictionary of all values. With
`--neo4j` the same is asked of a warm local Neo4j too, in turns with scoring (`tests.bench.hop`).
"""

from __future__ import annotations

import argparse
import json
import resource
import secrets
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as pq

from ringfinder import schema
from ringfinder.explain.online import Scorer
from ringfinder.normalise.events import Rules
from ringfinder.normalise.one import NormalisedSignup, Normaliser
from ringfinder.publish.model import open_model
from tests.bench.hop import neo4j_of
from tests.bench.replay import PEPPER
from tests.bench.results import keep
from tests.bench.run import graph_of
from tests.bench.worlds import Files, simulated

NEWCOMERS = 2_000
KINDS = tuple(kind.name for kind in schema.KINDS)


def world(accounts: int) -> Files:
    return simulated(f"scoring-{accounts}", "hard", seed=101, accounts=accounts, smallest_fleet=10)


def main(arguments: Sequence[str]) -> int:
    parser = argparse.ArgumentParser(prog="tests.bench scoring", description=__doc__)
    parser.add_argument("--accounts", type=int, default=200_000)
    parser.add_argument("--signups", type=int, default=5_000)
    parser.add_argument("--neo4j", action="store_true", help="beside one hop of Cypher")
    parser.add_argument("--model", type=Path, help="a snapshot written before, to measure again")
    parser.add_argument("--write", type=Path, help=argparse.SUPPRESS)
    parser.add_argument("--measure", type=Path, help=argparse.SUPPRESS)
    given = parser.parse_args(arguments)
    if given.write:
        write(given.accounts, given.write)
        return 0
    if given.measure:
        found = measure(given.measure, given.accounts, given.signups)
        if given.neo4j:
            found |= beside_neo4j(given.measure, given.accounts, given.signups)
        print(json.dumps(found))
        return 0
    with tempfile.TemporaryDirectory() as scratch:
        folder = given.model or Path(scratch) / "snapshot"
        size = ["--accounts", str(given.accounts), "--signups", str(given.signups)]
        size += ["--neo4j"] if given.neo4j else []
        if not (folder / "model.json").exists():
            _again([*size, "--write", str(folder)])
        found = json.loads(_again([*size, "--measure", str(folder)]).splitlines()[-1])
    print(table(found))
    keep("scoring", f"{given.accounts}", found)
    return 0


def _again(words: list[str]) -> str:
    """Run this benchmark in a process of its own; return what it printed."""
    command = (sys.executable, "-m", "tests.bench", "scoring", *words)
    return subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout


def write(accounts: int, folder: Path) -> None:
    """Find and judge the rings of a world, and write the snapshot's model."""
    from tests.models import analysis_of, write_snapshot

    write_snapshot(analysis_of(graph_of(world(accounts))), folder)


def measure(folder: Path, accounts: int, number: int) -> dict[str, Any]:
    """Open a snapshot, score sign-ups of its world and fresh ones, and say what it took."""
    before = _resident()
    begun = time.perf_counter()
    model = open_model(folder, verify=False)
    opened = time.perf_counter() - begun
    begun = time.perf_counter()
    open_model(folder)
    verified = time.perf_counter() - begun
    mapped = _resident() - before
    rows = _rows(world(accounts), number + NEWCOMERS)
    normaliser, scorer = Normaliser(Rules(PEPPER)), Scorer(model)
    scorer.score(_signup(normaliser, rows[0]))  # what a worker warms before it serves
    newcomers = [_signup(normaliser, row) for row in rows[number:]]
    empty = _resident()
    for one in newcomers:
        scorer.overlay.add(one.account_id, one.created_ms, one.values)
    overlay = _resident() - empty
    known = [_signup(normaliser, row) for row in rows[:number]]
    fresh = [_unknown(signup, KINDS) for signup in known]
    one_less = [_unknown(signup, ("device",)) for signup in known]
    table = {name: True for signup in known for _, name in signup.values}
    table |= {secrets.token_hex(16): True for _ in range(1_000_000)}
    return {
        "accounts": model.accounts,
        "values": len(model.arrays.value_high),
        "rings": len(model.ring_ids),
        "values_of_a_signup": float(np.mean([len(signup.values) for signup in known])),
        "bytes_per_account": sum(f.stat().st_size for f in folder.glob("model*")) / model.accounts,
        "open_s": opened,
        "open_verified_s": verified,
        "mapped_mb": mapped,
        "overlay_mb": overlay,
        "normalise": timed(lambda row: _signup(normaliser, row), rows[:number]),
        "score": timed(scorer.score, known),
        "score_unknown": timed(scorer.score, fresh),
        "score_one_less": timed(scorer.score, one_less),
        "dictionary": timed(lambda one: [table.get(name) for _, name in one.values], known),
    }


def beside_neo4j(folder: Path, accounts: int, number: int) -> dict[str, Any]:
    """Ask scorer and Neo4j in turns about the same sign-ups; half of them warm both."""
    model, normaliser = open_model(folder), Normaliser(Rules(PEPPER))
    scorer = Scorer(model)
    signups = [_signup(normaliser, row) for row in _rows(world(accounts), number)]
    with neo4j_of(world(accounts), model) as ask:
        for one in signups[number // 2 :]:
            ask(one)
            scorer.score(one)
        half = signups[: number // 2]
        took = [(timed_one(scorer.score, one), timed_one(ask, one)) for one in half]
    ours, theirs = np.array(took)[:, :, 0].T
    return {"score_in_turns": quantiles(ours), "hop": quantiles(theirs)}


def _rows(files: Files, number: int) -> list[dict[str, Any]]:
    table = pq.read_table(files.folder / "signups.parquet")
    rows = np.random.default_rng(1).choice(len(table), min(number, len(table)), replace=False)
    return table.take(rows).to_pylist()


def _signup(normaliser: Normaliser, row: dict[str, Any]) -> NormalisedSignup:
    at_ms = int(row["created_at"].timestamp() * 1000)
    return normaliser.signup(
        row, account_id=row["account_id"], created_ms=at_ms, country=row.get("country")
    )


def _unknown(signup: NormalisedSignup, names: Sequence[str]) -> NormalisedSignup:
    """The same sign-up with values of some kinds that nobody has ever seen."""
    values = tuple(
        (kind, f"p0_{secrets.token_hex(16)}" if KINDS[kind] in names else name)
        for kind, name in signup.values
    )
    return NormalisedSignup(signup.account_id, signup.created_ms, signup.country, values)


def timed(work: Callable[[Any], Any], items: list[Any]) -> dict[str, float]:
    """Quantiles of the time that one item takes, and of the processor's time, microseconds."""
    took = np.array([timed_one(work, item) for item in items])
    return quantiles(took[:, 0]) | {"cpu_p99": float(np.quantile(took[:, 1], 0.99))}


def timed_one(work: Callable[[Any], Any], item: Any) -> tuple[float, float]:
    """Return the time that one item takes, and the processor's time, microseconds."""
    begun, worked = time.perf_counter(), time.thread_time()
    work(item)
    processor = time.thread_time() - worked
    return (time.perf_counter() - begun) * 1e6, processor * 1e6


def quantiles(took: Any) -> dict[str, float]:
    half, high = np.quantile(took, [0.5, 0.99])
    return {"p50": float(half), "p99": float(high)}


def _resident() -> float:
    """Memory of this process that is not shared with files, megabytes."""
    try:
        status = Path("/proc/self/status").read_text()
        return float(status.split("RssAnon:")[1].split()[0]) / 1024
    except (OSError, IndexError):
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def table(found: dict[str, Any]) -> str:
    """The figures, for a person."""
    lines = [
        f"{found['accounts']:,} accounts, {found['values']:,} values, {found['rings']:,} rings: "
        f"{found['bytes_per_account']:.0f} bytes per account on disk, opened in "
        f"{found['open_s']:.3f} s ({found['open_verified_s']:.2f} s with checksums), "
        f"{found['mapped_mb']:.0f} MB of its own per worker, and {found['overlay_mb']:.0f} MB more "
        f"for {NEWCOMERS:,} newcomers.",
        "",
        f"| of a sign-up with {found['values_of_a_signup']:.0f} values | p50 us | p99 "
        "| p99 of the processor's time |",
        "|---|---|---|---|",
    ]
    words = {
        "dictionary": "a bare look-up of its values in a dictionary",
        "normalise": "reading and hashing the row",
        "score": "scoring it",
        "score_one_less": "scoring it with a device that nobody knows",
        "score_unknown": "scoring one whose every value is new",
    }
    lines += [
        f"| {title} | {found[name]['p50']:.0f} | {found[name]['p99']:.0f} "
        f"| {found[name]['cpu_p99']:.0f} |"
        for name, title in words.items()
    ]
    if "hop" in found:
        lines += [
            f"| {title} | {found[name]['p50']:.0f} | {found[name]['p99']:.0f} | |"
            for name, title in (
                ("score_in_turns", "scoring it, in turns with"),
                ("hop", "one hop of Cypher on a warm local Neo4j"),
            )
        ]
    return "\n".join(lines)
