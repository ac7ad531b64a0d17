"""The one process of a host that writes the journal: many clients, one transaction a group.

Everything happens on one thread. While a group is being made durable, the next one gathers
in the sockets: the slower the disk, the larger the groups, and no lock is ever taken.
"""

from __future__ import annotations

import asyncio
import logging
import signal
import sqlite3
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager, suppress
from pathlib import Path
from typing import Protocol, TypeAlias, cast

from ringfinder.errors import StoreError
from ringfinder.journal import frames, place
from ringfinder.journal.entries import Entry, Result
from ringfinder.journal.file import JournalFile, OutOfNumbersError
from ringfinder.journal.frames import BadFrameError, Frames, Kind
from ringfinder.journal.salvage import open_or_salvage
from ringfinder.journal.tables import open_writing
from ringfinder.store.segments import EventLog

GROUP = 2_000
"""Entries of one transaction, about: a request is never divided."""
CROWDED = 8_000
"""Entries waiting, from which on no more is read: clients wait in their sockets."""
BLOCK = 1_000_000
"""Sequence numbers reserved at once: enough for half an hour of a log that is being loaded."""
TIDY_BYTES, RESTART_BYTES = 4 << 20, 16 << 20
AGAIN_S = 0.1
PREPARE_S = 5.0
ERRAND_S = 3.0
"""How long a command that found no writer may need for what it does in its place."""
SAY_AGAIN_S = 10.0

log = logging.getLogger("ringfinder.journal")

Request: TypeAlias = tuple["_Client", int, list[Entry]]


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
        self._erasures: list[tuple[_Client, int, int]] = []
        self._jobs: dict[str, asyncio.Task[None]] = {}
        self.clients: set[_Client] = set()
        self._reopen()

    async def prepare(self) -> None:
        """Wait for the first sequence numbers, for as long as a log in use can be waited for."""
        job = self._jobs.get("reserve")
        if job is not None and self._file is not None and not self._file.free:
            await asyncio.wait([job], timeout=PREPARE_S)

    # -- what clients ask

    def handle(self, client: _Client, kind: Kind, request: int, body: bytes) -> None:
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
    def _refusing(self, requests: list[tuple[_Client, int]]) -> Iterator[None]:
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
        if self._file.wal_bytes() > TIDY_BYTES:
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
            await asyncio.to_thread(_move_changes, self._file.path)
        if self._file is not None and self._file.wal_bytes() > RESTART_BYTES:
            with suppress(sqlite3.Error):  # only what came since is left to move
                self._file.checkpoint("RESTART")
            if self._file.wal_bytes() > RESTART_BYTES:
                await asyncio.sleep(AGAIN_S)

    def _finish_erasures(self) -> None:
        """Answer erasures once no old copy is left; readers in the middle are waited for."""
        if not self._erasures or self._file is None:
            return
        if self._file.checkpoint("TRUNCATE"):
            for client, request, count in self._erasures:
                client.answer(Kind.COUNT, request, frames.encode_numbers(count))
            self._erasures.clear()
        else:
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


class _Client(asyncio.Protocol):
    """One connection, seen from the writer."""

    def __init__(self, writer: Writer) -> None:
        self._writer = writer
        self._frames = Frames()
        self._transport: asyncio.Transport | None = None
        self._answers: list[bytes] = []
        self._reads = True
        self._takes = True

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Begin."""
        # A stream socket has one that writes; uvloop's is no subclass of asyncio's.
        self._transport = cast(asyncio.Transport, transport)
        self._writer.clients.add(self)

    def connection_lost(self, exc: Exception | None) -> None:
        """End."""
        self._transport = None
        self._writer.clients.discard(self)

    def data_received(self, data: bytes) -> None:
        """Take in what has come."""
        try:
            for kind, request, body in self._frames.feed(data):
                self._writer.handle(self, kind, request, body)
        except (BadFrameError, UnicodeError):
            self.hang_up()

    def pause_writing(self) -> None:
        """Take no further requests of a client that does not read its answers."""
        self._takes = False
        self.read_on(self._reads)

    def resume_writing(self) -> None:
        """Take requests again."""
        self._takes = True
        self.read_on(self._reads)

    def read_on(self, reads: bool) -> None:
        """Read from this client, or leave it waiting."""
        self._reads = reads
        if self._transport is None or self._transport.is_closing():
            return
        if reads and self._takes:
            self._transport.resume_reading()
        else:
            self._transport.pause_reading()

    def answer(self, kind: Kind, request: int, body: bytes) -> None:
        """Send an answer; several of one moment go out together."""
        if not self._answers:
            asyncio.get_running_loop().call_soon(self._send)
        self._answers.append(frames.to_frame(kind, request, body))

    def _send(self) -> None:
        if self._transport is not None:
            self._transport.write(b"".join(self._answers))
        self._answers.clear()

    def hang_up(self) -> None:
        """Send what is answered, then close."""
        self._send()
        if self._transport is not None:
            self._transport.close()


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


def _move_changes(path: Path) -> None:
    with closing(open_writing(path)) as connection:
        connection.execute("PRAGMA wal_checkpoint(PASSIVE)").fetchall()


class _Sparing:
    """Logs what goes wrong beside the requests, such as a lack of descriptors, now and then."""

    def __init__(self) -> None:
        self._said: dict[str, float] = {}

    def __call__(self, loop: asyncio.AbstractEventLoop, context: dict[str, object]) -> None:
        message = f"{context.get('message')}: {context.get('exception')!r}"
        if loop.time() - self._said.get(message, float("-inf")) > SAY_AGAIN_S:
            self._said[message] = loop.time()
            log.warning("journal: %s", message)


async def serve_writer(
    directory: Path,
    events: Path,
    *,
    ready: Callable[[], object] = lambda: None,
    open_file: OpenFile = open_or_salvage,
) -> None:
    """Write the journal until this is cancelled.

    Parameters
    ----------
    directory, events
        Of the journal, and of the event log that numbers its entries.
    ready
        Called once clients can connect.

    Raises
    ------
    StoreUnavailable
        If another process writes this journal.
    """
    loop = asyncio.get_running_loop()
    loop.set_exception_handler(_Sparing())
    with place.only_writer(directory, wait_s=ERRAND_S):
        writer = Writer(directory, EventLog(events, wait_s=5.0), open_file=open_file)
        await writer.prepare()
        listening = place.listen(directory)
        server = await loop.create_unix_server(lambda: _Client(writer), sock=listening)
        try:
            ready()
            await asyncio.Event().wait()
        finally:
            server.close()
            await writer.finish()
            (directory / place.SOCKET).unlink(missing_ok=True)


def run_writer(
    directory: Path, events: Path, *, ready: Callable[[], object] = lambda: None
) -> None:
    """Write the journal until the process is told to stop: see `serve_writer`."""

    async def until_told() -> None:
        loop = asyncio.get_running_loop()
        task = asyncio.ensure_future(serve_writer(directory, events, ready=ready))
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, task.cancel)
        with suppress(asyncio.CancelledError):
            await task

    asyncio.run(until_told())
