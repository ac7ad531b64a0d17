"""Pairs of values that sit together on more accounts than chance allows.

Whether a value is evidence is told by the company it keeps, not by how popular it is.
For values u and v of two families, held together by n accounts where e were expected
under a degree-corrected null within classes, the excess in nats is the Poisson
log-likelihood ratio ``n ln(n / e) - (n - e)`` (Wilks 1938; Dunning 1993 for counts).
"""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np

from ringfinder.evidence.background import Background, activity_correction
from ringfinder.evidence.incidence import FAMILY_COUNT, Incidence
from ringfinder.evidence.runs import chunks, fresh, rows_of_runs
from ringfinder.model import BoolArray, FloatArray, IntArray

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


Counts = tuple[IntArray, IntArray, IntArray]
"""u, v, together: int32 (P,), see `pair_counts`. They do not depend on a background."""


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
    group = shared.account[rows].astype(np.int64) * FAMILY_COUNT + shared.family[value]
    many = np.bincount(group, minlength=shared.accounts * FAMILY_COUNT) > per_family
    ranked = np.flatnonzero(many[group])  # of few values, all are kept
    rarity = np.empty(shared.values, dtype=np.int64)
    rarity[np.argsort(shared.degree, kind="stable")] = np.arange(shared.values)
    order = np.lexsort((rarity[value[ranked]], group[ranked]))
    grouped = group[ranked[order]]
    first = np.flatnonzero(fresh(grouped))
    rank = np.arange(len(order)) - np.repeat(first, np.diff(first, append=len(order)))
    kept = np.ones(len(rows), dtype=bool)
    kept[ranked[order[rank >= per_family]]] = False
    return rows[kept]


def pair_counts(
    shared: Incidence,
    rows: IntArray | None = None,
    *,
    within_family: bool = False,
    least: int = MINIMUM_TOGETHER,
    block: int = 1 << 20,
) -> Counts:
    """Count the accounts on which two values meet.

    Parameters
    ----------
    shared
        The incidence.
    rows
        The rows of it to pair, sorted by account: `rarest_sightings` if not given.
    within_family
        Pair different values of one family instead of values of two.
    least
        Accounts on which a pair must be met to be told of.
    block
        Pairs formed at a time; bounds the memory beside one int64 for each pair that is met.

    Returns
    -------
    u, v, together
        int32 (P,): u < v, sorted; only pairs met at least `least` times. Where
        values are numbered by family, two threads count half of the pairs each; the answer
        is the same.
    """
    rows = rarest_sightings(shared) if rows is None else rows
    account, value = shared.account[rows], shared.value[rows]
    family = shared.family[value]
    numbered = not np.any(np.diff(shared.family) < 0)
    if not numbered:
        order = np.lexsort((value, family, account))
        account, value, family = account[order], value[order], family[order]
    first, end = _partners(account, family, within_family)
    # where values are numbered by family, the pairs of other families come behind these
    parts = _halves(family, end - first) if numbered else [np.arange(len(value))]
    with ThreadPoolExecutor(max_workers=len(parts)) as pool:
        found = list(
            pool.map(
                lambda rows: _counted(
                    value, rows, first[rows], end[rows], shared.values, least, block
                ),
                parts,
            )
        )
    u, v, together = (np.concatenate(column) for column in zip(*found, strict=True))
    return u, v, together


def counts_without(shared: Incidence, counts: Counts, left_out: BoolArray) -> Counts:
    """Take some accounts out of counts of pairs.

    Parameters
    ----------
    shared, counts
        The incidence, and what `pair_counts` says of it.
    left_out
        Bool (N,): the accounts to leave out.

    Returns
    -------
    u, v, together
        What is left, as in `pair_counts`; of each account the values that are rarest among
        all accounts are paired. In time the left out accounts' share of a count.
    """
    u, v, together = counts
    key = u.astype(np.int64) * shared.values + v
    away_u, away_v, away = pair_counts(shared.among(left_out), least=1)
    away_key = away_u.astype(np.int64) * shared.values + away_v
    at = np.searchsorted(key, away_key)
    hit = np.flatnonzero(at < len(key))
    hit = hit[key[at[hit]] == away_key[hit]]
    left = together.copy()
    left[at[hit]] -= away[hit]
    keep = left >= MINIMUM_TOGETHER
    return u[keep], v[keep], left[keep]


