"""Small raw telemetry for tests of the normaliser, written as rows."""

from __future__ import annotations

import numpy as np
import pyarrow as pa

from ringfinder.graph.columns import NEVER, Profiles
from ringfinder.graph.telemetry import RawSightings, Telemetry

NOON = 1_772_366_400_000  # 2026-03-01 12:00 UTC
HOUR = 3_600_000
DAY = 86_400_000


def column(*values):
    return pa.array(values, pa.string())


def sighting(account, value, first=NOON, last=None, count=1):
    return account, value, first, first if last is None else last, count


def sightings(field, *rows):
    """Return sightings as the sources hand them over: distinct pairs, sorted."""
    texts = sorted({row[1] for row in rows})
    keyed = sorted((row[0], texts.index(row[1]), *row[2:]) for row in rows)
    columns = list(zip(*keyed, strict=True)) or [()] * 5
    account, value, first, last, count = columns
    return RawSightings(
        field,
        pa.array(texts, pa.string()),
        np.array(account, dtype=np.int32),
        np.array(value, dtype=np.int32),
        np.array(first, dtype=np.int64),
        np.array(last, dtype=np.int64),
        np.array(count, dtype=np.int32),
    )


def profiles(accounts, first_use=None, last_use=None):
    whole = np.zeros(accounts, dtype=np.int64)
    never = np.full(accounts, NEVER)
    none = np.zeros(0, dtype=np.int32)
    return Profiles(
        hours=np.zeros((accounts, 24), dtype=np.int32),
        signup_hour=np.zeros(accounts, dtype=np.int8),
        active_days=np.zeros(accounts, dtype=np.int32),
        exchanges=whole,
        input_tokens=whole,
        output_tokens=whole,
        first_use_ms=never if first_use is None else np.array(first_use, dtype=np.int64),
        last_use_ms=never if last_use is None else np.array(last_use, dtype=np.int64),
        day_account=none,
        day=none,
        day_exchanges=none,
    )


def telemetry(accounts, *seen, created=None, country=None, first_use=None, last_use=None):
    """Return telemetry of `accounts` accounts named a0, a1, ..."""
    return Telemetry(
        account_ids=pa.array([f"a{i:03d}" for i in range(accounts)], pa.string()),
        created_ms=np.full(accounts, NOON) if created is None else np.array(created),
        closed_ms=np.full(accounts, NEVER),
        country=pa.array(country or [None] * accounts, pa.string()),
        plan=pa.nulls(accounts, pa.string()),
        email_verified=np.full(accounts, -1, dtype=np.int8),
        sightings={one.field: one for one in seen},
        profiles=profiles(accounts, first_use, last_use),
        has_usage=first_use is not None,
        labels=None,
    )
