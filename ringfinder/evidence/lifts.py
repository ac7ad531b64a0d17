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

Values of which each ties two or three members say little one by one. Of the kinds that are a
person's own they are pooled, and say what all of them say together
(`ringfinder.evidence.pooled`).

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

from ringfinder.evidence.background import SHRINKAGE, Background
from ringfinder.evidence.incidence import Incidence
from ringfinder.evidence.pairs import excess_nats
from ringfinder.evidence.pooled import Held, held_values, pool_rates, pooled_links
from ringfinder.evidence.runs import spread
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
        float64 (M,): the lift, above `MINIMUM_LIFT`, at most the cap; of a value that few
        members hold, the lift of its kind's pool (`ringfinder.evidence.pooled`).
    holder
        int32 (M,): the member that alone holds the value, to whom it says nothing; -1 where
        several hold it.
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
    holder: IntArray
    miss: FloatArray

    def only(self, rows: BoolArray) -> Lifts:
        """Return the same communities with some of their values."""
        return replace(
            self,
            community=self.community[rows],
            value=self.value[rows],
            inside=self.inside[rows],
            nats=self.nats[rows],
            holder=self.holder[rows],
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
    held = held_values(shared, community)
    size = np.bincount(community[community >= 0]).astype(float)
    prior = np.maximum(np.log(shared.accounts / np.maximum(size, 1.0)), LEAST_PRIOR)
    cap = np.maximum(prior, LEAST_CAP)
    mix = _Mix.of(back, community)
    nats = np.zeros(len(held.value))
    often = np.flatnonzero(held.inside >= MINIMUM_HOLDERS)
    group, value, inside = held.community[often], held.value[often], held.inside[often]
    outside = _rate_outside(back, mix, group, value, inside)
    nats[often] = _nats(inside, size[group], outside, cap[group])
    links = pooled_links(shared, community, held)
    pool, of, linked, outside = pool_rates(shared, back, held, links, weight=mix.weight)
    group = of // len(KINDS)
    pooled = _nats(linked, size[group], outside, cap[group])
    nats[links.rows] = np.maximum(nats[links.rows], pooled[pool])
    keep = np.flatnonzero(nats > 0)
    held = held.only(keep)
    return Lifts(
        communities=len(size),
        size=size,
        prior=prior,
        cap=cap,
        community=held.community.astype(np.int32),
        value=held.value.astype(np.int32),
        inside=held.inside.astype(np.int32),
        nats=nats[keep],
        holder=held.holder,
        miss=_miss_nats(shared, community, held, len(size)),
    )


def _nats(
    inside: IntArray | FloatArray, size: FloatArray, outside: FloatArray, cap: FloatArray
) -> FloatArray:
    """Return the lift of what `inside` of `size` members show; 0 where it says nothing."""
    left = np.maximum(inside.astype(float) - 1.0, 0.0)
    rate = np.maximum(left - CONFIDENCE * np.sqrt(left), 0.25) / size
    nats = np.minimum(np.log(rate / outside), cap)
    marking = excess_nats(inside, np.maximum(outside * size, 1e-9)) > MARK_NATS
    return np.where((nats > MINIMUM_LIFT) & marking & (inside >= MINIMUM_HOLDERS), nats, 0.0)


def _miss_nats(shared: Incidence, community: IntArray, marks: Held, communities: int) -> FloatArray:
    """Return (R, K): what showing a kind without any of the community's marks of it costs.

    ``ln((m + 1) / (n + 2))`` with n members that show the kind and m of them without a
    mark: Laplace's rule, so that five members cannot rule anybody out.
    """
    members = np.flatnonzero(community >= 0)
    row = np.zeros(len(community), dtype=np.int64)
    row[members] = np.arange(len(members))
    often = np.flatnonzero(marks.inside >= 2)  # what one member alone holds says nothing to it
    which, at = spread(marks.begin[often], marks.inside[often])
    hit = np.zeros((len(members), len(KINDS)), dtype=bool)
    hit[row[marks.member[at]], shared.kind[marks.value[often]][which]] = True
    of = community[members]
    showing = _count_by(of, shared.shown[members], communities)
    hits = _count_by(of, hit, communities)
    nats = np.log((showing - hits + 1.0) / (showing + 2.0))
    return np.where(hits > 0, np.clip(nats, WORST_MISS, 0.0), 0.0)


@dataclass(frozen=True)
class _Mix:
    """Of which classes the members of each community are.

    Attributes
    ----------
    share
        Sparse (R, C): share of each class among the members.
    weight
        Sparse (R, C): the share over the innocents of the class, shrunk.
    size, trusted
        float64 (R,): members; innocents among them.
    """

    share: sparse.csr_array
    weight: sparse.csr_array
    size: FloatArray
    trusted: FloatArray

    @classmethod
    def of(cls, back: Background, community: IntArray) -> _Mix:
        communities = int(community.max(initial=-1)) + 1
        members = np.flatnonzero(community >= 0)
        counts = sparse.csr_array(
            (np.ones(len(members)), (community[members], back.label[members])),
            shape=(communities, back.classes),
        )
        counts.sum_duplicates()
        size = np.asarray(counts.sum(axis=1)).ravel()
        share = sparse.csr_array(counts.multiply(1.0 / np.maximum(size, 1.0)[:, None]))
        weight = sparse.csr_array(share.multiply(1.0 / (back.size[None, :] + SHRINKAGE)))
        counted = members[back.innocent[members]]
        trusted = np.bincount(community[counted], minlength=communities).astype(float)
        return cls(share, weight, size, trusted)


def _rate_outside(
    back: Background, mix: _Mix, group: IntArray, value: IntArray, inside: IntArray
) -> FloatArray:
    """Rate of a value among accounts outside a community, of the members' classes."""
    holders = np.asarray(mix.weight[group].multiply(back.holders[value]).sum(axis=1)).ravel()
    # the innocent members' own holdings, spread over their classes as the members are
    own = np.asarray(mix.weight.multiply(mix.share).sum(axis=1)).ravel()
    counted = inside * (mix.trusted / np.maximum(mix.size, 1.0))[group]
    lean = SHRINKAGE * np.asarray(mix.weight.sum(axis=1)).ravel()
    known = np.asarray(back.holders.sum(axis=1)).ravel()[value]
    strangers = back.size.sum() - mix.trusted[group]
    overall = (np.maximum(known - counted, 0.0) + 1.0) / (strangers + 1.0)
    return np.asarray(np.maximum(holders - counted * own[group], 0.0) + lean[group] * overall)


def _count_by(of: IntArray, shown: BoolArray, communities: int) -> IntArray:
    """Count (R, K): in how many rows, of each community, each column of `shown` is true."""
    return np.stack([np.bincount(of[column], minlength=communities) for column in shown.T], axis=1)
