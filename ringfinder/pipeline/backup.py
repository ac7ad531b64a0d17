"""A data directory in one sealed file: events, journal, keys, pepper, the snapshot in force.

What follows from the rest is left out: a graph, embedded or in the local Neo4j of the directory,
is made anew from the events. What does not, such as rings and their history, is read out of the
store.
"""

from __future__ import annotations

import io
import json
import os
import secrets
import shutil
import tarfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ringfinder.errors import InputError, StoreError
from ringfinder.journal.copying import copy_sqlite, is_sqlite
from ringfinder.pipeline.home import Home
from ringfinder.pipeline.pepper import PEPPER_FILE, PepperRecord
from ringfinder.pipeline.sealing import CHUNK, SealingWriter
from ringfinder.pipeline.writeback import check_finished, ring_files
from ringfinder.places import EVENTS, LOCAL_NEO4J, SNAPSHOTS, STORE_RINGS
from ringfinder.publish.snapshots import POINTER
from ringfinder.store import RingTables, project
from ringfinder.store.files import locked, publish
from ringfinder.store.parts import merged
from ringfinder.store.segments import EventLog

FORMAT = 1
ABOUT = "backup.json"
_LEFT_OUT = (
    "*.lock", "lock", "lock.id", "*.tmp", "*.new", "*.spill", "*.sock", "*-wal", "*-shm", "*.wal",
    "graph.duckdb*", "rejects-*.jsonl", "spill", "backup-*", "*.pid", "restore-*", "before-*",
)  # fmt: skip
_WAIT_S = 600.0


@dataclass(frozen=True, slots=True)
class Backup:
    """What was put into an archive.

    Attributes
    ----------
    file
        The archive.
    files, bytes
        How many files of the data directory it holds, and their size.
    last_sequence
        Number of the newest event of the log in it.
    """

    file: Path
    files: int
    bytes: int
    last_sequence: int

    def to_dict(self) -> dict[str, Any]:
        """Return plain JSON values."""
        return {
            "file": str(self.file),
            "files": self.files,
            "bytes": self.bytes,
            "last_sequence": self.last_sequence,
        }


def backup(home: Home, out: Path, passphrase: str, *, created_ms: int) -> Backup:
    """Write a data directory, as of one moment, into a sealed file.

    Others go on reading and writing meanwhile.

    Parameters
    ----------
    home
        The data directory; its store takes in first what it lacks.
    out
        The archive; must not exist. There whole or not at all.
    passphrase
        Opens it again.
    created_ms
        Now, milliseconds since 1970 UTC.

    Raises
    ------
    InputError
        If `out` exists or lies in the data directory.
    StoreError
        If something of the directory is damaged, or a restore into it not finished, or the
        disk refuses.
    """
    _check_out(home, out)
    check_finished(home.directory)
    project(home.log, home.store)
    temporary = out.with_name(f"{out.name}.{secrets.token_hex(4)}.tmp")
    try:
        with _still(home) as (place, rings):
            about = _about(home, EventLog(place / EVENTS), created_ms)
            _check_log(home, place)
            descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
            with os.fdopen(descriptor, "wb") as file:
                sealed = SealingWriter(file, passphrase)
                files, size = _pack(sealed, place, rings, about)
                sealed.finish()
        publish(temporary, out)
    except OSError as error:
        raise StoreError(f"cannot write the backup {out}: {error.strerror}") from error
    finally:
        temporary.unlink(missing_ok=True)
    return Backup(out, files, size, about["last_sequence"])


def _check_out(home: Home, out: Path) -> None:
    if out.exists():
        raise InputError(f"{out} is there already: name another file with --out.")
    if not out.parent.is_dir():
        raise InputError(f"There is no directory {out.parent} for the backup.")
    if out.absolute().is_relative_to(home.directory.absolute()):
        raise InputError(
            f"{out} lies in the data directory, and would be lost with it: name a file elsewhere."
        )


def _check_log(home: Home, place: Path) -> None:
    """Raise a StoreError where the copy's event log is damaged: such a backup restores nothing."""
    try:
        EventLog(place / EVENTS).check()
    except StoreError as error:
        # The copy is gone before anybody could look at it; what it was made of is not.
        said = str(error).replace(str(place), str(home.directory))
        raise StoreError(f"{said}; no backup was written") from error


def _about(home: Home, copied: EventLog, created_ms: int) -> dict[str, Any]:
    """Return what the archive says of itself: of what was copied, not of what came since."""
    return {
        "format": FORMAT,
        "created_ms": created_ms,
        "last_sequence": copied.last_sequence,
        "fingerprint": _fingerprint(home, copied),
    }


