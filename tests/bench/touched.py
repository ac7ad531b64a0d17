"""`recompute --touched` beside a search of all within the epoch, and beside learning all anew.

    python -m tests.bench touched [--accounts 20000] [--days 6] [--seeds 101]

A world is loaded but for its last days; one night runs; then each day is added and judged
three ways from the same snapshot: what changed only; everything, against the same held
background; everything, learned anew. Told is how many decisions and rings differ.
"""

from __future__ import annotations

import argparse
import shutil
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from ringfinder.pipeline import anew
from ringfinder.simulate import WorldSpec, simulate
from tests.bench.results import keep, markdown
from tests.nights import DAY_MS, fill, night, open_home, rows_of, snapshot

END_MS = 1_767_571_200_000 + 90 * DAY_MS
OPEN = {"gate_share": 1.0, "gate_old_accounts": 10**9, "gate_organisation_accounts": 10**9,
        "gate_first_share": 1.0}  # fmt: skip
HEAD = ("seed", "day", "accounts", "looked at", "decisions, touched / all", "rings",
        "decisions, touched / anew", "rings", "seconds: touched", "all", "anew")  # fmt: skip


def main(arguments: Sequence[str]) -> int:
    parser = argparse.ArgumentParser(prog="tests.bench touched", description=__doc__)
    parser.add_argument("--accounts", type=int, default=20_000)
    parser.add_argument("--days", type=int, default=6)
    parser.add_argument("--seeds", default="101")
    given = parser.parse_args(arguments)
    rows: list[list[str]] = []
    for seed in map(int, given.seeds.split(",")):
        rows += measure(seed, given.accounts, given.days)
    print("\n" + markdown(HEAD, rows))
    return 0


def measure(seed: int, accounts: int, days: int) -> list[list[str]]:
    world = simulate(WorldSpec(accounts=accounts, seed=seed, smallest_fleet=10))
    rows = []
    with tempfile.TemporaryDirectory() as scratch:
        place = Path(scratch) / "home"
        home = open_home(place)
        fill(home, world, until_ms=END_MS - days * DAY_MS)
        night(home, **OPEN)
        for day in range(1, days + 1):
            begin = END_MS - (days - day + 1) * DAY_MS
            fill(home, world, after_ms=begin, until_ms=begin + DAY_MS)
            found = {}
            for how in ("all", "anew", "touched"):
                there = place if how == "touched" else Path(scratch) / how
                if how != "touched":
                    shutil.copytree(place, there)
                found[how] = one_way(there, day, how)
                if how != "touched":
                    shutil.rmtree(there)
            rows.append(compared(seed, day, found))
            print(rows[-1], flush=True)
    return rows


def one_way(place: Path, day: int, how: str) -> dict[str, Any]:
    """Run a night one way; return what it said of accounts."""
    real = anew.detect_again
    if how == "all":
        anew.detect_again = lambda graph, people, epoch, _, *, seed: real(
            graph, people, epoch, None, seed=seed
        )
    try:
        home = open_home(place)
        one = night(home, day, touched=how != "anew", **OPEN)
    finally:
        anew.detect_again = real
    accounts = rows_of(snapshot(home, one), "accounts")
    return {
        "touched": one.touched,
        "seconds": one.steps["background"] + one.steps["detect"],
        "decision": {row["account_id"]: row["decision"] for row in accounts},
        "ring": {row["account_id"]: row["ring_id"] for row in accounts},
    }


def compared(seed: int, day: int, found: dict[str, dict[str, Any]]) -> list[str]:
    touched = found["touched"]
    accounts = len(touched["decision"])

    def differ(what: str, how: str) -> int:
        other = found[how][what]
        return sum(other[account] != value for account, value in touched[what].items())

    figures = {
        "accounts": accounts, "touched": touched["touched"],
        **{f"{what}_{how}": differ(what, how) / accounts
           for how in ("all", "anew") for what in ("decision", "ring")},
        **{f"seconds_{how}": round(found[how]["seconds"], 1) for how in found},
    }  # fmt: skip
    keep("touched", f"seed {seed}, day {day}", figures)
    shares = [f"{figures[f'{what}_{how}']:.3%}" for how in ("all", "anew")
              for what in ("decision", "ring")]  # fmt: skip
    seconds = [f"{figures[f'seconds_{how}']}" for how in ("touched", "all", "anew")]
    return [str(seed), str(day), f"{accounts:,}", f"{touched['touched']:,}", *shares, *seconds]
