"""Which values of a community to look for first: exact bounds on who can pass.

Nearly every account holds some value that marks some community (an issuer, a client, a
busy hour), so looking at all of them is looking at every account once per community. A
community's *anchors* are values without one of which no account reaches the threshold,
chosen so that they have few holders.
"""

from __future__ import annotations

import numpy as np

from ringfinder.evidence.incidence import FAMILY_COUNT, Incidence
from ringfinder.evidence.lifts import Lifts
from ringfinder.model import BoolArray, FloatArray, IntArray
from ringfinder.schema import FAMILY_OF_KIND, OBSERVATION_OF_KIND, OBSERVATIONS

OBSERVATION = np.array(OBSERVATION_OF_KIND)
"""Observation of each kind."""

FAMILY_OF_OBSERVATION = np.zeros((len(OBSERVATIONS), FAMILY_COUNT))
"""One where the observation is of the family."""
FAMILY_OF_OBSERVATION[OBSERVATION, FAMILY_OF_KIND] = 1.0


def strongest_of(shared: Incidence, lifts: Lifts, rows: BoolArray | slice) -> FloatArray:
    """Return (R, F): the strongest lift of each observation among `rows`, by family."""
    top = np.zeros((lifts.communities, len(OBSERVATIONS)))
    observation = OBSERVATION[shared.kind[lifts.value[rows]]]
    np.maximum.at(top, (lifts.community[rows], observation), lifts.nats[rows])
    return top @ FAMILY_OF_OBSERVATION


def anchor_marks(shared: Incidence, lifts: Lifts, threshold: float) -> BoolArray:
    """Mark values of each community without one of which nobody passes the threshold.

    The values left unmarked must not reach the threshold all together: the most popular
    ones, walking down, or all of one family (which is capped) and the most popular of the
    others. Each community takes the choice whose anchors have the fewest holders.
    """
    order = np.lexsort((-shared.degree[lifts.value], lifts.community))
    group, family = lifts.community[order], shared.family[lifts.value[order]]
    holders = shared.degree[lifts.value[order]].astype(float)
    needed = lifts.prior + threshold - 1e-9
    # what all values up to each place of `order` say together, and all of one family, capped
    reach = np.minimum(_running(shared, lifts, order), lifts.cap[group][:, None])
    whole = np.minimum(strongest_of(shared, lifts, slice(None)), lifts.cap[:, None])
    best = np.ones(len(order), dtype=bool)
    cost = np.full(lifts.communities, np.inf)
    for free in (None, *range(FAMILY_COUNT)):
        if free is None:
            anchor = reach.sum(axis=1) >= needed[group]
        else:
            rest = reach.sum(axis=1) - reach[:, free]
            anchor = rest + whole[group, free] >= needed[group]
            anchor &= family != free
            anchor |= (whole[:, free] >= needed)[group]
        price = np.bincount(group, weights=holders * anchor, minlength=lifts.communities)
        cheaper = (price < cost)[group]
        best = np.where(cheaper, anchor, best)
        cost = np.minimum(cost, price)
    out = np.empty(len(order), dtype=bool)
    out[order] = best
    return out


def _running(shared: Incidence, lifts: Lifts, order: IntArray) -> FloatArray:
    """Return (M, F): what an account says that holds every value up to each place of `order`.

    Only the strongest value of an observation counts.
    """
    group, nats = lifts.community[order], lifts.nats[order]
    observation = OBSERVATION[shared.kind[lifts.value[order]]]
    far = 2 * float(nats.max(initial=0.0)) + 1.0  # keeps communities apart
    offset = group * far
    out = np.zeros((len(order), FAMILY_COUNT))
    for number in np.unique(observation):
        mine = np.where(observation == number, nats, 0.0)
        strongest = np.maximum.accumulate(mine + offset) - offset
        out[:, FAMILY_OF_OBSERVATION[number].argmax()] += strongest
    return out
