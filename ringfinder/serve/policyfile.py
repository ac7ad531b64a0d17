"""The policy in force: read again when its file changes, kept when the new one is bad."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from pathlib import Path

from ringfinder.errors import InputError
from ringfinder.score.policy import Policy
from ringfinder.serve.policy import default_policy, read_policy_file

CHECK_EVERY_S = 1.0
_Stamp = tuple[int, int, int]


class PolicyFile:
    """Gives the policy to decide with; cheap enough to ask for every decision.

    Parameters
    ----------
    path
        The policy file; None: the default policy, for good.
    on_change
        Told the policy before and the policy after, such as to write the audit log.
    check_every_s
        How often to look whether the file has changed.
    clock
        Seconds, monotonic.

    Raises
    ------
    InputError
        If the file is unusable at the start: then there is no good policy to keep.
    """

    def __init__(
        self,
        path: Path | None,
        *,
        on_change: Callable[[Policy, Policy], None] = lambda before, after: None,
        check_every_s: float = CHECK_EVERY_S,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._path = path
        self._on_change = on_change
        self._check_every_s = check_every_s
        self._clock = clock
        self._lock = threading.Lock()
        self._problem = ""
        self._stamp = _stamp(path)
        self._policy = default_policy() if path is None else read_policy_file(path)
        self._next_s = clock() + check_every_s

    @property
    def problem(self) -> str:
        """What is wrong with the file as it is now; empty where it is the one in force."""
        return self._problem

    def current(self) -> Policy:
        """Return the policy in force; one object, so that a decision never mixes two."""
        if self._path is not None and self._clock() >= self._next_s:
            self._look()
        return self._policy

    def _look(self) -> None:
        if not self._lock.acquire(blocking=False):
            return  # another thread is looking: decide with what there is
        try:
            self._next_s = self._clock() + self._check_every_s
            stamp = _stamp(self._path)
            if stamp != self._stamp:
                self._stamp = stamp
                self._read()
        finally:
            self._lock.release()

    def _read(self) -> None:
        assert self._path is not None  # noqa: S101 only called where there is a file
        try:
            after = read_policy_file(self._path)
        except InputError as error:
            self._problem = f"{error} The policy {self._policy.version} stays in force."
            return
        self._problem = ""
        before, self._policy = self._policy, after
        if before.version != after.version:
            self._on_change(before, after)


def _stamp(path: Path | None) -> _Stamp | None:
    """Return what changes when a file does; None where there is none."""
    try:
        status = path.stat() if path is not None else None
    except OSError:
        return None
    return (status.st_mtime_ns, status.st_size, status.st_ino) if status else None
