"""Who of the newcomers is tied to one of them: by what two show, or many, or rare things.

Three ways, each by two families, for one family alone founds no ring. *Linked* are two who share
so much that chance among all who came between them does not explain it. *Paired* are those who
hold two values together more often than the snapshot's rates allow, however common each is
(`evidence.pairs`). *Tied* are those whom rare values of two families lead to, which no two of
them need share both: an operator who deals cards and devices at random leaves no pair twice.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import combinations
from math import log

from ringfinder.schema import FAMILY_OF_KIND
from ringfinder.score.online.holders import RECENT, Table
from ringfinder.score.online.newborn import Newcomer
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


@dataclass(frozen=True, slots=True)
class Met:
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


class Meetings:
    """Newcomers that one of them meets through its values.

    Parameters
    ----------
    rates
        Of the snapshot.
    table
        The newcomers.
    """

    def __init__(self, rates: Rates, table: Table) -> None:
        self.rates, self.table = rates, table

    def meet(self, newcomer: Newcomer) -> Met:
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
        return Met(values, shared)

    def linked(self, newcomer: Newcomer, met: Met) -> set[int]:
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

    def paired(self, newcomer: Newcomer, met: Met) -> set[int]:
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

    def tied(self, newcomer: Newcomer, met: Met) -> set[int]:
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
