"""One process that answers requests, on a socket that all workers share."""

from __future__ import annotations

import gc
import logging
import socket
import sys
from collections.abc import Callable

import uvicorn

from ringfinder.config import Settings
from ringfinder.serve.app import create_app
from ringfinder.serve.protocol import Protocol

DRAIN_S = 10
BACKLOG = 2048
YOUNG = (10_000, 5, 5_000)
"""When new objects are looked through for cycles: each time some 10,000, at most 50,000. Nothing
is answered meanwhile, and a million, as some newcomers are in the end, take a fifth of a second."""


class _Server(uvicorn.Server):
    """Says when it accepts connections."""

    ready: Callable[[], None] = staticmethod(lambda: None)

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Begin to accept."""
        await super().startup(sockets)
        self.ready()


def server(settings: Settings, *, worker: int = 0) -> _Server:
    """Return a server of the application that only waits to be run."""
    config = uvicorn.Config(
        create_app(settings, worker=worker),
        http=Protocol, ws="none", loop="uvloop", lifespan="on", log_config=None,
        access_log=False, server_header=False, backlog=BACKLOG, timeout_keep_alive=75,
        timeout_graceful_shutdown=DRAIN_S, proxy_headers=False,
    )  # fmt: skip
    return _Server(config)


def run(
    settings: Settings, *, worker: int, listening: int, ready: Callable[[], None] = lambda: None
) -> None:
    """Answer requests until told to stop.

    Parameters
    ----------
    settings, worker
        See `create_app`.
    listening
        File descriptor of the socket.
    ready
        Called when connections are accepted.
    """
    running = server(settings, worker=worker)
    running.ready = ready
    # What was made so far stays for good: no collection looks at it again.
    gc.collect()
    gc.freeze()
    gc.set_threshold(*YOUNG)
    sys.setswitchinterval(0.001)  # readers' threads give the interpreter back sooner
    running.run(sockets=[socket.socket(fileno=listening)])
    logging.getLogger("ringfinder.serve").info("worker stopped", extra={"worker": worker})
