"""The one place that opens graph stores: from an address to a `GraphStore`."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from urllib.parse import SplitResult, unquote, urlsplit

from ringfinder.errors import InputError
from ringfinder.store.embedded import EmbeddedStore
from ringfinder.store.protocol import GraphStore

SCHEMES = ("neo4j", "neo4j+s", "neo4j+ssc", "bolt", "bolt+s", "bolt+ssc")
"""How the address of a Neo4j may begin; `+s`: encrypted."""

_EXPECTED = "Expected: embedded:PATH or neo4j://HOST[:PORT][/DATABASE] (also neo4j+s, bolt, bolt+s)"


@dataclass(frozen=True, slots=True)
class StoreAddress:
    """Where a graph is kept.

    Attributes
    ----------
    path
        File of an embedded store; None for a Neo4j.
    uri
        What the Neo4j driver connects to, without the database; None for an embedded store.
    database
        Database of the Neo4j; None: the user's home database.
    """

    path: Path | None = None
    uri: str | None = None
    database: str | None = None

    def __str__(self) -> str:
        """Return the address as it may be given."""
        if self.path is not None:
            return f"embedded:{self.path}"
        return f"{self.uri}/{self.database}" if self.database else str(self.uri)


def parse_address(address: str | None, *, data_dir: Path) -> StoreAddress:
    """Return what the address of a store means.

    Parameters
    ----------
    address
        ``embedded:PATH`` or ``neo4j://HOST[:PORT][/DATABASE]``; None: graph.duckdb in
        `data_dir`.
    data_dir
        The data directory.

    Raises
    ------
    InputError
        If it is neither, or holds credentials; they are not repeated.
    """
    if address is None:
        return StoreAddress(path=data_dir / "graph.duckdb")
    address = address.strip()
    scheme, colon, rest = address.partition(":")
    if scheme == "embedded" and colon and rest:
        return StoreAddress(path=Path(rest).expanduser())
    if scheme.lower() in SCHEMES and rest.startswith("//"):
        return _neo4j(address)
    # Not repeated: what is no address may be a password that got into the wrong variable.
    raise InputError(f"The setting store is no address of a store. {_EXPECTED}.")


def open_store(
    address: str | None,
    *,
    data_dir: Path,
    user: str = "neo4j",
    password: str | None = None,
    allow_plain: bool = False,
    memory_mb: int = 2048,
    threads: int | None = None,
    wait_s: float = 30.0,
    remember_names: bool = False,
) -> GraphStore:
    """Open the store of an address.

    Parameters
    ----------
    address, data_dir
        See `parse_address`.
    user, password
        For a Neo4j.
    allow_plain
        Whether a Neo4j on another host may be spoken to unencrypted.
    memory_mb, threads, wait_s
        What an embedded store may use before it spills to disk, on how many cores (None: all),
        and how long it waits for other processes.
    remember_names
        Whether an embedded store is written to for hours: see `EmbeddedStore`.

    Raises
    ------
    InputError
        If the address is unusable, or what it needs is not set.
    StoreUnavailable
        If the store cannot be reached now.
    """
    where = parse_address(address, data_dir=data_dir)
    if where.path is not None:
        return EmbeddedStore(
            where.path,
            memory_mb=memory_mb,
            threads=threads,
            wait_s=wait_s,
            remember_names=remember_names,
        )
    if password is None:
        raise InputError(
            f"The store {where} needs a password: set RINGFINDER_NEO4J_PASSWORD or "
            "--neo4j-password-file."
        )
    from ringfinder.store.neo4j import Neo4jStore  # noqa: PLC0415 the driver takes a while

    return Neo4jStore(
        str(where.uri),
        user=user,
        password=password,
        database=where.database,
        allow_plain_remote=allow_plain,
    )


def _neo4j(address: str) -> StoreAddress:
    try:
        parts = urlsplit(address)
        host, port = parts.hostname, parts.port
    except ValueError:
        raise InputError(f"The setting store has an unusable host or port. {_EXPECTED}.") from None
    if parts.username is not None or parts.password is not None:
        raise InputError(
            "The setting store holds credentials, which others could read there: take them out, "
            "and set RINGFINDER_NEO4J_USER and RINGFINDER_NEO4J_PASSWORD or --neo4j-password-file."
        )
    database = unquote(parts.path.strip("/"))
    if not host or parts.query or parts.fragment or "/" in database:
        raise InputError(f"The setting store is no address of a Neo4j. {_EXPECTED}.")
    return StoreAddress(uri=_uri(parts, host, port), database=database or None)


def _uri(parts: SplitResult, host: str, port: int | None) -> str:
    shown = f"[{host}]" if ":" in host else host
    return f"{parts.scheme}://{shown}" + ("" if port is None else f":{port}")
