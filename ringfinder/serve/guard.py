"""Around every request: an id, a line in the log, a measure, and the last word on errors."""

from __future__ import annotations

import logging
import re
import time
from random import getrandbits

from prometheus_client import Histogram
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from ringfinder.serve import metrics
from ringfinder.serve.problems import answer, wrong_fields

log = logging.getLogger("ringfinder.requests")
SLOW_S = 0.25
_AN_ID = re.compile(rb"[A-Za-z0-9-]{1,64}")


class Guard:
    """Wraps the application as pure ASGI: a few microseconds a request.

    Parameters
    ----------
    app
        What answers.
    log_all
        Log every request, and not only what failed or was slow.
    """

    def __init__(self, app: ASGIApp, *, log_all: bool = False) -> None:
        self._app, self._log_all = app, log_all

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request, whatever happens inside."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        began, status = time.perf_counter(), 0
        request_id = _request_id(scope)

        async def told(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                message["headers"] = [*message.get("headers", ()), *_HEADERS,
                                      (b"x-request-id", request_id)]  # fmt: skip
            await send(message)

        try:
            await self._app(scope, receive, told)
        except Exception as error:
            if status:
                log.error("answer broken off", extra={"error": type(error).__name__})
                return
            scope["fields"] = wrong_fields(error)
            await answer(error)(scope, receive, told)
        finally:
            self._note(scope, request_id, status, time.perf_counter() - began)

    def _note(self, scope: Scope, request_id: bytes, status: int, seconds: float) -> None:
        route = getattr(scope.get("route"), "path_format", "(none)")
        _measure(route, status).observe(seconds)
        if status >= 400 or seconds >= SLOW_S or self._log_all:
            key = scope.get("key")
            log.log(
                logging.ERROR if status >= 500 else logging.INFO, "request",
                extra={
                    "request_id": request_id.decode(), "method": scope["method"][:10],
                    "route": route, "status": status, "ms": round(seconds * 1000, 2),
                    "key": None if key is None else key.id, "fields": scope.get("fields", []),
                },
            )  # fmt: skip


_HEADERS = (
    (b"cache-control", b"no-store"),
    (b"x-content-type-options", b"nosniff"),
)
_measures: dict[tuple[str, int], Histogram] = {}


def _measure(route: str, status: int) -> Histogram:
    """Return the histogram of a route and status; `labels` looks it up more slowly."""
    found = _measures.get((route, status))
    if found is None:
        found = _measures[route, status] = metrics.REQUESTS.labels(route, str(status))
    return found


def _request_id(scope: Scope) -> bytes:
    for name, value in scope["headers"]:
        if name == b"x-request-id" and _AN_ID.fullmatch(value):
            return bytes(value)
    return b"%016x" % getrandbits(64)  # an id and no secret: nothing is asked of the system
