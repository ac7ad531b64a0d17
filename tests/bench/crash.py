"""kill -9 of the journal's writer under load: ``python -m tests.bench crash [--rounds 50]``."""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from journal_crash import crash


def main(arguments: list[str]) -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.bench crash", description=__doc__)
    parser.add_argument("--rounds", type=int, default=50, help="how often the writer is killed")
    parser.add_argument("--clients", type=int, default=2, help="processes that commit")
    parser.add_argument("--seed", type=int, default=0)
    given = parser.parse_args(arguments)
    start = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="crash-") as home:
        outcome = crash(Path(home), given.rounds, seed=given.seed, clients=given.clients)
    print(f"{outcome.rounds} kills of the writer in {time.monotonic() - start:.0f} s")
    print(f"{outcome.acknowledged:>12,} events acknowledged")
    print(f"{outcome.unanswered:>12,} commits that missed their deadline and were sent again")
    print(f"{outcome.repeated:>12,} of those turned out to have been recorded")
    print(f"{outcome.compacted:>12,} moved into the event log by the end")
    print(f"{outcome.lost:>12,} lost, {outcome.doubled:,} doubled, {outcome.strange:,} renumbered")
    print(f"journal and log sound: {outcome.sound}; same graph: {outcome.same_graph}")
    return 0 if outcome.kept else 1
