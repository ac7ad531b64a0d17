"""What the sources hand over: clean columns of raw values, not yet normalised."""

from __future__ import annotations

from dataclasses import dataclass

import pyarrow as pa

from ringfinder.graph.columns import Profiles
from ringfinder.model import IntArray


@dataclass(frozen=True)
class RawSightings:
    """Which account was seen with which raw value of one input field.

    Attributes
    ----------
    field
        Input field (`sources.columns`), such as ``email`` or ``device_id``.
    values
        String array (V,): distinct raw strings as found, trimmed, sorted.
    account, value
        int32 (E,): distinct pairs, sorted by account, then value.
    first_ms, last_ms
        int64 (E,): when the account was first and last seen with the value.
    count
        int32 (E,): how often.
    """

    field: str
    values: pa.StringArray
    account: IntArray
    value: IntArray
    first_ms: IntArray
    last_ms: IntArray
    count: IntArray


@dataclass(frozen=True)
class Telemetry:
    """Sign-ups and what happened since, as columns.

    Attributes
    ----------
    account_ids
        String array (N,), sorted, unique.
    created_ms, closed_ms
        int64 (N,); `graph.columns.NEVER` where not closed.
    country, plan
        String array (N,), null where not given.
    email_verified
        int8 (N,): 1 yes, 0 no, -1 not known.
    sightings
        By input field; only fields that occur.
    profiles
        Folded usage; all zero without usage.
    has_usage
        Whether any usage was given.
    labels
        Table (account int32, label string, decided_at_ms int64, source string) or None.
    """

    account_ids: pa.StringArray
    created_ms: IntArray
    closed_ms: IntArray
    country: pa.StringArray
    plan: pa.StringArray
    email_verified: IntArray
    sightings: dict[str, RawSightings]
    profiles: Profiles
    has_usage: bool
    labels: pa.Table | None
