"""Accounts leave and enter communities until nothing moves; communities that are one join.

The loop is a hard-assignment ascent: lifts are measured on the present members, every
account goes to the community with the best odds above the threshold, again. Near its cap
a community can flip between two states for ever; after `FREE_ROUNDS` accounts may only
leave, which ends it.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy import sparse

from ringfinder.detect.ledger import SETTLED, Ledger
from ringfinder.evidence.background import Background
from ringfinder.evidence.incidence import Incidence
from ringfinder.evidence.lifts import MINIMUM_HOLDERS, THRESHOLD_NATS, Lifts, log_lifts
from ringfinder.evidence.membership import (
    Odds,
    best_community,
    membership_odds,
    own_odds,
)
from ringfinder.evidence.pooled import POOLED
from ringfinder.model import BoolArray, Family, FloatArray, IntArray
from ringfinder.schema import KINDS

FREE_ROUNDS = 3
"""Rounds in which accounts may enter as well as leave."""

LAST_ROUND = 4
"""Rounds walked at most; in those behind `FREE_ROUNDS` accounts only leave."""

JOIN_ROUNDS = 1
"""Rounds in which communities may join: what is one shows at once, and each costs a pass."""

MINIMUM_SIZE = 4
"""Members of the smallest community kept: three accounts that share two things are a
household as often as not, and a rate of two other members bounds nothing."""

JOIN_THROUGH = 0.1
"""Share of the larger community that must hold a value for it to join another by it. A
fleet that borrows a company's domain for three of its accounts must not swallow the
company, whose accounts pass the fleet's test by that very domain."""

JOIN_SHARE = 0.5
"""Share of the smaller community's members that must pass the larger one's test."""

JOIN_TOGETHER = 8
"""Members of a community that are many: for those that hold two of cards, devices and phones that
are mostly the larger community's, these count whatever their share, and the test is easier by
`JOIN_EASE`. Of a dozen devices that a fleet deals out none is on a tenth of it, and a second wave
on them would stand apart; a family of four that shares a card and a device with somebody of a
fleet is not the fleet's. Domains and networks do not count so: those an attacker can wear."""

_HELD: BoolArray = POOLED & np.array([kind.family is not Family.NETWORK for kind in KINDS])

JOIN_EASE = float(np.log(4.0))
"""Nats: 5:1 for an account's own 20:1. That most members pass together is evidence in itself."""


@dataclass(frozen=True)
class Communities:
    """Communities after refinement.

    Attributes
    ----------
    community
        int32 (N,): 0 to R - 1 by falling size, then first account; -1 for none.
    nats
        float64 (N,): log odds of membership, -inf outside.
    lifts
        What marks each community, measured on these members.
    rounds
        Rounds walked until nothing moved.
    """

    community: IntArray
    nats: FloatArray
    lifts: Lifts
    rounds: int


def refine(
    shared: Incidence,
    back: Background,
    community: IntArray,
    *,
    ledger: Ledger | None = None,
    last_round: int = LAST_ROUND,
) -> Communities:
    """Refine communities until nothing moves.

    Parameters
    ----------
    shared, back
        Incidence and background.
    community
        int32 (N,): the first members, -1 for none.
    ledger
        Odds measured before on the same incidence and background, and with which
        threshold; one with the usual threshold if not given.
    last_round
        Rounds walked at most.

    Returns
    -------
    Communities
        Of `MINIMUM_SIZE` members and more. Deterministic.
    """
    ledger = ledger or Ledger(shared, back)
    community, nats, rounds = settle(shared, community, ledger, last_round=last_round)
    return Communities(community, nats, log_lifts(shared, back, community), rounds)


def settle(
    shared: Incidence, community: IntArray, ledger: Ledger, *, last_round: int = LAST_ROUND
) -> tuple[IntArray, FloatArray, int]:
    """Let accounts enter and leave; `refine` without measuring what marks the outcome.

    Returns
    -------
    community, nats, rounds
        As in `Communities`.
    """
    community = compact(community)
    round_ = 0
    for round_ in range(1, last_round + 1):
        if not (community >= 0).any():
            break
        lifts, odds = ledger.measure(community)
        best, nats = best_community(odds, shared.accounts)
        if round_ > FREE_ROUNDS:
            best = np.where(best == community, best, -1).astype(np.int32)
        elif round_ <= JOIN_ROUNDS:
            best = join(shared, best, community, lifts, threshold=ledger.threshold)
        moved = np.count_nonzero(best != community)
        community = compact(best)
        if moved <= SETTLED * np.count_nonzero(community >= 0):
            break
    if not (community >= 0).any():
        nats = np.full(shared.accounts, -np.inf)
    nats = np.where(community >= 0, nats, -np.inf)
    return community, nats, round_


def expel(shared: Incidence, back: Background, found: Communities, parts: IntArray) -> Communities:
    """Put out of a community the parts that have nothing common with its rest.

    A fleet that borrows a company's domain for three accounts draws the company in: its
    members pass by the very values they brought along. Measured on the rest alone and by
    what is common there, they do not.

    Parameters
    ----------
    shared, back, found
        What was refined, and the result.
    parts
        int32 (N,): the communities divided (`ringfinder.detect.divide`).

    Returns
    -------
    Communities
        What was found, where dividing and joining again changes nothing; else the parts,
        joined where they are one, with the odds of all members measured again and at least 0.
    """
    if np.array_equal(parts, found.community):
        return found
    community = compact(join(shared, parts, parts, log_lifts(shared, back, parts)))
    if np.array_equal(community, found.community):
        return found
    lifts = log_lifts(shared, back, community)
    own = own_odds(shared, lifts, community)
    nats = np.full(shared.accounts, -np.inf)
    nats[own.account] = np.maximum(own.nats, 0.0)
    return Communities(community, nats, lifts, found.rounds)


