"""What the journal has recorded, for whoever loads files into the log beside it."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any, TypeAlias

import pyarrow as pa
import pyarrow.compute as pc

from ringfinder.errors import StoreError
from ringfinder.journal.seals import Row, content_is_sound
from ringfinder.journal.tables import NAME, check_format, make_tables, open_reading
from ringfinder.store.events import EventType

_Ask: TypeAlias = Callable[..., list[tuple[Any, ...]]]

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
        with self._asking() as ask:
            if self._through < 0:
                self._through = ask("SELECT coalesce(max(sequence), 0) FROM entry")[0][0]
            if kind not in self._ids:
                self._ids[kind] = _array(ask(_ALL, str(kind)))
            held = self._ids[kind]
            found = held.filter(pc.is_in(held, pc.cast(ids, pa.binary()).combine_chunks()))
            sound = [
                (name,)
                for name in found.to_pylist()
                if all(content_is_sound(Row(*row)) for row in ask(_ONE, name, str(kind)))
            ]
        return _array(sound)

    def since(self, kind: EventType) -> pa.Array:
        """Return the ids recorded since then."""
        with self._asking() as ask:
            return _array(ask(_SINCE, self._through, str(kind)))

    @contextmanager
    def _asking(self) -> Iterator[_Ask]:
        """Give what asks the journal; where there is none, an empty one."""
        try:
            with closing(self._open()) as connection:
                yield lambda query, *given: connection.execute(query, given).fetchall()
        except sqlite3.Error as error:
            raise StoreError(
                f"the journal {self._path} cannot be read ({error}): `ringfinder journal check` "
                "says what is damaged"
            ) from error

    def _open(self) -> sqlite3.Connection:
        if self._path.exists():
            connection = open_reading(self._path)
            check_format(connection, self._path)
        else:
            connection = sqlite3.connect(":memory:", isolation_level=None)
            make_tables(connection)
        return connection


def _array(rows: Sequence[tuple[object, ...]]) -> pa.Array:
    return pa.array([name for (name,) in rows], pa.binary())
