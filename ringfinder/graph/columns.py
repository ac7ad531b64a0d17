"""Accounts x attribute values as columns: what the core passes around."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pyarrow as pa

from ringfinder.errors import InvalidParameter
from ringfinder.model import FloatArray, IntArray

NEVER = np.iinfo(np.int64).min
"""The time (ms) that stands for 'not known' or 'has not happened'."""


@dataclass(frozen=True)
class Profiles:
    """What each account did, folded from usage.

    Attributes
    ----------
    hours
        int32 (N, 24): exchanges by UTC hour of day.
    signup_hour
        int8 (N,): UTC hour of day of the sign-up.
    active_days
        int32 (N,): days with at least one exchange.
    exchanges, input_tokens, output_tokens
        int64 (N,): sums. Zero where there was no use.
    first_use_ms, last_use_ms
        int64 (N,): milliseconds since 1970 UTC; `NEVER` without use.
    day_account, day, day_exchanges
        int32 (D,): account-days with use, sorted by account, then day (days since
        1970-01-01); exchanges of that day.
    """

    hours: IntArray
    signup_hour: IntArray
    active_days: IntArray
    exchanges: IntArray
    input_tokens: IntArray
    output_tokens: IntArray
    first_use_ms: IntArray
    last_use_ms: IntArray
    day_account: IntArray
    day: IntArray
    day_exchanges: IntArray


@dataclass(frozen=True, eq=False)
class AttributeGraph:
    """The bipartite graph of accounts and attribute values.

    Accounts are sorted by account_id and values by (kind, pseudonym), so that the order
    of the input changes nothing. Values with one holder are kept: they matter to counts.
    Two graphs are one only if they are the same object: what was counted on a graph can
    be remembered with it.

    Attributes
    ----------
    account_ids
        String array (N,), sorted, unique.
    created_ms, closed_ms
        int64 (N,); `NEVER` where not closed.
    stratum
        int32 (N,): code of the account's stratum (the country, where given); -1 unknown.
    account, value
        int32 (E,): the sightings, distinct pairs, sorted by account, then value.
    first_ms, last_ms
        int64 (E,): when the account was first and last seen with the value.
    count
        int32 (E,): how often.
    kind
        int8 (V,): index into `schema.KINDS`.
    pseudonym
        String array (V,): keyed pseudonym of the value.
    clear
        String array (V,) of canonical clear values, or None; never leaves the process
        unless the operator says so.
    profiles
        See `Profiles`.
    """

    account_ids: pa.StringArray
    created_ms: IntArray
    closed_ms: IntArray
    stratum: IntArray
    account: IntArray
    value: IntArray
    first_ms: IntArray
    last_ms: IntArray
    count: IntArray
    kind: IntArray
    pseudonym: pa.StringArray
    clear: pa.StringArray | None
    profiles: Profiles

    def __post_init__(self) -> None:
        if len(self.account) != len(self.value):
            raise InvalidParameter(
                f"account has {len(self.account)} rows and value {len(self.value)}; "
                "expected one row per sighting in both"
            )
        if len(self.created_ms) != len(self.account_ids):
            raise InvalidParameter(
                f"created_ms has {len(self.created_ms)} rows for {len(self.account_ids)} accounts"
            )

    @property
    def accounts(self) -> int:
        """Number of accounts, N."""
        return len(self.account_ids)

    @property
    def values(self) -> int:
        """Number of distinct attribute values, V."""
        return len(self.kind)

    def holders(self) -> IntArray:
        """Return how many accounts hold each value: int64 (V,)."""
        return np.bincount(self.value, minlength=self.values)


@dataclass(frozen=True)
class Rings:
    """Which accounts belong together, and what says so.

    Attributes
    ----------
    ring
        int32 (N,): index of the account's ring, -1 outside rings.
    membership
        float64 (N,): P(member of its ring), 0-1.
    size
        int32 (R,).
    evidence_ring, evidence_value
        int32 (M,): which ring, which value; sorted by ring, then falling nats.
    evidence_inside, evidence_total
        int32 (M,): members holding the value; accounts holding it anywhere.
    evidence_nats
        float64 (M,): log lift of the value in that ring.
    """

    ring: IntArray
    membership: FloatArray
    size: IntArray
    evidence_ring: IntArray
    evidence_value: IntArray
    evidence_inside: IntArray
    evidence_total: IntArray
    evidence_nats: FloatArray
