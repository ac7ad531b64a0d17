"""The one process of a host that writes the journal: many clients, one transaction a group.

Everything happens on one thread. While a group is being made durable, the next one gathers
in the sockets: the slower the disk, the larger the groups, and no lock is ever taken.
"""

from __future__ import annotations

import asyncio
import sqlite3
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Protocol, TypeAlias

from ringfinder.errors import StoreError
from ringfinder.journal import frames
from ringfinder.journal.caller import Caller
from ringfinder.journal.entries import Entry, Result
from ringfinder.journal.file import JournalFile, OutOfNumbersError
from ringfinder.journal.frames import BadFrameError, Kind
from ringfinder.journal.salvage import open_or_salvage
from ringfinder.store.segments import EventLog

GROUP = 2_000
"""Entries of one transaction, about: a request is never divided."""
CROWDED = 8_000
"""Entries waiting, from which on no more is read: clients wait in their sockets."""
BLOCK = 1_000_000
"""Sequence numbers reserved at once: enough for half an hour of a log that is being loaded."""
TIDY_BYTES, RESTART_BYTES = 16 << 20, 32 << 20
"""Changes not in the file yet, from which on they are moved there, on another thread: each time
costs syncs that commits wait for. Changes in all, from which on their log begins anew."""
AGAIN_S = 0.1
PREPARE_S = 5.0

Request: TypeAlias = tuple[Caller, int, list[Entry]]


class OpenFile(Protocol):
    """How the journal's file is opened; `broken` where SQLite has refused it."""

    def __call__(self, directory: Path, *, broken: bool = False) -> JournalFile:
        """Open it."""
        ...


