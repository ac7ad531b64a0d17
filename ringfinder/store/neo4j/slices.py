"""A batch that is too large for one transaction, cut by its accounts.

A batch is folded whole before it is cut: each account and value meets once, however many
events saw them together. Where a row goes is decided by its account's id alone, so that a
loader that is killed and the one that goes on cut alike. An account that was seen with very
many values is spread by the values instead.
"""

from __future__ import annotations

import zlib

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from ringfinder.model import IntArray
from ringfinder.store.batches import ACCOUNTS, SIGHTINGS, VALUES, GraphBatch, GraphTables
from ringfinder.store.neo4j.columns import distinct_values, fold_sightings, named_accounts

ROWS_PER_SLICE = 25_000
"""Accounts, values and sightings of one transaction: each takes 2 to 3 kB of the server's heap."""

_BUSY = 5_000  # values of one account


class Slices:
    """A batch, folded, and its slices.

    Parameters
    ----------
    batch
        What is to be written.
    rows
        Rows of a slice, about.

    Attributes
    ----------
    first, last
        The events that the batch stands for.
    many
        How many slices it makes; others may be asked for, by who began with others.
    """

    def __init__(self, batch: GraphBatch, *, rows: int = ROWS_PER_SLICE) -> None:
        self.first, self.last = batch.first, batch.last
        self._batch = batch
        self._ids = named_accounts(batch)
        graph = batch.graph
        values = distinct_values(graph.values)
        self._values = pa.Table.from_arrays(
            [pa.array(values.kind), pa.array(values.pseudonyms, pa.string())], schema=VALUES
        )
        row_account = _rows_of(graph.accounts, self._ids)
        self._sightings = fold_sightings(
            row_account[graph.sightings["account"].to_numpy()],
            values.of_row[graph.sightings["value"].to_numpy()],
            graph.sightings,
        )
        held = len(self._ids) + len(self._values) + len(self._sightings)
        self.many = max(1, -(-held // rows))
        self._cut: _Cut | None = None

    def part(self, number: int, many: int) -> GraphBatch:
        """Return one slice of many, as a batch of the same events; all together say the same."""
        if many == 1:
            return self._batch
        if self._cut is None or self._cut.many != many:
            self._cut = _Cut(self._batch, self._ids, self._values, self._sightings, many)
        cut = self._cut
        sightings = cut.sightings.part(number)
        account, value = (sightings[name].to_numpy() for name in ("account", "value"))
        named = np.union1d(account, cut.accounts(number))
        values = np.union1d(value, cut.unseen(number))
        columns = [np.searchsorted(named, account), np.searchsorted(values, value)]
        rows = [pa.array(column.astype(np.int32)) for column in columns]
        rows += [sightings[name] for name in SIGHTINGS.names[2:]]
        nulls = [pa.nulls(len(named), field.type) for field in ACCOUNTS if field.nullable]
        accounts = [self._ids.take(pa.array(named)), *nulls]
        facts, *told = (table.part(number) for table in cut.tables)
        graph = GraphTables(
            pa.concat_tables([pa.Table.from_arrays(accounts, schema=ACCOUNTS), facts]),
            self._values.take(pa.array(values)),
            pa.Table.from_arrays(rows, schema=SIGHTINGS),
        )
        return GraphBatch(self.first, self.last, graph, *told)


class _Cut:
    """Which slice each account, each row about one, and each sighting belongs to."""

    def __init__(
        self, batch: GraphBatch, ids: pa.Array, values: pa.Table, sightings: pa.Table, many: int
    ) -> None:
        self.many = many
        home = _hashes(ids) % many
        tables = (batch.graph.accounts, batch.profiles, batch.labels, batch.decisions)
        self.tables = [_Dealt(table, home[_rows_of(table, ids)], many) for table in tables]
        self._accounts = _Dealt(pa.table({"row": np.arange(len(ids))}), home, many)
        account, value = (sightings[name].to_numpy() for name in ("account", "value"))
        where = home[account]
        busy = np.bincount(account, minlength=len(ids))[account] > _BUSY
        pseudonyms = values["pseudonym"].combine_chunks().take(pa.array(value[busy]))
        where[busy] = _hashes(pseudonyms) % many
        self.sightings = _Dealt(sightings, where, many)
        self._unseen = np.setdiff1d(np.arange(len(values)), value)

    def accounts(self, number: int) -> IntArray:
        """Return the accounts at home in a slice."""
        return self._accounts.part(number)["row"].to_numpy()

    def unseen(self, number: int) -> IntArray:
        """Return values that nobody was seen with: the first slice has them."""
        return self._unseen if number == 0 else self._unseen[:0]


class _Dealt:
    """A table whose rows are dealt to slices once, in their order."""

    def __init__(self, table: pa.Table, where: IntArray, many: int) -> None:
        order = np.argsort(where, kind="stable")
        self._table = table.take(pa.array(order)).combine_chunks()
        self._ends = np.searchsorted(where[order], np.arange(many + 1))

    def part(self, number: int) -> pa.Table:
        """Return the rows of a slice."""
        begin, end = self._ends[number : number + 2].tolist()
        return self._table.slice(begin, end - begin)


def _rows_of(table: pa.Table, ids: pa.Array) -> IntArray:
    """Return which account each row of a table names."""
    return pc.index_in(table["account_id"], ids).to_numpy().astype(np.int64)


def _hashes(texts: pa.Array) -> IntArray:
    """Return a number for each string, the same on every machine."""
    return np.array([zlib.crc32(text.encode()) for text in texts.to_pylist()], np.int64)
