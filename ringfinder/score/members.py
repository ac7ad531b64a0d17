"""Averages over the members of rings, shrunk towards the population."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from ringfinder.model import BoolArray, FloatArray, IntArray

PRIOR_ACCOUNTS = 4.0
"""Accounts of the population mixed into every ring's average: shrinks small rings."""


@dataclass(frozen=True)
class Members:
    """The accounts inside rings: a fifth of a population, so all else is left aside.

    Attributes
    ----------
    account
        int64 (M,): ascending.
    ring
        int32 (M,): the ring of each, 0 to R - 1.
    rings
        Number of rings, R.
    """

    account: IntArray
    ring: IntArray
    rings: int

    @classmethod
    def of(cls, ring: IntArray) -> Members:
        """Take the members from the ring of each account, int32 (N,), -1 outside."""
        account = np.flatnonzero(ring >= 0)
        return cls(account, ring[account], int(ring.max(initial=-1)) + 1)

    @cached_property
    def size(self) -> IntArray:
        """Return int64 (R,): members of each ring."""
        return np.bincount(self.ring, minlength=self.rings)

    def sum(self, x: FloatArray, rows: BoolArray) -> FloatArray:
        """Return float64 (R,): each ring's sum of x (M,) over `rows` (M,)."""
        total = np.bincount(self.ring[rows], weights=x[rows], minlength=self.rings)
        return total.astype(float, copy=False)

    def mean(self, x: FloatArray, rows: BoolArray, population: float) -> FloatArray:
        """Return float64 (R,): each ring's mean of x over `rows`, shrunk to the population's."""
        count = np.bincount(self.ring[rows], minlength=self.rings)
        return (self.sum(x, rows) + PRIOR_ACCOUNTS * population) / (count + PRIOR_ACCOUNTS)

    def likeness(self, x: FloatArray, rows: BoolArray, variance: float) -> FloatArray:
        """Return ln of the ring's sd over the population's, shrunk; negative where alike.

        Zero where the population has no spread: there everybody is alike.
        """
        if variance <= 0:
            return np.zeros(self.rings)
        gap = (x - self.mean(x, rows, 0.0)[self.ring]) ** 2
        return 0.5 * np.log(self.mean(gap, rows, variance) / variance)
