"""One DuckDB file, opened for the length of one transaction.

DuckDB lets one process write or many read. A store object lives for hours (a service's
projector), a transaction for milliseconds to seconds: so the file is opened for each
and the others wait for their turn, first at a lock file, whose holder can be named.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TypeAlias

import duckdb

from ringfinder.errors import StoreError, StoreUnavailable
from ringfinder.store.files import locked, publish
from ringfinder.store.memory import CONFIG, first_row, reason
from ringfinder.store.tables import FORMAT, SCHEMA

_HEADERS = 3 * 4096
"""DuckDB numbers the states of a file in its first blocks: the file's header and two of its
content, written in turn."""

_ONE_AT_A_TIME = threading.RLock()
"""Connections of one process to one file share one DuckDB instance, and its catalogue:
two threads that register their tables at once get in each other's way."""


_Mark: TypeAlias = tuple[int, int, int, int, int, bytes]


class Database:
    """The file of an embedded store.

    Parameters
    ----------
    path
        The file; made when absent, whole or not at all.
    wait_s
        Seconds to wait for other processes.
    memory_mb
        What one transaction may use before it spills to disk.
    threads
        Cores that it may use; None: all. One number for all of a process.

    Attributes
    ----------
    state
        A number that rises, as a transaction to write begins, where anybody else may have written
        since the last one of this object.
    """

    def __init__(
        self, path: Path, *, wait_s: float, memory_mb: int, threads: int | None = None
    ) -> None:
        self.path = path
        self._wait_s = wait_s
        self._config = {
            **CONFIG,
            "memory_limit": f"{memory_mb}MB",
            "temp_directory": f"{path}.spill",
        }
        if threads is not None:
            self._config["threads"] = threads
        self._closed = False
        self.state = 0
        self._left: _Mark | None = None
        if not path.exists():
            self._make()
        with self.reading() as connection:
            self._check_format(connection)

    @contextmanager
    def reading(self) -> Iterator[duckdb.DuckDBPyConnection]:
        """Open the file to read; every query of the block sees the same moment."""
        with self._turn(exclusive=False), self._open(read_only=True) as connection:
            yield connection

    @contextmanager
    def writing(self) -> Iterator[duckdb.DuckDBPyConnection]:
        """Open the file in a transaction, committed when the block ends without an error."""
        with self._turn(exclusive=True):
            if self._left is None or self._left != self._mark():
                self.state += 1
            with self._open(read_only=False) as connection:
                connection.begin()
                yield connection
                connection.commit()
            self._left = self._mark()

    def rewrite(self) -> None:
        """Copy what is there into a new file, so that nothing deleted is left in its blocks."""
        fresh = self.path.with_name(f"{self.path.name}.rewrite")
        with self._turn(exclusive=True):
            fresh.unlink(missing_ok=True)
            with self._open(read_only=False) as connection:
                connection.execute(f"ATTACH '{_quoted(fresh)}' AS fresh")
                (name,) = first_row(connection, "SELECT current_database()") or ("",)
                connection.execute(
                    f'COPY FROM DATABASE "{name.replace(chr(34), chr(34) * 2)}" TO fresh'
                )
                connection.execute("DETACH fresh")
            fresh.chmod(0o600)
            publish(fresh, self.path)

    def close(self) -> None:
        """Refuse further use."""
        self._closed = True

    def _make(self) -> None:
        fresh = self.path.with_name(f"{self.path.name}.new")
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        except OSError as error:
            raise StoreError(f"cannot make {self.path.parent}: {error.strerror}") from error
        with self._turn(exclusive=True):
            if self.path.exists():  # another process was faster
                return
            fresh.unlink(missing_ok=True)
            with self._translated(), duckdb.connect(str(fresh), config=self._config) as connection:
                connection.execute(SCHEMA)
                connection.execute("INSERT INTO store VALUES (?)", [FORMAT])
            fresh.chmod(0o600)
            publish(fresh, self.path)

    def _check_format(self, connection: duckdb.DuckDBPyConnection) -> None:
        try:
            rows = connection.execute("SELECT format FROM store").fetchall()
        except duckdb.CatalogException:
            raise StoreError(f"{self.path} is a DuckDB file, but no ringfinder store") from None
        if rows != [(FORMAT,)]:
            raise StoreError(
                f"{self.path} was written by another version of ringfinder (format {rows[0][0]}, "
                f"expected {FORMAT}): move it away and run `ringfinder rebuild`"
            )

    def _mark(self) -> _Mark | None:
        """Return what is another after every write to the file; None where nobody can tell."""
        log = f"{self.path.name}.wal"  # of a process that died: the file lacks what is in there
        try:
            if any(each.name.startswith(log) for each in self.path.parent.iterdir()):
                return None
            with self.path.open("rb") as file:
                told = os.fstat(file.fileno())
                times = (told.st_mtime_ns, told.st_ctime_ns)
                return (told.st_dev, told.st_ino, told.st_size, *times, file.read(_HEADERS))
        except OSError:
            return None

    @contextmanager
    def _turn(self, *, exclusive: bool) -> Iterator[None]:
        if self._closed:
            raise StoreError(f"the embedded store {self.path} is closed: open it again")
        lock = self.path.with_name(f"{self.path.name}.lock")
        what = f"the embedded store {self.path}"
        with locked(lock, what=what, exclusive=exclusive, wait_s=self._wait_s):
            yield

    @contextmanager
    def _open(self, *, read_only: bool) -> Iterator[duckdb.DuckDBPyConnection]:
        if not self.path.exists():
            raise StoreError(f"the embedded store {self.path} is gone: run `ringfinder rebuild`")
        with _ONE_AT_A_TIME, self._translated():
            connection = duckdb.connect(str(self.path), read_only=read_only, config=self._config)
            try:
                yield connection
            finally:
                connection.close()  # without a commit, nothing of the transaction stays

    @contextmanager
    def _translated(self) -> Iterator[None]:
        try:
            yield
        except duckdb.IOException as error:
            if "lock on file" in str(error):
                raise StoreUnavailable(
                    f"the embedded store {self.path} is open in another program (such as a DuckDB "
                    "shell): close it there and try again"
                ) from error
            raise StoreError(
                f"the embedded store {self.path} cannot be read or written: check the disk; a "
                "damaged file can be moved away and made anew with `ringfinder rebuild`"
            ) from error
        except duckdb.Error as error:
            raise StoreError(f"the embedded store {self.path} failed: {reason(error)}") from error


def _quoted(path: Path) -> str:
    return str(path).replace("'", "''")
