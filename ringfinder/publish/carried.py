"""What one snapshot hands on to the next: names, flags, lineage, and rings that are gone.

All of it lies in the snapshot's own files, so a snapshot that comes back into force brings
its past along, and no store is needed to know who is who.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from ringfinder.detect.identity import Step
from ringfinder.detect.known import KnownRings, Marks
from ringfinder.errors import StoreError
from ringfinder.graph.columns import AttributeGraph, Rings
from ringfinder.model import IntArray, Verdict
from ringfinder.publish.gate import InForce
from ringfinder.publish.staging import Staging
from ringfinder.schema import CODE, KINDS
from ringfinder.store.batches import EVIDENCE, LINEAGE, MEMBERS, RINGS, RingTables

REMEMBERED_RUNS = 400
"""Runs for which an account that is in no ring is remembered: more than a year of nights."""

HISTORY = pa.schema(
    [
        pa.field("account_id", pa.string(), False),
        pa.field("ring_id", pa.string(), False),  # under which it first was in a ring
        pa.field("runs", pa.int32(), False),  # for how many runs it has been in none
    ]
)


def read_known(path: Path | None) -> KnownRings:
    """Return the rings of a snapshot and those it remembers, sorted; none for None.

    Raises
    ------
    StoreError
        If a table of it cannot be read.
    """
    if path is None:
        return KnownRings.none()
    members = _table(path, "accounts", ["ring_id", "account_id"])
    members = members.filter(pc.is_valid(members["ring_id"]))
    first = _table(path, "history", ["ring_id", "account_id"])
    rings = _table(path, "rings", ["ring_id", "size"])
    evidence = _table(path, "evidence", ["ring_id", "kind", "value", "accounts_inside", "nats"])
    living = pc.sort_indices(rings["ring_id"])
    names = rings["ring_id"].take(living).to_pylist()
    gone = sorted(set(pc.unique(first["ring_id"]).to_pylist()) - set(names))
    every = pa.array([*names, *gone], pa.string())
    size = rings["size"].take(living).to_numpy()
    ring = _codes(evidence["ring_id"], every)
    weight = evidence["nats"].to_numpy() * evidence["accounts_inside"].to_numpy()
    value = pc.binary_join_element_wise(evidence["kind"], evidence["value"], ":")
    return KnownRings(
        names=every.to_pylist(),
        living=np.arange(len(every)) < len(names),
        ring=_codes(members["ring_id"], every),
        account_id=_one(members["account_id"]),
        first_ring=_codes(first["ring_id"], every),
        first_account_id=_one(first["account_id"]),
        marks=Marks(ring, _one(value), weight / np.maximum(size[ring], 1)),
    )


def read_in_force(path: Path | None) -> InForce | None:
    """Return what a snapshot says of accounts; None for None."""
    if path is None:
        return None
    accounts = _table(path, "accounts", ["account_id", "ring_id"])
    rings = _table(path, "rings", ["ring_id", "verdict"])
    verdict = rings["verdict"].take(pc.index_in(accounts["ring_id"], value_set=rings["ring_id"]))
    benign = pa.array([str(Verdict.ORGANISATION), str(Verdict.HOUSEHOLD)])
    spared = pc.fill_null(pc.is_in(verdict, benign), False)
    return InForce(
        account_id=_one(accounts["account_id"]),
        flagged=np.asarray(pc.fill_null(pc.equal(verdict, str(Verdict.FLEET)), False), bool),
        organisation=_one(pc.if_else(spared, accounts["ring_id"], pa.scalar(None, pa.string()))),
    )


def marks_of(graph: AttributeGraph, rings: Rings) -> Marks:
    """Return what marks the rings of a run."""
    kinds = pa.array([kind.name for kind in KINDS])
    kind = kinds.take(pa.array(graph.kind[rings.evidence_value].astype(np.int64)))
    value = graph.pseudonym.take(pa.array(rings.evidence_value))
    inside = rings.evidence_inside / np.maximum(rings.size[rings.evidence_ring], 1)
    return Marks(
        rings.evidence_ring.astype(np.int64),
        pc.binary_join_element_wise(kind, value.cast(pa.string()), ":"),
        rings.evidence_nats * inside,
    )


def write_lineage(stage: Staging, run_id: str, steps: Sequence[Step]) -> None:
    """Write lineage.parquet: what became of the rings in this run."""
    rows = [
        {
            "run_id": run_id,
            "change": str(step.change),
            "ring_id": step.ring_id,
            "earlier_ring_id": step.earlier_ring_id,
            "shared": step.shared,
        }
        for step in steps
    ]
    pq.write_table(pa.Table.from_pylist(rows, LINEAGE), stage.path("lineage.parquet"))


def write_history(
    stage: Staging, earlier: Path | None, first: Mapping[str, str], account_ids: pa.StringArray
) -> None:
    """Write history.parquet: the id under which each account first was in a ring.

    Parameters
    ----------
    stage
        The snapshot that is being written.
    earlier
        The one before it; accounts that are in no ring now are remembered from it.
    first
        Of the accounts in rings now: see `Identity.first`.
    account_ids
        All accounts of the graph: who was erased is not remembered.
    """
    rows = [(account, ring, 0) for account, ring in first.items()]
    if earlier is not None:
        table = _table(earlier, "history", HISTORY.names)
        table = table.filter(pc.is_in(table["account_id"], value_set=account_ids))
        rows += [
            (account, ring, runs + 1)
            for account, ring, runs in zip(*table.to_pydict().values(), strict=True)
            if account not in first and runs < REMEMBERED_RUNS
        ]
    columns = list(zip(*sorted(rows), strict=True)) or [(), (), ()]
    arrays = [pa.array(c, of.type) for c, of in zip(columns, HISTORY, strict=True)]
    pq.write_table(pa.Table.from_arrays(arrays, schema=HISTORY), stage.path("history.parquet"))


def ring_tables(path: Path) -> RingTables:
    """Return the rings of a snapshot in the shape that a store takes in."""
    rings = _table(path, "rings", None)
    for name in ("first_seen", "last_seen"):
        rings = rings.append_column(f"{name}_ms", rings[name].cast(pa.int64()))
    accounts = _table(path, "accounts", MEMBERS.names)
    evidence = _table(path, "evidence", None)
    code = pa.array([CODE[kind] for kind in evidence["kind"].to_pylist()], pa.int8())
    evidence = evidence.drop_columns(["kind"]).append_column("kind", code)
    evidence = evidence.rename_columns(
        ["pseudonym" if name == "value" else name for name in evidence.column_names]
    )
    members = accounts.filter(pc.is_valid(accounts["ring_id"]))
    return RingTables(
        path.name,
        rings.select(RINGS.names).cast(RINGS),
        members.select(MEMBERS.names).cast(MEMBERS),
        evidence.select(EVIDENCE.names).cast(EVIDENCE),
        _table(path, "lineage", None).cast(LINEAGE),
    )


def _table(path: Path, name: str, columns: list[str] | None) -> pa.Table:
    try:
        return pq.read_table(path / f"{name}.parquet", columns=columns)
    except (OSError, pa.ArrowException):
        raise StoreError(
            f"{name}.parquet of the snapshot {path.name} cannot be read. Promote another "
            "snapshot with `ringfinder publish promote ID`."
        ) from None


def _codes(names: pa.ChunkedArray, every: pa.StringArray) -> IntArray:
    return np.asarray(pc.index_in(names, value_set=every).to_numpy(), dtype=np.int64)


def _one(column: pa.ChunkedArray | pa.Array) -> pa.StringArray:
    if isinstance(column, pa.Array):
        return column
    return pa.concat_arrays(column.chunks) if column.num_chunks else pa.array([], column.type)