def join(
    shared: Incidence,
    best: IntArray,
    community: IntArray,
    lifts: Lifts,
    *,
    threshold: float = THRESHOLD_NATS,
) -> IntArray:
    """Join communities that are one.

    A community joins the larger one whose test most of its members pass, by values that
    are common in the larger one; among several the one that most pass, then the larger.

    Parameters
    ----------
    shared, lifts
        Incidence, and the lifts of `community`.
    best
        int32 (N,): where accounts go, under the numbers of `community`; -1 for none.
    community
        int32 (N,): where accounts are; the members whose tests count.
    threshold
        Log odds, in nats, from which an account passes.

    Returns
    -------
    IntArray, shape (N,)
        `best` with joined communities under one number.
    """
    common = lifts.inside >= JOIN_THROUGH * lifts.size[lifts.community]
    inside = community >= 0
    odds = membership_odds(shared, lifts.only(common), threshold=threshold, among=inside)
    passing = np.unique(_pairs(odds, lifts.communities))
    many = inside & (lifts.size[np.maximum(community, 0)] >= JOIN_TOGETHER)
    eased = _together(shared, lifts, common, many, threshold=threshold - JOIN_EASE)
    account, to = np.divmod(np.union1d(passing, eased), lifts.communities)
    of = community[account]
    passed = sparse.coo_array(
        (np.ones(len(of)), (of, to)),
        shape=(lifts.communities, lifts.communities),
    ).tocsr()
    passed.sum_duplicates()
    row, column = passed.nonzero()
    share = np.asarray(passed[row, column]).ravel() / lifts.size[row]
    size = lifts.size
    larger = (size[column] > size[row]) | ((size[column] == size[row]) & (column < row))
    fit = larger & (share >= JOIN_SHARE)
    row, column, share = row[fit], column[fit], share[fit]
    order = np.lexsort((-column, size[column], share, row))
    target = np.arange(lifts.communities)
    target[row[order]] = column[order]
    while not np.array_equal(target[target], target):
        target = target[target]
    return np.where(best >= 0, target[np.maximum(best, 0)], -1).astype(np.int32)


def _together(
    shared: Incidence, lifts: Lifts, common: BoolArray, many: BoolArray, *, threshold: float
) -> IntArray:
    """Return which accounts (of many) pass the easier test of which communities, as `_pairs`.

    Two families of what they hold must be mostly that community's.
    """
    own = _HELD[shared.kind[lifts.value]] & (lifts.inside >= MINIMUM_HOLDERS)
    own &= 2 * lifts.inside >= shared.degree[lifts.value]
    held = membership_odds(shared, lifts.only(own), threshold=-np.inf, among=many)
    holders = np.zeros(shared.accounts, dtype=bool)
    holders[held.account] = True  # nobody else can be among those told
    odds = membership_odds(shared, lifts.only(common | own), threshold=threshold, among=holders)
    return np.intersect1d(_pairs(held, lifts.communities), _pairs(odds, lifts.communities))


def _pairs(odds: Odds, communities: int) -> IntArray:
    """Return account and community of each of the odds in one number."""
    return odds.account.astype(np.int64) * communities + odds.community


def compact(community: IntArray) -> IntArray:
    """Drop communities of fewer than `MINIMUM_SIZE`; number the rest by falling size.

    Of equal size, the one whose first account comes first. Takes int (N,), any numbers of at
    least 0 and -1 for none; returns int32 (N,).
    """
    members = community >= 0
    if not members.any():
        return np.full(len(community), -1, dtype=np.int32)
    size = np.bincount(community[members])
    first = np.full(len(size), len(community))
    np.minimum.at(first, community[members], np.flatnonzero(members))
    order = np.lexsort((first, -size))
    order = order[size[order] >= MINIMUM_SIZE]
    code = np.full(len(size) + 1, -1, dtype=np.int32)
    code[order] = np.arange(len(order))
    return code[community]


def keep_communities(
    shared: Incidence, back: Background, found: Communities, kept: BoolArray
) -> Communities:
    """Return only the communities marked in `kept`, bool (R,), numbered anew in their order.

    Members and their odds stay as they were; lifts are measured again under the new numbers.
    """
    if kept.all():
        return found
    code = np.where(kept, np.cumsum(kept) - 1, -1)
    community = np.full(len(found.community), -1, dtype=np.int32)
    inside = found.community >= 0
    community[inside] = code[found.community[inside]]
    return with_members(shared, back, found, community)


def with_members(
    shared: Incidence, back: Background, found: Communities, community: IntArray
) -> Communities:
    """Return communities of some of the members, int32 (N,), with lifts measured on those.

    Members keep their odds.
    """
    nats = np.where(community >= 0, found.nats, -np.inf)
    return Communities(community, nats, log_lifts(shared, back, community), found.rounds)
