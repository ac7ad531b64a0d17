"""The journal brought to its end before a run that reads graph and log."""

from __future__ import annotations

from pathlib import Path

from ringfinder.errors import StoreUnavailable
from ringfinder.journal.compact import Compacted, Compaction
from ringfinder.journal.errands import Errands
from ringfinder.journal.projector import Projector
from ringfinder.journal.tables import NAME
from ringfinder.runs import Notice
from ringfinder.store.protocol import GraphStore
from ringfinder.store.segments import EventLog

_PATIENCE_S = 5.0


def settle(
    directory: Path, log: EventLog, store: GraphStore, notice: Notice = lambda sentence: None
) -> Compacted | None:
    """Take the journal into the graph, and what is a minute old into the log.

    Profiles are folded from the log's usage: a nightly run that did not do this would miss
    what was used since the last compaction.

    Parameters
    ----------
    directory
        The journal's; nothing happens where there is none.
    log, store
        Of the same data directory.
    notice
        Told where the journal's writer did not answer: its events wait for the next time.

    Raises
    ------
    StoreUnavailable, StoreError
        If the store cannot be written.
    """
    if not (directory / NAME).exists():
        return None
    projector = Projector(directory, log, lambda: store)
    try:
        projector.drain()
    finally:
        projector.leave()
    writer = Errands(directory, wait_s=_PATIENCE_S)
    try:
        return Compaction(directory, log, store, writer).run()
    except StoreUnavailable as error:
        notice(f"The journal was not compacted, and keeps its events: {error}.")
        return None
    finally:
        writer.close()
