"""The writer's process: its lock, its socket, its beginning and its end."""

from __future__ import annotations

import asyncio
import logging
import signal
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

from ringfinder.journal import place
from ringfinder.journal.caller import Caller
from ringfinder.journal.salvage import open_or_salvage
from ringfinder.journal.writer import OpenFile, Writer
from ringfinder.store.segments import EventLog

ERRAND_S = 3.0
"""How long a command that found no writer may need for what it does in its place."""
SAY_AGAIN_S = 10.0

log = logging.getLogger("ringfinder.journal")


class _Sparing:
    """Logs what goes wrong beside the requests, such as a lack of descriptors, now and then."""

    def __init__(self) -> None:
        self._said: dict[str, float] = {}

    def __call__(self, loop: asyncio.AbstractEventLoop, context: dict[str, object]) -> None:
        message = f"{context.get('message')}: {context.get('exception')!r}"
        if loop.time() - self._said.get(message, float("-inf")) > SAY_AGAIN_S:
            self._said[message] = loop.time()
            log.warning("journal: %s", message)


async def serve_writer(
    directory: Path,
    events: Path,
    *,
    ready: Callable[[], object] = lambda: None,
    open_file: OpenFile = open_or_salvage,
) -> None:
    """Write the journal until this is cancelled.

    Parameters
    ----------
    directory, events
        Of the journal, and of the event log that numbers its entries.
    ready
        Called once clients can connect.

    Raises
    ------
    StoreUnavailable
        If another process writes this journal.
    """
    loop = asyncio.get_running_loop()
    loop.set_exception_handler(_Sparing())
    with place.only_writer(directory, wait_s=ERRAND_S):
        writer = Writer(directory, EventLog(events, wait_s=5.0), open_file=open_file)
        await writer.prepare()
        listening = place.listen(directory)
        server = await loop.create_unix_server(lambda: Caller(writer), sock=listening)
        try:
            ready()
            await asyncio.Event().wait()
        finally:
            server.close()
            await writer.finish()
            (directory / place.SOCKET).unlink(missing_ok=True)


def run_writer(
    directory: Path, events: Path, *, ready: Callable[[], object] = lambda: None
) -> None:
    """Write the journal until the process is told to stop: see `serve_writer`."""

    async def until_told() -> None:
        loop = asyncio.get_running_loop()
        task = asyncio.ensure_future(serve_writer(directory, events, ready=ready))
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, task.cancel)
        with suppress(asyncio.CancelledError):
            await task

    asyncio.run(until_told())
