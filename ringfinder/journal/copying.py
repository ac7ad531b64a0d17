"""A copy of an SQLite file as of one moment, while others write to it."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

from ringfinder.errors import StoreError

MAGIC = b"SQLite format 3\0"
_PAGES = 4096  # at a time: writers get their turn in between


def is_sqlite(path: Path) -> bool:
    """Tell whether a file is an SQLite database."""
    with path.open("rb") as file:
        return file.read(len(MAGIC)) == MAGIC


def copy_sqlite(source: Path, target: Path) -> None:
    """Copy a database with everything that is committed, its write-ahead log taken in.

    Raises
    ------
    StoreError
        If the file is damaged or cannot be read.
    """
    try:
        with (
            closing(sqlite3.connect(f"{source.absolute().as_uri()}?mode=ro", uri=True)) as reading,
            closing(sqlite3.connect(target)) as writing,
        ):
            reading.backup(writing, pages=_PAGES)
    except sqlite3.Error as error:
        raise StoreError(
            f"{source} cannot be copied ({type(error).__name__}): check it, such as with "
            "`ringfinder journal check`"
        ) from error
