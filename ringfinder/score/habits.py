"""Features of what a ring does: how it is used, and when it signed up."""

from __future__ import annotations

import numpy as np

from ringfinder.graph.columns import AttributeGraph
from ringfinder.model import FloatArray, IntArray
from ringfinder.score.accounts import Traits, quietest_share
from ringfinder.score.members import PRIOR_ACCOUNTS, Members
from ringfinder.score.usual import HOUR_MS, LEAST_QUIET, Usual


def use_features(graph: AttributeGraph, members: Members, traits: Traits) -> dict[str, FloatArray]:
    """Measure how rings are used: float64 (R,) each, zero as the population.

    Parameters
    ----------
    graph, members
        The accounts, and those inside rings.
    traits
        Of all accounts.
    """
    used = traits.used[members.account]
    trait = {
        name: getattr(traits, name)[members.account]
        for name in ("output_size", "pace", "wakefulness", "persistence")
    }
    return {
        **{name: members.mean(x, used, 0.0) for name, x in trait.items()},
        "output_likeness": members.likeness(trait["output_size"], used, traits.variance[0]),
        "pace_likeness": members.likeness(trait["pace"], used, traits.variance[1]),
        "persistence_likeness": members.likeness(trait["persistence"], used, traits.variance[2]),
        "ring_wakefulness": _ring_wakefulness(graph, members, traits),
    }


def _ring_wakefulness(graph: AttributeGraph, members: Members, traits: Traits) -> FloatArray:
    """Compare use in each ring's quiet hours with the population's: ln ratio, (R,)."""
    used = traits.used[members.account]
    hours = graph.profiles.hours[members.account].astype(np.float64)
    share = hours / np.maximum(hours.sum(axis=1, keepdims=True), 1)
    clock = np.stack([members.sum(share[:, hour], used) for hour in range(24)], axis=1)
    count = np.bincount(members.ring[used], minlength=members.rings)
    usual = max(float(quietest_share(traits.clock[None, :] * 1e6)[0]), LEAST_QUIET)
    # the population's own clock, turned so that its quiet hours meet the ring's
    quiet = np.where(clock.sum(axis=1) > 0, quietest_share(clock * 1e6), usual)
    quiet = (quiet * count + usual * PRIOR_ACCOUNTS) / (count + PRIOR_ACCOUNTS)
    return np.log(quiet / usual)


def signup_features(graph: AttributeGraph, members: Members, usual: Usual) -> dict[str, FloatArray]:
    """Measure when rings signed up: float64 (R,) each, ln ratio to the population."""
    hour = graph.profiles.signup_hour[members.account]
    cell = members.ring.astype(np.int64) * 24 + hour
    clock = np.bincount(cell, minlength=members.rings * 24).reshape(members.rings, 24)
    prior = 3 * PRIOR_ACCOUNTS  # a minimum over windows is biased low on few accounts
    quiet = quietest_share(clock) * members.size + usual.signup_quiet * prior
    quiet /= members.size + prior
    span = _span(graph.created_ms[members.account], members, usual.signup_span_ms)
    return {
        "signup_span": np.log((span + HOUR_MS) / usual.signup_span_ms),
        "signup_wakefulness": np.log(quiet / usual.signup_quiet),
    }


def _span(created_ms: IntArray, members: Members, empty: float) -> FloatArray:
    """Return float64 (R,): ms in which each ring's middle 80% signed up; `empty` of nobody."""
    order = np.lexsort((created_ms, members.ring))
    count = members.size
    start = np.cumsum(count) - count
    first = start + (0.1 * (count - 1)).astype(np.int64)
    last = start + np.ceil(0.9 * (count - 1)).astype(np.int64)
    span = np.full(members.rings, empty)
    some = count > 0
    span[some] = created_ms[order[last[some]]] - created_ms[order[first[some]]]
    return span
