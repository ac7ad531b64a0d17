"""How much an account's values speak for its belonging to a community.

For a community R of k accounts and a value v that x of them hold, the *lift* of v is
``ln(rate inside / rate outside)``: inside at its lower confidence bound and leaving the
account itself out, outside among accounts of the members' classes. Of one observation (an
address and its network, a card and its issuer, a sign-up and the first use after it) only
the strongest lift speaks. Lifts of one family are not independent witnesses, so a
family's sum is capped at ``ln(N / k)`` nats, which is also what the prior odds cost: one
family can bring the odds to 1:1 at most, a second must carry them over. The cap grows
with ln N by itself, so the threshold is a plain posterior at any number of accounts. A
community of more than N / 20 accounts would need three families that way; its cap
therefore stays at `LEAST_CAP`, still below what the threshold asks of one family alone.

What is missing speaks too. Where nearly all members that show a prompt show one of the
ring's, an account that shows other prompts only is probably somebody else: a *miss* costs
``ln(share of members without a hit)`` nats. Without it a ring of a thousand addresses
collects strangers who touched one of them in a likely week. What a family brings beyond
its cap pays for misses and for nothing else: who holds four prompts that nobody but the
ring has may use another client.

References
----------
I. J. Good, "Weight of evidence: a brief survey", Bayesian Statistics 2, 1985.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from itertools import pairwise

import numpy as np
from scipy import sparse

from ringfinder.evidence.background import Background
from ringfinder.evidence.incidence import FAMILY_COUNT, Incidence
from ringfinder.evidence.pairs import excess_nats
from ringfinder.model import BoolArray, FloatArray, IntArray
from ringfinder.schema import FAMILY_OF_KIND, KINDS, OBSERVATION_OF_KIND, OBSERVATIONS

_OF_FAMILY = np.eye(FAMILY_COUNT)[list(FAMILY_OF_KIND)]
_OBSERVATION_OF_KIND = np.array(OBSERVATION_OF_KIND)
_KINDS_OF_OBSERVATION = [
    np.flatnonzero(np.array(OBSERVATION_OF_KIND) == number) for number in range(len(OBSERVATIONS))
]
_FAMILY_OF_OBSERVATION = np.stack([_OF_FAMILY[kinds[0]] for kinds in _KINDS_OF_OBSERVATION])
_KINDS_OF_FAMILY = [np.flatnonzero(column) for column in _OF_FAMILY.T]

THRESHOLD_NATS = float(np.log(20.0))
"""Posterior odds of 20:1 admit an account to a community."""

LEAST_CAP = 4.5
LEAST_PRIOR = 1.6
"""Nats; `LEAST_CAP - LEAST_PRIOR` stays below `THRESHOLD_NATS`: one family never admits."""

MINIMUM_HOLDERS = 3
"""Members that must hold a value before it says anything about the community."""

MINIMUM_LIFT = 1.0
"""Nats below which a lift is left out: a value less than e times as common as outside."""

MARK_NATS = 10.0
"""Excess nats a value needs over what the outside rate gives k members: three members of
three hundred who signed up in one busy hour mark nothing."""

WORST_MISS = -2.3
"""Nats a miss costs at most: one member in ten may be unlike the others (Huber's
contamination model), and an operator who varies one trait must not slip out by it."""

CONFIDENCE = 1.3
"""Standard errors taken off the rate inside: a one-sided 90% Poisson bound."""

SHRINKAGE = 10.0
"""Accounts of prior weight with which a class's rate leans on the population's."""


@dataclass(frozen=True)
class Lifts:
    """What marks each community: the table an online scorer needs.

    Attributes
    ----------
    communities
        Number of communities, R.
    size
        float64 (R,): members.
    prior
        float64 (R,): ln(N / k), at least `LEAST_PRIOR`: nats the prior odds cost.
    cap
        float64 (R,): the most nats a family may bring: the prior, at least `LEAST_CAP`.
    community, value
        int32 (M,): sorted by community, then value.
    inside
        int32 (M,): members holding the value.
    nats
        float64 (M,): the lift, above `MINIMUM_LIFT`, at most the cap.
    miss
        float64 (R, K), at most zero: nats that showing a kind without holding any of
        the community's values of it costs.
    """

    communities: int
    size: FloatArray
    prior: FloatArray
    cap: FloatArray
    community: IntArray
    value: IntArray
    inside: IntArray
    nats: FloatArray
    miss: FloatArray

    def only(self, rows: BoolArray) -> Lifts:
        """Return the same communities with some of their values."""
        return replace(
            self,
            community=self.community[rows],
            value=self.value[rows],
            inside=self.inside[rows],
            nats=self.nats[rows],
        )


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


def log_lifts(shared: Incidence, back: Background, community: IntArray) -> Lifts:
    """Measure what marks each community.

    Parameters
    ----------
    shared, back
        The incidence and the background of the same accounts.
    community
        int32 (N,): 0 to R - 1, or -1 for accounts in none.

    Returns
    -------
    Lifts
        O(E log E) time.
    """
    member = community[shared.account] >= 0
    key = community[shared.account[member]].astype(np.int64) * shared.values
    key += shared.value[member]
    key.sort()
    starts = np.flatnonzero(np.r_[True, key[1:] != key[:-1]]) if len(key) else key
    inside = np.diff(np.r_[starts, len(key)])
    key = key[starts]
    often = inside >= MINIMUM_HOLDERS
    key, inside = key[often], inside[often]
    group, value = np.divmod(key, max(shared.values, 1))
    members = community >= 0
    size = np.bincount(community[members]).astype(float)
    prior = np.maximum(np.log(shared.accounts / np.maximum(size, 1.0)), LEAST_PRIOR)
    cap = np.maximum(prior, LEAST_CAP)
    left = (inside - 1).astype(float)
    rate = np.maximum(left - CONFIDENCE * np.sqrt(left), 0.25) / size[group]
    outside = _rate_outside(shared, back, community, group, value, inside)
    nats = np.minimum(np.log(rate / outside), cap[group])
    marking = excess_nats(inside, np.maximum(outside * size[group], 1e-9)) > MARK_NATS
    keep = (nats > MINIMUM_LIFT) & marking
    group, value = group[keep], value[keep]
    return Lifts(
        communities=len(size),
        size=size,
        prior=prior,
        cap=cap,
        community=group.astype(np.int32),
        value=value.astype(np.int32),
        inside=inside[keep].astype(np.int32),
        nats=nats[keep],
        miss=_miss_nats(shared, community, group * shared.values + value, len(size)),
    )


def _miss_nats(
    shared: Incidence, community: IntArray, marks: IntArray, communities: int
) -> FloatArray:
    """Return (R, K): what showing a kind without any of the community's marks of it costs.

    ``ln((m + 1) / (n + 2))`` with n members that show the kind and m of them without a
    mark: Laplace's rule, so that five members cannot rule anybody out.
    """
    members = np.flatnonzero(community >= 0)
    showing = np.zeros((communities, len(KINDS)))
    np.add.at(showing, community[members], shared.shown[members])
    rows = np.flatnonzero(community[shared.account] >= 0)
    account, value = shared.account[rows], shared.value[rows]
    key = community[account].astype(np.int64) * shared.values + value
    at = np.minimum(np.searchsorted(marks, key), max(len(marks) - 1, 0))
    hit = (marks[at] == key) if len(marks) else np.zeros(len(key), dtype=bool)
    cell = _distinct(account[hit].astype(np.int64) * len(KINDS) + shared.kind[value[hit]])
    account, kind = np.divmod(cell, len(KINDS))
    hits = np.bincount(
        community[account].astype(np.int64) * len(KINDS) + kind,
        minlength=communities * len(KINDS),
    ).reshape(communities, len(KINDS))
    nats = np.log((showing - hits + 1.0) / (showing + 2.0))
    return np.where(hits > 0, np.clip(nats, WORST_MISS, 0.0), 0.0)


def _rate_outside(
    shared: Incidence,
    back: Background,
    community: IntArray,
    group: IntArray,
    value: IntArray,
    inside: IntArray,
) -> FloatArray:
    """Rate of a value among accounts outside a community, of the members' classes."""
    communities = int(community.max(initial=-1)) + 1
    members = np.flatnonzero(community >= 0)
    mix = sparse.csr_array(
        (np.ones(len(members)), (community[members], back.label[members])),
        shape=(communities, back.classes),
    )
    mix.sum_duplicates()
    size = np.asarray(mix.sum(axis=1)).ravel()
    share = sparse.csr_array(mix.multiply(1.0 / np.maximum(size, 1.0)[:, None]))
    weight = sparse.csr_array(share.multiply(1.0 / (back.size[None, :] + SHRINKAGE)))
    holders = np.asarray(weight[group].multiply(back.holders[value]).sum(axis=1)).ravel()
    # the innocent members' own holdings, spread over their classes as the members are
    counted = members[back.innocent[members]]
    trusted = np.bincount(community[counted], minlength=communities)
    own = np.asarray(weight.multiply(share).sum(axis=1)).ravel()
    inside = inside * (trusted / np.maximum(size, 1.0))[group]
    lean = SHRINKAGE * np.asarray(weight.sum(axis=1)).ravel()
    known = np.asarray(back.holders.sum(axis=1)).ravel()[value]
    strangers = back.size.sum() - trusted[group]
    overall = (np.maximum(known - inside, 0.0) + 1.0) / (strangers + 1.0)
    return np.asarray(np.maximum(holders - inside * own[group], 0.0) + lean[group] * overall)


