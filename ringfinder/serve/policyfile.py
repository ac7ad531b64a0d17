"""The policy in force: read again when its file changes, kept when the new one is bad."""

from __future__ import annotations

import logging
from collections.abc import Callable
from pathlib import Path

from ringfinder.errors import InputError
from ringfinder.score.policy import Policy
from ringfinder.serve.auditlog import AuditLog
from ringfinder.serve.policy import (
    default_policy,
    default_policy_text,
    parse_policy,
    read_policy_bytes,
)
from ringfinder.store.files import locked, write_atomically

CHECK_EVERY_S = 1.0
LOCK_WAIT_S = 5.0
log = logging.getLogger("ringfinder.serve")
_Stamp = tuple[int, int, int]


class PolicyFile:
    """Gives the policy to decide with; the file is only looked at when told to.

    Parameters
    ----------
    path
        The policy file; None: the default policy, for good.
    kept
        Where the workers of a host keep a copy of the policy in force, so that one that starts
        after a bad edit decides as the others do. Nothing is kept where its directory is not.
    on_change
        Told the policy before and the policy after, such as to write the audit log; once for
        all workers that share `kept`.

    Raises
    ------
    InputError
        If the file is unusable at the start, and none is kept: there is no good one.
    """

    def __init__(
        self,
        path: Path | None,
        *,
        kept: Path | None = None,
        on_change: Callable[[Policy, Policy], None] = lambda before, after: None,
    ) -> None:
        self._path, self._kept, self._on_change = path, kept, on_change
        self._problem = ""
        self._stamp = _stamp(path)
        self._content = b""
        self._noted: Policy | None = None
        self._policy = default_policy() if path is None else self._first(path)

    @property
    def problem(self) -> str:
        """What is wrong with the file as it is now; empty where it is the one in force."""
        return self._problem

    def current(self) -> Policy:
        """Return the policy in force; one object, so that a decision never mixes two."""
        return self._policy

    def look(self) -> None:
        """Read the file again if it has changed; waits for the disk. For one thread at a time.

        Raises
        ------
        StoreError, OSError
            If a change cannot be noted: it is in force, and noted with a later look.
        """
        if self._path is None:
            return
        stamp = _stamp(self._path)
        if stamp != self._stamp:
            self._stamp = stamp
            try:
                self._policy = self._read(self._path)
                self._problem = ""
            except InputError as error:
                self._refuse(error, self._policy)
        self._note()

    def _first(self, path: Path) -> Policy:
        """Return the policy to begin with: the one kept where the file is bad by now."""
        try:
            return self._read(path)
        except InputError as error:
            if self._kept is None or not self._kept.exists():
                raise
            policy = self._read(self._kept)
            self._refuse(error, policy)
            return policy

    def _read(self, path: Path) -> Policy:
        content = read_policy_bytes(path)
        policy = parse_policy(content, where=str(path))
        self._content = content
        return policy

    def _refuse(self, error: InputError, instead: Policy) -> None:
        self._problem = f"{error} The policy {instead.version} stays in force."
        log.error("policy refused", extra={"why": self._problem})

    def _note(self) -> None:
        """Keep the policy in force, and tell of a change unless another worker has."""
        before, after = self._noted, self._policy
        if before is not None and before.version == after.version:
            return
        if self._kept is None or not self._kept.parent.is_dir():
            self._tell(before, after)
        else:
            lock = self._kept.with_name(self._kept.name + ".lock")
            what = "the policy in force"
            with locked(lock, what=what, exclusive=True, wait_s=LOCK_WAIT_S):
                self._tell(self._others(), after)
                write_atomically(self._kept, self._content, private=True)
        self._noted = after

    def _tell(self, before: Policy | None, after: Policy) -> None:
        if before is not None and before.version != after.version:
            log.info("policy in force", extra={"policy": after.version})
            self._on_change(before, after)

    def _others(self) -> Policy | None:
        assert self._kept is not None  # noqa: S101 only called where there is a place
        return kept_policy(self._kept)


def kept_policy(path: Path) -> Policy | None:
    """Return the policy that was last kept; None where none was, or it cannot be read."""
    try:
        return parse_policy(read_policy_bytes(path), where=str(path))
    except InputError:
        return None


def begin(path: Path | None, kept: Path, before: Policy | None, audit: AuditLog) -> None:
    """Keep the policy to begin with, and note it where another was in force before.

    Parameters
    ----------
    path, kept
        As for `PolicyFile`.
    before
        What was kept when the service ran last; None where it never did.

    Raises
    ------
    InputError
        If the file is unusable.
    """
    content = default_policy_text().encode() if path is None else read_policy_bytes(path)
    after = parse_policy(content, where="the default policy" if path is None else str(path))
    write_atomically(kept, content, private=True)
    if before is not None and before.version != after.version:
        note_change(audit, before, after)


def note_change(audit: AuditLog, before: Policy, after: Policy) -> None:
    """Note in the audit log that another policy is in force."""
    details = {"before": before.version, "after": after.version}
    audit.append("serve", "policy.changed", details=details)


def _stamp(path: Path | None) -> _Stamp | None:
    """Return what changes when a file does; None where there is none."""
    try:
        status = path.stat() if path is not None else None
    except OSError:
        return None
    return (status.st_mtime_ns, status.st_size, status.st_ino) if status else None
