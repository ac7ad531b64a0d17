"""Rings back into a store that was made anew from its events, which do not tell them.

A restore has them from the backup, a rotation of the pepper from the store as it was before.
What a restore brings lies in `store-rings` of the data directory until the store has it: where
the store is away meanwhile, `rebuild` or the next run finishes what the restore began.
"""

from __future__ import annotations

import secrets
import shutil
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc

from ringfinder.errors import StoreError
from ringfinder.pipeline.check import held_events
from ringfinder.pipeline.home import Home
from ringfinder.pipeline.switch import UNPACKED
from ringfinder.places import JOURNAL, STORE_RINGS
from ringfinder.store import EventType, GraphStore, RingTables, RunLock, rebuild

_TABLES = ("rings", "members", "evidence", "lineage")
_RUN_ID = "run_id"


def write_back(store: GraphStore, rings: RingTables, lock: RunLock) -> None:
    """Write rings and the whole of their history into a store that may know a part of it."""
    known = store.read_rings()
    lineage = rings.lineage
    if known is not None:
        there = pc.is_in(lineage["run_id"], pc.unique(known.lineage["run_id"]))
        own = pc.equal(lineage["run_id"], rings.run_id)
        lineage = lineage.filter(pc.or_(pc.invert(there), own))
    store.write_rings(replace(rings, lineage=lineage), lock)


def is_owed(directory: Path) -> bool:
    """Tell whether a restore into a data directory is not finished: its store lacks something."""
    return (directory / STORE_RINGS).is_dir()


def check_finished(directory: Path) -> None:
    """Raise a StoreError where a restore is not finished: the store does not say what it should."""
    if is_owed(directory):
        raise StoreError(
            f"a restore into {directory} is not finished, the store lacks what it brought: run "
            "`ringfinder rebuild` first"
        )


def made_anew(home: Home, lock: RunLock) -> int:
    """Make the store anew from the events, and give it what a restore still owes it.

    Parameters
    ----------
    home
        The data directory and its store.
    lock
        The right to write rings.

    Returns
    -------
    int
        How many batches the store took.
    """
    batches = rebuild(home.log, home.store)
    home.taken_in()
    owed = home.directory / STORE_RINGS
    if is_owed(home.directory):
        rings = read_rings(owed)
        if rings is not None:
            # Who was erased since must not come back.
            there = pc.is_in(rings.members["account_id"], known_accounts(home))
            write_back(home.store, replace(rings, members=rings.members.filter(there)), lock)
        # Gone as a whole, also for who is killed meanwhile.
        gone = owed.rename(home.directory / f"{UNPACKED}{secrets.token_hex(4)}")
        shutil.rmtree(gone, ignore_errors=True)
    return batches


def known_accounts(home: Home) -> pa.Array:
    """Return the accounts that signed up, by log and journal: who was erased is in neither."""
    # The journal first: what is compacted in between is in both, and not in neither.
    names = [pa.array([entry.account_id for entry in held_events(home.directory / JOURNAL)])]
    names += [
        table["account_id"].combine_chunks()
        for table in home.log.read(EventType.SIGNUPS, columns=["account_id"])
    ]
    return pa.concat_arrays([one.cast(pa.string()) for one in names])


def ring_files(rings: RingTables) -> Iterator[tuple[str, bytes]]:
    """Yield name and content of the files that rings are kept in outside a store."""
    yield _RUN_ID, rings.run_id.encode()
    for name in _TABLES:
        table = getattr(rings, name)
        sink = pa.BufferOutputStream()
        with pa.ipc.new_file(sink, table.schema) as writer:
            writer.write_table(table)
        yield f"{name}.arrow", sink.getvalue().to_pybytes()


def read_rings(place: Path) -> RingTables | None:
    """Read what `ring_files` made; None from an empty directory.

    Raises
    ------
    StoreError
        If a file is missing or damaged.
    """
    if not any(place.iterdir()):
        return None
    try:
        read = {
            name: pa.ipc.open_file((place / f"{name}.arrow").read_bytes()).read_all()
            for name in _TABLES
        }
        return RingTables((place / _RUN_ID).read_text(), **read)
    except (OSError, ValueError) as error:
        raise StoreError(f"the rings in {place} are damaged: restore the backup again") from error
