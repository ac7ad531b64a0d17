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


def strongest_of(shared: Incidence, lifts: Lifts, rows: BoolArray) -> FloatArray:
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
    speaks = strongest_of(shared, lifts, np.ones(len(lifts.value), dtype=bool))[:, family]
    return np.minimum(speaks, lifts.cap) < lifts.prior + threshold - 1e-9


def _reaching(shared: Incidence, lifts: Lifts, order: IntArray, free: int | None) -> FloatArray:
    """Bound the nats of an account that holds every value up to each place of `order`.

    Only the strongest value of an observation counts. All values of the family `free`
    count from the beginning.
    """
    group, value = lifts.community[order], lifts.value[order]
    observation = OBSERVATION[shared.kind[value]]
    far = 2 * float(lifts.nats.max(initial=0.0)) + 1.0  # keeps communities apart
    offset = group * far
    strongest = np.zeros((len(order), len(OBSERVATIONS)))
    for number in range(len(OBSERVATIONS)):
        nats = np.where(observation == number, lifts.nats[order], 0.0)
        if free is not None and FAMILY_OF_OBSERVATION[number, free]:
            top = np.zeros(lifts.communities)
            np.maximum.at(top, group, nats)
            strongest[:, number] = top[group]
        else:
            strongest[:, number] = np.maximum.accumulate(nats + offset) - offset
    cap = lifts.cap[group][:, None]
    return np.asarray(np.minimum(strongest @ FAMILY_OF_OBSERVATION, cap).sum(axis=1))
