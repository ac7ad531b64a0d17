"""A local Neo4j with Graph Data Science in it, and what it uses while something runs."""

from __future__ import annotations

import shutil
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psutil

from ringfinder import local
from ringfinder.local.home import Home
from ringfinder.local.jars import default_cache, pins, resolve
from tests.bench.speed import _timed

GDS = ("proc", "opengds-extension", "opengds-procedure-facade")
VERSION = "2.26.0"


@contextmanager
def running(directory: Path, heap: int) -> Iterator[local.Server]:
    """Run a local Neo4j with Graph Data Science in it."""
    home = Home(directory)
    home.make()
    jars = gds_jars()
    for jar in jars:
        shutil.copy(jar, directory / "plugins" / jar.name)
    try:
        yield local.up(
            directory,
            local.Options(
                memory=heap,
                page_cache=512 << 20,
                timeout_s=300,
                jars=jars,
                settings={"dbms.security.procedures.unrestricted": "gds.*"},
            ),
        )
    finally:
        local.down(directory)


def gds_jars() -> tuple[Path, ...]:
    """Return the jars of Graph Data Science less those that the server has."""
    there = {tuple(pin.name.split(":")[:2]) for pin in pins()}
    found = resolve([f"org.neo4j.gds:{name}:{VERSION}" for name in GDS])
    return tuple(jar for jar in found if _module(jar) not in there)


def _module(jar: Path) -> tuple[str, str]:
    *group, artifact, _, _ = jar.relative_to(default_cache()).parts
    return ".".join(group), artifact


def with_server(words: list[str], server: local.Server) -> dict[str, Any]:
    """Run Python with these words; what `_timed` tells, the server's part included."""
    before = _processor(server)
    with _watched(server) as peak:
        told = _timed(words)
    told["processor"] = round(told["processor"] + _processor(server) - before, 2)
    return told | {"server_mb": peak[0]}


def _processor(server: local.Server) -> float:
    times = psutil.Process(server.pid).cpu_times()
    spent: float = times.user + times.system
    return spent


@contextmanager
def _watched(server: local.Server) -> Iterator[list[int]]:
    """Note the most memory that the server had meanwhile, in MB."""
    process, peak, done = psutil.Process(server.pid), [0], threading.Event()

    def watch() -> None:
        while not done.wait(0.2):
            peak[0] = max(peak[0], round(process.memory_info().rss / 1e6))

    thread = threading.Thread(target=watch)
    thread.start()
    try:
        yield peak
    finally:
        done.set()
        thread.join()
