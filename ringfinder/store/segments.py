"""The event log: a directory of immutable Parquet segments and one manifest."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import replace
from pathlib import Path
from typing import TypeVar

import duckdb
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from ringfinder.errors import StoreError
from ringfinder.store.appended import Appended, appended
from ringfinder.store.elsewhere import Elsewhere, not_elsewhere
from ringfinder.store.events import EventType, check_events
from ringfinder.store.files import locked
from ringfinder.store.ids import fresh_ids
from ringfinder.store.manifest import NAME, FileEntry, Manifest, Segment
from ringfinder.store.numbers import check_numbers, numbered
from ringfinder.store.protocol import Interval
from ringfinder.store.segmentfiles import SegmentFiles
from ringfinder.store.spilling import sweep

ROWS_PER_SEGMENT = 1_000_000  # a segment and what is derived from it fit in memory

Found = TypeVar("Found")


class EventLog:
    """Every event, once, in the order it was recorded.

    Any number of processes read; one at a time appends. An append is whole or absent,
    whenever it is interrupted.

    Parameters
    ----------
    directory
        Home of the log; made when absent.
    wait_s
        Seconds to wait for another process that appends.
    """

    def __init__(self, directory: Path, *, wait_s: float = 30.0) -> None:
        self.directory = directory
        self._wait_s = wait_s
        self._files = SegmentFiles(directory)
        try:
            directory.mkdir(parents=True, exist_ok=True, mode=0o700)
        except OSError as error:
            raise StoreError(f"cannot make the event log {directory}: {error.strerror}") from error

    @property
    def last_sequence(self) -> int:
        """Sequence number of the newest event; 0 while the log is empty."""
        return Manifest.read(self.directory).last_sequence

    @property
    def allocated(self) -> int:
        """Newest number given to an event or reserved; 0 before the first."""
        return Manifest.read(self.directory).next_sequence - 1

    @property
    def spill(self) -> Path:
        """Directory for what does not fit in memory; each append sweeps what the dead left."""
        return self._files.spill

    def segments(self, kind: EventType | None = None) -> tuple[Segment, ...]:
        """Return the segments of one type, or all, in order of sequence."""
        segments = Manifest.read(self.directory).segments
        return tuple(segment for segment in segments if kind in {None, segment.type})

    def published(self, kind: EventType) -> tuple[Segment, ...]:
        """Return the segments of one type; an append is not on the point of adding to them."""
        with self._publishing():
            return self.segments(kind)

    def append(
        self,
        tables: Iterable[tuple[EventType, pa.Table]],
        *,
        elsewhere: Elsewhere | None = None,
    ) -> Appended:
        """Record events; all of them, or none when this raises or is killed.

        Within one type an event_id is recorded once, and the first one counts. Tables are
        taken one at a time: a generator of them can be bigger than memory.

        Parameters
        ----------
        tables
            Type and events of each; see `check_events` for their columns.
        elsewhere
            Knows of events that will be moved here; they are left out.

        Raises
        ------
        InputError
            If a table does not have the shape of its type.
        StoreUnavailable
            If another process holds the log.
        StoreError
            If the disk refuses, or the log is damaged.
        """
        with self._writing():
            before = self._swept()
            fresh: list[Segment] = []
            offered: dict[EventType, int] = {}
            for kind, chunk in _chunks(tables):
                offered[kind] = offered.get(kind, 0) + len(chunk)
                so_far = before.extended(fresh)
                fresh += self._recorded(kind, chunk, so_far, elsewhere=elsewhere)
            with self._publishing():
                if elsewhere is not None:
                    fresh = [
                        kept for s in fresh if (kept := self._kept(s, elsewhere.since(s.type)))
                    ]
                after = before.extended(fresh)
                after.write(self.directory)
        return appended(after, fresh, offered)

    def reserve(self, count: int) -> Interval:
        """Set numbers aside for events that will come with them: see `append_numbered`.

        Nobody else gets them; those never used stay gaps.

        Raises
        ------
        StoreUnavailable
            If another process holds the log.
        """
        with self._writing():
            before = self._swept()
            after = replace(before, next_sequence=before.next_sequence + count)
            after.write(self.directory)
        return before.next_sequence, after.next_sequence - 1

    def append_numbered(
        self,
        part: Interval,
        tables: Mapping[EventType, pa.Table],
        *,
        gone: Callable[[], Collection[int]] = tuple,
    ) -> Appended:
        """Record events that have their numbers already; all of them, or none.

        Within one type an event_id that the log knows is left out.

        Parameters
        ----------
        part
            The numbers that the events stand for, reserved before, not recorded yet.
        tables
            Events of each type with their `sequence`, rising.
        gone
            Asked once nobody else can write: numbers of events to leave out, because their
            account was erased meanwhile. An erasure after that waits, and finds them here.

        Raises
        ------
        InputError
            If a table does not have the shape of its type, or a number is not free.
        """
        with self._writing():
            before = self._swept()
            check_numbers(part, tables, before)
            left_out = pa.array(sorted(gone()), pa.int64())
            kept = {
                kind: table.filter(pc.invert(pc.is_in(table["sequence"], left_out)))
                for kind, table in tables.items()
            }
            fresh: list[Segment] = []
            for kind, table in kept.items():
                fresh += self._recorded(kind, numbered(kind, table), before, part)
            after = before.extended(fresh)
            after.write(self.directory)
        return appended(after, fresh, {kind: len(table) for kind, table in kept.items()})

    def table(self, segment: Segment, columns: Sequence[str] | None = None) -> pa.Table:
        """Return the events of one segment, or some columns of them, in order of sequence.

        Of a segment that was rewritten since (see `erase`), the events that it has now.

        Raises
        ------
        StoreError
            If the file is missing or its checksum is wrong.
        """
        wanted = None if columns is None else list(columns)
        return self._of(segment, lambda path: pq.read_table(path, columns=wanted))

    def open(self, segment: Segment) -> pq.ParquetFile:
        """Open the file of one segment, to be read a little at a time; else as `table`."""
        return self._of(segment, pq.ParquetFile)

    def _of(self, segment: Segment, read: Callable[[Path], Found]) -> Found:
        """Return what `read` makes of a segment's file, or of the one that took its place."""
        while True:
            try:
                return read(self.checked(segment.events))
            except (StoreError, OSError):
                now = self._in_force(segment)
                if now is None or now == segment:
                    raise
                segment = now

    def using(self, kind: EventType | None, use: Callable[[tuple[Segment, ...]], Found]) -> Found:
        """Return what `use` makes of the segments of a type, or all, and their files.

        An erasure gives segments new files and removes the old ones at once, so that nothing
        erased is left; whoever has begun with the old ones begins anew with the new.

        Parameters
        ----------
        kind
            The type; None: all.
        use
            Called with the segments, in order of sequence; again if a file went meanwhile.
        """
        segments = self.segments(kind)
        while True:
            try:
                return use(segments)
            except (StoreError, OSError, duckdb.Error):
                now = self.segments(kind)
                if now == segments:
                    raise
                segments = now

    def _in_force(self, segment: Segment) -> Segment | None:
        """Return a segment as the manifest has it now."""
        same = (s for s in self.segments(segment.type) if s.first == segment.first)
        return next(same, None)

    def read(
        self,
        kind: EventType,
        *,
        known_by_ms: int | None = None,
        columns: Sequence[str] | None = None,
    ) -> Iterator[pa.Table]:
        """Yield the events of a type, segment by segment, as they were known at a time.

        Parameters
        ----------
        kind
            The type.
        known_by_ms
            Leave out what was received later; None: everything.
        columns
            Columns to return; None: all. `received_ms` is always among them.
        """
        wanted = None if columns is None else list(dict.fromkeys(["received_ms", *columns]))
        for segment in self.segments(kind):
            if known_by_ms is None:
                yield self.table(segment, wanted)
            elif segment.first_received_ms <= known_by_ms:
                table = self.table(segment, wanted)
                yield table.filter(pc.less_equal(table["received_ms"], known_by_ms))

    def checked(self, entry: FileEntry) -> Path:
        """Return the path of a file, its checksum verified once in the life of this object."""
        return self._files.checked(entry)

    def check(self) -> int:
        """Verify every file anew; return how many there are.

        Raises
        ------
        StoreError
            Naming the first file that is damaged or missing.
        """
        return self.using(None, self._check_files)

    def _check_files(self, segments: tuple[Segment, ...]) -> int:
        entries = [entry for segment in segments for entry in segment.files()]
        for entry in entries:
            entry.check(self.directory)
        return len(entries)

    def erase(self, account_ids: Sequence[str]) -> int:
        """Rewrite the segments without these accounts; return how many events went.

        Sequence numbers stay used, and the hashes of the event ids stay known, so that a
        repeated delivery does not bring the events back. Whoever reads meanwhile reads on,
        with or without the accounts.
        """
        erased = pa.array(list(account_ids), pa.string())
        before = sum(segment.rows for segment in self.segments())
        self.rewrite(lambda table: table.filter(_others(table, erased)))
        return before - sum(segment.rows for segment in self.segments())

    def rewrite(
        self,
        change: Callable[[pa.Table], pa.Table],
        *,
        ready: Callable[[], None] = lambda: None,
    ) -> int:
        """Put what `change` makes of each segment's events in their place: all, or nothing.

        Parameters
        ----------
        change
            From events, with their `sequence`, to events of the same columns, perhaps fewer.
        ready
            Called once everything is made and nothing is in force yet.

        Returns
        -------
        int
            How many segments are not what they were.
        """
        with self._writing():
            before = self._swept()
            segments = tuple(self._changed(segment, change) for segment in before.segments)
            ready()
            replace(before, segments=segments).write(self.directory)
            self._swept()
        return sum(a != b for a, b in zip(before.segments, segments, strict=True))

    def _changed(self, segment: Segment, change: Callable[[pa.Table], pa.Table]) -> Segment:
        table = self.table(segment)
        changed = change(table)
        if changed.equals(table):
            return segment
        files = self._files.of_events(segment.type, segment.first, changed)
        return replace(segment, rows=len(changed), **files)

    def _kept(self, segment: Segment, gone: pa.Array) -> Segment | None:
        """Return a segment that nobody has seen yet without events of these ids."""
        ids = pq.read_table(self.checked(segment.ids)) if len(gone) else None
        if ids is None or not pc.any(found := pc.is_in(ids["id"], gone), min_count=0).as_py():
            return segment
        kept = pc.invert(found)
        events, ids = self.table(segment).filter(kept), ids.filter(kept)
        return self._files.segment(segment.type, (segment.first, segment.last), events, ids)

    def _recorded(
        self,
        kind: EventType,
        events: pa.Table,
        so_far: Manifest,
        part: Interval | None = None,
        elsewhere: Elsewhere | None = None,
    ) -> list[Segment]:
        """Write the events whose ids are new as a segment; none of them: no segment."""
        known = [self.checked(s.ids) for s in so_far.segments if s.type == kind]
        fresh = not_elsewhere(kind, fresh_ids(events["event_id"], known, self.spill), elsewhere)
        if not len(fresh):
            return []
        events = events.take(fresh["row"])
        first, last = part or (so_far.next_sequence, so_far.next_sequence + len(fresh) - 1)
        if part is None:
            events = events.add_column(0, "sequence", pa.array(np.arange(first, last + 1)))
        segment = self._files.segment(kind, (first, last), events, fresh.select(["id"]))
        return [] if segment is None else [segment]

    def _swept(self) -> Manifest:
        """Remove what an interrupted append left, and return the manifest in force."""
        manifest = Manifest.read(self.directory)
        if not (self.directory / NAME).exists():
            manifest.write(self.directory)
        named = {entry.name for segment in manifest.segments for entry in segment.files()}
        for pattern in ("*.parquet", "*.tmp"):
            for path in self.directory.glob(pattern):
                if path.name not in named:
                    path.unlink(missing_ok=True)
        sweep(self.spill)
        return manifest

    def _publishing(self) -> AbstractContextManager[None]:
        """Let nobody see the log from when an append looks elsewhere until it is to be seen."""
        what = f"the newest of the event log {self.directory}"
        lock = self.directory / "publish.lock"
        return locked(lock, what=what, exclusive=True, wait_s=self._wait_s)

    @contextmanager
    def _writing(self) -> Iterator[None]:
        what = f"the event log {self.directory}"
        try:
            with locked(self.directory / "lock", what=what, exclusive=True, wait_s=self._wait_s):
                yield
        except OSError as error:
            raise StoreError(
                f"cannot append to {self.directory}: {error.strerror}; nothing was recorded"
            ) from error


def _others(table: pa.Table, account_ids: pa.Array) -> pa.ChunkedArray:
    return pc.invert(pc.is_in(table["account_id"], account_ids))


def _chunks(tables: Iterable[tuple[EventType, pa.Table]]) -> Iterator[tuple[EventType, pa.Table]]:
    for kind, table in tables:
        events = check_events(kind, table)
        for start in range(0, len(events), ROWS_PER_SEGMENT):
            yield kind, events.slice(start, ROWS_PER_SEGMENT)
