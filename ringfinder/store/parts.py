"""Which parts of the event log a store lacks, how they are cut into batches, and intervals."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable, Sequence
from itertools import groupby
from typing import TypeAlias

from ringfinder.store.manifest import Segment
from ringfinder.store.protocol import Interval

Work: TypeAlias = tuple[list[Segment], list[Interval]]
"""Segments, and the parts of them that become a batch each."""


def pending_work(
    segments: Iterable[Segment],
    done: Sequence[Interval],
    begun: Sequence[Interval],
    batch_events: int | None,
) -> list[Work]:
    """Return which segments, and which parts of them, a store lacks, as its batches take them.

    Where one batch may hold several segments, neighbours are joined: what they say of one
    account and value is then written once. What the store has begun stays one batch.

    Parameters
    ----------
    segments
        Of the log, in order of sequence.
    done, begun
        What the store has taken in, and has taken in in part.
    batch_events
        Events of one batch, at most; None: whole segments, one each.
    """
    pending: list[Work] = []
    for interval, same in groupby(segments, key=lambda s: (s.first, s.last)):
        parts = _parts(interval, done, begun, batch_events)
        if not parts:
            continue
        before = pending[-1][1] if pending else []
        if _joins(before, parts, begun, batch_events):
            pending[-1] = (pending[-1][0] + list(same), [(before[0][0], parts[0][1])])
        else:
            pending.append((list(same), parts))
    return pending


def _joins(
    before: Sequence[Interval],
    parts: Sequence[Interval],
    begun: Sequence[Interval],
    batch_events: int | None,
) -> bool:
    """Tell whether parts of neighbouring segments become one batch."""
    if len(before) != 1 or len(parts) != 1 or batch_events is None:
        return False
    (first, end), (begin, last) = before[0], parts[0]
    if _within(begun, first, last):
        return True
    cut = any(one[0] == begin or one[1] == end for one in begun)
    return begin == end + 1 and not cut and last - first < batch_events


def _within(begun: Sequence[Interval], first: int, last: int) -> bool:
    return any(one[0] <= first and last <= one[1] for one in begun)


def _parts(
    interval: Interval,
    done: Sequence[Interval],
    begun: Sequence[Interval],
    batch_events: int | None,
) -> list[Interval]:
    """Return what a store lacks of an interval, in batches of its size.

    The cuts lie at multiples of the size from the interval's beginning, so that two loaders
    make the same batches wherever each of them began. What was begun is cut as it was.
    """
    parts = []
    for first, last in missing(interval, done):
        step = last - interval[0] + 1
        if batch_events is not None and not _within(begun, first, last):
            step = batch_events
        parts += [
            (max(first, begin), min(last, begin + step - 1))
            for begin in range(first - (first - interval[0]) % step, last + 1, step)
        ]
    return parts


def missing(interval: Interval, done: Sequence[Interval]) -> list[Interval]:
    """Return the parts of an interval that rising intervals leave uncovered."""
    first, last = interval
    left: list[Interval] = []
    for begin, end in done:
        if begin > first:
            left.append((first, min(begin - 1, last)))
        first = max(first, end + 1)
        if first > last:
            break
    left.append((first, last))
    return [(begin, end) for begin, end in left if begin <= end]


def merged(intervals: Iterable[Interval]) -> list[Interval]:
    """Return rising intervals that do not touch and cover the same numbers."""
    result: list[Interval] = []
    for first, last in sorted(intervals):
        if result and first <= result[-1][1] + 1:
            result[-1] = (result[-1][0], max(last, result[-1][1]))
        else:
            result.append((first, last))
    return result


def covering(done: Sequence[Interval], number: int) -> Interval | None:
    """Return which of rising intervals holds a number; None where none does."""
    at = bisect_right(done, number, key=lambda interval: interval[0]) - 1
    return done[at] if at >= 0 and number <= done[at][1] else None