def membership_odds(
    shared: Incidence,
    lifts: Lifts,
    *,
    threshold: float = THRESHOLD_NATS,
    minimum_families: int = 2,
) -> Odds:
    """Score every account against every community it could belong to.

    Only accounts that hold an *anchor* are looked at: a value outside the most popular
    ones which, even all together, could not carry an account over the threshold. That
    bound is exact, so nothing is lost by it.

    Returns
    -------
    Odds
        Accounts with odds below the threshold are left out.
    """
    account, community = _candidates(shared, lifts, threshold)
    marks = _Marks.of(shared, lifts)
    found: list[tuple[IntArray, IntArray, FloatArray, IntArray]] = []
    count = marks.pointer[account + 1] - marks.pointer[account]
    for lo, hi in _chunks(count, 1 << 21):
        who, ring = account[lo:hi], community[lo:hi]
        # misses only take away: most candidates fall without looking at them
        best = marks.strongest(who, ring, _OBSERVATION_OF_KIND, len(OBSERVATIONS))
        speaks = best @ _FAMILY_OF_OBSERVATION
        families = (speaks >= MINIMUM_LIFT).sum(axis=1).astype(np.int8)
        cap = lifts.cap[ring][:, None]
        nats = np.minimum(speaks, cap).sum(axis=1) - lifts.prior[ring]
        left = np.flatnonzero((nats > threshold) & (families >= minimum_families))
        who, ring, nats = who[left], ring[left], nats[left]
        spare = np.maximum(speaks[left] - cap[left], 0.0).sum(axis=1)
        nats += np.minimum(marks.missed(who, ring) + spare, 0.0)
        keep = nats > threshold
        found.append((who[keep], ring[keep], nats[keep], families[left][keep]))
    if not found:
        none = np.zeros(0, dtype=np.int32)
        return Odds(none, none, np.zeros(0), none)
    return Odds(*(np.concatenate(column) for column in zip(*found, strict=True)))


