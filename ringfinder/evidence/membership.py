"""Log odds of membership: every account against every community it could belong to.

``sum over families of min(sum of the strongest lift of each observation, cap) - prior``
plus what misses cost (`ringfinder.evidence.lifts`). The sum over all accounts and
communities is never formed: *anchors* (`ringfinder.evidence.anchors`) name the candidates,
bounds by family drop most of them, and the rest are looked up. Communities are worked
through in blocks, which bounds the memory at any number of accounts.
"""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np

from ringfinder.evidence.anchors import (
    FAMILY_OF_OBSERVATION,
    OBSERVATION,
    anchor_marks,
    strongest_of,
)
from ringfinder.evidence.incidence import FAMILY_COUNT, Incidence
from ringfinder.evidence.lifts import MINIMUM_LIFT, THRESHOLD_NATS, Lifts
from ringfinder.evidence.marks import Marks
from ringfinder.evidence.rest import Rest
from ringfinder.evidence.runs import chunks, fresh, rows_of_runs, spread
from ringfinder.model import BoolArray, FloatArray, IntArray
from ringfinder.schema import FAMILY_OF_KIND, OBSERVATIONS

_OBSERVATIONS_OF_FAMILY = [np.flatnonzero(column) for column in FAMILY_OF_OBSERVATION.T]
_ROW_OF_KIND = (FAMILY_OF_OBSERVATION.cumsum(axis=0) - 1)[OBSERVATION, FAMILY_OF_KIND].astype(int)
"""Of each kind, the place of its observation among those of its family."""

SLACK = 1e-4
"""Nats that single precision may lose of a bound: who may pass is asked exactly after that."""

BLOCK_ROWS = 1 << 17
"""Holders of anchors looked at together: their columns stay in a processor's own cache, which is a
third faster than two million at a time, and the memory is bounded to some 30 MB a worker."""

WORKERS = 2
"""Blocks looked at side by side. Their odds are put together in order, whoever is first."""

BLOCK_COMMUNITIES = 256
"""Communities looked at together; bounds the look-up table."""


@dataclass(frozen=True)
class Odds:
    """Log odds of membership, for every account and community worth looking at.

    Attributes
    ----------
    account, community
        int32 (Q,): sorted by account, then community.
    nats
        float64 (Q,): posterior log odds that the account belongs to the community.
    families
        int8 (Q,): families that speak with at least `MINIMUM_LIFT`.
    """

    account: IntArray
    community: IntArray
    nats: FloatArray
    families: IntArray

    def only(self, rows: BoolArray) -> Odds:
        """Return some of the rows."""
        return Odds(self.account[rows], self.community[rows], self.nats[rows], self.families[rows])

    @classmethod
    def gathered(cls, parts: list[Odds]) -> Odds:
        """Return the odds of several sets of communities as one."""
        if not parts:
            none = np.zeros(0, dtype=np.int32)
            return cls(none, none, np.zeros(0), np.zeros(0, dtype=np.int8))
        account = np.concatenate([part.account for part in parts])
        community = np.concatenate([part.community for part in parts])
        bits = int(community.max(initial=0)).bit_length()
        order = np.argsort((account.astype(np.int64) << bits) | community)  # distinct
        return cls(
            account[order],
            community[order],
            np.concatenate([part.nats for part in parts])[order],
            np.concatenate([part.families for part in parts])[order],
        )


def membership_odds(
    shared: Incidence,
    lifts: Lifts,
    *,
    threshold: float = THRESHOLD_NATS,
    minimum_families: int = 2,
    among: BoolArray | None = None,
    forgive_misses: bool = False,
) -> Odds:
    """Score every account against every community it could belong to.

    Parameters
    ----------
    shared, lifts
        The incidence, and what marks the communities.
    threshold
        Log odds from which an account is told of.
    minimum_families
        Families that must speak for it.
    among
        Bool (N,): the accounts to look at; all if not given.
    forgive_misses
        Whether accounts are told of that are below the threshold only by what misses cost.
        Their odds count the misses all the same.

    Returns
    -------
    Odds
        Accounts with odds of at most the threshold are left out; nobody else is. Time
        grows with the holders of the anchors, which are rare values.
    """
    if not lifts.communities:
        return Odds.gathered([])
    search = _Search(shared, lifts, threshold, minimum_families, among, forgive_misses)
    with ThreadPoolExecutor(max_workers=WORKERS) as pool:
        return Odds.gathered(list(pool.map(search.block, *zip(*search.blocks(), strict=True))))


