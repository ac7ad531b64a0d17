"""Directories for what does not fit in memory: one for each piece of work, gone after it.

DuckDB names its files alike in every process, so two of them in one directory would read each
other's; and whoever sweeps must not take what another is working on. Hence a directory of its
own for each, held by a lock. A lock, not a process number: containers that share a data
directory all have a process 1.
"""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager
from pathlib import Path

from ringfinder.errors import StoreError, StoreUnavailable
from ringfinder.store.files import locked

_GATE = "lock"
_WAIT_S = 30.0


@contextmanager
def own_directory(spill: Path) -> Iterator[Path]:
    """Give a directory in `spill` that nobody else uses, and nobody sweeps meanwhile."""
    with ExitStack() as held:
        try:
            spill.mkdir(parents=True, exist_ok=True, mode=0o700)
            with _gate(spill):  # or it could be swept before it is held
                mine = Path(tempfile.mkdtemp(dir=spill))
                held.enter_context(_hold(mine))
        except OSError as error:
            raise StoreError(f"cannot work in {spill}: {error.strerror}") from error
        try:
            yield mine
        finally:
            shutil.rmtree(mine, ignore_errors=True)


def sweep(spill: Path) -> None:
    """Remove what processes that were killed left behind."""
    if not spill.is_dir():
        return
    with _gate(spill):
        for left in spill.iterdir():
            if left.is_dir():
                _sweep_unheld(left)
            elif left.name != _GATE:
                left.unlink(missing_ok=True)


def _sweep_unheld(left: Path) -> None:
    try:
        with _hold(left):
            shutil.rmtree(left, ignore_errors=True)
    except (StoreUnavailable, FileNotFoundError):
        pass  # somebody works in it, or has just finished


def _gate(spill: Path) -> AbstractContextManager[None]:
    what = f"the directory {spill}"
    return locked(spill / _GATE, what=what, exclusive=True, wait_s=_WAIT_S)


def _hold(directory: Path) -> AbstractContextManager[None]:
    what = f"the directory {directory}"
    return locked(directory / _GATE, what=what, exclusive=True, wait_s=0.0)
