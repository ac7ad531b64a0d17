"""Rank accounts by what they do together, where one family of evidence is all there is.

One family never makes a ring and never flags anybody. But an analyst who has nothing else,
a list of who used which prompt or starred which repository, still has to begin somewhere.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from ringfinder.evidence.background import Background, background
from ringfinder.evidence.incidence import Incidence, incidence
from ringfinder.evidence.pairs import (
    RAREST_PER_FAMILY,
    Pairs,
    pair_counts,
    pairs_beyond,
    rarest_sightings,
)
from ringfinder.model import BoolArray, FloatArray, IntArray
from ringfinder.schema import CODE, FAMILY_OF_KIND, KINDS, OBSERVATION_OF_KIND

BELOW = 0.5
"""What one family alone stays below: the score from which an account would be flagged."""

_FAMILY = np.array(FAMILY_OF_KIND)
_OBSERVATION = np.array(OBSERVATION_OF_KIND)
_TIME = OBSERVATION_OF_KIND[CODE["signup_window"]]
_TOLD = (_OBSERVATION != _TIME) & (np.arange(len(KINDS)) != CODE["prompt_band"])
"""Kinds whose values speak here. Times do not: a repository in the news is starred within
the hour by people who have never heard of each other. Nor do the bands of a prompt, which
sit together because they are parts of one text."""


def lockstep_score(
    shared: Incidence, back: Background, legitimate: IntArray | None = None
) -> FloatArray:
    """Rank accounts by how much of what they show goes together beyond chance.

    Where the data shows one evidence family only, each pair of values of an account counts
    with its lift, ``ln(m / e)``: m the *other* accounts that hold both, e the accounts that
    chance would give both. With s the sum of an account's lifts over the number of its
    values, its score is ``s / (1 + s) / 2``: the more someone shows, the more pairs chance
    offers, and dividing makes up for it.

    Parameters
    ----------
    shared, back
        Incidence and background.
    legitimate
        Account indices labelled legitimate; they score zero.

    Returns
    -------
    FloatArray, shape (N,)
        At least 0 and always below one half, which no single family passes. All zero where
        the data shows values of two families. A rank, not a probability.

    Notes
    -----
    Only the `RAREST_PER_FAMILY` rarest values of an account enter pairs, and pairs are of
    two values of one kind or of two observations: an address and its network say the same
    thing. O(N K^2), K = 8.

    Chosen on accounts that gave fake stars, amid a background rewired from them
    (`tests.bench.outside.stars`, seeds 1 to 5). Mean recall at 0.01% false positives, with
    the background's times shuffled, and kept with their repositories:

    - the strongest pair alone: .011, .011; by its log-likelihood ratio: .009, .009
    - the same less ``ln(k (k - 1) / 2)``, for the pairs that k values make: .011, .010
    - the sum of lifts: .012, .012; over ``k ** .75``, k or ``k ** 1.25``: .014, .013
    - the sum over k, with m counted 0, .7, 1.3 or 2 standard deviations low: .0151, .0143;
      .0152, .0138; .0138, .0129; .0129, .0124. The first is here
    - half a nat off for every pair that does not go together: less by .001; two: by .003
    - more for those who also share the hour of sign-up: the same, or less by .0002
    - pairs of a repository and an hour too, the strongest: .014, and nothing at all

    References
    ----------
    A. Beutel et al., "CopyCatch: stopping group attacks by spotting lockstep behavior in
    social networks", 2013, for the notion.
    """
    out = np.zeros(shared.accounts)
    if len(np.unique(_FAMILY[shared.shown.any(axis=0)])) != 1:
        return out
    told = _told(shared)
    if told.values < 2:
        return out
    rows = rarest_sightings(told)
    within = background(told, back.label, ~back.innocent)
    counts = pair_counts(told, rows, within_family=True)
    pairs = pairs_beyond(told, within, within_family=True, counts=counts)
    lift = _lift(pairs)
    speaks = _apart(told, pairs) & (lift > 0)
    total = _sum_by_account(told, rows, _only(pairs, speaks), lift[speaks])
    strength = total / np.maximum(np.bincount(told.account, minlength=told.accounts), 1)
    out = BELOW * strength / (1.0 + strength)
    if legitimate is not None:
        out[legitimate] = 0.0
    return out


def _told(shared: Incidence) -> Incidence:
    """Return the sightings of kinds that speak here."""
    keep = _TOLD[shared.kind[shared.value]]
    return incidence(shared.accounts, shared.account[keep], shared.value[keep], shared.kind)


def _lift(pairs: Pairs) -> FloatArray:
    """Return float64 (P,): ln(others who hold both / expected), in nats."""
    lift: FloatArray = np.log((pairs.together - 1.0) / pairs.expected)
    return lift


def _apart(told: Incidence, pairs: Pairs) -> BoolArray:
    """Return bool (P,): pairs that are two observations, not one said twice."""
    u, v = told.kind[pairs.u], told.kind[pairs.v]
    apart: BoolArray = (u == v) | (_OBSERVATION[u] != _OBSERVATION[v])
    return apart


def _only(pairs: Pairs, keep: BoolArray) -> Pairs:
    columns = ("u", "v", "together", "expected", "nats")
    return replace(pairs, **{name: getattr(pairs, name)[keep] for name in columns})


def _sum_by_account(told: Incidence, rows: IntArray, pairs: Pairs, lift: FloatArray) -> FloatArray:
    """Sum the lifts of the pairs that each account holds.

    Rows are sorted by account, then value, and at most `RAREST_PER_FAMILY` an account: the
    row a few places on holds the partner, or is another account's.
    """
    out = np.zeros(told.accounts)
    if not len(lift):
        return out
    known = pairs.u.astype(np.int64) * told.values + pairs.v
    account, value = told.account[rows], told.value[rows].astype(np.int64)
    for step in range(1, RAREST_PER_FAMILY):
        left = np.flatnonzero(account[:-step] == account[step:])
        key = value[left] * told.values + value[left + step]
        at = np.minimum(np.searchsorted(known, key), len(known) - 1)
        hit = known[at] == key
        out += np.bincount(account[left[hit]], weights=lift[at[hit]], minlength=told.accounts)
    return out