def _fingerprint(home: Home, copied: EventLog) -> str | None:
    """Return the fingerprint of the graph of the copied events; None where the store has others.

    It has where events of the journal, or such as came since, are in it too; and it may where
    somebody was erased since, who is in the copy.
    """
    covered = tuple(merged((segment.first, segment.last) for segment in copied.segments()))

    def holds_those() -> bool:
        whole = home.store.applied() == covered and not home.store.begun()
        return whole and set(copied.segments()) <= set(home.log.segments())

    if not holds_those():
        return None
    found = home.store.fingerprint()
    return found if holds_those() else None


@contextmanager
def _still(home: Home) -> Iterator[tuple[Path, RingTables | None]]:
    """Give a copy of the data directory as of one moment; mostly links, which cost nothing.

    And the rings of that moment, which only the store holds.
    """
    what = f"the backup of {home.directory}"
    with locked(home.directory / "backup.lock", what=what, exclusive=True, wait_s=0.0):
        for left in home.directory.glob("backup-*"):  # by one that was killed
            shutil.rmtree(left, ignore_errors=True)
        with _copied(home) as copied:
            yield copied


@contextmanager
def _copied(home: Home) -> Iterator[tuple[Path, RingTables | None]]:
    place = home.directory / f"backup-{secrets.token_hex(4)}"
    place.mkdir(mode=0o700)
    try:
        rings = _copy_snapshots(home, place)
        # The journal before the log: an event that is compacted meanwhile is then in both, and
        # counts once, where the other order could leave it in neither.
        for path in sorted(home.directory.iterdir()):
            if path.name not in {EVENTS, SNAPSHOTS, LOCAL_NEO4J}:
                _copy(path, place / path.name)
        lock, what = home.directory / EVENTS / "lock", f"the event log in {home.directory}"
        with locked(lock, what=what, exclusive=False, wait_s=_WAIT_S):
            _copy(home.directory / EVENTS, place / EVENTS)
        _write_pepper(home, place)
        yield place, rings
    finally:
        shutil.rmtree(place, ignore_errors=True)


def _is_left_out(path: Path) -> bool:
    special = path.is_symlink() or not (path.is_file() or path.is_dir())
    return special or any(path.match(pattern) for pattern in _LEFT_OUT)


def _copy(source: Path, target: Path) -> None:
    if _is_left_out(source):
        return
    if source.is_dir():
        target.mkdir(mode=0o700)
        for path in sorted(source.iterdir()):
            _copy(path, target / path.name)
    elif is_sqlite(source):
        copy_sqlite(source, target)
    elif source.suffix in {
        ".parquet",
        ".npy",
        ".arrow",
    }:  # never written to after its name is given
        os.link(source, target)
    else:
        shutil.copyfile(source, target)


def _copy_snapshots(home: Home, place: Path) -> RingTables | None:
    """Copy the snapshot in force and what is known of the others; return the rings beside it."""
    source, target = home.directory / SNAPSHOTS, place / SNAPSHOTS
    wanted, rings = _in_force(source), home.store.read_rings()
    while wanted != (now := _in_force(source)):  # a run has just put its own in force
        wanted, rings = now, home.store.read_rings()
    if source.is_dir():
        target.mkdir(mode=0o700)
        for path in sorted(source.iterdir()):
            if path.name != POINTER and (not path.is_dir() or path.name == wanted):
                _copy(path, target / path.name)
        if wanted:  # as it was, though it may be another by now
            (target / POINTER).write_text(f"{wanted}\n", "utf-8")
    return rings


def _in_force(snapshots: Path) -> str:
    pointer = snapshots / POINTER
    return pointer.read_text("utf-8").strip() if pointer.is_file() else ""


def _write_pepper(home: Home, place: Path) -> None:
    """Put the key itself into the copy, also where it is configured elsewhere."""
    record = PepperRecord.read(home.directory)
    if record is not None and record.key is None:
        (place / PEPPER_FILE).unlink()
        PepperRecord(record.version, record.commitment, home.pepper.key, record.previous).write(
            place
        )


def _pack(
    sealed: SealingWriter, place: Path, rings: RingTables | None, about: dict[str, Any]
) -> tuple[int, int]:
    """Write the archive; return how many files it holds, and their size."""
    files = size = 0
    with tarfile.open(fileobj=sealed, mode="w|", bufsize=CHUNK, format=tarfile.PAX_FORMAT) as tar:
        _add(tar, ABOUT, json.dumps(about, sort_keys=True).encode())
        for name, content in () if rings is None else ring_files(rings):
            _add(tar, f"{STORE_RINGS}/{name}", content)
        for path in sorted(path for path in place.rglob("*") if path.is_file()):
            entry = tarfile.TarInfo(path.relative_to(place).as_posix())
            entry.size, entry.mode = path.stat().st_size, 0o600
            with path.open("rb") as file:
                tar.addfile(entry, file)
            files, size = files + 1, size + entry.size
    return files, size


def _add(tar: tarfile.TarFile, name: str, content: bytes) -> None:
    entry = tarfile.TarInfo(name)
    entry.size, entry.mode = len(content), 0o600
    tar.addfile(entry, io.BytesIO(content))
