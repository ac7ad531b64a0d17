"""The steps of detection, in reading order."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np

from ringfinder.detect.candidates import first_members, value_communities
from ringfinder.detect.divide import divide
from ringfinder.detect.ledger import Ledger
from ringfinder.detect.null import false_discovery_rate, null_world
from ringfinder.detect.refine import Communities, compact, expel, refine, settle, with_members
from ringfinder.detect.ties import TIED, count_members, marked_members, tying_marks
from ringfinder.detect.webs import web_communities
from ringfinder.evidence.background import Background, background
from ringfinder.evidence.incidence import Incidence
from ringfinder.evidence.lifts import THRESHOLD_NATS
from ringfinder.evidence.membership import own_odds
from ringfinder.evidence.pairs import (
    Counts,
    Pairs,
    counts_without,
    least_nats,
    pair_counts,
    pairs_beyond,
    significant_pairs,
)
from ringfinder.graph.columns import AttributeGraph
from ringfinder.model import FloatArray, IntArray


@dataclass(frozen=True)
class Detection:
    """Rings of one run with their false discovery rates.

    Attributes
    ----------
    communities
        The rings' members and what marks them.
    false_discovery_rate
        float64 (R,): q-value of each ring.
    null_rings, null_accounts
        Rings found in the null world, and accounts in them.
    least_nats
        Excess from which a pair of values became an edge.
    null_strength
        float64 (R0,): strength of the null world's rings.
    """

    communities: Communities
    false_discovery_rate: FloatArray
    null_rings: int
    null_accounts: int
    least_nats: float
    null_strength: FloatArray


def find_communities(
    shared: Incidence,
    back: Background,
    counts: Counts,
    pairs: Pairs,
    threshold: float,
    *,
    seed: int,
) -> Communities:
    """Find communities: pairs, Leiden, refinement, the rest, webs, division, expulsion, ties.

    Parameters
    ----------
    shared, back
        Incidence and background.
    counts, pairs
        What `pair_counts` says of the incidence; all pairs of values that were met more often
        than expected, in it or in the larger one that it is a part of.
    threshold
        Nats of excess from which a pair is an edge.
    seed
        Seeds Leiden.

    Returns
    -------
    Communities
        Those of the null world and of the data alike; nobody has judged them yet.
    """
    kept = significant_pairs(pairs, threshold)
    label = value_communities(kept, shared.values, seed=seed)
    ledger = Ledger(shared, back)
    first = first_members(shared, label)
    more, _, _ = settle(shared, first, ledger)
    if (more >= 0).any():  # else the rest is everything, and was searched
        more = search_rest(shared, back, counts, more, threshold, seed=seed)
        # fragments that do not hold must not keep accounts from a web
        more, _, _ = settle(shared, more, ledger)
    more = add_webs(shared, more, seed=seed)
    parts = divide(shared, more, seed=seed)
    found = refine(shared, back, parts, ledger=ledger)
    found = expel(shared, back, found, divide(shared, found.community, seed=seed))
    return keep_tied(shared, back, found)


def keep_tied(shared: Incidence, back: Background, found: Communities) -> Communities:
    """Return communities without the strangers around them.

    Where fewer than `TIED` of the members hold something that ties, those who do are the
    community, if they are one without the others, and the rest a fashion.
    """
    tied = marked_members(shared, found.lifts, found.community, tying_marks(shared, found.lifts))
    size, count = count_members(found.community, tied, found.lifts.communities)
    loose = np.append(count < TIED * size, False)[found.community]  # nobody outside
    if not loose.any():
        return found
    left = with_members(shared, back, found, compact(np.where(loose & ~tied, -1, found.community)))
    own = own_odds(shared, left.lifts, left.community)
    again = loose[own.account]
    left.nats[own.account[again]] = own.nats[again]
    alone = compact(np.where(left.nats > THRESHOLD_NATS, left.community, -1))
    return with_members(shared, back, left, alone)


def search_rest(
    shared: Incidence,
    back: Background,
    counts: Counts,
    community: IntArray,
    threshold: float,
    *,
    seed: int,
) -> IntArray:
    """Search once more among the accounts that are in no community.

    A small fleet that Leiden left in one block with a large neighbour is outvoted there
    and dissolves; among the rest it stands alone.

    Parameters
    ----------
    shared, back
        Incidence and background of all accounts.
    counts
        What `pair_counts` says of the incidence.
    community
        int32 (N,): -1 for those to search among.
    threshold
        Nats of excess from which a pair is an edge.
    seed
        Seeds Leiden.

    Returns
    -------
    IntArray, shape (N,)
        The communities, with new ones behind them.
    """
    outside = community < 0
    rest = shared.among(outside)
    left = counts_without(shared, counts, ~outside)
    pairs = pairs_beyond(rest, background(rest, back.label), counts=left)
    label = value_communities(significant_pairs(pairs, threshold), rest.values, seed=seed)
    part = first_members(rest, label)
    fresh = int(community.max(initial=-1)) + 1
    return np.where(outside & (part >= 0), fresh + part, community).astype(np.int32)


def add_webs(shared: Incidence, community: IntArray, *, seed: int) -> IntArray:
    """Add the webs (`ringfinder.detect.webs`) among the accounts that are in no community.

    Returns
    -------
    IntArray, shape (N,)
        The communities, int32, with the webs behind them.
    """
    web = web_communities(shared, community < 0, seed=seed)
    fresh = int(community.max(initial=-1)) + 1
    return np.where(web >= 0, fresh + web, community).astype(np.int32)


def find_against(
    shared: Incidence, back: Background, *, seed: int, counts: Counts | None = None
) -> Communities:
    """Find communities against a background, undivided: enough to tell whom to suspect.

    A pair is an edge from ``2 ln V`` nats on (Bonferroni over all pairs of values): what is
    too small to pass that is too small to bend a background. Whoever shares nothing that
    ties is nobody's accomplice, and is left out.

    Parameters
    ----------
    shared, back
        Incidence, and the background of the known strata.
    seed
        Seeds Leiden.
    counts
        What `pair_counts` says of `shared`, where it has been asked before.
    """
    pairs = pairs_beyond(shared, back, counts=counts)
    kept = significant_pairs(pairs, 2 * float(np.log(max(shared.values, 2))))
    label = value_communities(kept, shared.values, seed=seed)
    found = refine(shared, back, first_members(shared, label), last_round=2)
    marks = tying_marks(shared, found.lifts)
    tied = marked_members(shared, found.lifts, found.community, marks)
    return with_members(shared, back, found, compact(np.where(tied, found.community, -1)))


def _permuted(
    graph: AttributeGraph, back: Background, seed: int
) -> tuple[Incidence, Background, Counts, Pairs]:
    """Draw a null world and count its pairs."""
    world = null_world(graph, back.label, seed=seed)
    chance = background(world, back.label)
    counts = pair_counts(world)
    return world, chance, counts, pairs_beyond(world, chance, counts=counts)


def find_rings(
    graph: AttributeGraph,
    shared: Incidence,
    back: Background,
    *,
    seed: int,
    counts: Counts | None = None,
) -> Detection:
    """Find rings and estimate how many of them chance explains.

    A permuted world is drawn: it says from which excess on a pair of values is an edge, and
    the whole search is run on it with that threshold, which is one number chosen on hundreds
    of thousands of pairs and owes the world next to nothing.

    Parameters
    ----------
    graph, shared
        All sightings, and those of shared values.
    back
        The population's classes and rates.
    seed
        Seeds Leiden and the null world.
    counts
        What `pair_counts` says of `shared`, where it has been asked before.

    Returns
    -------
    Detection
        The same for the same seed, whichever of the two searches ends first.
    """
    counts = counts or pair_counts(shared)
    pairs = pairs_beyond(shared, back, counts=counts)
    permuted = _permuted(graph, back, seed + 1)
    threshold = least_nats(pairs.nats, permuted[-1].nats)
    with ThreadPoolExecutor(max_workers=1) as beside:  # the null world, on another core
        searched = beside.submit(find_communities, *permuted, threshold, seed=seed)
        del permuted
        found = find_communities(shared, back, counts, pairs, threshold, seed=seed)
        null = searched.result()
    chance = strength(null)
    rate = false_discovery_rate(strength(found), chance)
    return Detection(
        communities=found,
        false_discovery_rate=rate,
        null_rings=null.lifts.communities,
        null_accounts=int((null.community >= 0).sum()),
        least_nats=threshold,
        null_strength=chance,
    )


def strength(communities: Communities) -> FloatArray:
    """Return float64 (R,): summed log odds of each community's members, in nats."""
    members = communities.community >= 0
    return np.bincount(
        communities.community[members],
        weights=communities.nats[members],
        minlength=communities.lifts.communities,
    ).astype(np.float64)
