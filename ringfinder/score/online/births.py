"""How newborn rings begin and grow: newcomers that two families tie to each other.

A ring begins where three newcomers share rare things of two families, where more of them
than chance allows hold two values together, however common each is (`evidence.pairs`), or
where ties of two families meet in one of them: an operator who deals cards and devices at
random leaves no pair twice. It grows by the batch's own test: the log odds of membership
(`evidence.lifts`), measured on the members so far, in odds against all newcomers.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations
from math import log

from ringfinder.schema import FAMILY_OF_KIND
from ringfinder.score.online.belonging import SILENT, Belonging, belonging
from ringfinder.score.online.holders import Table
from ringfinder.score.online.known import WITNESS
from ringfinder.score.online.newborn import Newborn, Newcomer
from ringfinder.score.online.rates import TIES_BY_KIND, Rates, Value

RARE = 12
"""Holders in the snapshot up to which a value ties newcomers: an address of a carrier or of a
VPN service has more."""

PAIR_NATS = 14.0
"""Excess of a pair of values over chance from which it founds a ring: of some hundred thousand
pairs among a day's newcomers, a tenth of one reaches it by chance."""

LINK_NATS = 5.0
"""Log odds, against all newcomers, from which two of them are linked by what both show."""

FEW = 50
"""Sign-ups between two, from which on it takes more to link them."""

FOUNDERS = 3
"""Newcomers that a ring begins with; two are a couple."""

MOST_RINGS = 4
"""Newborn rings a sign-up is held against: those that most of its links lead to."""


