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
from ringfinder.errors import InputError, StoreError, StoreUnavailable

T = TypeVar("T")

ROWS = 20_000
"""Rows of parameters that one statement takes at most."""

_DISCONNECTED = (
    exceptions.ServiceUnavailable,
    exceptions.SessionExpired,
    exceptions.ConnectionAcquisitionTimeoutError,
    exceptions.ReadServiceUnavailable,
    exceptions.WriteServiceUnavailable,
    exceptions.RoutingServiceUnavailable,
)
_SLOW = ("TransactionTimedOut", "LockAcquisitionTimeout", "Terminated", "LockClientStopped")
_MEMORY = ("OutOfMemory", "MemoryPool")
_READ_ONLY = ("ReadOnly", "AccessMode")

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
        Seconds that a transaction may take before the server ends it.
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
        """Turn the driver's errors into ours. The server's own text may quote values: left out."""
        try:
            yield
        except exceptions.IncompleteCommit as error:
            raise StoreUnavailable(
                f"{self.what} was lost while it committed: run the same again; what it did commit "
                "is not taken twice"
            ) from error
        except exceptions.AuthError as error:
            raise self._refusal(error) from error
        except _DISCONNECTED as error:
            raise StoreUnavailable(
                f"{self.what} cannot be reached: check that it runs (a local one: `ringfinder "
                "neo4j up`) and that the setting store names its Bolt port, then try again; "
                "nothing is lost or doubled"
            ) from error
        except exceptions.Neo4jError as error:
            raise self._failure(error) from error
        except exceptions.DriverError as error:
            raise StoreError(f"{self.what} failed: {type(error).__name__}") from error

    def _refusal(self, error: exceptions.AuthError) -> StoreError:
        if "RateLimit" in (error.code or ""):
            return StoreUnavailable(
                f"{self.what} refuses everybody for some seconds after wrong passwords: check "
                "neo4j_user and neo4j_password, then try again"
            )
        if isinstance(error, exceptions.Forbidden):
            return StoreError(
                f"{self.what} does not let this user write or make constraints: give the user of "
                "the setting neo4j_user a role that may (Community: every user may)"
            )
        return StoreError(
            f"{self.what} does not know this user and password: check the settings neo4j_user and "
            "neo4j_password or neo4j_password_file"
        )

    def _failure(self, error: exceptions.Neo4jError) -> StoreError:
        code = error.code or "no code"
        if any(word in code for word in _READ_ONLY):
            return StoreError(
                f"{self.what} is read-only: set server.databases.default_to_read_only=false (and "
                "no read_only entry for this database) in neo4j.conf, or use a server that is not"
            )
        if "DatabaseNotFound" in code:
            return StoreError(
                f"{self.what} has no database {self._database!r}: take the path off the setting "
                "store; Community has one database, neo4j"
            )
        if any(word in code for word in _MEMORY):
            return StoreError(
                f"{self.what} has too little memory for one transaction: raise "
                "server.memory.heap.max_size in neo4j.conf (a local one: `ringfinder neo4j up "
                "--memory`), then try again"
            )
        if any(word in code for word in _SLOW):
            return StoreUnavailable(
                f"{self.what} was too slow: a transaction was ended after {self._transaction_s:g} "
                "s. Try again when it has less to do, or give it more memory and processors"
            )
        if error.is_retryable() or "DatabaseUnavailable" in code or "ConstraintValidation" in code:
            return StoreUnavailable(f"{self.what} is busy ({code}): try again")
        return StoreError(f"{self.what} failed with {code}: see its log")


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
