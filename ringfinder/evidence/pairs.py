"""Pairs of values that sit together on more accounts than chance allows.

Whether a value is evidence is told by the company it keeps, not by how popular it is.
For values u and v of two families, held together by n accounts where e were expected
under a degree-corrected null within classes, the excess in nats is the Poisson
log-likelihood ratio ``n ln(n / e) - (n - e)`` (Wilks 1938; Dunning 1993 for counts).
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from ringfinder.evidence.background import Background, activity_correction
from ringfinder.evidence.incidence import Incidence
from ringfinder.model import FloatArray, IntArray

RAREST_PER_FAMILY = 8
"""Values of one family an account enters pairs with, rarest first.

Bounds the work to N * (5 * 8)^2 / 2 pairs however many values a proxy user shows. The
rarest carry the evidence; eight keep a fleet's own address among those of its proxies.
"""

MINIMUM_TOGETHER = 3
"""Accounts on which a pair must be seen; two are a couple sharing a flat."""


FALSE_PAIRS = 0.002
"""Chance pairs allowed for each real one: a false pair adds one wrong edge between two
communities, and the evidence tests come after."""


@dataclass(frozen=True)
class Pairs:
    """Pairs of values beyond chance.

    Attributes
    ----------
    u, v
        int32 (P,): value indices, u < v; sorted by (u, v).
    together
        int32 (P,): accounts holding both, n.
    expected
        float64 (P,): e.
    nats
        float64 (P,): n ln(n / e) - (n - e).
    """

    u: IntArray
    v: IntArray
    together: IntArray
    expected: FloatArray
    nats: FloatArray


def rarest_sightings(shared: Incidence, *, per_family: int = RAREST_PER_FAMILY) -> IntArray:
    """Return the rows of each account's rarest values, at most `per_family` per family.

    Ties go to the lower value index, which is the order of kind and pseudonym.

    Returns
    -------
    IntArray, shape (K,)
        Row indices into the incidence, sorted by account.
    """
    rows = np.flatnonzero(shared.degree[shared.value] >= MINIMUM_TOGETHER)
    value = shared.value[rows]
    group = shared.account[rows].astype(np.int64) * 8 + shared.family[value]
    order = np.lexsort((value, shared.degree[value], group))
    grouped = group[order]
    starts = np.flatnonzero(np.r_[True, grouped[1:] != grouped[:-1]]) if len(order) else order
    rank = np.arange(len(order)) - np.repeat(starts, np.diff(np.r_[starts, len(order)]))
    return np.sort(rows[order[rank < per_family]])


def pair_counts(
    shared: Incidence, rows: IntArray, *, within_family: bool = False, block: int = 1 << 24
) -> tuple[IntArray, IntArray, IntArray]:
    """Count the accounts on which two values meet.

    Parameters
    ----------
    shared, rows
        The incidence and the rows of it to pair, sorted by account.
    within_family
        Pair values of one family and different kinds or values instead of values of two.
    block
        Pairs held at once before they are folded; bounds the memory.

    Returns
    -------
    u, v, together
        int32 (P,): u < v, sorted; only pairs met at least `MINIMUM_TOGETHER` times.
    """
    account, value = shared.account[rows], shared.value[rows].astype(np.int64)
    counts = np.bincount(account, minlength=shared.accounts)
    begin = np.concatenate(([0], np.cumsum(counts)))
    keys: list[IntArray] = []
    for lo, hi in _blocks(counts, block):
        part = _pairs_of(value[begin[lo] : begin[hi]], counts[lo:hi], shared, within_family)
        keys.append(part)
    key = np.concatenate(keys) if keys else np.zeros(0, dtype=np.int64)
    key.sort()
    starts = np.flatnonzero(np.r_[True, key[1:] != key[:-1]]) if len(key) else key
    together = np.diff(np.r_[starts, len(key)])
    keep = together >= MINIMUM_TOGETHER
    unique = key[starts[keep]]
    u, v = np.divmod(unique, max(shared.values, 1))
    return u.astype(np.int32), v.astype(np.int32), together[keep].astype(np.int32)


def pairs_beyond(shared: Incidence, back: Background, *, within_family: bool = False) -> Pairs:
    """Count every pair of values and what the null expects of it.

    Returns
    -------
    Pairs
        Those met at least `MINIMUM_TOGETHER` times and more often than expected.
        O(N K^2) in time, K the values kept per account.
    """
    rows = rarest_sightings(shared)
    u, v, together = pair_counts(shared, rows, within_family=within_family)
    kappa = activity_correction(shared, back)
    expected = back.expected(u, v) * kappa[shared.family[u], shared.family[v]]
    # one account per pair: a pair nobody could be expected to show still has a prior
    expected = np.maximum(expected, 1.0 / shared.accounts)
    nats = excess_nats(together, expected)
    keep = together > expected
    return Pairs(u[keep], v[keep], together[keep], expected[keep], nats[keep])


def significant_pairs(pairs: Pairs, least_nats: FloatArray | float) -> Pairs:
    """Return the pairs whose excess exceeds a threshold, one for all or one each."""
    keep = pairs.nats > least_nats
    return Pairs(
        pairs.u[keep], pairs.v[keep], pairs.together[keep], pairs.expected[keep], pairs.nats[keep]
    )


def least_nats(real: FloatArray, null: FloatArray, *, false_share: float = FALSE_PAIRS) -> float:
    """Choose the threshold that leaves at most a given share of chance pairs.

    Parameters
    ----------
    real, null
        Excess nats of the pairs of the data and of a permuted world.
    false_share
        Null pairs allowed for each real one above the threshold.

    Returns
    -------
    float
        Nats. The empirical counterpart of Benjamini and Hochberg (1995); a Bonferroni
        bound over all V^2 pairs costs a fifth of the small fleets.
    """
    grid = np.arange(4.0, 40.0, 0.5)
    above = len(real) - np.searchsorted(np.sort(real), grid, side="right")
    chance = len(null) - np.searchsorted(np.sort(null), grid, side="right")
    fit = np.flatnonzero(chance <= false_share * above)
    return float(grid[fit[0]]) if len(fit) else float(grid[-1])


def excess_nats(together: IntArray | FloatArray, expected: FloatArray) -> FloatArray:
    """Return n ln(n / e) - (n - e): the nats by which n exceeds e > 0; zero at n = e."""
    n = together.astype(float)
    return n * np.log(np.maximum(n, 1e-300) / expected) - (n - expected)


def _blocks(counts: IntArray, block: int) -> list[tuple[int, int]]:
    """Cut accounts into runs whose pairs fit into a block."""
    work = np.cumsum(counts.astype(np.int64) ** 2)
    edges = [0]
    while edges[-1] < len(counts):
        done = work[edges[-1] - 1] if edges[-1] else 0
        edges.append(max(int(np.searchsorted(work, done + block, side="right")), edges[-1] + 1))
    return list(pairwise(edges))


def _pairs_of(
    value: IntArray, counts: IntArray, shared: Incidence, within_family: bool
) -> IntArray:
    """Return the keys u * V + v (u < v) of every wanted pair within each account."""
    size = np.repeat(counts, counts)
    first = np.repeat(np.cumsum(counts) - counts, counts)
    position = np.arange(len(value)) - first
    partners = size - 1 - position
    left = np.repeat(np.arange(len(value)), partners)
    offset = np.arange(len(left)) - np.repeat(np.cumsum(partners) - partners, partners)
    right = left + 1 + offset
    a, b = value[left], value[right]
    if within_family:
        wanted = (shared.family[a] == shared.family[b]) & (a != b)
    else:
        wanted = shared.family[a] != shared.family[b]
    a, b = a[wanted], b[wanted]
    return np.minimum(a, b) * shared.values + np.maximum(a, b)
