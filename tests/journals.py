"""Entries, writers in processes of their own, and what a journal holds, for its tests."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

from stored import START_MS, pseudonym

from ringfinder.journal import Entry, Journal, Reader, Recorded, encode_event
from ringfinder.journal.tables import NAME, open_reading
from ringfinder.store import EventType

KINDS = (EventType.SIGNUPS, EventType.LOGINS, EventType.USAGE)


def event_row(kind: EventType, name: str, account: str, **more: Any) -> dict[str, Any]:
    """Build the row of an event, with one address among its values."""
    row = {
        "event_id": name,
        "received_ms": START_MS,
        "normaliser": "1",
        "account_id": account,
        "occurred_ms": START_MS,
    }
    extra: dict[str, Any] = {
        EventType.SIGNUPS: {"country": "DE", "outcome": "completed"},
        EventType.USAGE: {"exchanges": 2, "input_tokens": 10, "output_tokens": 20},
        EventType.OUTCOMES: {"outcome": "completed"},
        EventType.LABELS: {"label": "fraud", "source": "analyst"},
        EventType.DECISIONS: {"decision": "review"},
    }.get(kind, {})
    if kind in {*KINDS, EventType.PAYMENTS}:
        extra = extra | {"values": [{"kind": "ip", "pseudonym": pseudonym(f"{name}"[:2])}]}
    return row | extra | more


def entry_of(
    number: int | str,
    kind: EventType = EventType.SIGNUPS,
    *,
    account: str | None = None,
    body: bytes = b"",
    **more: Any,
) -> Entry:
    """Build an entry; the same number gives the same one."""
    name = f"e{number}"
    account = f"account-{number}" if account is None else account
    event = encode_event(kind, event_row(kind, name, account, **more))
    return Entry(kind, name, body or name.encode(), account, event, f"answer {number}".encode())


def mixed(number: int) -> Entry:
    """Build an entry of one of three types; three neighbours belong to one account."""
    return entry_of(number, KINDS[number % 3], account=f"account-{number // 3}")


def entries_in(directory: Path) -> list[Recorded]:
    """Return everything that is held in a journal."""
    with closing(Reader(directory)) as reader:
        found: list[Recorded] = []
        after = 0
        while True:
            entries, through = reader.held(after)
            found += entries
            if through == after:
                return found
            after = through


def rows_in(directory: Path, query: str = "SELECT * FROM entry") -> list[tuple[Any, ...]]:
    """Ask the journal's file."""
    with closing(open_reading(directory / NAME)) as connection:
        return connection.execute(query).fetchall()


WRITER = """
import sys
from pathlib import Path
{before}
from ringfinder.journal import run_writer
home = Path(sys.argv[1])
run_writer(home / "journal", home / "events", ready=lambda: print("ready", flush=True))
"""


class WriterProcess:
    """A writer in a process of its own, to be killed, stopped and starved."""

    def __init__(self, home: Path, *, before: str = "", **more: Any) -> None:
        self.home = home
        self._errors = tempfile.TemporaryFile()  # noqa: SIM115 not a pipe: nobody reads it meanwhile
        environment = os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)}
        self.process = subprocess.Popen(
            [sys.executable, "-c", WRITER.format(before=before), str(home)],
            stdout=subprocess.PIPE,
            stderr=self._errors,
            env=environment,
            **more,
        )

    def ready(self) -> WriterProcess:
        """Wait until clients can connect."""
        assert self.process.stdout is not None
        if self.process.stdout.readline() != b"ready\n":
            complaint = self.complaint()
            self.end(signal.SIGKILL)
            raise AssertionError(complaint)
        return self

    def complaint(self) -> str:
        """Return what it wrote on standard error before it ended."""
        self._errors.seek(0)
        return self._errors.read().decode()

    def send(self, number: signal.Signals) -> None:
        """Send a signal."""
        self.process.send_signal(number)

    def end(self, number: signal.Signals = signal.SIGTERM) -> int:
        """End it and return its exit code."""
        self.process.send_signal(number)
        if number != signal.SIGCONT:
            self.process.send_signal(signal.SIGCONT)
        code = self.process.wait(timeout=20)
        assert self.process.stdout is not None
        self.process.stdout.close()
        self._errors.close()
        return code


@contextmanager
def writer_at(home: Path, **more: Any) -> Iterator[WriterProcess]:
    """Run a writer for the length of a block."""
    writer = WriterProcess(home, **more).ready()
    try:
        yield writer
    finally:
        if writer.process.poll() is None:
            writer.end()
        else:
            writer.end(signal.SIGCONT)


@contextmanager
def client_of(home: Path) -> Iterator[tuple[asyncio.Runner, Journal]]:
    """Give a loop and a client."""
    with asyncio.Runner() as runner:
        journal = Journal(home / "journal")
        try:
            yield runner, journal
        finally:
            runner.run(journal.close())
