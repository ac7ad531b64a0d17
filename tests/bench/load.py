"""Loading files beside reading and normalising them for an audit, in the same run.

    python -m tests.bench load [--accounts 200000] [--rows 10] [--store ADDRESS]

Every measurement is a process of its own: the audit's read and normalise; a load of the
whole into an empty data directory; the same load again, which must change nothing; a load of
a hundredth more; and reading the graph back as the nightly run does. Wall time is what a
person waits, CPU what it costs on a machine that others use, too.
"""

from __future__ import annotations

import argparse
import json
import resource
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

PEPPER = "the pepper of a benchmark, long enough"


def main(arguments: Sequence[str]) -> int:
    parser = argparse.ArgumentParser(prog="tests.bench load", description=__doc__)
    parser.add_argument("--accounts", type=int, default=200_000)
    parser.add_argument("--rows", type=float, default=10.0, help="rows of usage per account")
    parser.add_argument("--store", help="as for `ringfinder load`; its graph is replaced")
    parser.add_argument("--step", choices=sorted(STEPS), help=argparse.SUPPRESS)
    parser.add_argument("--place", type=Path, help=argparse.SUPPRESS)
    given = parser.parse_args(arguments)
    if given.step:
        print(json.dumps(_measured(given.step, given)))
        return 0
    found: dict[str, Any] = {"accounts": given.accounts}
    with tempfile.TemporaryDirectory() as place:
        for step in STEPS:
            words = ["--accounts", str(given.accounts), "--rows", str(given.rows)]
            words += ["--store", given.store] if given.store else []
            found[step] = _in_process([*words, "--step", step, "--place", place])
            print(json.dumps({step: found[step]}), flush=True)
    keep("load", f"{given.accounts}{'-neo4j' if given.store else ''}", found)
    print("\n" + table(found))
    return 0


def _in_process(words: list[str]) -> dict[str, Any]:
    command = [sys.executable, "-m", "tests.bench", "load", *words]
    done = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True)
    found: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return found


def _measured(step: str, given: argparse.Namespace) -> dict[str, Any]:
    files = world(given.accounts, given.rows)
    _day(given)  # made outside of what is measured
    before = resource.getrusage(resource.RUSAGE_SELF)
    begun = time.perf_counter()
    told = STEPS[step](files, given)
    after = resource.getrusage(resource.RUSAGE_SELF)
    cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return {
        "seconds": round(time.perf_counter() - begun, 2),
        "cpu_seconds": round(cpu, 2),
        "peak_mb": after.ru_maxrss // 1024,
    } | told


def world(accounts: int, rows: float, *, seed: int = FIRST) -> Files:
    return simulated(
        f"{accounts:,}", "hard", seed=seed, accounts=accounts, smallest_fleet=10,
        rows_per_account=rows,
    )  # fmt: skip


def _audit(files: Files, given: argparse.Namespace) -> dict[str, Any]:
    from ringfinder.cli.memory import keep_freed_memory
    from ringfinder.normalise import Pepper, normalise, prompt_bands
    from ringfinder.sources import Inputs, read_telemetry

    keep_freed_memory()
    telemetry = read_telemetry(_inputs(files, Inputs), prompt_bands=prompt_bands)
    graph = normalise(telemetry, pepper=Pepper(1, PEPPER.encode()))
    rows = sum(telemetry.record.rows.values())
    return {"rows": rows, "sightings": len(graph.account)}


def _load(files: Files, given: argparse.Namespace) -> dict[str, Any]:
    from ringfinder.cli.memory import keep_freed_memory
    from ringfinder.pipeline.load import load
    from ringfinder.runs import AuditInputs

    keep_freed_memory()
    with _home(given) as home:
        told = load(
            _inputs(files, AuditInputs),
            _settings(given),
            home,
            received_ms=time.time_ns() // 1_000_000,
            rejects_file=given.place / "rejects.jsonl",
        )
    return {"rows": sum(told.recorded.values()) + sum(told.known.values()), "steps": told.seconds}


def _first(files: Files, given: argparse.Namespace) -> dict[str, Any]:
    with _home(given) as home:
        home.store.clear()
    return _load(files, given)


def _more(files: Files, given: argparse.Namespace) -> dict[str, Any]:
    return _load(_day(given), given)


def _day(given: argparse.Namespace) -> Files:
    return world(given.accounts // 100, given.rows, seed=FIRST + 1)


def _read(files: Files, given: argparse.Namespace) -> dict[str, Any]:
    from ringfinder.store import read_attribute_graph

    with _home(given) as home:
        graph = read_attribute_graph(home.log, home.store)
    return {"rows": len(graph.account), "sightings": len(graph.account)}


def _check(files: Files, given: argparse.Namespace) -> dict[str, Any]:
    from ringfinder.pipeline.check import check_graph

    with _home(given) as home:
        assert check_graph(home.log, home.store).found == ()
        return {"rows": home.log.last_sequence}


STEPS = {
    "audit: read and normalise": _audit,
    "load into nothing": _first,
    "load the same again": _load,
    "load a hundredth more": _more,
    "read the graph back": _read,
    "rebuild --check": _check,
}


def _inputs(files: Files, shape: Any) -> Any:
    tables = ("signups", "usage", "payments", "logins")
    return shape(**{name: tuple(getattr(files.inputs(), name)) for name in tables})


def _settings(given: argparse.Namespace) -> Any:
    from ringfinder.config import load

    return load({"data_dir": given.place / "data", "store": given.store, "pepper": PEPPER})


def _home(given: argparse.Namespace) -> Any:
    from ringfinder.pipeline.home import open_home

    return open_home(_settings(given), make=True)


def table(found: dict[str, Any]) -> str:
    rows = []
    for step in STEPS:
        one = found[step]
        steps = one.get("steps", {})
        split = ", ".join(f"{name} {s:.1f}" for name, s in steps.items() if name != "total")
        rows.append(
            (
                step,
                f"{one['rows']:,}",
                f"{one['seconds']:.1f}",
                f"{one['cpu_seconds']:.1f}",
                f"{one['rows'] / max(one['seconds'], 0.01):,.0f}",
                f"{one['peak_mb']:,}",
                split,
            )
        )
    return markdown(("step", "rows", "s", "CPU s", "rows/s", "peak MB", "of which s"), rows)