@dataclass(frozen=True)
class _Marks:
    """The lifts as a look-up table from (community, value)."""

    shared: Incidence
    lifts: Lifts
    pointer: IntArray
    marking: BoolArray
    table: IntArray

    @classmethod
    def of(cls, shared: Incidence, lifts: Lifts) -> _Marks:
        marking = np.zeros(shared.values, dtype=bool)
        marking[lifts.value] = True
        table = lifts.community.astype(np.int64) * shared.values + lifts.value
        return cls(shared, lifts, shared.account_pointer, marking, table)

    def strongest(
        self, account: IntArray, community: IntArray, cell_of_kind: IntArray, cells: int
    ) -> FloatArray:
        """Return (Q, cells): the strongest lift of each candidate in each cell of kinds."""
        count = self.pointer[account + 1] - self.pointer[account]
        first = self.pointer[account] - (np.cumsum(count) - count)
        row = np.repeat(first, count)
        row += np.arange(len(row))
        value = self.shared.value[row]
        marking = np.flatnonzero(self.marking[value])
        value = value[marking]
        which = np.repeat(np.arange(len(account)), count)[marking]
        key = community[which].astype(np.int64) * self.shared.values + value
        at = np.minimum(np.searchsorted(self.table, key), max(len(self.table) - 1, 0))
        hit = (self.table[at] == key) if len(self.table) else np.zeros(len(key), dtype=bool)
        out = np.zeros(len(account) * cells)
        cell = cell_of_kind[self.shared.kind[value[hit]]]
        np.maximum.at(out, which[hit] * cells + cell, self.lifts.nats[at[hit]])
        return out.reshape(len(account), cells)

    def missed(self, account: IntArray, community: IntArray) -> FloatArray:
        """Return (Q,): what misses cost each candidate, the worst of each family."""
        hit = self.strongest(account, community, np.arange(len(KINDS)), len(KINDS))
        missed = self.shared.shown[account] & (hit == 0)
        miss = np.where(missed, self.lifts.miss[community], 0.0)
        return np.sum([miss[:, kinds].min(axis=1) for kinds in _KINDS_OF_FAMILY], axis=0)


