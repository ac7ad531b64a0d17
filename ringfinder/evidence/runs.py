"""Runs of rows in columns: walked side by side, and cut into pieces of bounded work."""

from __future__ import annotations

from itertools import pairwise

import numpy as np

from ringfinder.model import BoolArray, IntArray


def rows_of_runs(start: IntArray, count: IntArray) -> IntArray:
    """Return int (sum of count,): start, start + 1, ... of each run, one run after another."""
    row = np.repeat(start - (np.cumsum(count) - count), count)
    row += np.arange(len(row))
    return row


def spread(start: IntArray, count: IntArray) -> tuple[IntArray, IntArray]:
    """Return the run each position belongs to, and start + 0, 1, ... count - 1 of each run."""
    return np.repeat(np.arange(len(count)), count), rows_of_runs(start, count)


def chunks(done: IntArray, block: int, *, most: int | None = None) -> list[tuple[int, int]]:
    """Cut items into pieces of about `block` work each, and of at least one item.

    Parameters
    ----------
    done
        int (n + 1,): work before each of n items, and in all.
    block
        Work that a piece may hold, where it holds more than one item.
    most
        Items that a piece may hold; any number if not given.
    """
    items = len(done) - 1
    edges = [0]
    while edges[-1] < items:
        reach = int(np.searchsorted(done, done[edges[-1]] + block, side="right")) - 1
        if most is not None:
            reach = min(reach, edges[-1] + most)
        edges.append(max(reach, edges[-1] + 1))
    return list(pairwise(edges))


def fresh(*columns: IntArray) -> BoolArray:
    """Return bool (n,): where a run of rows that are equal in all columns, int (n,), begins."""
    out = np.ones(len(columns[0]), dtype=bool)
    out[1:] = False
    for column in columns:
        out[1:] |= column[1:] != column[:-1]
    return out


def sort_together(key: IntArray, other: IntArray, below: int) -> tuple[IntArray, IntArray]:
    """Sort pairs of integers, by the first, then the second.

    Parameters
    ----------
    key, other
        int (n,): the pairs, at least 0.
    below
        What the second are below. Where both fit into 63 bits they are sorted as one number,
        several times as fast as an order is found.

    Returns
    -------
    key, other
        int64 (n,).
    """
    bits = max(below - 1, 0).bit_length()
    if int(key.max(initial=0)).bit_length() + bits > 63:
        order = np.lexsort((other, key))
        return key[order].astype(np.int64), other[order].astype(np.int64)
    packed = (key.astype(np.int64) << bits) | other
    packed.sort()
    return packed >> bits, packed & ((1 << bits) - 1)
