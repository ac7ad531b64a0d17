"""Rings, lineage and the run lock in Neo4j."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from ringfinder.errors import InvalidParameter, StoreError
from ringfinder.model import IntArray
from ringfinder.store.batches import EVIDENCE, LINEAGE, MEMBERS, RINGS, VALUES, RingTables
from ringfinder.store.neo4j.columns import as_lists, distinct_values
from ringfinder.store.neo4j.keys import key_of, keys_of, repeated_row_keys
from ringfinder.store.neo4j.nodes import find_accounts, find_values
from ringfinder.store.neo4j.reading import kind_codes
from ringfinder.store.neo4j.ringlinks import Columns, RingLinks
from ringfinder.store.neo4j.server import Work
from ringfinder.store.neo4j.state import State, read_state
from ringfinder.store.protocol import RunLock
from ringfinder.store.runlock import check_lock, taken_lock


def acquire(
    work: Work, holder: str, *, now_ms: int, lease_ms: int, dead: str | None = None
) -> RunLock:
    """Take the lock: see `runlock.taken_lock`."""
    state = read_state(work)
    lock = taken_lock(
        holder,
        token=state.lock_token,
        other=state.lock_holder,
        acquired_ms=state.lock_acquired_ms,
        expires_ms=state.lock_expires_ms,
        now_ms=now_ms,
        lease_ms=lease_ms,
        dead=dead,
    )
    work.run(
        "set_lock",
        token=lock.token,
        holder=holder,
        acquired_ms=now_ms,
        expires_ms=lock.expires_ms,
    )
    return lock


def release(work: Work, lock: RunLock) -> None:
    """Give the lock back, unless another run has taken it; its token is never used again."""
    state = read_state(work)
    if state.lock_token == lock.token:
        work.run(
            "set_lock",
            token=lock.token,
            holder=None,
            acquired_ms=state.lock_acquired_ms,
            expires_ms=0,
        )


def write(work: Work, rings: RingTables, lock: RunLock, void: Collection[str] = ()) -> None:
    """Replace the rings of the run before; a ring that lives on stays the same node.

    Lineage of the runs in `void` goes: see `GraphStore`.
    """
    state = read_state(work)
    check_lock(rings.run_id, lock, state.lock_token)
    run = key_of(rings.run_id)
    ring, name = _write_rings(work, rings.rings, run)
    work.run("sweep_rings", run=run)
    held = RingLinks.read(work)
    held.replace("NAMED", {"ring": ring.tolist(), "name": name.tolist()}, run)
    rows = pc.index_in(rings.members["ring_id"], rings.rings["ring_id"]).to_numpy()
    held.replace("MEMBER_OF", _members(work, rings.members, ring[rows]), run)
    rows = pc.index_in(rings.evidence["ring_id"], rings.rings["ring_id"]).to_numpy()
    marks, has_twins = _marks(work, rings.evidence, ring[rows], has_twins=state.has_twins)
    held.replace("MARKED_BY", marks, run)
    held.sweep()
    if has_twins and not state.has_twins:
        work.run("set_twins")
    work.run("sweep_outside")
    for run_id in (rings.run_id, *void):
        work.run("sweep_run", run=key_of(run_id))
    work.run("record_run", run=run, run_id=rings.run_id, token=lock.token)
    _write_lineage(work, rings.lineage)


def read(work: Work, state: State) -> RingTables | None:
    """Return the rings of the last run, sorted; None before the first."""
    if state.run_id is None:
        return None
    try:
        return _read_tables(work, state.run_id)
    except (InvalidParameter, pa.ArrowException, TypeError, ValueError) as error:
        raise StoreError(
            "the rings in the Neo4j database cannot be read: one was drawn or changed by hand. The "
            "next `ringfinder recompute` writes them anew, and so does `ringfinder publish promote "
            "ID` with the id of the snapshot in force"
        ) from error


def _read_tables(work: Work, run_id: str) -> RingTables:
    evidence = _exploded(work, "read_evidence", (*EVIDENCE.names, "label"))
    evidence["kind"] = kind_codes(evidence["label"])
    by_weight = [("ring_id", "ascending"), ("nats", "descending"), ("kind", "ascending")]
    return RingTables(
        run_id,
        _rows(work, "read_rings", RINGS).sort_by("ring_id"),
        pa.table(_exploded(work, "read_members", MEMBERS.names), schema=MEMBERS).sort_by(
            [("ring_id", "ascending"), ("account_id", "ascending")]
        ),
        pa.table({name: evidence[name] for name in EVIDENCE.names}, schema=EVIDENCE).sort_by(
            [*by_weight, ("pseudonym", "ascending")]
        ),
        _rows(work, "read_lineage", LINEAGE).sort_by([(n, "ascending") for n in LINEAGE.names]),
    )


def _write_rings(work: Work, rings: pa.Table, run: str) -> tuple[IntArray, IntArray]:
    """Write the rings and what they are called; return the numbers of both nodes of each."""
    keys, whole = keys_of(rings["ring_id"])
    said = as_lists(rings.drop_columns(["ring_id"]))
    columns = {"id": keys, "full_id": whole, **said}
    found = work.columns("merge_rings", columns, run=run)
    ring, name = (np.array(found.get(one, []), np.int64) for one in ("node", "name"))
    return ring, name


def _members(work: Work, members: pa.Table, ring: IntArray) -> Columns:
    """Return who is to be in which ring, by the numbers of their nodes."""
    ids = pc.unique(members["account_id"])
    account = find_accounts(work, ids, outside=True).number
    return {
        "account": account[pc.index_in(members["account_id"], ids).to_numpy()].tolist(),
        "ring": ring.tolist(),
        "membership": members["membership"].to_pylist(),
    }


def _marks(
    work: Work, evidence: pa.Table, ring: IntArray, *, has_twins: bool
) -> tuple[Columns, bool]:
    """Return which values are to mark which ring, and whether values share a key by now."""
    if not len(evidence):
        return {"ring": [], "value": []}, has_twins
    values = distinct_values(evidence.select(VALUES.names))
    nodes, has_twins = find_values(
        work, values.kind, values.pseudonyms, has_twins=has_twins, outside=True
    )
    columns = {
        "ring": ring.tolist(),
        "value": nodes.number[values.of_row].tolist(),
        "inside": evidence["accounts_inside"].to_pylist(),
        "total": evidence["accounts_total"].to_pylist(),
        "nats": evidence["nats"].to_pylist(),
    }
    return columns, has_twins


def _write_lineage(work: Work, lineage: pa.Table) -> None:
    if not len(lineage):
        return
    now, now_full = keys_of(lineage["ring_id"])
    before, before_full = keys_of(lineage["earlier_ring_id"])
    runs, _ = keys_of(lineage["run_id"])
    columns = {
        "key": repeated_row_keys(lineage),
        "run": runs,
        "run_id": lineage["run_id"].to_pylist(),
        "change": lineage["change"].to_pylist(),
        "shared": lineage["shared"].to_pylist(),
        "now": now,
        "now_full": now_full,
        "before": before,
        "before_full": before_full,
    }
    work.columns("merge_changes", columns)


def _rows(work: Work, statement: str, schema: pa.Schema) -> pa.Table:
    return pa.Table.from_pylist(list(work.records(statement)), schema=schema)


def _exploded(work: Work, statement: str, names: Sequence[str]) -> dict[str, list[Any]]:
    """Return columns of what is read as lists per ring."""
    columns: dict[str, list[Any]] = {name: [] for name in names}
    for record in work.records(statement):
        ring_id = record.pop("ring_id")
        columns["ring_id"] += [ring_id] * len(next(iter(record.values())))
        for name, values in record.items():
            columns[name] += values
    return columns
