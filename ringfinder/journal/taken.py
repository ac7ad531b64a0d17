"""What the journal has recorded, for whoever loads files into the log beside it."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from ringfinder.errors import StoreError
from ringfinder.journal.seals import Row, content_is_sound
from ringfinder.journal.tables import NAME, check_format, open_reading
from ringfinder.store.events import EventType

_ALL = "SELECT id FROM entry INDEXED BY entry_id WHERE type = ?"
_SINCE = "SELECT id FROM entry WHERE sequence > ? AND type = ?"
_ONE = "SELECT * FROM entry WHERE id = ? AND type = ?"


class JournalIds:
    """The ids of a journal's events, as `store.elsewhere.Elsewhere` asks for them.

    Parameters
    ----------
    directory
        The journal's; nothing is recorded there where it has no file.
    """

    def __init__(self, directory: Path) -> None:
        self._path = directory / NAME
        self._through = -1
        self._ids: dict[EventType, pa.Array] = {}

    def among(self, kind: EventType, ids: pa.ChunkedArray) -> pa.Array:
        """Return those of the ids that were in the journal when this was first asked.

        One whose event is damaged there is not among them: a file may bring it again.
        """
        if self._through < 0:
            last = self._ask("SELECT max(sequence) FROM entry")
            self._through = (last[0][0] or 0) if last else 0
        if kind not in self._ids:
            self._ids[kind] = _array(self._ask(_ALL, str(kind)))
        held = self._ids[kind]
        found = held.filter(pc.is_in(held, pc.cast(ids, pa.binary()).combine_chunks()))
        sound: list[tuple[Any, ...]] = [
            (name,)
            for name in found.to_pylist()
            if all(content_is_sound(Row(*row)) for row in self._ask(_ONE, name, str(kind)))
        ]
        return _array(sound)

    def since(self, kind: EventType) -> pa.Array:
        """Return the ids recorded since then."""
        return _array(self._ask(_SINCE, max(self._through, 0), str(kind)))

    def _ask(self, query: str, *given: object) -> list[tuple[Any, ...]]:
        if not self._path.exists():
            return []
        try:
            with closing(open_reading(self._path)) as connection:
                check_format(connection, self._path)
                return connection.execute(query, given).fetchall()
        except sqlite3.Error as error:
            raise StoreError(
                f"the journal {self._path} cannot be read ({error}): `ringfinder journal check` "
                "says what is damaged"
            ) from error


def _array(rows: list[tuple[Any, ...]]) -> pa.Array:
    return pa.array([name for (name,) in rows], pa.binary())
