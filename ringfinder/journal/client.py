"""The journal as every other process sees it: commit over the socket, read from the file."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from pathlib import Path

from ringfinder.journal.entries import Entry, Lag, Recorded, Result
from ringfinder.store.events import EventType


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
        self._max_pending = max_pending

    async def commit(self, entry: Entry, deadline_s: float) -> Result:
        """Record an entry, durably, with the answer to it.

        Raises
        ------
        JournalUnavailable
            If the writer did not confirm within `deadline_s`, or refused.
        """
        return (await self.commit_many([entry], deadline_s))[0]

    async def commit_many(self, entries: Sequence[Entry], deadline_s: float) -> list[Result]:
        """Record entries, durably; what became of each, in their order.

        Raises
        ------
        JournalUnavailable
            If one of them was not decided about in time: send all of them again.
        """
        raise NotImplementedError

    async def erase(self, account_id: str, deadline_s: float) -> int:
        """Remove an account's events and answers; return how many entries it had.

        That the events were recorded stays known, so that a repetition brings nothing back.
        """
        raise NotImplementedError

    def tail(self, after: int) -> AsyncIterator[list[Recorded]]:
        """Yield what is recorded after a sequence number, in order, within 100 ms; never ends."""
        raise NotImplementedError

    async def find(self, event_type: EventType, event_id: str) -> Recorded | None:
        """Return the entry of an event; None where none is known."""
        raise NotImplementedError

    async def of_account(self, account_id: str) -> list[Recorded]:
        """Return the entries of an account, in order."""
        raise NotImplementedError

    async def last_sequence(self) -> int:
        """Return the newest sequence number, 0 while the journal is empty."""
        raise NotImplementedError

    async def lag(self) -> Lag:
        """Return how far the graph store is behind, as the projector last said."""
        raise NotImplementedError

    async def close(self) -> None:
        """Hang up; what is on its way raises `JournalUnavailable`."""
        raise NotImplementedError
