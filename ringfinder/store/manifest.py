"""The manifest: which files make up the event log, and what they must contain.

It is one small file, replaced atomically. A segment that it does not name does not
exist, which is why an append that was killed leaves nothing half done.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from ringfinder.errors import StoreError
from ringfinder.store.events import EventType
from ringfinder.store.files import sha256_of, write_atomically

FORMAT = 1
NAME = "manifest.json"


@dataclass(frozen=True, slots=True)
class FileEntry:
    """One file of the log and what it must contain."""

    name: str
    bytes: int
    sha256: str

    @classmethod
    def of(cls, path: Path) -> FileEntry:
        """Describe a file that has just been written."""
        return cls(path.name, path.stat().st_size, sha256_of(path))

    def check(self, directory: Path) -> None:
        """Raise a StoreError if the file is missing or does not hold what was written."""
        path = directory / self.name
        try:
            if path.stat().st_size == self.bytes and sha256_of(path) == self.sha256:
                return
        except OSError as error:
            raise StoreError(
                f"cannot read {path}: {error.strerror}; restore it from a backup"
            ) from error
        raise StoreError(
            f"{path} is damaged: its checksum is not the manifest's. Restore it from a backup"
        )


@dataclass(frozen=True, slots=True)
class Segment:
    """One immutable run of events of one type.

    Attributes
    ----------
    type
        Type of all its events.
    first, last
        Sequence numbers it stands for, both inclusive; some may be empty. Segments of
        several types share them where they were recorded together under numbers given
        before; they never overlap otherwise.
    rows
        Events in it now.
    first_received_ms, last_received_ms
        When its events became known.
    events, ids, hours, models
        The events; hashes of their ids; account-hours of usage, and which models each account
        asked, else None.
    """

    type: EventType
    first: int
    last: int
    rows: int
    first_received_ms: int
    last_received_ms: int
    events: FileEntry
    ids: FileEntry
    hours: FileEntry | None = None
    models: FileEntry | None = None

    def files(self) -> tuple[FileEntry, ...]:
        """Return the segment's files."""
        entries = (self.events, self.ids, self.hours, self.models)
        return tuple(entry for entry in entries if entry is not None)


@dataclass(frozen=True, slots=True)
class Manifest:
    """The segments in order of sequence, and the next number that is free."""

    next_sequence: int = 1
    segments: tuple[Segment, ...] = ()

    def extended(self, segments: list[Segment]) -> Manifest:
        """Return the manifest with further segments, in order of sequence."""
        after = max([self.next_sequence, *(segment.last + 1 for segment in segments)])
        ordered = sorted([*self.segments, *segments], key=lambda segment: segment.first)
        return Manifest(after, tuple(ordered))

    @property
    def last_sequence(self) -> int:
        """Sequence number of the newest event; 0 where there is none."""
        return max((segment.last for segment in self.segments), default=0)

    def write(self, directory: Path) -> None:
        """Put this manifest in force."""
        body = json.dumps(asdict(self), sort_keys=True, separators=(",", ":"))
        seal = hashlib.sha256(body.encode()).hexdigest()
        whole = json.dumps({"format": FORMAT, "sha256": seal, "body": body}) + "\n"
        write_atomically(directory / NAME, whole.encode())

    @classmethod
    def read(cls, directory: Path) -> Manifest:
        """Return the manifest in force; an empty one where nothing was appended yet.

        Raises
        ------
        StoreError
            If the manifest is damaged, of another format, or lost beside its segments.
        """
        path = directory / NAME
        try:
            whole = json.loads(path.read_bytes())
            version, seal, body = whole["format"], whole["sha256"], whole["body"].encode()
        except FileNotFoundError:
            if any(directory.glob("*.parquet")):
                raise StoreError(f"{path} is missing: restore it from a backup") from None
            return cls()
        except (ValueError, KeyError, TypeError, AttributeError):
            raise StoreError(f"{path} is damaged: restore it from a backup") from None
        except OSError as error:
            raise StoreError(f"cannot read {path}: {error.strerror}") from error
        if version != FORMAT:
            raise StoreError(f"{path} has format {version}; this version reads format {FORMAT}")
        if hashlib.sha256(body).hexdigest() != seal:
            raise StoreError(f"{path} is damaged: restore it from a backup")
        stored = json.loads(body)
        return cls(stored["next_sequence"], tuple(_segment(entry) for entry in stored["segments"]))


def _segment(stored: dict[str, Any]) -> Segment:
    files = {
        name: None if stored.get(name) is None else FileEntry(**stored[name])
        for name in ("events", "ids", "hours", "models")
    }
    return Segment(**{**stored, "type": EventType(stored["type"]), **files})
