"""Files in, rows out: what is recorded as events, in chunks that fit in memory."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import duckdb
import pyarrow as pa

from ringfinder.errors import InputError
from ringfinder.sources.columns import TABLES, TIME_OF
from ringfinder.sources.files import Fingerprints, find_files
from ringfinder.sources.layout import find_layouts
from ringfinder.sources.losses import why_none
from ringfinder.sources.prompts import Bands, band_prompts
from ringfinder.sources.reader import Inputs, Record, to_record, workplace
from ringfinder.sources.rejects import RejectsWriter
from ringfinder.sources.scan import literal
from ringfinder.sources.stage import Staged, stage

CHUNK_ROWS = 1 << 19
"""Rows at a time: with all that is made of them, about a gigabyte."""


@dataclass(frozen=True)
class Records:
    """The good rows of files, each once.

    Attributes
    ----------
    record
        What was read.
    """

    record: Record
    _con: duckdb.DuckDBPyConnection
    _staged: Mapping[str, Staged]
    _hashes: Mapping[str, Sequence[str]]

    @property
    def tables(self) -> tuple[str, ...]:
        """The input tables that have rows, in the order of `TABLES`."""
        return tuple(table for table, found in self._staged.items() if found.rows)

    def chunks(self, table: str) -> Iterator[pa.Table]:
        """Yield the rows of an input table, once; they are gone afterwards.

        Yields
        ------
        pa.Table
            Up to `CHUNK_ROWS` rows: ``event_id`` (the row's own, or SHA-256 of its file and
            number of the row), ``account_id``, ``occurred_ms``, ``received_ms`` (null where
            not given) and the other fields that a file has, by name: text as found, blanks
            around values included; ``prompt`` as list of bands, null without any.
        """
        found = self._staged[table]
        query = f"SELECT {', '.join(self._columns(found))} FROM {table}"
        if "prompt" in found.fields:
            query += " LEFT JOIN band_lists USING (prompt)"
        self._con.execute("SET preserve_insertion_order = true")
        yield from _in_chunks(self._con.sql(query).to_arrow_reader(CHUNK_ROWS))
        self._con.execute(f"DROP TABLE {table}")

    def count_strangers(self, table: str, known: Sequence[Path] = ()) -> int:
        """Return how many rows name accounts that have not signed up.

        Parameters
        ----------
        table
            An input table whose rows were not taken yet; sign-ups neither.
        known
            Parquet files with ``account_id`` of accounts that did earlier.
        """
        sources = ["SELECT account_id FROM signups"] if "signups" in self._staged else []
        if known:
            files = ", ".join(literal(str(path)) for path in known)
            sources.append(f"SELECT account_id FROM read_parquet([{files}])")
        if not sources:
            return self._staged[table].rows
        query = (
            f"SELECT count(*) FROM {table} WHERE account_id NOT IN ({' UNION ALL '.join(sources)})"
        )
        return int(self._con.execute(query).fetchall()[0][0])

    def _columns(self, found: Staged) -> list[str]:
        hashes = ", ".join(literal(digest) for digest in self._hashes[found.table])
        number = f"([{hashes}])[file + 1] || ':' || row"
        given = "event_id" in found.fields
        received = "received_at" if "received_at" in found.fields else "NULL::BIGINT"
        time = TIME_OF[found.table]
        done = {"event_id", "received_at", "prompt", time}
        return [
            f"coalesce(event_id, {number}) AS event_id" if given else f"{number} AS event_id",
            f"{received} AS received_ms",
            f"{time} AS occurred_ms",
            *(field for field in found.fields if field not in done),
            *(["bands AS prompt"] if "prompt" in found.fields else []),
        ]


def _in_chunks(batches: Iterable[pa.RecordBatch]) -> Iterator[pa.Table]:
    """Join the database's batches, which are as small as it likes, to about `CHUNK_ROWS`."""
    held: list[pa.RecordBatch] = []
    rows = 0
    for batch in batches:
        if held and rows + batch.num_rows > CHUNK_ROWS:
            yield pa.Table.from_batches(held)
            held, rows = [], 0
        held.append(batch)
        rows += batch.num_rows
    if rows:
        yield pa.Table.from_batches(held)


@contextmanager
def read_records(
    inputs: Inputs,
    *,
    mapping: Mapping[str, str] | None = None,
    rejects: RejectsWriter | None = None,
    threads: int | None = None,
    memory_limit: str | None = None,
    temp_dir: Path | None = None,
    prompt_bands: Bands | None = None,
    now_ms: int | None = None,
    notices: Callable[[str], None] = lambda _: None,
) -> Iterator[Records]:
    """Read files as `read_telemetry` does, and give their rows.

    Rows of accounts that have not signed up are no rejects here: their sign-up may come
    later. Sign-ups need not be among the files.

    Parameters
    ----------
    inputs, mapping, rejects, threads, memory_limit, temp_dir, prompt_bands, now_ms, notices
        As for `reader.read_telemetry`.

    Raises
    ------
    InputError
        If files, columns or settings are unusable, or no row is left of all of them.
    """
    rejects = RejectsWriter() if rejects is None else rejects
    with workplace(temp_dir, threads, memory_limit) as (con, place):
        files = find_files({table: getattr(inputs, table) for table in TABLES}, place)
        if not files:
            raise InputError("no files given: name at least one, such as those of sign-ups")
        layouts = find_layouts(files, mapping or {}, notices, record=True, now_ms=now_ms)
        staged: dict[str, Staged] = {}
        with Fingerprints(files) as digests:
            for table in dict.fromkeys(file.table for file in files):
                given = [layout for layout in layouts if layout.file.table == table]
                staged[table] = stage(con, table, given, place, rejects, notices, record=True)
            hashes, seed = digests.result()
        _check_some(staged, rejects)
        _find_bands(con, staged.get("usage"), prompt_bands, notices)
        by_table = {
            table: [h for file, h in zip(files, hashes, strict=True) if file.table == table]
            for table in staged
        }
        record = to_record(files, staged, rejects, hashes, seed)
        yield Records(record, con, staged, by_table)


def _check_some(staged: Mapping[str, Staged], rejects: RejectsWriter) -> None:
    """Raise InputError if no row is left; without a sign-up left, one of them is the cause."""
    wrong = "signups" in staged and not staged["signups"].rows
    if not wrong and any(found.rows for found in staged.values()):
        return
    asked = ["signups"] if wrong else list(staged)
    names = ", ".join(name for table in asked for name in staged[table].by_file)
    what = "sign-up" if wrong else "usable row"
    raise InputError(f"no {what} in {names}: {why_none(rejects.faults(*asked))}")


def _find_bands(
    con: duckdb.DuckDBPyConnection,
    usage: Staged | None,
    prompt_bands: Bands | None,
    notices: Callable[[str], None],
) -> None:
    """Make the table ``band_lists`` (prompt, bands) where usage has prompts."""
    if usage is None or "prompt" not in usage.fields:
        return
    con.execute("CREATE TABLE band_lists (prompt UHUGEINT, bands VARCHAR[])")
    (given,) = con.execute("SELECT count(prompt) FROM usage").fetchall()[0]
    if not given:
        return
    if prompt_bands is None:
        notices("usage: column prompt left out, nothing to fingerprint it with")
        return
    band_prompts(con, usage.layouts, prompt_bands, record=True)
    con.execute(
        "INSERT INTO band_lists SELECT prompt, list(band ORDER BY band) FROM bands GROUP BY prompt"
    )
    con.execute("DROP TABLE bands")
