"""Compaction now and then, beside a service that runs for months."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

from ringfinder.errors import RingfinderError
from ringfinder.journal.compact import Compacted, Compaction
from ringfinder.journal.errands import errands
from ringfinder.journal.reader import Reader
from ringfinder.store.protocol import GraphStore
from ringfinder.store.segments import EventLog

LOOK_EVERY_S = 60.0
OLDEST_S = 86_400.0
"""A day of few events becomes one segment of each type."""
MOST_EVENTS = 500_000
"""Many events become segments sooner: the journal is not where they are read in bulk."""

log = logging.getLogger("ringfinder.journal")


class Caretaker:
    """Compacts a journal when enough has come together.

    Parameters
    ----------
    directory
        The journal's.
    events
        The log that events move to.
    open_store
        Opens the graph store, which must have taken in what moves.
    oldest_s, most_events
        When there is enough: age of the oldest event, or how many there are.
    clock
        Seconds since 1970.
    """

    def __init__(
        self,
        directory: Path,
        events: EventLog,
        open_store: Callable[[], GraphStore],
        *,
        oldest_s: float = OLDEST_S,
        most_events: int = MOST_EVENTS,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._directory = directory
        self._events = events
        self._open_store = open_store
        self._oldest_s = oldest_s
        self._most_events = most_events
        self._clock = clock
        self._stuck = 0

    def run(self, stop: threading.Event) -> None:
        """Look after the journal until told to stop; what fails is tried again later."""
        while not stop.wait(LOOK_EVERY_S):
            try:
                done = self.look()
            except (RingfinderError, OSError) as error:
                log.warning("journal not compacted: %s", error)
            else:
                if done:
                    log.info("journal compacted: %d events moved", done.moved)
                    if done.duplicates:
                        log.warning("journal: %s", done.doubled)

    def look(self) -> Compacted | None:
        """Compact where it is due; None where it is not."""
        if not self._is_due():
            return None
        with closing(self._open_store()) as store, errands(self._directory) as writer:
            work = Compaction(self._directory, self._events, store, writer, clock=self._clock)
            done = work.run()
        self._stuck = done.stuck
        return done

    def _is_due(self) -> bool:
        with closing(Reader(self._directory, clock=self._clock)) as reader:
            held = reader.held_since(self._stuck)  # what is damaged is never due
            return held.events >= self._most_events or held.seconds >= self._oldest_s
