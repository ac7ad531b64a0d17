"""Erasures that have begun: which other names go with an account, until no file has them.

What ties an account to the attempts and customers that it was is erased with it. Were they not
noted first, an erasure that was interrupted, or that found the graph store away, would leave
them behind for good: nobody who asks again knows their names.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from ringfinder.errors import StoreError
from ringfinder.store.files import locked, write_atomically

FILE = "erasing.json"
log = logging.getLogger("ringfinder.serve")


class Unfinished:
    """The other names of accounts that are being erased; any number of processes at once.

    Parameters
    ----------
    directory
        The data directory; the file is made with the first that has other names. It stays: a
        backup that has seen it is about to copy it.
    """

    def __init__(self, directory: Path) -> None:
        self.path = directory / FILE

    def begin(self, account_id: str, names: Sequence[str]) -> list[str]:
        """Note other names of an account, durably; return all that were ever noted of it.

        Raises
        ------
        StoreError
            If the file is damaged.
        """
        with self._changing() as noted:
            found = sorted({*noted.get(account_id, ()), *names})
            if found:
                noted[account_id] = found
        return found

    def end(self, account_id: str, erased: Sequence[str]) -> None:
        """Forget the names of an account that are erased; those noted meanwhile stay."""
        with self._changing() as noted:
            left = sorted({*noted.pop(account_id, ())} - {*erased})
            if left:
                noted[account_id] = left

    @contextmanager
    def _changing(self) -> Iterator[dict[str, list[str]]]:
        with locked(
            self.path.with_name(FILE + ".lock"), what="the list of unfinished erasures",
            exclusive=True, wait_s=5.0,
        ):  # fmt: skip
            noted = self._read()
            before = json.dumps(noted)
            yield noted
            after = json.dumps(noted)
            if after != before:
                write_atomically(self.path, after.encode(), private=True)

    def _read(self) -> dict[str, list[str]]:
        try:
            noted = json.loads(self.path.read_bytes())
        except FileNotFoundError:
            return {}
        except (OSError, ValueError, RecursionError):
            noted = None
        if not isinstance(noted, dict) or not all(_are_names(names) for names in noted.values()):
            said = f"{self.path} is damaged: restore it from a backup, or move it away"
            log.error(said)
            raise StoreError(said)
        return noted


def _are_names(names: object) -> bool:
    return isinstance(names, list) and all(isinstance(name, str) for name in names)
