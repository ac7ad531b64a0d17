"""API keys: shown once, kept as hashes, with scopes, an expiry and a successor.

A key is ``rfk_ID_SECRET``: the id names it in lists and logs, the secret is 256 random bits.
What is kept is the SHA-256 of the whole. A slow hash (bcrypt, Argon2) defends passwords,
which people choose and others guess; nobody guesses 256 random bits, and a slow hash on
every request would spend the time in which sign-ups must be answered.
"""

from __future__ import annotations

import hashlib
import json
import secrets
import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass, replace
from enum import StrEnum
from pathlib import Path

from ringfinder.errors import InputError, NotFound, StoreUnavailable

PREFIX = "rfk"
FILE = "keys.sqlite"
OVERLAP_MS = 24 * 3600 * 1000
"""How long a key still works after it was rotated, so that callers can change over."""

_TABLE = """
CREATE TABLE IF NOT EXISTS key (
    id TEXT PRIMARY KEY, hash BLOB NOT NULL, name TEXT NOT NULL, scopes TEXT NOT NULL,
    created_ms INTEGER NOT NULL, expires_ms INTEGER, revoked_ms INTEGER, lineage TEXT NOT NULL
) STRICT
"""


class KeyScope(StrEnum):
    """What a key may be allowed to do."""

    SIGNUPS = "signups:write"
    USAGE = "usage:write"
    LABELS = "labels:write"
    RINGS = "rings:read"
    ALLOWANCE = "allowance"
    ADMIN = "admin"


@dataclass(frozen=True, slots=True)
class Key:
    """One key, without its secret.

    Attributes
    ----------
    id
        Its public name, in lists and logs.
    hash
        SHA-256 of the whole key, 32 bytes.
    name
        What a person called it; its successors have the same.
    scopes
        What it may do.
    created_ms, expires_ms, revoked_ms
        Milliseconds since 1970 UTC; None: never.
    lineage
        Id of the first of its successors; at most two keys of a lineage are in force.
    """

    id: str
    hash: bytes
    name: str
    scopes: frozenset[str]
    created_ms: int
    expires_ms: int | None = None
    revoked_ms: int | None = None
    lineage: str = ""

    def in_force(self, now_ms: int) -> bool:
        """Tell whether it may be used at that time."""
        return self.revoked_ms is None and (self.expires_ms is None or now_ms < self.expires_ms)

    def shown(self, now_ms: int) -> dict[str, object]:
        """Return what a person may see of it, as plain JSON values."""
        return {
            "id": self.id,
            "name": self.name,
            "scopes": sorted(self.scopes),
            "created_ms": self.created_ms,
            "expires_ms": self.expires_ms,
            "revoked_ms": self.revoked_ms,
            "in_force": self.in_force(now_ms),
        }


def hash_of(secret: bytes) -> bytes:
    """Return what is kept of a key."""
    return hashlib.sha256(secret).digest()


