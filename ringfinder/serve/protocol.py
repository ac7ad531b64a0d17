"""The server's side of a connection: who sends too slowly is cut off, and who does not read.

uvicorn waits for ever for a request that has begun: a few hundred sockets that send a byte a
second would hold connections and memory. Here a request has `SECONDS` from its first byte to
its last, and a connection that says nothing is closed after as long. It waits for ever, too,
until an answer is taken: here whoever leaves one for `UNREAD_S` loses it.
"""

from __future__ import annotations

import asyncio
import json
from typing import Any

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from ringfinder.serve.bodies import SECONDS
from ringfinder.serve.problems import MEDIA_TYPE, TYPE

GRACE_S = 0.5
"""Later than `bodies.limited`, which can still answer inside the application."""
UNREAD_S = 30.0
"""An answer that is not taken by then is given up with its connection."""
MOST_HEAD_BYTES = 32 << 10
MOST_CONNECTIONS = 4096
"""Open connections of one worker; more are closed at once."""


class Protocol(HttpToolsProtocol):
    """uvicorn's protocol with a clock on everything that arrives."""

    def __init__(self, *given: Any, **named: Any) -> None:
        super().__init__(*given, **named)
        self._clock: asyncio.TimerHandle | None = None
        self._arriving = False
        self._in_head, self._head_bytes = False, 0
        self._unread: asyncio.TimerHandle | None = None
        self._answered_s = 0.0

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Begin to wait for a request."""
        super().connection_made(transport)
        if len(self.connections) > MOST_CONNECTIONS:
            transport.abort()
            return
        self._wind(SECONDS)

    def connection_lost(self, exc: Exception | None) -> None:
        """Stop waiting."""
        self._stop()
        if self._unread is not None:
            self._unread.cancel()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Take what came; a request that began and has not ended is timed from its beginning."""
        if self._clock is None and not self._arriving:
            self._wind(SECONDS)
        super().data_received(data)
        if self._in_head and self.transport is not None:
            self._head_bytes += len(data)
            if self._head_bytes > MOST_HEAD_BYTES:
                self._refuse(431, "headers_too_large", "The headers are too large.")

    def on_message_begin(self) -> None:
        """Note that a request begins; one that came with the end of another has no clock yet."""
        self._arriving, self._in_head, self._head_bytes = True, True, 0
        if self._clock is None:
            self._wind(SECONDS)
        super().on_message_begin()

    def on_headers_complete(self) -> None:
        """Give the body a little longer than the application does, which answers better."""
        self._in_head = False
        if self._clock is not None:
            self._wind(SECONDS + GRACE_S)
        super().on_headers_complete()

    def on_message_complete(self) -> None:
        """Stop the clock: the whole request is here."""
        self._arriving = False
        self._stop()
        super().on_message_complete()

    def on_response_complete(self) -> None:
        """Begin with the next request; while it waited in line, its body could not be read."""
        if self.pipeline and self._arriving:
            self._wind(SECONDS + GRACE_S)
        self._answered_s = self.loop.time()
        if self._unread is None:  # one for all answers of as long, which costs them nothing
            self._unread = self.loop.call_later(UNREAD_S, self._check_taken)
        super().on_response_complete()

    def send_400_response(self, msg: str) -> None:
        """Answer what is not HTTP like any other error."""
        self._refuse(400, "bad_request", "The request is not HTTP as this service speaks it.")

    def _wind(self, seconds: float) -> None:
        self._stop()
        self._clock = self.loop.call_later(seconds, self._too_slow)

    def _stop(self) -> None:
        if self._clock is not None:
            self._clock.cancel()
            self._clock = None

    def _check_taken(self) -> None:
        """Cut off who has left the last answer, or a part of it, for too long."""
        self._unread = None
        if not self.transport.get_write_buffer_size():
            return
        left = self._answered_s + UNREAD_S - self.loop.time()
        if left > 0:
            self._unread = self.loop.call_later(left, self._check_taken)
        else:
            self.transport.abort()  # to close it would wait until all is taken

    def _too_slow(self) -> None:
        self._clock = None
        if self.transport is None or self.transport.is_closing():
            return
        if self.pipeline:  # it waits for us: its clock is wound anew when it is its turn
            return
        if self._arriving and (self.cycle is None or self.cycle.response_complete):
            self._refuse(408, "too_slow", f"The request was not there after {SECONDS:g} seconds.")
        else:
            self.transport.close()

    def _refuse(self, status: int, code: str, detail: str) -> None:
        if self.transport.is_closing():
            return
        title = {400: "Bad Request", 408: "Request Timeout", 431: "Request Header Fields Too Large"}
        body = json.dumps(
            {"type": TYPE.format(code), "title": title[status], "status": status,
             "detail": detail, "code": code}
        ).encode()  # fmt: skip
        self.transport.write(
            f"HTTP/1.1 {status} {title[status]}\r\ncontent-type: {MEDIA_TYPE}\r\n"
            f"content-length: {len(body)}\r\nconnection: close\r\n\r\n".encode()
            + body
        )
        self.transport.close()
