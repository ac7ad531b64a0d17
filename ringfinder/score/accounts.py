"""What each account did, in units of its population: columns over accounts.

Every trait is compared with accounts that were used about as much, so that a short
observation window or a quiet service changes nothing.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ringfinder.graph.columns import Profiles
from ringfinder.model import BoolArray, FloatArray, IntArray

USED_ENOUGH = 5
"""Exchanges below which an account's averages are noise and are left out."""

QUIET_HOURS = 8
"""Length of the quiet window: people sleep about eight hours, wherever they live."""

USE_BINS = 12


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
    """

    used: BoolArray
    output_size: FloatArray
    pace: FloatArray
    wakefulness: FloatArray
    persistence: FloatArray


def account_traits(profiles: Profiles, created_ms: IntArray) -> Traits:
    """Standardise what accounts did against the whole population. O(N)."""
    used = profiles.exchanges >= USED_ENOUGH
    exchanges = np.maximum(profiles.exchanges, 1).astype(float)
    days = np.maximum(profiles.active_days, 1).astype(float)
    size = np.log((profiles.output_tokens + 1.0) / exchanges)
    bins = _bins(np.log(exchanges), used)
    age = _bins(created_ms.astype(float), used)
    return Traits(
        used=used,
        output_size=_standard(size, used, np.zeros(len(size), dtype=np.int64)),
        pace=_standard(np.log(exchanges / days), used, np.zeros(len(size), dtype=np.int64)),
        wakefulness=_standard(quietest_share(profiles.hours), used, bins),
        persistence=_standard(np.log(days), used, age),
    )


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
    counts = np.concatenate((hours, hours[:, : QUIET_HOURS - 1]), axis=1).astype(np.float32)
    total = np.cumsum(counts, axis=1)
    total = np.concatenate((np.zeros((len(hours), 1), dtype=np.float32), total), axis=1)
    window = total[:, QUIET_HOURS:] - total[:, :-QUIET_HOURS]
    return window.min(axis=1) / np.maximum(hours.sum(axis=1), 1)


def _bins(x: FloatArray, used: BoolArray) -> IntArray:
    """Cut x into bins of about equally many used accounts."""
    if not used.any():
        return np.zeros(len(x), dtype=np.int64)
    edges = np.unique(np.quantile(x[used], np.linspace(0, 1, USE_BINS + 1)[1:-1]))
    return np.searchsorted(edges, x, side="right")


def _standard(x: FloatArray, used: BoolArray, bins: IntArray) -> FloatArray:
    """Standardise x within bins by median and scaled median absolute deviation.

    Robust, because a fleet may be a tenth of all accounts; clipped to six deviations.
    """
    out = np.zeros(len(x))
    for number in np.unique(bins[used]) if used.any() else ():
        rows = used & (bins == number)
        middle = np.median(x[rows])
        spread = 1.4826 * np.median(np.abs(x[rows] - middle))
        if spread < 1e-6:
            spread = max(float(x[rows].std()), 1e-6)
        out[rows] = np.clip((x[rows] - middle) / spread, -6, 6)
    return out
