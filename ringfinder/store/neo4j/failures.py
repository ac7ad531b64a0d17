"""What to tell somebody whose Neo4j fails: by the server's code, never in its words.

The server's own messages may quote values; its codes do not.
"""

from __future__ import annotations

from dataclasses import dataclass

from neo4j import exceptions

from ringfinder.errors import StoreError, StoreUnavailable

DISCONNECTED = (
    exceptions.ServiceUnavailable,
    exceptions.SessionExpired,
    exceptions.ConnectionAcquisitionTimeoutError,
    exceptions.ReadServiceUnavailable,
    exceptions.WriteServiceUnavailable,
    exceptions.RoutingServiceUnavailable,
)
"""What the driver raises where nobody answers."""


@dataclass(frozen=True, slots=True)
class _Failure:
    """A family of codes (`words`: one is part of each) and what to say."""

    words: tuple[str, ...]
    sentence: str
    again: bool = False


_FAILURES = (
    _Failure(
        ("AuthenticationRateLimit",),
        "refuses everybody for some seconds after wrong passwords: check neo4j_user and "
        "neo4j_password, then try again",
        again=True,
    ),
    _Failure(
        ("Unauthorized", "TokenExpired", "CredentialsExpired"),
        "does not take this user and password: check the settings neo4j_user and neo4j_password "
        "or neo4j_password_file (a password that is new to the server must be changed once)",
    ),
    _Failure(
        ("Security.Forbidden",),
        "does not let this user write or make constraints: give the user of the setting neo4j_user "
        "a role that may (in Community, every user may)",
    ),
    _Failure(
        ("ReadOnly", "AccessMode", "NotALeader"),
        "is read-only: set server.databases.default_to_read_only=false (and no read_only entry for "
        "this database) in neo4j.conf, or use a server that takes writes",
    ),
    _Failure(
        ("DatabaseNotFound",),
        "has no database {database}: take the path off the setting store, or name one that is "
        "there; Community has one, neo4j",
    ),
    _Failure(
        ("OutOfMemory", "MemoryPool"),
        "has too little memory for one transaction: raise server.memory.heap.max_size in "
        "neo4j.conf (a local one: `ringfinder neo4j up --memory`), then try again",
    ),
    _Failure(
        ("TransactionTimedOut", "LockAcquisitionTimeout", "Terminated", "LockClientStopped"),
        "was too slow: a transaction was ended after {seconds:g} s. Try again when it has less to "
        "do, or give it more memory and processors",
        again=True,
    ),
    _Failure(
        ("DatabaseUnavailable", "ConstraintValidation", "TransientError", "TransactionNotFound"),
        "is busy, or starting ({code}): try again",
        again=True,
    ),
    _Failure(("",), "failed with {code}: see its log"),
)


def told(
    error: exceptions.Neo4jError | exceptions.DriverError,
    what: str,
    *,
    database: str | None,
    seconds: float,
) -> StoreError:
    """Return what to tell the caller.

    Parameters
    ----------
    error
        What the driver raised.
    what
        The server, to begin the sentence with.
    database, seconds
        Which database was asked for; how long a transaction may take.
    """
    if isinstance(error, exceptions.IncompleteCommit):
        return StoreUnavailable(
            f"{what} was lost while it committed: run the same again; what it did commit is not "
            "taken twice"
        )
    if isinstance(error, DISCONNECTED) and isinstance(error.__cause__, TimeoutError):
        return StoreUnavailable(
            f"{what} does not answer any more: it holds the connection and says nothing. Look at "
            "its log and its load, start it again if it hangs, check the network in between, then "
            "try again; nothing is lost or doubled"
        )
    if isinstance(error, DISCONNECTED):
        return StoreUnavailable(
            f"{what} cannot be reached: check that it runs (a local one: `ringfinder neo4j up`) "
            "and that the setting store names its Bolt port, then try again; nothing is lost or "
            "doubled"
        )
    if isinstance(error, exceptions.DriverError):
        return StoreError(f"{what} failed: {type(error).__name__}")
    code = error.code or "an unknown code"
    failure = next(f for f in _FAILURES if any(word in code for word in f.words))
    sentence = failure.sentence.format(code=code, database=repr(database), seconds=seconds)
    return (StoreUnavailable if failure.again else StoreError)(f"{what} {sentence}")
