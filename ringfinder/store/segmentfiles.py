"""The files of segments: written once, under names that hold their checksums."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from ringfinder.store.events import EventType
from ringfinder.store.files import publish, sha256_of
from ringfinder.store.hours import fold_hours
from ringfinder.store.manifest import FileEntry, Segment
from ringfinder.store.models import fold_models
from ringfinder.store.protocol import Interval


class SegmentFiles:
    """Writes the files of one log, and checks them once each.

    Parameters
    ----------
    directory
        Home of the log.
    """

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.spill = directory / "spill"
        self._checked: set[FileEntry] = set()

    def checked(self, entry: FileEntry) -> Path:
        """Return the path of a file, its checksum verified once in the life of this object."""
        if entry not in self._checked:
            entry.check(self.directory)
            self._checked.add(entry)
        return self.directory / entry.name

    def segment(
        self, kind: EventType, part: Interval, events: pa.Table, ids: pa.Table
    ) -> Segment | None:
        """Write the files of a segment; without events there is none."""
        if not len(events):
            return None
        received = pc.min_max(events["received_ms"]).as_py()
        files = self.of_events(kind, part[0], events)
        known = self._file(f"{kind}-{part[0]:016d}-ids", ids)
        bounds = (received["min"], received["max"])
        return Segment(kind, *part, len(events), *bounds, ids=known, **files)

    def of_events(self, kind: EventType, first: int, events: pa.Table) -> dict[str, Any]:
        """Write the files that hold events, or what is folded from them."""
        tables = {"events": events}
        if kind == EventType.USAGE:
            tables |= {
                "hours": fold_hours(events, self.spill),
                "models": fold_models(events, self.spill),
            }
        return {name: self._file(f"{kind}-{first:016d}-{name}", t) for name, t in tables.items()}

    def _file(self, name: str, table: pa.Table) -> FileEntry:
        """Write one Parquet file under a name that holds its checksum: rewriting is a new file."""
        temporary = self.directory / f"{name}.tmp"
        pq.write_table(table, temporary, compression="zstd", compression_level=1)
        final = temporary.with_name(f"{name}-{sha256_of(temporary)[:12]}.parquet")
        publish(temporary, final)
        entry = FileEntry.of(final)
        self._checked.add(entry)
        return entry
