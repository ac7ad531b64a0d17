"""Snapshots: immutable directories, one of which is in force.

::

    DATA_DIR/snapshots/
      current       one line: the id of the snapshot in force; replaced by a rename
      state.json    the order in which they came, which waits for a person and why
      lock          held by the process that recomputes
      lock.id       names this directory in the store's lock: see `pipeline.one_run`
      ID/           the files of one run; run.json holds the SHA-256 of every other one

A directory without run.json is what a killed run left, and does not exist. `current` alone
says which snapshot is in force: a reader reads one line and opens one directory, and never
mixes two.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from ringfinder.errors import NotFound, StoreError
from ringfinder.publish.staging import RUN_FILE
from ringfinder.publish.state import State, read_state, write_state
from ringfinder.store.files import read_small, sha256_of, write_atomically

POINTER = "current"
MOST_POINTER = 4096
"""Bytes of the one short line that it holds."""


@dataclass(frozen=True, slots=True)
class SnapshotLine:
    """One snapshot, as a line of a list.

    Attributes
    ----------
    snapshot_id
        Its id, and the name of its directory.
    state
        ``in force``, ``held`` (waits for `publish promote`), ``ready`` (complete, but not in
        force), or ``broken``.
    created_at
        When it was made, RFC 3339; empty where it is broken.
    accounts, flagged, rings
        What it holds.
    why
        Why it is held, or what is broken: sentences.
    """

    snapshot_id: str
    state: str
    created_at: str = ""
    accounts: int = 0
    flagged: int = 0
    rings: int = 0
    why: tuple[str, ...] = ()

    def to_dict(self) -> dict[str, Any]:
        """Return the line as plain JSON values."""
        return asdict(self) | {"why": list(self.why)}


def snapshot_id(created_ms: int, token: int) -> str:
    """Return the id of a snapshot: when it was made, and the token of its run's lock."""
    moment = datetime.fromtimestamp(created_ms // 1000, UTC)
    return f"{moment:%Y%m%dT%H%M%SZ}-{token:06d}"


def current(directory: Path) -> Path | None:
    """Return the directory of the snapshot in force; None before the first.

    Raises
    ------
    StoreError
        If the pointer names no whole snapshot.
    """
    try:
        name = read_small(directory / POINTER, most=MOST_POINTER).decode("ascii").strip()
    except FileNotFoundError:
        return None
    except (OSError, UnicodeError):
        raise StoreError(f"{directory / POINTER} cannot be read: {_AGAIN}") from None
    path = directory / name
    if not 0 < len(name) < 256 or Path(name).name != name or not (path / RUN_FILE).is_file():
        raise StoreError(f"{directory / POINTER} names a snapshot that is not there: {_AGAIN}")
    return path


_AGAIN = "name a good one with `ringfinder publish promote ID`, or run `ringfinder recompute`"


def read_run(path: Path) -> dict[str, Any]:
    """Return the run.json of a snapshot.

    Raises
    ------
    StoreError
        If there is none, or it is damaged.
    """
    try:
        run = json.loads(read_small(path / RUN_FILE))
    except (OSError, ValueError, RecursionError):
        raise StoreError(f"the snapshot {path.name} has no readable {RUN_FILE}; {_OTHER}") from None
    if not isinstance(run, dict) or not isinstance(run.get("files"), dict):
        raise StoreError(f"the {RUN_FILE} of the snapshot {path.name} is damaged; {_OTHER}")
    return run


_OTHER = "it was not used. Promote another one, or run `ringfinder recompute`"


def check(path: Path) -> dict[str, Any]:
    """Verify every file of a snapshot against its checksum; return its run.json.

    Raises
    ------
    StoreError
        Naming the first file that is missing or damaged.
    """
    run = read_run(path)
    for name, digest in sorted(run["files"].items()):
        try:
            whole = sha256_of(path / name) == digest
        except OSError:
            raise StoreError(f"the snapshot {path.name} lacks {name}; {_OTHER}") from None
        if not whole:
            raise StoreError(
                f"{name} of the snapshot {path.name} is damaged: its checksum is wrong; {_OTHER}"
            )
    return run


def record(directory: Path, name: str, *, held: Sequence[str] = ()) -> None:
    """Note that a snapshot was made, and why it waits for a person, if it does."""
    state = read_state(directory)
    known = [one for one in state.known if one != name] + [name]
    waiting = {one: why for one, why in state.held.items() if one != name}
    if held:
        waiting[name] = list(held)
    write_state(directory, replace(state, known=known, held=waiting))


def announce(directory: Path, name: str) -> list[str]:
    """Note that a snapshot's rings go into the store, and then it is to come into force.

    Returns
    -------
    list of str
        Ids of those that were announced and never came into force: what the store says about
        them did not happen. They are told again until another one is in force.
    """
    state = read_state(directory)
    order = _order(directory, state)
    left = [one for one in state.coming if one not in (*order, name)]
    # One that was in force before, and is gone back to, is in the store by right.
    coming = left if name in order else [*left, name]
    if coming != state.coming:
        write_state(directory, replace(state, coming=coming))
    return left


def put_in_force(directory: Path, name: str) -> None:
    """Point to a snapshot: from here on it is the one that is read.

    The pointer moves first and alone decides; what is noted beside it is corrected by the next
    call, should this one be killed in between.
    """
    state = read_state(directory)
    before = _order(directory, state)
    write_atomically(directory / POINTER, f"{name}\n".encode("ascii"))
    order = before[: before.index(name)] if name in before else before
    waiting = {one: why for one, why in state.held.items() if one != name}
    write_state(directory, State(state.known, [*order, name], waiting))


def find(directory: Path, name: str) -> Path:
    """Return the directory of a snapshot by its id.

    Raises
    ------
    NotFound
        If there is none of that id.
    """
    path = directory / name
    if not name or Path(name).name != name or not (path / RUN_FILE).is_file():
        raise NotFound(
            "There is no snapshot of that id. `ringfinder publish list` shows those there are."
        )
    return path


def to_promote(directory: Path) -> str:
    """Return the id of the newest snapshot that waits for a person.

    Raises
    ------
    NotFound
        If none does that is newer than the one in force.
    """
    state = read_state(directory)
    newer = _newer(directory, state)
    waiting = [name for name in newer if name in state.held]
    if not waiting:
        told = "No snapshot newer than the one in force waits for a person. "
        if newer and _order(directory, state):  # as after a rollback
            told += "To return to a newer one, name it: `ringfinder publish promote ID`. "
        raise NotFound(f"{told}`ringfinder publish list` shows all.")
    return waiting[-1]


def waiting(directory: Path) -> str | None:
    """Return the id of the newest snapshot if it waits for a person; None where it does not."""
    state = read_state(directory)
    newest = _newer(directory, state)[-1:]
    return newest[0] if newest and newest[0] in state.held else None


def _newer(directory: Path, state: State) -> list[str]:
    """Return the snapshots that are newer than the one in force, oldest first."""
    age, order = _by_age(directory, state), _order(directory, state)
    return age[age.index(order[-1]) + 1 :] if order and order[-1] in age else age


def to_roll_back_to(directory: Path) -> str:
    """Return the id of the snapshot that was in force before the present one, and is whole.

    Raises
    ------
    NotFound
        If there is none.
    """
    for name in reversed(_order(directory, read_state(directory))[:-1]):
        if _is_whole(directory / name):
            return name
    raise NotFound(
        "No earlier snapshot has been in force that is still kept. "
        "`ringfinder publish list` shows those there are."
    )


def listing(directory: Path, *, verify: bool = False) -> list[SnapshotLine]:
    """Return every snapshot, the newest first.

    Parameters
    ----------
    directory
        The home of the snapshots.
    verify
        Whether to look at every checksum, which reads every file.
    """
    state = read_state(directory)
    in_force = _order(directory, state)[-1:]
    return [
        _line(directory / name, in_force == [name], state.held.get(name, []), verify=verify)
        for name in reversed(_by_age(directory, state))
    ]


def sweep(directory: Path, *, keep: int) -> list[str]:
    """Remove old snapshots, and what killed runs left; return the ids that went.

    Kept are the newest `keep`, the one in force, and the one in force before it.
    """
    state = read_state(directory)
    age = _by_age(directory, state)
    order = [one for one in _order(directory, state) if one in age]
    stays = {*age[-keep:], *order[-2:]}
    gone = [name for name in age if name not in stays]
    for name in gone:
        (directory / name / RUN_FILE).unlink(missing_ok=True)  # from here on it does not exist
        shutil.rmtree(directory / name, ignore_errors=True)
    for path in directory.iterdir() if directory.is_dir() else ():
        if path.is_dir() and not (path / RUN_FILE).is_file():
            shutil.rmtree(path, ignore_errors=True)
    left = replace(
        state,
        known=[name for name in age if name in stays],
        in_force=[name for name in order if name in stays],
        held={name: why for name, why in state.held.items() if name in stays},
    )
    if left != state:
        write_state(directory, left)
    return gone


def _is_whole(path: Path) -> bool:
    return (path / RUN_FILE).is_file()


def _line(path: Path, in_force: bool, held: list[str], *, verify: bool) -> SnapshotLine:
    try:
        run = check(path) if verify else read_run(path)
        counts = run["counts"]
        moment = datetime.fromtimestamp(run["created_ms"] / 1000, UTC)
        return SnapshotLine(
            path.name,
            "in force" if in_force else "held" if held else "ready",
            f"{moment:%Y-%m-%dT%H:%M:%SZ}",
            counts["accounts"],
            counts["flagged"],
            counts["rings"],
            tuple(held),
        )
    except (StoreError, KeyError, TypeError, ValueError) as error:
        said = str(error) if isinstance(error, StoreError) else "its run.json lacks what it needs"
        return SnapshotLine(path.name, "broken", why=(said,))


def _by_age(directory: Path, state: State) -> list[str]:
    """Return the ids of the snapshots that are there, the oldest first."""
    there = {path.parent.name for path in directory.glob(f"*/{RUN_FILE}")}
    known = [name for name in state.known if name in there]
    return known + sorted(there - set(known))


def _order(directory: Path, state: State) -> list[str]:
    """Return the ids in the order in which they came into force, as the pointer has it."""
    try:
        path = current(directory)
    except StoreError:  # the pointer names none: as if nothing had come after the others
        return [*state.in_force, ""]
    if path is None:
        return []
    name = path.name
    at = state.in_force.index(name) if name in state.in_force else len(state.in_force)
    return [*state.in_force[:at], name]
