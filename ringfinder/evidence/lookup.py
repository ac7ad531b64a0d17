"""Where numbers are in a table of numbers: hashing, for tables asked millions of times.

A binary search in a hundred thousand numbers misses the processor's cache at most of its
seventeen steps; here most numbers that are not in the table cost one look, and others two.
"""

from __future__ import annotations

import numpy as np

from ringfinder.model import IntArray

SLOTS = 4
"""Slots for each number of the table, at least: four of five that are absent meet an empty one."""

_GOLDEN = np.uint64(0x9E3779B97F4A7C15)


class Lookup:
    """The rows of distinct numbers.

    Parameters
    ----------
    keys
        int64 (M,): the numbers, at least 0, each once.

    References
    ----------
    D. E. Knuth, "The Art of Computer Programming", volume 3, 6.4: Fibonacci hashing.
    """

    def __init__(self, keys: IntArray) -> None:
        bits = (SLOTS * max(len(keys), 1)).bit_length()
        self._shift = np.uint64(64 - bits)
        slot = self._slot(keys)
        held = np.bincount(slot, minlength=1 << bits)
        self._row = np.argsort(slot, kind="stable")
        self._keys = keys[self._row]
        self._begin = np.concatenate(([0], np.cumsum(held))).astype(np.int32)

    def _slot(self, keys: IntArray) -> IntArray:
        return ((keys.astype(np.uint64) * _GOLDEN) >> self._shift).astype(np.int64)

    def find(self, keys: IntArray) -> tuple[IntArray, IntArray]:
        """Return which of the numbers, int64 (n,), are in the table, and their rows of it.

        Returns
        -------
        which, row
            int64 (hits,): `which` ascending. O(n).
        """
        slot = self._slot(keys)
        at, end = self._begin[slot], self._begin[slot + 1]
        left = np.flatnonzero(at < end)
        at, end = at[left], end[left]
        which, row = [], []
        while len(left):
            same = self._keys[at] == keys[left]
            which.append(left[same])
            row.append(self._row[at[same]])
            on = np.flatnonzero(~same & (at + 1 < end))
            left, at, end = left[on], at[on] + 1, end[on]
        found = np.concatenate(which or [left])
        order = np.argsort(found, kind="stable")
        return found[order], np.concatenate(row or [left])[order]
