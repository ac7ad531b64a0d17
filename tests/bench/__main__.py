"""Benchmarks, run by hand: ``python -m tests.bench NAME [OPTIONS]``."""

from __future__ import annotations

import importlib
import sys

BENCHES = {
    "quality": "every row of the table of promises: precision, recall, who was flagged",
    "compare": "beside what else could be used: components, Leiden, counting",
    "gds": "beside Graph Data Science in the same Neo4j: seconds, memory, precision, recall",
    "neo4j": "the store in Neo4j: writing and reading per second, beside the plain ways",
    "speed": "time and memory per step over 10k, 100k and 1M accounts, beside a plain scan",
    "load": "files into log and store, beside what an audit takes to read them",
    "ablation": "detection with each step off",
    "identity": "thirty nights with churn, planted splits and mergers: do ids live on",
    "born": "fleets that are being born: accounts until the first alarm; benign sign-ups beside",
    "scoring": "one sign-up: microseconds, memory and time to open, beside a bare look-up",
    "journal": "durable commits per second, beside bare SQLite",
    "crash": "kill -9 of the journal's writer under load, fifty times: nothing lost or doubled",
    "nightly": "seconds per step of a nightly run out of a store, full and touched",
    "touched": "recompute --touched beside a search of all, and beside learning all anew",
    "fit_judge": "fit the weights of the judgement anew",
    "serve": "the API under load and disturbances, beside a bare FastAPI echo",
}
SUBSET = (("quality", "--only", "aws,stars,framing", "--first", "1"), ("speed", "--sizes", "10000"))


def main(arguments: list[str]) -> int:
    if arguments and arguments[0] in BENCHES:
        return run(*arguments)
    print("python -m tests.bench NAME [--help]\n")
    print("\n".join(f"  {name:10}{what}" for name, what in BENCHES.items()))
    if arguments:
        print(f"\nThere is no benchmark {arguments[0]!r}.", file=sys.stderr)
        return 2
    print("\nA small subset, in a few minutes:")
    return max(run(*words) for words in SUBSET)


def run(name: str, *arguments: str) -> int:
    code: int = importlib.import_module(f"tests.bench.{name}").main(list(arguments))
    return code


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
