"""Split a ring that two descriptions explain better than one.

A fleet may hide among a company's accounts, and an attacker may type a victim's domain
to have the victim flagged. Shared values cannot tell the two apart, behaviour can: a
mixture of two normal profiles of the members' traits is fitted, and kept where the
Bayesian information criterion prefers it by far. Whether the parts are published apart
is for the judgement to say: only parts with different verdicts are worth telling apart.

References
----------
G. Schwarz, "Estimating the dimension of a model", Annals of Statistics 6 (1978).
R. E. Kass, A. E. Raftery, "Bayes factors", JASA 90 (1995): 10 in 2 ln B is very strong.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from ringfinder.model import BoolArray, FloatArray, IntArray
from ringfinder.score.accounts import Traits

MINIMUM_PART = 5
"""Members of the smaller part; as many as the smallest ring that is reported."""

VERY_STRONG = 10.0
"""Gain in the Bayesian information criterion (2 ln B) from which two profiles are kept."""

STEPS = 40
"""Steps of EM at most."""

MINIMUM_SPREAD = 0.05
"""Variance below which no profile goes, and deviation below which no trait is a start."""

ROUNDING = 1e-9
"""Nats by which a start must be better: of two that meet, the first names the parts."""

BLOCK_MEMBERS = 100_000
"""Members fitted at a time: bounds memory (about 1 kB each), changes nothing."""


def split_ring(members: IntArray, traits: Traits, created_ms: IntArray) -> BoolArray | None:
    """Split one ring's members in two by what they do: `split_rings` of one."""
    return split_rings([members], traits, created_ms)[0]


def split_rings(
    rings: Sequence[IntArray], traits: Traits, created_ms: IntArray
) -> list[BoolArray | None]:
    """Split each ring's members in two by what they do.

    Rings of one size are fitted side by side: there are thousands of small ones, and
    the arithmetic is the same for each.

    Parameters
    ----------
    rings
        int (k,) each: account indices of the members.
    traits, created_ms
        Of all accounts.

    Returns
    -------
    list of BoolArray, shape (k,), or None
        True for the second part; None where one profile explains the members as well.
    """
    out: list[BoolArray | None] = [None] * len(rings)
    size = np.array([len(members) for members in rings], dtype=np.int64)
    for k in np.unique(size[size >= 2 * MINIMUM_PART]).tolist():
        same = np.flatnonzero(size == k)
        step = max(BLOCK_MEMBERS // k, 1)
        for block in (same[at : at + step] for at in range(0, len(same), step)):
            x = trait_table(np.stack([rings[number] for number in block]), traits, created_ms)
            for number, part in zip(block.tolist(), _split(x), strict=True):
                out[number] = part
    return out


def trait_table(members: IntArray, traits: Traits, created_ms: IntArray) -> FloatArray:
    """Return float64 (B, 5, k): traits of B rings of k members.

    The time of sign-up is scaled to the ring; traits of accounts hardly used are zero.
    """
    created = created_ms[members].astype(float)
    created -= created.mean(axis=1, keepdims=True)
    created /= np.maximum(created.std(axis=1, keepdims=True), 1.0)
    used = traits.used[members]
    columns = (traits.output_size, traits.pace, traits.wakefulness, traits.persistence)
    return np.stack(
        [created] + [np.where(used, column[members], 0.0) for column in columns], axis=1
    )


def _split(x: FloatArray) -> list[BoolArray | None]:
    """Split rings of one size, traits (B, 5, k), each from the best of its starts."""
    rings, columns, k = x.shape
    one = _log_normal(x, x * x, np.ones((rings, k))).sum(axis=1)
    number, start = _starts(x)
    likelihood, second = _fit_two(x[number], start)
    best = np.full(rings, -np.inf)
    row = np.full(rings, -1)
    for at, of in enumerate(number.tolist()):
        if likelihood[at] > best[of] + ROUNDING:
            best[of], row[of] = likelihood[at], at
    count = second[row].sum(axis=1) if len(second) else np.zeros(rings)
    gain = 2 * (best - one) - (2 * columns + 1) * np.log(k)
    split = (row >= 0) & (np.minimum(count, k - count) >= MINIMUM_PART) & (gain > VERY_STRONG)
    return [second[row[of]] if split[of] else None for of in range(rings)]


def _starts(x: FloatArray) -> tuple[IntArray, BoolArray]:
    """Start from the median of each trait that varies, and from early against late.

    Returns
    -------
    number, start
        int (S,): the ring; bool (S, k): its second part. By ring, then trait.
    """
    number, column = np.nonzero(x.std(axis=2) > MINIMUM_SPREAD)
    return number, (x > np.median(x, axis=2, keepdims=True))[number, column]


def _fit_two(x: FloatArray, start: BoolArray) -> tuple[FloatArray, BoolArray]:
    """Fit two diagonal normals by EM from each start, until no step gains anything.

    Parameters
    ----------
    x
        float64 (S, 5, k).
    start
        Bool (S, k).

    Returns
    -------
    likelihood, second
        float64 (S,): natural log; bool (S, k): the second part.
    """
    likelihood = np.full(len(x), -np.inf)
    found = start.copy()
    running, second, square = np.arange(len(x)), start.astype(float), x * x
    for _ in range(STEPS):
        if not len(running):
            break
        one, two = _log_normal(x, square, 1 - second), _log_normal(x, square, second)
        gap = two - one
        tail = np.exp(-np.abs(gap))
        total = (np.maximum(one, two) + np.log1p(tail)).sum(axis=1)
        second = np.where(gap > 0, 1.0, tail) / (1 + tail)
        moving = total - likelihood[running] >= 1e-6 * x.shape[2]
        likelihood[running], found[running] = total, second > 0.5
        if not moving.all():
            running, second = running[moving], second[moving]
            x, square = x[moving], square[moving]
    return likelihood, found


def _log_normal(x: FloatArray, square: FloatArray, weight: FloatArray) -> FloatArray:
    """Return ln of (share of members x density), float64 (S, k), of the weighted normals.

    Everything follows from the weighted sums of x and of its square. They are summed
    without a linear algebra library, whose rounding depends on the number of threads.
    """
    total = np.maximum(weight.sum(axis=1), 1e-9)[:, None]
    centre = np.einsum("sck,sk->sc", x, weight) / total
    mean_square = np.einsum("sck,sk->sc", square, weight) / total
    variance = np.maximum(mean_square - centre**2, MINIMUM_SPREAD)
    fixed = -0.5 * (centre**2 / variance + np.log(2 * np.pi * variance)).sum(axis=1)
    share = np.log(np.maximum(weight.mean(axis=1), 1e-9))
    out = np.einsum("sck,sc->sk", x, centre / variance)
    out += np.einsum("sck,sc->sk", square, -0.5 / variance)
    out += (fixed + share)[:, None]
    return out
