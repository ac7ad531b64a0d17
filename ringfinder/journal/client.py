"""The journal as every other process sees it: commit over the socket, read from the file."""

from __future__ import annotations

import asyncio
import os
import time
from collections.abc import AsyncIterator, Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path
from typing import TypeVar

from ringfinder.errors import InputError
from ringfinder.journal import frames
from ringfinder.journal.entries import Entry, JournalUnavailable, Lag, Recorded, Result
from ringfinder.journal.frames import Kind
from ringfinder.journal.link import Dialer, HungUpError, RefusedError
from ringfinder.journal.reader import Reader
from ringfinder.journal.tail import Follower
from ringfinder.store.events import EventType
from ringfinder.store.protocol import Interval
from ringfinder.store.segments import EventLog

Answer = TypeVar("Answer")

AGAIN_S = 0.002
REFUSAL_S = 10.0
"""So long a refusal counts: whom nobody sends anything must be tried again at some time."""
ROOM_BYTES = 1 << 20
"""With less room than this the next commit may be refused."""
KNOCK_S = 60.0
"""A writer that stands still is asked so often whether it is back, whoever wants to know."""
POLL_S = 0.04
"""How often the tail looks: on a thread, at what SQLite keeps in memory for all processes."""


class Journal:
    """A client of the journal's writer; one per process and event loop.

    Connects when first used and again whenever the connection is lost. Nothing here waits
    for the disk on the event loop.

    Parameters
    ----------
    directory
        The journal's directory: `data_dir`/journal.
    max_pending
        Entries on their way; more are refused at once.
    """

    def __init__(self, directory: Path, *, max_pending: int = 4096) -> None:
        self.directory = directory
        self._dialer = Dialer(directory, max_pending)
        self._reader = Reader(directory)
        self._thread = ThreadPoolExecutor(1, "journal-reader")
        # Who is asked about one event does not wait for who reads all that has moved.
        self._following = Reader(directory)
        self._follower = ThreadPoolExecutor(1, "journal-follower")
        self._refusal: tuple[float, str] | None = None
        self._knocking: asyncio.Task[bytes] | None = None

    async def reach(self, deadline_s: float) -> None:
        """Connect to the writer ahead of the first entry, or see whether it works.

        It is given nothing to record, and answers when it is through with what came before:
        one that was stopped, or waits for its disk, has an open socket and no answer.

        Raises
        ------
        JournalUnavailable
            If it does not answer within `deadline_s`, or refuses.
        """
        if self._knocking is None or self._knocking.done():
            self._knocking = asyncio.ensure_future(self._ask(Kind.COMMIT, b"", KNOCK_S, entries=0))
            self._knocking.add_done_callback(lambda done: done.cancelled() or done.exception())
        try:
            async with asyncio.timeout(deadline_s):
                await asyncio.shield(self._knocking)
        except TimeoutError:
            raise JournalUnavailable(
                f"The journal's writer in {self.directory} does not answer: is it running?"
            ) from None

    async def is_up(self, deadline_s: float) -> bool:
        """Tell whether the writer answers within `deadline_s`, and records."""
        try:
            await self.reach(deadline_s)
        except JournalUnavailable:
            return False
        return self.why_refused() is None

    def why_refused(self) -> str | None:
        """Say why nothing can be recorded: the last answer was a refusal, or the disk is full."""
        if self._refusal is not None and time.monotonic() - self._refusal[0] < REFUSAL_S:
            return self._refusal[1]
        with suppress(OSError):
            room = os.statvfs(self.directory)
            if room.f_bavail * room.f_frsize < ROOM_BYTES:
                return f"the disk of the journal {self.directory} is full: make room"
        return None

    async def commit(self, entry: Entry, deadline_s: float) -> Result:
        """Record an entry, durably, with the answer to it.

        Raises
        ------
        JournalUnavailable
            If the writer did not confirm within `deadline_s`, or refused.
        InputError
            If a name is empty or too long.
        """
        return (await self.commit_many([entry], deadline_s))[0]

    async def commit_many(self, entries: Sequence[Entry], deadline_s: float) -> list[Result]:
        """Record entries, durably; what became of each, in their order.

        Raises
        ------
        JournalUnavailable
            If the writer did not confirm within `deadline_s`, or refused: send all of them
            again.
        InputError
            If a name is empty or too long, or the entries are more than 64 MiB.
        """
        if not entries:
            return []
        body = frames.encode_entries(entries)
        done = await self._ask(Kind.COMMIT, body, deadline_s, entries=len(entries))
        return frames.decode_results(done)

    async def erase(self, account_id: str, deadline_s: float) -> int:
        """Remove an account's events and answers; return how many entries it had.

        That the events were recorded stays known, so that a repetition brings nothing back.

        Raises
        ------
        JournalUnavailable
            If the writer did not confirm within `deadline_s`: erase again.
        """
        count = await self._ask(Kind.ERASE, account_id.encode(), deadline_s)
        return frames.decode_numbers(count)[0]

    async def tail(
        self, after: int, *, log: EventLog | None = None, known: Sequence[Interval] = ()
    ) -> AsyncIterator[list[Recorded]]:
        """Yield what is recorded after a sequence number, in order, within 100 ms; never ends.

        An empty list, once, says that all there was has been told.

        Parameters
        ----------
        after
            Sequence number that the caller knows already.
        log
            Begin with what has moved from the journal into this log's segments, though not with
            what was loaded there; None: leave out what is no longer in the journal.
        known
            Rising intervals of further numbers that the caller knows, such as what the graph
            of a snapshot had taken in: load and journal number their events in turn.
        """
        follower = Follower(self._following, after, log, known)
        loop = asyncio.get_running_loop()
        told = False
        while True:
            entries, is_all = await loop.run_in_executor(self._follower, follower.take)
            if entries:
                yield entries
            if is_all:
                if not told:
                    told = True
                    yield []
                await asyncio.sleep(POLL_S)

    async def find(self, event_type: EventType, event_id: str) -> Recorded | None:
        """Return the entry of an event; None where none is known."""
        return await self._read(lambda: self._reader.find(event_type, event_id))

    async def signups_of(self, account_id: str, limit: int | None = None) -> list[Recorded]:
        """Return sign-ups of an account, newest first, at most `limit`."""
        return await self._read(lambda: self._reader.signups_of(account_id, limit))

    async def last_sequence(self) -> int:
        """Return the newest sequence number, 0 while the journal is empty."""
        return await self._read(self._reader.last_sequence)

    async def lag(self) -> Lag:
        """Return how far the graph store is behind, as the projector last said."""
        return await self._read(self._reader.lag)

    async def close(self) -> None:
        """Hang up; what is on its way raises `JournalUnavailable`."""
        if self._knocking is not None:
            self._knocking.cancel()
        await self._dialer.close()
        await self._read(self._reader.close)
        await asyncio.get_running_loop().run_in_executor(self._follower, self._following.close)
        self._thread.shutdown(wait=False)
        self._follower.shutdown(wait=False)

    async def _ask(self, kind: Kind, body: bytes, deadline_s: float, entries: int = 1) -> bytes:
        """Ask the writer, again after each lost connection: a repetition changes nothing."""
        if len(body) > frames.MAX_FRAME - 64:
            raise InputError("the entries are more than 64 MiB: send fewer at once")
        try:
            async with asyncio.timeout(deadline_s):
                while True:
                    link = await self._dialer.link()
                    try:
                        answer = await link.ask(kind, body, entries)
                    except RefusedError as refusal:
                        if entries:
                            self._refusal = time.monotonic(), str(refusal)
                        raise
                    except HungUpError:
                        await asyncio.sleep(AGAIN_S)
                    else:
                        if entries:  # without, it did not try the disk
                            self._refusal = None
                        return answer
        except TimeoutError:
            raise JournalUnavailable(
                f"the journal {self.directory} did not confirm within {deadline_s * 1000:.0f} ms: "
                "send the same event_id again"
            ) from None

    async def _read(self, work: Callable[[], Answer]) -> Answer:
        return await asyncio.get_running_loop().run_in_executor(self._thread, work)
