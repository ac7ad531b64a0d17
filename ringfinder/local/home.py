"""What a local server is: its directory, its options, its ports, its password."""

from __future__ import annotations

import hashlib
import json
import os
import secrets
import socket
from collections.abc import Mapping
from contextlib import ExitStack
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from ringfinder.errors import InputError, StoreError

HOST = "127.0.0.1"
USER = "neo4j"
MIB = 1 << 20
SMALLEST_HEAP = 256 * MIB
_ROUNDS = 1024  # of the hash that Neo4j keeps of a password


@dataclass(frozen=True, slots=True)
class Options:
    """How to start a server.

    Attributes
    ----------
    bolt_port, http_port
        None: the ports of last time where they are free, else any free ones.
    memory
        The Java heap, in bytes. The process takes about 200 MB more.
    page_cache
        What Neo4j keeps of its files in memory, in bytes, beside the heap.
    timeout_s
        How long it may take until it answers.
    cache
        Where the jars are kept; the user's cache directory if None.
    jars, settings
        Further jars for the class path (plugins), and lines of neo4j.conf.
    """

    bolt_port: int | None = None
    http_port: int | None = None
    memory: int = 512 * MIB
    page_cache: int = 128 * MIB
    timeout_s: float = 120.0
    cache: Path | None = None
    jars: tuple[Path, ...] = ()
    settings: Mapping[str, str] = field(default_factory=dict)

    def check(self) -> None:
        """Refuse what Neo4j cannot start with.

        Raises
        ------
        InputError
            If there is too little memory, or both ports are one.
        """
        if self.memory < SMALLEST_HEAP:
            raise InputError(f"Neo4j needs a heap of at least {SMALLEST_HEAP // MIB} MiB.")
        if self.bolt_port is not None and self.bolt_port == self.http_port:
            raise InputError("--bolt-port and --http-port are one number; give two.")


@dataclass(frozen=True, slots=True)
class Server:
    """A local server: where it answers, and how to log in.

    Attributes
    ----------
    uri, user, password_file
        For the driver, and the settings `store`, `neo4j_user` and `neo4j_password_file`.
    browser
        Where Neo4j Browser is.
    pid
        The process; None where none runs.
    """

    uri: str
    user: str
    password_file: Path
    browser: str
    pid: int | None = None

    @property
    def password(self) -> str:
        """The password, from its file."""
        return self.password_file.read_text(encoding="utf-8").strip()

    def to_dict(self) -> dict[str, str]:
        """Return what a program needs to connect, as plain JSON values."""
        return {
            "uri": self.uri,
            "user": self.user,
            "password_file": str(self.password_file),
            "browser": self.browser,
        }


@dataclass(frozen=True, slots=True)
class State:
    """What server.json remembers between two calls; `pid` is None once the server is ended."""

    bolt_port: int
    http_port: int
    memory: int
    pid: int | None = None


