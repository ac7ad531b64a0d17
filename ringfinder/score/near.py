"""Accounts near fleets: some are admitted, the others ranked by how near they come."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from scipy.special import expit

from ringfinder.evidence.background import Background
from ringfinder.evidence.incidence import Incidence
from ringfinder.evidence.lifts import log_lifts
from ringfinder.evidence.membership import Odds, best_community, membership_odds
from ringfinder.model import BoolArray, FloatArray, IntArray
from ringfinder.score.verdicts import called_fleet

SURE = 0.9
ADMIT_NATS = float(np.log(5.0))
"""Log odds of 5:1 admit an account to a ring that is a fleet with P >= `SURE`."""

NEAR_NATS = -1.0
"""Log odds, by what they share, down to which accounts outside rings are ranked: who shares less
with a fleet shares it with thousands. What an account shows that no member does lowers its rank
and does not hide it: a fleet's card is worth telling beside a device that nobody has seen."""

ADMIT_AGAIN = 4
"""Times that those near a fleet are looked at again: each admitted account makes the values
it holds more common in the ring. Of webs this finds a fiftieth more; two rounds settle most."""


def near_fleets(
    shared: Incidence,
    back: Background,
    ring: IntArray,
    probability: FloatArray,
    *,
    usage: bool,
    among: BoolArray | None = None,
) -> Odds:
    """Score every account against the rings that are fleets, down to `NEAR_NATS` but for misses.

    Parameters
    ----------
    shared, back
        Incidence and background.
    ring, probability
        int32 (N,), -1 outside; float64 (R,): P(fleet | ring).
    usage
        Whether anybody's use is known.
    among
        Bool (N,): the accounts to look at; all if not given.

    Returns
    -------
    Odds
        Members included, under the numbers of `ring`; one family that speaks is enough.
    """
    risky = np.flatnonzero(called_fleet(ring, probability, usage=usage))
    code = np.full(len(probability) + 1, -1, dtype=np.int32)
    code[risky] = np.arange(len(risky))
    lifts = log_lifts(shared, back, code[ring])
    odds = membership_odds(
        shared, lifts, threshold=NEAR_NATS, minimum_families=1, among=among, forgive_misses=True
    )
    return replace(odds, community=risky[odds.community].astype(np.int32))


def admit(
    ring: IntArray, nats: FloatArray, near: Odds, probability: FloatArray
) -> tuple[IntArray, FloatArray]:
    """Admit accounts at lower odds to rings that are fleets beyond doubt.

    While rings are being formed, 20:1 keeps them from swallowing each other; once a ring
    is known to be a fleet, `ADMIT_NATS` is what a person would ask.

    Parameters
    ----------
    ring, nats
        int32 (N,), -1 outside; float64 (N,): log odds of members.
    near
        What `near_fleets` says.
    probability
        float64 (R,): P(fleet | ring).

    Returns
    -------
    ring, nats
        Of all accounts, the admitted ones included.
    """
    sure = (probability[near.community] >= SURE) & (near.nats > ADMIT_NATS) & (near.families >= 2)
    best, found = best_community(near.only(sure), len(ring))
    fresh = (ring < 0) & (best >= 0)
    return np.where(fresh, best, ring).astype(np.int32), np.where(fresh, found, nats)


def admit_again(
    shared: Incidence,
    back: Background,
    ring: IntArray,
    nats: FloatArray,
    near: Odds,
    probability: FloatArray,
    *,
    usage: bool,
) -> tuple[IntArray, FloatArray]:
    """Admit those of the accounts in `near` who pass now that others have been admitted.

    See `admit`; what marks the rings is measured again on their present members.
    """
    outside = np.zeros(len(ring), dtype=bool)
    outside[near.account[near.nats > NEAR_NATS]] = True
    outside &= ring < 0
    again = near_fleets(shared, back, ring, probability, usage=usage, among=outside)
    return admit(ring, nats, again, probability)


def nearest_fleet(ring: IntArray, near: Odds) -> IntArray:
    """Return the ring in `near` that each account outside rings comes nearest to: int32 (N,).

    -1 where there is none, and of members.
    """
    best, _ = best_community(near, len(ring))
    return np.where(ring < 0, best, -1).astype(np.int32)


def near_score(
    ring: IntArray, near: Odds, probability: FloatArray, legitimate: IntArray
) -> FloatArray:
    """Rank accounts outside rings by how near they come to a fleet.

    Odds are cut at 1:1, so nobody outside a ring passes one half: above that are those whom
    one family brings near (a large ring's prior costs little), and those whom two do but who
    are not sure enough to be admitted.

    Returns
    -------
    FloatArray, shape (N,)
        0 to one half; 0 of members, of accounts labelled legitimate, and of all who are not
        in `near`.
    """
    out = np.zeros(len(ring))
    best, nats = best_community(near, len(ring))
    outside = (ring < 0) & (best >= 0)
    out[outside] = expit(np.minimum(nats[outside], 0.0)) * probability[best[outside]]
    out[legitimate] = 0.0
    return out
