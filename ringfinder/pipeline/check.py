"""Whether the graph in a store is still what its events say.

Whoever can open Neo4j Browser can write there: a deleted relationship or a changed count
would move scores without a trace. So the events are projected once more, beside, and
compared; they are right, and `ringfinder rebuild` makes the store agree. Rings follow from a
run instead: they are compared with its snapshot, and the next run writes them anew.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from ringfinder.errors import InvalidParameter, NotFound, StoreError, StoreUnavailable
from ringfinder.journal.batches import to_events
from ringfinder.journal.entries import Recorded
from ringfinder.journal.reader import Reader
from ringfinder.places import JOURNAL
from ringfinder.publish import snapshots
from ringfinder.publish.carried import ring_tables
from ringfinder.store import EmbeddedStore, EventLog, GraphStore, project
from ringfinder.store.compare import Contents, Difference, Differences, differences
from ringfinder.store.knownids import KnownIds
from ringfinder.store.parts import covering
from ringfinder.store.protocol import Interval
from ringfinder.store.replay import to_batch

_AT_ONCE = 10_000


def check_graph(
    log: EventLog, store: GraphStore, *, journal: Path | None = None, temp_dir: Path | None = None
) -> Differences:
    """Compare the graph in a store with the events it follows from.

    Events of the log that the store lacks are taken in first: being behind is no difference.
    Events that come in meanwhile are none either: what they touch is not looked at.

    Parameters
    ----------
    log
        The events.
    store
        What is checked; nothing in it is changed otherwise.
    journal
        Directory of the journal, whose events the store has before the log does; None: the
        one beside the log, if there is one.
    temp_dir
        Where a second graph may be made for a while; None: the system's.

    Returns
    -------
    Differences
        Empty where the store is as it should be. Rings are results of runs, not of events,
        and are not looked at: see `check_rings`.

    Raises
    ------
    StoreUnavailable
        If the store cannot be reached now.
    StoreError
        If the log is damaged.
    """
    place = log.directory.parent / JOURNAL if journal is None else journal
    project(log, store)
    applied = store.applied()
    with tempfile.TemporaryDirectory(prefix="ringfinder-check-", dir=temp_dir) as room:
        beside = EmbeddedStore(Path(room) / "graph.duckdb")
        _project_all(log, place, beside, applied)
        try:
            if store.fingerprint() == beside.fingerprint():
                return Differences((), log.last_sequence)
            found = Contents.of(store)
        except StoreUnavailable:
            raise
        except (StoreError, pa.ArrowException, ValueError, TypeError, KeyError):
            # Edited by hand so that it cannot even be read: properties gone, or of other types.
            return Differences((Difference("all", "unreadable", 1),), log.last_sequence)
        touched = _touched(log, place, applied)
        expected = Contents.of(beside).without(*touched)
    return Differences(tuple(differences(expected, found.without(*touched))), log.last_sequence)


def check_rings(store: GraphStore, directory: Path) -> Differences:
    """Compare the rings in a store with those of the snapshot that they were written from.

    Parameters
    ----------
    store
        What is checked; nothing in it is changed.
    directory
        The snapshots. Where the one in question is not there any more, nothing can be said.

    Returns
    -------
    Differences
        Empty where the store is as it should be.

    Raises
    ------
    StoreUnavailable
        If the store cannot be reached now.
    """
    try:
        stored = store.read_rings()
    except StoreUnavailable:
        raise
    except (StoreError, InvalidParameter, pa.ArrowException):  # edited past reading
        return Differences((Difference("rings", "unreadable", 1),), 0)
    if stored is None:
        return Differences((), 0)
    try:
        told = ring_tables(snapshots.find(directory, stored.run_id))
    except (NotFound, StoreError):
        return Differences((), 0)
    ours, theirs = _by_id(told.rings), _by_id(stored.rings)
    common = ours.keys() & theirs.keys()
    numbers = {
        "missing": len(ours.keys() - common),
        "extra": len(theirs.keys() - common),
        "changed": sum(ours[ring] != theirs[ring] for ring in common),
    }
    return Differences(tuple(Difference("rings", how, n) for how, n in numbers.items() if n), 0)


def _by_id(rings: pa.Table) -> dict[str, dict[str, Any]]:
    return {row["ring_id"]: row for row in rings.to_pylist()}


def _project_all(
    log: EventLog, journal: Path, beside: GraphStore, applied: Sequence[Interval]
) -> None:
    """Project the log, and of the journal what the checked store has taken in."""
    # Read before the log: what is compacted in between is in both, and not in neither.
    held = [entry for entry in held_events(journal) if covering(applied, entry.sequence)]
    project(log, beside)
    there, known = beside.applied(), KnownIds(log)
    for run in _runs([entry for entry in held if not covering(there, entry.sequence)]):
        events = known.without(to_events(run)[0])
        beside.write(to_batch((run[0].sequence, run[-1].sequence), events))


def held_events(journal: Path) -> Iterator[Recorded]:
    """Yield the events that are in the journal and not in the log yet."""
    if not journal.is_dir():
        return
    reader, after = Reader(journal), 0
    try:
        while True:
            entries, through = reader.held(after, _AT_ONCE)
            yield from entries
            if through == after:
                return
            after = through
    finally:
        reader.close()


def _runs(entries: Sequence[Recorded]) -> Iterator[list[Recorded]]:
    """Cut entries into runs without gaps in their numbers."""
    run: list[Recorded] = []
    for entry in entries:
        if run and entry.sequence != run[-1].sequence + 1:
            yield run
            run = []
        run.append(entry)
    if run:
        yield run


def _touched(
    log: EventLog, journal: Path, applied: Sequence[Interval]
) -> tuple[pa.Array, pa.Array]:
    """Return accounts and pseudonyms of the events that came after `applied`."""
    late = [entry for entry in held_events(journal) if not covering(applied, entry.sequence)]
    tables = list(to_events(late)[0].values())
    tables += [log.table(s) for s in log.segments() if not covering(applied, s.last)]
    accounts = [chunk for table in tables for chunk in table["account_id"].chunks]
    values = [
        pc.struct_field(pc.list_flatten(chunk), "pseudonym")
        for table in tables
        if "values" in table.column_names
        for chunk in table["values"].chunks
    ]
    return (
        pa.chunked_array(accounts, pa.string()).unique(),
        pa.chunked_array(values, pa.string()).unique(),
    )
