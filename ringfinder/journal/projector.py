"""The journal's way into the graph store: at least once, in order, whatever the store does."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

from ringfinder.errors import RingfinderError, StoreError, StoreUnavailable
from ringfinder.journal.batches import to_events
from ringfinder.journal.entries import Recorded
from ringfinder.journal.reader import Reader, read_projected, write_projected
from ringfinder.store.knownids import KnownIds
from ringfinder.store.parts import covering
from ringfinder.store.protocol import GraphStore, Interval
from ringfinder.store.replay import to_batch
from ringfinder.store.segments import EventLog

BATCH_EVENTS = 20_000
EVERY_S = 1.0
RESTS, LONGEST_REST = 20.0, 5.0
"""Much of a batch's cost does not depend on its size: opening the store, reading the blocks of
what it names, writing them back. So few large ones: after one it rests so many times as long as
that took, 5 `every_s` at most. Resting 100 times as long, 20 at most, takes two fifths off its
processor time, and at most a tenth off what the slowest hundredth of sign-ups waits."""
_ASK_STORE_AGAIN_S = 15.0
_LONGEST_PAUSE_S = 5.0


class Projector:
    """Takes the journal's events into a graph store.

    How far it is stands in the store itself, written with each batch: killed anywhere, it
    goes on where the store is. Several at once do each other no harm.

    Parameters
    ----------
    directory
        The journal's.
    events
        The log: what came in a file first is left out.
    open_store
        Opens the graph store; called again after each failure.
    batch_events
        Events of one batch, at most; fewer where the store asks for it.
    every_s
        Least time between batches while it keeps up.
    """

    def __init__(
        self,
        directory: Path,
        events: EventLog,
        open_store: Callable[[], GraphStore],
        *,
        batch_events: int = BATCH_EVENTS,
        every_s: float = EVERY_S,
    ) -> None:
        self._reader = Reader(directory)
        self._in_log = KnownIds(events)
        self._directory = directory
        self._open_store = open_store
        self._batch_events = batch_events
        self._every_s = every_s
        self._store: GraphStore | None = None
        self._applied: tuple[Interval, ...] = ()
        self._asked_s = float("-inf")
        self._through, _ = read_projected(directory)
        self._begun: tuple[Interval, ...] = ()
        self._unusable: set[int] = set()
        self._more = False
        self._said: tuple[int, str | None] | None = None

    def run(self, stop: threading.Event) -> None:
        """Project until told to stop; a store that fails is tried again and again."""
        failures = 0
        try:
            while not stop.is_set():
                began = time.monotonic()
                try:
                    self.step()
                    failures = 0
                except (RingfinderError, OSError) as error:
                    self._give_up_store()
                    self._say(str(error))
                    failures += 1
                    stop.wait(min(self._every_s * 2**failures, _LONGEST_PAUSE_S))
                else:
                    if not self._more:
                        stop.wait(self._rest_s(time.monotonic() - began))
        finally:
            self.close()

    def drain(self) -> int:
        """Project what the journal holds now; return how many events that was.

        Not what comes meanwhile: from some rate on that would never end.

        Raises
        ------
        StoreUnavailable, StoreError
            If the store cannot be written.
        """
        total, last = 0, self._reader.last_sequence()
        while events := self.step():
            total += events
            if self._through >= last:
                break
        return total

    def step(self) -> int:
        """Project one batch; return how many events (of an empty one 1), 0 where nothing is left.

        Raises
        ------
        StoreUnavailable, StoreError
            If the store cannot be written.
        """
        store = self._fresh_store()
        entries = self._run_of_entries(min(self._batch_events, store.batch_events or BATCH_EVENTS))
        if not entries:
            self._say(self._complaint())
            return 0
        part, entries = self._as_begun(entries)
        events, unusable = to_events(entries)
        batch = to_batch(part, self._in_log.without(events))
        try:
            store.write(batch)
        except StoreUnavailable:
            before = (self._applied, self._begun)
            self.applied()
            if before == (self._applied, self._begun):
                raise
            return self.step()  # another projector is at it: go on with what it began
        except StoreError:
            known = self._applied
            if self.applied() == known:
                raise
            return self.step()  # another projector was at it: go on behind what it wrote
        self._begun = tuple(one for one in self._begun if one != part)
        if gone := self._reader.erased_since(entries):
            store.erase(gone)
        self._unusable.update(unusable)
        self._through = part[1]
        self._say(self._complaint())
        return max(len(entries), 1)

    def applied(self) -> tuple[Interval, ...]:
        """Return what the store has taken in."""
        self._asked_s = float("-inf")
        self._fresh_store()
        return self._applied

    @property
    def store(self) -> GraphStore:
        """The store, opened where it was not."""
        return self._fresh_store()

    def close(self) -> None:
        """Give up the store and the journal."""
        self._give_up_store()
        self.leave()

    def leave(self) -> None:
        """Give up the journal; the store stays open, for whoever opened it."""
        self._store = None
        self._reader.close()

    def _rest_s(self, took_s: float) -> float:
        return min(max(RESTS * took_s, self._every_s), LONGEST_REST * self._every_s)

    def _fresh_store(self) -> GraphStore:
        """Open the store; ask it now and then what it has: it may be emptied and rebuilt."""
        if self._store is None:
            self._store = self._open_store()
            self._asked_s = float("-inf")
        if time.monotonic() - self._asked_s > _ASK_STORE_AGAIN_S:
            self._applied = self._store.applied()
            self._begun = tuple(sorted(self._store.begun()))
            self._asked_s = time.monotonic()
            self._through = 0
        return self._store

    def _run_of_entries(self, most: int) -> list[Recorded]:
        """Return the next events that the store lacks, up to the first gap in their numbers.

        What is not held is never told to have been taken in: it may have moved to the log.
        """
        while True:
            next_held = self._reader.next_held(self._through)
            done = next_held and covering(self._applied, next_held)
            if done:
                self._through = done[1]
                continue
            entries, through = self._reader.held(self._through, most)
            run: list[Recorded] = []
            for entry in entries:
                if covering(self._applied, entry.sequence):
                    break
                if run and entry.sequence != run[-1].sequence + 1:
                    break
                run.append(entry)
            self._more = bool(run) and (len(run) < len(entries) or len(entries) == most)
            if run or through == self._through:
                return run
            # Damaged ones stand before what the store has: go on behind them.
            self._through = entries[0].sequence - 1 if entries else through

    def _as_begun(self, run: list[Recorded]) -> tuple[Interval, list[Recorded]]:
        """Return what to write next of a run, and its part of the numbers.

        Where a projector died in the middle of a batch, the store takes that batch or none,
        though entries have come since, or were erased.
        """
        part = (run[0].sequence, run[-1].sequence)
        if begun := covering(self._begun, part[0]):
            held, _ = self._reader.held(begun[0] - 1, begun[1] - begun[0] + 1)
            return begun, [entry for entry in held if entry.sequence <= begun[1]]
        ahead = [first for first, _ in self._begun if part[0] < first <= part[1]]
        if ahead:
            run = [entry for entry in run if entry.sequence < min(ahead)]
        return (run[0].sequence, run[-1].sequence), run

    def _complaint(self) -> str | None:
        lost = sorted(self._reader.damaged | self._unusable)
        if not lost:
            return None
        return (
            f"{len(lost)} entries of the journal are damaged and left out of the graph, the first "
            f"is {lost[0]}: `ringfinder journal check` says which"
        )

    def _say(self, problem: str | None) -> None:
        if self._said != (self._through, problem):
            with suppress(OSError):
                write_projected(self._directory, self._through, problem)
                self._said = (self._through, problem)

    def _give_up_store(self) -> None:
        if self._store is not None:
            with suppress(Exception):  # it failed already
                self._store.close()
            self._store = None
