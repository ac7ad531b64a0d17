"""Rings with names and rings without: what identity is decided on."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pyarrow as pa

from ringfinder.model import BoolArray, FloatArray, IntArray


@dataclass(frozen=True)
class Marks:
    """What marks rings: rows of evidence.

    Attributes
    ----------
    ring
        int (E,): the ring.
    value
        Strings (E,): kind and pseudonym in one.
    weight
        float64 (E,): nats times the share of the ring that has the value.
    """

    ring: IntArray
    value: pa.StringArray
    weight: FloatArray

    @classmethod
    def none(cls) -> Marks:
        """Return no rows."""
        return cls(np.zeros(0, np.int64), pa.array([], pa.string()), np.zeros(0))


@dataclass(frozen=True)
class KnownRings:
    """Rings that have names.

    Attributes
    ----------
    names
        Their ids, (R,).
    living
        Bool (R,): in the run before; the others died or were merged earlier.
    ring, account_id
        int (M,) and strings (M,): members of the living, each account at most once.
    first_ring, first_account_id
        int (F,) and strings (F,): the ring under whose id each account first was in one.
        It tells two rings that were merged apart again, and who a ring was that died.
    marks
        What marked the living.
    """

    names: Sequence[str]
    living: BoolArray
    ring: IntArray
    account_id: pa.StringArray
    first_ring: IntArray
    first_account_id: pa.StringArray
    marks: Marks

    @classmethod
    def none(cls) -> KnownRings:
        """Return no rings: nothing was run before."""
        empty = pa.array([], pa.string())
        nobody = np.zeros(0, np.int64)
        return cls([], np.zeros(0, bool), nobody, empty, nobody, empty, Marks.none())


@dataclass(frozen=True)
class FoundRings:
    """Rings of this run, without names.

    Attributes
    ----------
    account_ids, created_ms, ring
        Strings (N,), int64 (N,), int32 (N,) of all accounts: 0 to R - 1, -1 outside.
    marks
        What marks them.
    """

    account_ids: pa.StringArray
    created_ms: IntArray
    ring: IntArray
    marks: Marks

    @property
    def rings(self) -> int:
        """Number of rings, R."""
        return int(self.ring.max(initial=-1)) + 1
