"""Small random tools. Every identifier is a uint64 code; 0 means: has none."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

Array = NDArray[Any]
Accounts = dict[str, Array]
Rng = np.random.Generator

DAY = 86_400.0


def mix(codes: Array) -> Array:
    """Scramble 64-bit codes (the finaliser of splitmix64): one code in, one code out."""
    x = codes.astype(np.uint64)
    with np.errstate(over="ignore"):
        x = (x ^ (x >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
        x = (x ^ (x >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
        return x ^ (x >> np.uint64(31))


def fresh(rng: Rng, *shape: int) -> Array:
    """Codes that nobody else has."""
    return rng.integers(1, 2**63, size=shape, dtype=np.uint64)


def zipf(rng: Rng, size: int, kinds: int, slope: float = 1.0) -> Array:
    """Indices below `kinds`, the first the most popular, popularity falling as rank^-slope."""
    weight = 1.0 / np.arange(1, kinds + 1) ** slope
    cdf = np.cumsum(weight / weight.sum())
    return np.minimum(np.searchsorted(cdf, rng.random(size)), kinds - 1)


def coin(rng: Rng, size: int, chance: float) -> Array:
    return rng.random(size) < chance


def sizes(rng: Rng, total: int, low: int, high: int, tail: float) -> list[int]:
    """Group sizes from `low` to `high` with a power-law tail, until `total` is used up."""
    out: list[int] = []
    left = total
    high = max(low, high)
    while left >= low:
        size = int(low * (1.0 - rng.random()) ** (-1.0 / tail))
        if size > high:
            continue
        out.append(min(size, left))
        left -= out[-1]
    return out


def dealt(rng: Rng, size: int, low: int, high: int) -> Array:
    """Deal `size` accounts, shuffled, to consecutive hands of low..high: the hand of each."""
    cuts = np.cumsum(rng.integers(low, high + 1, size=size))
    hand = np.searchsorted(cuts, np.arange(size), side="right")
    return rng.permutation(hand)


def put_first(lists: Array, rows: Array, codes: Array) -> None:
    """Make `codes` the first of the rows' lists (padded with zeros); the last falls off."""
    lists[rows, 1:] = lists[rows, :-1]
    lists[rows, 0] = codes


def put_list(lists: Array, rows: Array, codes: Array) -> None:
    """Replace the lists of `rows` by the columns of `codes`, padded with zeros."""
    width = min(lists.shape[1], codes.shape[1])
    lists[rows] = 0
    lists[rows, :width] = codes[:, :width]


def joined(blocks: list[Accounts]) -> Accounts:
    return {name: np.concatenate([block[name] for block in blocks]) for name in blocks[0]}


def taken(block: Accounts, rows: Array) -> Accounts:
    return {name: column[rows] for name, column in block.items()}
