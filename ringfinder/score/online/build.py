"""From a run of the batch to the arrays that score one sign-up."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pyarrow as pa
from scipy import sparse

from ringfinder.durations import HOUR_MS
from ringfinder.evidence.anchors import anchor_marks
from ringfinder.evidence.background import SHRINKAGE, Background
from ringfinder.evidence.incidence import Incidence
from ringfinder.evidence.lifts import THRESHOLD_NATS, Lifts
from ringfinder.evidence.pooled import POOLED
from ringfinder.graph.columns import AttributeGraph
from ringfinder.model import FloatArray, IntArray, Verdict
from ringfinder.schema import FAMILY_OF_KIND, KINDS
from ringfinder.score.near import NEAR_NATS

BENIGN = (Verdict.ORGANISATION, Verdict.HOUSEHOLD)
CLOCK_PRIOR = 20.0
"""Sign-ups of the whole population mixed into every class's clock."""

_DIGIT = np.zeros(256, dtype=np.uint8)
_DIGIT[list(b"0123456789abcdef")] = np.arange(16)
_ROWS = 1 << 20


def with_own_values(
    graph: AttributeGraph, shared: Incidence, back: Background, ring: IntArray
) -> tuple[Incidence, Background]:
    """Return the incidence with the values that one member of a ring alone holds.

    They say nothing about anybody in the run, but whoever shows one tomorrow is linked to that
    member (`evidence.pooled`): the batch would find it shared. Lifts of all other values
    are the same on both.

    Parameters
    ----------
    graph, shared, back
        Of the run.
    ring
        int32 (N,): -1 outside rings.
    """
    known = np.zeros(graph.values, dtype=bool)
    known[shared.source] = True
    rows = np.flatnonzero(
        (ring[graph.account] >= 0) & POOLED[graph.kind[graph.value]] & ~known[graph.value]
    )
    if not len(rows):
        return shared, back
    # labelled accounts aside, a value that is not shared has one holder
    source = graph.value[rows].astype(np.int64)
    account = np.concatenate((shared.account, graph.account[rows]))
    value = np.concatenate((shared.value, shared.values + np.arange(len(rows)))).astype(np.int32)
    order = np.lexsort((value, account))
    kind = np.concatenate((shared.kind, graph.kind[source])).astype(np.int8)
    none = sparse.csr_array((len(rows), back.classes))
    return (
        Incidence(
            accounts=shared.accounts,
            account=account[order].astype(np.int32),
            value=value[order],
            kind=kind,
            family=np.array(FAMILY_OF_KIND, dtype=np.int8)[kind],
            degree=np.concatenate((shared.degree, np.ones(len(rows), dtype=np.int64))),
            source=np.concatenate((shared.source, source)).astype(np.int32),
            shown=shared.shown,
            activity=shared.activity,
        ),
        replace(back, holders=sparse.csr_array(sparse.vstack((back.holders, none)))),
    )


def value_arrays(
    shared: Incidence, back: Background, pseudonym: pa.StringArray, created_ms: IntArray
) -> tuple[dict[str, IntArray | FloatArray], IntArray]:
    """Return the arrays of values and classes, and the place of each value of `shared`.

    Parameters
    ----------
    shared, back
        Incidence and background of the run.
    pseudonym
        String array: of all values of the graph.
    created_ms
        int64 (N,).
    """
    high, low = value_digests(pseudonym.take(pa.array(shared.source, pa.int64())))
    order = np.lexsort((low, high))
    place = np.empty(len(order), dtype=np.int64)
    place[order] = np.arange(len(order))
    # a value of fewer holders is rare in every class: what it says does not depend on any
    popular = np.flatnonzero(shared.degree >= max(np.sqrt(shared.accounts), 20.0))
    popular = popular[np.argsort(place[popular])]
    overall = shared.degree[popular] / max(shared.accounts, 1)
    holders = np.asarray(back.holders[popular].todense())
    rate = (holders + SHRINKAGE * overall[:, None]) / (back.size[None, :] + SHRINKAGE)
    return {
        "value_high": high[order],
        "value_low": low[order],
        "value_degree": shared.degree[order].astype(np.int32),
        "popular": place[popular].astype(np.int32),
        "popular_rate": rate.astype(np.float32),
        "class_size": back.everyone,
        "class_clock": _clocks(back.label, back.classes, created_ms),
    }, place


