"""From arrays of detection and scoring to what is published."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from ringfinder.detect.lineage import ring_ids
from ringfinder.durations import DAY_MS
from ringfinder.evidence.incidence import Incidence
from ringfinder.evidence.lifts import Lifts
from ringfinder.explain.given import FeatureWords, Judgement
from ringfinder.graph.columns import NEVER, AttributeGraph, Rings
from ringfinder.model import Decision, FloatArray, IntArray, Lifecycle, Verdict
from ringfinder.score.assess import Assessment
from ringfinder.score.features import FEATURES
from ringfinder.score.verdicts import CHALLENGE

GROWING_DAYS = 7
SILENT_DAYS = 7


def inhabited(judged: Assessment) -> Assessment:
    """Drop the rings of which every member was labelled legitimate; number the rest anew."""
    rings = len(judged.probability)
    kept = np.unique(judged.ring[judged.ring >= 0])
    if len(kept) == rings:
        return judged
    code = np.full(rings + 1, -1, dtype=np.int32)
    code[kept] = np.arange(len(kept))
    return replace(
        judged,
        ring=code[judged.ring],
        features=judged.features[kept],
        contributions=judged.contributions[kept],
        prior_nats=judged.prior_nats[kept],
        probability=judged.probability[kept],
        verdict=[judged.verdict[number] for number in kept],
        origin=judged.origin[kept],
        near=code[judged.near],
    )


def to_rings(graph: AttributeGraph, shared: Incidence, lifts: Lifts, judged: Assessment) -> Rings:
    """Return rings with their evidence, sorted by ring, then falling nats.

    Parameters
    ----------
    graph, shared
        What the lifts were measured on.
    lifts
        Of the judged rings.
    judged
        The assessment.
    """
    size = np.bincount(judged.ring[judged.ring >= 0], minlength=len(judged.probability))
    lifts = lifts.only(lifts.holder < 0)  # a value that one member holds is shared by nobody
    order = np.lexsort((lifts.value, -lifts.nats, lifts.community))
    value = lifts.value[order]
    return Rings(
        ring=judged.ring,
        membership=judged.membership,
        size=size.astype(np.int32),
        evidence_ring=lifts.community[order],
        evidence_value=shared.source[value],
        evidence_inside=lifts.inside[order],
        evidence_total=shared.degree[value].astype(np.int32),
        evidence_nats=lifts.nats[order],
    )


def to_judgement(
    graph: AttributeGraph,
    judged: Assessment,
    rate: FloatArray,
    *,
    names: Sequence[str] | None = None,
) -> Judgement:
    """Name, date and describe every ring.

    Parameters
    ----------
    graph, judged
        Of one run.
    rate
        float64 (R,): false discovery rate of each judged ring.
    names
        The id of each ring; after its founders if not given.
    """
    profiles, ring = graph.profiles, judged.ring
    rings = len(judged.probability)
    first = _extreme(graph.created_ms, ring, rings, np.minimum, np.iinfo(np.int64).max)
    last_use = np.maximum(profiles.last_use_ms, graph.created_ms)
    last = _extreme(last_use, ring, rings, np.maximum, NEVER)
    if names is None:
        names = ring_ids(graph.account_ids, graph.created_ms, ring)
    return Judgement(
        ring_id=names,
        verdict=[str(verdict) for verdict in judged.verdict],
        lifecycle=[str(stage) for stage in lifecycles(graph, ring, last)],
        score=judged.probability,
        fdr=rate,
        first_seen_ms=first,
        last_seen_ms=last,
        exchanges=_sum(profiles.exchanges, ring, rings),
        output_tokens=_sum(profiles.output_tokens, ring, rings),
        features={f.name: judged.features[:, i] for i, f in enumerate(FEATURES)},
        contributions={f.name: judged.contributions[:, i] for i, f in enumerate(FEATURES)},
        words={f.name: FeatureWords(f.words, f.unit) for f in FEATURES},
        prior_nats=judged.prior_nats,
    )


def lifecycles(graph: AttributeGraph, ring: IntArray, last_ms: IntArray) -> list[Lifecycle]:
    """Say where in its life each ring stands at the end of the data.

    Closed: at least half of its accounts were closed. Growing: a sign-up within the last
    week. Silent: nothing at all within it, where anybody's use is known. Else active.
    """
    rings = len(last_ms)
    if not rings:
        return []
    now = max(int(graph.created_ms.max()), int(graph.profiles.last_use_ms.max()))
    newest = _extreme(graph.created_ms, ring, rings, np.maximum, NEVER)
    members = ring >= 0
    size = np.maximum(np.bincount(ring[members], minlength=rings), 1)
    closed = np.bincount(ring[members & (graph.closed_ms != NEVER)], minlength=rings) / size
    heard = bool((graph.profiles.last_use_ms != NEVER).any())
    out = []
    for number in range(rings):
        if closed[number] >= 0.5:
            out.append(Lifecycle.CLOSED)
        elif newest[number] > now - GROWING_DAYS * DAY_MS:
            out.append(Lifecycle.GROWING)
        elif heard and last_ms[number] < now - SILENT_DAYS * DAY_MS:
            out.append(Lifecycle.SILENT)
        else:
            out.append(Lifecycle.ACTIVE)
    return out


def decisions(
    judged: Assessment,
    contradicted: IntArray | None = None,
    *,
    fraud: IntArray | None = None,
) -> list[str]:
    """Return each account's decision; nothing is denied on graph evidence alone.

    Members of fleets are challenged where the score is at least `CHALLENGE`, reviewed
    below it; everybody else is allowed, however close. Accounts whose `legitimate` label is
    `contradicted` return to a person: reviewed. So are those labelled `fraud`, at least.
    """
    fleet = np.array([verdict is Verdict.FLEET for verdict in judged.verdict] + [False])
    flagged = fleet[judged.ring] & (judged.ring >= 0)
    sure = judged.account_score >= CHALLENGE
    codes = np.where(flagged, np.where(sure, 2, 1), 0)
    for asked in (contradicted, fraud):
        if asked is not None:
            codes[asked] = np.maximum(codes[asked], 1)
    names = np.array([Decision.ALLOW, Decision.REVIEW, Decision.CHALLENGE], dtype=object)
    return [str(name) for name in names[codes]]


def _sum(column: IntArray, ring: IntArray, rings: int) -> IntArray:
    members = ring >= 0
    out = np.zeros(rings, dtype=np.int64)
    np.add.at(out, ring[members], column[members])
    return out


def _extreme(column: IntArray, ring: IntArray, rings: int, pick: np.ufunc, start: int) -> IntArray:
    members = ring >= 0
    out = np.full(rings, start, dtype=np.int64)
    pick.at(out, ring[members], column[members])
    return out
