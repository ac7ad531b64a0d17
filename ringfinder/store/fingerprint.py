"""The fingerprint of a graph: equal content, equal hash, whatever store it is read from."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from ringfinder.store.batches import GraphTables, RingTables


def graph_fingerprint(
    graph: GraphTables,
    profiles: pa.Table,
    labels: pa.Table,
    decisions: pa.Table,
    rings: RingTables | None = None,
) -> str:
    """Return the hash of what a store keeps, from its own sorted reads.

    Parameters
    ----------
    graph
        With uncounted accounts: they are state, too.
    profiles, labels, decisions
        How far a profile goes is left out: it depends on how events were cut into batches.
    rings
        What the last run wrote; None: left out.
    """
    tables = {
        "accounts": graph.accounts,
        "values": graph.values,
        "sightings": graph.sightings,
        "profiles": profiles.drop_columns(["through"]),
        "labels": labels,
        "decisions": decisions,
    }
    if rings is not None:
        tables["run"] = pa.table({"run_id": [rings.run_id]})
        for name in ("rings", "members", "evidence", "lineage"):
            tables[name] = getattr(rings, name)
    return fingerprint_of(tables)


def fingerprint_of(tables: Mapping[str, pa.Table]) -> str:
    """Return the SHA-256 of tables, hexadecimal.

    Parameters
    ----------
    tables
        By name; the rows in an order that their content decides (`GraphStore` reads are
        sorted). How the columns are chunked, sliced or encoded changes nothing.
    """
    digest = hashlib.sha256()
    for name in sorted(tables):
        table = tables[name]
        digest.update(f"{name} {len(table)}\n".encode())
        for column in sorted(table.column_names):
            digest.update(f"{column}\n".encode())
            _add(digest, table[column])
    return digest.hexdigest()


def _add(digest: hashlib._Hash, column: pa.ChunkedArray) -> None:
    """Add which rows are null, then the values, a fixed one in place of null."""
    array = column.combine_chunks()
    if isinstance(array, pa.ChunkedArray):  # an empty column has no chunk to combine
        array = pa.concat_arrays(array.chunks) if array.num_chunks else pa.array([], column.type)
    digest.update(np.packbits(array.is_null().to_numpy(zero_copy_only=False)).tobytes())
    if pa.types.is_fixed_size_list(array.type):
        digest.update(array.flatten().to_numpy().tobytes())
    elif pa.types.is_string(array.type):
        _add_strings(digest, pc.fill_null(array.cast(pa.large_string()), ""))
    elif pa.types.is_boolean(array.type):
        digest.update(pc.fill_null(array, False).to_numpy(zero_copy_only=False).tobytes())
    else:
        digest.update(pc.fill_null(array, 0).to_numpy().tobytes())


def _add_strings(digest: hashlib._Hash, array: pa.Array) -> None:
    """Add the lengths, then the bytes: no two lists of strings look alike."""
    digest.update(pc.binary_length(array).to_numpy().tobytes())
    _, offsets, data = array.buffers()
    ends = np.frombuffer(offsets, np.int64)[array.offset : array.offset + len(array) + 1]
    if data is not None and len(array):
        digest.update(memoryview(data)[int(ends[0]) : int(ends[-1])])
