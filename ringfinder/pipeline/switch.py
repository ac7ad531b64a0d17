"""What a restore unpacked, put in the place of what a data directory holds.

The directory itself stays: it may be a mount point, or lie where its user cannot make another
one beside it. So its entries are moved, one by one::

    DATA_DIR/
      restore-1a2b/   what was unpacked
      before-3c4d/    what was there; stays, if it was anything
      restore.json    there while entries are being moved: which ones, from where
      restore.lock    held by a restore; stays, since a lock whose file goes is no lock

Killed in between, `restore.json` is still there: nobody opens the directory then, and the next
restore begins with putting everything back.
"""

from __future__ import annotations

import errno
import json
import os
import secrets
import shutil
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass
from pathlib import Path

from ringfinder.errors import StoreError, StoreUnavailable
from ringfinder.places import IN_USE, LOCAL_NEO4J, RESTORING
from ringfinder.runs import Notice
from ringfinder.store.files import locked, sync_directory, write_atomically

UNPACKED, BEFORE = "restore-", "before-"
NOTE, LOCK = RESTORING, "restore.lock"
_NOT_HELD = (UNPACKED, BEFORE, NOTE)
_STAYS = {LOCK, IN_USE, LOCAL_NEO4J, "lost+found"}
"""Never moved: locks are held by name, a server may run in its directory, and the last is the
file system's."""


@dataclass(frozen=True, slots=True)
class Moving:
    """What `restore.json` says: the two directories, and which entries the new one had."""

    unpacked: str
    before: str
    entries: list[str]


def held(directory: Path) -> list[Path]:
    """Return what a data directory holds, less what restores keep in it and what they leave."""
    return sorted(
        path
        for path in directory.iterdir()
        if path.name not in _STAYS and not path.name.startswith(_NOT_HELD)
    )


def check_whole(directory: Path) -> None:
    """Raise a StoreError where a restore was interrupted while it moved entries."""
    if (directory / NOTE).exists():
        raise StoreError(
            f"a restore into {directory} is on its way, or was interrupted: run `ringfinder "
            "restore` again; it begins with putting back what was there before"
        )


@contextmanager
def room(target: Path, notices: Notice = lambda sentence: None) -> Iterator[Path]:
    """Give an empty directory in the data directory, for one restore at a time.

    What an interrupted one left is swept first, and what it had moved is put back.
    """
    made, fresh = not target.exists(), target / f"{UNPACKED}{secrets.token_hex(4)}"
    target.mkdir(parents=True, exist_ok=True, mode=0o700)
    with locked(target / LOCK, what=f"a restore into {target}", exclusive=True, wait_s=0.0):
        try:
            if undo(target, notices):
                notices(f"a restore was interrupted: what {target} held before is back in place")
            _sweep(target)
            fresh.mkdir(mode=0o700)
            yield fresh
        finally:
            if not (target / NOTE).exists():  # else it is needed to put things back
                shutil.rmtree(fresh, ignore_errors=True)
            keep_owner(target)
            if made:
                _leave_nothing(target)


def sweep(directory: Path) -> None:
    """Remove what a restore that was killed had unpacked; events and pepper lie in it in clear.

    Not while another restore is on its way, nor where it is needed to put things back.
    """
    if not any(directory.glob(f"{UNPACKED}*")):
        return
    # A service may not be allowed to open what root's restore left; the next restore may.
    with (
        suppress(StoreUnavailable, OSError),
        locked(directory / LOCK, what="", exclusive=True, wait_s=0.0),
    ):
        if not (directory / NOTE).exists():
            _sweep(directory)


def _sweep(target: Path) -> None:
    for left in target.glob(f"{UNPACKED}*"):
        shutil.rmtree(left, ignore_errors=True)
    target.joinpath(f"{NOTE}.tmp").unlink(missing_ok=True)  # had not got its name yet
    for empty in target.glob(f"{BEFORE}*"):
        with suppress(OSError):  # it is not empty
            empty.rmdir()


