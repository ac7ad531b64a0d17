"""Whether the rings are the fleets: purity, completeness, false discoveries."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ringfinder.evaluate.outcomes import Outcomes
from ringfinder.evaluate.rates import Rate
from ringfinder.model import FloatArray, IntArray


@dataclass(frozen=True, slots=True)
class Agreement:
    """How rings whose verdict is `fleet` and true fleets agree.

    Attributes
    ----------
    purity, purity_by_account
        0-1: mean over rings of the largest share that one true fleet has in the ring;
        the second weighs rings by their size. None without such rings.
    completeness, completeness_by_account
        0-1: mean over true fleets of the largest share that one ring holds of the
        fleet; the second weighs fleets by their size. None without fleets.
    rings_per_fleet
        Rings for each fleet found, 1 at best; None if none is.
    fleets_found
        Fleets of which at least half of the accounts are flagged.
    false_rings
        Rings with no fleet of a half of their accounts.
    published_fdr
        Largest false discovery rate published with these rings; None if none is.
    """

    purity: float | None
    purity_by_account: float | None
    completeness: float | None
    completeness_by_account: float | None
    rings_per_fleet: float | None
    fleets_found: Rate
    false_rings: Rate
    published_fdr: float | None


def agreement(outcomes: Outcomes) -> Agreement:
    """Return how the flagged rings and the true fleets agree."""
    rings = np.flatnonzero(outcomes.ring_is_fleet)
    flagged = outcomes.flagged
    ring = np.searchsorted(rings, outcomes.ring[flagged])
    fleet = outcomes.fleet[flagged]
    ring_size = np.bincount(ring, minlength=len(rings))
    fleet_size = np.bincount(outcomes.fleet[outcomes.fleet >= 0], minlength=outcomes.fleets)
    pair_ring, pair_fleet, shared = _overlaps(ring, fleet)

    purest = _largest(pair_ring, shared, len(rings))
    fullest = _largest(pair_fleet, shared, outcomes.fleets)
    caught = np.bincount(fleet[fleet >= 0], minlength=outcomes.fleets)
    # A ring none of whose accounts is in the truth says nothing.
    known = ring_size > 0
    true_rings = int((2 * purest[known] >= ring_size[known]).sum())
    found = int((2 * caught >= fleet_size).sum())
    fdr = outcomes.ring_fdr[rings][known]
    return Agreement(
        purity=_mean(purest[known] / ring_size[known]),
        purity_by_account=_ratio(purest.sum(), ring_size.sum()),
        completeness=_mean(fullest / fleet_size),
        completeness_by_account=_ratio(fullest.sum(), fleet_size.sum()),
        rings_per_fleet=_ratio(true_rings, found),
        fleets_found=Rate(found, outcomes.fleets),
        false_rings=Rate(int(known.sum()) - true_rings, int(known.sum())),
        published_fdr=None if np.isnan(fdr).all() else float(np.nanmax(fdr)),
    )


def _overlaps(ring: IntArray, fleet: IntArray) -> tuple[IntArray, IntArray, IntArray]:
    """Return ring, fleet and number of common accounts of every pair that has any."""
    inside = fleet >= 0
    fleets = int(fleet.max(initial=0)) + 1
    pair = ring[inside].astype(np.int64) * fleets + fleet[inside]
    pair, shared = np.unique(pair, return_counts=True)
    return pair // fleets, pair % fleets, shared


def _largest(index: IntArray, values: IntArray, size: int) -> IntArray:
    largest = np.zeros(size, dtype=np.int64)
    np.maximum.at(largest, index, values)
    return largest


def _mean(values: FloatArray) -> float | None:
    return float(values.mean()) if len(values) else None


def _ratio(part: float, whole: float) -> float | None:
    return float(part / whole) if whole else None
