"""A data directory out of a sealed file, whole or not at all, and the store from its events."""

from __future__ import annotations

import glob
import json
import secrets
import shutil
import tarfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any, cast

import pyarrow as pa

from ringfinder.config import Settings
from ringfinder.errors import InputError, StoreError, StoreUnavailable
from ringfinder.journal.place import only_writer
from ringfinder.pipeline.backup import ABOUT, FORMAT, RING_TABLES, RINGS
from ringfinder.pipeline.home import open_graph, open_home
from ringfinder.pipeline.pepper import find_pepper
from ringfinder.pipeline.sealing import CHUNK, SealedReader
from ringfinder.pipeline.writeback import write_back
from ringfinder.places import EVENTS, JOURNAL
from ringfinder.runs import Notice
from ringfinder.store import EventLog, RingTables, rebuild
from ringfinder.store.files import sync_directory


@dataclass(frozen=True, slots=True)
class Restored:
    """What was restored.

    Attributes
    ----------
    directory
        The data directory.
    created_ms
        When the backup was made.
    last_sequence, batches
        Newest event of the log, and the batches the store was rebuilt with.
    fingerprint
        Whether the graph is the one that was backed up; None where the backup cannot tell,
        because events of the journal were not in the log yet.
    """

    directory: Path
    created_ms: int
    last_sequence: int
    batches: int
    fingerprint: bool | None

    def to_dict(self) -> dict[str, Any]:
        """Return plain JSON values."""
        return {
            "data_dir": str(self.directory),
            "created_ms": self.created_ms,
            "last_sequence": self.last_sequence,
            "batches": self.batches,
            "same_graph": self.fingerprint,
        }


def restore(
    file: Path,
    settings: Settings,
    passphrase: str,
    *,
    force: bool = False,
    notices: Notice = lambda sentence: None,
) -> Restored:
    """Put a backup in the place of the data directory, and rebuild the store from it.

    Parameters
    ----------
    file
        The archive.
    settings
        Where to: `data_dir` and `store`.
    passphrase
        As when it was made.
    force
        Whether a data directory and a graph that are there may be replaced; the directory
        is moved aside, not deleted.
    notices
        Told where the earlier directory went.

    Raises
    ------
    InputError
        If the archive, the passphrase or the target is unusable; nothing was changed.
    StoreError
        If the disk refuses; or the store, after the files are in their place.
        `StoreUnavailable` while the API runs on the target; nothing was changed.
    """
    _check_target(settings, force=force)
    with _no_service(settings.data_dir):
        about, rings = _replace(file, settings, passphrase, notices)
    return _rebuild(settings, about, rings, notices)


@contextmanager
def _no_service(target: Path) -> Iterator[None]:
    """Keep the journal's writer from starting; refuse while it runs.

    It would go on saying that sign-ups are recorded, in a directory that was moved aside.
    """
    with ExitStack() as held:
        if (target / JOURNAL).is_dir():
            try:
                held.enter_context(only_writer(target / JOURNAL))
            except StoreUnavailable as error:
                raise StoreUnavailable(
                    f"A service is running on {target}: stop `ringfinder serve` and try again. "
                    "Nothing was restored, and nothing was moved"
                ) from error
        yield


def _replace(
    file: Path, settings: Settings, passphrase: str, notices: Notice
) -> tuple[dict[str, Any], RingTables | None]:
    """Put the files of an archive in the place of the data directory."""
    target = settings.data_dir
    whole = target.absolute()
    for left in whole.parent.glob(f"{glob.escape(whole.name)}.restore-*"):  # by one that was killed
        shutil.rmtree(left, ignore_errors=True)
    fresh = whole.with_name(f"{whole.name}.restore-{secrets.token_hex(4)}")
    try:
        about, rings = _unpack(file, passphrase, fresh)
        log = EventLog(fresh / EVENTS)
        log.check()
        within = settings.model_copy(update={"data_dir": fresh})
        find_pepper(
            within, used=log.last_sequence > 0
        )  # a wrong pepper is refused before the switch
        _switch(fresh, target, notices)
    except OSError as error:
        raise StoreError(f"cannot restore to {target}: {error.strerror}") from error
    finally:
        shutil.rmtree(fresh, ignore_errors=True)
    return about, rings


