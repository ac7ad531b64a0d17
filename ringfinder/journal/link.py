"""A client's connection to the writer, made again whenever it is lost."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import cast

from ringfinder.journal import frames, place
from ringfinder.journal.entries import JournalUnavailable
from ringfinder.journal.frames import BadFrameError, Frames, Kind

_PAUSES_S = (0.005, 0.01, 0.02, 0.05)
"""Between attempts to connect: a writer that comes back is found at once."""


class RefusedError(JournalUnavailable):
    """The writer answered that it cannot record anything now."""


class HungUpError(Exception):
    """The connection was lost before the answer: ask again."""


class Link(asyncio.Protocol):
    """One connection, seen from the client.

    Parameters
    ----------
    directory
        The journal's, for messages.
    max_pending
        Entries without an answer; more are refused.
    """

    def __init__(self, directory: Path, max_pending: int) -> None:
        self._directory = directory
        self._max_pending = max_pending
        self._frames = Frames()
        self._transport: asyncio.Transport | None = None
        self._asked: dict[int, tuple[asyncio.Future[bytes], int]] = {}
        self._out: list[bytes] = []
        self._last = 0
        self._pending = 0

    @property
    def open(self) -> bool:
        """Whether something can be asked."""
        return self._transport is not None and not self._transport.is_closing()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Begin."""
        # A stream socket has one that writes; uvloop's is no subclass of asyncio's.
        self._transport = cast(asyncio.Transport, transport)

    def connection_lost(self, exc: Exception | None) -> None:
        """End."""
        self._transport = None
        for answer, _ in self._asked.values():
            if not answer.done():
                answer.set_exception(HungUpError())
        self._asked.clear()

    def data_received(self, data: bytes) -> None:
        """Take in what has come."""
        try:
            for kind, request, body in self._frames.feed(data):
                self._take(kind, request, body)
        except BadFrameError:
            self.close()

    def _take(self, kind: Kind, request: int, body: bytes) -> None:
        answer, entries = self._asked.pop(request)
        self._pending -= entries
        if answer.done():  # nobody waits for it any more
            return
        if kind == Kind.REFUSED:
            answer.set_exception(
                RefusedError(f"the journal {self._directory} took nothing: {body.decode()}")
            )
        else:
            answer.set_result(body)

    async def ask(self, kind: Kind, body: bytes, entries: int) -> bytes:
        """Return the body of the answer.

        What was asked stays pending when nobody waits for it any more: a writer that stalls
        must not be buried.

        Raises
        ------
        JournalUnavailable
            If too much is pending, or the writer refused.
        HungUpError
            If the connection was lost.
        """
        if not self.open:
            raise HungUpError
        if self._pending and self._pending + entries > self._max_pending:
            raise JournalUnavailable(
                f"the journal {self._directory} is behind by {self._pending} entries: "
                "send the same event_id again"
            )
        self._last += 1
        self._pending += entries
        answer: asyncio.Future[bytes] = asyncio.get_running_loop().create_future()
        self._asked[self._last] = (answer, entries)
        if not self._out:  # what is asked in one moment goes out together
            asyncio.get_running_loop().call_soon(self._send)
        self._out.append(frames.to_frame(kind, self._last, body))
        return await answer

    def _send(self) -> None:
        if self._transport is not None:
            self._transport.write(b"".join(self._out))
        self._out.clear()

    def close(self) -> None:
        """Hang up."""
        if self._transport is not None:
            self._transport.abort()


class Dialer:
    """Keeps one connection to the writer.

    Parameters
    ----------
    directory, max_pending
        As in `Link`.
    """

    def __init__(self, directory: Path, max_pending: int) -> None:
        self._directory = directory
        self._max_pending = max_pending
        self._link: Link | None = None
        self._dialing: asyncio.Task[Link] | None = None

    async def link(self) -> Link:
        """Return the open connection, waiting for it as long as it takes."""
        if self._link is not None and self._link.open:
            return self._link
        if self._dialing is None or self._dialing.done():
            self._dialing = asyncio.ensure_future(self._dial())
        self._link = await asyncio.shield(self._dialing)
        return self._link

    async def _dial(self) -> Link:
        loop = asyncio.get_running_loop()
        attempt = 0
        while True:
            try:
                with place.address(self._directory) as path:
                    _, link = await loop.create_unix_connection(
                        lambda: Link(self._directory, self._max_pending), path
                    )
            except OSError:
                await asyncio.sleep(_PAUSES_S[min(attempt, len(_PAUSES_S) - 1)])
                attempt += 1
            else:
                return link

    async def close(self) -> None:
        """Stop dialing and hang up."""
        if self._dialing is not None:
            self._dialing.cancel()
            await asyncio.gather(self._dialing, return_exceptions=True)
        if self._link is not None:
            self._link.close()
