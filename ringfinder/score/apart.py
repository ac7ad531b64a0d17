"""Tell apart who is under one roof: a fleet inside a company, a company a fleet imitates.

What accounts share cannot tell these apart, and what an account claims must not testify
against those who were there before: nobody may be framed.
"""

from __future__ import annotations

import numpy as np
from scipy.special import logit

from ringfinder.durations import DAY_MS
from ringfinder.evidence.incidence import Incidence
from ringfinder.evidence.pairs import excess_nats
from ringfinder.graph.columns import AttributeGraph
from ringfinder.model import BoolArray, FloatArray, IntArray
from ringfinder.score.accounts import Traits
from ringfinder.score.features import ring_features
from ringfinder.score.judge import fleet_probability, shipped_weights
from ringfinder.score.split import split_rings

CUTS = 3
"""How often a ring may be cut: attackers, staff and bystanders are three."""

SPARED = -1.0
"""Log odds at which the earlier part of a fleet is let go."""

SPLIT_FLEET = 3.0
SPLIT_BENIGN = -4.0
"""Log odds of the two parts of a split ring. A part was chosen for being alike, which is
what fleets are: chance alone makes one of two parts of a company look a little like it."""

UNLIKE_NATS = 8.0
WILD_NATS = 8.0
ENOUGH_USE = 20
LEAST_SPREAD = 0.2
"""Nats that call a member unlike its ring, and the most that one trait may say, so that one
alone never does; used members from which a ring has a profile; narrowest spread believed, in
population deviations. On five worlds one in ninety members of fleets is unlike its ring, and
12 of 15 framed employees."""

WEEK_MS = 7 * DAY_MS
"""A fleet's own first trials may lie some days before its sprint."""


def tell_apart(
    graph: AttributeGraph,
    shared: Incidence,
    ring: IntArray,
    families: FloatArray,
    traits: Traits,
    *,
    usage: bool,
) -> tuple[IntArray, IntArray]:
    """Split rings whose parts deserve different verdicts, again as long as any does.

    Parameters
    ----------
    graph, shared
        Accounts and sightings.
    ring
        int32 (N,): 0 to R - 1, -1 outside.
    families
        float64 (N,): families that speak for each member's membership.
    traits
        Of the accounts.
    usage
        Whether anybody's use is known.

    Returns
    -------
    ring
        int32 (N,): rings numbered anew; parts behind the rest.
    origin
        int32 (R,): the ring each was cut from.
    """
    rings = int(ring.max(initial=-1)) + 1
    origin, open_rings = np.arange(rings), np.arange(rings)
    for _ in range(CUTS):
        cut, parent = _split_all(graph, ring, open_rings, traits)
        if not len(parent):
            break
        keep = _worth_cutting(graph, shared, ring, cut, parent, families, traits, usage=usage)
        if not keep.any():
            break
        rings = len(origin)
        undo = np.arange(rings + len(parent))
        undo[rings:][~keep] = parent[~keep]
        cut = np.where(cut >= 0, undo[np.maximum(cut, 0)], -1)
        kept, code = np.unique(cut[cut >= 0], return_inverse=True)
        origin = np.concatenate((origin, origin[parent]))[kept]
        # whatever was not cut would be judged as it was: only fresh parts are looked at again
        fresh = np.concatenate((parent[keep], np.flatnonzero(keep) + rings))
        open_rings = np.flatnonzero(np.isin(kept, fresh))
        ring = np.full(len(ring), -1, dtype=np.int32)
        ring[cut >= 0] = code
    return ring, origin.astype(np.int32)


def _members(ring: IntArray, rings: int) -> list[IntArray]:
    """Return the accounts of each ring, ascending."""
    inside = np.flatnonzero(ring >= 0)
    order: IntArray = inside[np.argsort(ring[inside], kind="stable")]
    bounds = np.searchsorted(ring[order], np.arange(rings + 1))
    return [order[bounds[number] : bounds[number + 1]] for number in range(rings)]


def _split_all(
    graph: AttributeGraph, ring: IntArray, numbers: IntArray, traits: Traits
) -> tuple[IntArray, IntArray]:
    """Cut those rings that two profiles explain better; parts are numbered behind the rings.

    Returns
    -------
    cut
        int32 (N,): ring of each account, after all cuts.
    parent
        int64 (P,): the ring each part was cut from, ascending.
    """
    rings = int(ring.max(initial=-1)) + 1
    of = _members(ring, rings)
    parts = split_rings([of[number] for number in numbers], traits, graph.created_ms)
    cut = ring.copy()
    parent: list[int] = []
    for number, part in zip(numbers.tolist(), parts, strict=True):
        if part is not None:
            cut[of[number][part]] = rings + len(parent)
            parent.append(number)
    return cut, np.array(parent, dtype=np.int64)


