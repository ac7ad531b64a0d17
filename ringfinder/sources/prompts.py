"""Prompt texts: turned to bands while they stream past, never kept."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any

import duckdb
import pyarrow as pa

from ringfinder.sources.layout import Layout
from ringfinder.sources.scan import scan

_ROWS = 1_024  # in flight; each may be a mebibyte
_FLUSH_ROWS = 65_536
_FLUSH_BYTES = 64 << 20

Bands = Callable[[pa.StringArray], Any]
"""From n distinct texts to n lists of bands, as lists or as one list array."""


def band_prompts(
    con: duckdb.DuckDBPyConnection,
    layouts: Sequence[Layout],
    bands: Bands,
    *,
    record: bool = False,
) -> None:
    """Fill the table ``bands`` (prompt, band) for the prompts of all files.

    Parameters
    ----------
    con
        Connection on which the files were staged.
    layouts
        Files of one table, as they were read in the end.
    bands
        Called with texts not met before, in pieces.
    record
        As the files were staged.
    """
    con.execute("CREATE TABLE bands (prompt UHUGEINT, band VARCHAR)")
    con.execute("CREATE TABLE banded (prompt UHUGEINT)")
    for layout in layouts:
        if "prompt" not in layout.chosen:
            continue
        # A cursor of its own: the texts stream while their bands are stored.
        reading = con.cursor()
        reading.execute("SET TimeZone = 'UTC'")
        rows = scan(con, layout, rejects=False, record=record).rows
        texts = reading.sql(f"SELECT raw_prompt AS text FROM ({rows}) WHERE bad = 0 AND prompt > 0")
        for batch in _in_pieces(texts.to_arrow_reader(_ROWS)):
            _band_batch(con, batch, bands)
        reading.close()
    con.execute("DROP TABLE banded")


def _in_pieces(batches: Iterable[pa.RecordBatch]) -> Iterator[pa.Table]:
    """Join small batches to tables of a size worth a query, and no larger."""
    held: list[pa.RecordBatch] = []
    rows = size = 0
    for batch in batches:
        held.append(batch)
        rows, size = rows + batch.num_rows, size + batch.nbytes
        if rows >= _FLUSH_ROWS or size >= _FLUSH_BYTES:
            yield pa.Table.from_batches(held)
            held, rows, size = [], 0, 0
    if rows:
        yield pa.Table.from_batches(held)


def _band_batch(con: duckdb.DuckDBPyConnection, batch: pa.Table, bands: Bands) -> None:
    """Store the bands of those texts of a batch that were not met before."""
    con.register("batch", batch)
    # The inner join looks up the long list in the short one: the list of what was met grows.
    new = con.sql(
        "WITH given AS MATERIALIZED "
        "(SELECT text, md5_number(text) AS prompt FROM batch GROUP BY text) "
        "SELECT text FROM given WHERE prompt NOT IN "
        "(SELECT prompt FROM banded SEMI JOIN given USING (prompt)) ORDER BY text"
    ).to_arrow_table()["text"]
    con.unregister("batch")
    if len(new) == 0:
        return
    texts = pa.concat_arrays(new.cast(pa.string()).chunks)
    lists = bands(texts)
    if not isinstance(lists, pa.Array | pa.ChunkedArray):
        lists = pa.array(lists, pa.list_(pa.string()))
    con.register("fresh", pa.table({"text": texts, "bands": lists}))
    con.execute("INSERT INTO banded SELECT md5_number(text) FROM fresh")
    con.execute(
        "INSERT INTO bands SELECT DISTINCT md5_number(text), band "
        "FROM (SELECT text, unnest(bands) AS band FROM fresh) WHERE band IS NOT NULL"
    )
    con.unregister("fresh")
