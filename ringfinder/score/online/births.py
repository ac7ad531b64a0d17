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
from dataclasses import dataclass
from itertools import chain, combinations
from math import log

from ringfinder.schema import FAMILY_OF_KIND
from ringfinder.score.online.belonging import Belonging, belonging
from ringfinder.score.online.core import core_of
from ringfinder.score.online.holders import RECENT, Table
from ringfinder.score.online.judgement import CHALLENGE_NEWBORN
from ringfinder.score.online.newborn import Newborn, Newcomer
from ringfinder.score.online.rates import TIES_BY_KIND, Rates, Value

RARE = 12
"""Holders in the snapshot up to which a value ties newcomers: an address of a carrier or of a
VPN service has more."""

PAIR_NATS = 14.0
"""Excess of a pair of values over chance from which it founds a ring: of some hundred thousand
pairs among a day's newcomers, a tenth of one reaches it by chance."""

LINK_NATS = 4.0
"""Log odds, against all newcomers, from which two of them are linked by what both show."""

FEW = 50
"""Sign-ups between two, from which on it takes more to link them."""

FOUNDERS = 3
"""Newcomers that a ring begins with; two are a couple."""

MOST_RINGS = 4
"""Newborn rings a sign-up is held against: those that most of its links lead to."""


@dataclass(frozen=True, slots=True)
class _Met:
    """Newcomers met through the values of one of them.

    Attributes
    ----------
    values
        Those of its values that may join (`Rates.joins`).
    shared
        By newcomer: which of them it shares, one bit a place.
    """

    values: list[Value]
    shared: dict[int, int]


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
        best = max(
            self._belongings(self.rates.joining(values)),
            key=lambda one: (one.ring.probability * one.membership, -one.ring.number),
            default=None,
        )
        if best is None or best.ring.probability * best.membership < CHALLENGE_NEWBORN:
            return best
        core = core_of(values, best.ring, self.table)
        core.judge(self.rates)
        return best._replace(core=core.probability if core.size else 0.0)

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
        met = self._met(newcomer)
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

    def _found(self, newcomer: Newcomer, met: _Met) -> None:
        """Begin a ring with those who are linked or tied to a newcomer, or join theirs."""
        linked = self._linked(newcomer, met)
        ring = self._among(linked)
        if ring is not None:
            self.table.join(newcomer, ring)
            return
        if len(linked) + 1 < FOUNDERS:
            linked |= self._paired(newcomer, met)
        if len(linked) + 1 < FOUNDERS:
            linked = self._tied(newcomer, met)
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

    def _call(self, ring: Newborn, met: _Met) -> None:
        """Take in those met who are in no ring and belong to this one now."""
        for number, bits in met.shared.items():
            if bits & (bits - 1) and number not in self.table.ring_of:
                other = self.table.newcomers[number]
                one = belonging(self.rates.joining(other.values), ring, self.table, self.rates)
                if one is not None:
                    self.table.join(other, ring)

    def _met(self, newcomer: Newcomer) -> _Met:
        """Meet the latest holders of every value that may join.

        Of a value with few holders all are met, and all that they share is counted: the latest
        holders of a common value are strangers, mostly, and would hide that they share it too.
        """
        values = self.rates.joining(newcomer.values)
        shared: dict[int, int] = {}
        common: dict[int, int] = {}  # bits by key
        close: set[int] = set()
        bit = 1
        for _, key, _ in values:
            holders = self.table.holders[key]
            for number in holders.recent:
                shared[number] = shared.get(number, 0) | bit
            if holders.count > RECENT:
                common[key] = bit
            else:
                close.update(holders.recent)
            bit <<= 1
        for number in close if common else ():
            for _, key, _ in self.table.newcomers[number].values:
                if key in common:
                    shared[number] |= common[key]
        shared.pop(newcomer.number, None)
        return _Met(values, shared)

    def _linked(self, newcomer: Newcomer, met: _Met) -> set[int]:
        """Return those who share so much of two families that chance does not explain it."""
        surprise = self._surprise(newcomer, met.values)
        told: dict[int, tuple[float, ...]] = {0: ()}
        found = set()
        for number, bits in met.shared.items():
            best = told.get(bits)
            if best is None:
                best = told[bits] = _least_likely(met.values, surprise, bits)
            if not best:
                continue
            # the fewer came between them, the less it takes
            chances = log(max(newcomer.seen - self.table.newcomers[number].seen, FEW))
            if sum([min(nats, chances + 1.0) for nats in best]) > chances + LINK_NATS:
                found.add(number)
        return found

    def _surprise(self, newcomer: Newcomer, values: list[Value]) -> list[float]:
        """Return how little likely two newcomers are to share each value, in nats."""
        everybody = float(max(self.table.seen, 1))
        found = []
        for value in values:
            common = self.rates.rate(value, newcomer.people)
            if not TIES_BY_KIND[value[0]]:
                lately = (self.table.holders[value[1]].count - 2.0) / everybody
                common = max(common, lately)
            found.append(-log(common))
        return found

    def _paired(self, newcomer: Newcomer, met: _Met) -> set[int]:
        """Return those who hold two values with a newcomer more often than chance has it."""
        alike: dict[int, list[int]] = {}  # by what they share
        for number, bits in met.shared.items():
            if bits & (bits - 1):
                alike.setdefault(bits, []).append(number)
        pairs: dict[int, list[int]] = {}
        for bits, numbers in alike.items():
            for pair in _pairs_of_families(met.values, bits):
                pairs.setdefault(pair, []).extend(numbers)
        found: set[int] = set()
        for pair, numbers in pairs.items():
            if len(numbers) + 1 >= FOUNDERS and not found.issuperset(numbers):
                one, other = (met.values[place] for place in places_of(pair))
                first = min([self.table.newcomers[number].seen for number in numbers])
                since = max(newcomer.seen - first + 1, len(numbers) + 1)
                if self._excess(one, other, len(numbers), newcomer, since) > PAIR_NATS:
                    found.update(numbers)
        return found

    def _tied(self, newcomer: Newcomer, met: _Met) -> set[int]:
        """Return those whom rare values of two families tie to a newcomer; none by one alone."""
        tied: dict[int, set[int]] = {}  # by family
        for kind, key, index in met.values:
            holders = self.table.holders[key]
            if (
                TIES_BY_KIND[kind]
                and holders.count >= FOUNDERS
                and self.rates.degree(index) <= RARE
            ):
                tied.setdefault(FAMILY_OF_KIND[kind], set()).update(holders.recent)
        families = [who for who in tied.values() if who != {newcomer.number}]
        return set().union(*families) - {newcomer.number} if len(families) >= 2 else set()

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


def places_of(bits: int) -> list[int]:
    """Return the places of the bits that are set, ascending."""
    found = []
    while bits:
        found.append((bits & -bits).bit_length() - 1)
        bits &= bits - 1
    return found


def _pairs_of_families(values: list[Value], bits: int) -> list[int]:
    """Return two bits each, of shared values of different families."""
    family = [(1 << place, FAMILY_OF_KIND[values[place][0]]) for place in places_of(bits)]
    return [one | other for (one, a), (other, b) in combinations(family, 2) if a != b]


def _least_likely(values: list[Value], surprise: list[float], bits: int) -> tuple[float, ...]:
    """Return the greatest surprise of each family among shared values.

    Empty where there is one family alone, or where not even the least is reached that links.
    """
    best: dict[int, float] = {}
    for place in places_of(bits):
        family = FAMILY_OF_KIND[values[place][0]]
        best[family] = max(best.get(family, 0.0), surprise[place])
    if len(best) < 2 or sum(best.values()) <= log(FEW) + LINK_NATS:
        return ()
    return tuple(best.values())
