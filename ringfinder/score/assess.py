"""Judge the rings of a run: features, verdicts, account scores."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from scipy.special import expit

from ringfinder.detect.refine import Communities
from ringfinder.evidence.background import Background
from ringfinder.evidence.incidence import Incidence
from ringfinder.evidence.lifts import log_lifts
from ringfinder.evidence.membership import Odds, best_community, membership_odds, own_odds
from ringfinder.graph.columns import AttributeGraph
from ringfinder.model import BoolArray, FloatArray, IntArray, Verdict
from ringfinder.score.accounts import account_traits
from ringfinder.score.apart import let_go_established, tell_apart
from ringfinder.score.calibrate import label_shift
from ringfinder.score.features import NAMES, ring_features
from ringfinder.score.judge import contributions, fleet_probability, shipped_weights
from ringfinder.score.lockstep import lockstep_score

FLEET = 2 / 3
"""P(fleet | ring) from which a ring is called a fleet: odds of two to one. On 22 tuning worlds
even odds flag 217 of 200,000 accounts where there is no fleet and miss 447 of 27,550 in
fleets; two to one 87 and 571. Just below even odds lie crowds of strangers who use one
extension or one VPN service, five times as many."""

FEW = 20
FLEET_OF_FEW = 0.8
"""The same for rings of fewer than `FEW` accounts, whose features rest on little: on 13
tuning worlds, those of 4 to 11 with P from .5 to .8 were 57 benign accounts and 107 of
fleets; above it none and 970."""

FLEET_WITHOUT_USE = 0.7
"""The same where nobody's use is known: what is left to judge by tells hundreds of strangers
behind one VPN service from a fleet by the absence of a company's marks alone. Ten tuning
worlds: between one half and this 548 accounts of fleets and 2,746 benign ones, above it
21,160 and 211."""

SURE = 0.9
ADMIT_NATS = float(np.log(5.0))
"""Log odds of 5:1 admit an account to a ring that is a fleet with P >= `SURE`."""

NEAR_NATS = -1.0
"""Log odds of membership down to which accounts outside rings are ranked: who shares less
with a fleet shares it with thousands."""

ADMIT_AGAIN = 4
"""Times that those near a fleet are looked at again: each admitted account makes the values
it holds more common in the ring. Of webs this finds a fiftieth more; two rounds settle most."""

HOUSEHOLD_SIZE = 8
"""Accounts of the largest ring that is called a household: a flat, a family, a small team."""


@dataclass(frozen=True)
class Assessment:
    """Judged rings.

    Attributes
    ----------
    ring
        int32 (N,): 0 to R - 1, -1 outside rings.
    membership
        float64 (N,): P(member of its ring); 0 outside.
    features, contributions
        float64 (R, F).
    prior_nats
        float64 (R,): log odds before the features, labels included.
    probability
        float64 (R,): P(fleet | ring).
    verdict
        Length R.
    account_score
        float64 (N,): P(member) * P(fleet), also for accounts near a ring; 0-1. Where the
        data shows one family only, a rank below one half (`lockstep_score`).
    origin
        int32 (R,): the community a ring was cut from.
    """

    ring: IntArray
    membership: FloatArray
    features: FloatArray
    contributions: FloatArray
    prior_nats: FloatArray
    probability: FloatArray
    verdict: list[Verdict]
    account_score: FloatArray
    origin: IntArray


def assess(
    graph: AttributeGraph,
    shared: Incidence,
    back: Background,
    found: Communities,
    *,
    fraud: IntArray | None = None,
    legitimate: IntArray | None = None,
) -> Assessment:
    """Judge every ring as a whole, tell mixed ones apart, and score accounts.

    Parameters
    ----------
    graph, shared, back
        What the communities were found in.
    found
        The communities that passed the null model.
    fraud, legitimate
        Labelled account indices.

    Returns
    -------
    Assessment
        Of rings that may be more than the communities, and larger or smaller. Deterministic.
    """
    none = np.zeros(0, dtype=np.int64)
    fraud = none if fraud is None else fraud
    legitimate = none if legitimate is None else legitimate
    traits = account_traits(graph.profiles, graph.created_ms)
    usage = bool(traits.used.any())
    families = families_per_member(shared, found)
    ring, origin = tell_apart(graph, shared, found.community, families, traits, usage=usage)
    features = ring_features(graph, ring, families, traits=traits)
    probability, _ = fleet_probability(features, shipped_weights(usage=usage))
    near = near_fleets(shared, back, ring, probability, usage=usage)
    ring, nats_in = admit(ring, found.nats, near, probability)
    for _ in range(ADMIT_AGAIN):
        grown, nats_in = admit_again(shared, back, ring, nats_in, near, probability, usage=usage)
        if np.array_equal(grown, ring):
            break
        ring = grown
    families = np.where(found.community >= 0, families, np.where(ring >= 0, 2.0, 0.0))
    features = ring_features(graph, ring, families, traits=traits)
    weights = shipped_weights(usage=usage)
    bare = weights.intercept + contributions(features, weights).sum(axis=1)
    shift = label_shift(bare, ring, fraud, legitimate)
    probability, nats = fleet_probability(features, weights, shift_nats=shift)
    ring = let_go_established(graph, ring, called_fleet(ring, probability, usage=usage), traits)
    ring[legitimate] = -1
    membership = np.where(ring >= 0, expit(nats_in), 0.0)
    score = np.where(ring >= 0, membership * np.append(probability, 0.0)[ring], 0.0)
    score = np.maximum(score, near_score(ring, near, probability, legitimate))
    score = np.maximum(score, lockstep_score(shared, back, legitimate))
    return Assessment(
        ring=ring,
        membership=membership,
        features=features,
        contributions=nats,
        prior_nats=weights.intercept + shift,
        probability=probability,
        verdict=verdicts(ring, features, probability, usage=usage),
        account_score=score,
        origin=origin,
    )


def families_per_member(shared: Incidence, found: Communities) -> FloatArray:
    """Return float64 (N,): families that speak for each member's membership."""
    out = np.zeros(shared.accounts)
    own = own_odds(shared, found.lifts, found.community)
    out[own.account] = own.families
    return out


