"""What can be counted about every ring at once, before words are made of it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ringfinder.explain.links import EvidenceLinks
from ringfinder.graph.columns import AttributeGraph, Rings
from ringfinder.model import FloatArray, IntArray
from ringfinder.schema import KINDS

MAIN_SHARE = 0.9
"""A burst of sign-ups is told by the shortest time that holds this share of them."""

COUNTED = 0.1
"""A value is counted ('on 3 domains') from this share of the ring's commonest of its kind."""


@dataclass(frozen=True)
class RingFacts:
    """Countable facts, one row per ring.

    Attributes
    ----------
    span_ms, main_span_ms
        int64 (R,): from the first to the last sign-up; the shortest time that holds
        `MAIN_SHARE` of the sign-ups.
    per_day
        float (R,): exchanges per account and day of use; NaN without use.
    quiet_share
        float (R,): share of use in the ring's own quietest eight hours of the day in a
        row (a third: perfectly flat); NaN without use.
    hours, signup_hours
        int64 (R, 24): exchanges and sign-ups by UTC hour of day.
    covered, values
        int64 (R, K): members that hold any evidence of a kind; how many values of the
        kind carry it (`COUNTED`).
    """

    span_ms: IntArray
    main_span_ms: IntArray
    per_day: FloatArray
    quiet_share: FloatArray
    hours: IntArray
    signup_hours: IntArray
    covered: IntArray
    values: IntArray


def ring_facts(graph: AttributeGraph, rings: Rings, links: EvidenceLinks) -> RingFacts:
    """Count what the sentences about rings are made of.

    Parameters
    ----------
    graph, rings
        Of one run.
    links
        `evidence_links` of the two.

    Returns
    -------
    RingFacts
    """
    number = len(rings.size)
    profiles, members = graph.profiles, links.members
    ring = rings.ring[members].astype(np.int64)
    span, main_span = _spans(graph.created_ms, links)
    hours = np.zeros((number, 24), dtype=np.int64)
    np.add.at(hours, ring, profiles.hours[members])
    signup_hours = np.bincount(
        ring * 24 + profiles.signup_hour[members], minlength=number * 24
    ).reshape(number, 24)
    days = np.bincount(ring, weights=profiles.active_days[members], minlength=number)
    used = np.bincount(ring, weights=profiles.exchanges[members], minlength=number)
    covered, values = _coverage(graph, rings, links)
    with np.errstate(invalid="ignore", divide="ignore"):
        per_day = used / days
    return RingFacts(
        span, main_span, per_day, _quiet_share(hours), hours, signup_hours, covered, values
    )


def _spans(created_ms: IntArray, links: EvidenceLinks) -> tuple[IntArray, IntArray]:
    number = len(links.member_start) - 1
    span = np.zeros(number, dtype=np.int64)
    main_span = np.zeros(number, dtype=np.int64)
    for ring in range(number):
        times = np.sort(created_ms[links.members_of(ring)])
        if not len(times):
            continue
        most = int(np.ceil(MAIN_SHARE * len(times)))
        span[ring] = times[-1] - times[0]
        main_span[ring] = np.min(times[most - 1 :] - times[: len(times) - most + 1])
    return span, main_span


def _quiet_share(hours: IntArray) -> FloatArray:
    round_the_clock = np.concatenate([hours, hours[:, :8]], axis=1).cumsum(axis=1)
    eight = round_the_clock[:, 8:] - round_the_clock[:, :-8]
    with np.errstate(invalid="ignore", divide="ignore"):
        quiet: FloatArray = eight.min(axis=1, initial=np.iinfo(np.int64).max) / hours.sum(axis=1)
    return quiet


def _coverage(
    graph: AttributeGraph, rings: Rings, links: EvidenceLinks
) -> tuple[IntArray, IntArray]:
    number, kinds = len(rings.size), len(KINDS)
    kind = graph.kind[rings.evidence_value].astype(np.int64)
    holder = np.sort(links.account * kinds + kind[links.row])
    holder = holder[np.diff(holder, prepend=-1) > 0]
    covered = np.bincount(
        rings.ring[holder // kinds].astype(np.int64) * kinds + holder % kinds,
        minlength=number * kinds,
    ).reshape(number, kinds)
    cell = rings.evidence_ring.astype(np.int64) * kinds + kind
    most = np.zeros(number * kinds, dtype=np.int64)
    np.maximum.at(most, cell, rings.evidence_inside)
    counts = rings.evidence_inside >= np.maximum(2, COUNTED * most[cell])
    values = np.bincount(cell[counts], minlength=number * kinds).reshape(number, kinds)
    return covered, values
