"""The clock on a connection runs while its sender could send, and only then."""

from __future__ import annotations

import asyncio
import socket
from contextlib import asynccontextmanager

import pytest
import uvicorn

from ringfinder.serve import protocol
from ringfinder.serve.protocol import Protocol

HEAD = b"POST /%s HTTP/1.1\r\nhost: x\r\ncontent-length: %d\r\n\r\n"


def sent(monkeypatch, *pieces, slow_s=0.0):
    """What comes back for pieces sent one after the other (bytes, or seconds to wait), and whether
    the connection was ended.

    A request may take 0.2 s to arrive; `slow_s` is how long the first one takes to answer.
    """
    monkeypatch.setattr(protocol, "SECONDS", 0.2)
    monkeypatch.setattr(protocol, "GRACE_S", 0.0)

    async def app(scope, receive, send):
        while (await receive()).get("more_body"):
            pass
        await asyncio.sleep(slow_s if scope["path"] == "/first" else 0)
        body = scope["path"].encode()
        length = (b"content-length", str(len(body)).encode())
        await send({"type": "http.response.start", "status": 200, "headers": [length]})
        await send({"type": "http.response.body", "body": body})

    async def talk():
        async with started(app) as server:
            reader, writer = await asyncio.open_connection("127.0.0.1", port_of(server))
            for piece in pieces:
                if isinstance(piece, float):
                    await asyncio.sleep(piece)
                else:
                    writer.write(piece)
            got = await to_the_end(reader)
            writer.close()
            return got

    return asyncio.run(talk())


@asynccontextmanager
async def started(app):
    """A server of an application, on a free port."""
    config = uvicorn.Config(
        app, http=Protocol, ws="none", lifespan="off", log_config=None, port=0, loop="asyncio"
    )
    server = uvicorn.Server(config)
    config.load()
    server.lifespan = config.lifespan_class(config)
    await server.startup()
    try:
        yield server
    finally:
        await server.shutdown()


def port_of(server):
    return server.servers[0].sockets[0].getsockname()[1]


async def to_the_end(reader):
    """What comes, and whether the connection was ended."""
    got = b""
    try:
        async with asyncio.timeout(1.5):
            while piece := await reader.read(65536):
                got += piece
    except TimeoutError:
        return got, False
    return got, True


@pytest.mark.parametrize(
    "begun", [b"POST /second HT", HEAD % (b"second", 5), HEAD % (b"second", 5) + b"12"]
)
def test_a_request_that_came_with_the_end_of_another_is_timed_too(monkeypatch, begun):
    got, ended = sent(monkeypatch, HEAD % (b"first", 2) + b"12" + begun)
    assert ended
    assert b"/first" in got
    assert b"/second" not in got


def test_a_request_that_waits_behind_a_slow_answer_has_its_whole_time_after_it(monkeypatch):
    first = HEAD % (b"first", 2) + b"12"
    got, _ = sent(monkeypatch, first + HEAD % (b"second", 5), 0.55, b"12345", slow_s=0.5)
    assert b"/first" in got
    assert b"/second" in got


@pytest.mark.parametrize("requests", [1, 50])
@pytest.mark.parametrize("keeps_reading", [False, True])
def test_who_leaves_an_answer_is_cut_off_and_who_takes_it_by_and_by_is_not(
    monkeypatch, requests, keeps_reading
):
    monkeypatch.setattr(protocol, "UNREAD_S", 0.3)
    large = b"x" * (12 << 20)

    async def app(scope, receive, send):
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": large})

    async def talk():
        async with started(app) as server:
            asked = socket.create_connection(("127.0.0.1", port_of(server)))
            asked.sendall(b"GET / HTTP/1.1\r\nhost: x\r\n\r\n" * requests)
            asked.setblocking(False)
            loop, got = asyncio.get_running_loop(), 0
            until = loop.time() + 5
            while loop.time() < until and got < requests * len(large):
                await asyncio.sleep(0.01)
                if keeps_reading:
                    got += len(await loop.sock_recv(asked, 4 << 20))
                elif not server.server_state.connections:
                    break
            cut_off = not server.server_state.connections
            asked.close()
            return got == 0, cut_off

    assert asyncio.run(talk()) == (not keeps_reading, not keeps_reading)
