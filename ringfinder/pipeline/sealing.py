"""A stream of bytes under a passphrase: nobody reads, alters, shortens or reorders it.

A header (magic, cost of scrypt, salt, nonce prefix, check of the key), then chunks of a
mebibyte under AES-256-GCM, numbered and the last one marked in the nonce (the STREAM
construction: V. T. Hoang et al., "Online Authenticated-Encryption and its Nonce-Reuse
Misuse-Resistance", 2015). The header is authenticated with every chunk.
"""

from __future__ import annotations

import hashlib
import hmac
import io
import secrets
import struct
from typing import BinaryIO

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from ringfinder.errors import InputError

MAGIC = b"RFBACKUP\x01"
CHUNK = 1 << 20
TAG = 16
COST = 16  # log2 of scrypt's N: 64 MiB, a fraction of a second
MOST_COST = 18  # an altered header must not make us use up the machine
_HEADER = struct.Struct(">9sB16s7s16s")


def _key(passphrase: str, salt: bytes, cost: int) -> tuple[bytes, bytes]:
    """Return the key and what tells that it is the right one."""
    made = hashlib.scrypt(
        passphrase.encode("utf-8", "surrogateescape"),
        salt=salt, n=1 << cost, r=8, p=1, maxmem=(1 << cost) * 8 * 128 + (1 << 20), dklen=48,
    )  # fmt: skip
    return made[:32], made[32:]


def _nonce(prefix: bytes, number: int, *, last: bool) -> bytes:
    return prefix + number.to_bytes(4, "big") + bytes([last])


class SealingWriter(io.RawIOBase):
    """Encrypts what is written to it; what it wrote is whole once it is closed.

    Parameters
    ----------
    file
        Takes the sealed bytes; stays open.
    passphrase
        Opens them again.
    """

    def __init__(self, file: BinaryIO, passphrase: str) -> None:
        super().__init__()
        salt, self._prefix = secrets.token_bytes(16), secrets.token_bytes(7)
        key, check = _key(passphrase, salt, COST)
        self._header = _HEADER.pack(MAGIC, COST, salt, self._prefix, check)
        self._cipher = AESGCM(key)
        self._file, self._held, self._number = file, bytearray(), 0
        file.write(self._header)

    def writable(self) -> bool:
        """Return True."""
        return True

    def write(self, data: bytes) -> int:  # type: ignore[override]  # only bytes are written
        """Take bytes; whole chunks are sealed at once."""
        self._held += data
        while len(self._held) > CHUNK:  # the last chunk is known only when the stream ends
            self._seal(bytes(self._held[:CHUNK]), last=False)
            del self._held[:CHUNK]
        return len(data)

    def finish(self) -> None:
        """Seal the rest and mark the end: without it the stream counts as cut short."""
        self._seal(bytes(self._held), last=True)
        self._held.clear()

    def _seal(self, chunk: bytes, *, last: bool) -> None:
        nonce = _nonce(self._prefix, self._number, last=last)
        self._file.write(self._cipher.encrypt(nonce, chunk, self._header))
        self._number += 1


class SealedReader(io.RawIOBase):
    """Decrypts what a `SealingWriter` wrote; gives no byte that it has not authenticated.

    Parameters
    ----------
    file
        The sealed bytes; stays open.
    passphrase
        As when they were written.
    name
        How messages call the file.

    Raises
    ------
    InputError
        On opening, if it is no such stream or the passphrase is wrong; on reading, if it was
        altered or cut short.
    """

    def __init__(self, file: BinaryIO, passphrase: str, name: str) -> None:
        super().__init__()
        self._file, self._name, self._number, self._over = file, name, 0, False
        self._header = file.read(_HEADER.size)
        if len(self._header) < _HEADER.size or not self._header.startswith(MAGIC):
            raise InputError(f"{name} is no backup of ringfinder, or another version's.")
        _, cost, salt, self._prefix, check = _HEADER.unpack(self._header)
        if not 1 <= cost <= MOST_COST:
            raise self._damaged()
        key, right = _key(passphrase, salt, cost)
        if not hmac.compare_digest(check, right):
            raise InputError(
                f"{name} does not open with this passphrase (or its first bytes are damaged): set "
                "RINGFINDER_BACKUP_PASSPHRASE or --backup-passphrase-file to the one it was made "
                "with."
            )
        self._cipher = AESGCM(key)
        self._ahead = file.read(CHUNK + TAG)
        self._open = b""

    def readable(self) -> bool:
        """Return True."""
        return True

    def readinto(self, buffer: bytearray) -> int:  # type: ignore[override]  # any writable buffer
        """Fill a buffer with the next bytes; 0 at the end."""
        while not self._open and not self._over:
            self._open = self._next()
        size = min(len(buffer), len(self._open))
        buffer[:size], self._open = self._open[:size], self._open[size:]
        return size

    def drain(self) -> None:
        """Read to the end: only then is it known that nothing was cut off."""
        while self.read(CHUNK):
            pass

    def _next(self) -> bytes:
        chunk, self._ahead = self._ahead, self._file.read(CHUNK + TAG)
        self._over = not self._ahead
        try:
            opened = self._cipher.decrypt(
                _nonce(self._prefix, self._number, last=self._over), chunk, self._header
            )
        except (InvalidTag, ValueError):
            raise self._damaged() from None
        self._number += 1
        return opened

    def _damaged(self) -> InputError:
        return InputError(
            f"{self._name} was altered or cut short: nothing was restored. Use another copy."
        )
