"""Files into the event log and from there into the store, step by step."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager, ExitStack, contextmanager
from pathlib import Path
from typing import TypeVar, cast

import pyarrow as pa

from ringfinder.config import Settings
from ringfinder.errors import InputError, StoreError, StoreUnavailable
from ringfinder.journal import JournalIds
from ringfinder.normalise import Rules, Unread, prompt_bands
from ringfinder.pipeline.events import to_events
from ringfinder.pipeline.home import Home, network_lists
from ringfinder.pipeline.record import unread_sentences
from ringfinder.pipeline.steps import Steps
from ringfinder.places import JOURNAL
from ringfinder.runs import AuditInputs, LoadSummary, Notice, Progress
from ringfinder.sources import Inputs, Records, RejectsWriter, read_records
from ringfinder.sources.columns import WORDS
from ringfinder.store import EventLog, EventType, project
from ringfinder.store.manifest import Segment
from ringfinder.store.open import parse_address

STEPS = 3
Item = TypeVar("Item")


def load(
    inputs: AuditInputs,
    settings: Settings,
    home: Home,
    *,
    received_ms: int,
    rejects_file: Path,
    now_ms: int | None = None,
    progress: Progress = lambda name, done: None,
    notices: Notice = lambda sentence: None,
) -> LoadSummary:
    """Record the rows of files as events, all of them or none, and take them into the store.

    A row counts once, however often it is loaded: by its event_id or, without one, by the
    content of its file and its number there. Killed before the rows are recorded, nothing
    happened; killed afterwards, the store takes in the rest with the next load.

    Parameters
    ----------
    inputs
        The files; `previous` means nothing here.
    settings
        How they are read.
    home
        Where to.
    received_ms
        When the rows became known, where they have no `received_at`.
    rejects_file
        Takes the rows that cannot be used; there afterwards only if there are any.
    now_ms
        The present: rows more than a day after it cannot be used. None: it is not asked.
    progress, notices
        Called with the step that begins, and with sentences worth telling.

    Raises
    ------
    InputError
        If files, columns or settings are unusable, or no row is left.
    StoreError
        If the log or the store failed; the sentence says whether the rows are recorded.
    """
    steps = Steps(progress, STEPS)
    rules = Rules(home.pepper, network_lists(settings), settings.default_region)
    with _rejects(rejects_file) as rejects, ExitStack() as held:
        with steps.step("read"):
            reading = _reading(inputs, settings, rejects, now_ms, notices)
            records = held.enter_context(reading)
            strangers = _strangers(records, home.log, notices)
        with steps.step("record"):
            events = _events(records, rules, received_ms, progress, notices)
            taken = JournalIds(home.directory / JOURNAL)
            appended = home.log.append(_ahead(events), elsewhere=taken)
    with steps.step("project"):
        batches = _project(home)
    return LoadSummary(
        recorded=_by_table(appended.recorded),
        known=_by_table(appended.duplicates),
        repeated=records.record.repeated,
        strangers=strangers,
        rejects={
            f"{table}: {reason}": rows
            for (table, reason), rows in sorted(records.record.rejected.items())
        },
        rejects_file=rejects_file if rejects.total else None,
        last_sequence=appended.last_sequence,
        batches=batches,
        store=str(parse_address(settings.store, data_dir=settings.data_dir)),
        seconds={cost.step: cost.seconds for cost in steps.costs}
        | {"total": round(steps.seconds, 3)},
        rows_per_second=round(
            (sum(records.record.rows.values()) + rejects.total) / max(steps.seconds, 1e-3)
        ),
    )


def _reading(
    inputs: AuditInputs,
    settings: Settings,
    rejects: RejectsWriter,
    now_ms: int | None,
    notices: Notice,
) -> AbstractContextManager[Records]:
    return read_records(
        Inputs(**inputs.tables()),
        mapping=inputs.columns,
        rejects=rejects,
        threads=settings.threads,
        memory_limit=f"{int(settings.memory_limit) >> 20}MiB",
        temp_dir=settings.temp_dir,
        prompt_bands=prompt_bands,
        now_ms=now_ms,
        notices=notices,
    )


@contextmanager
def _rejects(path: Path) -> Iterator[RejectsWriter]:
    """Give a writer of rejects; without any the file is not kept."""
    try:
        rejects = RejectsWriter(path)
    except OSError as error:
        raise InputError(
            f"The rejects cannot be written to {path}: {error.strerror}. Name another file with "
            "--rejects."
        ) from None
    try:
        with rejects:
            yield rejects
    finally:
        if not rejects.total:
            path.unlink(missing_ok=True)


def _strangers(records: Records, log: EventLog, notices: Notice) -> dict[str, int]:
    """Count and tell the rows of accounts without a sign-up; they wait for it in the store."""

    def counted(signups: Sequence[Segment]) -> dict[str, int]:
        files = [log.checked(segment.events) for segment in signups]
        others = (table for table in records.tables if table != "signups")
        return {table: records.count_strangers(table, files) for table in others}

    found = {}
    for table, rows in log.using(EventType.SIGNUPS, counted).items():
        if rows:
            found[table] = rows
            notices(
                f"{WORDS[table]}: {rows:,} rows name accounts that have not signed up; they are "
                "kept, and count once the sign-up is loaded"
            )
    return found


def _events(
    records: Records, rules: Rules, received_ms: int, progress: Progress, notices: Notice
) -> Iterator[tuple[EventType, pa.Table]]:
    """Yield the events of all tables, in pieces; say at the end which values told nothing."""
    whole, done = sum(records.record.rows.values()), 0
    unread: dict[str, Unread] = {}

    def add(found: Unread) -> None:
        unread[found.field] = unread[found.field] + found if found.field in unread else found

    for table in records.tables:
        for rows in records.chunks(table):
            events = to_events(table, rows, rules, received_ms=received_ms, unread=add)
            done += len(rows)
            yield EventType(table), events
            progress("record", (1 + done / whole) / STEPS)
    mute = [one.by_seen() for _, one in sorted(unread.items()) if one.seen]
    for sentence in unread_sentences(mute, of="values"):
        notices(sentence)


def _ahead(items: Iterator[Item]) -> Iterator[Item]:
    """Yield the items, the next one being made while the last is worked on."""
    nothing_more = object()
    with ThreadPoolExecutor(max_workers=1) as pool:
        coming = pool.submit(next, items, nothing_more)
        while (item := coming.result()) is not nothing_more:
            coming = pool.submit(next, items, nothing_more)
            yield cast(Item, item)


def _project(home: Home) -> int:
    """Take into the store what the log holds; return how many batches that took."""
    try:
        batches = project(home.log, home.store)
    except StoreError as error:
        # Nothing is lost: the log has the events, and every projection goes on where one stopped.
        kind = StoreUnavailable if isinstance(error, StoreUnavailable) else StoreError
        raise kind(
            f"{str(error).rstrip('.')}. The rows are recorded in {home.log.directory}; the store "
            "takes them in with the next `ringfinder load` or `ringfinder rebuild`"
        ) from error
    home.taken_in()
    return batches


def _by_table(counts: Mapping[EventType, int]) -> dict[str, int]:
    return {str(kind): number for kind, number in counts.items()}
