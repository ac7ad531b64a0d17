"""A journal written in this very process, for tests that run what else uses its files."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import closing
from pathlib import Path

from journal_memory import StandIn

from ringfinder.journal import (
    Compaction,
    Entry,
    Lag,
    Reader,
    Recorded,
    Result,
    errands,
)
from ringfinder.journal.file import JournalFile
from ringfinder.journal.place import only_writer
from ringfinder.journal.projector import Projector
from ringfinder.journal.tail import Follower
from ringfinder.store import EventLog, EventType, GraphStore

BLOCK = 100_000


class JournalInPlace(StandIn):
    """Holds it in a real file, opened for each change: between two of them others may write it."""

    def __init__(self, directory: Path, log: EventLog) -> None:
        self.directory, self.log = directory, log
        self._reader = Reader(directory)
        directory.mkdir(parents=True, exist_ok=True)

    async def reach(self, deadline_s: float) -> None:
        """Nobody is to be reached."""

    def record(self, entries: Sequence[Entry]) -> list[Result]:
        """Record entries at once."""
        with only_writer(self.directory), closing(JournalFile(self.directory)) as file:
            if file.free < 100:
                file.add_block(self.log.reserve(BLOCK))
            return file.commit(entries)

    async def erase(self, account_id: str, deadline_s: float) -> int:
        """Remove an account's events and answers."""
        with errands(self.directory) as writer:
            return writer.erase(account_id)

    async def tail(
        self, after: int, *, log: EventLog | None = None, known: Sequence[tuple[int, int]] = ()
    ) -> AsyncIterator[list[Recorded]]:
        """Yield what comes after a number; never ends. Once an empty list: all is told."""
        told = False
        with closing(Reader(self.directory)) as reader:
            follower = Follower(reader, after, log, known)
            while True:
                entries, is_all = follower.take()
                if entries:
                    yield entries
                if is_all and not told:
                    told = True
                    yield []
                if is_all:
                    await asyncio.sleep(0.002)

    async def find(self, event_type: EventType, event_id: str) -> Recorded | None:
        """Return the entry of an event."""
        return self._reader.find(event_type, event_id)

    async def signups_of(self, account_id: str, limit: int | None = None) -> list[Recorded]:
        """Return sign-ups of an account, newest first."""
        return self._reader.signups_of(account_id, limit)

    async def last_sequence(self) -> int:
        """Return the newest number."""
        return self._reader.last_sequence()

    async def lag(self) -> Lag:
        """Return how far the graph store is behind."""
        return self._reader.lag()

    async def close(self) -> None:
        """Close the file."""
        self._reader.close()

    def settle(self, store: GraphStore) -> None:
        """Take everything into the graph and from there into the log, however young."""
        projector = Projector(self.directory, self.log, lambda: store)
        try:
            projector.drain()
        finally:
            projector.leave()
        with errands(self.directory) as writer:
            Compaction(self.directory, self.log, store, writer, clock=lambda: 1e11).run(
                min_age_s=0, retention_days=1e9
            )
