"""What was recorded after a number, in order, also where it has moved into the log since."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import islice, pairwise

from ringfinder.journal.entries import Recorded
from ringfinder.journal.moved import moved
from ringfinder.journal.reader import Reader
from ringfinder.store.parts import covering
from ringfinder.store.protocol import Interval
from ringfinder.store.segments import EventLog

PAGE = 1000


class Follower:
    """Follows the journal, page by page.

    Parameters
    ----------
    reader
        Of the journal.
    after
        Sequence number that is known already.
    log
        Where events move to; None: what has moved is left out.
    known
        Rising intervals of further numbers that are known already.
    """

    def __init__(
        self,
        reader: Reader,
        after: int,
        log: EventLog | None = None,
        known: Sequence[Interval] = (),
    ) -> None:
        self._reader = reader
        self._after = after
        self._log = log
        self._known = known
        self._drained: tuple[int, int] | None = None
        self._moving: tuple[Iterator[Recorded], int] | None = None

    def take(self) -> tuple[list[Recorded], bool]:
        """Return a page of what comes next, in order, and whether that was all there is.

        A page may be empty though more comes: all of it was known.
        """
        if page := self._page_of_moved():
            return page, False
        version = self._reader.version()  # before reading: what comes meanwhile shows next time
        if version == self._drained:
            return [], True
        if known := covering(self._known, self._after + 1):
            self._after = known[1]
        entries, through, last = self._reader.page(self._after, PAGE)
        entries, through = self._up_to_moved(entries, through)
        if entries:
            upto = entries[0].sequence - 1
        else:  # only damaged ones; or none, and all there were have left
            upto = through if through > self._after else max(last, self._after)
        if upto <= self._after and not entries:
            self._drained = version
            return [], True
        if self._log is not None and upto > self._after:
            # Whatever had left the journal when it was read is in the log by now.
            part = (self._after + 1, upto)
            rows = moved(self._log, part, self._reader.blocks(), self._known)
            self._moving = rows, upto
            if page := self._page_of_moved():
                return page, False
        self._after = max(through, upto)
        is_all = self._after >= last
        if is_all:
            self._drained = version
        return self._fresh(entries), is_all

    def _up_to_moved(self, entries: list[Recorded], through: int) -> tuple[list[Recorded], int]:
        """Return a page up to where others have left from between its entries.

        One that is damaged, or no event at all, is held for good, and those after it move.
        """
        bounds = [*(entry.sequence for entry in entries), through + 1]
        gaps = [(at, one) for at, (one, two) in enumerate(pairwise(bounds), 1) if two > one + 1]
        if gaps and self._log is not None:
            segments = self._log.segments()
            for at, before in gaps:
                gap = before + 1, bounds[at] - 1
                if any(s.first <= gap[1] and gap[0] <= s.last for s in segments):
                    return entries[:at], before
        return entries, through

    def _page_of_moved(self) -> list[Recorded]:
        """Return the next of what has moved; none once all of it was told."""
        if self._moving is None:
            return []
        # Taken up anew from what was told last, should the log fail to be read now.
        (rows, upto), self._moving = self._moving, None
        page = list(islice(rows, PAGE))
        if page:
            self._moving = rows, upto
        self._after = page[-1].sequence if page else upto
        return page

    def _fresh(self, entries: list[Recorded]) -> list[Recorded]:
        return [entry for entry in entries if covering(self._known, entry.sequence) is None]
