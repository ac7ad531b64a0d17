"""A journal in memory, for tests of what stands before it: the same answers, no process."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Sequence
from dataclasses import replace

from ringfinder.journal import (
    Committed,
    Conflict,
    Entry,
    JournalUnavailable,
    Lag,
    Recorded,
    Repeated,
    Result,
)
from ringfinder.store import EventType


class StandIn:
    """Speaks like `ringfinder.journal.Journal`; `away` makes it miss every deadline."""

    away = False

    def record(self, entries: Sequence[Entry]) -> list[Result]:
        """Record entries at once."""
        raise NotImplementedError

    async def commit(self, entry: Entry, deadline_s: float) -> Result:
        """Record one entry."""
        return (await self.commit_many([entry], deadline_s))[0]

    async def commit_many(self, entries: Sequence[Entry], deadline_s: float) -> list[Result]:
        """Record entries, or miss the deadline."""
        if self.away:
            await asyncio.sleep(deadline_s)
            raise JournalUnavailable("the journal did not confirm: send the same event_id again")
        return self.record(entries)


class MemoryJournal(StandIn):
    """Holds what was recorded in a list."""

    def __init__(self) -> None:
        self.entries: list[Recorded] = []
        self._known: dict[tuple[EventType, str], tuple[bytes, int]] = {}
        self._grown = asyncio.Event()

    def record(self, entries: Sequence[Entry]) -> list[Result]:
        """Record entries at once."""
        told = [self._record(entry) for entry in entries]
        self._grown.set()
        return told

    def _record(self, entry: Entry) -> Result:
        key = (entry.event_type, entry.event_id)
        if key not in self._known:
            sequence = len(self.entries) + 1
            self._known[key] = (entry.body_digest, sequence)
            now_ms = int(time.time() * 1000)
            said = (entry.event_type, entry.account_id, now_ms, entry.event, entry.answer)
            self.entries.append(Recorded(sequence, *said))
            return Committed(sequence)
        digest, sequence = self._known[key]
        if digest != entry.body_digest:
            return Conflict()
        return Repeated(sequence, self.entries[sequence - 1].answer)

    async def erase(self, account_id: str, deadline_s: float) -> int:
        """Remove an account's events and answers."""
        mine = [entry for entry in self.entries if entry.account_id == account_id]
        for entry in mine:
            erased = replace(entry, account_id=None, event=None, answer=None)
            self.entries[entry.sequence - 1] = erased
        return len(mine)

    async def tail(
        self, after: int, *, log: object = None, known: object = ()
    ) -> AsyncIterator[list[Recorded]]:
        """Yield what comes after a number; never ends. Once an empty list: all is told."""
        told = False
        while True:
            self._grown.clear()
            if len(self.entries) > after:
                fresh, after = self.entries[after:], len(self.entries)
                held = [entry for entry in fresh if entry.event is not None]
                if held:
                    yield held
            if not told:
                told = True
                yield []
            await self._grown.wait()

    async def find(self, event_type: EventType, event_id: str) -> Recorded | None:
        """Return the entry of an event."""
        known = self._known.get((event_type, event_id))
        return self.entries[known[1] - 1] if known else None

    async def signups_of(self, account_id: str, limit: int | None = None) -> list[Recorded]:
        """Return sign-ups of an account, newest first."""
        mine = [
            entry
            for entry in reversed(self.entries)
            if (entry.account_id, entry.event_type) == (account_id, EventType.SIGNUPS)
        ]
        return mine[:limit]

    async def last_sequence(self) -> int:
        """Return the newest number."""
        return len(self.entries)

    async def lag(self) -> Lag:
        """Nothing projects a journal in memory."""
        return Lag(len(self.entries), 0.0, 0)

    async def close(self) -> None:
        """Nothing is open."""
