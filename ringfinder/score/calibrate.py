"""What labels say: to the model as a whole, and to the ring they fall into.

Platt's two parameters are refitted with a strong prior at 'no change', so that a handful
of labels moves little and a hundred move much. A ring's own fraud labels are evidence
about that ring; a `legitimate` label clears its account and never its ring.

References
----------
J. Platt, "Probabilistic outputs for support vector machines", 1999.
"""

from __future__ import annotations

import numpy as np
from scipy.optimize import minimize
from scipy.special import expit

from ringfinder.model import FloatArray, IntArray

FRAUD_NATS = 1.5
FRAUD_LIMIT_NATS = 4.5
"""What each fraud label says of its own ring, and what all of them say together at most."""

PRIOR_SD = (0.25, 1.0)
"""Prior standard deviations of Platt's slope around 1 and of the shift around 0, nats."""

MISTAKEN = 0.05
"""Share of labels that are taken to be mistaken: one `legitimate` in a ring that is a fleet beyond
doubt is rather a slip than a reason to doubt every other ring."""

RING_WEIGHT = 3.0
"""Labels of one ring count at most as three: they were not chosen independently."""


def label_shift(
    log_odds: FloatArray, ring: IntArray, fraud: IntArray, legitimate: IntArray
) -> FloatArray:
    """Return float64 (R,): nats that labels add to each ring's log odds of being a fleet.

    Parameters
    ----------
    log_odds
        float64 (R,): before labels.
    ring
        int32 (N,): ring of each account, -1 outside.
    fraud, legitimate
        Account indices so labelled.
    """
    rings = len(log_odds)
    bad = np.bincount(ring[fraud][ring[fraud] >= 0], minlength=rings)
    good = np.bincount(ring[legitimate][ring[legitimate] >= 0], minlength=rings)
    slope, shift = platt(log_odds, bad, good)
    moved = slope * log_odds + shift - log_odds
    for number in np.flatnonzero(good):
        # what clears an account must not clear its ring: others' labels move it, not its own
        others = good.copy()
        others[number] = 0
        slope, shift = platt(log_odds, bad, others)
        moved[number] = slope * log_odds[number] + shift - log_odds[number]
    return moved + np.minimum(FRAUD_NATS * bad, FRAUD_LIMIT_NATS)


def platt(log_odds: FloatArray, bad: IntArray, good: IntArray) -> tuple[float, float]:
    """Refit slope and shift of log odds on labelled members of rings; (1, 0) without any.

    Parameters
    ----------
    log_odds
        float64 (R,), before labels.
    bad, good
        int (R,): members labelled fraud, and legitimate.

    Returns
    -------
    slope, shift
        Slope in 0.2-5, shift in -8 to 8 nats, and none upwards without `legitimate` labels:
        who labels fraud alone says nothing of how common it is.
    """
    total = bad + good
    if not total.any():
        return 1.0, 0.0
    weight = np.minimum(total, RING_WEIGHT)
    share = bad / np.maximum(total, 1)

    def loss(theta: FloatArray) -> float:
        p = expit(theta[0] * log_odds + theta[1])
        p = MISTAKEN + (1 - 2 * MISTAKEN) * p
        fit = -(weight * (share * np.log(p) + (1 - share) * np.log(1 - p))).sum()
        prior = ((theta[0] - 1) / PRIOR_SD[0]) ** 2 + (theta[1] / PRIOR_SD[1]) ** 2
        return float(fit + prior / 2)

    most = 8.0 if good.any() else 0.0
    bounds = [(0.2, 5.0), (-8.0, most)]
    found = minimize(loss, np.array([1.0, 0.0]), method="L-BFGS-B", bounds=bounds)
    return float(found.x[0]), float(found.x[1])
