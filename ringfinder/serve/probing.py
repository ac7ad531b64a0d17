"""Who feels for the score's edge: many sign-ups from one key, alike but for one thing.

For every sign-up, each family of its values is left out once; what remains, and is the same
again and again while the rest changes, is what somebody holds still while turning one knob.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterable
from typing import TypeVar

from ringfinder.schema import CODE, FAMILY_OF_KIND

WINDOW_MS = 600_000
MOST = 100_000
"""Remainders, and sign-ups, remembered per worker; the ones not seen for longest go first."""
FAMILIES = 2
"""What remains must be values of so many families, or every office would be a prober."""
_Value = TypeVar("_Value")
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
        self._passed: OrderedDict[int, None] = OrderedDict()

    def notices(
        self, key_id: str, values: Iterable[tuple[int, str]], now_ms: int, *, digest: bytes
    ) -> bool:
        """Count a sign-up; tell whether it is one of too many that are alike.

        One that passed is not counted when it is sent again, as it is until it is accepted.

        Parameters
        ----------
        key_id
            Of the caller.
        values
            (kind code, pseudonym) of the sign-up.
        now_ms
            Milliseconds since 1970.
        digest
            Of its body, the event_id included: another body under a known event_id is another.
        """
        name = hash((key_id, digest))
        if name in self._passed:
            self._passed.move_to_end(name)
            return False
        if self._is_one_too_many(key_id, values, now_ms):
            return True
        _keep(self._passed, name, None)
        return False

    def _is_one_too_many(self, key_id: str, values: Iterable[tuple[int, str]], now_ms: int) -> bool:
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
        _keep(self._seen, remainder, (since, count + 1))
        return count + 1


def _keep(kept: OrderedDict[int, _Value], name: int, value: _Value) -> None:
    kept[name] = value
    if len(kept) > MOST:
        kept.popitem(last=False)
