"""How a batch gets into Neo4j: nodes first, then relationships in the order of their ends.

Nodes are looked up once and then named by their number (`id()`): that is a seek without
an index, and makes relationships several times faster to write and to read.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import astuple, dataclass, replace
from enum import Enum

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from ringfinder.errors import StoreUnavailable
from ringfinder.model import IntArray
from ringfinder.store.batches import GraphBatch
from ringfinder.store.loading import check_range
from ringfinder.store.neo4j.columns import (
    FACTS,
    as_lists,
    distinct_values,
    facts_of,
    fold,
    fold_sightings,
    named_accounts,
    table_of,
)
from ringfinder.store.neo4j.keys import row_keys
from ringfinder.store.neo4j.nodes import Nodes, find_accounts, find_values
from ringfinder.store.neo4j.server import Work
from ringfinder.store.neo4j.slices import Slices
from ringfinder.store.neo4j.state import Begun, State, read_state
from ringfinder.store.parts import merged
from ringfinder.store.protocol import Interval


@dataclass(frozen=True, slots=True)
class _Names:
    """The accounts of a batch and their nodes."""

    ids: pa.Array
    nodes: Nodes

    def node_of(self, ids: pa.ChunkedArray) -> IntArray:
        """Return the number of the node of each account_id."""
        rows = pc.index_in(ids, self.ids).to_numpy()
        return self.nodes.number[rows]


class Taken(Enum):
    """What a transaction made of a batch."""

    VOID = "the store must be cleared first"
    KNOWN = "it had been written before"
    SLICE = "a slice of it is written, there are more"
    WHOLE = "the rest of it is written"


def take_in(work: Work, slices: Slices) -> Taken:
    """Write the next slice of a batch in the caller's transaction.

    How many are written stands in the store: whoever brings the same batch goes on there.

    Raises
    ------
    StoreError
        If a part of the batch's range was written before, and a part was not.
    StoreUnavailable
        If somebody has begun to write a part of its range in a batch of another range.
    """
    state = read_state(work)
    if state.clearing:
        return Taken.VOID
    if not check_range(slices, state.applied):
        return Taken.KNOWN
    begun = _begun(slices, state.begun)
    has_twins = _write_slice(work, slices.part(begun.done, begun.many), state)
    begun = replace(begun, done=begun.done + 1)
    others = [one for one in state.begun if one.first != begun.first]
    if begun.done < begun.many:
        _write_progress(work, state.applied, [*others, begun], has_twins=has_twins)
        return Taken.SLICE
    applied = merged([*state.applied, (slices.first, slices.last)])
    _write_progress(work, applied, others, has_twins=has_twins)
    return Taken.WHOLE


def _begun(slices: Slices, begun: Sequence[Begun]) -> Begun:
    """Return how far a batch is."""
    for one in begun:
        if (one.first, one.last) == (slices.first, slices.last):
            return one
        if one.first <= slices.last and slices.first <= one.last:
            raise StoreUnavailable(
                f"events {one.first} to {one.last} are being taken in by another loader, or by one "
                "that was ended: `ringfinder load` finishes what came in files, `ringfinder "
                "recompute` what came over HTTP"
            )
    return Begun(slices.first, slices.last, slices.many, 0)


def _write_progress(
    work: Work, applied: Sequence[Interval], begun: Sequence[Begun], *, has_twins: bool
) -> None:
    work.run(
        "set_applied",
        applied=[end for interval in applied for end in interval],
        begun=[number for one in begun for number in astuple(one)],
        has_twins=has_twins,
    )


def _write_slice(work: Work, batch: GraphBatch, state: State) -> bool:
    """Write what a batch says; return whether two kinds share a pseudonym by now."""
    ids = named_accounts(batch)
    names = _Names(ids, find_accounts(work, ids))
    _write_facts(work, batch, names)
    has_twins = _write_sightings(work, batch, names, has_twins=state.has_twins)
    _write_profiles(work, batch, names)
    _write_told(work, batch, names)
    return has_twins


def _write_facts(work: Work, batch: GraphBatch, names: _Names) -> None:
    """Fold what the batch says of accounts with what was said before, and write the outcome."""
    accounts = batch.graph.accounts
    facts = facts_of(accounts, names.node_of(accounts["account_id"]))
    if not len(facts):
        return
    known = np.setdiff1d(facts["account"].to_numpy(), names.nodes.number[names.nodes.new])
    before = _known(work, "read_facts", known, FACTS)
    lists = as_lists(fold("fact", pa.concat_tables([before, facts])))
    work.columns("write_facts", {"node": lists.pop("account"), **lists})


def _write_sightings(work: Work, batch: GraphBatch, names: _Names, *, has_twins: bool) -> bool:
    """Write values and sightings; return whether two kinds share a pseudonym by now."""
    graph = batch.graph
    if not len(graph.values):
        return has_twins
    values = distinct_values(graph.values)
    nodes, has_twins = find_values(work, values.kind, values.pseudonyms, has_twins=has_twins)
    account = names.node_of(graph.accounts["account_id"])[graph.sightings["account"].to_numpy()]
    value = nodes.number[values.of_row[graph.sightings["value"].to_numpy()]]
    sightings = fold_sightings(account, value, graph.sightings)
    fresh = pa.array(
        np.isin(sightings["account"].to_numpy(), names.nodes.number[names.nodes.new])
        | np.isin(sightings["value"].to_numpy(), nodes.number[nodes.new])
    )
    for statement, mask in (
        ("create_sightings", fresh),
        ("merge_sightings", pc.invert(fresh)),
    ):
        rows = sightings.filter(mask)
        work.columns(statement, as_lists(rows), run=batch.last)
    return has_twins


def _write_profiles(work: Work, batch: GraphBatch, names: _Names) -> None:
    """Write the profiles that go further than those that are there."""
    if not len(batch.profiles):
        return
    node = pa.array(names.node_of(batch.profiles["account_id"]), pa.int64())
    rows = batch.profiles.drop_columns(["account_id"]).add_column(0, "account", node)
    known = np.setdiff1d(node.to_numpy(), names.nodes.number[names.nodes.new])
    before = _known(work, "read_some_profiles", known, rows.schema)
    lists = as_lists(fold("profile", pa.concat_tables([before, rows])))
    work.columns("write_profiles", {"node": lists.pop("account"), **lists})


def _write_told(work: Work, batch: GraphBatch, names: _Names) -> None:
    """Attach labels and decisions."""
    for statement, table in (("merge_labels", batch.labels), ("merge_decisions", batch.decisions)):
        if len(table):
            columns = {
                "node": names.node_of(table["account_id"]).tolist(),
                "key": row_keys(table),
                **as_lists(table.drop_columns(["account_id"])),
            }
            work.columns(statement, columns, run=batch.last)


def _known(work: Work, statement: str, node: IntArray, schema: pa.Schema) -> pa.Table:
    """Return what the store knows of some nodes, in columns; their numbers as `account`."""
    if not len(node):
        return schema.empty_table()
    return table_of(work.records(statement, node=node.tolist()), schema)
