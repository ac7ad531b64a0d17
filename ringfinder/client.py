# SPDX-License-Identifier: MIT
#
# Copyright the ringfinder authors.
#
# This one file may be copied into any program, apart from the rest of ringfinder:
#
# Permission is hereby granted, free of charge, to any person obtaining a copy of this software
# and associated documentation files (the "Software"), to deal in the Software without
# restriction, including without limitation the rights to use, copy, modify, merge, publish,
# distribute, sublicense, and/or sell copies of the Software, and to permit persons to whom the
# Software is furnished to do so, subject to the following conditions:
#
# The above copyright notice and this permission notice shall be included in all copies or
# substantial portions of the Software.
#
# THE SOFTWARE IS PROVIDED "AS IS", WITHOUT WARRANTY OF ANY KIND, EXPRESS OR IMPLIED, INCLUDING
# BUT NOT LIMITED TO THE WARRANTIES OF MERCHANTABILITY, FITNESS FOR A PARTICULAR PURPOSE AND
# NONINFRINGEMENT. IN NO EVENT SHALL THE AUTHORS OR COPYRIGHT HOLDERS BE LIABLE FOR ANY CLAIM,
# DAMAGES OR OTHER LIABILITY, WHETHER IN AN ACTION OF CONTRACT, TORT OR OTHERWISE, ARISING FROM,
# OUT OF OR IN CONNECTION WITH THE SOFTWARE OR THE USE OR OTHER DEALINGS IN THE SOFTWARE.
"""A client of ringfinder's scoring API: one file, nothing but Python's standard library.

::

    client = Client("http://127.0.0.1:8000", key)          # one for the whole program
    answer = client.signup(account_id="a-1", email=..., ip=..., device_id=...)
    if answer.decision in ("challenge", "deny"):
        ...                                                # show answer.public_reason, if any

`signup` answers within `timeout_s` (300 ms), whatever the server or the network does. Where
there is no answer in time, `on_failure` says what to do: ``allow`` (the default: a sign-up is
never held up because ringfinder is away), ``challenge``, ``deny``, or ``throw``. Such an
answer has `failure` set. A sign-up that was answered ``accepted=False``, or not at all, may or
may not be recorded; it is sent again, with the same event_id, in the background until it is
accepted (at most `retry_for_s`; `flush` waits for that). One that is given up (too late, too
many of them, refused for good, the program ends) is logged and told to `on_lost`. With
``retry=False`` the caller does it: send the same fields again, with `answer.event_id` and
`answer.created_at` (or give both from the first; with ``throw`` there is no answer).

A field that JSON cannot hold (a UUID, a datetime) is a failure like any other: `signup` answers
by `on_failure`, and gives the sign-up up. Any other call raises `NotJson`.

Nobody waits on a form for the other calls, and some take the server seconds (an erasure, a batch
of thousands): they end within `call_timeout_s`, and raise where there is no answer.

`AsyncClient` is the same for asyncio. Both may be used from many threads or tasks at once, and
after a fork by parent and child: what waited to be sent again stays with the parent.
"""

from __future__ import annotations

import asyncio
import atexit
import contextlib
import http.client
import io
import json
import logging
import os
import queue
import re
import socket
import ssl
import threading
import time
import uuid
import weakref
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Future
from concurrent.futures import TimeoutError as _NotInTime
from dataclasses import dataclass, field
from functools import partial
from typing import Any, Literal
from urllib.parse import quote, urlsplit

__all__ = [
    "Answer",
    "AsyncClient",
    "Client",
    "NotJson",
    "Reason",
    "Refused",
    "Ring",
    "RingfinderError",
    "Unavailable",
]  # fmt: skip

Decision = Literal["allow", "review", "challenge", "deny"]
OnFailure = Literal["allow", "challenge", "deny", "throw"]

log = logging.getLogger("ringfinder.client")
TIMEOUT_S = 0.3
CALL_TIMEOUT_S = 10.0
RETRY_FOR_S = 300.0
_THREADS = 32
_MOST_WAITING = 1000
_MOST_BYTES = 8 << 20
_PASSING = {408, 425, 429, 500, 502, 503, 504}  # the same request may do better later


class RingfinderError(Exception):
    """The root of what this client raises."""


class Unavailable(RingfinderError):
    """No usable answer in time; the request may or may not have had its effect."""


