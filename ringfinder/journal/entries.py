"""What is handed to the journal, what it says, and what it gives back."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeAlias

from ringfinder.errors import StoreUnavailable
from ringfinder.store.events import EventType

DIGEST_BYTES = 32
"""Longest digest of a request's body."""


class JournalUnavailable(StoreUnavailable):
    """The journal did not confirm in time: the entry may or may not be recorded later.

    The same event_id sent again gets the stored answer if it was.
    """


@dataclass(frozen=True, slots=True)
class Entry:
    """One event on its way into the journal, with the answer that its sender will get.

    Attributes
    ----------
    event_type
        Its type; an event_id is unique within it.
    event_id
        The sender's name of the event: what makes a repetition recognisable.
    body_digest
        Digest of the request's body, 1 to `DIGEST_BYTES` bytes; keyed with a secret, because
        a body holds personal data and could be guessed. Equal id, other digest: a conflict.
    account_id
        Account (or attempt) that the event is about; `erase` goes by it.
    event
        The event as `encode_event` writes it: header and pseudonyms, no clear value.
    answer
        The answer's bytes, told again to whoever repeats the event. No personal data.
    attached
        Recorded only where the entry before it that is not attached is recorded now: what
        follows from an event must not follow from a repetition, or from a conflict.
    """

    event_type: EventType
    event_id: str
    body_digest: bytes
    account_id: str
    event: bytes
    answer: bytes = b""
    attached: bool = False


@dataclass(frozen=True, slots=True)
class Committed:
    """The entry is durable under this number."""

    sequence: int


@dataclass(frozen=True, slots=True)
class Repeated:
    """The same event was recorded before, under this number.

    Attributes
    ----------
    sequence
        Its number.
    answer
        What was answered then; None where the account was erased since.
    """

    sequence: int
    answer: bytes | None


@dataclass(frozen=True, slots=True)
class Conflict:
    """Another body was recorded under the same event_id: HTTP 422."""


Result: TypeAlias = Committed | Repeated | Conflict
"""What becomes of an entry that the journal could decide about in time."""


@dataclass(frozen=True, slots=True)
class Recorded:
    """One entry as the journal holds it.

    Attributes
    ----------
    sequence
        Rises with the order of recording; there may be gaps.
    event_type
        Type of the event.
    account_id
        None once the account is erased.
    committed_ms
        When it was recorded, milliseconds since 1970 UTC by the writer's clock.
    event
        None once it moved into the log's segments, or was erased.
    answer
        None once it was erased.
    """

    sequence: int
    event_type: EventType
    account_id: str | None
    committed_ms: int
    event: bytes | None
    answer: bytes | None


@dataclass(frozen=True, slots=True)
class Lag:
    """How far the store is behind the journal.

    Attributes
    ----------
    events
        Entries that the store lacks.
    seconds
        Age of the oldest of them; 0.0 where there is none.
    projected
        Newest sequence number in the store, 0 before the first.
    problem
        What stands in the way, in one sentence; None while nothing does.
    """

    events: int
    seconds: float
    projected: int
    problem: str | None = None
