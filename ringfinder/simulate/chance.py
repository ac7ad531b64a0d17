"""Random draws that depend on a name and the seed, never on the order of the calls."""

from __future__ import annotations

import zlib
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ringfinder.model import FloatArray, IntArray

U64 = NDArray[np.uint64]


def stream(seed: int, *names: object) -> np.random.Generator:
    """Return the generator of one named part of the world."""
    key = tuple(zlib.crc32(str(name).encode()) for name in names)
    return np.random.Generator(np.random.PCG64(np.random.SeedSequence(seed, spawn_key=key)))


def scramble(codes: IntArray | U64, salt: int) -> U64:
    """Map integers to 64 random-looking bits, one to one for one salt (splitmix64)."""
    offset = np.uint64((salt * 0x9E3779B97F4A7C15 + 0x632BE59BD9B4E019) & 0xFFFFFFFFFFFFFFFF)
    z = codes.astype(np.uint64) * np.uint64(0x9E3779B97F4A7C15) + offset
    z = (z ^ (z >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    z = (z ^ (z >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return z ^ (z >> np.uint64(31))


def salt_of(seed: int, name: str) -> int:
    """Return the salt of one name space in one world."""
    return zlib.crc32(name.encode()) * 1_000_003 + seed


def uniform_of(bits: U64) -> FloatArray:
    """Map 64 bits to [0, 1)."""
    return (bits >> np.uint64(11)).astype(np.float64) * 2.0**-53


def zipf_weights(n: int, exponent: float) -> FloatArray:
    """Return n weights that fall with rank^exponent and sum to 1."""
    weights = np.arange(1, n + 1, dtype=np.float64) ** -exponent
    result: FloatArray = weights / weights.sum()
    return result


def choose(rng: np.random.Generator, weights: FloatArray, n: int) -> NDArray[np.int64]:
    """Draw n indices with the given weights (faster than Generator.choice)."""
    cdf = np.cumsum(weights)
    picks = np.searchsorted(cdf, rng.random(n) * cdf[-1], side="right")
    result: NDArray[np.int64] = np.minimum(picks, len(weights) - 1).astype(np.int64)
    return result


def heavy_sizes(
    rng: np.random.Generator, total: int, count: int, smallest: int, largest: int, tail: float = 0.8
) -> list[int]:
    """Split `total` into about `count` sizes with a Pareto tail, within the bounds.

    The sizes are quantiles of a bounded Pareto law (so every world has its big and its
    small ones), jittered; they sum to `total` exactly unless `total` < `smallest`.
    """
    if total < smallest:
        return []
    count = max(1, min(count, total // smallest))
    largest = max(largest, smallest, -(-total // count))
    levels = (np.arange(count) + rng.random(count)) / count
    low, high = _pareto_mean_bounds(levels, tail, total, smallest, largest)
    sizes = np.clip(np.rint(_pareto(levels, tail, low, high)), smallest, largest).astype(np.int64)
    order = rng.permutation(count)
    step = 0
    while (gap := total - int(sizes.sum())) != 0:
        k = order[step % count]
        move = int(np.sign(gap)) * max(1, min(abs(gap), int(sizes[k]) // 8))
        sizes[k] = np.clip(sizes[k] + move, smallest, largest if step < 40 * count else total)
        step += 1
    return [int(size) for size in rng.permutation(sizes)]


def _pareto(levels: FloatArray, tail: float, low: float, high: float) -> FloatArray:
    ratio = (low / high) ** tail
    result: FloatArray = low * (1.0 - levels * (1.0 - ratio)) ** (-1.0 / tail)
    return result


def _pareto_mean_bounds(
    levels: FloatArray, tail: float, total: int, smallest: int, largest: int
) -> tuple[float, float]:
    """Find the bounds that give the total: lower the upper one, or else raise the lower one."""
    low, high = float(smallest), float(largest)
    if _pareto(levels, tail, low, high).sum() < total:
        lo, hi = low, high
        for _ in range(40):
            low = (lo + hi) / 2
            lo, hi = (low, hi) if _pareto(levels, tail, low, high).sum() < total else (lo, low)
        return low, high
    lo, hi = low * 1.0001, high
    for _ in range(40):
        high = (lo + hi) / 2
        lo, hi = (high, hi) if _pareto(levels, tail, low, high).sum() < total else (lo, high)
    return low, high


def poisson_counts(rng: np.random.Generator, mean: Any, n: int, cap: int) -> NDArray[np.int64]:
    """Draw n Poisson counts, capped."""
    return np.minimum(rng.poisson(mean, n), cap).astype(np.int64)