class NotJson(RingfinderError):
    """A field is no JSON value, so that nothing was sent."""


class Refused(RingfinderError):
    """The API refused the request.

    Attributes
    ----------
    status
        HTTP status, such as 401 or 422.
    problem
        The problem document (RFC 9457); empty where there was none.
    """

    def __init__(self, status: int, problem: Mapping[str, Any]) -> None:
        said = problem.get("detail") or problem.get("title") or "no detail"
        super().__init__(f"the API answered {status}: {said}{_wrong_fields(problem)}")
        self.status, self.problem = status, dict(problem)


@dataclass(frozen=True)
class Ring:
    """The ring an account belongs to; `verdict`: fleet, organisation, household or unclear."""

    ring_id: str
    membership: float
    verdict: str


@dataclass(frozen=True)
class Reason:
    """One piece of evidence, for your analysts; not for the applicant."""

    code: str
    family: str
    kind: str
    nats: float
    text: str


@dataclass(frozen=True)
class Answer:
    """The answer to a sign-up.

    Attributes
    ----------
    event_id
        The name the sign-up was sent under: the same one gets the same answer.
    decision
        What to do: allow, review, challenge or deny.
    public_reason
        What may be told to the applicant.
    score, ring, reasons
        For analysts: 0-1, higher is worse; its ring, None outside rings; the evidence.
    accepted
        Whether it is recorded durably; False means unknown.
    degraded
        Whether the service answered with less than usual.
    failure
        Empty, or why there is no answer and `on_failure` decided.
    raw
        The whole answer as JSON values.
    created_at
        The time the sign-up was sent with: sent again, it must be the same.
    """

    event_id: str
    decision: Decision
    public_reason: str = ""
    score: float = 0.0
    ring: Ring | None = None
    reasons: tuple[Reason, ...] = ()
    accepted: bool = False
    degraded: bool = True
    failure: str = ""
    raw: Mapping[str, Any] = field(default_factory=dict, repr=False)
    created_at: str = field(default="", compare=False)  # of the question, not of the answer


