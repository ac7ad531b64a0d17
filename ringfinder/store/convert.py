"""Between the graph as a store keeps it and the graph as the core computes with it."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from ringfinder.errors import InvalidParameter
from ringfinder.graph.columns import NEVER, AttributeGraph, Profiles
from ringfinder.model import IntArray
from ringfinder.store.batches import ACCOUNTS, SIGHTINGS, VALUES, GraphTables
from ringfinder.store.events import Outcome


def to_attribute_graph(tables: GraphTables, profiles: Profiles) -> AttributeGraph:
    """Return the columns that the core works on.

    Parameters
    ----------
    tables
        From `GraphStore.read_graph`: sorted, each key once.
    profiles
        Of the same accounts in the same order: see `profiles.read_profiles`.

    Returns
    -------
    AttributeGraph
        The stratum is the account's country; counts beyond the range of int32 stop at
        its end; no clear values.

    Raises
    ------
    InvalidParameter
        If `profiles` has another number of accounts, or an account never signed up.
    """
    accounts = tables.accounts
    if len(profiles.exchanges) != len(accounts):
        raise InvalidParameter(
            f"profiles has {len(profiles.exchanges)} rows for {len(accounts)} accounts"
        )
    if accounts["created_ms"].null_count:
        raise InvalidParameter("an account without sign-up has no place in the graph: read counted")
    sightings = tables.sightings
    count = np.minimum(sightings["count"].to_numpy(), np.iinfo(np.int32).max)
    return AttributeGraph(
        account_ids=_one(accounts["account_id"]),
        created_ms=accounts["created_ms"].to_numpy(),
        closed_ms=pc.fill_null(accounts["closed_ms"], NEVER).to_numpy(),
        stratum=_codes(accounts["country"]),
        account=sightings["account"].to_numpy(),
        value=sightings["value"].to_numpy(),
        first_ms=sightings["first_ms"].to_numpy(),
        last_ms=sightings["last_ms"].to_numpy(),
        count=count.astype(np.int32),
        kind=tables.values["kind"].to_numpy(),
        pseudonym=_one(tables.values["pseudonym"]),
        clear=None,
        profiles=profiles,
    )


def to_graph_tables(graph: AttributeGraph, strata: Sequence[str] | None = None) -> GraphTables:
    """Return a normalised graph in the shape that a store takes in.

    Parameters
    ----------
    graph
        Clear values, if it has any, are left behind.
    strata
        Name of each stratum code (the countries, sorted); None: the codes, as six digits.

    Returns
    -------
    GraphTables
        Every account as a completed sign-up.
    """
    completed = pa.array([str(Outcome.COMPLETED)] * graph.accounts, pa.string())
    columns = {
        "account_id": graph.account_ids,
        "created_ms": pa.array(graph.created_ms),
        "closed_ms": pa.array(graph.closed_ms, mask=graph.closed_ms == NEVER),
        "country": _names(graph.stratum, strata),
        "plan": pa.nulls(graph.accounts, pa.string()),
        "email_verified": pa.nulls(graph.accounts, pa.bool_()),
        "outcome": completed,
        "outcome_ms": pa.array(graph.created_ms),
    }
    sightings = (graph.account, graph.value, graph.first_ms, graph.last_ms, graph.count)
    return GraphTables(
        pa.table(columns, schema=ACCOUNTS),
        pa.table({"kind": graph.kind, "pseudonym": graph.pseudonym}, schema=VALUES),
        pa.Table.from_arrays(
            [
                pa.array(column).cast(of.type)
                for column, of in zip(sightings, SIGHTINGS, strict=True)
            ],
            schema=SIGHTINGS,
        ),
    )


def _codes(countries: pa.ChunkedArray) -> IntArray:
    """Return the rank of each country among those that occur; -1 where none is known."""
    names = pc.unique(countries).drop_null()
    names = names.take(pc.sort_indices(names))
    codes = pc.fill_null(pc.index_in(countries, names), -1).to_numpy()
    return np.asarray(codes, np.int32)


def _names(stratum: IntArray, strata: Sequence[str] | None) -> pa.Array:
    """Return the name of each stratum, null where it is not known."""
    if strata is None:
        strata = [f"{code:06d}" for code in range(int(stratum.max(initial=-1)) + 1)]
    return pa.array(strata, pa.string()).take(pa.array(stratum, mask=stratum < 0))


def _one(column: pa.ChunkedArray) -> pa.Array:
    """Return a column as one array."""
    return pa.concat_arrays(column.chunks) if column.num_chunks else pa.array([], column.type)
