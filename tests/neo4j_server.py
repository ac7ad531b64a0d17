"""The real Neo4j that tests run on: fixtures ``neo4j_server`` and ``own_neo4j_server``.

Community has one user database, so tests share a server only where they take turns: every
pytest process (every xdist worker) has one of its own, started when the first test asks for
it and ended with the process. A test calls ``neo4j_server.clear()`` before it writes.

``NEO4J_URI`` (with NEO4J_USER, NEO4J_PASSWORD, and NEO4J_BROWSER for what needs Browser) points
at another server, whose database is cleared; with xdist this needs ``--dist loadgroup``.
``NEO4J=0`` (``-m "not neo4j"``) leaves out the tests that use the fixtures, carry the marker or
have the parameter "neo4j".
"""

from __future__ import annotations

import contextlib
import os
import shutil
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import neo4j
import psutil
import pytest

from ringfinder import local
from ringfinder.config import load
from ringfinder.local import process
from ringfinder.local.home import Home

FIXTURES = {"neo4j_server", "own_neo4j_server"}
GROUND = Path(tempfile.gettempdir()) / f"ringfinder-neo4j-{os.getuid()}"
"""A directory for each pytest process, named by its pid."""


@dataclass
class Neo4jServer:
    """A server for tests; `home` is None where it is not ours to start and stop."""

    uri: str
    user: str
    password: str
    browser: str
    home: Path | None = None
    options: local.Options = field(default_factory=local.Options)

    @property
    def pid(self) -> int | None:
        server = local.status(self._own())
        return server.pid if server else None

    @property
    def password_file(self) -> Path:
        return Home(self._own()).password_file

    def start(self) -> None:
        """Start it again, on the same ports; nothing to do where it runs."""
        at = {"bolt_port": _port(self.uri), "http_port": _port(self.browser)}
        values = {name: getattr(self.options, name) for name in local.Options.__slots__}
        local.up(self._own(), local.Options(**values | (at if self.pid is None else {})))

    def stop(self) -> None:
        """Ask it to end, and wait: some ten seconds."""
        local.down(self._own())

    def kill(self) -> None:
        """End it as a power cut would."""
        if self.pid is not None:
            process.kill(self.pid)

    def driver(self) -> neo4j.Driver:
        return neo4j.GraphDatabase.driver(self.uri, auth=(self.user, self.password))

    def clear(self) -> None:
        """Remove every node, relationship, constraint and index."""
        with self.driver() as driver, driver.session() as session:
            session.run(
                "MATCH (n) CALL (n) { DETACH DELETE n } IN TRANSACTIONS OF 10000 ROWS"
            ).consume()
            for row in session.run("SHOW CONSTRAINTS YIELD name").data():
                session.run(f"DROP CONSTRAINT `{row['name']}` IF EXISTS").consume()
            for row in session.run("SHOW INDEXES YIELD name, type").data():
                if row["type"] != "LOOKUP":
                    session.run(f"DROP INDEX `{row['name']}` IF EXISTS").consume()

    def _own(self) -> Path:
        assert self.home is not None, "NEO4J_URI names a server that tests must not start or stop"
        return self.home


@contextlib.contextmanager
def new_neo4j_server(name: str, options: local.Options | None = None) -> Iterator[Neo4jServer]:
    """Start a server of this process, empty, and end and remove it afterwards."""
    sweep()
    home = GROUND / str(os.getpid()) / name
    shutil.rmtree(home, ignore_errors=True)
    options = options or local.Options(cache=load().neo4j_cache)
    try:
        server = local.up(home, options)
        yield Neo4jServer(server.uri, server.user, server.password, server.browser, home, options)
    finally:
        remove(home)


def remove(home: Path) -> None:
    """End the server of a directory, if one runs, and remove the directory."""
    left = local.status(home)
    if left is not None and left.pid is not None:
        process.kill(left.pid)
    shutil.rmtree(home, ignore_errors=True)


def sweep() -> None:
    """End the servers of pytest processes that were killed."""
    for place in GROUND.glob("*"):
        if place.name.isdigit() and not psutil.pid_exists(int(place.name)):
            for home in place.glob("*"):
                remove(home)
            shutil.rmtree(place, ignore_errors=True)


@pytest.fixture(scope="session")
def neo4j_server() -> Iterator[Neo4jServer]:
    """The server of this pytest process; whoever writes clears it first."""
    uri = os.environ.get("NEO4J_URI")
    if uri:
        user = os.environ.get("NEO4J_USER", "neo4j")
        yield Neo4jServer(
            uri, user, os.environ["NEO4J_PASSWORD"], os.environ.get("NEO4J_BROWSER", "")
        )
        return
    with new_neo4j_server("shared") as server:
        yield server


@pytest.fixture(scope="module")
def _module_neo4j_server() -> Iterator[Neo4jServer]:
    with new_neo4j_server("own") as server:
        yield server


@pytest.fixture
def own_neo4j_server(_module_neo4j_server: Neo4jServer) -> Neo4jServer:
    """A server that the test may stop and kill: of its module, running when the test begins."""
    _module_neo4j_server.start()
    return _module_neo4j_server


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Mark what needs a server, and let tests on a given server take turns."""
    ours = [item for item in items if _needs_a_server(item)]
    for item in ours:
        item.add_marker("neo4j")
        if os.environ.get("NEO4J_URI"):
            item.add_marker(pytest.mark.xdist_group("neo4j"))
    dist = config.getoption("dist", "no")
    if ours and os.environ.get("NEO4J_URI") and dist not in {"no", "loadgroup"}:
        raise pytest.UsageError("NEO4J_URI names one server: add --dist loadgroup, or -n 0.")


def _needs_a_server(item: pytest.Item) -> bool:
    if FIXTURES & set(getattr(item, "fixturenames", ())) or item.get_closest_marker("neo4j"):
        return True
    # A test on every store asks for the server once it is told which store it is to be.
    return "neo4j" in getattr(getattr(item, "callspec", None), "params", {}).values()


def _port(address: str) -> int:
    return int(address.split("//")[1].split("/", maxsplit=1)[0].rsplit(":", 1)[1])