class Client:
    """Talks to one ringfinder service; keeps connections open between calls.

    Parameters
    ----------
    url
        Such as ``https://ringfinder.internal:8000``.
    key
        An API key; `ringfinder keys create` makes one. White space around it, such as the end
        of a line of a file, is left out.
    timeout_s
        Longest time `signup` takes, all of it: name look-up, connection, answer.
    call_timeout_s
        Longest time any other call takes.
    on_failure
        What `signup` answers where there is no answer in time.
    retry
        Whether to send sign-ups again, in the background, that were not accepted.
    retry_for_s
        How long to go on with one of them.
    on_lost
        Told the fields of a sign-up that was given up, in another thread, or by `close`, or
        when the program ends; what it raises is logged.
    ssl_context
        For https; None: the system's certificates.

    Raises
    ------
    ValueError
        If url, key or on_failure is none.
    """

    def __init__(
        self,
        url: str,
        key: str,
        *,
        timeout_s: float = TIMEOUT_S,
        call_timeout_s: float = CALL_TIMEOUT_S,
        on_failure: OnFailure = "allow",
        retry: bool = True,
        retry_for_s: float = RETRY_FOR_S,
        on_lost: Callable[[Mapping[str, Any]], None] = lambda fields: None,
        ssl_context: ssl.SSLContext | None = None,
    ) -> None:
        if on_failure not in ("allow", "challenge", "deny", "throw"):
            raise ValueError("on_failure is one of allow, challenge, deny, throw")
        self.timeout_s, self.call_timeout_s, self.on_failure = timeout_s, call_timeout_s, on_failure
        self._wire = _Wire(url, key, ssl_context)
        self._retry = (retry_for_s, on_lost) if retry else None
        self._closed = False
        self._begin()
        _clients.add(self)

    def _begin(self) -> None:
        """Start without threads and connections: at first, and in a process that was forked."""
        self._wire.forget()
        self._free = threading.BoundedSemaphore(_THREADS)
        self._again = _Again(self._wire, *self._retry) if self._retry else None

    def signup(self, *, event_id: str = "", created_at: str = "", **fields: Any) -> Answer:
        """Score and record one sign-up; never takes longer than `timeout_s`.

        Parameters
        ----------
        event_id
            Your name of this sign-up; a random one if not given. Whoever may give it twice (a
            form sent again, a job that is run again) gives `created_at` with it.
        created_at
            RFC 3339; now if not given, which is another body each time: under an event_id that
            was sent before it is refused, and answered by `on_failure`.
        fields
            account_id, or attempt_id where there is no account yet; and what is known of
            email, email_verified, ip, device_id, payment_fingerprint, card_bin, phone,
            user_agent, tls_fingerprint, country, plan, organisation_id, referrer.

        Raises
        ------
        Unavailable, Refused, NotJson
            With ``on_failure="throw"`` only.
        """
        body = _signup_body(event_id, created_at, fields)
        try:
            answer = _to_answer(body, self._call("POST", "/v1/signups", body, self.timeout_s))
        except RingfinderError as error:
            return self._failed(body, error)
        except BaseException:  # somebody wants the caller to end: it is sent again all the same
            self._send_again(body)
            raise
        if not answer.accepted:
            self._send_again(body)
        return answer

    def outcome(self, event_id: str, outcome: str, **fields: Any) -> dict[str, Any]:
        """Say how a sign-up ended: completed, abandoned or denied.

        Give `account_id` where an attempt has become an account.
        """
        path = f"/v1/signups/{quote(event_id, safe='')}/outcome"
        return self._call("POST", path, {"outcome": outcome, **fields})

    def batch(self, table: str, items: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
        """Record rows of a table: signups, usage, payments or logins; answered one by one."""
        return self._call("POST", f"/v1/{table}/batch", {"items": list(items)})

    def label(
        self, account_id: str, label: str, *, event_id: str = "", **fields: Any
    ) -> dict[str, Any]:
        """Say that an account is `fraud` or `legitimate`.

        To say it again after no answer give the same `event_id`. Without `decided_at` it was
        decided when it came.
        """
        return self._call("POST", "/v1/labels", _label_body(account_id, label, event_id, fields))

    def account(self, account_id: str, *, action: str | None = None) -> dict[str, Any]:
        """Return what is known of an account.

        With an action (``login``, ``usage``, ``payment``, ``payout``) `decision` is what the
        service's policy says of it.
        """
        return self._call("GET", _account_path(account_id, action))

    def erase(self, account_id: str) -> dict[str, Any]:
        """Erase an account's personal data."""
        return self._call("DELETE", _erasure_path(account_id))

    def flush(self, timeout_s: float = 5.0) -> bool:
        """Wait for sign-ups that are being sent again; False: some are still on their way."""
        return self._again is None or self._again.flush(timeout_s)

    def close(self) -> None:
        """Hang up. Sign-ups still being sent again are given up: `flush` before."""
        self._closed = True
        if self._again is not None:
            self._again.close()
        self._wire.close()

    def __enter__(self) -> Client:
        return self

    def __exit__(self, *error: object) -> None:
        self.close()

    def _call(
        self, method: str, path: str, body: Any = None, timeout_s: float | None = None
    ) -> dict[str, Any]:
        """Do one request in a thread, and give it up when the time is over."""
        timeout_s = self.call_timeout_s if timeout_s is None else timeout_s
        future = self._start(method, path, body, timeout_s)
        try:
            return future.result(timeout_s)
        except _NotInTime:
            raise Unavailable(f"no answer within {timeout_s:g} s") from None

    def _start(self, method: str, path: str, body: Any, timeout_s: float) -> Future[dict[str, Any]]:
        deadline = time.monotonic() + timeout_s
        content = None if body is None else _encoded(body)
        if self._closed:
            raise Unavailable("the client was closed")
        # A look-up of a name cannot be interrupted, so threads may be stuck: no queue behind them,
        # and a program that ends does not wait for them.
        free = self._free
        if not free.acquire(blocking=False):
            raise Unavailable(f"{_THREADS} requests are waiting for an answer already")
        future: Future[dict[str, Any]] = Future()
        future.set_running_or_notify_cancel()  # who waits for it may give up, and changes nothing
        ask = partial(self._wire.request, method, path, content, deadline)
        try:
            threading.Thread(
                target=_settle, args=(future, ask, free), name="ringfinder-client", daemon=True
            ).start()
        except RuntimeError:  # there are too many, or the program ends
            free.release()
            raise Unavailable("no thread could be started") from None
        return future

    def _failed(self, body: Mapping[str, Any], error: RingfinderError) -> Answer:
        log.warning("ringfinder did not answer a sign-up: %s", error)
        if not _is_final(error):
            self._send_again(body)
        elif self._again is not None:
            self._again.give_up(body, error)
        if self.on_failure == "throw":
            raise error
        return Answer(
            str(body["event_id"]), self.on_failure, failure=str(error),
            created_at=str(body["created_at"]),
        )  # fmt: skip

    def _send_again(self, body: Mapping[str, Any]) -> None:
        if self._again is not None:
            self._again.add(body)


class AsyncClient:
    """The same as `Client`, for asyncio; takes the same parameters."""

    def __init__(self, url: str, key: str, **options: Any) -> None:
        self._client = Client(url, key, **options)

    async def signup(self, *, event_id: str = "", created_at: str = "", **fields: Any) -> Answer:
        """Score and record one sign-up: see `Client.signup`."""
        client = self._client
        body = _signup_body(event_id, created_at, fields)
        try:
            raw = await self._call("POST", "/v1/signups", body, client.timeout_s)
            answer = _to_answer(body, raw)
        except RingfinderError as error:
            return client._failed(body, error)
        except BaseException:  # the task was cancelled: it is sent again all the same
            client._send_again(body)
            raise
        if not answer.accepted:
            client._send_again(body)
        return answer

    async def outcome(self, event_id: str, outcome: str, **fields: Any) -> dict[str, Any]:
        """Say how a sign-up ended: see `Client.outcome`."""
        path = f"/v1/signups/{quote(event_id, safe='')}/outcome"
        return await self._call("POST", path, {"outcome": outcome, **fields})

    async def batch(self, table: str, items: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
        """Record rows of a table: see `Client.batch`."""
        return await self._call("POST", f"/v1/{table}/batch", {"items": list(items)})

    async def label(
        self, account_id: str, label: str, *, event_id: str = "", **fields: Any
    ) -> dict[str, Any]:
        """Say that an account is `fraud` or `legitimate`: see `Client.label`."""
        body = _label_body(account_id, label, event_id, fields)
        return await self._call("POST", "/v1/labels", body)

    async def account(self, account_id: str, *, action: str | None = None) -> dict[str, Any]:
        """Return what is known of an account: see `Client.account`."""
        return await self._call("GET", _account_path(account_id, action))

    async def erase(self, account_id: str) -> dict[str, Any]:
        """Erase an account's personal data: see `Client.erase`."""
        return await self._call("DELETE", _erasure_path(account_id))

    async def flush(self, timeout_s: float = 5.0) -> bool:
        """Wait for sign-ups that are being sent again: see `Client.flush`."""
        return await asyncio.to_thread(self._client.flush, timeout_s)

    async def close(self) -> None:
        """Hang up: see `Client.close`."""
        await asyncio.to_thread(self._client.close)  # it may have much to tell `on_lost`

    async def __aenter__(self) -> AsyncClient:
        return self

    async def __aexit__(self, *error: object) -> None:
        await self.close()

    async def _call(
        self, method: str, path: str, body: Any = None, timeout_s: float | None = None
    ) -> dict[str, Any]:
        timeout_s = self._client.call_timeout_s if timeout_s is None else timeout_s
        future = asyncio.wrap_future(self._client._start(method, path, body, timeout_s))
        try:
            return await asyncio.wait_for(future, timeout_s)
        except TimeoutError:
            raise Unavailable(f"no answer within {timeout_s:g} s") from None


class _Wire:
    """Connections to one service, and requests over them; thread-safe."""

    def __init__(self, url: str, key: str, ssl_context: ssl.SSLContext | None) -> None:
        url, key = url.strip(), key.strip()
        parts = urlsplit(url)
        if (
            parts.scheme not in ("http", "https")
            or not parts.hostname
            or re.search(r"[\x00-\x20\x7f]", url)
        ):
            raise ValueError("url is http://HOST[:PORT] or https://HOST[:PORT]")
        if not re.fullmatch(r"[!-~]+", key):  # never shown; no header could hold it
            raise ValueError("key is an API key: letters, digits and signs, without spaces")
        self._host, self._port = parts.hostname, parts.port
        self._base = parts.path.rstrip("/")
        self._ssl = (
            (ssl_context or ssl.create_default_context()) if parts.scheme == "https" else None
        )
        self._headers = {
            "Authorization": f"Bearer {key}",
            "Accept": "application/json",
            "User-Agent": "ringfinder-client/1",
        }
        self.forget()

    def forget(self) -> None:
        """Let go of connections that another process may be using, without hanging up."""
        self._idle: queue.LifoQueue[_Connection] = queue.LifoQueue()
        self._closed = False

    def request(
        self, method: str, path: str, content: bytes | None, deadline: float
    ) -> dict[str, Any]:
        """Do one request; ends by the deadline or soon after it.

        Raises
        ------
        Unavailable, Refused
            And nothing else, whatever network and server do.
        """
        headers = self._headers | ({"Content-Type": "application/json"} if content else {})
        connection, used = self._take(deadline)
        try:
            status, answer = self._exchange(connection, method, path, content, headers)
        except Exception as error:  # a host's name alone may raise a UnicodeError
            connection.close()
            # A connection that idled may have been closed meanwhile; every request is idempotent.
            if used and time.monotonic() < deadline and not isinstance(error, TimeoutError):
                return self.request(method, path, content, deadline)
            raise Unavailable(f"no answer: {error.__class__.__name__}") from None
        return _checked(status, answer)

    def _exchange(
        self, connection: _Connection, method: str, path: str, content: bytes | None,
        headers: Mapping[str, str],
    ) -> tuple[int, bytes]:  # fmt: skip
        connection.request(method, self._base + path, content, dict(headers))
        with connection.getresponse() as response:
            answer = response.read(_MOST_BYTES + 1)
            if not response.isclosed():
                raise http.client.HTTPException("the answer is too large, or not whole")
        if response.will_close or self._closed:
            connection.close()
        else:
            self._idle.put(connection)
            if self._closed:  # meanwhile: nobody else would hang up
                self.close()
        return response.status, answer

    def _take(self, deadline: float) -> tuple[_Connection, bool]:
        try:
            connection = self._idle.get_nowait()
        except queue.Empty:
            return _Connection(self._host, self._port, self._ssl, deadline), False
        connection.until(deadline)
        return connection, True

    def close(self) -> None:
        self._closed = True
        with contextlib.suppress(queue.Empty):
            while True:
                self._idle.get_nowait().close()


class _Connection(http.client.HTTPConnection):
    """An HTTP connection on which nothing waits beyond a deadline, however slowly bytes drip."""

    def __init__(
        self, host: str, port: int | None, context: ssl.SSLContext | None, deadline: float
    ) -> None:
        super().__init__(host, port or (443 if context else 80))
        self._context, self._deadline = context, deadline

    def until(self, deadline: float) -> None:
        self._deadline = deadline

    def left(self) -> float:
        left = self._deadline - time.monotonic()
        if left <= 0:
            raise TimeoutError("the time is over")
        return left

    def connect(self) -> None:
        sock = socket.create_connection((self.host, self.port), self.left())
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        if self._context is not None:
            try:
                sock.settimeout(self.left())
                sock = self._context.wrap_socket(sock, server_hostname=self.host)
            except BaseException:
                sock.close()
                raise
        self.sock: Any = _Timed(sock, self.left)


class _Timed:
    """A socket that asks before every step how long it may still wait."""

    def __init__(self, sock: socket.socket, left: Callable[[], float]) -> None:
        self._sock, self._left = sock, left

    def sendall(self, data: Any) -> None:
        self._sock.settimeout(self._left())
        self._sock.sendall(data)

    def makefile(self, *_: Any, **__: Any) -> io.BufferedReader:
        return io.BufferedReader(_Reader(self._sock, self._left))

    def close(self) -> None:
        self._sock.close()  # in fact only when what reads from it is closed as well


class _Reader(io.RawIOBase):
    """The reading side; closing it leaves the socket open for the next request."""

    def __init__(self, sock: socket.socket, left: Callable[[], float]) -> None:
        self._sock, self._left = sock, left
        self._raw = sock.makefile("rb", buffering=0)

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int | None:
        self._sock.settimeout(self._left())
        return self._raw.readinto(buffer)

    def close(self) -> None:
        self._raw.close()
        super().close()


class _Again:
    """Sends sign-ups again, one thread for all of them, until they are accepted.

    The thread ends where nothing is left to do, and the next sign-up starts another.
    """

    def __init__(
        self, wire: _Wire, for_s: float, on_lost: Callable[[Mapping[str, Any]], None]
    ) -> None:
        self._wire, self._for_s, self._on_lost = wire, for_s, on_lost
        self._changed = threading.Condition()
        self._waiting: list[tuple[float, float, float, Mapping[str, Any]]] = []
        self._lost: list[Mapping[str, Any]] = []  # `on_lost` is still to be told of these
        self._thread: threading.Thread | None = None
        self._closed = False
        self._busy = False
        _agains.add(self)

    def add(self, body: Mapping[str, Any]) -> None:
        """Send a sign-up again, from soon on."""
        now = time.monotonic()
        with self._changed:
            why = "the client was closed" if self._closed else ""
            if not why and len(self._waiting) >= _MOST_WAITING:
                why = f"{_MOST_WAITING} others wait to be sent again"
            if not why:
                self._waiting.append((now + 0.1, 0.1, now + self._for_s, body))
                self._work()
        if why:
            self.give_up(body, why)

    def give_up(self, body: Mapping[str, Any], why: object) -> None:
        """Log a loss, and tell of it soon: whoever signs up does not wait for `on_lost`."""
        log.error("a sign-up was given up: event_id %s: %s", body.get("event_id"), why)
        with self._changed:
            if len(self._lost) < _MOST_WAITING:
                self._lost.append(body)
                self._work()
                return
        log.error("on_lost is not told of it: it has not returned from others")

    def flush(self, timeout_s: float) -> bool:
        """Wait until nothing is left to do."""
        with self._changed:
            return self._changed.wait_for(
                lambda: not self._waiting and not self._lost and not self._busy, timeout_s
            )

    def close(self) -> None:
        """Give up what waits, and tell of it before returning: the program may be ending."""
        with self._changed:
            self._closed = True
            waiting, self._waiting = [entry[-1] for entry in self._waiting], []
            lost, self._lost = [*self._lost, *waiting], []
            self._changed.notify_all()
        for body in waiting:
            log.error("a sign-up was given up: event_id %s: closed", body.get("event_id"))
        for body in lost:
            self._tell(body)

    def end(self) -> None:
        """Give up what waits, as the program ends; what is under way has a second to finish."""
        self.close()
        if not self.flush(1.0):
            log.error("the program ended while a sign-up was being sent again, or told of")

    def _work(self) -> None:
        """See to it that a thread is at work; the lock is held."""
        self._changed.notify_all()
        if self._thread is None:
            thread = threading.Thread(target=self._run, name="ringfinder-again", daemon=True)
            try:
                thread.start()
            except RuntimeError as error:  # what waits, waits for the next sign-up, or the end
                log.warning("no thread to send sign-ups again: %s", error)
                return
            self._thread = thread

    def _run(self) -> None:
        while (step := self._next()) is not None:
            step()
            with self._changed:
                self._busy = False
                self._changed.notify_all()

    def _next(self) -> Callable[[], None] | None:
        """Return what is due, waiting for it; None when nothing is left to do."""
        with self._changed:
            while self._lost or self._waiting:
                if self._lost:
                    self._busy = True
                    return partial(self._tell, self._lost.pop(0))
                entry = min(self._waiting, key=lambda one: one[0])
                wait = entry[0] - time.monotonic()
                if wait <= 0:
                    self._waiting.remove(entry)
                    self._busy = True
                    return partial(self._send, *entry[1:])
                self._changed.wait(wait)
            self._thread = None
            return None

    def _send(self, pause: float, until: float, body: Mapping[str, Any]) -> None:
        """Send one sign-up; whatever comes of it, the others have their turn."""
        why: object = "it was not accepted in time"
        try:
            content, deadline = _encoded(body), time.monotonic() + 5.0
            if self._wire.request("POST", "/v1/signups", content, deadline).get("accepted"):
                return
        except RingfinderError as error:
            if _is_final(error):
                until, why = 0.0, error
        except Exception as error:  # none is known; it must not cost those that still wait
            until, why = 0.0, error.__class__.__name__
        now, pause = time.monotonic(), min(2 * pause, 10.0)
        with self._changed:
            again = now < until and not self._closed
            if again:
                self._waiting.append((now + pause, pause, until, body))
        if not again:
            self.give_up(body, why)

    def _tell(self, body: Mapping[str, Any]) -> None:
        try:
            self._on_lost(body)
        except Exception:  # theirs: it must not cost the sign-ups that still wait
            log.exception("on_lost failed: event_id %s", body.get("event_id"))


_clients: weakref.WeakSet[Client] = weakref.WeakSet()
_agains: weakref.WeakSet[_Again] = weakref.WeakSet()


def _after_fork() -> None:
    """Begin anew in a child: threads, locks and what waits are the parent's."""
    _agains.clear()
    for client in list(_clients):
        client._begin()
        if client._closed:
            client.close()


def _at_exit() -> None:
    for again in list(_agains):
        again.end()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork)
atexit.register(_at_exit)


def _settle(
    future: Future[dict[str, Any]],
    ask: Callable[[], dict[str, Any]],
    free: threading.BoundedSemaphore,
) -> None:
    """Do a request in a thread of its own."""
    try:
        answer = ask()
    except BaseException as error:
        free.release()
        future.set_exception(error)
    else:
        free.release()
        future.set_result(answer)


def _is_final(error: RingfinderError) -> bool:
    """Tell whether sending the same again is of no use."""
    if isinstance(error, Refused):
        return error.status not in _PASSING
    return isinstance(error, NotJson)


def _encoded(body: Any) -> bytes:
    try:
        return json.dumps(body, allow_nan=False).encode()
    except Exception as error:  # its own words may hold a value
        raise NotJson(
            f"a field is no JSON value ({error.__class__.__name__}): give texts, numbers, "
            "True, False or None"
        ) from None


def _account_path(account_id: str, action: str | None) -> str:
    asked = "" if action is None else f"?action={quote(action, safe='')}"
    return f"/v1/accounts/{quote(account_id, safe='')}{asked}"


def _erasure_path(account_id: str) -> str:
    return f"/v1/accounts/{quote(account_id, safe='')}/personal-data"


def _label_body(
    account_id: str, label: str, event_id: str, fields: Mapping[str, Any]
) -> dict[str, Any]:
    # No time of our own: sent again it would be another, and so another label.
    said = {name: value for name, value in fields.items() if value or name != "decided_at"}
    return {
        "event_id": event_id or str(uuid.uuid4()), "account_id": account_id, "label": label, **said
    }  # fmt: skip


def _signup_body(event_id: str, created_at: str, fields: Mapping[str, Any]) -> dict[str, Any]:
    known = {name: value for name, value in fields.items() if value is not None}
    return {"event_id": event_id or str(uuid.uuid4()), "created_at": created_at or _now(), **known}


def _now() -> str:
    now = time.time()
    return time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(now)) + f".{int(now % 1 * 1000):03d}Z"


