"""The connection to a Neo4j server: one transaction at a time, and errors that say what to do.

Every transaction first locks the :Store node. Writers queue there, so they never
deadlock; readers queue there as well, so that what they read is of one moment, which
Neo4j's own isolation (read committed) does not promise.
"""

from __future__ import annotations

import logging
import weakref
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any, TypeVar

import neo4j
from neo4j import exceptions

from ringfinder.cypher import read_statement
from ringfinder.errors import InputError, StoreError
from ringfinder.store.neo4j.failures import told
from ringfinder.store.neo4j.silence import bound_silence

T = TypeVar("T")

ROWS = 20_000
"""Rows of parameters that one statement takes at most."""

LATE_S = 10.0
"""Seconds by which a server may be late to end a transaction: it looks every two of them."""

# The driver tells its own log of every lost connection; a caller hears it as an error, once.
logging.getLogger("neo4j").addHandler(logging.NullHandler())


class Work:
    """One transaction: statements by name, parameters as columns."""

    def __init__(self, transaction: neo4j.ManagedTransaction) -> None:
        self._transaction = transaction

    def records(self, name: str, **parameters: Any) -> Iterator[dict[str, Any]]:
        """Run a statement; yield its records as they arrive."""
        result = self._transaction.run(_query(read_statement(f"store/{name}").text), parameters)
        return (_as_dict(record) for record in result)

    def run(self, name: str, **parameters: Any) -> dict[str, Any]:
        """Run a statement; return its only record, empty where it has none."""
        return next(iter(list(self.records(name, **parameters))), {})

    def columns(
        self,
        name: str,
        columns: Mapping[str, Sequence[Any]],
        *,
        label: str | None = None,
        **same: Any,
    ) -> dict[str, list[Any]]:
        """Run a statement over columns, some thousand rows at a time; return the joined columns.

        Parameters
        ----------
        name
            Statement that goes through its columns by row; what it returns are lists, one
            of them `row`.
        columns
            Parameters, lists of one length.
        label
            For a template: the label of the kind.
        **same
            Parameters that are the same for every row.

        Returns
        -------
        dict
            In the order of the rows; empty where the statement returns nothing.
        """
        statement = read_statement(f"store/{name}")
        query = _query(statement.text if label is None else statement.for_label(label))
        joined: dict[str, list[Any]] = {}
        for begin in range(0, len(next(iter(columns.values()))), ROWS):
            part = {key: column[begin : begin + ROWS] for key, column in columns.items()}
            record = self._transaction.run(query, {**part, **same}).single()
            for key, values in _in_order(record).items():
                joined.setdefault(key, []).extend(values)
        return joined


class Server:
    """A Neo4j server.

    Parameters
    ----------
    uri, user, password, database
        Where, as whom.
    wait_s
        Seconds to wait for a server that does not answer.
    transaction_s
        Seconds that a transaction may take before the server ends it. One that is still silent
        some seconds later is taken for lost.
    """

    def __init__(
        self,
        uri: str,
        *,
        user: str,
        password: str,
        database: str | None,
        wait_s: float,
        transaction_s: float,
    ) -> None:
        self.what = f"the Neo4j at {uri}"
        self._database = database
        self._transaction_s = transaction_s
        try:
            self._driver = neo4j.GraphDatabase.driver(
                uri,
                auth=(user, password),
                connection_timeout=wait_s,
                connection_acquisition_timeout=2 * wait_s,
                max_transaction_retry_time=wait_s,
                notifications_min_severity=neo4j.NotificationMinimumSeverity.OFF,
                telemetry_disabled=True,
                user_agent="ringfinder",
            )
        except (exceptions.ConfigurationError, ValueError, TypeError) as error:
            raise InputError(
                "the address of the Neo4j store is unusable; expected neo4j://HOST[:PORT] (also "
                "neo4j+s, bolt, bolt+s)"
            ) from error
        bound_silence(self._driver, transaction_s + LATE_S)
        # A store that is merely forgotten closes its connections, too.
        self._closing = weakref.finalize(self, self._driver.close)

    def close(self) -> None:
        """Close every connection."""
        self._closing()

    def work(self, unit: Callable[[Work], T], *, locked: bool = True) -> T:
        """Run a unit of work in one transaction; it is repeated where it lost a race.

        Parameters
        ----------
        unit
            What to do; it must not keep anything between two tries.
        locked
            Whether to wait for the other transactions, and to have them wait.

        Raises
        ------
        StoreUnavailable
            If the server cannot be reached or is too busy.
        StoreError
            If it refuses.
        """

        def tried(transaction: neo4j.ManagedTransaction) -> T:
            work = Work(transaction)
            if locked:
                work.run("lock_store")
            return unit(work)

        with self._translated(), self._session() as session:
            return session.execute_write(neo4j.unit_of_work(timeout=self._transaction_s)(tried))

    def change_schema(self, text: str) -> None:
        """Run one statement that makes a constraint or an index."""
        with self._translated(), self._session() as session:
            session.execute_write(lambda transaction: transaction.run(_query(text)).consume())

    def _session(self) -> neo4j.Session:
        if not self._closing.alive:
            raise StoreError(f"{self.what} is closed: open the store again")
        return self._driver.session(database=self._database, fetch_size=100)

    @contextmanager
    def _translated(self) -> Iterator[None]:
        """Turn the driver's errors into ours."""
        try:
            yield
        except (exceptions.Neo4jError, exceptions.DriverError) as error:
            raise told(
                error, self.what, database=self._database, seconds=self._transaction_s
            ) from error


def _query(text: str) -> Any:
    """Return a text as the driver takes it: it insists on literals, and ours are files."""
    return text


def _in_order(record: neo4j.Record | None) -> dict[str, list[Any]]:
    """Return the lists of a record in the order of its list `row`: the server promises none."""
    if record is None:
        return {}
    lists = _as_dict(record)
    rows = lists.pop("row")
    if rows == list(range(len(rows))):
        return lists
    order = sorted(range(len(rows)), key=rows.__getitem__)
    return {key: [values[at] for at in order] for key, values in lists.items()}


def _as_dict(record: neo4j.Record) -> dict[str, Any]:
    """Return a record by name; its own data() would visit every number of every list."""
    return dict(zip(record.keys(), record.values(), strict=True))