@dataclass(frozen=True, slots=True)
class _Met:
    """Newcomers met through values: places of the values shared, and whom ties lead to."""

    places: dict[int, list[int]]
    tied: dict[int, set[int]]  # family -> newcomers


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
        self._rings = 0

    def find(self, values: Sequence[Value]) -> Belonging | None:
        """Return the newborn ring that somebody with these values belongs to, if any.

        Of several the likeliest fleet; changes nothing.
        """
        found = [one for one in self._belongings(values, self._met(values)) if one.member]
        return max(
            found,
            key=lambda one: (one.ring.probability * one.membership, -one.ring.number),
            default=None,
        )

    def take(self, newcomer: Newcomer, values: list[Value]) -> None:
        """Give a newcomer values; it may join a ring or found one."""
        before = tuple([kind for kind, _, _ in newcomer.values])
        self.table.hold(newcomer, values)
        if newcomer.ring is not None:
            newcomer.ring.show(values, before)
            newcomer.ring.judge(self.rates)
            return
        met = self._met(newcomer.values, but=newcomer.number)
        belongings = [one for one in self._belongings(newcomer.values, met) if one.member]
        if belongings:
            self._join(newcomer, belongings)
        else:
            self._found(newcomer, met)
        if newcomer.ring is not None:
            self._call(newcomer.ring, met)
            newcomer.ring.judge(self.rates)

    def _join(self, newcomer: Newcomer, belongings: list[Belonging]) -> None:
        """Join the ring with the best odds; rings that one newcomer belongs to are one."""
        belongings.sort(key=lambda one: (-one.nats, one.ring.number))
        ring = max((one.ring for one in belongings), key=lambda ring: (ring.size, -ring.number))
        for one in belongings:
            if one.ring is not ring:
                ring.absorb(one.ring)
        ring.add(newcomer)

    def _found(self, newcomer: Newcomer, met: _Met) -> None:
        """Begin a ring with those who are linked to a newcomer and in none."""
        linked = self._linked(newcomer, met)
        if len(linked) + 1 < FOUNDERS:
            linked |= self._paired(newcomer, met)
        if len(linked) + 1 < FOUNDERS:
            families = [who for who in met.tied.values() if who]
            linked = set().union(*families) if len(families) >= 2 else set()
        free = [self.table.newcomers[number] for number in sorted(linked)]
        free = [one for one in free if one.ring is None]
        if len(free) + 1 >= FOUNDERS:
            self._rings += 1
            ring = Newborn(self._rings, newcomer.people, free[0].account_id, free[0].seen)
            for one in (*free, newcomer):
                ring.add(one)

    def _call(self, ring: Newborn, met: _Met) -> None:
        """Take in those met who are in no ring and belong to this one now."""
        for number, places in met.places.items():
            other = self.table.newcomers[number]
            if other.ring is None and len(places) > 1:
                one = belonging(other.values, ring, self.table, self.rates)
                if one.member:
                    ring.add(other)

    def _met(self, values: Sequence[Value], *, but: int = -1) -> _Met:
        """Meet the latest holders of every value that may join."""
        places: dict[int, list[int]] = {}
        tied: dict[int, set[int]] = {}
        for place, (kind, key, index) in enumerate(values):
            holders = self.table.holders.get(key)
            if (
                holders is None
                or kind in SILENT
                or not WITNESS[kind]
                or self.rates.is_old(kind, index)
            ):
                continue
            for number in holders.recent:
                if number != but:
                    places.setdefault(number, []).append(place)
            if (
                TIES_BY_KIND[kind]
                and holders.count >= FOUNDERS
                and self.rates.degree(index) <= RARE
            ):
                tied.setdefault(FAMILY_OF_KIND[kind], set()).update(holders.recent)
        for who in tied.values():
            who.discard(but)
        return _Met(places, tied)

    def _linked(self, newcomer: Newcomer, met: _Met) -> set[int]:
        """Return those who share so much of two families that chance does not explain it."""
        everybody = float(max(self.table.seen, 1))
        surprise: dict[int, float] = {}
        found = set()
        for number, places in met.places.items():
            if len(places) < 2:
                continue
            # the fewer came between them, the less it takes
            chances = log(max(newcomer.seen - self.table.newcomers[number].seen, FEW))
            best: dict[int, float] = {}
            for place in places:
                value = newcomer.values[place]
                nats = surprise.get(place)
                if nats is None:
                    lately = (self.table.holders[value[1]].count - 2.0) / everybody
                    common = lately if not TIES_BY_KIND[value[0]] else 0.0
                    nats = -log(max(self.rates.rate(value, newcomer.people), common))
                    surprise[place] = nats
                family = FAMILY_OF_KIND[value[0]]
                best[family] = max(best.get(family, 0.0), min(nats, chances + 1.0))
            if len(best) >= 2 and sum(best.values()) > chances + LINK_NATS:
                found.add(number)
        return found

    def _paired(self, newcomer: Newcomer, met: _Met) -> set[int]:
        """Return those who hold two values with a newcomer more often than chance has it."""
        counts: dict[tuple[int, int], set[int]] = {}
        values = newcomer.values
        for number, places in met.places.items():
            for one, other in combinations(places, 2):
                if FAMILY_OF_KIND[values[one][0]] != FAMILY_OF_KIND[values[other][0]]:
                    counts.setdefault((one, other), set()).add(number)
        found: set[int] = set()
        for (one, other), numbers in counts.items():
            if len(numbers) + 1 >= FOUNDERS and not found.issuperset(numbers):
                first = min(self.table.newcomers[number].seen for number in numbers)
                since = max(newcomer.seen - first + 1, len(numbers) + 1)
                nats = self._excess(values[one], values[other], len(numbers), newcomer, since)
                if nats > PAIR_NATS:
                    found |= numbers
        return found

    def _excess(self, one: Value, other: Value, met: int, newcomer: Newcomer, since: int) -> float:
        """Return the nats by which newcomers hold two values together beyond chance.

        Among those who came `since` the first of them, at the cost of having looked for the
        best such moment. A value that is on many newcomers besides is as common as that,
        whatever it was before.
        """
        everybody = float(max(self.table.seen, 1))
        together, expected = met + 1.0, float(since)
        for value in (one, other):
            held = self.table.holders[value[1]].count
            lately = max(held - together, 0.0) / everybody
            expected *= max(self.rates.rate(value, newcomer.people), lately)
        expected = max(expected, 1.0 / everybody)
        return together * log(together / expected) - (together - expected) - log(everybody / since)

    def _belongings(self, values: Sequence[Value], met: _Met) -> list[Belonging]:
        """Hold a sign-up against the rings that most of its links lead to."""
        links: dict[int, int] = {}
        rings: dict[int, Newborn] = {}
        for number, places in met.places.items():
            ring = self.table.newcomers[number].ring
            if ring is not None:
                rings[ring.number] = ring
                links[ring.number] = links.get(ring.number, 0) + len(places)
        most = sorted(links, key=lambda number: (-links[number], number))[:MOST_RINGS]
        return [belonging(values, rings[number], self.table, self.rates) for number in most]