def _worth_cutting(
    graph: AttributeGraph,
    shared: Incidence,
    ring: IntArray,
    cut: IntArray,
    parent: IntArray,
    families: FloatArray,
    traits: Traits,
    *,
    usage: bool,
) -> BoolArray:
    """Say which cuts to keep, bool (P,): those that spare, and those that condemn rightly.

    Of a ring that is a fleet as a whole, a part that is none and was there first is
    spared: nobody may be framed by those who came after. Of a ring that is none, a part
    is condemned only beyond doubt, and if it shares things of its own.
    """
    weights = shipped_weights(usage=usage)
    rings, cuts = int(ring.max()) + 1, len(parent)
    place = np.full(rings + cuts + 1, -1, dtype=np.int32)  # only rings with a cut are measured
    place[parent] = np.arange(cuts)
    place[rings:-1] = np.arange(cuts) + cuts

    def odds_of(number: IntArray) -> FloatArray:
        features = ring_features(graph, number, families, traits=traits)
        probability, _ = fleet_probability(features, weights)
        return logit(np.clip(probability, 1e-9, 1 - 1e-9))

    before, after = place[ring], place[cut]
    whole, parts = odds_of(before), odds_of(after)
    created = [graph.created_ms[accounts] for accounts in _members(after, 2 * cuts)]
    keep = np.zeros(cuts, dtype=bool)
    for at in range(cuts):
        bad, good = (at, cuts + at) if parts[at] > parts[cuts + at] else (cuts + at, at)
        if whole[at] >= 0:
            earlier = np.median(created[good]) < np.quantile(created[bad], 0.1)
            keep[at] = parts[bad] >= 0 and parts[good] <= (SPARED if earlier else SPLIT_BENIGN)
        else:
            beyond = parts[bad] >= SPLIT_FLEET and parts[good] <= SPLIT_BENIGN
            keep[at] = beyond and marked_apart(shared, before == at, after == bad)
    return keep


def marked_apart(shared: Incidence, ring: BoolArray, part: BoolArray) -> bool:
    """Say whether a part of a ring shares things of its own, in two families.

    A part was chosen for how it behaves and must not be condemned by that alone: among
    forty employees some five work at night. Fleets inside a company also have cards,
    clients or prompts that the rest has not.

    Parameters
    ----------
    shared
        The incidence.
    ring, part
        Bool (N,): members of the ring, and of the part.
    """
    held = _held(shared, np.flatnonzero(ring))
    value, inside = np.unique(held, return_counts=True)
    own, count = np.unique(_held(shared, np.flatnonzero(ring & part)), return_counts=True)
    mine = np.zeros(len(value), dtype=np.int64)
    mine[np.searchsorted(value, own)] = count
    expected = inside * part.sum() / ring.sum()
    marks = (mine > expected) & (
        excess_nats(np.maximum(mine, 1), expected) > 2 * np.log(len(value))
    )
    return len(set(shared.family[value[marks]].tolist())) >= 2


def _held(shared: Incidence, accounts: IntArray) -> IntArray:
    """Return int32: the shared values these accounts hold, one for each sighting."""
    first, end = shared.account_pointer[accounts], shared.account_pointer[accounts + 1]
    none = np.zeros(0, dtype=shared.value.dtype)
    return np.concatenate([none, *(shared.value[a:b] for a, b in zip(first, end, strict=True))])


def let_go_established(
    graph: AttributeGraph, ring: IntArray, fleet: BoolArray, traits: Traits
) -> IntArray:
    """Let go of accounts that were there before the fleet they are in.

    An account of a fleet is let go if it signed up before the ring's first twentieth (the
    second account, of few) by more than the time in which the rest signed up, and by more
    than a week; or if it is of the first tenth and acts unlike the ring (`unlike_ring`): a
    few employees among a thousand who typed their company's domain are too few for a cut.

    Parameters
    ----------
    graph
        Accounts.
    ring
        int32 (N,): 0 to R - 1, -1 outside.
    fleet
        Bool (R,): rings judged to be fleets.
    traits
        Of the accounts.

    Returns
    -------
    IntArray, shape (N,)
        A copy, with -1 for those let go.
    """
    out = ring.copy()
    created = graph.created_ms.astype(float)
    of = _members(ring, len(fleet))
    for members in (of[number] for number in np.flatnonzero(fleet)):
        when = created[members]
        ranked = np.sort(when)
        # of few members, one who was there before must not be the ring's own beginning
        first = ranked[min(max(1, len(ranked) // 20), len(ranked) - 1)]
        tenth, last = np.quantile(when, [0.1, 0.95])
        early = (when < tenth) & unlike_ring(members, traits)
        out[members[early | (when < first - max(last - first, WEEK_MS))]] = -1
    return out


def unlike_ring(members: IntArray, traits: Traits) -> BoolArray:
    """Say which members, int (k,), act far more like the population than like their ring.

    Returns
    -------
    BoolArray, shape (k,)
        True where the log likelihood of an account's traits under the ring's own profile
        (normal; median and scaled median absolute deviation) is `UNLIKE_NATS` below that
        under the population's; False without use, and in rings with little of it.
    """
    used = traits.used[members]
    out = np.zeros(len(members), dtype=bool)
    if used.sum() < ENOUGH_USE:
        return out
    columns = (traits.output_size, traits.pace, traits.wakefulness, traits.persistence)
    x = np.stack([column[members[used]] for column in columns], axis=1)
    middle = np.median(x, axis=0)
    spread = np.maximum(1.4826 * np.median(np.abs(x - middle), axis=0), LEAST_SPREAD)
    nats = 0.5 * x**2 - 0.5 * ((x - middle) / spread) ** 2 - np.log(spread)
    out[used] = np.clip(nats, -WILD_NATS, WILD_NATS).sum(axis=1) < -UNLIKE_NATS
    return out
