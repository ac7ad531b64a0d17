"""How a damaged entry is told from a sound one, also after its content is gone.

Each row commits to its event and its answer, and to the row before it. A row whose content
was erased or moved still proves its place; a flipped bit names the row it is in.
"""

from __future__ import annotations

import hashlib
from typing import NamedTuple

SIZE = 16
START = bytes(SIZE)
"""What the first row is chained to."""


class Row(NamedTuple):
    """One row of `entry`, in the order of its columns."""

    sequence: int
    type: str
    id: bytes
    body: bytes
    committed_ms: int
    event_mark: bytes
    answer_mark: bytes
    chain: bytes
    nonce: bytes | None
    account_id: str | None
    event: bytes | None
    answer: bytes | None


def event_mark(nonce: bytes, account_id: str, event: bytes) -> bytes:
    """Return the commitment to an event and its account."""
    digest = hashlib.blake2b(event, digest_size=SIZE, key=nonce, person=b"event")
    digest.update(b"\0" + account_id.encode())
    return digest.digest()


def answer_mark(nonce: bytes, answer: bytes) -> bytes:
    """Return the commitment to an answer."""
    return hashlib.blake2b(answer, digest_size=SIZE, key=nonce, person=b"answer").digest()


def chained(before: bytes, row: Row) -> bytes:
    """Return the seal of a row: over all of it that stays, and the seal before it."""
    header = f"{row.sequence} {row.type} {row.committed_ms} {len(row.body)} ".encode()
    digest = hashlib.blake2b(before + header, digest_size=SIZE, person=b"chain")
    digest.update(row.id + row.body + row.event_mark + row.answer_mark)
    return digest.digest()


def content_is_sound(row: Row) -> bool:
    """Whether event and answer, where they are still held, are what was written."""
    try:
        if row.nonce is None:
            return row.account_id is None and row.event is None and row.answer is None
        if row.event is not None:
            if row.account_id is None:
                return False
            if event_mark(row.nonce, row.account_id, row.event) != row.event_mark:
                return False
        return row.answer is None or answer_mark(row.nonce, row.answer) == row.answer_mark
    except (TypeError, ValueError, AttributeError):  # damage can change a value's type, too
        return False


def is_sound(row: Row, before: bytes) -> bool:
    """Whether a row is what was written after the row with the seal `before`."""
    try:
        return chained(before, row) == row.chain and content_is_sound(row)
    except (TypeError, ValueError):
        return False
