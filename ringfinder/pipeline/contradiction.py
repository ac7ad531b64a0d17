"""`legitimate` labels that new attested evidence contradicts: a person should look again."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from ringfinder.graph.columns import AttributeGraph, Rings
from ringfinder.model import IntArray, Verdict
from ringfinder.schema import CODE, KINDS
from ringfinder.score.assess import Assessment
from ringfinder.score.labels import ATTESTED_TIES, contradicted
from ringfinder.store.events import EventType
from ringfinder.store.segments import EventLog

_SEEN_IN = (EventType.SIGNUPS, EventType.LOGINS, EventType.PAYMENTS, EventType.USAGE)
_ATTESTED = [kind.name for kind, able in zip(KINDS, ATTESTED_TIES, strict=True) if able]


def contradicted_labels(
    log: EventLog,
    labels: pa.Table,
    graph: AttributeGraph,
    rings: Rings,
    judged: Assessment,
    cleared: IntArray,
) -> IntArray:
    """Return the accounts that a label clears although a fleet's card or address speaks anew.

    Parameters
    ----------
    log
        The events: when an account was first seen with a value.
    labels
        Every label ever given (`batches.LABELS`).
    graph, rings, judged
        Of this run.
    cleared
        Accounts whose last label says `legitimate`, ascending.

    Returns
    -------
    IntArray
        Some of `cleared`. See `score.labels.contradicted` for what counts.
    """
    marks = _fleet_values(graph, rings, judged)
    if not len(cleared) or not marks:
        return cleared[:0]
    names = graph.account_ids.take(pa.array(cleared))
    first = _first_seen(log, names, marks)
    if not first:
        return cleared[:0]
    value = {known: number for number, known in enumerate({key[1:] for key in first})}
    account = np.array([cleared[key[0]] for key in first], dtype=np.int64)
    told = contradicted(
        cleared,
        _decided_ms(labels, names),
        account=account,
        value=np.array([value[key[1:]] for key in first], dtype=np.int64),
        first_ms=np.array(list(first.values()), dtype=np.int64),
        kind=np.array([CODE[kind] for kind, _ in value], dtype=np.int64),
        marks_fleet=np.ones(len(value), dtype=bool),
    )
    found: IntArray = cleared[told]
    return found


def _fleet_values(graph: AttributeGraph, rings: Rings, judged: Assessment) -> set[tuple[str, str]]:
    """Return kind and pseudonym of the attested values that mark a fleet."""
    fleet = np.array([verdict is Verdict.FLEET for verdict in judged.verdict], dtype=bool)
    value = rings.evidence_value
    wanted = fleet[rings.evidence_ring] & ATTESTED_TIES[graph.kind[value]]
    found = np.unique(value[wanted])
    pseudonyms = graph.pseudonym.take(pa.array(found)).to_pylist()
    kinds = [KINDS[code].name for code in graph.kind[found].tolist()]
    return set(zip(kinds, pseudonyms, strict=True))


def _first_seen(
    log: EventLog, names: pa.Array, marks: set[tuple[str, str]]
) -> dict[tuple[int, str, str], int]:
    """Return when each of some accounts was first seen with each of some values."""
    first: dict[tuple[int, str, str], int] = {}
    for at, when, kind, pseudonym in _sightings(log, names):
        if (kind, pseudonym) in marks:
            key = (at, kind, pseudonym)
            first[key] = min(when, first.get(key, when))
    return first


def _sightings(log: EventLog, names: pa.Array) -> Iterator[tuple[int, int, str, str]]:
    """Yield account (index into `names`), time, kind and pseudonym of attested sightings."""
    for kind in _SEEN_IN:
        for events in log.read(kind, columns=["account_id", "occurred_ms", "values"]):
            own = events.filter(pc.is_in(events["account_id"], names)).combine_chunks()
            if not len(own):
                continue
            lists = own["values"].combine_chunks()
            items, row = pc.list_flatten(lists), pc.list_parent_indices(lists)
            attested = pc.is_in(pc.struct_field(items, "kind"), pa.array(_ATTESTED))
            items, row = items.filter(attested), row.filter(attested)
            at = pc.index_in(own["account_id"], names).take(row).to_pylist()
            when = own["occurred_ms"].take(row).to_pylist()
            for account, ms, item in zip(at, when, items.to_pylist(), strict=True):
                yield account, ms, item["kind"], item["pseudonym"]


def _decided_ms(labels: pa.Table, names: pa.Array) -> IntArray:
    """Return when each account was last labelled legitimate."""
    own = labels.filter(pc.equal(labels["label"], "legitimate"))
    at = pc.index_in(own["account_id"], names)
    own, at = own.filter(pc.is_valid(at)), at.drop_null().to_numpy()
    newest: IntArray = np.full(len(names), np.iinfo(np.int64).min)
    np.maximum.at(newest, at, own["decided_ms"].to_numpy())
    return newest