def pairs_beyond(
    shared: Incidence,
    back: Background,
    *,
    within_family: bool = False,
    counts: Counts | None = None,
) -> Pairs:
    """Count every pair of values and what the null expects of it.

    Parameters
    ----------
    shared, back
        Incidence and background.
    within_family
        Look at pairs within a family instead of across.
    counts
        What `pair_counts` says, where it has been asked before.

    Returns
    -------
    Pairs
        Those met at least `MINIMUM_TOGETHER` times and more often than expected; expected
        is at least 1 / N. O(N K^2) in time, K the values kept per account.
    """
    u, v, together = counts or pair_counts(shared, within_family=within_family)
    kappa = activity_correction(shared, back)
    expected = back.expected(u, v) * kappa[shared.family[u], shared.family[v]]
    expected = np.maximum(expected, back.least_expected(u, v, shared.degree))
    nats = excess_nats(together, expected)
    keep = together > expected
    return Pairs(u[keep], v[keep], together[keep], expected[keep], nats[keep])


def significant_pairs(pairs: Pairs, least_nats: FloatArray | float) -> Pairs:
    """Return the pairs whose excess exceeds a threshold in nats: one for all, or (P,) one each."""
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
        Nats, from 4 to 39.5 in steps of one half; the highest where none leaves so few. The
        empirical counterpart of Benjamini and Hochberg (1995); a Bonferroni bound over all
        V^2 pairs, good enough to suspect by, costs a fifth of the small fleets.
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


def _halves(family: IntArray, partners: IntArray) -> list[IntArray]:
    """Cut the rows between two families so that both sides have about as many pairs."""
    pairs = np.cumsum(np.bincount(family, weights=partners, minlength=FAMILY_COUNT))
    last = int(np.argmin(np.abs(pairs - pairs[-1] / 2)))
    return [np.flatnonzero(family <= last), np.flatnonzero(family > last)]


def _counted(
    value: IntArray,
    rows: IntArray,
    first: IntArray,
    end: IntArray,
    values: int,
    least: int,
    block: int,
) -> Counts:
    """Count the pairs of some rows with the runs of rows from `first` to `end`."""
    done = np.concatenate(([0], np.cumsum(end - first)))
    key = np.empty(done[-1], dtype=np.int64)
    for lo, hi in chunks(done, block):
        part = slice(lo, hi)
        key[done[lo] : done[hi]] = _keys(value, rows[part], first[part], end[part], values)
    key.sort()
    # runs of three: all but a few keys occur once, and need no further look
    ahead = least - 1
    often = key[np.flatnonzero(key[ahead:] == key[: len(key) - ahead])]
    starts = np.flatnonzero(fresh(often))
    together = np.diff(starts, append=len(often)) + ahead
    u, v = np.divmod(often[starts], max(values, 1))
    return u.astype(np.int32), v.astype(np.int32), together.astype(np.int32)


def _partners(
    account: IntArray, family: IntArray, within_family: bool
) -> tuple[IntArray, IntArray]:
    """Return where the rows begin and end that each row is paired with.

    Rows are sorted by account, then family: the partners of a row are a run behind it.
    """
    family_end = _ends(account.astype(np.int64) * FAMILY_COUNT + family)
    if within_family:
        return np.arange(1, len(account) + 1), family_end
    return family_end, _ends(account)


def _ends(group: IntArray) -> IntArray:
    """Return where the run of equal numbers that each row is in ends."""
    ends = np.flatnonzero(np.r_[group[1:] != group[:-1], True][: len(group)]) + 1
    return np.repeat(ends, np.diff(ends, prepend=0))


def _keys(value: IntArray, rows: IntArray, first: IntArray, end: IntArray, values: int) -> IntArray:
    """Return u * V + v, u < v, for every pair of some rows."""
    partners = end - first
    a = np.repeat(value[rows].astype(np.int64), partners)
    b = value[rows_of_runs(first, partners)]
    return np.minimum(a, b) * values + np.maximum(a, b)
