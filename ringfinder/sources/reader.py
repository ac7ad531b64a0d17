"""Files in, columns out: the steps in reading order."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import duckdb

from ringfinder.errors import InputError
from ringfinder.graph.telemetry import RawSightings, Telemetry
from ringfinder.sources.columns import TABLES
from ringfinder.sources.files import FileRecord, Fingerprints, SourceFile, find_files
from ringfinder.sources.fold import (
    find_sightings,
    fold_labels,
    fold_profiles,
    fold_sightings,
    make_accounts,
    read_accounts,
    rounded_accounts,
    times,
)
from ringfinder.sources.layout import Layout, find_layouts
from ringfinder.sources.losses import why_none
from ringfinder.sources.prompts import Bands, band_prompts
from ringfinder.sources.rejects import RejectsWriter
from ringfinder.sources.stage import Staged, stage

MEMORY_LIMIT = "2GB"
"""For the folding, unless the caller says otherwise; beyond it work goes to disk."""


@dataclass(frozen=True)
class Inputs:
    """Paths, globs or ``-`` (JSON lines on standard input), by table.

    Attributes
    ----------
    signups, usage, payments, logins, labels
        At least one for sign-ups; the others may be empty.
    """

    signups: Sequence[str]
    usage: Sequence[str] = ()
    payments: Sequence[str] = ()
    logins: Sequence[str] = ()
    labels: Sequence[str] = ()


@dataclass(frozen=True)
class Record:
    """What was read, for the run's record.

    Attributes
    ----------
    files
        One entry per file, in the order read.
    rows
        Good rows by table, repeated ones left out; only tables that were given.
    repeated
        Rows by table left out because their event_id was seen before.
    rejected
        Rejected rows by (table, reason).
    pepper_seed
        32 secret bytes that depend on the files alone: derives the pepper of a run that
        was given none. Never write it down.
    """

    files: tuple[FileRecord, ...]
    rows: dict[str, int]
    repeated: dict[str, int]
    rejected: dict[tuple[str, str], int]
    pepper_seed: bytes = field(repr=False)


@dataclass(frozen=True)
class ReadTelemetry(Telemetry):
    """Telemetry, with the record of how it was read.

    Attributes
    ----------
    record
        See `Record`.
    """

    record: Record


def read_telemetry(
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
) -> ReadTelemetry:
    """Read sign-ups, and what happened since, from files.

    The result depends on the rows alone: not on their order, the order of columns, the
    format of the files or the number of threads.

    Parameters
    ----------
    inputs
        The files.
    mapping
        Column of a file -> field, for columns with names of their own.
    rejects
        Takes the rows that cannot be used.
    threads
        How many to use; None: as many as there are processors.
    memory_limit
        Of the folding, such as ``2GB``; beyond it work goes to `temp_dir`.
    temp_dir
        Where a temporary directory may be made; it is removed afterwards.
    prompt_bands
        Turns n distinct prompts into n lists of strings, which become the values of the
        field ``prompt``; without it prompts are left out.
    now_ms
        The present: rows more than a day after it are rejected. None: it is not asked.
    notices
        Called with sentences worth telling, in a fixed order.

    Raises
    ------
    InputError
        If files, columns or settings are unusable, or no sign-up is left.
    """
    mapping = {} if mapping is None else mapping
    rejects = RejectsWriter() if rejects is None else rejects
    with workplace(temp_dir, threads, memory_limit) as (con, place):
        files = find_files({t: getattr(inputs, t) for t in TABLES}, place)
        layouts = find_layouts(files, mapping, notices, now_ms=now_ms)
        with Fingerprints(files) as digests:
            staged = _stage_all(con, layouts, place, rejects, notices)
            hashes, seed = digests.result()
        accounts = read_accounts(con)
        sightings = find_sightings(con, staged)
        prompts = _find_prompts(con, staged, prompt_bands, notices)
        if prompts is not None:
            sightings["prompt"] = prompts
        usage = staged.get("usage")
        profiles = fold_profiles(con, usage, accounts["created_ms"])
        return ReadTelemetry(
            **accounts,
            sightings=sightings,
            profiles=profiles,
            has_usage=usage is not None and usage.rows > 0,
            labels=fold_labels(con, staged.get("labels")),
            record=to_record(files, staged, rejects, hashes, seed),
        )


@contextmanager
def workplace(
    temp_dir: Path | None, threads: int | None, memory_limit: str | None
) -> Iterator[tuple[duckdb.DuckDBPyConnection, Path]]:
    """Give a database in memory and a directory it may spill to; clear both away.

    Raises
    ------
    InputError
        If what is done with it needs more memory and disk than there is.
    """
    place = Path(tempfile.mkdtemp(prefix="ringfinder-", dir=temp_dir))
    con = duckdb.connect(":memory:")
    try:
        _configure(con, place, threads, memory_limit)
        yield con, place
    except duckdb.OutOfMemoryException:
        raise InputError(
            f"the input does not fit: memory limit {memory_limit or MEMORY_LIMIT} and the disk "
            "of the temporary directory are used up; raise one of them"
        ) from None
    finally:
        con.close()
        shutil.rmtree(place, ignore_errors=True)


def _configure(
    con: duckdb.DuckDBPyConnection, place: Path, threads: int | None, memory_limit: str | None
) -> None:
    # Nothing is fetched from a network, whatever a file's name or content asks for.
    con.execute("SET autoinstall_known_extensions = false")
    con.execute("SET autoload_known_extensions = false")
    con.execute("SET TimeZone = 'UTC'")
    con.execute("SET enable_progress_bar = false")
    con.execute("SET temp_directory = ?", [str(place)])
    try:
        con.execute("SET memory_limit = ?", [memory_limit or MEMORY_LIMIT])
        if threads is not None:
            con.execute("SET threads = ?", [threads])
    except duckdb.Error:
        raise InputError(
            f"threads {threads} or memory limit {memory_limit} cannot be used; "
            "expected a whole number from 1 and a size such as 2GB"
        ) from None


def _stage_all(
    con: duckdb.DuckDBPyConnection,
    layouts: Sequence[Layout],
    place: Path,
    rejects: RejectsWriter,
    notices: Callable[[str], None],
) -> dict[str, Staged]:
    """Read all tables; sign-ups first, for they say which accounts there are."""
    staged = {}
    for table in TABLES:
        given = [layout for layout in layouts if layout.file.table == table]
        if not given:
            continue
        staged[table] = found = stage(con, table, given, place, rejects, notices)
        if table == "signups":
            _check_some(found, rejects)
            accounts = make_accounts(con, found)
            if accounts < found.rows:
                many = "1 account" if accounts == 1 else f"{accounts:,} accounts"
                notices(
                    f"sign-ups: {found.rows:,} rows found {many}; of an account "
                    "with several, the earliest founds it and the others add what was seen"
                )
            rows, rounded = rounded_accounts(con)
            if rows:
                became = "1 account" if rounded == 1 else f"{rounded:,} accounts"
                notices(
                    f"sign-ups: {rows:,} rows have an account_id as a spreadsheet writes long "
                    "numbers, such as 1.2E+15, in which the last digits are lost; they became "
                    f"{became}, and what several did counts as one's. Export the column as text"
                )
    if "signups" not in staged:
        raise InputError("no sign-ups given: name at least one file of them")
    return staged


def _check_some(signups: Staged, rejects: RejectsWriter) -> None:
    if signups.rows:
        return
    names = ", ".join(signups.by_file)
    raise InputError(f"no sign-up in {names}: {why_none(rejects.faults('signups'))}")


def _find_prompts(
    con: duckdb.DuckDBPyConnection,
    staged: Mapping[str, Staged],
    prompt_bands: Bands | None,
    notices: Callable[[str], None],
) -> RawSightings | None:
    """Fold the bands of prompts; None where there are none."""
    usage = staged.get("usage")
    if usage is None or "prompt" not in usage.fields:
        return None
    given = con.execute("SELECT count(prompt) FROM usage").fetchall()
    if not given[0][0]:
        return None
    if prompt_bands is None:
        notices("usage: column prompt left out, nothing to fingerprint it with")
        return None
    band_prompts(con, usage.layouts, prompt_bands)
    seen = (
        f"SELECT idx, band AS v, occurred_at AS t, {times(usage)} AS n "
        "FROM usage JOIN bands USING (prompt)"
    )
    found = fold_sightings(con, "prompt", [seen])
    return found if len(found.account) else None


def to_record(
    files: Sequence[SourceFile],
    staged: Mapping[str, Staged],
    rejects: RejectsWriter,
    hashes: Sequence[str],
    seed: bytes,
) -> Record:
    """Return what was read, for the run's record."""
    entries = []
    for file, sha256 in zip(files, hashes, strict=True):
        good, bad = staged[file.table].by_file[file.name]
        size = file.path.stat().st_size
        entries.append(FileRecord(file.table, file.name, size, sha256, good, bad))
    return Record(
        files=tuple(entries),
        rows={table: found.rows for table, found in staged.items()},
        repeated={table: found.repeated for table, found in staged.items() if found.repeated},
        rejected=dict(sorted(rejects.counts.items())),
        pepper_seed=seed,
    )
