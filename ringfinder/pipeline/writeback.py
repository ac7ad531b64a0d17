"""Rings back into a store that was made anew from its events, which do not tell them.

A restore has them from the backup, a rotation of the pepper from the store as it was before.
"""

from __future__ import annotations

from pathlib import Path

import pyarrow.compute as pc

from ringfinder.pipeline.one_run import the_only_run
from ringfinder.places import SNAPSHOTS
from ringfinder.store import GraphStore, RingTables


def write_back(store: GraphStore, rings: RingTables, directory: Path) -> None:
    """Write rings and the whole of their history into a store that may know a part of it.

    `directory` is the data directory whose rings they are: this is a run of it.
    """
    known = store.read_rings()
    lineage = rings.lineage
    if known is not None:
        there = pc.is_in(lineage["run_id"], pc.unique(known.lineage["run_id"]))
        own = pc.equal(lineage["run_id"], rings.run_id)
        lineage = lineage.filter(pc.or_(pc.invert(there), own))
    with the_only_run(store, directory / SNAPSHOTS) as lock:
        store.write_rings(
            RingTables(rings.run_id, rings.rings, rings.members, rings.evidence, lineage), lock
        )
