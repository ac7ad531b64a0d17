"""A new pepper for a data directory: every pseudonym in it wrapped in the new key.

No clear value is needed: the new pseudonym of a value is the keyed hash of its old one. The
events are rewritten, the store is rebuilt, and only then is the new pepper in force; from the
moment that events change, pepper.json says that a rotation is on its way, and nobody else
opens the directory. Who has it open already keeps the rotation from beginning. Interrupted
anywhere, it is finished by running it again.
"""

from __future__ import annotations

import secrets
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, replace
from itertools import pairwise
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc

from ringfinder.config import Settings
from ringfinder.errors import InputError, NotFound, StoreError
from ringfinder.journal.batches import to_events
from ringfinder.journal.place import only_writer
from ringfinder.journal.reader import Reader
from ringfinder.normalise.pseudonym import Pepper, wrap_all
from ringfinder.pipeline.home import open_graph
from ringfinder.pipeline.one_run import the_only_run
from ringfinder.pipeline.pepper import KEY_BYTES, PepperRecord, check_key, commitment, only_user
from ringfinder.pipeline.switch import check_whole
from ringfinder.pipeline.writeback import check_finished, write_back
from ringfinder.places import EVENTS, JOURNAL, SNAPSHOTS
from ringfinder.store import EventLog, RingTables, project, rebuild
from ringfinder.store.events import PSEUDONYMS, VALUES
from ringfinder.store.files import locked

WAIT_S = 600.0


@dataclass(frozen=True, slots=True)
class Rotated:
    """What a rotation did.

    Attributes
    ----------
    version
        Of the pepper now in force.
    segments, batches
        Segments rewritten, batches rebuilt.
    damaged
        Entries of the journal that were passed over: nobody can read them.
    """

    version: int
    segments: int
    batches: int
    damaged: int = 0


def rotate(settings: Settings, new_key: bytes | None) -> Rotated:
    """Wrap every pseudonym of a data directory and its store in a new pepper.

    Parameters
    ----------
    settings
        The data directory, the store, and the pepper in use if it is configured.
    new_key
        The new pepper, to be configured from then on; None: one is made and kept.

    Raises
    ------
    NotFound
        If there is no data directory.
    InputError
        If the pepper in use is not the configured one, the new one is too short or the same,
        or another one than an interrupted rotation had; or if events wait in the journal.
    StoreError
        If log or store failed: run it again; or if a restore is not finished.
        `StoreUnavailable` while the API runs, or anybody else has the directory open.
    """
    directory = settings.data_dir
    _record(directory)  # says what is amiss before a lock is made there
    what = f"the pepper of {directory}"
    with (
        locked(directory / "pepper.lock", what=what, exclusive=True, wait_s=0.0),
        only_user(directory),
        _quiet_journal(settings) as damaged,
    ):
        record = _record(directory)  # a restore may have ended since
        key = check_key(settings, record)
        record = record if record.coming is not None else _begun(record, key, new_key)
        coming = record.coming
        if coming is None:  # not possible: `_begun` sets it
            raise StoreError("the rotation was not recorded")
        pepper = coming.pepper(_new_key(coming, new_key))
        log = EventLog(directory / EVENTS, wait_s=WAIT_S)
        store = open_graph(settings, wait_s=WAIT_S)
        try:
            # A run that met the rebuild would publish what is in the store by then.
            with the_only_run(store, directory / SNAPSHOTS) as lock:
                project(log, store)
                rings = _wrapped_rings(store.read_rings(), pepper)
                # Begun only once all is wrapped: what is damaged must not lock the directory.
                segments = log.rewrite(
                    lambda events: wrapped_events(events, pepper),
                    ready=lambda: record.write(directory),
                )
                batches = rebuild(log, store)
                if rings is not None:
                    write_back(store, rings, lock)
                coming.write(directory)
        finally:
            store.close()
    return Rotated(coming.version, segments, batches, damaged)


def _record(directory: Path) -> PepperRecord:
    """Return what pepper.json says, of a directory that no restore has left unfinished."""
    check_whole(directory)
    check_finished(directory)  # the rings it brought are of the pepper in use
    record = PepperRecord.read(directory) if directory.is_dir() else None
    if record is None:
        raise NotFound(f"{directory} is no data directory of ringfinder: nothing to rotate.")
    return record


