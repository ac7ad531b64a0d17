"""Bodies are measured and timed while they arrive, before anything parses them."""

from __future__ import annotations

import asyncio
from contextlib import suppress

from starlette.types import Message, Receive, Scope

from ringfinder.serve.errors import TooLarge, TooSlow, WrongMediaType

SMALL = 64 << 10
"""Bytes of one row."""
LARGE = 8 << 20
"""Bytes of a batch."""
DRAIN_BYTES, DRAIN_S = 16 << 20, 1.0
"""What is still taken of a body that was refused."""
SECONDS = 5.0
"""How long a body may take to arrive: a slow sender holds memory and a turn."""


def limited(scope: Scope, receive: Receive, *, most: int) -> Receive:
    """Return a `receive` that ends when the body is too large or takes too long.

    Parameters
    ----------
    scope, receive
        Of the request.
    most
        Bytes the body may have; chunked bodies, which do not say their length, are counted.

    Raises
    ------
    TooLarge
        At once where Content-Length says so, or when the bytes that came exceed it.
    TooSlow
        If a body is not there after `SECONDS`.
    """
    length = _length(scope)
    if length is not None and length > most:
        raise _too_large(most)
    if not has_body(scope):
        return receive
    started, seen = asyncio.get_running_loop().time(), 0

    async def measured() -> Message:
        nonlocal seen
        left = started + SECONDS - asyncio.get_running_loop().time()
        try:
            async with asyncio.timeout(max(left, 0.0)):
                message = await receive()
        except TimeoutError:
            raise TooSlow(
                f"The body was not there after {SECONDS:g} seconds.", Connection="close"
            ) from None
        seen += len(message.get("body", b""))
        if seen > most:
            await drained(scope, receive)
            raise _too_large(most)
        return message

    return measured


async def drained(scope: Scope, receive: Receive) -> None:
    """Take for a moment what was refused: who is cut off while sending never reads the answer."""
    if _header(scope, b"expect"):  # the sender waits to be told whether to begin
        return
    left = DRAIN_BYTES
    with suppress(TimeoutError):
        async with asyncio.timeout(DRAIN_S):
            while left > 0:
                message = await receive()
                left -= len(message.get("body", b""))
                if not message.get("more_body"):
                    return


def has_body(scope: Scope) -> bool:
    """Tell whether a request says that it brings a body."""
    return bool(_length(scope)) or _chunked(scope)


def check_json(scope: Scope) -> None:
    """Raise a WrongMediaType where a body does not say that it is JSON."""
    kind = _header(scope, b"content-type").partition(b";")[0].strip().lower()
    if kind != b"application/json" and not (
        kind.startswith(b"application/") and kind.endswith(b"+json")
    ):
        raise WrongMediaType("Send the body as `Content-Type: application/json`.")


def _too_large(most: int) -> TooLarge:
    return TooLarge(f"The body has more than {most:,} bytes.", Connection="close")


def _header(scope: Scope, wanted: bytes) -> bytes:
    return next((bytes(value) for name, value in scope["headers"] if name == wanted), b"")


def _length(scope: Scope) -> int | None:
    said = _header(scope, b"content-length")
    return int(said) if said.isdigit() else None


def _chunked(scope: Scope) -> bool:
    return b"chunked" in _header(scope, b"transfer-encoding").lower()
