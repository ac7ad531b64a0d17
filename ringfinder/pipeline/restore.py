"""A data directory out of a sealed file, whole or not at all, and the store from its events."""

from __future__ import annotations

import json
import os
import shutil
import tarfile
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any, cast

from ringfinder.config import Settings
from ringfinder.errors import InputError, StoreError, StoreUnavailable
from ringfinder.journal.place import only_writer
from ringfinder.pipeline.backup import ABOUT, FORMAT
from ringfinder.pipeline.home import open_graph, open_home
from ringfinder.pipeline.one_run import the_only_run
from ringfinder.pipeline.pepper import find_pepper, only_user
from ringfinder.pipeline.sealing import CHUNK, SealedReader
from ringfinder.pipeline.switch import held, keep_owner, put_in_place, room
from ringfinder.pipeline.writeback import made_anew, read_rings
from ringfinder.places import EVENTS, JOURNAL, LOCAL_NEO4J, SNAPSHOTS, STORE_RINGS
from ringfinder.runs import Notice
from ringfinder.store import EventLog

Placed = Callable[[Path | None, int], None]
"""Told where the earlier files are now (None: there were none), and when the backup was made."""


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
    placed: Placed = lambda before, created_ms: None,
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
        Whether what a data directory holds, and a graph, may be replaced; the files are
        moved aside, not deleted.
    notices
        Told where the earlier files went.
    placed
        Called once the files are in their place, while nobody else may open them, and whether
        or not the store can be rebuilt then.

    Raises
    ------
    InputError
        If the archive, the passphrase or the target is unusable; nothing was changed.
    StoreError
        If the disk refuses; or the store, after the files are in their place: `made_anew`
        finishes that. `StoreUnavailable` while the API runs on the target, or anybody else has
        it open; nothing was changed.
    """
    target = settings.data_dir
    if target.exists() and not target.is_dir():
        raise InputError(f"{target} is no directory: name another one with --data-dir.")
    try:
        with room(target, notices) as fresh:
            _check_target(settings, force=force)
            with _alone(target):
                about = _replace(file, settings, passphrase, fresh, notices, placed)
            return _rebuild(settings, about, notices)
    except OSError as error:
        raise StoreError(f"cannot restore to {target}: {error.strerror}") from error


@contextmanager
def _alone(target: Path) -> Iterator[None]:
    """Keep everybody from opening the directory; refuse while anybody has it open.

    A load, a run or a rotation on its way would write into what was restored, and the journal's
    writer go on saying that sign-ups are recorded, in a directory that was moved aside.
    """
    untouched = "Nothing was restored, and nothing was moved"
    with ExitStack() as held_back:
        if (target / JOURNAL).is_dir():
            try:
                held_back.enter_context(only_writer(target / JOURNAL))
            except StoreUnavailable as error:
                raise StoreUnavailable(
                    f"A service is running on {target}: stop `ringfinder serve` and try again. "
                    f"{untouched}"
                ) from error
        try:
            held_back.enter_context(only_user(target))
        except StoreUnavailable as error:
            raise StoreUnavailable(f"{error}. {untouched}") from error
        keep_owner(target)  # killed from here on, root has locked nobody out
        yield


def _replace(
    file: Path,
    settings: Settings,
    passphrase: str,
    fresh: Path,
    notices: Notice,
    placed: Placed,
) -> dict[str, Any]:
    """Put the files of an archive in the place of what the data directory holds."""
    about = _unpack(file, passphrase, fresh, notices)
    log = EventLog(fresh / EVENTS)
    log.check()
    # A wrong pepper is refused before the switch.
    find_pepper(settings.model_copy(update={"data_dir": fresh}), used=log.last_sequence > 0)
    before = put_in_place(fresh, settings.data_dir)
    if before is not None:
        notices(f"what the data directory held before is now in {before}")
    placed(before, about["created_ms"])
    return about


def _check_target(settings: Settings, *, force: bool) -> None:
    """Raise InputError if something would be replaced, unless it may be."""
    if force:
        return
    if held(settings.data_dir):
        raise InputError(
            f"{settings.data_dir} is not empty: name another directory with --data-dir, or put the "
            "backup in the place of what it holds, which is moved aside, with --force."
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


def _unpack(file: Path, passphrase: str, fresh: Path, notices: Notice) -> dict[str, Any]:
    """Write the files of an archive into a new directory; nothing else, and nowhere else."""
    about: dict[str, Any] = {}
    left_out = 0
    (fresh / STORE_RINGS).mkdir(mode=0o700)  # the store has to be made anew, rings or none
    for name, content in _members(file, passphrase):
        if name == PurePosixPath(ABOUT):
            about = json.loads(content.read())
            if about["format"] != FORMAT:
                raise InputError(
                    f"{file} has format {about['format']}; this version restores format {FORMAT}."
                )
        elif name.parts[0] == LOCAL_NEO4J:  # an earlier version took it, as its files then were
            left_out += 1
        else:
            path = fresh.joinpath(*name.parts)
            path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            with path.open("xb") as out:
                path.chmod(0o600)
                shutil.copyfileobj(content, out, CHUNK)
                out.flush()
                os.fsync(out.fileno())  # on disk before anything is moved aside for it
    if not about:
        raise InputError(f"{file} is no backup of ringfinder: it does not say what it holds.")
    if left_out:
        notices(f"{left_out} files of a local Neo4j in the backup are left out")
    read_rings(fresh / STORE_RINGS)
    return about


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


def _rebuild(settings: Settings, about: dict[str, Any], notices: Notice) -> Restored:
    try:
        with (
            open_home(settings, notices=notices) as home,
            the_only_run(home.store, home.directory / SNAPSHOTS) as lock,
        ):
            batches = made_anew(home, lock)
            same = about["fingerprint"] and home.store.fingerprint() == about["fingerprint"]
            return Restored(
                settings.data_dir, about["created_ms"], home.log.last_sequence, batches, same
            )
    except (StoreError, OSError) as error:
        kind = StoreUnavailable if isinstance(error, StoreUnavailable) else StoreError
        raise kind(
            f"{str(error).rstrip('.')}. The files are restored in {settings.data_dir}, with the "
            "rings and their history that the store is to get back. Once it can be reached, and no "
            "run holds its lock, run `ringfinder rebuild`: that finishes the restore, as the next "
            "`ringfinder recompute` would"
        ) from error
