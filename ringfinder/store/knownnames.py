"""Which names an embedded store has, for one process that writes to it again and again."""

from __future__ import annotations

import duckdb
import numpy as np
import pyarrow as pa

from ringfinder.store.memory import arrow

_HASHES = {"account": "hash(account_id)", "attribute": "hash(kind, pseudonym)"}
_HASH, _KEY = np.uint64(0xFFFF_FFFF_0000_0000), np.uint64(0x0000_0000_FFFF_FFFF)
"""A word is half a hash of a name, half the key of its row: sorted, it says which rows to read."""


class KnownNames:
    """The names of a store's accounts and values, in eight bytes of memory each.

    They tell which rows of the store may have a batch's names. Those are read, so an accident
    of hashes costs a look and changes nothing; nor does a name that is remembered and gone.
    Only one that is there and not remembered would do harm: so all is forgotten where another
    process may have written. To read it again costs as much as two or three batches that look
    through the whole store, and for a moment three times the memory: but for the first time, it
    waits until two batches have come with nobody between them.
    """

    def __init__(self) -> None:
        self._state: int | None = None
        self._runs: dict[str, list[np.ndarray]] = {}

    def as_of(self, state: int) -> KnownNames | None:
        """Return itself for use in a transaction; None in the first one after somebody else's.

        Parameters
        ----------
        state
            Of the file, in this transaction: see `Database`.
        """
        before, self._state = self._state, state
        if before in {None, state}:
            return self
        self._runs.clear()
        return None

    def keys(self, connection: duckdb.DuckDBPyConnection, table: str, named: str) -> pa.Table:
        """Return the keys (`key`) of all rows that may have one of some names.

        Parameters
        ----------
        connection
            In the transaction.
        table
            `account` or `attribute`.
        named
            A relation with the columns that are a name there.
        """
        if table not in self._runs:
            self._runs[table] = [_words(connection, table, "key", table)]
        hashes = np.unique(_words(connection, table, "0", named))
        keys = [_meeting(words, hashes) for words in self._runs[table]]
        return pa.table({"key": np.concatenate(keys).astype(np.int32)})

    def add(self, connection: duckdb.DuckDBPyConnection, table: str, fresh: str) -> None:
        """Remember rows that the transaction adds.

        Parameters
        ----------
        connection, table
            As for `keys`, which has been asked before.
        fresh
            A relation with the table's columns.
        """
        words = _words(connection, table, "key", fresh)
        if not len(words):  # an empty run would never be merged into another
            return
        runs = [*self._runs[table], words]
        while len(runs) > 1 and len(runs[-2]) < 2 * len(runs[-1]):  # so a word is seldom moved
            runs[-2:] = [np.sort(np.concatenate(runs[-2:]), kind="stable")]
        self._runs[table] = runs


def _words(connection: duckdb.DuckDBPyConnection, table: str, key: str, rows: str) -> np.ndarray:
    """Return the words of rows, sorted."""
    word = f"({_HASHES[table]} & {_HASH}::UBIGINT) | {key}::UBIGINT"
    found = arrow(connection, f"SELECT {word} AS word FROM {rows}")["word"]
    return np.sort(found.to_numpy())


def _meeting(words: np.ndarray, hashes: np.ndarray) -> np.ndarray:
    """Return the keys of the words with one of some hashes."""
    first, behind = np.searchsorted(words, hashes), np.searchsorted(words, hashes | _KEY)
    many = behind - first
    rows = np.repeat(first - (np.cumsum(many) - many), many) + np.arange(many.sum())
    return np.asarray(words[rows] & _KEY)
