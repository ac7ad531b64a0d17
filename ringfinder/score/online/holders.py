"""Who of the newcomers holds what, in bounded memory."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

from ringfinder.score.online.newborn import Newborn, Newcomer
from ringfinder.score.online.rates import Value

RECENT = 24
"""Latest holders of a value that are looked at: bounds the work of one sign-up."""


@dataclass(eq=False, slots=True)
class Holders:
    """Newcomers that hold a value: how many, and the latest."""

    count: int = 0
    recent: list[int] = field(default_factory=list)  # a deque takes ten times the memory


class Table:
    """Newcomers and the values they were seen with.

    Attributes
    ----------
    newcomers
        By number, oldest first.
    holders
        By a value's key.
    ring_of
        Newborn ring by number of its member.
    seen
        Sign-ups since the snapshot, members of its rings included.
    """

    def __init__(self) -> None:
        self.newcomers: dict[int, Newcomer] = {}
        self.holders: dict[int, Holders] = {}
        self.ring_of: dict[int, Newborn] = {}
        self.seen = 0

    def hold(self, newcomer: Newcomer, values: list[Value]) -> None:
        """Give a newcomer values that it did not hold."""
        self.newcomers[newcomer.number] = newcomer
        newcomer.values = newcomer.values + values
        for _, key, _ in values:
            holders = self.holders.get(key)
            if holders is None:
                holders = self.holders[key] = Holders()
            holders.count += 1
            holders.recent.append(newcomer.number)
            if len(holders.recent) > RECENT:
                del holders.recent[0]

    def join(self, newcomer: Newcomer, ring: Newborn) -> None:
        """Take a newcomer into a ring."""
        self.ring_of[newcomer.number] = ring
        ring.add(newcomer)

    def count(self, values: Iterable[Value]) -> None:
        """Count values of somebody else where newcomers hold them too."""
        for _, key, _ in values:
            holders = self.holders.get(key)
            if holders is not None:
                holders.count += 1

    def forget(self, number: int) -> Newcomer:
        """Forget a newcomer; a ring forgets it too, and is forgotten with its last."""
        newcomer = self.newcomers.pop(number)
        for _, key, _ in newcomer.values:
            holders = self.holders.get(key)
            if holders is None:
                continue
            holders.count -= 1
            if number in holders.recent:
                holders.recent.remove(number)
            if not holders.recent:
                del self.holders[key]
        ring = self.ring_of.pop(number, None)
        if ring is not None:
            ring.members.pop(number, None)
        return newcomer
