"""Seconds per step of a nightly run out of a store.

    python -m tests.bench nightly [--accounts 200000] [--store ADDRESS] [--touched]

A world is made and loaded into a fresh data directory; then `ringfinder recompute` runs as a
process of its own: a first time; `--touched` with a day more; and all anew with another day,
when rings have names. A Neo4j's
password comes from RINGFINDER_NEO4J_PASSWORD; its graph must be empty.
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

from ringfinder.config import load
from ringfinder.simulate import WorldSpec, simulate
from ringfinder.store.open import open_store
from tests.bench.results import keep, markdown
from tests.nights import DAY_MS, PEPPER, fill, open_home

FIRST = 101
LAST_MS = 1_767_571_200_000 + 89 * DAY_MS
"""When the last day of every world begins."""


def main(arguments: Sequence[str]) -> int:
    parser = argparse.ArgumentParser(prog="tests.bench nightly", description=__doc__)
    parser.add_argument("--accounts", type=int, default=200_000)
    parser.add_argument("--store", help="address of an empty Neo4j; embedded if not given")
    parser.add_argument("--check", action="store_true", help="compare graph and events, too")
    given = parser.parse_args(arguments)
    with tempfile.TemporaryDirectory() as scratch:
        home = Path(scratch) / "home"
        loaded = load_world(home, given.accounts, given.store)
        words = () if given.check else ("--no-check",)
        first = recompute(home, given.store, *words)
        add_a_day(home, given.accounts, given.store, LAST_MS - DAY_MS)
        touched = recompute(home, given.store, "--touched", *words)
        add_a_day(home, given.accounts, given.store, LAST_MS)
        second = recompute(home, given.store, *words)
    figures = {"load": loaded, "first": first, "touched": touched, "second": second}
    keep("nightly", f"{given.accounts}", {"store": given.store or "embedded", **figures})
    print(table(figures))
    return 0


def load_world(home: Path, accounts: int, store: str | None) -> float:
    """Load all but the world's last two days; return how many seconds that took."""
    world = simulate(spec(accounts))
    opened = open_home(home, opened_store(home, store))
    begun = time.perf_counter()
    fill(opened, world, until_ms=LAST_MS - DAY_MS)
    opened.close()
    return round(time.perf_counter() - begun, 1)


def add_a_day(home: Path, accounts: int, store: str | None, begin_ms: int) -> None:
    opened = open_home(home, opened_store(home, store))
    fill(opened, simulate(spec(accounts)), after_ms=begin_ms, until_ms=begin_ms + DAY_MS)
    opened.close()


def spec(accounts: int) -> WorldSpec:
    return WorldSpec(accounts=accounts, seed=FIRST, smallest_fleet=10)


def opened_store(home: Path, address: str | None) -> Any:
    if address is None:
        return None
    settings = load({"store": address})
    return open_store(
        address, data_dir=home, user=settings.neo4j_user, password=settings.read_neo4j_password()
    )


def recompute(home: Path, store: str | None, *words: str) -> dict[str, Any]:
    """Run one night in a process of its own; return its summary and its peak memory."""
    command = [sys.executable, "-m", "ringfinder", "recompute", "--json", "--data-dir", str(home)]
    command += ["--store", store] if store else []
    environment = {**os.environ, "RINGFINDER_PEPPER": PEPPER.key.decode()}
    with tempfile.TemporaryFile() as said:
        process = subprocess.Popen((*command, *words), stdout=said, env=environment)
        _, status, used = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
        if process.returncode:
            raise subprocess.CalledProcessError(process.returncode, command)
        said.seek(0)
        summary = json.loads(said.read())
    wanted = ("steps", "seconds", "accounts", "flagged", "touched", "changes", "in_force")
    unit = 1 if sys.platform == "darwin" else 1024
    return {name: summary[name] for name in wanted} | {
        "peak_mb": round(used.ru_maxrss * unit / 1e6),
        "processor": round(used.ru_utime + used.ru_stime, 1),
    }


def table(figures: dict[str, Any]) -> str:
    """Steps down, runs across."""
    runs = {name: one for name, one in figures.items() if name != "load"}
    steps = list(dict.fromkeys(step for one in runs.values() for step in one["steps"]))
    rows = [
        [step, *(f"{one['steps'].get(step, 0):.1f} s" for one in runs.values())] for step in steps
    ]
    for name, unit in (("seconds", "s"), ("processor", "s"), ("peak_mb", "MB"), ("touched", "")):
        rows.append([name, *(f"{one[name]} {unit}".strip() for one in runs.values())])
    return f"loaded in {figures['load']} s\n\n" + markdown(["step", *runs], rows)
