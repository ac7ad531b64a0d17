"""The journal's tables, and how a connection to them is opened."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Sequence
from contextlib import closing
from pathlib import Path
from typing import Any, Protocol

from ringfinder.errors import StoreError
from ringfinder.store.files import publish

FORMAT = 1
NAME = "journal.sqlite"
BUSY_MS = 2000
"""How long to wait for a reader that repairs or closes the file."""

# `id` is what the log keeps of event ids, too: 128 bits of SHA-256. The two marks are
# commitments to event and answer under a nonce: what was erased cannot be guessed from
# them. `chain` seals a row and the one before it.
SCHEMA = (
    "CREATE TABLE journal (format INTEGER NOT NULL)",
    "CREATE TABLE block (first INTEGER PRIMARY KEY, last INTEGER NOT NULL)",
    "CREATE TABLE link (name TEXT PRIMARY KEY, sequence INTEGER NOT NULL, chain BLOB NOT NULL)",
    """
    CREATE TABLE entry (
        sequence INTEGER PRIMARY KEY, type TEXT NOT NULL, id BLOB NOT NULL, body BLOB NOT NULL,
        committed_ms INTEGER NOT NULL, event_mark BLOB NOT NULL, answer_mark BLOB NOT NULL,
        chain BLOB NOT NULL,
        nonce BLOB, account_id TEXT, event BLOB, answer BLOB
    )
    """,
    "CREATE UNIQUE INDEX entry_id ON entry (id, type)",
    "CREATE INDEX entry_of ON entry (account_id, type) WHERE account_id IS NOT NULL",
    "CREATE INDEX entry_held ON entry (sequence) WHERE event IS NOT NULL",
)

# Of a journal that was made before: there an account's rows were not told apart by type.
SINCE = (
    SCHEMA[-2].replace("INDEX", "INDEX IF NOT EXISTS"),
    "DROP INDEX IF EXISTS entry_account",
)

PRAGMAS = (
    "PRAGMA journal_mode = WAL",
    "PRAGMA synchronous = FULL",  # a commit returns when it is on the disk
    "PRAGMA secure_delete = ON",  # what is erased leaves no bytes behind
    "PRAGMA wal_autocheckpoint = 0",  # not in the way of a commit: see `Writer`
    "PRAGMA cache_size = -65536",
    f"PRAGMA busy_timeout = {BUSY_MS}",
)


class Connection(Protocol):
    """What the journal asks of SQLite; the tests put a disk that loses writes beneath it."""

    def execute(self, statement: str, parameters: Sequence[Any] = ..., /) -> Any:
        """Run a statement and return its rows."""
        ...

    def executemany(self, statement: str, parameters: Iterable[Sequence[Any]], /) -> Any:
        """Run a statement for each row of parameters."""
        ...

    def close(self) -> None:
        """Close the file."""
        ...


def open_writing(path: Path) -> sqlite3.Connection:
    """Open the file of a journal to write, made first where it is absent."""
    if not path.exists():
        _make(path)
    connection = open_there(path)
    for pragma in PRAGMAS:
        connection.execute(pragma).fetchall()
    return connection


def open_reading(path: Path) -> sqlite3.Connection:
    """Open the file of a journal to read, beside its writer; may be used by any one thread.

    Not read-only in SQLite's sense: that could not read a journal whose writer is away.
    """
    connection = open_there(path)
    connection.execute("PRAGMA query_only = ON")
    connection.execute("PRAGMA busy_timeout = 1000")
    return connection


def open_there(path: Path) -> sqlite3.Connection:
    """Open the file of a journal that is there, without any setting."""
    # mode=rw: a journal that is gone is not made anew by looking at it.
    return sqlite3.connect(
        f"{path.resolve().as_uri()}?mode=rw",
        uri=True,
        isolation_level=None,
        check_same_thread=False,
    )


def inode_of(path: Path) -> int:
    """Return which file has a name, without opening it; 0 where there is none."""
    try:
        return path.stat().st_ino
    except FileNotFoundError:
        return 0


def _make(path: Path) -> None:
    fresh = path.with_name(f"{path.name}.new")
    for old in path.parent.glob(f"{fresh.name}*"):
        old.unlink()
    with closing(sqlite3.connect(fresh, isolation_level=None)) as connection:
        make_tables(connection)
    fresh.chmod(0o600)
    publish(fresh, path)


def make_tables(connection: Connection) -> None:
    """Make the tables of an empty journal."""
    connection.execute("PRAGMA journal_mode = DELETE")
    connection.execute("BEGIN")
    for statement in SCHEMA:
        connection.execute(statement)
    connection.execute("INSERT INTO journal VALUES (?)", (FORMAT,))
    connection.execute("COMMIT")


def bring_up_to_date(connection: Connection) -> None:
    """Give a journal the indexes that came later: once, and a while where it is large."""
    for statement in SINCE:
        connection.execute(statement)


def check_format(connection: Connection, path: Path) -> None:
    """Raise a StoreError unless the file is a journal of this version."""
    rows = connection.execute("SELECT format FROM journal").fetchall()
    if rows != [(FORMAT,)]:
        raise StoreError(
            f"{path} was written by another version of ringfinder; expected format {FORMAT}: "
            "finish it with that version (`ringfinder journal compact`) and move it away"
        )
