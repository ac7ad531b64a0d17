"""What one key may take: requests a second over all workers, and turns at a time in each.

Scoring, reading and batches have turns of their own, so that neither analysts who page
through rings nor a back-fill can keep a sign-up waiting.
"""

from __future__ import annotations

import asyncio
import mmap
import time
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from ringfinder.serve.errors import Overloaded, TooMany
from ringfinder.serve.keys import Key

SLOTS = 4096
"""Keys are counted in so many places; two that meet in one share a rate."""
_CELL = 3  # second, requests in it, requests in the second before
READ_EVERY_S = 0.05
"""How old the other workers' counts may be."""


@dataclass(slots=True)
class _Seen:
    """Requests of one key in this worker, by second, and those of the others."""

    second: int = 0
    now: int = 0
    before: int = 0
    others: float = 0.0
    read_s: float = 0.0


class Rates:
    """Requests a second by key, counted over all workers of the host.

    A window of a second slides over two counts. Every worker writes its own cells of a
    file that all have mapped, and reads those of the others: no cell has two writers.

    Parameters
    ----------
    limit
        Requests a second.
    path
        The file the workers share; None where there is one worker.
    index, workers
        Which worker this is, and of how many.
    clock
        Seconds since 1970: the same in every worker.
    """

    def __init__(
        self,
        limit: int,
        path: Path | None = None,
        *,
        index: int = 0,
        workers: int = 1,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._limit, self._index, self._workers, self._clock = limit, index, workers, clock
        self._seen: dict[str, _Seen] = {}
        self._cells: memoryview | None = None
        if path is not None and workers > 1:
            size = workers * SLOTS * _CELL * 8
            with path.open("a+b") as file:
                file.truncate(size)
                self._cells = memoryview(mmap.mmap(file.fileno(), size)).cast("q")

    def take(self, key_id: str) -> float:
        """Count a request; return 0, or the seconds to wait where it is one too many."""
        now = self._clock()
        second = int(now)
        seen = self._seen.get(key_id)
        if seen is None:
            seen = self._seen[key_id] = _Seen(second)
        if seen.second != second:
            seen.before = seen.now if seen.second == second - 1 else 0
            seen.second, seen.now = second, 0
        part = 1.0 - (now - second)
        others = self._others(seen, key_id, now) if self._cells is not None else 0.0
        if seen.now + seen.before * part + others >= self._limit:
            return part
        seen.now += 1
        if self._cells is not None:
            self._write(seen, key_id)
        return 0.0

    def _write(self, seen: _Seen, key_id: str) -> None:
        assert self._cells is not None  # noqa: S101 only called with a file
        at = (self._index * SLOTS + _slot(key_id)) * _CELL
        self._cells[at], self._cells[at + 1], self._cells[at + 2] = (
            seen.second, seen.now, seen.before,
        )  # fmt: skip

    def _others(self, seen: _Seen, key_id: str, now: float) -> float:
        if now - seen.read_s < READ_EVERY_S:
            return seen.others
        assert self._cells is not None  # noqa: S101 only called with a file
        total, second, part = 0.0, int(now), 1.0 - (now - int(now))
        for worker in range(self._workers):
            if worker == self._index:
                continue
            at = (worker * SLOTS + _slot(key_id)) * _CELL
            when, count, before = self._cells[at : at + _CELL]
            if when == second:
                total += count + before * part
            elif when == second - 1:
                total += count * part
        seen.others, seen.read_s = total, now
        return total


def _slot(key_id: str) -> int:
    # of the whole name: hooks are no keys, and are called after their sender
    return zlib.crc32(key_id.encode()) % SLOTS


@dataclass
class Turns:
    """How many may do one kind of work at a time; a few more may wait a little.

    Attributes
    ----------
    most, waiting
        At work, and in line.
    patience_s
        How long one in line waits.
    """

    most: int
    waiting: int = 64
    patience_s: float = 2.0
    _line: int = field(default=0, init=False)
    _gate: asyncio.Semaphore = field(init=False)

    def __post_init__(self) -> None:
        self._gate = asyncio.Semaphore(self.most)

    async def __aenter__(self) -> None:
        """Wait for a turn; raise Overloaded where the line is too long."""
        if self._line >= self.waiting:
            raise _overloaded()
        self._line += 1
        try:
            async with asyncio.timeout(self.patience_s):
                await self._gate.acquire()
        except TimeoutError:
            raise _overloaded() from None
        finally:
            self._line -= 1

    async def __aexit__(self, *error: object) -> None:
        """Give the turn back."""
        self._gate.release()


def _overloaded() -> Overloaded:
    return Overloaded("Too many requests of this kind are in line: try again.", Retry_After="1")


class Limits:
    """What a caller is asked for at the door of every route.

    Parameters
    ----------
    rates
        Requests a second by key.
    concurrency
        Requests of one key at a time in this worker.
    """

    def __init__(self, rates: Rates, *, concurrency: int) -> None:
        self._rates, self._most = rates, concurrency
        self._at_work: dict[str, int] = {}
        self.reading = Turns(4)
        self.batches = Turns(2, patience_s=10.0)
        self.erasing = Turns(1, waiting=16, patience_s=30.0)

    @contextmanager
    def turn(self, key: Key) -> Iterator[None]:
        """Let a request of a key in, for as long as the block lasts.

        Raises
        ------
        TooMany
            If the key has sent too many this second, or has too many at work.
        """
        at_work = self._at_work.get(key.id, 0)
        if at_work >= self._most:
            raise TooMany(
                f"This key has {self._most} requests at work already: wait for answers.",
                Retry_After="1",
            )
        if self._rates.take(key.id):
            raise TooMany("This key sends too many requests a second.", Retry_After="1")
        self._at_work[key.id] = at_work + 1
        try:
            yield
        finally:
            left = self._at_work[key.id] - 1
            if left:
                self._at_work[key.id] = left
            else:
                del self._at_work[key.id]
