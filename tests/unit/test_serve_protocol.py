"""The clock on a connection runs while its sender could send, and only then."""

from __future__ import annotations

import asyncio

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
        config = uvicorn.Config(
            app, http=Protocol, ws="none", lifespan="off", log_config=None, port=0, loop="asyncio"
        )
        server = uvicorn.Server(config)
        config.load()
        server.lifespan = config.lifespan_class(config)
        await server.startup()
        try:
            port = server.servers[0].sockets[0].getsockname()[1]
            reader, writer = await asyncio.open_connection("127.0.0.1", port)
            for piece in pieces:
                if isinstance(piece, float):
                    await asyncio.sleep(piece)
                else:
                    writer.write(piece)
            got = await to_the_end(reader)
            writer.close()
            return got
        finally:
            await server.shutdown()

    return asyncio.run(talk())


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
