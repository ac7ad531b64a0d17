"""Sign-ups of hooks that the journal did not take in time, and that nobody will send again.

Supabase and Auth0 need their answer at once and deliver a registration once. What they were
told is committed again until the journal has it: the same entries under the same event_id,
so that one which it took after all has no second effect.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from itertools import count

from ringfinder.errors import StoreError
from ringfinder.journal import Entry, Journal
from ringfinder.serve import metrics

MOST = 1000
"""Sign-ups that wait at once, some kilobytes each; more are given up."""
FOR_S = 300.0
AGAIN_S = 1.0
PATIENCE_S = 5.0
LAST_S = 2.0
"""The last attempt, as the worker ends, may take so long in all."""
log = logging.getLogger("ringfinder.serve")


@dataclass(frozen=True, slots=True)
class _Waiting:
    hook: str
    entries: Sequence[Entry]
    since_ms: int
    until_s: float

    @property
    def account_id(self) -> str:
        return self.entries[0].account_id


class Unrecorded:
    """Keeps such sign-ups in a worker's memory until they are recorded; bounded in both.

    Parameters
    ----------
    most
        How many may wait; one more is given up at once.
    for_s
        Seconds until one is given up.
    clock
        Seconds that only rise.
    is_erased
        Whether an account was erased since a time, in ms since 1970, through any worker.
    """

    def __init__(
        self, *, most: int = MOST, for_s: float = FOR_S,
        clock: Callable[[], float] = time.monotonic,
        is_erased: Callable[[str, int], bool] = lambda account_id, since_ms: False,
    ) -> None:  # fmt: skip
        self._most, self._for_s, self._clock = most, for_s, clock
        self._is_erased = is_erased
        self._waiting: dict[int, _Waiting] = {}
        self._numbers = count()

    def __len__(self) -> int:
        """Return how many wait."""
        return len(self._waiting)

    def add(self, hook: str, entries: Sequence[Entry]) -> None:
        """Record a sign-up of a hook from soon on: its entries, the sign-up first."""
        now_ms = time.time_ns() // 1_000_000
        one = _Waiting(hook, entries, now_ms, self._clock() + self._for_s)
        if len(self._waiting) < self._most:
            self._waiting[next(self._numbers)] = one
        else:
            _give_up(one, "too many wait")

    async def keep_trying(self, journal: Journal) -> None:
        """Commit what waits, for as long as the worker runs."""
        while True:
            await asyncio.sleep(AGAIN_S)
            await self.try_all(journal, PATIENCE_S)

    async def try_all(self, journal: Journal, patience_s: float) -> None:
        """Commit what waits, oldest first, until the journal misses a deadline; once."""
        for number in list(self._waiting):
            one = self._waiting.get(number)
            if one is None:  # erased meanwhile
                continue
            try:
                await self._record(journal, one, patience_s)
            except StoreError:
                break  # for the others too
            self._waiting.pop(number, None)
        self._give_up_before(self._clock(), "it took too long")

    async def _record(self, journal: Journal, one: _Waiting, patience_s: float) -> None:
        await journal.commit_many(one.entries, patience_s)
        # An erasure is noted first, and then the journal forgets what it has by then: this may
        # have come after.
        if await asyncio.to_thread(self._is_erased, one.account_id, one.since_ms):
            await journal.erase(one.account_id, patience_s)

    async def close(self, journal: Journal) -> None:
        """Try once more, and give up what is left: the worker ends."""
        with suppress(TimeoutError):
            async with asyncio.timeout(LAST_S):
                await self.try_all(journal, LAST_S)
        self._give_up_before(float("inf"), "the worker ended")

    def names(self) -> list[str]:
        """Return the accounts, or attempts, whose sign-ups wait."""
        return [one.account_id for one in self._waiting.values()]

    def forget(self, account_id: str) -> None:
        """Forget an account that was erased."""
        for number, one in list(self._waiting.items()):
            if one.account_id == account_id:
                del self._waiting[number]

    def _give_up_before(self, now_s: float, why: str) -> None:
        for number, one in list(self._waiting.items()):
            if one.until_s < now_s:
                del self._waiting[number]
                _give_up(one, why)


def _give_up(one: _Waiting, why: str) -> None:
    metrics.GIVEN_UP.inc()
    log.error("sign-up of a hook given up", extra={"hook": one.hook, "why": why})
