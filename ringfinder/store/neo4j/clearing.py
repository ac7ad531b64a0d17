"""Emptying the store in transactions that fit in the server's memory.

The store counts as empty from the first of them on; what is void goes afterwards. Whoever
writes next finishes that where it was interrupted.
"""

from __future__ import annotations

from ringfinder.store.neo4j.server import ROWS, Server, Work
from ringfinder.store.neo4j.state import read_state

_STEPS = ("clear_sightings", "clear_told", "clear_ringed", "clear_nodes")


def begin(server: Server) -> None:
    """Mark what follows from events as void."""
    server.work(lambda work: work.run("begin_clearing"))


def finish(server: Server) -> None:
    """Remove what is void, some of it at a time; others may do the same at the same time."""
    while server.work(_remove_some):
        pass


def _remove_some(work: Work) -> bool:
    """Remove some of what is void; False where nothing is left."""
    if not read_state(work).clearing:
        return False  # somebody else has finished it; what is there now is not void
    for step in _STEPS:
        if work.run(step, rows=ROWS)["removed"]:
            return True
    work.run("end_clearing")
    return False
