"""Durable commits per second, beside bare SQLite: ``python -m tests.bench journal``."""

from __future__ import annotations

import argparse
import asyncio
import os
import sqlite3
import subprocess
import sys
import tempfile
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from journals import entry_of, writer_at

from ringfinder.journal import Entry, Journal
from ringfinder.store import EventType

SECONDS = 5.0


def main(arguments: list[str]) -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.bench journal", description=__doc__)
    parser.add_argument("--clients", type=int, default=2, help="processes that commit")
    parser.add_argument("--tasks", type=int, default=100, help="concurrent commits of each")
    parser.add_argument("--seconds", type=float, default=SECONDS)
    parser.add_argument("--load", nargs=3, help=argparse.SUPPRESS)
    given = parser.parse_args(arguments)
    if given.load:
        home, name, seconds = given.load
        asyncio.run(load(Path(home), name, given.tasks, float(seconds)))
        return 0
    with tempfile.TemporaryDirectory(prefix="bench-journal-") as directory:
        home = Path(directory)
        report("one fdatasync of 4 KiB", syncs(home, given.seconds / 2))
        report("bare SQLite, a row a commit", bare(home, given.seconds / 2))
        with writer_at(home):
            report("journal, one client, one at a time", alone(home, given.seconds / 2))
            name = f"journal, {given.clients} processes x {given.tasks} at once"
            report(name, together(home, given.clients, given.tasks, given.seconds))
            asyncio.run(reached(home))
    return 0


def report(name: str, took_s: list[float] | tuple[list[float], float]) -> None:
    latencies, rate = took_s if isinstance(took_s, tuple) else (took_s, len(took_s) / sum(took_s))
    latencies = sorted(latencies)
    p50, p99 = (latencies[int(len(latencies) * part)] * 1000 for part in (0.5, 0.99))
    print(f"{name:42}{rate:>10,.0f} a second   p50 {p50:7.2f} ms   p99 {p99:7.2f} ms", flush=True)


def timed(work, seconds: float) -> list[float]:
    took, end = [], time.perf_counter() + seconds
    while (start := time.perf_counter()) < end:
        work(len(took))
        took.append(time.perf_counter() - start)
    return took


def syncs(home: Path, seconds: float) -> list[float]:
    descriptor = os.open(home / "raw", os.O_RDWR | os.O_CREAT)
    block = os.urandom(4096)

    def sync(number: int) -> None:
        os.pwrite(descriptor, block, number * 4096)
        os.fdatasync(descriptor)

    took = timed(sync, seconds)
    os.close(descriptor)
    return took


def bare(home: Path, seconds: float) -> list[float]:
    connection = sqlite3.connect(home / "bare.sqlite", isolation_level=None)
    connection.execute("PRAGMA journal_mode = WAL").fetchall()
    connection.execute("PRAGMA synchronous = FULL")
    connection.execute("CREATE TABLE entry (id TEXT PRIMARY KEY, event BLOB, answer BLOB)")
    one = typical(0)

    def commit(number: int) -> None:
        row = (f"e{number}", one.event, one.answer)
        connection.execute("INSERT INTO entry VALUES (?, ?, ?)", row)

    took = timed(commit, seconds)
    connection.close()
    return took


def typical(number: int | str) -> Entry:
    """A sign-up with ten values, and an answer of 900 bytes."""
    small = entry_of(number)
    values = [{"kind": "ip", "pseudonym": f"p1_{i:032x}"} for i in range(10)]
    large = entry_of(number, values=values)
    return Entry(
        EventType.SIGNUPS, small.event_id, small.body_digest, small.account_id, large.event,
        b"a" * 900,
    )  # fmt: skip


def alone(home: Path, seconds: float) -> list[float]:
    async def run() -> list[float]:
        journal = Journal(home / "journal")
        await journal.commit(typical("warm"), 5)
        took, end = [], time.perf_counter() + seconds
        while (start := time.perf_counter()) < end:
            await journal.commit(typical(f"alone{len(took)}"), 5)
            took.append(time.perf_counter() - start)
        await journal.close()
        return took

    return asyncio.run(run())


def together(home: Path, clients: int, tasks: int, seconds: float) -> tuple[list[float], float]:
    command = [sys.executable, "-m", "tests.bench", "journal", "--tasks", str(tasks), "--load"]
    processes = [
        subprocess.Popen([*command, str(home), str(n), str(seconds)], stdout=subprocess.PIPE)
        for n in range(clients)
    ]
    took = [float(line) for p in processes for line in p.communicate()[0].split()]
    return took, len(took) / seconds


async def load(home: Path, name: str, tasks: int, seconds: float) -> None:
    journal = Journal(home / "journal")
    await journal.commit(typical(f"warm{name}"), 30)
    took: list[float] = []
    end = time.perf_counter() + seconds
    one = typical("one")

    async def one_after_the_other(task: int) -> None:
        number = 0
        while (start := time.perf_counter()) < end:
            key = f"load{name}-{task}-{number}"
            digest, account = key.encode(), key
            await journal.commit(
                Entry(EventType.SIGNUPS, key, digest, account, one.event, one.answer), 30
            )
            took.append(time.perf_counter() - start)
            number += 1

    await asyncio.gather(*(one_after_the_other(task) for task in range(tasks)))
    await journal.close()
    print("\n".join(map(str, took)))


async def reached(home: Path) -> None:
    """Say how soon another connection's tail sees an event."""
    journal, other = Journal(home / "journal"), Journal(home / "journal")
    after = await other.last_sequence()
    tail = other.tail(after)
    await anext(tail)  # empty: all there was is told
    delays = []
    for number in range(200):
        waiting = asyncio.ensure_future(anext(tail))
        await asyncio.sleep(0.005)
        await journal.commit(typical(f"tail{number}"), 5)
        start = time.perf_counter()
        await waiting
        delays.append(time.perf_counter() - start)
    report("journal, seen by a tail after", delays)
    await journal.close()
    await other.close()
