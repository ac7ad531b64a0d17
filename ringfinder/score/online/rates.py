"""How common a value is among an innocent population, one value at a time."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Sequence
from typing import TypeAlias

import numpy as np

from ringfinder.detect.ties import TIES
from ringfinder.score.online.model import Model

Value: TypeAlias = tuple[int, int, int]
"""Kind code, upper half of the digest, index in the snapshot (-1: unknown)."""

TIES_BY_KIND: tuple[bool, ...] = tuple(TIES.tolist())
"""`detect.ties.TIES` as Python knows it: an array takes ten times as long to ask."""


class Rates:
    """The snapshot's holder counts by class.

    Parameters
    ----------
    model
        The snapshot.
    """

    def __init__(self, model: Model) -> None:
        arrays = model.arrays
        self.accounts = max(model.accounts, 1)
        self._degree = arrays.value_degree
        self._row = {value: row for row, value in enumerate(arrays.popular.tolist())}
        self._rate = np.asarray(arrays.popular_rate, dtype=np.float64)
        self._log = np.log(np.maximum(self._rate, 1e-12))
        self._prior = np.log(np.maximum(arrays.class_size, 1.0))
        self.clock = np.log(24.0 * np.maximum(arrays.class_clock, 1e-6)).tolist()
        self._explained = np.ascontiguousarray(arrays.explained).data

    def degree(self, index: int) -> int:
        """Return the accounts of the snapshot that hold a value, 0 for at most one."""
        return int(self._degree[index]) if index >= 0 else 0

    def is_old(self, kind: int, index: int) -> bool:
        """Whether newcomers sharing a value is no news: a domain, an office of a company."""
        if index < 0 or not TIES_BY_KIND[kind]:
            return False
        at = bisect_left(self._explained, index)
        return at < len(self._explained) and self._explained[at] == index

    def rate(self, value: Value, people: int) -> float:
        """Return the share of a class of people that holds a value, above 0."""
        index = value[2]
        row = self._row.get(index)
        if row is not None:
            return float(self._rate[row, people])
        return (self.degree(index) + 1.0) / (self.accounts + 1.0)

    def people(self, values: Sequence[Value]) -> int:
        """Return the class of people that somebody who shows these values most likely is of."""
        rows = [row for _, _, index in values if (row := self._row.get(index)) is not None]
        if len(self._prior) < 2:
            return 0
        return int(np.argmax(self._log[rows].sum(axis=0) + self._prior))
