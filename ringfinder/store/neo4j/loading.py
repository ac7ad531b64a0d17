"""How a batch gets into Neo4j: nodes first, then relationships in the order of their ends.

Nodes are looked up once and then named by their number (`id()`): that is a seek without
an index, and makes relationships several times faster to write and to read.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from ringfinder.model import IntArray
from ringfinder.store.batches import GraphBatch
from ringfinder.store.loading import check_range, merged
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
from ringfinder.store.neo4j.state import read_state


@dataclass(frozen=True, slots=True)
class _Names:
    """The accounts of a batch and their nodes."""

    ids: pa.Array
    nodes: Nodes

    def node_of(self, ids: pa.ChunkedArray) -> IntArray:
        """Return the number of the node of each account_id."""
        rows = pc.index_in(ids, self.ids).to_numpy()
        return self.nodes.number[rows]


def take_in(work: Work, batch: GraphBatch) -> bool | None:
    """Write a batch in the caller's transaction.

    Returns
    -------
    bool or None
        False where it had been written before; None where the store must first be cleared.

    Raises
    ------
    StoreError
        If a part of the batch's range was written before, and a part was not.
    """
    state = read_state(work)
    if state.clearing:
        return None
    if not check_range(batch, state.applied):
        return False
    ids = named_accounts(batch)
    names = _Names(ids, find_accounts(work, ids))
    _write_facts(work, batch, names)
    has_twins = _write_sightings(work, batch, names, has_twins=state.has_twins)
    _write_profiles(work, batch, names)
    _write_told(work, batch, names)
    intervals = merged([*state.applied, (batch.first, batch.last)])
    ends = [end for interval in intervals for end in interval]
    work.run("set_applied", applied=ends, has_twins=has_twins)
    return True


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
