"""A client's connection, as the writer sees it."""

from __future__ import annotations

import asyncio
from typing import Protocol, cast

from ringfinder.journal import frames
from ringfinder.journal.frames import BadFrameError, Frames, Kind


class Desk(Protocol):
    """Where a caller's requests go."""

    clients: set[Caller]

    def handle(self, client: Caller, kind: Kind, request: int, body: bytes) -> None:
        """Take in one request."""
        ...


class Caller(asyncio.Protocol):
    """One connection, seen from the writer."""

    def __init__(self, writer: Desk) -> None:
        self._writer = writer
        self._frames = Frames()
        self._transport: asyncio.Transport | None = None
        self._answers: list[bytes] = []
        self._reads = True
        self._takes = True

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Begin."""
        # A stream socket has one that writes; uvloop's is no subclass of asyncio's.
        self._transport = cast(asyncio.Transport, transport)
        self._writer.clients.add(self)

    def connection_lost(self, exc: Exception | None) -> None:
        """End."""
        self._transport = None
        self._writer.clients.discard(self)

    def data_received(self, data: bytes) -> None:
        """Take in what has come."""
        try:
            for kind, request, body in self._frames.feed(data):
                self._writer.handle(self, kind, request, body)
        except (BadFrameError, UnicodeError):
            self.hang_up()

    def pause_writing(self) -> None:
        """Take no further requests of a client that does not read its answers."""
        self._takes = False
        self.read_on(self._reads)

    def resume_writing(self) -> None:
        """Take requests again."""
        self._takes = True
        self.read_on(self._reads)

    def read_on(self, reads: bool) -> None:
        """Read from this client, or leave it waiting."""
        self._reads = reads
        if self._transport is None or self._transport.is_closing():
            return
        if reads and self._takes:
            self._transport.resume_reading()
        else:
            self._transport.pause_reading()

    def answer(self, kind: Kind, request: int, body: bytes) -> None:
        """Send an answer; several of one moment go out together."""
        if not self._answers:
            asyncio.get_running_loop().call_soon(self._send)
        self._answers.append(frames.to_frame(kind, request, body))

    def _send(self) -> None:
        if self._transport is not None:
            self._transport.write(b"".join(self._answers))
        self._answers.clear()

    def hang_up(self) -> None:
        """Send what is answered, then close."""
        self._send()
        if self._transport is not None:
            self._transport.close()