class KeyStore:
    """The keys of an installation, in one small SQLite file that only its owner can read.

    Parameters
    ----------
    directory
        The data directory; the file is made when the first key is.
    """

    def __init__(self, directory: Path) -> None:
        self.path = directory / FILE

    def create(
        self, name: str, scopes: Sequence[str], *, now_ms: int, expires_ms: int | None = None
    ) -> tuple[Key, str]:
        """Make a key, and return it with the text that is shown this once.

        Raises
        ------
        InputError
            If the name is empty, a scope is unknown or none is given.
        """
        if not name.strip():
            raise InputError("A key needs a name: who or what uses it.")
        unknown = sorted(set(scopes) - set(KeyScope))
        if unknown or not scopes:
            given = f"there is no scope {unknown[0]!r}" if unknown else "no scope was given"
            raise InputError(f"A key needs scopes; {given}. Expected: {', '.join(KeyScope)}.")
        key, secret = _new(name.strip(), frozenset(scopes), now_ms, expires_ms)
        with self._writing() as database:
            _insert(database, key)
        return key, secret

    def rotate(self, id: str, *, now_ms: int, overlap_ms: int = OVERLAP_MS) -> tuple[Key, str]:
        """Make a successor; the key itself ends after the overlap, any older one at once.

        The successor works for as long as the key was made for, from now on.
        """
        with self._writing() as database:
            old = _get(database, id)
            if not old.in_force(now_ms):
                raise InputError(f"The key {id} is not in force, so there is nothing to rotate.")
            span_ms = _span(database, old.lineage)
            expires_ms = None if span_ms is None else now_ms + span_ms
            key, secret = _new(old.name, old.scopes, now_ms, expires_ms)
            key = replace(key, lineage=old.lineage)
            database.execute(
                "UPDATE key SET revoked_ms = ? WHERE lineage = ? AND id <> ? "
                "AND revoked_ms IS NULL",
                (now_ms, old.lineage, id),
            )
            ends = min(now_ms + overlap_ms, old.expires_ms or now_ms + overlap_ms)
            database.execute("UPDATE key SET expires_ms = ? WHERE id = ?", (ends, id))
            _insert(database, key)
        return key, secret

    def revoke(self, id: str, *, now_ms: int) -> Key:
        """End a key; servers notice within seconds. A second time changes nothing."""
        with self._writing() as database:
            _get(database, id)
            database.execute(
                "UPDATE key SET revoked_ms = coalesce(revoked_ms, ?) WHERE id = ?", (now_ms, id)
            )
            return _get(database, id)

    def list(self) -> list[Key]:
        """Return every key ever made, the oldest first; none where no key was made yet."""
        if not self.path.exists() or not self.path.stat().st_size:
            return []  # empty: what was to write the first key found nothing to do
        with self._open() as database:
            rows = database.execute("SELECT * FROM key ORDER BY created_ms, id").fetchall()
        return [_key(row) for row in rows]

    @contextmanager
    def _open(self) -> Iterator[sqlite3.Connection]:
        try:
            with closing(sqlite3.connect(self.path, timeout=5, isolation_level=None)) as database:
                yield database
        except sqlite3.Error as error:
            raise StoreUnavailable(
                f"The keys in {self.path} cannot be used ({error}): look at the disk and the "
                "file's permissions."
            ) from None

    @contextmanager
    def _writing(self) -> Iterator[sqlite3.Connection]:
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            self.path.touch(mode=0o600)
        except OSError as error:
            raise InputError(f"Cannot write {self.path}: {error.strerror}.") from None
        with self._open() as database:
            database.execute("PRAGMA synchronous = FULL")
            database.execute("BEGIN IMMEDIATE")
            database.execute(_TABLE)
            try:
                yield database
            except BaseException:
                database.execute("ROLLBACK")
                raise
            database.execute("COMMIT")


def _new(name: str, scopes: frozenset[str], now_ms: int, expires_ms: int | None) -> tuple[Key, str]:
    id_ = secrets.token_hex(6)
    secret = f"{PREFIX}_{id_}_{secrets.token_urlsafe(32)}"
    key = Key(id_, hash_of(secret.encode()), name, scopes, now_ms, expires_ms, None, id_)
    return key, secret


def _insert(database: sqlite3.Connection, key: Key) -> None:
    database.execute(
        "INSERT INTO key VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
        (key.id, key.hash, key.name, json.dumps(sorted(key.scopes)), key.created_ms,
         key.expires_ms, key.revoked_ms, key.lineage),
    )  # fmt: skip


def _get(database: sqlite3.Connection, id_: str) -> Key:
    row = database.execute("SELECT * FROM key WHERE id = ?", (id_,)).fetchone()
    if row is None:
        raise NotFound(f"There is no key {id_!r}; `ringfinder keys list` shows them.")
    return _key(row)


def _span(database: sqlite3.Connection, lineage: str) -> int | None:
    """Return how long keys of a lineage are made for; None: without an end.

    A rotated key's own expiry is that of its overlap: only its successors know the whole.
    """
    endless, longest = database.execute(
        "SELECT count(*) > count(expires_ms), max(expires_ms - created_ms) FROM key "
        "WHERE lineage = ?",
        (lineage,),
    ).fetchone()
    return None if endless else int(longest)


def _key(row: Sequence[object]) -> Key:
    id_, hash_, name, scopes, created, expires, revoked, lineage = row
    return Key(id_, hash_, name, frozenset(json.loads(str(scopes))), created, expires, revoked, lineage)  # type: ignore[arg-type]  # fmt: skip  # noqa: E501