def _candidates(shared: Incidence, lifts: Lifts, threshold: float) -> tuple[IntArray, IntArray]:
    """Return the (account, community) pairs that could pass, sorted.

    They hold an anchor, and their anchors together with the strongest other values of the
    community could reach the threshold; a family none of whose values an account holds
    marks any community adds nothing. Both bounds are exact: nobody who passes is lost.
    """
    anchors = _anchors(shared, lifts, threshold)
    anchor = np.flatnonzero(anchors)
    pointer, holders = shared.by_value
    count = shared.degree[lifts.value[anchor]]
    which = np.repeat(anchor, count)
    offset = np.arange(len(which)) - np.repeat(np.cumsum(count) - count, count)
    holder = holders[pointer[lifts.value[which]] + offset].astype(np.int64)
    key = holder * max(lifts.communities, 1) + lifts.community[which]
    order = np.argsort(key, kind="stable")
    key, which = key[order], which[order]
    first = np.r_[True, key[1:] != key[:-1]] if len(key) else np.zeros(0, dtype=bool)
    account, community = np.divmod(key[first], max(lifts.communities, 1))
    cell = (np.cumsum(first) - 1) * len(OBSERVATIONS)
    cell += _OBSERVATION_OF_KIND[shared.kind[lifts.value[which]]]
    best = np.zeros(len(account) * len(OBSERVATIONS))
    np.maximum.at(best, cell, lifts.nats[which])
    speaks = best.reshape(-1, len(OBSERVATIONS)) @ _FAMILY_OF_OBSERVATION
    speaks += _strongest_of(shared, lifts, ~anchors)[community] * _marked(shared, lifts)[account]
    cap, prior = lifts.cap[community], lifts.prior[community]
    reach = np.minimum(speaks, cap[:, None]).sum(axis=1) - prior >= threshold - 1e-9
    return account[reach].astype(np.int32), community[reach].astype(np.int32)


def _strongest_of(shared: Incidence, lifts: Lifts, rows: BoolArray) -> FloatArray:
    """Return (R, F): the strongest lift of each observation among `rows`, by family."""
    top = np.zeros((lifts.communities, len(OBSERVATIONS)))
    observation = _OBSERVATION_OF_KIND[shared.kind[lifts.value[rows]]]
    np.maximum.at(top, (lifts.community[rows], observation), lifts.nats[rows])
    return top @ _FAMILY_OF_OBSERVATION


def _marked(shared: Incidence, lifts: Lifts) -> BoolArray:
    """Return bool (N, F): whether an account holds a value of the family that marks anything."""
    marking = np.zeros(shared.values, dtype=bool)
    marking[lifts.value] = True
    rows = marking[shared.value]
    out = np.zeros((shared.accounts, FAMILY_COUNT), dtype=bool)
    out[shared.account[rows], shared.family[shared.value[rows]]] = True
    return out


def _anchors(shared: Incidence, lifts: Lifts, threshold: float) -> BoolArray:
    """Mark values of each community without one of which nobody passes the threshold.

    The values left unmarked must not reach the threshold all together: the most popular
    ones, walking down, or all of one family (which is capped) and the most popular of the
    others. Each community takes the choice whose anchors have the fewest holders.
    """
    order = np.lexsort((-shared.degree[lifts.value], lifts.community))
    holders = shared.degree[lifts.value[order]].astype(float)
    best = np.ones(len(order), dtype=bool)
    cost = np.full(lifts.communities, np.inf)
    for free in (None, *range(FAMILY_COUNT)):
        anchor = _reaching(shared, lifts, order, free) >= (
            lifts.prior[lifts.community[order]] + threshold - 1e-9
        )
        if free is not None:
            anchor &= shared.family[lifts.value[order]] != free
            anchor |= ~_harmless(shared, lifts, free, threshold)[lifts.community[order]]
        price = np.bincount(
            lifts.community[order], weights=holders * anchor, minlength=lifts.communities
        )
        cheaper = (price < cost)[lifts.community[order]]
        best = np.where(cheaper, anchor, best)
        cost = np.minimum(cost, price)
    out = np.empty(len(order), dtype=bool)
    out[order] = best
    return out


def _harmless(shared: Incidence, lifts: Lifts, family: int, threshold: float) -> BoolArray:
    """Return bool (R,): whether all of one family together stays below the threshold."""
    speaks = _strongest_of(shared, lifts, np.ones(len(lifts.value), dtype=bool))[:, family]
    return np.minimum(speaks, lifts.cap) < lifts.prior + threshold - 1e-9


def _reaching(shared: Incidence, lifts: Lifts, order: IntArray, free: int | None) -> FloatArray:
    """Bound the nats of an account that holds every value up to each place of `order`.

    Only the strongest value of an observation counts. All values of the family `free`
    count from the beginning.
    """
    group, value = lifts.community[order], lifts.value[order]
    observation = _OBSERVATION_OF_KIND[shared.kind[value]]
    far = 2 * float(lifts.nats.max(initial=0.0)) + 1.0  # keeps communities apart
    offset = group * far
    strongest = np.zeros((len(order), len(OBSERVATIONS)))
    for number in range(len(OBSERVATIONS)):
        nats = np.where(observation == number, lifts.nats[order], 0.0)
        if free is not None and _FAMILY_OF_OBSERVATION[number, free]:
            top = np.zeros(lifts.communities)
            np.maximum.at(top, group, nats)
            strongest[:, number] = top[group]
        else:
            strongest[:, number] = np.maximum.accumulate(nats + offset) - offset
    cap = lifts.cap[group][:, None]
    return np.asarray(np.minimum(strongest @ _FAMILY_OF_OBSERVATION, cap).sum(axis=1))


def _distinct(keys: IntArray) -> IntArray:
    """Return the sorted distinct keys; on tens of millions, sorting beats hashing."""
    keys.sort()
    return keys[np.r_[True, keys[1:] != keys[:-1]]] if len(keys) else keys


def _chunks(count: IntArray, block: int) -> list[tuple[int, int]]:
    """Cut rows into runs whose counts sum to about `block`."""
    done = np.concatenate(([0], np.cumsum(count)))
    edges = [0]
    while edges[-1] < len(count):
        reach = int(np.searchsorted(done, done[edges[-1]] + block, side="right")) - 1
        edges.append(max(reach, edges[-1] + 1))
    return list(pairwise(edges))


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
