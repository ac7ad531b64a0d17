"""Rings back into a store that was made anew from its events, which do not tell them.

A restore has them from the backup, a rotation of the pepper from the store as it was before.
"""

from __future__ import annotations

import pyarrow.compute as pc

from ringfinder.store import GraphStore, RingTables


def write_back(store: GraphStore, rings: RingTables, *, holder: str) -> None:
    """Write rings and the whole of their history into a store that may know a part of it."""
    known = store.read_rings()
    lineage = rings.lineage
    if known is not None:
        there = pc.is_in(lineage["run_id"], pc.unique(known.lineage["run_id"]))
        own = pc.equal(lineage["run_id"], rings.run_id)
        lineage = lineage.filter(pc.or_(pc.invert(there), own))
    lock = store.acquire_run_lock(holder)
    try:
        store.write_rings(
            RingTables(rings.run_id, rings.rings, rings.members, rings.evidence, lineage), lock
        )
    finally:
        store.release_run_lock(lock)
