"""What each account did, in units of its population: columns over accounts.

Every trait is compared with accounts that were used about as much, so that a short
observation window or a quiet service changes nothing.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property

import numpy as np

from ringfinder.graph.columns import Profiles
from ringfinder.model import BoolArray, FloatArray, IntArray

USED_ENOUGH = 5
"""Exchanges below which an account's averages are noise and are left out."""

QUIET_HOURS = 8
"""Length of the quiet window: people sleep about eight hours, wherever they live."""

USE_BINS = 12
"""Bins of accounts used about as much, or of about the same age, of as many accounts each."""

ALIKE = 1e-3
"""Median gap to the median, in standard deviations, below which a trait tells nobody apart."""

BLOCK = 1 << 14
"""Accounts whose hours are summed at a time."""


@dataclass(frozen=True)
class Traits:
    """Traits of accounts, standardised within the population.

    Attributes
    ----------
    used
        Bool (N,): used often enough for the other columns to mean something.
    output_size
        float64 (N,): ln of tokens out per exchange, in standard deviations from the mean.
    pace
        float64 (N,): ln of exchanges per active day, likewise.
    wakefulness
        float64 (N,): share of use in the account's own quietest eight hours, compared
        with accounts used about as much, in their standard deviations.
    persistence
        float64 (N,): ln of active days, compared with accounts created about then.
    clock
        float64 (24,): mean share of use by UTC hour of day of the used accounts.
    """

    used: BoolArray
    output_size: FloatArray
    pace: FloatArray
    wakefulness: FloatArray
    persistence: FloatArray
    clock: FloatArray = field(default_factory=lambda: np.full(24, 1 / 24))

    @cached_property
    def variance(self) -> tuple[float, float, float]:
        """Return the variance of output size, pace, persistence over the used accounts.

        Zero where more than half of them do the same: whoever does so is like nobody in
        particular.
        """
        size, pace, persistence = (
            _variance(x[self.used]) for x in (self.output_size, self.pace, self.persistence)
        )
        return size, pace, persistence


def _variance(x: FloatArray) -> float:
    if not len(x) or np.median(np.abs(x - np.median(x))) < ALIKE:
        return 0.0
    return float(np.var(x))


def account_traits(profiles: Profiles, created_ms: IntArray) -> Traits:
    """Standardise what accounts did against the whole population. O(N log N).

    Parameters
    ----------
    profiles
        Of all accounts.
    created_ms
        int64 (N,): when they signed up; persistence is compared with accounts of that age.

    Returns
    -------
    Traits
        Within -6 to 6; zero of accounts used less than `USED_ENOUGH`, and all zero without use.
    """
    used = profiles.exchanges >= USED_ENOUGH
    rows = np.flatnonzero(used)
    exchanges = np.maximum(profiles.exchanges[rows], 1).astype(float)
    days = np.maximum(profiles.active_days[rows], 1).astype(float)
    size = np.log((profiles.output_tokens[rows] + 1.0) / exchanges)
    hours = profiles.hours[rows]
    alike, age = _bins(np.log(exchanges)), _bins(created_ms[rows].astype(float))

    def everybody(x: FloatArray, bins: IntArray) -> FloatArray:
        out = np.zeros(len(used))
        out[rows] = _standard(x, bins)
        return out

    one = np.zeros(len(rows), dtype=np.int8)
    return Traits(
        used=used,
        output_size=everybody(size, one),
        pace=everybody(np.log(exchanges / days), one),
        wakefulness=everybody(quietest_share(hours), alike),
        persistence=everybody(np.log(days), age),
        clock=_clock(hours),
    )


def _clock(hours: IntArray) -> FloatArray:
    """Return float64 (24,): mean share of use by hour; the same for every hour of nobody."""
    if not len(hours):
        return np.full(24, 1 / 24)
    share = np.zeros(24)
    for part in _blocks(hours):
        share += (part / np.maximum(part.sum(axis=1, keepdims=True), 1)).sum(axis=0)
    return share / len(hours)


def _blocks(hours: IntArray | FloatArray) -> list[IntArray | FloatArray]:
    """Cut rows into blocks that stay in the processor's cache: twice as fast as at once."""
    return [hours[at : at + BLOCK] for at in range(0, len(hours), BLOCK)]


def quietest_share(hours: IntArray | FloatArray) -> FloatArray:
    """Return the share of use in the quietest eight hours in a row, whatever the time zone.

    Parameters
    ----------
    hours
        Shape (n, 24): use by hour of day, non-negative.

    Returns
    -------
    FloatArray, shape (n,)
        0 to 1/3: about 0.05 for people, 1/3 for a machine that never rests; 0 unused.
    """
    return np.concatenate([np.zeros(0), *map(_quietest, _blocks(hours))])


def _quietest(hours: IntArray | FloatArray) -> FloatArray:
    clock = np.ascontiguousarray(hours.T, dtype=np.float32)  # sums run along the accounts
    total = np.zeros((25 + QUIET_HOURS - 1, len(hours)), dtype=np.float32)
    np.cumsum(np.concatenate((clock, clock[: QUIET_HOURS - 1])), axis=0, out=total[1:])
    window = (total[QUIET_HOURS:] - total[:-QUIET_HOURS]).min(axis=0)
    return window / np.maximum(hours.sum(axis=1), 1)


def _bins(x: FloatArray) -> IntArray:
    """Cut x into bins of about equally many: int8, same shape."""
    if not len(x):
        return np.zeros(0, dtype=np.int8)
    edges = np.unique(np.quantile(x, np.linspace(0, 1, USE_BINS + 1)[1:-1]))
    return np.searchsorted(edges, x, side="right").astype(np.int8)


def _standard(x: FloatArray, bins: IntArray) -> FloatArray:
    """Standardise x within bins by median and scaled median absolute deviation.

    Robust, because a fleet may be a tenth of all accounts; clipped to six deviations.
    """
    out = np.zeros(len(x))
    for number in range(int(bins.max(initial=-1)) + 1):
        rows = np.flatnonzero(bins == number)
        if not len(rows):
            continue
        part = x[rows]
        middle = np.median(part)
        spread = 1.4826 * np.median(np.abs(part - middle))
        if spread < 1e-6:
            spread = max(float(part.std()), 1e-6)
        out[rows] = np.clip((part - middle) / spread, -6, 6)
    return out
