"""Keyed pseudonyms: HMAC-SHA-256 with a versioned pepper.

A pseudonym is ``p<version>_`` and 32 hexadecimal digits: the first 128 bits of the HMAC over
kind, a zero byte and the canonical value. The kind is part of the message, so that equal
strings of two kinds cannot be linked. Rotation wraps the old pseudonym in the new key
(HMAC over a marker no kind can have and the old pseudonym): no clear value is needed, and
a pepper that knows its predecessor gives new values the same pseudonym as rotated old ones.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass, field

import numpy as np
import pyarrow as pa

from ringfinder.errors import InputError
from ringfinder.model import IntArray

KEY_BYTES = 32
"""Shortest key accepted: as long as the hash."""

DIGEST_BYTES = 16
_BLOCK = 64  # bytes of a SHA-256 block
_AT_ONCE = 1 << 14  # values as Python objects: few enough for the processor's cache
_PERSON = b"ringfinder/audit"  # BLAKE2b personalisation, exactly its 16 bytes
_WRAP = b"\x00wrap\x00"  # starts with the separator, which no kind's name holds
_HEX = np.frombuffer("".join(f"{i:02x}" for i in range(256)).encode(), dtype="S2")


@dataclass(frozen=True)
class Pepper:
    """The secret that makes pseudonyms, and its version.

    Attributes
    ----------
    version
        0 for derived peppers, from 1 for configured ones; part of every pseudonym.
    key
        At least 32 bytes; never shown.
    previous
        The pepper this one replaced, or None for the first.
    """

    version: int
    key: bytes = field(repr=False)
    previous: Pepper | None = field(default=None, repr=False)

    def __post_init__(self) -> None:
        if len(self.key) < KEY_BYTES:
            raise InputError(
                f"the pepper has {len(self.key)} bytes; expected at least {KEY_BYTES}: "
                "make one with `openssl rand -hex 32`"
            )
        if self.version < 0:
            raise InputError(f"the pepper's version is {self.version}; expected 0 or more")
        if self.previous is not None and self.previous.version >= self.version:
            raise InputError(
                f"the pepper's version {self.version} does not follow that of the previous "
                f"pepper, {self.previous.version}; give the new one a higher version"
            )

    @classmethod
    def derived(cls, content_digests: Iterable[bytes]) -> Pepper:
        """Return the pepper of a stateless audit, made from the input files' own digests.

        Reproducible from the same files in any order, useless for linking runs over
        different files, and no secret to anyone who has the files.

        Parameters
        ----------
        content_digests
            One digest (such as BLAKE2b-256) of each input file's bytes.

        Raises
        ------
        InputError
            Without any digest.
        """
        digests = sorted(content_digests)
        if not digests:
            raise InputError("no file to derive a pepper from; give one with --pepper-file")
        state = hashlib.blake2b(digest_size=KEY_BYTES, person=_PERSON)
        for digest in digests:
            state.update(len(digest).to_bytes(8, "big") + digest)
        return cls(version=0, key=state.digest())

    def digests(self, kind: str, values: pa.StringArray) -> IntArray:
        """Return 128 bits per value, uint8 (V, 16); `values` must hold no null."""
        if self.previous is not None:
            inner = self.previous.pseudonyms(kind, values)
            return _hmac_column(self.key, _WRAP, inner)
        return _hmac_column(self.key, kind.encode() + b"\x00", values)

    def pseudonyms(self, kind: str, values: pa.StringArray) -> pa.StringArray:
        """Return the pseudonym of each canonical value.

        Parameters
        ----------
        kind
            Name of the attribute kind.
        values
            String array (V,) of canonical values, no null; distinct ones, for speed.

        Returns
        -------
        pa.StringArray, shape (V,)
        """
        return to_pseudonyms(self.version, self.digests(kind, values))

    def pseudonym(self, kind: str, value: str) -> str:
        """Return the pseudonym of one canonical value."""
        answer: str = self.pseudonyms(kind, pa.array([value], pa.string()))[0].as_py()
        return answer


def wrap(old_pseudonym: str, new_pepper: Pepper) -> str:
    """Return what an old pseudonym becomes under a new pepper."""
    old = pa.array([old_pseudonym], pa.string())
    answer: str = wrap_all(old, new_pepper)[0].as_py()
    return answer


def wrap_all(old_pseudonyms: pa.StringArray, new_pepper: Pepper) -> pa.StringArray:
    """Return what each old pseudonym becomes under a new pepper, (V,)."""
    digests = _hmac_column(new_pepper.key, _WRAP, old_pseudonyms)
    return to_pseudonyms(new_pepper.version, digests)


def to_pseudonyms(version: int, digests: IntArray) -> pa.StringArray:
    """Write uint8 (V, 16) digests as pseudonyms."""
    prefix = np.frombuffer(f"p{version}_".encode(), dtype=np.uint8)
    rows = len(digests)
    width = len(prefix) + 2 * DIGEST_BYTES
    text = np.empty((rows, width), dtype=np.uint8)
    text[:, : len(prefix)] = prefix
    hexed = np.ascontiguousarray(_HEX[digests]).view(np.uint8)
    text[:, len(prefix) :] = hexed.reshape(rows, 2 * DIGEST_BYTES)
    offsets = (np.arange(rows + 1, dtype=np.int64) * width).astype(np.int32)
    return pa.StringArray.from_buffers(rows, pa.py_buffer(offsets), pa.py_buffer(text))


def _hmac_column(key: bytes, prefix: bytes, values: pa.StringArray) -> IntArray:
    """Return the first 16 bytes of HMAC-SHA-256(key, prefix + value): uint8 (V, 16).

    RFC 2104 written out: copying two prepared hash states is twice as fast as
    `hmac.digest`, which looks its hash up and pads the key again for every value.
    """
    if len(key) > _BLOCK:
        key = hashlib.sha256(key).digest()
    padded = key.ljust(_BLOCK, b"\0")
    inner = hashlib.sha256(bytes(byte ^ 0x36 for byte in padded) + prefix)
    outer = hashlib.sha256(bytes(byte ^ 0x5C for byte in padded))
    found = np.empty((len(values), DIGEST_BYTES), dtype=np.uint8)
    for begin in range(0, len(values), _AT_ONCE):
        digests: list[bytes] = []
        for value in values[begin : begin + _AT_ONCE].cast(pa.binary()).to_pylist():
            message, answer = inner.copy(), outer.copy()
            message.update(value)
            answer.update(message.digest())
            digests.append(answer.digest())
        whole = np.frombuffer(b"".join(digests), dtype=np.uint8).reshape(-1, outer.digest_size)
        found[begin : begin + len(whole)] = whole[:, :DIGEST_BYTES]
    return found
