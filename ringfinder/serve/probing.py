"""Who feels for the score's edge: many sign-ups from one key, alike but for one thing.

For every sign-up, each family of its values is left out once; what remains, and is the same
again and again while the rest changes, is what somebody holds still while turning one knob.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterable

from ringfinder.schema import CODE, FAMILY_OF_KIND

WINDOW_MS = 600_000
MOST = 100_000
"""Remainders remembered per worker; the ones not seen for longest go first."""
FAMILIES = 2
"""What remains must be values of so many families, or every office would be a prober."""
_LEFT_OUT = frozenset({CODE["signup_window"], CODE["ip_block"], CODE["mail_provider"]})


class Probing:
    """Counts sign-ups of one key that are alike but for one family of values.

    Parameters
    ----------
    limit
        Alike within ten minutes from which on it is noticed.
    """

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._seen: OrderedDict[int, tuple[int, int]] = OrderedDict()

    def notices(self, key_id: str, values: Iterable[tuple[int, str]], now_ms: int) -> bool:
        """Count a sign-up; tell whether it is one of too many that are alike.

        Parameters
        ----------
        key_id
            Of the caller.
        values
            (kind code, pseudonym) of the sign-up.
        now_ms
            Milliseconds since 1970.
        """
        by_family: dict[int, list[str]] = {}
        for kind, value in values:
            if kind not in _LEFT_OUT:
                by_family.setdefault(FAMILY_OF_KIND[kind], []).append(value)
        if len(by_family) <= FAMILIES:
            return False
        parts = {family: hash((family, *values)) for family, values in by_family.items()}
        whole = hash(key_id)
        for part in parts.values():
            whole ^= part
        return max([self._count(whole ^ part, now_ms) for part in parts.values()]) >= self._limit

    def _count(self, remainder: int, now_ms: int) -> int:
        since, count = self._seen.pop(remainder, (now_ms, 0))
        if now_ms - since > WINDOW_MS:
            since, count = now_ms, 0
        self._seen[remainder] = (since, count + 1)
        if len(self._seen) > MOST:
            self._seen.popitem(last=False)
        return count + 1
