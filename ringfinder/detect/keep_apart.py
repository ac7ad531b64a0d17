"""What a person said must not be one ring is kept apart.

Two operators on one proxy pool, or a fleet and the company it imitates, may come out as one
community night after night. An analyst who knows better says so once; from then on every
community that holds accounts of both is cut in two. Accounts that nobody named go with the
side whose values they show.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from ringfinder.detect.refine import Communities, compact
from ringfinder.evidence.background import Background
from ringfinder.evidence.incidence import Incidence
from ringfinder.evidence.lifts import log_lifts
from ringfinder.evidence.membership import own_odds
from ringfinder.evidence.runs import rows_of_runs
from ringfinder.model import BoolArray, FloatArray, IntArray

ROUNDS = 10
"""Times that the accounts nobody named may change sides; two or three settle most."""


@dataclass(frozen=True)
class Sides:
    """Accounts that belong to two rings, whatever they share.

    Attributes
    ----------
    one, other
        Account indices, int64; those in both are nobody's.
    """

    one: IntArray
    other: IntArray


def keep_apart(
    shared: Incidence, back: Background, found: Communities, sides: Sequence[Sides]
) -> tuple[Communities, IntArray]:
    """Cut the communities that hold accounts of two sides.

    Parameters
    ----------
    shared, back
        What the communities were found in.
    found
        The communities.
    sides
        What must not be one ring.

    Returns
    -------
    communities
        `found` itself where nothing was cut. A side of fewer accounts than a community needs
        is in none.
    origin
        int64 (R,): the community of `found` that each came from.
    """
    community = found.community.copy()
    for pair in sides:
        community = _cut_all(shared, community, pair)
    if np.array_equal(community, found.community):
        return found, np.arange(found.lifts.communities)
    community = compact(community)
    rings = int(community.max(initial=-1)) + 1
    origin = np.zeros(rings, np.int64)
    inside = community >= 0
    origin[community[inside]] = found.community[inside]
    lifts = log_lifts(shared, back, community)
    own = own_odds(shared, lifts, community)
    nats = np.full(shared.accounts, -np.inf)
    nats[inside] = 0.0
    nats[own.account] = np.maximum(own.nats, 0.0)
    return Communities(community, nats, lifts, found.rounds), origin


def _cut_all(shared: Incidence, community: IntArray, sides: Sides) -> IntArray:
    """Cut every community that holds accounts of both sides; parts get numbers behind the rest."""
    one, other = (
        np.setdiff1d(a, b) for a, b in ((sides.one, sides.other), (sides.other, sides.one))
    )
    both = np.intersect1d(community[one], community[other])
    out = community.copy()
    for number in both[both >= 0].tolist():
        members = np.flatnonzero(community == number)
        named = np.zeros(len(members), np.int8)
        named[np.isin(members, one)] = 1
        named[np.isin(members, other)] = -1
        out[members[_other_side(shared, members, named)]] = int(out.max()) + 1
    return out


def _other_side(shared: Incidence, members: IntArray, named: IntArray) -> BoolArray:
    """Return bool (k,): the members on the other side, the named ones (-1) among them."""
    first, end = shared.account_pointer[members], shared.account_pointer[members + 1]
    rows = rows_of_runs(first, end - first)
    holder = np.repeat(np.arange(len(members)), end - first)
    _, value = np.unique(shared.value[rows], return_inverse=True)
    side = named.astype(np.int64)
    for _ in range(ROUNDS):
        nats = _for_one(holder, value, side)
        majority = 1 if (side > 0).sum() >= (side < 0).sum() else -1
        moved = np.where(named != 0, named, np.where(nats == 0, majority, np.sign(nats)))
        if np.array_equal(moved, side):
            break
        side = moved.astype(np.int64)
    return side < 0


def _for_one(holder: IntArray, value: IntArray, side: IntArray) -> FloatArray:
    """Return float64 (k,): nats by which each member's values speak for the first side."""
    values = int(value.max(initial=-1)) + 1
    of = side[holder]
    a = np.bincount(value[of > 0], minlength=values) + 0.5
    b = np.bincount(value[of < 0], minlength=values) + 0.5
    weight = np.log(a / ((side > 0).sum() + 1.0)) - np.log(b / ((side < 0).sum() + 1.0))
    unseen = (a == 0.5) & (b == 0.5)  # held by nobody who has a side yet
    weight[unseen] = 0.0
    total = np.bincount(holder, weights=weight[value], minlength=len(side))
    return total.astype(np.float64)
