"""The audit log: who did what, and why; append-only, chained, and still erasable.

One JSON line for each act. Its MAC covers the line before and a *commitment* to what was
said, not the words themselves: a salted hash. To erase somebody's data the words and the salt
are dropped; the commitment stays, and with it the chain.

::

    {"seq": 7, "at_ms": ..., "who": "key:k_1", "what": "label.set", "commitment": "…",
     "mac": HMAC(key, mac of line 6 + seq, at_ms, who, what, commitment),
     "salt": "…", "said": {"about": "account", "why": "…", "details": {…}}}

``audit.head`` holds number and MAC of the last line, so that a log cut short shows. Who can
write the directory and read the key can forge both; keep the key elsewhere (setting
`audit_key_file`), or note what `ringfinder auditlog verify` prints where they cannot write.
"""

from __future__ import annotations

import json
import os
import secrets
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from ringfinder.errors import InputError, StoreError
from ringfinder.serve.auditchain import (
    ERASED,
    START,
    Act,
    AuditLogDamaged,
    Chain,
    Verified,
    blank,
    canonical,
    check_end,
    to_act,
)
from ringfinder.store.files import locked, publish, write_atomically

LOG = "audit.log"
HEAD = "audit.head"
KEY = "audit.key"
KEY_BYTES = 32
MOST_WORDS = 2000
"""Characters of the reason; longer ones are refused."""
MOST_DETAILS = 8 << 10
_CHUNK = 64 << 10
_RESTORE = "restore it from a backup; until then nothing can be recorded"


