"""The pepper of a data directory: made once, remembered, never swapped by accident.

``pepper.json`` (mode 0600) holds the version and a commitment to the pepper in use, the key
itself where it was made here, and the keys of earlier versions, without which a new
sighting of an old value would get a pseudonym of its own. A pepper that is configured is
not copied: only its commitment is.
"""

from __future__ import annotations

import hashlib
import hmac
import json
import os
import secrets
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ringfinder.config import Settings
from ringfinder.errors import InputError, StoreError
from ringfinder.normalise import Pepper
from ringfinder.pipeline.switch import check_whole
from ringfinder.places import IN_USE
from ringfinder.runs import Notice
from ringfinder.store.files import locked, publish

PEPPER_FILE = "pepper.json"
FORMAT = 1
KEY_BYTES = 32
WAIT_S = 30.0

_COMMITMENT = b"\x00ringfinder pepper\x00"  # begins as no kind's name does: no pseudonym meets it


@dataclass(frozen=True)
class PepperRecord:
    """What pepper.json holds.

    Attributes
    ----------
    version
        Of the pepper in use.
    commitment
        Tells its key from any other, and nothing else: see `commitment`.
    key
        The key; None where it is configured elsewhere.
    previous
        Version and key of the peppers before it, oldest first.
    coming
        The record that a rotation is on its way to; None at all other times.
    """

    version: int
    commitment: str
    key: bytes | None = field(repr=False)
    previous: tuple[tuple[int, bytes], ...] = field(default=(), repr=False)
    coming: PepperRecord | None = None

    def pepper(self, key: bytes) -> Pepper:
        """Return the pepper of a key, with those it replaced."""
        chain: Pepper | None = None
        for version, old in self.previous:
            chain = Pepper(version, old, chain)
        return Pepper(self.version, key, chain)

    def write(self, directory: Path) -> None:
        """Put this record in force."""
        content = {"format": FORMAT} | self._to_dict()
        path = directory / PEPPER_FILE
        temporary = path.with_name(f"{path.name}.{secrets.token_hex(4)}.tmp")
        try:
            # Never readable by others, not even for a moment.
            descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
            with os.fdopen(descriptor, "w", encoding="ascii") as file:
                file.write(json.dumps(content, indent=1) + "\n")
            publish(temporary, path)
        except OSError as error:
            temporary.unlink(missing_ok=True)
            raise StoreError(f"cannot write {path}: {error.strerror}") from error

    @classmethod
    def read(cls, directory: Path) -> PepperRecord | None:
        """Return the record of a data directory; None where it has none.

        Raises
        ------
        StoreError
            If the file is damaged.
        """
        path = directory / PEPPER_FILE
        try:
            held: dict[str, Any] = json.loads(path.read_text(encoding="ascii"))
            if held["format"] != FORMAT:
                raise StoreError(
                    f"{path} has format {held['format']}; this version reads format {FORMAT}"
                )
            return cls._from_dict(held)
        except FileNotFoundError:
            return None
        except (ValueError, KeyError, TypeError):
            raise StoreError(f"{path} is damaged: restore it from a backup") from None
        except OSError as error:
            raise StoreError(f"cannot read {path}: {error.strerror}") from error

    def _to_dict(self) -> dict[str, Any]:
        return {
            "version": self.version,
            "commitment": self.commitment,
            "key": None if self.key is None else self.key.hex(),
            "previous": [{"version": version, "key": key.hex()} for version, key in self.previous],
            "coming": None if self.coming is None else self.coming._to_dict(),
        }

    @classmethod
    def _from_dict(cls, held: dict[str, Any]) -> PepperRecord:
        key, coming = held["key"], held.get("coming")
        return cls(
            int(held["version"]),
            str(held["commitment"]),
            None if key is None else bytes.fromhex(key),
            tuple((int(old["version"]), bytes.fromhex(old["key"])) for old in held["previous"]),
            None if coming is None else cls._from_dict(coming),
        )


@contextmanager
def in_use(directory: Path, *, wait_s: float) -> Iterator[None]:
    """Keep a data directory from being rotated, or replaced by a backup, for the length of a block.

    Whoever reads the pepper does so inside, and makes and records pseudonyms inside, too: what
    is made with an old pepper must not come in after a rotation. Any number do at once. The lock
    is not pepper.lock, for which whoever makes the first pepper would have to wait until all
    others have closed.

    Raises
    ------
    StoreUnavailable
        If one of them is still on its way after `wait_s`.
    StoreError
        If a restore was interrupted, maybe while this waited.
    """
    what = f"the pepper of {directory} is being rotated, or a backup restored there; the directory"
    with locked(directory / IN_USE, what=what, exclusive=False, wait_s=wait_s):
        check_whole(directory)
        yield


