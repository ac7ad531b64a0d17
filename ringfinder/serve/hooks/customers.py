"""Which account a customer of a payment provider is: a small table beside the journal."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

from ringfinder.errors import StoreUnavailable

FILE = "customers.sqlite"
_TABLE = """
CREATE TABLE IF NOT EXISTS customer (customer TEXT PRIMARY KEY, account_id TEXT NOT NULL) STRICT;
CREATE INDEX IF NOT EXISTS by_account ON customer (account_id);
"""


class Customers:
    """Customer -> account; any number of processes at once.

    Parameters
    ----------
    directory
        The data directory; the file is made when the first customer is named.
    """

    def __init__(self, directory: Path) -> None:
        self.path = directory / FILE

    def find(self, customer: str) -> str | None:
        """Return the account of a customer; None where nobody said."""
        if not self.path.exists():
            return None
        with self._open() as connection:
            row = connection.execute(
                "SELECT account_id FROM customer WHERE customer = ?", (customer,)
            ).fetchone()
        return None if row is None else str(row[0])

    def put(self, customer: str, account_id: str | None) -> None:
        """Remember whose customer it is; None forgets it."""
        with self._open() as connection:
            if account_id is None:
                connection.execute("DELETE FROM customer WHERE customer = ?", (customer,))
            else:
                connection.execute(
                    "INSERT OR REPLACE INTO customer VALUES (?, ?)", (customer, account_id)
                )

    def erase(self, account_id: str) -> int:
        """Forget an account's customers, also in the file's bytes; return how many there were."""
        if not self.path.exists():
            return 0
        with self._open() as connection:
            gone = connection.execute(
                "DELETE FROM customer WHERE account_id = ? OR customer = ?",
                (account_id, account_id),
            )
            connection.execute("VACUUM")
            return gone.rowcount

    @contextmanager
    def _open(self) -> Iterator[sqlite3.Connection]:
        try:
            new = not self.path.exists()
            with closing(
                sqlite3.connect(self.path, timeout=2.0, isolation_level=None)
            ) as connection:
                if new:
                    self.path.chmod(0o600)
                connection.execute("PRAGMA secure_delete = ON")
                connection.executescript(_TABLE)
                yield connection
        except sqlite3.Error as error:
            raise StoreUnavailable(
                f"the customers in {self.path} cannot be used now ({error}): try again"
            ) from error
