"""A disk that forgets: SQLite writes through it, and the power may fail at any moment.

It keeps every write, truncation and sync in order. `after_power_loss` gives the files as
they may look afterwards: what was synced is there, of the rest anything from nothing to all,
writes torn in the middle included.
"""

from __future__ import annotations

import random
from dataclasses import dataclass, field
from pathlib import Path

import apsw

SECTOR = 512


@dataclass
class Disk:
    """What was done to each file, in order; `mark` notes what the writer has been told."""

    done: list[tuple[str, str, int, bytes]] = field(default_factory=list)

    def mark(self, number: int) -> None:
        """Note that everything up to a number was acknowledged."""
        self.done.append(("mark", "", number, b""))

    def moments(self) -> list[int]:
        """Return the moments around every sync and every acknowledgement."""
        around = [i for i, (what, *_) in enumerate(self.done) if what in {"sync", "mark"}]
        return sorted({m for i in around for m in (i, i + 1)})

    def acknowledged(self, moment: int) -> int:
        """Return the newest number that was acknowledged before a moment."""
        return max((n for what, _, n, _ in self.done[:moment] if what == "mark"), default=0)

    def after_power_loss(
        self, before: dict[str, bytes], moment: int, chance: random.Random, kept: float
    ) -> dict[str, bytes]:
        """Return the files after the power failed at a moment.

        Parameters
        ----------
        before
            The files at the beginning, safely on the disk.
        moment
            How many of the things done had been done.
        chance, kept
            Decide which of the unsynced writes are kept: 0 none, 1 all.
        """
        files = {name: bytearray(content) for name, content in before.items()}
        for name in {name for what, name, *_ in self.done if what != "mark"}:
            mine = [d for d in self.done[:moment] if d[1] == name]
            synced = max((i for i, d in enumerate(mine) if d[0] == "sync"), default=-1)
            for i, (what, _, at, data) in enumerate(mine):
                if i > synced and chance.random() >= kept:
                    continue
                torn = i > synced and kept < 1 and what == "write" and chance.random() < 0.3
                whole = chance.randrange(0, len(data) + 1, SECTOR) if torn else len(data)
                _apply(files.setdefault(name, bytearray()), what, at, data[:whole])
        return {name: bytes(content) for name, content in files.items()}


def _apply(content: bytearray, what: str, at: int, data: bytes) -> None:
    if what == "write":
        if len(content) < at:
            content.extend(bytes(at - len(content)))
        content[at : at + len(data)] = data
    elif what == "truncate":
        del content[at:]
    elif what == "delete":
        content.clear()


class _File(apsw.VFSFile):
    def __init__(self, disk: Disk, name: str, base: str, path: object, flags: list[int]) -> None:
        super().__init__(base, path, flags)
        self._disk = disk
        self._name = name

    def xWrite(self, data: bytes, offset: int) -> None:
        super().xWrite(data, offset)
        self._disk.done.append(("write", self._name, offset, bytes(data)))

    def xTruncate(self, newsize: int) -> None:
        super().xTruncate(newsize)
        self._disk.done.append(("truncate", self._name, newsize, b""))

    def xSync(self, flags: int) -> None:
        super().xSync(flags)
        self._disk.done.append(("sync", self._name, 0, b""))


class ForgetfulVFS(apsw.VFS):
    """SQLite's way to the disk, through a `Disk`."""

    def __init__(self, disk: Disk, name: str) -> None:
        self._disk = disk
        self._base = ""
        super().__init__(name, self._base)

    def xOpen(self, name: object, flags: list[int]) -> apsw.VFSFile:
        assert name is not None
        path = Path(name.filename() if isinstance(name, apsw.URIFilename) else str(name))
        return _File(self._disk, path.name, self._base, name, flags)

    def xDelete(self, filename: str, syncdir: bool) -> None:
        super().xDelete(filename, syncdir)
        self._disk.done.append(("delete", Path(filename).name, 0, b""))
