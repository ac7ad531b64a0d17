"""The API under load, beside a bare FastAPI echo of the same body in the same run.

    python -m tests.bench serve [--accounts 1000000] [--home DIR] [--seconds 60]

Prints throughput (closed loop), latency at 500 a second (open loop), both also as processor
time a request, which a busy machine distorts less: of worker, journal writer and projector, the
last until it has caught up; then the same under disturbances. The
world is made, loaded and recomputed first unless `--home` names a data directory with a
snapshot. Load generator, echo and service share this machine.
"""

from __future__ import annotations

import argparse
import itertools
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
from contextlib import closing, contextmanager
from pathlib import Path

from ringfinder.journal import Reader
from ringfinder.publish import snapshots
from ringfinder.simulate import WorldSpec, simulate

sys.path.insert(0, str(Path(__file__).parents[1]))
from served import ROOT, Served, serving

TICK = os.sysconf("SC_CLK_TCK")
RATE = 500
ROLES = ("worker", "writer", "projector")


def main(arguments: list[str]) -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.bench serve")
    parser.add_argument("--accounts", type=int, default=1_000_000)
    parser.add_argument("--home", type=Path)
    parser.add_argument("--seconds", type=float, default=60.0)
    given = parser.parse_args(arguments)
    with tempfile.TemporaryDirectory() as folder:
        home = given.home or make_home(Path(folder), given.accounts)
        bodies = make_bodies(Path(folder) / "bodies.jsonl")
        with echo_server() as echo, serving(home, key_rate=10**6, probing_limit=10**6) as served:
            bench = Bench(served, echo, bodies, given.seconds)
            print(f"load of the machine: {os.getloadavg()[0]:.1f}")
            bench.closed()
            bench.open("undisturbed")
            bench.slow_sockets()
            bench.swaps(home)
            bench.recompute(home)
            bench.stalled()
        with silent_port() as port, echo_server() as echo:
            copy = Path(folder) / "hole"
            shutil.copytree(home, copy, ignore=shutil.ignore_patterns("journal", "run", "*.log"))
            store = f"bolt://127.0.0.1:{port}"
            with serving(copy, key_rate=10**6, probing_limit=10**6, store=store) as served:
                Bench(served, echo, bodies, given.seconds).open("Neo4j black-holed")
    return 0


def make_home(folder: Path, accounts: int) -> Path:
    """A data directory with a snapshot of a world of so many accounts."""
    files = folder / "world"
    steps = [
        ["simulate", "--accounts", accounts, "--seed", 3, "--out", files],
        ["load", files / "signups.parquet", "--usage", files / "usage.parquet",
         "--data-dir", folder / "home"],
        ["recompute", "--data-dir", folder / "home"],
    ]  # fmt: skip
    for step in steps:
        began = time.perf_counter()
        words = [sys.executable, "-m", "ringfinder", *map(str, step)]
        subprocess.run(words, check=True, cwd=ROOT, stdout=subprocess.DEVNULL)
        print(f"{step[0]}: {time.perf_counter() - began:.1f} s", flush=True)
    return folder / "home"


def make_bodies(path: Path) -> Path:
    """Sign-ups of another world, one a line, with ``%d`` in their names.

    So many that a run sends hardly any of them twice: the same people again are a fleet.
    """
    rows = simulate(WorldSpec(accounts=120_000, seed=4))["signups"].to_pylist()
    with path.open("w") as file:
        for row in rows:
            body = {name: value for name, value in row.items() if value is not None}
            body.pop("closed_at", None)
            when = body["created_at"].isoformat().replace("+00:00", "Z")
            body |= {"account_id": "n-%d", "event_id": "n-%d", "created_at": when}
            file.write(json.dumps(body, ensure_ascii=False) + "\n")
    return path


