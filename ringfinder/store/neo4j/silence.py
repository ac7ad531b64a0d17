"""A server that keeps the line open and says nothing: how long to wait for its next word.

The driver waits for ever, unless the server tells how long it may be silent (Neo4j does as long
as server.bolt.connection_keep_alive_for_requests is on). TCP keepalive sees a machine that is
gone, after two hours, and never a process that hangs. The driver asks once more whom it has
given up, so a caller hears of it after twice the time, about.
"""

from __future__ import annotations

from contextlib import suppress
from typing import Any

import neo4j


def bound_silence(driver: neo4j.Driver, seconds: float) -> None:
    """Take a server for lost that has said nothing for some seconds while it was asked.

    The driver has no setting for it, but a way: the one it goes where the server tells. Each
    connection is given the bound as it is opened; a lower one that the server told stays.

    Parameters
    ----------
    driver
        Its connections that are opened from now on.
    seconds
        More than any answer may take: longer than the server lets a transaction live.
    """
    with suppress(AttributeError):  # a driver built otherwise waits as the server tells it to
        pool: Any = driver._pool
        opened = pool.opener

        def bounded(*args: Any, **kwargs: Any) -> Any:
            connection = opened(*args, **kwargs)
            with suppress(AttributeError):
                socket = connection.socket
                told = socket.get_read_timeout()
                socket.set_read_timeout(seconds if told is None else min(told, seconds))
            return connection

        pool.opener = bounded