def odds_of(shared: Incidence, lifts: Lifts, account: IntArray, community: IntArray) -> Odds:
    """Score given pairs of account and community, whatever their odds.

    Parameters
    ----------
    shared, lifts
        The incidence, and what marks the communities.
    account, community
        int (Q,): the pairs, sorted by account, then community.
    """
    return _odds(Marks(shared, lifts), account, community)[0]


def _odds(marks: Marks, account: IntArray, community: IntArray) -> tuple[Odds, FloatArray]:
    """Score pairs of account and community by everything that the account holds and lacks.

    Returns
    -------
    Odds, FloatArray
        The second is the log odds before what misses cost.
    """
    heard = marks.heard(account, community)
    speaks = _by_family(heard.strongest(OBSERVATION, len(OBSERVATIONS)))
    forgiven, spare = _summed(speaks, marks.lifts, community)
    odds = Odds(
        account.astype(np.int32),
        community.astype(np.int32),
        forgiven + np.minimum(heard.missed() + spare, 0.0),
        (speaks >= MINIMUM_LIFT).sum(axis=0).astype(np.int8),
    )
    return odds, forgiven


def own_odds(shared: Incidence, lifts: Lifts, community: IntArray) -> Odds:
    """Score every member against its own community, int32 (N,), -1 for none."""
    members = np.flatnonzero(community >= 0)
    return odds_of(shared, lifts, members, community[members])


def best_community(odds: Odds, accounts: int) -> tuple[IntArray, FloatArray]:
    """Return each account's best community (-1: none) and its log odds.

    Ties go to the lower community index.
    """
    community = np.full(accounts, -1, dtype=np.int32)
    nats = np.full(accounts, -np.inf)
    np.maximum.at(nats, odds.account, odds.nats)
    best = np.flatnonzero(odds.nats == nats[odds.account])[::-1]
    community[odds.account[best]] = odds.community[best]  # the lowest is written last
    return community, nats


def _by_family(best: FloatArray) -> FloatArray:
    """Return (F, Q): sums over the observations (O, Q) of each family."""
    return np.stack([best[rows].sum(axis=0) for rows in _OBSERVATIONS_OF_FAMILY])


def _summed(speaks: FloatArray, lifts: Lifts, community: IntArray) -> tuple[FloatArray, FloatArray]:
    """Return (Q,): capped sum less the prior, and what families brought beyond the cap."""
    cap = lifts.cap[community]
    held = np.minimum(speaks, cap)
    return held.sum(axis=0) - lifts.prior[community], (speaks - held).sum(axis=0)