class Home:
    """The directory of one local server."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory.resolve()
        self.password_file = self.directory / "password"
        self.conf = self.directory / "conf" / "neo4j.conf"
        self.logs = self.directory / "logs"
        self.console = self.logs / "console.log"
        self.temporary = self.directory / "tmp"
        self._state = self.directory / "server.json"

    def exists(self) -> bool:
        """Return whether a server was ever started here."""
        return self._state.exists()

    def make(self) -> None:
        """Make the directory, for its owner only."""
        self.directory.mkdir(parents=True, exist_ok=True, mode=0o700)
        self.directory.chmod(0o700)
        for name in ("conf", "data/dbms", "import", "logs", "plugins", "tmp"):
            (self.directory / name).mkdir(parents=True, exist_ok=True)

    def read_state(self) -> State | None:
        """Return what is remembered; None where nothing is, or it is unreadable."""
        try:
            return State(**json.loads(self._state.read_text(encoding="utf-8")))
        except (OSError, ValueError, TypeError):
            return None

    def write_state(self, state: State) -> None:
        """Remember, in one step: a reader sees the old or the new."""
        new = self._state.with_suffix(".new")
        new.write_text(json.dumps(asdict(state)) + "\n", encoding="utf-8")
        new.replace(self._state)

    def server(self, state: State, *, pid: int | None) -> Server:
        """Return the server that listens on the ports of `state`."""
        return Server(
            uri=f"neo4j://{HOST}:{state.bolt_port}",
            user=USER,
            password_file=self.password_file,
            browser=f"http://{HOST}:{state.http_port}/browser/",
            pid=pid,
        )

    def prepare_password(self) -> None:
        """Make the password before the first start; afterwards the file must be there.

        Raises
        ------
        StoreError
            If the store has a password that is no longer known.
        """
        if (self.directory / "data" / "databases" / "system").exists():
            if not self.password_file.exists():
                raise StoreError(
                    f"The store in {self.directory} has a password, but the file "
                    f"{self.password_file} that held it is gone: put it back, or remove the "
                    "directory to begin anew."
                )
            return
        if not self.password_file.exists():
            _write_private(self.password_file, secrets.token_urlsafe(24) + "\n")
        password = self.password_file.read_text(encoding="utf-8").strip()
        # What `neo4j-admin dbms set-initial-password` would write, without starting a Java for it:
        # no moment passes in which the server can be entered with a known password.
        _write_private(self.directory / "data" / "dbms" / "auth.ini", _credential(password))

    def write_conf(self, state: State, options: Options) -> None:
        """Write neo4j.conf."""
        lines = {**_settings(state, options), **options.settings}
        text = "".join(f"{name}={value}\n" for name, value in lines.items())
        self.conf.write_text(text, encoding="utf-8")


def _settings(state: State, options: Options) -> dict[str, str]:
    bolt, http = f"{HOST}:{state.bolt_port}", f"{HOST}:{state.http_port}"
    return {
        "server.default_listen_address": HOST,
        "server.default_advertised_address": HOST,
        "server.bolt.listen_address": bolt,
        "server.bolt.advertised_address": bolt,
        "server.http.listen_address": http,
        "server.http.advertised_address": http,
        "server.http.x_forward.enabled": "false",
        "server.memory.pagecache.size": str(options.page_cache),
        # Nobody is told that this server exists, nor what it does.
        "dbms.usage_report.enabled": "false",
        "client.allow_telemetry": "false",
        "dbms.fleet_manager.enabled": "false",
        "server.fleet_discovery.enabled": "false",
        # A page on another site must not speak to it, nor Cypher read files.
        "dbms.security.http_access_control_allow_origin": f"http://{http}",
        "dbms.security.allow_csv_import_from_file_urls": "false",
        # Queries carry values; a laptop has no half gigabyte for an empty log.
        "db.logs.query.enabled": "OFF",
        "db.tx_log.preallocate": "false",
        "db.tx_log.rotation.retention_policy": "256M size",
    }


def _write_private(path: Path, text: str) -> None:
    path.unlink(missing_ok=True)
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        file.write(text)


def _credential(password: str) -> str:
    salt = secrets.token_bytes(32)
    digest = salt + password.encode()
    for _ in range(_ROUNDS):
        digest = hashlib.sha256(digest).digest()
    return f"{USER}:SHA-256,{digest.hex().upper()},{salt.hex().upper()},{_ROUNDS}:\n"


def choose_ports(options: Options, last: State | None) -> tuple[int, int]:
    """Return the ports for Bolt and HTTP: the ones asked for, those of last time, or free ones.

    Raises
    ------
    InputError
        If a port that was asked for is taken.
    """
    asked = {"--bolt-port": options.bolt_port, "--http-port": options.http_port}
    for flag, port in asked.items():
        if port is not None and not is_free(port):
            raise InputError(
                f"The port {port} of {flag} is taken by another program. Name another one, or "
                f"leave {flag} out to have a free one chosen."
            )
    before = (last.bolt_port, last.http_port) if last else (None, None)
    chosen: list[int] = []
    for want, old in zip(asked.values(), before, strict=True):
        kept = old if old is not None and old not in asked.values() and is_free(old) else None
        chosen.append(want or kept or 0)
    free = iter(_free_ports(2))
    bolt, http = (port or next(free) for port in chosen)
    return bolt, http


def is_free(port: int) -> bool:
    """Return whether a server may listen on a port of this machine's own address."""
    with socket.socket() as probe:
        # As Java does: a port that waits out its last connection is free.
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((HOST, port))
        except OSError:
            return False
        return True


def _free_ports(count: int) -> list[int]:
    with ExitStack() as stack:
        probes: list[Any] = [stack.enter_context(socket.socket()) for _ in range(count)]
        for probe in probes:
            probe.bind((HOST, 0))
        return [probe.getsockname()[1] for probe in probes]
