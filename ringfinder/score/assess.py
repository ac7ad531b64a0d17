"""Judge the rings of a run: features, verdicts, account scores."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.special import expit

from ringfinder.detect.refine import Communities
from ringfinder.evidence.background import Background
from ringfinder.evidence.incidence import Incidence
from ringfinder.evidence.membership import own_odds
from ringfinder.graph.columns import AttributeGraph
from ringfinder.model import BoolArray, FloatArray, IntArray, Verdict
from ringfinder.score.accounts import account_traits
from ringfinder.score.apart import let_go_established, tell_apart
from ringfinder.score.calibrate import label_shift
from ringfinder.score.features import ring_features
from ringfinder.score.judge import contributions, fleet_probability, shipped_weights
from ringfinder.score.lockstep import lockstep_score
from ringfinder.score.near import (
    ADMIT_AGAIN,
    admit,
    admit_again,
    near_fleets,
    near_score,
    nearest_fleet,
)
from ringfinder.score.strangers import OWN_SHARE, at_even_odds, strangers
from ringfinder.score.verdicts import called_fleet, verdicts


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
        float64 (R,): log odds before the features; labels included, and what holds rings of
        `ringfinder.score.strangers` to even odds.
    probability
        float64 (R,): P(fleet | ring).
    verdict
        Length R.
    account_score
        float64 (N,): P(member) * P(fleet), also for accounts near a ring; 0-1. Where the
        data shows one family only, a rank below one half (`lockstep_score`).
    origin
        int32 (R,): the community a ring was cut from.
    near
        int32 (N,): the fleet that an account outside rings comes near; -1 where there is none.
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
    near: IntArray


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
    weights = shipped_weights(usage=usage)
    alike = strangers(shared, back, ring, features)
    bare = weights.intercept + contributions(features, weights).sum(axis=1)
    probability = expit(bare + at_even_odds(bare, alike))
    near = near_fleets(shared, back, ring, probability, usage=usage)
    before = ring
    ring, nats_in = admit(ring, found.nats, near, probability)
    for _ in range(ADMIT_AGAIN):
        if np.array_equal(ring, before):
            break
        before = ring
        ring, nats_in = admit_again(shared, back, ring, nats_in, near, probability, usage=usage)
    families = np.where(found.community >= 0, families, np.where(ring >= 0, 2.0, 0.0))
    features = ring_features(graph, ring, families, traits=traits)
    bare = weights.intercept + contributions(features, weights).sum(axis=1)
    shift = label_shift(bare, ring, fraud, legitimate)
    shift += at_even_odds(bare + shift, alike & ~_labelled(ring, fraud, len(alike)))
    probability, nats = fleet_probability(features, weights, shift_nats=shift)
    ring = let_go_established(graph, ring, called_fleet(ring, probability, usage=usage), traits)
    ring[legitimate] = -1
    membership = np.where(ring >= 0, expit(nats_in), 0.0)
    score = np.where(ring >= 0, membership * np.append(probability, 0.0)[ring], 0.0)
    score = np.maximum(score, near_score(ring, near, probability, legitimate))
    score = np.maximum(score, lockstep_score(shared, back, legitimate))
    verdict = verdicts(ring, features, probability, usage=usage)
    fleets = [number for number, one in enumerate(verdict) if one is Verdict.FLEET]
    nearest = nearest_fleet(ring, near)
    nearest[~np.isin(nearest, fleets)] = -1
    nearest[legitimate] = -1
    return Assessment(
        ring=ring,
        membership=membership,
        features=features,
        contributions=nats,
        prior_nats=weights.intercept + shift,
        probability=probability,
        verdict=verdict,
        account_score=score,
        origin=origin,
        near=nearest,
    )


def _labelled(ring: IntArray, fraud: IntArray, rings: int) -> BoolArray:
    """Return bool (R,): rings of which a person called more than a few accounts fraud.

    Among an app's nine hundred customers one is to be expected.
    """
    size, bad = np.bincount(ring[ring >= 0], minlength=rings), ring[fraud][ring[fraud] >= 0]
    return np.asarray(np.bincount(bad, minlength=rings) >= np.maximum(OWN_SHARE * size, 1))


def families_per_member(shared: Incidence, found: Communities) -> FloatArray:
    """Return float64 (N,): families that speak for each member's membership."""
    out = np.zeros(shared.accounts)
    own = own_odds(shared, found.lifts, found.community)
    out[own.account] = own.families
    return out
