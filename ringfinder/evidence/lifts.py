"""How much an account's values speak for its belonging to a community.

For a community R of k accounts and a value v that x of them hold, the *lift* of v is
``ln(rate inside / rate outside)``: inside at its lower confidence bound and leaving the
account itself out, outside among accounts of the members' classes. Of one observation (an
address and its network, a card and its issuer, a sign-up and the first use after it) only
the strongest lift speaks. Lifts of one family are not independent witnesses, so a
family's sum is capped at ``ln(N / k)`` nats, which is also what the prior odds cost: one
family can bring the odds to 1:1 at most, a second must carry them over. The cap grows
with ln N by itself, so the threshold is a plain posterior at any number of accounts. A
community of more than N / 20 accounts would need three families that way; its cap
therefore stays at `LEAST_CAP`, still below what the threshold asks of one family alone.

What is missing speaks too. Where nearly all members that show a prompt show one of the
ring's, an account that shows other prompts only is probably somebody else: a *miss* costs
``ln(share of members without a hit)`` nats. Without it a ring of a thousand addresses
collects strangers who touched one of them in a likely week. What a family brings beyond
its cap pays for misses and for nothing else: who holds four prompts that nobody but the
ring has may use another client.

References
----------
I. J. Good, "Weight of evidence: a brief survey", Bayesian Statistics 2, 1985.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from scipy import sparse

from ringfinder.evidence.background import Background
from ringfinder.evidence.incidence import Incidence
from ringfinder.evidence.pairs import excess_nats
from ringfinder.model import BoolArray, FloatArray, IntArray
from ringfinder.schema import KINDS

THRESHOLD_NATS = float(np.log(20.0))
"""Posterior odds of 20:1 admit an account to a community."""

LEAST_CAP = 4.5
LEAST_PRIOR = 1.6
"""Nats; `LEAST_CAP - LEAST_PRIOR` stays below `THRESHOLD_NATS`: one family never admits."""

MINIMUM_HOLDERS = 3
"""Members that must hold a value before it says anything about the community."""

MINIMUM_LIFT = 1.0
"""Nats below which a lift is left out: a value less than e times as common as outside."""

MARK_NATS = 10.0
"""Excess nats a value needs over what the outside rate gives k members: three members of
three hundred who signed up in one busy hour mark nothing."""

WORST_MISS = -2.3
"""Nats a miss costs at most: one member in ten may be unlike the others (Huber's
contamination model), and an operator who varies one trait must not slip out by it."""

CONFIDENCE = 1.3
"""Standard errors taken off the rate inside: a one-sided 90% Poisson bound."""

SHRINKAGE = 10.0
"""Accounts of prior weight with which a class's rate leans on the population's."""


@dataclass(frozen=True)
class Lifts:
    """What marks each community: the table an online scorer needs.

    Attributes
    ----------
    communities
        Number of communities, R.
    size
        float64 (R,): members.
    prior
        float64 (R,): ln(N / k), at least `LEAST_PRIOR`: nats the prior odds cost.
    cap
        float64 (R,): the most nats a family may bring: the prior, at least `LEAST_CAP`.
    community, value
        int32 (M,): sorted by community, then value.
    inside
        int32 (M,): members holding the value.
    nats
        float64 (M,): the lift, above `MINIMUM_LIFT`, at most the cap.
    miss
        float64 (R, K), at most zero: nats that showing a kind without holding any of
        the community's values of it costs.
    """

    communities: int
    size: FloatArray
    prior: FloatArray
    cap: FloatArray
    community: IntArray
    value: IntArray
    inside: IntArray
    nats: FloatArray
    miss: FloatArray

    def only(self, rows: BoolArray) -> Lifts:
        """Return the same communities with some of their values."""
        return replace(
            self,
            community=self.community[rows],
            value=self.value[rows],
            inside=self.inside[rows],
            nats=self.nats[rows],
        )


def log_lifts(shared: Incidence, back: Background, community: IntArray) -> Lifts:
    """Measure what marks each community.

    Parameters
    ----------
    shared, back
        The incidence and the background of the same accounts.
    community
        int32 (N,): 0 to R - 1, or -1 for accounts in none.

    Returns
    -------
    Lifts
        O(E log E) time.
    """
    member = community[shared.account] >= 0
    key = community[shared.account[member]].astype(np.int64) * shared.values
    key += shared.value[member]
    key.sort()
    starts = np.flatnonzero(np.r_[True, key[1:] != key[:-1]]) if len(key) else key
    inside = np.diff(np.r_[starts, len(key)])
    key = key[starts]
    often = inside >= MINIMUM_HOLDERS
    key, inside = key[often], inside[often]
    group, value = np.divmod(key, max(shared.values, 1))
    members = community >= 0
    size = np.bincount(community[members]).astype(float)
    prior = np.maximum(np.log(shared.accounts / np.maximum(size, 1.0)), LEAST_PRIOR)
    cap = np.maximum(prior, LEAST_CAP)
    left = (inside - 1).astype(float)
    rate = np.maximum(left - CONFIDENCE * np.sqrt(left), 0.25) / size[group]
    outside = _rate_outside(shared, back, community, group, value, inside)
    nats = np.minimum(np.log(rate / outside), cap[group])
    marking = excess_nats(inside, np.maximum(outside * size[group], 1e-9)) > MARK_NATS
    keep = (nats > MINIMUM_LIFT) & marking
    group, value = group[keep], value[keep]
    return Lifts(
        communities=len(size),
        size=size,
        prior=prior,
        cap=cap,
        community=group.astype(np.int32),
        value=value.astype(np.int32),
        inside=inside[keep].astype(np.int32),
        nats=nats[keep],
        miss=_miss_nats(shared, community, group * shared.values + value, len(size)),
    )


def _miss_nats(
    shared: Incidence, community: IntArray, marks: IntArray, communities: int
) -> FloatArray:
    """Return (R, K): what showing a kind without any of the community's marks of it costs.

    ``ln((m + 1) / (n + 2))`` with n members that show the kind and m of them without a
    mark: Laplace's rule, so that five members cannot rule anybody out.
    """
    members = np.flatnonzero(community >= 0)
    of, shown = community[members], shared.shown[members]
    showing = np.stack(
        [np.bincount(of[column], minlength=communities) for column in shown.T], axis=1
    )
    rows = np.flatnonzero(community[shared.account] >= 0)
    account, value = shared.account[rows], shared.value[rows]
    key = community[account].astype(np.int64) * shared.values + value
    at = np.minimum(np.searchsorted(marks, key), max(len(marks) - 1, 0))
    hit = (marks[at] == key) if len(marks) else np.zeros(len(key), dtype=bool)
    cell = _distinct(account[hit].astype(np.int64) * len(KINDS) + shared.kind[value[hit]])
    account, kind = np.divmod(cell, len(KINDS))
    hits = np.bincount(
        community[account].astype(np.int64) * len(KINDS) + kind,
        minlength=communities * len(KINDS),
    ).reshape(communities, len(KINDS))
    nats = np.log((showing - hits + 1.0) / (showing + 2.0))
    return np.where(hits > 0, np.clip(nats, WORST_MISS, 0.0), 0.0)


def _rate_outside(
    shared: Incidence,
    back: Background,
    community: IntArray,
    group: IntArray,
    value: IntArray,
    inside: IntArray,
) -> FloatArray:
    """Rate of a value among accounts outside a community, of the members' classes."""
    communities = int(community.max(initial=-1)) + 1
    members = np.flatnonzero(community >= 0)
    mix = sparse.csr_array(
        (np.ones(len(members)), (community[members], back.label[members])),
        shape=(communities, back.classes),
    )
    mix.sum_duplicates()
    size = np.asarray(mix.sum(axis=1)).ravel()
    share = sparse.csr_array(mix.multiply(1.0 / np.maximum(size, 1.0)[:, None]))
    weight = sparse.csr_array(share.multiply(1.0 / (back.size[None, :] + SHRINKAGE)))
    holders = np.asarray(weight[group].multiply(back.holders[value]).sum(axis=1)).ravel()
    # the innocent members' own holdings, spread over their classes as the members are
    counted = members[back.innocent[members]]
    trusted = np.bincount(community[counted], minlength=communities)
    own = np.asarray(weight.multiply(share).sum(axis=1)).ravel()
    inside = inside * (trusted / np.maximum(size, 1.0))[group]
    lean = SHRINKAGE * np.asarray(weight.sum(axis=1)).ravel()
    known = np.asarray(back.holders.sum(axis=1)).ravel()[value]
    strangers = back.size.sum() - trusted[group]
    overall = (np.maximum(known - inside, 0.0) + 1.0) / (strangers + 1.0)
    return np.asarray(np.maximum(holders - inside * own[group], 0.0) + lean[group] * overall)


def _distinct(keys: IntArray) -> IntArray:
    """Return the sorted distinct keys; on tens of millions, sorting beats hashing."""
    keys.sort()
    return keys[np.r_[True, keys[1:] != keys[:-1]]] if len(keys) else keys
