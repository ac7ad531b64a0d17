"""What goes over the socket between the journal's writer and everybody else.

A frame is its length, a kind, the number of the request, and a body.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator, Sequence
from enum import IntEnum

from ringfinder.errors import InputError
from ringfinder.journal.entries import (
    DIGEST_BYTES,
    Committed,
    Conflict,
    Entry,
    Repeated,
    Result,
)
from ringfinder.store.events import EventType

MAX_FRAME = 64 << 20
"""A batch of the API is at most 8 MiB, with its answers a few times as much."""

_HEAD = struct.Struct("!IBQ")
_ENTRY = struct.Struct("!?HHHHII")
_RESULT = struct.Struct("!BQI")
_TWO = struct.Struct("!qq")
_NONE = 0xFFFFFFFF


class Kind(IntEnum):
    """What a frame asks or answers."""

    COMMIT = 1
    ERASE = 2
    FORGET = 3
    PRUNE = 4
    DONE = 16
    COUNT = 17
    REFUSED = 18


class BadFrameError(Exception):
    """The other side does not speak this language."""


def to_frame(kind: Kind, request: int, body: bytes) -> bytes:
    """Return a frame."""
    return _HEAD.pack(len(body) + _HEAD.size - 4, kind, request) + body


class Frames:
    """Cuts a stream of bytes into frames."""

    def __init__(self) -> None:
        self._rest = bytearray()

    def feed(self, data: bytes) -> Iterator[tuple[Kind, int, bytes]]:
        """Take in bytes; yield kind, request and body of each frame that is whole.

        Raises
        ------
        BadFrameError
            If a frame is too long or of no known kind.
        """
        self._rest += data
        start = 0
        try:
            while len(self._rest) - start >= _HEAD.size:
                length, kind, request = _HEAD.unpack_from(self._rest, start)
                if not _HEAD.size - 4 <= length <= MAX_FRAME:
                    raise BadFrameError(f"a frame of {length} bytes")
                end = start + 4 + length
                if len(self._rest) < end:
                    break
                body = bytes(self._rest[start + _HEAD.size : end])
                start = end  # before it is given: who takes one frame may leave
                yield _kind(kind), request, body
        finally:
            del self._rest[:start]


def _kind(code: int) -> Kind:
    try:
        return Kind(code)
    except ValueError:
        raise BadFrameError(f"a frame of kind {code}") from None


def encode_entries(entries: Sequence[Entry]) -> bytes:
    """Return entries as bytes.

    Raises
    ------
    InputError
        If a name is empty or too long, or the digest is.
    """
    parts: list[bytes] = []
    for entry in entries:
        names = (entry.event_type.encode(), entry.event_id.encode(), entry.account_id.encode())
        if not all(0 < len(name) < 1 << 16 for name in names):
            raise InputError("an event's event_id or account_id is empty or too long for a journal")
        if not 0 < len(entry.body_digest) <= DIGEST_BYTES:
            raise InputError(f"a body's digest must have 1 to {DIGEST_BYTES} bytes")
        fields = (*names, entry.body_digest, entry.event, entry.answer)
        parts += [_ENTRY.pack(entry.attached, *map(len, fields)), *fields]
    return b"".join(parts)


def decode_entries(body: bytes) -> list[Entry]:
    """Return the entries that `encode_entries` made bytes of."""
    entries = []
    start = 0
    try:
        while start < len(body):
            fields = []
            at = start + _ENTRY.size
            attached, *lengths = _ENTRY.unpack_from(body, start)
            for length in lengths:
                fields.append(body[at : at + length])
                at += length
            kind, event_id, account_id, digest, event, answer = fields
            names = (EventType(kind.decode()), event_id.decode(), digest, account_id.decode())
            entries.append(Entry(*names, event, answer, attached))
            start = at
    except (struct.error, ValueError) as error:
        raise BadFrameError("entries that cannot be read") from error
    return entries


def encode_results(results: Sequence[Result]) -> bytes:
    """Return results as bytes."""
    parts: list[bytes] = []
    for result in results:
        match result:
            case Committed(sequence):
                parts.append(_RESULT.pack(0, sequence, _NONE))
            case Repeated(sequence, None):
                parts.append(_RESULT.pack(1, sequence, _NONE))
            case Repeated(sequence, bytes() as answer):
                parts += [_RESULT.pack(1, sequence, len(answer)), answer]
            case Conflict():
                parts.append(_RESULT.pack(2, 0, _NONE))
    return b"".join(parts)


def decode_results(body: bytes) -> list[Result]:
    """Return the results that `encode_results` made bytes of."""
    results: list[Result] = []
    start = 0
    while start < len(body):
        tag, sequence, length = _RESULT.unpack_from(body, start)
        start += _RESULT.size
        answer = None if length == _NONE else body[start : start + length]
        start += len(answer or b"")
        results.append([Committed(sequence), Repeated(sequence, answer), Conflict()][tag])
    return results


def encode_numbers(first: int, second: int = 0) -> bytes:
    """Return two numbers as bytes."""
    return _TWO.pack(first, second)


def decode_numbers(body: bytes) -> tuple[int, int]:
    """Return the numbers that `encode_numbers` made bytes of."""
    try:
        first, second = _TWO.unpack(body)
    except struct.error as error:
        raise BadFrameError("numbers that cannot be read") from error
    return first, second