class Writer:
    """Takes entries from clients, makes them durable, and says so.

    Parameters
    ----------
    directory
        The journal's.
    log
        Gives the sequence numbers.
    open_file
        Opens the journal's file.
    """

    def __init__(
        self,
        directory: Path,
        log: EventLog,
        *,
        open_file: OpenFile = open_or_salvage,
    ) -> None:
        self._directory = directory
        self._log = log
        self._open_file = open_file
        self._loop = asyncio.get_running_loop()
        self._file: JournalFile | None = None
        self._waiting: deque[Request] = deque()
        self._crowd = 0
        self._scheduled = False
        self._reads = True
        self._broken = False
        self._why = "the journal is being opened"
        self._erasures: list[tuple[Caller, int, int]] = []
        self._jobs: dict[str, asyncio.Task[None]] = {}
        self.clients: set[Caller] = set()
        self._reopen()

    async def prepare(self) -> None:
        """Wait for the first sequence numbers, for as long as a log in use can be waited for."""
        job = self._jobs.get("reserve")
        if job is not None and self._file is not None and not self._file.free:
            await asyncio.wait([job], timeout=PREPARE_S)

    # -- what clients ask

    def handle(self, client: Caller, kind: Kind, request: int, body: bytes) -> None:
        """Take in one request; its answer comes later, or at once where it is a refusal."""
        if kind == Kind.COMMIT:
            entries = frames.decode_entries(body)
            self._waiting.append((client, request, entries))
            self._crowd += len(entries)
            self._hold_back()
            if not self._scheduled:
                self._scheduled = True
                self._loop.call_soon(self._work)
            return
        while self._waiting:  # nobody's entries come after what was asked later
            self._work()
        with self._refusing([(client, request)]):
            file = self._usable()
            if kind == Kind.ERASE:
                self._erasures.append((client, request, file.erase(body.decode())))
                self._finish_erasures()
            elif kind == Kind.FORGET:
                file.forget(frames.decode_numbers(body))
                client.answer(Kind.COUNT, request, frames.encode_numbers(0))
            elif kind == Kind.PRUNE:
                count = file.prune(*frames.decode_numbers(body))
                client.answer(Kind.COUNT, request, frames.encode_numbers(count))
            else:
                raise BadFrameError(f"a frame of kind {kind}")

    def _work(self) -> None:
        """Make one group durable and answer it."""
        self._scheduled = False
        if not self._waiting:
            return
        group: list[Request] = []
        size = 0
        while self._waiting and (not group or size + len(self._waiting[0][2]) <= GROUP):
            group.append(self._waiting.popleft())
            size += len(group[-1][2])
        self._crowd -= size
        with self._refusing([(client, request) for client, request, _ in group]):
            results = self._usable().commit([entry for *_, part in group for entry in part])
            _answer(group, results)
        self._hold_back()
        if self._waiting:
            self._scheduled = True
            self._loop.call_soon(self._work)
        self._tidy()

    def _hold_back(self) -> None:
        """Read from clients only while there is room."""
        room = self._crowd < CROWDED
        if room != self._reads:
            self._reads = room
            for client in self.clients:
                client.read_on(room)

    # -- when the disk refuses

    @contextmanager
    def _refusing(self, requests: list[tuple[Caller, int]]) -> Iterator[None]:
        """Tell the clients where something cannot be done; nothing of it was acknowledged."""
        try:
            yield
        except OutOfNumbersError:
            self._tidy()
            why = "it waits for sequence numbers, because the event log is in use"
        except sqlite3.Error as error:
            # What was refused may yet be on the disk: only the file itself can tell.
            self._close_file()
            self._broken = not isinstance(error, sqlite3.OperationalError)
            why = self._why = f"its disk refuses ({error})"
            self._later("reopen", self._reopen_until_it_works)
        except StoreError as error:
            why = str(error)
        else:
            return
        for client, request in requests:
            client.answer(Kind.REFUSED, request, why.encode())

    def _usable(self) -> JournalFile:
        if self._file is None:
            raise StoreError(self._why)
        return self._file

    def _reopen(self) -> None:
        try:
            self._file = self._open_file(self._directory, broken=self._broken)
        except (sqlite3.Error, OSError, StoreError) as error:
            self._why = f"its file cannot be opened ({error})"
            self._later("reopen", self._reopen_until_it_works)
        else:
            self._broken = False
            self._tidy()

    async def _reopen_until_it_works(self) -> None:
        while self._file is None:
            await asyncio.sleep(AGAIN_S)
            self._reopen()

    def _close_file(self) -> None:
        if self._file is not None:
            with suppress(sqlite3.Error):
                self._file.close()
            self._file = None

    # -- what must be done now and then, beside the commits

    def _tidy(self) -> None:
        if self._file is None:
            return
        if self._file.free < BLOCK // 2:
            self._later("reserve", self._reserve)
        if self._file.changes.read().unmoved > TIDY_BYTES:
            self._later("checkpoint", self._checkpoint)

    def _later(self, name: str, work: Callable[[], object]) -> None:
        running = self._jobs.get(name)
        if running is None or running.done():
            self._jobs[name] = self._loop.create_task(work())  # type: ignore[arg-type]

    async def _reserve(self) -> None:
        """Get more numbers from the log; somebody may be loading files into it meanwhile."""
        if self._file is None:
            return
        after = self._file.highest
        try:
            block = await asyncio.to_thread(_reserved, self._log, after)
            if self._file is not None:
                self._file.add_block(block)
        except (StoreError, OSError, sqlite3.Error):
            await asyncio.sleep(AGAIN_S)
            self._loop.call_soon(self._tidy)

    async def _checkpoint(self) -> None:
        """Move changes into the file on another thread; then begin the log of changes anew."""
        if self._file is None:
            return
        with suppress(sqlite3.Error):
            await asyncio.to_thread(self._file.changes.move)
        if self._file is not None and self._file.changes.read().held > RESTART_BYTES:
            with suppress(sqlite3.Error):  # only what came since is left to move
                self._file.checkpoint("RESTART")
            if self._file.changes.read().held > RESTART_BYTES:
                await asyncio.sleep(AGAIN_S)

    def _finish_erasures(self) -> None:
        """Answer erasures once no old copy is left; readers in the middle are waited for."""
        done = False
        with suppress(sqlite3.Error):
            done = self._file is not None and self._file.checkpoint("TRUNCATE")
        if done:
            for client, request, count in self._erasures:
                client.answer(Kind.COUNT, request, frames.encode_numbers(count))
            self._erasures.clear()
        elif self._erasures:
            self._loop.call_later(0.02, self._finish_erasures)

    async def finish(self) -> None:
        """Make durable what has arrived, answer it, and close."""
        while self._waiting:
            self._work()
        for client in list(self.clients):
            client.hang_up()
        for job in self._jobs.values():
            job.cancel()
        await asyncio.gather(*self._jobs.values(), return_exceptions=True)
        if self._file is not None:
            with suppress(sqlite3.Error):
                self._file.checkpoint("TRUNCATE")
        self._close_file()


def _answer(group: list[Request], results: list[Result]) -> None:
    start = 0
    for client, request, entries in group:
        part = results[start : start + len(entries)]
        client.answer(Kind.DONE, request, frames.encode_results(part))
        start += len(entries)


def _reserved(log: EventLog, after: int) -> tuple[int, int]:
    """Return a block above what the journal has used, also where the log forgot about that."""
    first, last = log.reserve(BLOCK)
    if last < after + BLOCK:  # the log came back from an old backup
        _, last = log.reserve(after + BLOCK - last)
    return max(first, after + 1), last
