"""Erasing one account: from every file of the data directory that can name it.

What stays are snapshots of before, which are immutable and checksummed: they are not shown
(`ErasedAccounts`), and go as newer ones are published; and hash chains, which hold
commitments. Order matters: first what takes in new events, then what is made of them, so that
an erasure that was interrupted is finished by asking again. Whom it is to remove beside the
account stands in a list of its own until then (`unfinished`).
"""

from __future__ import annotations

import json
import logging
import threading
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from ringfinder.errors import StoreError
from ringfinder.journal import Recorded, decode_event
from ringfinder.serve.rows import BECAME
from ringfinder.store.events import EventType
from ringfinder.store.files import locked, write_atomically
from ringfinder.store.protocol import GraphStore
from ringfinder.store.segments import EventLog

FILE = "erased.json"
log = logging.getLogger("ringfinder.serve")
_Table = Callable[[str], object]


@dataclass(frozen=True, slots=True)
class Kept:
    """What was removed from what is kept beside the journal.

    Attributes
    ----------
    events
        Events of the log.
    graph
        Whether the graph store has dropped the account for good; False: it could not be
        reached, or is taking in a batch.
    """

    events: int
    graph: bool


def erase_kept(
    names: Sequence[str], log: EventLog, open_store: Callable[[], GraphStore], *tables: _Table
) -> Kept:
    """Erase an account from the event log, small tables and the graph store.

    Parameters
    ----------
    names
        The account, and the attempts that it was.
    log
        The events: segments that name it are written anew.
    open_store
        Opens the graph store.
    tables
        The `erase` of what else names accounts: customers, allowances.
    """
    events = log.erase(names)
    for table in tables:
        for name in names:
            table(name)
    try:
        store = open_store()
        try:
            store.erase(names)
            begun = store.begun()
        finally:
            store.close()
    except StoreError:
        return Kept(events, graph=False)
    # What is being taken in was read before: a slice to come may name the account once more.
    return Kept(events, graph=not begun)


def attempt_events(account_id: str, recorded: Iterable[Recorded], log: EventLog) -> list[str]:
    """Return the event_ids of the attempts that became an account.

    Parameters
    ----------
    account_id
        The account.
    recorded
        Its sign-ups in the journal.
    log
        What has left the journal.
    """
    names = [
        str(decode_event(entry.event)["event_id"]) for entry in recorded if entry.event is not None
    ]
    for table in log.read(EventType.SIGNUPS, columns=["event_id", "account_id"]):
        mine = table.filter(pc.equal(table["account_id"], account_id))
        names += mine["event_id"].to_pylist()
    became = {name.removesuffix(BECAME) for name in names if name.endswith(BECAME)}
    return sorted(became)


def accounts_in(log: EventLog, event_ids: Sequence[str]) -> list[str]:
    """Return the accounts, or attempts, of sign-ups in the log."""
    wanted = pa.array(event_ids, pa.string())
    found: list[str] = []
    for table in log.read(EventType.SIGNUPS, columns=["event_id", "account_id"]):
        found += table.filter(pc.is_in(table["event_id"], wanted))["account_id"].to_pylist()
    return found


class ErasedAccounts:
    """Accounts that older snapshots still name, and that are not shown from them.

    Kept as keyed hashes; read again by every worker when the file changes.

    Parameters
    ----------
    directory
        The data directory.
    trace_of
        The keyed hash of an account's id.
    """

    def __init__(self, directory: Path, trace_of: Callable[[str], str]) -> None:
        self.path = directory / FILE
        self._trace_of = trace_of
        self._stamp: tuple[int, int] | None = None
        self._erased: dict[str, int] = {}
        self._lock = threading.Lock()

    def add(self, account_id: str, now_ms: int) -> None:
        """Remember that an account was erased."""
        with locked(
            self.path.with_name(FILE + ".lock"), what="the list of erased accounts",
            exclusive=True, wait_s=5.0,
        ):  # fmt: skip
            # Not the dictionary that all threads look at: it may be another one by now.
            erased = self.traces() | {self._trace_of(account_id): now_ms}
            write_atomically(self.path, json.dumps(erased).encode(), private=True)

    def hides(self, account_id: str, created_ms: int | None) -> bool:
        """Tell whether a snapshot of that time names the account, and must not.

        Parameters
        ----------
        account_id
            The account.
        created_ms
            When the snapshot was made; None where there is none.

        Raises
        ------
        StoreError
            If the file is damaged: better no answer than somebody who was erased.
        """
        self._refresh()
        if created_ms is None or not self._erased:
            return False
        return self._erased.get(self._trace_of(account_id), -1) >= created_ms

    def traces(self) -> dict[str, int]:
        """Return the keyed hashes of all who were erased, and when, in ms.

        Raises
        ------
        StoreError
            If the file is damaged.
        """
        self._refresh()
        return dict(self._erased)

    def _refresh(self) -> None:
        try:
            status = self.path.stat()
        except FileNotFoundError:
            return
        stamp = (status.st_mtime_ns, status.st_ino)
        with self._lock:
            if stamp != self._stamp:
                self._erased = self._read()
                self._stamp = stamp

    def _read(self) -> dict[str, int]:
        """Return what the file holds; of a damaged one nobody knows whom it hides."""
        try:
            erased = json.loads(self.path.read_bytes())
        except (OSError, ValueError, RecursionError):
            erased = None
        if not isinstance(erased, dict) or not all(type(when) is int for when in erased.values()):
            log.error("erased.json is damaged: restore it from a backup, or move it away and erase "
                      "those accounts again")  # fmt: skip
            raise StoreError(
                f"{self.path} is damaged: restore it from a backup, or move it away and erase "
                "those accounts again"
            )
        return erased


Hides = Callable[[str], bool]


def shown_members(members: list[dict[str, Any]], hides: Hides) -> list[dict[str, Any]]:
    """Return the members of a ring without those that were erased since the snapshot."""
    return [one for one in members if not hides(one["account_id"])]


def shown_graph(graph: dict[str, Any], hides: Hides) -> dict[str, Any]:
    """Return a ring as nodes and edges, without accounts that were erased since the snapshot."""
    gone = {
        node["id"] for node in graph["nodes"] if node["type"] == "account" and hides(node["label"])
    }
    if not gone:
        return graph
    return graph | {
        "nodes": [node for node in graph["nodes"] if node["id"] not in gone],
        "edges": [edge for edge in graph["edges"] if edge["source"] not in gone],
    }
