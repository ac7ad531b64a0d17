"""A line to a server that goes silent when a test says so: nothing is closed, nothing comes."""

from __future__ import annotations

import socket
import threading
from contextlib import contextmanager, suppress


class Line:
    """A TCP relay on the loopback.

    Attributes
    ----------
    uri
        Where to connect to.
    silent
        Set: what either side says is held back, while every connection stays open.
    """

    def __init__(self, host: str, port: int) -> None:
        self._to = (host, port)
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._open: list[socket.socket] = []
        self.uri = f"bolt://127.0.0.1:{self._listener.getsockname()[1]}"
        self.silent = threading.Event()
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self) -> None:
        with suppress(OSError):
            while True:
                near, _ = self._listener.accept()
                far = socket.create_connection(self._to)
                self._open += [near, far]
                for one, other in ((near, far), (far, near)):
                    threading.Thread(target=self._relay, args=(one, other), daemon=True).start()

    def _relay(self, one: socket.socket, other: socket.socket) -> None:
        with suppress(OSError):
            while said := one.recv(65_536):
                if not self.silent.is_set():
                    other.sendall(said)
            if not self.silent.is_set():
                other.shutdown(socket.SHUT_WR)

    def close(self) -> None:
        for one in (self._listener, *self._open):
            with suppress(OSError):
                one.close()


@contextmanager
def line_to(uri: str):
    """A line to the server of an address such as ``neo4j://127.0.0.1:7687``."""
    host, port = uri.split("//")[1].split(":")
    line = Line(host, int(port))
    try:
        yield line
    finally:
        line.close()


def says_hello(connection: socket.socket) -> None:
    """Shake hands and log in as a Neo4j does (Bolt 5.4), then say nothing."""
    _read(connection, 20)
    connection.sendall(b"\0\0\x04\x05")
    hello = b"\xb1\x70\xa2\x86server\x8cNeo4j/5.26.0\x8dconnection_id\x82b1"
    for answer in (hello, b"\xb1\x70\xa0"):
        while size := int.from_bytes(_read(connection, 2)):
            _read(connection, size)
        connection.sendall(len(answer).to_bytes(2) + answer + b"\0\0")
    while connection.recv(65_536):
        pass


def _read(connection: socket.socket, many: int) -> bytes:
    said = b""
    while len(said) < many:
        said += (more := connection.recv(many - len(said)))
        if not more:
            raise EOFError
    return said


@contextmanager
def listener(behave):
    """Behave so to everybody who connects; gives the address."""
    waiting = socket.create_server(("127.0.0.1", 0))

    def serve(connection: socket.socket) -> None:
        with suppress(OSError, EOFError), connection:
            behave(connection)

    def accept() -> None:
        with suppress(OSError):
            while True:
                threading.Thread(target=serve, args=(waiting.accept()[0],), daemon=True).start()

    threading.Thread(target=accept, daemon=True).start()
    try:
        yield f"bolt://127.0.0.1:{waiting.getsockname()[1]}"
    finally:
        waiting.close()