def near_fleets(
    shared: Incidence,
    back: Background,
    ring: IntArray,
    probability: FloatArray,
    *,
    usage: bool,
    among: BoolArray | None = None,
) -> Odds:
    """Score every account against the rings that are fleets, down to `NEAR_NATS`.

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
    odds = membership_odds(shared, lifts, threshold=NEAR_NATS, minimum_families=1, among=among)
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
    outside[near.account] = True
    outside &= ring < 0
    again = near_fleets(shared, back, ring, probability, usage=usage, among=outside)
    return admit(ring, nats, again, probability)


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
        0 to one half; 0 of members, of accounts labelled legitimate, and of all whose odds
        are below `NEAR_NATS`.
    """
    out = np.zeros(len(ring))
    best, nats = best_community(near, len(ring))
    outside = (ring < 0) & (best >= 0)
    out[outside] = expit(np.minimum(nats[outside], 0.0)) * probability[best[outside]]
    out[legitimate] = 0.0
    return out


def called_fleet(ring: IntArray, probability: FloatArray, *, usage: bool) -> BoolArray:
    """Return bool (R,): rings probable enough, for what is known of them, to be called fleets."""
    size = np.bincount(ring[ring >= 0], minlength=len(probability))
    asked = np.where(size < FEW, FLEET_OF_FEW, FLEET)
    return probability >= (asked if usage else FLEET_WITHOUT_USE)


def verdicts(
    ring: IntArray,
    features: FloatArray,
    probability: FloatArray,
    *,
    usage: bool = True,
) -> list[Verdict]:
    """Name what each ring is: a fleet, a household, an organisation, or unclear.

    Parameters
    ----------
    ring, features, probability
        int32 (N,), -1 outside; float64 (R, F); float64 (R,): P(fleet | ring).
    usage
        Whether anybody's use is known: what is asked of a fleet depends on it.

    Returns
    -------
    list of Verdict, length R
    """
    size = np.bincount(ring[ring >= 0], minlength=len(probability))
    known = np.nan_to_num(features)
    owned = known[:, NAMES.index("domain_ownership")]
    network = known[:, NAMES.index("network_focus")]
    card = known[:, NAMES.index("card_reuse")]
    out: list[Verdict] = []
    fleet = called_fleet(ring, probability, usage=usage)
    for number in range(len(probability)):
        if fleet[number]:
            out.append(Verdict.FLEET)
        elif size[number] <= HOUSEHOLD_SIZE and max(network[number], card[number]) > 0.2:
            out.append(Verdict.HOUSEHOLD)
        elif max(owned[number], network[number]) > 0.3:
            out.append(Verdict.ORGANISATION)
        else:
            out.append(Verdict.UNCLEAR)
    return out
