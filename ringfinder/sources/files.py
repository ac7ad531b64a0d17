"""The files of an audit: found, named, fingerprinted, opened."""

from __future__ import annotations

import glob
import gzip
import hashlib
import shutil
import sys
import tempfile
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from enum import StrEnum
from pathlib import Path
from threading import Event
from types import TracebackType
from typing import BinaryIO, Self, cast

import pyarrow as pa

from ringfinder.errors import InputError

STDIN = "-"
_CHUNK = 1 << 22
_PEPPER = b"rf-audit-pepper"
_ENDINGS = ".csv, .jsonl, .ndjson (each also .gz or .zst) or .parquet"


class Format(StrEnum):
    """What a file's name says it holds."""

    CSV = "CSV"
    JSONL = "JSON lines"
    PARQUET = "Parquet"


_FORMATS = {
    ".csv": Format.CSV,
    ".jsonl": Format.JSONL,
    ".ndjson": Format.JSONL,
    ".parquet": Format.PARQUET,
}
_COMPRESSIONS = {".gz": "gzip", ".zst": "zstd"}


@dataclass(frozen=True, slots=True)
class SourceFile:
    """One file of one table.

    Attributes
    ----------
    table
        The table whose rows it holds.
    path
        Where to read it; for standard input the copy on disk.
    name
        How messages and rejects call it: its last part, or the path as given where two
        files of the table have the same last part.
    format, compression
        By its ending; compression is ``gzip``, ``zstd`` or ``none``.
    """

    table: str
    path: Path
    name: str
    format: Format
    compression: str

    def open(self) -> BinaryIO:
        """Open the decompressed bytes."""
        if self.compression == "gzip":
            return cast(BinaryIO, gzip.open(self.path, "rb"))
        if self.compression == "zstd":
            return cast(BinaryIO, pa.input_stream(str(self.path), compression="zstd"))
        return self.path.open("rb")


@dataclass(frozen=True, slots=True)
class FileRecord:
    """What the run's record says about one file.

    Attributes
    ----------
    table, name
        As in `SourceFile`.
    bytes
        Size on disk.
    sha256
        Of the file as it lies on disk, in hexadecimal.
    rows
        Rows that were used, and rows rejected.
    rejected
        Rows that were not.
    """

    table: str
    name: str
    bytes: int
    sha256: str
    rows: int
    rejected: int


def find_files(patterns: Mapping[str, Sequence[str]], spool: Path) -> list[SourceFile]:
    """Return the files that the patterns name, sorted by table as given, then by path.

    Parameters
    ----------
    patterns
        By table: paths, globs, or ``-`` for JSON lines on standard input.
    spool
        Directory in which a copy of standard input may be made.

    Raises
    ------
    InputError
        If a pattern matches nothing, or names a directory, a file that cannot be read or
        one whose ending is not known; if standard input is named twice.
    """
    found = []
    if sum(p == STDIN for given in patterns.values() for p in given) > 1:
        raise InputError("- (standard input) is given twice: it can be read only once")
    for table, given in patterns.items():
        paths = {str(path): None for pattern in given for path in _matches(pattern)}
        lasts = Counter(Path(path).name for path in paths)
        for path in sorted(paths):
            last = Path(path).name
            name = last if last and lasts[last] == 1 else path
            found.append(_source_file(table, path, name, spool))
    return found


def find_paths(patterns: Sequence[str]) -> list[Path]:
    """Return the paths that the patterns name; standard input has none.

    Raises
    ------
    InputError
        If a pattern matches nothing.
    """
    return [Path(path) for given in patterns if given != STDIN for path in _matches(given)]


def _matches(pattern: str) -> list[str]:
    """Return the paths that a pattern names, at least one."""
    if pattern == STDIN or Path(pattern).exists():
        return [pattern]
    paths = sorted(glob.glob(pattern, recursive=True))  # noqa: PTH207 (absolute and ** alike)
    paths = [path for path in paths if Path(path).is_file()]
    if not paths:
        raise InputError(f"no file {pattern}: give a file, a glob in quotes, or - for JSON lines")
    return paths


