"""What a hook reports is scored and recorded like a request with a key."""

from __future__ import annotations

import json
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, TypeVar

from pydantic import ValidationError

from ringfinder.journal import Entry, JournalUnavailable
from ringfinder.model import Decision
from ringfinder.serve import signups
from ringfinder.serve.keys import Key
from ringfinder.serve.outcomes import denial
from ringfinder.serve.rows import Login, Payment, Row, Signup, Usage
from ringfinder.serve.service import Service, now_ms
from ringfinder.store.events import EventType

PATIENCE_S = 2.0
"""Nobody waits for these as they wait for a sign-up."""

_OURS = frozenset({"created_at"})
"""Where the payload has no time it is when the hook was called: at a redelivery, another one."""
_Body = TypeVar("_Body", bound=Row)


@dataclass(frozen=True, slots=True)
class Told:
    """What a hook's sender may learn of a decision: no evidence, no ring."""

    event_id: str
    decision: Decision
    public_reason: str


def key_of(hook: str) -> Key:
    """Return what stands for a hook where limits and logs ask for a key."""
    name = f"hook:{hook}"
    return Key(name, b"", name, frozenset(), 0, lineage=name)


def fitted(model: type[_Body], fields: Mapping[str, Any]) -> _Body:
    """Return a row without the fields that no row can hold.

    Others write these fields, not our caller: one that is unusable tells nothing, and must
    not hold up somebody's registration.

    Raises
    ------
    ValidationError
        If what a row needs is missing or unusable.
    """
    try:
        return model.model_validate(dict(fields))
    except ValidationError as error:
        faulty = {fault["loc"][0] for fault in error.errors() if fault["loc"]}
        return model.model_validate({k: v for k, v in fields.items() if k not in faulty})


async def accept_signup(
    service: Service, hook: str, row: Signup, *, is_sent_again: bool = False
) -> Told:
    """Score and record a sign-up; one that was denied ends at once.

    Parameters
    ----------
    is_sent_again
        Whether the sender delivers again what was not recorded. One that does not needs its
        answer now: it is recorded when the journal is back.

    Raises
    ------
    JournalUnavailable
        If the sender delivers again, and it was not recorded in time.
    """
    began, key = time.perf_counter(), key_of(hook)
    await signups.check_attempt(service, row)
    with service.limits.turn(key):
        scored = signups.score(
            service, service.live.state, key, row, service.intake.digest(row, but=_OURS)
        )
        if scored.decision is Decision.DENY:
            scored.entries.append(denial(service, scored.entries[0]))
        try:
            body = await signups.record(service, scored, began)
        except JournalUnavailable:
            if is_sent_again:
                raise
            service.unrecorded.add(hook, scored.entries)
            body = scored.body
    answer = json.loads(body)
    return Told(row.event_id, Decision(answer["decision"]), answer["public_reason"])


async def record(service: Service, hook: str, row: Usage | Payment | Login) -> None:
    """Record a row; the same event_id again, with whatever body, has no second effect.

    Raises
    ------
    JournalUnavailable
        If it was not recorded in time: the sender sends it again.
    """
    table = {Usage: EventType.USAGE, Payment: EventType.PAYMENTS, Login: EventType.LOGINS}[
        type(row)
    ]
    with service.limits.turn(key_of(hook)):
        (event,) = await service.offload(service.intake.events, table, [row], now_ms())
        digest = service.intake.digest(row)
        entry = Entry(table, row.event_id, digest, row.account_id, event, b"{}")
        await service.journal.commit(entry, PATIENCE_S)