class _Search:
    """One pass over all communities: what the blocks have in common."""

    def __init__(
        self,
        shared: Incidence,
        lifts: Lifts,
        threshold: float,
        minimum_families: int,
        among: BoolArray | None,
        forgive_misses: bool,
    ) -> None:
        self.shared, self.lifts = shared, lifts
        self.threshold, self.minimum_families, self.among = threshold, minimum_families, among
        self.forgive_misses = forgive_misses
        self.marks = Marks(shared, lifts)
        self.is_anchor = anchor_marks(shared, lifts, threshold)
        self.observation = OBSERVATION[shared.kind[lifts.value]]
        self.begin = np.searchsorted(lifts.community, np.arange(lifts.communities + 1))
        self.rest_top = strongest_of(shared, lifts, ~self.is_anchor).T.astype(np.float32, order="C")
        self.nats, self.cap, self.prior = (
            column.astype(np.float32) for column in (lifts.nats, lifts.cap, lifts.prior)
        )
        asked = self._holding(np.unique(lifts.value[self.is_anchor]))
        self.rest = Rest(shared, lifts, ~self.is_anchor, asked)

    def _holding(self, values: IntArray) -> BoolArray:
        """Return bool (N,): who (of those to look at) holds any of some values."""
        pointer, holders = self.shared.by_value
        row = rows_of_runs(pointer[values], pointer[values + 1] - pointer[values])
        out = np.zeros(self.shared.accounts, dtype=bool)
        out[holders[row]] = True
        return out if self.among is None else out & self.among

    def blocks(self) -> list[tuple[int, int]]:
        """Cut the communities into runs with about `BLOCK_ROWS` holders of anchors."""
        holders = self.shared.degree[self.lifts.value] * self.is_anchor
        done = np.concatenate(([0], np.cumsum(holders)))[self.begin]
        return chunks(done, BLOCK_ROWS, most=BLOCK_COMMUNITIES)

    def block(self, lo: int, hi: int) -> Odds:
        """Score the communities from `lo` up to `hi`."""
        account, community, best = self._candidates(lo, hi)
        left = self._passing(account, community, best, lo, hi)
        odds, forgiven = _odds(self.marks, account[left], community[left])
        told = forgiven if self.forgive_misses else odds.nats
        keep = (told > self.threshold) & (odds.families >= self.minimum_families)
        return odds.only(keep)

    def _candidates(self, lo: int, hi: int) -> tuple[IntArray, IntArray, FloatArray]:
        """Return the accounts that hold an anchor of a community, by community.

        `best`, (O, Q), is the strongest anchor of each observation.
        """
        first, last = self.begin[lo], self.begin[hi]
        anchor = first + np.flatnonzero(self.is_anchor[first:last])
        pointer, holders = self.shared.by_value
        value = self.lifts.value[anchor]
        which, row = spread(pointer[value], pointer[value + 1] - pointer[value])
        holder = holders[row].astype(np.int64)
        if self.among is not None:
            inside = self.among[holder]
            which, holder = which[inside], holder[inside]
        linked = self.lifts.holder[anchor[which]] != holder
        which, holder = which[linked], holder[linked]
        # key and mark in one integer: one sort of integers is faster than an argsort
        bits = len(anchor).bit_length()
        group = self.lifts.community[anchor].astype(np.int64) - lo
        wide = self.shared.accounts.bit_length()
        packed = (((group[which] << wide) | holder) << bits) | which
        packed.sort()
        key, mark = packed >> bits, anchor[packed & ((1 << bits) - 1)]
        first = fresh(key)
        community, account = key[first] >> wide, key[first] & ((1 << wide) - 1)
        best = np.zeros((len(OBSERVATIONS), len(account)), dtype=np.float32)
        cell = self.observation[mark] * len(account) + np.cumsum(first) - 1
        np.maximum.at(best.reshape(-1), cell, self.nats[mark])
        return account, (community + lo).astype(np.int32), best

    def _passing(
        self, account: IntArray, community: IntArray, best: FloatArray, lo: int, hi: int
    ) -> IntArray:
        """Return which candidates may pass, by all that they hold.

        Each family of an account is bounded by its anchors and the strongest of the
        community's other values, if it holds any; then looked up, one family after another.
        Echoes and misses only take away: most candidates fall without looking at them.
        """
        cap, nats = self.cap[community], -self.prior[community]
        upper = np.empty((FAMILY_COUNT, len(account)), dtype=np.float32)
        for family, rows in enumerate(_OBSERVATIONS_OF_FAMILY):
            speaks = self.rest_top[family, community] * self.rest.holds(family, account)
            speaks += best[rows].sum(axis=0)
            np.minimum(speaks, cap, out=upper[family])
            nats += upper[family]
        left = np.flatnonzero(nats >= self.threshold - SLACK)
        account, community, cap, nats = account[left], community[left], cap[left], nats[left]
        best, upper = best.take(left, axis=1), upper.take(left, axis=1)
        speaking = np.zeros(len(left), dtype=np.int8)
        alive = np.arange(len(left))
        table = self.rest.table(lo, hi, self.begin)
        for family in range(FAMILY_COUNT):
            mine = best[_OBSERVATIONS_OF_FAMILY[family]].take(alive, axis=1)
            runs = self.rest.runs(family, account[alive])
            self.rest.raise_to(mine, runs, table, community[alive] - lo, _ROW_OF_KIND)
            speaks = mine.sum(axis=0)
            speaking[alive] += speaks >= MINIMUM_LIFT - SLACK
            nats[alive] += np.minimum(speaks, cap[alive]) - upper[family, alive]
            alive = alive[nats[alive] >= self.threshold - SLACK]
        return left[alive[speaking[alive] >= self.minimum_families]]
