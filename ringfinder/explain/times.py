"""When things happened: by day, and by hour of day beside the population."""

from __future__ import annotations

import numpy as np

from ringfinder.durations import DAY_MS
from ringfinder.explain.facts import RingFacts
from ringfinder.explain.links import runs_of
from ringfinder.explain.view import Hours, Timeline
from ringfinder.graph.columns import AttributeGraph
from ringfinder.model import BoolArray, FloatArray, IntArray

MOST_DAYS = 800
"""Longer timelines show their last so many days: a date far off must not stretch a page."""


def timeline(graph: AttributeGraph, accounts: IntArray | None) -> Timeline:
    """Count sign-ups and exchanges by day.

    Parameters
    ----------
    graph
        The run's graph.
    accounts
        Sorted accounts to count, or None for all.

    Returns
    -------
    Timeline
        From the first day on which anything happened to the last; at most `MOST_DAYS`.
    """
    profiles = graph.profiles
    if accounts is None:
        signup_day = graph.created_ms // DAY_MS
        day, exchanges = profiles.day, profiles.day_exchanges
    else:
        signup_day = graph.created_ms[accounts] // DAY_MS
        rows = runs_of(profiles.day_account, accounts)[1]
        day, exchanges = profiles.day[rows], profiles.day_exchanges[rows]
    if not len(signup_day):
        return Timeline((), (), ())
    last = int(max(signup_day.max(), day.max(initial=signup_day.max())))
    first = int(max(min(signup_day.min(), day.min(initial=last)), last - MOST_DAYS + 1))
    length = last - first + 1
    signups = np.bincount(signup_day[signup_day >= first] - first, minlength=length)
    used = np.bincount(day[day >= first] - first, weights=exchanges[day >= first], minlength=length)
    return Timeline(
        tuple(range(first, last + 1)),
        tuple(signups.tolist()),
        tuple(used.astype(np.int64).tolist()),
    )


def population_hours(graph: AttributeGraph, flagged: BoolArray) -> FloatArray:
    """Return the shares by UTC hour of use and of sign-up of accounts not flagged: (2, 24).

    Parameters
    ----------
    graph
        The run's graph.
    flagged
        bool (N,): accounts in fleets, left out: they are what is compared.
    """
    rest = ~flagged
    use = graph.profiles.hours[rest].sum(axis=0, dtype=np.float64)
    signups = np.bincount(graph.profiles.signup_hour[rest], minlength=24).astype(np.float64)
    both = np.stack([use, signups])
    shares: FloatArray = both / np.maximum(both.sum(axis=1, keepdims=True), 1.0)
    return shares


def hours_view(facts: RingFacts, population: FloatArray, ring: int) -> Hours:
    """Put a ring's hours of day beside the population's."""
    return Hours(
        use=tuple(facts.hours[ring].tolist()),
        signups=tuple(facts.signup_hours[ring].tolist()),
        population_use=tuple(population[0].tolist()),
        population_signups=tuple(population[1].tolist()),
    )
