"""An output directory that a killed run never leaves half-written.

Files are written in full under a hidden directory beside their final place, flushed to
the disk, and renamed when all are there; run.json goes first and comes last, so a
directory with run.json is one whole run.
"""

from __future__ import annotations

import fcntl
import hashlib
import json
import os
import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from ringfinder.errors import DISK_REFUSES, InputError, RingfinderError, StoreError

RUN_FILE = "run.json"
RESULTS = (
    "accounts.parquet",
    "rings.parquet",
    "evidence.parquet",
    "report.html",
    "rejects.jsonl",
    RUN_FILE,
)
"""The files of an audit."""
_HIDDEN = ".unfinished"


@dataclass(frozen=True)
class Staging:
    """Where files wait until all of them are whole.

    Attributes
    ----------
    directory
        Write here; names are final names.
    """

    directory: Path

    def path(self, name: str) -> Path:
        """Return where to write a file of that final name."""
        return self.directory / name

    def write_bytes(self, name: str, content: bytes) -> None:
        """Write a whole file."""
        self.path(name).write_bytes(content)

    def digests(self) -> dict[str, str]:
        """Return the SHA-256 of every file written so far, by name."""
        return {path.name: _digest(path) for path in sorted(self.directory.iterdir())}

    def write_run(self, facts: Mapping[str, object]) -> None:
        """Write run.json: the facts, and the SHA-256 of every file written before it.

        Keys are sorted; values are plain JSON (NaN and infinity are refused).
        """
        content = {**facts, "files": self.digests()}
        text = json.dumps(content, sort_keys=True, indent=2, ensure_ascii=False, allow_nan=False)
        self.write_bytes(RUN_FILE, text.encode("utf-8", "backslashreplace") + b"\n")


@contextmanager
def staged(directory: Path) -> Iterator[Staging]:
    """Write a run's files into a directory: all of them, or none.

    Parameters
    ----------
    directory
        Made if missing. Files of an earlier run are replaced; others stay.

    Yields
    ------
    Staging
        Its files move to `directory` when the block ends without an error.

    Raises
    ------
    InputError
        If the directory cannot be written to, or another run writes to it at this moment.
    StoreError
        If the disk is full, or fails.
    """
    try:
        directory.mkdir(parents=True, exist_ok=True)
        handle = os.open(directory, os.O_RDONLY)
    except OSError as error:
        raise _unwritable(directory, error) from error
    try:
        _lock(handle, directory)
        with _hidden(directory) as stage:
            yield stage
    finally:
        os.close(handle)  # ends the lock, as the end of the process would


def _lock(handle: int, directory: Path) -> None:
    """Keep a directory for this run: two at once would take each other's files for theirs."""
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        raise InputError(
            f"Another run is writing to the output directory {directory}. "
            "Wait for it, or name another with --out."
        ) from None
    except OSError:
        return  # a file system without locks: nothing can be asked of it


@contextmanager
def _hidden(directory: Path) -> Iterator[Staging]:
    hidden = directory / _HIDDEN
    try:
        shutil.rmtree(hidden, ignore_errors=True)
        hidden.mkdir()
    except OSError as error:
        raise _unwritable(directory, error) from error
    try:
        yield Staging(hidden)
        _publish(hidden, directory)
    except OSError as error:
        if error.filename is not None and not str(error.filename).startswith(str(directory)):
            raise
        raise _unwritable(directory, error) from error
    finally:
        shutil.rmtree(hidden, ignore_errors=True)


def _publish(hidden: Path, directory: Path) -> None:
    names = sorted(path.name for path in hidden.iterdir())
    names.sort(key=lambda name: name == RUN_FILE)
    for name in names:
        _flush(hidden / name)
        if (directory / name).is_dir() and not (directory / name).is_symlink():
            raise InputError(
                f"{directory / name} is a directory, and a result has that name. "
                "Move it away, or name another directory with --out."
            )
    (directory / RUN_FILE).unlink(missing_ok=True)
    for name in names:
        (hidden / name).replace(directory / name)
    _flush(directory)


def _flush(path: Path) -> None:
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def _digest(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _unwritable(directory: Path, error: OSError) -> RingfinderError:
    if error.errno in DISK_REFUSES:
        return StoreError(
            f"Cannot write to {directory}: {error.strerror}. Make room there, or see whether the "
            "disk is sound, and run the same command again; nothing was changed"
        )
    return InputError(
        f"Cannot write to the output directory {directory}: {error.strerror or error}. "
        "Name another with --out, or make room."
    )