def _checked(status: int, content: bytes) -> dict[str, Any]:
    try:
        answer = json.loads(content) if content else {}
    except (ValueError, RecursionError):
        answer = None
    if status >= 400:
        raise Refused(status, answer if isinstance(answer, dict) else {})
    if not 200 <= status < 300:  # such as a proxy that would have us go elsewhere
        raise Unavailable(f"the answer is {status}, which the API does not give")
    if not isinstance(answer, dict):
        raise Unavailable("the answer is not a JSON object")
    return answer


def _wrong_fields(problem: Mapping[str, Any]) -> str:
    """Return what a problem document says of single fields; it repeats nothing that was sent."""
    errors = problem.get("errors")
    told = [
        f"{one.get('field')} {one.get('problem')}"[:120]
        for one in (errors[:3] if isinstance(errors, list) else ())
        if isinstance(one, dict)
    ]
    return f" ({'; '.join(told)})" if told else ""


def _to_answer(body: Mapping[str, Any], raw: Mapping[str, Any]) -> Answer:
    try:
        ring, decision = raw.get("ring"), raw["decision"]
        if decision not in ("allow", "review", "challenge", "deny"):
            raise ValueError
        return Answer(
            event_id=str(body["event_id"]),
            decision=decision,
            public_reason=str(raw.get("public_reason", "")),
            score=float(raw["score"]),
            ring=Ring(ring["ring_id"], float(ring["membership"]), ring["verdict"])
            if ring
            else None,
            reasons=tuple(
                Reason(*(one[name] for name in ("code", "family", "kind", "nats", "text")))
                for one in raw.get("reasons", ())
            ),
            accepted=bool(raw.get("accepted", False)),
            degraded=bool(raw.get("degraded", False)),
            raw=raw,
            created_at=str(body["created_at"]),
        )
    except (KeyError, TypeError, ValueError, AttributeError, OverflowError):
        raise Unavailable("the answer is not that of a sign-up") from None
