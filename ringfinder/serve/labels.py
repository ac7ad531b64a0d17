"""Labels that people give: who gave them, which of them wait for a second person.

An effective label is an event of the journal, and from there in every worker, in the store
and in the next recompute. This desk keeps what is not an event: how many labels a key has
given today, those that wait, and the effective ones that the journal is still to get. One
small SQLite file, so that workers agree; it holds account ids and key ids, and no words. Of
erased accounts it keeps hashes of their labels' event_ids alone, so that a repetition brings
nobody back.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

from ringfinder.durations import DAY_MS
from ringfinder.errors import InputError, NotFound, StoreUnavailable
from ringfinder.score.labels import LabelState, needs_second_person
from ringfinder.score.policy import Label
from ringfinder.serve.errors import Gone, TooMany
from ringfinder.serve.givenlabel import GivenLabel
from ringfinder.store.ids import id_of

FILE = "labels.sqlite"
MOST_WAITING = 1000
"""Labels of one key that wait at a time: all that wait are listed together, and whoever gives
another is held up by those of a day."""
_WAIT_S = 2.0
_TABLE = """
CREATE TABLE IF NOT EXISTS given (
    event_id TEXT PRIMARY KEY, account_id TEXT NOT NULL, label TEXT NOT NULL,
    decided_ms INTEGER NOT NULL, source TEXT, ring_id TEXT, key_id TEXT NOT NULL,
    given_ms INTEGER NOT NULL, state TEXT NOT NULL, second_key_id TEXT, second_ms INTEGER
) STRICT;
CREATE INDEX IF NOT EXISTS by_key ON given (key_id, given_ms);
CREATE INDEX IF NOT EXISTS by_time ON given (given_ms);
CREATE INDEX IF NOT EXISTS by_account ON given (account_id);
CREATE INDEX IF NOT EXISTS waiting ON given (key_id) WHERE state = 'pending';
CREATE TABLE IF NOT EXISTS unrecorded (event_id TEXT PRIMARY KEY) STRICT;
CREATE TABLE IF NOT EXISTS erased (id BLOB PRIMARY KEY) STRICT, WITHOUT ROWID;
"""


Note = Callable[[GivenLabel], object]
"""Told what changes before it does; where it raises, nothing changes."""


class LabelConflict(InputError):
    """The event_id was sent before with another label."""


class SamePerson(InputError):
    """Whoever gave a label cannot be its second person."""

    http_status = 403


class LabelDesk:
    """Where labels are handed in; any number of processes at once.

    Parameters
    ----------
    directory
        The data directory; the file is made when the first label is given.
    """

    def __init__(self, directory: Path) -> None:
        self.path = directory / FILE

    def give(
        self,
        label: GivenLabel,
        ring_of: Callable[[str], str | None] = lambda account_id: None,
        note: Note = lambda given: None,
    ) -> GivenLabel:
        """Take a label in, and return it with its state: effective, or waiting.

        Given again under the same event_id, it is returned as it stands now.

        Parameters
        ----------
        label
            The label.
        ring_of
            The ring that an account is in now: since it was labelled it may have joined one, or
            its ring may have got another name.
        note
            Not told of one that was given before.

        Raises
        ------
        LabelConflict
            If the event_id was used for another label.
        Gone
            If it was given before, and its account was erased since.
        TooMany
            If it would have to wait, and too many of its key do already.
        """
        with self._writing() as connection:
            _check_not_erased(connection, label.event_id)
            earlier = _find(connection, label.event_id)
            if earlier is not None:
                if not earlier.same_words(label):
                    raise LabelConflict("this event_id was sent before with another label")
                return earlier
            since = label.given_ms - DAY_MS
            waits = needs_second_person(
                label.given_ms,
                _times_by_key(connection, label.key_id, since),
                _times_for_ring(connection, label.ring_id, since, ring_of),
            )
            if waits:
                _check_room(connection, label.key_id)
            taken = replace(label, state=LabelState.PENDING if waits else LabelState.EFFECTIVE)
            _insert(connection, taken)
            _await_recording(connection, taken)
            note(taken)
            return taken

    def decide(
        self, event_id: str, *, key_id: str, approve: bool, now_ms: int,
        note: Note = lambda given: None,
    ) -> GivenLabel:  # fmt: skip
        """Let a second person approve or refuse a waiting label, and return it.

        Deciding the same again changes nothing, and `note` is not told.

        Raises
        ------
        NotFound
            If no label of that event_id waits, or waited.
        SamePerson
            If `key_id` gave it.
        InputError
            If it was decided otherwise before.
        Gone
            If its account was erased since.
        """
        wanted = LabelState.EFFECTIVE if approve else LabelState.REFUSED
        with self._writing() as connection:
            _check_not_erased(connection, event_id)
            label = _find(connection, event_id)
            if label is None or (label.state is not LabelState.PENDING and not label.second_ms):
                raise NotFound("no label of this event_id waits for a second person")
            if label.key_id == key_id:
                raise SamePerson("a second person must decide: this key gave the label itself")
            if label.state is not LabelState.PENDING:
                if label.state is wanted:
                    return label
                raise InputError(f"this label was decided before: it is {label.state}")
            decided = replace(label, state=wanted, second_key_id=key_id, second_ms=now_ms)
            connection.execute(
                "UPDATE given SET state = ?, second_key_id = ?, second_ms = ? WHERE event_id = ?",
                (wanted, key_id, now_ms, event_id),
            )
            _await_recording(connection, decided)
            note(decided)
            return decided

    def pending(self) -> list[GivenLabel]:
        """Return the labels that wait for a second person, oldest first."""
        return self._labels("state = ?", LabelState.PENDING)

    def unrecorded(self) -> list[GivenLabel]:
        """Return the effective labels that the journal may not have, oldest first."""
        return self._labels("event_id IN (SELECT event_id FROM unrecorded)")

    def recorded(self, event_id: str) -> None:
        """Take note that the journal has a label.

        Raises
        ------
        Gone
            If its account was erased since it was given.
        """
        with self._writing() as connection:
            _check_not_erased(connection, event_id)
            connection.execute("DELETE FROM unrecorded WHERE event_id = ?", (event_id,))

    def _labels(self, where: str, *values: object) -> list[GivenLabel]:
        if not self.path.exists():
            return []
        with self._open() as connection:
            rows = connection.execute(
                f"SELECT * FROM given WHERE {where} ORDER BY given_ms, event_id", values
            )
            return [_label(row) for row in rows]

    def erase(self, account_id: str) -> int:
        """Forget an account's labels, also in the file's bytes; return how many there were."""
        if not self.path.exists():
            return 0
        with self._writing() as connection:
            gone = connection.execute(
                "DELETE FROM given WHERE account_id = ? RETURNING event_id", (account_id,)
            ).fetchall()
            ids = [(id_of(row["event_id"]),) for row in gone]
            connection.executemany("INSERT OR IGNORE INTO erased VALUES (?)", ids)
            connection.execute(
                "DELETE FROM unrecorded WHERE event_id NOT IN (SELECT event_id FROM given)"
            )
        with self._open() as connection:
            connection.execute("VACUUM")
        return len(gone)

    @contextmanager
    def _writing(self) -> Iterator[sqlite3.Connection]:
        """Hold the file from the first look at it: two workers cannot both count nineteen."""
        with self._open() as connection:
            try:
                connection.execute("BEGIN IMMEDIATE")
                yield connection
                connection.execute("COMMIT")
            except BaseException:
                if connection.in_transaction:
                    connection.execute("ROLLBACK")
                raise

    @contextmanager
    def _open(self) -> Iterator[sqlite3.Connection]:
        try:
            new = not self.path.exists()
            with closing(
                sqlite3.connect(self.path, timeout=_WAIT_S, isolation_level=None)
            ) as connection:
                if new:
                    self.path.chmod(0o600)
                connection.row_factory = sqlite3.Row
                connection.execute("PRAGMA synchronous = FULL")
                connection.execute("PRAGMA secure_delete = ON")
                connection.executescript(_TABLE)
                yield connection
        except sqlite3.Error as error:
            raise StoreUnavailable(
                f"the labels in {self.path} cannot be used now ({error}): try again"
            ) from error


def _find(connection: sqlite3.Connection, event_id: str) -> GivenLabel | None:
    row = connection.execute("SELECT * FROM given WHERE event_id = ?", (event_id,)).fetchone()
    return None if row is None else _label(row)


def _check_not_erased(connection: sqlite3.Connection, event_id: str) -> None:
    if connection.execute("SELECT 1 FROM erased WHERE id = ?", (id_of(event_id),)).fetchone():
        raise Gone("The account of this label was erased; it is not recorded again.")


def _check_room(connection: sqlite3.Connection, key_id: str) -> None:
    (waiting,) = connection.execute(
        "SELECT count(*) FROM given WHERE key_id = ? AND state = 'pending'", (key_id,)
    ).fetchone()
    if waiting >= MOST_WAITING:
        raise TooMany(
            f"{MOST_WAITING:,} labels of this key wait for a second person: have them approved or "
            "refused first, or give many at once by `ringfinder label`.",
            Retry_After="3600",
        )


def _label(row: sqlite3.Row) -> GivenLabel:
    values: dict[str, Any] = {name: row[name] for name in row.keys()}  # noqa: SIM118 Row is no dict
    values["label"], values["state"] = Label(values["label"]), LabelState(values["state"])
    return GivenLabel(**values)


def _insert(connection: sqlite3.Connection, label: GivenLabel) -> None:
    names = GivenLabel.__slots__
    marks = ", ".join("?" for _ in names)
    connection.execute(
        f"INSERT INTO given ({', '.join(names)}) VALUES ({marks})",
        [getattr(label, name) for name in names],
    )


def _await_recording(connection: sqlite3.Connection, label: GivenLabel) -> None:
    if label.state is LabelState.EFFECTIVE:
        connection.execute("INSERT INTO unrecorded VALUES (?)", (label.event_id,))


def _times_by_key(connection: sqlite3.Connection, key_id: str, since_ms: int) -> list[int]:
    """Return when a key gave labels since a time; refused ones too."""
    rows = connection.execute(
        "SELECT given_ms FROM given WHERE key_id = ? AND given_ms > ?", (key_id, since_ms)
    )
    return [row["given_ms"] for row in rows]


def _times_for_ring(
    connection: sqlite3.Connection,
    ring_id: str | None,
    since_ms: int,
    ring_of: Callable[[str], str | None],
) -> Iterator[int]:
    """Yield when accounts that are in a ring, or were, got labels; refused ones too.

    Every label since is looked at, so whoever knows enough does not ask.
    """
    if ring_id is None:
        return
    rows = connection.execute(
        "SELECT account_id, ring_id, given_ms FROM given WHERE given_ms > ?", (since_ms,)
    )
    for row in rows:
        if row["ring_id"] == ring_id or ring_of(row["account_id"]) == ring_id:
            yield row["given_ms"]
