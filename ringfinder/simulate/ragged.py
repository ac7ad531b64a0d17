"""Lists of values per account, as two arrays."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from ringfinder.model import BoolArray, IntArray


@dataclass
class Ragged:
    """The values an account is seen with, the most usual one first.

    Attributes
    ----------
    items
        int64 (total,): value codes, account after account.
    counts
        int64 (n,): values of each account.
    """

    items: IntArray
    counts: IntArray

    @classmethod
    def empty(cls, n: int) -> Ragged:
        """Return n empty lists."""
        return cls(np.empty(0, np.int64), np.zeros(n, np.int64))

    @classmethod
    def table(cls, columns: IntArray) -> Ragged:
        """Turn an (n, k) table into n lists of k values."""
        n, k = columns.shape
        return cls(columns.reshape(-1).astype(np.int64), np.full(n, k, np.int64))

    @property
    def starts(self) -> IntArray:
        """Where each list begins."""
        return np.cumsum(self.counts) - self.counts

    @property
    def owner(self) -> IntArray:
        """The account of each item."""
        return np.repeat(np.arange(len(self.counts)), self.counts)

    def first(self, default: int = -1) -> IntArray:
        """Return the first value of each list, or the default."""
        result = np.full(len(self.counts), default, np.int64)
        some = self.counts > 0
        result[some] = self.items[self.starts[some]]
        return result

    def then(self, other: Ragged) -> Ragged:
        """Append the lists of `other`, account by account."""
        owner = np.concatenate([self.owner, other.owner])
        order = np.argsort(owner, kind="stable")
        items = np.concatenate([self.items, other.items])[order]
        return Ragged(items, self.counts + other.counts)

    def keep(self, mask: BoolArray) -> Ragged:
        """Keep the items (not lists) where the mask holds."""
        counts = np.bincount(self.owner[mask], minlength=len(self.counts))
        return Ragged(self.items[mask], counts.astype(np.int64))

    def only(self, accounts: BoolArray) -> Ragged:
        """Empty the lists of the accounts where the mask does not hold."""
        return self.keep(accounts[self.owner])

    def take(self, index: IntArray) -> Ragged:
        """Return the lists of the chosen accounts, in that order."""
        counts = self.counts[index]
        starts = np.repeat(self.starts[index] - (np.cumsum(counts) - counts), counts)
        return Ragged(self.items[starts + np.arange(int(counts.sum()))], counts)

    @staticmethod
    def stack(parts: Sequence[Ragged]) -> Ragged:
        """Put blocks of accounts one after the other."""
        return Ragged(
            np.concatenate([part.items for part in parts]),
            np.concatenate([part.counts for part in parts]),
        )