def _source_file(table: str, path: str, name: str, spool: Path) -> SourceFile:
    if path == STDIN:
        copy = spool / "stdin.jsonl"
        try:
            with copy.open("wb") as out:
                shutil.copyfileobj(sys.stdin.buffer, out, _CHUNK)
        except OSError as error:
            raise InputError(
                f"standard input cannot be kept in the temporary directory: {error.strerror}; "
                "make room, or name another with --temp-dir"
            ) from None
        _check_readable(copy, "standard input")
        return SourceFile(table, copy, STDIN, Format.JSONL, "none")
    file = Path(path)
    _check_readable(file, name)
    endings = [ending.lower() for ending in file.suffixes]
    compression = _COMPRESSIONS.get(endings[-1], "none") if endings else "none"
    if compression != "none":
        endings.pop()
    form = _FORMATS.get(endings[-1]) if endings else None
    if form is None or (form is Format.PARQUET and compression != "none"):
        raise InputError(f"{name}: the ending says no format; expected {_ENDINGS}")
    return SourceFile(table, file, name, form, compression)


def _check_readable(path: Path, name: str) -> None:
    """Raise InputError unless there is a file with something in it."""
    if path.is_dir():
        raise InputError(f"{name} is a directory: name its files, such as '{_files_in(path)}'")
    if path.exists() and not path.is_file():
        # A pipe that is opened to look into it is lost to whoever writes to it.
        raise InputError(f"{name} is no regular file: give what it holds on standard input, as -")
    try:
        with path.open("rb") as file:
            empty = not file.read(1)
    except OSError as error:
        raise InputError(f"{name} cannot be read: {error.strerror}") from None
    if empty:
        raise InputError(f"{name} is empty: it has no header and no rows")


def _files_in(directory: Path) -> str:
    """Return a glob of files that can be read, of an ending that is there."""
    texts = [form for form in _FORMATS if form != ".parquet"]
    endings = [".parquet", *texts, *(form + pack for form in texts for pack in _COMPRESSIONS)]
    there = [ending for ending in endings if any(directory.glob(f"*{ending}"))]
    return f"{directory}/*{next(iter(there), endings[0])}"


def with_plain_line_ends(file: SourceFile, place: Path) -> SourceFile:
    """Return a decompressed copy in `place` in which every line ends in LF.

    Lines keep their numbers. Line ends inside quoted values change too.
    """
    copy = Path(tempfile.mkdtemp(dir=place)) / "copy.csv"
    with file.open() as stream, copy.open("wb") as out:
        after_cr = False
        while chunk := bytes(stream.read(_CHUNK)):
            if after_cr and chunk[:1] == b"\n":
                chunk = chunk[1:]
            after_cr = chunk[-1:] == b"\r" or (after_cr and not chunk)
            out.write(chunk.replace(b"\r\n", b"\n").replace(b"\r", b"\n"))
    return replace(file, path=copy, compression="none")


class Fingerprints:
    """Digests of files, made in a thread of their own while the files are read.

    Use it as a context: leaving it ends the thread, whatever is left to do.

    Parameters
    ----------
    files
        What to digest.
    """

    def __init__(self, files: Sequence[SourceFile]) -> None:
        self._stop = Event()
        self._pool = ThreadPoolExecutor(max_workers=1)
        self._found = self._pool.submit(fingerprint, files, self._stop.is_set)

    def result(self) -> tuple[list[str], bytes]:
        """Wait for the digests and return them, as `fingerprint` does."""
        return self._found.result()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._stop.set()
        self._pool.shutdown()


def fingerprint(
    files: Sequence[SourceFile], stopped: Callable[[], bool] = lambda: False
) -> tuple[list[str], bytes]:
    """Return the SHA-256 of every file, and one secret digest of them all.

    The SHA-256 is published in the run's record. The other digest derives the pepper of
    a run that was given none: it has a personalisation of its own, so that the record
    does not give the pepper away, and does not depend on the order of the files. Once
    `stopped` says so, the answer is of no use and comes at once.

    Returns
    -------
    list of str, bytes
        In hexadecimal; 32 bytes.
    """
    public, secret = [], []
    for file in files:
        sha = hashlib.sha256()
        blake = hashlib.blake2b(digest_size=32, person=_PEPPER)
        with file.path.open("rb") as stream:
            while not stopped() and (chunk := stream.read(_CHUNK)):
                sha.update(chunk)
                blake.update(chunk)
        public.append(sha.hexdigest())
        secret.append(file.table.encode() + b"\0" + blake.digest())
    whole = hashlib.blake2b(b"".join(sorted(secret)), digest_size=32, person=_PEPPER)
    return public, whole.digest()
