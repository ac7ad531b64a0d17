"""How common a value is among an innocent population, one value at a time."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterable, Sequence
from typing import TypeAlias

import numpy as np

from ringfinder.detect.ties import TIES
from ringfinder.model import Standing
from ringfinder.schema import CODE, KINDS
from ringfinder.score.online.model import Model

Value: TypeAlias = tuple[int, int, int]
"""Kind code, upper half of the digest, index in the snapshot (-1: unknown)."""

TIES_BY_KIND: tuple[bool, ...] = tuple(TIES.tolist())
"""`detect.ties.TIES` as Python knows it: an array takes ten times as long to ask."""

HELD: tuple[bool, ...] = tuple(
    ties and kind.standing is not Standing.CLAIMED
    for kind, ties in zip(KINDS, TIES_BY_KIND, strict=True)
)
"""Kinds that somebody must hold: an address, a card, a device. Mail addresses and clients of
others can be typed and copied, and nobody is to be challenged for what somebody else typed."""

SILENT = frozenset({CODE["signup_window"], CODE["activity_window"], CODE["model_adoption"]})
"""Kinds that join nobody: everybody who came this hour came this hour."""

_JOINS = tuple(kind.witness and code not in SILENT for code, kind in enumerate(KINDS))


class Rates:
    """The snapshot's holder counts by class, and what of them newcomers have outgrown.

    Parameters
    ----------
    model
        The snapshot.
    """

    def __init__(self, model: Model) -> None:
        arrays = model.arrays
        self.accounts = max(model.accounts, 1)
        self._degree = model.views.value_degree
        self._row = {value: row for row, value in enumerate(arrays.popular.tolist())}
        rate = np.asarray(arrays.popular_rate, dtype=np.float64)
        self._classes = rate.shape[1]
        self._rate: Sequence[float] = np.ascontiguousarray(rate.ravel()).data
        self._log: Sequence[float] = np.log(np.maximum(rate, 1e-12)).ravel().data
        self._prior: list[float] = np.log(np.maximum(arrays.class_size, 1.0)).tolist()
        self.clock: list[list[float]] = np.log(24.0 * np.maximum(arrays.class_clock, 1e-6)).tolist()
        self._explained = model.views.explained
        self._shown: dict[int, int] = {}  # sign-ups since, by explained value

    def degree(self, index: int) -> int:
        """Return the accounts of the snapshot that hold a value, 0 for at most one."""
        return self._degree[index] if index >= 0 else 0

    def show(self, values: Iterable[Value]) -> None:
        """Count values that somebody was seen with since the snapshot."""
        for kind, _, index in values:
            if self._is_explained(kind, index):
                self._shown[index] = self._shown.get(index, 0) + 1

    def is_old(self, kind: int, index: int) -> bool:
        """Whether newcomers sharing a value is no news: a domain, an office of a company.

        It is news once as many of them as accounts before hold it: else a household of three
        would explain any number who come with its card the next day.
        """
        return self._is_explained(kind, index) and self._shown.get(index, 0) < self.degree(index)

    def _is_explained(self, kind: int, index: int) -> bool:
        if index < 0 or not TIES_BY_KIND[kind]:
            return False
        at = bisect_left(self._explained, index)
        return at < len(self._explained) and self._explained[at] == index

    def joining(self, values: Iterable[Value]) -> list[Value]:
        """Return the values by which newcomers may be joined, in their order."""
        return [one for one in values if _JOINS[one[0]] and not self.is_old(one[0], one[2])]

    def rate(self, value: Value, people: int) -> float:
        """Return the share of a class of people that holds a value, above 0."""
        index = value[2]
        row = self._row.get(index)
        if row is not None:
            return self._rate[row * self._classes + people]
        return (self.degree(index) + 1.0) / (self.accounts + 1.0)

    def people(self, values: Sequence[Value]) -> int:
        """Return the class of people that somebody who shows these values most likely is of."""
        rows = [self._row.get(index, -1) * self._classes for _, _, index in values]
        rows = [row for row in rows if row >= 0]
        nats = [
            sum([self._log[row + people] for row in rows], start=prior)
            for people, prior in enumerate(self._prior)
        ]
        return nats.index(max(nats))
