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
from ringfinder.evidence.runs import chunks, spread
from ringfinder.model import BoolArray, FloatArray, IntArray
from ringfinder.schema import OBSERVATIONS

_OBSERVATIONS_OF_FAMILY = [np.flatnonzero(column) for column in FAMILY_OF_OBSERVATION.T]

BLOCK_ROWS = 1 << 21
"""Holders of anchors looked at together; bounds the memory to some 300 MB a worker."""

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
        order = np.lexsort((community, account))
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

    Returns
    -------
    Odds
        Accounts with odds of at most the threshold are left out; nobody else is. Time
        grows with the holders of the anchors, which are rare values.
    """
    if not lifts.communities:
        return Odds.gathered([])
    search = _Search(shared, lifts, threshold, minimum_families, among)
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
    return _odds(Marks(shared, lifts), account, community)


def _odds(marks: Marks, account: IntArray, community: IntArray) -> Odds:
    """Score pairs of account and community by everything that the account holds and lacks."""
    best = marks.strongest(account, community, OBSERVATION, len(OBSERVATIONS))
    speaks = _by_family(best)
    nats, spare = _summed(speaks, marks.lifts, community)
    nats += np.minimum(marks.missed(account, community) + spare, 0.0)
    return Odds(
        account.astype(np.int32),
        community.astype(np.int32),
        nats,
        (speaks >= MINIMUM_LIFT).sum(axis=0).astype(np.int8),
    )


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
    order = np.lexsort((-odds.community, odds.nats, odds.account))
    community[odds.account[order]] = odds.community[order]
    nats[odds.account[order]] = odds.nats[order]
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
    ) -> None:
        self.shared, self.lifts = shared, lifts
        self.threshold, self.minimum_families, self.among = threshold, minimum_families, among
        self.marks = Marks(shared, lifts)
        self.is_anchor = anchor_marks(shared, lifts, threshold)
        self.observation = OBSERVATION[shared.kind[lifts.value]]
        self.begin = np.searchsorted(lifts.community, np.arange(lifts.communities + 1))
        self.rest_top = strongest_of(shared, lifts, ~self.is_anchor)
        rest = np.unique(lifts.value[~self.is_anchor])
        self.column = np.full(shared.values, -1, dtype=np.int32)
        self.column[rest] = np.arange(len(rest))
        rows = np.flatnonzero(self.column[shared.value] >= 0)
        self.popular = self.column[shared.value[rows]]
        counts = np.bincount(shared.account[rows], minlength=shared.accounts)
        self.pointer = np.concatenate(([0], np.cumsum(counts)))
        self.holds = np.zeros((FAMILY_COUNT, shared.accounts), dtype=bool)
        self.holds[shared.family[shared.value[rows]], shared.account[rows]] = True

    def blocks(self) -> list[tuple[int, int]]:
        """Cut the communities into runs with about `BLOCK_ROWS` holders of anchors."""
        holders = self.shared.degree[self.lifts.value] * self.is_anchor
        done = np.concatenate(([0], np.cumsum(holders)))[self.begin]
        return chunks(done, BLOCK_ROWS, most=BLOCK_COMMUNITIES)

    def block(self, lo: int, hi: int) -> Odds:
        """Score the communities from `lo` up to `hi`."""
        account, community, best = self._candidates(lo, hi)
        account, community, best = self._reaching(account, community, best)
        self._look_up(account, community, best, lo, hi)
        speaks = _by_family(best)
        families = (speaks >= MINIMUM_LIFT).sum(axis=0).astype(np.int8)
        nats, _ = _summed(speaks, self.lifts, community)
        # echoes and misses only take away: most candidates fall without looking at them
        left = np.flatnonzero((nats > self.threshold) & (families >= self.minimum_families))
        odds = _odds(self.marks, account[left], community[left])
        keep = (odds.nats > self.threshold) & (odds.families >= self.minimum_families)
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
        packed = ((group[which] * self.shared.accounts + holder) << bits) | which
        packed.sort()
        key, mark = packed >> bits, anchor[packed & ((1 << bits) - 1)]
        fresh = np.r_[True, key[1:] != key[:-1]] if len(key) else np.zeros(0, dtype=bool)
        community, account = np.divmod(key[fresh], max(self.shared.accounts, 1))
        best = np.zeros((len(OBSERVATIONS), len(account)))
        cell = self.observation[mark] * len(account) + np.cumsum(fresh) - 1
        np.maximum.at(best.reshape(-1), cell, self.lifts.nats[mark])
        return account, (community + lo).astype(np.int32), best

    def _reaching(
        self, account: IntArray, community: IntArray, best: FloatArray
    ) -> tuple[IntArray, IntArray, FloatArray]:
        """Drop candidates who could not pass even with the strongest of all other values.

        A family of which an account holds no other value that marks anything adds nothing.
        """
        bound = -self.lifts.prior[community]
        cap = self.lifts.cap[community]
        for family, rows in enumerate(_OBSERVATIONS_OF_FAMILY):
            speaks = best[rows].sum(axis=0)
            speaks += self.rest_top[community, family] * self.holds[family, account]
            bound += np.minimum(speaks, cap)
        reach = np.flatnonzero(bound >= self.threshold - 1e-9)
        return account[reach], community[reach], best.take(reach, axis=1)

    def _look_up(
        self, account: IntArray, community: IntArray, best: FloatArray, lo: int, hi: int
    ) -> None:
        """Add the values that are no anchors to `best`, (O, Q), in place."""
        first, last = self.begin[lo], self.begin[hi]
        rest = first + np.flatnonzero(~self.is_anchor[first:last])
        width = len(self.popular) and int(self.column.max()) + 1
        table = np.full((hi - lo) * width, -1, dtype=np.int32)
        at = (self.lifts.community[rest].astype(np.int64) - lo) * width
        table[at + self.column[self.lifts.value[rest]]] = rest
        count = self.pointer[account + 1] - self.pointer[account]
        which, row = spread(self.pointer[account], count)
        mark = table[(community - lo).astype(np.int64)[which] * width + self.popular[row]]
        hit = np.flatnonzero((mark >= 0) & (self.lifts.holder[mark] != account[which]))
        mark, which = mark[hit], which[hit]
        cell = self.observation[mark] * len(account) + which
        np.maximum.at(best.reshape(-1), cell, self.lifts.nats[mark])