def _check_target(settings: Settings, *, force: bool) -> None:
    """Raise InputError if something would be replaced, unless it may be."""
    target = settings.data_dir
    if force:
        return
    if target.exists() and (not target.is_dir() or any(target.iterdir())):
        raise InputError(
            f"{target} is not empty: name another directory with --data-dir, or move it aside and "
            "put the backup in its place with --force."
        )
    if settings.store is not None:
        store = open_graph(settings)
        try:
            if store.applied():
                raise InputError(
                    "The store holds a graph of other events: name an empty one with --store, or "
                    "replace that graph with --force."
                )
        finally:
            store.close()


def _unpack(file: Path, passphrase: str, fresh: Path) -> tuple[dict[str, Any], RingTables | None]:
    """Write the files of an archive into a new directory; nothing else, and nowhere else."""
    about: dict[str, Any] = {}
    tables: dict[str, bytes] = {}
    fresh.mkdir(mode=0o700)
    for name, content in _members(file, passphrase):
        if name == PurePosixPath(ABOUT):
            about = json.loads(content.read())
            if about["format"] != FORMAT:
                raise InputError(
                    f"{file} has format {about['format']}; this version restores format {FORMAT}."
                )
        elif name.parts[0] == RINGS:
            tables[name.stem] = content.read()
        else:
            path = fresh.joinpath(*name.parts)
            path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            with path.open("xb") as out:
                path.chmod(0o600)
                shutil.copyfileobj(content, out, CHUNK)
    if not about:
        raise InputError(f"{file} is no backup of ringfinder: it does not say what it holds.")
    return about, _rings(tables)


@contextmanager
def _opened(file: Path, passphrase: str) -> Iterator[SealedReader]:
    try:
        with file.open("rb") as sealed:
            yield SealedReader(sealed, passphrase, str(file))
    except FileNotFoundError:
        raise InputError(f"There is no backup {file}.") from None


def _members(file: Path, passphrase: str) -> Iterator[tuple[PurePosixPath, Any]]:
    """Yield name and content of every file of an archive; its end is checked, too."""
    with _opened(file, passphrase) as sealed:
        try:
            with tarfile.open(fileobj=cast(Any, sealed), mode="r|", bufsize=CHUNK) as tar:
                for entry in tar:
                    yield _safe(entry, file), tar.extractfile(entry)
        except tarfile.TarError:
            raise InputError(f"{file} holds no archive of files: nothing was restored.") from None
        sealed.drain()


def _safe(entry: tarfile.TarInfo, file: Path) -> PurePosixPath:
    """Return the name of a file inside the directory; refuse any other thing and place."""
    name = PurePosixPath(entry.name)
    if not entry.isreg() or name.is_absolute() or not name.parts or ".." in name.parts:
        raise InputError(
            f"{file} holds something that is no file of a data directory: nothing was restored."
        )
    return name


def _rings(tables: dict[str, bytes]) -> RingTables | None:
    if not tables:
        return None
    read = {name: pa.ipc.open_file(tables[name]).read_all() for name in RING_TABLES}
    return RingTables(tables["run_id"].decode(), **read)


def _switch(fresh: Path, target: Path, notices: Notice) -> None:
    """Put the new directory in the place of the old one, which is kept if it holds anything."""
    if target.exists():
        if any(target.iterdir()):
            aside = target.with_name(f"{target.name}.before-{secrets.token_hex(4)}")
            target.rename(aside)
            notices(f"the earlier data directory is now {aside}")
        else:
            target.rmdir()
    fresh.rename(target)
    sync_directory(target.absolute().parent)


def _rebuild(
    settings: Settings, about: dict[str, Any], rings: RingTables | None, notices: Notice
) -> Restored:
    try:
        with open_home(settings, notices=notices) as home:
            batches = rebuild(home.log, home.store)
            if rings is not None:
                write_back(home.store, rings, home.directory)
            same = about["fingerprint"] and home.store.fingerprint() == about["fingerprint"]
            return Restored(
                settings.data_dir, about["created_ms"], home.log.last_sequence, batches, same
            )
    except StoreError as error:
        kind = StoreUnavailable if isinstance(error, StoreUnavailable) else StoreError
        raise kind(
            f"{str(error).rstrip('.')}. The files are restored in {settings.data_dir}; once the "
            "store can be reached, run `ringfinder rebuild`"
        ) from error
