"""Lengths of time in milliseconds, as all times of ringfinder are."""

from __future__ import annotations

HOUR_MS = 3_600_000
DAY_MS = 24 * HOUR_MS
