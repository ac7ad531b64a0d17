"""Detection against a background that is held fast, of all accounts or of what changed.

Learning the population and searching a null world take half of a night's computing, and
change little from one day to the next. For an epoch (a week) they are held fast: classes,
their sizes, the threshold of pairs, and how strong the rings of the null world were. What a
ring is then depends on its own neighbourhood, so only the neighbourhoods that new events
touched need to be searched; all other communities stay as they were.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ringfinder.detect.find import Detection, find_communities, strength
from ringfinder.detect.null import false_discovery_rate
from ringfinder.detect.refine import Communities, compact
from ringfinder.detect.ties import TIES
from ringfinder.evidence.background import Background
from ringfinder.evidence.incidence import Incidence
from ringfinder.evidence.lifts import log_lifts
from ringfinder.evidence.membership import membership_odds
from ringfinder.evidence.pairs import Counts, Pairs, pair_counts, pairs_beyond
from ringfinder.model import BoolArray, FloatArray, IntArray

MOST = 0.5
"""Share of the accounts from which on a search of all of them is no more work."""

HUB = 0.5
"""In units of sqrt(N): holders of the most common value along which a change spreads. Whom a
more common one brings near a ring is told by the ring's own test (`neighbourhood`)."""

SHRINKAGE = 10.0
"""Accounts of prior weight with which a class's rates lean on everybody's."""


@dataclass(frozen=True)
class HeldFast:
    """What an epoch holds fast, beside the background.

    Attributes
    ----------
    least_nats
        Excess from which a pair of values is an edge.
    null_strength
        float64 (R0,): strength of the rings of the null world.
    null_accounts
        Accounts in them.
    """

    least_nats: float
    null_strength: FloatArray
    null_accounts: int


@dataclass(frozen=True)
class Before:
    """The communities of the run before, nobody judged.

    Attributes
    ----------
    community, nats
        int32 (N,) and float64 (N,): see `Communities`; -1 and -inf for accounts that were
        not there.
    """

    community: IntArray
    nats: FloatArray


def find_all_again(
    shared: Incidence, back: Background, fast: HeldFast, *, seed: int, counts: Counts
) -> Detection:
    """Find rings among all accounts, against what is held fast."""
    pairs = pairs_beyond(shared, back, counts=counts)
    found = find_communities(shared, back, counts, pairs, fast.least_nats, seed=seed)
    return _rated(found, fast)


def find_touched(
    shared: Incidence,
    back: Background,
    fast: HeldFast,
    before: Before,
    region: BoolArray,
    *,
    seed: int,
    counts: Counts,
) -> Detection:
    """Find rings in the neighbourhood of what changed; all other communities stay.

    Parameters
    ----------
    shared, back, fast
        Incidence and background of all accounts, and what else is held fast.
    before
        The communities of the run before.
    region
        Bool (N,): see `neighbourhood`.
    seed, counts
        As in `find_rings`.
    """
    if region.mean() > MOST:
        return find_all_again(shared, back, fast, seed=seed, counts=counts)
    here = shared.among(region)
    held = np.bincount(here.value, minlength=shared.values) > 0
    pairs = _among(pairs_beyond(shared, back, counts=counts), held)
    found = find_communities(here, back, pair_counts(here), pairs, fast.least_nats, seed=seed)
    fresh = int(before.community.max(initial=-1)) + 1
    inside = np.where(found.community >= 0, found.community + fresh, -1)
    community = compact(np.where(region, inside, before.community))
    nats = np.where(region, found.nats, before.nats)
    nats = np.where(community >= 0, nats, -np.inf)
    lifts = log_lifts(shared, back, community)
    return _rated(Communities(community, nats, lifts, found.rounds), fast)


def neighbourhood(
    shared: Incidence, back: Background, before: IntArray, touched: BoolArray
) -> BoolArray:
    """Return bool (N,): the accounts to look at again.

    Parameters
    ----------
    shared, back
        Incidence and background of all accounts.
    before
        int32 (N,): communities of the run before, -1 for none.
    touched
        Bool (N,): accounts of which something new is known.

    Returns
    -------
    BoolArray
        The touched ones, everybody who shares a value with them that ties and is no hub, and all
        members of the communities that these are in or that a touched one could join.
    """
    rare = (shared.degree <= HUB * np.sqrt(shared.accounts)) & TIES[shared.kind]
    values = np.zeros(shared.values, dtype=bool)
    values[shared.value[touched[shared.account]]] = True
    values &= rare
    near = touched.copy()
    near[shared.account[values[shared.value]]] = True
    hit = np.zeros(int(before.max(initial=-1)) + 2, dtype=bool)
    hit[before[near]] = True
    lifts = log_lifts(shared, back, before)
    odds = membership_odds(shared, lifts, threshold=0.0, minimum_families=1, among=touched)
    hit[odds.community] = True
    hit[-1] = False
    return near | hit[before]


def with_newcomers(
    shared: Incidence, stratum: IntArray, label: IntArray, everyone: FloatArray
) -> IntArray:
    """Give accounts that came since the epoch began the class that their values speak for.

    Parameters
    ----------
    shared
        The incidence.
    stratum
        int32 (N,): known stratum of each account, such as the country.
    label
        int32 (N,): class of each account, -1 for those that are new.
    everyone
        float64 (C,): accounts of each class when the epoch began.

    Returns
    -------
    IntArray, shape (N,)
        Naive Bayes on stratum and popular values, as counted on the accounts with a class.
    """
    classes, known = len(everyone), label >= 0
    new = np.flatnonzero(~known)
    if classes == 1 or not len(new):
        return np.where(known, label, 0).astype(np.int32)
    _, code = np.unique(stratum, return_inverse=True)
    popular = shared.degree >= np.sqrt(shared.accounts)
    score = (
        np.log((everyone + 1e-9) / everyone.sum())
        + _log_rates(code[known], label[known], int(code.max()) + 1, classes, 1e-3)[code[new]]
    )
    rows = np.flatnonzero(popular[shared.value])
    told = known[shared.account[rows]]
    rates = _log_rates(
        shared.value[rows[told]], label[shared.account[rows[told]]], shared.values, classes,
        SHRINKAGE,
    )  # fmt: skip
    place = np.full(len(label), -1)
    place[new] = np.arange(len(new))
    np.add.at(score, place[shared.account[rows[~told]]], rates[shared.value[rows[~told]]])
    out = label.copy()
    out[new] = score.argmax(axis=1)
    return out.astype(np.int32)


def _log_rates(
    what: IntArray, label: IntArray, many: int, classes: int, shrinkage: float
) -> FloatArray:
    """Return float64 (many, C): log share of each class that shows each thing, shrunk."""
    count = np.zeros((many, classes))
    np.add.at(count, (what, label), 1.0)
    overall = (count.sum(axis=1, keepdims=True) + 0.5) / max(len(label), 1)
    rates: FloatArray = np.log((count + shrinkage * overall) / (count.sum(axis=0) + shrinkage))
    return rates


def _among(pairs: Pairs, held: BoolArray) -> Pairs:
    rows = held[pairs.u] & held[pairs.v]
    return Pairs(
        pairs.u[rows], pairs.v[rows], pairs.together[rows], pairs.expected[rows], pairs.nats[rows]
    )


def _rated(found: Communities, fast: HeldFast) -> Detection:
    return Detection(
        communities=found,
        false_discovery_rate=false_discovery_rate(strength(found), fast.null_strength),
        null_rings=len(fast.null_strength),
        null_accounts=fast.null_accounts,
        least_nats=fast.least_nats,
        null_strength=fast.null_strength,
    )
