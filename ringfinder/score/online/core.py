"""The core of a newborn ring around somebody: those whom things held tie to them.

A ring may join people whom others copied: who typed the domain of a company and copied its client
is tied to its staff by that, and the staff to each other by their office. What such a ring as a
whole looks like says nothing of the staff; what they look like by themselves does.
"""

from __future__ import annotations

from collections.abc import Iterable

from ringfinder.score.online.holders import Table
from ringfinder.score.online.newborn import Newborn
from ringfinder.score.online.rates import HELD, Value

MOST_IN_CORE = 64
"""Members of a core that are looked at, about: more say no more, and take time."""


def core_of(
    values: Iterable[Value], ring: Newborn, table: Table, *, itself: int | None = None
) -> Newborn:
    """Return the members whom things held tie to somebody, at once or through each other.

    Parameters
    ----------
    values
        What that somebody shows.
    itself
        Its number where it is a member: no part of the core around it.

    Returns
    -------
    Newborn
        As a ring of its own, not judged yet; empty where nothing held is shared.
    """
    core = Newborn(ring.number, ring.people, ring.founded_by, ring.seen)
    waiting, known = list(values), set()
    while waiting and core.size < MOST_IN_CORE:
        kind, key, _ = waiting.pop()
        holders = table.holders.get(key)
        if not HELD[kind] or key in known or holders is None:
            continue
        known.add(key)
        for number in holders.recent:
            member = ring.members.get(number)
            if member is not None and number != itself and number not in core.members:
                core.add(member)
                waiting += member.values
    return core
