"""Rings to verdicts: a logistic model whose contributions add up.

``logit P(fleet | ring) = intercept + sum of weight_f * clip(feature_f)``: every term is
a contribution in nats that the report shows. Two sets of weights are shipped, with usage
and without, and one for large groups without, which is an earlier fit of that; all come from
`tests/bench/fit_judge.py` and simulated worlds that no figure in the README is measured on.
No feature can bring more than `LIMIT_NATS`, and those of one group together no more than
that or what `GROUP_NATS` says, so that no single habit makes a fleet: every class and every
event shows a burst of sign-ups, and in a computer room on one client.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import cache
from importlib.resources import files

import numpy as np
from scipy.special import expit

from ringfinder.model import FloatArray
from ringfinder.score.features import NAMES

LIMIT_NATS = 3.6
GROUP_NATS = {"sign-ups": 5.2}
"""The most that a group brings, where that is not `LIMIT_NATS`: when and with what a group signed
up. Without use free-mail farms show little else; so do pupils at a school's own computers. What was
tried is in `tests/bench/LOG.md`."""

GROUPS: dict[str, tuple[str, ...]] = {
    "answers": ("output_size", "output_likeness"),
    "pace": ("pace", "pace_likeness", "persistence", "persistence_likeness"),
    "clock": ("wakefulness", "ring_wakefulness"),
    "prompts": ("own_prompts", "template_cover"),
    "sign-ups": ("signup_span", "signup_wakefulness", "client_focus"),
    "reuse": ("mailbox_reuse", "card_reuse", "device_reuse", "reused_twice"),
    "cards": ("shared_cards", "card_focus"),
    "ownership": ("domain_spread", "domain_ownership", "network_focus"),
    "issuers": ("bin_focus",),
    "agreement": ("families",),
}


@dataclass(frozen=True)
class Weights:
    """Weights of one logistic model over `FEATURES`.

    Attributes
    ----------
    intercept
        Nats.
    centre, scale, weight
        float64 (F,): contribution is ``weight * (x - centre) / scale``, clipped.
    """

    intercept: float
    centre: FloatArray
    scale: FloatArray
    weight: FloatArray


@cache
def shipped_weights(*, usage: bool, regions: bool = False) -> Weights:
    """Read the weights that came with this version.

    Parameters
    ----------
    usage
        Whether anybody's use is known; without, features that need it weigh nothing.
    regions
        Whether groups as large as a region are asked of. Without use that has weights of its
        own: those that tell a fleet from a company would take for one whatever is none, and a
        region under suspicion teaches nothing.
    """
    name = "usage" if usage else "regions" if regions else "signups"
    data = json.loads((files(__package__) / "weights.json").read_text())[name]
    rows = data["features"]
    empty = {"centre": 0.0, "scale": 1.0, "weight": 0.0}
    table = np.array(
        [[rows.get(f, empty)[column] for column in ("centre", "scale", "weight")] for f in NAMES]
    )
    return Weights(data["intercept"], table[:, 0], table[:, 1], table[:, 2])


def contributions(features: FloatArray, weights: Weights) -> FloatArray:
    """Return what each feature adds to the log odds of a fleet, in nats.

    Parameters
    ----------
    features
        float64 (R, F): in the order of `FEATURES`.
    weights
        The model.

    Returns
    -------
    FloatArray, shape (R, F)
        Each within +-`LIMIT_NATS`, zero where a feature could not be measured; a group's
        terms are scaled down together where their sum exceeds its limit.
    """
    nats = weights.weight * (features - weights.centre) / weights.scale
    nats = np.nan_to_num(np.clip(nats, -LIMIT_NATS, LIMIT_NATS))
    for group, names in GROUPS.items():
        columns = [NAMES.index(name) for name in names]
        total = np.abs(nats[:, columns].sum(axis=1))
        most = GROUP_NATS.get(group, LIMIT_NATS)
        nats[:, columns] *= np.minimum(1.0, most / np.maximum(total, 1e-9))[:, None]
    return nats


def fleet_probability(
    features: FloatArray, weights: Weights, *, shift_nats: FloatArray | float = 0.0
) -> tuple[FloatArray, FloatArray]:
    """Return P(fleet | ring), shape (R,), and the contributions, shape (R, F).

    `features` is float64 (R, F) in the order of `FEATURES`, NaN where not measured;
    `shift_nats`, one number or float64 (R,), moves the log odds: recalibration with labels,
    evidence of labels.
    """
    nats = contributions(features, weights)
    return expit(weights.intercept + nats.sum(axis=1) + shift_nats), nats
