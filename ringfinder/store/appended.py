"""What an append to the event log recorded."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from ringfinder.store.events import EventType
from ringfinder.store.manifest import Manifest, Segment


@dataclass(frozen=True, slots=True)
class Appended:
    """What an append recorded.

    Attributes
    ----------
    last_sequence
        Sequence number of the newest event in the log.
    recorded, duplicates
        Event type -> events recorded; events left out because their id was known.
    """

    last_sequence: int
    recorded: Mapping[EventType, int] = field(default_factory=dict)
    duplicates: Mapping[EventType, int] = field(default_factory=dict)


def appended(
    after: Manifest, fresh: Sequence[Segment], offered: Mapping[EventType, int]
) -> Appended:
    """Return what was recorded, from the manifest now in force and the segments added.

    Parameters
    ----------
    after, fresh
        The manifest, and which of its segments are new.
    offered
        Event type -> events that were to be recorded.
    """
    recorded = {kind: sum(s.rows for s in fresh if s.type == kind) for kind in offered}
    duplicates = {kind: offered[kind] - recorded[kind] for kind in offered}
    return Appended(after.last_sequence, recorded, duplicates)