def _begun(record: PepperRecord, key: bytes, new_key: bytes | None) -> PepperRecord:
    """Return the record of a rotation on its way."""
    made = secrets.token_bytes(KEY_BYTES) if new_key is None else new_key
    if made == key:
        raise InputError("The new pepper is the one in use; make another, `openssl rand -hex 32`.")
    version = record.version + 1
    coming = PepperRecord(
        version,
        commitment(version, made),
        made if new_key is None else None,
        (*record.previous, (record.version, key)),
    )
    coming.pepper(made)  # says so if the new one is too short
    return replace(record, coming=coming)


def _new_key(coming: PepperRecord, new_key: bytes | None) -> bytes:
    """Return the key that a rotation leads to, the same when it is gone on with."""
    key = new_key or coming.key
    if key is None or commitment(coming.version, key) != coming.commitment:
        raise InputError(
            "A rotation to another pepper was interrupted: give that one again with "
            "--new-pepper-file, or none if none was given."
        )
    return key


@contextmanager
def _quiet_journal(settings: Settings) -> Iterator[int]:
    """Keep the journal's writer from starting; refuse while it runs or holds events.

    Gives how many damaged entries there are. They are no events any more and never leave, so
    they do not stand in the way.
    """
    place = settings.data_dir / JOURNAL
    if not place.is_dir():
        yield 0
        return
    with only_writer(place):
        yield _only_damaged(place)


def _only_damaged(journal: Path) -> int:
    """Return how many entries of a journal are damaged; refuse where events wait beside them."""
    after = unusable = 0
    with closing(Reader(journal)) as reader:
        while True:
            entries, through = reader.held(after)
            no_events = to_events(entries)[1]
            if len(no_events) < len(entries):
                raise InputError(
                    "Events wait in the journal under the pepper in use: run `ringfinder journal "
                    "compact --min-age 0` first."
                )
            unusable += len(no_events)
            if through == after:
                return unusable + len(reader.damaged)
            after = through


def wrapped_events(events: pa.Table, pepper: Pepper) -> pa.Table:
    """Return events with every pseudonym of the version before in the new version."""
    if "values" in events.column_names:
        lists = events["values"].combine_chunks()
        items = pc.list_flatten(lists)
        pseudonyms = wrapped(pc.struct_field(items, "pseudonym"), pepper)
        items = pa.StructArray.from_arrays(
            [pc.struct_field(items, "kind"), pseudonyms], fields=list(VALUES.value_type)
        )
        sizes = pc.list_value_length(lists).to_numpy(zero_copy_only=False)
        offsets = pa.array([0, *sizes.cumsum().tolist()], pa.int32())
        fresh = pa.ListArray.from_arrays(offsets, items, type=VALUES)
        events = _with(events, "values", fresh)
    for name in sorted(PSEUDONYMS):
        if name in events.column_names:
            events = _with(events, name, wrapped(events[name].combine_chunks(), pepper))
    return events


def _with(table: pa.Table, name: str, column: pa.Array) -> pa.Table:
    at = table.column_names.index(name)
    return table.set_column(at, table.schema.field(at), column)


def wrapped(pseudonyms: pa.StringArray, pepper: Pepper) -> pa.StringArray:
    """Return pseudonyms in the pepper's version; those that are in it stay, null too.

    One of an older version is wrapped in every pepper since, in turn: so is a new sighting of
    its value.

    Raises
    ------
    StoreError
        If one is of none of the versions that the pepper replaced.
    """
    encoded = pseudonyms.dictionary_encode()
    known = encoded.dictionary
    for before, after in pairwise(_oldest_first(pepper)):
        old = pc.starts_with(known, f"p{before.version}_")
        known = pc.replace_with_mask(known, old, wrap_all(known.filter(old), after))
    if not pc.all(pc.starts_with(known, f"p{pepper.version}_"), min_count=0).as_py():
        raise StoreError(
            "a pseudonym is of a pepper that this data directory never had: restore a backup"
        )
    return known.take(encoded.indices)


def _oldest_first(pepper: Pepper) -> list[Pepper]:
    before = [] if pepper.previous is None else _oldest_first(pepper.previous)
    return [*before, pepper]


def _wrapped_rings(rings: RingTables | None, pepper: Pepper) -> RingTables | None:
    if rings is None or not len(rings.evidence):
        return None
    pseudonyms = wrapped(rings.evidence["pseudonym"].combine_chunks(), pepper)
    return replace(rings, evidence=_with(rings.evidence, "pseudonym", pseudonyms))
