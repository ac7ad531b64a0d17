"""A server on the loopback that misbehaves in a way of the test's choosing."""

from __future__ import annotations

import json
import socket
import threading
import time
from contextlib import contextmanager, suppress

ANSWER = {
    "account_id": "a1", "decision": "challenge", "score": 0.97,
    "ring": {"ring_id": "r1", "membership": 0.9, "verdict": "fleet"},
    "reasons": [
        {"code": "c", "family": "device", "kind": "device", "nats": 3.5, "text": "Because."}
    ],
    "public_reason": "One more step is needed.", "snapshot": {"id": "s", "age_s": 1.0},
    "degraded": False, "accepted": True,
}  # fmt: skip


def response(body, status="200 OK", extra=""):
    content = body if isinstance(body, bytes) else json.dumps(body).encode()
    head = f"HTTP/1.1 {status}\r\nContent-Type: application/json\r\n{extra}"
    return f"{head}Content-Length: {len(content)}\r\n\r\n".encode() + content


class Server:
    """Answers with `behave(request, connection)`, which sends bytes or does not.

    Attributes
    ----------
    requests
        (head, body) of every request that came, as text and JSON.
    connections
        How many were opened.
    """

    def __init__(self, behave):
        self.behave, self.requests, self.connections = behave, [], 0
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self._listener.getsockname()[1]}"
        self._open = []
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self):
        with suppress(OSError):
            while True:
                connection, _ = self._listener.accept()
                self.connections += 1
                self._open.append(connection)
                threading.Thread(target=self._serve, args=(connection,), daemon=True).start()

    def _serve(self, connection):
        with suppress(OSError, ValueError), connection, connection.makefile("rb") as file:
            while (head := self._head(file)) is not None:
                length = next(
                    (int(line.split(":")[1]) for line in head.lower().splitlines()
                     if line.startswith("content-length")), 0,
                )  # fmt: skip
                body = file.read(length)
                self.requests.append((head, json.loads(body) if body else None))
                if self.behave(self, connection) == "close":
                    return

    @staticmethod
    def _head(file):
        lines = []
        while (line := file.readline()) not in (b"\r\n", b""):
            lines.append(line.decode())
        return "".join(lines) if lines else None

    def close(self):
        self._listener.close()
        for connection in self._open:
            with suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)


@contextmanager
def server(behave):
    """Run a server for the length of a block."""
    running = Server(behave)
    try:
        yield running
    finally:
        running.close()


def sends(body, status="200 OK", extra=""):
    """A behaviour: this answer, at once."""
    return lambda _, connection: connection.sendall(response(body, status, extra))


def drips(body=None, pause_s=0.02):
    """A behaviour: the answer, a byte at a time."""

    def behave(_, connection):
        for byte in response(body or ANSWER):
            connection.sendall(bytes([byte]))
            time.sleep(pause_s)

    return behave


def silent(_, connection):
    """A behaviour: nothing at all, for a long time."""
    time.sleep(30)


def in_turn(*behaviours):
    """A behaviour: one after the other, the last one for good."""
    left = list(behaviours)

    def behave(*given):
        now = left.pop(0) if len(left) > 1 else left[0]
        return now(*given)

    return behave
