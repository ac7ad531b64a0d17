"""The graph in Neo4j: what people explore, what the nightly run reads and writes."""

from __future__ import annotations

import time
from collections.abc import Callable


class Neo4jStore:
    """A `GraphStore` on a Neo4j server (Community Edition is enough).

    Parameters
    ----------
    uri
        ``neo4j://``, ``bolt://`` or their encrypted forms, without credentials.
    user, password
        Of an account that may write and make constraints.
    database
        Name of the database; None: the user's home database.
    wait_s
        Seconds to wait for a server that does not answer, or is busy.
    transaction_s
        Seconds that one transaction may take.
    batch_events
        Events that one transaction takes in at most.
    allow_plain_remote
        Whether a server on another host may be spoken to unencrypted.
    clock
        Seconds since 1970, for the lease of the run lock.
    """

    def __init__(
        self,
        uri: str,
        *,
        user: str,
        password: str,
        database: str | None = None,
        wait_s: float = 10.0,
        transaction_s: float = 600.0,
        batch_events: int = 5_000,
        allow_plain_remote: bool = False,
        clock: Callable[[], float] = time.time,
    ) -> None:
        raise NotImplementedError
