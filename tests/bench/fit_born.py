"""Fit the weights that judge newborn rings; run by ``python -m tests.bench born --fit``.

Every sign-up that belongs to a newborn ring of the tuning worlds is an example: the ring's
features as they were when it came, and whether it was a fleet's. Examples of one ring share
its weight, benign ones count `BENIGN` times, and no feature may say more than `LIMIT` nats.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy.optimize import minimize
from scipy.special import expit

from ringfinder.score.online.overlay import Overlay
from tests.bench.replay import Cut

RIDGE = 1.0
BENIGN = 3.0
LIMIT = 4.0


@dataclass(frozen=True)
class Example:
    """One sign-up of a newborn ring."""

    features: dict[str, float]
    fleet: bool
    cohort: str
    ring: tuple[int, int]
    membership: float
    families: int


def examples(one: Cut, number: int = 0) -> list[Example]:
    """Replay a cut; `number` keeps its rings apart from those of others."""
    overlay = Overlay(one.model)
    found = []
    for event in one.events:
        if event.signup:
            belonging = overlay.look(event.values).belonging
            if belonging is not None:
                truth, ring = one.truth[event.account_id], belonging.ring
                found.append(
                    Example(
                        ring.features(overlay.rates),
                        truth["fleet_id"] is not None,
                        truth["style"] or truth["cohort"],
                        (number, ring.number),
                        belonging.membership,
                        len(ring.families),
                    )
                )
            overlay.add(event.account_id, event.at_ms, event.values)
        else:
            overlay.see(event.account_id, event.values)
    return found


def fit(cuts: Iterable[Cut]) -> dict[str, Any]:
    """Fit one logistic model with a ridge; weights as they are shipped."""
    return fitted([one for n, cut in enumerate(cuts) for one in examples(cut, n)])


def fitted(rows: list[Example]) -> dict[str, Any]:
    """Fit to examples."""
    names = list(rows[0].features)
    x = np.array([[row.features[name] for name in names] for row in rows])
    y = np.array([row.fleet for row in rows], dtype=float)
    of_ring = Counter(row.ring for row in rows)
    weight = np.array([of_ring[row.ring] ** -0.5 for row in rows]) * np.where(y > 0, 1.0, BENIGN)
    centre, scale = np.median(x, axis=0), np.maximum(x.std(axis=0), 0.01)
    z = (x - centre) / scale

    def loss(theta):
        p = np.clip(expit(z @ theta[1:] + theta[0]), 1e-9, 1 - 1e-9)
        gap = weight * (p - y)
        value = -(weight * (y * np.log(p) + (1 - y) * np.log(1 - p))).sum()
        slope = np.r_[gap.sum(), z.T @ gap + RIDGE * theta[1:]]
        return value + RIDGE / 2 * (theta[1:] ** 2).sum(), slope

    found = minimize(loss, np.zeros(1 + len(names)), jac=True, method="L-BFGS-B")
    features = {
        name: [round(float(v), 4) for v in (c, s, w, LIMIT)]
        for name, c, s, w in zip(names, centre, scale, found.x[1:], strict=True)
    }
    return {"intercept": round(float(found.x[0]), 4), "features": features}