def _clocks(label: IntArray, classes: int, created_ms: IntArray) -> FloatArray:
    """Return float64 (C, 24): share of each class's sign-ups by hour, shrunk to everybody's."""
    hour = (created_ms // HOUR_MS % 24).astype(np.int64)
    counts = np.bincount(label.astype(np.int64) * 24 + hour, minlength=classes * 24)
    clock = counts.reshape(classes, 24).astype(float)
    everybody = clock.sum(axis=0) + 1.0
    clock += CLOCK_PRIOR * everybody / everybody.sum()
    return clock / clock.sum(axis=1, keepdims=True)


def mark_arrays(
    shared: Incidence, lifts: Lifts, verdict: Sequence[Verdict], place: IntArray
) -> dict[str, IntArray | FloatArray]:
    """Return the arrays of what marks each ring.

    Parameters
    ----------
    shared, lifts
        The incidence, and the lifts of the judged rings.
    verdict
        Length R: accounts are held against fleets down to `NEAR_NATS`.
    place
        int64 (V,): where each value stands among the sorted ones.
    """
    fleet = np.array([one is Verdict.FLEET for one in verdict], dtype=bool)
    benign = np.array([one in BENIGN for one in verdict], dtype=bool)
    anchor = np.where(
        fleet[lifts.community],
        anchor_marks(shared, lifts, NEAR_NATS),
        anchor_marks(shared, lifts, THRESHOLD_NATS),
    )
    marked, which = np.unique(place[lifts.value], return_inverse=True)
    key = which.astype(np.int64) * max(lifts.communities, 1) + lifts.community
    order = np.argsort(key)
    anchors = order[anchor[order]]
    starts = np.searchsorted(which[anchors], np.arange(len(marked) + 1))
    return {
        "marked": marked.astype(np.int32),
        "mark_key": key[order],
        "mark_nats": lifts.nats[order],
        "mark_inside": lifts.inside[order],
        "mark_holder": lifts.holder[order],
        "explained": np.unique(place[lifts.value[benign[lifts.community]]]).astype(np.int32),
        "anchor_start": starts.astype(np.int32),
        "anchor_ring": lifts.community[anchors].astype(np.int32),
        "ring_size": lifts.size,
        "ring_prior": lifts.prior,
        "ring_cap": lifts.cap,
        "ring_miss": lifts.miss.reshape(-1, len(KINDS)),
    }


def value_digests(pseudonym: pa.StringArray) -> tuple[IntArray, IntArray]:
    """Return the 128 bits of pseudonyms, all of one length, as two columns of uint64 (V,)."""
    high = np.empty(len(pseudonym), dtype=np.uint64)
    low = np.empty(len(pseudonym), dtype=np.uint64)
    for begin in range(0, len(pseudonym), _ROWS):
        text = "".join(p[-32:] for p in pseudonym[begin : begin + _ROWS].to_pylist())
        digit = _DIGIT[np.frombuffer(text.encode("ascii"), dtype=np.uint8)]
        octets = (digit[0::2] << 4 | digit[1::2]).reshape(-1, 16)
        halves = np.ascontiguousarray(octets).view(">u8")
        high[begin : begin + len(halves)], low[begin : begin + len(halves)] = halves.T
    return high, low


def account_digests(account_ids: pa.StringArray) -> tuple[IntArray, IntArray]:
    """Return 128 bits of account ids (`model.account_digest`) as two columns of uint64 (N,)."""
    high = np.empty(len(account_ids), dtype=np.uint64)
    low = np.empty(len(account_ids), dtype=np.uint64)
    for begin in range(0, len(account_ids), _ROWS):
        ids = account_ids[begin : begin + _ROWS].cast(pa.binary()).to_pylist()
        joined = b"".join([hashlib.blake2b(one, digest_size=16).digest() for one in ids])
        halves = np.frombuffer(joined, dtype=">u8").reshape(-1, 2)
        high[begin : begin + len(ids)], low[begin : begin + len(ids)] = halves.T
    return high, low
