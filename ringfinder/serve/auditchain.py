"""The chain of the audit log: lines, commitments, and the check that finds what was changed.

Pure: it sees lines as dictionaries, and no file.
"""

from __future__ import annotations

import hashlib
import hmac
import json
import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ringfinder.errors import InputError, StoreError

ERASED = "account.erased"
START = "0" * 64
"""Stands for the line before the first."""


class AuditLogDamaged(StoreError):
    """The log is not what was written: lines were changed, removed or put in another order."""


@dataclass(frozen=True, slots=True)
class Act:
    """One line of the log.

    Attributes
    ----------
    seq
        1 for the first.
    at_ms
        When, milliseconds since 1970 UTC.
    who
        Who did it: ``key:ID``, ``cli:USER`` or ``serve``.
    what
        What was done, such as ``label.set``.
    about
        The account it was done to; None where there is none, or it was erased.
    why
        The reason given; empty where none was, or it was erased.
    details
        Plain JSON values.
    erased
        Whether about, why and details were erased.
    """

    seq: int
    at_ms: int
    who: str
    what: str
    about: str | None
    why: str
    details: Mapping[str, Any]
    erased: bool = False


@dataclass(frozen=True, slots=True)
class Verified:
    """What a check of the whole log found: nothing wrong.

    Attributes
    ----------
    entries, erased
        Lines, and how many of them were erased.
    head
        ``SEQ:MAC`` of the last line: noted elsewhere, it shows a later rollback.
    """

    entries: int
    erased: int
    head: str


class Chain:
    """Makes and checks lines under one key.

    Parameters
    ----------
    key
        At least 32 bytes.
    """

    def __init__(self, key: bytes) -> None:
        self._key = key

    def line(
        self, seq: int, before: str, *, at_ms: int, who: str, what: str, said: Mapping[str, Any]
    ) -> dict[str, Any]:
        """Return the line that follows the one whose MAC is `before`."""
        salt = secrets.token_bytes(32)
        line: dict[str, Any] = {
            "seq": seq, "at_ms": at_ms, "who": who, "what": what,
            "commitment": _commitment(salt, said),
        }  # fmt: skip
        return line | {"mac": self._mac(before, line), "salt": salt.hex(), "said": said}

    def trace_of(self, account_id: str) -> str:
        """Return what stays of an erased account's id: a keyed hash."""
        return hmac.digest(self._key, b"account\x00" + account_id.encode(), "sha256").hex()

    def check(self, lines: Sequence[Mapping[str, Any]]) -> dict[int, str]:
        """Check every line; return the MAC of each by its number.

        Raises
        ------
        AuditLogDamaged
            Naming the first line that is not what was written.
        """
        before, macs = START, {0: START}
        erased, excused = set[int](), set[int]()
        for number, line in enumerate(lines, start=1):
            self._check(number, before, line)
            before = macs[number] = line["mac"]
            if line["said"] is None:
                erased.add(number)
            elif line["what"] == ERASED:
                excused |= set(line["said"]["details"].get("lines", []))
        if erased - excused:
            raise AuditLogDamaged(
                f"line {min(erased - excused)} of the audit log was blanked, and no erasure says so"
            )
        return macs

    def _check(self, number: int, before: str, line: Mapping[str, Any]) -> None:
        where = f"line {number} of the audit log"
        try:
            if line["seq"] != number or not hmac.compare_digest(
                self._mac(before, line), str(line["mac"])
            ):
                raise AuditLogDamaged(f"{where} is not what was written, or not in its place")
            if line["said"] is not None and not hmac.compare_digest(
                _commitment(bytes.fromhex(line["salt"]), line["said"]), str(line["commitment"])
            ):
                raise AuditLogDamaged(f"{where} does not say what was written")
        except (KeyError, TypeError, ValueError, RecursionError):
            raise AuditLogDamaged(f"{where} is not a line of this log") from None

    def _mac(self, before: str, line: Mapping[str, Any]) -> str:
        covered = [before, *(line[name] for name in ("seq", "at_ms", "who", "what", "commitment"))]
        return hmac.digest(self._key, canonical(covered), "sha256").hex()


def check_end(macs: Mapping[int, str], head: tuple[int, str] | None, *, expect: str = "") -> None:
    """Check that the lines known elsewhere are there.

    Parameters
    ----------
    macs
        Of `Chain.check`.
    head
        Number and MAC of a line that must be there; None: not known.
    expect
        Another one, as ``SEQ:MAC``; empty: none.

    Raises
    ------
    AuditLogDamaged
        If one of them is missing.
    InputError
        If `expect` is no such line.
    """
    if head is None and len(macs) > 2:  # a crash at the very first line may leave no head
        raise AuditLogDamaged("the note of the audit log's last line is missing")
    if head is not None and macs.get(head[0]) != head[1]:
        raise AuditLogDamaged(f"the audit log was cut short: it had {head[0]} lines")
    if not expect:
        return
    number, _, mac = expect.partition(":")
    if not number.isdecimal() or len(mac) != len(START):
        raise InputError("--expect takes what `ringfinder auditlog verify` printed: NUMBER:HASH")
    if macs.get(int(number)) != mac:
        raise AuditLogDamaged(f"the audit log does not contain line {number} as it was noted")


def blank(lines: Sequence[dict[str, Any]], account_ids: set[str]) -> list[int]:
    """Forget, in place, what lines say about accounts; return the numbers of those lines."""
    numbers = []
    for line in lines:
        if line["said"] is not None and line["said"]["about"] in account_ids:
            line |= {"said": None, "salt": None}
            numbers.append(int(line["seq"]))
    return numbers


def to_act(line: Mapping[str, Any]) -> Act:
    """Return a line as what it tells."""
    said = line["said"] or {"about": None, "why": "", "details": {}}
    return Act(
        line["seq"], line["at_ms"], line["who"], line["what"],
        said["about"], said["why"], said["details"], erased=line["said"] is None,
    )  # fmt: skip


def canonical(value: Any) -> bytes:
    """Return the one JSON text of a value."""
    return json.dumps(value, sort_keys=True, separators=(",", ":"), allow_nan=False).encode()


def _commitment(salt: bytes, said: Mapping[str, Any]) -> str:
    return hmac.new(salt, canonical(said), hashlib.sha256).hexdigest()
