"""How newborn rings begin and grow: newcomers that two families tie to each other.

A ring begins where three newcomers share rare things of two families, where more of them
than chance allows hold two values together, however common each is (`evidence.pairs`), or
where ties of two families meet in one of them: an operator who deals cards and devices at
random leaves no pair twice. It grows by the batch's own test: the log odds of membership
(`evidence.lifts`), measured on the members so far, in odds against all newcomers; by ties, for
what they are dealt next no member holds yet; and, while it is small, by links to half of it.

Tried on 96 cuts of the tuning worlds, weights fitted anew each time (new fleets told, of these
within ten accounts; benign sign-ups answered otherwise than `allow`): links of 5 nats and no
joining by them 124, 114, .049%; with it and what near holders share counted whole 128, 121,
.060%; links of 4 nats 133, 126, .063%, of 3 nats 132, 125, .062%; joining by pairs, too, 134, 128,
.062%, but people who all have a new browser are then joined by their mail alone; without
counting whole 130, 122, .062%. What is still late shares common clients and banks, no more.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from itertools import chain

from ringfinder.score.online.belonging import Belonging, belonging
from ringfinder.score.online.core import core_of
from ringfinder.score.online.holders import Table
from ringfinder.score.online.judgement import CHALLENGE_NEWBORN
from ringfinder.score.online.meetings import FOUNDERS, Meetings, Met
from ringfinder.score.online.newborn import Newborn, Newcomer
from ringfinder.score.online.rates import Rates, Value

MOST_RINGS = 4
"""Newborn rings a sign-up is held against: those that most of its links lead to."""


class Births:
    """Newborn rings among newcomers.

    Parameters
    ----------
    rates
        Of the snapshot.
    table
        The newcomers.
    """

    def __init__(self, rates: Rates, table: Table) -> None:
        self.rates, self.table = rates, table
        self.meetings = Meetings(rates, table)
        self._rings = 0

    def find(self, values: Sequence[Value]) -> Belonging | None:
        """Return the newborn ring that somebody with these values belongs to, if any.

        Of several the likeliest fleet; changes nothing.
        """
        best = max(
            self._belongings(self.rates.joining(values)),
            key=lambda one: (one.ring.probability * one.membership, -one.ring.number),
            default=None,
        )
        return None if best is None else self._with_core(best, values)

    def of(self, newcomer: Newcomer) -> Belonging | None:
        """Return how a newcomer belongs to the others of its ring, None where it does not."""
        ring, itself = self.table.ring_of.get(newcomer.number), newcomer.number
        if ring is None:
            return None
        joining = self.rates.joining(newcomer.values)
        found = belonging(joining, ring, self.table, self.rates, itself=itself)
        return None if found is None else self._with_core(found, newcomer.values, itself=itself)

    def _with_core(
        self, found: Belonging, values: Sequence[Value], *, itself: int | None = None
    ) -> Belonging:
        if found.ring.probability * found.membership < CHALLENGE_NEWBORN:
            return found
        core = core_of(values, found.ring, self.table, itself=itself)
        core.judge(self.rates)
        return found._replace(core=core.probability if core.size else 0.0)

    def take(self, newcomer: Newcomer, values: list[Value]) -> None:
        """Give a newcomer values; it may join a ring or found one."""
        before = tuple([kind for kind, _, _ in newcomer.values])
        self.table.hold(newcomer, values)
        self.rates.show(values)
        ring = self.table.ring_of.get(newcomer.number)
        if ring is not None:
            ring.show(values, before)
            ring.judge(self.rates)
            return
        met = self.meetings.meet(newcomer)
        belongings = self._belongings(met.values)
        if belongings:
            self._join(newcomer, belongings)
        else:
            self._found(newcomer, met)
        ring = self.table.ring_of.get(newcomer.number)
        if ring is not None:
            self._call(ring, met)
            ring.judge(self.rates)

    def _join(self, newcomer: Newcomer, belongings: list[Belonging]) -> None:
        """Join the ring with the best odds; rings that one newcomer belongs to are one."""
        belongings.sort(key=lambda one: (-one.nats, one.ring.number))
        ring = max((one.ring for one in belongings), key=lambda ring: (ring.size, -ring.number))
        for one in belongings:
            if one.ring is not ring:
                for member in one.ring.members.values():
                    self.table.join(member, ring)
        self.table.join(newcomer, ring)

    def _found(self, newcomer: Newcomer, met: Met) -> None:
        """Begin a ring with those who are linked or tied to a newcomer, or join theirs."""
        linked = self.meetings.linked(newcomer, met)
        ring = self._among(linked)
        if ring is not None:
            self.table.join(newcomer, ring)
            return
        if len(linked) + 1 < FOUNDERS:
            linked |= self.meetings.paired(newcomer, met)
        if len(linked) + 1 < FOUNDERS:
            linked = self.meetings.tied(newcomer, met)
            ring = self._most(linked)
        alone = linked.difference(self.table.ring_of)
        free = [self.table.newcomers[number] for number in sorted(alone)]
        if ring is None and len(free) + 1 >= FOUNDERS:
            self._rings += 1
            ring = Newborn(self._rings, newcomer.people, free[0].account_id, free[0].seen)
        if ring is not None:
            for one in (*free, newcomer):
                self.table.join(one, ring)

    def _most(self, numbers: set[int]) -> Newborn | None:
        """Return the ring that most of some newcomers are in, None where they are in none."""
        rings = Counter(filter(None, map(self.table.ring_of.get, numbers)))
        return max(rings, key=lambda one: (rings[one], -one.number), default=None)

    def _among(self, linked: set[int]) -> Newborn | None:
        """Return the ring that half of those linked are in, where they are half of it as well.

        A ring of three says too little to carry anybody over the odds (`belonging`): were those
        whom links lead to it left out, it would stay one of three.
        """
        ring = self._most(linked)
        if ring is None:
            return None
        links = sum(self.table.ring_of.get(number) is ring for number in linked)
        most = links + 1 >= FOUNDERS and 2 * links >= max(len(linked), ring.size)
        return ring if most else None

    def _call(self, ring: Newborn, met: Met) -> None:
        """Take in those met who are in no ring and belong to this one now."""
        for number, bits in met.shared.items():
            if bits & (bits - 1) and number not in self.table.ring_of:
                other = self.table.newcomers[number]
                one = belonging(self.rates.joining(other.values), ring, self.table, self.rates)
                if one is not None:
                    self.table.join(other, ring)

    def _belongings(self, joining: list[Value]) -> list[Belonging]:
        """Return the rings that somebody belongs to, of those that most links lead to.

        A link is a value that may join and one of its latest holders, in a ring.
        """
        held = self.table.holders
        holders = [one for _, key, _ in joining if (one := held.get(key)) is not None]
        numbers = chain.from_iterable([one.recent for one in holders])
        links = Counter(filter(None, map(self.table.ring_of.get, numbers)))
        most = sorted(links, key=lambda ring: (-links[ring], ring.number))[:MOST_RINGS]
        found = [belonging(joining, ring, self.table, self.rates) for ring in most]
        return [one for one in found if one is not None]