class Bench:
    def __init__(self, served: Served, echo: tuple[int, int], bodies: Path, seconds: float) -> None:
        self.served, self.echo, self.bodies, self.seconds = served, echo, bodies, seconds
        self.many, self.sent = sum(1 for _ in bodies.open()), 0
        self.port = int(served.url.rpartition(":")[2])
        time.sleep(1.2)  # the keys are read once a second

    def load(self, which: str, *, rate: float, connections: int = 32, seconds: float = 0) -> dict:
        ours = which == "ringfinder"
        wanted = {
            "port": self.port if ours else self.echo[0],
            "path": "/v1/signups" if ours else "/echo",
            "key": self.served.key if ours else "", "bodies": str(self.bodies), "rate": rate,
            "connections": connections, "seconds": seconds or self.seconds,
            # numbers never seen before, and the body after the last one that was sent
            "first": time.time_ns() // 1000 // self.many * self.many + self.sent,
        }  # fmt: skip
        parts = (
            {role: self.served.children(role) for role in ROLES}
            if ours
            else {"worker": [self.echo[1]]}
        )
        before = {role: sum(map(processor_s, pids)) for role, pids in parts.items()}
        ran = subprocess.run(
            [sys.executable, "-m", "tests.bench.http_load"], input=json.dumps(wanted), text=True,
            capture_output=True, check=True, cwd=ROOT,
        )  # fmt: skip
        found = json.loads(ran.stdout)
        if ours:
            self.sent += found["answers"]
            self.caught_up()
        for role, pids in parts.items():
            took = sum(map(processor_s, pids)) - before[role]
            found[f"{role}_us"] = round(1e6 * took / found["answers"])
        return found

    def caught_up(self, seconds: float = 60.0) -> None:
        """Wait until the graph has what was accepted, but not for ever."""
        deadline = time.monotonic() + seconds
        with closing(Reader(self.served.home / "journal")) as reader:
            while reader.lag().events and time.monotonic() < deadline:
                time.sleep(0.1)

    def pair(self, what: str, **options: float) -> tuple[dict, dict]:
        """Ours and the echo's, one after the other, so that neither takes from the other."""
        found = {which: self.load(which, **options) for which in ("echo", "ringfinder")}
        for which, one in found.items():
            print(
                f"{what:24}{which:11}{one['per_second']:9.0f}/s  p50 {one['p50_ms']:7.2f} ms  "
                f"p99 {one['p99_ms']:7.2f} ms  max {one['max_ms']:7.1f} ms  "
                f"{one['worker_us']:5} us cpu", flush=True,
            )  # fmt: skip
        ours = found["ringfinder"]
        print(
            f"{'':35}accepted {ours['accepted'] / ours['answers']:.2%}, "
            f"degraded {ours['degraded']}, lost {ours['lost']}, status {ours['status']}, "
            f"writer {ours['writer_us']} us, projector {ours['projector_us']} us"
        )
        return found["echo"], ours

    def closed(self) -> None:
        echo, ours = self.pair("closed loop", rate=0, seconds=min(self.seconds, 15))
        share = echo["worker_us"] / ours["worker_us"]
        print(f"{'':35}{ours['per_second'] / echo['per_second']:.0%} of the echo's throughput, "
              f"{share:.0%} by the worker's processor time")  # fmt: skip

    def open(self, what: str) -> None:
        self.pair(f"{RATE}/s, {what}", rate=RATE, seconds=self.seconds)

    def slow_sockets(self) -> None:
        with trickling(500, self.port), trickling(500, self.echo[0]):
            self.pair(f"{RATE}/s, 500 slow sockets", rate=RATE, seconds=min(self.seconds, 20))

    def swaps(self, home: Path) -> None:
        path = snapshots.current(home / "snapshots")
        other = path.with_name(f"{path.name}-b")
        shutil.copytree(path, other, dirs_exist_ok=True)
        stop = threading.Event()

        def swap() -> None:
            names = [other.name, path.name]
            while not stop.wait(1.0):
                (home / "snapshots" / "current").write_text(f"{names[0]}\n")
                names.reverse()

        swapping = threading.Thread(target=swap)
        swapping.start()
        self.pair(f"{RATE}/s, swaps each s", rate=RATE, seconds=min(self.seconds, 20))
        stop.set()
        swapping.join()
        (home / "snapshots" / "current").write_text(f"{path.name}\n")

    def recompute(self, home: Path) -> None:
        words = ["nice", "-n", "19", sys.executable, "-m", "ringfinder", "recompute", "--data-dir"]
        running = subprocess.Popen([*words, str(home)], cwd=ROOT, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)  # fmt: skip  # noqa: E501
        self.pair(f"{RATE}/s, recompute", rate=RATE, seconds=min(self.seconds, 20))
        running.terminate()
        running.wait()

    def stalled(self) -> None:
        """The writer stands still, as it does while the disk does: how late is the latest?"""
        writer = self.served.children("writer")[0]
        os.kill(writer, signal.SIGSTOP)
        try:
            found = self.load("ringfinder", rate=100, seconds=5)
        finally:
            os.kill(writer, signal.SIGCONT)
        print(
            f"{'disk stalled, 100/s':24}{'ringfinder':11}max {found['max_ms']} ms, p99 "
            f"{found['p99_ms']} ms, accepted {found['accepted']}, answers {found['answers']}"
        )


@contextmanager
def echo_server():
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    process = subprocess.Popen([sys.executable, "-m", "tests.bench.echo_server", str(port)], cwd=ROOT)  # fmt: skip  # noqa: E501
    try:
        deadline = time.monotonic() + 30
        while time.monotonic() < deadline:
            try:
                socket.create_connection(("127.0.0.1", port)).close()
                break
            except OSError:
                time.sleep(0.1)
        yield port, process.pid
    finally:
        process.terminate()
        process.wait()


@contextmanager
def trickling(sockets: int, port: int):
    """Connections that send a byte a second each, spread over it, and come again when cut off."""
    stop = threading.Event()

    def trickle() -> None:
        there = [socket.create_connection(("127.0.0.1", port)) for _ in range(sockets)]
        for at in itertools.cycle(range(sockets)):
            if stop.wait(1.0 / sockets):
                break
            try:
                there[at].send(b"P" if at % 2 else b"G")
            except OSError:
                there[at].close()
                there[at] = socket.create_connection(("127.0.0.1", port))
        for one in there:
            one.close()

    thread = threading.Thread(target=trickle)
    thread.start()
    time.sleep(2)
    try:
        yield
    finally:
        stop.set()
        thread.join()


@contextmanager
def silent_port():
    """A port that takes connections and never says anything."""
    with socket.create_server(("127.0.0.1", 0)) as hole:
        yield hole.getsockname()[1]


def processor_s(pid: int) -> float:
    """Processor time of a process so far, in seconds."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / TICK
