"""A journal's file that SQLite can no longer read: what is sound goes into a new one."""

from __future__ import annotations

import sqlite3
from collections.abc import Generator, Iterator
from contextlib import closing, suppress
from pathlib import Path

from ringfinder.journal.file import JournalFile
from ringfinder.journal.seals import Row, content_is_sound
from ringfinder.journal.tables import NAME, open_reading, open_writing
from ringfinder.store.files import publish, sync_directory

FRESH = f"{NAME}.salvaged"
"""What is being made of a broken file."""

_STEP = 200
_FRESH_NUMBERS = (  # rows that are lost had numbers, too: give none of them again
    "DELETE FROM block WHERE first > (SELECT coalesce(max(sequence), 0) FROM entry)",
    "UPDATE block SET last = min(last, (SELECT max(sequence) FROM entry))",
    "DELETE FROM link WHERE name = 'head'",
)
_INSERT = f"INSERT OR IGNORE INTO entry VALUES ({', '.join('?' * len(Row._fields))})"


def open_or_salvage(directory: Path, *, broken: bool = False) -> JournalFile:
    """Open a journal's file; a broken one is set aside and what can be read is taken over.

    Nothing is thrown away: the broken file stays as ``journal.sqlite.damaged-N``.

    Parameters
    ----------
    directory
        The journal's.
    broken
        Whether SQLite has said so in use.
    """
    path = directory / NAME
    _finish(directory)
    try:
        if path.exists():
            _try_reading(path)
        else:  # changes of a file that is gone would be taken for those of a new one
            remove(path)
        return _salvaged(directory) if broken else JournalFile(directory)
    except sqlite3.OperationalError:  # the disk's, not the file's, fault: try again later
        raise
    except sqlite3.DatabaseError:
        return _salvaged(directory)


def _try_reading(path: Path) -> None:
    """Read the newest part; `ringfinder journal check` reads all of it."""
    with closing(open_reading(path)) as connection:
        connection.execute("SELECT * FROM entry ORDER BY sequence DESC LIMIT 1000").fetchall()
        connection.execute("SELECT id FROM entry INDEXED BY entry_id LIMIT 1000").fetchall()
        connection.execute("SELECT * FROM link").fetchall()
        connection.execute("SELECT * FROM block").fetchall()


def damaged_files(directory: Path) -> list[Path]:
    """Return the files that were set aside."""
    found = directory.glob(f"{NAME}.damaged-*")
    return sorted(path for path in found if not path.name.endswith(("-wal", "-shm")))


def _salvaged(directory: Path) -> JournalFile:
    """Make the new file whole before the old one moves: a kill in between loses neither."""
    path, fresh = directory / NAME, directory / FRESH
    remove(fresh)
    with closing(open_writing(fresh)) as connection:
        connection.execute("BEGIN IMMEDIATE")
        for statement, parameters in _readable(path):
            with suppress(sqlite3.IntegrityError):  # a damaged row; a full disk must be told
                connection.execute(statement, parameters)
        for statement in _FRESH_NUMBERS:
            connection.execute(statement)
        connection.execute("COMMIT")
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()
    number = len(damaged_files(directory)) + 1
    with suppress(FileNotFoundError):
        path.rename(path.with_name(f"{NAME}.damaged-{number}"))
    sync_directory(directory)
    _finish(directory)
    return JournalFile(directory)


def _finish(directory: Path) -> None:
    """Put the new file in place of one that was set aside; else there is nothing whole yet.

    The broken file moves only once the new one is whole, and its log of changes after it:
    SQLite must never find one file's changes beside another.
    """
    fresh, path = directory / FRESH, directory / NAME
    if fresh.exists() and not path.exists():
        aside = max(damaged_files(directory), key=lambda one: one.stat().st_ctime_ns, default=path)
        for suffix in ("-wal", "-shm"):
            with suppress(FileNotFoundError):
                path.with_name(f"{NAME}{suffix}").rename(f"{aside}{suffix}")
        sync_directory(directory)
        publish(fresh, path)
    remove(fresh)


def remove(path: Path) -> None:
    """Remove a journal's file with what SQLite keeps beside it."""
    for suffix in ("-wal", "-shm", ""):
        path.with_name(f"{path.name}{suffix}").unlink(missing_ok=True)


def _readable(path: Path) -> Iterator[tuple[str, tuple[object, ...]]]:
    """Yield statements that write what can be read."""
    with suppress(sqlite3.Error), closing(open_reading(path)) as broken:
        for table in ("block", "link"):
            with suppress(sqlite3.Error):
                for row in broken.execute(f"SELECT * FROM {table}"):
                    places = ", ".join("?" * len(row))
                    yield f"INSERT OR IGNORE INTO {table} VALUES ({places})", row
        for row in _rows(broken):
            if content_is_sound(row):
                yield _INSERT, row


def _rows(broken: sqlite3.Connection) -> Iterator[Row]:
    """Read in order, and around what cannot be read."""
    last = None
    with suppress(sqlite3.Error):
        (last,) = broken.execute("SELECT max(sequence) FROM entry").fetchone()
    at = 0
    while at <= (last or 0):
        try:
            rows = broken.execute(
                "SELECT * FROM entry WHERE sequence > ? ORDER BY sequence LIMIT ?", (at, _STEP)
            ).fetchall()
        except sqlite3.Error:
            at = yield from _one_by_one(broken, at)
            continue
        if not rows:
            return
        yield from map(Row._make, rows)
        at = rows[-1][0]


def _one_by_one(broken: sqlite3.Connection, after: int) -> Generator[Row, None, int]:
    for sequence in range(after + 1, after + _STEP + 1):
        with suppress(sqlite3.Error):
            for row in broken.execute("SELECT * FROM entry WHERE sequence = ?", (sequence,)):
                yield Row._make(row)
    return after + _STEP
