"""The keys in memory, as fresh as a second: looking one up touches no disk."""

from __future__ import annotations

import asyncio
import hmac
import logging
from collections.abc import Callable

from ringfinder.errors import RingfinderError
from ringfinder.serve.keys import Key, KeyStore, hash_of

REFRESH_S = 1.0
"""A revoked key is refused after so long at the latest."""
STALE_S = 60.0
"""If the keys cannot be read for so long, none is taken for good any more."""

log = logging.getLogger("ringfinder.serve")
_NOBODY = bytes(32)


class Keyring:
    """What a worker knows of the keys.

    Parameters
    ----------
    store
        Where they are kept.
    now_ms
        The clock, milliseconds since 1970.
    """

    def __init__(self, store: KeyStore, now_ms: Callable[[], int]) -> None:
        self._store, self._now_ms = store, now_ms
        self._keys: dict[bytes, Key] = {}
        self._read_ms = -1
        self._stamp: object = None

    def refresh(self) -> None:
        """Read the keys again if the file has changed."""
        stamp = self._stamp_of_file()
        if stamp != self._stamp or stamp is None:
            self._keys = {key.id.encode(): key for key in self._store.list()}
            self._stamp = stamp
        self._read_ms = self._now_ms()

    def find(self, secret: bytes) -> Key | None:
        """Return the key that a caller sent if it is in force.

        A key that is not known costs the same comparison as one that is.
        """
        parts = secret.split(b"_", 2)
        key = self._keys.get(parts[1]) if len(parts) == 3 else None
        same = hmac.compare_digest(hash_of(secret), _NOBODY if key is None else key.hash)
        now = self._now_ms()
        fresh = now - self._read_ms < STALE_S * 1000
        return key if same and fresh and key is not None and key.in_force(now) else None

    async def keep_fresh(self) -> None:
        """Refresh for as long as the worker runs."""
        while True:
            try:
                await asyncio.to_thread(self.refresh)
            except (RingfinderError, OSError) as error:  # the next look may go better
                log.error("keys cannot be read", extra={"error": type(error).__name__})
            await asyncio.sleep(REFRESH_S)

    def _stamp_of_file(self) -> object:
        try:
            seen = self._store.path.stat()
        except FileNotFoundError:
            return None
        return seen.st_mtime_ns, seen.st_size, seen.st_ino