class AuditLog:
    """Appends and reads; any number of processes and threads at once.

    Parameters
    ----------
    directory
        The data directory.
    key_file
        Where the key of the chain is; None: ``audit.key`` in the directory, made when absent.
    clock_ms
        Milliseconds since 1970 UTC.
    wait_s
        Seconds to wait for other writers.

    Raises
    ------
    InputError
        If the key file cannot be read or is too short.
    """

    def __init__(
        self,
        directory: Path,
        *,
        key_file: Path | None = None,
        clock_ms: Callable[[], int] = lambda: time.time_ns() // 1_000_000,
        wait_s: float = 5.0,
    ) -> None:
        self._directory = directory
        self._log = directory / LOG
        self._clock_ms = clock_ms
        self._wait_s = wait_s
        directory.mkdir(parents=True, exist_ok=True, mode=0o700)
        self._chain = Chain(_read_key(key_file) if key_file else self._own_key())

    def append(
        self,
        who: str,
        what: str,
        *,
        about: str | None = None,
        why: str = "",
        details: Mapping[str, Any] | None = None,
    ) -> int:
        """Record an act, durably, and return its number.

        Takes some milliseconds: it waits for the disk.

        Raises
        ------
        InputError
            If the reason or the details are too long.
        AuditLogDamaged
            If the log was cut short since the last line.
        StoreError
            If the disk refuses.
        """
        said = {"about": about, "why": why, "details": dict(details or {})}
        # The reason is measured in characters: as JSON an emoji has twelve bytes.
        if len(why) > MOST_WORDS or len(canonical(said["details"])) > MOST_DETAILS:
            raise InputError(
                f"the reason is longer than {MOST_WORDS:,} characters, or its details are "
                f"larger than {MOST_DETAILS >> 10} KiB; shorten them"
            )
        with self._holding(exclusive=True):
            seq, before = self._last()
            line = self._line(seq + 1, before, who, what, said)
            try:
                self._write(_encoded(line))
                self._put_head(line["seq"], line["mac"])
            except OSError as error:
                raise StoreError(f"cannot write {self._log}: {error.strerror}") from error
        return seq + 1

    def read(self) -> Iterator[Act]:
        """Yield the acts in order, without checking the chain."""
        with self._holding(exclusive=False):
            lines = self._lines()
        for line in lines:
            yield to_act(line)

    def verify(self, *, expect: str = "") -> Verified:
        """Check the whole chain.

        Parameters
        ----------
        expect
            ``SEQ:MAC`` noted earlier: the log must still contain that line.

        Raises
        ------
        AuditLogDamaged
            Naming the first line that is not what was written.
        """
        with self._holding(exclusive=False):
            lines, head = self._lines(), self._head()
        macs = self._chain.check(lines)
        check_end(macs, head, expect=expect)
        erased = sum(line["said"] is None for line in lines)
        return Verified(len(lines), erased, f"{len(lines)}:{macs[len(lines)]}")

    def erase(self, account_ids: Sequence[str], *, who: str) -> int:
        """Forget what was said about accounts; return how many lines that concerns.

        That something was erased is itself recorded, under a keyed hash of the account's id:
        whoever has the id and the key can still show that it was done.
        """
        with self._holding(exclusive=True):
            seq, before = self._last()
            lines = self._lines()
            numbers = blank(lines, set(account_ids))
            details = {
                "lines": numbers,
                "accounts": sorted(self._chain.trace_of(name) for name in account_ids),
            }
            said = {"about": None, "why": "erasure", "details": details}
            lines.append(self._line(seq + 1, before, who, ERASED, said))
            self._replace(lines)
        return len(numbers)

    def trace_of(self, account_id: str) -> str:
        """Return what an erasure leaves of an account's id: a keyed hash."""
        return self._chain.trace_of(account_id)

    def _line(
        self, seq: int, before: str, who: str, what: str, said: Mapping[str, Any]
    ) -> dict[str, Any]:
        return self._chain.line(seq, before, at_ms=self._clock_ms(), who=who, what=what, said=said)

    def _last(self) -> tuple[int, str]:
        """Return number and MAC of the last whole line; what a crash left half is dropped."""
        line, end = _last_line(self._log)
        if end is not None:
            os.truncate(self._log, end)
        head = self._head()
        seq, mac = (0, START) if line is None else (line["seq"], line["mac"])
        if head is None and seq > 1:
            raise AuditLogDamaged(f"{self._directory / HEAD} is missing: {_RESTORE}")
        if head is not None and (seq < head[0] or (seq == head[0] and mac != head[1])):
            raise AuditLogDamaged(
                f"{self._log} was cut short, {HEAD} knows {head[0]} lines: {_RESTORE}"
            )
        return seq, mac

    def _write(self, content: bytes) -> None:
        handle = os.open(self._log, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            rest = memoryview(content)
            while rest:
                rest = rest[os.write(handle, rest) :]
            os.fsync(handle)
        finally:
            os.close(handle)

    def _replace(self, lines: Sequence[Mapping[str, Any]]) -> None:
        temporary = self._directory / f"{LOG}.tmp"
        try:
            temporary.write_bytes(b"".join(_encoded(line) for line in lines))
            temporary.chmod(0o600)
            publish(temporary, self._log)
            self._put_head(lines[-1]["seq"], lines[-1]["mac"])
        except OSError as error:
            raise StoreError(f"cannot write {self._log}: {error.strerror}") from error

    def _lines(self) -> list[dict[str, Any]]:
        try:
            content = self._log.read_bytes()
        except FileNotFoundError:
            return []
        except OSError as error:
            raise StoreError(f"cannot read {self._log}: {error.strerror}") from error
        whole = content[: content.rfind(b"\n") + 1]
        try:
            lines = [json.loads(line) for line in whole.splitlines()]
        except (ValueError, RecursionError):
            raise AuditLogDamaged(f"{self._log} holds a line that is not JSON") from None
        if not all(isinstance(line, dict) for line in lines):
            raise AuditLogDamaged(f"{self._log} holds a line that is not of this log")
        return lines

    def _put_head(self, seq: int, mac: str) -> None:
        content = json.dumps({"seq": seq, "mac": mac}) + "\n"
        write_atomically(self._directory / HEAD, content.encode(), private=True)

    def _head(self) -> tuple[int, str] | None:
        try:
            head = json.loads((self._directory / HEAD).read_bytes())
            return int(head["seq"]), str(head["mac"])
        except FileNotFoundError:
            return None
        except (OSError, ValueError, KeyError, TypeError, RecursionError):
            raise AuditLogDamaged(f"{self._directory / HEAD} is damaged") from None

    def _own_key(self) -> bytes:
        path = self._directory / KEY
        with self._holding(exclusive=True):
            if not path.exists():
                temporary = path.with_name(KEY + ".tmp")
                temporary.unlink(missing_ok=True)
                handle = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
                with os.fdopen(handle, "w") as file:
                    file.write(secrets.token_hex(KEY_BYTES) + "\n")
                publish(temporary, path)
        return _read_key(path)

    def _holding(self, *, exclusive: bool) -> Any:
        lock = self._directory / f"{LOG}.lock"
        return locked(lock, what="the audit log", exclusive=exclusive, wait_s=self._wait_s)


def _read_key(path: Path) -> bytes:
    try:
        key = path.read_bytes().strip()
    except OSError as error:
        raise InputError(f"Cannot read the audit log's key {path}: {error.strerror}.") from None
    if len(key) < KEY_BYTES:
        raise InputError(
            f"The audit log's key {path} is too short: expected at least {KEY_BYTES} bytes, such "
            "as `openssl rand -hex 32` makes."
        )
    return key


def _encoded(line: Mapping[str, Any]) -> bytes:
    return json.dumps(line, separators=(",", ":"), allow_nan=False).encode() + b"\n"


def _last_line(path: Path) -> tuple[dict[str, Any] | None, int | None]:
    """Return the last whole line, and where the file should end if bytes follow it."""
    try:
        with path.open("rb") as file:
            size = file.seek(0, os.SEEK_END)
            tail, start = b"", size
            while start and tail.count(b"\n") < 2:
                start = max(0, start - _CHUNK)
                file.seek(start)
                tail = file.read()
    except FileNotFoundError:
        return None, None
    whole, newline, torn = tail.rpartition(b"\n")
    end = size - len(torn) if torn else None
    if not newline:
        return None, end
    try:
        line = json.loads(whole.rpartition(b"\n")[2])
        return {"seq": int(line["seq"]), "mac": str(line["mac"])}, end
    except (ValueError, KeyError, TypeError, RecursionError):
        raise AuditLogDamaged(f"{path}: the last line is not of this log") from None
