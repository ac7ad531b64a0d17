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
CREATE TABLE IF NOT EXISTS told (event_id TEXT PRIMARY KEY, at_s INTEGER NOT NULL) STRICT;
CREATE INDEX IF NOT EXISTS told_at ON told (at_s);
CREATE TABLE IF NOT EXISTS newest (customer TEXT PRIMARY KEY, at_s INTEGER NOT NULL) STRICT;
CREATE INDEX IF NOT EXISTS newest_at ON newest (at_s);
"""
_REMEMBERED_S = 31 * 86_400
"""How long an event is known as told, and how old the newest of a customer is: the provider
delivers none that is older."""


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

    def of(self, account_id: str) -> list[str]:
        """Return the customers that an account is."""
        if not self.path.exists():
            return []
        with self._open() as connection:
            rows = connection.execute(
                "SELECT customer FROM customer WHERE account_id = ?", (account_id,)
            )
            return [str(customer) for (customer,) in rows]

    def put(self, customer: str, account_id: str | None, *, event_id: str, at_s: int) -> None:
        """Remember whose customer it is; None forgets it, for good.

        Parameters
        ----------
        event_id, at_s
            The event that tells it, and its time in seconds since 1970: delivered again it has
            no second effect, and so brings nobody back who was erased or deleted since; nor has
            one that comes after a newer one of the same customer.
        """
        with self._open() as connection, _at_once(connection):
            connection.execute("DELETE FROM told WHERE at_s < ?", (at_s - _REMEMBERED_S,))
            connection.execute("DELETE FROM newest WHERE at_s < ?", (at_s - _REMEMBERED_S,))
            new = connection.execute("INSERT OR IGNORE INTO told VALUES (?, ?)", (event_id, at_s))
            if not new.rowcount:
                return
            if account_id is not None and _is_late(connection, customer, at_s):
                return
            connection.execute("INSERT OR REPLACE INTO newest VALUES (?, ?)", (customer, at_s))
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
            with _at_once(connection):
                connection.execute(
                    "DELETE FROM newest WHERE customer = ?1 "
                    "OR customer IN (SELECT customer FROM customer WHERE account_id = ?1)",
                    (account_id,),
                )
                gone = connection.execute(
                    "DELETE FROM customer WHERE account_id = ?1 OR customer = ?1", (account_id,)
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


def _is_late(connection: sqlite3.Connection, customer: str, at_s: int) -> bool:
    """Tell whether something newer is known of a customer; none comes back that was deleted."""
    known = connection.execute(
        "SELECT at_s, account_id FROM newest LEFT JOIN customer USING (customer) "
        "WHERE customer = ?",
        (customer,),
    ).fetchone()
    return known is not None and (at_s < known[0] or known[1] is None)


@contextmanager
def _at_once(connection: sqlite3.Connection) -> Iterator[None]:
    """Write everything or nothing: what is known as told has had its effect."""
    connection.execute("BEGIN IMMEDIATE")
    try:
        yield
    except BaseException:
        connection.execute("ROLLBACK")
        raise
    connection.execute("COMMIT")
