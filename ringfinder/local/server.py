"""Start, end and ask a local server; one caller at a time."""

from __future__ import annotations

import fcntl
import socket
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from urllib.parse import urlsplit

from ringfinder.errors import InputError, StoreError, StoreUnavailable
from ringfinder.local import process
from ringfinder.local.home import Home, Options, Server, State, choose_ports
from ringfinder.local.jars import fetch
from ringfinder.runs import Progress

_PAUSE_S = 0.1
_LINES = 5  # of the log, in a message


def up(directory: Path, options: Options | None = None, progress: Progress | None = None) -> Server:
    """Start the server of a directory, if it does not run, and wait until it answers.

    Parameters
    ----------
    directory
        Made if missing. Holds the store, the logs and the password.
    options
        Ports that were asked for and memory must be those of a server that runs already.
    progress
        Called with what is being done.

    Raises
    ------
    InputError
        If the extra is not installed, a port is taken, or another server runs there already.
    StoreUnavailable
        If the jars cannot be fetched, or the server does not answer in time.
    StoreError
        If the server ends while it starts.
    """
    options = options or Options()
    options.check()
    home = Home(directory)
    jars = fetch(options.cache, progress=progress)
    home.make()
    with _locked(home):
        last = home.read_state()
        if last is not None and process.is_ours(home, last.pid):
            _check_same(last, options)
            server = home.server(last, pid=last.pid)
            _wait(home, server, options.timeout_s)
            return server
        if progress:
            progress("starting Neo4j", 0.0)
        try:
            return _start(home, jars, options, last)
        except StoreError:
            if not _lost_a_port(home, options):
                raise
        return _start(home, jars, options, None)


def _start(home: Home, jars: tuple[Path, ...], options: Options, last: State | None) -> Server:
    bolt, http = choose_ports(options, last)
    state = State(bolt_port=bolt, http_port=http, memory=options.memory)
    home.prepare_password()
    home.write_conf(state, options)
    pid = process.start(home, process.command(home, jars, options))
    try:
        home.write_state(replace(state, pid=pid))
        server = home.server(state, pid=pid)
        _wait(home, server, options.timeout_s)
    except BaseException:  # Ctrl-C as well: nothing half started stays behind
        process.kill(pid)
        home.write_state(state)
        raise
    return server


def _lost_a_port(home: Home, options: Options) -> bool:
    """Whether a port that was free when it was chosen was taken before the server had it."""
    asked = options.bolt_port is not None and options.http_port is not None
    return not asked and "already in use" in last_words(home)


def _check_same(last: State, options: Options) -> None:
    asked = (options.bolt_port or last.bolt_port, options.http_port or last.http_port)
    if asked != (last.bolt_port, last.http_port) or options.memory != last.memory:
        raise InputError(
            f"The local Neo4j runs already, with --bolt-port {last.bolt_port}, --http-port "
            f"{last.http_port} and --memory {last.memory >> 20}MiB. To have it otherwise, end it "
            "first: ringfinder neo4j down."
        )


def _wait(home: Home, server: Server, timeout_s: float) -> None:
    end = time.monotonic() + timeout_s
    while not answers(server):
        if not process.is_ours(home, server.pid):
            raise StoreError(
                f"The local Neo4j ended while it was starting. The end of its log, in {home.logs}: "
                f"{last_words(home)}"
            )
        if time.monotonic() > end:
            raise StoreUnavailable(
                f"The local Neo4j did not answer within {timeout_s:g} s. The end of its log, in "
                f"{home.logs}: {last_words(home)}"
            )
        time.sleep(_PAUSE_S)


def down(directory: Path, *, timeout_s: float = 60.0) -> bool | None:
    """End the server of a directory and wait until it is gone.

    Returns
    -------
    bool or None
        None where none ran; False where it had to be killed after `timeout_s`, which loses
        nothing that was committed: the next start recovers it.
    """
    home = Home(directory)
    if not home.exists():
        return None
    with _locked(home):
        last = home.read_state()
        if last is None or last.pid is None or not process.is_ours(home, last.pid):
            return None
        gently = process.end(last.pid, timeout_s=timeout_s)
        if not gently:
            process.kill(last.pid)
        home.write_state(replace(last, pid=None))
        return gently


def status(directory: Path) -> Server | None:
    """Return the server of a directory, `pid` None if it does not run; None if there is none."""
    home = Home(directory)
    last = home.read_state()
    if last is None:
        return None
    return home.server(last, pid=last.pid if process.is_ours(home, last.pid) else None)


def answers(server: Server) -> bool:
    """Return whether a query and Browser's page are answered.

    Raises
    ------
    StoreError
        If the server refuses the password.
    """
    import neo4j
    from neo4j.exceptions import AuthError, DriverError, Neo4jError

    if not _listens(server):
        return False
    try:
        with (
            neo4j.GraphDatabase.driver(
                server.uri.replace("neo4j://", "bolt://"),
                auth=(server.user, server.password),
                connection_timeout=2,
            ) as driver,
            driver.session() as session,
        ):
            session.run("RETURN 1").consume()  # execute_query would try for half a minute
        with urllib.request.urlopen(server.browser, timeout=5) as page:  # noqa: S310 http, ours
            return bool(page.status == 200)
    except AuthError:
        raise StoreError(
            f"The local Neo4j does not accept the password in {server.password_file}. If it was "
            "changed in Browser, write the new one into that file."
        ) from None
    except (DriverError, Neo4jError, OSError, urllib.error.URLError):
        return False


def _listens(server: Server) -> bool:
    where = urlsplit(server.uri)
    try:
        with socket.create_connection((where.hostname, where.port or 0), timeout=2):
            return True
    except OSError:
        return False


def last_words(home: Home) -> str:
    """Return the last lines that the server said about itself, in one line."""
    said: list[str] = []
    for path in (home.logs / "neo4j.log", home.console):
        try:
            lines = path.read_text(encoding="utf-8", errors="replace").splitlines()
        except OSError:
            continue
        said += [line.strip() for line in lines if line.strip() and not _is_trace(line)][-_LINES:]
    return " | ".join(said) or "nothing"


def _is_trace(line: str) -> bool:
    return line.startswith(("\tat ", "\t... "))


@contextmanager
def _locked(home: Home) -> Iterator[None]:
    """Let one caller at a time start or end the server; the others wait."""
    with (home.directory / "lock").open("a") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield
