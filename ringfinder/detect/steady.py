"""Rings stay as they were where the evidence does not say otherwise.

Whether two halves of a fleet are one ring is often a matter of a few accounts, and would be
decided differently from night to night. What a person saw yesterday therefore weighs: rings
that were two become one only where most members of one pass the other's test, measured on
the two apart, and two nights in a row found them as one; what was one becomes two only where
hardly anybody comes near the other part any more by something that ties, and two nights in a
row found it so. Between the two, things stay as they were.

An operator who divides keeps the bank, the client and the countries: by these the parts look
alike for ever, and nothing that ties them is left. Addresses that are rented to many tie
nobody either: parts of a ring that have no other thing in common are two without waiting,
whether the search saw it or not, on the first night as on every other. The search itself does
not go so far: with sign-ups alone it would lose fleets of which there is little else to know.
"""

from __future__ import annotations

import numpy as np
from scipy import sparse

from ringfinder.detect.divide import set_apart
from ringfinder.detect.refine import JOIN_SHARE, JOIN_THROUGH, MINIMUM_SIZE, Communities, compact
from ringfinder.detect.ties import OWNED
from ringfinder.evidence.background import Background
from ringfinder.evidence.incidence import Incidence
from ringfinder.evidence.lifts import THRESHOLD_NATS, Lifts, log_lifts
from ringfinder.evidence.membership import best_community, membership_odds, own_odds
from ringfinder.evidence.runs import spread
from ringfinder.model import BoolArray, FloatArray, IntArray

PART_SHARE = 0.1
"""A ring goes on in a part that holds at least so much of what is left of it."""

ONE_STILL = 0.12
NEAR_NATS = -1.0
"""Share of one part's members that must come near the other for a ring to stay one, and the
log odds that are near. Of 198 times that parts of one fleet were found apart on simulated nights,
193 showed 0.12 and more, the others pieces of four to six; 66 of 66 pairs of two fleets less,
most of them none. Without asking for a tie 12 of the 66 came near, by bank and client."""


def steady(
    shared: Incidence,
    back: Background,
    found: Communities,
    before: IntArray,
    raw: IntArray | None = None,
) -> tuple[Communities, IntArray]:
    """Undo joins and divisions that the evidence does not bear out.

    Parameters
    ----------
    shared, back
        What the communities were found in.
    found
        The communities.
    before
        int32 (N,): the ring that each account was in, -1 for none ever. For accounts that the
        run before did not find, the ring where most of those are now who first shared one with
        it, which may be one that died (`ringfinder.pipeline.anew.rings_before`).
    raw
        int32 (N,): community of each account as the run before found it, before anything was
        undone, -1 for none; not given: nobody knows, and one night decides. That it found
        none of some accounts is known, too: it did not find them as one.

    Returns
    -------
    communities
        `found` itself where nothing was undone.
    origin
        int64 (R,): the community of `found` that most members of each came from.
    """
    parts, were, found_in = _cut(found.community, before)
    cut = found_in >= 0
    if cut.any():
        parts = _newcomers(shared, back, parts, before, np.append(cut, False)[parts])
    together = _went_in_two(parts, were)
    joined = parts
    if cut.any() or together.any():
        lifts = log_lifts(shared, back, parts)
        fresh = _one_raw(parts, raw, lifts.communities)
        joined = _joined(
            shared, lifts, parts, found_in, were, together, fresh, one_night=raw is None
        )
    joined = set_apart(shared, joined, rented=False)
    community = compact(joined)
    if np.array_equal(community, found.community):
        return found, np.arange(found.lifts.communities)
    return _measured(shared, back, community, found)


def _cut(community: IntArray, before: IntArray) -> tuple[IntArray, IntArray, IntArray]:
    """Cut the communities that hold parts of several earlier rings along the old borders.

    Returns
    -------
    parts
        int32 (N,): accounts without a ring before are with the largest part.
    were
        int64 (P,): the earlier ring that each part goes on with; -1: none, or several.
    found_in
        int64 (P,): the community that was cut; -1 where it was not.
    """
    both = (community >= 0) & (before >= 0)
    rings, communities = int(before.max(initial=-1)) + 1, int(community.max(initial=-1)) + 1
    left = np.bincount(before[both], minlength=rings)
    key = community[both].astype(np.int64) * max(rings, 1) + before[both]
    key, common = np.unique(key, return_counts=True)
    now, was = np.divmod(key, max(rings, 1))
    known = np.bincount(now, weights=common, minlength=communities)
    large = common >= np.maximum(MINIMUM_SIZE, PART_SHARE * left[was])
    sources = np.bincount(now[large], minlength=communities)
    goes_on = large & (2 * common > known[now])
    were = np.full(communities, -1, np.int64)
    were[now[goes_on]] = was[goes_on]
    parts, found_in = community.astype(np.int32).copy(), np.full(communities, -1, np.int64)
    for number in np.flatnonzero(sources >= 2).tolist():
        rows = large & (now == number)
        order = np.lexsort((was[rows], -common[rows]))
        names = was[rows][order]
        were[number], found_in[number] = names[0], number
        for name in names[1:].tolist():
            parts[(community == number) & (before == name)] = len(were)
            were, found_in = np.append(were, name), np.append(found_in, number)
    return parts, were, found_in


def _newcomers(
    shared: Incidence, back: Background, parts: IntArray, before: IntArray, cut: BoolArray
) -> IntArray:
    """Let the accounts of cut communities that were in no ring go where they belong."""
    fresh = cut & (before < 0) & (parts >= 0)
    settled = np.where(fresh, -1, parts)
    lifts = log_lifts(shared, back, settled.astype(np.int32))
    best, _ = best_community(membership_odds(shared, lifts, among=fresh), shared.accounts)
    return np.where(fresh & (best >= 0), best, parts).astype(np.int32)


def _went_in_two(parts: IntArray, were: IntArray) -> BoolArray:
    """Return bool (P,): parts that go on with one earlier ring, where two and more do."""
    there = np.bincount(parts[parts >= 0], minlength=len(were)) > 0
    names, count = np.unique(were[there & (were >= 0)], return_counts=True)
    return there & np.isin(were, names[count >= 2])


def _one_raw(parts: IntArray, raw: IntArray | None, many: int) -> IntArray:
    """Return int64 (P,): the community in which the run before found most of each part; -1: none.

    Two parts of one number were one yesterday: it is the first night that they are not.
    """
    out = np.full(many, -1, np.int64)
    if raw is None:
        return out
    both = (parts >= 0) & (raw >= 0)
    key, count = np.unique(
        parts[both].astype(np.int64) * (int(raw.max(initial=0)) + 1) + raw[both],
        return_counts=True,
    )
    part, community = np.divmod(key, int(raw.max(initial=0)) + 1)
    order = np.argsort(count, kind="stable")  # the largest is written last
    out[part[order]] = community[order]
    return out


def _joined(
    shared: Incidence,
    lifts: Lifts,
    parts: IntArray,
    found_in: IntArray,
    were: IntArray,
    together: BoolArray,
    raw: IntArray,
    *,
    one_night: bool,
) -> IntArray:
    """Join parts again: those that were found as one, and those that were one before.

    Whether yesterday's search agrees is asked of both: a part of which it said nothing waits
    for nobody to be a ring of its own, but does not enter another.

    `found_in` and `were`, int64 (P,): the community that each part was cut from, -1 where
    it was not cut, and the earlier ring it goes on with; `together`, bool (P,): several
    parts do with the same; `raw`, int64 (P,): see `_one_raw`; `one_night`: nobody knows what
    yesterday's search found, so that today's decides.
    """
    looked_at = np.flatnonzero((found_in >= 0) | together)
    size = lifts.size[looked_at]
    order = looked_at[np.lexsort((-looked_at, size))]  # the smallest first
    passing = _passing(shared, lifts, parts, order, THRESHOLD_NATS)
    near = _passing(shared, lifts, parts, order, NEAR_NATS, held=_held(shared, lifts))
    near = np.maximum(near, near.T)
    one_now = (found_in[order][:, None] == found_in[order]) & (found_in[order] >= 0)
    one_before = (were[order][:, None] == were[order]) & together[order]
    first_night = (raw[order][:, None] == raw[order]) & (raw[order] >= 0)
    still = np.where(one_before & ((near >= ONE_STILL) | first_night), near + first_night, 0.0)
    one_yesterday = first_night | one_night
    again = np.where(one_now & one_yesterday & (passing >= JOIN_SHARE), passing, 0.0)
    fit = np.triu(np.maximum(still, again), 1)
    target = np.arange(lifts.communities)
    for row in np.flatnonzero(fit.any(axis=1)).tolist():
        target[order[row]] = order[int(fit[row].argmax())]
    while not np.array_equal(target[target], target):
        target = target[target]
    return np.where(parts >= 0, target[np.maximum(parts, 0)], -1).astype(np.int32)


def _passing(
    shared: Incidence,
    lifts: Lifts,
    parts: IntArray,
    order: IntArray,
    threshold: float,
    *,
    held: IntArray | None = None,
) -> FloatArray:
    """Return float64 (k, k): the share of the one's members that pass the other's test.

    Where `held` is given (see `_held`) nobody passes who is not among them.
    """
    common = lifts.only(lifts.inside >= JOIN_THROUGH * lifts.size[lifts.community])
    odds = membership_odds(shared, common, threshold=threshold, among=np.isin(parts, order))
    if held is not None:
        odds = odds.only(np.isin(_pairs(shared, odds.community, odds.account), held))
    passed = sparse.csr_array(
        (np.ones(len(odds.account)), (parts[odds.account], odds.community)),
        shape=(lifts.communities, lifts.communities),
    )
    passed.sum_duplicates()
    table: FloatArray = passed[order][:, order].toarray()
    return table / np.maximum(lifts.size[order], 1)[:, None]


def _held(shared: Incidence, lifts: Lifts) -> IntArray:
    """Return which accounts (of all) hold something that ties of which communities: `_pairs`.

    A value of the kinds `OWNED` counts where it alone would say 20:1 for the community: what is
    common to half a country brings nobody near.
    """
    marks = np.flatnonzero(OWNED[shared.kind[lifts.value]] & (lifts.nats >= THRESHOLD_NATS))
    pointer, holders = shared.by_value
    value = lifts.value[marks]
    which, row = spread(pointer[value], pointer[value + 1] - pointer[value])
    return np.unique(_pairs(shared, lifts.community[marks[which]], holders[row]))


def _pairs(shared: Incidence, community: IntArray, account: IntArray) -> IntArray:
    """Return community and account in one number."""
    return community.astype(np.int64) * shared.accounts + account


def _measured(
    shared: Incidence, back: Background, community: IntArray, found: Communities
) -> tuple[Communities, IntArray]:
    """Measure what marks the communities now, and the odds of their members."""
    lifts = log_lifts(shared, back, community)
    own = own_odds(shared, lifts, community)
    inside = community >= 0
    nats = np.full(shared.accounts, -np.inf)
    nats[inside] = 0.0
    nats[own.account] = np.maximum(own.nats, 0.0)
    both = inside & (found.community >= 0)
    table = np.zeros((lifts.communities, max(found.lifts.communities, 1)), np.int64)
    np.add.at(table, (community[both], found.community[both]), 1)
    return Communities(community, nats, lifts, found.rounds), table.argmax(axis=1)
