"""A load generator for one URL: closed loop (as fast as answers come) and open loop (at a rate).

Run as a process of its own, so that it does not share an interpreter with anything:
``python -m tests.bench.http_load``, a JSON object on standard input, one on standard output.
Latency of an open loop counts from when a request was due, not from when it was sent.
"""

from __future__ import annotations

import asyncio
import json
import sys
import time
from collections import Counter, deque
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import uvloop


@dataclass
class Load:
    """What to send: `bodies` names a file of templates, ``%d`` where a number makes each new."""

    port: int
    path: str
    bodies: str
    key: str = ""
    connections: int = 32
    seconds: float = 10.0
    rate: float = 0.0  # requests a second; 0: closed loop
    first: int = 0  # number of the first body

    def __post_init__(self) -> None:
        self.templates = Path(self.bodies).read_text().splitlines()

    def request(self, number: int) -> bytes:
        template = self.templates[number % len(self.templates)]
        body = template.replace("%d", str(number)).encode()
        head = (
            f"POST {self.path} HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/json\r\n"
            f"content-length: {len(body)}\r\n"
        )
        if self.key:
            head += f"authorization: Bearer {self.key}\r\n"
        return head.encode() + b"\r\n" + body


@dataclass
class Seen:
    """What came back."""

    seconds: list[float] = field(default_factory=list)
    status: Counter[int] = field(default_factory=Counter)
    accepted: int = 0
    degraded: int = 0
    lost: int = 0


class Connection(asyncio.Protocol):
    def __init__(self, load: Load, seen: Seen, done) -> None:
        self.load, self.seen, self.done = load, seen, done
        self.transport = None
        self.buffer = b""
        self.number = -1
        self.due = 0.0

    def connection_made(self, transport) -> None:
        self.transport = transport

    def connection_lost(self, error) -> None:
        if self.number >= 0:
            self.seen.lost += 1
        self.transport = None
        self.done(self, gone=True)

    def send(self, number: int, due: float) -> None:
        self.number, self.due = number, due
        self.transport.write(self.load.request(number))

    def data_received(self, data: bytes) -> None:
        self.buffer += data
        end = self.buffer.find(b"\r\n\r\n")
        if end < 0:
            return
        head = self.buffer[:end].lower()
        at = head.index(b"content-length:") + 15
        stop = head.find(b"\r\n", at)
        length = int(head[at : stop if stop >= 0 else len(head)])
        if len(self.buffer) < end + 4 + length:
            return
        body = self.buffer[end + 4 : end + 4 + length]
        self.buffer = self.buffer[end + 4 + length :]
        seen = self.seen
        seen.seconds.append(time.perf_counter() - self.due)
        seen.status[int(head[9:12])] += 1
        if b'"accepted":true' in body:
            seen.accepted += 1
        seen.degraded += b'"degraded":true' in body
        self.number = -1
        self.done(self)


def pace(loop: asyncio.AbstractEventLoop, dues: list[float], send) -> None:
    """Have each request sent when it is due, on a thread that sleeps until then.

    A loop's own timers are as coarse as a millisecond; to wait actively for the next two would
    take a whole core from what is measured.
    """
    for due in dues:
        time.sleep(max(due - time.perf_counter(), 0.0))
        loop.call_soon_threadsafe(send, due)


async def run(load: Load) -> Seen:
    loop, seen = asyncio.get_running_loop(), Seen()
    free: deque[Connection] = deque()
    numbers = iter(range(load.first, sys.maxsize))
    end = 0.0
    waiting: deque[float] = deque()

    def done(connection: Connection, gone: bool = False) -> None:
        if gone:
            return
        if load.rate == 0:
            if time.perf_counter() < end:
                connection.send(next(numbers), time.perf_counter())
        elif waiting:
            connection.send(next(numbers), waiting.popleft())
        else:
            free.append(connection)

    async def connect() -> Connection:
        made = await loop.create_connection(
            lambda: Connection(load, seen, done), "127.0.0.1", load.port
        )
        return made[1]

    connections = [await connect() for _ in range(load.connections)]
    began = time.perf_counter()
    end = began + load.seconds
    if load.rate == 0:
        for connection in connections:
            connection.send(next(numbers), time.perf_counter())
        await asyncio.sleep(load.seconds)
    else:
        free.extend(connections)
        dues = [began + at / load.rate for at in range(int(load.rate * load.seconds))]

        def send(due: float) -> None:
            if free:
                free.popleft().send(next(numbers), due)
            else:
                waiting.append(due)

        await asyncio.to_thread(pace, loop, dues, send)
    deadline = time.perf_counter() + 10
    while time.perf_counter() < deadline and (
        waiting or any(one.number >= 0 for one in connections if one.transport)
    ):
        await asyncio.sleep(0.01)
    seen.lost += sum(one.number >= 0 for one in connections if one.transport) + len(waiting)
    for connection in connections:
        if connection.transport:
            connection.number = -1
            connection.transport.close()
    return seen


def figures(seen: Seen, load: Load) -> dict[str, object]:
    took = np.array(seen.seconds or [float("nan")]) * 1000
    return {
        "answers": len(seen.seconds),
        "per_second": round(len(seen.seconds) / load.seconds, 1),
        "p50_ms": round(float(np.percentile(took, 50)), 2),
        "p99_ms": round(float(np.percentile(took, 99)), 2),
        "max_ms": round(float(took.max()), 2),
        "status": {str(code): count for code, count in seen.status.items()},
        "accepted": seen.accepted,
        "degraded": seen.degraded,
        "lost": seen.lost,
    }


if __name__ == "__main__":
    wanted = Load(**json.loads(sys.stdin.read()))
    print(json.dumps(figures(uvloop.run(run(wanted)), wanted)))