def _leave_nothing(target: Path) -> None:
    """Remove the directory that a restore made and put nothing into, unless others use it."""
    if {path.name for path in target.iterdir()} - {LOCK, IN_USE}:
        return
    with (
        suppress(StoreUnavailable, OSError),
        locked(target / IN_USE, what="", exclusive=True, wait_s=0.0),
    ):
        for name in (IN_USE, LOCK):
            (target / name).unlink(missing_ok=True)
        target.rmdir()


def put_in_place(fresh: Path, target: Path) -> Path | None:
    """Move what is in a directory of `room` to where it belongs.

    Returns
    -------
    Path or None
        Where the earlier entries are now; None if there were none.
    """
    before = target / f"{BEFORE}{secrets.token_hex(4)}"
    before.mkdir(mode=0o700)
    keep_owner(target)
    moving = Moving(fresh.name, before.name, sorted(path.name for path in fresh.iterdir()))
    write_atomically(target / NOTE, json.dumps(asdict(moving)).encode(), private=True)
    try:
        for path in held(target):
            move(path, before)
        for name in moving.entries:
            move(fresh / name, target)
        sync_directory(before)
        sync_directory(target)
    except BaseException:
        undo(target)
        raise
    _forget(target)
    if any(before.iterdir()):
        return before
    before.rmdir()
    return None


def undo(target: Path, notices: Notice = lambda sentence: None) -> bool:
    """Put everything back that an interrupted restore moved; return whether there was one.

    An entry is the new one if the directory of what was unpacked had one of its name, and has
    it no more. What somebody made since in the place of one that comes back is moved aside.
    """
    moving = _noted(target)
    if moving is None:
        return False
    fresh, before = target / moving.unpacked, target / moving.before
    for name in moving.entries:
        if not os.path.lexists(fresh / name) and os.path.lexists(target / name):
            move(target / name, fresh)
    if before.is_dir():
        aside = target / f"{BEFORE}{secrets.token_hex(4)}"
        for path in sorted(before.iterdir()):
            if _in_the_way(there := target / path.name):
                aside.mkdir(mode=0o700, exist_ok=True)
                move(there, aside)
            move(path, target)
        before.rmdir()
        if aside.is_dir():
            notices(f"what was made in {target} since the restore was interrupted is in {aside}")
    sync_directory(target)
    _forget(target)  # before what was unpacked goes: what is missing in it counts as moved
    shutil.rmtree(fresh, ignore_errors=True)
    return True


def move(path: Path, into: Path) -> None:
    """Move an entry into another directory, never over another one that holds anything."""
    there = into / path.name
    if _in_the_way(there):
        raise FileExistsError(errno.EEXIST, f"{there} is in the way, move it elsewhere first")
    path.rename(there)


def _in_the_way(path: Path) -> bool:
    return os.path.lexists(path) and not (path.is_dir() and not any(path.iterdir()))


def keep_owner(target: Path) -> None:
    """Give what root wrote into somebody's data directory to them: they could not read it."""
    owner = target.stat()
    if os.geteuid() != 0 or owner.st_uid == 0:
        return
    for entry in target.iterdir():
        if entry.name == LOCAL_NEO4J:  # is whose server it is
            continue
        inside = () if entry.name.startswith((BEFORE, "lost+found")) else entry.rglob("*")
        for path in (entry, *inside):
            os.chown(path, owner.st_uid, owner.st_gid, follow_symlinks=False)


def _forget(target: Path) -> None:
    (target / NOTE).unlink()
    sync_directory(target)


def _noted(target: Path) -> Moving | None:
    try:
        return Moving(**json.loads((target / NOTE).read_bytes()))
    except FileNotFoundError:
        return None
    except (ValueError, TypeError):
        raise StoreError(
            f"{target / NOTE} is damaged: what was there before the restore is in {BEFORE}*/; "
            "move it back by hand, or name another directory with --data-dir"
        ) from None