def only_user(directory: Path) -> AbstractContextManager[None]:
    """Have a data directory alone, for a rotation or a restore.

    Raises
    ------
    StoreUnavailable
        If anybody has it open.
    """
    what = f"{directory} is open in a load, a run, a rotation or the API; it"
    return locked(directory / IN_USE, what=what, exclusive=True, wait_s=0.0)


def commitment(version: int, key: bytes) -> str:
    """Return what tells a pepper from any other without telling the pepper."""
    return hmac.new(key, _COMMITMENT + str(version).encode(), hashlib.sha256).hexdigest()


def find_pepper(
    settings: Settings, *, used: bool, notices: Notice = lambda sentence: None
) -> Pepper:
    """Return the pepper of the data directory, making or remembering it the first time.

    Parameters
    ----------
    settings
        `data_dir`, and the pepper if one is configured.
    used
        Whether events were recorded there already.
    notices
        Told when a pepper was made.

    Raises
    ------
    InputError
        If the configured pepper is not the one that was used there before, or none is
        configured where one was.
    StoreError
        If pepper.json is damaged, or lost beside its events.
    """
    directory, key = settings.data_dir, settings.read_pepper()
    record = PepperRecord.read(directory)
    if record is None:
        record = _first(directory, key, settings.pepper_version, used=used, notices=notices)
    if record.coming is not None:
        raise StoreError(
            f"the pepper of {directory} is being rotated, or that was interrupted: run "
            "`ringfinder pepper rotate` to finish it"
        )
    return record.pepper(check_key(settings, record))


def check_key(settings: Settings, record: PepperRecord) -> bytes:
    """Return the key of the pepper in use, configured or kept.

    Raises
    ------
    InputError
        If it is another one's, of another version, or nowhere to be found.
    """
    directory, key = settings.data_dir, settings.read_pepper() or record.key
    if key is None:
        raise InputError(
            f"The pseudonyms in {directory} were made with a pepper that is not kept there: "
            f"set RINGFINDER_PEPPER or --pepper-file to it (version {record.version})."
        )
    if not hmac.compare_digest(record.commitment, commitment(record.version, key)):
        raise InputError(_another(directory, record))
    if record.key is None and settings.pepper_version != record.version:
        raise InputError(
            f"The pepper of {directory} has version {record.version}, and pepper_version is "
            f"{settings.pepper_version}: set it to {record.version}. To change the pepper, run "
            "`ringfinder pepper rotate`."
        )
    return key


def check_made_with(directory: Path, made_with: int) -> None:
    """Check that pseudonyms of that version are of the pepper in use in a data directory.

    Raises
    ------
    StoreError
        If they are not: nothing that comes in would ever match them.
    """
    record = PepperRecord.read(directory)
    if record is not None and record.version != made_with:
        raise StoreError(
            f"it was made with version {made_with} of the pepper, and version {record.version} is "
            "in use: nothing new would match it. Run `ringfinder recompute`"
        )


def _another(directory: Path, record: PepperRecord) -> str:
    kept = (
        "unset RINGFINDER_PEPPER and --pepper-file, it has its own in pepper.json"
        if record.key is not None
        else "set RINGFINDER_PEPPER or --pepper-file to the one used first"
    )
    return (
        f"The pepper is not the one that {directory} was loaded with, and with two peppers one "
        f"value would look like two: {kept}. To change the pepper, run `ringfinder pepper rotate`."
    )


def _first(
    directory: Path, key: bytes | None, version: int, *, used: bool, notices: Notice
) -> PepperRecord:
    """Remember the configured pepper, or make one."""
    lock = directory / "pepper.lock"
    with locked(lock, what=f"the pepper of {directory}", exclusive=True, wait_s=WAIT_S):
        there = PepperRecord.read(directory)  # another process was faster
        return there or _made(directory, key, version, used=used, notices=notices)


def _made(
    directory: Path, key: bytes | None, version: int, *, used: bool, notices: Notice
) -> PepperRecord:
    if key is not None:
        record = PepperRecord(version, commitment(version, key), None)
    elif used:
        raise StoreError(
            f"{directory / PEPPER_FILE} is missing beside events that were recorded with it: "
            "restore it from a backup"
        )
    else:
        made = secrets.token_bytes(KEY_BYTES)
        record = PepperRecord(1, commitment(1, made), made)
        notices(
            f"no pepper is configured: one was made in {directory / PEPPER_FILE}. Whoever has it "
            "can tell which value a pseudonym stands for; `ringfinder backup` keeps it"
        )
    record.write(directory)
    return record
